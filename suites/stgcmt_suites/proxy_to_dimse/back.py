"""The back of the proxy: an SCU that asks the SCP behind, and a listener for what that reports.

A transaction in front is one N-ACTION behind. Its state lies in the store, so that a report finds it after a restart, on
whatever association it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import Any

from stgcmt.actors.acceptor import Acceptor, Reply
from stgcmt.actors.association import Association
from stgcmt.actors.listeners import PLAIN
from stgcmt.actors.outcome import Aborted, Outcome, Response, Timeouts, in_words
from stgcmt.actors.requestor import associate
from stgcmt.actors.signal import Signal, any_of
from stgcmt.clock import NS
from stgcmt.suite import Setting
from stgcmt.wire import command as cmd
from stgcmt.wire.items import Role
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.pdv import Message
from stgcmt.wire.stream import Listener
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE, IMPLICIT_LE
from stgcmt_suites.commitment.decisions import Decided
from stgcmt_suites.commitment.handing_on import asked_behind, committed_all, decided, failed_all, in_parts
from stgcmt_suites.commitment.reasons import PROCESSING_FAILURE
from stgcmt_suites.commitment.store import PENDING, Store, Transaction
from stgcmt_suites.proxy_to_dimse.eager import overhear
from stgcmt_suites.proxy_to_dimse.information import Report, UnreadableReportError, action_information, read_report
from stgcmt_suites.proxy_to_dimse.parts import Parts
from stgcmt_suites.proxy_to_dimse.settings import Settings

NO_SUCH_INSTANCE, NO_SUCH_EVENT, INVALID_ARGUMENT, NO_SUCH_CLASS = 0x0112, 0x0113, 0x0115, 0x0118


TOGETHER_NS = 5_000_000  # far below the pause between the starts of two scenarios


class UnansweredError(Exception):
    """The SCP behind could not be asked, or did not answer.

    ``sent``: whether the request went out. ``outcome``: how the association came to nothing, where it did.
    """

    def __init__(self, why: str, *, sent: bool, outcome: Outcome | None = None) -> None:
        super().__init__(why)
        self.sent, self.outcome = sent, outcome


class Unrecorded:
    """A tap that records nothing: what the proxy does is seen from both ends."""

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Nothing."""


