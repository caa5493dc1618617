"""A terminal that never holds up the loop: who pauses it, or loses the line to it, must not make the harness look deaf.

A write to a terminal whose reader stands still waits, and with it everything that the harness was to answer meanwhile. So the live
display writes through a descriptor of its own that does not wait; what finds no room is kept for the next time.
"""

from __future__ import annotations

import contextlib
import io
import os
from typing import IO, Any

LIMIT = 1 << 16  # characters that are kept: a terminal that was away for long sees the newest


class Unblocking(io.TextIOBase):
    """Text to the terminal behind ``stream``, without waiting; raises ``OSError`` where that terminal cannot be opened."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__()
        name = os.ttyname(stream.fileno())
        self._fd = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        self._kept = b""

    @property
    def encoding(self) -> str:  # type: ignore[override] # rich asks for it
        return "utf-8"

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._kept = (self._kept + text.encode("utf-8", "replace"))[-LIMIT:]
        return len(text)

    def flush(self) -> None:
        if self.closed:
            return
        with contextlib.suppress(OSError):  # BlockingIOError: no room now; others: the terminal is gone
            while self._kept:
                written = os.write(self._fd, self._kept)
                self._kept = self._kept[written:]

    def close(self) -> None:
        if not self.closed:
            self.flush()
            os.close(self._fd)
        super().close()


def unblocking(stream: IO[str]) -> IO[str]:
    """``stream``'s terminal as one that never waits; ``stream`` itself where there is no way."""
    try:
        return Unblocking(stream)  # type: ignore[return-value]
    except (OSError, ValueError, AttributeError):
        return stream


def begin_live(stream: IO[str]) -> Any:
    """A live display on the terminal behind ``stream``."""
    from rich.live import Live  # noqa: PLC0415 - start-up

    from stgcmt.terminal import console  # noqa: PLC0415 - start-up

    # auto_refresh would start a thread; the loop's timer refreshes instead.
    shown = console(unblocking(stream))
    live = Live(console=shown, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
    live.start()
    return live


def end_live(live: Any) -> None:
    """End the display and take it from the screen."""
    live.stop()
    if isinstance(live.console.file, Unblocking):
        live.console.file.close()
