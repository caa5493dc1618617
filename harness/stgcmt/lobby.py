"""Before the first step: we listen already, so that a partner can try what it has configured.

A report destination answers C-ECHO, a base URL answers 503; where TLS is configured the port is kept and no more.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, Self

from stgcmt.clock import Clock, SystemClock
from stgcmt.errors import UsageError
from stgcmt.wire.stream import Handler, Listener, Network, Stream, SystemNetwork

A_ASSOCIATE_RQ, P_DATA = 1, 4
ECHO = b"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x00"  # the Command Field of a C-ECHO-RQ


REQUEST = re.compile(rb"([A-Z]{3,7}) (\S+) HTTP/1\.")
HEAD_LIMIT = 65536  # bytes of a request that are read for its end
NOT_YET = b"the run has not begun: ask again once it was started\n"
ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(NOT_YET), NOT_YET)
)


class Lobby:
    """Listens at every destination of a SUT, and where it asks us over HTTP; an async context manager.

    Args:
        sut: the SUT with its destinations.
        say: told what a partner does, in a line.
        web: where clients ask us over HTTP (``WebPlace``).
        clock: where the time is read.
        network: where connections come from.

    Attributes:
        destinations: those of the SUT, with the ports that we got.
        web: the places over HTTP, with the ports that we got.
    """

    def __init__(
        self, sut: Any, say: Callable[[str], None], web: Sequence[Any] = (), *, clock: Clock | None = None,
        network: Network | None = None,
    ) -> None:  # fmt: skip
        self._say = say
        self._clock, self._network = clock or SystemClock(), network or SystemNetwork()
        self._listeners: list[Listener] = []
        self.destinations: tuple[Any, ...] = tuple(sut.destinations)
        self.web: tuple[Any, ...] = tuple(web)

    async def __aenter__(self) -> Self:
        """Listen; raises ``UsageError`` with the address that is taken."""
        self.destinations = tuple([await self._open(each, self._dimse) for each in self.destinations])
        self.web = tuple([await self._open(each, self._http) for each in self.web])
        return self

    async def _open(self, place: Any, serve: Callable[[Any], Handler]) -> Any:
        """``place`` with the port where we listen now."""
        handler = serve(place) if place.tls is None else self._secured(place)
        try:
            listener = await self._network.listen(place.host, place.port, handler)
        except OSError as error:
            await self.aclose()
            raise UsageError(
                "opening destinations", "a free port where the partner reaches us",
                f"{place.host}:{place.port}: {error.strerror or error}", "end what listens there, or choose another port",
            ) from error  # fmt: skip
        self._listeners.append(listener)
        return dataclasses.replace(place, port=int(listener.address[1]))

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Listen no more; whoever is connected is cut off."""
        for listener in self._listeners:
            await listener.aclose()
        self._listeners.clear()

    def _dimse(self, place: Any) -> Handler:
        async def serve(stream: Stream) -> None:
            from stgcmt.actors.acceptor import serve_association  # noqa: PLC0415 - start-up

            try:
                await serve_association(stream, self._clock, _Visitor(place.ae_title, self._say))
            except (OSError, asyncio.IncompleteReadError):
                self._say(f"{place.ae_title}: a connection broke")

        return serve

    def _http(self, place: Any) -> Handler:
        async def serve(stream: Stream) -> None:
            data = b""
            try:
                while b"\r\n\r\n" not in data and len(data) < HEAD_LIMIT:
                    if not (more := await stream.receive()):
                        return
                    data += more
                if (asked := REQUEST.match(data)) is not None:
                    line = f"{_text(asked[1])} {_text(asked[2])}"
                    away = "" if asked[2].startswith(place.path.encode()) else f", which is not below {place.path}"
                    self._say(f"{_role(place)}: {line}{away}; answered 503, since the run has not begun")
                await stream.send(ANSWER)
            except OSError:
                self._say(f"{_role(place)}: a connection broke")
            finally:
                stream.close()

        return serve

    def _secured(self, place: Any) -> Handler:
        """Somebody comes; the handshake is the run's matter."""

        async def serve(stream: Stream) -> None:
            whom = getattr(place, "ae_title", None) or _role(place)
            self._say(f"{whom}: {stream.peer[0]} connects; TLS is answered once the run has begun")
            stream.close()

        return serve


def _role(place: Any) -> str:
    return str(place.role).replace("_", " ")


class _Visitor:
    """A tap that tells what one association does; nothing is recorded, since nothing is judged yet."""

    def __init__(self, ae_title: str, say: Callable[[str], None]) -> None:
        self._ours, self._say, self._caller = ae_title, say, "somebody"

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **_: Any) -> None:  # noqa: ARG002 - Tap
        if kind != "dimse.in" or not data:
            return
        if data[0] == A_ASSOCIATE_RQ and len(data) >= 42:
            called, self._caller = (_text(data[start : start + 16]) for start in (10, 26))
            wrong = "" if called == self._ours else f", though this is {self._ours}"
            self._say(f"{self._caller} associates with {called}{wrong}")
        elif data[0] == P_DATA and ECHO in data:
            self._say(f"{self._caller}: C-ECHO, answered")


def _text(data: bytes) -> str:
    return "".join(chr(each) if 32 <= each < 127 else "?" for each in data).strip()
