"""Our HTTP/1.1 server: reads whatever comes, answers as it is told, records every byte with its instant.

It stands on ``wire.http`` instead of a server library, because it must read what a strict server refuses and send what
no library sends. The life of a connection: read a request (leniently), ask ``answer`` for a ``Reply``, carry it out,
keep the connection where both sides may, else close it. What is no HTTP at all is answered 400 and closed; a connection on
which nothing comes is closed after ``idle_s``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import zlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from stgcmt.actors.http_values import HeadersLike
from stgcmt.clock import Clock
from stgcmt.transcript import Tap
from stgcmt.wire.http import Message, message_at
from stgcmt.wire.http_chunks import BLANK_LINE, ChunkScan
from stgcmt.wire.stream import Stream

__all__ = ["Asked", "Reply", "compose", "serve_http"]

Drop = Literal["before-read", "after-read", "mid-body", "silence", "stall"]
IDLE_S = 60.0  # seconds without a byte of a request; usual servers wait 5 to 75 s
HEAD_LIMIT = 64 * 1024  # bytes of a head; usual servers take 8 to 64 KiB
BODY_LIMIT = 256 << 20  # bytes of a body: above the largest request that a client sends in earnest
LINGER_S = 1.0  # seconds that a peer gets to read an answer before its connection is closed under it
PIECE = 65536
REASONS = {
    200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 409: "Conflict", 410: "Gone", 413: "Content Too Large",
    415: "Unsupported Media Type", 500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip
BODYLESS = frozenset({204, 304})


@dataclass(frozen=True)
class Reply:
    """What one request gets.

    Args:
        status: any number that fits into a status line.
        headers: in this order; Date and the framing of the body are added.
        body: the payload.
        delay_s: seconds between the last byte of the request and the first of the answer.
        chunked: size of the chunks in bytes; 0 sends a Content-Length.
        pause_s: seconds between two chunks.
        drop: the connection is broken instead. ``before-read``: a reset, as of a server that closed with the request unread
            (whose request it is must be known, so its bytes are recorded); ``after-read``: an orderly end without an
            answer; ``mid-body``: half of the body, then a reset; ``silence``: the request was read, and not a byte comes back for
            ``hold_s`` while the connection stays open; ``stall``: the same after half of the body.
        hold_s: seconds after which a connection that is held in silence is ended, unless the peer ends it first.
        raw: these bytes are sent as they are, in place of a composed message.
        keep: whether the connection may be used again.
    """

    status: int = 200
    headers: HeadersLike = ()
    body: bytes = b""
    delay_s: float = 0.0
    chunked: int = 0
    pause_s: float = 0.0
    drop: Drop | None = None
    hold_s: float = 0.0
    raw: bytes | None = None
    keep: bool = True


@dataclass(frozen=True)
class Asked:
    """One request as it came; ``t`` is its first and ``t_last`` its last byte (monotonic nanoseconds)."""

    message: Message
    t: int
    t_last: int

    @property
    def method(self) -> str:
        return self.message.method

    @property
    def path(self) -> str:
        """The target without scheme, authority and query; percent-encoding left."""
        path = self.message.target.partition("?")[0]
        return "/" + path.partition("://")[2].partition("/")[2] if "://" in path else path

    @property
    def body(self) -> bytes:
        """The payload without chunks and codings where they can be undone."""
        decoded = self.message.decoded
        return self.message.body if decoded is None else decoded

    @property
    def legible(self) -> bytes:
        """The payload with a compression undone that no header names: whose a request is must be found all the same."""
        with contextlib.suppress(OSError, EOFError, zlib.error):
            return gzip.decompress(self.body) if self.body.startswith(b"\x1f\x8b") else self.body
        return self.body


# Decides what a request gets. Called once a request, in the order of arrival of each connection.
Answerer = Callable[[Asked], Awaitable[Reply]]


async def serve_http(stream: Stream, clock: Clock, tap: Tap, answer: Answerer, *, idle_s: float = IDLE_S) -> None:
    """Serve one connection until either side ends it; never raises for what the peer does."""
    tap.event("conn.open", protocol="http", side="acceptor", local=list(stream.local), peer=list(stream.peer))
    if (session := getattr(stream, "tls", None)) is not None:
        tap.event("conn.tls", version=session.version(), cipher=(session.cipher() or ("",))[0])
    serving = _Serving(stream, clock, tap)
    how = "local"
    try:
        while (asked := await serving.request(idle_s)) is not None:
            if not await serving.carry_out(await answer(asked), asked.message):
                break
    except (ConnectionResetError, BrokenPipeError, ConnectionAbortedError):
        how = "rst"
    except TimeoutError:
        how = "local"
    except OSError as error:
        how = f"error: {error}"
    finally:
        tap.event("conn.close", how=serving.ended or how)
        stream.close()


@dataclass
class _Serving:
    """One connection under way."""

    stream: Stream
    clock: Clock
    tap: Tap
    ended: str | None = None
    _buffer: bytearray = field(default_factory=bytearray)
    _arrivals: list[tuple[int, bytes]] = field(default_factory=list)  # what was read and not recorded yet

    async def request(self, idle_s: float) -> Asked | None:
        """The next request, whole or as far as it came; ``None`` once the peer has ended."""
        arriving = _Arriving(self._buffer)
        continued = False
        while not arriving.whole():
            if arriving.expects and not continued:
                continued = True
                await self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
            try:
                async with asyncio.timeout(idle_s):
                    data = await self.stream.receive(PIECE)
            except TimeoutError:
                data = b""
            else:
                self.ended = None if data else "fin"
            if not data:
                break
            self._arrivals.append((self.clock.monotonic_ns(), data))
            self._buffer += data
        if not self._buffer:
            return None
        message = message_at(bytes(self._buffer), response=False, eof=True)
        taken = message.end if message.complete else len(self._buffer)
        first, last = self._record(taken)
        del self._buffer[:taken]
        return Asked(message, first, last)

    def _record(self, taken: int) -> tuple[int, int]:
        """Record the bytes of one request with their instants; what follows them is left for the next one."""
        times: list[int] = []
        while taken > 0 and self._arrivals:
            t, data = self._arrivals.pop(0)
            if len(data) > taken:
                self._arrivals.insert(0, (t, data[taken:]))
            self.tap.event("http.in", data[:taken], t=t)
            taken -= len(data)
            times.append(t)
        now = self.clock.monotonic_ns()
        return (times[0], times[-1]) if times else (now, now)

    async def carry_out(self, reply: Reply, request: Message) -> bool:
        """Send a reply; whether the connection may serve another request."""
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.drop == "before-read":
            self.stream.close(reset=True)
            self.ended = "local"
            return False
        if reply.drop == "after-read":
            return False
        if reply.drop == "silence":
            await self._hold(reply.hold_s)
            return False
        keep = reply.keep and _persistent(request) and reply.drop is None and reply.raw is None
        pieces = list(compose(reply, request, keep=keep, wall_ns=self.clock.wall_ns()))
        if reply.drop in ("mid-body", "stall"):
            await self._send(b"".join(pieces)[: -max(1, len(reply.body) // 2)])
            if reply.drop == "stall":
                await self._hold(reply.hold_s)
                return False
            await asyncio.sleep(0)
            self.stream.close(reset=True)
            self.ended = "local"
            return False
        for number, piece in enumerate(pieces):
            if number and reply.pause_s:
                await asyncio.sleep(reply.pause_s)
            await self._send(piece)
        if not keep:
            await self._linger()
        return keep

    async def _send(self, data: bytes) -> None:
        self.tap.event("http.out", data)  # recorded first: what the peer does next must not precede it
        await self.stream.send(data)

    async def _hold(self, seconds: float) -> None:
        """Say nothing for so long, or until the peer ends; what it sends meanwhile is recorded and not answered."""
        self._record(len(self._buffer))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while data := await self.stream.receive(PIECE):
                    self.tap.event("http.in", data)
                self.ended = "fin"

    async def _linger(self) -> None:
        """End our side and let the peer read: closing with bytes unread would reset the answer away."""
        await self.stream.send_eof()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(LINGER_S):
                while await self.stream.receive(PIECE):
                    pass


class _Arriving:
    """Tells when the request at the start of a growing buffer is whole, looking at each byte once."""

    def __init__(self, buffer: bytearray) -> None:
        self._buffer = buffer
        self._need: int | None = None
        self._chunks: ChunkScan | None = None
        self.expects = False

    def whole(self) -> bool:
        """Whether the request is whole, or hopeless: then it is answered as it is."""
        data = self._buffer
        if self._need is None and self._chunks is None and not self._look():
            return len(data) > HEAD_LIMIT or _foreign(data)
        if self._chunks is not None:
            return self._chunks.scan(data) != "short" or len(data) > BODY_LIMIT
        return len(data) >= min(self._need or 0, BODY_LIMIT)

    def _look(self) -> bool:
        begin = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        blank = BLANK_LINE.search(self._buffer, begin)
        if blank is None:
            return False
        head = message_at(bytes(self._buffer[: blank.end()]), response=False, eof=True)
        self.expects = (head.header("expect") or "").strip().lower() == "100-continue"
        if head.framing == "chunked":
            self._chunks = ChunkScan(head.body_start)
        else:
            length = (head.header("content-length") or "0").split(",")[0].strip()
            valid = head.framing == "content-length" and length.isascii() and length.isdigit()
            self._need = head.body_start + (int(length) if valid else 0)
        return True


def _foreign(data: bytes | bytearray) -> bool:
    """Whether what came can be no request line: another protocol speaks (TLS, DIMSE)."""
    start = bytes(data.lstrip(b"\r\n")[:8])
    return any(byte < 0x20 or byte > 0x7E for byte in start if byte not in b"\r\n")


def _persistent(request: Message) -> bool:
    """Whether the peer keeps the connection, and the next request can be told from this one (RFC 9112 9.3)."""
    options = {item.lower() for item in request.items("connection")}
    sound = request.complete and not ({"cl-and-te", "bad-chunk", "bad-content-length"} & set(request.defects))
    return sound and "close" not in options and request.version == "HTTP/1.1"


def compose(reply: Reply, request: Message, *, keep: bool, wall_ns: int) -> Iterator[bytes]:
    """The bytes of an answer, one piece a chunk; no body to HEAD, none with 204 and 304."""
    if reply.raw is not None:
        yield reply.raw
        return
    pairs = list(reply.headers.items()) if hasattr(reply.headers, "items") else list(reply.headers)
    given = {name.lower() for name, _ in pairs}
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Status')}"]
    if "date" not in given:
        lines.append(f"Date: {http_date(wall_ns)}")
    lines += [f"{name}: {value}" for name, value in pairs]
    bodyless = reply.status in BODYLESS
    if reply.chunked and not bodyless:
        lines.append("Transfer-Encoding: chunked")
    elif not bodyless and not given & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(reply.body)}")
    if not keep:
        lines.append("Connection: close")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    if bodyless or request.method == "HEAD":
        yield head
    elif reply.chunked:
        yield head
        for start in range(0, len(reply.body), reply.chunked):
            piece = reply.body[start : start + reply.chunked]
            yield b"%x\r\n%s\r\n" % (len(piece), piece)
        yield b"0\r\n\r\n"
    else:
        yield head + reply.body


def http_date(wall_ns: int, form: str = "imf-fixdate") -> str:
    """An instant as an HTTP date (RFC 9110 5.6.7): ``imf-fixdate``, ``rfc850`` or ``asctime``."""
    return _date(wall_ns // 1_000_000_000, form)


@functools.lru_cache(64)
def _date(wall_s: int, form: str) -> str:
    """The same of a whole second: many answers fall into one."""
    from datetime import UTC, datetime  # noqa: PLC0415 - start-up

    when = datetime.fromtimestamp(wall_s, UTC)
    short = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[when.weekday()]
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    month, clock = months[when.month - 1], f"{when:%H:%M:%S}"
    if form == "rfc850":
        day = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[when.weekday()]
        return f"{day}, {when.day:02d}-{month}-{when.year % 100:02d} {clock} GMT"
    if form == "asctime":
        return f"{short} {month} {when.day:2d} {clock} {when.year}"
    return f"{short}, {when.day:02d} {month} {when.year} {clock} GMT"
