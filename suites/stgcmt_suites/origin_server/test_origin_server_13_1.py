"""Checks of PS3.18 13.1 to 13.3: resources, states of the service, methods. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, requirement
from stgcmt_suites.origin_server.premises import control
from stgcmt_suites.origin_server.views import Call, calls, commitment


@requirement("WEB-13.1-02")
def test_answers_are_done_working_or_error(
    pending_commitment: Transcript, synchronous_commitment: Transcript, all_missing: Transcript
) -> None:
    """A Request or Result Check ends as done (200), working (202) or error."""
    seen = [call for call in calls(pending_commitment, synchronous_commitment, all_missing) if call.status is not None]
    for call in seen:
        assert call.status in (200, 202) or (call.status or 0) >= 400, expected("200, 202 or an error status", call)
    if not seen:
        inconclusive("no request was answered")


@requirement("WEB-13.1.1-01")
def test_transactions_live_below_commitment_requests(collection: Transcript) -> None:
    """A well-formed Request to commitment-requests/{uid} below the Base URI reaches the service."""
    request = commitment(collection).one("control")
    assert request.status not in (404, 405, 501), expected("a Request that reaches the service", request)
    if request.status is None:
        inconclusive("the Request was not answered", request)


@requirement("WEB-13.1.1-02")
def test_the_collection_takes_no_requests(collection: Transcript) -> None:
    """A request to the collection itself, without a Transaction UID, is refused."""
    view = commitment(collection)
    posted, listed = view.one("post-collection"), view.one("get-collection")
    for call in (posted, listed):
        assert not call.accepted, expected("a refusal: no transaction is defined on the collection", call)
    control(view.one("control"))
    if None in (posted.status, listed.status):
        inconclusive("a request to the collection was not answered", posted, listed)


@requirement("WEB-13.2-01", "WEB-13.3-01")
def test_both_transactions_share_one_resource(
    pending_commitment: Transcript, synchronous_commitment: Transcript, run: Transcript
) -> None:
    """POST requests and GET checks, on the same path; a Result Check is routed even where every answer is immediate.

    404 to all of them has two reasons where the result came at once and no retention is stated: AMB-03.
    """
    stated = claims(run).get("origin_server.result_retention_s")
    premise = False
    forgotten: list[Call] = []
    for transcript in (pending_commitment, synchronous_commitment):
        for transaction in commitment(transcript).transactions:
            checks = transaction.checks
            if not checks or not transaction.request.accepted:
                continue
            for call in checks:
                assert call.status not in (405, 501), expected("a Result Check that is supported", call)
            if any(call.status != 404 for call in checks):
                premise = True
                continue
            due = transaction.request.status == 202 or bool(stated)
            assert not due, expected("a Result Check that knows the transaction of a successful Request", *checks)
            forgotten += checks
    if forgotten and not premise:
        inconclusive(
            "404 after a result that came at once: the Result Check is not there, or the result is not kept; state "
            "result_retention_s in [claims.origin_server]",
            *forgotten,
        )
    if not premise:
        inconclusive("no Request succeeded, so that no Result Check can be judged", commitment(pending_commitment))
