"""``http(t)``: the HTTP exchanges of a transcript, in order of time; lazy, total, naming the events they read.

Requests and responses of one connection are paired in order (RFC 9112 9.3). Nothing here raises on any bytes: what
cannot be read is an exchange with ``defects``, without a status, or without a response.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stgcmt.on_disk import Joined
from stgcmt.transcript import Event, StoredEvent, Transcript
from stgcmt.views import shared
from stgcmt.views.http_exchange import Exchange, Outcome, Request, Response
from stgcmt.wire.http import Message
from stgcmt.wire.http_fields import one_line

__all__ = ["Exchange", "HttpView", "Request", "Response", "http"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass(frozen=True, repr=False)
class HttpView:
    """All exchanges of a transcript in order of time.

    ``stale`` holds those that only show that the peer closed an idle connection just before it was used again; the
    client sent them once more, so they say nothing about the peer's answers (RFC 9112 9.3.1, 9.5).
    """

    exchanges: tuple[Exchange, ...]
    stale: tuple[Exchange, ...] = ()
    transcript: str = ""

    def __repr__(self) -> str:
        return (
            f"<HttpView {len(self.exchanges)} exchanges: {one_line('; '.join(x.summary for x in self.exchanges[:5]))}>"
        )

    @property
    def summary(self) -> str:
        return f"{len(self.exchanges)} HTTP exchanges"

    @property
    def events(self) -> tuple[int, ...]:
        """The ids of all events that the exchanges read."""
        return tuple(sorted({n for exchange in self.exchanges for n in exchange.events}))

    def exchanges_of(self, *, step: str | None = None, method: str | None = None) -> tuple[Exchange, ...]:
        """The exchanges of this step and method; ``None`` selects all."""
        return tuple(
            exchange
            for exchange in self.exchanges
            if (step is None or exchange.step == step) and (method is None or exchange.method == method)
        )

    def answer(self, step: str | None, method: str | None = None, index: int = -1) -> Exchange:
        """One exchange of the step, the last unless ``index`` says otherwise; an absent one (false) if it never was."""
        chosen = self.exchanges_of(step=step, method=method)
        if -len(chosen) <= index < len(chosen):
            return chosen[index]
        return Exchange(None, None, step, None, "absent", (), transcript=self.transcript)

    def responses(
        self, *, status: int | None = None, step: str | None = None, method: str | None = None
    ) -> tuple[Response, ...]:
        """The responses with this status, of this step and method; ``None`` selects all."""
        return tuple(
            exchange.response
            for exchange in self.exchanges_of(step=step, method=method)
            if exchange.response is not None and (status is None or exchange.response.status == status)
        )


def http(t: Transcript) -> HttpView:
    """The HTTP view of a transcript, computed once."""
    return t.view(_http)


def _http(t: Transcript) -> HttpView:
    found: list[Exchange] = []
    stale: list[Exchange] = []
    for conn, events in t.connections.items():
        if not _is_http(events):
            continue
        from_outside, exchanges = _CONVERSATIONS.of(events, conn, t.name, t.header.wall_ns)
        for number, exchange in enumerate(exchanges):
            broken = exchange.outcome in {"closed", "reset"} and exchange.method in _SAFE
            idle = number > 0 and broken and not from_outside
            (stale if idle else found).append(exchange)
    return HttpView(tuple(sorted(found, key=_when)), tuple(sorted(stale, key=_when)), t.name)


def _is_http(events: Sequence[Event]) -> bool:
    return any(event.kind in {"http.out", "http.in"} or event.info.get("protocol") == "http" for event in events)


def _when(exchange: Exchange) -> tuple[int, int]:
    return exchange.t, exchange.events[0] if exchange.events else 0


@dataclass(frozen=True)
class _Direction:
    """The bytes of one direction, and which event each came from."""

    events: tuple[Event, ...]

    @functools.cached_property
    def data(self) -> bytes | Joined:
        """The bytes, or where they lie in a large recording."""
        if any(isinstance(event, StoredEvent) for event in self.events):
            return Joined(self.events)
        return b"".join([event.data for event in self.events])

    @functools.cached_property
    def _ends(self) -> list[int]:
        ends, total = [], 0
        for event in self.events:
            total += event.size
            ends.append(total)
        return ends

    def span(self, start: int, end: int) -> tuple[Event, ...]:
        """The events whose bytes make up ``start`` to ``end``."""
        if end <= start:
            return ()
        return self.events[bisect.bisect_right(self._ends, start) : bisect.bisect_left(self._ends, end) + 1]


@dataclass(frozen=True)
class _Conversation:
    """One connection."""

    name: str
    began: int  # wall clock of the transcript's start, nanoseconds
    conn: int | None
    events: Sequence[Event]

    def exchanges(self) -> Iterator[Exchange]:
        refused = next((event for event in self.events if event.kind == "conn.refused"), None)
        asked, came = ("http.out", "http.in") if self._side != "acceptor" else ("http.in", "http.out")
        ours, theirs = (_Direction(tuple(e for e in self.events if e.kind == kind)) for kind in (asked, came))
        requests = shared.requests(ours.data)
        responses = shared.responses(
            theirs.data, tuple(message.method for message in requests) or None, eof=self._how.startswith("fin")
        )
        for number in range(max(len(requests), len(responses))):
            request = self._request(ours, requests[number]) if number < len(requests) else None
            response = self._response(theirs, responses[number], request) if number < len(responses) else None
            yield self._exchange(request, response)
        if not requests and not responses and refused is not None:
            detail = str(refused.info.get("error", ""))
            ids, name = (refused.n,), self.name
            yield Exchange(None, None, refused.step, self.conn, "refused", ids, refused.t, detail, name)

    @functools.cached_property
    def _side(self) -> object:
        return next((event.info.get("side") for event in self.events if event.kind == "conn.open"), None)

    @property
    def from_outside(self) -> bool:
        """Whether the peer asked and we answered: then a missing answer is our own doing."""
        return self._side == "acceptor"

    @functools.cached_property
    def _close(self) -> Event | None:
        return next((event for event in self.events if event.kind == "conn.close"), None)

    @functools.cached_property
    def _how(self) -> str:
        """How the connection ended; for a connection from outside, our own close is an orderly end of our answer."""
        how = "" if self._close is None else str(self._close.info.get("how", ""))
        return "fin" if self._side == "acceptor" and how == "local" else how

    def _exchange(self, request: Request | None, response: Response | None) -> Exchange:
        parts = [part for part in (request, response) if part is not None]
        ids = [n for part in parts for n in part.events]
        outcome: Outcome = "response"
        if response is None:
            outcome = _outcome(self._how)
            if self._close is not None and outcome != "silence":
                ids.append(self._close.n)
        t = request.t if request else response.t_first if response else 0
        step = parts[0].step if parts else None
        return Exchange(request, response, step, self.conn, outcome, tuple(dict.fromkeys(ids)), t, "", self.name)

    def _request(self, direction: _Direction, message: Message) -> Request:
        events = direction.span(message.start, message.end)
        first, last = (events[0].t, events[-1].t) if events else (0, 0)
        return Request(self.name, message, _ids(events), self.conn, (events[0].step if events else None), first, last)

    def _response(self, direction: _Direction, message: Message, request: Request | None) -> Response:
        start = message.interim[0].start if message.interim else message.start
        events = direction.span(start, message.end)
        final = direction.span(message.start, message.end) or events
        first, last = (final[0].t, final[-1].t) if final else (0, 0)
        step = request.step if request else (events[0].step if events else None)
        wall_ns = self.began + last
        return Response(self.name, message, _ids(events), self.conn, step, first, last, wall_ns, request)


def _outcome(how: str) -> Outcome:
    if how.startswith(("rst", "error", "abort")):
        return "reset"
    return "closed" if how.startswith("fin") else "silence"


def _ids(events: Iterable[Event]) -> tuple[int, ...]:
    return tuple(event.n for event in events)


def _conversation(
    events: Sequence[Event], conn: int | None, name: str, began: int
) -> tuple[bool, tuple[Exchange, ...]]:
    """Whether the peer asked, and the exchanges of a connection of the transcript ``name``."""
    conversation = _Conversation(name, began, conn, events)
    return conversation.from_outside, tuple(conversation.exchanges())


_CONVERSATIONS = shared.ByEvents(_conversation)
