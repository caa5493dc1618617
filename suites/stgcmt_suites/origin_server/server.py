"""An ASGI application on uvicorn's HTTP/1.1 protocol (h11), over streams of the network that is handed in.

uvicorn's own server opens sockets and catches signals; neither is ours to do here. So its protocol gets a transport
that stands on a ``Stream``: the same bytes on a socket and in memory, no threads, no signals.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable, Collection
from email.utils import formatdate
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from stgcmt.clock import NS, Clock
from stgcmt.wire.stream import Handler, Listener, Network, Stream, TlsStream, over_tls
from stgcmt_suites.origin_server import manners

LINGER_S = 0.5  # how long a client that is still sending may take to read the answer
KEEP_ALIVE_S = 30  # an idle connection of a harness that polls slowly is kept

Framing = Callable[[bytes], bytes]


async def serve(
    app: Any,
    network: Network,
    clock: Clock,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: Collection[str] = (),
    tls: ssl.SSLContext | None = None,
) -> Listener:
    """Serve an ASGI application until the listener is closed; raises ``OSError`` where the port cannot be opened."""
    config = uvicorn.Config(
        app, http=H11Protocol, ws="none", lifespan="off", interface="asgi3", log_config=None, log_level="critical",
        access_log=False, proxy_headers=False, server_header=False, date_header=False, timeout_keep_alive=KEEP_ALIVE_S,
    )  # fmt: skip
    config.load()
    handler = _handler(config, clock, faults)
    if "one-line" in faults:
        handler = _one_at_a_time(handler)
    return await network.listen(host, port, handler if tls is None else over_tls(handler, tls))


def _handler(config: uvicorn.Config, clock: Clock, faults: Collection[str]) -> Handler:
    ahead_s = manners.CLOCK_AHEAD_S if "clock-ahead" in faults else 0.0

    async def handle(stream: Stream) -> None:
        transport = _Transport(stream, _framing(faults))
        state = _State(clock, with_date="no-date" not in faults, ahead_s=ahead_s)
        protocol = H11Protocol(config, state, {"abort": transport.abort})
        protocol.connection_made(transport)
        reading = asyncio.create_task(_read(stream, transport, protocol, state))
        writing = asyncio.create_task(transport.write_all())
        try:
            await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
            transport.close()  # the client has said all: what is answered still goes out
            await writing
            reading.cancel()
            await _linger(stream)
        finally:
            tasks = (reading, writing, *state.tasks)
            for task in tasks:
                task.cancel()
            protocol.connection_lost(None)
            if unfinished := [task for task in tasks if not task.done()]:
                await asyncio.gather(*unfinished, return_exceptions=True)

    return handle


def _one_at_a_time(handler: Handler) -> Handler:
    """A server with one worker: who comes meanwhile waits until the connection before is closed."""
    turn = asyncio.Lock()

    async def handle(stream: Stream) -> None:
        async with turn:
            await handler(stream)

    return handle


async def _read(stream: Stream, transport: _Transport, protocol: H11Protocol, state: _State) -> None:
    with contextlib.suppress(OSError, h11.LocalProtocolError):  # the latter: garbage after an answer was begun
        while data := await stream.receive():
            protocol.data_received(data)
            await transport.readable.wait()
    if state.tasks:  # a client may close its half and wait for the answer
        await asyncio.gather(*state.tasks, return_exceptions=True)


async def _linger(stream: Stream) -> None:
    """Say that nothing more comes and read on for a moment: closing with bytes unread would reset the answer."""
    with contextlib.suppress(OSError, TimeoutError):
        await stream.send_eof()
        async with asyncio.timeout(LINGER_S):
            while await stream.receive():
                pass


@functools.lru_cache(64)
def _date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()


class _State(ServerState):
    """The state of one connection; ``Date`` is that of the clock that is handed in (RFC 9110 6.6.1)."""

    def __init__(self, clock: Clock, *, with_date: bool, ahead_s: float = 0.0) -> None:
        self._clock, self._with_date, self._ahead_s = clock, with_date, ahead_s
        super().__init__()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        if not self._with_date:
            return []
        return [(b"date", _date(int(self._clock.wall_ns() / NS + self._ahead_s)))]

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:
        """Ignored: uvicorn refreshes a list once a second; here the clock decides."""


class _Transport(asyncio.Transport):
    """What uvicorn writes to: a buffer that a task empties into the stream."""

    def __init__(self, stream: Stream, framing: Framing) -> None:
        secured = isinstance(stream, TlsStream)  # uvicorn takes the scheme from it
        super().__init__(
            {"peername": stream.peer, "sockname": stream.local} | ({"sslcontext": True} if secured else {})
        )
        self._stream, self._framing = stream, framing
        self._buffer = bytearray()
        self._closing = False
        self._news = asyncio.Event()
        self.readable = asyncio.Event()
        self.readable.set()

    async def write_all(self) -> None:
        """Send what is written until the transport is closed and empty; ends quietly where the peer is gone."""
        with contextlib.suppress(OSError):
            while self._buffer or not self._closing:
                await self._news.wait()
                self._news.clear()
                while self._buffer:
                    data = bytes(self._buffer)
                    self._buffer.clear()
                    await self._stream.send(data)
        self._closing = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes to send; nothing after the close."""
        if data and not self._closing:
            self._buffer += self._framing(bytes(data))
            self._news.set()

    def close(self) -> None:
        """Send what is left, then close."""
        self._closing = True
        self._news.set()

    def abort(self) -> None:
        """Close at once, without another byte."""
        self._buffer.clear()
        self._stream.close(reset=True)
        self.close()

    def is_closing(self) -> bool:
        """Whether ``close`` or ``abort`` was called, or the peer is gone."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether bytes are taken from the stream."""
        return self.readable.is_set()

    def pause_reading(self) -> None:
        """Take no more bytes until ``resume_reading``."""
        self.readable.clear()

    def resume_reading(self) -> None:
        """Take bytes again."""
        self.readable.set()


# --- framing faults, beneath h11, which would refuse to write them ---------------------------------------------------


def _framing(faults: Collection[str]) -> Framing:
    if "both-lengths" in faults:
        return _BothLengths()
    if "no-length" in faults:
        return _no_length
    if "http-1.0" in faults:
        return lambda data: data.replace(b"HTTP/1.1 ", b"HTTP/1.0 ", 1) if data.startswith(b"HTTP/1.1 ") else data
    return manners.framing(faults)


class _BothLengths:
    """A 200 with Content-Length and Transfer-Encoding: chunked (RFC 9112 6.2 forbids both)."""

    def __init__(self) -> None:
        self._in_body = False

    def __call__(self, data: bytes) -> bytes:
        if data.startswith(b"HTTP/1.1 "):
            self._in_body = data.startswith(b"HTTP/1.1 200 ")
            head, _, rest = data.partition(b"\r\n\r\n")
            return head + b"\r\ntransfer-encoding: chunked\r\n\r\n" + rest if self._in_body else data
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data) if self._in_body else data


def _no_length(data: bytes) -> bytes:
    """A result without Content-Length: only where its head says that the connection ends with it."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not data.startswith(b"HTTP/1.1 200 ") or b"connection: close" not in head.lower():
        return data
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join(lines) + end + rest
