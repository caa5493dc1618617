"""Checks of PS3.18 13.5: the Result Check. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, jitter_s, outcome, requirement
from stgcmt_suites.origin_server.payloads import UNSETTLED, same_result
from stgcmt_suites.origin_server.premises import never_pending
from stgcmt_suites.origin_server.views import Call, Transaction, calls, commitment

ENDS = (200, 410, 503)  # how work ends that was answered 202; 404 says that nothing is known of it
TOO_MANY = 429
KNOWN = {200, 202, 404, 410, 503, 400, 401, 403, 405, 406, 413, 414, 415, 500, 501, 505}


def _polled(transcript: Transcript, run: Transcript) -> Call:
    """The Request of the transaction that was polled: accepted with 202, or there is nothing to judge."""
    request = commitment(transcript).one("request")
    if request.status == 200:
        never_pending(run, request)
    if request.status != 202:
        inconclusive("the Request was not accepted", request)
    return request


@requirement("WEB-13.5.2-01")
def test_an_available_result_is_returned(pending_commitment: Transcript, synchronous_commitment: Transcript) -> None:
    """A 200 to a Result Check holds the response module with detail for each instance."""
    seen = [call for call in calls(pending_commitment, synchronous_commitment, method="GET") if call.final]
    for call in seen:
        assert call.module.readable, expected("a response module (J.2)", call)
        flaws = call.module.flawed("missing", "not-a-uid", "not-a-sequence")
        assert not flaws, expected("every mandatory attribute of J.2", *flaws[:3], call)
        assert call.module.references, expected("a status for each instance", call)
    if not seen:
        inconclusive("no Result Check brought a result", *calls(pending_commitment, method="GET"))


@requirement("WEB-13.5.2-02")
def test_an_accepted_request_is_known_at_once(
    pending_commitment: Transcript, partly_missing: Transcript, all_missing: Transcript, run: Transcript
) -> None:
    """From a 202 to the result each Result Check says working or gives the result; none that nothing is known."""
    for transcript in (pending_commitment, partly_missing, all_missing):
        for transaction in commitment(transcript).transactions:
            for call in _until_result(transaction):
                known = not call.refused or call.status in UNSETTLED
                assert known, expected("202 or 200 after a 202", call, transaction.request)
    for transcript in (pending_commitment, partly_missing, all_missing):
        for transaction in commitment(transcript).transactions:
            early = [call for call in _until_result(transaction) if call.status == TOO_MANY]
            if early:
                outcome("too-many-requests", early[0], transaction.request, what="202 while the work is under way")
    _polled(pending_commitment, run)
    first = commitment(pending_commitment).one("first-check")
    if first.status not in (200, 202):
        inconclusive("the first Result Check was not decided", first)


def _until_result(transaction: Transaction) -> tuple[Call, ...]:
    """The Result Checks of a Request that was answered 202, up to the first result: later it may have expired."""
    if transaction.request.status != 202:
        return ()
    final = transaction.final
    return tuple(call for call in transaction.checks if not final.status or call.t_sent <= final.t_sent)


@requirement("WEB-13.5.2-03")
def test_the_work_ends(
    pending_commitment: Transcript, partly_missing: Transcript, all_missing: Transcript, run: Transcript
) -> None:
    """Polling ends within the time that the SUT file allows: in a result, in 503, or in 410 where it was there and is gone."""
    unsettled, given_up = [], []
    for transcript in (pending_commitment, partly_missing, all_missing):
        view = commitment(transcript)
        answers = [call for call in view.transaction("request").calls if call.status is not None]
        if not answers or answers[0].status not in (200, 202):
            unsettled.append(view.one("request"))
            continue
        other = next((call for call in answers if call.status not in (202, *ENDS)), None)
        broken = other is not None and (other.status or 0) >= 500  # 4xx is WEB-13.5.2-02's, 201 and the like -06's
        assert not broken, expected("an end in 200, 410 or 503", other)
        if any(call.status in ENDS for call in answers):
            given_up += [answers[-1]] if not any(call.status == 200 for call in answers) else []
            continue
        if other is not None:
            unsettled.append(other)
            continue
        deadline = float(run.header.info.get("timing", {}).get("result_deadline", 0))
        waited = (answers[-1].t_answered - answers[0].t_answered) / 1e9
        last = _asked_s(answers[-1])
        ended = waited + jitter_s(run) >= deadline - (last or 0.0)
        too_long = last is not None and last > deadline  # asked to come back later than the SUT file lets us wait
        assert not ended or too_long, expected(f"a result within {deadline:g} s", answers[-1])
        unsettled.append(answers[-1])
    if unsettled:
        inconclusive("a Request was not accepted, or could not be followed to its end", *unsettled)
    if given_up:
        outcome("ended-without-result", *given_up)


def _asked_s(call: Call) -> float | None:
    return call.response.retry_after_s if call.response is not None else None


@requirement("WEB-13.5.2-04")
def test_a_result_check_changes_nothing(
    pending_commitment: Transcript, unknown_transaction: Transcript, run: Transcript
) -> None:
    """Repeated Result Checks give the same result; one of an unknown Transaction UID creates nothing.

    Within the stated retention a result that is gone was deleted by being read; without a statement it is told.
    """
    view, unknown = commitment(pending_commitment), commitment(unknown_transaction)
    transaction = view.transaction("request")
    bodies = [call for call in transaction.checks if call.final and call.module.readable]
    for call in bodies:
        assert same_result(call, bodies[0]), expected("the same result at every Result Check", call, bodies[0])
    first_use, asked = unknown.one("first-use"), unknown.one("unknown")
    assert first_use.status != 409, expected("a Transaction UID that a Result Check did not use up", first_use, asked)
    stated = claims(run).get("origin_server.result_retention_s")
    gone = [call for call in view.step("after") if transaction.final.status and call.status in (404, 410)]
    for call in gone:
        age = (call.t_answered - transaction.request.t_sent) / 1e9 + jitter_s(run)
        if stated is not None and age <= float(stated):
            outcome("deleted-on-read", call, transaction.final, what="the result again")
    if gone and stated is None:
        outcome("kept-for-no-time", *gone, transaction.final, what="the result again, or a stated retention")
    if len(bodies) < 2 or first_use.status not in (200, 202):
        inconclusive("the result was not read twice, or the control Request did not succeed", *bodies, first_use)


@requirement("WEB-13.5.2-05")
def test_done_stays_done(pending_commitment: Transcript, duplicate_done: Transcript) -> None:
    """After a result, no Result Check says working again."""
    missing = []
    for transcript in (pending_commitment, duplicate_done):
        view = commitment(transcript)
        transaction = view.transaction("request")
        final = transaction.final
        renewed = [call for call in transaction.posts[1:] if call.accepted]  # a UID taken anew is WEB-13.4.3-11
        horizon = min((call.t_sent for call in renewed), default=None)
        later = [call for call in transaction.checks if final.status and call.t_sent > final.t_answered]
        for call in later:
            if horizon is None or call.t_sent < horizon:
                assert call.status != 202, expected("no 202 after a result", call, final)
        if not later:
            missing.append(view.one("request"))
    if missing:
        inconclusive("no Result Check followed a result", *missing)


@requirement("WEB-13.5.2-06")
def test_result_checks_succeed_as_200_or_202(
    pending_commitment: Transcript, synchronous_commitment: Transcript, unknown_transaction: Transcript
) -> None:
    """A successful Result Check is 200 with a payload or 202 without one; nothing else is defined."""
    seen = calls(pending_commitment, synchronous_commitment, unknown_transaction, method="GET")
    for call in seen:
        if call.status is not None and call.status < 400:
            assert call.status in (200, 202), expected("200 or 202", call)
            assert call.status == 202 or call.body, expected("a 200 with a result", call)
    if not any(call.status in (200, 202) for call in seen):
        inconclusive("no Result Check succeeded", *seen)


@requirement("WEB-13.5.3-01")
def test_retry_after_on_check_is_seconds(pending_commitment: Transcript, run: Transcript) -> None:
    """Retry-After on a 202 to a Result Check, where it is sent, is a number of whole seconds."""
    _polled(pending_commitment, run)
    seen = [call for call in calls(pending_commitment, method="GET") if call.status in (202, 503)]
    given = [call for call in seen if call.retry_after is not None]
    for call in given:
        assert call.retry_after.kind in ("seconds", "date"), expected("a non-negative whole number of seconds", call)
    for call in given:
        if call.retry_after.kind == "date":
            outcome("http-date", call, what="a number of seconds")
    if not seen:
        inconclusive(
            "no Result Check was answered 202: the result was there before the first one",
            commitment(pending_commitment),
        )
    if not given:
        outcome("absent", *seen)


@requirement("WEB-13.5.3-02")
def test_result_check_payloads(pending_commitment: Transcript, unknown_transaction: Transcript) -> None:
    """202 to a Result Check carries nothing, 200 a response module, an error at most a Status Report with its type."""
    seen = [call for call in calls(pending_commitment, unknown_transaction, method="GET") if call.status is not None]
    for call in seen:
        assert call.status != 202 or call.body == b"", expected("no payload on a 202", call)
        assert call.status != 200 or call.module.readable, expected("a response module (J.2)", call)
        assert (call.status or 0) < 400 or not call.body or call.header("Content-Type"), expected(
            "Content-Type on an error body", call
        )
    if not any(call.final for call in seen):
        inconclusive("no Result Check brought a result", *seen)


@requirement("WEB-13.5.3-10")
def test_an_unknown_uid_is_404(unknown_transaction: Transcript) -> None:
    """A Result Check of a Transaction UID that was never used is answered 404."""
    view = commitment(unknown_transaction)
    seen = view.step("unknown")
    for call in seen:
        undecided = call.status in UNSETTLED
        assert call.status == 404 or undecided, expected("404 for a Transaction UID that was never used", call)
    if not seen or any(call.status != 404 for call in seen):
        inconclusive("the Result Check was not decided", *seen)


@requirement("WEB-13.5.3-13")
def test_result_check_statuses_are_known(pending_commitment: Transcript, unknown_transaction: Transcript) -> None:
    """Answers to Result Checks use codes of the table, or general ones."""
    seen = [call for call in calls(pending_commitment, unknown_transaction, method="GET") if call.status is not None]
    for call in seen:
        assert call.status in KNOWN, expected("a code of Table 13.5.3-1 or of 8.5", call)
    if not seen:
        inconclusive("no Result Check was answered")
