"""Mutants of what a SUT asks over HTTP, and of what it believes: the requests that it sent to us, otherwise.

The twin of ``mutation_http``, for connections from outside. Content-Length is repaired where the body changes, unless the
length is the target.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from stgcmt.clock import NS
from stgcmt.mutation import Edit, rebuilt, repeated, splice, without
from stgcmt.mutation_http import Piece, body_edits, from_outside, pieces_of
from stgcmt.transcript import Event, Transcript
from stgcmt.views.http import http

METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"M-SEARCH")
LAST = re.compile(rb"/([^/?\s]*)((?:\?[^\s]*)?)\Z")
SEGMENTS = (b"2.25.1", b"1.02.3", b"mutant", b"", b"1." * 40 + b"1", b"2.25.1/1")
INSERTED = (
    b"Content-Type: application/dicom+json", b"Content-Encoding: gzip", b"Transfer-Encoding: chunked", b"Content-Length: 7",
    b"Accept: text/csv", b"Accept-Charset: latin-1", b"Accept-Encoding: br",
)  # fmt: skip
VALUES = {
    b"content-type": (
        b"application/json", b"application/dicom+xml", b"application/dicom+json", b"text/plain", b"multipart/related",
        b'multipart/related; type="text/plain"; boundary=x', b"",
    ),
    b"accept": (b"", b"text/html"),
    b"content-length": (b"x", b"1, 2"),
}  # fmt: skip
PART_HEADER = re.compile(rb"(?im)^(content-type|content-length):[^\r\n]*\r\n")
PARAMETER = re.compile(rb'(?i);[ ]*(type|boundary)=("[^"]*"|[^;\r\n]*)')
AGAIN = 12  # requests more than any client needs
SOON_NS = NS // 1000


def requests(transcript: Transcript) -> Iterator[Piece]:
    """Every readable request of the SUT."""
    outside = from_outside(transcript)
    found = (
        (exchange, exchange.request.message)
        for exchange in http(transcript).exchanges
        if exchange.request is not None and exchange.conn in outside
    )
    return pieces_of(transcript, found)


def _edit(name: str, piece: Piece, what: str, make: Callable[[], Transcript]) -> Edit:
    method = piece.exchange.method or "?"
    return Edit(f"request: {name}", f"{what}, {method} at event {piece.exchange.events[0]}".lstrip(", "), make)


def lines(transcript: Transcript) -> Iterator[Edit]:
    """The request line: other method, target or version."""
    found = list(requests(transcript))
    targets = list(dict.fromkeys(piece.head.split(b" ")[1] for piece in found if piece.head.count(b" ") >= 2))
    for piece in found:
        line, _, rest = piece.head.partition(b"\r\n")
        words = line.split(b" ")
        if len(words) != 3:
            continue
        method, target, version = words

        def put(new: bytes, piece: Piece = piece, rest: bytes = rest) -> Callable[[], Transcript]:
            return lambda: piece.put(new + b"\r\n" + rest, piece.body, repair=False)

        for other in METHODS:
            if other != method:
                yield _edit("other method", piece, other.decode(), put(b" ".join((other, target, version))))
        yield _edit("other version", piece, "HTTP/1.0", put(b" ".join((method, target, b"HTTP/1.0"))))
        for shown, changed in _targets(target, targets):
            yield _edit(shown, piece, "", put(b" ".join((method, changed, version))))


def _targets(target: bytes, others: list[bytes]) -> Iterator[tuple[str, bytes]]:
    yield "query added", target + (b"&" if b"?" in target else b"?") + b"mutant=1"
    yield "first segment dropped", b"/" + target.lstrip(b"/").partition(b"/")[2]
    yield "segment added in front", b"/mutant" + target
    yield "blank in the target", target + b" x"
    if LAST.search(target):
        for segment in SEGMENTS:
            shown = segment.decode()[:12]
            yield f"last segment {shown or 'empty'}", LAST.sub(lambda m, s=segment: b"/" + s + m[2], target)  # type: ignore[misc]
    for other in others[:3]:
        if other != target:
            yield "target of another request", other


def headers(transcript: Transcript) -> Iterator[Edit]:
    """Headers: absent, twice, other, inserted."""
    for piece in requests(transcript):
        line, *rest = piece.head.split(b"\r\n")

        def put(others: list[bytes], piece: Piece = piece, line: bytes = line) -> Callable[[], Transcript]:
            return lambda: piece.put(b"\r\n".join([line, *others]), piece.body, repair=False)

        for number, header in enumerate(rest):
            name = header.partition(b":")[0]
            shown = name.decode("latin-1").lower()
            yield _edit(f"drop {shown}", piece, "", put(rest[:number] + rest[number + 1 :]))
            yield _edit(f"repeat {shown}", piece, "", put([*rest, header]))
            for other in VALUES.get(name.strip().lower(), ()):
                changed = [*rest[:number], name + b": " + other, *rest[number + 1 :]]
                yield _edit(f"change {shown}", piece, other.decode("latin-1"), put(changed))
            for parameter in PARAMETER.finditer(header):
                cut = header[: parameter.start()] + header[parameter.end() :]
                named = parameter[1].decode().lower()
                yield _edit(f"drop parameter {named}", piece, "", put([*rest[:number], cut, *rest[number + 1 :]]))
        for extra in INSERTED:
            inserted = extra.partition(b":")[0].decode().lower()
            yield _edit(f"insert {inserted}", piece, extra.decode("latin-1"), put([*rest, extra]))


def bodies(transcript: Transcript) -> Iterator[Edit]:
    """The payload: absent, shorter, other bytes, JSON and XML by what they mean, parts of a multipart body."""
    for piece in requests(transcript):
        for edit in body_edits(piece):
            yield Edit(f"request: {edit.operator}", edit.where, edit.make)
        plain = piece.plain()
        if plain.body.startswith(b"--"):
            yield from _parts(plain)


def _parts(piece: Piece) -> Iterator[Edit]:
    body = piece.body
    for found in PART_HEADER.finditer(body):
        cut = body[: found.start()] + body[found.end() :]
        yield _edit("part header dropped", piece, found[1].decode().lower(), partial(piece.put, piece.head, cut))
    delimiter = body.partition(b"\r\n")[0]
    closing = body.rfind(delimiter + b"--")
    if closing > 0:
        yield _edit("closing delimiter dropped", piece, "", partial(piece.put, piece.head, body[: closing - 2]))
        twice = body[: closing - 2] + b"\r\n" + body
        yield _edit("parts twice", piece, "", partial(piece.put, piece.head, twice))


def conduct(transcript: Transcript) -> Iterator[Edit]:
    """When and how often the SUT asks: once more, without end, early, never again."""
    found = list(requests(transcript))
    by_path: dict[str, list[Piece]] = {}
    for piece in found:
        request = piece.exchange.request
        by_path.setdefault(request.path if request else "", []).append(piece)
        conn = piece.exchange.conn
        if conn is not None:
            yield _edit("once more", piece, "", partial(repeated, transcript, conn))
            if piece.exchange.method != "GET":
                yield _edit("a GET follows", piece, "", partial(_got, piece, conn))
            yield _edit("without end", piece, "", partial(_endless, transcript, conn, NS))
            yield _edit("without end or pause", piece, "", partial(_endless, transcript, conn, SOON_NS))
            yield _edit("once more at once", piece, "", partial(_endless, transcript, conn, SOON_NS, 1))
        yield _edit("never made", piece, "", partial(without, transcript, piece.exchange.events))
    for same in by_path.values():
        for number, piece in enumerate(same):
            later = [n for other in same[number + 1 :] for n in other.exchange.events]
            if later:
                yield _edit("not followed up", piece, "", partial(without, transcript, later))
        for first, second in pairwise(same):
            yield _edit("asked early", second, "", partial(_early, transcript, first, second))


def _endless(transcript: Transcript, conn: int, pause_ns: int, times: int = AGAIN) -> Transcript:
    """The connection again and again, each time ``pause_ns`` after its former end."""
    mine = [event for event in transcript.events if event.conn == conn]
    taken = max((event.conn or 0 for event in transcript.events), default=0)
    last, span = transcript.events[-1].n, mine[-1].t - mine[0].t + pause_ns
    copies: list[Event] = []
    for time in range(1, times + 1):
        for event in mine:
            last += 1
            copies.append(event.but(n=last, t=event.t + time * span, conn=taken + time))
    return rebuilt(transcript, (*transcript.events, *copies))


def _got(piece: Piece, conn: int) -> Transcript:
    """The resource is asked for once more, at the end."""
    again = repeated(piece.transcript, conn)
    copy = max(event.conn or 0 for event in again.events)
    line, _, rest = piece.head.partition(b"\r\n")
    kept = [one for one in rest.split(b"\r\n") if not one.lower().startswith((b"content-", b"transfer-"))]
    head = b"\r\n".join([b"GET " + line.partition(b" ")[2], *kept, b"", b""])
    return splice(again, copy, "http.in", piece.start, piece.end, head)


def _early(transcript: Transcript, first: Piece, second: Piece) -> Transcript:
    """The second request comes right behind the answer to the first."""
    answer = first.exchange.response
    asked = first.exchange.request
    ended = answer.t_last if answer else asked.t_last if asked else 0
    shift = second.exchange.t - ended - SOON_NS
    moved = set(second.exchange.events)
    return rebuilt(
        transcript, (event.but(t=event.t - shift) if event.n in moved else event for event in transcript.events)
    )


def beliefs(transcript: Transcript) -> Iterator[Edit]:
    """What the SUT said of its state: the contrary, everywhere the same, nothing."""
    told = transcript.of("state")
    for event in told:
        for held in (True, False, None):
            if (event.info.get("committed"), event.info.get("deletable")) != (held, held):
                yield Edit(f"state: {held}", f"event {event.n}", partial(_believed, transcript, {event.n}, held))
    for held in (True, False):
        if told:
            every = {event.n for event in told}
            yield Edit(f"state: always {held}", "", partial(_believed, transcript, every, held))


def _believed(transcript: Transcript, ids: set[int], held: bool | None) -> Transcript:
    said = {"committed": held, "deletable": held}
    return rebuilt(
        transcript,
        (event.but(info={**event.info, **said}) if event.n in ids else event for event in transcript.events),
    )


def silence(transcript: Transcript) -> Iterator[Edit]:
    """From one moment on the SUT asks nothing at all."""
    found = list(requests(transcript))
    for number in range(1, len(found)):
        ids = [n for piece in found[number:] for n in piece.exchange.events]
        yield _edit("silent from then on", found[number], "", partial(without, transcript, ids))


OPERATORS = (lines, headers, bodies, conduct, beliefs, silence)
