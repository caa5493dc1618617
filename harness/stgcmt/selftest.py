"""Faults × checks: does every check catch what it is for, and is it silent on everything else?

For each role the clean reference, every named fault and every conformant variant are played in virtual time. Under a fault the
rows that fail or warn must be those that it declares, no fewer and no more; the others must be silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from stgcmt.catalogue import Requirement
from stgcmt.selftest_cases import CLEAN, FAULT, RED, VARIANT, Case, Outcome, run_case
from stgcmt.suite import Fault, Suite, load_suites
from stgcmt.verdict import VIOLATION, Verdict, severity

Progress = Callable[[Outcome], None]


@dataclass(frozen=True)
class Mutants:
    """What became of the mutants of conformant recordings."""

    judged: int = 0
    killed: int = 0
    errors: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The numbers as the report shows them."""
        rate = round(self.judged / self.seconds) if self.seconds else 0
        return {"judged": self.judged, "killed": self.killed, "errors": self.errors, "per_second": rate}

    def __add__(self, other: Mutants) -> Mutants:
        return Mutants(
            self.judged + other.judged,
            self.killed + other.killed,
            self.errors + other.errors,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Report:
    """The self-test's result; every list is empty where all is well."""

    faults: int = 0
    killed: int = 0
    survivors: tuple[Mapping[str, Any], ...] = ()
    unexplained: tuple[Mapping[str, Any], ...] = ()
    checks: int = 0
    checks_without_kill: tuple[Mapping[str, Any], ...] = ()
    variants: int = 0
    false_alarms: tuple[Mapping[str, Any], ...] = ()
    mutants: Mutants = field(default_factory=Mutants)
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
            "wall_s": round(self.wall_s, 1),
        }


def cases_of(suite: Suite, fault: str | None = None) -> tuple[Case, ...]:
    """What is played for a suite: all of it, or one fault beside the clean reference."""
    if fault is not None:
        return (Case(suite.role, FAULT, fault),)
    return (
        Case(suite.role),
        *(Case(suite.role, FAULT, each.name) for each in suite.all_faults),
        *(Case(suite.role, VARIANT, each.name) for each in suite.all_variants),
    )


def run_cases(suites: Mapping[str, Suite], cases: Sequence[Case], jobs: int = 1) -> Iterator[Outcome]:
    """Every case, in the order given, on ``jobs`` processes; an iterator, so that progress can be shown."""
    if jobs <= 1 or len(cases) < 2:
        for case in cases:
            yield run_case(suites[case.role], case)
        return
    from multiprocessing import get_context  # noqa: PLC0415 - start-up

    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_work, cases)


def _work(case: Case) -> Outcome:
    """One case in a process of the pool, which finds the suites by itself."""
    return run_case(load_suites()[case.role], case)


# --- the kill matrix -------------------------------------------------------------------------------------------------


def matrix(suite: Suite, outcomes: Iterable[Outcome], *, partly: bool = False) -> Report:
    """What the outcomes of a suite's cases prove; ``partly``: some faults only, no word on checks that nothing kills."""
    faults = {fault.name: fault for fault in suite.all_faults}
    variants = {variant.name: variant for variant in suite.all_variants}
    killed = 0
    survivors: list[Mapping[str, Any]] = []
    unexplained: list[Mapping[str, Any]] = []
    alarms: list[Mapping[str, Any]] = []
    proved: set[str] = set()
    played = {CLEAN: 0, FAULT: 0, VARIANT: 0}
    for outcome in outcomes:
        case = outcome.case
        played[case.kind] += 1
        if case.kind != FAULT:
            allowed = variants[case.name].warns if case.kind == VARIANT else {}
            alarms += _alarms(outcome, allowed)
            continue
        declared = twins(suite, faults[case.name])
        missing = _missing(outcome, faults[case.name])
        if missing:
            survivors.append({"role": case.role, "fault": case.name, "missing": missing})
        else:
            killed += 1
        unexplained += _unexplained(outcome, declared)
        proved |= {ident for ident, seen in outcome.red.items() if ident in declared and seen.cited}
    return Report(
        faults=played[FAULT],
        killed=killed,
        survivors=tuple(survivors),
        unexplained=tuple(unexplained),
        checks=sum(bool(suite.checks_for(row.id)) for row in suite.catalogue if not row.excluded),
        checks_without_kill=() if partly else tuple(_without_kill(suite, proved)),
        variants=played[VARIANT],
        false_alarms=tuple(alarms),
    )


