"""``stgcmt allure``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("allure")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="directory for the results (new or empty)")
def command(bundle: Path, out: Path) -> None:
    """Write a judged bundle as Allure results, one test a requirement; `allure generate DIR` makes a site of them.

    Links lead to the requirement pages below docs/; the environment variable STGCMT_DOCS_URL says where those are published.
    """
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.evidence import Evidence  # noqa: PLC0415 - start-up
    from stgcmt.files import whole_directory  # noqa: PLC0415 - start-up
    from stgcmt.stored import load_results  # noqa: PLC0415 - start-up
    from stgcmt_reports.allure import write_results  # noqa: PLC0415 - start-up

    results = load_results(bundle)
    evidence = Evidence(results, bundles.load(bundle).named())
    with whole_directory(out, "writing Allure results", bundle) as partial:
        number = write_results(evidence, partial)
    click.echo(f"{number} tests in {out}; tested {results['summary']['tested']} of {results['summary']['total']}")
