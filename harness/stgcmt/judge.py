"""Transcripts in, verdicts out: no socket, no clock, nothing that is not in the bundle.

``stgcmt run`` ends by calling the same function that ``stgcmt judge`` calls, so both give the same results.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stgcmt.catalogue import Requirement
from stgcmt.checks import (
    EXPECTATION,
    RUN,
    TIMED,
    Check,
    Deviating,
    InconclusiveEnding,
    NotApplicableEnding,
    OutcomeEnding,
    claims,
    describe,
)
from stgcmt.clock import iso
from stgcmt.faces import suite_of
from stgcmt.on_disk import HELD
from stgcmt.pending import pending_in
from stgcmt.suite import Suite
from stgcmt.transcript import ChangedError, Event, Footer, Header, Transcript, TranscriptError, read_transcript
from stgcmt.verdict import VIOLATION, UnknownOutcomeError, Verdict, severity, worst

CONTRADICTED = "claim-contradicted"


@dataclass(frozen=True)
class Citation:
    """Where a finding looks: a transcript by its reference name, and an event id (``None``: the whole transcript).

    ``deviates``: the check says that it went wrong there (``checks.deviating``).
    """

    transcript: str
    event: int | None = None
    deviates: bool = False

    def as_json(self) -> dict[str, Any]:
        """As results have it: ``deviates`` only where it is so."""
        return {"transcript": self.transcript, "event": self.event} | ({"deviates": True} if self.deviates else {})


@dataclass(frozen=True)
class Finding:
    """What one check says of one requirement."""

    check: str
    verdict: Verdict
    outcome: str | None = None
    message: str = ""
    expected: str = ""
    seen: tuple[str, ...] = ()
    evidence: tuple[Citation, ...] = ()
    timed: bool = False  # the check held a time against the jitter that was measured in the run


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
    return Finding(check.name, problem[0], message=problem[1], evidence=_cite_all(usable))


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


def evaluate(check: Check, row: Requirement, arguments: Sequence[Transcript], profile: str) -> Finding:
    """Call a check and read how it ended; never raises, whatever the check does."""
    token = TIMED.set(False)
    try:
        finding = _evaluate(check, row, arguments, profile)
        return dataclasses.replace(finding, timed=True) if TIMED.get() else finding
    finally:
        TIMED.reset(token)


def _evaluate(check: Check, row: Requirement, arguments: Sequence[Transcript], profile: str) -> Finding:
    token = EXPECTATION.set(None)
    try:
        try:
            check.function(*arguments)
        except AssertionError as error:
            return _deviation(check, row, VIOLATION, str(error), arguments, profile)
        except OutcomeEnding as ending:
            return _deviation(check, row, str(ending), "", arguments, profile)
        except InconclusiveEnding as ending:
            return Finding(
                check.name, Verdict.INCONCLUSIVE, message=str(ending), evidence=_cite(ending.subjects, arguments)
            )
        except NotApplicableEnding as ending:
            return _excused(check, row, str(ending), arguments)
    except ChangedError:
        raise  # nothing that is said of such a recording can be trusted
    except Exception as error:  # noqa: BLE001 - a check that raises anything else is the harness's own fault
        return Finding(
            check.name, Verdict.ERROR, message=f"{type(error).__name__}: {error}", evidence=_cite_all(arguments)
        )
    finally:
        EXPECTATION.reset(token)
    return Finding(check.name, Verdict.PASS, evidence=_cite_all(arguments))


def _deviation(
    check: Check, row: Requirement, name: str, message: str, arguments: Sequence[Transcript], profile: str
) -> Finding:
    expectation = EXPECTATION.get()
    what, subjects = (expectation.what, expectation.seen) if expectation else ("", ())
    try:
        verdict = severity(row, name, profile)
    except UnknownOutcomeError as error:
        return Finding(check.name, Verdict.ERROR, name, str(error), evidence=_cite_all(arguments))
    seen = tuple(describe(subject) for subject in subjects)
    if not message:
        message = f"{name}: " + ("; ".join(seen) or "nothing seen")
    return Finding(check.name, verdict, name, message, what, seen, _cite(subjects, arguments))


def _excused(check: Check, row: Requirement, claim: str, arguments: Sequence[Transcript]) -> Finding:
    if claim not in row.unless:
        return Finding(
            check.name, Verdict.ERROR, message=f"the check names the claim {claim}, which the requirement does not"
        )
    run = next((each for each in arguments if each.name == RUN), None)
    if run is not None and not claims(run).get(claim):
        return Finding(
            check.name, Verdict.ERROR, message=f"the check names the claim {claim}, which the SUT file does not make"
        )
    return Finding(
        check.name, Verdict.NOT_APPLICABLE, message=f"the SUT file claims {claim}", evidence=_cite_all(arguments)
    )


def reference_name(transcript: Transcript) -> str:
    """How evidence names a transcript: ``ROLE/SCENARIO``, or ``run``."""
    return RUN if transcript.name == RUN else f"{transcript.header.role}/{transcript.name}"


def _cite_all(arguments: Iterable[Transcript]) -> tuple[Citation, ...]:
    return tuple(Citation(reference_name(each)) for each in arguments)


def _cite(subjects: Iterable[Any], arguments: Sequence[Transcript]) -> tuple[Citation, ...]:
    cited: dict[tuple[str, int], bool] = {}
    for subject in subjects:
        marked = isinstance(subject, Deviating)
        for transcript, ids in _places(subject.subject if marked else subject, arguments):
            for n in ids:
                place = (reference_name(transcript), n)
                cited[place] = cited.get(place, False) or marked
    return tuple(Citation(*place, marked) for place, marked in cited.items()) or _cite_all(arguments)


def _places(subject: Any, arguments: Sequence[Transcript]) -> Iterable[tuple[Transcript, tuple[int, ...]]]:
    """Which transcript a subject comes from, and the event ids it names."""
    if not arguments:
        return
    if isinstance(subject, Event):
        owner = next((each for each in arguments if any(event is subject for event in each.events)), arguments[0])
        yield owner, (subject.n,)
    elif isinstance(subject, (list, tuple)):
        for each in subject:
            yield from _places(each, arguments)
    elif ids := tuple(getattr(subject, "events", ())):
        named = getattr(subject, "transcript", None)
        scenarios = [each for each in arguments if each.name != RUN]
        owner = next(
            (each for each in arguments if named is each or named == each.name), (scenarios or list(arguments))[0]
        )
        known = {event.n for event in owner.events}
        yield owner, tuple(n for n in ids if n in known)


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
