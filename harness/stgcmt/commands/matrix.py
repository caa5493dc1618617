"""``stgcmt matrix``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("matrix")
@click.argument("bundles", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="the page, e.g. matrix.html")
def command(bundles: tuple[Path, ...], out: Path) -> None:
    """Make one static page over judged bundles: implementations by requirement groups, readings counted.

    A DIR that is no bundle is searched for bundles below it. Bundles of several tool versions and editions may stand side
    by side: each column says which it is.
    """
    from stgcmt.clock import SystemClock, iso  # noqa: PLC0415 - start-up
    from stgcmt.files import write_output  # noqa: PLC0415 - start-up
    from stgcmt.stored import load_results  # noqa: PLC0415 - start-up
    from stgcmt_reports.matrix import implementations, ledger_in, render  # noqa: PLC0415 - start-up

    places = [place for given in bundles for place in _bundles(given)]
    columns = implementations(((place.name, load_results(place)) for place in places), [*map(ledger_in, places)])
    write_output(out, render(columns, made=iso(SystemClock().wall_ns())), "writing the matrix")
    click.echo(f"{out}: {len(columns)} implementation{'s' if len(columns) != 1 else ''}")
    for column in columns:
        click.echo(f"  {column.name}: tested {column.score}")


def _bundles(given: Path) -> list[Path]:
    """The bundle itself, else those below the directory, in the order of their names."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.stored import RESULTS  # noqa: PLC0415 - start-up

    if not given.is_dir() or (given / RESULTS).exists() or (given / "transcripts").is_dir():
        return [given]
    recorded = {
        path.parent.parent for path in given.rglob("transcripts/run.jsonl")
    }  # never judged: said when it is read
    found = sorted(recorded | {path.parent for path in given.rglob(RESULTS)})
    if not found:
        raise UsageError(
            "reading bundles", "a bundle, or a directory of bundles", f"nothing in {given}", "check the path"
        )
    return found
