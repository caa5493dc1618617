"""The vocabulary of verdicts, the one severity function, known issues, the gate and the exit code.

Report and exit code come from here, and from nowhere else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from stgcmt.errors import UsageError


class Verdict(StrEnum):
    """What is said of one requirement; the order of definition is the order of merging, worst first."""

    ERROR = "error"
    FAIL = "fail"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTED = "not-tested"
    NOTE = "note"
    PASS = "pass"  # noqa: S105 - a verdict
    NOT_APPLICABLE = "not-applicable"


ORDER = tuple(Verdict)
TESTED = frozenset({Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.NOTE})
PROFILES = ("default", "strict")
VIOLATION = "violation"

# What a failure costs, worst first: findings are ranked by it.
CONSEQUENCES: Mapping[str, str] = {
    "data-loss": "images may be deleted although nobody holds them",
    "blocked-modality": "the asking side cannot free its storage, or stops working",
    "lost-result": "the answer to a commitment request is lost or cannot be trusted to arrive",
    "interoperability": "a conformant partner cannot use this implementation, or misreads it",
    "needless-load": "partners ask again, resend or wait without need",
    "documentation": "a reader of the conformance statement is misled",
}

_MOVED_UP = {Verdict.NOTE: Verdict.WARN, Verdict.WARN: Verdict.FAIL}


class Ruled(Protocol):
    """What of a requirement the severity function reads."""

    @property
    def level(self) -> str: ...
    @property
    def basis(self) -> str: ...
    @property
    def outcomes(self) -> Mapping[str, Any]: ...


class UnknownOutcomeError(Exception):
    """A check named an outcome that its requirement does not define: the harness's own fault."""


def severity(requirement: Ruled, outcome: str, profile: str = "default") -> Verdict:
    """The verdict of ``outcome`` of a requirement under a profile; raises ``UnknownOutcomeError``.

    A stated SHALL violated fails; SHOULD, and what is derived, a note or practice, warns; MAY and INFO note. The
    catalogue overrides by ``outcomes``. ``strict`` moves readings up by one. MAY and INFO never fail.
    """
    entry = requirement.outcomes.get(outcome)
    if entry is None:
        if outcome != VIOLATION:
            raise UnknownOutcomeError(f"outcome {outcome!r} is not defined by the requirement")
        verdict = _violation(requirement)
    elif isinstance(entry, str):
        verdict = Verdict(entry)
    else:
        verdict = Verdict(entry.get("default", _violation(requirement)))
        if profile == "strict":
            verdict = Verdict(entry["strict"]) if "strict" in entry else _up(verdict, entry)
    if verdict is Verdict.FAIL and requirement.level in ("may", "info"):
        return Verdict.WARN
    return verdict


def _violation(requirement: Ruled) -> Verdict:
    if requirement.level in ("may", "info"):
        return Verdict.NOTE
    return Verdict.FAIL if requirement.level == "shall" and requirement.basis == "stated" else Verdict.WARN


def _up(verdict: Verdict, entry: Mapping[str, Any]) -> Verdict:
    return _MOVED_UP.get(verdict, verdict) if "reading" in entry else verdict


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that stands where several checks judge one requirement; not-tested where there is none."""
    return min(verdicts, key=ORDER.index, default=Verdict.NOT_TESTED)


@dataclass(frozen=True)
class KnownIssue:
    """One entry of the vendor's ``known-issues.toml``."""

    id: str
    role: str
    reason: str
    until: str | None = None
    ticket: str | None = None

    def expired(self, on: str) -> bool:
        """Whether ``until`` lies before ``on`` (both ISO dates)."""
        return self.until is not None and self.until < on[:10]


@dataclass(frozen=True)
class Overlay:
    """Known issues held against rows: what was excused, and what must be cleaned up in the file."""

    applied: tuple[KnownIssue, ...] = ()
    stale: tuple[KnownIssue, ...] = ()
    unknown: tuple[KnownIssue, ...] = ()
    expired: tuple[KnownIssue, ...] = ()

    @property
    def dirty(self) -> bool:
        """Whether the file needs attention (exit code 5)."""
        return bool(self.stale or self.unknown or self.expired)


