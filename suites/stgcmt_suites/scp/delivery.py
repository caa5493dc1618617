"""How the reference SCP delivers results: when they are due, on which association, and again until they arrive.

Annex J has no rule for a report that cannot be delivered. This SCP tries again after pauses that grow, a bounded
number of times; what could not be delivered is kept, and tried again when it comes up the next time. Everything that a
restart needs is in the store, so a request that was accepted is never forgotten.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from stgcmt.actors.association import Association
from stgcmt.actors.outcome import Aborted, Outcome, Response, Split, Timeouts
from stgcmt.actors.requestor import associate
from stgcmt.clock import NS
from stgcmt.suite import Setting
from stgcmt.tls import client_context
from stgcmt.wire.items import Extended, Role
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.uids import COMMITMENT_PUSH, EXPLICIT_LE, IMPLICIT_LE, VERIFICATION
from stgcmt_suites.commitment.store import Asked, Decided, Store, Transaction
from stgcmt_suites.scp.archive import Archive
from stgcmt_suites.scp.lines import Lines
from stgcmt_suites.scp.reporting import Report, command_of, event_information, report_of, turned_down
from stgcmt_suites.scp.settings import Settings

AT_ONCE = 8  # associations to one listener at the same time: many serve ten and reject the next
LOOK_AGAIN_S = 0.05  # how often a transaction that is kept pending is looked at
FIRST_S = 2.0  # how long a response waits for its report at most
PART_S = 0.05  # between the command and the data set of a report that goes out in parts
AFTERWARDS_S = 0.2  # between a report and the one too many that two faults send
OTHER_CLASS = "1.2.840.10008.5.1.4.1.1.2"


class Unrecorded:
    """A tap that records nothing: what the reference does is seen from the other end."""

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Nothing."""


