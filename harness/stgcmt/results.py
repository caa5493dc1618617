"""``results.json``: one object from one list of judged rows, with the exit code that the same list gives."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from stgcmt.clock import NS, iso
from stgcmt.judge import CONTRADICTED, JudgedRow, Recording, judge, suite_hash
from stgcmt.kill_proof import proved
from stgcmt.pending import Pending, pending_of
from stgcmt.suite import Suite
from stgcmt.transcript import Transcript
from stgcmt.verdict import (
    CONSEQUENCES,
    Exit,
    KnownIssue,
    Overlay,
    exit_code,
    overlay,
    parse_known_issues,
    summary,
)

SCHEMA_VERSION = 1
DISTRIBUTION = "stgcmt-conformance"
CLAIM_STEP = "Take that claim out of [claims], or mend what contradicts it."


@functools.cache
def tool() -> dict[str, Any]:
    """Which harness this is; ``commit`` is that of the checkout, or the one the wheel was built from, else ``None``."""
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:  # pragma: no cover - run from a plain source tree
        version = "0"
    return {"name": "stgcmt", "version": version, "commit": _commit()}


def _commit() -> str | None:
    """The commit with ``-dirty`` where the checkout has changes; the build wrote it into a wheel (``hatch_build.py``)."""
    here = Path(__file__).resolve()
    written = here.parent / "data" / "commit"
    if written.is_file():
        return written.read_text("ascii").strip()
    root = here.parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return None
    return said or None


def judged_results(
    recording: Recording,
    suites: Mapping[str, Suite],
    *,
    judged: str,
    profile: str | None = None,
    edition: str | None = None,
    known_issues: Sequence[KnownIssue] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[dict[str, Any], tuple[JudgedRow, ...]]:
    """Judge a recording, prove its passes and compose ``results.json``; what is not given is taken from the recording.

    ``judged`` is the only value in the result that does not come from the recording (ISO time). ``progress`` is told how
    many passes of how many are proved.
    """
    info = recording.run.header.info
    profile = profile or str(info.get("profile", "default"))
    selection = info.get("selection", {})
    edition = edition or info.get("edition")
    rows = judge(recording, suites, profile=profile, selection=selection, edition=edition)
    rows = proved(rows, recording, suites, profile=profile, progress=progress)
    if known_issues is None:
        known_issues = parse_known_issues({"issue": info.get("known_issues", [])}, "the bundle")
    closing = _closing(recording.run)
    started = iso(recording.run.header.wall_ns)
    elsewhere = {(row.id, role) for role, suite in suites.items() for row in suite.catalogue}
    known = overlay(known_issues, rows, closing.get("finished") or started, elsewhere=elsewhere)
    footer = recording.run.footer
    state = "cut" if footer is None else "interrupted" if footer.state == "cancelled" else "complete"
    end = exit_code(
        rows,
        known,
        min_tested=float(info.get("gate", {}).get("min_tested", 0.5)),
        interrupted=state == "interrupted",
        cut=state == "cut",
        awaited={each.role for each in awaited(recording) if not each.overdue},
    )
    if state == "cut" and end.code == 4:
        end = Exit(4, "the run was cut before a mandatory requirement could be judged")
    results = {
        "schema_version": SCHEMA_VERSION,
        "tool": info.get("tool", tool()),
        "suites": {
            role: {"version": suites[role].version, "hash": suite_hash(suites[role])} for role in info.get("roles", ())
        },
        "edition": edition,
        "profile": profile,
        "sut": info.get("sut_head", {}),
        "started": started,
        "finished": closing.get("finished"),
        "judged": judged,
        "state": state,
        "exit_code": end.code,
        "exit_reason": end.why,
        "timing": closing.get("timing", {"wall_s": None, "critical_path_s": None}),
        "summary": summary(rows),
        "scenarios": _scenarios(recording),
        "left_behind": _left_behind(recording),
        "pending": [each.to_json() for each in awaited(recording)],
        "topology": _topology(recording, suites),
        "known_issues": {
            name: [dataclasses.asdict(issue) for issue in getattr(known, name)]
            for name in ("applied", "stale", "unknown", "expired")
        },
        "requirements": [_row(row, known) for row in rows],
    }
    return results, rows


def awaited(recording: Recording) -> tuple[Pending, ...]:
    """The reports that may still come, to somebody who listens: the embedded references ended with their run."""
    driver = recording.run.header.info.get("sut", {}).get("driver", {}).get("kind")
    return () if driver == "builtin" else pending_of(recording.scenarios.values())


def exit_of(results: Mapping[str, Any]) -> Exit:
    """The exit code that a results object carries."""
    return Exit(int(results["exit_code"]), str(results["exit_reason"]))


def _closing(run: Transcript) -> dict[str, Any]:
    found = [event.info for event in run.of("note") if event.info.get("what") == "finished"]
    return dict(found[-1]) if found else {}


def _scenarios(recording: Recording) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for (role, name), transcript in recording.scenarios.items():
        footer = transcript.footer
        wall = transcript.events[-1].t / NS if transcript.events else 0.0
        found.append(
            {
                "role": role,
                "name": name,
                "state": footer.state if footer else "cut",
                "reason": footer.reason if footer else "",
                "wall_s": round(wall, 3),
                "mode": transcript.header.info.get("mode"),
                "events": len(transcript.events),
            }
        )
    for (role, name), reason in (*recording.not_played.items(), *recording.damaged.items()):
        state = "not-played" if (role, name) in recording.not_played else "damaged"
        found.append(
            {"role": role, "name": name, "state": state, "reason": reason, "wall_s": 0.0, "mode": None, "events": 0}
        )
    return sorted(found, key=lambda each: (each["role"], each["name"]))


def _left_behind(recording: Recording) -> list[dict[str, Any]]:
    """What the run left in the SUT: instances that were stored, and transactions (nothing is cleaned up behind a SUT's back).

    A scenario that stores an instance by itself says so by a note (what = "stored"); what the vendor's help deleted is gone.
    """
    left: list[dict[str, Any]] = []
    for (role, name), transcript in recording.scenarios.items():
        helped = [event.info for event in transcript.of("provoke") if event.info.get("name") == "delete"]
        gone = {each.get("values", {}).get("sop_instance_uid") for each in helped if each.get("ok")}
        for event in transcript.of("seed", "uid", "note"):
            said = event.info
            seeded = event.kind == "seed" and said.get("ok") and not said.get("preloaded")
            if seeded or (event.kind == "note" and said.get("what") == "stored"):
                uid = said.get("sop_instance_uid")
                left += [{"role": role, "scenario": name, "what": "instance", "uid": uid}] if uid not in gone else []
            elif event.kind == "uid" and said.get("what") == "transaction":
                left.append({"role": role, "scenario": name, "what": "transaction", "uid": said.get("uid")})
    return left


def left_in_words(results: Mapping[str, Any]) -> str:
    """What the run left in the SUT, counted; report.html and results.json list it."""
    kinds = [each["what"] for each in results.get("left_behind", ())]
    counted = [f"{kinds.count(what)} {what}s" for what in ("instance", "transaction") if what in kinds]
    return f"left behind in the SUT: {' and '.join(counted)} (report.html lists them)" if counted else ""


def _topology(recording: Recording, suites: Mapping[str, Suite]) -> list[dict[str, Any]]:
    """How reports arrived, for each role whose suite can tell."""
    found: list[dict[str, Any]] = []
    for role in recording.run.header.info.get("roles", ()):
        tell = suites[role].resolve("topology")
        if tell is not None:
            found += tell(each for (of, _), each in sorted(recording.scenarios.items()) if of == role)
    return found


def _row(row: JudgedRow, known: Overlay) -> dict[str, Any]:
    requirement, standing = row.requirement, row.standing
    issue = next((each for each in known.applied if (each.id, each.role) == (row.id, row.role)), None)
    return {
        "id": row.id,
        "title": requirement.title,
        "statement": requirement.statement,
        "clause": requirement.clause,
        "level": requirement.level,
        "basis": requirement.basis,
        "role": row.role,
        "verdict": str(row.verdict),
        "outcome": standing.outcome,
        "message": standing.message or row.reason,
        "expected": standing.expected,
        "seen": list(standing.seen),
        "consequence": requirement.consequence,
        "cost": requirement.cost or CONSEQUENCES[requirement.consequence],
        "next_step": CLAIM_STEP if standing.outcome == CONTRADICTED else requirement.next_step,
        "evidence": [citation.as_json() for citation in standing.evidence],
        "checks": [
            {"name": each.check, "verdict": str(each.verdict), "outcome": each.outcome, "message": each.message}
            for each in row.findings
        ],
        "readings": list(requirement.readings),
        "known_issue": {"reason": issue.reason, "until": issue.until, "ticket": issue.ticket} if issue else None,
        "excluded": requirement.excluded,
        "selected": row.selected,
        "vacuous": row.vacuous,
        "timed": any(each.timed for each in row.findings),
        "proof": dataclasses.asdict(row.proof) if row.proof else None,
    }
