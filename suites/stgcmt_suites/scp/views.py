"""``commitments(t)``: what was asked of the SCP, what it answered, and what it reported, put together from the bytes.

A *commitment* is one N-ACTION-RQ of the harness. Its reports are the N-EVENT-REPORT-RQ of the SUT, on whatever
association, that carry its Transaction UID; a report under a UID that nobody asked with, but with instances that were
asked for here, is a *stray*. Reports on other scenarios' transactions, which may share an association, are left out.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stgcmt.suite import Transcript, dimse
from stgcmt.views.dimse import Answer, Association, DimseView, Message
from stgcmt_suites.commitment.dimse_module import Information, read_information
from stgcmt_suites.commitment.references import Reference, Result

PUSH_MODEL = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE = "1.2.840.10008.1.20.1.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
ALL_COMMITTED, SOME_FAILED = 1, 2


@dataclass(frozen=True, eq=False)
class Report:
    """One N-EVENT-REPORT-RQ of the SUT."""

    message: Message
    info: Information

    @property
    def events(self) -> tuple[int, ...]:
        return self.message.events

    @property
    def transcript(self) -> Transcript:
        return self.message.transcript

    @property
    def result(self) -> Result:
        """The committed and the failed instances, in wire order."""
        return self.info.result

    @property
    def event_type(self) -> int | None:
        """Event Type ID (0000,1002)."""
        return self.message.command.event_type

    @property
    def assoc(self) -> Association:
        """The association it came on."""
        return self.message.assoc

    @property
    def on_new_association(self) -> bool:
        """Whether it came on an association that the SUT opened."""
        return self.assoc.side == "acceptor"

    @property
    def response(self) -> Message | None:
        """Our response."""
        return next(iter(self.message.responses), None)

    @property
    def delivered(self) -> bool:
        """Whether we answered with success."""
        return self.response is not None and self.response.status == 0

    @functools.cached_property
    def content(self) -> tuple[int | None, tuple[Reference, ...], tuple[tuple[Reference, int | None], ...]]:
        """What it says, for comparison: event type and both lists, order ignored."""
        failed = sorted(((each.reference, each.reason) for each in self.result.failed), key=str)
        return self.event_type, tuple(sorted(self.result.committed)), tuple(failed)

    @property
    def summary(self) -> str:
        """Event type, counts and reasons."""
        where = "a new association" if self.on_new_association else "the request's association"
        text = f"report with event type {self.event_type} on {where}: {self.result.summary}"
        return f"{text}; {'; '.join(self.result.problems[:3])}" if self.result.problems else text


@dataclass(frozen=True, eq=False)
class Commitment:
    """One request of ours: ``asked`` is read from the bytes that were sent.

    ``strays`` are reports on its instances under a UID that nobody asked with; ``shared`` says whether another request
    of the scenario has the same Transaction UID.
    """

    answer: Answer
    asked: Information
    reports: tuple[Report, ...] = ()
    strays: tuple[Report, ...] = ()
    shared: bool = False

    @property
    def events(self) -> tuple[int, ...]:
        return self.answer.events

    @property
    def transcript(self) -> Transcript:
        return self.answer.transcript

    @property
    def step(self) -> str | None:
        """The scenario's step."""
        return self.answer.request.step if self.answer.request else None

    @property
    def sent(self) -> bool:
        """Whether the request went out."""
        return self.answer.request is not None

    @property
    def asked_t(self) -> int:
        """When it went out, on the scenario's clock (nanoseconds); 0 where it was not sent."""
        return self.answer.request.t_first if self.answer.request else 0

    @property
    def status(self) -> int | None:
        """The status of the response; ``None`` where there is none."""
        return self.answer.status

    @property
    def accepted(self) -> bool:
        """Whether it was answered with success."""
        return self.status == 0

    @property
    def refused(self) -> bool:
        """Whether it was answered with a failure status."""
        return self.status not in {None, 0}

    @property
    def transaction_uid(self) -> str:
        """The Transaction UID as it was sent; empty where there was none."""
        return self.asked.transaction_uid or ""

    @property
    def references(self) -> tuple[Reference, ...]:
        """What was asked for, in order."""
        return self.asked.references

    @property
    def heard(self) -> tuple[Report, ...]:
        """All that was reported on it, under the right Transaction UID or another one."""
        return (*self.reports, *self.strays)

    @property
    def unasked(self) -> tuple[Report, ...]:
        """The reports that should not be there where it was refused: under its UID, or under none where it had none.

        Another, accepted request under the same Transaction UID has a right to them.
        """
        if not self.transaction_uid:
            return tuple(each for each in self.strays if not each.info.transaction_uid)
        return () if self.shared else self.reports

    @property
    def released_before_report(self) -> bool:
        """Whether our association had ended before any report began: the SUT had to open one."""
        assoc = self.answer.assoc
        if assoc is None or assoc.t_end is None:
            return False
        return all(report.message.t_first > assoc.t_end for report in self.heard)

    @property
    def summary(self) -> str:
        """What came of it."""
        if not self.sent:
            return self.answer.summary
        count = len(self.reports)
        return f"{self.answer.summary}, {count or 'no'} report{'' if count == 1 else 's'}"


