"""HTTP/1.1 messages out of recorded bytes: lenient, total, and exact about what is wrong with them.

A strict parser refuses what must be judged; this one reads on and lists ``defects``. It never raises. Offsets count
from the start of one direction of one connection, so that a view can name the events a message came from.
The framing rules are those of RFC 9112 sections 2, 5, 6 and 7.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from stgcmt.on_disk import Joined, Part, content, contents, search, seen, size_of
from stgcmt.wire.http_chunks import BLANK_LINE, ChunkScan
from stgcmt.wire.http_codings import decoded
from stgcmt.wire.http_fields import MediaType, RetryAfter, parse_media_type, parse_retry_after, split_list

Framing = Literal["content-length", "chunked", "close", "none"]
Headers = tuple[tuple[str, str], ...]
_Framed = tuple[
    Framing, int, tuple[str, ...]
]  # how the body is delimited, its announced length, what is wrong with that

DEFECTS: Mapping[str, str] = {
    "bad-status-line": "the first line is no status line",
    "bad-status": "the status code has not three digits",
    "bad-request-line": "the first line is no request line",
    "http2": "the peer speaks HTTP/2",
    "leading-blank-line": "empty lines precede the message",
    "bare-lf": "a line ends with LF alone",
    "missing-colon": "a header line has no colon",
    "bad-header-name": "a header name is no token, or blanks stand before its colon",
    "obs-fold": "a header is folded over several lines",
    "control-bytes": "a header value holds NUL, CR or other control bytes",
    "truncated-head": "the header section has no end",
    "cl-and-te": "Content-Length and Transfer-Encoding together",
    "bad-content-length": "Content-Length is no decimal number",
    "repeated-content-length": "Content-Length more than once, with one value",
    "differing-content-length": "Content-Length more than once, with different values",
    "forbidden-length": "Content-Length or Transfer-Encoding where the status forbids it",
    "bad-transfer-encoding": "Transfer-Encoding does not end with chunked",
    "bad-chunk": "a chunk has no readable size or no end",
    "truncated-body": "the body ends before its announced end",
    "extra-bytes": "bytes follow that belong to no expected message",
}
"""Every defect that a message may list, and what it says."""

SMALL, KEPT = 4096, 1024  # bytes of a head, and how many such heads, that are remembered once they were read
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_STATUS_LINE = re.compile(r"(HTTP/\d+\.\d+)[ \t]+([^ \t]*)(?:[ \t](.*))?\Z", re.DOTALL)
_STATUS_STRICT = re.compile(r"HTTP/\d\.\d [1-9]\d\d (.*)\Z", re.DOTALL)
_REQUEST_LINE = re.compile(r"([^ \t]+)[ \t]+([^ \t]+)[ \t]+(HTTP/\d+\.\d+)[ \t]*\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, repr=False)
class Head:
    """Start line and headers as seen: original case, order, duplicates. ``status`` is ``None`` where unreadable."""

    response: bool
    method: str = ""
    target: str = ""
    status: int | None = None
    reason: str = ""
    version: str = ""
    headers: Headers = ()
    defects: tuple[str, ...] = ()
    start: int = 0
    body_start: int = 0

    def __repr__(self) -> str:
        line = f"{self.status} {self.reason}" if self.response else f"{self.method} {self.target}"
        return f"<{type(self).__name__} {line.strip()}{' ' + ','.join(self.defects) if self.defects else ''}>"

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of this header, in order of appearance; names are compared without case."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    def header(self, name: str) -> str | None:
        """The value of this header, several joined by a comma (RFC 9110 5.3); ``None`` where absent."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def items(self, name: str) -> tuple[str, ...]:
        """The elements of a list-valued header."""
        return tuple(item for value in self.all(name) for item in split_list(value))

    @property
    def media_type(self) -> MediaType | None:
        """Content-Type, leniently; ``None`` where absent or unreadable."""
        value = self.header("content-type")
        return None if value is None else parse_media_type(value)

    @property
    def retry_after(self) -> RetryAfter | None:
        """Retry-After; ``None`` where absent, of kind ``invalid`` where unreadable."""
        value = self.header("retry-after")
        return None if value is None else parse_retry_after(value)


@dataclass(frozen=True, repr=False)
class Message(Head):
    """A whole message, or as much of it as there is (``complete``). ``body`` is de-chunked, codings are left.

    ``content`` is the body, or where it lies in a large recording.
    """

    content: bytes | Part = b""
    framing: Framing = "none"
    complete: bool = True
    end: int = 0
    interim: tuple[Head, ...] = ()
    trailers: Headers = ()

    @property
    def body(self) -> bytes:
        """The body, read where it is not held."""
        return seen(self.content)

    @property
    def body_size(self) -> int:
        """The bytes of the body, known without reading it."""
        return size_of(self.content)

    @property
    def decoded(self) -> bytes | None:
        """The body without its content codings; ``None`` where one is unknown or broken."""
        return self._decoded if isinstance(self.content, bytes) else self._decode()

    @functools.cached_property
    def _decoded(self) -> bytes | None:
        return self._decode()

    def _decode(self) -> bytes | None:
        body: bytes | None = self.body
        for coding in reversed(self.items("content-encoding")):
            body = None if body is None else decoded(body, coding.lower())
        return body


