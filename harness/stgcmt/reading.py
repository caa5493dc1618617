"""Transcripts as files: how they are read back, cut or damaged as they may be, and written again."""

from __future__ import annotations

import base64
import dataclasses
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from stgcmt.on_disk import HELD, LEAST, File, Place, TranscriptError
from stgcmt.recorded import SCHEMA, Event, Footer, Header, StoredEvent, Transcript

DISTRIBUTION = "stgcmt-conformance"
_T = TypeVar("_T")
_END = b'"}\n'  # how the line of an event with bytes ends


def read_transcript(path: Path, *, large: bool | None = None) -> Transcript:
    """Read a stored transcript with what came late, where that is beside it; a cut last line is dropped.

    The file is read line by line. Of a large one (``large``: of a recording that is; ``None``: as its own size tells) the
    bytes of its events stay where they are until they are looked at. Raises ``TranscriptError``.
    """
    beside = late_path(path)
    try:
        with path.open("rb") as file:
            if large is None:
                large = path.stat().st_size > HELD
            transcript = _read(file, str(path), File(path) if large else None)
        late = beside.read_bytes() if beside.exists() else b""
    except OSError as error:
        raise TranscriptError(f"reading {path}: {error.strerror or error}") from error
    return _with_late(transcript, late, str(beside)) if late else transcript


def late_path(path: Path) -> Path:
    """Where events of a stored transcript wait that came after its end, until they are put into it."""
    return path.with_suffix(".late")


def _with_late(transcript: Transcript, late: bytes, where: str) -> Transcript:
    """The transcript with late events behind its own; those that it has already are left out."""
    last = transcript.events[-1].n if transcript.events else 0
    more = tuple(
        event for number, line, _ in _lines(io.BytesIO(late), where) if (event := _event(line, where, number)).n > last
    )
    footer = transcript.footer
    whole = footer is not None and footer.events == len(transcript.events)
    if footer is not None and whole:
        footer = dataclasses.replace(footer, events=footer.events + len(more))
    return dataclasses.replace(transcript, events=transcript.events + more, footer=footer)


def write_transcript(transcript: Transcript, path: Path, events: Iterable[Event] | None = None) -> None:
    """Write a transcript as a recorder would have, with ``events`` in place of its own; raises ``OSError``."""
    from stgcmt.clock import iso  # noqa: PLC0415 - start-up

    header, footer = transcript.header, transcript.footer
    first = {
        "schema": header.schema, "role": header.role, "scenario": header.scenario, "wall": iso(header.wall_ns),
        "wall_ns": header.wall_ns, "monotonic_ns": header.monotonic_ns, "info": dict(header.info),
    }  # fmt: skip
    with path.open("wb") as file:
        for line in itertools.chain(
            (first,), (event.to_json() for event in (transcript.events if events is None else events))
        ):
            file.write(_line(line))
        if footer is not None:
            last: dict[str, Any] = {"footer": True, "state": footer.state, "events": footer.events}
            file.write(_line(last | ({"reason": footer.reason} if footer.reason else {})))


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n"


def parse_transcript(raw: bytes, where: str = "transcript") -> Transcript:
    """Like ``read_transcript``, from bytes."""
    return _read(io.BytesIO(raw), where)


def _read(file: IO[bytes], where: str, stays: File | None = None) -> Transcript:
    """The transcript in ``file``; where ``stays`` is given, which is the same file, bytes of events are left there."""
    lines = _lines(file, where)
    first = next(lines, None)
    if first is None:
        raise TranscriptError(f"reading {where}: the file is empty or ends in its first line, expected a header line")
    header = header_of(first[1], where)
    at = len(first[2])
    events: list[Event] = []
    for number, line, raw in lines:
        if line.get("footer"):
            footer = footer_of(line, where, number)
            if next(lines, None) is not None:
                raise TranscriptError(f"reading {where}: lines follow the footer in line {number}")
            return Transcript(header, tuple(events), footer)
        event = _event(line, where, number)
        place = None if stays is None or len(event.data) < LEAST else _place(stays, at, line["data"], raw)
        events.append(event if place is None else StoredEvent.stored_at(event, place))
        at += len(raw)
    return Transcript(header, tuple(events))


