"""HTTP of the reference user agent: httpcore over the network that is handed in, sockets or memory."""

from __future__ import annotations

import asyncio
import enum
import importlib.util
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpcore

from stgcmt.wire.stream import Network, Stream

if importlib.util.find_spec("sniffio") is None:
    # httpcore looks for it at each request, on the whole path: a tenth of our time. None says that it is not there.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

Rewrite = Callable[[bytes], bytes]
PIECE = 4096


@dataclass(frozen=True)
class Answer:
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Lost(enum.Enum):
    """How a request came to no whole answer."""

    UNREACHABLE = "nobody listens there"
    SILENCE = "nothing came in time"
    BROKEN = "the connection broke"


class _Stream(httpcore.AsyncNetworkStream):
    """httpcore's view of one of our streams."""

    def __init__(self, stream: Stream, rewrite: Rewrite) -> None:
        self._stream, self._rewrite = stream, rewrite

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._stream.receive(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            async with asyncio.timeout(timeout):
                if data := self._rewrite(bytes(buffer)):
                    await self._stream.send(data)
        except TimeoutError as error:
            raise httpcore.WriteTimeout from error
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        self._stream.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise NotImplementedError("the reference speaks plain HTTP")

    def get_extra_info(self, info: str) -> Any:
        return False if info == "is_readable" else None


class _Backend(httpcore.AsyncNetworkBackend):
    def __init__(self, network: Network, rewrite: Callable[[], Rewrite]) -> None:
        self._network, self._rewrite = network, rewrite

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the network chooses
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        try:
            async with asyncio.timeout(timeout):
                return _Stream(await self._network.connect(host, port), self._rewrite())
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Sender:
    """Sends requests and gives answers; ``None`` where the connection broke or nothing came in time."""

    def __init__(
        self, network: Network, *, timeout_s: float, keeps_alive: bool = False, faults: Collection[str] = ()
    ) -> None:
        self._half = "believes-half-a-result" in faults
        self._timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
        self._pool = httpcore.AsyncConnectionPool(
            max_keepalive_connections=10 if keeps_alive else 0,
            network_backend=_Backend(network, lambda: _rewriting(faults)),
        )

    async def aclose(self) -> None:
        """Close what is open."""
        await self._pool.aclose()

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], content: bytes | None = None, *, chunked: bool = False
    ) -> Answer | None:  # fmt: skip
        """One request, and its whole answer; raises ``ValueError`` for a URL that is none."""
        answer = await self.exchange(method, url, headers, content, chunked=chunked)
        return answer if isinstance(answer, Answer) else None

    async def exchange(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], content: bytes | None = None, *, chunked: bool = False
    ) -> Answer | Lost:  # fmt: skip
        """Like ``send``, and how it was lost where no whole answer came."""
        body: Any = content
        if content is not None and chunked:
            body = _pieces(content)
        head: Answer | None = None
        came = bytearray()
        try:
            async with self._pool.stream(
                method, url, headers=list(headers), content=body, extensions={"timeout": self._timeouts}
            ) as response:
                found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
                head = Answer(response.status, found, b"")
                async for piece in response.aiter_stream():
                    came += piece
                return replace(head, body=bytes(came))
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            lost = Lost.UNREACHABLE
        except httpcore.TimeoutException:
            lost = Lost.SILENCE
        except (httpcore.NetworkError, httpcore.ProtocolError):
            lost = Lost.BROKEN
        except httpcore.UnsupportedProtocol as error:
            raise ValueError(str(error)) from error
        return replace(head, body=bytes(came)) if head is not None and self._half else lost


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def _rewriting(faults: Collection[str]) -> Rewrite:
    """What a framing fault does to the bytes that go out on one connection."""
    if "http-1.0" in faults:
        return lambda data: data.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
    if "both-lengths" in faults:
        return _BothLengths()
    return lambda data: data


class _BothLengths:
    """Requests with a payload say Content-Length and Transfer-Encoding: chunked (RFC 9112 6.2 forbids both)."""

    def __init__(self) -> None:
        self._in_body = False

    def __call__(self, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if end and b" HTTP/1.1\r\n" in head:
            self._in_body = b"commitment-requests" in head and head.startswith(b"POST")
            return head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + rest if self._in_body else data
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data) if self._in_body and data else data
