"""Where instances arrive that the SUT sends on our C-MOVE: one listener for all scenarios, opened with the first.

Each retrieval says which instance it waits for; the association that brings it is written to its scenario's transcript,
one that brings what nobody waits for to ``run``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from stgcmt.clock import Clock
from stgcmt.errors import UsageError
from stgcmt.transcript import HeldTap, Recorder
from stgcmt.wire.stream import Listener, Network, Stream

COMPRESSED = tuple(
    f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 100, 102, 103, 107, 108, 201, 202, 203)
)
# What is offered compressed is stored so: taking that one spares the SUT a transcoding that would alter the instance.
SYNTAXES = (
    *COMPRESSED, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
)  # fmt: skip
NOT_EXPECTED = 0x0124  # not authorized (PS3.7 9.1.1.1.9)
Arrived = tuple[str, bytes]  # transfer syntax, data set


class Arrivals:
    """The C-MOVE destination of a run."""

    def __init__(self, network: Network, clock: Clock, run: Recorder) -> None:
        self._network, self._clock, self._run = network, clock, run
        self._listeners: dict[tuple[str, int], Listener] = {}
        self._opening = asyncio.Lock()
        self._wanted: dict[str, list[tuple[Recorder, asyncio.Future[Arrived]]]] = {}

    @contextlib.asynccontextmanager
    async def expect(
        self, sop_instance_uid: str, recorder: Recorder, *, host: str, port: int, ae_title: str
    ) -> AsyncIterator[asyncio.Future[Arrived]]:
        """Listen at ``host:port``; the future is the instance. Raises ``UsageError`` where the port is taken."""
        await self._listen(host, port, ae_title)
        future: asyncio.Future[Arrived] = asyncio.get_running_loop().create_future()
        waiting = (recorder, future)
        self._wanted.setdefault(sop_instance_uid, []).append(waiting)
        try:
            yield future
        finally:
            self._wanted[sop_instance_uid].remove(waiting)
            future.cancel()

    async def aclose(self) -> None:
        """Stop listening."""
        for listener in self._listeners.values():
            await listener.aclose()
        self._listeners.clear()

    async def _listen(self, host: str, port: int, ae_title: str) -> None:
        async with self._opening:
            if (host, port) in self._listeners:
                return

            async def handler(stream: Stream) -> None:
                await self._serve(stream, ae_title)

            try:
                self._listeners[host, port] = await self._network.listen(host, port, handler)
            except OSError as error:
                raise UsageError(
                    "opening the C-MOVE destination", "a free port where instances can arrive",
                    f"{host}:{port}: {error.strerror or error}", "end what listens there, or change [retrieval] move_port",
                ) from error  # fmt: skip

    async def _serve(self, stream: Stream, ae_title: str) -> None:
        from stgcmt.actors.acceptor import Reply, serve_association  # noqa: PLC0415 - start-up
        from stgcmt.actors.listeners import ListenerScript  # noqa: PLC0415 - start-up
        from stgcmt.wire import command as cmd  # noqa: PLC0415 - start-up

        tap = HeldTap(self._clock)

        async def store(association: Any, message: Any) -> Reply:
            wanted = self._wanted.get(message.command.affected_instance or "", [])
            for recorder, future in wanted:
                tap.attribute(recorder)
                if not future.done():
                    future.set_result((association.contexts[message.context_id].transfer_syntax, message.data or b""))
            return Reply(0x0000 if wanted else NOT_EXPECTED)

        script = ListenerScript("move-destination", transfer_syntaxes=SYNTAXES, abstract_syntaxes=None)
        try:
            await serve_association(
                stream, self._clock, tap, script, handlers={cmd.C_STORE_RQ: store}, ae_title=ae_title
            )
        finally:
            if not tap.attributed:
                tap.attribute(self._run)
