"""Before the first step: our report destinations listen and answer C-ECHO, so that a partner can try what it has configured."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any, Self

from stgcmt.clock import Clock, SystemClock
from stgcmt.errors import UsageError
from stgcmt.wire.stream import Listener, Network, Stream, SystemNetwork

A_ASSOCIATE_RQ, P_DATA = 1, 4
ECHO = b"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x00"  # the Command Field of a C-ECHO-RQ


class Lobby:
    """Listens at every destination of a SUT; an async context manager.

    Args:
        sut: the SUT; its destinations without TLS are listened at.
        say: told what a partner does, in a line.
        clock: where the time is read.
        network: where connections come from.
    """

    def __init__(
        self, sut: Any, say: Callable[[str], None], *, clock: Clock | None = None, network: Network | None = None
    ) -> None:
        self._sut, self._say = sut, say
        self._clock, self._network = clock or SystemClock(), network or SystemNetwork()
        self._listeners: list[Listener] = []
        self.destinations: tuple[Any, ...] = tuple(sut.destinations)

    async def __aenter__(self) -> Self:
        """Listen; raises ``UsageError`` with the address that is taken."""
        found = []
        for each in self.destinations:
            if each.tls is not None:  # its handshake is the run's: the lobby answers in the clear only
                found.append(each)
                continue
            try:
                listener = await self._network.listen(each.host, each.port, self._serve(each.ae_title))
            except OSError as error:
                await self.aclose()
                raise UsageError(
                    "opening destinations", "a free port where the partner reaches us",
                    f"{each.host}:{each.port}: {error.strerror or error}", "end what listens there, or choose another --port",
                ) from error  # fmt: skip
            self._listeners.append(listener)
            found.append(dataclasses.replace(each, port=int(listener.address[1])))
        self.destinations = tuple(found)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Listen no more; whoever is connected is cut off."""
        for listener in self._listeners:
            await listener.aclose()
        self._listeners.clear()

    def _serve(self, ae_title: str) -> Callable[[Stream], Any]:
        async def serve(stream: Stream) -> None:
            from stgcmt.actors.acceptor import serve_association  # noqa: PLC0415 - start-up

            try:
                await serve_association(stream, self._clock, _Visitor(ae_title, self._say))
            except (OSError, asyncio.IncompleteReadError):
                self._say(f"{ae_title}: a connection broke")

        return serve


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
