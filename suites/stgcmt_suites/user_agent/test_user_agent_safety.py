"""Checks of what a client believes: only what a result commits is committed. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, outcome, requirement
from stgcmt_suites.commitment.by_itself import each_by_itself
from stgcmt_suites.user_agent.views import Belief, asked, beliefs_of, commitments, committed_by, last_answer


@each_by_itself
def _unfounded(transcript: Transcript) -> None:
    """No belief without a result that founds it."""
    for belief in beliefs_of(transcript):
        if belief.held:
            assert committed_by(transcript, belief) is not None, expected(
                "an instance that no readable 200 result commits is not held as committed",
                belief,
                *(one for one in commitments(transcript) if belief.sop_instance_uid in one.instances),
            )


@requirement("WEB-UA-SAFE-01")
def test_only_committed_instances_count_as_committed(
    beliefs: Transcript,
    at_once: Transcript,
    pending: Transcript,
    failures: Transcript,
    foreign_instance: Transcript,
    still_pending: Transcript,
    restarted: Transcript,
    refused: Transcript,
    lost: Transcript,
    unavailable: Transcript,
    retry_after: Transcript,
    unknown_statuses: Transcript,
    unreadable_results: Transcript,
    broken_connections: Transcript,
    unanswered_requests: Transcript,
    slow_and_chunked: Transcript,
) -> None:
    """Failed, missing and foreign instances, and all after 202, errors and unreadable results, are not committed."""
    everything = (
        beliefs, at_once, pending, failures, foreign_instance, still_pending, restarted, refused, lost, unavailable,
        retry_after, unknown_statuses, unreadable_results, broken_connections, unanswered_requests, slow_and_chunked,
    )  # fmt: skip
    _unfounded(*everything)
    asked(*everything)
    if not any(belief.held for each in everything for belief in beliefs_of(each)):
        inconclusive("the client never held anything as committed, so that what it does not hold proves nothing")
    if not beliefs_of(unreadable_results) or not beliefs_of(lost) or not beliefs_of(failures):
        inconclusive("the client's state was not told after failures, lost transactions and unreadable results")


@requirement("WEB-HTTP-202-01")
def test_nothing_is_held_after_a_202_alone(
    pending: Transcript, still_pending: Transcript, restarted: Transcript
) -> None:
    """Where 202 is the last answer that the client had, nothing of that transaction counts as committed."""
    everything = (pending, still_pending, restarted)
    told = [
        (belief, last_answer(each, belief))
        for each in everything
        for belief in beliefs_of(each)
        if committed_by(each, belief) is None  # what an earlier result committed stays committed
    ]
    waiting = [(belief, call) for belief, call in told if call is not None and call.status == 202]
    for belief, call in waiting:
        assert not belief.held, expected("nothing held as committed while 202 is the last answer", belief, call)
    asked(*everything)
    if not waiting:
        inconclusive("the client was not asked about an instance while 202 was the last answer")


@requirement("WEB-13.4.2-02")
def test_a_result_is_read_per_instance(beliefs: Transcript, failures: Transcript) -> None:
    """A 200 whose instances all failed, or some of them, commits none of those."""
    asked(failures)
    _unfounded(failures)
    if not any(belief.held for belief in beliefs_of(beliefs)):
        inconclusive("the client never held anything as committed")


@requirement("WEB-13.2-07")
def test_failed_instances_are_kept(beliefs: Transcript, run: Transcript) -> None:
    """What the client does after commitment is stated, and not done to instances that a result fails."""
    failed = {
        ref.reference.sop_instance_uid
        for each in commitments(beliefs)
        for call in each.posts
        if call.final and call.module.readable
        for ref in call.module.result.failed
    }
    told = [belief for belief in beliefs_of(beliefs) if belief.sop_instance_uid in failed]
    for belief in told:
        assert not belief.held, expected("a failed instance is not treated as committed", belief)
    if not told:
        inconclusive("the client was not asked about an instance that a result fails")
    if not claims(run).get("user_agent.after_commitment"):
        outcome("undeclared", told[0], what="after_commitment in [claims.user_agent]")


@requirement("WEB-13.1-03")
def test_a_late_result_is_as_good_as_an_early_one(beliefs: Transcript) -> None:
    """Committed after Result Checks or at once: the client believes the same."""
    told = [belief for belief in beliefs_of(beliefs) if committed_by(beliefs, belief) is not None]
    late: list[Belief] = []
    early: list[Belief] = []
    for belief in told:
        call = committed_by(beliefs, belief)
        (late if call is not None and call.method == "GET" else early).append(belief)
    if not late or not early:
        inconclusive("not both an early and a late result were delivered", *told)
    alike = {belief.held for belief in early} == {belief.held for belief in late}
    assert alike, expected("the same belief after an early and a late result", early[0], late[0])
