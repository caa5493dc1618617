"""What the server works out of a request and for a result: once, whichever fault is switched on (``remembered``)."""

from __future__ import annotations

from collections.abc import Collection

from stgcmt_suites.commitment.decisions import Asked, Decided
from stgcmt_suites.commitment.remembered import Remembered
from stgcmt_suites.origin_server.modules import references, response
from stgcmt_suites.origin_server.negotiate import Offer, choose
from stgcmt_suites.origin_server.representations import read, write

BYTES, REFERENCES = 1 << 24, 1 << 16  # of payloads, and of results, that are remembered


def _modules(
    content_type: str | None, body: bytes, faults: Collection[str]
) -> tuple[tuple[str, tuple[Asked, ...]], ...]:
    """Structure and references of each module in a payload; raises ``RefusalError``."""
    return tuple(references(module, faults) for module in read(content_type, body, faults))


def _bytes(
    structure: str, decided: tuple[Decided, ...], uid: str, offer: Offer, location: str, faults: Collection[str]
) -> tuple[str, bytes]:
    """Content-Type and bytes of a result."""
    return write(offer, response(structure, decided, uid, faults), location, faults)


OFFER = Remembered(choose)
TAKEN, WRITTEN = Remembered(_modules, room=BYTES), Remembered(_bytes, room=REFERENCES)
