"""``stgcmt scrub``."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

STAGE = "scrubbing"


@click.command("scrub")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="directory for the new bundle (new or empty)"
)
@click.option("--also", multiple=True, metavar="WORD", help="replace this word, too, wherever it stands")
@click.option("--keep", multiple=True, metavar="WORD", help="a word of a protocol of your own, which must stay")
def command(bundle: Path, out: Path, also: tuple[str, ...], keep: tuple[str, ...]) -> None:
    """Write a copy of a bundle without UIDs, AE titles, hosts, addresses, tokens and patient data; the verdicts stay.

    Every replacement is as long as what it replaces, and the same everywhere. The new recording is judged, and must give
    the verdicts of the old one; else nothing is written. What the vendor states (product, claims, known issues) stays,
    except for words that are found to be sensitive elsewhere, or named by --also.
    """
    import secrets  # noqa: PLC0415 - start-up
    import warnings  # noqa: PLC0415 - start-up

    warnings.filterwarnings("ignore", module="pydicom")  # what a SUT sent is judged, not commented on

    from stgcmt.files import whole_directory  # noqa: PLC0415 - start-up

    with whole_directory(out, STAGE, bundle) as partial:
        results = scrub_bundle(bundle, partial, secrets.token_bytes(32), also, keep)
    counts = results["summary"]
    click.echo(
        f"{out}: scrubbed; {len(results['requirements'])} rows as before; tested {counts['tested']} of {counts['total']}"
    )


def scrub_bundle(
    bundle: Path, out: Path, key: bytes, also: tuple[str, ...] = (), keep: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Scrub into the directory ``out``; returns the new results. Raises ``StgcmtError`` where a verdict would change."""
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.commands import installed  # noqa: PLC0415 - start-up
    from stgcmt.commands.judge import held_against_manifest  # noqa: PLC0415 - start-up
    from stgcmt.errors import HarnessError  # noqa: PLC0415 - start-up
    from stgcmt.scrubbing.pseudonyms import Pseudonyms  # noqa: PLC0415 - start-up
    from stgcmt.scrubbing.recording import learn  # noqa: PLC0415 - start-up

    suites = installed()
    before = bundles.load(bundle)
    _refuse_damage(before)
    table = Pseudonyms(key, keep, [each for suite in suites.values() for each in (suite.schema, suite.claims_schema)])
    learn(before, table, also)
    _write_transcripts(before, out, table)
    _copy_instances(bundle, out, table)
    old = _judged(before, suites)
    del before
    gc.collect()  # with all that was decoded of it
    new = _judged(bundles.load(out), suites) | held_against_manifest(bundle)
    differences = list(_differences(old, new))
    step = "nothing was written; where a check reads a word of your own, name it with --keep; else report this"
    if differences:
        raise HarnessError(STAGE, "the verdicts of the original", "; ".join(differences[:3]), step)
    bundles.write(out, new, bundles.load(out), ["stgcmt", "scrub"])  # what a writer could not do is said there
    if not (out / "manifest.json").is_file():
        raise HarnessError(STAGE, "a bundle with its manifest", "it was not written", "make room, and scrub again")
    return new


def _refuse_damage(recording: Any) -> None:
    if recording.damaged:
        from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

        seen = "; ".join(recording.damaged.values())
        raise UsageError(STAGE, "transcripts that can be read", seen, "take the damaged files out, and scrub again")


def _judged(recording: Any, suites: Any) -> dict[str, Any]:
    from stgcmt.clock import SystemClock, iso  # noqa: PLC0415 - start-up
    from stgcmt.results import judged_results  # noqa: PLC0415 - start-up

    return judged_results(recording, suites, judged=iso(SystemClock().wall_ns()))[0]


def _differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Rows whose verdict, outcome, or the events that it cites are other ones."""
    after = {(row["role"], row["id"]): row for row in new["requirements"]}
    for row in old["requirements"]:
        other = after.get((row["role"], row["id"]))
        for what in ("verdict", "outcome", "evidence", "excluded", "vacuous"):
            if other is None or row[what] != other[what]:
                yield f"{row['role']}/{row['id']}: {what} {row[what]} became {other[what] if other else 'nothing'}"
                break
    if old["exit_code"] != new["exit_code"]:
        yield f"exit code {old['exit_code']} became {new['exit_code']}"


def _write_transcripts(recording: Any, out: Path, table: Any) -> None:
    """The transcripts of a recording, scrubbed, event by event; ``run``, which says so, at last. Raises ``OSError``."""
    from stgcmt.results import tool  # noqa: PLC0415 - start-up
    from stgcmt.scrubbing.recording import scrubbed_events, scrubbed_frame  # noqa: PLC0415 - start-up
    from stgcmt.transcript import write_transcript  # noqa: PLC0415 - start-up

    named = recording.named()
    run = named.pop("run")
    for name, transcript in [*named.items(), ("run", run)]:
        path = out / "transcripts" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = scrubbed_frame(transcript, table)
        if transcript is run:
            note = {"tool": tool(), "replaced": len(table.sensitive), "same_verdicts": True}
            info = {**frame.header.info, "scrubbed": note, "command": ["stgcmt", "run"]}
            frame = dataclasses.replace(frame, header=dataclasses.replace(frame.header, info=info))
        write_transcript(frame, path, scrubbed_events(transcript, table))


def _copy_instances(bundle: Path, out: Path, table: Any) -> None:
    """The instances that a run made for its SUT, scrubbed; their names are UIDs."""
    from stgcmt.scrubbing.dataset import part10  # noqa: PLC0415 - start-up

    for path in sorted((bundle / "instances").rglob("*.dcm")):
        folder, stem = path.relative_to(bundle).parent, path.stem
        place = out / folder / f"{table.known(stem.encode()).decode()}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(part10(path.read_bytes(), table))
