"""Secrets never reach a file: they are blanked byte for byte before anything is written, and each span is logged.

Two kinds of secrets are found. Those that are known (a token from the environment, what a reference hands out, what a
header or a PDU gave away before) are searched for in every form in which an echo may come back: plain, JSON-escaped,
percent-encoded, HTML-escaped, base64 at each of its three alignments, across chunk boundaries and across reads. Those
that are told by their place (``Cookie``, ``Authorization``, ``?access_token=``, a user identity) are blanked there.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int, str]  # start, end, kind
DERIVED = 4  # bytes; an encoded form of something shorter would be found everywhere
KNOWN_TEXTS = 4096  # texts of which a masker remembers that they hold no secret
_NUMBERS = frozenset({int, float, bool, type(None)})  # nothing to blank in them; most values are such
LINE_LIMIT = 65536  # bytes of an unfinished header line that are held back
SMALL, LOOKED_AT = 4096, 2048  # bytes of a read, and how many such reads, of which is remembered what their places tell

_DIGITS = "0123456789."

_HEADER_KINDS = {
    b"cookie": "cookie",
    b"set-cookie": "cookie",
    b"authorization": "authorization",
    b"proxy-authorization": "authorization",
    b"x-api-key": "api-key",
    b"x-auth-token": "api-key",
}
_HEADER_NAMES = b"|".join(_HEADER_KINDS)
_HEADER = re.compile(rb"(?im)^(%s)[ \t]*:[ \t]*([^\r\n]*)" % _HEADER_NAMES)
_GATES = (b"cookie", b"authorization", b"x-api-key", b"x-auth-token")
_COOKIE = re.compile(rb"(?:\A|;)[ \t]*[^=;]*=[ \t]*([^;]*)")
_COOKIE_FIRST = re.compile(rb"[^=;]*=[ \t]*([^;]*)")  # Set-Cookie: what follows are attributes
_QUERY_NAMES = (
    "access_token", "id_token", "refresh_token", "token", "api_key", "apikey", "api-key", "key", "auth", "authorization",
    "password", "passwd", "pwd", "secret", "client_secret", "code", "sig", "signature", "x-amz-signature",
    "x-amz-security-token", "x-amz-credential", "sessionid", "session", "jsessionid",
)  # fmt: skip
_QUERY = re.compile(rb"(?i)[?&;](?:%s)=([^&\s\"'<>#\\;]*)" % "|".join(map(re.escape, _QUERY_NAMES)).encode())
_QUERY_OPEN = re.compile(rb"(?i)[?&;]([a-z_-]*)(=[^&\s\"'<>#\\;]*)?\Z")
_USER = re.compile(rb"(?i)https?://[^\s/@:\"']*:([^\s/@\"']+)@")
_USER_OPEN = re.compile(rb"(?i)h(?:t(?:t(?:ps?(?::(?:/(?:/[^\s/@\"']{0,1024})?)?)?)?)?)?\Z")
# Bytes between two halves of a chunked body, or the beginning of such a boundary at the end of a read.
_BOUNDARY = re.compile(rb"\r\n[0-9A-Fa-f]{1,8}(?:;[^\r\n]{0,256})?\r\n|\r\n[0-9A-Fa-f]{0,8}\r?\Z|\r\Z")
_TELLING = re.compile(rb"(?=[^\s]*[0-9])(?=[^\s]*[A-Za-z])[A-Za-z0-9+/=_.~-]{16,}")


@dataclass(frozen=True)
class Secret:
    """Bytes that never reach a file, and what they are (``bearer-token`` …)."""

    value: bytes
    kind: str


class Masker:
    """Blanks secrets, byte for byte: the length stays, each span is logged as offset, length, kind."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._forms: dict[bytes, str] = {}
        self._longest_first: tuple[tuple[bytes, str], ...] = ()
        self._inside: frozenset[int] = frozenset()  # bytes that a beginning of a secret may end with
        self._numeric = False  # whether a secret may stand in a number or a UID
        self._harmless: set[str] = set()
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: Secret) -> None:
        """Blank this one from now on, too."""
        fresh = {form: secret.kind for form in _forms(secret.value) if form and form not in self._forms}
        if fresh:
            self._forms |= fresh
            self._harmless.clear()
            self._longest_first = tuple(sorted(self._forms.items(), key=lambda pair: -len(pair[0])))
            self._inside = frozenset().union(*(form[:-1] for form in self._forms))
            self._numeric = any(not form.strip(_DIGITS.encode()) for form in self._forms)

    def data(self, data: bytes) -> tuple[bytes, list[list[Any]]]:
        """``data`` with every secret blanked, and the spans."""
        return blanked(data, self.spans(data))

    def text(self, text: str) -> str:
        """``text`` with every secret blanked."""
        if text in self._harmless or not (self._numeric or text.strip(_DIGITS)):
            return text
        masked = self.data(text.encode("utf-8", "surrogateescape"))[0].decode("utf-8", "surrogateescape")
        if masked == text and len(text) <= 256:
            if len(self._harmless) >= KNOWN_TEXTS:
                self._harmless.clear()
            self._harmless.add(text)
        return masked

    def value(self, value: Any) -> Any:
        """A JSON value with every secret in its strings blanked."""
        kind = type(value)
        if kind in _NUMBERS:
            return value
        if kind is str or isinstance(value, str):
            return value if value in self._harmless else self.text(value)
        if kind is dict or isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def spans(self, data: bytes) -> list[Span]:
        """Where secrets stand in ``data``; what a header gives away is learned."""
        found = [*self._by_place(data)]
        found += self._known(data)
        if self._forms and (boundaries := [(m.start(), m.end()) for m in _BOUNDARY.finditer(data)]):
            found += _stretched(self._known(_without(data, boundaries)), boundaries)
        return found

    def hold(self, data: bytes) -> int:
        """From which offset on ``data`` may be the beginning of a secret that the next read goes on with."""
        start = min(self._unfinished(data), _unfinished_line(data), _unfinished_query(data))
        if self._forms and (boundaries := [(m.start(), m.end()) for m in _BOUNDARY.finditer(data)]):
            bare = _without(data, boundaries)
            cut = self._unfinished(bare)
            if cut < len(bare):
                start = min(start, _outer(cut, boundaries))
        return start

    def is_plain(self, data: bytes) -> bool:
        """Whether there is nothing to blank and nothing to hold back: ``spans`` is empty, and ``hold`` is the end."""
        texts = _look(data) if len(data) <= SMALL else _look.__wrapped__(data)
        for text in texts if self._forms else texts[:1]:
            for form in self._forms:
                if form in text:
                    return False
            if text and text[-1] in self._inside and self._unfinished(text) < len(text):
                return False
        return bool(texts)

    def _known(self, data: bytes) -> list[Span]:
        found = []
        for form, kind in self._longest_first:
            start = data.find(form)
            while start >= 0:
                found.append((start, start + len(form), kind))
                start = data.find(form, start + 1)  # occurrences may overlap
        return found

    def _unfinished(self, data: bytes) -> int:
        """Where the longest end of ``data`` begins that is the beginning of a secret."""
        earliest = len(data)
        for form, _ in self._longest_first:
            start = data.find(form[:1], max(0, len(data) - len(form) + 1), earliest)
            while start >= 0 and not form.startswith(data[start:]):
                start = data.find(form[:1], start + 1, earliest)
            earliest = start if start >= 0 else earliest
        return earliest

    def _by_place(self, data: bytes) -> Iterator[Span]:
        low = data.lower()
        if any(gate in low for gate in _GATES):
            for line in _HEADER.finditer(data):
                yield from self._header(line)
        if b"=" in data:
            yield from ((*m.span(1), "query") for m in _QUERY.finditer(data) if m[1])
        if b"@" in data:
            yield from ((*m.span(1), "password") for m in _USER.finditer(data))

    def _header(self, line: re.Match[bytes]) -> Iterator[Span]:
        name, kind, value = line[1].lower(), _HEADER_KINDS[line[1].lower()], line[2]
        if kind == "cookie":
            first = _COOKIE_FIRST.match(value)
            matches = ([first] if first else []) if name == b"set-cookie" else [*_COOKIE.finditer(value)]
            inside = [match.span(1) for match in matches]
        elif kind == "authorization":
            scheme, blank, _ = value.partition(b" ")
            inside = [(len(scheme) + 1, len(value)) if blank else (0, len(value))]
        else:
            inside = [(0, len(value))]
        for start, end in inside:
            if start < end:
                if _TELLING.fullmatch(value[start:end]):  # "en" or "1" would be found everywhere
                    self.learn(Secret(value[start:end], kind))
                yield line.start(2) + start, line.start(2) + end, kind


