"""Where a reference listens after a restart: on the port of its former life, so that it is found where it was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from stgcmt.wire.stream import Listener


async def listen_again(file: Path, port: int, open_at: Callable[[int], Awaitable[Listener]]) -> Listener:
    """Listen on the port that was asked for (0: none was), else on the one that ``file`` remembers, else on a free one.

    ``open_at`` opens a port. Raises ``OSError`` where the port that was asked for is taken, or ``file`` cannot be written.
    """
    try:
        former = int(file.read_text("ascii"))  # noqa: ASYNC240 - a few bytes, once
    except (OSError, ValueError):
        former = 0
    try:
        listener = await open_at(port or former)
    except OSError:
        if port:
            raise
        listener = await open_at(0)
    file.write_text(str(listener.address[1]), "ascii")  # noqa: ASYNC240 - a few bytes, once
    return listener
