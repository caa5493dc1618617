"""How a driver tells that the SUT is up: ports, a C-ECHO, a URL, a line of output; all that ``ready`` names, within one limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from stgcmt.drivers.provoke import NoTap
from stgcmt.drivers.running import Context
from stgcmt.errors import UnreachableError
from stgcmt.placeholders import Placeholders
from stgcmt.sut import Ready

STAGE = "bringing the SUT up"
POLL_S = 0.05  # between two looks at a port or URL: a SUT that is up in 100 ms costs no whole second
VERIFICATION = "1.2.840.10008.1.1"
Said = Callable[[str], Awaitable[None]]


class Readiness:
    """Asks whether the SUT is up.

    Args:
        context: network and clock.
        placeholders: with the ports of this run.
        steady: seconds for which an opened connection must stay open. A proxy that publishes a container's port accepts
            at once and closes again where nobody listens behind it.
    """

    def __init__(self, context: Context, placeholders: Placeholders, *, steady: float = 0.0) -> None:
        self._context, self._placeholders, self._steady = context, placeholders, steady

    def what(self, ready: Ready | None, ports: Iterable[int]) -> str:
        """What is waited for, in words."""
        if ready is None:
            return f"connections at the ports {', '.join(map(str, ports)) or '(none)'}"
        parts = [f"a connection at port {self._placeholders.value(ready.port)}" if ready.port is not None else ""]
        parts += [
            f"a C-ECHO of {ready.echo}" if ready.echo else "",
            f"an answer at {self._placeholders.text(ready.url)}" if ready.url else "",
            f'"{ready.log}" in its output' if ready.log else "",
            "its own health check" if ready.healthy else "",
        ]
        return " and ".join(filter(None, parts))

    async def wait(self, ready: Ready | None, ports: Iterable[int], said: Said) -> None:
        """Wait for everything that ``ready`` names; without a word about it: for every port."""
        if ready is None:
            for port in ports:
                await self._port("127.0.0.1", port)
            return
        if ready.log is not None:
            await said(ready.log)
        if ready.port is not None:
            port = int(self._placeholders.value(ready.port))
            await self._port(ready.host, port)
            if ready.echo is not None:
                await self._echo(ready.host, port, ready.echo)
        if ready.url is not None:
            await self._url(ready)

    async def _port(self, host: str, port: int) -> None:
        while not await self._open(host, port):  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(POLL_S)

    async def _open(self, host: str, port: int) -> bool:
        try:
            stream = await self._context.network.connect(host, port)
        except OSError:
            return False
        try:
            if self._steady:
                async with asyncio.timeout(self._steady):
                    return bool(await stream.receive())
        except TimeoutError:
            return True
        except OSError:
            return False
        finally:
            stream.close()
        return True

    async def _echo(self, host: str, port: int, called: str) -> None:
        from stgcmt.actors.requestor import associate  # noqa: PLC0415 - start-up
        from stgcmt.endpoints import dimse_timeouts  # noqa: PLC0415 - start-up
        from stgcmt.wire.negotiation import Proposal  # noqa: PLC0415 - start-up

        context = self._context
        calling = context.destinations[0].ae_title if context.destinations else "STGCMT"
        while True:
            async with associate(
                context.network, context.clock, NoTap(), host, port, called_ae=called, calling_ae=calling,
                proposal=Proposal.of([VERIFICATION]), timeouts=dimse_timeouts(context.sut.timing),
            ) as assoc:  # fmt: skip
                if assoc.open and getattr(await assoc.c_echo(), "status", None) == 0:
                    return
            await asyncio.sleep(POLL_S)

    async def _url(self, ready: Ready) -> None:
        from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up

        section = {"base_url": self._placeholders.text(ready.url or ""), "tls": {"verify": False}}
        while True:
            client = client_for(
                section,
                network=self._context.network,
                clock=self._context.clock,
                connection=NoTap,
                timing=self._context.sut.timing,
            )
            try:
                status = (await client.request("GET", str(section["base_url"]))).status
            finally:
                await client.aclose()
            if status is not None and (status == ready.status if ready.status else status < 500):
                return
            await asyncio.sleep(POLL_S)


async def come_up(
    checks: Coroutine[Any, Any, None],
    over: Coroutine[Any, Any, Any],
    limit: float,
    *,
    expected: str,
    ended: Callable[[], str],
    quoted: Callable[[], str],
    logs: str = "driver/sut.log",
) -> None:
    """Wait for ``checks``, at most ``limit`` seconds, and no longer than until ``over``.

    Raises:
        UnreachableError: the SUT ended, or was not ready in time; with its last lines.
    """
    ready, end = asyncio.create_task(checks), asyncio.create_task(over)
    try:
        await asyncio.wait((ready, end), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            step = f"mend the command; its output is in {logs} of the bundle"
            seen = f"it ended ({ended()}) before it was ready{quoted()}"
            raise UnreachableError(STAGE, "a SUT that stays up", seen, step)
        if not ready.done():
            step = "check [driver] ready, or allow more with [timing] ready"
            raise UnreachableError(STAGE, f"{expected} within {limit:g} s", f"a SUT that is not ready{quoted()}", step)
        ready.result()
    finally:
        for task in (ready, end):
            task.cancel()
        await asyncio.gather(ready, end, return_exceptions=True)
