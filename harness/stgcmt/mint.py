"""UIDs of a run: of one fixed length, and told from all others, so that recorded bytes can be searched for them."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import Counter

NUMBERED = 24  # digits that number the UIDs of one mint


def fresh_uid(about: str = "") -> str:  # noqa: ARG001 - what a mint of the same UIDs counts by
    """A UID that nobody has used yet, below 2.25 (PS3.5 B.2); ``about``: what it is for."""
    return f"2.25.{_as_uuid(secrets.token_bytes(16))}"


def _as_uuid(data: bytes) -> int:
    """These 16 bytes as a UUID of version 4 (RFC 9562 5.4), which is a number."""
    number = int.from_bytes(data, "big")
    return number & ~(0xF << 76) & ~(0b11 << 62) | 4 << 76 | 0b10 << 62


def _minted(prefix: str) -> re.Pattern[bytes]:
    return re.compile(re.escape(prefix).encode() + rb"\d{%d}" % NUMBERED)


class Mint:
    """Makes UIDs of one fixed length that can be told from all others, so that bytes can be searched for them.

    A UID below 2.25 is a UUID as a decimal number (PS3.5 B.2): 38 digits stay below 2**128.
    """

    def __init__(self) -> None:
        self._prefix = f"2.25.{secrets.randbelow(9 * 10**13) + 10**13}"
        self._next = secrets.randbelow(10 ** (NUMBERED - 1))
        self._pattern = _minted(self._prefix)

    @classmethod
    def like(cls, uid: str) -> Mint:
        """A mint that finds the UIDs of the one that made ``uid``."""
        again = cls()
        again._prefix = uid[:-NUMBERED]
        again._pattern = _minted(again._prefix)
        return again

    def uid(self, scenario: str = "") -> str:  # noqa: ARG002 - what a mint of the same UIDs counts by
        """A fresh UID, 43 characters; ``scenario``: who asks for it."""
        self._next += 1
        return f"{self._prefix}{self._next % 10**NUMBERED:0{NUMBERED}d}"

    def foreign(self, about: str = "") -> str:
        """A fresh UID that this mint does not find: one that a reference chooses by itself; ``about``: what it is for."""
        return fresh_uid(about)

    def found_in(self, data: bytes) -> set[str]:
        """The UIDs of this mint that occur in ``data``."""
        return {match.decode("ascii") for match in self._pattern.findall(data)}


class SameMint(Mint):
    """A mint that gives each scenario the same UIDs in every play, for plays that are compared with each other.

    Two plays of a reference then say the same bytes wherever they do the same, and what follows from bytes alone is
    worked out once. Never for a system that outlives the play: it would know the UIDs already.
    """

    def __init__(self) -> None:
        self._prefix = "2.25.73516482093751"  # none of the harness's own: scrubbing must replace what is minted
        self._pattern = _minted(self._prefix)
        self._minted: dict[str, int] = {}
        self._foreign: Counter[str] = Counter()

    def uid(self, scenario: str = "") -> str:
        """The next UID of this scenario, 43 characters."""
        number = self._minted.get(scenario)
        if number is None:
            number = int.from_bytes(hashlib.sha256(scenario.encode()).digest()[:12], "big")
        number = self._minted[scenario] = (number + 1) % 10**NUMBERED
        return f"{self._prefix}{number:0{NUMBERED}d}"

    def foreign(self, about: str = "") -> str:
        """The next UID that is chosen about this, in every play the same, and no other mint's."""
        self._foreign[about] += 1
        digest = hashlib.sha256(f"{about}/{self._foreign[about]}".encode()).digest()
        return f"2.25.{_as_uuid(digest[:16])}"
