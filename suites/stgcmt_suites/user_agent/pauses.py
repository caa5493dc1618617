"""How long Retry-After asks to wait, as a client reads it (RFC 9110 10.2.3, 5.6.7)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from stgcmt.clock import NS, Clock


def asked_s(said: str | None, clock: Clock, *, dates: bool = True) -> float | None:
    """Seconds from now that Retry-After asks for: a number, or a date in one of three forms; ``None`` where it says nothing.

    Without ``dates`` only numbers are understood.
    """
    if said is None:
        return None
    text = said.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    if not dates:
        return None
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    known = when if when.tzinfo else when.replace(tzinfo=UTC)  # an asctime date names no zone: it is GMT
    return max(0.0, known.timestamp() - clock.wall_ns() / NS)
