"""Checks of PS3.18 13.4.3: one Transaction UID, one transaction. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, jitter_s, outcome, requirement
from stgcmt_suites.origin_server.payloads import UNSETTLED, same_result
from stgcmt_suites.origin_server.premises import control, never_pending
from stgcmt_suites.origin_server.views import BUSY, Call, Transaction, commitment, uids_of


@requirement("WEB-13.4.3-10")
def test_a_pending_uid_is_refused(duplicate_pending: Transcript, run: Transcript) -> None:
    """While the first Request is worked on, another under its Transaction UID is refused with 409, and only such a one."""
    view = commitment(duplicate_pending)
    first, different, identical = (view.one(step) for step in ("request", "different", "identical"))
    if first.status == 200:
        never_pending(run, first)
    if first.status != 202:
        inconclusive("the first Request was not accepted", first)
    still = view.one("still")
    overtaken = still.status != 202  # the result came before the duplicates: nothing was pending any more
    if overtaken and still.status == 200 and different.status == identical.status == 409:
        inconclusive(
            "the result was there before the duplicates were answered; name [provoke] keep-pending and release, or a slower "
            f"configuration (timers of this machine were up to {jitter_s(run):.3f} s late)",
            still, different, identical,
        )  # fmt: skip
    if overtaken and not (different.accepted or identical.accepted):
        inconclusive("that the first Request was still under way was not seen", still)
    control(view.one("control"))
    if {different.status, identical.status} & UNSETTLED:
        inconclusive("a duplicate was not decided", different, identical)
    assert different.status == 409, expected(
        "409 for another Request under a pending Transaction UID", different, first
    )
    assert identical.status == 409 or identical.accepted, expected("409 for the same Request again", identical, first)
    beside = view.one("same-instances")
    if beside.status == 409:
        outcome("instances-locked", beside, first, what="200 or 202: its Transaction UID is not in use")
    if identical.accepted:
        outcome("identical-accepted", identical, first, what="409 for the same Request again")


@requirement("WEB-13.4.3-11")
def test_a_finished_uid_is_refused(duplicate_done: Transcript) -> None:
    """After its result was delivered, a Transaction UID is refused with 409."""
    view = commitment(duplicate_done)
    before = view.one("before")
    duplicates = [view.one("identical"), view.one("different")]
    if not view.transaction("request").final.status:
        inconclusive("the first Request reached no result", view.one("request"))
    control(view.one("control"))
    if any(call.status in UNSETTLED for call in duplicates):
        inconclusive("a duplicate was not decided", *duplicates)
    for call in duplicates:
        expired = before.status in (404, 410) and call.accepted
        assert call.status == 409 or expired, expected("409 for a Transaction UID whose result was delivered", call)
    for call in duplicates:
        if call.status != 409:
            outcome("accepted-after-expiry", call, before)


@requirement("WEB-13.4.3-12")
def test_one_of_concurrent_requests_wins(concurrent_duplicates: Transcript) -> None:
    """Of Requests under one Transaction UID at the same moment exactly one succeeds; the others are answered 409.

    The result is that of the one that succeeded.
    """
    view = commitment(concurrent_duplicates)
    race = view.step("race")
    won = [call for call in race if call.accepted]
    assert len(won) < 2, expected("exactly one success", *won)
    theirs = {uid for call in race if call not in won for uid in uids_of(call.asked.references)}
    theirs -= {uid for call in won for uid in uids_of(call.asked.references)}
    for call in view.transaction("race").results if won else ():
        strange = theirs & set(call.module.result.instances)
        assert not strange, expected("the result of the Request that succeeded", call, won[0])
    control(view.one("control"))
    if not race or any(call.status is None for call in race):
        inconclusive("a concurrent Request was not answered", *race)
    for call in race:
        assert call.accepted or call.status in (409, *BUSY), expected("409 for the Requests that lost", call)
    assert won or any(call.status in BUSY for call in race), expected("one Request that succeeds", *race)
    if not won:
        inconclusive("every concurrent Request was refused for now", *race)


@requirement("WEB-13.4.3-13")
def test_a_duplicate_leaves_the_first_alone(duplicate_pending: Transcript, duplicate_done: Transcript) -> None:
    """The first Request keeps its own result, whatever was asked under its Transaction UID later.

    Where a Request under a finished Transaction UID was accepted it is another transaction (WEB-13.4.3-11).
    """
    missing = []
    for transcript in (duplicate_pending, duplicate_done):
        view = commitment(transcript)
        transaction, tried = view.transaction("request"), [view.one("different"), view.one("identical")]
        before, after = _around(transaction, tried)
        if tried[0].accepted and 0 < transaction.final.t_answered < tried[0].t_sent:
            after = []
        asked, theirs = (set(uids_of(call.asked.references)) for call in (view.one("request"), tried[0]))
        for call in after:
            named = set(call.module.result.instances)
            own = asked <= named and not named & (theirs - asked)
            assert own, expected("the result of the first Request", call, *tried)
            same = not before or same_result(call, before[-1])
            assert same, expected("the result as it was before the duplicates", call, *before[-1:])
        if not after or not view.one("request").accepted:
            missing.append(view.one("request"))
    if missing:
        inconclusive("no result was seen after a duplicate", *missing)


def _around(transaction: Transaction, tried: list[Call]) -> tuple[list[Call], list[Call]]:
    """The readable results of Result Checks before the first duplicate was sent, and after the last was answered."""
    first = min((call.t_sent for call in tried if call.events), default=0)
    last = max((call.t_answered for call in tried), default=0)
    read = [call for call in transaction.checks if call.final and call.module.readable]
    return [call for call in read if call.t_answered < first], [call for call in read if call.t_sent >= last]


@requirement("WEB-13.4.3-14")
def test_a_refusal_leaves_no_transaction(
    refused_requests: Transcript, malformed_xml: Transcript, malformed_multipart: Transcript
) -> None:
    """After a refusal the Transaction UID is unknown, and can be used for a Request that is in order."""
    tried = [
        (commitment(refused_requests), "refused-", ("module", "accept", "content-type")),
        (commitment(malformed_xml), "defect-", ("truncated",)),
        (commitment(malformed_multipart), "defect-", ("cut-off",)),
    ]
    refused = [(view, view.one(kind + name), name) for view, kind, names in tried for name in names]
    refused = [(view, call, name) for view, call, name in refused if call.refused and call.status not in BUSY]
    for view, call, name in refused:
        left, again = view.one(f"left-{name}"), view.one(f"again-{name}")
        assert not left.accepted, expected("404 for the Transaction UID of a refused Request", left, call)
        assert again.status != 409, expected("a Transaction UID that can still be used", again, call)
    control(tried[0][0].one("control"))
    if not refused:
        inconclusive("no Request was refused", *tried[0][0].step("refused-module", "refused-accept"))
