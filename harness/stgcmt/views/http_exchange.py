"""What was asked and answered over HTTP, as values: a request, a response, and both as an exchange.

Nothing here raises on any bytes: what cannot be read has ``defects``, or no status.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from stgcmt.wire.http import Head, Headers, Message
from stgcmt.wire.http_fields import MediaType, RetryAfter, one_line

_T = TypeVar("_T")
Outcome = Literal["response", "closed", "reset", "silence", "refused", "absent"]
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
    _views: dict[Any, Any] = field(default_factory=dict, compare=False, init=False)

    def __repr__(self) -> str:
        return f"<Exchange {self.summary}>"

    def view(self, make: Callable[[Exchange], _T]) -> _T:
        """``make(self)``, computed once for this exchange: mutants of a recording share those that they leave alone."""
        if make not in self._views:
            self._views[make] = make(self)
        value: _T = self._views[make]
        return value

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
