"""How reports reach an SCU, and what they say: right ones on every way. Scenarios drive, checks judge.

Each scenario lets the client ask (``[trigger]``), answers by its script, reports, waits until the client has fallen silent,
and hears what it believes of each instance (``[state]``, where there is one).
"""

from __future__ import annotations

from stgcmt.suite import Lease, Play, scenario
from stgcmt.wire.uids import EXPLICIT_LE, IMPLICIT_LE
from stgcmt_suites.commitment.dimse_results import ALL
from stgcmt_suites.scu.service import WAITS, Service, reported, taken

NEEDS, WANTS = ("trigger", "destination"), ("state",)
LISTENS = (*NEEDS, "listener")
MANY = 100  # references of which not even half, as a proxy may ask for them, fit into one PDU of 4,096 bytes
LATE_S = 1.0  # far after the client has released, and within its patience
SAME = {"way": "either", "delay_s": 0.0}


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=2)
async def new_association(play: Play) -> None:
    """Everything committed, told on an association that we open; once in Implicit VR Little Endian alone."""
    service = Service(play)
    service.case(play.make("ct"), play.make("sc"), steps=reported())
    service.case(play.make("mr"), steps=reported(how={"transfer_syntaxes": (IMPLICIT_LE,)}))
    service.case(play.make("ct"), steps=reported(how={"transfer_syntaxes": (EXPLICIT_LE, IMPLICIT_LE)}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=2)
async def same_association(play: Play) -> None:
    """Everything committed, told on the association of the request while it is open, else on a new one."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), steps=reported(how=SAME))
    service.case(play.make("ct"), play.make("ct"), steps=reported(how=SAME, failed={1: 0x0112}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=2)
async def after_release(play: Play) -> None:
    """Reports a good while after the client has ended the association of its request."""
    service = Service(play)
    late = {"when": "after-end", "delay_s": LATE_S}
    service.case(play.make("ct"), play.make("sc"), steps=reported(how=late))
    service.case(play.make("mr"), play.make("mr"), steps=reported(how=late, failed={0: 0x0110}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=2)
async def early(play: Play) -> None:
    """Reports before the response to their request: on its association, and on a new one."""
    service = Service(play)
    early = {"when": "before-response", "delay_s": 0.0}
    service.case(play.make("ct"), steps=reported(turn={"delay_s": 0.2}, how={**early, "way": "same"}))
    service.case(play.make("mr"), steps=reported(turn={"delay_s": 0.3}, how=early))
    await service.play_all()
    await service.beliefs()


@scenario(needs=("trigger", "destination", "state"), waits=WAITS, exchanges=3)
async def beliefs(play: Play) -> None:
    """What the client believes of instances that were committed, failed, or never spoken of."""
    service = Service(play)
    service.case(play.make("ct"), play.make("ct"), play.make("mr"), steps=reported(how=SAME, failed={1: 0x0112}))
    service.case(play.make("ct"), play.make("sc"), steps=reported(failed={0: 0x0110}))
    service.case(play.make("ct"), steps=reported())
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=9)
async def failures(play: Play) -> None:
    """Each Failure Reason, one that nobody knows, and all instances failed; whoever asks again is told of success."""
    service = Service(play)
    for reason in (0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213, 0xA700):
        service.case(play.make("ct"), play.make("ct"), steps=(reported(failed={0: reason}), reported()))
    service.case(play.make("ct"), play.make("mr"), steps=(reported(failed={ALL: 0x0112}), reported()))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=3)
async def several(play: Play) -> None:
    """Two commitments of one study, one after the other, and one of another."""
    service = Service(play)
    first = play.make("ct")
    beside = play.make("ct", study=first.study_instance_uid, series=first.series_instance_uid)
    for instance in (first, beside, play.make("sc")):
        service.case(instance, steps=reported(how=SAME))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=3)
async def roles(play: Play) -> None:
    """Associations to the client that propose to be SCU and SCP, SCU alone, nothing, and no role at all."""
    service = Service(play)
    for role in ((1, 1), (1, 0), (0, 0)):
        service.case(play.make("ct"), steps=reported(how={"role": role, "lenient": False}))
    service.case(play.make("ct"), steps=reported(how={"role": None}))
    await service.play_all()
    await service.beliefs()


@scenario(mode="roles", lease=Lease("no-role"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def role_not_answered(play: Play) -> None:
    """An archive that accepts the class and answers no role, to a client that proposes one, where it can."""
    service = Service(play)
    service.case(play.make("ct"), steps=reported(how=SAME))
    await service.play_all()
    await service.beliefs()


@scenario(lease=Lease("role-unproposed"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def role_unproposed(play: Play) -> None:
    """An archive that grants a role for which nobody asked."""
    service = Service(play)
    service.case(play.make("ct"), steps=reported(how=SAME))
    await service.play_all()
    await service.beliefs()


@scenario(lease=Lease("implicit-only"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def implicit_archive(play: Play) -> None:
    """An archive that takes requests in Implicit VR Little Endian alone."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), steps=reported(how=SAME))
    await service.play_all()


@scenario(lease=Lease("explicit-first"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def explicit_archive(play: Play) -> None:
    """An archive that prefers Explicit VR Little Endian."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), steps=reported(how=SAME))
    await service.play_all()


@scenario(lease=Lease("small-pdu"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def small_pdu(play: Play) -> None:
    """A long request to an archive that announces 4,096 bytes as its maximum length."""
    service = Service(play)
    first = play.make("ct")
    where = {"study": first.study_instance_uid, "series": first.series_instance_uid}
    service.case(first, *(play.make("ct", **where) for _ in range(MANY - 1)), steps=reported(how=SAME))
    await service.play_all()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def never(play: Play) -> None:
    """A request that is accepted, and no report."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), steps=taken())
    await service.play_all()
    await service.beliefs()
