"""Runs of the origin server's suite against its reference, in this process, several at once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from stgcmt.bundle import load
from stgcmt.commands.run import make_plan
from stgcmt.judge import JudgedRow, judge
from stgcmt.play import play_plan

ROLE = "origin_server"
AT_ONCE = 6  # most of a run is waiting: more would only make the timers late
DEADLINE_S = 4.0  # a server that never finishes need not be waited for any longer here


async def rows_of(fault: str | None, directory: Path, req: tuple[str, ...] = ()) -> tuple[JudgedRow, ...]:
    """The judged rows of one run."""
    plan = make_plan(None, role=(ROLE,), fault=fault, req=req)
    timing = dataclasses.replace(plan.sut.timing, result_deadline=DEADLINE_S, http_response=20.0)
    plan = dataclasses.replace(plan, sut=dataclasses.replace(plan.sut, timing=timing))
    await play_plan(plan, directory)
    return judge(load(directory), plan.suites, profile="default", selection=plan.selection)


def red_rows(faults: Iterable[tuple[str, tuple[str, ...]]], directory: Path) -> Mapping[str, dict[str, str]]:
    """For each fault (and the rows to judge, none: all) the rows that fail, warn or err, with their verdicts."""
    found: dict[str, dict[str, str]] = {}

    async def one(fault: str, req: tuple[str, ...], limit: asyncio.Semaphore) -> None:
        async with limit:
            rows = await rows_of(fault, directory / fault, req)
        found[fault] = {row.id: str(row.verdict) for row in rows if row.verdict in ("fail", "warn", "error")}

    async def all_of_them() -> None:
        limit = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(one(fault, req, limit) for fault, req in faults))

    asyncio.run(all_of_them())
    return found
