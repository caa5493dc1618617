"""The desk where reports arrive: destinations, leases, and whose an association from outside is.

A report's association carries no Transaction UID at its opening, so every connection is held (``HeldTap``) until one of
its messages mentions a UID that a scenario minted; on a leased destination everything is the leaseholder's.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from stgcmt.arrivals import Arrivals
from stgcmt.clock import Clock
from stgcmt.mint import Mint
from stgcmt.tls import words
from stgcmt.transcript import HeldTap, Recorder
from stgcmt.visitors import DICOM, Visit, Visitors
from stgcmt.wire.stream import Listener, Network, Stream, TlsStream

Serve = Callable[..., Any]
ABSENT = "absent"
HANDSHAKE_S = 10.0  # as long as an A-ASSOCIATE-RQ is waited for
UID = re.compile(rb"(?<![0-9A-Za-z.])[0-9]+(?:\.[0-9]+){2,}(?![0-9A-Za-z.])")
REGISTERED = b"1.2.840.10008."


def tokens(data: bytes) -> set[str]:
    """What looks like a UID of somebody's own in these bytes; registered ones name no transaction and no instance."""
    return {found.decode("ascii") for found in UID.findall(data) if not found.startswith(REGISTERED)}


class Owner(Protocol):
    """A scenario under way, as the desk sees it."""

    @property
    def recorder(self) -> Recorder:
        """Where its events are recorded."""
        ...

    def reported(self, uids: set[str]) -> None:
        """A message from outside mentioned these UIDs."""
        ...

    @property
    def adopts(self) -> bool:
        """Whether the SUT's own UIDs in what it sends belong to this scenario from then on."""
        ...

    @property
    def handlers(self) -> Mapping[int, Any]:
        """Who serves the requests of this scenario's connections, by Command Field."""
        ...

    def hear(self, asked: Any) -> None:
        """A message from outside is this scenario's."""
        ...

    def broke(self, error: Exception) -> None:
        """What serves this scenario failed: the harness's own fault."""
        ...


class LeaseHolder:
    """Who holds a lease: its scenario, once it has begun. Nothing is attributed before."""

    stage: Owner | None = None


@dataclass(eq=False)
class Connection:
    """One association from outside while it is open."""

    tap: HeldTap
    owners: list[Owner] = field(default_factory=list)
    current: list[Owner] = field(default_factory=list)  # whose the latest message is that anybody owns
    done: asyncio.Event = field(default_factory=asyncio.Event)
    visit: Visit | None = None


@dataclass(frozen=True)
class OwnersHandlers(Mapping[int, Any]):
    """The handlers of whoever owns a connection by now: looked up for each message, after it was attributed."""

    connection: Connection

    @property
    def _owners(self) -> Iterator[Owner]:
        """Who is asked first: a client may speak of several scenarios' instances on one association."""
        return reversed([*self.connection.owners, *self.connection.current])

    def __getitem__(self, key: int) -> Any:
        return next(owner.handlers[key] for owner in self._owners if key in owner.handlers)

    def get(self, key: int, default: Any = None) -> Any:
        """The handler of a Command Field; ``default`` where the script is to serve it."""
        return next((each.handlers[key] for each in self._owners if key in each.handlers), default)

    def __iter__(self) -> Iterator[int]:
        return iter({key for owner in self.connection.owners for key in owner.handlers})

    def __len__(self) -> int:
        return len({key for owner in self.connection.owners for key in owner.handlers})


@dataclass
class Place:
    """One destination: where it listens, how, and for whom."""

    ae_title: str
    host: str
    port: int
    tls: Any = None  # the context where callers speak TLS
    tls_files: Mapping[str, Any] | None = None  # what it was made from
    script: str = "plain"
    relay: Any = None  # passes connections on (``stgcmt.relay``) in place of serving them
    served: int = 0
    holder: LeaseHolder | None = None
    listener: Listener | None = None
    reserved: Any = None
    free: asyncio.Lock = field(default_factory=asyncio.Lock)

    def as_json(self) -> dict[str, Any]:
        """Where it listens, so that it can be opened again."""
        where = {"ae_title": self.ae_title, "host": self.host, "port": self.port}
        return where | ({"tls": dict(self.tls_files)} if self.tls_files else {})


