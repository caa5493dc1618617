"""Ways a report takes that go wrong at first: the cells of the map of event reports that no other scenario fills.

One commitment a scenario where an attempt may end without a report: of several nobody could say whose attempt it was.
"""

from __future__ import annotations

from stgcmt.actors.scripted_scp import Turn
from stgcmt.suite import Play, scenario
from stgcmt.wire.uids import EXPLICIT_LE
from stgcmt_suites.commitment.dimse_module import Information
from stgcmt_suites.commitment.dimse_results import result_of
from stgcmt_suites.scu.scenarios import LISTENS, WANTS
from stgcmt_suites.scu.service import WAITS, Service, Step, delivery, reported, taken

AFTER_S = 0.5  # far after both ends know that the association is over
AGAIN_S = 1.0  # a second attempt, as an archive makes it that does not give up
OTHER_AE = "NOT-THAT-AE"


def _tried(first: dict[str, object], **again: object) -> Step:
    """A report that goes out in one way, and where it is not taken once more in the usual one."""

    def step(asked: Information) -> Turn:
        said = result_of(asked)
        second = delivery(said, again=True, **{"delay_s": AGAIN_S, **again})
        return Turn(reports=[delivery(said, **first), second])

    return step


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=2)
async def ended_by_us(play: Play) -> None:
    """The association of a request is aborted, or closed, as soon as it was accepted; the report comes on a new one."""
    service = Service(play)
    late = {"delay_s": AFTER_S}
    service.case(play.make("ct"), steps=reported(turn={"then": "abort"}, how=late))
    service.case(play.make("mr"), play.make("mr"), steps=reported(turn={"then": "close"}, how=late, failed={0: 0x0110}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=1)
async def another_ae_called(play: Play) -> None:
    """An association for the report that calls another AE title than the client's; where that fails, one that calls its own."""
    service = Service(play)
    play.note(what="called-ae", ae_title=OTHER_AE)  # the map says by it what was tried
    service.case(play.make("ct"), steps=_tried({"called_ae": OTHER_AE}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=1)
async def explicit_report(play: Play) -> None:
    """An association for the report that offers Explicit VR Little Endian alone; where that fails, one that offers both."""
    service = Service(play)
    service.case(play.make("ct"), steps=_tried({"transfer_syntaxes": (EXPLICIT_LE,)}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=1)
async def default_roles(play: Play) -> None:
    """An association for the report without role selection; where that fails, one that proposes to be SCP."""
    service = Service(play)
    service.case(play.make("ct"), steps=_tried({"role": None}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=(*WANTS, "restart"), waits=WAITS, exchanges=1, alone=True)
async def restarted(play: Play) -> None:
    """The client is restarted while its transaction is pending; then the report comes, and where it is not taken, again."""
    service = Service(play)
    case = service.case(play.make("ct"), play.make("ct"), steps=taken())
    await service.start(case)
    await service.settle()
    if case.asked:
        await play.restart()
        said = result_of(case.asked[-1], failed={1: 0x0112})
        service.report(case, delivery(said), delivery(said, again=True, delay_s=AGAIN_S))
    await service.settle()
    await service.beliefs()
