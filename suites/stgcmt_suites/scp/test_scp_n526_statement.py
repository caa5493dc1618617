"""PS3.2 N.5.2.6: what the conformance statement says, held against the wire. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, jitter_s, outcome, requirement
from stgcmt_suites.scp.premises import some_reports
from stgcmt_suites.scp.views import Report, Seen, accepted_of, commitments

NS = 1_000_000_000  # nanoseconds in a second
ENOUGH = 3  # reports, of which at least one keeps what is usual
NEW, SAME, BOTH = "new", "same", "both"


@requirement("DIMSE-DOC-11")
def test_reports_come_where_the_statement_says(
    plain_commitment: Transcript, held_open: Transcript, several_instances: Transcript, run: Transcript
) -> None:
    """Reports come on the associations that the statement names: a new one, the request's, or that while it is open."""
    stated = claims(run).get("scp.report_association")
    reports = some_reports(plain_commitment, held_open, several_instances)
    if stated is None:
        outcome("undeclared", *reports[:1], what="report_association in [claims.scp]")
    elsewhere = [each for each in reports if each.on_new_association]
    here = [each for each in reports if not each.on_new_association]
    wrong = {NEW: here, SAME: elsewhere, BOTH: _passed_over(held_open)}.get(str(stated), [])
    assert not wrong, expected(f'the association of the claim scp.report_association = "{stated}"', *wrong)
    if stated == BOTH and not commitments(held_open).reports:
        inconclusive("no report came while the association of the request was open", *reports[:1])


@requirement("DIMSE-DOC-11")
def test_failure_reasons_are_those_of_the_statement(
    partly_missing: Transcript, all_missing: Transcript, wrong_class: Transcript, run: Transcript
) -> None:
    """Every Failure Reason that a report gives is among those that the statement names."""
    stated = claims(run).get("scp.failure_reasons")
    reports = some_reports(partly_missing, all_missing, wrong_class)
    given = [(report, each.reason) for report in reports for each in report.result.failed if each.reason is not None]
    if not given:
        inconclusive("no report has a Failure Reason", *reports[:1])
    if stated is None:
        outcome("undeclared", *reports[:1], what="failure_reasons in [claims.scp]")
    for report, reason in given:
        assert reason in stated, expected(
            "a Failure Reason of the claim", Seen(report, f"Failure Reason {reason:04X}H")
        )


@requirement("DIMSE-DOC-12")
def test_a_usual_report_keeps_the_stated_time(in_sequence: Transcript, run: Transcript) -> None:
    """The fastest of several reports, one after another, takes no longer than the statement calls usual.

    Time has three answers: one that is later by less than this machine's timers were decides nothing.
    """
    usual, tolerance = claims(run).get("scp.usual_report_delay"), jitter_s(run)
    some_reports(in_sequence)
    if usual is None:
        outcome("undeclared", *accepted_of(in_sequence)[:1], what="usual_report_delay in [claims.scp]")
    delays = [
        ((report.message.t_first - request.answer.response.t_last) / NS, report)
        for request in accepted_of(in_sequence)
        for report in request.heard[:1]
        if request.answer.response
    ]
    if len(delays) < ENOUGH:
        inconclusive(f"fewer than {ENOUGH} reports came", *(report for _, report in delays))
    fastest, report = min(delays, key=lambda each: each[0])
    kept = fastest <= float(usual) + tolerance
    assert kept, expected(
        f"one of {len(delays)} reports within {usual:g} s", Seen(report, f"the fastest: {fastest:.3f} s")
    )
    if fastest > float(usual):
        inconclusive(f"the fastest report came so near to {usual:g} s that it cannot be told", report)


def _passed_over(held_open: Transcript) -> list[Report]:
    """Reports on a new association although that of the request was open, and no attempt on it had been made."""
    found = []
    for request in commitments(held_open).all:
        end = request.answer.assoc.t_end if request.answer.assoc else None
        for report in request.heard:
            before = [each for each in request.heard if each.message.t_first < report.message.t_first]
            open_still = end is None or report.assoc.t_open < end
            tried = any(not each.on_new_association for each in before)
            found += [report] if report.on_new_association and open_still and not tried else []
    return found
