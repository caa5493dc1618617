"""``dimse(t)``: the DICOM associations of a transcript, and what the SUT answered to each request of ours.

Nothing here raises on the SUT's bytes. What cannot be decoded is missing among the decoded values and listed in
``faults``; a request that was never sent, or never answered, has an ``Answer`` all the same, and its ``kind`` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stgcmt.clock import NS
from stgcmt.transcript import Event, Transcript
from stgcmt.views.association import AbortSeen, Association, Message, hex4
from stgcmt.views.pieces import Fault, Located
from stgcmt.wire import pdu

__all__ = ["AbortSeen", "Answer", "Association", "DimseView", "Fault", "Message", "dimse", "hex4"]

Kind = Literal[
    "response", "aborted", "rejected", "refused", "released", "closed", "reset", "fault", "silence", "not-sent"
]


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """What became of a request of ours. ``response`` is the final one, ``responses`` has the pending ones too.

    ``kind`` is what the SUT did: ``silence`` also where the harness gave up first, ``fault`` where it sent what is no
    DICOM, ``not-sent`` where no request went out (no accepted context, or the scenario never came so far).
    """

    transcript: Transcript
    request: Message | None
    response: Message | None
    kind: Kind
    events: tuple[int, ...]
    detail: str = ""
    responses: tuple[Message, ...] = ()
    assoc: Association | None = None

    def __repr__(self) -> str:
        return f"<Answer {self.summary}>"

    @property
    def status(self) -> int | None:
        """The response's status; ``None`` where there is no response, or none in it."""
        return self.response.status if self.response else None

    @property
    def answered(self) -> bool:
        """Whether a response came."""
        return self.response is not None

    @property
    def seconds(self) -> float | None:
        """From the request's last byte to the response's last; negative for a response before the request's end."""
        if self.request is None or self.response is None:
            return None
        return (self.response.t_last - self.request.t_last) / NS

    @property
    def summary(self) -> str:
        """``N-ACTION-RSP 0120H``, or what happened instead."""
        if self.response is not None:
            return self.response.summary
        after = f" after {self.request.kind}" if self.request else ""
        return f"{self.detail or self.kind}{after}"


class DimseView:
    """The DIMSE side of one transcript."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.all_associations = _associations(transcript)

    def __repr__(self) -> str:
        return f"<DimseView {self.transcript.name} {len(self.all_associations)} associations>"

    def associations(
        self, *, side: str | None = None, step: str | None = None, conn: int | None = None
    ) -> tuple[Association, ...]:
        """Associations in the order of opening; ``side`` is what the harness was, ``step`` one they took part in."""
        return tuple(
            each
            for each in self.all_associations
            if (side is None or each.side == side)
            and (step is None or each.concerns(step))
            and (conn is None or each.conn == conn)
        )

    def messages(
        self,
        kind: str | None = None,
        *,
        incoming: bool | None = None,
        step: str | None = None,
        conn: int | None = None,
        complete: bool | None = None,
    ) -> tuple[Message, ...]:
        """Messages of every association by the time of their first byte; each filter is open where it is ``None``."""
        found = [
            message
            for assoc in self.associations(conn=conn)
            for message in assoc.messages
            if (kind is None or message.kind == kind)
            and (incoming is None or message.incoming == incoming)
            and (complete is None or message.complete == complete)
            and (step is None or message.step == step)
        ]
        return tuple(sorted(found, key=lambda message: (message.t_first, message.events[0])))

    def requests(
        self, kind: str, *, incoming: bool = True, step: str | None = None, conn: int | None = None
    ) -> tuple[Message, ...]:
        """Complete messages of a kind, by default those of the SUT: its N-EVENT-REPORT-RQ on whatever association."""
        return self.messages(kind, incoming=incoming, step=step, conn=conn, complete=True)

    def response_to(self, message: Message) -> Message | None:
        """The final response to a request of either side; a pending one where no other came."""
        return _final(message.responses)

    def answer(
        self, step: str | None = None, kind: str = "N-ACTION-RQ", index: int = -1, *, conn: int | None = None
    ) -> Answer:
        """What became of our request: by default the last one of the step. Never raises."""
        found = self.messages(kind, incoming=False, step=step, conn=conn)
        if -len(found) <= index < len(found):
            return self.answer_to(found[index])
        return self._not_sent(step, conn, kind)

    def answers(
        self, step: str | None = None, kind: str = "N-ACTION-RQ", *, conn: int | None = None
    ) -> tuple[Answer, ...]:
        """What became of each request of ours of this kind."""
        found = self.messages(kind, incoming=False, step=step, conn=conn)
        return tuple(self.answer_to(message) for message in found)

    def answer_to(self, request: Message) -> Answer:
        """What became of this request."""
        responses = request.responses
        final = _final(responses)
        if final is not None:
            events = (*request.events, *(event for each in responses for event in each.events))
            return Answer(self.transcript, request, final, "response", events, "", responses, request.assoc)
        kind, detail, ending = _ending(request.assoc, request.events[0])
        if kind == "silence":
            detail = f"no response within {self._waited(request):.1f} s"
        return Answer(self.transcript, request, None, kind, (*request.events, *ending), detail, (), request.assoc)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What the SUT sent and could not be decoded, each naming its event; our own deviations are not here."""
        return tuple(fault for assoc in self.all_associations for fault in assoc.faults if fault.incoming)

    def _waited(self, request: Message) -> float:
        """Seconds from the request to the end of the harness's patience, or of the recording."""
        until = request.assoc.t_end
        if until is None:
            until = self.transcript.events[-1].t
        given_up = (one.t_first for one in request.assoc.pdus if one.t_first >= request.t_last and _gives_up(one))
        return max(min(next(given_up, until), until) - request.t_last, 0) / NS

    def _not_sent(self, step: str | None, conn: int | None, kind: str) -> Answer:
        """No such request went out: say why, from the association on which it would have gone."""
        ours = self.associations(side="requestor", conn=conn)
        near = [each for each in ours if step is None or each.concerns(step)] or [
            each for each in ours if each.step is None
        ]
        if not near:
            return Answer(self.transcript, None, None, "not-sent", (), f"no {kind} was sent")
        assoc = near[-1]
        if assoc.end == "refused":
            error = next((str(each.info.get("error", "")) for each in assoc.record if each.kind == "conn.refused"), "")
            return Answer(self.transcript, None, None, "refused", assoc.events, f"no connection: {error}", (), assoc)
        reason, detail, events = _ending(assoc, 0)
        if reason == "silence" and assoc.ac is None and assoc.rq is not None:
            return Answer(
                self.transcript, None, None, "silence", assoc.events, "no answer to A-ASSOCIATE-RQ", (), assoc
            )
        if reason == "silence" or assoc.messages:
            refused = [context for context in assoc.ac.contexts if context.result] if assoc.ac else []
            detail = f"no {kind} was sent"
            if refused and not assoc.contexts:
                detail += f": no presentation context was accepted (result {refused[0].result})"
            return Answer(self.transcript, None, None, "not-sent", assoc.negotiation_events, detail, (), assoc)
        return Answer(self.transcript, None, None, reason, events, detail, (), assoc)


