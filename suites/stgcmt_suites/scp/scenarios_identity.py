"""Which instance is meant, and as it is now: UIDs of every shape, instances that come, go, or never came in."""

from __future__ import annotations

from typing import Any

from stgcmt.suite import Play, scenario
from stgcmt.wire.negotiation import Proposal
from stgcmt_suites.commitment.shapes import SUFFIXES, nearly
from stgcmt_suites.scp.requests import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    PUSH_MODEL,
    WARNING,
    Elements,
    ask,
    associate,
    at_once,
    commit,
    item,
    note_stored,
    request,
)

REPORTS = ("max_report_delay",)
UNHEARD = ("destination",)
STORED = ("seeding",)


@scenario(exchanges=1, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def uid_shapes(play: Play) -> None:
    """Instances with UIDs of odd and even length, with a last component of zero and of 64 characters, in one request.

    Beside each stands a UID that was never sent and differs in its end alone.
    """
    there = [await play.seed("ct", suffix=suffix) for suffix in SUFFIXES]
    names = [each.sop_instance_uid for each in there]
    play.note(
        what="instances", sop_instance_uids=[*names, *map(nearly, names)]
    )  # made here, like those that were minted
    near = [_near(each) for each in there]
    await commit(play, "request", [*there, *near])


def _near(instance: Any) -> Elements:
    """A reference to what was never sent, under nearly the same UID."""
    near = nearly(instance.sop_instance_uid)
    return [(tag, vr, near if value == instance.sop_instance_uid else value) for tag, vr, value in item(instance)]


@scenario(exchanges=2, waits=REPORTS, needs=("seeding", "destination"))
async def asked_early(play: Play) -> None:
    """An instance is asked for before it is stored; then it is stored, and asked for under a fresh Transaction UID."""
    late = play.make("ct")
    await commit(play, "before", [late])
    if play.seeding == "preloaded":  # nothing is stored in this run
        return
    await play.seed(late)
    await commit(play, "request", [late])


@scenario(exchanges=2, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def refused_instance(play: Play) -> None:
    """A C-STORE whose data set names another instance than its command does; where it fails, both are asked for.

    Whoever stores it nevertheless has taken it: then nothing is asked.
    """
    if play.seeding not in {"c-store", "back-end"}:  # how else an instance would come in is not known
        return
    await commit(play, "control", [await play.seed("ct")])
    inside, outside = play.make("ct"), play.make("ct")
    contexts = ((inside.sop_class_uid, (inside.transfer_syntax_uid,)),)
    with play.step("store"):
        async with associate(play, proposal=Proposal(contexts)) as assoc:
            answer = await assoc.c_store(inside.sop_class_uid, outside.sop_instance_uid, inside.data_set())
    note_stored(play, outside, answer)
    status = getattr(answer, "status", None)
    if status is not None and status != 0 and status >> 12 != WARNING:
        await commit(play, "refused", [inside, outside])


@scenario(exchanges=3, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def two_on_one_association(play: Play) -> None:
    """Two requests one after the other on one association, for different instances; then one on an association of its own.

    The second request names one instance more, which was never sent.
    """
    first, second = [await play.seed("ct")], [await play.seed("mr"), play.make("mr")]
    uids = {"first": play.uid(), "second": play.uid()}
    taken: list[str] = []
    with play.step("first"):
        async with associate(play) as assoc:
            for step, asked in (("first", first), ("second", second)):
                with play.step(step):
                    if await ask(assoc, request(uids[step], asked)) == 0:
                        taken.append(step)
    for step in taken:
        with play.step(step):
            await play.report(uids[step])
    await commit(play, "control", first)


@scenario(exchanges=2, waits=REPORTS, needs=UNHEARD, wants=STORED)
async def each_syntax(play: Play) -> None:
    """A stored and a missing instance, asked for in Implicit VR and in Explicit VR Little Endian, each on a context of its own."""
    asked = [await play.seed("ct"), play.make("ct")]
    syntaxes = {"implicit": IMPLICIT_LE, "explicit": EXPLICIT_LE}
    await at_once(
        *(commit(play, step, asked, proposal=Proposal(((PUSH_MODEL, (syntax,)),))) for step, syntax in syntaxes.items())
    )


@scenario(exchanges=3, waits=REPORTS, needs=UNHEARD, wants=(*STORED, "provoke.corrupt", "provoke.exhaust"))
async def provoked_states(play: Play) -> None:
    """By the vendor's means one instance is damaged, and one meets exhausted resources; each is asked for beside a whole one."""
    whole = await play.seed("ct")
    asked = [commit(play, "control", [whole])]
    if play.seeding not in {"none", "preloaded"}:  # what was there before the run is left alone
        for name in ("corrupt", "exhaust"):
            hit = await play.seed("ct")
            if await play.provoke(name, sop_instance_uid=hit.sop_instance_uid):
                asked.append(commit(play, name, [whole, hit]))
    await at_once(*asked)
