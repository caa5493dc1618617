"""From recorded events to PDUs and messages of one direction, each knowing the events that its bytes came from."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stgcmt.on_disk import Joined, Part, contents, seen, size_of
from stgcmt.transcript import Event, StoredEvent
from stgcmt.wire import command as cmd
from stgcmt.wire import pdu, pdv


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that could not be decoded, or breaks the encoding; ``incoming``: the SUT sent it."""

    event: int
    text: str
    incoming: bool

    @property
    def events(self) -> tuple[int, ...]:
        """The event, as views name them."""
        return (self.event,)

    @property
    def summary(self) -> str:
        """The fault in a line."""
        return self.text


@dataclass(frozen=True, slots=True)
class Located:
    """A PDU, who sent it, and the events (with their times, nanoseconds) that carried its first and last byte."""

    pdu: pdu.Pdu
    incoming: bool
    events: tuple[int, ...]
    t_first: int
    t_last: int
    step: str | None


@dataclass(frozen=True, slots=True)
class Direction:
    """Everything that one side sent on one connection."""

    pdus: tuple[Located, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Assembled:
    """A message put together from fragments; ``content``, or where it lies, is ``None`` where no data set came."""

    context_id: int
    command: cmd.Command
    content: bytes | Part | None
    complete: bool
    incoming: bool
    step: str | None
    events: tuple[int, ...]
    t_first: int
    t_last: int
    faults: tuple[str, ...]

    @property
    def data(self) -> bytes | None:
        """The bytes of the data set, read where they are not held."""
        return None if self.content is None else seen(self.content)

    @property
    def size(self) -> int:
        """The bytes of the data set, known without reading them."""
        return 0 if self.content is None else size_of(self.content)


class LargePdu(pdu.Pdu):
    """A PDU of a large recording: its bytes lie in the file until somebody looks."""

    __slots__ = ("source", "start", "stop")
    source: Joined
    start: int
    stop: int

    def __init__(self, kind: int, source: Joined, start: int, stop: int) -> None:
        for name, value in (("type", kind), ("source", source), ("start", start), ("stop", stop)):
            object.__setattr__(self, name, value)

    @property
    def raw(self) -> bytes:
        """All its bytes."""
        return self.source[self.start : self.stop]

    @property
    def body(self) -> bytes:
        """What follows the header."""
        return self.source[self.start + pdu.HEADER.size : self.stop]

    @property
    def size(self) -> int:
        return self.stop - self.start


def locate(record: Iterable[Event], *, incoming: bool) -> Direction:
    """Cut the bytes of one direction into PDUs; what is no PDU becomes a fault."""
    kind = "dimse.in" if incoming else "dimse.out"
    record = [event for event in record if event.kind == kind and event.size]
    if any(isinstance(event, StoredEvent) for event in record):
        return _locate_large(record, incoming=incoming)
    found: list[Located] = []
    faults: list[Fault] = []
    buffer = bytearray()
    spans: list[tuple[int, Event]] = []  # the events whose bytes are in the buffer, with the offset where each ends
    for event in record:
        buffer += event.data
        spans.append((len(buffer), event))
        pdus, used = pdu.scan(buffer)
        at = 0
        for one in pdus:
            stop = at + len(one.raw)
            carriers = _carriers(spans, at, stop)
            first, last = carriers[0], carriers[-1]
            found.append(Located(one, incoming, tuple(each.n for each in carriers), first.t, last.t, first.step))
            if one.type not in pdu.NAMES:
                faults.append(Fault(first.n, f"{one.name} is no PDU of the upper layer", incoming))
            at = stop
        if used:
            del buffer[:used]
            spans = [(end - used, each) for end, each in spans if end > used]
    if buffer:
        text = pdu.garbage(buffer) or f"the last {len(buffer)} bytes are no complete PDU"
        faults.append(Fault(spans[0][1].n, text, incoming))
    return Direction(tuple(found), tuple(faults))


def _locate_large(record: Sequence[Event], *, incoming: bool) -> Direction:
    """The same of a large recording: headers are read, bodies stay where they are."""
    data = Joined(record)
    ends = list(itertools.accumulate(event.size for event in record))
    found: list[Located] = []
    faults: list[Fault] = []
    at = 0
    while len(data) - at >= pdu.HEADER.size:
        kind, length = pdu.HEADER.unpack(data[at : at + pdu.HEADER.size])
        stop = at + pdu.HEADER.size + length
        if length > pdu.MAX_LENGTH or stop > len(data):
            break
        carriers = record[bisect.bisect_right(ends, at) : bisect.bisect_left(ends, stop) + 1]
        first, last = carriers[0], carriers[-1]
        one = LargePdu(kind, data, at, stop)
        found.append(Located(one, incoming, tuple(each.n for each in carriers), first.t, last.t, first.step))
        if kind not in pdu.NAMES:
            faults.append(Fault(first.n, f"{one.name} is no PDU of the upper layer", incoming))
        at = stop
    if at < len(data):
        text = pdu.garbage(data[at : at + pdu.HEADER.size])
        text = text or f"the last {len(data) - at} bytes are no complete PDU"
        faults.append(Fault(record[bisect.bisect_right(ends, at)].n, text, incoming))
    return Direction(tuple(found), tuple(faults))


def _carriers(spans: Sequence[tuple[int, Event]], start: int, stop: int) -> list[Event]:
    """The events that carry the bytes from ``start`` to ``stop``."""
    carriers: list[Event] = []
    begin = 0
    for end, event in spans:
        if begin >= stop:
            break
        if end > start:
            carriers.append(event)
        begin = end
    return carriers


@dataclass(frozen=True, slots=True)
class _Lying(pdv.Pdv):
    """A fragment of a data set whose bytes lie in the file."""

    length: int = 0

    @property
    def size(self) -> int:
        return self.length


def _large_pdvs(one: LargePdu) -> tuple[tuple[pdv.Pdv, ...], tuple[str, ...]]:
    """``read_pdvs`` of a PDU that lies in the file: of fragments of data sets only the heads are read."""
    found: list[pdv.Pdv] = []
    begin, at = one.start + pdu.HEADER.size, one.start + pdu.HEADER.size
    while one.stop - at >= pdv.HEAD.size:
        length, context_id, control = pdv.HEAD.unpack(one.source[at : at + pdv.HEAD.size])
        stop = at + 4 + length
        if length < 2 or stop > one.stop:
            return tuple(found), (f"a PDV claims {length} bytes, {one.stop - at - 4} are there",)
        first = at + pdv.HEAD.size
        command, last = bool(control & pdv.COMMAND), bool(control & pdv.LAST)
        if command:
            found.append(pdv.Pdv(context_id, True, last, one.source[first:stop], first - begin))
        else:
            found.append(_Lying(context_id, False, last, b"", first - begin, stop - first))
        at = stop
    if at < one.stop:
        return tuple(found), (f"{one.stop - at} bytes at the end are no PDV",)
    return tuple(found), () if found else ("the P-DATA-TF has no PDV",)


@dataclass
class _Open:
    """A message that has begun."""

    context_id: int
    begun: Located
    events: list[int] = field(default_factory=list)
    command: list[bytes] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)  # of a large recording, in place of data
    decoded: cmd.Command | None = None
    faults: list[str] = field(default_factory=list)
    t_last: int = 0

    def take(self, one: Located, value: pdv.Pdv) -> bool:
        """Take a fragment that belongs here; returns whether the message is complete."""
        self.events += [event for event in one.events if event not in self.events[-2:]]
        self.t_last = one.t_last
        if value.context_id != self.context_id:
            self.faults.append(f"a fragment of context {value.context_id} in a message of context {self.context_id}")
        if value.is_command:
            self.command.append(value.data)
            if value.is_last:
                self.decoded = cmd.decode(b"".join(self.command))
                return not self.decoded.has_data_set
            return False
        if isinstance(one.pdu, LargePdu):
            start = one.pdu.start + pdu.HEADER.size + value.at
            self.spans.append((start, start + value.size))
        else:
            self.data.append(value.data)
        return value.is_last

    def _content(self) -> bytes | Part | None:
        if self.spans and isinstance(self.begun.pdu, LargePdu):
            return contents(self.begun.pdu.source, self.spans)
        return b"".join(self.data) if self.data else None

    def close(self, *, complete: bool) -> Assembled:
        decoded = self.decoded or cmd.decode(b"".join(self.command))
        return Assembled(
            self.context_id,
            decoded,
            self._content(),
            complete,
            self.begun.incoming,
            self.begun.step,
            tuple(self.events),
            self.begun.t_first,
            self.t_last,
            (*self.faults, *decoded.faults) if self.decoded else tuple(self.faults),
        )


