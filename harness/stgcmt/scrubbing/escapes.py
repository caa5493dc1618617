r"""Characters written as something else: ``%51``, ``&#81;``, ``&#x51;``, ``\u0051``. What they spell is scrubbed, not how.

A text is read as it means, changed, and written again in as many bytes: what was an escape is one of the same length.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import html5

Change = Callable[[bytes], bytes]
DEPTH = 6  # how often a text may have been escaped over and over
_TEXT = re.compile(rb"%[0-9A-Fa-f]{2}|&#(?:[0-9]+|[xX][0-9A-Fa-f]+);?|&[A-Za-z][A-Za-z0-9]{1,31};")
_JSON = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\.", re.DOTALL)
_OF_XML = {b"&amp;": b"&", b"&lt;": b"<", b"&gt;": b">", b"&quot;": b'"', b"&apos;": b"'"}
_OF_JSON = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_HIGHEST = 0x10FFFF


def through(data: bytes, change: Change, depth: int = DEPTH) -> bytes:
    """``data`` with ``change`` applied to what its percent escapes and character references spell; as many bytes."""
    if not depth or (b"%" not in data and b"&" not in data):
        return change(data)
    return _changed(data, _TEXT, lambda plain: through(plain, change, depth - 1))


def through_json(data: bytes, change: Change) -> bytes:
    """The same for what stands between the quotes of a JSON string."""
    return _changed(data, _JSON, change) if b"\\" in data else change(data)


def _changed(data: bytes, pattern: re.Pattern[bytes], change: Change) -> bytes:
    pieces: list[tuple[bytes, bytes | None]] = []  # what they mean, and how they were written where that is an escape
    at = 0
    for match in pattern.finditer(data):
        meaning = _meaning(match[0])
        if meaning is None:
            continue  # a text like any other: the name of an entity
        pieces += [(data[at : match.start()], None), (meaning, match[0])]
        at = match.end()
    if not pieces:
        return change(data)
    pieces.append((data[at:], None))
    plain = b"".join(meaning for meaning, _ in pieces)
    new = change(plain)
    if len(new) != len(plain):
        return b"*" * len(data)  # nothing of ours does that; what would be found then must not stay
    out, at = [], 0
    for meaning, written in pieces:
        now = new[at : at + len(meaning)]
        at += len(meaning)
        out.append(now if written is None else written if now == meaning else _written(now, written))
    return b"".join(out)


def _meaning(written: bytes) -> bytes | None:
    """What an escape spells, in UTF-8 (of a percent escape, its byte); ``None`` for the name of a letter or of an entity."""
    if written[:1] == b"%":
        return bytes([int(written[1:], 16)])
    if written[:2] == b"&#":
        digits = written[2:].rstrip(b";")
        code = int(digits[1:], 16) if digits[:1] in b"xX" else int(digits[:40])
        return chr(code).encode("utf-8", "surrogatepass") if code <= _HIGHEST else b"X"
    if written[:1] == b"&":
        letter = html5.get(written[1:].decode("ascii"), "")
        return _OF_XML.get(written) or (b" " if letter and not letter.isalnum() else None)
    if written[1:2] == b"u" and len(written) > 2:
        return chr(int.from_bytes(bytes.fromhex(written[2:].decode("ascii")), "big")).encode("utf-8", "surrogatepass")
    return _OF_JSON.get(written[1:], written[1:])


def _written(meaning: bytes, written: bytes) -> bytes:
    """Another meaning as an escape of the same kind and length; where it does not fit, a letter that does."""
    if written[:1] == b"%":
        return b"%%%02X" % meaning[0]
    try:
        letter = meaning.decode("utf-8")
    except UnicodeDecodeError:
        letter = "X"
    code = ord(letter) if len(letter) == 1 else ord("X")
    if written[:1] == b"\\":
        fits = len(written) > 2 and code <= 0xFFFF
        return b"\\u%04x" % code if fits else written if len(written) == 2 else b"\\u00e4"
    if written[:2] != b"&#":
        return b" " * len(written)
    lead, end = written[: 3 if written[2:3] in b"xX" else 2], b";" if written.endswith(b";") else b""
    room = len(written) - len(lead) - len(end)
    for each in (code, ord("a") + code % 3 if letter.islower() else ord("X"), 9):
        digits = (b"%x" if len(lead) > 2 else b"%d") % each
        if len(digits) <= room:
            return lead + digits.rjust(room, b"0") + end
    return lead + b"9" * room + end
