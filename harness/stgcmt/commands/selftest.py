"""``stgcmt selftest``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from stgcmt.commands import installed, nearest, roles_of

if TYPE_CHECKING:
    from stgcmt.selftest_cases import Outcome
    from stgcmt.selftest_report import Report
    from stgcmt.suite import Suite


@click.command("selftest")
@click.option("--role", multiple=True, help="only this role")
@click.option("--fault", help="only this fault; shows every row that it turns red")
@click.option("--quick", is_flag=True, help="of each fault only the rows that it declares; a sample of mutants")
@click.option("--every-scenario", is_flag=True, help="play a fault also in scenarios that it cannot reach")
@click.option("--jobs", type=click.IntRange(1), help="processes (default: one for each processor)")
@click.option("--repeat", type=click.IntRange(2), help="so many runs on real sockets under load: does a verdict flip?")
@click.option("--write-kills", is_flag=True, help="write each suite's kills.json: which mutation turns which check red")
@click.option(
    "--mend-kills", is_flag=True, help="add to each kills.json what its reference or a variant shows to be lacking"
)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(
    *,
    role: tuple[str, ...],
    fault: str | None,
    quick: bool,
    every_scenario: bool,
    jobs: int | None,
    repeat: int | None,
    write_kills: bool,
    mend_kills: bool,
    as_json: bool,
) -> None:
    """Prove the checks: every named fault is found, for the right reason, and nothing conformant is called wrong."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.selftest import hush, selftest  # noqa: PLC0415 - start-up

    hush()
    suites = installed()
    proved = [name for name in suites if suites[name].reference is not None]
    roles = roles_of(role, suites, proved)
    if write_kills or mend_kills:
        _write_kills([suites[name] for name in roles], jobs or os.cpu_count() or 1, anew=write_kills)
        return
    if repeat is not None:
        if fault is not None or quick or jobs or every_scenario:
            raise UsageError(
                "reading --repeat", "--role and --json at most", "--fault, --quick, --every-scenario or --jobs beside it",
                "runs are repeated on the references as they are; leave the other option out",
            )  # fmt: skip
        _repeat(roles, repeat, as_json=as_json)
        return
    known = {each.name for name in roles for each in suites[name].all_faults}
    if fault is not None and fault not in known:
        near = nearest(fault, known, "`stgcmt faults` lists them")
        raise UsageError("reading --fault", "a fault that `stgcmt faults` lists", fault, near)
    shown = None if as_json else _rows if fault else _progress
    report = selftest(
        suites, roles, jobs=jobs or os.cpu_count() or 1, fault=fault, progress=shown, quick=quick, whole=every_scenario
    )
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=1))
    else:
        _show(report)
    sys.exit(0 if report.good else 1)


def _write_kills(suites: Sequence[Suite], jobs: int, *, anew: bool) -> None:
    from stgcmt.selftest_kills import write_kills  # noqa: PLC0415 - start-up

    for suite in suites:
        path, missing = write_kills(suite, jobs, anew=anew)
        click.echo(f"{suite.role}: {path}")
        for ident, check in missing:
            click.echo(f"  no mutation turns {check} red for {ident}")


def _repeat(roles: Sequence[str], times: int, *, as_json: bool) -> None:
    from stgcmt.selftest_repeat import repeat  # noqa: PLC0415 - start-up

    def told(number: int, seconds: float) -> None:
        click.echo(f"run {number} of {times}: {seconds:.1f} s", err=True)

    found = repeat(roles, times, progress=told)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=1))
    else:
        for each in found.flipped:
            verdicts = ", ".join(f"{verdict} {count}" for verdict, count in each.verdicts.items())
            click.echo("\n      ".join([f"{each.role} {each.requirement}: {verdicts}", *each.messages]))
        for problem in found.problems:
            click.echo(problem)
        click.echo(f"{len(found.flipped)} verdicts flipped in {times} runs")
    sys.exit(0 if found.good else 1)


def _progress(outcome: Outcome) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{outcome.case.label}", nl=False, err=True)


def _rows(outcome: Outcome) -> None:
    """What one fault does, row by row."""
    for ident, seen in outcome.rows.items():
        if seen.verdict in {"fail", "warn", "error", "inconclusive"}:
            click.echo(f"{seen.verdict:12} {ident}  {seen.outcome or ''}\n             {seen.message}")
    if outcome.problem:
        click.echo(f"problem      {outcome.problem}")


def _show(report: Report) -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    mutants = report.mutants.to_json()
    _list("survivors: faults that a declared row does not see", report.survivors, "fault", "missing")
    _list("unexplained: rows that no declaration explains", report.unexplained, "fault", "message")
    _list("checks without kill: no fault turns them red", report.checks_without_kill, "requirement", "checks")
    _list("errors: checks that raise on a mutant", report.mutants.errors, "check", "message")
    _list("false alarms: conformant, and yet not silent", report.false_alarms, "variant", "message")
    click.echo(
        f"faults          {report.faults:6}  killed {report.killed}\n"
        f"checks          {report.checks:6}  without kill {len(report.checks_without_kill)}\n"
        f"variants        {report.variants:6}  false alarms {len(report.false_alarms)}\n"
        f"unexplained     {len(report.unexplained):6}\n"
        f"mutants         {mutants['judged']:6}  killed {mutants['killed']}, errors {mutants['errors']}, "
        f"{mutants['per_second']} a second\n"
        f"{', '.join(f'{phase} {spent:.1f} s' for phase, spent in report.seconds.items())} of processor time\n"
        f"{report.wall_s:.1f} s; the proof {'holds' if report.good else 'does not hold'}"
    )


def _list(title: str, found: Sequence[Mapping[str, Any]], *keys: str) -> None:
    if not found:
        return
    click.echo(f"{title} ({len(found)})")
    for each in found:
        head = " ".join(str(each[key]) for key in ("role", "fault", "variant", "requirement", "verdict") if key in each)
        click.echo(f"  {head}")
        value = each.get(keys[-1])
        lines = [f"{key}: {text}" for key, text in value.items()] if isinstance(value, Mapping) else [str(value)]
        for line in lines:
            click.echo(f"      {line[:300]}")
