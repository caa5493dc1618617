"""A stored transcript goes on: what happens after its end is recorded behind its last event.

Events are written to a file beside it as they happen, line by line; ``close`` puts them into the transcript by one
replacement of the file. Whatever ends the process in between, nothing is lost and nothing stands twice: a reader takes
both files together, and the next one who records puts them together first.

Another process has another monotonic clock, perhaps after a restart of the machine. So the time of a late event is the wall
clock's distance from the transcript's start, and never less than that of the event before.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stgcmt.clock import Clock
from stgcmt.masking import Flow, Masker
from stgcmt.reading import late_path
from stgcmt.transcript import Recorder, read_transcript


class LateRecorder(Recorder):
    """Records behind the end of a stored transcript; raises ``TranscriptError`` where it cannot be read.

    ``close`` without a state leaves how the scenario ended as it was.
    """

    def __init__(  # not that of the parent: it would begin a new file
        self,
        path: Path,
        clock: Clock,
        *,
        masker: Masker | None = None,
        failed: Callable[[Path, OSError], None] | None = None,
    ) -> None:
        put_together(path)
        former = read_transcript(path)
        self.clock, self.path, self.header = clock, path, former.header
        self._failed, self._masker = failed, masker or Masker()
        self._n = former.events[-1].n if former.events else 0
        self._conn = max((event.conn or 0 for event in former.events), default=0)
        self._last = former.events[-1].t if former.events else 0
        self._footer = former.footer
        self._flows: dict[tuple[int, str], Flow] = {}
        self._file = self._open()

    def _open(self) -> io.BufferedWriter | None:
        try:
            return late_path(self.path).open("ab")
        except OSError as error:
            self._give_up(error)
            return None

    def event(
        self,
        kind: str,
        /,
        data: bytes = b"",
        *,
        conn: int | None = None,
        t: int | None = None,
        step: str | None = None,
        **info: Any,
    ) -> int:
        """Record one event; ``t`` is this process's monotonic time, now where absent."""
        ago = 0 if t is None else self.clock.monotonic_ns() - t
        self._last = max(self._last, self.clock.wall_ns() - ago - self.header.wall_ns)
        return super().event(kind, data, conn=conn, t=self.header.monotonic_ns + self._last, step=step, **info)

    def close(self, state: str = "", reason: str = "") -> None:
        """Put what was recorded into the transcript; a second call does nothing."""
        if self.closed or self._file is None:
            return
        for conn in dict.fromkeys(conn for conn, _ in self._flows):
            self._flush(conn)
        self._file.close()
        footer: dict[str, Any] | None = None
        if state:
            footer = {"footer": True, "state": state, "events": self._n}
            footer |= {"reason": self._masker.text(reason)} if reason else {}
        try:
            put_together(self.path, footer)
        except OSError as error:
            self._give_up(error)


def recover(transcripts: Path) -> bool:
    """Put together what a recording that was killed left below a folder of transcripts; whether there was anything."""
    left = [each.with_suffix(".jsonl") for each in sorted(transcripts.rglob("*.late"))]
    for path in left:
        put_together(path)
    return bool(left)


def put_together(path: Path, footer: dict[str, Any] | None = None) -> None:
    """Put late events into their transcript, and ``footer`` in the place of its own; raises ``OSError``."""
    beside = late_path(path)
    late = beside.read_bytes() if beside.exists() else b""
    if not late and footer is None:
        beside.unlink(missing_ok=True)
        return
    lines = _whole(path.read_bytes())
    former = json.loads(lines[-1]) if len(lines) > 1 else {}
    own = lines[:-1] if former.get("footer") else lines
    last = json.loads(own[-1]).get("n", 0)
    more = [line for line in _whole(late) if json.loads(line)["n"] > last]
    end = footer or (former if former.get("footer") else None)
    if end is not None:
        if footer is None and end["events"] == len(own) - 1:  # one that was cut stays so
            end = {**end, "events": end["events"] + len(more)}
        more.append(json.dumps(end, separators=(",", ":")).encode())
    _replace(path, b"".join(line + b"\n" for line in (*own, *more)))
    beside.unlink(missing_ok=True)


def _whole(raw: bytes) -> list[bytes]:
    """The lines; one without its newline was cut in the middle."""
    return raw.split(b"\n")[:-1]


def _replace(path: Path, data: bytes) -> None:
    """Write ``path`` anew: after a crash either the old or the new content is there, never a part."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, must be on the disk
    finally:
        os.close(folder)
