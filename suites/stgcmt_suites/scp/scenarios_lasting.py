"""What commitment means: what comes back, what is only a link, what survives a restart.

Scenarios drive, checks judge.
"""

from __future__ import annotations

from stgcmt.suite import Play, scenario
from stgcmt.wire.negotiation import Proposal
from stgcmt_suites.scp.requests import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    PUSH_MODEL,
    WARNING,
    associate,
    commit,
    exchange,
    note_stored,
    request,
)

REPORTS = ("max_report_delay",)
QUIET = ("max_report_delay", "quiet_period")


@scenario(exchanges=1, waits=QUIET, needs=("seeding", "retrieval", "destination"))
async def level_2(play: Play) -> None:
    """An instance with private, retired and unusual attributes is committed, and read back afterwards."""
    instance = await play.seed("private-attributes")
    await commit(play, "request", [instance])
    await play.wait("quiet_period", why="what the SUT does once it has the response to its report")
    await play.retrieve(instance)


@scenario(exchanges=2, waits=REPORTS, needs=("destination",), wants=("seeding",))
async def link_only(play: Play) -> None:
    """A whole Secondary Capture, and one that has a link in place of its pixel data (JPIP Referenced).

    Commitment of a link that is refused is asked for all the same: what was refused is not there.
    """
    await commit(play, "control", [await play.seed("sc")])
    if play.seeding in {"none", "preloaded"}:  # then nothing is to be stored by C-STORE either
        return
    link = play.make("link")
    with play.step("store"):
        contexts = ((link.sop_class_uid, (link.transfer_syntax_uid,)), (PUSH_MODEL, (IMPLICIT_LE, EXPLICIT_LE)))
        async with associate(play, proposal=Proposal(contexts)) as assoc:
            answer = await assoc.c_store(link.sop_class_uid, link.sop_instance_uid, link.data_set())
    note_stored(play, link, answer)
    status = getattr(answer, "status", None)
    if status is not None:
        await commit(play, "link" if status == 0 or status >> 12 == WARNING else "refused", [link])


@scenario(exchanges=2, waits=REPORTS, needs=("seeding", "destination", "provoke.delete"))
async def deleted_instance(play: Play) -> None:
    """Two stored instances are asked for; the vendor's help deletes one; then both are asked for under a fresh UID."""
    kept, gone = await play.seed("ct"), await play.seed("ct")
    await commit(play, "before", [kept, gone])
    if play.seeding != "preloaded":  # what was there before the run is not deleted
        await play.provoke("delete", sop_instance_uid=gone.sop_instance_uid)
    await commit(play, "request", [kept, gone])


@scenario(exchanges=1, waits=REPORTS, needs=("seeding", "retrieval", "destination"), wants=("restart",), alone=True)
async def kept_over_restart(play: Play) -> None:
    """An instance is committed, the SUT is restarted, and the instance is read back."""
    instance = await play.seed("ct")
    await commit(play, "request", [instance])
    await play.restart()
    await play.retrieve(instance)


@scenario(
    exchanges=1,
    waits=REPORTS,
    needs=("destination", "restart"),
    wants=("seeding", "provoke.keep-pending", "provoke.release"),
    alone=True,
)
async def restarted(play: Play) -> None:
    """The SUT is restarted as soon as it accepted a request, which the vendor's help keeps pending where there is one."""
    uid, instance = play.uid(), await play.seed("ct")
    await play.provoke("keep-pending", sop_instance_uid=instance.sop_instance_uid)
    if await exchange(play, "request", request(uid, [instance])) == 0:
        await play.restart()
        await play.provoke("release", sop_instance_uid=instance.sop_instance_uid)
        await play.report(uid)
