"""Our end behind a proxy to DIMSE: a scripted SCP that answers from what the scenario holds, and the client in front.

``Backdrop`` serves borrowed scenarios: those of an origin server find an archive in our SCP, those of an SCU a SUT that asks
because our client asks it in front.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from stgcmt.actors.outcome import Split
from stgcmt.actors.scripted_scp import Delivery, Request, Turn
from stgcmt.faces import BACK
from stgcmt.wire.uids import COMMITMENT_PUSH, IMPLICIT_LE
from stgcmt_suites.commitment.dimse_module import Information, read_information
from stgcmt_suites.commitment.dimse_results import ALL_COMMITTED, SOME_FAILED, Said, result_of
from stgcmt_suites.commitment.references import Reference
from stgcmt_suites.origin_server.asking import check, poll, post
from stgcmt_suites.origin_server.requests import flat
from stgcmt_suites.proxies.holdings import NO_SUCH_INSTANCE, Holdings
from stgcmt_suites.proxies.links import CONFIGURED

DELAY_S = 0.3  # until a report goes out, where nothing else is scripted
EARLY_S = 0.3  # the response waits so long for a report that goes out before it
HELD_S = 0.4  # the pause inside a report that is broken off there
PENDING_S = 1.2  # until a report in borrowed scenarios: what is asked meanwhile finds the transaction pending


def asked_of(request: Request) -> Information:
    """What an N-ACTION-RQ asks for."""
    return read_information(request.data, request.transfer_syntax)


def turn(said: Said | Sequence[Said], **how: Any) -> Turn:
    """Accept, and report these results one after the other; ``how``: fields of the ``Delivery``."""
    results = [said] if isinstance(said, Said) else list(said)
    deliveries = tuple(
        Delivery(each.write, event_type=each.event_type, **{"delay_s": DELAY_S, **how}) for each in results
    )
    early = any(each.when == "before-response" for each in deliveries)
    return Turn(reports=deliveries, delay_s=EARLY_S if early else 0.0)


def report(
    *, failed: Mapping[int, int | None] | None = None, how: Mapping[str, Any] | None = None, **changes: Any
) -> Any:
    """A script: accept, and report what was asked for as committed but for some (``dimse_results.result_of``)."""
    return lambda request: turn(result_of(asked_of(request), failed=failed, **changes), **dict(how or {}))


class Backdrop:
    """Our end behind the SUT for one borrowed scenario (``stgcmt.faces.Backdrop``)."""

    def __init__(self, play: Any, side: str | None) -> None:
        self._play, self._side = play, side
        self._holdings = Holdings()
        self._committed: dict[str, bool] = {}
        self._asked: dict[str, list[str]] = {}
        self._final: set[str] = set()
        self._polling: set[asyncio.Task[Any]] = set()

    async def begin(self) -> None:
        """Borrowed scenarios of the front find an archive; all others script our SCP themselves."""
        if self._side is not None and self._side != BACK:
            self._play.scp(self._turn)

    async def end(self) -> None:
        """What is still polled for in front need not be waited for."""
        for task in self._polling:
            task.cancel()

    # --- an archive for the scenarios of an origin server

    async def seed(self, instance: Any) -> None:
        """From now on our SCP holds it."""
        self._holdings.add(instance)

    async def provoke(self, name: str, values: Mapping[str, str]) -> None:
        """delete: our SCP no longer holds the instance."""
        if name == "delete":
            self._holdings.remove(values.get("sop_instance_uid", ""))

    def _turn(self, request: Request) -> Turn:
        said = self._said(asked_of(request))
        if self._play.asked_mode == "synchronous":
            return turn(said, when="before-response", delay_s=0.0, way="new")
        return turn(said, delay_s=PENDING_S)

    def _said(self, asked: Information) -> Said:
        good: list[Reference] = []
        bad: list[tuple[Reference, int | None]] = []
        for each in asked.references:
            reason = self._holdings.reason(each)
            if reason is None:
                good.append(each)
            else:
                bad.append((each, reason))
        return Said(asked.transaction_uid, tuple(good), tuple(bad), SOME_FAILED if bad else ALL_COMMITTED)

    # --- a SUT that asks, for the scenarios of an SCU

    async def trigger(self, instances: Sequence[Any]) -> None:
        """Ask the SUT in front, and poll to the end."""
        play, uid = self._play, self._play.uid()
        self._asked[uid] = [each.sop_instance_uid for each in instances]
        if (task := asyncio.current_task()) is not None:
            self._polling.add(task)
            task.add_done_callback(self._polling.discard)
        answer = await post(play, play.http(), uid, flat(list(instances)), step="front")
        self._hear(uid, await poll(play, play.http(), uid, answer, step="front-poll", accepted=False))

    def _hear(self, uid: str, answer: Any) -> None:
        from stgcmt_suites.commitment.representation import Representation  # noqa: PLC0415 - only here

        message = getattr(answer, "message", None)
        committed: set[str] = set()
        if answer.status == 200 and message is not None:
            read = Representation(message.media_type, message.decoded or b"").module.result
            failed = {each.reference.sop_instance_uid for each in read.failed}
            committed = {each.sop_instance_uid for each in read.committed} - failed
            self._final.add(uid)
        for each in {*self._asked[uid], *committed}:
            self._committed[each] = each in committed

    async def believes(self, sop_instance_uid: str) -> bool | None:
        """What the SUT says in front by now; an instance that it never spoke of is not committed."""
        for uid, named in self._asked.items():
            if sop_instance_uid in named and uid not in self._final:
                self._hear(uid, await check(self._play, self._play.http(), uid, step="front-belief"))
        return self._committed.get(sop_instance_uid, False)


def backdrop(play: Any, side: str | None) -> Backdrop:
    """Made by the stage for each scenario."""
    return Backdrop(play, side)


class Cases:
    """Our SCP of one scenario: which request gets which script, told by the instances that it names."""

    def __init__(self, play: Any) -> None:
        self._scripts: dict[str, Any] = {}
        called = play.destination.ae_title if play.destination is not None else ""
        play.note(what=CONFIGURED, calling_ae=play.section.get("ae_title", ""), called_ae=called)
        self.scp = play.scp(self._turn)

    def case(self, instances: Sequence[Any], script: Any) -> list[Any]:
        """Requests that name one of these instances get this script (a function of the ``Request``, or a ``Turn``)."""
        self._scripts |= {each.sop_instance_uid: script for each in instances}
        return list(instances)

    async def _turn(self, request: Request) -> Turn:
        named = [each.sop_instance_uid for each in asked_of(request).references]
        script = next((self._scripts[uid] for uid in named if uid in self._scripts), None)
        if script is None:
            return Turn(status=NO_SUCH_INSTANCE)
        made = script if isinstance(script, Turn) else script(request)
        return await made if inspect.isawaitable(made) else made


def broken_off(request: Request) -> Turn:
    """Accept, then open an association for the report, and abort it in the middle of the report."""
    said = result_of(asked_of(request))
    half = len(said.write(IMPLICIT_LE)) // 2  # far behind the Transaction UID, before the list is over
    how = {"way": "new", "split": Split(HELD_S, half), "abort_after": True}
    return turn(said, **how)


async def deliver(play: Any, request: Request, said: Said) -> None:
    """Report on a new association from the scenario itself."""
    delivery = Delivery(said.write, event_type=said.event_type, way="new")
    names = {"proposal": delivery.proposal(), "calling_ae": request.called_ae}
    async with play.dimse(**names) as assoc:
        syntax = assoc.transfer_syntax(COMMITMENT_PUSH)
        if syntax is not None:
            await assoc.n_event_report(said.write(syntax), said.event_type)
