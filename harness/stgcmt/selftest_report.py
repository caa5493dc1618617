"""What the self-test found, as one value, and as the object that ``stgcmt selftest --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mutants:
    """What became of the mutants of conformant recordings: judgements, those that turned red, checks that raised."""

    judged: int = 0
    killed: int = 0
    errors: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The numbers as the report shows them; ``per_second`` is that of one processor."""
        rate = round(self.judged / self.seconds) if self.seconds else 0
        return {"judged": self.judged, "killed": self.killed, "errors": len(self.errors), "per_second": rate}

    def __add__(self, other: Mutants) -> Mutants:
        return Mutants(
            self.judged + other.judged,
            self.killed + other.killed,
            self.errors + other.errors,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Report:
    """The self-test's result; every list is empty where all is well.

    ``seconds``: processor seconds that each phase took (play, judge, mutants, search), all processes together.
    """

    faults: int = 0
    killed: int = 0
    survivors: tuple[Mapping[str, Any], ...] = ()
    unexplained: tuple[Mapping[str, Any], ...] = ()
    checks: int = 0
    checks_without_kill: tuple[Mapping[str, Any], ...] = ()
    variants: int = 0
    false_alarms: tuple[Mapping[str, Any], ...] = ()
    mutants: Mutants = field(default_factory=Mutants)
    seconds: Mapping[str, float] = field(default_factory=dict)
    wall_s: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the proof holds."""
        problems = (self.survivors, self.unexplained, self.checks_without_kill, self.false_alarms)
        return not any(problems) and not self.mutants.errors

    def to_json(self) -> dict[str, Any]:
        """The object that ``stgcmt selftest --json`` prints."""
        return {
            "faults": self.faults,
            "killed": self.killed,
            "survivors": list(self.survivors),
            "unexplained": list(self.unexplained),
            "checks": self.checks,
            "checks_without_kill": list(self.checks_without_kill),
            "variants": self.variants,
            "false_alarms": list(self.false_alarms),
            "mutants": self.mutants.to_json(),
            "seconds": {phase: round(spent, 1) for phase, spent in self.seconds.items()},
            "wall_s": round(self.wall_s, 1),
        }


def merged(parts: Sequence[Report], wall_s: float) -> Report:
    """Several reports as one."""
    return Report(
        faults=sum(part.faults for part in parts),
        killed=sum(part.killed for part in parts),
        survivors=tuple(each for part in parts for each in part.survivors),
        unexplained=tuple(each for part in parts for each in part.unexplained),
        checks=sum(part.checks for part in parts),
        checks_without_kill=tuple(each for part in parts for each in part.checks_without_kill),
        variants=sum(part.variants for part in parts),
        false_alarms=tuple(each for part in parts for each in part.false_alarms),
        mutants=sum((part.mutants for part in parts), Mutants()),
        seconds={
            phase: sum(part.seconds.get(phase, 0.0) for part in parts)
            for phase in dict.fromkeys(phase for part in parts for phase in part.seconds)
        },
        wall_s=wall_s,
    )
