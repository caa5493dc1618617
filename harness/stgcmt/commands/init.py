"""``stgcmt init``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("target", required=False, metavar="[URL | AE@HOST:PORT]")
@click.option("--preset", "name", help="the SUT file of a known product instead")
@click.option("--list-presets", "listing", is_flag=True, help="list the products whose SUT file ships")
@click.option("--out", type=click.Path(path_type=Path), help="write there instead of to standard output")
@click.option("--image", help="start the SUT from this image; the port of TARGET is then the container's own")
def command(target: str | None, name: str | None, out: Path | None, image: str | None, *, listing: bool) -> None:
    """Print a commented sut.toml for an origin server (URL), a Storage Commitment SCP (AE@HOST:PORT), or a known product."""
    if listing:
        _list()
        return
    if (target is None) == (name is None):
        raise click.UsageError("give a URL, or AE@HOST:PORT, or --preset NAME (stgcmt init --list-presets)")
    if name is not None:
        _preset(name, out)
        return
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.init import render  # noqa: PLC0415 - start-up

    text = render(str(target), image=image)
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


def _list() -> None:
    from stgcmt.presets import NOT_RUN_HERE, RUN_HERE, presets  # noqa: PLC0415 - start-up

    for each in presets():
        click.echo(f"{each.name:26} {RUN_HERE if each.run_here else NOT_RUN_HERE:13} {each.title}")


def _preset(name: str, out: Path | None) -> None:
    from stgcmt.presets import preset, write  # noqa: PLC0415 - start-up

    chosen = preset(name)
    if out is None:
        click.echo(chosen.text, nl=False)
        if chosen.beside:
            needed = ", ".join(each.name for each in chosen.beside)
            click.echo(f"stgcmt: it needs {needed} beside it; --out FILE writes them, too", err=True)
        return
    written = write(chosen, out)
    also = f" and, beside it, {', '.join(each.name for each in written[1:])}" if written[1:] else ""
    click.echo(f"wrote {out}{also}; next: edit what is marked <--, then `stgcmt doctor {out}`, then `stgcmt run {out}`")
