"""One check, called: how it ended, as a finding with what it cites.

Total: whatever a check does is a verdict. What it ends with is written in ``stgcmt.checks``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from stgcmt.transcript import ChangedError, Event, Transcript
from stgcmt.verdict import VIOLATION, UnknownOutcomeError, Verdict, severity


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
            check.name, Verdict.ERROR, message=f"{type(error).__name__}: {error}", evidence=cite_all(arguments)
        )
    finally:
        EXPECTATION.reset(token)
    return Finding(check.name, Verdict.PASS, evidence=cite_all(arguments))


def _deviation(
    check: Check, row: Requirement, name: str, message: str, arguments: Sequence[Transcript], profile: str
) -> Finding:
    expectation = EXPECTATION.get()
    what, subjects = (expectation.what, expectation.seen) if expectation else ("", ())
    try:
        verdict = severity(row, name, profile)
    except UnknownOutcomeError as error:
        return Finding(check.name, Verdict.ERROR, name, str(error), evidence=cite_all(arguments))
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
        check.name, Verdict.NOT_APPLICABLE, message=f"the SUT file claims {claim}", evidence=cite_all(arguments)
    )


def reference_name(transcript: Transcript) -> str:
    """How evidence names a transcript: ``ROLE/SCENARIO``, or ``run``."""
    return RUN if transcript.name == RUN else f"{transcript.header.role}/{transcript.name}"


def cite_all(arguments: Iterable[Transcript]) -> tuple[Citation, ...]:
    """Transcripts as they are, no event of them."""
    return tuple(Citation(reference_name(each)) for each in arguments)


def _cite(subjects: Iterable[Any], arguments: Sequence[Transcript]) -> tuple[Citation, ...]:
    cited: dict[tuple[str, int], bool] = {}
    for subject in subjects:
        marked = isinstance(subject, Deviating)
        for transcript, ids in _places(subject.subject if marked else subject, arguments):
            for n in ids:
                place = (reference_name(transcript), n)
                cited[place] = cited.get(place, False) or marked
    return tuple(Citation(*place, marked) for place, marked in cited.items()) or cite_all(arguments)


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
