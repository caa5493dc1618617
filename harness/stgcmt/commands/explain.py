"""``stgcmt explain``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import click

from stgcmt.commands import counted, find_rows, installed
from stgcmt.editions import range_words
from stgcmt.verdict import CONSEQUENCES, severity


@click.command("explain")
@click.argument("ident", metavar="ID")
def command(ident: str) -> None:
    """Everything about one requirement: statement, outcomes, readings, what is sent, checks, faults, what a failure costs."""
    for suite, row in find_rows(installed(), ident):
        click.echo("\n".join(lines(suite, row)))


def lines(suite: Any, row: Any) -> list[str]:
    """The explanation of one row, line by line."""
    found = [
        f"{row.id}  {row.title}",
        f"  {row.clause}; {row.level.upper()} ({row.basis}); role {row.role}",
        "",
        f"  {row.statement}",
        "",
    ]
    if told := range_words(row.since, row.until, row.read):
        found.append(f"  editions: {told}")
    if row.excluded:
        return [*found, f"  excluded: {row.excluded}", ""]
    found += ["  outcomes:", *_outcomes(row)]
    if row.unless:
        found.append(f"  not applicable where the SUT file claims: {', '.join(row.unless)}")
    if row.permits:
        found.append(f"  reading: {', '.join(row.permits)} permits only; who does more does not contradict it")
    if row.same_as:
        found.append(f"  twin of {row.same_as}: the same checks and verdict")
    found += _checks(suite, row)
    faults = [fault for fault in suite.all_faults if row.id in fault.violates]
    found.append(
        "  faults of the reference that violate it: " + (", ".join(fault.name for fault in faults) or "none yet")
    )
    found += [f"  a failure costs: {row.cost or CONSEQUENCES[row.consequence]} ({row.consequence})"]
    if row.next_step:
        found.append(f"  what to do: {row.next_step}")
    return [*found, ""]


def _outcomes(row: Any) -> list[str]:
    names = dict.fromkeys(["violation", *row.outcomes])
    found = []
    for name in names:
        entry = row.outcomes.get(name)
        default, strict = severity(row, name), severity(row, name, "strict")
        means = f": {entry['means']}" if isinstance(entry, Mapping) and "means" in entry else ""
        reading = f" (reading {entry['reading']})" if isinstance(entry, Mapping) and "reading" in entry else ""
        moved = "" if strict == default else f", {strict} with --strict"
        since = entry.get("from", {}) if isinstance(entry, Mapping) else {}
        later = "".join(f", {verdict} from {edition} on" for edition, verdict in since.items())
        found.append(f"    {name}: {default}{moved}{later}{reading}{means}")
    return found


def _checks(suite: Any, row: Any) -> list[str]:
    found = []
    for check in suite.checks_for(row.id):
        found.append(f"  check {check.name}: {(inspect.getdoc(check.function) or '').splitlines()[0]}")
        for name in check.scenarios:
            scenario = suite.all_scenarios[name]
            found.append(
                f"    what is sent, scenario {name} ({counted(scenario.exchanges, 'exchange')}): {' '.join(scenario.doc.split())}"
            )
    return found
