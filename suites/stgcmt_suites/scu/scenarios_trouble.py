"""What an SCU gets when something is wrong: refusals, silence, reports that mislead or cannot be processed."""

from __future__ import annotations

from typing import Any

from stgcmt.actors.outcome import Split
from stgcmt.actors.scripted_scp import Turn
from stgcmt.suite import Lease, Play, scenario
from stgcmt_suites.commitment.dimse_module import Information
from stgcmt_suites.commitment.dimse_results import Said, result_of
from stgcmt_suites.commitment.references import similar
from stgcmt_suites.scu.scenarios import LISTENS, MANY, NEEDS, SAME, WANTS
from stgcmt_suites.scu.service import WAITS, Service, Step, delivery, ended, refused, reported, said, silent, taken

STATUSES = (
    0x0110, 0x0112, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121, 0x0123, 0x0124, 0x0131, 0x0210, 0x0211,
    0x0212, 0x0213,
)  # fmt: skip
OTHER_INSTANCE, OTHER_CLASS = "1.2.840.10008.1.20.1.2", "1.2.840.10008.1.20.2"
HEAD = 20  # bytes of a report that go ahead of the rest
CUT_S = 0.6  # seconds for which the rest is held back: longer than any round trip here


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=9)
async def misleading(play: Play) -> None:
    """Reports that commit something else than was asked for, or less than they seem to; none is put right."""
    service = Service(play)
    make = play.make
    pending = make("mr")
    stranger = play.uid("unknown transaction")
    service.case(make("ct"), make("ct"), steps=reported(left_out=[1]))
    service.case(make("ct"), make("ct"), steps=reported(failed={1: 0x0112}, event_type=1))
    service.case(make("ct"), make("ct"), make("mr"), steps=reported(failed={0: 0x0112}, left_out=[1]))
    service.case(pending, steps=taken())
    service.case(make("ct"), steps=reported(add=[pending]))
    service.case(make("ct"), make("ct"), steps=_in_both_lists)
    service.case(make("ct"), steps=reported(transaction_uid=stranger))
    service.case(make("ct"), steps=reported(event_type=3))
    beside = make("ct")
    service.case(beside, make("mr"), steps=reported(left_out=[0], add=[similar(beside)]))
    await service.play_all()
    await service.beliefs()


def _in_both_lists(asked: Information) -> Turn:
    result = result_of(asked)
    failed = tuple((each, 0x0110) for each in result.committed[1:])
    return Turn(reports=[delivery(result.but(failed=failed, event_type=2))])


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=16)
async def refusals(play: Play) -> None:
    """Each failure status in answer to a request, and no report; whoever asks again is served."""
    service = Service(play)
    for status in STATUSES:
        service.case(play.make("ct"), steps=(refused(status), reported(how=SAME)))
    await service.play_all()
    await service.beliefs()


@scenario(lease=Lease("early-failure"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def refused_early(play: Play) -> None:
    """A long request that is answered 0213H when its command set has arrived, and its data set has not."""
    service = Service(play)
    first = play.make("ct")
    where = {"study": first.study_instance_uid, "series": first.series_instance_uid}
    service.case(
        first, *(play.make("ct", **where) for _ in range(MANY - 1)), steps=silent()
    )  # the listener has answered
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=4)
async def unanswered(play: Play) -> None:
    """Requests that get no response, an A-ABORT, a closed connection, or a release."""
    service = Service(play)
    for step in (ended("abort"), ended("close"), ended("release"), silent()):
        service.case(play.make("ct"), steps=(step, reported(how=SAME)))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=1)
async def twice(play: Play) -> None:
    """The same report twice, and a failure after which nothing else is said."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), steps=said(result_of, result_of))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=7)
async def bad_reports(play: Play) -> None:
    """Reports that cannot be processed: event type, class, instance or data set are wrong; then a right one on another request."""
    service = Service(play)

    def bad(how: dict[str, Any] | None = None, **result: Any) -> Step:
        return reported(how=how, **result)

    for event_type in (0, 3):
        service.case(play.make("ct"), steps=bad(event_type=event_type))
    service.case(play.make("ct"), steps=bad(how={"instance_uid": OTHER_INSTANCE}))
    service.case(play.make("ct"), steps=bad(how={"class_uid": OTHER_CLASS}))
    service.case(play.make("ct"), steps=bad(transaction_uid=None))
    service.case(play.make("ct"), play.make("ct"), steps=bad(failed={0: None}))
    for case in service.cases:
        await service.start(case)
    await service.settle()
    service.case(control := play.make("sc"), steps=reported())
    with play.step("control"):
        await service.start(service.cases[-1])
    await service.settle()
    play.note(what="control", sop_instance_uid=control.sop_instance_uid)
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=1)
async def unknown_transaction(play: Play) -> None:
    """A report under a Transaction UID that nobody asked with, on an instance that is pending."""
    service = Service(play)
    service.case(play.make("ct"), steps=reported(transaction_uid=play.uid("unknown transaction")))
    await service.play_all()
    await service.beliefs()


@scenario(needs=LISTENS, wants=WANTS, waits=WAITS, exchanges=1)
async def cut_report(play: Play) -> None:
    """A report whose last part comes a good while after the first."""
    service = Service(play)
    service.case(play.make("ct"), play.make("mr"), steps=reported(how={"split": Split(CUT_S, HEAD)}))
    await service.play_all()
    await service.beliefs()


@scenario(needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def store_refused(play: Play) -> None:
    """C-STORE of one instance fails; where the client asks for it all the same, the report fails it."""
    service = Service(play)
    lost, kept = play.make("ct"), play.make("ct")
    service.refuses.add(lost.sop_instance_uid)

    def step(asked: Information) -> Turn:
        numbers = [n for n, each in enumerate(asked.references) if each.sop_instance_uid == lost.sop_instance_uid]
        content: Said = result_of(asked, failed=dict.fromkeys(numbers, 0x0112))
        return Turn(reports=[delivery(content, **SAME)])

    service.case(lost, kept, steps=step)
    await service.play_all()
    await service.beliefs()


@scenario(lease=Lease("reject-permanent"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def rejected(play: Play) -> None:
    """An archive that stores, and rejects the association on which commitment is asked for."""
    service = Service(play)
    service.case(play.make("ct"), steps=taken())
    await service.play_all()
    await service.beliefs()


@scenario(lease=Lease("reject-context"), needs=NEEDS, wants=WANTS, waits=WAITS, exchanges=1)
async def context_refused(play: Play) -> None:
    """An archive that stores, and does not support the Push Model."""
    service = Service(play)
    service.case(play.make("ct"), steps=taken())
    await service.play_all()
    await service.beliefs()