class Courier:
    """Carries every accepted transaction to its report; ``find`` looks up the destination of an AE title.

    ``failures`` collects errors of the reference itself; whoever owns the courier raises them.
    """

    def __init__(
        self, setting: Setting, settings: Settings, store: Store, archive: Archive, find: Callable[[str], Any]
    ) -> None:
        self.settings, self.store, self.archive = settings, store, archive
        self.failures: list[BaseException] = []
        self._network, self._clock, self._find = setting.network, setting.clock, find
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        choices = settings.choices
        self._lines = Lines(self._call, self._where_it_may, choices.linger_s, choices.shared)
        self._told: dict[str, tuple[Decided, ...]] = defaultdict(tuple)  # by caller; a fault never empties it

    # --- transactions

    def is_pending(self, transaction_uid: str) -> bool:
        """Whether a transaction of this UID waits for its report."""
        found = self.store.transaction(transaction_uid)
        return found is not None and not found.info["reported"]

    def is_finished(self, transaction_uid: str) -> bool:
        """Whether a transaction of this UID was reported on."""
        found = self.store.transaction(transaction_uid)
        return found is not None and bool(found.info["reported"])

    def begin(
        self,
        transaction_uid: str,
        asked: Iterable[Asked],
        *,
        calling: str,
        called: str,
        decided: tuple[Decided, ...] = (),
        twice: bool = False,
        file_set: Iterable[tuple[str, str, str]] = (),
        lapses: Iterable[str] = (),
    ) -> str:
        """Record a transaction, and its result where it is ``decided`` already; the key under which the store has it.

        A second request under one UID has a key of its own. ``lapses``: faults that commit whatever it names.
        """
        asked = tuple(asked)
        info = {
            "transaction_uid": transaction_uid,
            "calling": calling,
            "called": called,
            "reported": False,
            "twice": twice,
            "file_set": [list(each) for each in file_set],
            "lapses": list(lapses),
        }
        due = self._clock.wall_ns() + int(self.settings.due_after_s() * NS)
        key, number = transaction_uid, 1
        while not self.store.begin(key, asked, due_ns=due, info=info):
            number += 1
            key = f"{transaction_uid}#{number}"
        if decided:
            self.store.settle(key, decided)
        return key

    def start(self, key: str, assoc: Association | None = None) -> None:
        """Begin to carry a recorded transaction; ``assoc`` is the association that it came on."""
        task = asyncio.create_task(self._carry(key, assoc), name=key)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def settled(self, transaction_uid: str) -> None:
        """Wait until the transactions of this UID are reported on, for two seconds at most."""
        tasks = [each for each in self._tasks if each.get_name().partition("#")[0] == transaction_uid]
        if tasks:
            await asyncio.wait(tasks, timeout=FIRST_S)

    def resume(self) -> None:
        """Go on with what a former life of this SCP accepted."""
        for transaction in (*self.store.pending(), *self.store.unfinished(reported=False)):
            if self.settings.faulty("lost-on-restart"):
                self.store.forget(transaction.uid)
            else:
                self.start(transaction.uid)

    async def at_once(self, key: str, assoc: Association) -> None:
        """Report on the association of the request, now: the fault ``report-before-response``."""
        if await self._send(assoc, report_of(self._decided(key), self.settings)):
            self.store.remember(key, reported=True)
        else:
            self.start(key)

    async def aclose(self) -> None:
        """Stop; what is not delivered stays in the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lines.aclose()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    # --- one transaction

    async def _carry(self, key: str, assoc: Association | None) -> None:
        transaction = self.store.transaction(key)
        if transaction is None:
            return
        await self._due(transaction)
        report = report_of(self._decided(key), self.settings)
        if self.settings.faulty("no-report"):
            return
        while self.settings.faulty("waits-for-release") and assoc and assoc.established:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(LOOK_AGAIN_S)
        aborted = assoc is not None and isinstance(assoc.outcome, Aborted)
        if aborted and self.settings.faulty("lost-when-aborted"):
            return
        for pause in (0.0, *self.settings.attempts_after_s()):
            await asyncio.sleep(pause)
            if await self._attempt(report, assoc):
                self.store.remember(key, reported=True)
                await self._afterwards(report)
                return

    async def _due(self, transaction: Transaction) -> None:
        remaining = (transaction.due_ns - self._clock.wall_ns()) / NS
        if remaining > 0:
            await asyncio.sleep(remaining)
        while self.store.is_kept_pending(transaction.asked):  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(LOOK_AGAIN_S)

    def _decided(self, key: str) -> Transaction:
        """The transaction with its result: decided once, so that every attempt says the same."""
        transaction = self.store.transaction(key)
        if transaction is None:
            raise LookupError(f"the store has no transaction {key}")
        if transaction.decided:
            return transaction
        asked = transaction.asked
        if self.settings.faulty("result-of-the-newest"):
            asked = self.store.transactions()[-1].asked
        decided = self.archive.decide(asked)
        lapses = transaction.info.get("lapses", ()) if any(each.reason is not None for each in decided) else ()
        if self.settings.faulty(*lapses):
            decided = tuple(replace(each, reason=None) for each in decided)
        if self.settings.faulty("never-clears-references"):
            calling = str(transaction.info["calling"])
            decided = self._told[calling] = (*self._told[calling], *decided)
        self.store.settle(key, decided)
        return self.store.transaction(key) or transaction

    async def _afterwards(self, report: Report) -> None:
        faulty = self.settings.faulty
        if faulty("deletes-after-report"):
            for each in report.committed:
                self.store.delete(each.sop_instance_uid)
        if faulty("report-twice", "report-twice-different"):
            await asyncio.sleep(AFTERWARDS_S)
            await self._attempt(report if faulty("report-twice") else turned_down(report), None)

    # --- one attempt

    async def _attempt(self, report: Report, assoc: Association | None) -> bool:
        """Try to deliver once; whether that is the end of it."""
        here = assoc is not None and assoc.established and self.settings.prefers_the_same()
        if here and assoc and (await self._send(assoc, report) or self.settings.faulty("lost-with-the-association")):
            return True
        if self.settings.faulty("report-only-on-same-association"):
            return True
        if self._find(report.calling) is None:
            return False
        if self.settings.choices.linger_s:
            return await self._lines.carry(report)
        async with self._call(report) as ours:
            return await self._where_it_may(ours, report)

    @asynccontextmanager
    async def _call(self, report: Report) -> AsyncIterator[Association]:
        """Open an association to who asked, when one is free; whether it is established is to be seen."""
        async with self._slots[report.calling], self._associate(report) as assoc:
            yield assoc

    def _associate(self, report: Report) -> AbstractAsyncContextManager[Association]:
        """An association under the title that was called, as SCP of the class (PS3.4 J.3.3.1.2)."""
        faulty, destination = self.settings.faulty, self._find(report.calling)
        return associate(
            self._network,
            self._clock,
            Unrecorded(),
            destination.host,
            destination.port,
            called_ae="ANY-SCP" if faulty("wrong-called-ae") else report.calling,
            calling_ae="ARCHIVE" if faulty("wrong-calling-ae") else report.called,
            proposal=self._proposal(),
            max_pdu=self.settings.choices.max_pdu,
            timeouts=Timeouts(response=self.settings.response_s),
            tls=client_context(self.settings.tls) if "ca_file" in self.settings.tls else None,
        )

    async def _where_it_may(self, assoc: Association, report: Report) -> bool:
        """Send the report on an association of our own, if it may be sent there; whether that is the end of it."""
        faulty = self.settings.faulty
        if not assoc.established:
            return False
        if faulty("breaks-on-unproposed-role") and assoc.answer and any(each.scu for each in assoc.answer.roles):
            await assoc.abort()
            return True
        if not self._may_send(assoc):
            return faulty("gives-up-without-the-role")
        return await self._send(assoc, report)

    def _proposal(self) -> Proposal:
        faulty, choices = self.settings.faulty, self.settings.choices
        syntaxes = choices.proposes
        if faulty("explicit-only-proposal"):
            syntaxes = ((EXPLICIT_LE,),)
        if faulty("implicit-only-proposal"):
            syntaxes = ((IMPLICIT_LE,),)
        roles: tuple[Role, ...] = (Role(COMMITMENT_PUSH, *choices.role),)
        if faulty("no-role-item"):
            roles = ()
        if faulty("default-role-proposed"):
            roles = (Role(COMMITMENT_PUSH, 1, 0),)
        if faulty("two-role-items"):
            roles *= 2
        if faulty("role-for-another-class"):
            roles = (*roles, Role(OTHER_CLASS, 0, 1))
        extended = (Extended(COMMITMENT_PUSH, b"\x01"),) if faulty("extended-negotiation") else ()
        contexts = tuple((COMMITMENT_PUSH, each) for each in syntaxes)
        if choices.and_verification:
            contexts = (*contexts, (VERIFICATION, (IMPLICIT_LE,)))
        return Proposal(contexts, roles, extended, choices.user_items())

    def _may_send(self, assoc: Association) -> bool:
        """Whether the role of SCP was granted: without it nothing is sent (PS3.7 D.3.3.4)."""
        if self.settings.faulty("no-role-item", "default-role-proposed", "sends-without-granted-role"):
            return assoc.context_for(COMMITMENT_PUSH) is not None
        return any(each.abstract_syntax == COMMITMENT_PUSH and each.requestor_scp for each in assoc.contexts.values())

    async def _send(self, assoc: Association, report: Report) -> bool:
        """Send the report; whether it is delivered, or given up."""
        syntax = assoc.transfer_syntax(COMMITMENT_PUSH)
        if syntax is None:
            return False
        choices = self.settings.choices
        assoc.peer_max_pdu = choices.limit(assoc.peer_max_pdu)
        if self.settings.faulty("pdu-too-long"):
            assoc.peer_max_pdu = 0  # as if the peer had set no limit
        data = event_information(report, syntax, self.settings)
        said, parts = command_of(report, self.settings), Split(PART_S) if choices.in_parts else None
        answer = await assoc.n_event_report(data, **said, split=parts, timeout=self.settings.response_s)
        if assoc.side == "requestor" and not isinstance(answer, Response):
            await assoc.abort()
        if self.settings.faulty("no-retry-after-failure-status") and isinstance(answer, Response):
            return True
        return _delivered(answer)


def _delivered(answer: Outcome) -> bool:
    """Whether the caller took the report: success or a warning."""
    return isinstance(answer, Response) and answer.status is not None and _is_success(answer.status)


def _is_success(status: int) -> bool:
    return status in {0x0000, 0x0001, 0x0107, 0x0116} or status >> 12 == 0xB
