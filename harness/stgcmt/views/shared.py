"""What was read once is not read again: by the identity of events, and by the value of small pieces of bytes.

Mutants of a recording differ from it in one connection, often in one direction of it, and are read thousands of times. Only
values that follow from the events or bytes alone may be kept, and that nobody changes; the functions are those of ``wire``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from stgcmt.on_disk import Joined
from stgcmt.transcript import Event
from stgcmt.wire import items, negotiation
from stgcmt.wire.http import Message, read_requests, read_responses

_T = TypeVar("_T")
KEPT = 512  # connections; a recording has fewer than a hundred
SMALL = 16_384  # bytes of one direction; what is larger is read again
MANY = 2048  # such pieces
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
        if sum(event.size for event in events) <= LARGE:
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = (tuple(events), value)  # the events stay alive, so that their ids stay taken
        return value


_requests = functools.lru_cache(MANY)(read_requests)
_responses = functools.lru_cache(MANY)(read_responses)


def requests(data: bytes | Joined) -> tuple[Message, ...]:
    """``read_requests``."""
    return _requests(data) if isinstance(data, bytes) and len(data) <= SMALL else read_requests(data)


def responses(data: bytes | Joined, methods: tuple[str, ...] | None, *, eof: bool) -> tuple[Message, ...]:
    """``read_responses``."""
    if isinstance(data, bytes) and len(data) <= SMALL:
        return _responses(data, methods, eof=eof)
    return read_responses(data, methods, eof=eof)


@functools.lru_cache(MANY)
def rq(body: bytes) -> items.AssociateRq:
    """``decode_rq``."""
    return items.decode_rq(body)


@functools.lru_cache(MANY)
def ac(body: bytes) -> items.AssociateAc:
    """``decode_ac``."""
    return items.decode_ac(body)


@functools.lru_cache(MANY)
def granted(asked: bytes, answered: bytes) -> tuple[negotiation.Granted, ...]:
    """``granted``, of the bodies of both PDUs."""
    return negotiation.granted(rq(asked), ac(answered))
