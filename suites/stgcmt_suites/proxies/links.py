"""Both faces of a proxy in one recording, linked: what was asked in front, what that became behind, and what came back.

``links(t)`` is a cached view. The side that speaks HTTP and the side that speaks DIMSE are told by who opened the connection:
in front we ask, behind we are asked. A request behind belongs to the transaction in front that names one of its instances; the
Transaction UID decides where it was kept, since it is free to be another one behind (PS3.18 B.30, AMB-17). Nothing here raises.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from stgcmt.suite import Transcript, dimse
from stgcmt_suites.commitment.dimse_module import Information, read_information
from stgcmt_suites.commitment.references import FailedReference, Reference, Result
from stgcmt_suites.commitment.web_module import Module
from stgcmt_suites.origin_server.views import Call, Transaction, commitment

Pair = tuple[str, str]  # SOP Class UID, SOP Instance UID
CONFIGURED = "configured"  # a scenario's note: how the SUT file says that the SUT finds our end behind it


@dataclass(frozen=True, repr=False)
class Hop:
    """One message between two ends, to say of it that the meaning changed there (``stgcmt.suite.deviating``)."""

    transcript: str
    events: tuple[int, ...]
    summary: str


@dataclass(frozen=True, repr=False)
class Said:
    """One result on one face: a 200 with its module, or an N-EVENT-REPORT-RQ; ``t`` in nanoseconds since the start.

    ``carried``: the events of the message that says it, without the request that asked for it.
    """

    transcript: str
    t: int
    uid: str
    result: Result
    events: tuple[int, ...]
    where: str
    step: str = ""
    readable: bool = True
    module: Module | None = None
    information: Information | None = None
    carried: tuple[int, ...] = ()

    @property
    def summary(self) -> str:
        """One line."""
        return (
            f"{self.where}: {self.result.summary}" if self.readable else f"{self.where}: a result that cannot be read"
        )

    @property
    def hop(self) -> Hop:
        """The message that says it."""
        return Hop(self.transcript, self.carried or self.events, self.summary)

    @functools.cached_property
    def committed(self) -> frozenset[Pair]:
        """The pairs that it commits and does not fail."""
        failed = {_pair(each.reference) for each in self.result.failed}
        return frozenset(_pair(each) for each in self.result.committed) - failed

    @property
    def failed(self) -> tuple[FailedReference, ...]:
        return self.result.failed


@dataclass(frozen=True, repr=False)
class Front:
    """One transaction in front. ``status`` is that of the first answer; ``accepted``: it says that the request was taken."""

    transcript: str
    uid: str
    asked: tuple[Reference, ...]
    structure: str
    status: int | None
    accepted: bool
    results: tuple[Said, ...]
    events: tuple[int, ...]
    t_asked: int
    step: str
    summary: str
    answers: tuple[Any, ...] = ()
    answered: tuple[int, ...] = ()  # the events of the first answer

    @property
    def hop(self) -> Hop:
        """The first answer; where none came, the request."""
        return Hop(self.transcript, self.answered or self.events, self.summary)

    @functools.cached_property
    def pairs(self) -> frozenset[Pair]:
        """What was asked for."""
        return frozenset(_pair(each) for each in self.asked)

    @functools.cached_property
    def instances(self) -> frozenset[str]:
        """The SOP Instance UIDs that were asked for."""
        return frozenset(each.sop_instance_uid for each in self.asked)

    @property
    def result(self) -> Said | None:
        """The first result."""
        return self.results[0] if self.results else None


@dataclass(frozen=True, repr=False)
class Behind:
    """One request behind. ``taken``: our back end accepted it; ``results``: what our back end then said.

    ``t_failed``: when our back end first answered a Result Check with an error, or not at all; ``None``: never.
    """

    transcript: str
    uid: str
    asked: tuple[Reference, ...]
    taken: bool
    status: int | None
    results: tuple[Said, ...]
    events: tuple[int, ...]
    t: int
    summary: str
    sent: tuple[int, ...] = ()
    t_failed: int | None = None

    @property
    def hop(self) -> Hop:
        """The request alone."""
        return Hop(self.transcript, self.sent or self.events, self.summary)

    @functools.cached_property
    def pairs(self) -> frozenset[Pair]:
        """What was asked for."""
        return frozenset(_pair(each) for each in self.asked)

    @functools.cached_property
    def instances(self) -> frozenset[str]:
        """The SOP Instance UIDs that were asked for."""
        return frozenset(each.sop_instance_uid for each in self.asked)


@dataclass(frozen=True)
class Link:
    """A transaction in front and everything that it became behind."""

    front: Front
    behind: tuple[Behind, ...]

    @functools.cached_property
    def said_behind(self) -> tuple[Said, ...]:
        """The results that our back end gave, in order of time."""
        return tuple(sorted((each for one in self.behind for each in one.results), key=lambda said: said.t))

    @functools.cached_property
    def parts(self) -> tuple[Behind, ...]:
        """What our back end took, one for each Transaction UID: a proxy may ask for one request in several parts."""
        found: dict[str, Behind] = {}
        for one in self.behind:
            if one.taken:
                found.setdefault(one.uid, one)
        return tuple(found.values())

    @property
    def complete(self) -> bool:
        """Whether our back end gave a result for every part that it took."""
        return bool(self.parts) and all(part.results for part in self.parts)

    def together(self, t: int | None = None) -> Said | None:
        """The first readable result of every part, as one (until ``t``, nanoseconds); ``None`` where there is none yet."""
        firsts = [next((said for said in part.results if said.readable), None) for part in self.parts]
        said = [one for one in firsts if one is not None and (t is None or one.t <= t)]
        if len(said) < 2:
            return said[0] if said else None
        result = Result(
            tuple(ref for one in said for ref in one.result.committed),
            tuple(ref for one in said for ref in one.result.failed),
        )
        events = tuple(n for one in said for n in one.events)
        where = f"{len(said)} results behind, the last of them: {said[-1].where}"
        last = max(one.t for one in said)
        return Said(self.front.transcript, last, said[-1].uid, result, events, where)

    def waiting(self, t: int) -> tuple[Behind, ...]:
        """The parts that were taken behind and by ``t`` had neither a result for some of their instances, nor an error."""
        told = {uid for said in self.said_behind if said.t <= t for uid in said.result.instances}
        return tuple(
            part for part in self.parts
            if part.t <= t and part.instances - told and not any(said.t <= t for said in part.results)
            and (part.t_failed is None or part.t_failed > t)
        )  # fmt: skip

    def committed_before(self, t: int) -> frozenset[Pair]:
        """What our back end had committed by then, for this transaction."""
        return frozenset(pair for said in self.said_behind if said.t <= t for pair in said.committed)


@dataclass(frozen=True)
class Links:
    """All of a recording."""

    links: tuple[Link, ...]
    strangers: tuple[Behind, ...]  # requests behind for instances that nobody asked for in front

    def step(self, name: str) -> Link | None:
        """The link whose request in front was made in this step."""
        return next((link for link in self.links if link.front.step == name), None)


def links(transcript: Transcript) -> Links:
    """The links of a recording."""
    return transcript.view(_links)


def _links(transcript: Transcript) -> Links:
    web_in_front = transcript.header.role == "proxy_to_dimse"
    fronts = _web_fronts(transcript) if web_in_front else _dimse_fronts(transcript)
    behinds = _dimse_behinds(transcript) if web_in_front else _web_behinds(transcript)
    uids = {each.uid for each in fronts}
    made: list[Link] = []
    used: set[int] = set()
    for front in fronts:
        mine = [
            number for number, each in enumerate(behinds)
            if number not in used and _belongs(each, front, uids) and each.t >= front.t_asked
        ]  # fmt: skip
        used |= set(mine)
        made.append(Link(front, tuple(behinds[number] for number in mine)))
    return Links(tuple(made), tuple(each for number, each in enumerate(behinds) if number not in used))


def _belongs(behind: Behind, front: Front, uids: Collection[str]) -> bool:
    """Whether a request behind is what ``front`` became; ``uids``: the Transaction UIDs in front."""
    if behind.uid and behind.uid in uids:
        return behind.uid == front.uid
    return bool(behind.instances & front.instances)


# --- web ---------------------------------------------------------------------------------------------------------------


def _web_fronts(transcript: Transcript) -> tuple[Front, ...]:
    return tuple(_web_front(each) for each in commitment(transcript).transactions if each.posts)


def _web_front(transaction: Transaction) -> Front:
    first = transaction.posts[0]
    request = transaction.request
    results = tuple(_web_said(call, transaction.uid) for call in transaction.calls if call.final)
    asked = request.asked
    return Front(
        transaction.transcript, transaction.uid, asked.asked, asked.structure, first.status, request.accepted, results,
        tuple(n for call in transaction.calls for n in call.events), request.t_sent, request.step, transaction.summary,
        transaction.calls, _answered(first),
    )  # fmt: skip


def _answered(call: Call) -> tuple[int, ...]:
    return tuple(getattr(call.response, "events", ()) or ())


def _web_said(call: Call, uid: str) -> Said:
    module = call.module
    return Said(
        call.transcript, call.t_answered, uid, module.result, call.events, call.summary, call.step, module.readable, module,
        carried=_answered(call),
    )  # fmt: skip


def _web_behinds(transcript: Transcript) -> tuple[Behind, ...]:
    return tuple(made for each in commitment(transcript).transactions for made in _posted(each))


_IN_ORDER = (200, 202)


def _posted(transaction: Transaction) -> Iterator[Behind]:
    """The Requests of one transaction at our scripted origin server; its results belong to the first one that was taken."""
    results = tuple(_web_said(call, transaction.uid) for call in transaction.calls if call.final)
    owner = next((call for call in transaction.posts if call.accepted), next(iter(transaction.posts), None))
    everything = tuple(n for call in transaction.calls for n in call.events)
    errors = [call.t_answered or call.t_sent for call in transaction.checks if call.status not in _IN_ORDER]
    failed = min(errors, default=None)
    for call in transaction.posts:
        mine = call is owner
        yield Behind(
            transaction.transcript, transaction.uid, call.asked.asked, call.accepted, call.status,
            results if mine else (), everything if mine else call.events, call.t_sent,
            transaction.summary if mine else call.summary, tuple(getattr(call.request, "events", ()) or ()),
            failed if mine else None,
        )  # fmt: skip


# --- DIMSE -------------------------------------------------------------------------------------------------------------


def _information(message: Any) -> Information:
    return read_information(message.data, message.transfer_syntax, message.events)


def _dimse_said(message: Any) -> Said:
    read = _information(message)
    readable = bool(message.data) and read.transaction_uid is not None
    where = f"{message.summary} for {read.transaction_uid or 'no Transaction UID'}"
    return Said(
        message.transcript.name, message.t_last, read.transaction_uid or "", read.result, message.events, where,
        message.step or "", readable, None, read,
    )  # fmt: skip


def _dimse_behinds(transcript: Transcript) -> tuple[Behind, ...]:
    view = dimse(transcript)
    sent = view.messages("N-EVENT-REPORT-RQ", incoming=False)
    reports = [_dimse_said(each) for each in sent if each.complete]  # what was broken off says nothing
    found = []
    for message in view.requests("N-ACTION-RQ"):
        read = _information(message)
        response = view.response_to(message)
        status = response.status if response is not None else None
        mine = tuple(each for each in reports if each.uid == read.transaction_uid and each.t >= message.t_first)
        events = (*message.events, *(response.events if response is not None else ()))
        said = response.summary if response is not None else "no response of ours"
        found.append(
            Behind(
                transcript.name,
                read.transaction_uid or "",
                read.references,
                status == 0,
                status,
                mine,
                events,
                message.t_last,
                f"N-ACTION-RQ behind for {len(read.references)} instances, {said}",
                message.events,
            )
        )
    return tuple(found)


def _dimse_fronts(transcript: Transcript) -> tuple[Front, ...]:
    view = dimse(transcript)
    reports = [_dimse_said(each) for each in view.requests("N-EVENT-REPORT-RQ")]
    found: dict[str, Front] = {}
    for answer in view.answers():
        if answer.request is None:
            continue
        read = _information(answer.request)
        uid = read.transaction_uid or ""
        if uid in found:
            continue  # a request again under its Transaction UID: the first one is the transaction
        mine = tuple(each for each in reports if each.uid == uid)
        events = (*answer.events, *(n for each in mine for n in each.events))
        came = mine[0].result.summary if mine else "no report"
        found[uid] = Front(
            transcript.name, uid, read.references, "flat", answer.status, answer.status == 0, mine, events,
            answer.request.t_first, answer.request.step or "", f"N-ACTION in front, {answer.summary}; {came}", (answer,),
            answer.response.events if answer.response is not None else (),
        )  # fmt: skip
    return tuple(found.values())


def _pair(reference: Reference) -> Pair:
    return reference.sop_class_uid, reference.sop_instance_uid