class BackEnd:
    """The SCP behind, as the proxy sees it. ``failures``: errors of the proxy itself."""

    def __init__(self, setting: Setting, settings: Settings, store: Store) -> None:
        self._network, self._clock, self._uid = setting.network, setting.clock, setting.uid
        self.settings, self.store = settings, store
        self.failures: list[BaseException] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._news: dict[str, Signal] = {}
        self._parts: dict[str, Parts] = {}

    # --- life

    async def listen(self, port: int) -> Listener:
        """Listen for reports on a port (0: a free one); raises ``OSError`` where the port is taken."""
        handlers = {cmd.C_ECHO_RQ: _echo, cmd.N_EVENT_REPORT_RQ: self._reported}
        acceptor = Acceptor(self._clock, Unrecorded, PLAIN, handlers=handlers)
        if not self.settings.faulty("half-a-report-counts"):
            return await self._network.listen(self.settings.host, port, acceptor)
        return await self._network.listen(
            self.settings.host, port, lambda stream: overhear(stream, acceptor, self._begun)
        )

    def _begun(self, heard: bytes) -> None:
        """The fault ``half-a-report-counts``: a report that breaks off is good news, whatever it was about to say."""
        for found in self.store.pending():
            if str(found.info.get("back_uid", "")).encode() in heard:
                self.settle_as(found, committed_all(found.asked))

    def give_up_later(self, uid: str) -> None:
        """Without a report in time a transaction ends, where a time is set: everything failed as 0110H."""
        if self.settings.gives_up_after_s:
            self._start(self._give_up(uid))

    async def _give_up(self, uid: str) -> None:
        found = self.store.transaction(uid)
        passed = (self._clock.wall_ns() - found.created_ns) / NS if found is not None else 0.0
        await asyncio.sleep(max(0.0, self.settings.gives_up_after_s - passed))
        found = self.store.transaction(uid)
        if found is not None and found.state == PENDING:
            self.settle(found, None)

    async def aclose(self) -> None:
        """Stop asking; what is pending stays so in the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- asking

    async def ask(self, uid: str) -> int:
        """Ask for the commitment of a transaction; the status of the response. Raises ``UnansweredError``.

        A request that went out and was not answered is not repeated: nobody knows whether it was taken.
        """
        found = self.store.transaction(uid)
        if found is None:
            raise LookupError(uid)
        asked = in_parts(found.asked, self.settings.parts)
        if len(asked) < 2:
            return await self._ask(found)
        parts = self._parts[uid] = Parts(len(asked))
        statuses = [await self._ask(dataclasses.replace(found, asked=part), parts) for part in asked]
        return next((status for status in statuses if status), 0)

    async def _ask(self, found: Transaction, parts: Parts | None = None) -> int:
        """One request, or one part of it, in a bounded number of attempts."""
        for attempt in range(self.settings.attempts):
            kept = parts is None and not self.settings.own_uids and attempt == 0
            back_uid = found.uid if kept else self._uid(found.uid)
            if parts is None:
                self.store.remember(found.uid, back_uid=back_uid, sent=False)
            else:
                parts.told[back_uid] = None
            answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self._start(self._converse(found, back_uid, answer))
            try:
                return await answer
            except UnansweredError as error:
                if error.sent or attempt + 1 == self.settings.attempts:
                    raise
            if parts is not None:
                del parts.told[back_uid]
            await asyncio.sleep(self.settings.pause_s)
        raise UnansweredError("no attempt was made", sent=False)

    def ask_once_more(self, uid: str) -> None:
        """The fault ``duplicate-goes-behind``: the same request again, whatever comes of it."""

        async def again() -> None:
            with contextlib.suppress(UnansweredError):
                await self.ask(uid)

        self._start(again())

    def _start(self, job: Any) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    async def _converse(self, found: Transaction, back_uid: str, answer: asyncio.Future[int]) -> None:
        """One association: the request, its response, and for a while the report."""
        settings = self.settings
        syntaxes = (IMPLICIT_LE, EXPLICIT_LE) if settings.implicit_first else (EXPLICIT_LE, IMPLICIT_LE)
        proposal = Proposal(((COMMITMENT_PUSH, syntaxes),), (Role(COMMITMENT_PUSH, 1, 0),))
        try:
            async with associate(
                self._network, self._clock, Unrecorded(), settings.back_host, settings.back_port,
                called_ae="ANYBODY" if settings.faulty("calls-another-ae") else settings.back_ae,
                calling_ae="STRANGER" if settings.faulty("strange-ae-behind") else settings.ae_title, proposal=proposal,
                timeouts=Timeouts(response=settings.response_s), on_message=self._on_same,
            ) as assoc:  # fmt: skip
                await self._request(assoc, found, back_uid, answer)
                if not answer.cancelled() and answer.exception() is None and answer.result() == 0:
                    await self._linger(assoc, found.uid)
                    if isinstance(assoc.outcome, Aborted) and settings.faulty("aborted-means-committed"):
                        self.settle_as(found, committed_all(found.asked))
        finally:
            if not answer.done():
                answer.set_exception(UnansweredError("the association ended", sent=True))
                answer.exception()

    async def _request(
        self, assoc: Association, found: Transaction, back_uid: str, answer: asyncio.Future[int]
    ) -> None:
        faulty, syntax = self.settings.faulty, assoc.transfer_syntax(COMMITMENT_PUSH)
        if syntax is None:
            why = f"no association: {in_words(assoc.outcome)}"
            answer.set_exception(UnansweredError(why, sent=False, outcome=assoc.outcome))
            return
        asked = asked_behind(found.asked, faulty)
        self.store.remember(found.uid, sent=True)
        data = action_information(back_uid, asked, syntax)
        got = await assoc.n_action(data)
        if faulty("asks-twice-behind"):
            await assoc.n_action(data)
        if isinstance(got, Response) and got.status is not None:
            answer.set_result(got.status)
        else:
            answer.set_exception(UnansweredError(f"no response: {in_words(got)}", sent=True, outcome=got))
        answer.exception()

    async def _linger(self, assoc: Association, uid: str) -> None:
        """Hold the association open for the report, as long as the peer does."""
        if not assoc.open or self.is_done(uid):
            return
        await any_of(self.settings.linger_s, self.news(uid), assoc.ended)

    # --- hearing

    def news(self, uid: str) -> Signal:
        """Set when the result of a transaction is there."""
        return self._news.setdefault(uid, Signal())

    def is_done(self, uid: str) -> bool:
        """Whether there is a result."""
        found = self.store.transaction(uid)
        return found is not None and found.state != PENDING

    async def _on_same(self, assoc: Association, message: Message) -> None:
        """A report on the association of a request of ours."""
        if message.command.field == cmd.N_EVENT_REPORT_RQ:
            await assoc.respond(message, self._take(assoc, message))
        else:
            await assoc.respond(message, 0x0211)

    async def _reported(self, assoc: Association, message: Message) -> Reply:
        if self.settings.faulty("reports-on-same-association-only"):
            return Reply(0x0110)
        return Reply(self._take(assoc, message))

    def _take(self, assoc: Association, message: Message) -> int:
        """Keep what a report says with the transaction that it names; the status for the SCP."""
        try:
            syntax = assoc.contexts[message.context_id].transfer_syntax
            report = read_report(message.data or b"", syntax, message.command.event_type)
        except UnreadableReportError:
            return PROCESSING_FAILURE
        if message.command.affected_class != COMMITMENT_PUSH:
            return NO_SUCH_CLASS
        if message.command.affected_instance != COMMITMENT_PUSH_INSTANCE:
            return NO_SUCH_INSTANCE
        if report.event_type not in (1, 2):
            return NO_SUCH_EVENT
        found = self._named(report.transaction_uid)
        if found is None:
            return INVALID_ARGUMENT
        if found.state == PENDING or self.settings.faulty("second-report-counts"):
            if not found.info.get("accepted") and self.settings.faulty("early-report-lost"):
                return 0x0000
            parts = self._parts.get(found.uid)
            whole = report if parts is None else parts.take(report)
            if whole is not None:
                self.settle(found, whole)
        return 0x0000

    def _named(self, back_uid: str) -> Transaction | None:
        """The transaction that we asked for under this Transaction UID."""
        own = self._own(back_uid)
        if own is not None and self.settings.faulty("latest-takes-the-report"):
            # Those that began together alone, so that what the fault does in one scenario does not hang on the others.
            every = self.store.pending()
            beside = [each for each in every if abs(each.created_ns - own.created_ns) < TOGETHER_NS]
            return beside[-1] if beside else own
        return own

    def _own(self, back_uid: str) -> Transaction | None:
        found = self.store.transaction(back_uid)
        if found is not None and found.info.get("back_uid") == back_uid:
            return found
        if uid := next((uid for uid, parts in self._parts.items() if back_uid in parts.told), None):
            return self.store.transaction(uid)
        return next((each for each in self.store.transactions() if each.info.get("back_uid") == back_uid), None)

    def settle(self, found: Transaction, report: Report | None) -> None:
        """The result in front: what the report commits of what was asked; the rest failed."""
        if report is not None and report.event_type == 1 and self.settings.faulty("type-1-ignored"):
            return
        if report is not None and report.retrieve_ae and self.settings.faulty("retrieve-ae-leaks"):
            self.store.remember(found.uid, retrieve_ae=report.retrieve_ae)
        self.settle_as(found, self._decided(found, report))

    def settle_as(self, found: Transaction, result: tuple[Decided, ...]) -> None:
        """This is the result in front from now on."""
        self.store.settle(found.uid, result)
        self.news(found.uid).set()
        self._news.pop(found.uid, None)

    def _decided(self, found: Transaction, report: Report | None) -> tuple[Decided, ...]:
        if report is None:
            return failed_all(found.asked)
        if report.event_type == 1 and self.settings.faulty("type-1-commits-all"):
            return committed_all(found.asked)
        failed = {(sop_class, instance): reason for sop_class, instance, reason in report.failed}
        return decided(found.asked, report.committed, failed, self.settings.faulty)


async def _echo(_: Association, __: Message) -> Reply:
    return Reply(0x0000)
