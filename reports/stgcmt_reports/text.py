"""Text of a SUT made safe to look at: what does not print is shown as an escape, what is too long is cut and says so."""

from __future__ import annotations

import re

_OTHER = re.compile(r"[^\x20-\x7e\n\t]")
_UID = re.compile(r"\d+(?:\.\d+){2,}")
_LONG_UID = 24  # characters above which a UID is shortened where room is scarce


def visible(text: str) -> str:
    """Text whose control, format and surrogate characters stand as escapes; tabs and line ends stay.

    A direction mark or a zero-width space of a SUT must not make a report read otherwise than its bytes, and a lone
    surrogate cannot be written as UTF-8 at all.
    """
    if text.isprintable():
        return text
    return _OTHER.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters, and how many were left out."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text) - limit:,} more characters)"


def short_uids(text: str) -> str:
    """Long UIDs by their beginning and end: ``2.25.544…826767``; the whole one is shown where there is room."""
    return _UID.sub(lambda m: m[0] if len(m[0]) <= _LONG_UID else f"{m[0][:8]}\u2026{m[0][-6:]}", text)


def plural(number: int, word: str) -> str:
    """``1 event``, ``3 events``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
