"""Two things to wait for that cost little where nobody has to wait: something has happened, something has come.

``asyncio`` has both (``Event``, ``Queue``), but a deadline on them costs as much as the rest of an exchange: a context manager,
a task to cancel, an exception. Here a deadline is one timer on the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Signal:
    """Set once, by whoever sees it happen; any number of tasks may wait. ``waiting``: what they wait for, for this module."""

    __slots__ = ("_set", "waiting")

    def __init__(self) -> None:
        self._set = False
        self.waiting: list[asyncio.Future[bool]] = []

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._set

    def set(self) -> None:
        """It has happened: wake all who wait."""
        self._set = True
        for each in self.waiting:
            _tell(each, said=True)

    async def wait(self) -> bool:
        """Return, always with true, once it has happened."""
        return self._set or await _told(None, (self,))

    async def within(self, seconds: float) -> bool:
        """Whether it happens within so many seconds, or has happened."""
        return self._set or await _told(seconds, (self,))


async def any_of(seconds: float, *signals: Signal) -> bool:
    """Whether one of these happens within so many seconds, or has happened."""
    return any(each.is_set() for each in signals) or await _told(seconds, signals)


async def _told(seconds: float | None, signals: Sequence[Signal]) -> bool:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[bool] = loop.create_future()
    timer = None if seconds is None else loop.call_later(seconds, _tell, future, False)
    for each in signals:
        each.waiting.append(future)
    try:
        return await future
    finally:
        for each in signals:
            each.waiting.remove(future)
        if timer is not None:
            timer.cancel()


class Mailbox(Generic[_T]):
    """What comes, in order, for the one task that takes it out."""

    __slots__ = ("_come", "_items")

    def __init__(self) -> None:
        self._items: deque[_T] = deque()
        self._come: asyncio.Future[bool] | None = None

    def put(self, item: _T) -> None:
        """Something has come."""
        self._items.append(item)
        if self._come is not None:
            _tell(self._come, said=True)

    async def get(self, seconds: float) -> _T:
        """The next that came; raises ``TimeoutError`` where nothing comes within so many seconds."""
        if not self._items:
            loop = asyncio.get_running_loop()
            self._come = loop.create_future()
            timer = loop.call_later(seconds, _tell, self._come, False)
            try:
                await self._come
            finally:
                self._come = None
                timer.cancel()
            if not self._items:
                raise TimeoutError
        return self._items.popleft()


def _tell(future: asyncio.Future[bool], said: bool) -> None:
    if not future.done():
        future.set_result(said)
