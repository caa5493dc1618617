"""A web finding as a shell script on curl: the recorded requests up to the deviating exchange, as they were sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from stgcmt.clock import NS
from stgcmt.views.http import Exchange, Request, http
from stgcmt_reports.reproduce import Case, one_line

PENDING = 202
PAUSE_S = 0.05  # shorter gaps are the harness's own pace, not a wait
_RESOURCES = frozenset({"studies", "series", "instances", "commitment-requests"})  # where a base URL ends
_CURLS_OWN = frozenset({"host", "content-length"})
# What curl would add on its own; an empty header takes it out again.
_ADDED = ("Accept", "User-Agent", "Content-Type", "Expect")

_HEAD = """\
#!/bin/sh
# {id}: {title}
# {clause}, {level}, {role}
# expected: {expected}
# seen:     {seen}
#
# Replays the recorded requests with fresh Transaction UIDs. Needs curl.
#   sh {name} [BASE_URL{second}]
{mode}# A bearer token is taken from STGCMT_TOKEN, the file of a CA of your own from STGCMT_CA.
set -u
BASE=${{1:-{base}}}
BASE=${{BASE%/}}
{bases}HERE=$(cd "$(dirname "$0")" && pwd)
OUT=$(mktemp -d)
{uids}
say() {{ printf '\\n== %s\\n' "$*"; }}
show() {{ head -c 4000 "$OUT/$1" | cat -v; echo; }}
# send NUMBER ARGUMENTS: one request; the whole response is kept in $OUT/NUMBER, its beginning is shown.
send() {{
  number=$1; shift
  : > "$OUT/$number"
  curl -sS -i --http1.1 --path-as-is --max-time 60 ${{STGCMT_CA:+--cacert "$STGCMT_CA"}} -o "$OUT/$number" "$@"
  show "$number"
}}
# raw NUMBER FILE: bytes that curl would not send as HTTP, as they were recorded (with their Host and path).
raw() {{
  authority=${{BASE#*://}}; authority=${{authority%%/*}}
  curl -sS --max-time 10 "telnet://$authority" < "$2" > "$OUT/$1"
  show "$1"
}}
status() {{ sed -n '1s/^[^ ]* \\([0-9]*\\).*/\\1/p' "$OUT/$1"; }}
"""


def files(case: Case) -> dict[str, bytes]:
    """The script, and the bodies that it sends, by their names."""
    return _Script(case).files()


def curl_line(case: Case) -> str:
    """The deviating request alone, as one line to paste; empty where it has a body or needs more than curl."""
    kept = _kept(case)
    if not kept or kept[-1].request is None or kept[-1].request.body or _must_be_raw(kept[-1].request):
        return ""
    request = kept[-1].request
    scheme = _scheme(case, kept[-1])
    url = request.target if "://" in request.target else f"{scheme}://{request.header('host') or ''}{request.target}"
    headers = [f"-H {_single(f'{name}: {value}')}" for name, value in request.headers if name.lower() not in _CURLS_OWN]
    plain = [each for each in headers if "***" not in each]
    return " ".join(["curl -i", *_method(request), *plain, _single(url)])


def _kept(case: Case) -> list[Exchange]:
    """The exchanges to replay: all up to the last that the finding cites."""
    exchanges = [each for each in http(case.transcript).exchanges if each.request is not None]
    cited = [place for place, each in enumerate(exchanges) if case.cited & set(each.events)]
    if not cited and case.cited:
        last = max(event.t for event in case.transcript.events if event.n in case.cited)
        return [each for each in exchanges if each.t <= last]
    return exchanges[: cited[-1] + 1] if cited else exchanges


class _Script:
    """One script under construction."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.kept = _kept(case)
        self.bodies: dict[str, bytes] = {}
        sent = b"".join(_sent(case, each.request) for each in self.kept if each.request)
        self.uids = [uid for uid in case.transactions if uid.encode() in sent]
        self.base, self.others = self._bases()

    def files(self) -> dict[str, bytes]:
        """The script and its bodies."""
        lines = [self._head()]
        last_end: int | None = None
        for group in _with_polls(_groups(self.kept), self.case.cited):
            end = max(_end(each) for _, each in group)
            if last_end is not None and (group[0][1].t - last_end) / NS > PAUSE_S:
                lines.append(f"sleep {(group[0][1].t - last_end) / NS:.2f}")
            lines += self._group(group)
            last_end = end
        lines += ["", 'echo; echo "responses are kept in $OUT"', ""]
        return {self.case.name: "\n".join(lines).encode("utf-8", "surrogateescape"), **self.bodies}

    def _head(self) -> str:
        row = self.case.row
        return _HEAD.format(
            id=row["id"],
            title=one_line(row["title"]),
            clause=one_line(row["clause"]),
            level=row["level"].upper(),
            role=row["role"],
            expected=one_line(row["expected"] or row["statement"]),
            seen=one_line("; ".join(row["seen"]) or row["message"]),
            name=self.case.name,
            mode=f"# The SUT was in its mode {one_line(self.case.mode)!r}; BASE_URL must be too.\n"
            if self.case.mode
            else "",
            base=self.base,
            second="".join(f" BASE_URL_{place}" for place in range(2, len(self.others) + 2)),
            bases="".join(
                f"BASE_{place}=${{{place}:-{url}}}\nBASE_{place}=${{BASE_{place}%/}}\n"
                for place, url in enumerate(self.others, 2)
            ),
            uids="".join(
                f"TX{place}=2.25.$(date +%s%N | tr -dc 0-9){place}{'0' * max(0, len(uid) - 24 - len(str(place)))}\n"
                for place, uid in enumerate(self.uids, 1)
            ),
        )

    def _bases(self) -> tuple[str, list[str]]:
        """The base URL of the finding's own requests, and those of others (seeding elsewhere)."""
        origins = list(dict.fromkeys(self._origin(each) for each in reversed(self.kept)))
        main = origins[0] if origins else ""
        stated = str(self.case.section.get("base_url", "")).rstrip("/")
        target = self.kept[-1].request.target if self.kept and self.kept[-1].request else ""
        if stated and stated.startswith(main) and target.startswith(urlsplit(stated).path):
            return stated, origins[1:]
        return main + self._prefix(main), origins[1:]

    def _prefix(self, origin: str) -> str:
        """What all targets on ``origin`` have before their DICOMweb resource; empty where they differ."""
        found = set()
        for request in (each.request for each in self.kept if self._origin(each) == origin):
            segments = request.segments if request else ()
            place = next((n for n, segment in enumerate(segments) if segment in _RESOURCES), None)
            if place is not None:
                found.add("".join(f"/{segment}" for segment in segments[:place]))
        return found.pop() if len(found) == 1 else ""

    def _origin(self, exchange: Exchange) -> str:
        request = exchange.request
        host = (request.header("host") if request else None) or self._peer(exchange)
        return f"{_scheme(self.case, exchange)}://{host}"

    def _peer(self, exchange: Exchange) -> str:
        opened = (each for each in self.case.transcript.of("conn.open") if each.conn == exchange.conn)
        peer = next((each.info.get("peer") for each in opened), None)
        return ":".join(str(part) for part in peer) if isinstance(peer, (list, tuple)) else str(peer or "")

    def _group(self, group: Sequence[tuple[int, Exchange]]) -> Iterator[str]:
        """One request; several that were under way at once; or polls until the pending state was over."""
        number, exchange = group[-1]
        if len(group) > 1 and _polls(group[-2][1], exchange):
            pause = max(0.1, (exchange.t - _end(group[-2][1])) / NS)
            yield self._title(
                number, exchange, f"poll until it is no longer {PENDING} (recorded: {len(group)} requests)"
            )
            yield "tries=0"
            yield f"while [ $tries -lt {4 * len(group)} ]; do"
            yield f"  {self._send(number, exchange)}"
            yield f'  tries=$((tries + 1)); [ "$(status {number})" = {PENDING} ] || break; sleep {pause:.2f}'
            yield "done"
            return
        together = len(group) > 1
        for place, each in group:
            yield self._title(place, each, "at the same time" if together else "")
            yield self._send(place, each) + (" &" if together else "")
        if together:
            yield "wait"

    def _title(self, number: int, exchange: Exchange, note: str) -> str:
        mark = "  <== the finding" if self.case.cited & set(exchange.events) else ""
        step = f"[{exchange.step}] " if exchange.step else ""
        summary = self._words(one_line(f"{number} {step}recorded: {exchange.summary}"))
        return f"\nsay {summary}{_double(f'; {note}') if note else ''}{_double(mark) if mark else ''}"

    def _send(self, number: int, exchange: Exchange) -> str:
        request = exchange.request
        assert request is not None, "kept exchanges have a request"  # noqa: S101 - for the type checker
        if _must_be_raw(request):
            return f"raw {number} {self._body(number, _sent(self.case, request), 'raw', stream=False)}"
        words = [f"send {number}", *_method(request)]
        names = {name.lower() for name, _ in request.headers}
        words += [
            f"-H {self._header(name, value)}" for name, value in request.headers if name.lower() not in _CURLS_OWN
        ]
        words += [f"-H '{name}:'" for name in _ADDED if name.lower() not in names]
        words.append(self._words(self._url(exchange), variables=True))
        if not request.body:
            return " ".join(words)
        suffix = "json" if request.media_type and request.media_type.essence.endswith("json") else "bin"
        return " ".join([*words, "--data-binary", self._body(number, request.body, suffix, stream=True)])

    def _body(self, number: int, data: bytes, suffix: str, *, stream: bool) -> str:
        """Keep ``data`` in a file; its name as a word, or that of a copy with the fresh UIDs."""
        name = f"{self.case.files}/{number:02d}.{suffix}"
        self.bodies[name] = data
        mark = "@" if stream else ""
        named = [(place, uid) for place, uid in enumerate(self.uids, 1) if uid.encode() in data]
        if not named:
            return f'{mark}"$HERE/{name}"'
        edits = "; ".join(f"s/{uid}/$TX{place}/g" for place, uid in named)
        return f'{mark}"$(LC_ALL=C sed "{edits}" "$HERE/{name}" > "$OUT/{number}.sent"; echo "$OUT/{number}.sent")"'

    def _header(self, name: str, value: str) -> str:
        if "***" not in value:
            return self._words(f"{name}: {value}")
        if name.lower() == "authorization":
            scheme = value.partition(" ")[0]
            return f'"{name}: {scheme if scheme and "*" not in scheme else "Bearer"} ${{STGCMT_TOKEN:-}}"'
        variable = "STGCMT_" + "".join(char if char.isalnum() else "_" for char in name).upper()
        return f'"{name}: ${{{variable}:-}}"'

    def _url(self, exchange: Exchange) -> str:
        request = exchange.request
        target = request.target if request else "/"
        origin = self._origin(exchange)
        if self.base.startswith(origin):
            prefix = self.base[len(origin) :]
            if target.startswith(prefix):
                return "\0BASE\0" + target[len(prefix) :]
        if origin in self.others:
            return f"\0BASE_{self.others.index(origin) + 2}\0{target}"
        return origin + target

    def _words(self, text: str, *, variables: bool = False) -> str:
        """A double-quoted word in which the recorded Transaction UIDs are the fresh ones."""
        word = _double(text)
        for place, uid in enumerate(self.uids, 1):
            word = word.replace(uid, f"${{TX{place}}}")
        if variables:
            head, _, rest = word.partition("\0")
            name, found, rest = rest.partition("\0")
            word = f"{head}${{{name}}}{rest}" if found else word
        return word


def _groups(exchanges: Sequence[Exchange]) -> list[list[tuple[int, Exchange]]]:
    """Exchanges that overlapped in time together, all numbered from 1."""
    groups: list[list[tuple[int, Exchange]]] = []
    for number, exchange in enumerate(exchanges, 1):
        if groups and exchange.t < max(_end(each) for _, each in groups[-1]):
            groups[-1].append((number, exchange))
        else:
            groups.append([(number, exchange)])
    return groups


def _with_polls(
    groups: Sequence[list[tuple[int, Exchange]]], cited: frozenset[int]
) -> list[list[tuple[int, Exchange]]]:
    """The groups, with polls of one target until it was no longer pending in one group."""
    merged: list[list[tuple[int, Exchange]]] = []
    run: list[list[tuple[int, Exchange]]] = []
    for group in [*groups, []]:
        if run and not (len(group) == len(run[-1]) == 1 and _polls(run[-1][0][1], group[0][1])):
            flat = [pair for each in run for pair in each]
            whole = len(run) > 1 and flat[-1][1].status != PENDING
            whole = whole and not any(cited & set(each.events) for _, each in flat[:-1])
            merged += [flat] if whole else run
            run = []
        run.append(group)
    return merged


def _polls(before: Exchange, after: Exchange) -> bool:
    """Whether ``after`` asks again what ``before`` was told is pending."""
    one, two = before.request, after.request
    if one is None or two is None or one.method != "GET" or before.status != PENDING:
        return False
    return (one.method, one.target, one.headers) == (two.method, two.target, two.headers)


def _end(exchange: Exchange) -> int:
    if exchange.response is not None:
        return exchange.response.t_last
    return exchange.request.t_last if exchange.request else exchange.t


def _must_be_raw(request: Request) -> bool:
    """Whether curl would change what was sent."""
    return (
        bool(request.defects)
        or not request.complete
        or request.message.version != "HTTP/1.1"
        or not request.header("host")
    )


def _sent(case: Case, request: Request) -> bytes:
    events = (case.transcript.event(n) for n in request.events)
    return b"".join(event.data for event in events if event.kind == "http.out")


def _scheme(case: Case, exchange: Exchange) -> str:
    return "https" if any(each.conn == exchange.conn for each in case.transcript.of("conn.tls")) else "http"


def _method(request: Request) -> list[str]:
    return (
        ["-I"]
        if request.method == "HEAD"
        else []
        if request.method == "GET" and not request.body
        else [f"-X {request.method}"]
    )


def _double(text: str) -> str:
    for char in '\\"$`':
        text = text.replace(char, f"\\{char}")
    return f'"{text}"'


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
