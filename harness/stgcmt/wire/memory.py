"""A network in memory: the same ``Network`` as the machine's, without sockets, for tests in virtual time.

It fails as sockets do: refused where nobody listens, a reset when a peer is gone and more is sent, or when a connection
is closed with bytes unread.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from dataclasses import dataclass, field

from stgcmt.wire.stream import Address, Handler, Listener, Stream, start_tls

FIRST_PORT, LAST_PORT = 49152, 65535  # the dynamic ports (RFC 6335 6)
WINDOW = 256 * 1024  # bytes that wait unread before the sender waits too, as with the buffers of a socket
LOOPBACK = frozenset({"localhost", "::1", "0.0.0.0", "::"})  # noqa: S104 - names of this machine, nothing is bound


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))  # OSError chooses its subclass by the number


@dataclass
class _Pipe:
    """One direction of a connection."""

    buffer: bytearray = field(default_factory=bytearray)
    ended: bool = False
    broken: bool = False  # the reader is gone
    reset: bool = False  # once the buffer is read, the reader meets a reset
    news: asyncio.Event = field(default_factory=asyncio.Event)
    room: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        self.news.set()
        self.room.set()


class MemoryStream:
    """One end of a connection in memory."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe, local: Address, peer: Address) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self.local, self.peer = local, peer
        self._closed = False

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """What has arrived, ``b""`` at the end; raises ``ConnectionResetError``, and ``OSError`` where it is closed."""
        pipe = self._incoming
        while True:
            if self._closed:
                raise _error(errno.EBADF)
            if pipe.buffer:
                data = bytes(pipe.buffer[:max_bytes])
                del pipe.buffer[:max_bytes]
                pipe.room.set()
                return data
            if pipe.reset:
                raise _error(errno.ECONNRESET)
            if pipe.ended:
                return b""
            pipe.news.clear()
            await pipe.news.wait()

    async def send(self, data: bytes) -> None:
        """Hand ``data`` to the peer, waiting where it does not read; raises ``OSError`` as a socket does."""
        pipe = self._outgoing
        self._check(pipe)
        while len(pipe.buffer) >= WINDOW and not pipe.broken:
            pipe.room.clear()
            await pipe.room.wait()
            self._check(pipe)
        if pipe.broken:  # the peer's system answers with a reset: this send was taken, the next one fails
            self._incoming.reset = pipe.reset = True
            self._incoming.wake()
            return
        pipe.buffer += data
        pipe.news.set()

    def _check(self, pipe: _Pipe) -> None:
        if self._closed:
            raise _error(errno.EBADF)
        if pipe.ended:
            raise _error(errno.EPIPE)
        if pipe.reset:
            raise _error(errno.ECONNRESET if not pipe.broken else errno.EPIPE)

    async def send_eof(self) -> None:
        """Half-close."""
        self._outgoing.ended = True
        self._outgoing.news.set()

    def close(self, *, reset: bool = False) -> None:
        """Close both directions; with bytes unread, or where asked for, the peer meets a reset."""
        if self._closed:
            return
        self._closed = True
        incoming, outgoing = self._incoming, self._outgoing
        outgoing.reset |= reset or bool(incoming.buffer)
        outgoing.ended = incoming.broken = True
        if reset or incoming.buffer:
            incoming.reset = True
        incoming.wake()
        outgoing.wake()


@dataclass(eq=False)
class MemoryListener:
    """An open port of a network in memory."""

    address: Address
    network: MemoryNetwork
    handler: Handler
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, stream: MemoryStream) -> None:
        """Serve one connection in a task of its own."""
        task = asyncio.get_running_loop().create_task(self._serve(stream))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def _serve(self, stream: MemoryStream) -> None:
        try:
            await self.handler(stream)
        finally:
            stream.close()

    async def aclose(self) -> None:
        """Stop listening and cancel what serves open connections."""
        self.network.forget(self)
        for task in (serving := list(self.serving)):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


class MemoryNetwork:
    """Ports of one imagined machine."""

    def __init__(self) -> None:
        self._listeners: dict[int, MemoryListener] = {}
        self._last = FIRST_PORT - 1

    async def connect(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> Stream:
        """Open a connection; raises ``ConnectionRefusedError`` where nobody listens, ``socket.gaierror`` for other machines."""
        if not (host in LOOPBACK or host.startswith("127.")):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        await asyncio.sleep(0)
        listener = self._listeners.get(port)
        if listener is None:
            raise _error(errno.ECONNREFUSED)
        here: Address = ("127.0.0.1", self._free())
        there, back = _Pipe(), _Pipe()
        listener.accept(MemoryStream(there, back, listener.address, here))
        stream = MemoryStream(back, there, here, listener.address)
        return stream if tls is None else await start_tls(stream, tls, hostname=host)

    async def listen(self, host: str, port: int, handler: Handler) -> Listener:
        """Serve ``handler`` once a connection; port 0 lets the network choose; raises ``OSError`` where the port is taken."""
        chosen = port or self._free()
        if chosen in self._listeners:
            raise _error(errno.EADDRINUSE)
        listener = self._listeners[chosen] = MemoryListener((host, chosen), self, handler)
        return listener

    def forget(self, listener: MemoryListener) -> None:
        """Free a listener's port."""
        if self._listeners.get(listener.address[1]) is listener:
            del self._listeners[listener.address[1]]

    def _free(self) -> int:
        while True:
            self._last = self._last + 1 if self._last < LAST_PORT else FIRST_PORT
            if self._last not in self._listeners:
                return self._last
