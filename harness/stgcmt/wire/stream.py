"""Byte streams and the network that opens them; injected everywhere, so that tests can put memory in place of sockets.

Our own non-blocking socket stream stands in place of asyncio's transports: those drop what was received when a *write*
fails, and an A-ABORT that arrived during a large send would be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

Address = tuple[str, int]
_T = TypeVar("_T")


class Stream(Protocol):
    """One connection, both directions."""

    local: Address
    peer: Address

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return what has arrived, ``b""`` at end of stream; raises ``OSError`` (``ConnectionResetError`` …)."""
        ...

    async def send(self, data: bytes) -> None:
        """Send all of ``data`` (never empty); raises ``OSError``."""
        ...

    async def send_eof(self) -> None:
        """Half-close: no more will be sent."""
        ...

    def close(self, *, reset: bool = False) -> None:
        """Close both directions, with a TCP RST where ``reset`` is set; never raises, may be called twice."""
        ...


Handler = Callable[[Stream], Awaitable[None]]


class Listener(Protocol):
    """An open listening socket."""

    address: Address

    async def aclose(self) -> None:
        """Stop listening and cancel what serves open connections."""
        ...


class Network(Protocol):
    """How actors and references connect and listen."""

    async def connect(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> Stream:
        """Open a connection; raises ``OSError`` (``ConnectionRefusedError``, ``socket.gaierror`` …)."""
        ...

    async def listen(self, host: str, port: int, handler: Handler) -> Listener:
        """Serve ``handler`` once a connection; port 0 lets the system choose; raises ``OSError``."""
        ...


class SocketStream:
    """A ``Stream`` on a non-blocking socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            # Without it a message of two writes waits for the peer's delayed acknowledgement (about 40 ms on Linux).
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self.local = _address(sock.getsockname)
        self.peer = _address(sock.getpeername)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._sock, max_bytes)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def send_eof(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        with contextlib.suppress(OSError):
            if reset:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            self._sock.close()


class TlsStream:
    """TLS over another ``Stream``, through memory BIOs, so that the plaintext seam stays ours."""

    def __init__(self, inner: Stream, context: ssl.SSLContext, *, server_side: bool, hostname: str | None) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=None if server_side else hostname
        )
        self.local, self.peer = inner.local, inner.peer
        self._writing = asyncio.Lock()  # reader and writer both flush; records must leave in their order

    @property
    def tls(self) -> ssl.SSLObject:
        """The TLS session: version, cipher, peer certificate, ALPN."""
        return self._tls

    async def handshake(self) -> None:
        """Finish the TLS handshake; raises ``ssl.SSLError`` or ``OSError``."""
        await self._pump(self._tls.do_handshake)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        try:
            return await self._pump(lambda: self._tls.read(max_bytes))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def send(self, data: bytes) -> None:
        await self._pump(lambda: self._tls.write(data))

    async def send_eof(self) -> None:
        with contextlib.suppress(ssl.SSLError):  # it wants the peer's close_notify, which may come later
            self._tls.unwrap()
        with contextlib.suppress(OSError):
            await self._flush()
        await self._inner.send_eof()

    def close(self, *, reset: bool = False) -> None:
        self._inner.close(reset=reset)

    async def _pump(self, step: Callable[[], _T]) -> _T:
        while True:
            try:
                value = step()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._inner.receive()
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._flush()  # the alert that tells the peer why
                raise
            else:
                await self._flush()
                return value

    async def _flush(self) -> None:
        async with self._writing:
            if data := self._outgoing.read():
                await self._inner.send(data)


@dataclass
class _SocketListener:
    address: Address
    sock: socket.socket
    accepting: asyncio.Task[None]
    serving: set[asyncio.Task[None]]

    async def aclose(self) -> None:
        self.accepting.cancel()
        for task in self.serving:
            task.cancel()
        await asyncio.gather(self.accepting, *self.serving, return_exceptions=True)
        self.sock.close()


class SystemNetwork:
    """The network of this machine."""

    async def connect(self, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> Stream:
        failure: OSError | None = None
        for family, kind, proto, _, address in await _resolve(host, port):
            try:
                plain = SocketStream(await _connected(family, kind, proto, address))
            except OSError as error:
                failure = error
                continue
            return plain if tls is None else await start_tls(plain, tls, hostname=host)
        raise failure or ConnectionError(f"{host} has no address")

    def reserve(self, host: str, port: int) -> socket.socket:
        """Keep a port without listening on it: connections are refused, and nobody else gets it until it is closed."""
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that ``listen`` can take over from it
        with contextlib.suppress(OSError):
            sock.bind((host, port))
        return sock

    async def listen(self, host: str, port: int, handler: Handler) -> Listener:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen(1024)
        except BaseException:
            sock.close()
            raise
        sock.setblocking(False)
        serving: set[asyncio.Task[None]] = set()
        accepting = asyncio.create_task(_accept(sock, handler, serving))
        return _SocketListener(_address(sock.getsockname), sock, accepting, serving)


async def start_tls(inner: Stream, context: ssl.SSLContext, *, hostname: str) -> TlsStream:
    """Become a TLS client over ``inner``; closes it when the handshake fails."""
    stream = TlsStream(inner, context, server_side=False, hostname=hostname)
    try:
        await stream.handshake()
    except BaseException:
        inner.close()
        raise
    return stream


def over_tls(handler: Handler, context: ssl.SSLContext) -> Handler:
    """``handler`` behind TLS; who does not get through the handshake is not served."""

    async def serve(stream: Stream) -> None:
        secured = TlsStream(stream, context, server_side=True, hostname=None)
        try:
            await secured.handshake()
        except OSError:  # told to the peer by an alert
            return
        await handler(secured)

    return serve


async def _accept(sock: socket.socket, handler: Handler, serving: set[asyncio.Task[None]]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        connection, _ = await loop.sock_accept(sock)
        task = asyncio.create_task(_serve(SocketStream(connection), handler))
        serving.add(task)
        task.add_done_callback(serving.discard)


async def _serve(stream: Stream, handler: Handler) -> None:
    try:
        await handler(stream)
    finally:
        stream.close()


async def _connected(family: int, kind: int, proto: int, address: Address, *, again: bool = True) -> socket.socket:
    """A socket that is connected; raises ``OSError``.

    ENOENT is no answer of a peer: some sandboxed kernels give it to a connect under load. Once more, then believed.
    """
    sock = socket.socket(family, kind, proto)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException as error:
        sock.close()
        if again and isinstance(error, OSError) and error.errno == errno.ENOENT:
            return await _connected(family, kind, proto, address, again=False)
        raise
    return sock


async def _resolve(host: str, port: int) -> list[tuple[int, int, int, str, tuple[str, int]]]:
    with contextlib.suppress(socket.gaierror):  # an address: no name server is asked, and no thread of the loop
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)  # type: ignore[return-value]
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]


def _address(name: Callable[[], tuple[str, int]]) -> Address:
    try:
        host, port, *_ = name()
    except OSError:
        return ("?", 0)
    return (host, port)
