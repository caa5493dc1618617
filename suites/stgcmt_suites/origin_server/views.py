"""What the checks of an origin server look at: calls on the commitment resource, transactions, results.

``commitment(t)`` is a cached view of a transcript; seeding and other traffic is left out. Nothing here raises on the
bytes of the server. Everything names the events that it was read from, and the transcript they stand in.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from stgcmt.suite import Transcript, http, inconclusive
from stgcmt.views.http_exchange import Exchange
from stgcmt_suites.commitment.references import Reference
from stgcmt_suites.commitment.representation import Representation
from stgcmt_suites.commitment.web_module import Module

RESOURCE = "commitment-requests"
BUSY = (429, 503)  # not now: they speak of the server's load, and may come at any request (13.4.3, 13.5.3, RFC 6585)
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")


@dataclass(frozen=True, repr=False)
class Call:
    """One request and what came back."""

    transcript: str
    exchange: Any
    step: str
    method: str
    target: str
    uid: str | None
    status: int | None
    events: tuple[int, ...]

    def __repr__(self) -> str:
        return f"<Call {self.summary}>"

    @property
    def summary(self) -> str:
        """One line: request, status, what matters of the answer."""
        where = f"[{self.step}] " if self.step else ""
        line = f"{where}{self.method or '?'} {self.target or '?'} -> "
        if self.status is None:
            return line + (f"no answer ({self.outcome})" if self.exchange is not None else "never sent")
        shown = [str(self.status)]
        shown += [
            f"{name}: {value}" for name in ("Content-Type", "Retry-After") if (value := self.header(name)) is not None
        ]
        shown.append(f"{len(self.body)} octets" if self.body else "no payload")
        return line + ", ".join(shown)

    @property
    def response(self) -> Any:
        """The response message, ``None`` where none came."""
        return getattr(self.exchange, "response", None)

    @property
    def request(self) -> Any:
        """The request message as sent, ``None`` where nothing was sent."""
        return getattr(self.exchange, "request", None)

    @property
    def outcome(self) -> str:
        """How the exchange ended on the wire: response, closed, reset, silence, refused."""
        return str(getattr(self.exchange, "outcome", "silence"))

    @property
    def body(self) -> bytes:
        """The payload of the response."""
        return self.response.body if self.response is not None else b""

    def header(self, name: str) -> str | None:
        """A header field of the response."""
        value: str | None = self.response.header(name) if self.response is not None else None
        return value

    def sent(self, name: str) -> str | None:
        """A header field of the request."""
        value: str | None = self.request.header(name) if self.request is not None else None
        return value

    @property
    def retry_after(self) -> Any:
        """Retry-After of the response as read, ``None`` where absent."""
        return self.response.retry_after if self.response is not None else None

    @property
    def accepted(self) -> bool:
        """Whether the answer says success, by whatever code."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the answer is a 4xx."""
        return self.status is not None and 400 <= self.status < 500

    @functools.cached_property
    def answer(self) -> Representation:
        """The response's payload as a representation."""
        decoded = self.response.decoded if self.response is not None else b""
        return Representation(self.response.media_type if self.response is not None else None, decoded or b"")

    @functools.cached_property
    def asked(self) -> Module:
        """The request module, parsed from the bytes that were sent."""
        if self.request is None:
            return Representation(None, b"").module
        return Representation(self.request.media_type, self.request.body).module

    @functools.cached_property
    def parts(self) -> tuple[tuple[Reference, ...], ...]:
        """What each part of a multipart request names."""
        if self.request is None:
            return ()
        whole = Representation(self.request.media_type, self.request.body).multipart
        parts = whole.parts if whole is not None else ()
        return tuple(Representation(part.media_type, part.content).module.references for part in parts)

    @property
    def module(self) -> Module:
        """The response module."""
        return self.answer.module

    @property
    def final(self) -> bool:
        """Whether this is an answer that carries a result."""
        return self.status == 200

    @property
    def t_sent(self) -> int:
        """When the request went out, nanoseconds since the transcript's start."""
        return int(getattr(self.request, "t", 0) or 0)

    @property
    def t_answered(self) -> int:
        """When the response was complete, nanoseconds since the transcript's start; 0 where none came."""
        return int(getattr(self.response, "t_last", 0) or 0)


