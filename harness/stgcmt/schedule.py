"""How long a run had to take: the longest chain of waits that nobody can shorten.

Such waits are those that the SUT asked for (Retry-After), the time until a report came, and configured quiet periods.
Scenarios overlap, so the chain is the longest of: one ordinary scenario; one destination's queue of leases; and after
it, in series, what must run alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgcmt.clock import NS
from stgcmt.suite import Scenario
from stgcmt.transcript import Transcript, TranscriptError, read_transcript

UNSHORTENABLE = frozenset({"sut", "report", "quiet"})


@dataclass(frozen=True)
class Played:
    """One scenario that was played: where its transcript is and how long it took (seconds)."""

    role: str
    scenario: Scenario
    path: Path
    wall_s: float
    kept: Transcript | None = None  # where it never becomes a file


@dataclass(frozen=True)
class Link:
    """One part of a chain."""

    what: str
    seconds: float
    why: str

    def to_json(self) -> dict[str, Any]:
        """The link as ``results.json`` shows it."""
        return {"what": self.what, "seconds": round(self.seconds, 3), "why": self.why}


def critical_path(played: Sequence[Played], wall_s: float) -> dict[str, Any]:
    """``timing`` of a run: wall, critical path with its chain link by link, and the sum of all scenario times."""
    queues: dict[str, list[Link]] = {}
    alone: list[Link] = []
    for each in played:
        try:
            transcript = each.kept or read_transcript(each.path)
        except TranscriptError:
            continue
        link = Link(f"{each.role}/{each.scenario.name}", *_waits(transcript))
        if each.scenario.alone:
            alone.append(Link(link.what, each.wall_s, "runs alone"))
        elif each.scenario.lease is not None:
            queues.setdefault(_destination(transcript), []).append(link)
        else:
            queues[link.what] = [link]
    longest = max(queues.values(), key=lambda queue: sum(link.seconds for link in queue), default=[])
    chain = [*longest, *alone]
    return {
        "wall_s": round(wall_s, 3),
        "critical_path_s": round(sum(link.seconds for link in chain), 3),
        "chain": [link.to_json() for link in chain],
        "sum_of_scenarios_s": round(sum(each.wall_s for each in played), 3),
    }


def _destination(transcript: Transcript) -> str:
    for event in transcript.of("decision"):
        if event.info.get("what") == "destination":
            return str(event.info.get("ae_title"))
    return transcript.name


def _waits(transcript: Transcript) -> tuple[float, str]:
    """Seconds covered by unshortenable waits (overlapping ones once), and their names."""
    spans: list[tuple[int, int]] = []
    names: dict[str, None] = {}
    for event in transcript.of("wait.end"):
        if event.info.get("reason") in UNSHORTENABLE:
            spans.append((event.t - int(float(event.info.get("waited", 0)) * NS), event.t))
            names[str(event.info.get("name"))] = None
    return _covered(spans) / NS, ", ".join(names) or "no wait"


def _covered(spans: Iterable[tuple[int, int]]) -> int:
    total, reached = 0, -(2**63)
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total
