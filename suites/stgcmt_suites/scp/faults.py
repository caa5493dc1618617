"""Faults of the reference SCP: one switch, one deviation each, made where an implementer would make the mistake.

``violates`` names the rows that must turn red or yellow, ``follows`` those that may turn with them.
"""

from __future__ import annotations

from stgcmt.suite import Fault

# ruff: noqa: E501 - a table reads best with one row a line
# fmt: off

_ASSOCIATION = (
    Fault("refuses-push-model", "rejects the presentation context of the class", ("DIMSE-J.2-01",)),
    Fault("answers-unproposed-role", "answers 1 to the SCP role that was proposed as 0", ("DIMSE-D.3.3.4-02",)),
    Fault("answers-role-without-item", "answers a role selection that was not in the request", ("DIMSE-D.3.3.4-03",)),
    Fault("extended-negotiation-answered", "puts a 56H sub-item for the class into its A-ASSOCIATE-AC", ("DIMSE-J.2.1-02",)),
    Fault("no-role-item", "opens the report association without role selection, and sends", ("DIMSE-J.2.1-01", "DIMSE-D.3.3.4-01")),
    Fault("default-role-proposed", "proposes to be SCU on the report association, and sends", ("DIMSE-J.2.1-01",), ("DIMSE-D.3.3.4-01",)),
    Fault("two-role-items", "proposes the role for the class twice", ("DIMSE-D.3.3.4.1-01",)),
    Fault("role-for-another-class", "proposes a role for a class that has no context", ("DIMSE-D.3.3.4.1-01",)),
    Fault("extended-negotiation", "proposes SOP Class Extended Negotiation for the class", ("DIMSE-J.2.1-02",)),
    Fault("sends-without-granted-role", "sends the report although the SCP role was not granted", ("DIMSE-D.3.3.4-04",)),
    Fault("breaks-on-unproposed-role", "aborts and gives up where the answer grants a role that was not proposed", ("DIMSE-D.3.3.4-05",)),
    Fault("report-only-on-same-association", "reports on the association of the request, or never", ("DIMSE-J.3.3.1.2-08",), ("DIMSE-J.3.2.1.3-02", "DIMSE-J.3.3.1.2-09", "DIMSE-DOC-11")),
    Fault("lost-with-the-association", "gives up where reporting on the request's association failed", ("DIMSE-J.3.3.1.2-09",), ("DIMSE-DOC-11",)),
    Fault("lost-when-aborted", "forgets a transaction whose association its caller aborted", ("DIMSE-J.3.3.1.2-09",)),
    Fault("wrong-calling-ae", "reports under an AE title that nobody called", ("DIMSE-J.3.3.1.2-10",)),
    Fault("wrong-called-ae", "calls ANY-SCP instead of who asked", ("DIMSE-J.3.3.1.2-11",)),
    Fault("explicit-only-proposal", "offers Explicit VR Little Endian alone", ("DIMSE-PS3.5-10.1-01", "DIMSE-ROB-ASSOC-01")),
    Fault("implicit-only-proposal", "offers Implicit VR Little Endian alone", ("DIMSE-ROB-ASSOC-01",)),
    Fault("needs-the-storing-association", "refuses instances that another association stored", ("DIMSE-J.1-01",)),
)

