"""What the reference SCP does with an N-ACTION request: read it, refuse it with the fitting status, or accept it.

The statuses are those of PS3.7 10.1.4.1.10, and of PS3.4 5.4.2.1 for attributes that are missing or empty. A request
is refused only for what is wrong with the request; what is wrong with an instance is told by the report.
"""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

from stgcmt.actors.acceptor import Reply
from stgcmt.actors.association import Association
from stgcmt.wire import command as cmd
from stgcmt.wire.command import Command, Value
from stgcmt.wire.pdv import Message
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE
from stgcmt_suites.commitment.reasons import DUPLICATE_TRANSACTION
from stgcmt_suites.commitment.store import Asked, Decided, Store
from stgcmt_suites.scp.archive import Archive
from stgcmt_suites.scp.delivery import Courier
from stgcmt_suites.scp.early import EarlySuccess
from stgcmt_suites.scp.reading import FileSet, Parsed, parsed
from stgcmt_suites.scp.settings import Settings

SUCCESS, PROCESSING_FAILURE, NO_SUCH_INSTANCE, NO_SUCH_ARGUMENT, INVALID_ARGUMENT = (
    0x0000,
    0x0110,
    0x0112,
    0x0114,
    0x0115,
)
INVALID_INSTANCE, NO_SUCH_CLASS, MISSING, EMPTY, NO_SUCH_ACTION, REFUSED = (
    0x0117,
    0x0118,
    0x0120,
    0x0121,
    0x0123,
    0x0124,
)
UNRECOGNISED = 0x0211
# Action Type ID may accompany success, and these failures (PS3.7 C.5).
WITH_ACTION_TYPE = frozenset({SUCCESS, NO_SUCH_ARGUMENT, INVALID_ARGUMENT, NO_SUCH_ACTION})

UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")
# Faults that answer another failure status than the one that fits.
SUBSTITUTES = {
    "processing-failure-for-missing": {MISSING: PROCESSING_FAILURE},
    "processing-failure-for-empty": {EMPTY: PROCESSING_FAILURE},
    "processing-failure-for-action-type": {NO_SUCH_ACTION: PROCESSING_FAILURE},
    "processing-failure-for-instance": {NO_SUCH_INSTANCE: PROCESSING_FAILURE, INVALID_INSTANCE: PROCESSING_FAILURE},
    "processing-failure-for-class": {NO_SUCH_CLASS: PROCESSING_FAILURE},
}