def message_at(
    data: bytes | bytearray | Joined, start: int = 0, *, response: bool, method: str = "", eof: bool = True
) -> Message:
    """Read the message that begins at ``start``.

    Args:
        data: one direction of a connection.
        start: offset of the message's first byte.
        response: whether a response is expected, else a request.
        method: method of the request that a response answers; HEAD has no body.
        eof: whether the sender ended the stream in order; ends a body that is delimited by the end of the connection.
    """
    interim: list[Head] = []
    at = start
    while True:
        head, ended, (framing, length, defects) = head_at(data, at, method, response=response)
        if not (ended and response and is_interim(head)):
            break
        interim.append(head)
        at = head.body_start
        if at >= len(data):
            return Message(
                True,
                defects=("truncated-head",),
                start=at,
                body_start=at,
                complete=False,
                end=at,
                interim=tuple(interim),
            )
    found = {**vars(head), "defects": _merge(head.defects, defects), "framing": framing, "interim": tuple(interim)}
    if not ended:
        found["defects"] = _merge(found["defects"], ("truncated-head",))
        return Message(**found | {"complete": False, "end": len(data), "framing": "none"})
    if framing == "chunked":
        return _chunked(Message(**found), data)
    if framing == "none":
        return Message(**found, end=head.body_start)
    end = len(data) if framing == "close" else min(len(data), head.body_start + length)
    whole = eof if framing == "close" else end == head.body_start + length
    if not whole:
        found["defects"] = _merge(found["defects"], ("truncated-body",))
    return Message(**found, content=content(data, head.body_start, end), end=end, complete=whole)


def read_responses(
    data: bytes | Joined, methods: Sequence[str] | None = None, *, eof: bool = True
) -> tuple[Message, ...]:
    """All responses of one direction; ``methods`` are those of the requests, ``None`` where they are not known."""
    messages: list[Message] = []
    at = 0
    while at < len(data) and (methods is None or not messages or len(messages) < len(methods)):
        method = methods[len(messages)] if methods and len(messages) < len(methods) else ""
        message = message_at(data, at, response=True, method=method, eof=eof)
        messages.append(message)
        at = max(message.end, at + 1)
    if messages and at < len(data):
        messages[-1] = replace(messages[-1], defects=_merge(messages[-1].defects, ("extra-bytes",)))
    return tuple(messages)


def read_requests(data: bytes | Joined, *, eof: bool = True) -> tuple[Message, ...]:
    """All requests of one direction; bytes after the last that begin no request are its ``extra-bytes``."""
    messages: list[Message] = []
    at = 0
    while at < len(data):
        message = message_at(data, at, response=False, eof=eof)
        if messages and "bad-request-line" in message.defects:
            if skip_blank(data, at) < len(data):
                messages[-1] = replace(messages[-1], defects=_merge(messages[-1].defects, ("extra-bytes",)))
            break
        messages.append(message)
        at = max(message.end, at + 1)
    return tuple(messages)


def _chunked(message: Message, data: bytes | bytearray | Joined) -> Message:
    scan = ChunkScan(message.body_start)
    state = scan.scan(data)
    spans = list(scan.spans)
    if state == "short":
        spans.append(scan.partial(data))
        scan.defects.append("truncated-body")
    body = contents(data, spans)
    trailers, defects = _fields(scan.trailers)
    return replace(
        message,
        content=body,
        trailers=trailers,
        complete=state == "whole",
        end=scan.at if state == "whole" else len(data),
        defects=_merge(message.defects, (*scan.defects, *defects)),
    )


def head_at(
    data: bytes | bytearray | Joined, start: int, method: str = "", *, response: bool
) -> tuple[Head, bool, _Framed]:
    """The head at ``start``, whether it ends, and the framing; what is no status line at all is left to the body."""
    begin = skip_blank(data, start)
    blank_first = ("leading-blank-line",) if begin > start else ()
    if response and not bytes(data[begin : begin + 5]).startswith(b"HTTP/"[: max(1, len(data) - begin)]):
        # no HTTP at all: everything is body. A SETTINGS frame on stream 0 opens every HTTP/2 connection (RFC 9113 3.4).
        settings = (
            bytes(data[begin : begin + 1]) + bytes(data[begin + 3 : begin + 4]) + bytes(data[begin + 5 : begin + 9])
        )
        defect = "http2" if settings == b"\0\4\0\0\0\0" else "bad-status-line"
        head = Head(response, defects=(*blank_first, defect), start=start, body_start=begin)
        return head, True, _framing(head, method)
    blank = search(BLANK_LINE, data, begin)
    end = blank.end() if blank else len(data)
    raw = bytes(data[begin:end])
    of_lines = _lines if len(raw) <= SMALL else _lines.__wrapped__
    read, framed = of_lines(raw, method, whole=blank is not None, response=response)
    defects = _merge(blank_first, read.defects) if blank_first else read.defects
    head = Head(
        response, read.method, read.target, read.status, read.reason, read.version, read.headers, defects, start, end
    )
    return head, blank is not None, framed


