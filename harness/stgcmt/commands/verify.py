"""``stgcmt verify``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

STAGE = "verifying the bundle"


@click.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--public-key", type=click.Path(path_type=Path), help="PEM file of an Ed25519 public key that must have signed"
)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(bundle: Path, public_key: Path | None, *, as_json: bool) -> None:
    """Whether a bundle is as its run left it: every file there, none more, no byte changed; and whose signatures it bears.

    Exit code 0: all is as the manifest says; 1: something differs, each named; 2: no bundle, or a key that cannot be read.
    """
    problems, signed = checked(bundle, public_key)
    if as_json:
        click.echo(json.dumps({"bundle": str(bundle), "ok": not problems, "problems": problems, "signatures": signed}))
        sys.exit(1 if problems else 0)
    for problem in problems:
        click.echo(problem)
    for each in signed:
        whose = "the key that you gave" if each["trusted"] else "nobody here knows whose; --public-key tells"
        if not each["problem"]:
            click.echo(f"signed by {each['key_id'][:16]} ({whose})")
    if problems:
        click.echo(f"{bundle}: {len(problems)} {'difference' if len(problems) == 1 else 'differences'}")
        sys.exit(1)
    click.echo(f"{bundle}: every file is as the manifest says" + ("" if signed else "; nobody signed it"))


def checked(bundle: Path, key_file: Path | None) -> tuple[list[str], list[dict[str, Any]]]:
    """What differs, a sentence each, and the signatures; raises ``UsageError`` for what is no bundle or no key."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt_reports import manifest  # noqa: PLC0415 - start-up

    if not (bundle / "transcripts").is_dir() and not (bundle / manifest.FILE).is_file():
        raise UsageError(STAGE, "a directory that `stgcmt run` wrote", str(bundle), "check the path")
    try:
        problems = manifest.verify(bundle)
    except FileNotFoundError:
        problems = [f"{manifest.FILE} is missing: a run that was killed, or a bundle that was changed"]
    except ValueError as error:
        problems = [f"{manifest.FILE} cannot be read: {error}"]
    except OSError as error:
        where = error.filename or bundle
        raise UsageError(STAGE, "files that can be read", f"{where}: {error.strerror}", "check permissions") from error
    if key_file is None and not (bundle / manifest.SIGNATURES).exists():
        return problems, []
    signed, more = _signed(bundle, key_file)
    return [*problems, *more], signed


def _signed(bundle: Path, key_file: Path | None) -> tuple[list[dict[str, Any]], list[str]]:
    from stgcmt.commands.sign import key_of, needs_cryptography  # noqa: PLC0415 - start-up
    from stgcmt_reports import manifest, signing  # noqa: PLC0415 - start-up

    needs_cryptography(STAGE)
    expected = key_of(key_file, signing.public_key, STAGE) if key_file else None
    wanted = signing.key_id(expected) if expected is not None else None
    try:
        found = signing.signatures(bundle, expected)
    except OSError:  # the manifest is missing; that is said already
        return [], [f"{manifest.SIGNATURES}: there is no manifest to hold it against"]
    signed = [{"key_id": s.key_id, "problem": s.problem, "trusted": s.key_id == wanted} for s in found]
    problems = [
        f"{manifest.SIGNATURES}, line {line}: {each.problem}" for line, each in enumerate(found, 1) if each.problem
    ]
    if (bundle / manifest.SIGNATURES).exists() and not found:
        problems.append(f"{manifest.SIGNATURES} is empty")
    if wanted and not any(s["trusted"] for s in signed):
        problems.append(f"the key {wanted[:16]} of {key_file} did not sign this bundle")
    return signed, problems