def load_known_issues(path: Path) -> tuple[KnownIssue, ...]:
    """Read ``known-issues.toml``; raises ``UsageError`` naming the entry and what was expected."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            "reading known issues", "a readable file", f"{path}: {error.strerror}", "check the path"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("reading known issues", "valid TOML in UTF-8", f"{path}: {error}", "mend that line") from error
    return parse_known_issues(data, str(path))


def parse_known_issues(data: Mapping[str, Any], where: str) -> tuple[KnownIssue, ...]:
    """Known issues from their TOML (or stored JSON) form; raises ``UsageError``."""
    import jsonschema  # noqa: PLC0415 - start-up

    from stgcmt.data import schema  # noqa: PLC0415 - start-up

    plain = _plain(data)
    errors = sorted(jsonschema.Draft202012Validator(schema("known-issues")).iter_errors(plain), key=str)
    if errors:
        first = errors[0]
        place = "/".join(str(part) for part in first.absolute_path) or "the file"
        raise UsageError(
            "reading known issues",
            "[[issue]] entries with id, role, reason and, if wanted, until and ticket",
            f"{where}: {place}: {first.message}",
            "mend that entry; `stgcmt schema known-issues` prints the schema",
        )
    issues = []
    for entry in plain.get("issue", []):
        until = entry.get("until")
        if until is not None:
            try:
                date.fromisoformat(until)
            except ValueError as error:
                raise UsageError(
                    "reading known issues", "until = YYYY-MM-DD", f"{where}: {until!r}", "mend the date"
                ) from error
        issues.append(
            KnownIssue(entry["id"], entry["role"].replace("-", "_"), entry["reason"], until, entry.get("ticket"))
        )
    return tuple(issues)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # a bundle stores what an entry leaves out as null
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


class Row(Protocol):
    """What of a judged requirement the overlay, the gate and the exit code read."""

    @property
    def id(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def mandatory(self) -> bool:
        """Whether its violation is a fail."""
        ...

    @property
    def excluded(self) -> str | None: ...
    @property
    def selected(self) -> bool: ...


def overlay(
    issues: Sequence[KnownIssue], rows: Sequence[Row], on: str, *, elsewhere: Container[tuple[str, str]] = ()
) -> Overlay:
    """Hold known issues against rows at the date ``on`` (ISO): applied, stale, unknown or expired.

    Stale means that the requirement was tested and no longer deviates; what could not be tested leaves an entry alone.
    So does what exists ``elsewhere``, as (id, role): in a role or an edition that this run is not about.
    """
    by_key = {(row.id, row.role): row for row in rows}
    applied, stale, unknown, expired = [], [], [], []
    for issue in issues:
        row = by_key.get((issue.id, issue.role))
        if row is None:
            if (issue.id, issue.role) not in elsewhere:
                unknown.append(issue)
        elif issue.expired(on):
            expired.append(issue)
        elif row.verdict in (Verdict.FAIL, Verdict.WARN):
            applied.append(issue)
        elif row.selected and row.verdict in TESTED:
            stale.append(issue)
    return Overlay(tuple(applied), tuple(stale), tuple(unknown), tuple(expired))


def summary(rows: Sequence[Row]) -> dict[str, int]:
    """Count per verdict, and ``tested`` / ``total`` (rows that are neither not-applicable nor excluded)."""
    counts = {str(verdict): sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    counts["tested"] = sum(row.verdict in TESTED for row in rows)
    counts["total"] = sum(row.verdict is not Verdict.NOT_APPLICABLE and not row.excluded for row in rows)
    return counts


CUT_SHORT = "the run was cut short: nobody knows what the rest would have shown"
AWAITED = "; reports are awaited still: `stgcmt wait BUNDLE` listens for them"  # the next step where nothing is broken


@dataclass(frozen=True)
class Exit:
    """The exit code of a run and the sentence that explains it."""

    code: int
    why: str


def exit_code(
    rows: Sequence[Row],
    known: Overlay,
    *,
    min_tested: float = 0.5,
    interrupted: bool = False,
    cut: bool = False,
    awaited: Container[str] = (),
) -> Exit:
    """The exit code, first that applies: 130 interrupted, 4 unreachable, 3 harness error, 1 fail, gate or cut, 5 known issues, 0.

    ``min_tested`` is the share of applicable SHALL rows that must have been judged, per role. ``cut``: the run was killed
    before its end; what it would still have found is not known, so that no part of it is green. ``awaited``: roles of which a
    report may come still; what could not be judged of them is no sign of a SUT that cannot be reached.
    """
    if interrupted:
        return Exit(130, "interrupted; judged as far as it got")
    chosen = [row for row in rows if row.selected]
    shalls: dict[str, list[Row]] = {}
    for row in chosen:
        mine = shalls.setdefault(row.role, [])
        if row.mandatory and not row.excluded and row.verdict is not Verdict.NOT_APPLICABLE:
            mine.append(row)
    for role, mine in shalls.items():
        live = [
            row for row in chosen
            if row.role == role and not row.excluded and row.verdict is not Verdict.NOT_APPLICABLE
        ]  # fmt: skip
        candidates, kind = (mine, "mandatory ") if mine else (live, "")  # a selection may hold no SHALL at all
        if candidates and not any(row.verdict in TESTED or row.verdict is Verdict.ERROR for row in candidates):
            why, step = "", "; is the SUT reachable? try `stgcmt doctor`"
            if role in awaited:
                why, step = " yet", AWAITED
            return Exit(4, f"{role}: not one {kind}requirement could be judged{why}{step}")
    errors = [row.id for row in chosen if row.verdict is Verdict.ERROR]
    if errors:
        return Exit(3, f"the harness failed on {_count(len(errors))}, first {errors[0]}")
    excused = {(issue.id, issue.role) for issue in known.applied}
    fails = [row.id for row in chosen if row.verdict is Verdict.FAIL and (row.id, row.role) not in excused]
    if fails:
        return Exit(1, f"{_count(len(fails))} failed")
    for role, mine in shalls.items():
        tested = sum(row.verdict in TESTED for row in mine)
        if mine and tested < min_tested * len(mine):
            why = f"{role}: only {tested} of {len(mine)} mandatory requirements were judged, the gate asks for {min_tested:.0%}"
            return Exit(1, why + (AWAITED if role in awaited else ""))
    if cut:
        return Exit(1, CUT_SHORT)
    if known.dirty:
        return Exit(5, "known issues need attention: " + _dirty(known))
    return Exit(0, "no unexcused failure")


def _count(number: int) -> str:
    return "1 requirement" if number == 1 else f"{number} requirements"


def _dirty(known: Overlay) -> str:
    parts = [
        f"{word}: {', '.join(issue.id for issue in issues)}"
        for word, issues in (("stale", known.stale), ("expired", known.expired), ("unknown", known.unknown))
        if issues
    ]
    return "; ".join(parts)
