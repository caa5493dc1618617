"""Checks of the conservation laws, for proxies of both directions. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, requirement
from stgcmt_suites.proxies import laws
from stgcmt_suites.proxies.stated import stated_s


@requirement("PROXY-ASK-01")
def test_every_instance_is_asked_behind_once(round_trip: Transcript, failures: Transcript, crossed: Transcript) -> None:
    """The request behind names the instances of the request in front, each once."""
    every = (round_trip, failures, crossed)
    laws.asked_once(*every)
    laws.passed(*every)


@requirement("PROXY-LIST-01")
def test_every_instance_ends_in_one_list(
    round_trip: Transcript, failures: Transcript, untrue_results: Transcript, crossed: Transcript
) -> None:
    """A result in front names each instance once, also where the result behind does not."""
    every = (round_trip, failures, untrue_results, crossed)
    laws.one_list_each(*every)
    laws.came_back(round_trip, failures)


@requirement("PROXY-TRUTH-01")
def test_nothing_is_committed_that_the_back_end_did_not_commit(
    round_trip: Transcript,
    failures: Transcript,
    untrue_results: Transcript,
    refused: Transcript,
    lost: Transcript,
    unreachable: Transcript,
    never: Transcript,
    crossed: Transcript,
) -> None:
    """Committed in front is a part of what was committed behind."""
    laws.nothing_invented(round_trip, failures, untrue_results, refused, lost, unreachable, never, crossed)
    laws.came_back(round_trip, failures)


@requirement("PROXY-TRUTH-02")
def test_nothing_is_committed_before_the_back_end_did(
    round_trip: Transcript, failures: Transcript, late: Transcript, never: Transcript
) -> None:
    """No commitment in front is older than the one behind."""
    laws.not_earlier(round_trip, failures, late, never)
    laws.came_back(late)


@requirement("PROXY-REASON-01")
def test_failure_reasons_arrive_unchanged(failures: Transcript) -> None:
    """What failed behind failed in front, for the same reason."""
    laws.reasons_unchanged(failures)
    laws.came_back(failures)


@requirement("PROXY-UID-01")
def test_uids_are_unchanged(round_trip: Transcript, failures: Transcript) -> None:
    """Pairs of SOP Class UID and SOP Instance UID are the same on both faces."""
    laws.same_classes(round_trip, failures)
    laws.passed(round_trip)


@requirement("PROXY-PENDING-01")
def test_pending_stays_pending(late: Transcript, round_trip: Transcript, never: Transcript, run: Transcript) -> None:
    """No result in front while the back end is at work, before the time that the vendor states."""
    laws.pending_until_then(late, round_trip, never, gives_up_s=stated_s(run, late.header.role))
    laws.passed(late)


@requirement("PROXY-DUP-01")
def test_a_duplicate_is_no_second_request(duplicate: Transcript) -> None:
    """One request behind, however often its Transaction UID is used in front."""
    laws.duplicate_is_no_second_request(duplicate)
    laws.passed(duplicate)


@requirement("PROXY-LOSS-01")
def test_loss_of_the_back_end_is_no_success(
    lost: Transcript, unreachable: Transcript, never: Transcript, refused: Transcript
) -> None:
    """Without a result of the back end nothing is committed, whatever became of it."""
    laws.nothing_lost_is_success(lost, unreachable, never, refused)
    laws.passed(lost, unreachable)


@requirement("PROXY-MATCH-01")
def test_results_stay_with_their_transactions(crossed: Transcript) -> None:
    """Each transaction has its own result, whatever order they end in."""
    laws.own_results_only(crossed)
    laws.came_back(crossed)


@requirement("PROXY-RESTART-01")
def test_a_restart_loses_no_transaction(restarted: Transcript) -> None:
    """A transaction that was accepted in front still ends after a restart."""
    laws.nothing_invented(restarted)
    laws.ends_after_restart(restarted)
