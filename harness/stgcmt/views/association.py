"""One recorded DICOM association: its PDUs, negotiation, messages and end, decoded on demand and never raising.

Both directions are put back together from the recorded bytes; every decoded thing keeps ``events``, the ids of the
events that its bytes came from. *Incoming* means: sent by the SUT.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from stgcmt.on_disk import Part
from stgcmt.transcript import Event, Transcript
from stgcmt.views import shared
from stgcmt.views.pieces import Assembled, BothWays, Direction, Fault, Located
from stgcmt.wire import command as cmd
from stgcmt.wire import items, negotiation, pdu
from stgcmt.wire.dataset import IMPLICIT_VR_LE, DataSet, read


@dataclass(frozen=True, slots=True)
class AbortSeen:
    """An A-ABORT on the wire; ``by`` is ``sut`` or ``harness``."""

    source: int | None
    reason: int | None
    by: str
    events: tuple[int, ...]

    @property
    def summary(self) -> str:
        """Who aborted, with source and reason."""
        who = "the SUT" if self.by == "sut" else "the harness"
        return f"A-ABORT by {who} (source {self.source}, reason {self.reason})"


@dataclass(frozen=True, eq=False, repr=False)
class Message:
    """One DIMSE message. ``data`` is ``None`` where no data set came; ``complete`` says whether all of it arrived.

    ``t_first`` and ``t_last`` are nanoseconds since the transcript's start: first and last PDU. ``parts`` is what was
    put together from fragments, and the events that carried it.
    """

    assoc: Association
    parts: Assembled
    _data_sets: dict[int, tuple[Mapping[int, str] | None, DataSet]] = field(default_factory=dict, init=False)

    def __repr__(self) -> str:
        return f"<{self.summary} {'from' if self.incoming else 'to'} the SUT, events {_span(self.events)}>"

    @property
    def transcript(self) -> Transcript:
        """The recording."""
        return self.assoc.transcript

    @property
    def events(self) -> tuple[int, ...]:
        """The ids of the events that carried the message."""
        return self.parts.events

    @property
    def incoming(self) -> bool:
        """Whether the SUT sent it."""
        return self.parts.incoming

    @property
    def command(self) -> cmd.Command:
        """The command set."""
        return self.parts.command

    @property
    def data(self) -> bytes | None:
        """The bytes of the data set."""
        return self.parts.data

    @property
    def size(self) -> int:
        """The bytes of the data set, known without reading them."""
        return self.parts.size

    @property
    def complete(self) -> bool:
        """Whether every fragment arrived."""
        return self.parts.complete

    @property
    def context_id(self) -> int:
        """The presentation context id of its first fragment."""
        return self.parts.context_id

    @property
    def t_first(self) -> int:
        """When its first PDU was recorded."""
        return self.parts.t_first

    @property
    def t_last(self) -> int:
        """When its last PDU was recorded."""
        return self.parts.t_last

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with its encoding."""
        return self.parts.faults

    @property
    def kind(self) -> str:
        """The message's name: ``N-ACTION-RQ``, ``N-EVENT-REPORT-RSP``."""
        return self.command.name

    @property
    def status(self) -> int | None:
        """Status (0000,0900); ``None`` where it is absent or unreadable."""
        return self.command.status

    @property
    def message_id(self) -> int | None:
        """Message ID (0000,0110)."""
        return self.command.message_id

    @property
    def is_response(self) -> bool:
        """Whether the Command Field is a response's."""
        return self.command.is_response

    @functools.cached_property
    def request(self) -> Message | None:
        """The request that this response answers, on the same association."""
        return self.assoc.request_of(self)

    @property
    def responses(self) -> tuple[Message, ...]:
        """All responses to this request, pending ones included, in order."""
        return self.assoc.responses_to(self)

    @functools.cached_property
    def step(self) -> str | None:
        """The scenario's step; for a response that of its request, since arrivals belong to no step."""
        asked = self.request if self.is_response else None
        return self.parts.step if asked is None else asked.parts.step

    @property
    def transfer_syntax(self) -> str | None:
        """The transfer syntax accepted for the message's context; ``None`` where the context was not accepted."""
        context = self.assoc.context(self.context_id)
        return context.transfer_syntax if context else None

    @property
    def abstract_syntax(self) -> str | None:
        """The abstract syntax of the message's context; ``None`` where the context was not accepted."""
        context = self.assoc.context(self.context_id)
        return context.abstract_syntax if context else None

    def data_set(self, dictionary: Mapping[int, str] | None = None) -> DataSet:
        """The data set, read strictly in the accepted transfer syntax; empty where none came.

        An object of a large recording is read again each time: its values would hold its bytes.
        """
        if isinstance(self.parts.content, Part) and self.command.field == cmd.C_STORE_RQ:
            return read(self.data or b"", self.transfer_syntax or IMPLICIT_VR_LE, dictionary)
        if id(dictionary) not in self._data_sets:  # the mapping is kept beside, so that its id stays taken
            value = read(self.data or b"", self.transfer_syntax or IMPLICIT_VR_LE, dictionary)
            self._data_sets[id(dictionary)] = (dictionary, value)
        return self._data_sets[id(dictionary)][1]

    @functools.cached_property
    def summary(self) -> str:
        """``N-ACTION-RSP 0120H``; requests with their Message ID."""
        if self.is_response:
            text = f"{self.kind} {hex4(self.status) if self.status is not None else 'without Status'}"
            if self.command.error_comment:
                text += f" ({self.command.error_comment})"
        else:
            text = f"{self.kind} message {self.message_id}"
            if (event := self.command.event_type) is not None:
                text += f", event type {event}"
        return text if self.complete else f"{text}, incomplete"


