"""How event reports arrived: by what became of the request's association, and by how the listener behaved.

A pure function of transcripts, the same for an SCP and for an SCU under test: a *request* is an N-ACTION-RQ that was answered with
success, whoever sent it; an *attempt* is an N-EVENT-REPORT-RQ on its Transaction UID, or an association that its sender opened for
it and on which no report could go. Attempts while nobody listens reach no one and cannot be seen.

Who listens is ours where the SUT is an SCP: a *listener* is what the scenario set up. Where the SUT is an SCU it is the SUT's: a
listener is what we met there with an attempt that it might turn down (another AE title, one transfer syntax), else how it
behaved towards our first attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stgcmt.clock import NS
from stgcmt.suite import Transcript, dimse
from stgcmt.views.dimse import Association, DimseView, Message, hex4
from stgcmt_suites.commitment.dimse_module import read_information

PUSH_MODEL = "1.2.840.10008.1.20.1"
INSTANCE, EVENTS = "1.2.840.10008.1.20.1.1", (1, 2)
IMPLICIT_LE = "1.2.840.10008.1.2"
SAME, NEW = "the same association", "a new association"
NOT_TRIED, WRONG = "not tried by us", "ready, a wrong report"
READY, RESTARTED = "ready", "ready, SUT restarted meanwhile"
# What a scenario's listener is to a reader; one that stands not here is called by its own name.
LISTENERS = {
    "plain": READY, "absent": "absent at first", "slow": "slow to answer", "late": "slow to accept",
    "reject-transient": "refusing once",
    "reject-permanent": "refusing at first", "reject-context": "refusing the context at first",
    "other-ae": "another AE title at first", "no-role": "no role at first", "role-refused": "role refused at first",
    "role-both": "both roles", "implicit-only": "Implicit VR only", "explicit-only": "Explicit VR only",
    "explicit-first": "Explicit VR preferred", "small-pdu": "small PDUs", "failure-status": "failure status at first",
    "abort-on-report": "aborting at first", "close-on-report": "closing at first", "silent": "silent",
}  # fmt: skip
SLOW_PARTS_NS = NS // 2  # a report in parts: no round trip takes so long
SLOW_ANSWER_NS = 2 * NS  # a client that takes so long is slow for whoever waits; our own listener "slow" takes as long
ASSOCIATIONS = ("kept open", "released early", "aborted", "lost")


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver a report: when (nanoseconds since the transcript's start), where, and what became of it.

    ``way``: what is out of the ordinary in how it was made; empty where nothing is.
    """

    t: int
    on: str
    what: str
    ok: bool
    events: tuple[int, ...]
    way: str = ""


@dataclass(frozen=True)
class Transaction:
    """An accepted request and the attempts to report on it."""

    transcript: Transcript
    request: Message
    response: Message
    uid: str
    attempts: tuple[Attempt, ...]

    @property
    def association(self) -> str:
        """What had become of the request's association when the first report was tried, or when nothing came."""
        assoc = self.request.assoc
        first = self.attempts[0].t if self.attempts else None
        if assoc.t_end is None or (first is not None and first <= assoc.t_end):
            return "kept open"
        awaited = (each.t for each in self.transcript.of("wait.end") if each.info.get("reason") == "report")
        if (
            first is None
            and not self.request.incoming
            and any(self.response.t_last < t <= assoc.t_end for t in awaited)
        ):
            return "kept open"
        return {"released": "released early", "aborted": "aborted"}.get(assoc.end, "lost")

    @property
    def listener(self) -> str:
        """How who was to hear the report behaved: as the scenario set it up, or as our own attempts found the SUT's."""
        restarts = [each.t for each in self.transcript.of("driver") if each.info.get("action") == "restarted"]
        done = next((each.t for each in self.attempts if each.ok), None)
        if restarts and (done is None or restarts[0] < done):
            return RESTARTED
        if self.request.incoming:
            return self._met()
        names = (event.info.get("listener") for event in self.transcript.of("decision"))
        return next((LISTENERS.get(str(name), str(name)) for name in names if name), READY)

    def _met(self) -> str:
        told = (event.info for event in self.transcript.of("note") if event.info.get("what") == "called-ae")
        if any(each.get("ae_title") for each in told):
            return LISTENERS["other-ae"]
        if not self.attempts:
            return NOT_TRIED
        fresh = [each for each in self.attempts if each.on == NEW]
        ways = [each.way for each in fresh[:1] if each.way]
        return next(iter(ways), "") or _found([each.what for each in fresh if not each.ok])

    def to_json(self) -> dict[str, Any]:
        """The transaction as ``results.json`` shows it."""
        answered = self.response.t_last
        done = next((each for each in self.attempts if each.ok), None)
        last = self.transcript.events[-1].t

        def since(t: int) -> float:
            return round((t - answered) / NS, 3)

        return {
            "transcript": f"{self.transcript.header.role}/{self.transcript.name}",
            "step": self.request.step,
            "transaction_uid": self.uid,
            "delivered": done is not None,
            "on": done.on if done else None,
            "seconds": since(done.t) if done else None,
            "attempts": [
                {"seconds": since(each.t), "on": each.on, "what": each.what, "ok": each.ok, "events": list(each.events)}
                for each in self.attempts
            ],
            "again": self.attempts.index(done) if done else max(0, len(self.attempts) - 1),
            "repeated": len(self.attempts) - self.attempts.index(done) - 1 if done else 0,
            "gave_up_s": since(self.attempts[-1].t) if self.attempts and done is None else None,
            "watched_s": since(last),
            "events": [*self.request.events, *self.response.events],
        }


