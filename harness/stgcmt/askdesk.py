"""Where the SUT's own requests arrive: whose they are, and who answers them.

A suite whose SUT asks (``Suite.serves``) gets a listening address, one for all its scenarios, and scenarios overlap. Whose
a request is, is found in this order:

1. by a UID that a scenario minted (the instances that the SUT was triggered with) in target or payload;
2. by a UID that was *adopted*: when a request was found by 1, the UIDs of the SUT's own in its target (over DIMSE: in its data
   set) belong to that scenario from then on, so that a later question that carries nothing else is attributed too;
3. where a person triggers the SUT, or nobody does (``[trigger] how`` is ``attended`` or ``listen``): a request that nobody owns is
   dealt to the scenario that has waited longest, and its UIDs are adopted.

What is left goes to the ``run`` transcript and is answered by ``Suite.unowned`` (404 where a suite names nobody). Each
exchange is written to its owner alone, also where several scenarios share one connection of the SUT.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stgcmt.clock import NS, Clock
from stgcmt.desk import REGISTERED, Desk, Owner, secured, tokens
from stgcmt.transcript import ConnectionTap, Recorder
from stgcmt.visitors import HTTP
from stgcmt.wire.stream import Listener, Network, Stream

DIGITS = 4  # a path segment with so many digits names something, even where it is no UID
WINDOW_S, DEADLINE_S = 3600.0, 300.0  # an afternoon's hour to listen; five minutes for a person to do one thing


DONE, SKIP = "done", "skip"  # what a person who attends may say of a step


class Asker(Owner, Protocol):
    """A scenario under way whose SUT asks, as this desk sees it."""

    async def answer_http(self, asked: Any) -> Any:
        """What this scenario's script says to a request (a ``Reply``)."""
        ...


@dataclass
class WebPlace:
    """Where one role's requests arrive over HTTP; ``path`` is the prefix of our base URL."""

    role: str
    host: str = "127.0.0.1"
    port: int = 0
    path: str = ""
    unowned: Callable[[Any], Any] | None = None
    tls: Any = None  # the context where clients speak HTTPS
    listener: Listener | None = None

    @property
    def base_url(self) -> str:
        """Our base URL as the SUT is told it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls is not None else ''}://{host}:{self.port}{self.path}"


@dataclass(frozen=True)
class Triggering:
    """``[trigger]`` of a role: a vendor's action, or how we wait for what somebody else starts (seconds)."""

    how: str
    deadline: float = DEADLINE_S
    window: float = WINDOW_S

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Triggering | None:
        """From the table in the SUT file; ``None`` where there is none."""
        how = table.get("how") or ("command" if "command" in table else "url" if "url" in table else None)
        limits = {key: float(table[key]) for key in ("deadline", "window") if key in table}
        return None if how is None else cls(str(how), **limits)


@functools.lru_cache(256)
def names(path: str) -> frozenset[str]:
    """What the segments of a path name: UIDs, and whatever else stands where one is expected."""
    found = (segment for segment in path.split("/") if sum(each.isdigit() for each in segment) >= DIGITS)
    return frozenset(segment for segment in found if not segment.encode().startswith(REGISTERED))


