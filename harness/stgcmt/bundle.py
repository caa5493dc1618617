"""The evidence bundle: a directory with transcripts first and everything else derived from them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from stgcmt.errors import UsageError
from stgcmt.evidence import WRITERS, Evidence
from stgcmt.files import PARTIAL, move_into, write_whole
from stgcmt.forked import LARGE, shared_out
from stgcmt.judge import Recording, read_recording
from stgcmt.transcript import ChangedError, TranscriptError

RESULTS = "results.json"
TRANSCRIPTS = "transcripts"
RECORDED = frozenset({TRANSCRIPTS, "instances"})  # no writer's


def prepare(out: Path | None) -> Path:
    """A new or empty directory for a bundle; raises ``UsageError`` where it holds something or cannot be written.

    The folder of the transcripts is made here: of two runs that start at once in one directory it is the claim.
    """
    stage, step = "preparing the output directory", "name another one with --out"
    directory = out or _unused(f"stgcmt-evidence-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError(stage, "a new or an empty directory", f"{directory} holds files already", step)
        (directory / TRANSCRIPTS).mkdir()
    except FileExistsError as error:
        seen = f"{directory} is in use by another run" if directory.is_dir() else f"{directory} is a file"
        raise UsageError(stage, "a new or an empty directory", seen, step) from error
    except OSError as error:
        raise UsageError(stage, "a directory that can be written", f"{directory}: {error.strerror}", step) from error
    return directory


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """The bundle for one writer alone; the system lets go of it with the process. Raises ``UsageError`` where it is in use."""
    import fcntl  # noqa: PLC0415 - start-up

    try:
        folder = os.open(directory / TRANSCRIPTS, os.O_RDONLY)
    except OSError as error:
        raise UsageError(
            "reading the bundle",
            "a directory that `stgcmt run` wrote",
            f"{directory}: {error.strerror}",
            "check the path",
        ) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        raise UsageError(
            "opening the bundle", "a bundle that nobody else writes to",
            f"another stgcmt run or stgcmt wait writes to {directory}", "let it end, or end it: nothing is lost",
        ) from error  # fmt: skip
    except OSError:  # a file system without locks: there is no telling
        pass
    try:
        yield
    finally:
        os.close(folder)


def _unused(name: str) -> Path:
    """A directory of that name, or with a number behind it where another run took the name within this second."""
    for number in range(1, 1000):
        directory = Path(name if number == 1 else f"{name}-{number}")
        try:
            directory.mkdir()
        except FileExistsError:
            continue
        except OSError:
            pass  # the caller finds the same and says it
        return directory
    return Path(name)


def load(directory: Path) -> Recording:
    """The recording in a bundle; raises ``UsageError`` where there is none."""
    try:
        recording = read_recording(directory)
    except TranscriptError as error:
        raise UsageError(
            "reading the bundle", "a directory that `stgcmt run` wrote", str(error), "check the path"
        ) from error
    roles = recording.run.header.info.get("roles")
    if not isinstance(roles, list | tuple) or not roles or not all(isinstance(role, str) for role in roles):
        raise UsageError(  # without roles there is no requirement, and nothing that could fail
            "reading the bundle", "the roles that were tested, in the first line of transcripts/run.jsonl",
            f"{directory}: roles = {roles!r}", "take the bundle as `stgcmt run` wrote it, or run again",
        )  # fmt: skip
    return recording


def dump(value: Any) -> str:
    """JSON as the bundle stores it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write(directory: Path, results: Mapping[str, Any], recording: Recording, command: list[str]) -> list[str]:
    """Write everything that is derived from the transcripts; what a writer could not do is returned, not raised.

    ``results.json`` is written first and last comes the manifest, so that a failing writer costs its own files only.
    """
    write_whole(directory / RESULTS, dump(results))
    sut = recording.run.header.info.get("sut", {})
    write_whole(directory / "sut.json", dump(sut))
    evidence = Evidence(results=results, transcripts=recording.named(), sut=sut)
    writers = sorted(entry_points(group=WRITERS), key=lambda entry: entry.name)

    def work(number: int) -> str:
        return _have_written(writers[number], evidence, directory)

    alone = sum(event.size for each in evidence.transcripts.values() for event in each.events) > LARGE
    problems = [problem for problem in shared_out(len(writers), work, alone=alone) if problem]
    try:
        from stgcmt_reports.manifest import write_manifest  # noqa: PLC0415 - start-up

        scrubbed = recording.run.header.info.get("scrubbed")
        write_manifest(directory, command=command, results=results, scrubbed=scrubbed)
    except Exception as error:  # noqa: BLE001 - as above
        problems.append(f"the manifest was not written: {type(error).__name__}: {error}")
    for problem in problems:
        print(f"stgcmt: {problem}", file=sys.stderr)  # noqa: T201 - the terminal is the reader
    return problems


def _have_written(entry: EntryPoint, evidence: Evidence, directory: Path) -> str:
    """Have one writer write; what it could not do, in a sentence, is returned: its own files are all that this costs."""
    try:
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=directory) as partial:
            entry.load()(evidence, Path(partial))  # a writer that fails in the middle leaves nothing
            if entry.name not in RECORDED:
                shutil.rmtree(directory / entry.name, ignore_errors=True)  # its own folder, of an earlier judgement
            move_into(Path(partial), directory)
    except ChangedError:
        raise  # no writer's fault, and nothing that any of them says could be trusted
    except Exception as error:  # noqa: BLE001 - a writer, perhaps a third party's, must not cost the run
        return f"the writer {entry.name} failed: {type(error).__name__}: {error}"
    return ""