NEVER = Call("", None, "", "", "", None, None, ())


@dataclass(frozen=True, repr=False)
class Transaction:
    """Everything that was exchanged under one Transaction UID, in order of time."""

    transcript: str
    uid: str
    calls: tuple[Call, ...]

    def __repr__(self) -> str:
        return f"<Transaction {self.summary}>"

    @property
    def posts(self) -> tuple[Call, ...]:
        """The requests."""
        return tuple(call for call in self.calls if call.method == "POST")

    @property
    def checks(self) -> tuple[Call, ...]:
        """The Result Checks."""
        return tuple(call for call in self.calls if call.method == "GET")

    @property
    def request(self) -> Call:
        """The POST that opened the transaction: the first accepted one, else the first."""
        return next((call for call in self.posts if call.accepted), self.posts[0] if self.posts else NEVER)

    @property
    def asked(self) -> Module:
        """The module that was asked for."""
        return self.request.asked

    @property
    def results(self) -> tuple[Call, ...]:
        """The answers with a result, in order."""
        return tuple(call for call in self.calls if call.final and call.method in ("GET", "POST"))

    @property
    def final(self) -> Call:
        """The first answer with a result; ``NEVER`` where none came."""
        return next(iter(self.results), NEVER)

    @property
    def result(self) -> Module:
        """The module of the first result."""
        return self.final.module

    @property
    def events(self) -> tuple[int, ...]:
        """The events of the request and of the first result."""
        return tuple(dict.fromkeys((*self.request.events, *self.final.events)))

    @property
    def summary(self) -> str:
        """One line: what was asked, what came out."""
        seen = (
            f"answered with {self.result.summary}"
            if self.final.status
            else f"no result, last answer {self.calls[-1].status}"
        )
        count = len(self.asked.references)
        return f"{self.uid}: {count} instance{'' if count == 1 else 's'} in a {self.asked.structure} request, {seen}"


@dataclass(frozen=True)
class CommitmentView:
    """The calls of one transcript on the commitment resource; ``every`` holds all other traffic as well."""

    transcript: str
    calls: tuple[Call, ...]
    every: tuple[Call, ...]

    @functools.cached_property
    def lasting(self) -> tuple[Call, ...]:
        """The calls without those that were refused for now and made again."""
        return tuple(call for call in self.calls if not _put_off(call, self.calls))

    def tries(self, call: Call) -> tuple[Call, ...]:
        """Every attempt of a call that was refused for now and made again, itself among them."""
        return tuple(each for each in self.calls if each is call or (each.status in BUSY and _made_again(each, call)))

    def step(self, *names: str, method: str | None = None) -> tuple[Call, ...]:
        """The calls of these steps, in order; what was refused for now gives way to the one made again."""
        return tuple(call for call in self.lasting if call.step in names and method in (None, call.method))

    def one(self, step: str, method: str | None = None) -> Call:
        """The first call of a step; ``NEVER`` where there is none."""
        return next(iter(self.step(step, method=method)), NEVER)

    def any_step(self, name: str) -> Call:
        """The first exchange of a step, on whatever resource."""
        return next((call for call in self.every if call.step == name and not _put_off(call, self.every)), NEVER)

    @functools.cached_property
    def transactions(self) -> tuple[Transaction, ...]:
        """The transactions, in the order of their first call."""
        grouped: dict[str, list[Call]] = {}
        for call in self.calls:
            if call.uid is not None:
                grouped.setdefault(call.uid, []).append(call)
        return tuple(Transaction(self.transcript, uid, tuple(calls)) for uid, calls in grouped.items())

    def transaction(self, step: str) -> Transaction:
        """The transaction that a step's first call belongs to; an empty one where there is none."""
        uid = self.one(step).uid
        return next((each for each in self.transactions if each.uid == uid), Transaction(self.transcript, "", ()))

    @property
    def events(self) -> tuple[int, ...]:
        """The events of all calls."""
        return tuple(n for call in self.calls for n in call.events)


