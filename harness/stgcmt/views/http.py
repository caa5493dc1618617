"""``http(t)``: the HTTP exchanges of a transcript, in order of time; lazy, total, naming the events they read.

Requests and responses of one connection are paired in order (RFC 9112 9.3). Nothing here raises on any bytes: what
cannot be read is an exchange with ``defects``, without a status, or without a response.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stgcmt.transcript import Event, Transcript
from stgcmt.wire.http import Head, Headers, Message, read_requests, read_responses
from stgcmt.wire.http_fields import MediaType, RetryAfter, one_line

Outcome = Literal["response", "closed", "reset", "silence", "refused", "absent"]
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PHRASES = {
    "closed": "connection closed without an answer",
    "reset": "connection reset without an answer",
    "silence": "no answer",
    "refused": "no connection",
    "absent": "never asked",
}


@dataclass(frozen=True, repr=False)
class _Part:
    """What requests and responses share; ``events`` are the ids of the events its bytes came from."""

    transcript: str
    message: Message
    events: tuple[int, ...]
    conn: int | None
    step: str | None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary}>"

    @property
    def summary(self) -> str:
        """One line for a reader."""
        raise NotImplementedError

    @property
    def headers(self) -> Headers:
        """Name and value as seen, in order, duplicates kept."""
        return self.message.headers

    @property
    def body(self) -> bytes:
        """The body without its chunks; content codings are left (``decoded``)."""
        return self.message.body

    @property
    def decoded(self) -> bytes | None:
        """The body without content codings; ``None`` where one is unknown or broken."""
        return self.message.decoded

    @property
    def defects(self) -> tuple[str, ...]:
        """What is wrong with the message as HTTP: keys of ``stgcmt.wire.http.DEFECTS``."""
        return self.message.defects

    @property
    def framing(self) -> str:
        """How the body is delimited: content-length, chunked, close, none."""
        return self.message.framing

    @property
    def complete(self) -> bool:
        """Whether all of the message was recorded."""
        return self.message.complete

    @property
    def media_type(self) -> MediaType | None:
        return self.message.media_type

    def header(self, name: str) -> str | None:
        """The header's value, several joined by a comma; ``None`` where absent."""
        return self.message.header(name)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the header, in order."""
        return self.message.all(name)

    def items(self, name: str) -> tuple[str, ...]:
        """The elements of a list-valued header."""
        return self.message.items(name)


@dataclass(frozen=True, repr=False)
class Request(_Part):
    """A request as recorded; ``t`` and ``t_last`` are nanoseconds since the transcript's start: first and last byte."""

    t: int
    t_last: int

    @property
    def summary(self) -> str:
        return one_line(f"{self.method} {self.target}".strip() or "an unreadable request")

    @property
    def method(self) -> str:
        return self.message.method

    @property
    def target(self) -> str:
        """The request target exactly as sent."""
        return self.message.target

    @property
    def path(self) -> str:
        """The target without scheme, authority and query; percent-encoding left."""
        path = self.target.partition("?")[0]
        if "://" in path:
            path = "/" + path.partition("://")[2].partition("/")[2]
        return path

    @property
    def query(self) -> str | None:
        """What follows ``?``; ``None`` where there is none."""
        _, mark, query = self.target.partition("?")
        return query if mark else None

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's segments as sent; a trailing slash gives an empty last one."""
        return tuple(self.path.removeprefix("/").split("/"))


@dataclass(frozen=True, repr=False)
class Response(_Part):
    """A response as recorded; ``t_first`` and ``t_last`` are nanoseconds since the transcript's start."""

    t_first: int
    t_last: int
    wall_ns: int
    request: Request | None = None

    @property
    def summary(self) -> str:
        status = "an unreadable response" if self.status is None else str(self.status)
        wait = self.header("retry-after")
        notes = [status, f"Retry-After: {wait}" if wait is not None else "", ", ".join(self.defects)]
        return one_line(", ".join(note for note in notes if note))

    @property
    def status(self) -> int | None:
        """The status code; ``None`` where no status line could be read."""
        return self.message.status

    @property
    def interim(self) -> tuple[Head, ...]:
        """The 1xx responses before it."""
        return self.message.interim

    @property
    def retry_after(self) -> RetryAfter | None:
        """``None`` where absent, of kind ``invalid`` where unreadable."""
        return self.message.retry_after

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait from the response's last byte; ``None`` where absent or invalid."""
        return None if self.retry_after is None else self.retry_after.delay_s(self.wall_ns)


