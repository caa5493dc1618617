"""A recording relay: what a SUT and a real peer behind it say to each other, with our tap on the wire between them.

Where a proxy's back end is an archive that the vendor really has, our destinations do not answer: the first one passes every
connection of the SUT on to the archive, the second one every connection of the archive on to the SUT. Bytes go through as they
come and unchanged. They are recorded as if the archive were ours: what the SUT sends is ``dimse.in``, what the archive sends is
``dimse.out``. Nothing is judged here, and nothing is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stgcmt.errors import UsageError
from stgcmt.transcript import Tap
from stgcmt.wire import pdu
from stgcmt.wire.stream import Network, Stream

KEY = "relay"  # the table of a role's section
LINGER_S = 5.0  # for which the other direction may go on once one has ended
# What ends an association in words of the upper layer, and how the end is recorded.
_ENDS = {pdu.ASSOCIATE_RJ: "reject", pdu.RELEASE_RP: "release", pdu.ABORT: "abort"}


@dataclass(frozen=True)
class Passed:
    """What went through: a PDU that carries data, as the desk looks at messages."""

    data: bytes
    command: Any = None


@dataclass
class Relay:
    """One place whose connections go on to another one.

    ``ours``: who opens them is the archive, whose words are recorded as ours; else it is the SUT. ``host``, ``port``: where they
    go on to, known once the SUT is up; what comes before that is closed. ``connect_s`` bounds the connection onward, in seconds.
    """

    network: Network
    ours: bool
    host: str = ""
    port: int = 0
    connect_s: float = 5.0

    def to(self, section: Mapping[str, Any]) -> None:
        """From now on connections go on to this end point."""
        self.host, self.port = str(section["host"]), int(section["port"])

    async def serve(self, *, stream: Stream, tap: Tap, on_message: Callable[..., Awaitable[None]], **_: Any) -> None:
        """Pass one connection on until it has ended, however it ends; one that nobody takes is reset, and recorded so."""
        side = "requestor" if self.ours else "acceptor"
        tap.event("conn.open", protocol="dimse", side=side, local=_text(stream.local), peer=_text(stream.peer))
        onward = await self._onward(tap)
        if onward is None:
            stream.close(reset=True)
            tap.event("conn.close", how="rst", by=_by(not self.ours))
            return
        ending = _Ending()
        caller = _Side(tap, self.ours, on_message, ending)
        called = _Side(tap, not self.ours, on_message, ending)
        try:
            await _both(_pass(stream, onward, caller, called), _pass(onward, stream, called, caller), ending)
        finally:
            for end in (onward, stream):
                end.close(reset=ending.reset)
            tap.event("conn.close", how=ending.how, by=ending.by)

    async def _onward(self, tap: Tap) -> Stream | None:
        """The connection to the other end; ``None`` where there is none in time, which is noted."""
        try:
            async with asyncio.timeout(self.connect_s):
                return await self.network.connect(self.host, self.port)
        except TimeoutError:
            why = f"no connection within {self.connect_s:g} s"
        except OSError as error:
            why = error.strerror or str(error)
        tap.event("note", what="relay-refused", detail=f"{self.host}:{self.port}: {why}")
        return None


@dataclass
class _Ending:
    """How a connection ended: the first thing that says so. ``reset``: at the end both directions are reset, as one was."""

    how: str = "local"
    by: str = "local"
    reset: bool = False
    known: bool = False

    def is_(self, how: str, *, ours: bool) -> None:
        """It ended so, unless an earlier end is known."""
        if not self.known:
            self.how, self.by, self.known = how, _by(ours), True

    def reset_by(self, *, ours: bool) -> None:
        """One end reset the connection; the other one is to see it as well."""
        self.is_("rst", ours=ours)
        self.reset = True


async def _both(one: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None], ending: _Ending) -> None:
    """Both directions to their ends: the second one gets a little while, and none where the connection was reset."""
    tasks = [asyncio.create_task(each) for each in (one, other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not ending.reset:
            await asyncio.wait(tasks, timeout=LINGER_S)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


async def _pass(source: Stream, target: Stream, said: _Side, facing: _Side) -> None:
    """One direction to its end."""
    try:
        while chunk := await source.receive():
            await said.heard(chunk)
            try:
                await target.send(chunk)
            except OSError:
                said.over()
                facing.lost()
                return
    except OSError:
        said.over()
        said.lost()
        return
    said.over()
    said.ending.is_("fin", ours=said.ours)
    with contextlib.suppress(OSError):
        await target.send_eof()


class _Side:
    """One direction of one connection: recorded PDU by PDU. ``ours``: the archive's words."""

    def __init__(self, tap: Tap, ours: bool, on_message: Callable[..., Awaitable[None]], ending: _Ending) -> None:
        self._tap, self.ours, self._tell, self.ending = tap, ours, on_message, ending
        self._kind = "dimse.out" if ours else "dimse.in"
        self._buffer = bytearray()

    async def heard(self, chunk: bytes) -> None:
        """Bytes that go through now."""
        self._buffer += chunk
        found, used = pdu.scan(self._buffer)
        del self._buffer[:used]
        for one in found:
            self._tap.event(self._kind, one.raw)
            if one.type in _ENDS:
                asked = one.type == pdu.RELEASE_RP  # the other end asked for the release that this one grants
                self.ending.is_(_ENDS[one.type], ours=self.ours is not asked)
            if one.type == pdu.P_DATA_TF:
                await self._tell(None, Passed(one.body))

    def over(self) -> None:
        """Nothing more comes: what is no whole PDU is recorded as it is."""
        if self._buffer:
            self._tap.event(self._kind, bytes(self._buffer))
            self._buffer.clear()

    def lost(self) -> None:
        """This end reset the connection."""
        self.ending.reset_by(ours=self.ours)


def _by(ours: bool) -> str:
    return "local" if ours else "peer"


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
        limit = plan.sut.timing.connect
        made = cls(role, Relay(network, ours=False, connect_s=limit), Relay(network, ours=True, connect_s=limit))
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
