"""``stgcmt list``."""

from __future__ import annotations

from typing import Any

import click

from stgcmt.catalogue import Requirement
from stgcmt.commands import installed, roles_of
from stgcmt.suite import Suite


def entry(suite: Suite, row: Requirement) -> dict[str, Any]:
    """One row as ``stgcmt list --json`` shows it: with the names of its checks, or the reason for having none."""
    found: dict[str, Any] = {
        "id": row.id,
        "title": row.title,
        "clause": row.clause,
        "level": row.level,
        "role": row.role,
    }
    if row.excluded:
        found["excluded"] = row.excluded
    else:
        found["checks"] = [check.name for check in suite.checks_for(row.id)]
    return found


@click.command("list")
@click.option("--role", multiple=True, help="only this role")
@click.option("--json", "as_json", is_flag=True, help="print JSON, with the checks of each requirement")
def command(role: tuple[str, ...], *, as_json: bool) -> None:
    """List every requirement with its level and clause, or the reason for having no check; `stgcmt explain ID` tells all."""
    suites = installed()
    rows = [(suites[each], row) for each in roles_of(role, suites, tuple(suites)) for row in suites[each].catalogue]
    if as_json:
        import json  # noqa: PLC0415 - start-up

        click.echo(json.dumps({"requirements": [entry(suite, row) for suite, row in rows]}, indent=1))
        return
    for _, row in rows:  # without the checks: importing them takes longer than all the rest
        how = f"; excluded: {row.excluded}" if row.excluded else ""
        click.echo(f"{row.id:<26} {row.level:<7} {row.role:<14} {row.title}\n{'':<26} {row.clause}{how}")
    excluded = sum(bool(row.excluded) for _, row in rows)
    click.echo(f"{len(rows)} requirements: {len(rows) - excluded} checked, {excluded} excluded with a reason")