@dataclass(frozen=True, repr=False)
class Exchange:
    """A request with what came of it; ``outcome`` ``absent`` marks one that was looked for and never happened."""

    request: Request | None
    response: Response | None
    step: str | None
    conn: int | None
    outcome: Outcome
    events: tuple[int, ...]
    t: int = 0
    detail: str = ""
    transcript: str = ""

    def __repr__(self) -> str:
        return f"<Exchange {self.summary}>"

    def __bool__(self) -> bool:
        return self.outcome != "absent"

    @property
    def status(self) -> int | None:
        """The response's status; ``None`` where there is no readable response."""
        return self.response.status if self.response else None

    @property
    def body(self) -> bytes:
        return self.response.body if self.response else b""

    @property
    def method(self) -> str:
        return self.request.method if self.request else ""

    def header(self, name: str) -> str | None:
        """The response's header; ``None`` where absent."""
        return self.response.header(name) if self.response else None

    @property
    def summary(self) -> str:
        """One line: ``POST /commitment-requests/2.25.1 -> 202, Retry-After: 1``."""
        asked = self.request.summary if self.request else f"step {self.step}" if self.step else "a request"
        came = self.response.summary if self.response else _PHRASES[self.outcome]
        return f"{asked} -> {came}" + (f" ({one_line(self.detail)})" if self.detail else "")


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
    connections: dict[int | None, list[Event]] = {}
    for event in t.events:
        if event.kind.startswith(("conn.", "http.")):
            connections.setdefault(event.conn, []).append(event)
    found: list[Exchange] = []
    stale: list[Exchange] = []
    for conn, events in connections.items():
        if not _is_http(events):
            continue
        conversation = _Conversation(t, conn, events)
        for number, exchange in enumerate(conversation.exchanges()):
            broken = exchange.outcome in {"closed", "reset"} and exchange.method in _SAFE
            idle = number > 0 and broken and not conversation.from_outside
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
    def data(self) -> bytes:
        return b"".join([event.data for event in self.events])

    @functools.cached_property
    def _ends(self) -> list[int]:
        ends, total = [], 0
        for event in self.events:
            total += len(event.data)
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

    transcript: Transcript
    conn: int | None
    events: Sequence[Event]

    def exchanges(self) -> Iterator[Exchange]:
        refused = next((event for event in self.events if event.kind == "conn.refused"), None)
        asked, came = ("http.out", "http.in") if self._side != "acceptor" else ("http.in", "http.out")
        ours, theirs = (_Direction(tuple(e for e in self.events if e.kind == kind)) for kind in (asked, came))
        requests = read_requests(ours.data)
        responses = read_responses(
            theirs.data, [message.method for message in requests] or None, eof=self._how.startswith("fin")
        )
        for number in range(max(len(requests), len(responses))):
            request = self._request(ours, requests[number]) if number < len(requests) else None
            response = self._response(theirs, responses[number], request) if number < len(responses) else None
            yield self._exchange(request, response)
        if not requests and not responses and refused is not None:
            detail = str(refused.info.get("error", ""))
            ids, name = (refused.n,), self.transcript.name
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
        return Exchange(
            request, response, step, self.conn, outcome, tuple(dict.fromkeys(ids)), t, "", self.transcript.name
        )

    def _request(self, direction: _Direction, message: Message) -> Request:
        events = direction.span(message.start, message.end)
        first, last = (events[0].t, events[-1].t) if events else (0, 0)
        return Request(
            self.transcript.name, message, _ids(events), self.conn, (events[0].step if events else None), first, last
        )

    def _response(self, direction: _Direction, message: Message, request: Request | None) -> Response:
        start = message.interim[0].start if message.interim else message.start
        events = direction.span(start, message.end)
        final = direction.span(message.start, message.end) or events
        first, last = (final[0].t, final[-1].t) if final else (0, 0)
        step = request.step if request else (events[0].step if events else None)
        wall_ns = self.transcript.header.wall_ns + last
        return Response(self.transcript.name, message, _ids(events), self.conn, step, first, last, wall_ns, request)


def _outcome(how: str) -> Outcome:
    if how.startswith(("rst", "error", "abort")):
        return "reset"
    return "closed" if how.startswith("fin") else "silence"


def _ids(events: Iterable[Event]) -> tuple[int, ...]:
    return tuple(event.n for event in events)
