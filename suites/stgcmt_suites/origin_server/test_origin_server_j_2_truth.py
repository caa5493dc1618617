"""Checks of what a result says about storage: nothing is committed that is not held. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable, outcome, requirement
from stgcmt.views.stored import changed
from stgcmt_suites.origin_server.views import commitment, held, names, results, uids_of

CLASS_CONFLICT = 0x0119
NOT_HELD = 0x0112
UNSUPPORTED = 0x0122
TOO_LARGE = 413
NEVER = 2**63 - 1  # nanoseconds


@requirement("WEB-J.2-11")
def test_what_is_not_held_is_not_committed(
    partly_missing: Transcript,
    all_missing: Transcript,
    hierarchical_partly_missing: Transcript,
    large_request: Transcript,
    deleted_instance: Transcript,
    uid_shapes: Transcript,
    provoked_states: Transcript,
    synchronous_commitment: Transcript,
    request_media_types: Transcript,
    repeated_references: Transcript,
) -> None:
    """An instance that the server never received, or no longer has whole, does not stand in the committed list.

    It is looked for in lists of every size, in Requests of every media type, in results that come at once and later, and under
    UIDs that are nearly those of others; where nothing can be deleted the
    second half is not judged, and that is told.
    """
    needed = (partly_missing, all_missing, hierarchical_partly_missing)
    ways = (synchronous_commitment, request_media_types, repeated_references)
    played = (*needed, large_request, deleted_instance, uid_shapes, provoked_states, *ways)
    deleted, damaged = _helped("delete", deleted_instance), _helped("corrupt", provoked_states)
    there = frozenset[str]().union(*map(held, played))
    for each in results(*played).transactions:
        gone = {uid for uid, when in deleted.items() if each.request.t_sent > when}
        # what was not asked for is judged as WEB-J.2-04
        absent = set(uids_of(each.asked.references)) - (there - gone)
        for call in each.results:
            committed = uids_of(call.module.result.committed)
            wrong = [uid for uid in committed if uid in absent]
            assert not wrong, expected("no commitment of an instance that is not there", *wrong[:3], call, each)
            broken = [uid for uid in committed if uid in damaged and each.request.t_sent > damaged[uid]]
            assert not broken, expected("no commitment of an instance that is damaged", *broken[:3], call, each)
    results(*needed).complete()
    large = commitment(large_request).one("request")
    if large.status != TOO_LARGE:
        results(large_request).complete()
    if not deleted:
        outcome("nothing-deleted", *deleted_instance.of("provoke"), what="an instance deleted by [provoke] delete")
    results(deleted_instance).complete()


def _helped(name: str, transcript: Transcript) -> dict[str, int]:
    """The SOP Instance UIDs that the vendor's help of this name was for, and when it was done."""
    helped = [event for event in transcript.of("provoke") if event.info.get("name") == name and event.info.get("ok")]
    return {str(each.info.get("values", {}).get("sop_instance_uid")): each.t for each in helped}


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
    if not reasons:
        inconclusive("the instance has no Failure Reason that can be read", transaction)
    assert CLASS_CONFLICT in reasons, expected(
        "Failure Reason 0119H", [f"{reason:04X}H" for reason in reasons], transaction
    )


@requirement("WEB-J.2-13")
def test_held_instances_are_not_called_missing(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    unsupported_class: Transcript,
    committed_and_retrieved: Transcript,
    uid_shapes: Transcript,
    asked_early: Transcript,
    run: Transcript,
) -> None:
    """0112H is not said of what can be retrieved under the class asked for; a class that is not supported is 0122H.

    Of what was stored and not retrieved it may be true: a store may lose what it took.
    """
    needed = (pending_commitment, partly_missing, unsupported_class, committed_and_retrieved)
    played = (*needed, uid_shapes, asked_early)
    found = results(*played)
    stored = _stored(*played)
    read = [event.info for each in (committed_and_retrieved, asked_early) for event in each.of("retrieve")]
    there = {str(each.get("sop_instance_uid")) for each in read if each.get("ok")}
    unsupported = claims(run).get("origin_server.unsupported_sop_classes") or ()
    doubtful = []
    for each in found.transactions:
        asked = set(uids_of(each.asked.references))
        told = [failed for failed in each.result.result.failed if failed.reason is not None]
        for failed in told:
            reference = failed.reference
            if reference.sop_instance_uid not in asked:  # judged as WEB-J.2-04
                continue
            if reference.sop_class_uid in unsupported:
                assert failed.reason == UNSUPPORTED, expected("Failure Reason 0122H", str(failed), each)
            elif stored.get(reference.sop_instance_uid, NEVER) < each.request.t_sent and failed.reason == NOT_HELD:
                lied = reference.sop_instance_uid in there
                assert not lied, expected("no 0112H for an instance that can be retrieved", str(failed), each)
                doubtful.append(each)
    if doubtful:
        inconclusive(
            "0112H was said of an instance that was stored; whether it can be retrieved was not seen", *doubtful
        )
    results(*needed).complete()


