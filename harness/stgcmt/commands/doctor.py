"""``stgcmt doctor``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from stgcmt.commands import installed


@click.command("doctor")
@click.argument("sut_file", required=False, metavar="[SUT.toml]", type=click.Path(path_type=Path))
def command(sut_file: Path | None) -> None:
    """Is the SUT reachable, does it authenticate, can it reach us; says what to do next. Exit 0 where all is well, else 4."""
    from stgcmt.commands.run import shipped  # noqa: PLC0415 - start-up
    from stgcmt.doctor import examine, render  # noqa: PLC0415 - start-up
    from stgcmt.sut import load  # noqa: PLC0415 - start-up

    suites = installed()
    sut = load(shipped(sut_file), suites=suites)
    probes = {role: probe for role in sut.roles if (probe := suites[role].resolve("probes")) is not None}
    references = {role: suites[role].resolve("reference") for role in sut.roles} if sut.driver.kind == "builtin" else {}
    findings = asyncio.run(examine(sut, probes=probes, builtin=references))
    click.echo(render(findings, then=f"next: stgcmt run {sut_file or ''}".rstrip()))
    sys.exit(0 if all(finding.ok for finding in findings) else 4)
