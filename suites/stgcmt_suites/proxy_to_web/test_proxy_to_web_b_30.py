"""Checks of the mapping from DIMSE to DICOMweb (PS3.18 B.30). PYTEST_DONT_REWRITE."""

from __future__ import annotations

import itertools

from stgcmt.clock import NS
from stgcmt.suite import Transcript, deviating, expected, http, inconclusive, jitter_s, outcome, requirement
from stgcmt_suites.commitment.references import FAILURE_REASONS
from stgcmt_suites.origin_server.views import Call, commitment
from stgcmt_suites.proxies import laws
from stgcmt_suites.proxies.links import CONFIGURED, Link, Said, links
from stgcmt_suites.proxies.stated import stated_s

ALL_COMMITTED, SOME_FAILED = 1, 2
DUPLICATE, PROCESSING_FAILURE = 0x0131, 0x0110
SERVICE_UNAVAILABLE = 503
UNBOUNDED = 9  # attempts after 503 without end, as at a user agent (WEB-13.5.3-12)
LEAST_PAUSE_S = 0.01  # two Result Checks nearer than this are made without any pause


@requirement("WEB-B.30-11")
def test_an_n_action_becomes_a_request(round_trip: Transcript) -> None:
    """One POST with the same pairs, flat."""
    for link in links(round_trip).links:
        assert not link.front.accepted or link.behind, expected("a POST behind", link.front)
    laws.asked_once(round_trip)
    laws.same_classes(round_trip)
    for transaction in commitment(round_trip).transactions:
        asked = transaction.asked
        assert not transaction.posts or asked.structure == "flat", expected("a flat module", transaction.request)
    laws.passed(round_trip)


def _told(link: Link) -> tuple[Said, Said] | None:
    """What our back end said in all parts, and the first report."""
    back = link.together() or next(iter(link.said_behind), None)
    return (back, link.front.results[0]) if back is not None and link.front.results else None


def _reported(transcript: Transcript, *, at_once: bool) -> None:
    """Each result behind becomes a report in front, with the event type that its lists ask for."""
    seen = False
    for link in laws.through(transcript):
        if not link.said_behind or all(part.status == 200 for part in link.parts) is not at_once:
            continue
        assert link.front.status == 0, expected("an N-ACTION-RSP with success", link.front, *link.behind)
        assert link.front.results, expected("an N-EVENT-REPORT for the result behind", link.front, *link.said_behind)
        back, said = link.together() or link.said_behind[0], link.front.results[0]
        kind = SOME_FAILED if back.failed else ALL_COMMITTED
        told = SOME_FAILED if said.failed else ALL_COMMITTED
        assert f"event type {told}" in said.where, expected(
            f"event type {told} for its lists", said, deviating(said.hop)
        )
        assert kind == told or not back.committed, expected(
            f"a report of event type {kind}", deviating(said.hop), said, back
        )
        seen = True
    if not seen:
        inconclusive(
            f"no result came behind {'at once' if at_once else 'later'}",
            *[each.front for each in links(transcript).links],
        )


@requirement("WEB-B.30-12")
def test_a_result_at_once_is_reported(round_trip: Transcript, failures: Transcript) -> None:
    """200 to the POST: success, then the report."""
    _reported(round_trip, at_once=True)
    _reported(failures, at_once=True)


@requirement("WEB-B.30-13")
def test_a_later_result_is_reported(late: Transcript, round_trip: Transcript) -> None:
    """202, Result Checks, then the report; how patient they are is judged as PROXY-POLL-01."""
    _reported(late, at_once=False)
    _reported(round_trip, at_once=False)


def _patient(transcript: Transcript, slack_s: float) -> None:
    for before, after in _checks(transcript):
        wait = before.retry_after
        asked = (
            wait.delay_s(before.exchange.response.wall_ns) if wait is not None and before.response is not None else None
        )
        if asked is None:
            continue
        passed = (after.t_sent - before.t_answered) / NS
        assert passed >= min(asked, 3600.0) - slack_s, expected(f"no Result Check within {asked:g} s", before, after)