@functools.lru_cache(KEPT)
def _lines(raw: bytes, method: str, *, whole: bool, response: bool) -> tuple[Head, _Framed]:
    """What follows from the lines of a head alone; an actor and its view read the same, and one play what another did."""
    defects: list[str] = []
    line, _, rest = raw.partition(b"\n")
    if not line.endswith(b"\r") and (rest or whole):
        defects.append("bare-lf")
    first = _first_line(line.removesuffix(b"\r").decode("latin-1"), response=response, defects=defects)
    headers, more = _fields(rest)
    head = replace(first, headers=headers, defects=_merge(tuple(defects), more))
    return head, _framing(head, method)


def _first_line(line: str, *, response: bool, defects: list[str]) -> Head:
    if response:
        match = _STATUS_LINE.match(line)
        if match is None:
            defects.append("bad-status-line")
            return Head(response)
        version, code, reason = match[1], match[2], match[3] or ""
        status = int(code) if code.isascii() and code.isdigit() and len(code) <= 9 else None
        if status is None or len(code) != 3:
            defects.append("bad-status")
        elif not _STATUS_STRICT.match(line):  # the blank after the code is part of the line even without a reason
            defects.append("bad-status-line")
        return Head(response, status=status, reason=reason, version=version)
    match = _REQUEST_LINE.match(line)
    if match is None or not _TOKEN.match(match[1]):
        defects.append("bad-request-line")
        method, _, target = line.partition(" ")
        return Head(response, method=method[:32], target=target.partition(" ")[0])
    if match[3] == "HTTP/2.0":
        defects.append("http2")
    return Head(response, method=match[1], target=match[2], version=match[3])


def _fields(raw: bytes) -> tuple[Headers, tuple[str, ...]]:
    headers: list[tuple[str, str]] = []
    defects: list[str] = []
    lines = raw.split(b"\n")
    for number, part in enumerate(lines):
        if part in {b"", b"\r"}:
            if part == b"" and number < len(lines) - 1:
                defects.append("bare-lf")
            continue
        if not part.endswith(b"\r") and number < len(lines) - 1:
            defects.append("bare-lf")
        line = part.removesuffix(b"\r").decode("latin-1")
        if line[0] in " \t" and headers:
            defects.append("obs-fold")
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip()}".strip())
            continue
        name, colon, value = line.partition(":")
        if not colon:
            defects.append("missing-colon")
            continue
        if not _TOKEN.match(name):
            defects.append("bad-header-name")
        if _CONTROL.search(value):
            defects.append("control-bytes")
        headers.append((name.strip(" \t"), value.strip(" \t")))
    return tuple(headers), tuple(defects)


def _framing(head: Head, method: str) -> _Framed:
    """How the body is delimited (RFC 9112 6.3)."""
    lengths = [item.strip() for value in head.all("content-length") for item in value.split(",")]
    codings = [item.lower() for item in head.items("transfer-encoding")]
    defects: list[str] = []
    if lengths and codings:
        defects.append("cl-and-te")
    if head.response and (head.status in {204, 304} or method == "HEAD" or head.status == 101):
        if (head.status == 204 and (lengths or codings)) or (head.status == 101 and codings):
            defects.append("forbidden-length")
        return "none", 0, tuple(defects)
    if codings:
        if codings[-1] == "chunked":
            return "chunked", 0, tuple(defects)
        defects.append("bad-transfer-encoding")
        return ("close" if head.response else "none"), 0, tuple(defects)
    if len(lengths) > 1:
        defects.append("repeated-content-length" if len(set(lengths)) == 1 else "differing-content-length")
    if lengths and not (lengths[0].isascii() and lengths[0].isdigit() and len(lengths[0]) <= 18):
        defects.append("bad-content-length")
        lengths = []
    if lengths:
        return "content-length", int(lengths[0]), tuple(defects)
    return ("close" if head.response else "none"), 0, tuple(defects)


def is_interim(head: Head) -> bool:
    """Whether another head follows (1xx, but for 101; RFC 9110 15.2)."""
    return head.status is not None and 100 <= head.status <= 199 and head.status != 101


def skip_blank(data: bytes | bytearray | Joined, at: int) -> int:
    """Where the first line begins: empty ones before it do not count (RFC 9112 2.2)."""
    while at < len(data) and data[at] in b"\r\n":
        at += 1
    return at


def _merge(first: tuple[str, ...], more: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *more))) if more else first
