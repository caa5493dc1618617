"""A loop whose time stands still while there is work and jumps to the next timer when there is none.

Everything that waits through ``asyncio`` waits in no time: an hour of polling costs milliseconds. It holds only where both ends of
every connection are in memory (``stgcmt.wire.memory``): a thread or a process runs in real time and is overtaken.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
ORIGIN_S = 1000.0
# What one turn of the loop costs: events of different turns have different times, and what only spins meets its deadline.
TURN_S = 1e-6
OUTSIDE_S = 10.0  # real seconds in which a thread may still wake a loop that has nothing else to wait for


class DeadlockError(RuntimeError):
    """Nothing is ready, no timer is set: whoever waits would wait for ever."""


class VirtualSelector(selectors.DefaultSelector):
    """A selector that never waits for a timer: it tells the loop how far to jump."""

    def __init__(self) -> None:
        super().__init__()
        self.now = ORIGIN_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; else what gets ready before ``timeout``, which passes at once. Raises ``DeadlockError``."""
        self.now += TURN_S
        due = (
            timeout is not None and timeout <= 0
        )  # the loop has work: what wakes it from a thread is in its queue by itself
        if due and len(self.get_map()) == 1:
            return []
        ready = super().select(0)
        if ready or due:
            return ready
        if timeout is None:
            if ready := super().select(OUTSIDE_S):
                return ready
            raise DeadlockError("nothing is ready and no timer is set")
        if len(self.get_map()) > 1:  # a real socket besides the loop's own: it may take its real time
            return super().select(timeout) or self._jump(timeout)
        return self._jump(timeout)

    def _jump(self, seconds: float) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += seconds
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector event loop in virtual time; ``stgcmt.clock.LoopClock`` reads it."""

    def __init__(self) -> None:
        self._virtual = VirtualSelector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds since an arbitrary origin."""
        return self._virtual.now


def run_virtual(main: Coroutine[Any, Any, _T]) -> _T:
    """``asyncio.run`` in virtual time; raises what ``main`` raises, and ``DeadlockError``."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
