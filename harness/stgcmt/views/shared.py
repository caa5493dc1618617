"""What was read once is not read again: by the identity of events, and by the value of small pieces of bytes.

Mutants of a recording differ from it in one connection, often in one direction of it, and are read thousands of times. Only
values that follow from the events or bytes alone may be kept, and that nobody changes; the functions are those of ``wire``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from stgcmt.by_value import by_value
from stgcmt.on_disk import Joined
from stgcmt.transcript import Event, StoredEvent
from stgcmt.wire import items, negotiation
from stgcmt.wire.http import Message, read_requests, read_responses

_T = TypeVar("_T")
KEPT = 512  # connections; a recording has fewer than a hundred
LYING = 16  # connections whose bytes lie in a file: what is read of one are the places of its messages
LARGE = 262_144  # bytes of one connection; a larger one is read again rather than kept


class ByEvents(Generic[_T]):
    """Values by the identity of the events that they are made of; the oldest go first."""

    def __init__(self, make: Callable[..., _T]) -> None:
        self._make = make
        self._kept: dict[tuple[Hashable, ...], tuple[tuple[Event, ...], _T]] = {}
        self._lying: dict[tuple[Hashable, ...], tuple[tuple[Event, ...], _T]] = {}

    def of(self, events: Sequence[Event], *more: Hashable) -> _T:
        """``make(events, *more)``, or what it gave for the same events before."""
        key = (tuple(map(id, events)), *more)
        found = self._kept.get(key) or self._lying.get(key)
        if found is not None:
            return found[1]
        value = self._make(events, *more)
        if any(isinstance(event, StoredEvent) for event in events):
            while len(self._lying) >= LYING:
                del self._lying[next(iter(self._lying))]
            self._lying[key] = (tuple(events), value)
        elif sum(event.size for event in events) <= LARGE:
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = (tuple(events), value)  # the events stay alive, so that their ids stay taken
        return value


_requests = by_value()(read_requests)
_responses = by_value()(read_responses)


def requests(data: bytes | Joined) -> tuple[Message, ...]:
    """``read_requests``."""
    return _requests(data) if isinstance(data, bytes) else read_requests(data)


def responses(data: bytes | Joined, methods: tuple[str, ...] | None, *, eof: bool) -> tuple[Message, ...]:
    """``read_responses``."""
    return _responses(data, methods, eof=eof) if isinstance(data, bytes) else read_responses(data, methods, eof=eof)


@by_value()
def granted(asked: bytes, answered: bytes) -> tuple[negotiation.Granted, ...]:
    """``granted``, of the bodies of both PDUs."""
    return negotiation.granted(items.decode_rq(asked), items.decode_ac(answered))
