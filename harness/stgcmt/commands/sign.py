"""``stgcmt sign``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

STAGE = "signing the bundle"


@click.command("sign")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path), help="PEM file of an Ed25519 private key")
@click.option("--password-env", metavar="NAME", help="environment variable with the password of the key")
def command(bundle: Path, key: Path, password_env: str | None) -> None:
    """Sign a bundle: an in-toto statement about its manifest, in manifest.intoto.jsonl. Others may sign after you.

    A key comes from `openssl genpkey -algorithm ed25519 -out key.pem`, what others need of it from
    `openssl pkey -in key.pem -pubout -out key.pub.pem`.
    """
    from stgcmt.commands.verify import checked  # noqa: PLC0415 - start-up
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.files import unwritable  # noqa: PLC0415 - start-up
    from stgcmt.stored import load_results  # noqa: PLC0415 - start-up
    from stgcmt_reports import signing  # noqa: PLC0415 - start-up

    needs_cryptography(STAGE)
    password = os.environ.get(password_env, "").encode() or None if password_env else None
    private = key_of(key, lambda path: signing.private_key(path, password), STAGE)
    problems, _ = checked(bundle, None)
    if problems:
        raise UsageError(
            STAGE, "a bundle that is as its run left it", problems[0], f"`stgcmt verify {bundle}` names all differences"
        )
    try:
        name = signing.sign(bundle, private, load_results(bundle))
    except OSError as error:
        raise unwritable(STAGE, bundle, error) from error
    click.echo(f"signed by {name[:16]}: {bundle / 'manifest.intoto.jsonl'}")


def needs_cryptography(stage: str) -> None:
    """Raises ``UsageError`` where the library for signatures is not installed."""
    from importlib.util import find_spec  # noqa: PLC0415 - rarely used

    if find_spec("cryptography") is None:
        from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

        raise UsageError(
            stage, "the library cryptography", "it is not installed", "pip install 'stgcmt-conformance[sign]'"
        )


def key_of(path: Path, load: Callable[[Path], Any], stage: str) -> Any:
    """A key from a file; raises ``UsageError`` where it is none."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt_reports.signing import KeyFileError  # noqa: PLC0415 - start-up

    try:
        return load(path)
    except OSError as error:
        seen = f"{path}: {error.strerror}"
    except KeyFileError as error:
        seen = f"{path}: {error}"
    raise UsageError(stage, "an Ed25519 key in PEM", seen, "`openssl genpkey -algorithm ed25519` makes one")
