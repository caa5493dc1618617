"""Checks of PS3.18 J.1 and of what stands in the path: requests in every shape, good and bad. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.payloads import UNSETTLED
from stgcmt_suites.origin_server.premises import NOT_TAKEN, control, decided, withstood
from stgcmt_suites.origin_server.views import BUSY, Call, commitment, names, uids_of, valid_uid


@requirement("WEB-J.1-03")
def test_both_structures_are_taken(both_structures: Transcript) -> None:
    """A flat and a hierarchical request module for the same instance are both accepted."""
    view = commitment(both_structures)
    requests = [view.one("control-flat"), view.one("control-hierarchical")]
    for call in requests:
        refused = (call.status or 0) >= 400 and call.status not in UNSETTLED
        assert not refused, expected(f"a {call.asked.structure} request is accepted", call)
    if not all(call.accepted for call in requests):
        inconclusive("a well-formed Request was not decided", *requests)


@requirement("WEB-J.1-04")
def test_a_request_may_span_studies_series_classes(
    hierarchical_commitment: Transcript, both_structures: Transcript
) -> None:
    """A request over several studies, series and classes is taken, and every instance of it is judged."""
    transaction = commitment(hierarchical_commitment).transaction("request")
    asked = transaction.asked.references
    studies = {each.study_instance_uid for each in asked}
    series = {(each.study_instance_uid, each.series_instance_uid) for each in asked}
    classes = {(each.series_instance_uid, each.sop_class_uid) for each in asked}
    if not (len(studies) > 1 and len(series) > len(studies) and len(classes) > len(series)):
        inconclusive("the instances at hand do not span several studies, series and classes", transaction)
    single = commitment(both_structures).one("control-hierarchical")
    control(single)
    taken = transaction.request.accepted or transaction.request.status in UNSETTLED
    assert taken, expected(
        "a request over several studies, series and classes is accepted", transaction.request, single
    )
    if not transaction.final.status or not transaction.result.readable:
        inconclusive("the request reached no result", transaction.request)
    lost = sorted(set(uids_of(asked)) - set(transaction.result.result.instances))
    assert not lost, expected(
        "every instance of every study, series and class in the result", f"lost: {names(lost)}", transaction
    )


@requirement("WEB-J.1-05")
def test_malformed_modules_are_refused(
    malformed_modules: Transcript,
    malformed_bodies: Transcript,
    malformed_xml: Transcript,
    malformed_multipart: Transcript,
) -> None:
    """A module with a defect is refused, with 400; nothing of it is worked on, and the server survives it.

    So it is in each media type whose control Request is taken.
    """
    view, bodies = commitment(malformed_modules), commitment(malformed_bodies)
    others = [commitment(each) for each in (malformed_xml, malformed_multipart)]
    every = (view, bodies, *others)
    defects = [call for each in every for call in each.lasting if call.step.startswith("defect-")]
    uids, empty, loose = (
        [call for each in every for call in each.lasting if call.step.startswith(kind)]
        for kind in ("uid-", "empty-", "loose-")
    )
    controls = [bodies.one("control"), view.one("control-flat"), view.one("control-hierarchical")]
    for call in defects:
        assert not call.accepted, expected("a malformed module is refused", call)
    for call in uids:
        wrong = [uid for uid in uids_of(call.module.result.committed) if call.accepted and not valid_uid(uid)]
        assert not wrong, expected("no commitment of what is no UID", *wrong[:3], call)
    for call in empty:
        nothing = call.status == 202 or (call.status == 200 and not call.module.references)
        assert not call.accepted or nothing, expected("no result for an empty list", call)
    tried = [each.one("control") for each in others if each.one("control").accepted]
    withstood("a 400", [*defects, *uids, *empty, *loose], every, *controls, *tried)
    refused = [each.one("control") for each in others if each.one("control").status in NOT_TAKEN]
    for each in [*controls, *(each.one("control") for each in others if each.one("control") not in refused)]:
        control(each)
    _tolerated(empty, uids, [*defects, *empty, *uids, *loose])
    if not defects or not uids:
        inconclusive("no malformed module was sent")
    decided(*defects, *uids, *empty, *loose)
    if any(call.accepted for call in loose):
        outcome("loose-multipart-accepted", *(call for call in loose if call.accepted), what="400")
    if refused:
        outcome("fewer-media-types", *refused, what="a control Request that is taken, to compare with")


def _tolerated(empty: list[Call], uids: list[Call], every: list[Call]) -> None:
    """What weighs a warning: an empty list or an invalid UID that was taken, another refusal than 400."""
    for call in empty:
        if call.accepted:
            outcome("empty-list-accepted", call, what="400 for a sequence without items")
    for call in uids:
        if call.accepted:
            outcome("invalid-uid-accepted", call, what="400 for a value that is no UID")
    for call in every:
        if not call.accepted and call.status not in (400, *BUSY):
            outcome("other-refusal", call, what="400")


@requirement("WEB-J.1-06")
def test_both_structures_at_once_are_refused(both_structures: Transcript) -> None:
    """A request with a flat and a hierarchical list is answered 400."""
    view = commitment(both_structures)
    call = view.one("both")
    sent = call.method == "POST"
    withstood("a 400", [call] if sent else [], (view,), view.one("control-flat"), view.one("control-hierarchical"))
    control(view.one("control-flat"))
    control(view.one("control-hierarchical"))
    if not sent:
        inconclusive("the request was not sent")
    if call.accepted:
        outcome("accepted", call, what="400 where both lists are present")
    decided(call)
    if call.status != 400:
        outcome("other-refusal", call, what="400")


def _probes(transcript: Transcript, kind: str) -> tuple[Call, ...]:
    return tuple(call for call in commitment(transcript).lasting if call.step.startswith(f"{kind}-"))


@requirement("WEB-13.4.1-11")
def test_invalid_transaction_uids_are_refused(invalid_transaction_uids: Transcript) -> None:
    """A segment that is no UID: 400 to a Request, 400 or 404 to a Result Check; %2E is a dot."""
    view = commitment(invalid_transaction_uids)
    posts, gets = _probes(invalid_transaction_uids, "post"), _probes(invalid_transaction_uids, "get")
    withstood("a 400", [*posts, *gets], (view,), view.one("control"))
    control(view.one("control"))
    if not posts or not gets:
        inconclusive("no invalid Transaction UID was tried")
    for call in posts:
        if call.accepted:
            outcome("accepted", call, what="400 for a Transaction UID that is no UID")
    for call in (*posts, *gets):
        allowed = (400,) if call.method == "POST" else (400, 404)
        taken = any(post.uid == call.uid and post.accepted for post in posts)
        if call.status not in (*allowed, *BUSY) and not taken:
            outcome("other-refusal", call, what=" or ".join(map(str, allowed)))
    plain, encoded = view.one("plain"), view.one("encoded")
    if plain.status == 200 and encoded.status not in (200, *BUSY):
        outcome("encoding-distinguished", encoded, plain, what="the same result under %2E as under a dot")
    decided(*posts, *gets, plain, encoded)