class ExchangeTap:
    """The tap of one connection from outside whose exchanges may belong to different scenarios.

    An exchange begins with the first bytes that come in after something went out. Its events are held until it is
    attributed; the connection's opening is written once to each recorder, its end to all.
    """

    def __init__(self, clock: Clock, run: Recorder) -> None:
        self._clock, self._run = clock, run
        self._opening: list[tuple[str, bytes, int, dict[str, Any]]] = []
        self._held: list[tuple[str, bytes, int, dict[str, Any]]] = []
        self._taps: dict[int, ConnectionTap] = {}
        self._current: ConnectionTap | None = None
        self._answered = False

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Record one event of this connection."""
        when = self._clock.monotonic_ns() if t is None else t
        if kind in {"conn.open", "conn.tls"}:
            self._opening.append((kind, data, when, info))
            return
        if kind == "conn.close":
            self._end(when, info)
            return
        if kind == "http.in" and self._answered:
            self._current, self._answered = None, False
        self._answered |= kind == "http.out"
        if self._current is None:
            self._held.append((kind, data, when, info))
        else:
            self._current.event(kind, data, t=when, **info)

    def attribute(self, recorder: Recorder) -> None:
        """The exchange under way belongs to ``recorder``."""
        tap = self._taps.get(id(recorder))
        if tap is None:
            tap = self._taps[id(recorder)] = recorder.connection()
            for kind, data, when, info in self._opening:
                tap.event(kind, data, t=when, **info)
        for kind, data, when, info in self._held:
            tap.event(kind, data, t=when, **info)
        self._held.clear()
        self._current = tap

    def _end(self, when: int, info: Mapping[str, Any]) -> None:
        if self._held or not self._taps:  # bytes that nobody owned, or a connection on which nothing came
            self.attribute(self._run)
        for tap in self._taps.values():
            tap.event("conn.close", t=when, **info)


@dataclass
class AskDesk:
    """Everything that all scenarios share whose SUT asks."""

    desk: Desk
    network: Network
    clock: Clock
    run: Recorder
    directory: Path
    places: Sequence[WebPlace] = ()
    act: Callable[..., Any] | None = None  # Running.act, once the SUT is up
    triggering: Callable[[str, str | None], Mapping[str, Any]] | None = None
    attend: Callable[[str, str, str], None] | None = None
    say: Callable[[str], None] | None = None
    said: Callable[[], Awaitable[str]] | None = None  # what the person who attends says next: DONE or SKIP
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # a person does one thing at a time
    _wanting: deque[Asker] = field(default_factory=deque)
    _began: int = 0
    _told: set[str] = field(default_factory=set)

    async def open(self) -> None:
        """Listen everywhere; raises ``OSError`` where a port is taken."""
        self._began = self.clock.monotonic_ns()
        self.desk.dealer = self.deal
        for place in self.places:
            await self._listen(place)
            self.run.event("note", what="serving", role=place.role, base_url=place.base_url, path=place.path)

    async def aclose(self) -> None:
        """Stop listening; connections that are open end."""
        for place in self.places:
            if place.listener is not None:
                await place.listener.aclose()
                place.listener = None

    @contextlib.asynccontextmanager
    async def away(self, role: str) -> AsyncIterator[None]:
        """Meanwhile nobody listens where a role's requests arrive: connections are refused, those that were open have ended."""
        place = self.place(role)
        if place is None or place.listener is None:
            raise LookupError(f"nobody listens for {role}")
        await place.listener.aclose()
        reserve = getattr(self.network, "reserve", None)  # a network in memory has no other users
        held = reserve(place.host, place.port) if reserve else None
        try:
            yield
        finally:
            if held is not None:
                held.close()
            await self._listen(place)

    def place(self, role: str) -> WebPlace | None:
        """Where a role's requests arrive over HTTP."""
        return next((place for place in self.places if place.role == role), None)

    def left_of(self, window: float) -> float:
        """Seconds that are left of a window that began with the run."""
        return max(0.0, window - (self.clock.monotonic_ns() - self._began) / NS)

    # --- requests that nobody was triggered for

    def want(self, asker: Asker) -> None:
        """``asker`` takes the next request that nobody owns."""
        self._wanting.append(asker)

    @property
    def wanted(self) -> bool:
        """Whether a scenario waits for a request that nobody owns."""
        return bool(self._wanting)

    def want_no_more(self, asker: Asker) -> None:
        """``asker`` got its own, or gave up."""
        if asker in self._wanting:
            self._wanting.remove(asker)

    def deal(self, uids: Collection[str], named: Collection[str] = ()) -> Owner | None:
        """Give these UIDs, which nobody owns, to whoever has waited longest; ``named`` are those to tell the reader."""
        if not self._wanting:
            return None
        dealt = self._wanting.popleft()
        self.desk.adopt(uids, dealt)
        if self.say:
            header = dealt.recorder.header
            self.say(f"{header.role}/{header.scenario}: takes {', '.join(sorted(named or uids)[:3])}")
        return dealt

    def open_window(self, role: str, where: str, seconds: float) -> None:
        """Tell once that whatever comes is judged."""
        if self.say and role not in self._told:
            self._told.add(role)
            self.say(
                f"{role}: whatever asks {where} for commitment in the next {seconds:.0f} s is judged; Ctrl-C ends the run"
            )

    # --- HTTP

    async def _listen(self, place: WebPlace) -> None:
        async def handler(stream: Stream) -> None:
            known = stream if place.tls is None else await secured(stream, place.tls, self.run, role=place.role)
            if known is not None:
                await self._serve(place, known)

        place.listener = await self.network.listen(place.host, place.port, handler)
        place.port = place.listener.address[1]

    async def _serve(self, place: WebPlace, stream: Stream) -> None:
        from stgcmt.actors.http_server import Reply, serve_http  # noqa: PLC0415 - start-up

        tap = ExchangeTap(self.clock, self.run)
        visit, looking = self.desk.visitors.begin(HTTP, tap)

        async def answer(asked: Any) -> Any:
            owner = self._owner(place, asked)
            if owner is not None:
                visit.known = True
                tap.attribute(owner.recorder)
                return await owner.answer_http(asked)
            tap.attribute(self.run)
            reply = place.unowned(asked) if place.unowned else Reply(404)
            return await reply if inspect.isawaitable(reply) else reply

        await serve_http(stream, self.clock, looking, answer)

    def _owner(self, place: WebPlace, asked: Any) -> Asker | None:
        path = asked.path.removeprefix(place.path)
        target = asked.message.target.encode("latin-1", "replace")
        own = names(path)
        found: Any = self.desk.owners(self.desk.mint.found_in(target + b" " + asked.legible)) or self.desk.adopters(own)
        if not found and self._wanting and asked.message.complete and (own or tokens(asked.legible)):
            found = [self.deal(own | tokens(asked.legible), own)]
        if not found:
            return None
        owner: Asker = found[-1]
        if owner.adopts:
            self.desk.adopt(own, owner)
        return owner