class Commitments:
    """All requests of a transcript in the order in which they were sent, and all reports that concern them."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.dimse: DimseView = dimse(transcript)
        everything = tuple(Report(each, _information(each)) for each in self.dimse.requests("N-EVENT-REPORT-RQ"))
        sent = [(each, _information(each)) for each in self.dimse.messages("N-ACTION-RQ", incoming=False)]
        used = {info.transaction_uid for _, info in sent if info.transaction_uid}
        self.all: tuple[Commitment, ...] = tuple(
            Commitment(
                self.dimse.answer_to(message),
                info,
                tuple(
                    each
                    for each in everything
                    if info.transaction_uid and each.info.transaction_uid == info.transaction_uid
                ),
                tuple(each for each in everything if each.info.transaction_uid not in used and _shares(each, info)),
                [each.transaction_uid for _, each in sent].count(info.transaction_uid) > 1,
            )
            for message, info in sent
        )
        mine = {id(report) for each in self.all for report in (*each.reports, *each.strays)}
        self.reports: tuple[Report, ...] = tuple(report for report in everything if id(report) in mine)

    def __getitem__(self, step: str) -> Commitment:
        """The last request of a step; one that says why nothing was sent where there is none."""
        found = self.steps(step)
        return found[-1] if found else Commitment(self.dimse.answer(step), Information())

    def steps(self, *names: str) -> tuple[Commitment, ...]:
        """The requests of these steps; all of them without a name."""
        return tuple(each for each in self.all if not names or each.step in names)

    @property
    def accepted(self) -> tuple[Commitment, ...]:
        """The requests that were answered with success."""
        return tuple(each for each in self.all if each.accepted)

    @property
    def opened_by_sut(self) -> tuple[Association, ...]:
        """The associations that the SUT opened and that propose the Push Model class."""
        found = self.dimse.associations(side="acceptor")
        return tuple(
            each for each in found if each.rq and any(one.abstract_syntax == PUSH_MODEL for one in each.rq.contexts)
        )

    @property
    def opened_by_us(self) -> tuple[Association, ...]:
        """The associations that we opened and that propose the Push Model class."""
        found = self.dimse.associations(side="requestor")
        return tuple(
            each for each in found if each.rq and any(one.abstract_syntax == PUSH_MODEL for one in each.rq.contexts)
        )

    @property
    def listened(self) -> bool:
        """Whether a destination of ours was open for this scenario."""
        return any(event.info.get("what") == "destination" for event in self.transcript.of("decision"))

    def stored_class(self, sop_instance_uid: str) -> str | None:
        """The SOP Class UID with which an instance was seeded, where it was and that is known."""
        for event in self.transcript.of("seed"):
            if event.info.get("ok") and event.info.get("sop_instance_uid") == sop_instance_uid:
                found = event.info.get("sop_class_uid")
                return None if found is None else str(found)
        return None

    def absent(self) -> frozenset[str]:
        """SOP Instance UIDs of requests that the SUT cannot hold: minted here and never seeded, or deleted since."""
        minted = {
            str(event.info.get("uid")) for event in self.transcript.of("uid") if event.info.get("what") == "instance"
        }
        asked = {each.sop_instance_uid for request in self.all for each in request.references}
        noted = [event.info for event in self.transcript.of("note") if event.info.get("what") == "instances"]
        minted |= {str(uid) for each in noted for uid in each.get("sop_instance_uids", ())}
        return frozenset(asked & (minted - self.seeded() | self.deleted()))

    def deleted(self) -> frozenset[str]:
        """SOP Instance UIDs that the vendor's help deleted from the SUT."""
        return frozenset(self.helped("delete"))

    def helped(self, name: str) -> dict[str, int]:
        """SOP Instance UIDs that the vendor's help of this name was for, and when it was done."""
        helped = [event for event in self.transcript.of("provoke") if event.info.get("name") == name]
        return {
            str(each.info.get("values", {}).get("sop_instance_uid")): each.t for each in helped if each.info.get("ok")
        }

    def seeded(self) -> frozenset[str]:
        """SOP Instance UIDs that the SUT was given, or holds already."""
        return frozenset(
            str(event.info.get("sop_instance_uid")) for event in self.transcript.of("seed") if event.info.get("ok")
        )


