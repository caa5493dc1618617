"""``stgcmt badge``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("badge")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="write the SVG there instead of printing it")
def command(bundle: Path, out: Path | None) -> None:
    """Make an SVG badge of a judged bundle; it says tested / total, what failed, and known issues."""
    from stgcmt.files import write_output  # noqa: PLC0415 - start-up
    from stgcmt.stored import load_results  # noqa: PLC0415 - start-up
    from stgcmt_reports.badge import message, render  # noqa: PLC0415 - start-up

    results = load_results(bundle)
    if out is None:
        click.echo(render(results), nl=False)
        return
    write_output(out, render(results), "writing the badge")
    click.echo(f"{out}: {message(results)[0]}")