class Flow:
    """The bytes of one direction of one connection: what may be half of a secret waits for the other half.

    Bytes come out in their order, each piece with the tag it was fed with, so that it keeps the time of its read.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held: list[tuple[bytes, Any]] = []
        self._marked: list[Span] = []  # ends of what began in bytes that are written already

    def feed(self, data: bytes, tag: Any) -> Iterable[tuple[bytes, list[list[Any]], Any]]:
        """Take what was read; gives what can be written: bytes, spans, tag."""
        if not (self._held or self._marked) and self._masker.is_plain(data):  # as nearly all that is read
            return ((data, [], tag),)
        self._held.append((data, tag))
        return self._release(final=False)

    def flush(self) -> Iterator[tuple[bytes, list[list[Any]], Any]]:
        """What waits still: nothing more comes."""
        yield from self._release(final=True)

    def _release(self, *, final: bool) -> Iterator[tuple[bytes, list[list[Any]], Any]]:
        held, self._held = self._held, []
        whole = held[0][0] if len(held) == 1 else b"".join(data for data, _ in held)
        spans = self._marked + self._masker.spans(whole)
        stop = len(whole) if final else self._masker.hold(whole)
        self._marked = [(0, end - stop, kind) for start, end, kind in spans if start < stop < end]
        begin = 0
        for data, tag in held:
            end = begin + len(data)
            if end > stop:
                self._held.append((whole[max(begin, stop) : end], tag))
            if begin < min(end, stop):
                cut = min(end, stop)
                inside = [
                    (max(a, begin) - begin, min(b, cut) - begin, kind) for a, b, kind in spans if a < cut and b > begin
                ]
                yield *blanked(whole[begin:cut], inside), tag
            begin = end


def blanked(data: bytes, spans: Iterable[Span]) -> tuple[bytes, list[list[Any]]]:
    """``data`` with these spans blanked; touching and overlapping ones are logged as one."""
    merged: list[list[Any]] = []
    for start, end, kind in sorted(spans):
        if merged and start <= merged[-1][0] + merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end - merged[-1][0])
        else:
            merged.append([start, end - start, kind])
    if not merged:
        return data, merged
    mutable = bytearray(data)
    for start, size, _ in merged:
        mutable[start : start + size] = b"*" * size
    return bytes(mutable), merged


def identity_spans(data: bytes) -> list[Span]:
    """User name and passcode of a user identity (PS3.7 D.3.3.7, sub-items 58H and 59H) in an A-ASSOCIATE-RQ or -AC."""
    if len(data) < 74 or data[0] not in {1, 2}:
        return []
    found: list[Span] = []
    for kind, start, end in _items(data, 74, len(data)):
        if kind != 0x50:
            continue
        for sub, first, last in _items(data, start, end):
            if sub == 0x58:  # type, response requested, length, primary field, length, secondary field
                size = int.from_bytes(data[first + 2 : first + 4], "big")
                found.append((first + 4, min(first + 4 + size, last), "user-identity"))
                found.append((min(first + 6 + size, last), last, "passcode"))
            elif sub == 0x59:
                found.append((first + 2, last, "user-identity"))
    return [(start, end, kind) for start, end, kind in found if start < end]


def secrets_of(section: Any) -> Iterator[Secret]:
    """The secrets in a section of a SUT file whose names were resolved (``token``, ``basic``), at any depth."""
    if not isinstance(section, Mapping):
        return
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from secrets_of(value)
        elif key == "token" and isinstance(value, str):
            yield Secret(value.encode(), "bearer-token")
        elif key == "basic" and isinstance(value, str):
            yield from basic_secrets(value)


def basic_secrets(pair: str) -> Iterator[Secret]:
    """What ``user:password`` gives away: itself, as it stands in a header, and the password."""
    value = pair.encode()
    yield Secret(value, "basic-credentials")
    yield Secret(base64.b64encode(value), "basic-credentials")
    password = value.partition(b":")[2]
    if len(password) >= DERIVED:  # blanking a shorter one would blank half of the recording
        yield Secret(password, "password")


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of each item's value (PS3.8 9.3.2); a length that says too much is cut."""
    while start + 4 <= end:
        stop = min(start + 4 + int.from_bytes(data[start + 2 : start + 4], "big"), end)
        yield data[start], start + 4, stop
        start = stop


