"""The output of a SUT, line by line: secrets blanked, written to a log of the bundle, the last lines kept, one awaited."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import IO

from stgcmt.transcript import Masker

TAIL = 200  # lines of output kept in memory
LONG_LINE = 65536  # bytes after which a line without end is written all the same


def quote(lines: tuple[str, ...]) -> str:
    """Lines of output as the end of a message."""
    return "; it said:" + "".join(f"\n            | {line}" for line in lines) if lines else "; it said nothing"


class Output:
    """Takes bytes as they come, and makes lines of them."""

    def __init__(self, masker: Masker, log: IO[bytes] | None = None) -> None:
        self._masker, self._log = masker, log
        self._buffer = b""
        self._lines: deque[str] = deque(maxlen=TAIL)
        self._news = asyncio.Event()

    def feed(self, data: bytes) -> None:
        """Some more bytes."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._buffer) > LONG_LINE:
            self.flush()

    def flush(self) -> None:
        """What came without the end of a line is a line."""
        if self._buffer:
            line, self._buffer = self._buffer, b""
            self._line(line)

    def forget(self) -> None:
        """A new life begins: what was said before is in the log only."""
        self.flush()
        self._lines.clear()

    def tail(self, lines: int) -> tuple[str, ...]:
        """The last lines."""
        return tuple(self._lines)[-lines:]

    async def said(self, text: str) -> None:
        """Wait for a line that contains ``text``."""
        while not any(text in line for line in self._lines):
            self._news.clear()
            await self._news.wait()

    def _line(self, line: bytes) -> None:
        shown, _ = self._masker.data(line.rstrip(b"\r"))
        if self._log is not None and not self._log.closed:
            self._log.write(shown + b"\n")
            self._log.flush()
        self._lines.append(shown.decode("utf-8", "replace"))
        self._news.set()
