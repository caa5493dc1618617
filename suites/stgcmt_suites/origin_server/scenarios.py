"""What is asked of an origin server: commitments of every shape. Scenarios drive, checks judge.

Steps name exchanges; what they mean to a check is read from the recording alone.
"""

from __future__ import annotations

import asyncio
from typing import Any

from stgcmt.suite import Play, scenario
from stgcmt_suites.origin_server.asking import KEEPING, POLLING, ask, check, commit, kept_pending, poll, post, probe
from stgcmt_suites.origin_server.damage import WRAPPED, wrapped
from stgcmt_suites.origin_server.requests import body, flat, hierarchical, in_study, under_class

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"


@scenario(mode="asynchronous", exchanges=6, waits=POLLING, wants=KEEPING)
async def pending_commitment(play: Play) -> None:
    """A flat request for two instances, a Result Check at once, polling to the end, and three more Result Checks."""
    client = play.http()
    first = await play.seed("ct")
    module = flat([first, await play.seed("sc")])
    async with kept_pending(play, first):
        uid, answer = await ask(play, client, module)
        if answer.status == 202:
            answer = await check(play, client, uid, step="first-check")
    await poll(play, client, uid, answer)
    for _ in range(3):
        await check(play, client, uid, step="after")


@scenario(mode="synchronous", exchanges=3, waits=POLLING)
async def synchronous_commitment(play: Play) -> None:
    """A server that is configured to answer at once; then a Result Check all the same. In a second request one was never sent."""
    client = play.http()
    held = await play.seed("ct")
    uid, _ = await commit(play, client, flat([held]))
    await check(play, client, uid, step="after")
    await commit(play, client, flat([held, play.make("ct")]), step="partly-missing")


@scenario(exchanges=2, waits=POLLING)
async def partly_missing(play: Play) -> None:
    """Two instances that are there and one that was never sent, in one flat request."""
    client = play.http()
    there = [await play.seed("ct"), await play.seed("mr")]
    await commit(play, client, flat([there[0], play.make("ct"), there[1]]))


@scenario(exchanges=4, waits=POLLING, needs=())
async def all_missing(play: Play) -> None:
    """Two requests whose instances, two and a single one, were never sent: the service still answers with a result."""
    client = play.http()
    async with asyncio.TaskGroup() as group:
        group.create_task(commit(play, client, flat([play.make("ct"), play.make("mr")])))
        group.create_task(commit(play, client, flat([play.make("ct")]), step="alone"))


@scenario(exchanges=2, waits=POLLING)
async def wrong_class(play: Play) -> None:
    """An instance asked for under another SOP class than its own, behind one under its own and one that was never sent."""
    client = play.http()
    right, wrong = await play.seed("ct"), await play.seed("ct")
    other = MR if wrong.sop_class_uid != MR else CT
    await commit(play, client, flat([right, play.make("ct"), under_class(wrong, other)]))


async def _tree(play: Play) -> list[Any]:
    """Five instances: two studies, two series in the first, two classes in its first series."""
    first = await play.seed("ct")
    series = {"study": first.study_instance_uid, "series": first.series_instance_uid}
    return [
        first,
        await play.seed("ct", **series),
        await play.seed("sc", **series),
        await play.seed("mr", study=first.study_instance_uid),
        await play.seed("ct"),
    ]


@scenario(exchanges=2, waits=POLLING)
async def hierarchical_commitment(play: Play) -> None:
    """A hierarchical request over two studies, two series and two classes; all instances are there."""
    await commit(play, play.http(), hierarchical(await _tree(play)))


@scenario(exchanges=2, waits=POLLING)
async def hierarchical_partly_missing(play: Play) -> None:
    """A hierarchical request in which one series lacks an instance, and one study was never sent."""
    tree = await _tree(play)
    first = tree[0]
    absent = play.make("ct", study=first.study_instance_uid, series=first.series_instance_uid)
    await commit(play, play.http(), hierarchical([*tree, absent, play.make("mr")]))


@scenario(exchanges=4, waits=POLLING)
async def wrong_study(play: Play) -> None:
    """An instance asked for within a study that it does not belong to, beside one in its own; a control has both in theirs."""
    client = play.http()
    right, moved = await play.seed("ct"), await play.seed("ct")
    wrong = hierarchical([right, in_study(moved, play.uid("study"))])
    async with asyncio.TaskGroup() as group:
        group.create_task(commit(play, client, hierarchical([right, moved]), step="control"))
        group.create_task(commit(play, client, wrong))