def _forms(value: bytes) -> Iterator[bytes]:
    """Every way in which these bytes may stand in a message."""
    yield value
    text = value.decode("latin-1")
    yield json.dumps(text)[1:-1].encode()
    yield json.dumps(text)[1:-1].replace("/", "\\/").encode()
    if len(value) < DERIVED:
        return
    import html  # noqa: PLC0415 - start-up
    from urllib.parse import quote, quote_plus  # noqa: PLC0415 - start-up

    yield html.escape(text).encode("latin-1")
    yield html.escape(text, quote=False).encode("latin-1")
    every = "".join(f"%{byte:02X}" for byte in value)
    for escaped in (quote(value, safe=""), quote(value, safe="/"), quote(value, safe=":"), quote_plus(value), every):
        yield escaped.encode()
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), escaped).encode()
    for before in range(3):  # only the characters that these bytes decide alone
        encoded = base64.b64encode(bytes(before) + value)
        first, last = -(-8 * before // 6), 8 * (before + len(value)) // 6
        yield encoded[first:last]
        yield encoded[first:last].replace(b"+", b"-").replace(b"/", b"_")


def _without(data: bytes, gaps: list[tuple[int, int]]) -> bytes:
    parts, at = [], 0
    for start, end in gaps:
        parts.append(data[at:start])
        at = end
    return b"".join([*parts, data[at:]])


def _outer(offset: int, gaps: list[tuple[int, int]]) -> int:
    """An offset without gaps as one with them."""
    for start, end in gaps:
        if start > offset:
            break
        offset += end - start
    return offset


def _stretched(spans: list[Span], gaps: list[tuple[int, int]]) -> Iterator[Span]:
    """Spans that were found without the gaps, cut at each."""
    for start, end, kind in spans:
        for one in range(start, end):
            yield _outer(one, gaps), _outer(one, gaps) + 1, kind


@functools.lru_cache(LOOKED_AT)
def _look(data: bytes) -> tuple[bytes, ...]:
    """What follows from bytes alone: the texts in which known secrets are searched for.

    These are the bytes themselves and, where there are boundaries of chunks, the same without them; none at all where a
    secret is told by its place, or begins at the end.
    """
    low = data.lower()
    if any(gate in low for gate in _GATES) and _HEADER.search(data):
        return ()
    if (b"=" in data and any(m[1] for m in _QUERY.finditer(data))) or (b"@" in data and _USER.search(data)):
        return ()
    if min(_unfinished_line(data), _unfinished_query(data)) < len(data):
        return ()
    boundaries = [(m.start(), m.end()) for m in _BOUNDARY.finditer(data)]
    return (data, _without(data, boundaries)) if boundaries else (data,)


def _unfinished_line(data: bytes) -> int:
    """Where an unfinished header line begins that may hold a secret."""
    start = data.rfind(b"\n") + 1
    line = data[start : start + 32].lower()
    if not line or len(data) - start > LINE_LIMIT:
        return len(data)
    name = line.partition(b":")[0].rstrip()
    telling = name in _HEADER_KINDS if b":" in line else any(each.startswith(name) for each in _HEADER_KINDS)
    return start if telling else len(data)


def _unfinished_query(data: bytes) -> int:
    """Where an unfinished URL begins, or a parameter of one, that may hold a secret."""
    user = _USER_OPEN.search(data, max(0, len(data) - 1024))
    end = user.start() if user else len(data)
    found = _QUERY_OPEN.search(data, max(0, len(data) - LINE_LIMIT))
    if found is None:
        return end
    name = found[1].decode("ascii").lower()
    telling = name in _QUERY_NAMES if found[2] is not None else any(each.startswith(name) for each in _QUERY_NAMES)
    return min(found.start(), end) if telling else end
