"""What is noted of a DIMSE face: sightings by what they are of."""

from __future__ import annotations

from dataclasses import dataclass, field

from stgcmt_reports.statement.kept import Kept
from stgcmt_reports.statement.values import Seen

PUSH_MODEL = "1.2.840.10008.1.20.1"
NO_ANSWER = -1  # stands for a status where no response came


@dataclass
class Side:
    """What associations in one direction show of the SUT; ``contexts`` by (abstract syntax, transfer syntax, roles)."""

    contexts: Seen = field(default_factory=Seen)
    rejected: Seen = field(default_factory=Seen)
    max_pdu: Seen = field(default_factory=Seen)
    implementation: Seen = field(default_factory=Seen)
    version: Seen = field(default_factory=Seen)
    application: Seen = field(default_factory=Seen)
    window: Seen = field(default_factory=Seen)
    calling: Seen = field(default_factory=Seen)
    called: Seen = field(default_factory=Seen)
    identity: Seen = field(default_factory=Seen)
    tls: Seen = field(default_factory=Seen)
    ends: Seen = field(default_factory=Seen)
    failures: Seen = field(default_factory=Seen)
    extended: Seen = field(default_factory=Seen)  # SOP Classes with an extended negotiation item


@dataclass
class DimseSeen:
    """The sightings of one face. ``sut_asks``: the SUT is the SCU of the commitment class."""

    sut_asks: bool
    initiated: Side = field(default_factory=Side)
    accepted: Side = field(default_factory=Side)
    action: Seen = field(default_factory=Seen)
    reports: Seen = field(default_factory=Seen)
    receipts: Seen = field(default_factory=Seen)
    reasons: Seen = field(default_factory=Seen)
    event_types: Seen = field(default_factory=Seen)
    arrival: Seen = field(default_factory=Seen)
    delays: Seen = field(default_factory=Seen)
    file_set_asked: Seen = field(default_factory=Seen)
    file_set_told: Seen = field(default_factory=Seen)
    retrieve_ae: Seen = field(default_factory=Seen)
    classes: Seen = field(default_factory=Seen)
    stored: Seen = field(default_factory=Seen)
    after_status: Seen = field(default_factory=Seen)  # (status, what the SUT did next)
    after_reason: Seen = field(default_factory=Seen)  # (failure reason, what the SUT did next)
    after_receipt: Seen = field(default_factory=Seen)  # (status of our N-EVENT-REPORT-RSP, what the SUT did next)
    triggers: Seen = field(default_factory=Seen)  # status of the request that a report answers
    kept: Kept = field(default_factory=Kept)
    after_success: Seen = field(default_factory=Seen)  # what the SUT holds committed instances for

    @property
    def anything(self) -> bool:
        """Whether a commitment was asked for in this direction at all."""
        return bool(self.action or self.reports)
