"""A report held against its request, and associations against what was negotiated: differences as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stgcmt.suite import Transcript
from stgcmt.views.dimse import Association, Message
from stgcmt.wire.items import Role
from stgcmt_suites.commitment.references import Reference
from stgcmt_suites.scp.views import PUSH_MODEL, Commitment, Report, Seen, commitments

ROLE_ITEM = 0x54
P_DATA_TF = 0x04
CLASS_CONFLICT = 0x0119
DUPLICATE_TRANSACTION_UID = 0x0131


@dataclass(frozen=True)
class Difference:
    """One way in which a report's lists are not the request's; ``stored_class``: the stored class beside 0119H."""

    text: str
    stored_class: bool = False

    def __str__(self) -> str:
        return self.text


def differences(request: Commitment, report: Report) -> list[Difference]:
    """How the report's lists differ from the request: lost, added, in both lists, repeated, under another class."""
    asked = Counter(each.sop_instance_uid for each in request.references)
    committed = [each.sop_instance_uid for each in report.result.committed]
    failed = [each.reference.sop_instance_uid for each in report.result.failed]
    named = set(committed) | set(failed)
    found = [Difference(f"{uid} is in neither list") for uid in asked if uid not in named]
    found += [Difference(f"{uid or 'an empty UID'} was not asked for") for uid in named if uid not in asked]
    found += [Difference(f"{uid} is in both lists") for uid in set(committed) & set(failed)]
    for counts in (Counter(committed), Counter(failed)):
        found += [
            Difference(f"{uid} stands {count} times in a list")
            for uid, count in counts.items()
            if count > max(1, asked[uid])
        ]
    return found + _class_differences(request, report)


def _class_differences(request: Commitment, report: Report) -> list[Difference]:
    classes: dict[str, set[str]] = {}
    for each in request.references:
        classes.setdefault(each.sop_instance_uid, set()).add(each.sop_class_uid)
    stored = commitments(request.transcript).stored_class
    reasons: list[tuple[Reference, int | None]] = [(each, None) for each in report.result.committed]
    reasons += [(each.reference, each.reason) for each in report.result.failed]
    found = []
    for each, reason in reasons:
        wanted = classes.get(each.sop_instance_uid)
        if wanted is not None and each.sop_class_uid not in wanted:
            tolerated = reason == CLASS_CONFLICT and each.sop_class_uid == stored(each.sop_instance_uid)
            found.append(Difference(f"{each.sop_instance_uid} has class {each.sop_class_uid or 'absent'}", tolerated))
    return found


def about(request: Commitment) -> list[Report]:
    """The reports that name an instance of this request: where two share a Transaction UID, only content tells."""
    wanted = {each.sop_instance_uid for each in request.references}
    return [report for report in request.heard if wanted & set(report.result.instances)]


def is_duplicate(report: Report) -> bool:
    """Whether the report says 0131H; a reason that is absent or unreadable is judged elsewhere."""
    reasons = {each.reason for each in report.result.failed}
    return not report.result.committed and reasons <= {DUPLICATE_TRANSACTION_UID, None}


def turned_down(request: Commitment) -> bool:
    """Whether the request could not be sent because the SUT rejected the association, or the class's context."""
    assoc = request.answer.assoc
    if request.sent or assoc is None:
        return False
    return assoc.rj is not None or (assoc.ac is not None and assoc.granted_roles(PUSH_MODEL) is None)


def same_results(request: Commitment, report: Report) -> bool:
    """Whether each instance asked for is named at least once, and none both as committed and as failed."""
    committed = {each.sop_instance_uid for each in report.result.committed}
    failed = {each.reference.sop_instance_uid for each in report.result.failed}
    asked = {each.sop_instance_uid for each in request.references}
    return asked <= committed | failed and not committed & failed


def roles_of(assoc: Association) -> tuple[Role | None, Role | None]:
    """The role selection for the class as proposed and as answered."""
    return (assoc.rq.role(PUSH_MODEL) if assoc.rq else None), (assoc.ac.role(PUSH_MODEL) if assoc.ac else None)


def offered_syntaxes(assoc: Association) -> tuple[str, ...]:
    """The transfer syntaxes proposed for the class, over all its contexts."""
    contexts = assoc.rq.contexts if assoc.rq else ()
    return tuple(one for each in contexts if each.abstract_syntax == PUSH_MODEL for one in each.transfer_syntaxes)


def role_item_defects(assoc: Association) -> list[str]:
    """What is wrong with the role selection items of the A-ASSOCIATE-RQ."""
    if assoc.rq is None:
        return []
    defects: list[str] = []
    classes: list[str] = []
    for item in (sub for each in assoc.rq.items for sub in each.children if sub.type == ROLE_ITEM):
        defects += item.faults
        length = int.from_bytes(item.value[:2], "big")
        if len(item.value) != length + 4:
            defects.append(f"item length {item.length}, UID length {length}, {len(item.value)} bytes")
        classes.append(item.value[2 : 2 + length].decode("latin-1").rstrip("\0 "))
    proposed = {context.abstract_syntax for context in assoc.rq.contexts}
    defects += [
        f"{uid} has {classes.count(uid)} role items" for uid in dict.fromkeys(classes) if classes.count(uid) > 1
    ]
    defects += [f"{uid} has a role item but no context" for uid in dict.fromkeys(classes) if uid not in proposed]
    return defects


def announced(assoc: Association) -> int:
    """The longest P-DATA-TF that we announced to take (0: no limit)."""
    ours = assoc.ac if assoc.side == "acceptor" else assoc.rq
    return (ours.max_pdu if ours else None) or 0


def oversized(assoc: Association) -> list[Seen]:
    """The P-DATA-TF of the SUT that are longer than we announced."""
    limit = announced(assoc)
    if not limit:
        return []
    large = [each for each in assoc.pdus if each.incoming and each.pdu.type == P_DATA_TF and len(each.pdu.body) > limit]
    return [
        Seen(each, f"P-DATA-TF of {len(each.pdu.body)} bytes, {limit} announced", assoc.transcript) for each in large
    ]


def unanswered_responses(*transcripts: Transcript) -> list[Message]:
    """Responses of the SUT to our requests on the class's associations that answer nothing we asked."""
    assocs = [assoc for each in transcripts for assoc in commitments(each).opened_by_us]
    return [
        each
        for assoc in assocs
        for each in assoc.messages
        if each.incoming and each.is_response and each.request is None
    ]


__all__ = [
    "ROLE_ITEM",
    "Association",
    "Difference",
    "Message",
    "about",
    "announced",
    "differences",
    "is_duplicate",
    "offered_syntaxes",
    "oversized",
    "role_item_defects",
    "roles_of",
    "same_results",
    "turned_down",
    "unanswered_responses",
]
