"""Files that are whole or not there: written under a temporary name, then renamed.

A full disk, a lost mount or a killed process leaves what was there before, never half of the new.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stgcmt.errors import StgcmtError, UsageError

PARTIAL = ".stgcmt-partial-"  # what such a name begins with


def write_whole(path: Path, content: bytes | str) -> Path:
    """Write ``content`` (text as UTF-8) to ``path``, all of it or nothing. Raises ``OSError``."""
    raw = content.encode("utf-8") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def write_output(path: Path, content: bytes | str, stage: str) -> Path:
    """Like ``write_whole``, for a file that the caller named: raises ``UsageError`` where it cannot be written."""
    if path.is_dir():
        raise UsageError(stage, "a file name", f"{path} is a directory", "name a file in it")
    try:
        return write_whole(path, content)
    except OSError as error:
        raise unwritable(stage, path, error) from error


@contextlib.contextmanager
def whole_directory(out: Path, stage: str, source: Path | None = None) -> Iterator[Path]:
    """A temporary directory beside ``out`` that takes its name at the end; after an error nothing is left.

    Raises ``UsageError`` where ``out`` exists and is not an empty directory, cannot be written, or lies inside ``source``,
    the bundle that is read: its manifest would no longer hold.
    """
    if source is not None and out.resolve().is_relative_to(source.resolve()):
        raise UsageError(stage, "a directory of its own", f"{out} lies inside {source}", "name another one with --out")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        what = "holds files already" if out.is_dir() else "is a file"
        raise UsageError(stage, "a new or an empty directory", f"{out} {what}", "name another one with --out")
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=out.absolute().parent))
    except OSError as error:
        raise unwritable(stage, out, error) from error
    try:
        yield partial
        partial.chmod(0o777 & ~_umask())
        partial.replace(out)  # an empty directory of that name is replaced, too
    except OSError as error:
        raise unwritable(stage, out, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def move_into(source: Path, target: Path) -> list[Path]:
    """Move every file below ``source`` to the same place below ``target``, each at once; returns where they are now."""
    moved = []
    for path in sorted(path for path in source.rglob("*") if not path.is_dir()):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        moved.append(path.replace(place))
    return moved


def unwritable(stage: str, path: Path, error: OSError) -> StgcmtError:
    """The error that names the path and what the system said of it."""
    seen = f"{path}: {error.strerror or error}"
    return UsageError(stage, "a place that can be written, with room", seen, "make room there, or name another place")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