_RESPONSE = (
    Fault("n-action-unrecognised", "answers N-ACTION with 0211H, unrecognised operation", ("DIMSE-J.3.1-01",)),
    Fault("no-response", "never answers an N-ACTION", ("DIMSE-J.3.2-02", "DIMSE-J.3.2.1.3-01")),
    Fault("silent-on-malformed", "does not answer where a mandatory attribute is missing or empty", ("DIMSE-J.3.2.1.3-01",), ("DIMSE-5.4.2.1-02", "DIMSE-5.4.2.1-03")),
    Fault("abort-on-malformed", "aborts where a mandatory attribute is missing or empty", ("DIMSE-J.3.2.1.3-01",), ("DIMSE-5.4.2.1-02", "DIMSE-5.4.2.1-03")),
    Fault("silent-on-invalid-argument", "does not answer a malformed or dead Transaction UID, or a duplicate", ("DIMSE-J.3.2.1.3-01", "DIMSE-TUID-06")),
    Fault("no-report", "accepts and never reports", ("DIMSE-J.3.3-01", "DIMSE-J.3.2.1.3-02")),
    Fault("report-after-refusal", "processes what it refused", ("DIMSE-J.3.2.1.3-02",)),
    Fault("fails-when-instance-missing", "answers 0112H where an instance cannot be committed", ("DIMSE-J.3.2.1.3-03",)),
    Fault("success-for-no-information", "accepts a request without data set", ("DIMSE-5.4.2.1-02",)),
    Fault("success-for-missing-transaction-uid", "accepts a request without Transaction UID", ("DIMSE-5.4.2.1-02",)),
    Fault("success-for-no-references", "accepts a request without Referenced SOP Sequence", ("DIMSE-5.4.2.1-02",)),
    Fault("success-for-missing-item-class", "looks a reference without class up by its instance", ("DIMSE-5.4.2.1-02",)),
    Fault("success-for-missing-item-instance", "passes over a reference without instance", ("DIMSE-5.4.2.1-02",)),
    Fault("processing-failure-for-missing", "answers 0110H where 0120H fits", ("DIMSE-5.4.2.1-02",)),
    Fault("success-for-empty-transaction-uid", "accepts an empty Transaction UID", ("DIMSE-5.4.2.1-03",)),
    Fault("success-for-empty-sequence", "accepts a Referenced SOP Sequence without items", ("DIMSE-5.4.2.1-03",)),
    Fault("processing-failure-for-empty", "answers 0110H where 0121H fits", ("DIMSE-5.4.2.1-03",)),
    Fault("success-for-wrong-action-type", "does not look at Action Type ID", ("DIMSE-10.1.4-01",)),
    Fault("processing-failure-for-action-type", "answers 0110H where 0123H fits", ("DIMSE-10.1.4-01",)),
    Fault("success-for-wrong-instance", "does not look at Requested SOP Instance UID", ("DIMSE-10.1.4-02",)),
    Fault("processing-failure-for-instance", "answers 0110H where 0112H or 0117H fits", ("DIMSE-10.1.4-02",)),
    Fault("success-for-wrong-class", "does not look at Requested SOP Class UID", ("DIMSE-10.1.4-03",)),
    Fault("success-for-other-operation", "answers N-GET and N-CREATE with success", ("DIMSE-10.1.4-03",)),
    Fault("processing-failure-for-class", "answers 0110H where 0118H or 0211H fits", ("DIMSE-10.1.4-03",)),
    Fault("accepts-unknown-caller", "accepts requests whose report has nowhere to go", ("DIMSE-10.1.4-04",)),
    Fault("serves-without-permission", "accepts requests of a caller that may not ask", ("DIMSE-10.1.4-04-DENIED",)),
    Fault("no-reason-without-permission", "answers 0110H to a caller that may not ask", ("DIMSE-10.1.4-04-DENIED",)),
    Fault("silent-without-permission", "does not answer a caller that may not ask", ("DIMSE-10.1.4-04-DENIED",)),
    Fault("wrong-affected-uids-in-response", "answers with the class UID as Affected SOP Instance UID", ("DIMSE-10.1.4-05",)),
    Fault("wrong-action-type-in-response", "answers with another Action Type ID than asked", ("DIMSE-10.1.4-05",)),
    Fault("wrong-message-id", "answers to the Message ID after that of the request", ("DIMSE-10.1.4-06",)),
    Fault("wrong-command-field", "answers N-ACTION with the Command Field of an N-EVENT-REPORT-RSP", ("DIMSE-10.1.4-06",)),
    Fault("no-data-set-type-in-response", "leaves Command Data Set Type out of its response", ("DIMSE-10.1.4-06",)),
    Fault("early-success", "answers success while the data set is still coming", ("DIMSE-10.1.4.2-01",)),
    Fault("error-comment-with-0115", "explains 0115H with an Error Comment", ("DIMSE-C.5.10-01",)),
    Fault("duplicate-with-two-results", "commits and fails an instance that was named twice", ("DIMSE-J.3.2.1.1.3-02",)),
    Fault("processing-failure-for-duplicate", "answers 0110H to an instance that is named twice", ("DIMSE-J.3.2.1.1.3-02",)),
    Fault("refuses-file-set", "refuses requests with File-Set ID or UID", ("DIMSE-J.3.2.1.1.1-02",)),
    Fault("refuses-retired-attribute", "refuses requests with the retired procedure step reference", ("DIMSE-J.3.2.1.1.2-01",)),
)

