"""Named deviations of the reference SCU: one switch, one deviation, and which rows see it."""

from __future__ import annotations

from stgcmt.suite import Fault

# ruff: noqa: E501 - a table reads best with one row a line
# fmt: off

SAFE = ("DIMSE-SCU-SAFE-01",)
STATED = "DIMSE-DOC-06"
ROLE, GRANT = "DIMSE-J.2.1-01", "DIMSE-J.3.3.1.3-02"

_BELIEF = (
    Fault("believes-stored", "takes an answered C-STORE for a commitment", (*SAFE, STATED)),
    Fault("believes-accepted", "takes an accepted N-ACTION for a commitment", (*SAFE, STATED)),
    Fault("believes-refused", "lets go of instances whose request was refused", SAFE),
    Fault("believes-any-report", "takes any report for the commitment of all that was asked for", (*SAFE, STATED)),
    Fault("believes-left-out", "takes for committed what a report does not fail", SAFE),
    Fault("believes-type-1", "takes event type 1 for the commitment of all that was asked for", SAFE),
    Fault("believes-both-lists", "does not look at the Failed SOP Sequence", SAFE),
    Fault("believes-foreign", "takes for committed whatever a report names, under any Transaction UID", SAFE),
    Fault("matches-by-instances", "matches a report by its instances where its Transaction UID is unknown", SAFE),
    Fault("believes-similar", "takes an instance for committed whose UID a committed one begins with", SAFE),
    Fault("lets-go-at-restart", "takes for committed what was pending when it was started again", SAFE),
    Fault("believes-any-event-type", "does not look at the event type", SAFE, ("DIMSE-10.1.1-02",)),
    Fault("lets-go-unreported", "lets go of instances where no report came in time", SAFE),
    Fault("forgets-after-abort", "gives a transaction up where the association of its request breaks", ("DIMSE-TUID-05",), ("DIMSE-J.3.3.1.3-03",)),
    Fault("matches-by-association", "takes reports on the association of their request alone", ("DIMSE-TUID-05",), ("DIMSE-J.3.3.1.3-03",)),
)

_ASSOCIATION = (
    Fault("refuses-report-associations", "rejects the class on associations that the archive opens", ("DIMSE-J.3.3.1.3-01",)),
    Fault("no-role-answer", "answers no role selection", (ROLE,)),
    Fault("refuses-the-role", "answers the SCP role with 0", (GRANT,)),
    Fault("grants-unproposed-role", "answers 1 to the SCP role that was proposed as 0", ("DIMSE-D.3.3.4-02",)),
    Fault("role-answer-unasked", "answers a role selection that was not in the request", ("DIMSE-D.3.3.4-03",)),
    Fault("extended-negotiation", "proposes SOP Class Extended Negotiation for the class", ("DIMSE-J.2.1-02",)),
    Fault("extended-negotiation-answered", "puts a 56H sub-item for the class into its A-ASSOCIATE-AC", ("DIMSE-J.2.1-02",)),
    Fault("two-role-items", "proposes the role for the class twice", ("DIMSE-D.3.3.4.1-01",)),
    Fault("no-implicit", "offers Explicit VR Little Endian alone", ("DIMSE-PS3.5-10.1-01",)),
    Fault("breaks-on-unproposed-role", "aborts where the answer grants a role that was not proposed", ("DIMSE-D.3.3.4-05",)),
    Fault("needs-a-role-answer", "aborts where a proposed role is not answered", ("DIMSE-D.3.3.4-04",)),
    Fault("reports-itself", "sends a report on the association of its own request", ("DIMSE-D.3.3.4-01",), ("DIMSE-D.3.3.4-04",)),
)