def twins(suite: Suite, fault: Fault) -> dict[str, bool]:
    """The rows that a fault may turn red, twins included; true where it must."""
    declared = dict.fromkeys(fault.follows, False) | dict.fromkeys(fault.violates, True)
    for row in suite.catalogue:
        if row.same_as in declared and row.id not in declared:
            declared[row.id] = declared[row.same_as]
    return declared


def _missing(outcome: Outcome, fault: Fault) -> dict[str, str]:
    """Why a fault counts as survived: what stands where a red row was declared."""
    if outcome.problem and not outcome.rows:
        return {"*": outcome.problem}
    red = outcome.red
    if not fault.violates and not red:
        return {"*": "no row turned red"}
    missing = {}
    for ident in fault.violates:
        seen = outcome.rows.get(ident)
        if seen is None:
            missing[ident] = "no such requirement"
        elif ident not in red:
            missing[ident] = f"{seen.verdict}: {seen.message}" if seen.message else seen.verdict
        elif not seen.cited:
            missing[ident] = f"{seen.verdict}, but the finding cites no event: {seen.message}"
    return missing


def _unexplained(outcome: Outcome, declared: Mapping[str, bool]) -> Iterator[Mapping[str, Any]]:
    where = {"role": outcome.case.role, "fault": outcome.case.name}
    for ident, seen in outcome.rows.items():
        if seen.verdict == Verdict.ERROR or (seen.verdict in RED and ident not in declared):
            yield {**where, "requirement": ident, "verdict": seen.verdict, "message": seen.message}
    for ident in declared:
        if not declared[ident] and ident not in outcome.red and outcome.rows:
            seen = outcome.rows.get(ident)
            verdict = seen.verdict if seen else "no such requirement"
            yield {**where, "requirement": ident, "verdict": verdict, "message": "declared to follow, but is not red"}
    if outcome.problem and outcome.rows:
        yield {**where, "requirement": "*", "verdict": Verdict.ERROR.value, "message": outcome.problem}


def _alarms(outcome: Outcome, allowed: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    where = {"role": outcome.case.role, "variant": outcome.case.name or outcome.case.kind}
    quiet = {Verdict.FAIL, Verdict.WARN, Verdict.ERROR}
    if outcome.case.kind == CLEAN:
        quiet.add(Verdict.INCONCLUSIVE)
    for ident, seen in outcome.rows.items():
        if seen.verdict in quiet and not (seen.verdict == Verdict.WARN and ident in allowed):
            yield {**where, "requirement": ident, "verdict": seen.verdict, "message": seen.message}
    if outcome.problem:
        yield {**where, "requirement": "*", "verdict": Verdict.ERROR.value, "message": outcome.problem}


def killable(row: Requirement) -> bool:
    """Whether something can turn a row red: one of its outcomes, in the default profile."""
    return any(severity(row, name) in RED for name in (VIOLATION, *row.outcomes))


def _without_kill(suite: Suite, proved: set[str]) -> Iterator[Mapping[str, Any]]:
    for row in suite.catalogue:
        if row.excluded or row.same_as or row.level not in {"shall", "should"} or row.id in proved:
            continue
        if killable(row) and suite.checks_for(row.id):
            checks = [check.name for check in suite.checks_for(row.id)]
            yield {"role": suite.role, "requirement": row.id, "checks": checks}


# --- all of it -------------------------------------------------------------------------------------------------------


def selftest(
    suites: Mapping[str, Suite],
    roles: Sequence[str],
    *,
    jobs: int = 1,
    fault: str | None = None,
    progress: Progress | None = None,
    quick: bool = False,  # noqa: ARG001 - mutants come with it
) -> Report:
    """Prove the suites of these roles; raises nothing for what goes wrong in a case."""
    started = time.perf_counter()
    cases = [
        case
        for role in roles
        for case in cases_of(suites[role], fault)
        if fault is None or any(each.name == fault for each in suites[role].all_faults)
    ]
    outcomes: dict[str, list[Outcome]] = {role: [] for role in roles}
    for outcome in run_cases(suites, cases, jobs):
        outcomes[outcome.case.role].append(outcome)
        if progress:
            progress(outcome)
    parts = [matrix(suites[role], found, partly=fault is not None) for role, found in outcomes.items() if found]
    return merged(parts, time.perf_counter() - started)


def merged(parts: Sequence[Report], wall_s: float) -> Report:
    """The reports of several roles as one."""
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
        wall_s=wall_s,
    )