_REPORT = (
    Fault("type-2-when-all-committed", "reports full success with event type 2", ("DIMSE-J.3.3.1.2-01",)),
    Fault("type-1-with-failed-sequence", "reports failures with event type 1", ("DIMSE-J.3.3.1.2-02",), ("DIMSE-J.3.3.1.1-02", "DIMSE-J.3.2-PARTIAL", "DIMSE-J.3.2-DELETED")),
    Fault("type-1-without-the-failed", "reports the committed instances with event type 1, and nothing of the others", ("DIMSE-J.3.3.1.2-02", "DIMSE-J.3.3.1.2-04"), ("DIMSE-J.3.2-PARTIAL", "DIMSE-J.3.2-DELETED")),
    Fault("empty-failed-sequence", "puts a Failed SOP Sequence without items into a report of full success", ("DIMSE-J.3.3.1.1-02",)),
    Fault("empty-referenced-sequence", "puts a Referenced SOP Sequence without items where nothing is committed", ("DIMSE-J.3.3.1.1-01",)),
    Fault("forgets-instance", "leaves the last of several instances out of the report", ("DIMSE-J.3.3.1.2-04",), ("DIMSE-J.3.3.1.2-01", "DIMSE-J.3.2-PARTIAL", "DIMSE-J.3.2-DELETED")),
    Fault("extra-instance", "reports an instance that nobody asked for", ("DIMSE-J.3.3.1.2-04",)),
    Fault("instance-in-both-lists", "reports an instance as committed and as failed", ("DIMSE-J.3.3.1.2-04",)),
    Fault("instance-twice", "reports the first instance twice", ("DIMSE-J.3.3.1.2-04",)),
    Fault("stored-class-in-report", "reports the stored class of an instance that was asked for under another", ("DIMSE-J.3.3.1.2-04",)),
    Fault("other-class-in-report", "reports every instance under another class", ("DIMSE-J.3.3.1.2-04",), ("DIMSE-J.3.3.1.2-01",)),
    Fault("no-failure-reason", "leaves Failure Reason out", ("DIMSE-J.3.3.1.2-03",)),
    Fault("empty-failure-reason", "leaves Failure Reason empty", ("DIMSE-J.3.3.1.2-03", "DIMSE-J.3.3.1.1-03")),
    Fault("two-failure-reasons", "gives every failed instance two Failure Reasons", ("DIMSE-J.3.3.1.2-03",)),
    Fault("reason-0111", "fails instances with 0111H", ("DIMSE-C.14.1.1-01", "DIMSE-DOC-11")),
    Fault("reason-of-c-store", "fails instances with A700H, a status of C-STORE", ("DIMSE-C.14.1.1-01", "DIMSE-DOC-11"), ("DIMSE-TUID-03",)),
    Fault("wrong-transaction-uid", "reports under another Transaction UID", ("DIMSE-J.3.3.1.2-05",)),
    Fault("empty-retrieve-ae", "sends an empty Retrieve AE Title", ("DIMSE-J.3.3.1.1-03",)),
    Fault("retrieve-ae-both-levels", "sends Retrieve AE Title outside and inside the sequence", ("DIMSE-J.3.3.1.1.1-01",)),
    Fault("file-set-both-levels", "sends File-Set ID and UID outside and inside the sequence", ("DIMSE-J.3.3.1.1.2-01",)),
    Fault("transaction-uid-as-instance-uid", "puts the Transaction UID into Affected SOP Instance UID", ("DIMSE-J.3.5-01",)),
    Fault("swapped-uids-in-report", "swaps Affected SOP Class and Instance UID", ("DIMSE-J.3.5-01",)),
    Fault("sop-uids-in-event-information", "adds SOP Class UID and SOP Instance UID to the data set", ("DIMSE-5.4.2.3-02",)),
    Fault("no-event-type", "leaves Event Type ID out", ("DIMSE-10.3.1-01",), ("DIMSE-J.3.3.1.2-01", "DIMSE-J.3.3.1.2-02")),
    Fault("no-message-id", "leaves Message ID out", ("DIMSE-10.3.1-01",)),
    Fault("explicit-data-in-implicit-context", "writes explicit VRs whatever was accepted", ("DIMSE-PS3.5-TS-01",)),
    Fault("implicit-data-in-explicit-context", "writes implicit VRs whatever was accepted", ("DIMSE-PS3.5-TS-01",)),
    Fault("odd-length-value", "does not pad a value of odd length", ("DIMSE-PS3.5-VR-01",)),
    Fault("wrong-vr-for-file-set-uid", "sends Storage Media File-Set UID as SH", ("DIMSE-PS3.5-VR-01",)),
    Fault("wrong-vr-for-failure-reason", "sends Failure Reason as SS", ("DIMSE-PS3.5-VR-01",)),
    Fault("pdu-too-long", "does not cut its reports to the maximum length that was announced", ("DIMSE-PS3.8-D.1-01",)),
    Fault("report-twice", "sends every report again", ("DIMSE-J.3.3.1.2-06",)),
    Fault("report-twice-different", "takes every result back in a second report", ("DIMSE-J.3.3.1.2-06",)),
    Fault("report-before-response", "reports on the request's association before it answers", ("DIMSE-J.3.2.1.3-04",), ("DIMSE-DOC-11",)),
)

