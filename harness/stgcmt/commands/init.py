"""``stgcmt init``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("target", metavar="URL | AE@HOST:PORT")
@click.option("--out", type=click.Path(path_type=Path), help="write there instead of to standard output")
@click.option("--image", help="start the SUT from this image; the port of TARGET is then the container's own")
def command(target: str, out: Path | None, image: str | None) -> None:
    """Print a commented sut.toml for an origin server (URL) or a Storage Commitment SCP (AE@HOST:PORT)."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.init import render  # noqa: PLC0415 - start-up

    text = render(target, image=image)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError("writing the SUT file", "a new file", f"{out} exists", "name another one") from error
    except OSError as error:
        raise UsageError(
            "writing the SUT file", "a file that can be written", f"{out}: {error.strerror}", "name another one"
        ) from error
    click.echo(f"wrote {out}; next: edit it, then `stgcmt doctor {out}`, then `stgcmt run {out}`")