class RefusedError(Exception):
    """The request is not processed; the status says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}H")
        self.status = status


@dataclass(frozen=True)
class Request:
    """A request as it was read; ``duplicated`` where it names an instance more than once."""

    transaction_uid: str
    asked: tuple[Asked, ...]
    duplicated: bool = False
    file_set: tuple[FileSet, ...] = ()


def is_uid(text: str) -> bool:
    """Whether a text obeys PS3.5 9.1."""
    return len(text) <= 64 and UID.fullmatch(text) is not None


@dataclass
class Requests:
    """The N-ACTION service; ``knows`` says whether reports can go to an AE title."""

    settings: Settings
    store: Store
    archive: Archive
    courier: Courier
    knows: Callable[[str], bool]
    _served: weakref.WeakSet[Association] = field(default_factory=weakref.WeakSet)

    async def __call__(self, assoc: Association, message: Message) -> Reply | None:
        """Serve one N-ACTION-RQ; ``None`` where nothing more is to be answered."""
        faulty, choices = self.settings.faulty, self.settings.choices
        assoc.peer_max_pdu = choices.limit(assoc.peer_max_pdu)
        await asyncio.sleep(choices.respond_after_s)
        if faulty("no-response") or (faulty("one-request-an-association") and assoc in self._served):
            return None
        self._served.add(assoc)
        if faulty("n-action-unrecognised"):
            return Reply(UNRECOGNISED)
        if isinstance(assoc.stream, EarlySuccess) and message.command.message_id in assoc.stream.answered:
            self._take_anyway(assoc, message)
            return None
        try:
            self._check(assoc, message.command)
            request = self._read(assoc, message)
            self._judge(assoc, request)
        except RefusedError as refused:
            return await self._refuse(assoc, message, refused.status)
        if faulty("report-before-response") and request.transaction_uid:
            await self.courier.at_once(self._begin(assoc, request), assoc)
        elif not self._take(assoc, request) and faulty("pending-duplicate-lost"):
            return None
        if choices.report_first:
            await self.courier.settled(request.transaction_uid)
        return Reply(SUCCESS, fields=self._fields(message.command, SUCCESS))

    async def refuse_operation(self, assoc: Association, message: Message) -> Reply:
        """Any other operation on the context: 0211H, unrecognised operation."""
        status = UNRECOGNISED
        if assoc.contexts[message.context_id].abstract_syntax == COMMITMENT_PUSH:
            if self.settings.faulty("success-for-other-operation"):
                status = SUCCESS
            elif self.settings.faulty("processing-failure-for-class"):
                status = PROCESSING_FAILURE
        return Reply(status)

    # --- reading and judging

    def _check(self, assoc: Association, command: Command) -> None:
        faulty = self.settings.faulty
        status = self.settings.choices.status
        if command.requested_class != COMMITMENT_PUSH and not faulty("success-for-wrong-class"):
            swapped = command.requested_class == COMMITMENT_PUSH_INSTANCE
            raise RefusedError(status("swapped" if swapped else "class"))
        instance = command.requested_instance or ""
        lenient = faulty("success-for-wrong-instance") or (
            faulty("success-for-wrong-class") and instance == COMMITMENT_PUSH
        )
        if instance != COMMITMENT_PUSH_INSTANCE and not lenient:
            raise RefusedError(status("instance" if is_uid(instance) else "malformed-instance"))
        if command.action_type != 1 and not faulty("success-for-wrong-action-type"):
            raise RefusedError(status("action-type"))
        calling = assoc.request.calling_ae if assoc.request else ""
        if self._is_denied(assoc):
            if not faulty("serves-without-permission"):
                raise RefusedError(PROCESSING_FAILURE if faulty("no-reason-without-permission") else status("denied"))
        elif not self.knows(calling) and not faulty("accepts-unknown-caller"):
            raise RefusedError(status("caller"))

    def _read(self, assoc: Association, message: Message) -> Request:
        faulty = self.settings.faulty
        if not message.data:
            if faulty("success-for-no-information"):
                return Request("", ())
            raise RefusedError(self.settings.choices.status("missing"))
        try:
            return self._request(parsed(message.data, assoc.contexts[message.context_id].transfer_syntax))
        except RefusedError:
            raise
        except Exception as error:  # a caller's bytes may break the reader in any way
            raise RefusedError(PROCESSING_FAILURE) from error

    def _request(self, read: Parsed) -> Request:
        uid, status = self._uid(read.uid, "transaction-uid"), self.settings.choices.status
        items = read.readable_items()
        if items is None:
            if not self.settings.faulty("success-for-no-references"):
                raise RefusedError(status("missing"))
        elif not items and not self.settings.faulty("success-for-empty-sequence"):
            raise RefusedError(status("empty"))
        asked = tuple(
            Asked(self._uid(sop_class, "item-class"), self._uid(sop_instance, "item-instance"))
            for sop_class, sop_instance in items or ()
        )
        self._refuse_optional(read)
        asked = tuple(self._completed(each) for each in asked if each.sop_instance_uid)
        named = [each.sop_instance_uid for each in asked]
        duplicated = len(set(named)) < len(named)
        if duplicated and status("duplicate") == SUCCESS and self.settings.choices.duplicates == "once":
            asked = tuple({each.sop_instance_uid: each for each in reversed(asked)}.values())[::-1]
        return Request(uid, asked, duplicated, read.readable_file_sets())

    def _uid(self, said: str | None, what: str) -> str:
        """The value of a mandatory UID (``None``: absent); empty only where a fault lets that pass."""
        if said is None:
            if self.settings.faulty(f"success-for-missing-{what}"):
                return ""
            raise RefusedError(self.settings.choices.status("missing"))
        if not said and not self.settings.faulty(f"success-for-empty-{what}"):
            raise RefusedError(self.settings.choices.status("empty"))
        return said

    def _completed(self, asked: Asked) -> Asked:
        """A reference without class, where a fault lets it pass, is looked up by its instance alone."""
        if asked.sop_class_uid:
            return asked
        held = self.store.instance(asked.sop_instance_uid)
        return Asked(held.sop_class_uid if held else "", asked.sop_instance_uid)

    def _refuse_optional(self, read: Parsed) -> None:
        """What two faults take for an error: attributes that are optional, or were so once."""
        if read.names_file_set and self.settings.faulty("refuses-file-set"):
            raise RefusedError(NO_SUCH_ARGUMENT)
        if read.names_performed_step and self.settings.faulty("refuses-retired-attribute"):
            raise RefusedError(NO_SUCH_ARGUMENT)

    def _judge(self, assoc: Association, request: Request) -> None:
        faulty, uid = self.settings.faulty, request.transaction_uid
        if uid and not is_uid(uid) and not faulty("serves-malformed-transaction-uid"):
            self._may("malformed-uid", fault="processing-failure-for-malformed-uid")
        if request.duplicated and not faulty("duplicate-with-two-results"):
            self._may("duplicate", fault="processing-failure-for-duplicate")
        if self.courier.is_finished(uid) and not faulty("finished-uid-served"):
            self._may("finished")
        if self.courier.is_pending(uid):
            self._may("pending")
        if faulty("fails-when-instance-missing") and any(each.reason for each in self.store.decide(request.asked)):
            raise RefusedError(NO_SUCH_INSTANCE)
        if faulty("needs-the-storing-association"):
            here = self.archive.stored_on(assoc)
            if any(
                self.store.instance(each.sop_instance_uid) and each.sop_instance_uid not in here
                for each in request.asked
            ):
                raise RefusedError(PROCESSING_FAILURE)

    def _may(self, what: str, fault: str = "") -> None:
        """Refuse where that is the choice of this SCP; ``fault`` answers 0110H then."""
        status = self.settings.choices.status(what)
        if status != SUCCESS:
            raise RefusedError(PROCESSING_FAILURE if fault and self.settings.faulty(fault) else status)

    def _is_denied(self, assoc: Association) -> bool:
        return assoc.request is not None and assoc.request.calling_ae == self.settings.denied_ae_title

    # --- taking and refusing

    def _take(self, assoc: Association, request: Request) -> bool:
        """Begin a transaction, or a second one under a UID that is pending or finished: that one fails with 0131H."""
        if not request.transaction_uid:
            return True
        used = self.courier.is_pending(request.transaction_uid) or (
            self.courier.is_finished(request.transaction_uid) and not self.settings.faulty("finished-uid-served")
        )
        if not used or self.settings.faulty("pending-duplicate-served-twice"):
            self.courier.start(self._begin(assoc, request), assoc)
            return True
        if not self.settings.faulty("pending-duplicate-lost"):
            decided = tuple(Decided(each, DUPLICATE_TRANSACTION) for each in dict.fromkeys(request.asked))
            self.courier.start(self._begin(assoc, request, decided), assoc)
        return False

    def _begin(self, assoc: Association, request: Request, decided: tuple[Decided, ...] = ()) -> str:
        asked = assoc.request
        calling, called = (asked.calling_ae, asked.called_ae) if asked else ("", "")
        return self.courier.begin(
            request.transaction_uid,
            request.asked,
            calling=calling,
            called=called,
            decided=decided,
            twice=request.duplicated,
            file_set=request.file_set,
        )

    async def _refuse(self, assoc: Association, message: Message, status: int) -> Reply | None:
        faulty = self.settings.faulty
        if status in {MISSING, EMPTY} and faulty("silent-on-malformed"):
            return None
        if status in {MISSING, EMPTY} and faulty("abort-on-malformed"):
            await assoc.abort()
            return None
        if status == INVALID_ARGUMENT and faulty("silent-on-invalid-argument"):
            return None
        if status == REFUSED and faulty("silent-without-permission") and self._is_denied(assoc):
            return None
        if faulty("report-after-refusal"):
            self._take_anyway(assoc, message)
        status = next((they[status] for name, they in SUBSTITUTES.items() if status in they and faulty(name)), status)
        return Reply(status, fields=self._fields(message.command, status))

    def _take_anyway(self, assoc: Association, message: Message) -> None:
        """Process a request that is being refused, where it has all that a report needs."""
        try:
            request = self._read(assoc, message)
        except RefusedError:
            return
        if request.asked and not request.duplicated and not self.courier.is_finished(request.transaction_uid):
            self._take(assoc, request)

    def _fields(self, command: Command, status: int) -> dict[int, Value]:
        """The optional fields of the response: what may accompany its status (PS3.7 C.5), and what faults do."""
        faulty = self.settings.faulty
        choices = self.settings.choices
        fields: dict[int, Value] = {} if status in WITH_ACTION_TYPE and choices.action_type else {cmd.ACTION_TYPE: None}
        if not choices.affected_uids:
            fields |= {cmd.AFFECTED_CLASS: None, cmd.AFFECTED_INSTANCE: None}
        if choices.comments and status == PROCESSING_FAILURE:
            fields[cmd.ERROR_COMMENT] = "see the log of the archive"
        if faulty("wrong-affected-uids-in-response"):
            fields[cmd.AFFECTED_INSTANCE] = COMMITMENT_PUSH
        if faulty("wrong-action-type-in-response"):
            fields[cmd.ACTION_TYPE] = 2 if command.action_type != 2 else 1
        if faulty("wrong-message-id"):
            fields[cmd.RESPONDED_TO] = ((command.message_id or 0) + 1) & 0xFFFF
        if faulty("wrong-command-field"):
            fields[cmd.FIELD] = cmd.N_EVENT_REPORT_RQ | cmd.RESPONSE
        if faulty("no-data-set-type-in-response"):
            fields[cmd.DATA_SET_TYPE] = None
        if faulty("error-comment-with-0115") and status == INVALID_ARGUMENT:
            fields[cmd.ERROR_COMMENT] = "invalid argument value"
        return fields
