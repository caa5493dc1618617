"""Multipart bodies as they are, for judging (PS3.18 8.6.1.2, RFC 2046 5.1): parts, and what is not in order.

Nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stgcmt.wire.http_fields import MediaType, parse_media_type

DEFECTS = {
    "no-boundary": "the Content-Type has no boundary parameter",
    "no-delimiter": "the boundary occurs nowhere in the body",
    "no-close": "the closing delimiter is missing",
    "part-header": "a header line of a part has no colon",
    "part-blank": "a part has no blank line between headers and content",
}
"""Every defect that a body may list, and what it says."""


@dataclass(frozen=True)
class Part:
    """One part: headers in order, content without the line break that belongs to the next delimiter."""

    headers: tuple[tuple[str, str], ...]
    content: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name; ``None`` where absent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def media_type(self) -> MediaType | None:
        """The part's Content-Type, leniently."""
        value = self.header("content-type")
        return None if value is None else parse_media_type(value)


@dataclass(frozen=True)
class Multipart:
    """The parts of a body and its defects (keys of ``DEFECTS``)."""

    parts: tuple[Part, ...]
    defects: tuple[str, ...] = ()


def split(body: bytes, boundary: str | None) -> Multipart:
    """Take a multipart body apart; line ends may be CRLF or LF."""
    if not boundary:
        return Multipart((), ("no-boundary",))
    mark = re.escape(boundary.encode("latin-1", "replace"))
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    found = list(delimiter.finditer(body))
    if not found:
        return Multipart((), ("no-delimiter",))
    parts: list[Part] = []
    defects: list[str] = []
    closed = False
    for here, following in zip(found, [*found[1:], None], strict=True):
        if here[1]:
            closed = True
            break
        part, wrong = _part(body[here.end() : following.start() if following else len(body)])
        parts.append(part)
        defects += wrong
    if not closed:
        defects.append("no-close")
    return Multipart(tuple(parts), tuple(dict.fromkeys(defects)))


def join(parts: Sequence[tuple[str, bytes]], boundary: str) -> bytes:
    """A multipart body of (media type, content) parts."""
    mark = boundary.encode("ascii")
    pieces = [
        b"--" + mark + b"\r\nContent-Type: " + kind.encode("ascii") + b"\r\n\r\n" + content + b"\r\n"
        for kind, content in parts
    ]
    return b"".join(pieces) + b"--" + mark + b"--\r\n"


def _part(raw: bytes) -> tuple[Part, list[str]]:
    """A part from what stands between two delimiters."""
    raw = raw[2:] if raw.startswith(b"\r\n") else raw[1:] if raw.startswith(b"\n") else raw
    if raw.startswith((b"\r\n", b"\n")):
        return Part((), raw.split(b"\n", 1)[1]), []
    head, blank, content = _halves(raw)
    if not blank:
        return Part((), raw), ["part-blank"]
    headers: list[tuple[str, str]] = []
    wrong: list[str] = []
    for line in head.splitlines():
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers.append((name.strip(), value.strip()))
        elif line.strip():
            wrong.append("part-header")
    return Part(tuple(headers), content), wrong


def _halves(raw: bytes) -> tuple[bytes, bool, bytes]:
    match = re.search(rb"\r?\n\r?\n", raw)
    return (raw[: match.start()], True, raw[match.end() :]) if match else (raw, False, b"")
