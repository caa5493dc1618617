"""Mutants of HTTP exchanges: what the SUT's responses would look like otherwise.

Content-Length is repaired where the body changes, unless the length is the target.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

from stgcmt.mutation import Edit, Operator, delayed, late, rebuilt, splice, without
from stgcmt.mutation_json import edits as json_edits
from stgcmt.mutation_json import inserted
from stgcmt.on_disk import Joined
from stgcmt.transcript import StoredEvent, Transcript
from stgcmt.views.http import Exchange, http
from stgcmt.wire.http import Message

STATUSES = (
    200,
    201,
    202,
    204,
    206,
    301,
    303,
    304,
    400,
    401,
    403,
    404,
    405,
    406,
    409,
    410,
    411,
    413,
    415,
    418,
    500,
    501,
    503,
)
# Headers that a response may have too many of, with a value that changes its meaning.
INSERTED = (
    "Retry-After: 5", "Retry-After: soon", "Content-Type: application/dicom+json", "Content-Type: text/plain",
    "Content-Encoding: gzip", "Transfer-Encoding: chunked", "Content-Length: 0", "Location: /elsewhere",
    'Warning: 299 stgcmt "Something is odd"', "Content-Location: elsewhere", "Connection: close", "Allow: GET",
    "Content-Type: application/dicom+xml", "Set-Cookie: a=b", "Cache-Control: max-age=3600", "Cache-Control: no-store",
    "Expires: 0", "WWW-Authenticate: Basic", "Bad Header: x",
)  # fmt: skip
VALUES = {
    b"content-type": (
        b"application/json", b"application/dicom+xml", b"application/dicom+json", b"text/html; charset=utf-8",
        b'multipart/related; type="application/dicom+json"; boundary=x', b"application/dicom+json; charset=latin-1", b"",
    ),
    b"retry-after": (b"-1", b"1.5", b"soon", b"", b"Tue, 14 Nov 2023 22:13:20 GMT", b"86400"),
    b"content-length": (b"0", b"1", b"999999", b"-1", b"1, 1", b"x"),
    b"date": (b"yesterday", b"2023-11-14"),
    b"cache-control": (b"max-age=3600", b"public", b""),
}  # fmt: skip
LATER_S = 70  # beyond usual deadlines of polling
OTHER_VALUES = (b"", b"x-other")
BULK = frozenset({"multipart/related", "application/dicom", "application/octet-stream"})  # what carries objects
OBJECT = 256_000  # bytes of such a message: beyond, it is no list of references
MOST = 40_000_000  # bytes of a large recording that mutants are made of: a request and a result of 100,000 references
_CODED = re.compile(rb"(?i)(?:transfer-encoding|content-encoding|content-length):")
_LENGTH = re.compile(rb"(?im)^(content-length:[ \t]*)\d+")
_ELEMENT = re.compile(rb"<(DicomAttribute|Item|Value)\b[^>]*?(?:/>|>.*?</\1>)", re.DOTALL)
_TEXT = re.compile(rb">([^<>]+)<")
_QUOTED = re.compile(rb'(\b[a-zA-Z]+)="([^"]*)"')


@dataclass(frozen=True)
class Piece:
    """One response of the SUT as bytes: where it stands, its head without the blank line, its body as framed."""

    transcript: Transcript
    exchange: Exchange
    start: int
    end: int
    head: bytes
    body: bytes
    message: Message

    @property
    def label(self) -> str:
        """The response as the report shows it."""
        request = self.exchange.request
        method = request.method if request else "request"
        step = f" in step {self.exchange.step}" if self.exchange.step else ""
        return f"{method}{step}, event {self.exchange.events[0]}"

    def put(self, head: bytes, body: bytes, *, repair: bool = True) -> Transcript:
        """The transcript with this response in place, its Content-Length repaired."""
        if repair:
            head = _LENGTH.sub(lambda found: found[1] + str(len(body)).encode(), head, count=1)
        data = head + b"\r\n\r\n" + body
        return splice(self.transcript, self.exchange.conn, "http.in", self.start, self.end, data)

    def plain(self) -> Piece:
        """The same without chunks and content codings, so that edits find what it means; itself where it has none."""
        body = self.message.decoded
        if body is None or body == self.body:
            return self
        kept = [line for line in self.head.split(b"\r\n") if not _CODED.match(line)]
        return replace(self, head=b"\r\n".join([*kept, b"content-length: %d" % len(body)]), body=body)


def from_outside(transcript: Transcript) -> frozenset[int | None]:
    """The connections on which the SUT asked and we answered."""
    opened = transcript.of("conn.open")
    return frozenset(event.conn for event in opened if event.info.get("side") == "acceptor")


def pieces(transcript: Transcript) -> Iterator[Piece]:
    """Every readable response of the SUT."""
    ours = from_outside(transcript)
    responses = (
        (exchange, exchange.response.message)
        for exchange in http(transcript).exchanges
        if exchange.response is not None and exchange.response.status is not None and exchange.conn not in ours
    )
    return pieces_of(transcript, responses)


def pieces_of(transcript: Transcript, messages: Iterable[tuple[Exchange, Message]]) -> Iterator[Piece]:
    """The SUT's messages as pieces.

    In a large recording not those that carry objects, and no more than ``MOST`` bytes: a mutant holds what it changes.
    """
    directions: dict[int | None, bytes | Joined] = {}
    left = MOST
    for exchange, message in messages:
        if exchange.conn not in directions:
            directions[exchange.conn] = _direction(transcript, exchange.conn)
        data = directions[exchange.conn]
        if isinstance(data, Joined):
            size = message.end - message.start
            if size > left or carries_objects(message):
                continue
            left -= size
        head, blank, body = data[message.start : message.end].partition(b"\r\n\r\n")
        if blank:
            yield Piece(transcript, exchange, message.start, message.end, head, body, message)


def carries_objects(message: Message) -> bool:
    """Whether a message is large because of the objects that it carries, not of the references that it lists."""
    media = message.media_type
    return message.body_size > OBJECT and media is not None and media.essence in BULK


def _direction(transcript: Transcript, conn: int | None) -> bytes | Joined:
    events = [event for event in transcript.events if event.conn == conn and event.kind == "http.in"]
    if any(isinstance(event, StoredEvent) for event in events):
        return Joined(events)
    return b"".join(event.data for event in events)


def _edit(name: str, piece: Piece, what: str, make: Callable[[], Transcript]) -> Edit:
    return Edit(name, f"{what}, {piece.label}" if what else piece.label, make)


def heads(transcript: Transcript) -> Iterator[Edit]:
    """Status line and headers: other, absent, twice, inserted, misspelt."""
    for piece in pieces(transcript):
        line, _, rest = piece.head.partition(b"\r\n")
        lines = rest.split(b"\r\n") if rest else []
        version, _, _ = line.partition(b" ")

        def put(
            first: bytes, others: list[bytes], piece: Piece = piece, *, repair: bool = False
        ) -> Callable[[], Transcript]:
            return lambda: piece.put(b"\r\n".join([first, *others]), piece.body, repair=repair)

        for status in STATUSES:
            yield _edit(f"status {status}", piece, "", put(b"%s %d Mutant" % (version, status), lines))
        yield _edit("status line", piece, "HTTP/1.0", put(line.replace(version, b"HTTP/1.0", 1), lines))
        yield _edit("status line", piece, "no number", put(version + b" OK", lines))
        yield _edit(
            "line ends",
            piece,
            "LF alone",
            partial(piece.put, piece.head.replace(b"\r\n", b"\n"), piece.body, repair=False),
        )
        for number, header in enumerate(lines):
            name = header.partition(b":")[0]
            shown = name.decode("latin-1")
            yield _edit("drop a header", piece, shown, put(line, lines[:number] + lines[number + 1 :]))
            yield _edit("repeat a header", piece, shown, put(line, [*lines, header]))
            for other in VALUES.get(name.strip().lower(), OTHER_VALUES):
                changed = [*lines[:number], name + b": " + other, *lines[number + 1 :]]
                yield _edit(f"change {shown.lower()}", piece, other.decode("latin-1"), put(line, changed))
        for extra in INSERTED:
            yield _edit(
                f"insert {extra.partition(':')[0].lower()}",
                piece,
                extra,
                put(line, [*lines, extra.encode("latin-1")]),
            )


def bodies(transcript: Transcript) -> Iterator[Edit]:
    """The body: absent, shorter, longer, other bytes; JSON and XML by what they mean."""
    for piece in pieces(transcript):
        yield from body_edits(piece)


def body_edits(piece: Piece) -> Iterator[Edit]:
    """What can be done to one body: as it was framed, and to what it means."""
    plain = piece.plain()
    yield from _byte_edits(piece)
    if plain is not piece:
        yield from _byte_edits(plain)
    if plain.body:
        yield from _by_meaning(plain)


def _byte_edits(piece: Piece) -> Iterator[Edit]:
    body = piece.body

    def put(new: bytes, *, repair: bool = True) -> Callable[[], Transcript]:
        return lambda: piece.put(piece.head, new, repair=repair)

    if not body:
        yield _edit("insert a body", piece, "text", partial(_with_body, piece, b"mutant"))
        return
    yield _edit("empty body", piece, "", put(b""))
    yield _edit("cut body", piece, "length repaired", put(body[: len(body) // 2]))
    yield _edit("cut body", piece, "length as it was", put(body[:-1], repair=False))
    yield _edit("longer body", piece, "length repaired", put(body + b"mutant"))
    yield _edit("longer body", piece, "length as it was", put(body + b"mutant", repair=False))
    for at in (0, len(body) // 3, len(body) // 2, len(body) - 1):
        yield _edit("change a byte", piece, f"byte {at}", put(body[:at] + bytes([body[at] ^ 0x20]) + body[at + 1 :]))
    yield _edit("bytes that are no UTF-8", piece, "", put(body.replace(b'"', b'"\xff', 1)))


def _with_text(piece: Piece, before: bytes, make: Callable[[], bytes], after: bytes) -> Transcript:
    return piece.put(piece.head, before + make() + after)


def _with_body(piece: Piece, body: bytes) -> Transcript:
    head = piece.head
    if not _LENGTH.search(head):
        head += b"\r\ncontent-length: 0"
    return piece.put(head, body)


def _by_meaning(piece: Piece) -> Iterator[Edit]:
    start, end = _json_span(piece.body)
    if end > start:
        before, text, after = piece.body[:start], piece.body[start:end], piece.body[end:]
        asked = piece.exchange.request
        for name, what, make in json_edits(text, asked.body if asked else b""):
            yield _edit(
                name,
                piece,
                what,
                partial(_with_text, piece, before, make, after),
            )
    elif b"<" in piece.body[:200]:
        yield from _xml(piece)


def _json_span(body: bytes) -> tuple[int, int]:
    """Where a JSON text stands in a body: all of it, or one part of a multipart body."""
    for at, closing in ((body.find(b"["), b"]"), (body.find(b"{"), b"}")):
        if at < 0 or (at > 0 and not body.startswith(b"--")):
            continue
        end = body.rfind(closing) + 1
        try:
            json.loads(body[at:end])
        except ValueError:
            continue
        return at, end
    return 0, 0


def _xml(piece: Piece) -> Iterator[Edit]:
    body = piece.body
    found = list(_ELEMENT.finditer(body))
    for one in found[:60]:
        what = one[0][:60].decode("latin-1")
        new = body[: one.start()] + body[one.end() :]
        yield _edit("xml: drop an element", piece, what, partial(piece.put, piece.head, new))
        new = body[: one.end()] + one[0] + body[one.end() :]
        yield _edit("xml: repeat an element", piece, what, partial(piece.put, piece.head, new))
    for one in list(_QUOTED.finditer(body))[:60]:
        for value in (b"", b"mutant"):
            new = body[: one.start(2)] + value + body[one.end(2) :]
            yield _edit(
                "xml: change an attribute", piece, one[0].decode("latin-1"), partial(piece.put, piece.head, new)
            )
    for one in list(_TEXT.finditer(body))[:60]:
        for value in (b"", one[1] + b".1", b"0112H"):
            new = body[: one.start(1)] + value + body[one.end(1) :]
            yield _edit("xml: other text", piece, one[1].decode("latin-1"), partial(piece.put, piece.head, new))
    for old, new in (
        (b" tag=", b" Tag="),
        (b" vr=", b" VR="),
        (b" number=", b" Number="),
        (b"xmlns=", b"nons="),
        (b"encoding=", b"coding="),
        (b"UTF-8", b"UTF-16"),
        (b"</", b"<"),
    ):
        yield _edit(
            "xml: spell otherwise",
            piece,
            old.decode(),
            partial(piece.put, piece.head, body.replace(old, new, 1)),
        )


def exchanges(transcript: Transcript) -> Iterator[Edit]:
    """Whole exchanges: without their answer, never made, answered as another one was, late, answered twice."""
    found = list(pieces(transcript))
    for piece in found:
        exchange = piece.exchange
        yield _edit("drop an exchange", piece, "", partial(without, transcript, exchange.events))
        yield _edit(
            "drop a response",
            piece,
            "",
            partial(splice, transcript, piece.exchange.conn, "http.in", piece.start, piece.end, b""),
        )
        yield _edit("repeat a response", piece, "", partial(_twice, piece))
        answers = exchange.response.events if exchange.response else ()
        for seconds in (2, 70):
            yield _edit("late response", piece, f"{seconds} s", partial(late, transcript, answers, seconds))
    for piece in found:
        for other in found:
            if other is not piece and other.head + other.body != piece.head + piece.body:
                what = f"as {other.label}"
                yield _edit("answer as another", piece, what, partial(piece.put, other.head, other.body, repair=False))
                if other.body and other.body != piece.body:
                    yield _edit("body of another", piece, what, partial(piece.put, piece.head, other.body))
    yield from _all_as(transcript, found)
    for first, second in pairwise(found):
        yield _edit("swap in time", first, second.label, partial(_swapped, transcript, first, second))


def _all_as(transcript: Transcript, found: list[Piece]) -> Iterator[Edit]:
    """From one exchange on, everything asked of its resource is answered as that one was."""
    for number, piece in enumerate(found):
        asked = piece.exchange.request
        if asked is None:
            continue
        later = [
            other
            for other in found[number + 1 :]
            if other.exchange.request is not None
            and other.exchange.request.path == asked.path
            and other.exchange.method in {asked.method, "GET"}
        ]
        if later:
            yield _edit(
                "always the same answer",
                piece,
                "and later",
                partial(_answered, transcript, piece, later, LATER_S),
            )
            yield _edit("always the same answer", piece, "", partial(_answered, transcript, piece, later))


def _answered(transcript: Transcript, piece: Piece, others: list[Piece], seconds: float = 0) -> Transcript:
    """The other exchanges answered as this one was, the last of them so many seconds later."""
    mutant = delayed(transcript, others[-1].exchange.events[0], seconds)
    for other in sorted(others, key=lambda each: -each.start):  # from behind, so that offsets before it stay right
        data = piece.head + b"\r\n\r\n" + piece.body
        mutant = splice(mutant, other.exchange.conn, "http.in", other.start, other.end, data)
    return mutant


def inserting(attributes: Mapping[str, Any]) -> Operator:
    """An operator that puts DICOM JSON attributes at the top of each result: for suites that know what never belongs there."""

    def operator(transcript: Transcript) -> Iterator[Edit]:
        for piece in map(Piece.plain, pieces(transcript)):
            for name, what, make in inserted(piece.body, attributes):
                yield _edit(name, piece, what, partial(_with_text, piece, b"", make, b""))

    return operator


def _twice(piece: Piece) -> Transcript:
    raw = piece.head + b"\r\n\r\n" + piece.body
    return splice(piece.transcript, piece.exchange.conn, "http.in", piece.start, piece.end, raw + raw)


def _swapped(transcript: Transcript, first: Piece, second: Piece) -> Transcript:
    """The second exchange happens before the first: their times change places."""
    times = {first.exchange.events[0]: second.exchange.t, second.exchange.events[0]: first.exchange.t}
    shift: dict[int, int] = {}
    for piece in (first, second):
        start = transcript.event(piece.exchange.events[0]).t
        shift |= dict.fromkeys(piece.exchange.events, times[piece.exchange.events[0]] - start)
    moved = [event.but(t=event.t + shift.get(event.n, 0)) for event in transcript.events]
    return rebuilt(transcript, moved)


OPERATORS = (heads, bodies, exchanges)
