"""Editions of the standard: a year and a letter, in order; which exist, and which of them a row holds in."""

from __future__ import annotations

import re
from collections.abc import Mapping

NEWEST = "2026c"  # the newest that this version knows of
_THREE_A_YEAR = {2014: "c", 2015: "c", 2026: NEWEST[-1]}
OLDEST_YEAR = 2014
FORM = re.compile(r"(\d{4})([a-e])")


def known(edition: str) -> bool:
    """Whether an edition of this name was published, as far as this version knows: ``2014a`` to ``2026c``."""
    found = FORM.fullmatch(edition)
    return (
        found is not None and int(found[1]) >= OLDEST_YEAR and edition <= NEWEST
        and found[2] <= _THREE_A_YEAR.get(int(found[1]), "e")
    )  # fmt: skip


def range_words(since: str | None, until: str | None, read: str | None = None) -> str:
    """In which editions a row holds, as a reader is told; empty where nothing is known to differ."""
    text = f"read up to {read}; newer ones were not compared" if read and until is None else ""
    if not (since or until):
        return f"all ({text})" if text else ""
    return f"{since or 'the first'} to {until or 'the newest'}" + (f" ({text})" if text else "")


def checked(table: Mapping[str, str]) -> dict[str, str]:
    """The ``editions`` table of a catalogue; raises ``ValueError`` that names what is wrong."""
    if stray := set(table) - {"from", "to", "read"}:
        raise ValueError(f"unknown keys {sorted(stray)}, expected from, to, read")
    for key, edition in table.items():
        if not (isinstance(edition, str) and known(edition)):
            raise ValueError(f"{key} = {edition!r} is no edition from {OLDEST_YEAR}a to {NEWEST}")
    if table.get("from", "") > table.get("to", NEWEST):
        raise ValueError(f"from {table['from']} is newer than to {table['to']}")
    return dict(table)
