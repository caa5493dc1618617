"""``manifest.json``: the size and sha256 of every file of the bundle, and how it came to be. Written last.

Its own bytes are part of it: ``sha256`` is the digest of the file as it stands with 64 zeros in that place, so that a
byte changed in the manifest itself is found, too. That guards against accidents; against somebody who writes a new
manifest there is the signature (``stgcmt_reports.signing``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from stgcmt.files import write_whole

FILE = "manifest.json"
SIGNATURES = "manifest.intoto.jsonl"
APART = frozenset({FILE, SIGNATURES})  # at the top of a bundle, never listed: they are about the list
SCHEMA_VERSION = 2
CLOCKS = "intervals: the machine's monotonic clock; dates: its wall clock, UTC, not compared with a time server"
_SECRET_OPTION = re.compile(r"--?[\w-]*(token|secret|password|passwd|apikey|api-key)[\w-]*\Z", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"(--?[\w-]*(?:token|secret|password|passwd|apikey|api-key)[\w-]*=).+", re.IGNORECASE)
_USER_INFO = re.compile(r"(://)[^/@\s]+@")
_BLANK = "0" * 64


def write_manifest(
    directory: Path,
    *,
    command: Sequence[str] = (),
    results: Mapping[str, Any],
    clock: str = CLOCKS,
    scrubbed: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``manifest.json`` over what is in ``directory`` now; raises ``OSError``.

    Args:
        directory: the bundle.
        command: the command line; secrets in it are blanked.
        results: the ``results.json`` object.
        clock: where the times come from, in words.
        scrubbed: what ``stgcmt scrub`` says of a bundle that it wrote.
    """
    value = {
        "schema_version": SCHEMA_VERSION,
        "sha256": _BLANK,
        "tool": dict(results["tool"]),
        "suites": results["suites"],
        "edition": results["edition"],
        "profile": results["profile"],
        "command": without_secrets(command),
        "started": results["started"],
        "finished": results["finished"],
        "judged": results["judged"],
        "clock": clock,
        **({"scrubbed": dict(scrubbed)} if scrubbed else {}),
        "files": [{"path": name, "size": size, "sha256": digest} for name, size, digest in _files(directory)],
    }
    blank = _text(value)
    value["sha256"] = hashlib.sha256(blank.encode()).hexdigest()
    return write_whole(directory / FILE, _text(value))


def read(directory: Path) -> dict[str, Any]:
    """The manifest as it stands. Raises ``OSError`` where there is none, ``ValueError`` where it cannot be read."""
    value = json.loads((directory / FILE).read_text("utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{FILE} is no JSON object")  # noqa: TRY004 - bytes that cannot be used are a ValueError here
    try:
        for each in value["files"]:
            str(each["path"]), int(each["size"]), str(each["sha256"])
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{FILE} lists files without path, size and sha256 ({error})") from error
    return value


def verify(directory: Path) -> list[str]:
    """What of the bundle is not as the manifest says, a sentence each; empty where all is.

    Raises ``OSError`` where there is no manifest, ``ValueError`` where it cannot be read.
    """
    value = read(directory)
    problems = [] if _untouched(directory, value) else [f"{FILE} itself was changed after it was written"]
    said: dict[str, tuple[int, str]] = {}
    for each in value["files"]:
        name = str(each["path"])
        if name in said:
            problems.append(f"{name} stands twice in {FILE}")
        elif PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            problems.append(f"{name} in {FILE} leads out of the bundle")
            continue
        said[name] = (int(each["size"]), str(each["sha256"]))
    seen = {name: (size, digest) for name, size, digest in _files(directory)}
    problems += [f"{name} is missing" for name in sorted(said.keys() - seen.keys())]
    problems += [f"{name} is not in the manifest" for name in sorted(seen.keys() - said.keys())]
    for name in sorted(said.keys() & seen.keys()):
        if seen[name][1] == _LINK:
            problems.append(f"{name} is a link or another thing that is no plain file")
        elif said[name] != seen[name]:
            what = "size" if said[name][0] != seen[name][0] else "content"
            problems.append(f"{name} has another {what} than when the bundle was closed")
    return problems


RECORDED = ("transcripts", "instances")  # folders whose files no judgement may change


def changed_recording(directory: Path) -> list[str]:
    """What of the recording is not as the manifest says, a sentence each that names the file; empty where all is.

    A bundle that was never closed (no results, no manifest) has nothing to be held against. Raises ``OSError`` where a
    file cannot be read.
    """
    try:
        value = read(directory)
    except FileNotFoundError:
        return [f"{FILE} is missing"] if (directory / "results.json").exists() else []
    except ValueError as error:
        return [f"{FILE} cannot be read: {error}"]
    said = {str(each["path"]): (int(each["size"]), str(each["sha256"])) for each in value["files"]}
    said = {name: each for name, each in said.items() if name.startswith(tuple(f"{top}/" for top in RECORDED))}
    seen = {name: (size, digest) for top in RECORDED for name, size, digest in _files(directory, top)}
    problems = [] if _untouched(directory, value) else [f"{FILE} itself was changed after it was written"]
    problems += [f"{name} is missing" for name in sorted(said.keys() - seen.keys())]
    problems += [f"{name} is not in the manifest" for name in sorted(seen.keys() - said.keys())]
    return problems + [f"{name} was changed" for name in sorted(said.keys() & seen.keys()) if said[name] != seen[name]]


def without_secrets(command: Sequence[str]) -> list[str]:
    """The command line with the values of secret options, and user names in URLs, blanked."""
    words: list[str] = []
    hide = False
    for word in command:
        words.append("***" if hide else _USER_INFO.sub(r"\1***@", _SECRET_VALUE.sub(r"\1***", word)))
        hide = not hide and bool(_SECRET_OPTION.match(word))
    return words


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _untouched(directory: Path, value: Mapping[str, Any]) -> bool:
    """Whether the bytes of the manifest are those that were written. Manifests before version 2 do not tell."""
    if value.get("schema_version") == 1 and "sha256" not in value:
        return True
    blank = _text({**value, "sha256": _BLANK})
    digest = hashlib.sha256(blank.encode("utf-8", "surrogatepass")).hexdigest()
    return value.get("sha256") == digest and (directory / FILE).read_bytes() == _text(value).encode("utf-8")


_LINK = "no plain file"


def _files(directory: Path, below: str = ".") -> Iterator[tuple[str, int, str]]:
    """Path, size and sha256 of what stands in a bundle; what is no plain file (a link) has no digest."""
    for path in sorted((directory / below).rglob("*")):
        name = path.relative_to(directory).as_posix()
        if name in APART or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            yield name, 0, _LINK
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield name, path.stat().st_size, digest
