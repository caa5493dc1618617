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

import contextlib
import contextvars
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from stgcmt.clock import Clock, iso
from stgcmt.masking import Flow, Masker, Secret, blanked, identity_spans
from stgcmt.on_disk import ChangedError, TranscriptError
from stgcmt.reading import parse_transcript, read_transcript, write_transcript
from stgcmt.recorded import (
    SCHEMA,
    Event,
    Footer,
    Header,
    StoredEvent,
    Transcript,
)

__all__ = [
    "SCHEMA", "STEP", "ChangedError", "ConnectionTap", "Event", "Footer", "Header", "HeldTap", "Masker", "Recorder", "Secret",
    "StoredEvent", "Tap",
    "Transcript", "TranscriptError", "parse_transcript", "read_transcript", "write_transcript",
]  # fmt: skip

PASSCODE = 8  # bytes; a shorter one is blanked where it stands, but not searched for elsewhere
STEP: contextvars.ContextVar[str | None] = contextvars.ContextVar("stgcmt_step", default=None)


Watch = Callable[[str, str, str, bytes, Mapping[str, Any]], None]  # role, scenario, kind, data, info: for a screen


class Tap(Protocol):
    """Where an actor writes what happens on one connection. ``t`` is monotonic nanoseconds, now where absent."""

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Record one event of this connection."""
        ...


class Recorder:
    """Writes one transcript while its scenario plays; every line is flushed, so that a killed run loses nothing.

    Only the last bytes of a read wait where they may be the first half of a secret: until the next read of their
    direction or the end of the connection. They keep the time of their own read.

    A file that cannot be written (a full disk) is told to ``failed`` once, and nothing is recorded from then on: an actor
    that met an ``OSError`` of ours would take it for the SUT's. Without ``failed`` it is raised.

    ``watch``, where somebody sets it, is told each event after it was written: for a screen, never for a verdict.
    ``lanes``: by protocol the names of our end and of the SUT's face, where a connection is one side of a SUT between two.
    """

    watch: Watch | None = None
    lanes: Mapping[str, tuple[str, str]] = {}

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        role: str,
        scenario: str,
        masker: Masker | None = None,
        info: Mapping[str, Any] | None = None,
        failed: Callable[[Path, OSError], None] | None = None,
    ) -> None:
        self.clock = clock
        self._failed = failed
        self._masker = masker or Masker()
        self._n = 0
        self._conn = 0
        self._flows: dict[tuple[int, str], Flow] = {}
        self.header = Header(scenario, role, clock.wall_ns(), clock.monotonic_ns(), info=self._masker.value(info or {}))
        self.path = path
        self._file = self._open()
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
        """Whether nothing is recorded any more: the footer was written, or the file failed."""
        return self._file is None or self._file.closed

    def _open(self) -> io.BufferedWriter | None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self.path.open("wb")
        except OSError as error:
            self._give_up(error)
            return None

    def _give_up(self, error: OSError) -> None:
        if self._failed is None:
            raise error
        self._failed(self.path, error)

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
        if self.closed:
            return 0
        if self.lanes and kind == "conn.open" and (named := self.lanes.get(str(info.get("protocol")))):
            info["lanes"] = list(named)
        when = (self.clock.monotonic_ns() if t is None else t) - self.header.monotonic_ns
        step = step or STEP.get()
        if data and conn is not None and kind in {"http.in", "http.out"}:
            if (flow := self._flows.get((conn, kind))) is None:
                flow = self._flows[conn, kind] = Flow(self._masker)
            for piece, masked, tag in flow.feed(data, (when, step, info)):
                self._event(kind, piece, masked, conn, *tag)
            return self._n
        if kind == "conn.close" and conn is not None:
            self._flush(conn)
        if not data:
            self._event(kind, data, [], conn, when, step, info)
            return self._n
        spans = self._masker.spans(data)
        if kind in {"dimse.in", "dimse.out"}:
            spans += self._identity(data)
        self._event(kind, *blanked(data, spans), conn, when, step, info)
        return self._n

    def _event(
        self, kind: str, data: bytes, spans: list[list[Any]], conn: int | None, when: int, step: str | None, info: Any
    ) -> None:
        self._n += 1
        shown = self._masker.value({**info, "masked": spans} if spans else info)
        self._keep(data, kind, conn, when, step, shown)
        if self.watch is not None:
            self.watch(self.header.role, self.header.scenario, kind, data, shown)

    def _keep(
        self, data: bytes, kind: str, conn: int | None, when: int, step: str | None, shown: Mapping[str, Any]
    ) -> None:
        """Write an event, masked as it is, under the number that was counted for it."""
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
        if self.closed:
            return
        for conn in dict.fromkeys(conn for conn, _ in self._flows):
            self._flush(conn)
        footer: dict[str, Any] = {"footer": True, "state": state, "events": self._n}
        if reason:
            footer["reason"] = self._masker.text(reason)
        self._line(footer)
        if self._file is not None:
            self._file.close()

    def _line(self, value: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n")
            self._file.flush()
        except OSError as error:
            file, self._file = self._file, None
            with contextlib.suppress(OSError):
                file.close()  # what is left in its buffer cannot be written either
            self._give_up(error)


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
