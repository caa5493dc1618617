"""Reports that a run awaited and that did not come while it lasted: read from the transcripts, like everything else.

A scenario whose wait for a report ends at its deadline leaves a note ``pending``: the Transaction UIDs, how many reports
were awaited and seen, and the destination. Pending is what no report answered since, also one that ``stgcmt wait`` recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stgcmt.clock import NS, iso
from stgcmt.recorded import Event, Transcript
from stgcmt.views.dimse import Message, dimse

REPORT, REQUEST = "N-EVENT-REPORT-RQ", "N-ACTION-RQ"


@dataclass(frozen=True)
class Pending:
    """One transaction whose report is awaited.

    Attributes:
        role: whose scenario it is.
        scenario: its name.
        transaction_uids: what a report on it mentions (one, but for a scenario that awaits any of several).
        missing: how many reports are awaited still.
        instances: SOP Instance UIDs of ours that the request names.
        destination: AE title, host, port and TLS files of the listener.
        since_ns: when the request was made, due_ns: when its report has to be here (wall clock, nanoseconds since 1970).
        heard_until_ns: until when somebody listened.
        event: the note in the transcript.
    """

    role: str
    scenario: str
    transaction_uids: tuple[str, ...]
    missing: int
    instances: tuple[str, ...] = ()
    destination: Mapping[str, Any] = field(default_factory=dict)
    since_ns: int = 0
    due_ns: int = 0
    heard_until_ns: int = 0
    event: int = 0

    @property
    def overdue(self) -> bool:
        """Whether it was listened for as long as the SUT may take: then its absence is a finding."""
        return self.heard_until_ns >= self.due_ns

    def to_json(self) -> dict[str, Any]:
        """The transaction as ``results.json`` shows it."""
        return {
            "role": self.role,
            "scenario": self.scenario,
            "transaction_uids": list(self.transaction_uids),
            "missing": self.missing,
            "instances": list(self.instances),
            "destination": {key: self.destination.get(key) for key in ("ae_title", "host", "port")},
            "since": iso(self.since_ns),
            "due": iso(self.due_ns),
            "overdue": self.overdue,
            "event": self.event,
        }


def pending_in(transcript: Transcript) -> tuple[Pending, ...]:
    """The transactions of one scenario whose reports are awaited still, in the order of their deadlines."""
    return transcript.view(_pending_in)


def pending_of(transcripts: Iterable[Transcript]) -> tuple[Pending, ...]:
    """The same for several scenarios, by role, scenario and time."""
    found = (each for transcript in transcripts for each in pending_in(transcript))
    return tuple(sorted(found, key=lambda each: (each.role, each.scenario, each.since_ns, each.transaction_uids)))


def _pending_in(transcript: Transcript) -> tuple[Pending, ...]:
    notes = [event for event in transcript.of("note") if event.info.get("what") == "pending"]
    if not notes:
        return ()
    found: dict[tuple[str, ...], Pending] = {}
    for note in notes:
        uids = tuple(str(uid) for uid in note.info.get("uids", ()))
        missing = int(note.info.get("count", 1)) - _reports(transcript, uids)
        if missing > 0 and note.info.get("destination"):
            found[uids] = _pending(transcript, note, uids, missing)
    return tuple(found.values())


def _pending(transcript: Transcript, note: Event, uids: tuple[str, ...], missing: int) -> Pending:
    start = transcript.header.wall_ns
    asked = [each for each in dimse(transcript).messages(REQUEST, incoming=False) if _mentions(each, uids)]
    limit, waited = float(note.info.get("limit_s", 0)), float(note.info.get("waited_s", 0))
    began = note.t - int(waited * NS)
    heard = max((event.t for event in transcript.of("note") if event.info.get("what") == "awaited"), default=0)
    instances = [
        str(event.info.get("uid" if event.kind == "uid" else "sop_instance_uid", ""))
        for event in transcript.of("uid", "seed")
        if event.kind == "seed" or event.info.get("what") == "instance"
    ]
    return Pending(
        transcript.header.role, transcript.name, uids, missing,
        tuple(uid for uid in dict.fromkeys(instances) if uid and any(_mentions(each, (uid,)) for each in asked)),
        dict(note.info.get("destination") or {}),
        start + (asked[-1].t_last if asked else began), start + began + int(limit * NS), start + max(note.t, heard), note.n,
    )  # fmt: skip


def _reports(transcript: Transcript, uids: tuple[str, ...]) -> int:
    """How many reports came: one on our own association that crossed our release, and got no answer, does not count."""
    came = dimse(transcript).requests(REPORT)
    counted = [each for each in came if each.assoc.side == "acceptor" or each.responses]
    return max((sum(_mentions(each, (uid,)) for each in counted) for uid in uids), default=0)


def _mentions(message: Message, uids: Iterable[str]) -> bool:
    return any(uid.encode("ascii", "replace") in (message.data or b"") for uid in uids)
