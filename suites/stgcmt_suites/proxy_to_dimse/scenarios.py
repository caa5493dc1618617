"""What goes through a proxy to DIMSE and what our SCP behind it answers. Scenarios drive both ends, checks judge.

Scenarios of the same name are in the suite of the other direction: the conservation laws read both.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

from stgcmt.actors.scripted_scp import Turn
from stgcmt.suite import Lease, Play, scenario
from stgcmt_suites.commitment.dimse_module import FILE_SET_ID, FILE_SET_UID, RETRIEVE_AE_TITLE
from stgcmt_suites.commitment.dimse_results import ALL, result_of
from stgcmt_suites.origin_server.asking import POLLING, check, commit, poll, post
from stgcmt_suites.origin_server.requests import flat, hierarchical
from stgcmt_suites.proxies.stated import AFTER, STATED, outlasted
from stgcmt_suites.proxy_to_dimse.backend import Cases, asked_of, broken_off, deliver, report, turn

REASONS = (0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213)
# The failure statuses of an N-ACTION response in PS3.2 N.7.3.2.6.
STATUSES = (0x0110, 0x0112, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0123, 0x0124, 0x0210, 0x0211, 0x0212, 0x0213)
LATE_S = 1.5  # longer than a proxy needs to poll or to hold a request open
AT_ONCE = 4
NO_SUCH_INSTANCE = 0x0112
OTHER_CLASS = "1.2.840.10008.5.1.4.1.1.128"  # PET, where a CT is held
HOLDS = ("seeding",)  # an archive is enough
SCRIPTED = ("scripting",)  # a back end that does what it is told


@scenario(needs=HOLDS, waits=POLLING, exchanges=4)
async def round_trip(play: Play) -> None:
    """Three instances of different classes, all committed behind."""
    behind = Cases(play)
    await commit(play, play.http(), flat(await _held(play, behind, ("ct", "mr", "sc"))))


async def _held(play: Play, behind: Cases, kinds: Sequence[str], missing: Sequence[int] = (), **how: Any) -> list[Any]:
    """Instances that the back end holds, but for those with these numbers, which it reports as failed (0112H)."""
    made = [play.make(kind) if number in missing else await play.seed(kind) for number, kind in enumerate(kinds)]
    return behind.case(made, report(failed=dict.fromkeys(missing, NO_SUCH_INSTANCE), how=how))


async def _tree(play: Play, missing: Sequence[int] = ()) -> list[Any]:
    first = await play.seed("ct")
    series = {"study": first.study_instance_uid, "series": first.series_instance_uid}
    others: list[tuple[str, dict[str, Any]]] = [
        ("ct", series),
        ("sc", series),
        ("mr", {"study": first.study_instance_uid}),
        ("ct", {}),
    ]
    return [
        first,
        *[
            play.make(kind, **where) if number in missing else await play.seed(kind, **where)
            for number, (kind, where) in enumerate(others, 1)
        ],
    ]


@scenario(needs=HOLDS, waits=POLLING, exchanges=8)
async def tree(play: Play) -> None:
    """Two hierarchical requests over two studies and three series: all committed, and some of them failed."""
    behind = Cases(play)
    client = play.http()
    await commit(play, client, hierarchical(behind.case(await _tree(play), report())))
    failed: dict[int, int | None] = {1: NO_SUCH_INSTANCE, 4: 0x0119}
    await commit(play, client, hierarchical(behind.case(await _tree(play, tuple(failed)), report(failed=failed))))


@scenario(needs=HOLDS, waits=POLLING, exchanges=24)
async def failures(play: Play) -> None:
    """Each Failure Reason beside an instance that is committed (a real archive: those that it gives); and all instances failed."""
    behind = Cases(play)
    client, limit = play.http(), asyncio.Semaphore(AT_ONCE)
    if play.relayed:
        await commit(play, client, flat(await _held(play, behind, ("ct", "mr"), (1,))), step="one-missing")
        other = dataclasses.replace(await play.seed("ct"), sop_class_uid=OTHER_CLASS)
        await commit(play, client, flat([await play.seed("mr"), other]), step="other-class")
        await commit(play, client, flat(await _held(play, behind, ("ct", "mr"), (0, 1))), step="all-missing")
        return

    async def one(reason: int, failed: dict[int, int | None]) -> None:
        async with limit:
            asked = behind.case([play.make("ct"), play.make("mr")], report(failed=failed))
            await commit(play, client, flat(asked), step=f"{reason:04X}H")

    async with asyncio.TaskGroup() as group:
        for reason in REASONS:
            group.create_task(one(reason, {0: reason}))
        group.create_task(one(0, {ALL: 0x0112}))


@scenario(needs=SCRIPTED, waits=POLLING, exchanges=15)
async def refused(play: Play) -> None:
    """Each failure status of the N-ACTION response, beside a control that is accepted."""
    behind = Cases(play)
    client, limit = play.http(), asyncio.Semaphore(AT_ONCE)

    async def one(status: int) -> None:
        async with limit:
            asked = behind.case([play.make("ct")], Turn(status=status))
            await commit(play, client, flat(asked), step=f"{status:04X}H")

    async with asyncio.TaskGroup() as group:
        for status in STATUSES:
            group.create_task(one(status))
    await commit(play, client, flat(behind.case([play.make("ct")], report())), step="control")


@scenario(needs=SCRIPTED, waits=POLLING, exchanges=20)
async def untrue_results(play: Play) -> None:
    """Reports that leave an instance out, add one, name one in both lists or under another class, or say type 1 of a failure."""
    behind = Cases(play)
    client = play.http()
    stranger = play.make("mr")
    scripts = {
        "left-out": report(left_out=(1,)),
        "foreign": report(add=(stranger,)),
        "type-1-of-a-failure": report(failed={1: 0x0110}, event_type=1),
        "type-1-left-out": report(left_out=(0,), event_type=1),
        "in-both-lists": _in_both,
        "nothing-named": report(left_out=(0, 1)),
    }

    async def one(step: str, script: Any) -> None:
        asked = behind.case([play.make("ct"), play.make("ct")], script)
        await commit(play, client, flat(asked), step=step)

    async with asyncio.TaskGroup() as group:
        for step, script in scripts.items():
            group.create_task(one(step, script))


def _in_both(request: Any) -> Turn:
    said = result_of(asked_of(request), failed={0: 0x0110})
    return turn(said.but(committed=(*said.committed, said.failed[0][0])))


@scenario(needs=SCRIPTED, waits=POLLING, exchanges=6)
async def extras(play: Play) -> None:
    """A report with Retrieve AE Title, Storage Media File-Set ID and UID."""
    behind = Cases(play)
    extra = ((RETRIEVE_AE_TITLE, "AE", "ARCHIVE"), (FILE_SET_ID, "SH", "SET"), (FILE_SET_UID, "UI", "2.25.7"))
    asked = behind.case([play.make("ct"), play.make("mr")], report(failed={1: 0x0112}, extra=extra))
    await commit(play, play.http(), flat(asked))


@scenario(needs=SCRIPTED, waits=POLLING, exchanges=16)
async def ways_of_reporting(play: Play) -> None:
    """Reports on the association of the request, on a new one, before the response, and after the SUT ended its association."""
    behind = Cases(play)
    client = play.http()
    ways: dict[str, dict[str, Any]] = {
        "same-association": {"way": "same", "delay_s": 0.05},
        "new-association": {"way": "new"},
        "either": {"way": "either", "delay_s": 0.05},
        "before-the-response": {"way": "new", "when": "before-response", "delay_s": 0.0},
        "after-the-end": {"way": "new", "when": "after-end"},
    }

    async def one(step: str, how: dict[str, Any]) -> None:
        asked = behind.case([play.make("ct"), play.make("mr")], report(failed={1: 0x0112}, how=how))
        await commit(play, client, flat(asked), step=step)

    async with asyncio.TaskGroup() as group:
        for step, how in ways.items():
            group.create_task(one(step, how))


@scenario(needs=SCRIPTED, waits=POLLING, exchanges=8)
async def late(play: Play) -> None:
    """A report that comes late: Result Checks before and after it."""
    behind = Cases(play)
    asked = behind.case([play.make("ct"), play.make("mr")], report(how={"delay_s": LATE_S}))
    client, uid = play.http(), play.uid()
    answer = await post(play, client, uid, flat(asked))
    if answer.status == 202:
        answer = await check(play, client, uid, step="first-check")
    await poll(play, client, uid, answer)


@scenario(needs=SCRIPTED, waits=(*POLLING, "quiet_period", STATED), exchanges=6)
async def never(play: Play) -> None:
    """The SCP accepts and never reports: Result Checks at once, after a quiet period, and when the stated time is over."""
    behind = Cases(play)
    asked = behind.case([play.make("ct"), play.make("mr")], Turn())
    client, uid = play.http(), play.uid()
    await post(play, client, uid, flat(asked))
    await check(play, client, uid, step="first-check")
    await play.wait("quiet_period", why="no report comes")
    await check(play, client, uid, step="later")
    if await outlasted(play, since_s=play.timing.quiet_period, most_s=play.timing.result_deadline):
        await check(play, client, uid, step=AFTER)


@scenario(needs=HOLDS, waits=(*POLLING, "quiet_period"), exchanges=12)
async def duplicate(play: Play) -> None:
    """The same Transaction UID again in front: while it is pending, and when its result was there."""
    behind = Cases(play)
    client, uid = play.http(), play.uid()
    asked = flat(await _held(play, behind, ("ct",), delay_s=1.0))
    answer = await post(play, client, uid, asked)
    await post(play, client, uid, asked, step="again-pending")
    await poll(play, client, uid, answer)
    await post(play, client, uid, asked, step="again-done")
    await play.quiet()


@scenario(needs=SCRIPTED, waits=(*POLLING, "quiet_period"), exchanges=20)
async def lost(play: Play) -> None:
    """The SCP aborts, closes or says nothing in place of a response, or breaks off once it has accepted; beside a control.

    Once it has accepted, it aborts the association, or breaks a report off in its middle; no report comes after that.
    """
    behind = Cases(play)
    client = play.http()
    endings: dict[str, Any] = {
        "aborted": Turn(instead="abort"),
        "closed": Turn(instead="close"),
        "silent": Turn(status=None),
        "accepted-then-aborted": Turn(then="abort"),
        "report-broken-off": broken_off,
    }

    async def one(step: str, ending: Any) -> None:
        uid = play.uid()
        answer = await post(play, client, uid, flat(behind.case([play.make("ct")], ending)), step=step)
        if answer.status == 202:
            await check(play, client, uid, step=f"{step}-check")
            await play.wait("quiet_period", why="no report comes any more")
            await check(play, client, uid, step=f"{step}-later")

    async with asyncio.TaskGroup() as group:
        for step, ending in endings.items():
            group.create_task(one(step, ending))
    await commit(play, client, flat(behind.case([play.make("ct")], report())), step="control")


@scenario(lease=Lease("reject-busy"), needs=SCRIPTED, waits=POLLING, exchanges=10)
async def unreachable(play: Play) -> None:
    """The SCP rejects the association for now and for good, and then nobody listens there; beside a control."""
    behind = Cases(play)
    client = play.http()
    ways = (("rejected-for-now", None), ("rejected-for-good", "reject-permanent"), ("nobody-listens", "absent"))
    for step, listener in ways:
        if listener is not None:
            await play.listen(listener)
        uid = play.uid()
        answer = await post(play, client, uid, flat(behind.case([play.make("ct")], report())), step=step)
        if answer.status == 202:
            await check(play, client, uid, step=f"{step}-check")
    await play.listen("plain")
    await commit(play, client, flat(behind.case([play.make("ct")], report())), step="control")


@scenario(needs=HOLDS, waits=POLLING, exchanges=12)
async def crossed(play: Play) -> None:
    """Three transactions at once whose results come in the other order (a real archive: in its own), one of them in part.

    And a report for a Transaction UID that nobody used, where the back end does what it is told.
    """
    behind = Cases(play)
    client, stray = play.http(), play.uid("stray")

    def astray(request: Any) -> Turn:
        said = result_of(asked_of(request))
        return Turn(reports=(*turn(said.but(transaction_uid=stray)).reports, *turn(said, delay_s=0.6).reports))

    async def one(step: str, asked: list[Any]) -> None:
        await commit(play, client, flat(asked), step=step)

    every = [
        await _held(play, behind, ("ct", "mr"), (0,) if number == 1 else (), delay_s=1.2 - 0.4 * number)
        for number in range(3)
    ]
    async with asyncio.TaskGroup() as group:
        for number, asked in enumerate(every):
            group.create_task(one(f"transaction-{number}", asked))
        if not play.relayed:
            group.create_task(one("astray", behind.case([play.make("ct"), play.make("mr")], astray)))


@scenario(needs=SCRIPTED, waits=(*POLLING, "quiet_period"), exchanges=6)
async def told_twice(play: Play) -> None:
    """The SCP reports a second time, and otherwise; Result Checks after the first and after the second report."""
    behind = Cases(play)
    client = play.http()

    def twice(request: Any) -> Turn:
        first = result_of(asked_of(request), failed={1: 0x0112})
        return Turn(reports=(*turn(first).reports, *turn(result_of(asked_of(request)), delay_s=0.8).reports))

    uid, _ = await commit(play, client, flat(behind.case([play.make("ct"), play.make("mr")], twice)))
    await play.wait("quiet_period", why="the second report comes")
    await check(play, client, uid, step="after")


@scenario(needs=("restart", "scripting"), waits=POLLING, exchanges=5, alone=True)
async def restarted(play: Play) -> None:
    """The SUT is restarted between the acceptance and the report."""
    behind, taken = Cases(play), []

    def accepted(request: Any) -> Turn:
        taken.append(request)
        return Turn()

    uid = play.uid()
    answer = await post(play, play.http(), uid, flat(behind.case([play.make("ct")], accepted)))
    await play.restart()
    for request in taken:
        await deliver(play, request, result_of(asked_of(request)))
    await poll(play, play.http(), uid, answer)
