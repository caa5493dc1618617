"""PS3.4 J.3.2.1.2, J.3.3.1.2: Transaction UIDs, and how long they live. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import re

from stgcmt.suite import Transcript, expected, inconclusive, requirement
from stgcmt_suites.scu.views import Request, Seen, asked, conversation, requests_of

UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*")


def _used_before(request: Request, *transcripts: Transcript) -> list[Request]:
    """Earlier requests under the same Transaction UID."""
    return [
        each
        for each in requests_of(*transcripts)
        if each.transaction_uid
        and each.transaction_uid == request.transaction_uid
        and each.transcript is request.transcript
        and each.message.t_first < request.message.t_first
    ]


@requirement("DIMSE-J.3.2.1.2-03")
def test_each_request_has_a_transaction_uid_of_its_own(
    several: Transcript, new_association: Transcript, same_association: Transcript
) -> None:
    """A Transaction UID is there, is a UID, and was not used before."""
    for request in asked(several, new_association, same_association):
        uid = request.transaction_uid
        assert uid, expected("a Transaction UID", request)
        valid = len(uid) <= 64 and UID.fullmatch(uid) is not None
        assert valid, expected("a valid UID", Seen(request, f"Transaction UID {uid}"))
        before = _used_before(request, several, new_association, same_association)
        assert not before, expected("a Transaction UID that no other request has", request, *before)
    if len(requests_of(several)) < 2:
        inconclusive("fewer than two requests were made one after the other", *requests_of(several))


@requirement("DIMSE-TUID-01")
def test_a_refused_transaction_uid_is_dead(refusals: Transcript, refused_early: Transcript) -> None:
    """A request after a refusal has another Transaction UID."""
    for request in asked(refusals, refused_early):
        before = [each for each in _used_before(request, refusals, refused_early) if each.status not in (None, 0)]
        assert not before, expected("another Transaction UID than the one that was refused", request, *before)
    if not any(each.status not in (None, 0) for each in requests_of(refusals)):
        inconclusive("no request was refused", *requests_of(refusals)[:1])


@requirement("DIMSE-TUID-02", "DIMSE-J.3.3.1.3-04")
def test_a_reported_transaction_uid_is_dead(failures: Transcript) -> None:
    """A request after a report, for failed instances too, has another Transaction UID."""
    view = conversation(failures)
    for request in asked(failures):
        reported = [
            each
            for each in view.reports
            if each.info.transaction_uid == request.transaction_uid and each.whole_t < request.message.t_first
        ]
        before = _used_before(request, failures)
        assert not (reported and before), expected(
            "another Transaction UID than the one of the report", request, *before
        )
    if not view.reports:
        inconclusive("no report could be sent", *requests_of(failures)[:1])
