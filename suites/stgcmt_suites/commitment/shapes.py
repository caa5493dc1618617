"""UIDs of every legal shape, and UIDs that are nearly those of others: what a comparison can get wrong (PS3.5 9.1)."""

from __future__ import annotations

LONGEST = 64  # characters of a UID at most
# Behind a UID of 43 characters: as it is (odd length, padded on the wire), even length, a last component of zero, 64 characters.
SUFFIXES = ("", "0", ".0", ".12345678901234567890")


def nearly(uid: str) -> str:
    """A UID that is not this one, and differs from it in its end alone."""
    if len(uid) + 2 <= LONGEST:
        return f"{uid}.1"
    return uid[:-1] if uid[-2] != "." else uid[:-2]
