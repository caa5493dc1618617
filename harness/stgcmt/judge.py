"""Transcripts in, verdicts out: no socket, no clock, nothing that is not in the bundle.

``stgcmt run`` ends by calling the same function that ``stgcmt judge`` calls, so both give the same results.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stgcmt.catalogue import Requirement
from stgcmt.checks import RUN, Check, claims
from stgcmt.clock import iso
from stgcmt.evaluation import Finding, cite_all, evaluate, reference_name
from stgcmt.faces import suite_of
from stgcmt.on_disk import HELD
from stgcmt.pending import pending_in
from stgcmt.suite import Suite
from stgcmt.transcript import Footer, Header, Transcript, TranscriptError, read_transcript
from stgcmt.verdict import VIOLATION, Verdict, severity, worst

CONTRADICTED = "claim-contradicted"


@dataclass(frozen=True)
class Proof:
    """How many mutants of its recording were tried on a pass, how many turned it red, and some of these in words."""

    tried: int
    killed: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class JudgedRow:
    """One requirement of one role, judged: the findings of its checks merged, the worst stands."""

    requirement: Requirement
    findings: tuple[Finding, ...]
    selected: bool = True
    reason: str = ""
    profile: str = "default"
    proof: Proof | None = None
    vacuous: bool = False

    @property
    def id(self) -> str:
        return self.requirement.id

    @property
    def role(self) -> str:
        return self.requirement.role

    @property
    def mandatory(self) -> bool:
        return self.requirement.mandatory

    @property
    def excluded(self) -> str | None:
        return self.requirement.excluded

    @functools.cached_property
    def verdict(self) -> Verdict:
        """The verdict that stands."""
        return worst(finding.verdict for finding in self.findings)

    @functools.cached_property
    def standing(self) -> Finding:
        """The finding that stands: the first with the worst verdict."""
        return next(
            (each for each in self.findings if each.verdict is self.verdict),
            Finding("", Verdict.NOT_TESTED, message=self.reason),
        )


@dataclass(frozen=True)
class Recording:
    """Everything that was recorded in a run: the ``run`` transcript and, by (role, scenario), all others."""

    run: Transcript
    scenarios: Mapping[tuple[str, str], Transcript]
    not_played: Mapping[tuple[str, str], str] = field(default_factory=dict)
    damaged: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def named(self) -> dict[str, Transcript]:
        """The transcripts by the names that evidence uses: ``ROLE/SCENARIO`` and ``run``."""
        return {RUN: self.run} | {f"{role}/{name}": each for (role, name), each in self.scenarios.items()}


def read_recording(directory: Path) -> Recording:
    """Read the transcripts of a bundle. A damaged scenario is told, a missing ``run`` raises ``TranscriptError``."""
    root = directory / "transcripts"
    if not (root / "run.jsonl").is_file():
        raise TranscriptError(f"reading {directory}: there is no transcripts/run.jsonl; is this a bundle of stgcmt?")
    paths = sorted(root.glob("*/*.jsonl"))
    large = sum(path.stat().st_size for path in (root / "run.jsonl", *paths) if path.is_file()) > HELD
    run = read_transcript(root / "run.jsonl", large=large)
    scenarios: dict[tuple[str, str], Transcript] = {}
    damaged: dict[tuple[str, str], str] = {}
    for path in paths:
        key = (path.parent.name, path.stem)
        try:
            scenarios[key] = read_transcript(path, large=large)
        except TranscriptError as error:
            damaged[key] = str(error).replace(str(directory), ".")
    return recording_of(run, scenarios, damaged)


def recording_of(
    run: Transcript,
    scenarios: Mapping[tuple[str, str], Transcript],
    damaged: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> Recording:
    """A recording of these transcripts, and of what its ``run`` says was not played."""
    not_played = {
        (str(event.info.get("role")), str(event.info.get("scenario"))): str(event.info.get("reason", ""))
        for event in run.of("decision")
        if event.info.get("what") == "not-played"
    }
    return Recording(run, scenarios, not_played, damaged)


def judge(
    recording: Recording,
    suites: Mapping[str, Suite],
    *,
    profile: str,
    selection: Mapping[str, Any],
    edition: str | None = None,
) -> tuple[JudgedRow, ...]:
    """Every row of the run's roles, judged; rows outside the selection are not-tested, rows outside the edition are left out."""
    return tuple(
        _judge_row(row.at(edition), suites[role], recording, profile, selection)
        for role in recording.run.header.info.get("roles", ())
        for row in suites[role].catalogue
        if row.in_edition(edition)
    )


def selected(row: Requirement, selection: Mapping[str, Any]) -> bool:
    """Whether a row is chosen by ``--clause``, ``--req`` and ``--level`` (all that are given must fit)."""
    reqs, clauses, levels = (selection.get(key) or () for key in ("req", "clause", "level"))
    return (
        (not reqs or row.id in reqs)
        and (not clauses or any(_in_clause(row.clause, clause) for clause in clauses))
        and (not levels or row.level in levels)
    )


