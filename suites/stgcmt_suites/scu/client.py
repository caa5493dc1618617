"""The reference SCU: it stores, asks, takes reports wherever they come, and lets go only of what is committed.

The life of a transaction: C-STORE of each instance, N-ACTION under a fresh Transaction UID, then a report on the same
association or on one that the archive opens; it is matched by its UID alone. Each deviation on request (``Settings.faults``)
changes one thing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from stgcmt.actors.association import Association
from stgcmt.actors.outcome import Outcome, Released, Response, Split, Timeouts
from stgcmt.actors.requestor import associate
from stgcmt.actors.signal import Signal, any_of
from stgcmt.suite import Setting
from stgcmt.wire import command as cmd
from stgcmt.wire.command import Value
from stgcmt.wire.items import Extended, Role
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.pdv import Message
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE
from stgcmt_suites.scu.modules import action_information, stored_form
from stgcmt_suites.scu.outbox import ENDED, Held, Outbox
from stgcmt_suites.scu.reports import Reports
from stgcmt_suites.scu.settings import Settings

ATTEMPTS = 2  # requests for the same instances, each under a Transaction UID of its own
NO_REPORT_S = 1.0  # after so long without a report the fault lets-go-unreported believes what nobody said
WIDE = 1 << 20  # the fault ignores-maximum-length: as if the archive had announced this


class Untaped:
    """What this client does is recorded by nobody."""

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Archive:
    """Where instances and requests go."""

    host: str
    port: int
    ae_title: str


class Client:
    """Stores and commits instances, each job in a task of its own."""

    def __init__(self, outbox: Outbox, reports: Reports, setting: Setting, chosen: Settings) -> None:
        self._outbox, self._reports, self._chosen = outbox, reports, chosen
        self._network, self._clock, self._uid = setting.network, setting.clock, setting.uid
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []

    def submit(self, archive: Archive, held: Sequence[Held]) -> None:
        """Begin to store and to commit these instances."""
        self._spawn(self._job(archive, list(held)))

    async def aclose(self) -> None:
        """Stop; what is pending stays on disk, and its report is taken by the next life."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    # --- one job

    async def _job(self, archive: Archive, held: list[Held]) -> None:
        chosen = self._chosen
        await asyncio.sleep(chosen.begins_after_s)
        if chosen.one_association:
            await self._all_on_one(archive, held)
            return
        late = chosen.faulty("asks-before-storing")
        if chosen.stores and not late:
            held = await self._store_alone(archive, held)
        if not held or chosen.faulty("never-asks"):
            return
        uid = self._fresh_uid(held)
        for _ in range(ATTEMPTS):
            again = await self._transaction(archive, uid, held)
            if late:
                await self._store_alone(archive, held)
            if not again:
                return
            if not chosen.faulty("same-uid-after-refusal", "same-uid-after-report"):
                uid = self._fresh_uid(held)

    def _fresh_uid(self, held: Sequence[Held]) -> str:
        if self._chosen.faulty("uid-of-the-study"):
            return f"{held[0].study_instance_uid}.1"
        uid = self._uid(held[0].sop_instance_uid)
        return f"1.2.040.{uid[-20:]}" if self._chosen.faulty("leading-zero-in-uid") else uid

    # --- storing

    def _read(self, held: Sequence[Held]) -> list[tuple[Held, str, bytes]]:
        """Instances with their transfer syntax and data set."""
        return [(each, *stored_form(self._outbox.read(each))) for each in held]

    @staticmethod
    def _storage(sent: Sequence[tuple[Held, str, bytes]]) -> list[tuple[str, tuple[str, ...]]]:
        kinds = {(each.sop_class_uid, syntax) for each, syntax, _ in sent}
        return [(sop_class, (syntax,)) for sop_class, syntax in sorted(kinds)]

    async def _store_alone(self, archive: Archive, held: Sequence[Held]) -> list[Held]:
        sent = self._read(held)
        async with self._associate(archive, Proposal(tuple(self._storage(sent)))) as assoc:
            return await self._store(assoc, sent)

    async def _store(self, assoc: Association, sent: Sequence[tuple[Held, str, bytes]]) -> list[Held]:
        """Send instances by C-STORE; those that the archive took."""
        taken = []
        for each, syntax, data in sent:
            answer = await assoc.c_store(each.sop_class_uid, each.sop_instance_uid, data, syntax)
            if isinstance(answer, Response) and answer.status == 0:
                taken.append(each)
        if self._chosen.faulty("believes-stored"):
            self._outbox.commit(each.sop_instance_uid for each in taken)
        return taken

    async def _all_on_one(self, archive: Archive, held: list[Held]) -> None:
        sent = self._read(held)
        contexts = (*self._storage(sent), *self._proposal().contexts)
        proposal = Proposal(contexts, self._proposal().roles)
        async with self._associate(archive, proposal) as assoc:
            taken = await self._store(assoc, sent)
            if taken:
                await self._ask(assoc, archive, self._fresh_uid(taken), taken)

    # --- asking

    def _proposal(self) -> Proposal:
        chosen = self._chosen
        syntaxes = (EXPLICIT_LE,) if chosen.faulty("no-implicit") else chosen.proposes
        roles: tuple[Role, ...] = () if chosen.role is None else (Role(COMMITMENT_PUSH, *chosen.role),)
        if chosen.faulty("two-role-items"):
            roles = (Role(COMMITMENT_PUSH, 1, 0), Role(COMMITMENT_PUSH, 1, 0))
        extended = (Extended(COMMITMENT_PUSH, b"\x01"),) if chosen.faulty("extended-negotiation") else ()
        return Proposal(((COMMITMENT_PUSH, syntaxes),), roles, extended)

    def _associate(self, archive: Archive, proposal: Proposal) -> contextlib.AbstractAsyncContextManager[Association]:
        chosen = self._chosen
        timeouts = Timeouts(connect=5.0, associate=5.0, response=chosen.response_s, release=2.0, linger=0.5)
        return associate(
            self._network, self._clock, Untaped(), archive.host, archive.port, called_ae=archive.ae_title,
            calling_ae=chosen.ae_title, proposal=proposal, max_pdu=chosen.max_pdu, timeouts=timeouts, on_message=self._heard,
        )  # fmt: skip

    async def _heard(self, assoc: Association, message: Message) -> None:
        """A report on an association of ours; anything else is not for a client."""
        if message.command.field != cmd.N_EVENT_REPORT_RQ:
            await assoc.respond(message, 0x0211)
            return
        reply = await self._reports.take(assoc, message, ours=True)
        if reply is not None:
            await assoc.respond(message, reply.status, fields=reply.fields)

    async def _transaction(self, archive: Archive, uid: str, held: list[Held]) -> bool:
        """One request and what follows from it; whether to ask once more."""
        async with self._associate(archive, self._proposal()) as assoc:
            return await self._ask(assoc, archive, uid, held)

    async def _ask(self, assoc: Association, archive: Archive, uid: str, held: list[Held]) -> bool:
        chosen = self._chosen
        if self._put_off(assoc):
            await assoc.abort()
        syntax = assoc.transfer_syntax(COMMITMENT_PUSH)
        if syntax is None:
            return False
        asked = [each.sop_instance_uid for each in held]
        self._outbox.begin(uid, f"{archive.ae_title}@{archive.host}:{archive.port}", asked)
        heard = self._reports.expect(uid)
        if chosen.faulty("ignores-maximum-length"):
            assoc.peer_max_pdu = WIDE
        data = action_information(uid, held, syntax, chosen)
        split = Split(chosen.pause_in_request_s) if chosen.pause_in_request_s else None
        answer = await assoc.n_action(data, **self._command(), split=split)
        if isinstance(answer, Response) and answer.status != 0:
            return self._refused(uid, asked, answer)
        if isinstance(answer, Response) and chosen.faulty("believes-accepted"):
            self._outbox.commit(asked)
        if chosen.faulty("reports-itself"):
            await assoc.n_event_report(data, 1, timeout=0.5)
        if isinstance(answer, Response):
            await self._hold(assoc, heard)
        if not assoc.open and not isinstance(assoc.outcome, Released) and chosen.faulty("forgets-after-abort"):
            self._outbox.forget(uid)
        if assoc.open:
            await assoc.release()
        return await self._afterwards(uid, asked, heard, answer)

    def _put_off(self, assoc: Association) -> bool:
        """Two faults: what the answer says of roles is taken for an error."""
        said = assoc.answer.role(COMMITMENT_PUSH) if assoc.answer else None
        asked = assoc.request.role(COMMITMENT_PUSH) if assoc.request else None
        unproposed = said is not None and (asked is None or said.scp > asked.scp or said.scu > asked.scu)
        unanswered = asked is not None and said is None
        faulty = self._chosen.faulty
        return (unproposed and faulty("breaks-on-unproposed-role")) or (unanswered and faulty("needs-a-role-answer"))

    def _command(self) -> dict[str, Any]:
        """The arguments of N-ACTION beside its data set."""
        faulty = self._chosen.faulty
        made: dict[str, Any] = {}
        if faulty("wrong-action-type"):
            made["action_type"] = 2
        if faulty("swapped-uids"):
            made |= {"class_uid": COMMITMENT_PUSH_INSTANCE, "instance_uid": COMMITMENT_PUSH}
        if faulty("wrong-instance"):
            made["instance_uid"] = "1.2.840.10008.1.20.1.2"
        if faulty("wrong-class"):
            made["class_uid"] = "1.2.840.10008.1.20.2"
        overrides: dict[int, Value] = {}
        if faulty("no-group-length"):
            overrides[cmd.GROUP_LENGTH] = None
        if faulty("no-data-set-type"):
            overrides[cmd.DATA_SET_TYPE] = None
        return {**made, "overrides": overrides}

    def _refused(self, uid: str, asked: Sequence[str], answer: Response) -> bool:
        self._outbox.end(uid, ENDED, f"{answer.status or 0:04X}H")
        if self._chosen.faulty("believes-refused"):
            self._outbox.commit(asked)
        return self._chosen.asks_anew or self._chosen.faulty("same-uid-after-refusal")

    async def _hold(self, assoc: Association, heard: Signal) -> None:
        """Keep the association for the report, for as long as this client does."""
        await any_of(self._chosen.hold_s, heard, assoc.ended)

    async def _afterwards(self, uid: str, asked: list[str], heard: Signal, answer: Outcome) -> bool:
        """What two kinds of clients do later: ask again for what failed; or lose patience, which is a fault."""
        chosen = self._chosen
        again = chosen.asks_anew or chosen.faulty("same-uid-after-report")
        if not again and not chosen.faulty("lets-go-unreported"):
            return False
        await heard.within(NO_REPORT_S)
        if chosen.faulty("lets-go-unreported") and not heard.is_set() and isinstance(answer, Response):
            self._outbox.commit(asked)
        return again and self._reports.failed_any(uid)
