"""Bytes that were read once: mutants of a recording have most of their connections in common, and are read thousands of times.

All functions are those of ``wire``, which say the same of the same bytes; the values are frozen, so that views may share them.
"""

from __future__ import annotations

import functools

from stgcmt.wire import items, negotiation
from stgcmt.wire.http import Message, read_requests, read_responses

SMALL = 16_384  # bytes of one direction; what is larger is read again
MANY = 2048

_requests = functools.lru_cache(MANY)(read_requests)
_responses = functools.lru_cache(MANY)(read_responses)


def requests(data: bytes) -> tuple[Message, ...]:
    """``read_requests``."""
    return (_requests if len(data) <= SMALL else read_requests)(data)


def responses(data: bytes, methods: tuple[str, ...] | None, *, eof: bool) -> tuple[Message, ...]:
    """``read_responses``."""
    return (_responses if len(data) <= SMALL else read_responses)(data, methods, eof=eof)


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