def topology(transcripts: Iterable[Transcript]) -> list[dict[str, Any]]:
    """The cells of the map, in the order of the association's states, then of the listeners' names."""
    cells: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for transcript in transcripts:
        for each in transactions(transcript):
            key = (transcript.header.role, each.association, each.listener)
            cells.setdefault(key, []).append(each.to_json())

    def place(key: tuple[str, str, str]) -> tuple[str, int, bool, str]:
        return key[0], ASSOCIATIONS.index(key[1]), key[2] != READY, key[2]

    return [
        {
            "role": role,
            "association": association,
            "listener": listener,
            "transactions": cells[role, association, listener],
        }
        for role, association, listener in sorted(cells, key=place)
    ]


def transactions(transcript: Transcript) -> tuple[Transaction, ...]:
    """The accepted requests of a transcript, each with the attempts to report on it."""
    view = dimse(transcript)
    accepted = list(_accepted(view))
    uids = [_transaction_uid(request) for request, _ in accepted]
    found = []
    for (request, response), uid in zip(accepted, uids, strict=True):
        attempts = list(_reports(view, request, uid)) if uid else []
        if len(accepted) == 1:  # of several nobody can say for which one an association was opened
            attempts += _fruitless(view, request)
        found.append(Transaction(transcript, request, response, uid, tuple(sorted(attempts, key=lambda each: each.t))))
    return tuple(found)


def _accepted(view: DimseView) -> Iterator[tuple[Message, Message]]:
    for request in view.messages("N-ACTION-RQ", complete=True):
        response = next((each for each in request.responses if each.status == 0), None)
        if response is not None:
            yield request, response


def _transaction_uid(message: Message) -> str:
    return read_information(message.data, message.transfer_syntax).transaction_uid or ""


def _reports(view: DimseView, request: Message, uid: str) -> Iterator[Attempt]:
    """The reports on a transaction, from who was asked."""
    for report in view.messages("N-EVENT-REPORT-RQ", incoming=not request.incoming, complete=True):
        if _transaction_uid(report) != uid:
            continue
        on = SAME if report.assoc is request.assoc else NEW
        response = next(iter(report.responses), None)
        events = (*report.events, *(response.events if response else ()))
        what, ok = _came_of(report, response)
        yield Attempt(report.t_first, on, what, ok, events, _way(report, response))


def _came_of(report: Message, response: Message | None) -> tuple[str, bool]:
    if response is not None and response.status is not None:
        good = response.status in {0x0000, 0x0001, 0x0107, 0x0116} or response.status >> 12 == 0xB
        return f"answered {hex4(response.status)}", good
    end = report.assoc.end
    if end == "aborted" and report.assoc.abort is not None:
        return f"aborted by the {'SUT' if report.assoc.abort.by == 'sut' else 'harness'}", False
    return {"closed": "connection closed", "reset": "connection reset"}.get(end, "not answered"), False


def _fruitless(view: DimseView, request: Message) -> Iterator[Attempt]:
    """Associations that were opened for a report after the request and on which none went."""
    side = "requestor" if request.incoming else "acceptor"
    for assoc in view.associations(side=side):
        if assoc.t_open < request.t_first or assoc is request.assoc:
            continue
        if any(each.kind in {"N-EVENT-REPORT-RQ", "N-ACTION-RQ"} for each in assoc.messages):
            continue
        proposed = assoc.rq is not None and any(one.abstract_syntax == PUSH_MODEL for one in assoc.rq.contexts)
        if proposed or assoc.end == "refused":
            yield Attempt(assoc.t_open, NEW, _why_not(assoc), ok=False, events=assoc.events, way=_proposed(assoc))


def _way(report: Message, response: Message | None) -> str:
    command = report.command
    if (
        command.affected_class != PUSH_MODEL
        or command.affected_instance != INSTANCE
        or command.event_type not in EVENTS
    ):
        return WRONG
    if proposed := _proposed(report.assoc):
        return proposed
    if report.t_last - report.t_first >= SLOW_PARTS_NS:
        return "ready, report in parts"
    slow = response is not None and response.t_first - report.t_last >= SLOW_ANSWER_NS
    return LISTENERS["slow"] if slow else ""


def _proposed(assoc: Association) -> str:
    """What is out of the ordinary in how an association for a report was opened."""
    if assoc.rq is None:
        return ""
    offered = {
        syntax for each in assoc.rq.contexts if each.abstract_syntax == PUSH_MODEL for syntax in each.transfer_syntaxes
    }
    if offered and IMPLICIT_LE not in offered:
        return "Explicit VR only at first"
    role = assoc.rq.role(PUSH_MODEL)
    if role is None:
        return "default roles at first"
    return "" if role.scp else "SCP role not proposed at first"


def _why_not(assoc: Association) -> str:
    if assoc.end == "refused":
        return "no connection"
    if assoc.rj is not None:
        said = assoc.rj
        return f"association rejected ({said.result}, {said.source}, {said.reason})"
    if assoc.ac is None:
        return "association not answered"
    if assoc.granted_roles(PUSH_MODEL) is None:
        return "presentation context rejected"
    granted = assoc.granted_roles(PUSH_MODEL)
    if granted is not None and not granted.requestor_scp:
        return "role not granted, nothing sent"
    return f"nothing sent, {assoc.end}"


def _found(failed: list[str]) -> str:
    """How the SUT's own listener behaved, from the first of our attempts that failed there."""
    words = {
        "no connection": "absent", "association rejected": "refusing", "association not answered": "silent",
        "presentation context": "refusing the context", "role not granted": "no role", "answered": "failure status",
        "aborted": "aborting", "connection": "closing", "not answered": "silent",
    }  # fmt: skip
    first = failed[0] if failed else ""
    return next((said for start, said in words.items() if first.startswith(start)), READY)
