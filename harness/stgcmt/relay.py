"""A recording relay: what a SUT and a real peer behind it say to each other, with our tap on the wire between them.

Where a proxy's back end is an archive that the vendor really has, our destinations do not answer: the first one passes every
connection of the SUT on to the archive, the second one every connection of the archive on to the SUT. Bytes go through as they
come and unchanged. They are recorded as if the archive were ours: what the SUT sends is ``dimse.in``, what the archive sends is
``dimse.out``. Nothing is judged here, and nothing is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stgcmt.errors import UsageError
from stgcmt.transcript import Tap
from stgcmt.wire import pdu
from stgcmt.wire.stream import Network, Stream

KEY = "relay"  # the table of a role's section
P_DATA = 0x04


@dataclass(frozen=True)
class Passed:
    """What went through: a PDU that carries data, as the desk looks at messages."""

    data: bytes
    command: Any = None


@dataclass
class Relay:
    """One place whose connections go on to another one.

    ``ours``: who opens them is the archive, whose words are recorded as ours; else it is the SUT. ``host``, ``port``: where they
    go on to, known once the SUT is up; what comes before that is closed.
    """

    network: Network
    ours: bool
    host: str = ""
    port: int = 0

    def to(self, section: Mapping[str, Any]) -> None:
        """From now on connections go on to this end point."""
        self.host, self.port = str(section["host"]), int(section["port"])

    async def serve(self, *, stream: Stream, tap: Tap, on_message: Callable[..., Awaitable[None]], **_: Any) -> None:
        """Pass one connection on until both ends have closed it; one that nobody takes is closed, and recorded so."""
        side = "requestor" if self.ours else "acceptor"
        tap.event("conn.open", protocol="dimse", side=side, local=_text(stream.local), peer=_text(stream.peer))
        try:
            onward = await self.network.connect(self.host, self.port)
        except OSError as error:
            tap.event("note", what="relay-refused", detail=f"{self.host}:{self.port}: {error.strerror or error}")
            stream.close(reset=True)
            tap.event("conn.close", how="rst", by="local" if self.ours else "peer")
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(stream, onward, _Side(tap, _kind(self.ours), on_message)))
                both.create_task(self._pass(onward, stream, _Side(tap, _kind(not self.ours), on_message)))
        finally:
            onward.close()
            stream.close()
            tap.event("conn.close", how="fin", by="local" if self.ours else "peer")

    async def _pass(self, source: Stream, target: Stream, said: _Side) -> None:
        """One direction to its end."""
        with contextlib.suppress(OSError):
            while chunk := await source.receive():
                await said.heard(chunk)
                await target.send(chunk)
        said.over()
        with contextlib.suppress(OSError):
            await target.send_eof()


class _Side:
    """One direction of one connection: recorded PDU by PDU."""

    def __init__(self, tap: Tap, kind: str, on_message: Callable[..., Awaitable[None]]) -> None:
        self._tap, self._kind, self._tell = tap, kind, on_message
        self._buffer = bytearray()

    async def heard(self, chunk: bytes) -> None:
        """Bytes that go through now."""
        self._buffer += chunk
        found, used = pdu.scan(self._buffer)
        del self._buffer[:used]
        for one in found:
            self._tap.event(self._kind, one.raw)
            if one.type == P_DATA:
                await self._tell(None, Passed(one.body))

    def over(self) -> None:
        """Nothing more comes: what is no whole PDU is recorded as it is."""
        if self._buffer:
            self._tap.event(self._kind, bytes(self._buffer))
            self._buffer.clear()


def _kind(ours: bool) -> str:
    return "dimse.out" if ours else "dimse.in"


def _text(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


@dataclass(frozen=True)
class Relaying:
    """The relays of a run: none, or two for the one role whose section has the table ``relay``."""

    role: str = ""
    behind: Relay | None = None
    back: Relay | None = None

    @classmethod
    def of(cls, plan: Any, places: Sequence[Any], network: Network) -> Relaying:
        """Turn the first two places into relays where the SUT file has a relay; raises ``UsageError`` where there are fewer."""
        role = next((each for each in plan.roles if plan.sut.section(each).get(KEY)), "")
        if not role:
            return cls()
        if len(places) < 2:
            step = "the first is where the SUT finds the archive, the second where the archive finds the SUT"
            raise UsageError(f"reading [{role}.{KEY}]", f"two [[{role}.destinations]]", str(len(places)), step)
        made = cls(role, Relay(network, ours=False), Relay(network, ours=True))
        places[0].relay, places[1].relay = made.behind, made.back
        return made

    def follow(self, running: Any) -> None:
        """The SUT is up, and its ports are known."""
        if self.behind is not None and self.back is not None:
            section = running.section(self.role, None)
            if not (section.get("host") and section.get("port")):
                step = "say where the SUT takes reports: the archive's connections go on to there"
                raise UsageError(f"reading [{self.role}]", "host and port beside relay", "none", step)
            self.behind.to(section[KEY])
            self.back.to(section)