def commitments(transcript: Transcript) -> Commitments:
    """The commitments of a transcript, made once."""
    return transcript.view(Commitments)


def reports_of(*transcripts: Transcript) -> tuple[Report, ...]:
    """The reports of several transcripts."""
    return tuple(report for each in transcripts for report in commitments(each).reports)


def accepted_of(*transcripts: Transcript) -> tuple[Commitment, ...]:
    """The accepted requests of several transcripts."""
    return tuple(one for each in transcripts for one in commitments(each).accepted)


def opened_by_sut(*transcripts: Transcript) -> tuple[Association, ...]:
    """The associations that the SUT opened, of several transcripts."""
    return tuple(assoc for each in transcripts for assoc in commitments(each).opened_by_sut)


@dataclass(frozen=True, eq=False)
class Seen:
    """A subject for ``expected`` that says more than the view it points to."""

    what: Any
    summary: str
    of: Transcript | None = None
    cited: tuple[int, ...] | None = None

    @property
    def events(self) -> tuple[int, ...]:
        return tuple(self.what.events) if self.cited is None else self.cited

    @property
    def transcript(self) -> Transcript | None:
        found = self.of or getattr(self.what, "transcript", None)
        return found if isinstance(found, Transcript) else None


def negotiation(assoc: Association, text: str) -> Seen:
    """A subject that cites the negotiation of an association."""
    return Seen(assoc, f"{text} ({assoc.calling_ae} -> {assoc.called_ae})", cited=assoc.negotiation_events)


def names(references: Iterable[object]) -> str:
    """Instances in a few words: the first three, and how many more."""
    found = [str(each) for each in references]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return (", ".join(found[:3]) + more) or "none"


def _information(message: Message) -> Information:
    return read_information(message.data, message.transfer_syntax, message.events)


def _shares(report: Report, asked: Information) -> bool:
    named = {each.sop_instance_uid for each in asked.references if each.sop_instance_uid}
    return any(uid in named for uid in report.result.instances)


__all__ = [
    "ALL_COMMITTED",
    "IMPLICIT_LE",
    "PUSH_MODEL",
    "PUSH_MODEL_INSTANCE",
    "SOME_FAILED",
    "Association",
    "Commitment",
    "Commitments",
    "Message",
    "Report",
    "Seen",
    "accepted_of",
    "commitments",
    "names",
    "negotiation",
    "opened_by_sut",
    "reports_of",
]
