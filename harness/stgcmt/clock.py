"""The two clocks of a recording: monotonic for intervals, wall for dates.

Waiting always goes through the running event loop (``asyncio.sleep``, ``asyncio.timeout``), so that a loop with
virtual time moves every deadline. Reading the time goes through a ``Clock`` that is handed in, never through ``time``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

NS = 1_000_000_000


class Clock(Protocol):
    """Where actors, references and recorders read the time (nanoseconds)."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary origin; never goes back."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()


class LoopClock:
    """Both clocks derived from the running loop, for loops with virtual time."""

    def __init__(self, wall_origin_ns: int = 1_700_000_000 * NS) -> None:
        from asyncio import get_running_loop  # noqa: PLC0415 - start-up

        self._wall_origin_ns = wall_origin_ns
        self._loop = get_running_loop

    def monotonic_ns(self) -> int:
        return int(self._loop().time() * NS)

    def wall_ns(self) -> int:
        return self._wall_origin_ns + self.monotonic_ns()


def iso(wall_ns: int) -> str:
    """Wall nanoseconds as ISO 8601 in UTC with milliseconds: ``2026-01-31T12:00:00.000Z``."""
    return datetime.fromtimestamp(wall_ns / NS, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
