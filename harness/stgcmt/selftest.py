"""Faults against checks: does every check catch what it is for, and is it silent on everything else?

For each role the clean reference, every named fault and every conformant variant are played in virtual time. Under a fault the
rows that fail or warn must be those that it declares, no fewer and no more; the others must be silent.
"""

from __future__ import annotations

import functools
import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from stgcmt.kill_proof import killable
from stgcmt.selftest_cases import CLEAN, FAULT, RED, VARIANT, Case, Outcome, run_case
from stgcmt.suite import Fault, Suite, load_suites
from stgcmt.verdict import Verdict

if TYPE_CHECKING:
    from stgcmt.selftest_mutants import Proved, Task

Progress = Callable[[Outcome], None]


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


def cases_of(suite: Suite, fault: str | None = None, *, quick: bool = False) -> tuple[Case, ...]:
    """What is played for a suite: all of it, or one fault alone; ``quick``: of a fault only what it declares."""
    if fault is not None:
        return (Case(suite.role, FAULT, fault),)
    return (
        Case(suite.role),
        *(Case(suite.role, FAULT, each.name, tuple(twins(suite, each)) if quick else ()) for each in suite.all_faults),
        *(Case(suite.role, VARIANT, each.name) for each in suite.all_variants),
    )


class Workers:
    """Where cases and tasks are done: in this process, or in several; results come in the order given."""

    def __init__(self, suites: Mapping[str, Suite], jobs: int) -> None:
        self._suites = suites
        self._pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            from multiprocessing import get_context  # noqa: PLC0415 - start-up

            self._pool = ProcessPoolExecutor(jobs, get_context("spawn"), _prepare)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def cases(self, cases: Sequence[Case]) -> Iterator[Outcome]:
        """Every case, played and judged."""
        if self._pool is not None:
            return self._pool.map(_case, cases)
        return (run_case(self._suites[case.role], case) for case in cases)

    def tasks(self, tasks: Sequence[Task]) -> Iterator[Proved]:
        """Every task of the proof by mutants."""
        from stgcmt.selftest_mutants import prove  # noqa: PLC0415 - start-up

        if self._pool is not None:
            return self._pool.map(_task, tasks)
        return (prove(self._suites[task.role], task) for task in tasks)


def _prepare() -> None:
    """A process of the pool: its files live in memory where the system has such a directory."""
    memory = Path("/dev/shm")  # noqa: S108 - only its existence counts; names below it are made by tempfile
    if memory.is_dir() and os.access(memory, os.W_OK):
        tempfile.tempdir = str(memory)
    gc.set_threshold(50_000, 20, 20)  # a case makes and drops many values; the usual 700 costs a tenth of the time


@functools.cache
def _suites() -> dict[str, Suite]:
    """The suites, found by a process of the pool itself."""
    return load_suites()


def _case(case: Case) -> Outcome:
    return run_case(_suites()[case.role], case)


def _task(task: Task) -> Proved:
    from stgcmt.selftest_mutants import prove  # noqa: PLC0415 - start-up

    return prove(_suites()[task.role], task)


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
    if not fault.violates and not outcome.red:
        return {"*": "no row turned red"}
    missing = {}
    for ident in fault.violates:
        seen = outcome.rows.get(ident)
        if seen is None:
            missing[ident] = "no such requirement"
        elif not seen.seen:
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
            found = outcome.rows.get(ident)
            verdict = found.verdict if found else "no such requirement"
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


def _without_kill(suite: Suite, proved: set[str]) -> Iterator[Mapping[str, Any]]:
    for row in suite.catalogue:
        if row.excluded or row.same_as or row.face or row.level not in {"shall", "should"} or row.id in proved:
            continue
        if killable(row) and suite.checks_for(row.id):
            checks = [check.name for check in suite.checks_for(row.id)]
            yield {"role": suite.role, "requirement": row.id, "checks": checks}


# --- mutants ---------------------------------------------------------------------------------------------------------


def by_mutants(suite: Suite, workers: Workers, *, quick: bool) -> Report:
    """The kill proof of a suite's checks by mutants of its clean recording, and their premises."""
    from stgcmt.selftest_mutants import pairs, searches, tasks  # noqa: PLC0415 - start-up

    found = list(workers.tasks(tasks(suite, quick=quick)))
    if not quick:  # a sample is no proof: it only shows that nothing raises
        found += list(workers.tasks(searches(suite, found)))
    proved = {key for each in found for key, _ in each.proofs}
    where = {"role": suite.role}
    return Report(
        checks_without_kill=tuple(
            {**where, "requirement": row.id, "checks": [check.name], "by": "mutants"}
            for check, row in pairs(suite)
            if not quick and (check.name, row.id) not in proved
        ),
        false_alarms=tuple(
            {**where, "variant": "without premise", "requirement": key[1], "verdict": verdict, "message": message}
            for each in found
            for key, verdict, message in each.premises
        ),
        mutants=Mutants(
            sum(each.judged for each in found),
            sum(each.killed for each in found),
            tuple(
                {**where, "check": key[0], "requirement": key[1], "message": message}
                for each in found
                for key, message in each.errors
            ),
            sum(each.seconds for each in found),
        ),
    )


# --- all of it -------------------------------------------------------------------------------------------------------


def selftest(
    suites: Mapping[str, Suite],
    roles: Sequence[str],
    *,
    jobs: int = 1,
    fault: str | None = None,
    quick: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Prove the suites of these roles; raises nothing for what goes wrong in a case.

    ``fault``: this one alone, without a word on checks that nothing kills. ``quick``: under a fault only
    the rows that it declares, and fewer mutants.
    """
    started = time.perf_counter()
    cases = [
        case
        for role in roles
        for case in cases_of(suites[role], fault, quick=quick)
        if fault is None or any(each.name == fault for each in suites[role].all_faults)
    ]
    outcomes: dict[str, list[Outcome]] = {role: [] for role in roles}
    parts: list[Report] = []
    with Workers(suites, 1 if fault else jobs) as workers:
        for outcome in workers.cases(cases):
            outcomes[outcome.case.role].append(outcome)
            if progress:
                progress(outcome)
        for role, found in outcomes.items():
            if found:
                parts.append(matrix(suites[role], found, partly=fault is not None))
            if fault is None:
                parts.append(by_mutants(suites[role], workers, quick=quick))
    return merged(parts, time.perf_counter() - started)


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
        wall_s=wall_s,
    )
