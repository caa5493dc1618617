"""``stgcmt diff``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.text import Text

    from stgcmt_reports.comparing import Comparison


@click.command("diff")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@click.option("--all", "every", is_flag=True, help="show the rows that are the same, too")
def command(a: Path, b: Path, *, as_json: bool, every: bool) -> None:
    """Compare two judgements by requirement, A the older: bundles, or results.json of `stgcmt judge --json`.

    UIDs, ports and times are no differences. Exit code 0: B is the same or better; 1: B is worse (a verdict went down
    without a known issue, a requirement is gone although the edition is the same, or a whole role is gone); 2: not
    comparable, for instance because the two have no requirement in common.
    """
    from stgcmt.stored import load_results  # noqa: PLC0415 - start-up
    from stgcmt_reports.comparing import compare  # noqa: PLC0415 - start-up

    found = compare(load_results(a), load_results(b))
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=1))
    else:
        _show(found, every=every)
    sys.exit(1 if found.worse else 0)


def _show(found: Comparison, *, every: bool) -> None:
    from rich.table import Table  # noqa: PLC0415 - start-up

    from stgcmt.terminal import STYLES, console  # noqa: PLC0415 - start-up
    from stgcmt_reports.comparing import ORDER, SAME  # noqa: PLC0415 - start-up

    out = console(sys.stdout)
    for name, before, after in found.makers:
        out.print(f"{name}: {before or '-'} -> {after or '-'}", markup=False, highlight=False)
    for role in found.gone:
        out.print(f"{role}: B did not judge this role at all", markup=False, highlight=False, style="bold")
    gone = {} if every else found.roles_in_one
    shown = [each for each in found.changes if every or (each.what != SAME and each.role not in gone)]
    if shown:
        table = Table("", "requirement", "A", "B", "what B says", box=None, pad_edge=False, header_style="dim")
        for each in shown:
            excused = " (known issue)" if each.known_issue else ""
            said = "; ".join(filter(None, (each.after_outcome, each.message))) or each.title
            table.add_row(
                each.what, f"{each.id}\n{each.role}", _word(each.before, STYLES), _word(each.after + excused, STYLES),
                _plain(said[:300]),
            )  # fmt: skip
        out.print(table)
    for role, where in gone.items():
        number = sum(each.role == role for each in found.changes)
        out.print(f"{where}: {role}, all {number} requirements (--all lists them)", markup=False, highlight=False)
    counts = ", ".join(f"{len(found.of(what))} {what}" for what in ORDER if found.of(what))
    out.print(f"{counts}; tested {found.tested[0]} before, {found.tested[1]} after", markup=False, highlight=False)


def _plain(text: str) -> Text:
    from rich.text import Text  # noqa: PLC0415 - start-up

    return Text(text)  # what a SUT said is no markup


def _word(text: str, styles: dict[str, str]) -> Text:
    from rich.text import Text  # noqa: PLC0415 - start-up

    return Text(text or "-", style=styles.get(text.split(" ", maxsplit=1)[0], ""))
