"""``stgcmt judge``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from stgcmt.commands import edition_of, installed


@click.command("judge")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="readings of silent text move up by one")
@click.option("--edition", help="only the rows that hold in this edition of the standard, e.g. 2024e")
@click.option("--known-issues", type=click.Path(path_type=Path), help="known-issues.toml in place of the recorded one")
@click.option(
    "--claims", type=click.Path(path_type=Path), help="a TOML file whose [claims] take the place of the recorded ones"
)
@click.option("--out", type=click.Path(path_type=Path), help="write a new bundle with these verdicts there")
@click.option("--json", "as_json", is_flag=True, help="print only results.json")
def command(
    bundle: Path,
    edition: str | None,
    known_issues: Path | None,
    claims: Path | None,
    out: Path | None,
    *,
    strict: bool,
    as_json: bool,
) -> None:
    """Judge a recorded bundle again: the same verdicts as the run, without the SUT.

    A bundle that lacks its results (a run that was killed) is completed; others stay as they are unless --out is given.
    """
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.clock import SystemClock, iso  # noqa: PLC0415 - start-up
    from stgcmt.results import exit_of, judged_results  # noqa: PLC0415 - start-up
    from stgcmt.verdict import load_known_issues  # noqa: PLC0415 - start-up

    recording = bundles.load(bundle)
    suites = installed()
    check_roles(recording, suites)
    if claims:
        from stgcmt.claims_file import read_claims  # noqa: PLC0415 - rarely used

        recording = _with_claims(recording, read_claims(claims, suites))
    results, _ = judged_results(
        recording,
        suites,
        judged=iso(SystemClock().wall_ns()),
        profile="strict" if strict else None,
        edition=edition_of(edition, suites, recording.run.header.info.get("roles", ())),
        known_issues=load_known_issues(known_issues) if known_issues else None,
    )
    results |= held_against_manifest(bundle)
    run_by = list(recording.run.header.info.get("command", []))
    if out:
        import shutil  # noqa: PLC0415 - rarely used

        from stgcmt.files import whole_directory  # noqa: PLC0415 - rarely used

        with whole_directory(out, "writing the bundle", bundle) as partial:
            shutil.copytree(bundle / bundles.TRANSCRIPTS, partial / bundles.TRANSCRIPTS)
            bundles.write(partial, results, recording, run_by)
    elif not (bundle / bundles.RESULTS).exists():
        bundles.write(bundle, results, recording, run_by)
    if as_json:
        click.echo(bundles.dump(results), nl=False)
    else:
        from stgcmt.terminal import print_results  # noqa: PLC0415 - start-up

        print_results(results, recording.named(), bundle=out or bundle)
    sys.exit(exit_of(results).code)


def held_against_manifest(bundle: Path) -> dict[str, list[str]]:
    """The note that the recording of a bundle is not as it was closed, for the results; said on the terminal, too.

    What an earlier judgement of it found is passed on: judging twice makes no recording whole.
    """
    from stgcmt.stored import RESULTS  # noqa: PLC0415 - start-up
    from stgcmt_reports.manifest import changed_recording  # noqa: PLC0415 - start-up

    try:
        found = changed_recording(bundle)
    except OSError as error:
        found = [f"it could not be held against it: {error}"]
    try:
        earlier = list(json.loads((bundle / RESULTS).read_bytes()).get("recording_differs", ()))
    except (OSError, ValueError, AttributeError, TypeError):
        earlier = []  # never judged, or no results to believe: they are made anew
    notes = list(dict.fromkeys([*(str(each) for each in earlier), *found]))
    for note in notes:
        click.echo(f"stgcmt: the recording differs from its manifest: {note}", err=True)
    return {"recording_differs": notes} if notes else {}


def check_roles(recording: Any, suites: dict[str, Any]) -> None:
    """Raises ``UsageError`` where a suite is not installed that recorded the bundle."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

    for role in recording.run.header.info.get("roles", ()):
        if role not in suites:
            raise UsageError(
                "judging",
                f"a suite for {role}",
                f"installed: {', '.join(suites)}",
                "install the suite that recorded it",
            )


def _with_claims(recording: Any, claimed: dict[str, Any]) -> Any:
    """The recording with other claims: everything else stays as it was recorded."""
    import dataclasses  # noqa: PLC0415 - rarely used

    header = recording.run.header
    run = dataclasses.replace(
        recording.run, header=dataclasses.replace(header, info={**header.info, "claims": claimed})
    )
    return dataclasses.replace(recording, run=run)
