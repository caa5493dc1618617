"""A loop whose time stands still while there is work and jumps to the next timer when there is none.

Everything that waits through ``asyncio`` waits in no time: an hour of polling costs milliseconds. It holds only where both ends of
every connection are in memory (``stgcmt.wire.memory``): a thread or a process runs in real time and is overtaken.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple, Unpack

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
ORIGIN_S = 1000.0
# What one turn of the loop costs: events of different turns have different times, and what only spins meets its deadline.
TURN_S = 1e-6
LOOKS = 64  # turns with work to do after which real sockets and signals are looked for all the same
OUTSIDE_S = 10.0  # real seconds in which a thread may still wake a loop that has nothing else to wait for


class DeadlockError(RuntimeError):
    """Nothing is ready, no timer is set: whoever waits would wait for ever."""


class VirtualSelector(selectors.DefaultSelector):
    """A selector that never waits for a timer: it tells the loop how far to jump."""

    def __init__(self) -> None:
        super().__init__()
        self.now = ORIGIN_S
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; else what gets ready before ``timeout``, which passes at once. Raises ``DeadlockError``."""
        self.now += TURN_S
        if timeout == 0 and len(self.get_map()) == 1:  # work to do, and no socket but the one that wakes the loop
            self._turns += 1
            if self._turns % LOOKS:
                return []
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
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
        self._queue: Any = None  # asyncio's own queue of what runs next, where the short way into it may be taken
        super().__init__(self._virtual)
        self.set_debug(self.get_debug())

    def time(self) -> float:
        """Virtual seconds since an arbitrary origin."""
        return self._virtual.now

    def set_debug(self, enabled: bool) -> None:
        """As the loop below it; without it callbacks take the short way."""
        super().set_debug(enabled)
        self._queue = None if enabled else getattr(self, "_ready", None)  # asyncio's own, where it has one

    def close(self) -> None:
        """As the loop below it."""
        self._queue = None
        super().close()

    def call_soon(
        self, callback: Callable[[Unpack[_Ts]], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As the loop below it, without what that asks each time: a play has ten thousand callbacks."""
        if self._queue is None:
            return super().call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        self._queue.append(handle)
        return handle


def run_virtual(main: Coroutine[Any, Any, _T]) -> _T:
    """``asyncio.run`` in virtual time; raises what ``main`` raises, and ``DeadlockError``."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
