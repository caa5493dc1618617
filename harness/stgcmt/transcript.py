"""The frozen, ordered record that one scenario leaves, and the recorder that writes it as it happens.

A transcript is JSON Lines: a header, one line an event, a footer. Raw bytes are the only stored truth; what they mean is
read from them by views. A file without a footer is a run that was cut: it can be read, and says that it is incomplete.

Event kinds (``data`` holds bytes only where bytes went over a wire):

======================= ==============================================================================================
``conn.open``           info: protocol (http | dimse), side (requestor | acceptor: what the *harness* was), local, peer
``conn.tls``            info: version, cipher
``conn.close``          info: how (local | fin | rst | abort | error: text); who closed, as far as the socket tells
``conn.refused``        info: error; no connection could be opened
``http.out`` ``.in``    bytes of an HTTP connection, as written and read
``dimse.out`` ``.in``   bytes of a DICOM upper layer connection; one event a PDU where it could be split
``wait.start`` ``.end`` info: why, reason (sut | quiet | report | deadline), seconds; end: outcome
``step.start`` ``.end`` info: name
``uid``                 info: uid, what; a UID that the scenario minted
``seed`` ``retrieve``   info: instance (its UIDs), how, ok, detail
``provoke`` ``driver``  info: action, and what came of it
``decision``            info: a choice of the harness that a reader must know of
``note``                info: anything else
======================= ==============================================================================================
"""

from __future__ import annotations

import base64
import contextvars
import dataclasses
import functools
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from stgcmt.clock import Clock, iso
from stgcmt.masking import Flow, Masker, Secret, blanked, identity_spans

__all__ = [
    "SCHEMA", "STEP", "ConnectionTap", "Event", "Footer", "Header", "HeldTap", "Masker", "Recorder", "Secret", "Tap",
    "Transcript", "TranscriptError", "parse_transcript", "read_transcript",
]  # fmt: skip

SCHEMA = 1
PASSCODE = 8  # bytes; a shorter one is blanked where it stands, but not searched for elsewhere
STEP: contextvars.ContextVar[str | None] = contextvars.ContextVar("stgcmt_step", default=None)
_T = TypeVar("_T")


class TranscriptError(Exception):
    """A stored transcript cannot be used; the message says which file, what was expected, what was seen."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: ``n`` from 1 is its id, ``t`` nanoseconds since the transcript's start."""

    n: int
    t: int
    kind: str
    data: bytes = b""
    conn: int | None = None
    step: str | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The event as the JSON object of its line."""
        line: dict[str, Any] = {"n": self.n, "t": self.t, "kind": self.kind}
        if self.conn is not None:
            line["conn"] = self.conn
        if self.step is not None:
            line["step"] = self.step
        if self.info:
            line["info"] = dict(self.info)
        if self.data:
            line["data"] = base64.b64encode(self.data).decode("ascii")
        return line


@dataclass(frozen=True, slots=True)
class Header:
    """Which scenario of which role this is, and when it started by both clocks."""

    scenario: str
    role: str
    wall_ns: int
    monotonic_ns: int
    schema: int = SCHEMA
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Footer:
    """How the scenario ended: complete, timeout, cancelled or crashed (then ``reason``)."""

    state: str
    events: int
    reason: str = ""


@dataclass(frozen=True, repr=False)
class Transcript:
    """A value: header, events, footer (``None`` where the recording was cut)."""

    header: Header
    events: tuple[Event, ...]
    footer: Footer | None = None
    _views: dict[Any, Any] = field(default_factory=dict, compare=False, init=False)

    def __repr__(self) -> str:
        return f"<Transcript {self.header.role}:{self.header.scenario} {len(self.events)} events>"

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.header.scenario

    @property
    def complete(self) -> bool:
        """Whether the scenario ran to its end and all its events are here."""
        return self.footer is not None and self.footer.state == "complete" and self.footer.events == len(self.events)

    @property
    def cut(self) -> str:
        """Why the recording is not complete, in a phrase; empty where it is."""
        if self.footer is None:
            return "the recording was cut: it has no footer"
        if self.footer.state != "complete":
            return f"the scenario ended as {self.footer.state}" + (
                f": {self.footer.reason}" if self.footer.reason else ""
            )
        if self.footer.events != len(self.events):
            return f"the recording was cut: {len(self.events)} of {self.footer.events} events"
        return ""

    def view(self, make: Callable[[Transcript], _T]) -> _T:
        """``make(self)``, computed once for this transcript."""
        if make not in self._views:
            self._views[make] = make(self)
        value: _T = self._views[make]
        return value

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """The events of these kinds, in order."""
        return tuple(event for event in self.events if event.kind in kinds)

    def event(self, n: int) -> Event:
        """The event with id ``n``; raises ``KeyError``."""
        return self._by_n[n]

    @functools.cached_property
    def _by_n(self) -> dict[int, Event]:
        return {event.n: event for event in self.events}

    def with_events(self, events: Iterable[Event]) -> Transcript:
        """The same transcript with other events: a fresh value, no view is carried over."""
        return dataclasses.replace(self, events=tuple(events))


class Tap(Protocol):
    """Where an actor writes what happens on one connection. ``t`` is monotonic nanoseconds, now where absent."""

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Record one event of this connection."""
        ...


