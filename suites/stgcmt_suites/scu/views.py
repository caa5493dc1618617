"""What the checks of an SCU look at: its requests, our reports on them and its answers, the associations, and what it believes.

Nothing here raises on the client's bytes. Where a client shares an association between scenarios, each sees only what
mentions its own UIDs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from stgcmt.suite import Transcript, dimse, inconclusive
from stgcmt.views.dimse import Answer, Association, DimseView, Message
from stgcmt_suites.commitment.beliefs import Belief, beliefs_of
from stgcmt_suites.commitment.dimse_module import Information, read_information
from stgcmt_suites.commitment.references import uids
from stgcmt_suites.commitment.silence import nothing_asked
from stgcmt_suites.scp.views import PUSH_MODEL, PUSH_MODEL_INSTANCE, Seen, names, negotiation

IMPLICIT_LE = "1.2.840.10008.1.2"
KNOWN_EVENTS = (1, 2)


@dataclass(frozen=True, eq=False)
class Report:
    """One N-EVENT-REPORT-RQ of ours, and what became of it."""

    message: Message
    info: Information
    answer: Answer

    @property
    def events(self) -> tuple[int, ...]:
        """The events of report and answer."""
        return self.answer.events

    @property
    def transcript(self) -> Transcript:
        return self.message.transcript

    @property
    def event_type(self) -> int | None:
        """Event Type ID (0000,1002)."""
        return self.message.command.event_type

    @property
    def response(self) -> Message | None:
        """The client's response."""
        return self.answer.response

    @property
    def on_new_association(self) -> bool:
        """Whether it went out on an association that we opened."""
        return self.message.assoc.side == "requestor"

    @functools.cached_property
    def well_formed(self) -> bool:
        """Whether a client has no reason to refuse it: event type, class, instance, and every failed instance with a reason."""
        command = self.message.command
        known = (command.affected_class, command.affected_instance) == (PUSH_MODEL, PUSH_MODEL_INSTANCE)
        reasoned = all(each.reason is not None for each in self.info.result.failed)
        return known and self.event_type in KNOWN_EVENTS and reasoned and bool(self.info.transaction_uid)

    @functools.cached_property
    def whole_t(self) -> int:
        """When its last byte went out."""
        return self.message.t_last

    @property
    def summary(self) -> str:
        """Event type, counts, and the answer."""
        where = "a new association" if self.on_new_association else "the request's association"
        text = f"report with event type {self.event_type} on {where}: {self.info.result.summary}"
        return f"{text}; answer: {self.answer.summary}"


@dataclass(frozen=True, eq=False)
class Request:
    """One N-ACTION-RQ of the client."""

    message: Message
    info: Information

    @property
    def events(self) -> tuple[int, ...]:
        """The events of request and response."""
        return (*self.message.events, *(event for each in self.message.responses for event in each.events))

    @property
    def transcript(self) -> Transcript:
        return self.message.transcript

    @property
    def assoc(self) -> Association:
        """The association that it came on."""
        return self.message.assoc

    @property
    def transaction_uid(self) -> str:
        """The Transaction UID; empty where there is none."""
        return self.info.transaction_uid or ""

    @functools.cached_property
    def instances(self) -> frozenset[str]:
        """The SOP Instance UIDs that it names."""
        return frozenset(each.sop_instance_uid for each in self.info.references if each.sop_instance_uid)

    @property
    def status(self) -> int | None:
        """The status that it was answered with."""
        return next((each.status for each in self.message.responses), None)

    @property
    def summary(self) -> str:
        """What was asked, and the answer."""
        said = "no response" if self.status is None else f"answered {self.status:04X}H"
        uid = self.transaction_uid or "no Transaction UID"
        return f"N-ACTION for {len(self.info.references)} instances under {uid}, {said}"