_DELIVERY = (
    Fault("no-retry", "drops a report whose first attempt failed", ("DIMSE-ROB-RETRY-01",)),
    Fault("no-retry-after-failure-status", "takes every response for a receipt", ("DIMSE-ROB-RETRY-01",)),
    Fault("gives-up-without-the-role", "drops a report where the role was not granted", ("DIMSE-ROB-RETRY-01",)),
    Fault("lost-on-restart", "forgets accepted requests when it is restarted", ("DIMSE-ROB-RETRY-02",)),
)

_TRANSACTIONS = (
    Fault("never-clears-references", "reports the instances of former transactions with those of the new one", ("DIMSE-TUID-02", "DIMSE-J.3.3.1.2-04"), ("DIMSE-J.3.2-PARTIAL", "DIMSE-J.3.2-DELETED")),
    Fault("pending-duplicate-served-twice", "serves two requests under one Transaction UID as if they had two", ("DIMSE-TUID-03",)),
    Fault("pending-duplicate-lost", "does not answer a second request under a pending Transaction UID", ("DIMSE-J.3.2.1.3-01",)),
    Fault("serves-malformed-transaction-uid", "takes any text for a Transaction UID", ("DIMSE-TUID-06",)),
    Fault("processing-failure-for-malformed-uid", "answers 0110H to a malformed Transaction UID", ("DIMSE-TUID-06",)),
    Fault("finished-uid-served", "serves a finished Transaction UID as new", ("DIMSE-TUID-07",)),
)

