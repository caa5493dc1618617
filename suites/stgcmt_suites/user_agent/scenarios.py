"""What a user agent is answered: results of every shape, at once and later. Scenarios drive, checks judge.

Each scenario lets the client ask (``[trigger]``), answers by its script, waits until the client has come to an end, and hears
what it believes of each instance (``[state]``, where there is one).
"""

from __future__ import annotations

from stgcmt.suite import Play, scenario
from stgcmt_suites.commitment.references import similar
from stgcmt_suites.user_agent.service import ALL, WAITS, Service, result, working

NEEDS, WANTS = ("trigger",), ("state",)
PATIENCE_S = 4  # seconds that a client is told to wait: long enough to be restarted meanwhile
POLLS = 8  # Result Checks answered 202 before a client that goes on is believed to be patient


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=3)
async def at_once(play: Play) -> None:
    """A Request for two instances, answered 200 with both committed; then nothing is left to ask."""
    service = Service(play)
    service.case(play.make("ct"), play.make("sc"), posts=result())
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=6)
async def pending(play: Play) -> None:
    """202 to the Request, 202 with and without Retry-After to the Result Checks, then 200 with all committed."""
    service = Service(play)
    gets = (working(1), working(), result())
    service.case(play.make("ct"), play.make("mr"), posts=working(1), gets=gets)
    await service.play_all()
    await service.beliefs()


@scenario(needs=("trigger", "state"), waits=WAITS, exchanges=11)
async def beliefs(play: Play) -> None:
    """What the client believes of instances that were committed, failed, or never spoken of, at once and after a 202."""
    service = Service(play)
    service.case(play.make("ct"), play.make("ct"), play.make("mr"), posts=result(failed={1: 0x0112}))
    late = (play.make("ct"), play.make("sc"), play.make("mr"))  # asked for in two Requests, one of them still commits
    service.case(*late, posts=working(1), gets=result(failed={0: 0x0110}))
    service.case(play.make("ct"), posts=result())
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=33)
async def failures(play: Play) -> None:
    """Each Failure Reason, one that nobody knows, all failed; an instance left out, one in both lists, one with a similar name."""
    service = Service(play)
    for reason in (0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213, 0xC001):
        service.case(play.make("ct"), play.make("ct"), posts=result(failed={0: reason}))
    service.case(play.make("ct"), play.make("mr"), posts=result(failed={ALL: 0x0112}))
    service.case(play.make("ct"), play.make("sc"), posts=result(left_out=[1]))
    service.case(play.make("ct"), play.make("sc"), posts=result(both=[1]))
    beside = play.make("ct")
    service.case(beside, play.make("mr"), posts=result(left_out=[0], add=[similar(beside)]))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=5)
async def foreign_instance(play: Play) -> None:
    """While one transaction is pending, the result of another one commits its instance too; then the first fails it."""
    service = Service(play)
    mine, other = play.make("ct"), play.make("mr")
    first = service.case(mine, posts=working(4), gets=result(failed={0: 0x0110}))
    second = service.case(other, posts=result(add=[mine]))
    for case in (first, second):
        await service.start(case)
    await play.asked(len(play.heard) + 1, within="quiet_period", seconds=1.0, reason="quiet")
    await service.beliefs()
    await service.settle()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=22)
async def still_pending(play: Play) -> None:
    """202 again and again, without Retry-After: what is asked meanwhile, how fast, and whether it ends."""
    service = Service(play)
    case = service.case(play.make("ct"), posts=working(), gets=[working()] * POLLS)
    await service.start(case)
    await play.asked(len(play.heard) + 1, within="trigger")
    await service.beliefs()
    await service.settle()
    await service.beliefs()


@scenario(needs=NEEDS, wants=(*WANTS, "restart"), waits=WAITS, exchanges=4, alone=True)
async def restarted(play: Play) -> None:
    """The client is restarted while its transaction is pending; the result that it then can read fails an instance."""
    service = Service(play)
    case = service.case(play.make("ct"), play.make("ct"), posts=working(PATIENCE_S), gets=result(failed={1: 0x0112}))
    if await service.start(case):
        await play.restart()
    await service.settle()
    await service.beliefs()


@scenario(mode="xml", needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=5)
async def in_xml(play: Play) -> None:
    """Requests of a client that writes native XML, where it can: two studies, two classes in one series."""
    service = Service(play)
    first = play.make("ct")
    beside = play.make("sc", study=first.study_instance_uid, series=first.series_instance_uid)
    service.case(first, beside, play.make("mr"), posts=working(1), gets=result(failed={1: 0x0112}))
    await service.play_all()
    await service.beliefs()


@scenario(mode="multipart", needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=4)
async def in_parts(play: Play) -> None:
    """Requests of a client that writes multipart payloads, where it can."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), posts=working(1), gets=result())
    await service.play_all()
    await service.beliefs()
