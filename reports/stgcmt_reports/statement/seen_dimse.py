"""What the DIMSE traffic of a run shows of a SUT that commits (``scp``) or asks for commitment (``scu``).

Who asks is read from the direction of the messages, never from the role: so the DIMSE face of a proxy, or of a role that a
third party defines, fills the same tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stgcmt.clock import NS
from stgcmt.transcript import Transcript
from stgcmt.views.association import Association, Message, hex4
from stgcmt.views.dimse import dimse
from stgcmt.wire.items import Associate
from stgcmt_reports.statement import ends_dimse
from stgcmt_reports.statement.dimse_values import NO_ANSWER, PUSH_MODEL, DimseSeen, Side
from stgcmt_reports.statement.modules import FILE_SET_ID, FILE_SET_UID, RETRIEVE_AE, Information, of_message
from stgcmt_reports.statement.values import Seen

__all__ = ["NEW", "NO_ANSWER", "PUSH_MODEL", "SAME", "DimseSeen", "Side", "observe", "status_name"]
SAME, NEW = "the association of the request", "an association of its own"


def observe(transcripts: Mapping[str, Transcript], *, sut_asks: bool) -> DimseSeen:
    """Everything that these transcripts show of the SUT in this direction."""
    seen = DimseSeen(sut_asks)
    for name, transcript in transcripts.items():
        view = dimse(transcript)
        if view.all_associations:
            _Reader(seen, name, transcript).read()
    return seen


class _Reader:
    """One transcript."""

    def __init__(self, seen: DimseSeen, name: str, transcript: Transcript) -> None:
        self.seen = seen
        self.name = name
        self.view = dimse(transcript)
        self.actions = [
            (each, of_message(each))
            for each in self.view.messages("N-ACTION-RQ", incoming=seen.sut_asks)
            if each.command.requested_class in {PUSH_MODEL, None} or each.abstract_syntax == PUSH_MODEL
        ]
        self.events = [
            (each, of_message(each)) for each in self.view.messages("N-EVENT-REPORT-RQ", incoming=not seen.sut_asks)
        ]

    def read(self) -> None:
        for assoc in self.view.all_associations:
            self._association(assoc)
        for message, asked in self.actions:
            self._action(message, asked)
        for message, told in self.events:
            self._report(message, told)
        ends_dimse.read(self.seen, self.name, self.view, self.actions, self.events)
        if self.seen.sut_asks:
            self._beliefs()
        else:
            committed = frozenset(each[1] for _, info in self.events for each in info.committed)
            self.seen.kept.read(self.name, self.view.transcript, committed)
        for message in self.view.messages("C-STORE-RSP", incoming=not self.seen.sut_asks):
            uid = message.command.affected_class
            if message.status == 0 and uid:
                self._add(self.seen.stored, uid, message)

    def _add(self, seen: Seen, value: object, *messages: Message | None) -> None:
        known = [each for each in messages if each is not None]
        seen.add(value, self.name, known[0].step if known else None, [n for each in known for n in each.events])

    # --- associations ---------------------------------------------------------------------------------------------------

    def _association(self, assoc: Association) -> None:
        """The SUT's half of a negotiation: it proposes where we accept, and answers where we ask."""
        initiated = assoc.side == "acceptor"
        side = self.seen.initiated if initiated else self.seen.accepted
        said = assoc.rq if initiated else assoc.ac
        step, where = assoc.step, assoc.negotiation_events or assoc.events[:1]
        for event in assoc.record:
            if event.kind == "conn.tls":
                side.tls.add((event.info.get("version"), event.info.get("cipher")), self.name, step, (event.n,))
        if said is not None and assoc.rq is not None:
            side.application.add(said.application_context or "absent", self.name, step, where)
            side.implementation.add(said.implementation_uid or "absent", self.name, step, where)
            side.version.add(said.implementation_version or "absent", self.name, step, where)
            side.max_pdu.add(said.max_pdu, self.name, step, where)
            side.window.add(said.async_ops or "not negotiated", self.name, step, where)
            side.calling.add(assoc.calling_ae, self.name, step, where)
            side.called.add(assoc.called_ae, self.name, step, where)
            for item in said.ext_neg:
                side.extended.add(item.uid, self.name, step, where)
            if assoc.rq.identity is not None and initiated:
                side.identity.add("User Identity negotiation", self.name, step, where)
            self._contexts(assoc, side, proposed=initiated)

    def _contexts(self, assoc: Association, side: Side, *, proposed: bool) -> None:
        where = assoc.negotiation_events
        if proposed:
            for context in assoc.rq.contexts if assoc.rq else ():
                words = _roles(assoc.rq, context.abstract_syntax)
                for syntax in context.transfer_syntaxes:
                    side.contexts.add((context.abstract_syntax, syntax, words), self.name, assoc.step, where)
            return
        for granted in assoc.contexts:
            key = (granted.abstract_syntax, granted.transfer_syntax, _roles(assoc.ac, granted.abstract_syntax))
            side.contexts.add(key, self.name, assoc.step, where)
        accepted = {each.id for each in assoc.contexts}
        for context in assoc.rq.contexts if assoc.rq else ():
            if context.id not in accepted and context.abstract_syntax == PUSH_MODEL and assoc.ac is not None:
                side.rejected.add(context.abstract_syntax, self.name, assoc.step, where)

    # --- messages -------------------------------------------------------------------------------------------------------

    def _action(self, message: Message, asked: Information) -> None:
        response = self.view.response_to(message)
        status = NO_ANSWER if response is None or response.status is None else response.status
        self._add(self.seen.action, status, message, response)
        kept = "sent" if {FILE_SET_ID, FILE_SET_UID} & (asked.outside | asked.inside) else "not sent"
        verb = kept if self.seen.sut_asks or kept == "not sent" else "accepted" if status == 0 else "refused"
        self._add(self.seen.file_set_asked, verb, message, response)
        for uid in asked.classes:
            self._add(self.seen.classes, uid, message)
        if self.seen.sut_asks:
            self._add(self.seen.after_status, (status, self._next(message, asked)), message, response)

    def _next(self, message: Message, named: Information) -> str:
        """What a SUT that asks did after this message: with the same instances, or under the same Transaction UID."""
        later = [(each, info) for each, info in self.actions if each.t_first > message.t_first]
        if any(info.transaction_uid == named.transaction_uid for _, info in later):
            return "asks again under the same Transaction UID"
        instances = {uid for uid in named.instances if uid}
        if any(instances & info.instances for _, info in later):
            return "asks again under a new Transaction UID"
        return "sends nothing more for it during the scenario"

    def _beliefs(self) -> None:
        """What the SUT says that it holds an instance for, by the last report, else response, that concerned it."""
        for event in self.view.transcript.of("state"):
            uid, held = str(event.info.get("sop_instance_uid")), event.info.get("committed")
            if held is None:
                continue
            words = f"holds the instance as {'committed' if held else 'not committed'}"
            reports = [pair for pair in self.events if pair[0].t_last < event.t and uid in pair[1].instances]
            asked = [pair for pair in self.actions if pair[0].t_last < event.t and uid in pair[1].instances]
            step = event.step
            if reports:
                message, told = reports[-1]
                where = (*message.events, event.n)
                reason = next((each[2] for each in told.failed if each[1] == uid and each[2] is not None), None)
                if reason is None:
                    self.seen.after_success.add(words, self.name, step, where)
                else:
                    self.seen.after_reason.add((reason, words), self.name, step, where)
            elif asked:
                response = self.view.response_to(asked[-1][0])
                status = NO_ANSWER if response is None or response.status is None else response.status
                self.seen.after_status.add((status, words), self.name, step, (*asked[-1][0].events, event.n))

    def _report(self, message: Message, told: Information) -> None:
        response = self.view.response_to(message)
        receipt = NO_ANSWER if response is None or response.status is None else response.status
        self._add(self.seen.reports, receipt, message, response)
        asked = next((each for each, info in self.actions if info.transaction_uid == told.transaction_uid), None)
        if not self.seen.sut_asks:
            content = "instances failed" if told.failed else "all instances are committed"
            self._add(self.seen.event_types, (message.command.event_type, content), message)
            answer = self.view.response_to(asked) if asked is not None else None
            status = NO_ANSWER if answer is None or answer.status is None else answer.status
            self._add(self.seen.triggers, None if asked is None else status, asked, message)
        same = asked is not None and asked.assoc.conn == message.assoc.conn
        self._add(self.seen.arrival, SAME if same else NEW, message)
        if asked is not None and told.transaction_uid:
            self._add(self.seen.delays, max(round((message.t_first - asked.t_last) / NS, 2), 0.0), asked, message)
        for reason in told.reasons:
            self._add(self.seen.reasons, reason, message)
            if self.seen.sut_asks:
                self._add(self.seen.after_reason, (reason, self._next(message, told)), message, response)
        level = _level(told, (RETRIEVE_AE,))
        self._add(self.seen.retrieve_ae, f"{level}, without a value" if RETRIEVE_AE in told.empty else level, message)
        self._add(self.seen.file_set_told, _level(told, (FILE_SET_ID, FILE_SET_UID)), message)
        if not self.seen.sut_asks:
            for uid in {each[0] for each in told.committed if each[0]}:
                self._add(self.seen.classes, uid, message)
            asked_again = sum(info.transaction_uid == told.transaction_uid for _, info in self.actions) > 1
            again = any(
                info.transaction_uid == told.transaction_uid and each.t_first > message.t_last
                for each, info in self.events
            )
            what = "sends the report again" if again else "does not send it again during the scenario"
            if not (asked_again and again):  # the other report answers the other request
                self._add(self.seen.after_receipt, (receipt, what), message, response)


def _roles(said: Associate | None, uid: str) -> str:
    """The role items of a SOP class; one is the rule, none means the defaults."""
    found = [f"SCU={role.scu} SCP={role.scp}" for role in said.roles if role.uid == uid] if said is not None else []
    return " and ".join(found) or "default"


def _level(told: Information, tags: Iterable[int]) -> str:
    """Where attributes of a report stand."""
    outside, inside = (bool(set(tags) & found) for found in (told.outside, told.inside))
    if outside and inside:
        return "beside the sequence and in its items"
    return "beside the sequence" if outside else "in the sequence's items" if inside else "absent"


def status_name(status: int) -> str:
    """``0120H``, or that there was no response."""
    return "no response" if status == NO_ANSWER else hex4(status)