_REQUEST = (
    Fault("never-asks", "stores, and never asks", ("DIMSE-J.3.2-01",)),
    Fault("wrong-action-type", "asks with Action Type ID 2", ("DIMSE-J.3.2.1.2-01",)),
    Fault("wrong-instance", "addresses another SOP Instance", ("DIMSE-J.3.2.1.2-02",)),
    Fault("wrong-class", "addresses the retired Pull Model", ("DIMSE-J.3.4-01",)),
    Fault("swapped-uids", "swaps class and instance", ("DIMSE-J.3.4-01", "DIMSE-J.3.2.1.2-02")),
    Fault("no-transaction-uid", "asks without Transaction UID", ("DIMSE-J.3.2.1.2-03",)),
    Fault("leading-zero-in-uid", "makes Transaction UIDs with leading zeros", ("DIMSE-J.3.2.1.2-03",)),
    Fault("uid-of-the-study", "makes the Transaction UID from the Study Instance UID", ("DIMSE-J.3.2.1.2-03",)),
    Fault("no-references", "asks without Referenced SOP Sequence", ("DIMSE-J.3.2.1.1-01",)),
    Fault("empty-sequence", "asks with a Referenced SOP Sequence without items", ("DIMSE-J.3.2.1.1-01",)),
    Fault("class-left-out", "names instances without their class", ("DIMSE-J.3.2.1.1-01",)),
    Fault("another-class", "names instances under a class that it never said it would ask for", ("DIMSE-DOC-03",)),
    Fault("instance-twice", "names an instance twice", ("DIMSE-J.3.2.1.1.3-01",)),
    Fault("file-set-on-both-levels", "writes File-Set attributes outside and inside", ("DIMSE-J.3.2.1.1.1-01",)),
    Fault("empty-file-set", "writes Storage Media File-Set ID without a value", ("DIMSE-5.4.2.1-01",)),
    Fault("sop-uids-in-request", "writes SOP Class UID and SOP Instance UID into the data set", ("DIMSE-5.4.2.3-01",)),
    Fault("no-group-length", "leaves Command Group Length out", ("DIMSE-10.3.4-01",)),
    Fault("other-encoding", "encodes in the other transfer syntax than the accepted one", ("DIMSE-PS3.5-TS-01",)),
    Fault("wrong-vr", "writes the Transaction UID with VR LO", ("DIMSE-PS3.5-VR-01",)),
    Fault("odd-length-value", "writes a value of odd length", ("DIMSE-PS3.5-VR-01",)),
    Fault("ignores-maximum-length", "sends long requests in one PDU", ("DIMSE-PS3.8-D.1-01",)),
    Fault("same-uid-after-refusal", "asks again under the Transaction UID that was refused", ("DIMSE-TUID-01",)),
    Fault("same-uid-after-report", "asks for failed instances under the Transaction UID of their report", ("DIMSE-TUID-02", "DIMSE-J.3.3.1.3-04"), ("DIMSE-J.3.2.1.2-03",)),
)

_RESPONSE = (
    Fault("no-response", "never takes a report, and never answers one", ("DIMSE-J.3.3.1.3-03", "DIMSE-TUID-04"), ("DIMSE-J.3.3.1.3-01", "DIMSE-10.1.1-02", "DIMSE-DOC-04", "DIMSE-TUID-05")),
    Fault("event-report-unrecognised", "answers N-EVENT-REPORT with 0211H", ("DIMSE-J.3.1-01",), ("DIMSE-J.3.3.1.3-03", "DIMSE-10.1.1-02", "DIMSE-TUID-05")),
    Fault("aborts-on-bad-report", "aborts where a report cannot be processed", ("DIMSE-10.1.1-02",)),
    Fault("silent-on-bad-report", "does not answer a report that cannot be processed", ("DIMSE-10.1.1-02",)),
    Fault("success-for-bad-report", "answers a report that cannot be processed with success", ("DIMSE-10.1.1-02",)),
    Fault("general-failure-for-bad-report", "answers 0110H where another status fits", ("DIMSE-10.1.1-02",)),
    Fault("early-success", "answers before the whole report has arrived", ("DIMSE-10.1.1.2-01",)),
    Fault("wrong-message-id", "answers another Message ID", ("DIMSE-10.1.1-04",)),
    Fault("no-data-set-type-in-response", "leaves Command Data Set Type out", ("DIMSE-10.1.1-04",)),
    Fault("wrong-affected-uids", "answers with the class UID as Affected SOP Instance UID", ("DIMSE-10.1.1-01",)),
    Fault("wrong-affected-uids-in-failures", "answers with the class UID as Affected SOP Instance UID where it refuses a report", ("DIMSE-10.1.1-01",)),
    Fault("wrong-event-type-in-response", "answers with another Event Type ID", ("DIMSE-10.1.1-01",)),
)

FAULTS: tuple[Fault, ...] = (*_BELIEF, *_ASSOCIATION, *_REQUEST, *_RESPONSE)