def _stored(*transcripts: Transcript) -> dict[str, int]:
    """The SOP Instance UIDs that were brought into the server, or were there, and since when that is known."""
    taken = [event for each in transcripts for event in each.of("seed") if event.info.get("ok")]
    return {str(each.info.get("sop_instance_uid")): each.t for each in taken}


@requirement("WEB-J.2-09")
def test_committed_instances_can_be_retrieved(committed_and_retrieved: Transcript) -> None:
    """What was committed can be read back; where retrieval itself is refused nothing is known."""
    transaction = commitment(committed_and_retrieved).transaction("request")
    tried = {str(event.info.get("sop_instance_uid")): event for event in committed_and_retrieved.of("retrieve")}
    committed = [ref.sop_instance_uid for ref in transaction.result.result.committed if ref.sop_instance_uid in tried]
    for uid in committed:
        lost = not tried[uid].info.get("ok") and tried[uid].info.get("available", True)
        assert not lost, expected("the committed instance", uid, tried[uid], transaction)
    for uid in committed:
        if not tried[uid].info.get("ok"):
            inconclusive(f"retrieval is not available: {tried[uid].info.get('detail')}", tried[uid], transaction)
    if not committed:
        inconclusive("no instance was committed and asked for", transaction)


@requirement("WEB-J.2-09")
def test_committed_instances_come_back_unchanged(committed_and_retrieved: Transcript, run: Transcript) -> None:
    """What was committed comes back with every attribute and value that it was stored with, private ones too."""
    transaction = commitment(committed_and_retrieved).transaction("request")
    coerced = frozenset(claims(run).get("origin_server.coerced") or ())
    committed = uids_of(transaction.result.result.committed)
    compared = {uid: changed(committed_and_retrieved, uid, coerced) for uid in committed}
    tried = {str(event.info.get("sop_instance_uid")): event for event in committed_and_retrieved.of("retrieve")}
    for uid, seen in compared.items():
        if seen is not None and seen[0]:
            outcome("altered", f"{uid}: {names(seen[0])}", tried[uid], transaction, what="every attribute as stored")
    if not any(compared.values()):
        inconclusive(
            "no committed instance was both stored and read back, so that there is nothing to compare", transaction
        )
    for uid, seen in compared.items():
        if seen is not None and seen[1]:
            outcome("transcoded", f"{uid} in {seen[1]}", tried[uid], what="the transfer syntax that was stored")


@requirement("WEB-J.2-10")
def test_a_link_is_not_committed(link_only: Transcript, run: Transcript) -> None:
    """An instance whose pixel data is only a link is not committed."""
    transaction = commitment(link_only).transaction("request")
    result = transaction.result.result
    asked = transaction.asked.references
    if len(asked) != 2 or not transaction.final.status or not transaction.result.readable:
        inconclusive("the request reached no result", transaction.request)
    whole, link = asked[0].sop_instance_uid, asked[1].sop_instance_uid
    assert not result.commits(link), expected("no commitment of a link to pixel data", link, transaction)
    if link not in held(link_only):
        if claims(run).get("origin_server.no_link_transfer_syntaxes"):
            not_applicable("origin_server.no_link_transfer_syntaxes")
        inconclusive(
            "the server does not take the link; add no_link_transfer_syntaxes = true to [claims.origin_server]",
            *link_only.of("seed"),
        )
    if not result.commits(whole):
        inconclusive("the instance beside it was not committed either", transaction)
