"""Runs of the SCP's suite against its reference, in this process, several at once, with short deadlines."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from stgcmt.bundle import load
from stgcmt.commands.run import make_plan
from stgcmt.judge import JudgedRow, judge
from stgcmt.play import play_plan

ROLE = "scp"
AT_ONCE = 6  # runs mostly wait; more would make the timers of two cores late
# The reference reports after 0.3 s and tries again after 0.5, 1 and 2 s; a fault that keeps silent costs each deadline.
TIMING = {
    "response": 5.0,
    "max_report_delay": 8.0,
    "quiet_period": 1.2,
    "second_part_pause": 1.0,
    "associate": 5.0,
    "release": 2.0,
}


async def rows_of(fault: str | None, directory: Path, req: tuple[str, ...] = ()) -> tuple[JudgedRow, ...]:
    """The judged rows of one run."""
    plan = make_plan(None, role=(ROLE,), fault=fault, req=req)
    timing = dataclasses.replace(plan.sut.timing, **TIMING)
    plan = dataclasses.replace(plan, sut=dataclasses.replace(plan.sut, timing=timing))
    await play_plan(plan, directory)
    return judge(load(directory), plan.suites, profile="default", selection=plan.selection)


def judged(faults: Iterable[str], directory: Path, at_once: int = AT_ONCE) -> Mapping[str, tuple[JudgedRow, ...]]:
    """For each fault the judged rows of a run with it."""
    found: dict[str, tuple[JudgedRow, ...]] = {}

    async def one(fault: str, limit: asyncio.Semaphore) -> None:
        async with limit:
            found[fault] = await rows_of(fault, directory / fault)

    async def all_of_them() -> None:
        limit = asyncio.Semaphore(at_once)
        await asyncio.gather(*(one(fault, limit) for fault in faults))

    asyncio.run(all_of_them())
    return found


def red(rows: Iterable[JudgedRow]) -> dict[str, str]:
    """The rows that fail, warn or err, with their verdicts."""
    return {row.id: str(row.verdict) for row in rows if row.verdict in ("fail", "warn", "error")}