class Conversation:
    """Everything of one scenario."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.dimse: DimseView = dimse(transcript)
        self._own = {str(event.info.get("uid")) for event in transcript.of("uid")}
        self._own |= {
            str(uid) for event in transcript.of("trigger") for uid in event.info.get("sop_instance_uids") or ()
        }

    @functools.cached_property
    def requests(self) -> tuple[Request, ...]:
        """The client's requests in the order of time."""
        found = self.dimse.requests("N-ACTION-RQ")
        return tuple(Request(each, _read(each)) for each in found if self._ours(each))

    @functools.cached_property
    def reports(self) -> tuple[Report, ...]:
        """Our reports in the order of time."""
        found = self.dimse.requests("N-EVENT-REPORT-RQ", incoming=False)
        return tuple(Report(each, _read(each), self.dimse.answer_to(each)) for each in found if self._ours(each))

    @property
    def asking(self) -> tuple[Association, ...]:
        """The associations of the client that propose the Push Model."""
        return tuple(each for each in self.dimse.associations(side="acceptor") if _proposes(each))

    @property
    def opened(self) -> tuple[Association, ...]:
        """The associations that we opened in order to report."""
        return tuple(each for each in self.dimse.associations(side="requestor") if _proposes(each))

    @functools.cached_property
    def stored(self) -> dict[str, int]:
        """When each instance was first stored (its C-STORE was complete)."""
        found: dict[str, int] = {}
        for each in self.dimse.requests("C-STORE-RQ"):
            found.setdefault(each.command.text(0x00001000) or "", each.t_last)
        return found

    @functools.cached_property
    def commits(self) -> dict[str, tuple[Report, ...]]:
        """By SOP Instance UID: the reports that commit it and do not fail it, for a transaction that asked for it."""
        wanted: dict[str, set[str]] = {}
        for request in self.requests:
            wanted.setdefault(request.transaction_uid, set()).update(request.instances)
        found: dict[str, list[Report]] = {}
        for report in self.reports:
            result = report.info.result
            if report.info.transaction_uid and report.event_type in KNOWN_EVENTS:
                failed = {each.reference.sop_instance_uid for each in result.failed}
                for uid in (uids(result.committed) - failed) & wanted.get(report.info.transaction_uid, set()):
                    found.setdefault(uid, []).append(report)
        return {uid: tuple(reports) for uid, reports in found.items()}

    def _ours(self, message: Message) -> bool:
        """Whether a message is this scenario's: the connection is, unless the message names instances of others alone."""
        named = _read(message).result.instances
        data = message.data or b""
        return message.assoc.side == "requestor" or not named or any(uid.encode() in data for uid in self._own)


def conversation(transcript: Transcript) -> Conversation:
    """The conversation of a transcript, made once."""
    return transcript.view(Conversation)


def requests_of(*transcripts: Transcript) -> tuple[Request, ...]:
    """The client's requests in these transcripts."""
    return tuple(one for each in transcripts for one in conversation(each).requests)


def asked(*transcripts: Transcript) -> tuple[Request, ...]:
    """The client's requests in these transcripts; inconclusive where it made none."""
    found = requests_of(*transcripts)
    if not found:
        nothing_asked(*transcripts)
    return found


def reports_to(*transcripts: Transcript) -> tuple[Report, ...]:
    """Our reports in these transcripts; inconclusive where none went out."""
    found = tuple(one for each in transcripts for one in conversation(each).reports)
    if not found:
        subjects = [one for each in transcripts for one in (*conversation(each).opened, *conversation(each).requests)]
        inconclusive("no report could be sent to the client", *subjects[:2])
    return found


def committed_by(transcript: Transcript, belief: Belief) -> Report | None:
    """The report that commits an instance, for a transaction that asked for it, sent before the client was asked."""
    found = conversation(transcript).commits.get(belief.sop_instance_uid, ())
    return next((report for report in found if report.whole_t <= belief.t), None)


def _read(message: Message) -> Information:
    return read_information(message.data, message.transfer_syntax, message.events)


def _proposes(assoc: Association) -> bool:
    return assoc.rq is not None and any(each.abstract_syntax == PUSH_MODEL for each in assoc.rq.contexts)


__all__ = [
    "IMPLICIT_LE", "KNOWN_EVENTS", "PUSH_MODEL", "PUSH_MODEL_INSTANCE", "Association", "Belief", "Conversation", "Report",
    "Request", "Seen", "asked", "beliefs_of", "committed_by", "conversation", "names", "negotiation", "reports_to",
    "requests_of",
]  # fmt: skip
