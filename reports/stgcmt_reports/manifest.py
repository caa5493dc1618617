"""``manifest.json``: the size and sha256 of every file of the bundle, and how it came to be. Written last."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = "manifest.json"
SCHEMA_VERSION = 1
CLOCKS = "intervals: the machine's monotonic clock; dates: its wall clock, UTC, not compared with a time server"
_SECRET_OPTION = re.compile(r"--?[\w-]*(token|secret|password|passwd|apikey|api-key)[\w-]*\Z", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"(--?[\w-]*(?:token|secret|password|passwd|apikey|api-key)[\w-]*=).+", re.IGNORECASE)
_USER_INFO = re.compile(r"(://)[^/@\s]+@")


def write_manifest(
    directory: Path, *, command: Sequence[str] = (), results: Mapping[str, Any], clock: str = CLOCKS
) -> Path:
    """Write ``manifest.json`` over what is in ``directory`` now; raises ``OSError``."""
    value = {
        "schema_version": SCHEMA_VERSION,
        "tool": dict(results["tool"]),
        "suites": results["suites"],
        "edition": results["edition"],
        "profile": results["profile"],
        "command": without_secrets(command),
        "started": results["started"],
        "finished": results["finished"],
        "judged": results["judged"],
        "clock": clock,
        "files": [{"path": name, "size": size, "sha256": digest} for name, size, digest in _files(directory)],
    }
    path = directory / FILE
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


def verify(directory: Path) -> list[str]:
    """What of the bundle is not as the manifest says, a sentence each; empty where all is.

    Raises ``OSError`` where there is no manifest, ``ValueError`` where it cannot be read.
    """
    value = json.loads((directory / FILE).read_text("utf-8"))
    try:
        said = {str(each["path"]): (int(each["size"]), str(each["sha256"])) for each in value["files"]}
    except (TypeError, KeyError) as error:
        raise ValueError(
            f"reading {directory / FILE}: expected files with path, size and sha256, {error} is missing"
        ) from error
    seen = {name: (size, digest) for name, size, digest in _files(directory)}
    problems = [f"{name} is missing" for name in sorted(said.keys() - seen.keys())]
    problems += [f"{name} is not in the manifest" for name in sorted(seen.keys() - said.keys())]
    for name in sorted(said.keys() & seen.keys()):
        if said[name] != seen[name]:
            what = "size" if said[name][0] != seen[name][0] else "content"
            problems.append(f"{name} has another {what} than when the bundle was closed")
    return problems


def without_secrets(command: Sequence[str]) -> list[str]:
    """The command line with the values of secret options, and user names in URLs, blanked."""
    words: list[str] = []
    hide = False
    for word in command:
        words.append("***" if hide else _USER_INFO.sub(r"\1***@", _SECRET_VALUE.sub(r"\1***", word)))
        hide = not hide and bool(_SECRET_OPTION.match(word))
    return words


def _files(directory: Path) -> Iterator[tuple[str, int, str]]:
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path != directory / FILE:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
            yield path.relative_to(directory).as_posix(), path.stat().st_size, digest.hexdigest()
