"""What is asked of an SCP: right requests of every shape. Scenarios drive, checks judge.

A step names one request with its association; reports are told apart by Transaction UID, not by step. A stored instance is
stored as far as the SUT file says how; without it most rows are judged all the same, on instances that were never stored.
"""

from __future__ import annotations

from typing import Any

from stgcmt.actors.outcome import Split
from stgcmt.suite import Play, scenario
from stgcmt.wire.command import N_EVENT_REPORT_RQ
from stgcmt.wire.items import Role
from stgcmt.wire.negotiation import Proposal
from stgcmt_suites.scp.requests import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    PUSH_MODEL,
    ask,
    associate,
    at_once,
    commit,
    item,
    note_stored,
    report_on,
    request,
    with_file_set,
    with_performed_step,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
REPORTS = ("max_report_delay",)
QUIET = ("max_report_delay", "quiet_period")
UNHEARD = ("destination",)
STORED = ("seeding",)  # wanted: without seeding the same is asked of instances that were never stored


@scenario(exchanges=1, waits=QUIET, needs=UNHEARD, wants=STORED)
async def plain_commitment(play: Play) -> None:
    """One stored instance; the association is released at once; after the report nothing more may come."""
    await commit(play, "request", [await play.seed("ct")])
    await play.wait("quiet_period", why="a second report may follow")


@scenario(exchanges=1, waits=QUIET, needs=UNHEARD, wants=STORED)
async def held_open(play: Play) -> None:
    """One stored instance; the association stays open until the report came, on it or on another."""
    uid, instance = play.uid(), await play.seed("ct")
    with play.step("request"):
        async with associate(play) as assoc:
            if await ask(assoc, request(uid, [instance])) == 0:
                await play.report(uid)
                await play.wait("quiet_period", why="a second report may follow on either association")


@scenario(exchanges=1, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def same_association_lost(play: Play) -> None:
    """One stored instance; a report that comes on the request's own association is met with an abort."""

    async def cut(assoc: Any, message: Any) -> None:
        if message.command.field == N_EVENT_REPORT_RQ:
            await assoc.abort()

    uid, instance = play.uid(), await play.seed("ct")
    with play.step("request"):
        async with associate(play, on_message=cut) as assoc:
            if await ask(assoc, request(uid, [instance])) == 0:
                await play.report(uid)


@scenario(exchanges=1, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def aborted_early(play: Play) -> None:
    """One stored instance; the association is aborted as soon as the request was accepted."""
    uid, instance, status = play.uid(), await play.seed("ct"), None
    with play.step("request"):
        async with associate(play) as assoc:
            status = await ask(assoc, request(uid, [instance]))
            await assoc.abort()
    if status == 0:
        await play.report(uid)


@scenario(exchanges=1, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def several_instances(play: Play) -> None:
    """Five stored instances of several classes in one request."""
    kinds = ("ct", "ct", "mr", "sc", "private-attributes")
    await commit(play, "request", [await play.seed(kind) for kind in kinds])


@scenario(exchanges=1, waits=QUIET, needs=UNHEARD, wants=STORED)
async def partly_missing(play: Play) -> None:
    """Two instances that are there and two that were never sent, in turn."""
    await commit(play, "request", [await play.seed("ct"), play.make("ct"), await play.seed("mr"), play.make("mr")])
    await play.wait("quiet_period", why="a second report with another content may follow")


@scenario(exchanges=1, waits=REPORTS, needs=UNHEARD)
async def all_missing(play: Play) -> None:
    """Two instances that were never sent, and one of a class that nobody knows."""
    unknown = item(play.make("ct"), sop_class_uid=play.uid("class"))
    await commit(play, "request", [play.make("ct"), play.make("mr"), unknown])


@scenario(exchanges=1, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def wrong_class(play: Play) -> None:
    """A Secondary Capture instance asked for as CT, beside one asked for as what it is."""
    await commit(play, "request", [item(await play.seed("sc"), sop_class_uid=CT), await play.seed("ct")])


@scenario(exchanges=3, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def in_sequence(play: Play) -> None:
    """Three transactions one after another, each after the report of the one before."""
    for step in ("first", "second", "third"):
        await commit(play, step, [await play.seed("ct")])


@scenario(exchanges=2, waits=REPORTS, needs=("seeding", "destination"))
async def stored_elsewhere(play: Play) -> None:
    """The same request where the instance was stored on this association, and where it came another way."""
    elsewhere = await play.seed("ct")
    if hasattr(elsewhere, "part10"):  # an instance that was there before the run: nothing is to be stored
        await _stored_here(play)
    await commit(play, "elsewhere", [elsewhere])


async def _stored_here(play: Play) -> None:
    instance, uid = play.make("ct"), play.uid()
    contexts = ((PUSH_MODEL, (IMPLICIT_LE, EXPLICIT_LE)), (instance.sop_class_uid, (instance.transfer_syntax_uid,)))
    accepted = False
    with play.step("control"):
        async with associate(play, proposal=Proposal(contexts)) as assoc:
            syntax = assoc.transfer_syntax(instance.sop_class_uid)
            if syntax is not None:
                stored = await assoc.c_store(
                    instance.sop_class_uid, instance.sop_instance_uid, instance.data_set(syntax), syntax
                )
                note_stored(play, instance, stored)
                accepted = await ask(assoc, request(uid, [instance])) == 0
        if accepted:
            await play.report(uid)


@scenario(exchanges=2, waits=("max_report_delay", "second_part_pause"), needs=UNHEARD, wants=STORED)
async def second_part_pause(play: Play) -> None:
    """The same request in one piece, and with a pause after the first bytes of its data set."""
    instance = await play.seed("ct")
    paused, pause = play.uid(), play.timing.second_part_pause

    async def halted() -> None:
        await play.wait("second_part_pause", why="the second part of the request is held back")

    await at_once(
        commit(play, "control", [instance]),
        report_on(play, "paused", paused, request(paused, [instance]), split=Split(pause, after=32)),
        halted(),
    )


@scenario(exchanges=4, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def optional_attributes(play: Play) -> None:
    """The same request bare, with File-Set attributes (outside, inside the sequence), with the retired reference."""
    instance = await play.seed("ct")
    uids = {step: play.uid() for step in ("file-set-outside", "file-set-inside", "performed-step")}
    made = {step: request(uid, [instance]) for step, uid in uids.items()}
    made["file-set-outside"] = with_file_set(made["file-set-outside"], play.uid("file-set"))
    made["file-set-inside"] = with_file_set(made["file-set-inside"], play.uid("file-set"), inside=True)
    made["performed-step"] = with_performed_step(made["performed-step"], play.uid("procedure-step"))
    await at_once(
        commit(play, "control", [instance]), *(report_on(play, step, uid, made[step]) for step, uid in uids.items())
    )


@scenario(exchanges=4, waits=(), needs=UNHEARD)
async def roles(play: Play) -> None:
    """Associations that are opened and released, each with another role selection for the class."""
    proposals = {
        "no-item": (),
        "scu": (Role(PUSH_MODEL, 1, 0),),
        "scp": (Role(PUSH_MODEL, 0, 1),),
        "both": (Role(PUSH_MODEL, 1, 1),),
    }
    contexts = ((PUSH_MODEL, (IMPLICIT_LE, EXPLICIT_LE)),)
    for step, items in proposals.items():
        with play.step(step):
            async with associate(play, proposal=Proposal(contexts, roles=items)):
                pass
