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
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(role: tuple[str, ...], *, as_json: bool) -> None:
    """List every requirement with its level, clause and checks, or the reason for having none."""
    suites = installed()
    entries = [
        entry(suites[each], row) for each in roles_of(role, suites, tuple(suites)) for row in suites[each].catalogue
    ]
    if as_json:
        import json  # noqa: PLC0415 - start-up

        click.echo(json.dumps({"requirements": entries}, indent=1))
        return
    for each in entries:
        how = f"excluded: {each['excluded']}" if "excluded" in each else ", ".join(each["checks"]) or "NO CHECK"
        click.echo(
            f"{each['id']:<26} {each['level']:<7} {each['role']:<14} {each['title']}\n{'':<26} {each['clause']}; {how}"
        )
    checked = sum(bool(each.get("checks")) for each in entries)
    click.echo(f"{len(entries)} requirements: {checked} with checks, {len(entries) - checked} without")