def _in_clause(clause: str, wanted: str) -> bool:
    """``13.4`` chooses 13.4 and 13.4.3, not 13.41; a part may be named in front: ``PS3.18 13.4``."""
    words = clause.replace(",", " ").split()
    part, _, number = wanted.rpartition(" ")
    fits = any(word == number or word.startswith(number + ".") for word in words)
    return fits and (not part or part in clause)


def _judge_row(
    row: Requirement, suite: Suite, recording: Recording, profile: str, selection: Mapping[str, Any]
) -> JudgedRow:
    if row.excluded:
        return JudgedRow(row, (), selected(row, selection), row.excluded, profile)
    if not selected(row, selection):
        return JudgedRow(row, (), selected=False, reason="deselected", profile=profile)
    findings = tuple(judge_check(check, row, recording, profile) for check in suite.checks_for(row.id))
    return JudgedRow(row, findings, reason="" if findings else "no check judges this requirement", profile=profile)


def judge_check(check: Check, row: Requirement, recording: Recording, profile: str) -> Finding:
    """One check on one recording, for one of its requirements.

    A transcript that cannot be used must not hide what the others show: an empty one stands in for it, and a fail or warn
    that cites usable ones stands. Nothing better than that is believed: else the finding says what could not be used.
    """
    arguments: list[Transcript] = []
    usable: list[Transcript] = []
    problem: tuple[Verdict, str] | None = None
    for name in check.arguments:
        transcript = recording.run if name == RUN else recording.scenarios.get((row.role, name))
        found = _unusable(transcript, (row.role, name), check, recording)
        if found is None and transcript is not None:
            usable.append(transcript)
            arguments.append(transcript)
            continue
        problem = _graver(problem, found)
        arguments.append(Transcript(Header(name, row.role, 0, 0), (), Footer("complete", 0)))
    if problem is None:
        return _held_against_claims(evaluate(check, row, arguments, profile), check, row, recording, profile)
    if problem[0] is not Verdict.ERROR and any(each.name != RUN for each in usable):
        finding = evaluate(check, row, arguments, profile)
        cited = {each.transcript for each in finding.evidence if each.event is not None}
        if finding.verdict in (Verdict.FAIL, Verdict.WARN) and cited & {reference_name(each) for each in usable}:
            return finding
    return Finding(check.name, problem[0], message=problem[1], evidence=cite_all(usable))


def _graver(known: tuple[Verdict, str] | None, found: tuple[Verdict, str] | None) -> tuple[Verdict, str] | None:
    """The problem that stands where several transcripts cannot be used."""
    if known is None or found is None:
        return known or found
    return found if worst((known[0], found[0])) is not known[0] else known


def _held_against_claims(
    finding: Finding, check: Check, row: Requirement, recording: Recording, profile: str
) -> Finding:
    """A row that the wire decided although a claim says that it cannot show: the claim is contradicted, and that fails.

    A claim that only permits (an undelivered report *may* be left to an operator) is not contradicted by doing more.
    """
    excluding = [claim for claim in row.unless if claim not in row.permits]
    stated = [claim for claim in excluding if claims(recording.run).get(claim)]
    if not stated or finding.verdict not in (Verdict.PASS, Verdict.NOTE):
        return finding
    name = stated[0]
    return Finding(
        check.name, severity(row, VIOLATION, profile), CONTRADICTED,
        f"the SUT file claims {name}, and the recording shows otherwise", f"what the SUT file claims: {name}",
        ("an exchange that this claim says cannot happen",), finding.evidence,
    )  # fmt: skip


def _unusable(
    transcript: Transcript | None, key: tuple[str, str], check: Check, recording: Recording
) -> tuple[Verdict, str] | None:
    if transcript is None:
        if key in recording.damaged:
            return Verdict.INCONCLUSIVE, recording.damaged[key]
        return Verdict.NOT_TESTED, recording.not_played.get(key, f"the scenario {key[1]} was not played")
    footer = transcript.footer
    if footer is not None and footer.state == "skipped":
        return Verdict.NOT_TESTED, footer.reason
    if footer is not None and footer.state == "crashed":
        return Verdict.ERROR, f"the scenario {key[1]} crashed: {footer.reason}"
    if transcript.cut and key[1] != RUN and not check.partial:
        return Verdict.INCONCLUSIVE, transcript.cut
    awaited = [each for each in pending_in(transcript) if not each.overdue]
    if awaited and not check.partial:
        due = iso(max(each.due_ns for each in awaited))
        return Verdict.INCONCLUSIVE, f"a report may still come, until {due}: `stgcmt wait` listens for it"
    return None


def suite_hash(suite: Suite) -> str:
    """sha256 over the catalogue and the check modules of a suite: which judge this was."""
    digest = hashlib.sha256()
    for row in suite.catalogue:
        digest.update(repr(row).encode())
    modules = [*suite.checks, *(name for face in suite.faces for name in suite_of(face).checks)]
    for name in modules:
        source = importlib.import_module(name).__file__
        if source:
            digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:16]
