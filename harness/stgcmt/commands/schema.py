"""``stgcmt schema``."""

from __future__ import annotations

import json

import click

from stgcmt.commands import installed


@click.command("schema")
@click.argument("name", type=click.Choice(["sut", "results", "transcript", "known-issues", "claims", "ledger"]))
def command(name: str) -> None:
    """Print the JSON Schema of the SUT file, the results, a transcript line, the known issues, the claim audit or the ledger."""
    from stgcmt.data import schema  # noqa: PLC0415 - start-up

    if name == "sut":
        from stgcmt.sut import full_schema  # noqa: PLC0415 - start-up

        value = full_schema({role: suite.schema for role, suite in installed().items()})
    else:
        value = schema(name)
    click.echo(json.dumps(value, indent=2))
