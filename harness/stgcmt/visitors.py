"""Who came to our listeners and asked for nothing that we know: told in words where a SUT that should ask did not.

A client that speaks the wrong protocol, opens connections and says nothing, or asks for somebody else's instances, is on
record (``run``, or the scenario that holds the destination); this says it to the reader of a result, with a next step.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from stgcmt.clock import Clock
from stgcmt.transcript import Tap

HTTP, DICOM = "HTTP", "DICOM associations"
FIRST = 160  # bytes of a connection that are looked at: the fixed part of an A-ASSOCIATE-RQ, or a request line
KEPT = 2000  # visits that are remembered: more of a flood say nothing new
REQUEST_LINE = re.compile(rb"([A-Z]{3,10}) (\S+) HTTP/\d")
TLS_HELLO, ASSOCIATE = b"\x16\x03", b"\x01\x00"
CALLING_AE = slice(26, 42)  # of an A-ASSOCIATE-RQ, header counted (PS3.8 9.3.2)


@dataclass
class Visit:
    """One connection from outside: when (monotonic nanoseconds), to what kind of listener, and how it began."""

    t: int
    speaks: str
    known: bool = False  # it named something that a scenario owns
    first: bytearray = field(default_factory=bytearray)

    @property
    def words(self) -> str:
        """What it was, in words."""
        data = bytes(self.first)
        line = REQUEST_LINE.match(data.lstrip(b"\r\n"))
        if not data:
            return "a connection on which nothing was said" + (", or no whole PDU" if self.speaks == DICOM else "")
        if data.startswith(TLS_HELLO):
            return f"TLS where we listen for plain {self.speaks} (describe our certificate in a tls table, or take TLS off)"
        if self.speaks == DICOM and line is not None:
            return "HTTP where we listen for DICOM associations (give the client the address of a DIMSE destination)"
        if self.speaks == HTTP and data.startswith(ASSOCIATE):
            return "a DICOM association where we listen for HTTP (give the client our base URL)"
        if self.speaks == HTTP and line is not None:
            return f"{_text(line[1])} {_text(line[2].partition(b'?')[0])}, which names nothing that the client was told to ask for"
        if self.speaks == DICOM and data.startswith(ASSOCIATE) and len(data) >= CALLING_AE.stop:
            return f"an association of {_text(data[CALLING_AE])} that asked for nothing that the client was told to ask for"
        return f"bytes that are no {'request' if self.speaks == HTTP else 'association'}, or the beginning of one"


class Visitors:
    """The connections from outside of one run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._visits: list[Visit] = []

    def begin(self, speaks: str, tap: Tap) -> tuple[Visit, Tap]:
        """A connection begins; its events must go through the tap that is returned."""
        visit = Visit(self._clock.monotonic_ns(), speaks)
        if len(self._visits) < KEPT:
            self._visits.append(visit)
        return visit, _Looking(visit, tap)

    def told(self, since: int) -> str:
        """What came since then (monotonic nanoseconds) and asked for nothing of ours; empty where nothing did."""
        counts = Counter(each.words for each in self._visits if each.t >= since and not each.known)
        return "; ".join(words if count == 1 else f"{count} times {words}" for words, count in counts.most_common(3))


@dataclass(frozen=True)
class _Looking:
    """A tap that lets a visit see how its connection begins."""

    visit: Visit
    tap: Tap

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Record one event."""
        if kind in {"http.in", "dimse.in"} and len(self.visit.first) < FIRST:
            self.visit.first += data[: FIRST - len(self.visit.first)]
        self.tap.event(kind, data, t=t, **info)


def _text(raw: bytes) -> str:
    said = raw.decode("latin-1").strip()
    shown = "".join(each if each.isprintable() else "?" for each in said)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
