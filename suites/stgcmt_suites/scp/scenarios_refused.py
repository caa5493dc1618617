"""Requests that an SCP must refuse, each beside a control request that differs in the one point.

Scenarios drive, checks judge. Every defect has an association and a Transaction UID of its own, so that what
one of them breaks is told from the others.
"""

from __future__ import annotations

from typing import Any

from stgcmt.suite import Lease, Play, scenario
from stgcmt.wire import command
from stgcmt_suites.commitment.dimse_module import REF_CLASS, REF_INSTANCE, REF_SEQUENCE, TRANSACTION_UID
from stgcmt_suites.scp.requests import (
    PUSH_MODEL,
    ask,
    associate,
    at_once,
    commit,
    emptied,
    exchange,
    in_last,
    item,
    report_on,
    request,
    without,
)

PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
PULL_MODEL = "1.2.840.10008.1.20.2"  # retired: no SCP of the Push Model has it on this context
CT = "1.2.840.10008.5.1.4.1.1.2"
NOBODY = "STGCMT_NOBODY"
QUIET = ("max_report_delay", "quiet_period")
UNHEARD = ("destination",)
STORED = ("seeding",)  # wanted: without seeding the same is asked of instances that were never stored

AFTER_REFUSALS = "a report on a refused request may follow"


@scenario(exchanges=8, waits=QUIET, needs=UNHEARD, wants=STORED)
async def missing_attributes(play: Play) -> None:
    """The same request whole, and each time without one mandatory attribute, of the last of two items, too."""
    instance = await play.seed("ct")

    def lacking(tag: int) -> Any:
        return without(request(play.uid(), [instance]), tag)

    await at_once(
        commit(play, "control", [instance]),
        exchange(play, "no-information", None),
        exchange(play, "no-transaction-uid", lacking(TRANSACTION_UID)),
        exchange(play, "no-sequence", lacking(REF_SEQUENCE)),
        exchange(play, "no-class-uid", lacking(REF_CLASS)),
        exchange(play, "no-instance-uid", lacking(REF_INSTANCE)),
        exchange(play, "no-class-uid-in-last", _spoilt_in_last(play, without, instance, REF_CLASS)),
        exchange(play, "no-instance-uid-in-last", _spoilt_in_last(play, without, instance, REF_INSTANCE)),
    )
    await play.wait("quiet_period", why=AFTER_REFUSALS)


def _spoilt_in_last(play: Play, change: Any, instance: Any, tag: int) -> Any:
    """A request for this instance and a second one, in whose item one attribute is changed."""
    return in_last(change, request(play.uid(), [instance, play.make("ct")]), tag)


@scenario(exchanges=7, waits=QUIET, needs=UNHEARD, wants=STORED)
async def empty_attributes(play: Play) -> None:
    """The same request whole, and each time with one mandatory attribute that has no value, of the last of two items, too."""
    instance = await play.seed("ct")

    def lacking(tag: int) -> Any:
        return emptied(request(play.uid(), [instance]), tag)

    await at_once(
        commit(play, "control", [instance]),
        exchange(play, "empty-transaction-uid", lacking(TRANSACTION_UID)),
        exchange(play, "empty-sequence", lacking(REF_SEQUENCE)),
        exchange(play, "empty-class-uid", lacking(REF_CLASS)),
        exchange(play, "empty-instance-uid", lacking(REF_INSTANCE)),
        exchange(play, "empty-class-uid-in-last", _spoilt_in_last(play, emptied, instance, REF_CLASS)),
        exchange(play, "empty-instance-uid-in-last", _spoilt_in_last(play, emptied, instance, REF_INSTANCE)),
    )
    await play.wait("quiet_period", why=AFTER_REFUSALS)


@scenario(exchanges=10, waits=QUIET, needs=UNHEARD, wants=STORED)
async def wrong_commands(play: Play) -> None:
    """The same request with a right command set, and each time with one wrong field in it; other operations."""
    instance = await play.seed("ct")

    def right() -> Any:
        return request(play.uid(), [instance])

    await at_once(
        commit(play, "control", [instance]),
        *(exchange(play, f"action-type-{number}", right(), action_type=number) for number in (0, 2, 65535)),
        exchange(play, "other-instance", right(), instance_uid=play.uid("well-known")),
        exchange(play, "malformed-instance", right(), instance_uid="1.2.840.10008.1.20.1.x"),
        exchange(play, "other-class", right(), class_uid=PULL_MODEL),
        exchange(play, "swapped", right(), class_uid=PUSH_MODEL_INSTANCE, instance_uid=PUSH_MODEL),
        _operation(play, "n-get", command.N_GET_RQ, command.REQUESTED_CLASS, command.REQUESTED_INSTANCE),
        _operation(play, "n-create", command.N_CREATE_RQ, command.AFFECTED_CLASS, command.AFFECTED_INSTANCE),
    )
    await play.wait("quiet_period", why=AFTER_REFUSALS)