def dimse(transcript: Transcript) -> DimseView:
    """The DIMSE view of a transcript, made once."""
    return transcript.view(DimseView)


def _gives_up(one: Located) -> bool:
    return not one.incoming and one.pdu.type in {pdu.ABORT, pdu.RELEASE_RQ}


def _ending(assoc: Association, after: int) -> tuple[Kind, str, tuple[int, ...]]:
    """What the SUT did to the association after an event: kind, words, events. Where the harness ends it: silence."""
    closing = tuple(event.n for event in assoc.record if event.kind == "conn.close")
    how = assoc.closed_how
    for one in assoc.pdus:
        if one.events[-1] < after:
            continue
        if _gives_up(one):
            if how.startswith("error"):  # the harness refused what the SUT had sent
                break
            return "silence", "no response", ()
        if one.incoming and one.pdu.type == pdu.ABORT:
            abort = pdu.decode_abort(one.pdu.body)
            return "aborted", f"A-ABORT (source {abort.source}, reason {abort.reason})", one.events
        if one.incoming and one.pdu.type == pdu.RELEASE_RQ:
            return "released", "the SUT released the association", one.events
        if one.incoming and one.pdu.type == pdu.ASSOCIATE_RJ:
            said = pdu.decode_reject(one.pdu.body)
            words = f"A-ASSOCIATE-RJ (result {said.result}, source {said.source}, reason {said.reason})"
            return "rejected", words, one.events
    if how.startswith("error"):
        return "fault", f"the SUT sent what cannot be processed ({how})", closing
    if how == "fin":
        return "closed", "the SUT closed the connection", closing
    if how == "rst":
        return "reset", "the connection was reset", closing
    return "silence", "no response", ()


def _final(responses: tuple[Message, ...]) -> Message | None:
    """The first response that is not pending; else the last pending one."""
    final = [each for each in responses if each.status not in {0xFF00, 0xFF01}]
    return final[0] if final else responses[-1] if responses else None


def _associations(transcript: Transcript) -> tuple[Association, ...]:
    return tuple(
        _association(transcript, conn, record)
        for conn, record in transcript.connections.items()
        if conn is not None and _is_dimse(record)
    )


def _is_dimse(record: list[Event]) -> bool:
    return any(event.kind.startswith("dimse.") or event.info.get("protocol") == "dimse" for event in record)


def _association(transcript: Transcript, conn: int, record: list[Event]) -> Association:
    opened = next((event.info for event in record if event.kind in {"conn.open", "conn.refused"}), {})
    side = str(opened.get("side", ""))
    if side not in {"requestor", "acceptor"}:  # the recording begins later: who speaks first is the requestor
        first = next((event.kind for event in record if event.kind.startswith("dimse.")), "")
        side = "acceptor" if first == "dimse.in" else "requestor"
    return Association(transcript, conn, side, str(opened.get("local", "")), str(opened.get("peer", "")), tuple(record))