@scenario(exchanges=8, waits=POLLING)
async def repeated_references(play: Play) -> None:
    """References that stand in one request twice, flat and under two studies, beside a control for each structure."""
    client = play.http()
    held, other, absent = await play.seed("ct"), await play.seed("mr"), play.make("ct")
    elsewhere = in_study(held, play.uid("study"))
    requests = {
        "control": flat([held, other, absent]),
        "twice": flat([held, absent, other, held, absent]),
        "control-studies": hierarchical([held, other]),
        "two-studies": hierarchical([held, other, elsewhere]),
    }
    async with asyncio.TaskGroup() as group:
        for step, module in requests.items():
            group.create_task(commit(play, client, module, step=step))


@scenario(exchanges=4, waits=POLLING)
async def two_parts(play: Play) -> None:
    """Two modules as two parts of one multipart request, beside a control with one part; not sent where that is refused."""
    client = play.http()
    modules = [body(flat([await play.seed("ct"), await play.seed(kind)])) for kind in ("ct", "mr")]
    _, answer = await commit(play, client, wrapped(modules[0]), step="control", content_type=WRAPPED)
    if answer.status in (200, 202):
        await commit(play, client, wrapped(*modules), step="two-parts", content_type=WRAPPED)


@scenario(mode="asynchronous", exchanges=9, waits=POLLING, wants=KEEPING)
async def duplicate_pending(play: Play) -> None:
    """The same Transaction UID again while the first request is under way, and the same instances under another one.

    A control has a fresh UID and other instances.
    """
    client = play.http()
    instance, second = await play.seed("ct"), flat([await play.seed("mr")])
    first = flat([instance])
    async with kept_pending(play, instance):
        uid, answer = await ask(play, client, first)
        await probe(play, client, second, uid=uid, step="different")
        await probe(play, client, first, uid=uid, step="identical")
        still = await check(play, client, uid, step="still")
        beside, other = await ask(play, client, first, step="same-instances")
    fresh, control = await ask(play, client, second, step="control")
    async with asyncio.TaskGroup() as group:
        group.create_task(poll(play, client, uid, still if answer.status == 202 else answer))
        group.create_task(poll(play, client, fresh, control, step="control-poll"))
        group.create_task(poll(play, client, beside, other, step="same-instances-poll", accepted=False))


@scenario(exchanges=8, waits=POLLING)
async def duplicate_done(play: Play) -> None:
    """The same Transaction UID again after its result was delivered, beside a control under a fresh one."""
    client = play.http()
    first, second = flat([await play.seed("ct")]), flat([await play.seed("mr")])
    uid, _ = await commit(play, client, first)
    await check(play, client, uid, step="before")
    await probe(play, client, first, uid=uid, step="identical")
    await probe(play, client, second, uid=uid, step="different")
    answer = await check(play, client, uid, step="after")
    await poll(play, client, uid, answer, step="after-poll")
    await commit(play, client, second, step="control")


@scenario(mode="asynchronous", exchanges=7, waits=POLLING)
async def concurrent_duplicates(play: Play) -> None:
    """Four requests under one Transaction UID at the same moment, each on its own connection, beside a control.

    No two ask for the same instances: whether the identical Request may be taken again is another question (AMB-02).
    """
    held = await play.seed("ct")
    uid = play.uid()
    clients = {play.http(): flat([held, play.make("ct")]) for _ in range(4)}
    async with asyncio.TaskGroup() as group:
        racers = [group.create_task(post(play, each, uid, asked, step="race")) for each, asked in clients.items()]
    answers = [racer.result() for racer in racers]
    taken = next((answer for answer in answers if answer.status in (200, 202)), answers[0])
    client = play.http()
    await poll(play, client, uid, taken)
    await commit(play, client, flat([held]), step="control")


@scenario(exchanges=4, waits=POLLING)
async def unknown_transaction(play: Play) -> None:
    """Result Checks of a Transaction UID that was never used; then it is used."""
    client = play.http()
    module = flat([await play.seed("ct")])
    uid = play.uid()
    await check(play, client, uid, step="unknown")
    await check(play, client, uid, step="unknown")
    await commit(play, client, module, uid=uid, step="first-use")