def _made_again(call: Call, later: Call) -> bool:
    """Whether the later call asks the same once more: a Request perhaps under a fresh UID, with the same body."""
    same = call.step == later.step and call.method == later.method
    same = same and (call.method == "POST" or call.target == later.target) and later.t_sent >= call.t_answered
    return same and getattr(call.request, "body", None) == getattr(later.request, "body", None)


def _put_off(call: Call, beside: tuple[Call, ...]) -> bool:
    """Whether a call was refused for now and made again: it says nothing of what it asked for."""
    return call.status in BUSY and any(each is not call and _made_again(call, each) for each in beside)


def commitment(transcript: Transcript) -> CommitmentView:
    """The commitment view of a transcript."""
    return transcript.view(_commitment)


def _commitment(transcript: Transcript) -> CommitmentView:
    every = tuple(exchange.view(_call) for exchange in http(transcript).exchanges)
    return CommitmentView(transcript.name, tuple(call for call in every if _on_resource(call.target)), every)


def _segments(target: str) -> list[str]:
    path = target.partition("?")[0].partition("#")[0]
    if "://" in path:
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path.split("/")


def _on_resource(target: str) -> bool:
    return RESOURCE in _segments(target)


def _call(exchange: Exchange) -> Call:
    request, response = exchange.request, exchange.response
    target = str(getattr(request, "target", "") or "")
    segments = _segments(target)
    uid = None
    if RESOURCE in segments:
        rest = "/".join(segments[segments.index(RESOURCE) + 1 :])
        uid = unquote(rest) or None
    return Call(
        exchange.transcript,
        exchange,
        str(exchange.step or ""),
        str(getattr(request, "method", "") or ""),
        target,
        uid,
        response.status if response is not None else None,
        tuple(exchange.events),
    )


# --- what several checks ask ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """Transactions that reached a result, and the names of transcripts where none did."""

    transactions: tuple[Transaction, ...]
    missing: tuple[str, ...]

    def complete(self) -> None:
        """End inconclusive where a transcript showed no result: called after every assert over those that did."""
        if self.missing:
            inconclusive(f"no commitment request reached a result in {', '.join(self.missing)}", *self.transactions)


def results(*transcripts: Transcript) -> Found:
    """The transactions of these transcripts that reached a result with a module that can be read."""
    found: list[Transaction] = []
    missing: list[str] = []
    for transcript in transcripts:
        here = [
            each
            for each in commitment(transcript).transactions
            if each.request.accepted and each.asked.readable and each.final.status and each.result.readable
        ]
        found += here
        if not here:
            missing.append(transcript.name)
    return Found(tuple(found), tuple(missing))


def calls(*transcripts: Transcript, method: str | None = None) -> tuple[Call, ...]:
    """All calls of these transcripts on the commitment resource."""
    return tuple(call for each in transcripts for call in commitment(each).calls if method in (None, call.method))


def held(transcript: Transcript) -> frozenset[str]:
    """The SOP Instance UIDs that were brought into the server before, or were there already."""
    return frozenset(str(event.info.get("sop_instance_uid")) for event in transcript.of("seed") if event.info.get("ok"))


def uids_of(references: Iterable[Reference]) -> list[str]:
    """The SOP Instance UIDs, in order."""
    return [each.sop_instance_uid for each in references]


def valid_uid(text: str) -> bool:
    """Whether a text is a UID: at most 64 characters, components without leading zeros (PS3.5 9.1)."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def names(words: Iterable[object]) -> str:
    """UIDs or other words for a reader, in order: the first three, and how many more."""
    found = sorted(str(each) for each in words)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return (", ".join(found[:3]) + more) or "none"
