"""One direction of an HTTP connection, scrubbed byte for byte: start lines, header fields, bodies in chunks or whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stgcmt.masking import Masker
from stgcmt.on_disk import Joined, lines, search
from stgcmt.scrubbing.payloads import body
from stgcmt.scrubbing.pseudonyms import Pseudonyms
from stgcmt.scrubbing.vocabulary import ADDRESS_FIELDS, NAMES_OF_FIELDS, PROTOCOL_FIELDS

LINE = 65_536  # bytes of a chunk's head, or of trailers
_FIELD = re.compile(rb"(?m)^([^\s:]+)([ \t]*:[ \t]*)([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)")  # with lines that continue it
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})([^\r\n]*)\r?\n")
_BLANK = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_TRAILER = re.compile(rb"(?:[^\r\n]+\r?\n)*\r?\n")
_HOST = re.compile(rb"(?im)^host[ \t]*:[ \t]*([^\r\n]+)")
_METHOD = re.compile(rb"(?m)^([A-Z]{3,10}) [^\r\n]+ HTTP/1\.[01]\r?$")
_AUTHORITY = re.compile(rb"https?://([^/\s?#\"'<>@]+)", re.IGNORECASE)


def hosts(data: bytes | Joined) -> Iterator[str]:
    """The hosts that a stream names in Host fields and URLs."""
    for text in lines(data):
        for match in _HOST.finditer(text) if b"host" in text.lower() else ():
            yield match[1].decode("latin-1").strip()
        for match in _AUTHORITY.finditer(text) if b"://" in text else ():
            yield match[1].decode("latin-1")


def methods(data: bytes | Joined) -> list[bytes]:
    """The methods of the requests of a stream, in order."""
    return [method for text in lines(data) if b" HTTP/1." in text for method in _METHOD.findall(text)]


def stream(data: bytes, asked: list[bytes], table: Pseudonyms) -> bytes:
    """All that went one way over a connection. ``asked``: the methods of the requests that its responses answer."""
    return b"".join(streamed(data, asked, table))


def streamed(data: bytes | Joined, asked: list[bytes], table: Pseudonyms) -> Iterator[bytes]:
    """The same piece by piece: of a large recording one message after the other is looked at."""
    masker = Masker()  # by place: a recorder masks the same; a bundle of another tool may not have
    if not isinstance(data, Joined):
        yield from _messages(masker.data(data)[0], list(asked), table, bytes)
        return
    for text in data.lines():
        masker.spans(text)  # what one header gives away is looked for everywhere
    yield from _messages(data, list(asked), table, lambda message: masker.data(message)[0])


def _messages(
    data: bytes | Joined, asked: list[bytes], table: Pseudonyms, masked: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        blank = search(_BLANK, data, at)
        if blank is None:
            yield _head(masked(data[at:]), table)
            return
        begin, end = at, blank.end()
        head = data[begin:end]
        at = end
        response = re.match(rb"\s*HTTP/\d\.\d (\d+)", head)
        status = int(response[1]) if response else 0
        method = asked.pop(0) if status >= 200 and asked else b""
        fields = {name.lower(): value.strip() for name, _, value in _FIELD.findall(head)}
        segments: list[tuple[int, int, bool]] = []
        if not (method == b"HEAD" or status in (204, 304) or 100 <= status < 200):
            segments, at = _extent(data, at, fields, response=bool(response))
        message = masked(data[begin:at])
        yield _head(message[: end - begin], table)
        if not segments:
            continue
        segments = [(start - begin, stop - begin, inside) for start, stop, inside in segments]
        whole = b"".join(message[start:stop] for start, stop, inside in segments if inside)
        kind, coding = fields.get(b"content-type", b""), fields.get(b"content-encoding", b"")
        new = body(whole, kind, coding, table, lambda part: header_fields(part, table))
        taken = 0
        for start, stop, inside in segments:
            if inside:
                yield new[taken : taken + stop - start]
                taken += stop - start
            else:
                yield _framing(message[start:stop], table)


def _extent(
    data: bytes | Joined, at: int, fields: dict[bytes, bytes], *, response: bool
) -> tuple[list[tuple[int, int, bool]], int]:
    """Where a body stands: pieces as (start, end, whether they are content), and where the next message begins."""
    if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        return _chunked(data, at)
    length = fields.get(b"content-length", b"")
    until_close = len(data) if response else at
    end = min(at + int(length), len(data)) if length.isdigit() else until_close
    return [(at, end, True)], end


def _chunked(data: bytes | Joined, at: int) -> tuple[list[tuple[int, int, bool]], int]:
    pieces: list[tuple[int, int, bool]] = []
    while match := _CHUNK.match(data[at : at + LINE]):
        size = int(match[1], 16)
        pieces.append((at, at + match.end(), False))
        at += match.end()
        if size == 0:
            trailer = _TRAILER.match(data[at : at + LINE])
            end = at + trailer.end() if trailer else len(data)
            return [*pieces, (at, end, False)], end
        end = min(at + size, len(data))
        rest = _LINE_END.match(data[end : end + 2])
        after = end + rest.end() if rest else end
        pieces += [(at, end, True), (end, after, False)]
        at = after
    return [*pieces, (at, len(data), True)], len(data)  # cut, or no chunk at all: content as far as anybody knows


def _framing(data: bytes, table: Pseudonyms) -> bytes:
    """A chunk's head (its size stays, its extension is a text), the end of a chunk, or trailers."""
    match = _CHUNK.fullmatch(data)
    if match:
        return match[1] + table.free(match[2]) + data[match.end(2) :]
    return header_fields(data, table)


def _head(head: bytes, table: Pseudonyms) -> bytes:
    """Start line and header fields."""
    lead = head[: len(head) - len(head.lstrip(b"\r\n"))]
    line, feed, rest = head[len(lead) :].partition(b"\n")
    return lead + _start_line(line, table) + feed + header_fields(rest, table)


def _start_line(line: bytes, table: Pseudonyms) -> bytes:
    status = re.match(rb"HTTP/[0-9.]+[ \t]+[0-9]{1,3}(?![^\s])", line)
    if status:
        return status[0] + table.free(line[status.end() :])
    request = re.match(rb"(\S+)([ \t]+)(.*?)([ \t]+HTTP/[0-9.]+\s*)\Z", line, re.DOTALL)
    if request is None:
        return table.free(line)
    return table.free(request[1]) + request[2] + table.free(request[3]) + request[4]


def header_fields(text: bytes, table: Pseudonyms) -> bytes:
    """Header fields: the values of those whose values are the protocol's are texts; in all others every word goes.

    A name stays where it is one of HTTP's; lines that are no field are texts, too.
    """
    out, at = [], 0
    for match in _FIELD.finditer(text):
        out += [table.free(text[at : match.start()]), _field(match, table)]
        at = match.end()
    return b"".join([*out, table.free(text[at:])])


def _field(match: re.Match[bytes], table: Pseudonyms) -> bytes:
    name, value = match[1].lower(), match[3]
    named = match[1] if name in NAMES_OF_FIELDS else table.free(match[1])
    if name in PROTOCOL_FIELDS or name in ADDRESS_FIELDS:
        return named + match[2] + table.free(value, numbers=name in PROTOCOL_FIELDS)
    return named + match[2] + table.private(value)