async def _operation(play: Play, step: str, field: int, class_field: int, instance_field: int) -> None:
    """An operation that the class does not have, on its context."""
    with play.step(step):
        async with associate(play) as assoc:
            await assoc.invoke(PUSH_MODEL, field, {class_field: PUSH_MODEL, instance_field: PUSH_MODEL_INSTANCE})


@scenario(exchanges=3, waits=QUIET, needs=UNHEARD, wants=STORED)
async def duplicate_references(play: Play) -> None:
    """Two instances once each; the same with one named twice; and one named under two classes."""
    one, other = await play.seed("ct"), await play.seed("sc")
    twice, classes = play.uid(), play.uid()
    await at_once(
        commit(play, "control", [one, other]),
        report_on(play, "twice", twice, request(twice, [one, other, one])),
        report_on(play, "two-classes", classes, request(classes, [one, other, item(other, sop_class_uid=CT)])),
    )
    await play.wait("quiet_period", why=AFTER_REFUSALS)


@scenario(exchanges=3, waits=QUIET, needs=UNHEARD, wants=STORED)
async def malformed_transaction_uids(play: Play) -> None:
    """The same request under a good Transaction UID, one with a letter, and one of 65 characters."""
    instance = await play.seed("ct")
    letters, long = play.uid(), play.uid()  # reports that echo the longer UID still mention the minted one
    await at_once(
        commit(play, "control", [instance]),
        report_on(play, "letters", letters, request(f"{letters}.x", [instance])),
        report_on(play, "too-long", long, request(f"{long}.".ljust(65, "1"), [instance])),
    )
    await play.wait("quiet_period", why=AFTER_REFUSALS)


@scenario(lease=Lease("late"), exchanges=2, waits=QUIET, needs=UNHEARD, wants=STORED)
async def pending_again(play: Play) -> None:
    """A second request under the Transaction UID of one that was accepted just before, with another instance.

    The listener takes its time to accept the report's association, so that the first transaction is still pending.
    """
    one, other, uid = await play.seed("ct"), await play.seed("mr"), play.uid()
    count = 0
    async with associate(play) as assoc:
        for step, instance in (("first", one), ("second", other)):
            with play.step(step):
                count += await ask(assoc, request(uid, [instance])) == 0
    if count:
        await play.report(uid, count=count)
    await play.wait("quiet_period", why="a report on either request may follow")


@scenario(exchanges=2, waits=QUIET, needs=UNHEARD, wants=STORED)
async def finished_again(play: Play) -> None:
    """A request under the Transaction UID of one that was reported on, with another instance."""
    one, other, uid = await play.seed("ct"), await play.seed("mr"), play.uid()
    await report_on(play, "first", uid, request(uid, [one]))
    await play.wait("quiet_period", why="the first transaction is finished once the SUT has the response to its report")
    if await exchange(play, "again", request(uid, [other])) == 0:
        await play.report(uid, count=2)
    await play.wait("quiet_period", why="a report on the second request may follow")


@scenario(exchanges=2, waits=QUIET, needs=UNHEARD, wants=STORED)
async def unknown_caller(play: Play) -> None:
    """The same request under the AE title of a destination, and under one that the SUT cannot know."""
    instance = await play.seed("ct")
    await commit(play, "control", [instance])
    await exchange(play, "nobody", request(play.uid(), [instance]), calling_ae=NOBODY)
    await play.wait("quiet_period", why="a report to an unknown caller may still come")


@scenario(exchanges=2, waits=QUIET, needs=("destination", "key.denied_ae_title"), wants=STORED)
async def denied_caller(play: Play) -> None:
    """The same request under the AE title of a destination, and under one that the SUT knows but does not permit."""
    instance = await play.seed("ct")
    await commit(play, "control", [instance])
    await exchange(play, "denied", request(play.uid(), [instance]), calling_ae=str(play.section["denied_ae_title"]))
    await play.wait("quiet_period", why=AFTER_REFUSALS)