def _place(file: File, at: int, text: str, raw: bytes) -> Place | None:
    """Where the bytes of an event lie whose line ``raw`` begins at ``at``; ``None`` where another tool wrote it otherwise.

    Ours end in the base64 text. What stands there is compared, so that it cannot be another member's value.
    """
    data = text.encode("ascii")
    start = len(raw) - len(data) - len(_END)
    size = len(data) // 4 * 3 - data[-2:].count(b"=")
    fits = raw.endswith(_END) and raw.startswith(data, max(start, 0)) and len(data) == (size + 2) // 3 * 4
    return Place(file, at + start, size) if fits else None


def _lines(file: IO[bytes], where: str) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    """The number of each line, its object and its bytes."""
    import orjson  # noqa: PLC0415 - start-up

    for number, chunk in enumerate(file, 1):
        if not chunk.endswith(b"\n"):
            return  # a last line without newline was cut in the middle
        try:
            line = orjson.loads(chunk)
        except ValueError as error:
            raise TranscriptError(
                f"reading {where}: line {number} is no JSON ({error}); the file is damaged"
            ) from error
        if not isinstance(line, dict):
            raise TranscriptError(f"reading {where}: line {number} is no JSON object; the file is damaged")
        yield number, line, chunk


def header_of(line: dict[str, Any], where: str) -> Header:
    """The header that a line is; raises ``TranscriptError``."""
    schema = line.get("schema")
    if schema != SCHEMA:
        info = line.get("info")
        tool = info.get("tool") if isinstance(info, dict) else None
        made = tool.get("version") if isinstance(tool, dict) else None
        by = f"stgcmt {made}" if made else "another version of stgcmt"
        raise TranscriptError(
            f"reading {where}: the header says schema {schema!r}, written by {by}; this version ({_version()}) reads "
            f"{SCHEMA}; judge it with {by if made else 'the version of stgcmt that manifest.json names'}"
        )
    try:
        return Header(
            str(line["scenario"]),
            str(line["role"]),
            int(line["wall_ns"]),
            int(line["monotonic_ns"]),
            SCHEMA,
            _info(line),
        )
    except KeyError as error:
        raise TranscriptError(f"reading {where}: the header lacks {error}; the file is damaged") from error
    except (TypeError, ValueError) as error:
        raise TranscriptError(f"reading {where}: line 1 is no header ({error}); the file is damaged") from error


def footer_of(line: dict[str, Any], where: str, number: int) -> Footer:
    """The footer that a line is; raises ``TranscriptError``."""
    try:
        return Footer(str(line["state"]), int(line["events"]), str(line.get("reason", "")))
    except (KeyError, TypeError, ValueError) as error:
        raise TranscriptError(f"reading {where}: line {number} is no footer ({error}); the file is damaged") from error


def _info(line: dict[str, Any]) -> dict[str, Any]:
    info = line.get("info") or {}
    if not isinstance(info, dict):
        raise TypeError("info is no JSON object")
    return info


def _of(line: dict[str, Any], key: str, kind: type[_T]) -> _T | None:
    value = line.get(key)
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{key} is {value!r}")
    return value


def _version() -> str:
    from importlib import metadata  # noqa: PLC0415 - start-up

    try:
        return f"stgcmt {metadata.version(DISTRIBUTION)}"
    except metadata.PackageNotFoundError:  # pragma: no cover - run from a plain source tree
        return "stgcmt"


def _event(line: dict[str, Any], where: str, number: int) -> Event:
    try:
        return Event(
            int(line["n"]),
            int(line["t"]),
            str(line["kind"]),
            base64.b64decode(line["data"], validate=True) if "data" in line else b"",
            _of(line, "conn", int),
            _of(line, "step", str),
            _info(line),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TranscriptError(f"reading {where}: line {number} is no event ({error}); the file is damaged") from error