def assemble(pdus: Iterable[Located]) -> tuple[tuple[Assembled, ...], tuple[Fault, ...]]:
    """The messages of one direction, begun ones included, and the fragments that belong to none."""
    found: list[Assembled] = []
    faults: list[Fault] = []
    current: _Open | None = None
    for one in pdus:
        if one.pdu.type != pdu.P_DATA_TF:
            continue
        values, wrong = _large_pdvs(one.pdu) if isinstance(one.pdu, LargePdu) else pdv.read_pdvs(one.pdu.body)
        faults += [Fault(one.events[-1], text, one.incoming) for text in wrong]
        for value in values:
            if value.is_command and current is not None and current.decoded is not None:
                current.faults.append("a command came where the rest of the data set was expected")
                found.append(current.close(complete=False))
                current = None
            if not value.is_command and (current is None or current.decoded is None):
                text = f"a data set fragment of {value.size} bytes that no command announced"
                faults.append(Fault(one.events[-1], text, one.incoming))
                continue
            if current is None:
                current = _Open(value.context_id, one)
            if current.take(one, value):
                found.append(current.close(complete=True))
                current = None
    if current is not None:
        found.append(current.close(complete=False))
    return tuple(found), tuple(faults)


@dataclass(frozen=True, slots=True)
class BothWays:
    """A connection, read: PDUs and messages of both directions."""

    sent: Direction
    received: Direction
    sent_messages: tuple[tuple[Assembled, ...], tuple[Fault, ...]]
    received_messages: tuple[tuple[Assembled, ...], tuple[Fault, ...]]

    @classmethod
    def of(cls, record: Sequence[Event]) -> BothWays:
        """Read the events of a connection."""
        sent, received = (locate(record, incoming=incoming) for incoming in (False, True))
        return cls(sent, received, assemble(sent.pdus), assemble(received.pdus))
