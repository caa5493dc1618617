"""Conformant variants of the reference SCP: they differ in what the standard leaves free, one way of doing things each.

Nothing is ever called wrong under them, but for the rows that a variant names itself, with the reading that explains it.
A variant that offers Explicit VR Little Endian alone is missing on purpose: whoever opens an association offers the
default transfer syntax (PS3.5 10.1), so ``explicit-wherever-offered`` takes Implicit only where nothing else is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stgcmt.suite import Variant
from stgcmt.wire.uids import EXPLICIT_LE, IMPLICIT_LE

PS3_7_STATUSES = "PS3.7 10.1.4.1.10 lists 0114H and 0115H for N-ACTION, not 0120H and 0121H, which PS3.4 5.4.2.1 adds"
SAME_FIRST = {"report_association": "both"}

_WHEN = (
    Variant(
        "same-association",
        "reports on the association of the request while it is open",
        {"same_first": True},
        claims=SAME_FIRST,
    ),
    Variant(
        "same-association-at-once",
        "the same, right behind the response",
        {"same_first": True, "delay": 0.0},
        claims=SAME_FIRST,
    ),
    Variant("immediate", "opens the report's association at once, while the response is under way", {"delay": 0.0}),
    Variant(
        "before-the-response",
        "answers an N-ACTION when its report was delivered on another association",
        {"delay": 0.0, "report_first": True},
        silent={"DIMSE-TUID-03": "no transaction is pending any more when its request is answered"},
    ),
    Variant(
        "late",
        "works through its queue every twelve seconds",
        {"delay": 12.0},
        claims={"usual_report_delay": 12.5},
        timing={"quiet_period": 30.0},
    ),
    Variant(
        "overnight",
        "reports nine hours later",
        {"delay": 9 * 3600.0},
        claims={"usual_report_delay": 9 * 3600.0 + 1.0},
        timing={
            "max_report_delay": 10 * 3600.0,
            "report_wait": 10 * 3600.0,
            "scenario": 7 * 86400.0,
        },
        silent={"DIMSE-D.3.3.4-04": "the quiet period in which its role is denied ends hours before it proposes one"},
    ),
    Variant("slow-answers", "takes three seconds to answer an N-ACTION", {"respond_after_s": 3.0}),
    Variant("patient-retries", "tries again every five seconds, for a minute", {"pauses_s": (5.0,) * 12}),
    Variant("eager-retries", "tries again ten times a second, for a minute", {"pauses_s": (0.1,) * 600}),
    Variant(
        "operator-retries",
        "tries once; what could not be delivered waits for an operator",
        {"pauses_s": ()},
        claims={"keeps_undelivered": True},
    ),
    Variant(
        "slow-release",
        "releases a report's association three seconds after the response",
        {"linger_s": 3.0},
        claims={"usual_report_delay": 7.0},  # eight associations at a time: what many ask for waits for the next eight
    ),
    Variant("one-line", "sends the reports to one caller over one association", {"linger_s": 1.0, "shared": True}),
)

_WIRE = (
    Variant(
        "implicit-only",
        "knows the default transfer syntax alone for the class",
        {"accepts": (IMPLICIT_LE,), "proposes": ((IMPLICIT_LE,),)},
        claims={"implicit_only": True},
        warns={"DIMSE-ROB-ASSOC-01": "field practice: a caller that accepts Explicit VR alone gets no report"},
    ),
    Variant(
        "explicit-wherever-offered",
        "takes Explicit VR Little Endian wherever it may",
        {"accepts": (EXPLICIT_LE, IMPLICIT_LE), "proposes": ((EXPLICIT_LE, IMPLICIT_LE),)},
    ),
    Variant(
        "explicit-first",
        "proposes a context for each transfer syntax, Explicit first, and one for Verification",
        {"proposes": ((EXPLICIT_LE,), (IMPLICIT_LE,)), "and_verification": True},
    ),
    Variant(
        "implicit-first",
        "proposes a context for each transfer syntax, Implicit first",
        {"proposes": ((IMPLICIT_LE,), (EXPLICIT_LE,))},
    ),
    Variant(
        "both-roles",
        "proposes to be SCU and SCP on a report's association",
        {"role": (1, 1)},
        claims={"proposes_both_roles": True},
    ),
    Variant("small-pdus", "takes PDUs of 4096 bytes, and sends smaller ones", {"max_pdu": 4096, "fragment": 128}),
    Variant("in-parts", "writes command and data set of a report one after the other", {"in_parts": True}),
    Variant("no-limit", "sets no maximum length of PDUs", {"max_pdu": 0}),
    Variant(
        "more-items",
        "proposes an operations window and a user identity for the report",
        {"operations_window": True, "user_identity": "archive"},
    ),
)

_ANSWERS = (
    Variant(
        "five-associations",
        "serves five associations at a time and rejects the sixth for now, as the SUT file says",
        {"associations": 5},
        timing={"associations": 5},
    ),
    Variant("rejects-strangers", "rejects associations of callers that it does not know", {"caller": "reject"}),
    Variant("no-context-for-strangers", "rejects the class's context of unknown callers", {"caller": "context"}),
    Variant(
        "no-reason-for-strangers",
        "answers unknown callers with 0110H and a comment",
        {"statuses": {"caller": 0x0110}, "comments": True},
    ),
    Variant(
        "other-statuses",
        "answers 0112H to a malformed instance UID, 0119H where class and instance were swapped",
        {"statuses": {"malformed-instance": 0x0112, "swapped": 0x0119}},
    ),
    Variant(
        "statuses-of-ps3.7",
        "answers 0114H and 0115H to missing and empty attributes",
        {"statuses": {"missing": 0x0114, "empty": 0x0115}},
        warns={"DIMSE-5.4.2.1-02": PS3_7_STATUSES, "DIMSE-5.4.2.1-03": PS3_7_STATUSES},
    ),
    Variant("bare-responses", "leaves all optional fields out", {"affected_uids": False, "action_type": False}),
    Variant(
        "no-action-type",
        "answers with Affected UIDs, never with the Action Type ID",
        {"action_type": False, "statuses": {"pending": 0x0210}},
    ),
    Variant(
        "refuses-pending-0110",
        "answers 0110H to a Transaction UID that is pending, and to one that is finished",
        {"statuses": {"pending": 0x0110, "finished": 0x0110}, "comments": True},
    ),
    Variant(
        "refuses-pending-0115",
        "answers 0115H to a Transaction UID that is pending, and reports 0131H for one that is finished",
        {"statuses": {"pending": 0x0115, "finished": 0}},
    ),
    Variant(
        "refuses-pending-0210",
        "answers 0210H to a Transaction UID that is pending, and to one that is finished",
        {"statuses": {"pending": 0x0210, "finished": 0x0210}},
    ),
    Variant(
        "duplicates-once",
        "reports once on an instance that is named twice, under the class named first",
        {"statuses": {"duplicate": 0}},
    ),
    Variant(
        "duplicates-each",
        "reports on each reference to an instance that is named twice, always with one result",
        {"statuses": {"duplicate": 0}, "duplicates": "each"},
    ),
    Variant(
        "any-transaction-uid",
        "serves a malformed Transaction UID and echoes it",
        {"statuses": {"malformed-uid": 0}},
        warns={"DIMSE-TUID-06": "tolerated: a report that echoes the Transaction UID reaches who asked"},
    ),
)

_REPORTS = (
    Variant("retrieve-ae-inside", "names the Retrieve AE Title in each item", {"retrieve_ae": "inside"}),
    Variant(
        "no-retrieve-ae",
        "names no Retrieve AE Title",
        {"retrieve_ae": "absent"},
        claims={"no_retrieve_ae_title": True},
    ),
    Variant("padded-ae", "pads the Retrieve AE Title with spaces to sixteen characters", {"padded_ae": True}),
    Variant("file-sets", "echoes File-Set ID and UID on the level where they came", {"file_set": True}),
    Variant("other-order", "lists instances the other way round, and says 0110H of whatever fails",
            {"reverse": True, "general_reasons": True}),
    Variant("undefined-length", "writes sequences and items of undefined length", {"undefined_length": True}),
    Variant("group-length", "still writes the retired group length", {"group_length": True}),
)  # fmt: skip

_STORAGE = (
    Variant("no-links", "accepts no JPIP transfer syntax", {"links": False}, claims={"refuses_links": True}),
    Variant(
        "refuses-at-c-store",
        "refuses links and classes that nobody registered by the status of C-STORE, and such references with 0122H",
        {"links": False, "private_classes": False, "refused": "status"},
        claims={"refuses_links": True},
    ),
    Variant("registered-classes", "accepts storage classes of the standard alone", {"private_classes": False}),
    Variant(
        "takes-nothing", "cannot be given instances by anyone but its own modalities", {"seeding": "none"},
        silent={
            **dict.fromkeys(
                (
                    "DIMSE-J.1-01", "DIMSE-J.1.1-01", "DIMSE-J.1.1-02", "DIMSE-J.3.2-DELETED", "DIMSE-J.3.3.1.1.1-02",
                    "DIMSE-J.3.3.1.2-12", "DIMSE-B-01",
                ),
                "what is judged is an instance that was stored",
            ),
            **dict.fromkeys(
                (
                    "DIMSE-J.3.3.1.1-02", "DIMSE-J.3.3.1.1.1-01", "DIMSE-J.3.3.1.1.2-01", "DIMSE-J.3.3.1.2-01",
                ),
                "no report commits anything",
            ),
        },
    ),
    Variant("coerces", "puts its own spelling of the patient's name", {"coerces": True}, claims={"coerced": ["00100010"]}),
)  # fmt: skip

_ALL_TOGETHER = (
    Variant(
        "archive-with-job-queue",
        "late, over one association with both roles, explicit, small PDUs, bare responses, inside, other order",
        {
            "delay": 6.0, "linger_s": 1.0, "shared": True, "role": (1, 1), "accepts": (EXPLICIT_LE, IMPLICIT_LE),
            "proposes": ((EXPLICIT_LE,), (IMPLICIT_LE,)), "max_pdu": 4096, "fragment": 512, "affected_uids": False,
            "action_type": False, "retrieve_ae": "inside", "reverse": True, "caller": "reject",
            "statuses": {"pending": 0x0110, "duplicate": 0}, "undefined_length": True,
        },
        claims={"proposes_both_roles": True, "usual_report_delay": 7.0},
        timing={"quiet_period": 15.0},
    ),
    Variant(
        "small-gateway",
        "at once on the same association, else a new one; in parts, File-Sets, no Retrieve AE Title, 0131H for a dead UID",
        {
            "delay": 0.0, "same_first": True, "in_parts": True, "file_set": True, "retrieve_ae": "absent",
            "caller": "context", "statuses": {"finished": 0, "duplicate": 0, "swapped": 0x0112}, "duplicates": "each",
            "private_classes": False,
        },
        claims={"no_retrieve_ae_title": True, **SAME_FIRST},
    ),
)  # fmt: skip

VARIANTS: tuple[Variant, ...] = (*_WHEN, *_WIRE, *_ANSWERS, *_REPORTS, *_STORAGE, *_ALL_TOGETHER)


def options_of(name: str | None) -> Mapping[str, Any]:
    """The options of a variant by its name; none for a name that nobody has."""
    return next((each.options for each in VARIANTS if each.name == name), {})
