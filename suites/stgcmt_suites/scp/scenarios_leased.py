"""Requests whose report finds a listener of a kind: one transfer syntax, small PDUs, no role, or nobody at first.

Scenarios drive, checks judge. Each leases a destination of its own until its report came or its wait is over.
"""

from __future__ import annotations

from typing import Any

from stgcmt.suite import Lease, Play, scenario
from stgcmt_suites.scp.requests import commit, exchange, item, request

CT = "1.2.840.10008.5.1.4.1.1.2"
REPORTS = ("max_report_delay",)
QUIET = ("max_report_delay", "quiet_period")
UNHEARD = ("destination",)
STORED = ("seeding",)  # wanted: without seeding the same is asked of instances that were never stored
MANY = 260  # references: more than a byte counts, and a report of many PDUs of 4,096 bytes


@scenario(lease=Lease("implicit-only"), waits=REPORTS, needs=UNHEARD, wants=STORED)
async def implicit_only(play: Play) -> None:
    """One stored instance; the listener accepts Implicit VR Little Endian alone."""
    await commit(play, "request", [await play.seed("ct")])


@scenario(lease=Lease("explicit-only"), waits=REPORTS, needs=UNHEARD, wants=STORED)
async def explicit_only(play: Play) -> None:
    """One stored instance; the listener accepts Explicit VR Little Endian alone."""
    await commit(play, "request", [await play.seed("ct")])


@scenario(lease=Lease("explicit-first"), waits=REPORTS, needs=UNHEARD, wants=STORED)
async def explicit_first(play: Play) -> None:
    """A stored and a missing instance; the listener prefers Explicit VR Little Endian."""
    await commit(play, "request", [await play.seed("ct"), play.make("ct")])


@scenario(lease=Lease("small-pdu"), waits=REPORTS, needs=UNHEARD)
async def small_pdu(play: Play) -> None:
    """Many references; the listener announces a maximum length of 4,096 bytes, and so does the request's association."""

    class Named:
        """An instance that is nothing but its UIDs."""

        def __init__(self) -> None:
            self.sop_class_uid, self.sop_instance_uid = CT, play.uid("instance")

    await commit(play, "request", [item(Named()) for _ in range(MANY)], max_pdu=4096)


@scenario(lease=Lease("role-both"), waits=REPORTS, needs=UNHEARD, wants=STORED)
async def unproposed_role(play: Play) -> None:
    """One stored instance; the listener grants both roles, whatever was proposed."""
    await commit(play, "request", [await play.seed("ct")])


@scenario(lease=Lease("no-role"), waits=QUIET, needs=UNHEARD, wants=STORED)
async def role_not_answered(play: Play) -> None:
    """One stored instance; at first the listener accepts the context without answering the proposed role."""
    await _late(play, await play.seed("ct"))


@scenario(lease=Lease("role-refused"), waits=QUIET, needs=UNHEARD, wants=STORED)
async def role_refused(play: Play) -> None:
    """One stored instance; at first the listener accepts the context but answers the role with 0."""
    await _late(play, await play.seed("ct"))


@scenario(lease=Lease("absent"), waits=QUIET, needs=UNHEARD, wants=STORED)
async def listener_away(play: Play) -> None:
    """One stored instance; at first nobody listens."""
    await _late(play, await play.seed("ct"))


@scenario(lease=Lease("reject-permanent"), waits=QUIET, needs=UNHEARD, wants=STORED)
async def rejected_for_good(play: Play) -> None:
    """One stored instance; at first every association is rejected with a permanent reason."""
    await _late(play, await play.seed("ct"))


@scenario(lease=Lease("other-ae"), waits=QUIET, needs=UNHEARD, wants=STORED)
async def called_ae_rejected(play: Play) -> None:
    """One stored instance; at first who listens rejects the called AE title as unknown."""
    await _late(play, await play.seed("ct"))


@scenario(lease=Lease("reject-context"), waits=QUIET, needs=UNHEARD, wants=STORED)
async def context_rejected(play: Play) -> None:
    """One stored instance; at first the listener accepts the association and rejects its presentation context."""
    await _late(play, await play.seed("ct"))


@scenario(lease=Lease("slow"), waits=QUIET, needs=UNHEARD, wants=STORED)
async def slow_listener(play: Play) -> None:
    """One stored instance; the listener takes its time to answer the report, then some quiet."""
    await commit(play, "request", [await play.seed("ct")])
    await play.wait("quiet_period", why="no second report follows one that was answered late")


async def _late(play: Play, instance: Any) -> None:
    """Ask, let the first attempt fail, then listen as usual and wait again."""
    uid = play.uid()
    if await exchange(play, "request", request(uid, [instance])) == 0:
        await play.wait("quiet_period", why="the first attempt to report is to fail")
        await play.listen("plain")
        await play.report(uid)


@scenario(lease=Lease("reject-transient"), waits=REPORTS, needs=UNHEARD, wants=STORED)
async def rejected_once(play: Play) -> None:
    """One stored instance; the first association is rejected with a transient reason."""
    await commit(play, "request", [await play.seed("ct")])


@scenario(lease=Lease("failure-status"), waits=REPORTS, needs=UNHEARD, wants=STORED)
async def report_failed(play: Play) -> None:
    """One stored instance; the first report is answered with a failure status."""
    await _again(play, await play.seed("ct"))


@scenario(lease=Lease("abort-on-report"), waits=REPORTS, needs=UNHEARD, wants=STORED)
async def report_aborted(play: Play) -> None:
    """One stored instance; the association of the first report is aborted."""
    await _again(play, await play.seed("ct"))


async def _again(play: Play, instance: Any) -> None:
    """Ask, let the first report go wrong, then listen as usual and wait for a second one."""
    uid = play.uid()
    if await exchange(play, "request", request(uid, [instance])) == 0 and await play.report(uid):
        await play.listen("plain")
        await play.report(uid, count=2)
