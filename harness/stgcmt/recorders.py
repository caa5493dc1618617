"""The recorders of a run: what stands at the head of the ``run`` transcript and of each scenario's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgcmt.clock import Clock
from stgcmt.kill_proof import SEED
from stgcmt.late import LateRecorder
from stgcmt.masking import Masker
from stgcmt.plan import Plan, Planned
from stgcmt.results import tool
from stgcmt.resuming import resumed
from stgcmt.suite import RUN, Suite
from stgcmt.transcript import Recorder


@dataclass(frozen=True)
class Recorders:
    """Makes the recorders of one plan in one bundle directory.

    ``failed`` is called where a transcript cannot be written; ``watch`` hears of each event of a scenario.
    ``make`` makes each of them.
    """

    plan: Plan
    directory: Path
    clock: Clock
    masker: Masker
    failed: Callable[[Path, OSError], None]
    watch: Callable[..., Any] | None = None
    make: Callable[..., Recorder] = Recorder

    def run(self) -> Recorder:
        """That of the run itself; in the bundle of a run that goes on, one that goes on, too."""
        path = self.directory / "transcripts" / f"{RUN}.jsonl"
        if path.exists():
            again = LateRecorder(path, self.clock, masker=self.masker, failed=self.failed)
            again.event("note", **resumed(self.directory, self.plan))
            return again
        return self.make(
            path, self.clock, role=RUN, scenario=RUN, masker=self.masker, info=self._head(), failed=self.failed
        )

    def _head(self) -> dict[str, Any]:
        """What a judge must know of the run and has from nowhere else."""
        plan, sut = self.plan, self.plan.sut
        return {
            "tool": tool(),
            "roles": list(plan.roles),
            "selection": dict(plan.selection),
            "profile": plan.profile,
            "edition": plan.edition,
            "fault": plan.fault,
            "variant": plan.variant,
            "sut": sut.redacted(),
            "sut_head": {"name": sut.name, "vendor": sut.vendor, "version": sut.version, "roles": list(plan.roles)},
            "claims": dict(sut.claims),
            "gate": {"min_tested": sut.gate.min_tested},
            "timing": dataclasses.asdict(sut.timing),
            "known_issues": [dict(issue) for issue in plan.known_issues],
            "command": list(plan.command),
            "seed": SEED,
        }

    def scenario(self, planned: Planned, mode: str | None) -> Recorder:
        """That of one scenario; ``mode`` is the one that it is played in."""
        scenario = planned.scenario
        recorder = self.make(
            self.directory / "transcripts" / planned.role / f"{scenario.name}.jsonl", self.clock, role=planned.role,
            scenario=scenario.name, masker=self.masker,
            info={"mode": mode, "asked_mode": scenario.mode} | _lanes(planned.suite), failed=self.failed,
        )  # fmt: skip
        recorder.lanes = planned.suite.lanes
        recorder.watch = self.watch
        return recorder


def _lanes(suite: Suite) -> dict[str, Any]:
    """The lanes of a SUT with two faces from left to right: who asks in front, both faces, who answers behind."""
    ends = tuple(suite.lanes.values())
    return {"lanes": [*ends[0], *reversed(ends[1])]} if len(ends) > 1 else {}
