"""A bundle of a case of the self-test, played in virtual time: what ``stgcmt judge`` finds on disk."""

from __future__ import annotations

from pathlib import Path

from stgcmt.clock import LoopClock
from stgcmt.play import Player
from stgcmt.selftest_cases import Case, case_plan
from stgcmt.suite import load_suites
from stgcmt.virtual import run_virtual
from stgcmt.wire.memory import MemoryNetwork


def play(case: Case, directory: Path) -> Path:
    """Play a case into ``directory``; there are no results beside the transcripts."""
    plan = case_plan(load_suites()[case.role], case)

    async def main() -> None:
        await Player(plan, directory, clock=LoopClock(), network=MemoryNetwork(), jitter_step=None).play()

    run_virtual(main())
    return directory