_COMMITMENT = (
    Fault("commits-missing", "commits what it was never given", ("DIMSE-J.3.2-PARTIAL", "DIMSE-J.3.2-DELETED"), ("DIMSE-J.3.3.1.2-02",)),
    Fault("commits-deleted", "commits what it had once and has no longer", ("DIMSE-J.3.2-DELETED",)),
    Fault("class-conflict-committed", "commits an instance under a class that it does not have", ("DIMSE-J.3.2-PARTIAL",)),
    Fault("commits-link-only", "commits instances that hold a link in place of pixel data", ("DIMSE-J.1.1-01",)),
    Fault("loses-private-attributes", "drops private attributes when it stores", ("DIMSE-J.3.3.1.2-12",)),
    Fault("not-retrievable", "names itself as Retrieve AE Title and finds nothing by C-GET", ("DIMSE-J.3.3.1.1.1-02", "DIMSE-J.1.1-02")),
    Fault("deletes-after-report", "removes what it has committed", ("DIMSE-J.1.1-02",), ("DIMSE-J.3.3.1.1.1-02",)),
    Fault("loses-instances-on-restart", "has nothing any more after a restart", ("DIMSE-J.1.1-02",)),
    Fault("stores-nothing", "answers C-STORE with success and keeps nothing", ("DIMSE-B-01",)),
)

_STATEMENT = (
    Fault("reports-where-it-does-not-say", "reports on the request's association, and states that it opens a new one", ("DIMSE-DOC-11",)),
    Fault("slower-than-it-says", "takes three seconds longer than it states", ("DIMSE-DOC-12",)),
)

_FIELD = (
    Fault("compares-beginnings", "compares UIDs by their first 43 characters", ("DIMSE-J.3.2-PARTIAL",)),
    Fault("remembers-results", "answers again what it once found out of the same instances", ("DIMSE-J.3.2-DELETED", "DIMSE-B-01")),
    Fault("commits-corrupt", "commits an instance whose file was damaged since it came", ("DIMSE-J.3.2-DELETED",)),
    Fault("commits-what-it-refused", "keeps what it answers with a failure of C-STORE", ("DIMSE-J.3.2-PARTIAL",)),
    Fault("only-first-failure", "tells only the first of several failed instances", ("DIMSE-J.3.3.1.2-04",)),
    Fault("cut-at-256", "has room for 256 instances in a report", ("DIMSE-J.3.3.1.2-04",)),
    Fault("result-of-the-newest", "reports the result of the newest request under the Transaction UID of each", ("DIMSE-J.3.3.1.2-04", "DIMSE-J.3.3.1.2-01"), ("DIMSE-J.3.2-PARTIAL", "DIMSE-J.3.2-DELETED"), crowded=True),
    Fault("one-request-an-association", "does not answer a second request on an association", ("DIMSE-J.3.2.1.3-01",)),
    Fault("commits-all-in-explicit", "commits whatever a request in Explicit VR Little Endian names", ("DIMSE-J.3.2-PARTIAL",)),
    Fault("commits-all-after-the-first-request", "commits whatever a second request on its association names", ("DIMSE-J.3.2-PARTIAL",)),
    Fault("looks-at-the-first-item-only", "accepts a request whose second item lacks its class or instance, or their values", ("DIMSE-5.4.2.1-02", "DIMSE-5.4.2.1-03")),
    Fault("success-for-empty-item-class", "looks a reference with an empty class up by its instance", ("DIMSE-5.4.2.1-03",)),
    Fault("success-for-empty-item-instance", "passes over a reference with an empty instance", ("DIMSE-5.4.2.1-03",)),
    Fault("waits-for-release", "reports once the association of the request has ended", ("DIMSE-J.3.3-01",)),
    Fault("uids-padded-with-blanks", "pads UIDs of odd length with a blank", ("DIMSE-PS3.5-VR-01",)),
)

FAULTS: tuple[Fault, ...] = (*_ASSOCIATION, *_RESPONSE, *_REPORT, *_DELIVERY, *_TRANSACTIONS, *_COMMITMENT, *_STATEMENT, *_FIELD)
