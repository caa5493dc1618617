"""SUT files of known products, for ``stgcmt init --preset``: their names, what their first line says, and the files they need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stgcmt.errors import UsageError

RUN_HERE, NOT_RUN_HERE = "Run here", "Not run here"


@dataclass(frozen=True)
class Preset:
    """One SUT file that ships.

    Attributes:
        name: how it is asked for.
        title: what the first line says the product is.
        run_here: whether the tests of this project run it; else it is written from public documentation.
        path: the file.
        beside: the files that it names and that have to lie in its directory.
    """

    name: str
    title: str
    run_here: bool
    path: Path
    beside: tuple[Path, ...]

    @property
    def text(self) -> str:
        """The SUT file."""
        return self.path.read_text("utf-8")


def presets() -> tuple[Preset, ...]:
    """Every preset, by name."""
    from stgcmt_fixtures import sut_file, sut_names  # noqa: PLC0415 - start-up

    return tuple(_preset(name, sut_file(name)) for name in sut_names())


def preset(name: str) -> Preset:
    """The preset of that name; raises ``UsageError`` with the names there are."""
    known = {each.name: each for each in presets()}
    if name not in known:
        raise UsageError("reading --preset", f"one of {', '.join(known)}", name, "stgcmt init --list-presets")
    return known[name]


def _preset(name: str, path: Path) -> Preset:
    first = path.read_text("utf-8").partition("\n")[0].removeprefix("#").strip()
    # "Product (version) as a role. Run here…" or "…. Not run here…"
    cut = min(
        (at for word in (f". {NOT_RUN_HERE}", f". {RUN_HERE}") if (at := first.find(word)) >= 0), default=len(first)
    )
    beside = tuple(sorted(each for each in path.parent.iterdir() if each.is_file() and each != path))
    return Preset(name, first[:cut].rstrip("."), first[cut:].startswith(f". {RUN_HERE}"), path, beside)


def write(chosen: Preset, out: Path) -> tuple[Path, ...]:
    """Copy a preset to the file ``out`` and what it needs beside it; returns what was written.

    Raises:
        UsageError: one of them exists, or cannot be written; then nothing is written over.
    """
    targets = {out: chosen.path, **{out.parent / each.name: each for each in chosen.beside}}
    stage, step = "writing the SUT file", "name another directory"
    for target in targets:
        if target.exists():
            raise UsageError(stage, "new files", f"{target} exists", step)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for target, source in targets.items():
            target.write_bytes(source.read_bytes())
    except OSError as error:
        raise UsageError(stage, "files that can be written", f"{out}: {error.strerror}", step) from error
    return tuple(targets)
