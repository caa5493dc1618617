"""What is read from a connection, kept for transcripts that hold the very same events.

Mutants of a recording differ from it in one connection: what the others say is read once for all of them. Only values that
follow from the events alone may be kept, and that nobody changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from stgcmt.transcript import Event

_T = TypeVar("_T")
KEPT = 512  # connections; a recording has fewer than a hundred
LARGE = 262_144  # bytes of one connection; a larger one is read again rather than kept


class ByEvents(Generic[_T]):
    """Values by the identity of the events that they are made of; the oldest go first."""

    def __init__(self, make: Callable[..., _T]) -> None:
        self._make = make
        self._kept: dict[tuple[Hashable, ...], tuple[tuple[Event, ...], _T]] = {}

    def of(self, events: Sequence[Event], *more: Hashable) -> _T:
        """``make(events, *more)``, or what it gave for the same events before."""
        key = (tuple(map(id, events)), *more)
        found = self._kept.get(key)
        if found is not None:
            return found[1]
        value = self._make(events, *more)
        if sum(len(event.data) for event in events) <= LARGE:
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = (tuple(events), value)  # the events stay alive, so that their ids stay taken
        return value
