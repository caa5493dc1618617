"""Which instance is meant, and as it is now: UIDs of every shape, instances that come and go between two Requests."""

from __future__ import annotations

import asyncio
from typing import Any

from stgcmt.suite import Play, scenario
from stgcmt_suites.commitment.shapes import SUFFIXES, nearly
from stgcmt_suites.origin_server.asking import POLLING, check, commit, post
from stgcmt_suites.origin_server.requests import Named, flat

HELP = ("provoke.corrupt", "provoke.exhaust", "provoke.unavailable", "provoke.release")


@scenario(exchanges=2, waits=POLLING)
async def uid_shapes(play: Play) -> None:
    """Instances with UIDs of odd and even length, with a last component of zero and of 64 characters, in one request.

    Beside each stands a UID that was never sent and differs in its end alone.
    """
    there = [await play.seed("ct", suffix=suffix) for suffix in SUFFIXES]
    near = [Named(each.sop_class_uid, nearly(each.sop_instance_uid)) for each in there]
    await commit(play, play.http(), flat([*there, *near]))


@scenario(exchanges=4, waits=POLLING, needs=("seeding", "retrieval"))
async def asked_early(play: Play) -> None:
    """An instance is asked for before it is stored; then it is stored, asked for under a fresh UID, and read back."""
    client, late = play.http(), play.make("ct")
    await commit(play, client, flat([late]), step="before")
    if play.seeding == "preloaded":  # nothing is stored in this run
        return
    await play.seed(late)
    await commit(play, client, flat([late]))
    await play.retrieve(late)


@scenario(exchanges=10, waits=POLLING, wants=HELP)
async def provoked_states(play: Play) -> None:
    """By the vendor's means one instance is damaged, one meets exhausted resources, and the service is unavailable for one.

    Each is asked for beside one that nothing happened to. What was there before the run is left alone.
    """
    client = play.http()
    whole = await play.seed("ct")
    await commit(play, client, flat([whole]), step="control")
    if not hasattr(whole, "part10"):
        return
    async with asyncio.TaskGroup() as group:
        group.create_task(_hit(play, client, "corrupt", whole))
        group.create_task(_hit(play, client, "exhaust", whole))
        group.create_task(_away(play, client))


async def _hit(play: Play, client: Any, name: str, whole: Any) -> None:
    """One instance that the vendor's help did something to, asked for beside a whole one."""
    hit = await play.seed("ct")
    if await play.provoke(name, sop_instance_uid=hit.sop_instance_uid):
        await commit(play, client, flat([whole, hit]), step=name)


async def _away(play: Play, client: Any) -> None:
    """The service is unavailable for an instance, and then is not; the Transaction UID stays the same."""
    hit, uid = await play.seed("ct"), play.uid()
    if await play.provoke("unavailable", sop_instance_uid=hit.sop_instance_uid):
        await post(play, client, uid, flat([hit]), step="unavailable")
        await check(play, client, uid, step="unavailable-check", again=False)
        await play.provoke("release", sop_instance_uid=hit.sop_instance_uid)
        await commit(play, client, flat([hit]), uid=uid, step="available")