def _refused_in_a_row(calls: tuple[Call, ...]) -> list[list[Call]]:
    """The runs of 503 among the calls of one transaction."""
    grouped = itertools.groupby(calls, key=lambda call: call.status == SERVICE_UNAVAILABLE)
    return [list(each) for refused, each in grouped if refused]


def _checks(transcript: Transcript) -> list[tuple[Call, Call]]:
    """Each answer that told to come back, with the Result Check that followed it."""
    found = []
    for transaction in commitment(transcript).transactions:
        calls = [call for call in transaction.calls if call.method in ("GET", "POST")]
        found += [(one, two) for one, two in itertools.pairwise(calls) if two.method == "GET"]
    return found


@requirement("PROXY-POLL-01")
def test_polling_is_patient_and_ends(late: Transcript, lost: Transcript, run: Transcript) -> None:
    """No earlier than Retry-After asks, never without a pause, and not after the end."""
    _patient(late, jitter_s(run))
    pairs = _checks(late)
    for before, after in pairs:
        passed = (after.t_sent - before.t_answered) / NS
        assert passed >= LEAST_PAUSE_S, expected("a pause between two Result Checks", before, after)
    for before, after in _checks(lost):
        over = before.status in (404, 410) or (before.final and before.module.readable)
        assert not over, expected("no Result Check after the end", before, after)
    for transaction in commitment(lost).transactions:
        for calls in _refused_in_a_row(transaction.calls):
            assert len(calls) <= UNBOUNDED, expected(
                f"no more than {UNBOUNDED} attempts that are answered 503", calls[-1], transaction
            )
    if not pairs:
        inconclusive("no Result Check was made", *[each.front for each in links(late).links])


def _answered(transcript: Transcript, *steps: str) -> list[Link]:
    return [link for step in steps if (link := links(transcript).step(step)) is not None and link.behind]


def _nothing_committed(link: Link) -> None:
    for said in link.front.results:
        assert not said.committed, expected(
            "nothing committed without a result behind", deviating(said.hop), said, *link.behind
        )


def _no_success(found: list[Link]) -> None:
    """What was refused behind commits nothing in front, however that is told."""
    for link in found:
        for said in link.front.results:
            if said.committed:
                what = "a failure status, or everything failed"
                outcome("success-in-front", deviating(said.hop), said, *link.behind, what=what)


@requirement("WEB-B.30-14")
def test_409_commits_nothing(refused: Transcript) -> None:
    """A failure status, or everything failed as 0131H."""
    found = _answered(refused, "409")
    _no_success(found)
    for link in found:
        assert link.front.status not in (None, 0) or link.front.results, expected(
            "a failure status, or a report that fails everything", link.front, *link.behind
        )
    for link in found:
        reasons = {each.reason for said in link.front.results for each in said.failed}
        if link.front.status == 0 and reasons - {DUPLICATE}:
            outcome("other-reason", *link.front.results, what="0131H")
    if not found:
        inconclusive("no request behind was answered 409")


@requirement("WEB-B.30-15")
def test_an_error_behind_is_a_failure_in_front(refused: Transcript) -> None:
    """A failure status, or everything failed."""
    found = _answered(refused, "400", "401", "403", "413", "500", "503")
    _no_success(found)
    for link in found:
        assert link.front.status not in (None, 0) or link.front.results, expected(
            "a failure status, or a report that fails everything", link.front, *link.behind
        )
    for link in found:
        if link.front.status == 0:
            outcome("reported-as-failed", link.front, *link.behind, what="a failure status of the N-ACTION response")
    if not found:
        inconclusive("no request behind was refused")


@requirement("WEB-B.30-16")
def test_what_is_gone_is_failed(lost: Transcript) -> None:
    """404 and 410 after a 202: everything failed."""
    found = _answered(lost, "404", "410")
    for link in found:
        _nothing_committed(link)
        assert link.front.results, expected("a report that fails everything", link.front, *link.behind)
    for link in found:
        reasons = {each.reason for said in link.front.results for each in said.failed}
        if reasons - {PROCESSING_FAILURE}:
            outcome("other-reason", *link.front.results, what="0110H")
    if not found:
        inconclusive("no Result Check was answered 404 or 410")


