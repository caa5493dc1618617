"""Two at a table: the SUT file that flags stand for, what the partner has to configure, and which step each scenario has reached.

Nothing here draws or listens: these are functions of flags, of a SUT, and of the events that recorders write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stgcmt.errors import UsageError
from stgcmt.init import render

AE_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")  # 1 to 16 printable characters, no backslash
LATE_SHARE = 0.5  # of max_report_delay, where the vendor does not say how long a report usually takes
_FIELD = re.compile(rb"\x00\x00\x00\x01\x02\x00\x00\x00(..)", re.DOTALL)
_STATUS = re.compile(rb"\x00\x00\x00\x09\x02\x00\x00\x00(..)", re.DOTALL)
_HTTP_REQUEST = re.compile(rb"([A-Z]{3,7}) (\S+) HTTP/1\.")
_HTTP_ANSWER = re.compile(rb"HTTP/1\.\d (\d{3})")
LATER = "chosen at the start"
P_DATA, COMMAND = 4, 1
PDUS = {1: "associating", 2: "associated", 3: "association rejected", 7: "aborted"}
# (Command Field, we sent it) -> the step that is reached by it.
OURS = {
    (0x0001, True): "storing", (0x8001, False): "stored", (0x0130, True): "requested", (0x0100, False): "report came",
    (0x0010, True): "reading back", (0x0021, True): "reading back",
    (0x0001, False): "the partner stores", (0x0130, False): "the partner requested", (0x8130, True): "answered",
    (0x0100, True): "reported", (0x8100, False): "report answered",
}  # fmt: skip
REPORT_CAME = "report came"


def sut_text(*, peer: str | None, base_url: str | None, ae_title: str, ports: Sequence[int], address: str) -> str:
    """The SUT file of a partner that only flags describe.

    Args:
        peer: ``AE@HOST:PORT`` of a Storage Commitment SCP.
        base_url: that of an origin server; exactly one of the two is given.
        ae_title: ours; with more than one port it ends in 1, 2 ….
        ports: where reports arrive: a destination each.
        address: the address that we listen on.

    Raises:
        UsageError: neither or both are given, or one cannot be read.
    """
    if (peer is None) == (base_url is None):
        raise UsageError(
            "reading the partner", "a SUT file, or --peer AE@HOST:PORT, or --base-url URL",
            "none of them" if peer is None else "both flags", "name one",
        )  # fmt: skip
    text = render(str(peer or base_url)).replace('name = "My product" ', f"name = {json.dumps(peer or base_url)} ")
    if base_url is not None:
        return text
    names = [ae_title] if len(ports) == 1 else [f"{ae_title}{n}" for n in range(1, len(ports) + 1)]
    for name in names:
        if not AE_TITLE.fullmatch(name):
            raise UsageError("reading --ae", "1 to 16 printable ASCII characters", name, "choose another AE title")
    ours = "\n\n".join(
        f"[[scp.destinations]]\nae_title = {json.dumps(name)}\nhost = {json.dumps(address)}\nport = {port}"
        for name, port in zip(names, ports, strict=True)
    )
    start = text.index("[[scp.destinations]]")
    return text[:start] + ours + "\n\n" + text[text.index("[seeding]") :]


@dataclass(frozen=True)
class Line:
    """One thing that the partner configures: what it is called, and its value."""

    what: str
    value: str


def partner_enters(destinations: Iterable[Any], address: str, web: Iterable[Any] = ()) -> tuple[Line, ...]:
    """What has to stand in the partner's configuration so that it reaches us.

    Args:
        destinations: ours, each with AE title, host and port; port 0 is one that nobody has opened yet.
        address: ours, as the partner sees it; stands in for ``0.0.0.0`` and ``::``.
        web: where we answer clients over HTTP (``WebPlace``).
    """
    found = [
        Line(f"AE title {each.ae_title}", f"host {_seen(each.host, address)}, port {each.port or LATER}")
        for each in destinations
    ]
    found += [Line(f"base URL for the {each.role.replace('_', ' ')}", _url(each, address)) for each in web]
    return tuple(found) or (Line("nothing", "the partner only answers us"),)


def _url(place: Any, address: str) -> str:
    host = _seen(place.host, address)
    scheme = "http" if place.tls is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{place.port or f'({LATER})'}{place.path}"


def partner_is(sut: Any) -> str:
    """The partner in a line: its name, and where we ask it."""
    where = []
    for role in sut.roles:
        section = sut.section(role)
        if "base_url" in section:
            where.append(str(section["base_url"]))
        elif "ae_title" in section:
            where.append(f"{section['ae_title']}@{section['host']}:{section['port']}")
    return ", ".join(dict.fromkeys((str(sut.name), *where)))


def _seen(host: str, address: str) -> str:
    return address if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not listened on


def reached(kind: str, data: bytes, info: Mapping[str, Any]) -> str:
    """The step that an event of a transcript reaches; empty where it reaches none."""
    if kind == "conn.refused":
        return f"not reachable: {info.get('error', 'refused')}"
    if kind in {"dimse.out", "dimse.in"} and data:
        return PDUS.get(data[0], "") if data[0] != P_DATA else _message(data, ours=kind == "dimse.out")
    if kind in {"http.out", "http.in"}:
        if (request := _HTTP_REQUEST.match(data)) is not None:
            return _asked(request[1], request[2], ours=kind == "http.out")
        if (answer := _HTTP_ANSWER.match(data)) is not None and kind == "http.in":
            return "pending (202)" if answer[1] == b"202" else f"answered {answer[1].decode()}"
    return ""


def _message(data: bytes, *, ours: bool) -> str:
    """Of a P-DATA-TF that begins a command set, what the message is."""
    found = _FIELD.search(data)
    if len(data) < 12 or not data[11] & COMMAND or found is None:
        return ""
    field_ = int.from_bytes(found[1], "little")
    if (field_, ours) == (0x8130, False):
        status = _STATUS.search(data)
        code = int.from_bytes(status[1], "little") if status else -1
        return "accepted" if code == 0 else f"refused {code:04X}H" if code > 0 else "answered"
    return OURS.get((field_, ours), "")


def _asked(method: bytes, target: bytes, *, ours: bool) -> str:
    if b"commitment-requests" not in target:
        return "storing" if method == b"POST" and ours else ""
    if method == b"POST":
        return "requested" if ours else "the partner requested"
    return "asked for the result" if ours else "the partner asks for the result"


@dataclass
class Step:
    """How far one scenario is. Times are monotonic seconds."""

    began: float
    word: str = "starting"
    waits_for: str = ""
    since: float = 0.0
    until: float = 0.0
    reports: int = 0

    def state(self, now: float, late_after: float) -> tuple[str, str]:
        """The step in a word, and more of it: ``waiting for the report``, ``12 s left``; ``late``, where it takes long."""
        if self.waits_for == "max_report_delay" and now < self.until:
            waited = now - self.since
            word = "late" if waited > late_after else "waiting for the report"
            return word, f"for {waited:.0f} s, {self.until - now:.0f} s left"
        if self.waits_for and now < self.until:
            return self.word, f"{self.waits_for.replace('_', ' ')}, {self.until - now:.0f} s left"
        return self.word, f"{now - self.began:.0f} s"


@dataclass
class Steps:
    """Every scenario that has begun, and those that have ended."""

    late_after: Mapping[str, float] = field(default_factory=dict)
    under: dict[tuple[str, str], Step] = field(default_factory=dict)
    ended: list[tuple[str, str, str]] = field(default_factory=list)

    def started(self, role: str, scenario: str, now: float) -> None:
        """A scenario has begun."""
        self.under[role, scenario] = Step(now)

    def waiting(self, role: str, scenario: str, why: str, seconds: float, now: float) -> None:
        """It waits."""
        step = self.under.setdefault((role, scenario), Step(now))
        step.waits_for, step.since, step.until = why, now, now + seconds

    def happened(self, role: str, scenario: str, kind: str, data: bytes, info: Mapping[str, Any]) -> str:
        """An event was recorded; returns the step that it reached, or nothing."""
        step = self.under.get((role, scenario))
        if step is None:
            return ""
        if kind == "wait.end":
            step.waits_for = ""
        word = reached(kind, data, info)
        if word:
            step.word = word
        step.reports += word == REPORT_CAME
        return word

    def over(self, role: str, scenario: str, state: str) -> None:
        """A scenario has ended."""
        step = self.under.pop((role, scenario), None)
        last = step.word if step and step.word != "starting" else ""
        self.ended.append((role, scenario, "done" if state == "complete" else state) if not last else
                          (role, scenario, f"{'done' if state == 'complete' else state}; last: {last}"))  # fmt: skip

    def table(self, now: float) -> list[tuple[str, str, str]]:
        """Scenario, step and detail of those under way, the longest wait first."""
        rows = sorted(self.under.items(), key=lambda pair: (-pair[1].until, pair[0]))
        return [(scenario, *step.state(now, self.late_after.get(role, 1e9))) for (role, scenario), step in rows]


def late_after(sut: Any, roles: Sequence[str]) -> dict[str, float]:
    """By role the seconds after which a report is called late: what the vendor says is usual, else half of what is allowed."""
    usual = {role: sut.claim(f"{role}.usual_report_delay") for role in roles}
    return {role: float(usual[role] or sut.timing.max_report_delay * LATE_SHARE) for role in roles}