class Recorder:
    """Writes one transcript while its scenario plays; every line is flushed, so that a killed run loses nothing.

    Only the last bytes of a read wait where they may be the first half of a secret: until the next read of their
    direction or the end of the connection. They keep the time of their own read.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        role: str,
        scenario: str,
        masker: Masker | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        self.clock = clock
        self._masker = masker or Masker()
        self._n = 0
        self._conn = 0
        self._flows: dict[tuple[int, str], Flow] = {}
        self.header = Header(scenario, role, clock.wall_ns(), clock.monotonic_ns(), info=self._masker.value(info or {}))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: io.BufferedWriter = path.open("wb")
        self.path = path
        self._line(
            {
                "schema": SCHEMA,
                "role": role,
                "scenario": scenario,
                "wall": iso(self.header.wall_ns),
                "wall_ns": self.header.wall_ns,
                "monotonic_ns": self.header.monotonic_ns,
                "info": dict(self.header.info),
            }
        )

    @property
    def closed(self) -> bool:
        """Whether the footer was written."""
        return self._file.closed

    def event(
        self,
        kind: str,
        /,
        data: bytes = b"",
        *,
        conn: int | None = None,
        t: int | None = None,
        step: str | None = None,
        **info: Any,
    ) -> int:
        """Record one event and return its id; 0 once the transcript is closed. ``t`` is monotonic, now where absent."""
        if self._file.closed:
            return 0
        when = (self.clock.monotonic_ns() if t is None else t) - self.header.monotonic_ns
        step = step or STEP.get()
        if data and conn is not None and kind in {"http.in", "http.out"}:
            flow = self._flows.setdefault((conn, kind), Flow(self._masker))
            for piece, masked, tag in flow.feed(data, (when, step, info)):
                self._event(kind, piece, masked, conn, *tag)
            return self._n
        if kind == "conn.close" and conn is not None:
            self._flush(conn)
        spans = self._masker.spans(data) if data else []
        if kind in {"dimse.in", "dimse.out"}:
            spans += self._identity(data)
        self._event(kind, *blanked(data, spans), conn, when, step, info)
        return self._n

    def _event(
        self, kind: str, data: bytes, spans: list[list[Any]], conn: int | None, when: int, step: str | None, info: Any
    ) -> None:
        self._n += 1
        shown = self._masker.value({**info, "masked": spans} if spans else info)
        self._line(Event(self._n, when, kind, data, conn, step, shown).to_json())

    def _flush(self, conn: int) -> None:
        """Write what waits on a connection: nothing more comes."""
        for key in [key for key in self._flows if key[0] == conn]:
            for piece, spans, tag in self._flows.pop(key).flush():
                self._event(key[1], piece, spans, conn, *tag)

    def _identity(self, data: bytes) -> list[tuple[int, int, str]]:
        spans = identity_spans(data)
        for start, end, kind in spans:
            if kind == "passcode" and end - start >= PASSCODE:
                self._masker.learn(Secret(data[start:end], kind))
        return spans

    def connection(self) -> ConnectionTap:
        """A tap for a new connection of this scenario, with an id of its own."""
        self._conn += 1
        return ConnectionTap(self, self._conn)

    def close(self, state: str, reason: str = "") -> None:
        """Write the footer; a second call does nothing."""
        if self._file.closed:
            return
        for conn in dict.fromkeys(conn for conn, _ in self._flows):
            self._flush(conn)
        footer: dict[str, Any] = {"footer": True, "state": state, "events": self._n}
        if reason:
            footer["reason"] = self._masker.text(reason)
        self._line(footer)
        self._file.close()

    def _line(self, value: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n")
        self._file.flush()


class ConnectionTap:
    """A ``Tap`` that writes straight into one recorder."""

    def __init__(self, recorder: Recorder, conn: int) -> None:
        self._recorder = recorder
        self.conn = conn

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        self._recorder.event(kind, data, conn=self.conn, t=t, **info)


class HeldTap:
    """A ``Tap`` for a connection that came from outside: holds its events until it is known whose they are.

    Once attributed to a recorder, all that was held and all that follows is written there; a connection that concerns
    several scenarios is written to each.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: list[tuple[str, bytes, int, dict[str, Any]]] = []
        self._taps: dict[int, ConnectionTap] = {}

    @property
    def attributed(self) -> bool:
        """Whether somebody owns this connection."""
        return bool(self._taps)

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        when = self._clock.monotonic_ns() if t is None else t
        self._held.append((kind, data, when, info))
        for tap in self._taps.values():
            tap.event(kind, data, t=when, **info)

    def attribute(self, recorder: Recorder) -> None:
        """Give the connection to ``recorder`` (once); what was held is written first."""
        if id(recorder) in self._taps:
            return
        tap = self._taps[id(recorder)] = recorder.connection()
        for kind, data, when, info in self._held:
            tap.event(kind, data, t=when, **info)