@dataclass(frozen=True, eq=False, repr=False)
class Association:
    """One connection of the upper layer; ``side`` is what the harness was. ``record`` holds its events."""

    transcript: Transcript
    conn: int
    side: str
    local: str
    peer: str
    record: tuple[Event, ...]

    def __repr__(self) -> str:
        return f"<Association {self.conn} {self.summary}>"

    @property
    def events(self) -> tuple[int, ...]:
        """The ids of all events of this connection."""
        return tuple(event.n for event in self.record)

    @property
    def step(self) -> str | None:
        """The step in which the connection was opened."""
        return self.record[0].step if self.record else None

    def concerns(self, step: str) -> bool:
        """Whether the connection has an event of this step."""
        return any(event.step == step for event in self.record)

    @property
    def t_open(self) -> int:
        """When the connection was opened (nanoseconds since the transcript's start)."""
        return self.record[0].t if self.record else 0

    @property
    def t_end(self) -> int | None:
        """When the connection ended; ``None`` where the recording ends first."""
        closing = self._closing
        return closing.t if closing else None

    @functools.cached_property
    def pdus(self) -> tuple[Located, ...]:
        """The PDUs of both directions in the order in which they were complete."""
        return tuple(sorted(self._sent.pdus + self._received.pdus, key=lambda one: one.events[-1]))

    def _first(self, kind: int, *, incoming: bool | None = None) -> Located | None:
        wanted = (one for one in self.pdus if one.pdu.type == kind)
        return next((one for one in wanted if incoming is None or one.incoming == incoming), None)

    @functools.cached_property
    def rq(self) -> items.AssociateRq | None:
        """The A-ASSOCIATE-RQ, decoded."""
        found = self._first(pdu.ASSOCIATE_RQ)
        return items.decode_rq(found.pdu.body) if found else None

    @functools.cached_property
    def ac(self) -> items.AssociateAc | None:
        """The A-ASSOCIATE-AC, decoded."""
        found = self._first(pdu.ASSOCIATE_AC)
        return items.decode_ac(found.pdu.body) if found else None

    @functools.cached_property
    def rj(self) -> pdu.AssociateRj | None:
        """The A-ASSOCIATE-RJ, decoded."""
        found = self._first(pdu.ASSOCIATE_RJ)
        return pdu.decode_reject(found.pdu.body) if found else None

    @property
    def negotiation_events(self) -> tuple[int, ...]:
        """The events of A-ASSOCIATE-RQ, -AC and -RJ."""
        kinds = {pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC, pdu.ASSOCIATE_RJ}
        return tuple(event for one in self.pdus if one.pdu.type in kinds for event in one.events)

    @property
    def called_ae(self) -> str:
        """The called AE title of the request; empty where there is none."""
        return self.rq.called_ae if self.rq else ""

    @property
    def calling_ae(self) -> str:
        """The calling AE title of the request; empty where there is none."""
        return self.rq.calling_ae if self.rq else ""

    @functools.cached_property
    def contexts(self) -> tuple[negotiation.Granted, ...]:
        """The accepted presentation contexts with their roles (PS3.7 D.3.3.4)."""
        rq, ac = (self._first(kind) for kind in (pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC))
        return shared.granted(rq.pdu.body, ac.pdu.body) if rq and ac else ()

    def context(self, context_id: int) -> negotiation.Granted | None:
        """The accepted context with this id."""
        return next((context for context in self.contexts if context.id == context_id), None)

    def granted_roles(self, uid: str) -> negotiation.Granted | None:
        """What requestor and acceptor may be for a SOP class; ``None`` where no context for it was accepted."""
        return next((context for context in self.contexts if context.abstract_syntax == uid), None)

    def sut_is_scp(self, uid: str) -> bool:
        """Whether the SUT may act as the SCP of a SOP class on this association."""
        roles = self.granted_roles(uid)
        return roles is not None and (roles.requestor_scp if self.side == "acceptor" else roles.acceptor_scp)

    @functools.cached_property
    def abort(self) -> AbortSeen | None:
        """The first A-ABORT of either side."""
        found = self._first(pdu.ABORT)
        if found is None:
            return None
        said = pdu.decode_abort(found.pdu.body)
        return AbortSeen(said.source, said.reason, "sut" if found.incoming else "harness", found.events)

    @functools.cached_property
    def end(self) -> str:
        """How: refused, rejected, aborted, released, reset, closed, or open where the recording ends first."""
        if any(event.kind == "conn.refused" for event in self.record):
            return "refused"
        if self.rj is not None:
            return "rejected"
        if self.abort is not None:
            return "aborted"
        if self._first(pdu.RELEASE_RQ) and self._first(pdu.RELEASE_RP):
            return "released"
        if self._closing is None:
            return "open"
        return "reset" if self.closed_how == "rst" else "closed"

    @property
    def closed_how(self) -> str:
        """What the recording says about the end of the connection: local, fin, rst, error: text …; empty while open."""
        return str(self._closing.info.get("how", "")) if self._closing else ""

    @property
    def _closing(self) -> Event | None:
        return next((event for event in self.record if event.kind in {"conn.close", "conn.refused"}), None)

    @functools.cached_property
    def messages(self) -> tuple[Message, ...]:
        """The messages of both directions in the order in which they began."""
        found = [*self._sent_messages[0], *self._received_messages[0]]
        return tuple(Message(self, parts) for parts in sorted(found, key=lambda parts: parts.events[0]))

    @functools.cached_property
    def faults(self) -> tuple[Fault, ...]:
        """What could not be decoded, in both directions, each naming its event."""
        found = [*self._sent.faults, *self._received.faults, *self._sent_messages[1], *self._received_messages[1]]
        for kind, decoded in ((pdu.ASSOCIATE_RQ, self.rq), (pdu.ASSOCIATE_AC, self.ac), (pdu.ASSOCIATE_RJ, self.rj)):
            one = self._first(kind)
            if one is not None and decoded is not None:
                found += [Fault(one.events[0], f"{one.pdu.name}: {text}", one.incoming) for text in decoded.faults]
        for message in self.messages:
            found += [Fault(message.events[0], f"{message.kind}: {text}", message.incoming) for text in message.faults]
        return tuple(sorted(found, key=lambda fault: fault.event))

    def request_of(self, response: Message) -> Message | None:
        """The request that ``response`` answers: the latest one of the other side with that Message ID.

        Where no request has the id, the only unanswered request of the same operation: a wrong id is a deviation of its
        own and not silence.
        """
        return self._pairs.get(id(response)) if response.is_response else None

    def responses_to(self, request: Message) -> tuple[Message, ...]:
        """The responses to ``request`` in order."""
        return tuple(each for each in self.messages if self._pairs.get(id(each)) is request)

    @functools.cached_property
    def _pairs(self) -> dict[int, Message]:
        """Response (by identity) to request."""
        pairs: dict[int, Message] = {}
        asked: dict[tuple[bool, int | None], Message] = {}
        unmatched: list[tuple[int, Message]] = []
        for position, message in enumerate(self.messages):
            if not message.is_response:
                asked[message.incoming, message.message_id] = message
            elif request := asked.get((not message.incoming, message.command.responded_to)):
                pairs[id(message)] = request
            else:
                unmatched.append((position, message))
        for position, response in unmatched:
            answered = {id(request) for request in pairs.values()}
            operation = response.kind.removesuffix("-RSP") + "-RQ"
            fitting = [
                each
                for each in self.messages[:position]
                if each.incoming != response.incoming and each.kind == operation and id(each) not in answered
            ]
            if len(fitting) == 1:
                pairs[id(response)] = fitting[0]
        return pairs

    @functools.cached_property
    def _wire(self) -> BothWays:
        return _WIRES.of(self.record)

    @property
    def _sent(self) -> Direction:
        return self._wire.sent

    @property
    def _received(self) -> Direction:
        return self._wire.received

    @property
    def _sent_messages(self) -> tuple[tuple[Assembled, ...], tuple[Fault, ...]]:
        return self._wire.sent_messages

    @property
    def _received_messages(self) -> tuple[tuple[Assembled, ...], tuple[Fault, ...]]:
        return self._wire.received_messages

    @functools.cached_property
    def summary(self) -> str:
        """Who called whom, how many messages, and how it ended."""
        who = f"{self.calling_ae} -> {self.called_ae}" if self.rq else f"connection with {self.peer}"
        opener = "the SUT" if self.side == "acceptor" else "the harness"
        return f"association {who}, opened by {opener}, {len(self.messages)} messages, {self.end}"


def hex4(number: int | None) -> str:
    """``0120H``, as statuses are spelt; ``none`` where there is no number."""
    return "none" if number is None else f"{number:04X}H"


def _span(events: tuple[int, ...]) -> str:
    if not events:
        return "none"
    return str(events[0]) if len(events) == 1 else f"{events[0]}–{events[-1]}"  # noqa: RUF001 - a range


_WIRES = shared.ByEvents(BothWays.of)
