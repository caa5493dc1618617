"""What a reference has worked out once it does not work out again, whichever fault is switched on.

A payload that was read, or a result that was written, comes again and again: clients repeat themselves, and the self-test
plays a reference hundreds of times, each time with another fault. What is made of it depends on the payload and on those
faults alone that are looked at on the way; which ones these are is noted as they are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")
KEPT = 1024  # payloads; the oldest go first
PART = 32  # the largest payload that is kept is this part of what all of them together may have
WAYS = 16  # of one payload: as many as faults were seen to change what is made of it


class Noted(Collection[str]):
    """Faults that note which of them are looked for, and whether they were there."""

    def __init__(self, faults: Collection[str]) -> None:
        self._faults = faults
        self.looked_for: dict[str, bool] = {}
        self.all = False  # all of them were looked at, not a few by their names

    def __contains__(self, name: object) -> bool:
        found = name in self._faults
        self.looked_for[str(name)] = found
        return found

    def __iter__(self) -> Iterator[str]:
        self.all = True
        return iter(self._faults)

    def __len__(self) -> int:
        self.all = True
        return len(self._faults)


class Remembered(Generic[_T]):
    """``make(*arguments, faults)`` by the value of its arguments and by the faults that it looks at.

    ``make`` returns what nobody changes, and depends on nothing else. What it raises is not remembered. ``room``: what all
    that is kept may have together, in whatever the sizes of calls count; the oldest go first.
    """

    def __init__(self, make: Callable[..., _T], *, room: int = KEPT) -> None:
        self._make, self._room = make, room
        self._kept: dict[tuple[Hashable, ...], list[tuple[dict[str, bool], _T]]] = {}
        self._sizes: dict[tuple[Hashable, ...], int] = {}
        self._used = 0

    def of(self, *arguments: Hashable, faults: Collection[str], size: int = 1) -> _T:
        """What is made of these arguments, which have this size, under these faults."""
        if size > self._room // PART:
            return self._make(*arguments, faults)
        ways = self._kept.get(arguments, [])
        for looked_for, value in ways:
            if all((name in faults) is there for name, there in looked_for.items()):
                return value
        noted = Noted(faults)
        value = self._make(*arguments, noted)
        if not noted.all and len(ways) < WAYS:
            self._used += 0 if arguments in self._sizes else size
            self._sizes[arguments] = size
            self._kept[arguments] = [*ways, (noted.looked_for, value)]
            while self._used > self._room or len(self._kept) > KEPT:
                oldest = next(iter(self._kept))
                del self._kept[oldest]
                self._used -= self._sizes.pop(oldest)
        return value
