"""PS3.4 J.3.2.1.2, J.3.3.1.2, PS3.3 C.14.1.1: the life of Transaction UIDs. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.scp.compare import about, is_duplicate
from stgcmt_suites.scp.premises import accepted_control, all_sent
from stgcmt_suites.scp.views import Seen, commitments, names

INVALID_ARGUMENT_VALUE = 0x0115


@requirement("DIMSE-TUID-02")
def test_a_dead_transaction_uid_stays_dead(in_sequence: Transcript) -> None:
    """No report on one request carries the Transaction UID of another."""
    view = commitments(in_sequence)
    owner = {each.sop_instance_uid: request for request in view.all for each in request.references}
    for request in view.all:
        for report in request.reports:
            foreign = [uid for uid in report.result.instances if owner.get(uid, request) is not request]
            said = Seen(
                report, f"the Transaction UID of step {request.step} with the instances of another: {names(foreign)}"
            )
            assert not foreign, expected("each report under the Transaction UID of its own request", said)
    if len([each for each in view.all if each.reports]) < 2:
        inconclusive("fewer than two transactions were reported on", *view.all)


@requirement("DIMSE-TUID-03")
def test_a_pending_transaction_uid_is_not_served_twice(pending_again: Transcript) -> None:
    """A second request under a pending UID is refused, or fails with 0131H."""
    view = commitments(pending_again)
    first, second = accepted_control(pending_again, "first"), view["second"]
    request = second.answer.request
    if request is None or any(report.message.t_first < request.t_last for report in first.reports):
        inconclusive("the first transaction was no longer pending when the second request was sent", first, second)
    if second.status is None:
        inconclusive("the second request has no response", second)
    served = [each for each in about(second) if not is_duplicate(each)]
    assert second.refused or not served, expected("a refusal, or a report with 0131H", second, *served)
    if not second.refused and not about(second):
        inconclusive("the second request has neither a refusal nor a report", second)


@requirement("DIMSE-TUID-06")
def test_a_malformed_transaction_uid_is_refused_or_echoed(malformed_transaction_uids: Transcript) -> None:
    """Letters, or 65 characters: refused with 0115H, or reported on under the very same UID."""
    view = commitments(malformed_transaction_uids)
    requests = [view[step] for step in ("letters", "too-long")]
    accepted_control(malformed_transaction_uids)
    for request in requests:
        answered = request.refused or (request.accepted and request.reports)
        assert answered or not request.sent, expected(
            "0115H, or a report that echoes the Transaction UID", request, *request.strays
        )
    for request in requests:
        if request.refused and request.status != INVALID_ARGUMENT_VALUE:
            outcome("other-failure-status", request, what="status 0115H")
        if request.accepted:
            outcome("served", request, what="status 0115H")
    all_sent(malformed_transaction_uids, "letters", "too-long")


@requirement("DIMSE-TUID-07")
def test_a_finished_transaction_uid_is_not_served_as_new(finished_again: Transcript) -> None:
    """A Transaction UID that was reported on is refused afterwards, or fails with 0131H."""
    first, again = accepted_control(finished_again, "first"), commitments(finished_again)["again"]
    if not first.reports:
        inconclusive("the first transaction has no report, so it is not known to be finished", first)
    if again.status is None:
        inconclusive("the second request has no response", again)
    served = [each for each in about(again) if not is_duplicate(each)]
    assert again.refused or not served, expected("a refusal, or a report with 0131H", again, *served)
    if not again.refused and not about(again):
        inconclusive("the second request has neither a refusal nor a report", again)