@requirement("WEB-B.30-17")
def test_only_a_readable_result_commits(
    untrue_results: Transcript,
    refused: Transcript,
    lost: Transcript,
    unreachable: Transcript,
    never: Transcript,
    late: Transcript,
) -> None:
    """Exactly the committed list of a 200 of this transaction."""
    every = (untrue_results, refused, lost, unreachable, never, late)
    laws.nothing_invented(*every)
    for link in laws.through(*every):
        told = _told(link)
        if told is None or not told[0].readable:
            continue
        back, said = told
        wanted = back.committed & link.front.pairs
        assert said.committed >= wanted, expected(
            "the committed list of the result behind", deviating(said.hop), said, back
        )
    laws.passed(*every)
    laws.came_back(untrue_results)


@requirement("WEB-B.30-18")
def test_reasons_arrive(failures: Transcript) -> None:
    """A known reason unchanged, an unknown one as 0110H."""
    for link in laws.through(failures):
        told = _told(link)
        if told is None:
            continue
        back, said = told
        for each in back.failed:
            uid = each.reference.sop_instance_uid
            wanted = each.reason if each.reason in FAILURE_REASONS else PROCESSING_FAILURE
            got = said.result.reasons_of(uid)
            assert not got or got[0] == wanted, expected(
                f"Failure Reason {wanted:04X}H of {uid}", deviating(said.hop), said, back
            )
    laws.came_back(failures)


LOST = ("before-read", "after-read", "while-polling", "503", "unanswered", "cut", "cut-while-polling", "401")


def _recorded_s(never: Transcript, link: Link) -> float:
    """For how long it was seen what became of a request of this recording."""
    if link.front.transcript != never.name:
        return 0.0  # where nobody listened nobody waited for the stated time
    return (never.events[-1].t - link.front.t_asked) / NS


@requirement("WEB-B.30-19")
def test_an_end_without_result_is_told(
    lost: Transcript, unreachable: Transcript, never: Transcript, run: Transcript
) -> None:
    """A failure status, or everything failed; within the time that the vendor states, where there is no end behind."""
    found = _answered(lost, *LOST)
    away = links(unreachable).step("nobody-listens")
    endless = [*links(never).links, *([away] if away is not None else [])]
    for link in found:
        _nothing_committed(link)
        assert link.front.status not in (None, 0) or link.front.results, expected(
            "a failure status, or a report that fails everything", link.front, *link.behind
        )
    for link in endless:
        _nothing_committed(link)
    stated = stated_s(run, "proxy_to_web")
    pending = [link for link in endless if link.front.accepted and not link.front.results]
    for link in pending:
        if stated is not None and _recorded_s(never, link) > stated:
            what = f"an end after {stated:g} s, as the SUT file states"
            outcome("later-than-stated", link.front, *link.behind, what=what)
    for link in pending:
        outcome("still-pending", link.front, *link.behind, what="an end of what has no end behind")
    if not found:
        inconclusive("no request was lost behind")


@requirement("PROXY-CONFIG-01")
def test_requests_go_below_the_base_url(round_trip: Transcript, failures: Transcript) -> None:
    """The target of every request behind."""
    seen = False
    for each in (round_trip, failures):
        known = next((event for event in each.of("note") if event.info.get("what") == CONFIGURED), None)
        base = f"{known.info.get('path', '') if known else ''}/commitment-requests/"
        for exchange in http(each).exchanges:
            if exchange.request is None or known is None:
                continue
            target = str(exchange.request.target).partition("?")[0]
            path = "/" + target.partition("://")[2].partition("/")[2] if "://" in target else target
            assert path.startswith(base), expected(f"a target that begins with {base}", exchange.request)
            seen = True
    if not seen:
        inconclusive("the SUT made no request behind")
