"""Checks of what a result says about storage: nothing is committed that is not held. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, requirement

from stgcmt_suites.origin_server.views import commitment, held, results

CLASS_CONFLICT = 0x0119
NOT_HELD = 0x0112
UNSUPPORTED = 0x0122


@requirement("WEB-J.2-11")
def test_what_was_never_sent_is_not_committed(
    partly_missing: Transcript, all_missing: Transcript, hierarchical_partly_missing: Transcript
) -> None:
    """An instance that the server never received does not stand in the committed list."""
    found = results(partly_missing, all_missing, hierarchical_partly_missing)
    stored = held(partly_missing) | held(all_missing) | held(hierarchical_partly_missing)
    for each in found.transactions:
        for reference in each.result.result.committed:
            never = reference.sop_instance_uid and reference.sop_instance_uid not in stored
            assert not never, expected("no commitment of an instance that was never sent", str(reference), each)
    found.complete()


@requirement("WEB-J.2-12")
def test_a_class_conflict_is_failed(wrong_class: Transcript) -> None:
    """An instance asked for under another class than it was stored with is failed with 0119H."""
    transaction = commitment(wrong_class).transaction("request")
    conflict = transaction.asked.references[-1] if transaction.asked.references else None
    if conflict is None or not transaction.final.status or not transaction.result.readable:
        inconclusive("the request reached no result", transaction.request)
    result = transaction.result.result
    uid = conflict.sop_instance_uid
    assert not result.commits(uid), expected("no commitment under a class that is not the stored one", uid, transaction)
    if uid not in result.instances:
        inconclusive("the result does not speak of the instance", transaction)
    reasons = [reason for reason in result.reasons_of(uid) if reason is not None]
    assert CLASS_CONFLICT in reasons, expected(
        "Failure Reason 0119H", [f"{reason:04X}H" for reason in reasons], transaction
    )


@requirement("WEB-J.2-13")
def test_held_instances_are_not_called_missing(
    pending_commitment: Transcript, partly_missing: Transcript, hierarchical_commitment: Transcript, run: Transcript
) -> None:
    """0112H is not said of an instance that is there under the class asked for."""
    found = results(pending_commitment, partly_missing, hierarchical_commitment)
    stored = held(pending_commitment) | held(partly_missing) | held(hierarchical_commitment)
    unsupported = claims(run).get("origin_server.unsupported_sop_classes") or ()
    for each in found.transactions:
        for failed in each.result.result.failed:
            reference = failed.reference
            if reference.sop_class_uid in unsupported:
                assert failed.reason == UNSUPPORTED, expected("Failure Reason 0122H", str(failed), each)
            elif reference.sop_instance_uid in stored:
                assert failed.reason != NOT_HELD, expected("no 0112H for an instance that is held", str(failed), each)
    found.complete()