def read_transcript(path: Path) -> Transcript:
    """Read a stored transcript; a cut last line is dropped. Raises ``TranscriptError``."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TranscriptError(f"reading {path}: {error.strerror or error}") from error
    return parse_transcript(raw, str(path))


def parse_transcript(raw: bytes, where: str = "transcript") -> Transcript:
    """Like ``read_transcript``, from bytes."""
    lines = _lines(raw, where)
    first = next(lines, None)
    if first is None:
        raise TranscriptError(f"reading {where}: the file is empty, expected a header line")
    header = _header(first[1], where)
    events: list[Event] = []
    for number, line in lines:
        if line.get("footer"):
            footer = Footer(str(line.get("state", "")), int(line.get("events", -1)), str(line.get("reason", "")))
            if next(lines, None) is not None:
                raise TranscriptError(f"reading {where}: lines follow the footer in line {number}")
            return Transcript(header, tuple(events), footer)
        events.append(_event(line, where, number))
    return Transcript(header, tuple(events))


def _lines(raw: bytes, where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    import orjson  # noqa: PLC0415 - start-up

    chunks = raw.split(b"\n")
    for number, chunk in enumerate(chunks[:-1], 1):  # a last line without newline was cut in the middle
        try:
            line = orjson.loads(chunk)
        except ValueError as error:
            raise TranscriptError(
                f"reading {where}: line {number} is no JSON ({error}); the file is damaged"
            ) from error
        if not isinstance(line, dict):
            raise TranscriptError(f"reading {where}: line {number} is no JSON object; the file is damaged")
        yield number, line


def _header(line: dict[str, Any], where: str) -> Header:
    schema = line.get("schema")
    if schema != SCHEMA:
        raise TranscriptError(
            f"reading {where}: the header says schema {schema!r}, this version reads {SCHEMA}; "
            "judge it with the version of stgcmt that manifest.json names"
        )
    try:
        return Header(
            str(line["scenario"]),
            str(line["role"]),
            int(line["wall_ns"]),
            int(line["monotonic_ns"]),
            SCHEMA,
            line.get("info", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TranscriptError(f"reading {where}: the header lacks or misspells {error}") from error


def _event(line: dict[str, Any], where: str, number: int) -> Event:
    try:
        return Event(
            int(line["n"]),
            int(line["t"]),
            str(line["kind"]),
            base64.b64decode(line["data"], validate=True) if "data" in line else b"",
            line.get("conn"),
            line.get("step"),
            line.get("info") or {},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TranscriptError(f"reading {where}: line {number} is no event ({error}); the file is damaged") from error
