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
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from stgcmt.kill_proof import killable
from stgcmt.selftest_cases import CLEAN, FAULT, RED, VARIANT, Case, Outcome, run_case
from stgcmt.selftest_report import Mutants, Report, merged
from stgcmt.suite import Fault, Suite, Variant, load_suites
from stgcmt.verdict import Verdict

if TYPE_CHECKING:
    from stgcmt.selftest_mutants import Proved, Task

Progress = Callable[[Outcome], None]


def cases_of(suite: Suite, fault: str | None = None, *, quick: bool = False, whole: bool = False) -> tuple[Case, ...]:
    """What is played for a suite: all of it, or one fault alone.

    ``quick``: of a fault only what it declares; ``whole``: of a fault also what it cannot reach.
    """
    if fault is not None:
        return (Case(suite.role, FAULT, fault, whole=whole),)
    return (
        Case(suite.role),
        *(
            Case(suite.role, FAULT, each.name, tuple(twins(suite, each)) if quick else (), whole=whole or each.crowded)
            for each in suite.all_faults
        ),
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


def hush() -> None:
    """What a scenario sends wrongly on purpose is no news: pydicom, in references, would comment on it."""
    warnings.filterwarnings("ignore", module="pydicom")


def _prepare() -> None:
    """A process of the pool: its files live in memory where the system has such a directory."""
    memory = Path("/dev/shm")  # noqa: S108 - only its existence counts; names below it are made by tempfile
    if memory.is_dir() and os.access(memory, os.W_OK):
        tempfile.tempdir = str(memory)
    hush()
    _suites()
    gc.collect()
    gc.freeze()  # what is loaded stays; looking through it again and again costs a tenth of the time
    gc.set_threshold(200_000, 5, 20)  # a case makes and drops many values; the usual 700 costs another tenth


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
    outcomes = tuple(outcomes)
    base = next((outcome for outcome in outcomes if outcome.case.kind == CLEAN), None)
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
            variant = variants[case.name] if case.kind == VARIANT else Variant("", "")
            alarms += _alarms(outcome, variant.warns)
            if case.kind == VARIANT and base is not None:
                alarms += _unjudged(outcome, base, variant.silent)
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
        seconds={
            "play": sum(outcome.played for outcome in outcomes),
            "judge": sum(outcome.judged for outcome in outcomes),
        },
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


def _unjudged(outcome: Outcome, base: Outcome, allowed: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """A variant must be judged, not only not accused: rows that are decided of the reference and not of the variant.

    What a claim of the variant makes not applicable is decided.
    """
    where = {"role": outcome.case.role, "variant": outcome.case.name}
    silent = {Verdict.INCONCLUSIVE, Verdict.NOT_TESTED}
    for ident, seen in outcome.rows.items():
        before = base.rows.get(ident)
        decided = before is not None and before.verdict not in silent
        if decided and seen.verdict in silent and ident not in allowed:
            yield {**where, "requirement": ident, "verdict": seen.verdict, "message": f"not judged: {seen.message}"}
        if ident in allowed and seen.verdict not in silent:
            yield {
                **where,
                "requirement": ident,
                "verdict": seen.verdict,
                "message": "listed as silent, but it is judged",
            }


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
    from stgcmt.selftest_mutants import searches, tasks  # noqa: PLC0415 - start-up

    found = list(workers.tasks(tasks(suite, quick=quick)))
    if not quick:  # a sample is no proof: it only shows that nothing raises
        found += list(workers.tasks(searches(suite, found)))
    return mutant_report(suite, found, quick=quick)


def mutant_report(suite: Suite, found: Sequence[Proved], *, quick: bool) -> Report:
    """What the tasks of a suite prove; ``quick``: a sample, which says nothing on checks without a kill."""
    from stgcmt.selftest_mutants import pairs  # noqa: PLC0415 - start-up

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
        seconds={
            "mutants": sum(each.seconds for each in found if each.task.search is None),
            "search": sum(each.seconds for each in found if each.task.search is not None),
        },
    )


# --- all of it -------------------------------------------------------------------------------------------------------


def selftest(
    suites: Mapping[str, Suite],
    roles: Sequence[str],
    *,
    jobs: int = 1,
    fault: str | None = None,
    quick: bool = False,
    whole: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Prove the suites of these roles; raises nothing for what goes wrong in a case.

    ``fault``: this one alone, without a word on checks that nothing kills. ``quick``: under a fault only
    the rows that it declares, and fewer mutants. ``whole``: a fault is played in every scenario, not only where it
    can act.
    """
    from stgcmt.selftest_mutants import searches, tasks  # noqa: PLC0415 - start-up

    started = time.perf_counter()
    # One queue over all roles, the longest first, so that no process waits for another one's last case.
    ordered = sorted(roles, key=lambda role: -len(suites[role].all_scenarios))
    cases = [
        case
        for role in ordered
        for case in cases_of(suites[role], fault, quick=quick, whole=whole)
        if fault is None or any(each.name == fault for each in suites[role].all_faults)
    ]
    todo = [task for role in ordered if fault is None for task in tasks(suites[role], quick=quick)]
    outcomes: dict[str, list[Outcome]] = {role: [] for role in roles}
    found: dict[str, list[Proved]] = {role: [] for role in roles}
    with Workers(suites, 1 if fault else jobs) as workers:
        playing, proving = workers.cases(cases), workers.tasks(todo)
        for outcome in playing:
            outcomes[outcome.case.role].append(outcome)
            if progress:
                progress(outcome)
        for each in proving:
            found[each.task.role].append(each)
        if fault is None and not quick:  # a sample is no proof: it only shows that nothing raises
            for each in workers.tasks([task for role in ordered for task in searches(suites[role], found[role])]):
                found[each.task.role].append(each)
    parts = [matrix(suites[role], outcomes[role], partly=fault is not None) for role in roles if outcomes[role]]
    parts += [mutant_report(suites[role], found[role], quick=quick) for role in roles if fault is None]
    return merged(parts, time.perf_counter() - started)
