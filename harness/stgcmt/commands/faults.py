"""``stgcmt faults``."""

from __future__ import annotations

import dataclasses
import json

import click

from stgcmt.commands import installed, roles_of


@click.command("faults")
@click.option("--role", multiple=True, help="only this role")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(role: tuple[str, ...], *, as_json: bool) -> None:
    """List the named faults of the references: what each does and which requirements it violates."""
    suites = installed()
    found = [(each, fault) for each in roles_of(role, suites, tuple(suites)) for fault in suites[each].all_faults]
    if as_json:
        click.echo(json.dumps([{"role": each} | dataclasses.asdict(fault) for each, fault in found], indent=1))
        return
    for each, fault in found:
        click.echo(f"{fault.name}  ({each})\n    {fault.line}\n    violates {', '.join(fault.violates)}")
    click.echo(f"{len(found)} faults")
