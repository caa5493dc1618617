"""A transcript as an ordered list of steps that a reader can follow: messages, negotiation, waits, decisions.

Each step names its events, so that a finding's citation finds the step that shows it, and the two lanes between which it
ran. Lanes are data of the recording: ``conn.open`` may carry ``lanes: [near, far]``, the names of our side and of the other
side of that connection (a relay between two systems names both), and the header's info may carry ``lanes`` with all names
from left to right. A recording that names none has the lanes *harness* and *SUT*.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stgcmt import words
from stgcmt.clock import NS
from stgcmt.transcript import Event, Transcript
from stgcmt.views.association import Association
from stgcmt.views.dimse import dimse
from stgcmt.views.http import Exchange, Request, Response, http
from stgcmt.wire import pdu
from stgcmt_reports import decode

OUT, IN, HERE = "out", "in", "here"
HARNESS, SUT = "harness", "SUT"
KEPT = 65_536  # bytes of one message that a report may show; all of them are in the transcript


@dataclass(frozen=True)
class Step:
    """One line of a sequence: ``flow`` is out (near lane to far lane), in (back) or here (nothing crossed the wire).

    Attributes:
        events: ids of the events it shows.
        t: seconds since the transcript's start.
        until: the end of a wait (seconds since the start); ``None`` for everything else and for a wait without end.
        data: the recorded bytes, of many the first ``KEPT``.
        size: how many were recorded.
        bad: whether the bytes are no well-formed message.
        source: the view that decodes them: a request, response, DIMSE message or association.
        ends: the lanes of its connection, near and far.
    """

    events: tuple[int, ...]
    t: float
    flow: str
    label: str
    kind: str
    conn: int | None = None
    step: str | None = None
    data: bytes = b""
    bad: bool = False
    make_lines: Callable[[], list[str]] = list
    source: object = None
    until: float | None = None
    ends: tuple[str, str] = (HARNESS, SUT)
    size: int = 0

    @property
    def origin(self) -> str:
        """The lane that it starts from, or stands at."""
        return self.ends[self.flow == IN]

    @property
    def target(self) -> str:
        """The lane that it goes to."""
        return self.ends[self.flow == OUT]

    @functools.cached_property
    def lines(self) -> list[str]:
        """The decoded content; empty where there is none."""
        try:
            return self.make_lines()
        except Exception as error:  # noqa: BLE001 - one message that cannot be shown must not cost the report
            return [f"(cannot be shown: {type(error).__name__}: {error})"]


def steps(transcript: Transcript) -> tuple[Step, ...]:
    """The steps of a transcript in order of time, computed once; every event belongs to at least one of them."""
    return transcript.view(_steps)


def lanes(transcript: Transcript) -> tuple[str, ...]:
    """The lanes of a recording from left to right: as its header says, then as they appear."""
    named = transcript.header.info.get("lanes", ())
    known = [str(name) for name in named] if isinstance(named, (list, tuple)) else []
    met = [lane for step in steps(transcript) if step.conn is not None for lane in step.ends]
    return tuple(dict.fromkeys([*known, *met])) or (HARNESS, SUT)


def anchor(name: str, event: int) -> str:
    """The fragment that a report gives an event: ``scp-plain_commitment-7``."""
    return f"{name.replace('/', '-')}-{event}"


def _ends(transcript: Transcript) -> dict[int | None, tuple[str, str]]:
    """The lanes of each connection that names them."""
    found: dict[int | None, tuple[str, str]] = {}
    for event in transcript.of("conn.open"):
        named = event.info.get("lanes")
        if isinstance(named, (list, tuple)) and len(named) == 2:
            found[event.conn] = (str(named[0]), str(named[1]))
    return found


def _steps(transcript: Transcript) -> tuple[Step, ...]:
    found: list[Step] = []
    view = http(transcript)
    for exchange in (*view.exchanges, *view.stale):
        found += _exchange(exchange, transcript)
    for association in dimse(transcript).associations():
        found += _association(association, transcript)
    used = {n for step in found for n in step.events}
    found += _others([event for event in transcript.events if event.n not in used])
    if ends := _ends(transcript):
        found = [dataclasses.replace(step, ends=ends.get(step.conn, step.ends)) for step in found]
    return tuple(sorted(found, key=lambda step: (step.t, step.events[:1])))


def _exchange(exchange: Exchange, transcript: Transcript) -> Iterator[Step]:
    for part in (exchange.request, exchange.response):
        if part is None or not part.events:
            continue
        first = transcript.event(part.events[0])
        yield Step(
            part.events,
            first.t / NS,
            OUT if first.kind == "http.out" else IN,
            _clip(_http_label(part)),
            "http",
            part.conn,
            part.step or exchange.step,
            _bytes(transcript, part.events, first.kind),
            bool(part.defects),
            functools.partial(decode.http_lines, part),
            part,
            size=_size(transcript, part.events, first.kind),
        )


def _http_label(part: Request | Response) -> str:
    if isinstance(part, Request):
        return part.summary
    reason = f" {part.message.reason}" if part.message.reason else ""
    media = f", {part.media_type.essence}" if part.media_type else ""
    size = f", {part.message.body_size} bytes" if part.message.body_size else ""
    status, _, notes = part.summary.partition(", ")
    return f"{status}{reason}{media}{size}" + (f", {notes}" if notes else "")


def _association(assoc: Association, transcript: Transcript) -> Iterator[Step]:
    for one in assoc.pdus:
        if one.pdu.type == pdu.P_DATA_TF:
            continue
        label, lines = one.pdu.name, None
        if one.pdu.type in (pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC):
            answer = one.pdu.type == pdu.ASSOCIATE_AC
            lines = functools.partial(decode.association_lines, assoc, answer=answer)
            label += f", {_accepted(assoc)}" if answer else f", {assoc.calling_ae} calls {assoc.called_ae}"
        elif one.pdu.type == pdu.ASSOCIATE_RJ and assoc.rj is not None:
            label += f", result {assoc.rj.result}, source {assoc.rj.source}, reason {assoc.rj.reason}"
        elif one.pdu.type == pdu.ABORT and assoc.abort is not None:
            label += f", source {assoc.abort.source}, reason {assoc.abort.reason}"
        flow = IN if one.incoming else OUT
        yield Step(
            one.events,
            one.t_first / NS,
            flow,
            label,
            "dimse",
            assoc.conn,
            one.step,
            one.pdu.raw[:KEPT],
            make_lines=lines or list,
            source=assoc if lines else None,
            size=one.pdu.size,
        )
    for message in assoc.messages:
        kind = "dimse.in" if message.incoming else "dimse.out"
        yield Step(
            message.events,
            message.t_first / NS,
            IN if message.incoming else OUT,
            _clip(message.summary),
            "dimse",
            assoc.conn,
            message.step,
            _bytes(transcript, message.events, kind),
            bool(message.faults) or not message.complete,
            functools.partial(decode.message_lines, message),
            message,
            size=_size(transcript, message.events, kind),
        )


def _accepted(assoc: Association) -> str:
    count = len(assoc.contexts)
    asked = len(assoc.rq.contexts) if assoc.rq else 0
    return f"{count} of {asked} context{'' if asked == 1 else 's'} accepted"


def _others(events: Iterable[Event]) -> Iterator[Step]:
    """What is no message: connections, waits (start and end in one), UIDs, seeding, decisions, leftover bytes."""
    waits: dict[str, list[Event]] = {}
    rest: list[Event] = []
    for event in events:
        if event.kind == "wait.end" and waits.get(_wait_name(event)):
            started = waits[_wait_name(event)].pop(0)
            yield _wait(started, event)
        elif event.kind == "wait.start":
            waits.setdefault(_wait_name(event), []).append(event)
        else:
            rest.append(event)
    for unfinished in waits.values():
        for event in unfinished:
            yield _wait(event, None)
    for event in rest:
        yield _event(event)


def _wait_name(event: Event) -> str:
    return str(event.info.get("name", event.info.get("why", "")))


def _wait(started: Event, ended: Event | None) -> Step:
    why = started.info.get("why") or started.info.get("reason", "")
    length = (ended.t - started.t) / NS if ended else None
    told = f"waited {length:.3g} s" if length is not None else f"began to wait {started.info.get('seconds')} s"
    label = f"{told}: {_wait_name(started)}" + (f" ({why})" if why and why != _wait_name(started) else "")
    ids = (started.n, ended.n) if ended else (started.n,)
    until = ended.t / NS if ended else None
    return Step(ids, started.t / NS, HERE, _clip(label), "wait", started.conn, started.step, until=until)


def _event(event: Event) -> Step:
    if event.size:
        flow = OUT if event.kind.endswith(".out") else IN
        label = f"{event.size} bytes that belong to no message"
        return Step(
            (event.n,),
            event.t / NS,
            flow,
            label,
            event.kind.partition(".")[0],
            event.conn,
            event.step,
            event.data[:KEPT],
            bad=True,
            size=event.size,
        )
    head = event.kind.partition(".")[0]
    return Step((event.n,), event.t / NS, HERE, _clip(_event_label(event)), head, event.conn, event.step)


def _event_label(event: Event) -> str:
    info = event.info
    if event.kind == "conn.open":
        end, other = ("to", "from") if info.get("side") == "requestor" else ("from", "at")
        peer, local = words.plain(info.get("peer", "?")), words.plain(info.get("local", "?"))
        return f"connection {end} {peer} {other} {local}, {info.get('protocol', '')}"
    if event.kind == "conn.close":
        return f"connection ended: {info.get('how', '?')}"
    if event.kind in ("seed", "retrieve"):
        done = ("" if info.get("ok") is True else "not ") + ("seeded" if event.kind == "seed" else "read back")
        return f"{done}: {info.get('sop_instance_uid', '?')} ({info.get('detail', '')})"
    return words.told(event)


def _bytes(transcript: Transcript, ids: Iterable[int], kind: str) -> bytes:
    found: list[bytes] = []
    left = KEPT
    for event in map(transcript.event, ids):
        if event.kind == kind and left > 0:
            found.append(event.data[:left])
            left -= len(found[-1])
    return b"".join(found)


def _size(transcript: Transcript, ids: Iterable[int], kind: str) -> int:
    return sum(event.size for event in map(transcript.event, ids) if event.kind == kind)


def _clip(text: str, limit: int = 240) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
