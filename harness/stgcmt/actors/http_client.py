"""Our HTTP/1.1 client: sends exactly what it is told, records every byte with its instant, never raises for the SUT.

It stands on ``wire.http`` instead of a client library: a strict parser closes the connection at the first byte it
refuses, and the rest of the answer, which must be judged, would be lost. The life of a request:

1. connect (``dns``, ``refused``, ``timeout``), then TLS (``tls``);
2. send; an answer that is whole before all was sent ends the sending (a server may refuse a large body early);
3. receive until the answer is whole, the peer ends (``closed``, ``reset``), or the deadline passes (``timeout``);
   bytes that are no HTTP give ``protocol``.

A reader task on each connection makes arrival times true, and sees what arrives after an answer. Redirects are never
followed, no proxy is taken from the environment, nothing is sent that was not asked for but Host and Content-Length.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Self

from stgcmt.actors.http_connection import TLS_ERROR, Connection
from stgcmt.actors.http_values import (
    BAD_TARGET,
    Answer,
    HeadersLike,
    Kind,
    NoAnswer,
    Origin,
    Timeouts,
    locate,
    other_protocol,
    tls_context,
)
from stgcmt.clock import NS, Clock
from stgcmt.tls import HTTP_1_1, client_context
from stgcmt.tls import words as tls_words
from stgcmt.transcript import STEP, Tap
from stgcmt.wire.http import Headers, Message
from stgcmt.wire.http_arrival import Arrival
from stgcmt.wire.stream import Network, Stream, start_tls

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
CONNECTS = 3  # for clients that play: what is at stake is the SUT's answer, not one packet on a busy machine
CONNECT_PAUSE_S = 0.1
_BAD_HEADER = re.compile(r"[\x00\r\n]")


class HttpClient:
    """One client of one SUT; give every scenario its own.

    Args:
        network: how to connect.
        clock: where to read the time.
        connection: a tap for a new connection, such as ``Recorder.connection``.
        base_url: with any prefix; paths are appended to it, percent-encoding left as given.
        headers: sent with every request to the base URL's origin, and nowhere else.
        tls: context for https; ``tls_context()`` where absent.
        timeouts: seconds.
        idle_s: a connection that was idle for longer is closed (0: every request opens its own).
        connects: how often a connection is tried before it counts as refused; nothing was sent, so nothing is sent twice.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        *,
        connection: Callable[[], Tap],
        base_url: str,
        headers: HeadersLike = (),
        tls: ssl.SSLContext | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - a frozen value
        idle_s: float = 1.0,
        connects: int = 1,
    ) -> None:
        self._network, self._clock, self._connection = network, clock, connection
        self._headers = _pairs(headers)
        self._tls, self._timeouts, self._idle_ns = tls, timeouts, int(idle_s * NS)
        self._connects = connects
        self._base = base_url.rstrip("/")
        self._origin = locate(base_url)
        self._idle: dict[tuple[str, str, int], list[Connection]] = {}
        self._readers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what is open."""
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()
        if self._readers:
            await asyncio.wait(self._readers)  # they close their sockets

    def locate(self, path_or_url: str) -> Origin:
        """Where a request would go; a path, with or without a leading slash, is below the base URL's prefix."""
        if path_or_url.startswith(("http://", "https://")):
            return locate(path_or_url)
        if path_or_url.startswith("?") or not path_or_url:
            return locate(self._base + path_or_url)
        return locate(f"{self._base}/{path_or_url.removeprefix('/')}")

    async def request(
        self,
        method: str,
        path_or_url: str,
        *,
        headers: HeadersLike = (),
        content: bytes | None = None,
        timeout: float | None = None,
        without: Collection[str] = (),
    ) -> Answer | NoAnswer:
        """Send one request and wait for its answer.

        Args:
            method: as it goes over the wire.
            path_or_url: below the base URL, or absolute.
            headers: in this order; each replaces the client's own of the same name.
            content: the body; Content-Length is added unless ``headers`` frame it.
            timeout: seconds for all of it, in place of the client's.
            without: names of the client's own headers to leave out (Host and Content-Length too).

        Raises:
            ValueError: what is to be sent cannot be sent this way (blanks in the target, line ends in a header).
        """
        origin = self.locate(path_or_url)
        data = self._compose(method, origin, _pairs(headers), content, without)
        limit = self._timeouts.request if timeout is None else timeout
        reused = self._reuse(origin) if method in SAFE else None  # a close is never mistaken for an answer to a POST
        if reused is None:
            self._close_idle(origin)  # it might be the only line that is served
        answer = await self._attempt(origin, [data], method, limit, reused)
        if reused is not None and isinstance(answer, NoAnswer) and answer.kind in {"closed", "reset"}:
            # Either side may close an idle connection at any time (RFC 9112 9.5): once more, on a new one.
            reused.note(what="sent again on a new connection", why="the peer closed an idle connection")
            answer = await self._attempt(origin, [data], method, limit, None)
        return answer

    async def send_raw(
        self,
        data: bytes | Sequence[bytes | float],
        *,
        method: str = "GET",
        timeout: float | None = None,
        half_close: bool = False,
    ) -> Answer | NoAnswer:
        """Send these very bytes on a connection of their own, numbers between them being pauses in seconds.

        ``method`` says how to read the answer (to HEAD it has no body); ``half_close`` then ends our side.
        """
        pieces = [data] if isinstance(data, bytes) else list(data)
        limit = self._timeouts.request if timeout is None else timeout
        return await self._attempt(self._origin, pieces, method, limit, None, raw=True, half_close=half_close)

    def _compose(
        self, method: str, origin: Origin, headers: Headers, content: bytes | None, without: Collection[str]
    ) -> bytes:
        given = {name.lower() for name, _ in headers}
        dropped = {name.lower() for name in without}
        lines: list[tuple[str, str]] = [] if "host" in given | dropped else [("Host", origin.authority)]
        if origin.key == self._origin.key:  # a token for this SUT goes nowhere else
            lines += [(name, value) for name, value in self._headers if name.lower() not in given | dropped]
        lines += headers
        framed = {"content-length", "transfer-encoding"} & (given | dropped)
        if not framed and (content is not None or method in {"POST", "PUT", "PATCH"}):
            lines.append(("Content-Length", str(len(content or b""))))
        head = [f"{method} {origin.target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines)]
        if any(_BAD_HEADER.search(line) for line in head) or BAD_TARGET.search(method):
            raise ValueError("composing the request: line ends or NUL in a header; use send_raw for these")
        return "\r\n".join([*head, "", ""]).encode("utf-8") + (content or b"")

    def _close_idle(self, origin: Origin) -> None:
        for connection in self._idle.pop(origin.key, []):
            connection.close()

    def _reuse(self, origin: Origin) -> Connection | None:
        waiting = self._idle.get(origin.key, [])
        while waiting:
            connection = waiting.pop()
            connection.wake()
            fresh = self._clock.monotonic_ns() - connection.idle_since_ns <= self._idle_ns
            if fresh and connection.quiet:
                return connection
            connection.close()
        return None

    async def _attempt(
        self,
        origin: Origin,
        pieces: Sequence[bytes | float],
        method: str,
        limit: float,
        connection: Connection | None,
        *,
        raw: bool = False,
        half_close: bool = False,
    ) -> Answer | NoAnswer:
        began = self._clock.monotonic_ns()
        arrival = Arrival(method)
        expired = False
        try:
            async with asyncio.timeout(limit):
                if connection is None:
                    opened = await self._open(origin)
                    if isinstance(opened, NoAnswer):
                        return opened
                    connection = opened
                connection.step = STEP.get()
                await _converse(connection, pieces, arrival, half_close=half_close)
        except TimeoutError:
            expired = True
        except BaseException:
            if connection is not None:
                connection.close("cancelled")
            raise
        if connection is None:
            return NoAnswer("timeout", f"no connection within {limit:g} s")
        message = arrival.message(eof=connection.ended == "fin")
        elapsed = self._clock.monotonic_ns() - began
        if not raw and arrival.whole and len(arrival.data) == message.end and _persistent(message) and connection.quiet:
            connection.rest(self._clock.monotonic_ns(), self._idle_ns / NS)
            self._idle.setdefault(origin.key, []).append(connection)
            connection = None
        if connection is not None:
            connection.close("timeout" if expired else "")
        if message.status is not None:
            return Answer(message, elapsed)
        if arrival.data:
            return NoAnswer("protocol", other_protocol(bytes(arrival.data)) or ", ".join(message.defects))
        if expired:
            return NoAnswer("timeout", f"no answer within {limit:g} s")
        return _ended(connection)

    async def _open(self, origin: Origin) -> Connection | NoAnswer:
        tap = self._connection()
        where: dict[str, Any] = {"protocol": "http", "side": "requestor", "peer": [origin.host, origin.port]}
        stream: Stream | None = None
        limit = self._timeouts.connect
        try:
            async with asyncio.timeout(limit):
                stream = await self._connected(origin, tap)
                tap.event("conn.open", **{**where, "local": list(stream.local), "peer": list(stream.peer)})
                if origin.scheme == "https":
                    context = self._tls or tls_context()
                    stream = secured = await start_tls(stream, context, hostname=origin.host)
                    cipher = secured.tls.cipher()
                    tap.event("conn.tls", version=secured.tls.version(), cipher=cipher[0] if cipher else None)
        except (OSError, ssl.SSLError) as error:  # TimeoutError is an OSError
            failure = _refusal(error, opened=stream is not None, limit=limit)
            tap.event("conn.refused", **where, error=f"{failure.kind}: {failure.detail}")
        except BaseException:
            tap.event("conn.refused", **where, error="timeout: given up before it was open")
            if stream is not None:
                stream.close()
            raise
        else:
            connection = Connection(stream, tap)
            self._readers.add(connection.reader)
            connection.reader.add_done_callback(self._readers.discard)
            return connection
        if stream is not None:
            stream.close()
        return failure

    async def _connected(self, origin: Origin, tap: Tap) -> Stream:
        """A connection; one that fails is tried again, since a machine under load refuses what it takes a moment later."""
        for _ in range(self._connects - 1):
            try:
                return await self._network.connect(origin.host, origin.port)
            except socket.gaierror:
                raise
            except OSError as error:
                tap.event("note", what="connecting again", why=str(error))
                await asyncio.sleep(CONNECT_PAUSE_S)
        return await self._network.connect(origin.host, origin.port)


def client_for(
    section: Mapping[str, Any],
    *,
    network: Network,
    clock: Clock,
    connection: Callable[[], Tap],
    timing: Any,
    **options: Any,
) -> HttpClient:
    """A client for a section of the SUT file: base_url, headers, token or basic (user:password), tls (a table of ``stgcmt.tls``).

    ``timing`` has ``connect`` and ``http_response`` in seconds; ``options`` go to ``HttpClient``.
    """
    headers = [*_pairs(section.get("headers") or ())]
    if token := section.get("token"):
        headers.append(("Authorization", f"Bearer {token}"))
    elif pair := section.get("basic"):
        headers.append(("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
    base_url = str(section["base_url"])
    if base_url.startswith("https:"):
        options.setdefault("tls", client_context(section.get("tls"), HTTP_1_1))
    options.setdefault("connects", CONNECTS)
    options.setdefault("timeouts", Timeouts(connect=timing.connect, request=timing.http_response))
    return HttpClient(network, clock, connection=connection, base_url=base_url, **{"headers": headers, **options})


async def _converse(
    connection: Connection, pieces: Sequence[bytes | float], arrival: Arrival, *, half_close: bool
) -> None:
    """Send and receive at once, until the answer is whole or the peer has ended."""

    async def send() -> None:
        # A peer may answer and reset while we still send: what it said is read all the same.
        with contextlib.suppress(OSError):
            for piece in pieces:
                if isinstance(piece, bytes):
                    await connection.send(piece)
                else:
                    await asyncio.sleep(piece)
            if half_close:
                await connection.send_eof()

    sending = asyncio.get_running_loop().create_task(send())
    try:
        while not arrival.whole and (data := await connection.receive()):
            arrival.feed(data)
        await asyncio.sleep(0)  # a request that was sent whole ends its task here
    finally:
        if not sending.done():  # broken off: the rest of a request cannot follow on this connection
            connection.spoiled = True
            sending.cancel()
            await asyncio.wait([sending])


def _persistent(message: Message) -> bool:
    """Whether the peer keeps the connection (RFC 9112 9.3)."""
    options = {item.lower() for item in message.items("connection")}
    if message.defects or message.framing == "close" or message.status == 101 or "close" in options:
        return False
    return message.version == "HTTP/1.1" or "keep-alive" in options


def _ended(connection: Connection | None) -> NoAnswer:
    ended = (connection.ended if connection is not None else None) or "fin"
    if ended.startswith(TLS_ERROR):
        return NoAnswer("tls", ended.removeprefix(TLS_ERROR))
    if ended == "fin":
        return NoAnswer("closed", "the connection was closed without an answer")
    return NoAnswer("reset", "the connection was reset" if ended == "rst" else ended)


def _refusal(error: OSError, *, opened: bool, limit: float) -> NoAnswer:
    if isinstance(error, TimeoutError) and not str(error):
        return NoAnswer("timeout", f"no {'TLS session' if opened else 'connection'} within {limit:g} s")
    kind: Kind = "tls" if opened else "dns" if isinstance(error, socket.gaierror) else "refused"
    return NoAnswer(kind, tls_words(error) if opened else str(error) or type(error).__name__)


def _pairs(headers: HeadersLike) -> Headers:
    items: Any = headers.items() if isinstance(headers, Mapping) else headers
    return tuple((str(name), str(value)) for name, value in items)