class Desk:
    """All destinations of a run."""

    def __init__(self, places: Sequence[Place], network: Network, clock: Clock, run: Recorder, serve: Serve) -> None:
        self.places = list(places)
        self.mint = Mint()
        self.visitors = Visitors(clock)
        self.arrivals = Arrivals(network, clock, run)
        self._network, self._clock, self._run, self._serve = network, clock, run, serve
        self._transactions: dict[str, Owner] = {}
        self._instances: dict[str, Owner] = {}
        self._adopted: dict[str, Owner] = {}
        self.dealer: Callable[[set[str]], Owner | None] | None = None
        self._open: set[Connection] = set()
        self._all_free = asyncio.Condition()
        self._ordinary = 0

    async def open(self) -> None:
        """Listen on every destination; raises ``OSError`` where a port is taken."""
        for place in self.places:
            await self._listen(place)

    async def aclose(self) -> None:
        """Stop listening; what nobody owned is written to ``run``."""
        await self.arrivals.aclose()
        for place in self.places:
            if place.listener is not None:
                await place.listener.aclose()
                place.listener = None
            if place.reserved is not None:
                place.reserved.close()
                place.reserved = None

    async def _listen(self, place: Place) -> None:
        async def handler(stream: Stream) -> None:
            secured = stream if place.tls is None else await self._secured(place, stream)
            if secured is not None:
                await self._connection(place, secured)

        place.listener = await self._network.listen(place.host, place.port, handler)
        place.port = place.listener.address[1]

    async def _secured(self, place: Place, stream: Stream) -> Stream | None:
        """The connection once TLS is there; who fails is noted with the leaseholder, else in ``run``."""
        stage = place.holder.stage if place.holder is not None else None
        recorder = stage.recorder if stage is not None else self._run
        return await secured(stream, place.tls, recorder, ae_title=place.ae_title)

    def own(self, uid: str, owner: Owner, *, transaction: bool) -> None:
        """Remember that ``owner`` minted ``uid``."""
        (self._transactions if transaction else self._instances)[uid] = owner

    def adopt(self, uids: Iterable[str], owner: Owner) -> None:
        """From now on these UIDs of the SUT's own belong to ``owner``, recorded as events ``uid``; the last adopter has them."""
        for uid in sorted(uids):
            if self._adopted.get(uid) is not owner and not self.mint.found_in(uid.encode("utf-8", "replace")):
                self._adopted[uid] = owner
                owner.recorder.event("uid", uid=uid, what="adopted")

    def adopters(self, uids: Iterable[str]) -> list[Owner]:
        """Whose these UIDs of the SUT's own are."""
        return list({id(owner): owner for uid in uids if (owner := self._adopted.get(uid))}.values())

    async def _connection(self, place: Place, stream: Stream) -> None:
        connection = Connection(HeldTap(self._clock))
        connection.visit, tap = self.visitors.begin(DICOM, connection.tap)
        place.served += 1
        self._open.add(connection)
        if place.holder is not None and place.holder.stage is not None:
            self._attribute(connection, place.holder.stage)
        try:
            await (place.relay.serve if place.relay is not None else self._serve)(
                stream=stream,
                tap=tap,
                script=place.script,
                number=place.served,
                ae_title=place.ae_title,
                handlers=OwnersHandlers(connection),
                on_message=lambda _association, message: self._message(connection, message),
            )
        except Exception as error:
            if not connection.owners:
                raise
            for owner in connection.owners:
                owner.broke(error)
        finally:
            if not connection.tap.attributed:
                connection.tap.attribute(self._run)
            self._open.discard(connection)
            connection.done.set()

    async def _message(self, connection: Connection, message: Any) -> None:
        data = message.data or b""
        mentioned = self.mint.found_in(data)
        found = self.owners(mentioned) or self._own_words(data)
        for owner in found:
            self._attribute(connection, owner)
            if owner.adopts:
                self.adopt(tokens(data), owner)
        connection.current = found or connection.current
        if found and connection.visit is not None:
            connection.visit.known = True
        for owner in connection.owners:
            owner.reported(mentioned)
        for owner in connection.current or connection.owners:
            owner.hear(message)

    def _own_words(self, data: bytes) -> list[Owner]:
        """Whose a message is that mentions no UID of ours: by adopted UIDs, else whom it is dealt to."""
        words = tokens(data)
        if not words:
            return []
        dealt = None
        found = self.adopters(words)
        if not found and self.dealer is not None:
            dealt = self.dealer(words)
        return found or ([dealt] if dealt is not None else [])

    def owners(self, mentioned: set[str]) -> list[Owner]:
        """Whose a message is that mentions these UIDs: by Transaction UID, else by instance UIDs."""
        for table in (self._transactions, self._instances):
            found = {id(table[uid]): table[uid] for uid in mentioned if uid in table}
            if found:
                return list(found.values())
        return []

    @staticmethod
    def _attribute(connection: Connection, owner: Owner) -> None:
        if owner not in connection.owners:
            connection.owners.append(owner)
            connection.tap.attribute(owner.recorder)

    async def drain(self, owner: Owner, seconds: float) -> bool:
        """Wait until no connection of ``owner`` is open any more, at most ``seconds``; False at the deadline."""
        try:
            async with asyncio.timeout(seconds):
                while mine := [each for each in self._open if owner in each.owners]:
                    await mine[0].done.wait()
        except TimeoutError:
            return False
        return True

    @contextlib.asynccontextmanager
    async def ordinary(self) -> AsyncIterator[Place | None]:
        """The shared destination (the first), for a scenario without a lease."""
        if not self.places:
            yield None
            return
        if len(self.places) == 1:
            async with self._all_free:
                await self._all_free.wait_for(lambda: self.places[0].holder is None)
                self._ordinary += 1
        try:
            yield self.places[0]
        finally:
            if len(self.places) == 1:
                async with self._all_free:
                    self._ordinary -= 1
                    self._all_free.notify_all()

    @contextlib.asynccontextmanager
    async def lease(self, listener: str, holder: LeaseHolder, *, shared: bool = False) -> AsyncIterator[Place]:
        """Exclusive use of one destination whose listener behaves as named; waits for its turn.

        ``shared``: of the first one, which a SUT knows alone; no ordinary scenario may be open then.
        """
        place = await self._turn(self.places[:1] if shared else self.places[1:] or self.places)
        try:
            place.holder = holder
            await self.behave(place, listener)
            yield place
        finally:
            place.holder = None
            await self.behave(place, "plain")
            place.free.release()
            async with self._all_free:
                self._all_free.notify_all()

    async def behave(self, place: Place, listener: str) -> None:
        """Change how a leased destination behaves from the next connection on; ``absent`` closes its port."""
        place.script, place.served = listener, 0
        if listener == ABSENT and place.listener is not None:
            await place.listener.aclose()
            place.listener = None
            reserve = getattr(self._network, "reserve", None)  # a network in memory has no other users
            place.reserved = reserve(place.host, place.port) if reserve else None
        elif listener != ABSENT and place.listener is None:
            if place.reserved is not None:
                place.reserved.close()
                place.reserved = None
            await self._listen(place)

    async def _turn(self, leasable: Sequence[Place]) -> Place:
        async with self._all_free:
            await self._all_free.wait_for(lambda: any(self._is_free(place) for place in leasable))
            place = next(place for place in leasable if self._is_free(place))
            await place.free.acquire()
        return place

    def _is_free(self, place: Place) -> bool:
        return not place.free.locked() and (len(self.places) > 1 or self._ordinary == 0)


def listener_of(scripts: Mapping[str, Any], name: str) -> Any:
    """The listener script called ``name``; raises ``KeyError`` with the names there are."""
    if name not in scripts:
        raise KeyError(f"no listener is called {name!r}; there are {', '.join(sorted(scripts))}, {ABSENT}")
    return scripts[name]


async def secured(stream: Stream, context: Any, recorder: Recorder, **where: Any) -> Stream | None:
    """``stream`` from outside once its TLS handshake is done; ``None`` where it failed, which is noted in ``recorder``."""
    over = TlsStream(stream, context, server_side=True, hostname=None)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            await over.handshake()
    except OSError as error:  # TimeoutError is one
        why = f"no handshake within {HANDSHAKE_S:g} s" if isinstance(error, TimeoutError) else words(error)
        recorder.event("note", what="tls-refused", **where, peer=list(stream.peer), detail=why)
        return None
    return over
