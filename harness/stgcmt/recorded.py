"""A transcript as a value: header, events, footer (``stgcmt.reading`` brings it back from its file)."""

from __future__ import annotations

import base64
import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stgcmt.on_disk import Place

SCHEMA = 1
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: ``n`` from 1 is its id, ``t`` nanoseconds since the transcript's start."""

    n: int
    t: int
    kind: str
    data: bytes = b""
    conn: int | None = None
    step: str | None = None
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of bytes in ``data``, known without reading them."""
        return len(self.data)

    def part(self, start: int, stop: int) -> bytes:
        """Some of ``data``."""
        return self.data[start:stop]

    def but(self, **changes: Any) -> Event:
        """The event with other values."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """The event as the JSON object of its line."""
        line: dict[str, Any] = {"n": self.n, "t": self.t, "kind": self.kind}
        if self.conn is not None:
            line["conn"] = self.conn
        if self.step is not None:
            line["step"] = self.step
        if self.info:
            line["info"] = dict(self.info)
        if data := self.data:
            line["data"] = base64.b64encode(data).decode("ascii")
        return line


_PLACED = ("n", "t", "kind", "conn", "step", "info")  # what a stored event holds besides the place of its bytes


class StoredEvent(Event):
    """An event of a large recording: its bytes lie in the file until somebody looks. A copy of it holds them."""

    __slots__ = ("_place",)
    _place: Place

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """``dataclasses.replace`` gives a plain event with other values."""
        return Event(*arguments, **named) if arguments or named else object.__new__(cls)

    def __init__(self) -> None:
        """Filled in by ``stored_at``."""

    @classmethod
    def stored_at(cls, event: Event, place: Place, **changes: Any) -> StoredEvent:
        """``event``, whose bytes lie there, with other values where ``changes`` has them."""
        made: StoredEvent = cls()
        for name in _PLACED:
            object.__setattr__(made, name, changes[name] if name in changes else getattr(event, name))
        object.__setattr__(made, "_place", place)
        return made

    def but(self, **changes: Any) -> Event:
        """The event with other values; bytes that stay the same stay where they lie."""
        if "data" in changes:
            return Event(**{name: getattr(self, name) for name in _PLACED if name not in changes}, **changes)
        return StoredEvent.stored_at(self, self._place, **changes)

    @property
    def data(self) -> bytes:
        """The bytes, read from the file. Raises ``ChangedError``."""
        return self._place.read()

    @property
    def size(self) -> int:
        return self._place.size

    def part(self, start: int, stop: int) -> bytes:
        return self._place.part(start, stop)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return self is other or (
            (self.n, self.t, self.kind, self.conn, self.step, self.size)
            == (other.n, other.t, other.kind, other.conn, other.step, other.size)
            and self.info == other.info
            and self.data == other.data
        )

    __hash__ = Event.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return Event, (self.n, self.t, self.kind, self.data, self.conn, self.step, self.info)


@dataclass(frozen=True, slots=True)
class Header:
    """Which scenario of which role this is, and when it started by both clocks."""

    scenario: str
    role: str
    wall_ns: int
    monotonic_ns: int
    schema: int = SCHEMA
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Footer:
    """How the scenario ended: complete, timeout, cancelled or crashed (then ``reason``)."""

    state: str
    events: int
    reason: str = ""


_ON_CONNECTIONS = frozenset({"conn", "http", "dimse"})


@dataclass(frozen=True, repr=False)
class Transcript:
    """A value: header, events, footer (``None`` where the recording was cut)."""

    header: Header
    events: tuple[Event, ...]
    footer: Footer | None = None
    _views: dict[Any, Any] = field(default_factory=dict, compare=False, init=False)

    def __repr__(self) -> str:
        return f"<Transcript {self.header.role}:{self.header.scenario} {len(self.events)} events>"

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.header.scenario

    @property
    def complete(self) -> bool:
        """Whether the scenario ran to its end and all its events are here."""
        return self.footer is not None and self.footer.state == "complete" and self.footer.events == len(self.events)

    @property
    def cut(self) -> str:
        """Why the recording is not complete, in a phrase; empty where it is."""
        if self.footer is None:
            return "the recording was cut: it has no footer"
        if self.footer.state != "complete":
            return f"the scenario ended as {self.footer.state}" + (
                f": {self.footer.reason}" if self.footer.reason else ""
            )
        if self.footer.events != len(self.events):
            return f"the recording was cut: {len(self.events)} of {self.footer.events} events"
        return ""

    def view(self, make: Callable[[Transcript], _T]) -> _T:
        """``make(self)``, computed once for this transcript."""
        if make not in self._views:
            self._views[make] = make(self)
        value: _T = self._views[make]
        return value

    def of(self, *kinds: str) -> tuple[Event, ...]:
        """The events of these kinds, in order."""
        if len(kinds) == 1:
            return self._by_kind.get(kinds[0], ())
        return tuple(event for event in self.events if event.kind in kinds)

    def event(self, n: int) -> Event:
        """The event with id ``n``; raises ``KeyError``."""
        return self._by_n[n]

    @functools.cached_property
    def _by_n(self) -> dict[int, Event]:
        return {event.n: event for event in self.events}

    @functools.cached_property
    def _by_kind(self) -> dict[str, tuple[Event, ...]]:
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.kind, []).append(event)
        return {kind: tuple(events) for kind, events in found.items()}

    @functools.cached_property
    def connections(self) -> dict[int | None, list[Event]]:
        """The events of each connection in order, by its id: how it was opened and ended, and what was sent on it."""
        found: dict[int | None, list[Event]] = {}
        for event in self.events:
            if event.kind.partition(".")[0] in _ON_CONNECTIONS:
                found.setdefault(event.conn, []).append(event)
        return found

    def with_events(self, events: Iterable[Event]) -> Transcript:
        """The same transcript with other events: a fresh value, no view is carried over."""
        return dataclasses.replace(self, events=tuple(events))
