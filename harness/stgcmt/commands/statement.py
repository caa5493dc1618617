"""``stgcmt statement``."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import click

from stgcmt.errors import UsageError

SLOTS = "statement"


@click.command("statement")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--claims", type=click.Path(path_type=Path), help="a TOML file whose [claims.statement] is taken in place"
)
@click.option("--form", is_flag=True, help="print [claims.statement] as a form to fill in")
@click.option(
    "--out", type=click.Path(path_type=Path), help="write statement/ (md, html, docx, json) into this directory"
)
def command(bundle: Path, claims: Path | None, out: Path | None, *, form: bool) -> None:
    """The conformance statement draft of a bundle as Markdown, with what the vendor states since then.

    Verdicts stay those of the bundle; the bundle itself stays as it is.
    """
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.evidence import Evidence  # noqa: PLC0415 - start-up
    from stgcmt.stored import load_results  # noqa: PLC0415 - start-up
    from stgcmt_reports import statement as writer  # noqa: PLC0415 - start-up
    from stgcmt_reports.statement import render_md, slots  # noqa: PLC0415 - start-up
    from stgcmt_reports.statement.document import build  # noqa: PLC0415 - start-up

    recording = bundles.load(bundle)
    if claims:
        recording = _with_statement(recording, claims)
    sut = recording.run.header.info.get("sut", {})
    evidence = Evidence(results=load_results(bundle), transcripts=recording.named(), sut=sut)
    if out:
        (bundles.prepare(out) / bundles.TRANSCRIPTS).rmdir()  # preparing a bundle makes it; there are none here
        for path in writer.write(evidence, out):
            click.echo(path)
        return
    document = build(evidence)
    click.echo(slots.form(document) if form else render_md.render(document), nl=False)


def _with_statement(recording: Any, path: Path) -> Any:
    """The recording with another ``[claims.statement]``; its other claims were judged and stay."""
    stage, wanted = "reading claims", "a TOML file with [claims.statement]"
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(stage, wanted, f"{path}: {error}", "check the file") from error
    stated = tree.get("claims", {})
    if not isinstance(stated, dict) or SLOTS not in stated:
        raise UsageError(stage, wanted, f"{path} has none", "`stgcmt statement BUNDLE --form` prints one to fill in")
    header = recording.run.header
    info = {**header.info, "claims": {**header.info.get("claims", {}), SLOTS: stated[SLOTS]}}
    run = dataclasses.replace(recording.run, header=dataclasses.replace(header, info=info))
    return dataclasses.replace(recording, run=run)
