"""What a run does not prove: known issues, rows outside the wire, premises that were missing, timing of the machine.

A score says little without them, so they stand beside it in every report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt.transcript import Transcript

ISSUES = {
    "applied": "excuses a deviation of this run",
    "stale": "stale: what it excuses was not seen any more",
    "expired": "expired: it excuses nothing any more",
    "unknown": "names a requirement that this run does not have",
}


@dataclass(frozen=True)
class Group:
    """Rows that were not judged for one reason."""

    title: str
    reason: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Score:
    """Counts of one role, or of all: ``tested`` of ``total`` stands beside every other number."""

    role: str
    counts: Mapping[str, int]
    tested: int
    total: int


def scores(results: Mapping[str, Any]) -> list[Score]:
    """A score for each role, by the same rule as the summary."""
    rows = results["requirements"]
    found = []
    for role in dict.fromkeys(row["role"] for row in rows):
        mine = [row for row in rows if row["role"] == role]
        counts = {verdict: sum(row["verdict"] == verdict for row in mine) for verdict in results["summary"]}
        tested = sum(counts[verdict] for verdict in ("pass", "fail", "warn", "note"))
        total = sum(row["verdict"] != "not-applicable" and not row["excluded"] for row in mine)
        found.append(Score(role, counts, tested, total))
    return found


def issues(results: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of the known-issues file with what each does."""
    return [(told, issue) for word, told in ISSUES.items() for issue in results["known_issues"][word]]


def groups(results: Mapping[str, Any]) -> list[Group]:
    """Every row without a judgement, by reason, largest group first within each kind."""
    rows = results["requirements"]
    found = [
        *_by_reason("Inconclusive", (row for row in rows if row["verdict"] == "inconclusive")),
        *_by_reason(
            "Vacuous: no mutation of the recording turns the pass red", (row for row in rows if row["vacuous"])
        ),
        *_by_reason("Not tested", (row for row in rows if _not_tested(row))),
        *_by_reason("Not applicable by a claim", (row for row in rows if row["verdict"] == "not-applicable")),
        *_by_reason("Excluded: cannot be judged from the wire", (row for row in rows if row["excluded"])),
    ]
    return [group for group in found if group.rows]


def _not_tested(row: Mapping[str, Any]) -> bool:
    return row["verdict"] == "not-tested" and not row["excluded"] and not row["vacuous"]


def _by_reason(title: str, rows: Iterable[Mapping[str, Any]]) -> list[Group]:
    by_reason: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_reason.setdefault(row["excluded"] or row["message"] or "no reason was given", []).append(row)
    made = [Group(title, reason, tuple(each)) for reason, each in by_reason.items()]
    return sorted(made, key=lambda group: -len(group.rows))


def jitter_s(transcripts: Mapping[str, Transcript]) -> float | None:
    """How late timers of the machine fired at worst (seconds); ``None`` where the run did not measure it."""
    run = transcripts.get("run")
    notes = run.of("note") if run is not None else ()
    measured = [event.info.get("max_s") for event in notes if event.info.get("what") == "jitter"]
    return max((float(each) for each in measured if isinstance(each, (int, float))), default=None)
