"""How the reference SCU takes a report: what it answers, and what it lets go of."""

from __future__ import annotations

from dataclasses import dataclass, field

from stgcmt.actors.acceptor import Reply
from stgcmt.actors.association import Association
from stgcmt.actors.signal import Signal
from stgcmt.wire import command as cmd
from stgcmt.wire.command import Value
from stgcmt.wire.pdv import Message
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE
from stgcmt_suites.scu.modules import Read, UnreadableError, event_information
from stgcmt_suites.scu.outbox import DONE, Outbox
from stgcmt_suites.scu.settings import Settings

SUCCESS, FAILURE, NO_INSTANCE, NO_EVENT, INVALID, NO_CLASS, UNRECOGNISED = (
    0x0000,
    0x0110,
    0x0112,
    0x0113,
    0x0115,
    0x0118,
    0x0211,
)
KNOWN_EVENTS = (1, 2)


class RefusedError(Exception):
    """The report is not processed; the status says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}H")
        self.status = status


@dataclass
class Reports:
    """Takes reports on any association; transactions are found by their UID."""

    outbox: Outbox
    chosen: Settings
    _expected: dict[str, Signal] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)

    def expect(self, uid: str) -> Signal:
        """Set once a report under this Transaction UID was taken."""
        return self._expected.setdefault(uid, Signal())

    def failed_any(self, uid: str) -> bool:
        """Whether a report under this Transaction UID failed an instance."""
        return uid in self._failed

    async def take(self, assoc: Association, message: Message, *, ours: bool) -> Reply | None:
        """The answer to one N-EVENT-REPORT; ``ours``: on an association that this client opened."""
        faulty = self.chosen.faulty
        if faulty("no-response"):
            return None
        if faulty("event-report-unrecognised"):
            return self._reply(message, UNRECOGNISED)
        early = getattr(assoc.stream, "answered", ())
        try:
            self._process(assoc, message, ours=ours)
        except RefusedError as refused:
            if faulty("aborts-on-bad-report"):
                await assoc.abort()
                return None
            if faulty("silent-on-bad-report"):
                return None
            status = SUCCESS if faulty("success-for-bad-report") else refused.status
            return self._reply(message, FAILURE if faulty("general-failure-for-bad-report") and status else status)
        return None if message.command.message_id in early else self._reply(message, SUCCESS)

    def _process(self, assoc: Association, message: Message, *, ours: bool) -> None:
        faulty, command = self.chosen.faulty, message.command
        if command.affected_class != COMMITMENT_PUSH:
            raise RefusedError(NO_CLASS)
        if command.affected_instance != COMMITMENT_PUSH_INSTANCE:
            raise RefusedError(NO_INSTANCE)
        if command.event_type not in KNOWN_EVENTS and not faulty("believes-any-event-type"):
            raise RefusedError(NO_EVENT)
        syntax = assoc.contexts[message.context_id].transfer_syntax
        try:
            read = event_information(message.data, syntax)
        except UnreadableError as error:
            raise RefusedError(INVALID) from error
        if not read.reasoned:
            raise RefusedError(INVALID)
        if not ours and faulty("matches-by-association"):
            raise RefusedError(NO_INSTANCE)
        asked = self._asked(read)
        self.outbox.commit(self._committed(read, asked, command.event_type))
        self.outbox.end(read.transaction_uid, DONE, f"event type {command.event_type}")
        if read.failed:
            self._failed.add(read.transaction_uid)
        self.expect(read.transaction_uid).set()

    def _asked(self, read: Read) -> set[str]:
        """What the transaction asked for; raises ``RefusedError`` where there is none of this UID."""
        asked = self.outbox.asked_under(read.transaction_uid)
        if asked is None and self.chosen.faulty("matches-by-instances"):
            asked = self.outbox.asking_for(read.committed) or None
        if asked is None:
            if self.chosen.faulty("believes-foreign"):
                return set()
            raise RefusedError(self.chosen.unknown_status)
        return set(asked)

    def _committed(self, read: Read, asked: set[str], event_type: int | None) -> set[str]:
        """What may be let go of: asked for in this transaction, and in the committed list alone."""
        truth = (asked & read.committed) - read.failed
        beliefs = {
            "believes-any-report": asked,
            "believes-left-out": asked - read.failed,
            "believes-type-1": asked if event_type == 1 else truth,
            "believes-foreign": set(read.committed),
            "believes-similar": {u for u in asked if any(each.startswith(u) for each in read.committed)} - read.failed,
            "believes-both-lists": asked & read.committed,
        }
        return next((they for name, they in beliefs.items() if they != truth and self.chosen.faulty(name)), truth)

    def _reply(self, message: Message, status: int) -> Reply:
        faulty = self.chosen.faulty
        fields: dict[int, Value] = {}
        if self.chosen.bare:
            fields = {cmd.AFFECTED_CLASS: None, cmd.AFFECTED_INSTANCE: None, cmd.EVENT_TYPE: None}
        if faulty("wrong-affected-uids"):
            fields[cmd.AFFECTED_INSTANCE] = COMMITMENT_PUSH
        if faulty("wrong-event-type-in-response"):
            fields[cmd.EVENT_TYPE] = 2 if message.command.event_type != 2 else 1
        if faulty("wrong-message-id"):
            fields[cmd.RESPONDED_TO] = ((message.command.message_id or 0) + 1) & 0xFFFF
        if faulty("no-data-set-type-in-response"):
            fields[cmd.DATA_SET_TYPE] = None
        return Reply(status, message.data if self.chosen.sends_information else None, fields)
