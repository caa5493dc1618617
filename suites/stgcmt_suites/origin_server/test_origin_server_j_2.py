"""Checks of PS3.18 J.2: the form of a result. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from collections import Counter

from stgcmt.suite import Transcript, claims, expected, inconclusive, outcome, requirement
from stgcmt_suites.commitment.references import Reference
from stgcmt_suites.commitment.web_module import FLAT, HIERARCHICAL, ReasonAttribute, in_set
from stgcmt_suites.origin_server.views import Transaction, names, results

CLASS_CONFLICT = 0x0119


@requirement("WEB-J.2-01")
def test_the_result_mirrors_the_request(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    hierarchical_commitment: Transcript,
    hierarchical_partly_missing: Transcript,
) -> None:
    """Flat asked, flat answered; hierarchical asked, hierarchical answered."""
    found = results(pending_commitment, partly_missing, hierarchical_commitment, hierarchical_partly_missing)
    for each in found.transactions:
        foreign = HIERARCHICAL if each.asked.structure == "flat" else FLAT
        crossed = sorted(each.result.sequences & foreign)
        assert not crossed, expected(f"{each.asked.structure} lists only", f"also {names(crossed)}", each)
    found.complete()


@requirement("WEB-J.2-02")
def test_empty_lists_are_left_out(
    pending_commitment: Transcript,
    all_missing: Transcript,
    hierarchical_commitment: Transcript,
    partly_missing: Transcript,
    synchronous_commitment: Transcript,
    request_media_types: Transcript,
) -> None:
    """A sequence of the result has an item, or is absent."""
    found = results(pending_commitment, all_missing, hierarchical_commitment, partly_missing)
    for each in (*found.transactions, *results(synchronous_commitment, request_media_types).transactions):
        empty = each.result.flawed("empty-sequence")
        assert not empty, expected("no sequence without items", *empty[:3], each.final)
    found.complete()


def _counted(wrong: dict[str, int]) -> str:
    absent = [uid for uid, count in wrong.items() if not count]
    repeated = [f"{uid} ({count} times)" for uid, count in wrong.items() if count]
    parts = (("in neither list: ", absent), ("more than once: ", repeated))
    return "; ".join(head + names(uids) for head, uids in parts if uids)


@requirement("WEB-J.2-03")
def test_each_instance_appears_once(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    all_missing: Transcript,
    hierarchical_partly_missing: Transcript,
    large_request: Transcript,
    synchronous_commitment: Transcript,
    request_media_types: Transcript,
) -> None:
    """Each requested instance is committed or failed, once."""
    found = results(pending_commitment, partly_missing, all_missing, hierarchical_partly_missing)
    others = results(large_request, synchronous_commitment, request_media_types)
    for each in (*found.transactions, *others.transactions):
        counts = Counter(each.result.result.instances)
        asked = {ref.sop_instance_uid for ref in each.asked.references}
        wrong = {uid: counts[uid] for uid in asked if counts[uid] != 1}
        assert not wrong, expected("each requested instance once, committed or failed", _counted(wrong), each)
    found.complete()


@requirement("WEB-J.2-04")
def test_nothing_else_is_named(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    hierarchical_commitment: Transcript,
    large_request: Transcript,
    synchronous_commitment: Transcript,
    request_media_types: Transcript,
) -> None:
    """No instance stands in the result that was not asked for."""
    found = results(pending_commitment, partly_missing, hierarchical_commitment)
    others = results(large_request, synchronous_commitment, request_media_types)
    for each in (*found.transactions, *others.transactions):
        asked = {ref.sop_instance_uid for ref in each.asked.references}
        extra = sorted({uid for uid in each.result.result.instances if uid} - asked)
        assert not extra, expected("only requested instances", f"also {names(extra)}", each)
    found.complete()


def _acceptable(reason: ReasonAttribute) -> bool:
    """Whether the attribute is one US number; which number is another matter."""
    values = reason.values
    return reason.vr == "US" and len(values) == 1 and isinstance(values[0], (int, float)) and reason.number is not None


@requirement("WEB-J.2-05")
def test_failure_reasons_are_from_the_set(
    partly_missing: Transcript,
    all_missing: Transcript,
    hierarchical_partly_missing: Transcript,
    provoked_states: Transcript,
    unsupported_class: Transcript,
    synchronous_commitment: Transcript,
    request_media_types: Transcript,
    run: Transcript,
) -> None:
    """Each failed item has one Failure Reason, VR US, one of the enumerated values; for want of resources, too."""
    needed = results(partly_missing, all_missing, hierarchical_partly_missing)
    others = (provoked_states, unsupported_class, synchronous_commitment, request_media_types)
    found = results(partly_missing, all_missing, hierarchical_partly_missing, *others)
    own = claims(run).get("origin_server.failure_reasons") or ()
    tolerated: list[tuple[ReasonAttribute, Transaction]] = []
    for each in found.transactions:
        for reason in each.result.reasons:
            assert _acceptable(reason), expected("one Failure Reason of VR US", reason, each.final)
            if not in_set(reason.number):
                excused = reason.number in own or each.result.structure != "flat"
                assert excused, expected("a Failure Reason of PS3.3 C.14.1.1", reason, each.final)
                tolerated.append((reason, each))
    for reason, each in tolerated:
        outcome("reason-outside-set", reason, each.final, what="a Failure Reason of PS3.3 C.14.1.1")
    needed.complete()
    _needs_failures(needed.transactions)


def _needs_failures(transactions: tuple[Transaction, ...]) -> None:
    for each in transactions:
        if not each.result.reasons:
            inconclusive("a result with missing instances fails none of them", each)


def _stored(transcript: Transcript) -> dict[str, str]:
    """The SOP classes under which instances were stored, where that is known."""
    seeds = [event.info for event in transcript.of("seed") if event.info.get("sop_class_uid")]
    return {str(each.get("sop_instance_uid")): str(each["sop_class_uid"]) for each in seeds}


def _classes(references: tuple[Reference, ...]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in references:
        found.setdefault(each.sop_instance_uid, set()).add(each.sop_class_uid)
    return found


@requirement("WEB-J.2-06")
def test_the_requested_class_is_kept(
    pending_commitment: Transcript, wrong_class: Transcript, hierarchical_commitment: Transcript
) -> None:
    """Each instance keeps the SOP Class UID that it was asked for under."""
    found = results(pending_commitment, wrong_class, hierarchical_commitment)
    stored = {**_stored(pending_commitment), **_stored(wrong_class), **_stored(hierarchical_commitment)}
    tolerated = []
    for each in found.transactions:
        asked = _classes(each.asked.references)
        for reference in each.result.references:
            expects = asked.get(reference.sop_instance_uid)
            if expects is None or reference.sop_class_uid in expects:
                continue
            conflict = CLASS_CONFLICT in each.result.result.reasons_of(reference.sop_instance_uid)
            tolerable = conflict and stored.get(reference.sop_instance_uid) in (None, reference.sop_class_uid)
            assert tolerable, expected(f"SOP class {min(expects)}", f"{reference.sop_class_uid} of {reference}", each)
            tolerated.append(each)
    if tolerated:
        outcome("stored-class", *tolerated, what="the requested SOP class beside 0119H")
    found.complete()


@requirement("WEB-J.2-07")
def test_study_and_series_are_kept(
    hierarchical_commitment: Transcript, hierarchical_partly_missing: Transcript, wrong_study: Transcript
) -> None:
    """Each instance stands under the study and series that it was asked for under."""
    found = results(hierarchical_commitment, hierarchical_partly_missing, wrong_study)
    for each in found.transactions:
        asked = {
            ref.sop_instance_uid: (ref.study_instance_uid, ref.series_instance_uid) for ref in each.asked.references
        }
        for reference in each.result.references:
            place = asked.get(reference.sop_instance_uid)
            if place is None or reference.study_instance_uid is None:  # judged as WEB-J.2-04 and WEB-J.2-01
                continue
            seen = (reference.study_instance_uid, reference.series_instance_uid)
            assert seen == place, expected(
                f"{reference} under study {place[0]}, series {place[1]}", f"under {seen}", each
            )
    found.complete()


@requirement("WEB-J.2-08")
def test_no_foreign_attributes(
    pending_commitment: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """The result has the attributes of J.2 and no others."""
    found = results(pending_commitment, partly_missing)
    for each in (*found.transactions, *results(synchronous_commitment).transactions):
        foreign = each.result.flawed("foreign")
        assert not foreign, expected("only attributes of J.2", *foreign[:3], each.final)
    found.complete()
