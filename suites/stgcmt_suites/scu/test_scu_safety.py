"""Checks of what a client believes: only what a report commits is committed. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, outcome, requirement
from stgcmt_suites.commitment.by_itself import each_by_itself
from stgcmt_suites.scu.views import Belief, Report, Request, asked, beliefs_of, committed_by, conversation, requests_of


@each_by_itself
def _unfounded(transcript: Transcript) -> None:
    """No belief without a report that founds it."""
    for belief in beliefs_of(transcript):
        if belief.held:
            assert committed_by(transcript, belief) is not None, expected(
                "an instance that no report on its own transaction commits is not held as committed",
                belief,
                *_about(transcript, belief),
            )


def _about(transcript: Transcript, belief: Belief) -> tuple[Request | Report, ...]:
    """The requests for an instance, and the reports that name it."""
    view, uid = conversation(transcript), belief.sop_instance_uid
    named = [one for one in view.reports if uid in one.info.result.instances]
    return (*(one for one in view.requests if uid in one.instances), *named)


@requirement("DIMSE-SCU-SAFE-01")
def test_only_what_a_report_commits_counts_as_committed(
    beliefs: Transcript,
    misleading: Transcript,
    new_association: Transcript,
    same_association: Transcript,
    after_release: Transcript,
    early: Transcript,
    failures: Transcript,
    never: Transcript,
    refusals: Transcript,
    refused_early: Transcript,
    unanswered: Transcript,
    bad_reports: Transcript,
    unknown_transaction: Transcript,
    store_refused: Transcript,
    rejected: Transcript,
    context_refused: Transcript,
    ended_by_us: Transcript,
    another_ae_called: Transcript,
    explicit_report: Transcript,
    default_roles: Transcript,
    restarted: Transcript,
) -> None:
    """Failed, missing and foreign instances, and all after refusals, silence and misleading reports, are not committed."""
    everything = (
        beliefs, misleading, new_association, same_association, after_release, early, failures, never, refusals,
        refused_early, unanswered, bad_reports, unknown_transaction, store_refused, rejected, context_refused,
        ended_by_us, another_ae_called, explicit_report, default_roles, restarted,
    )  # fmt: skip
    _unfounded(*everything)
    asked(*everything)
    if not any(belief.held for each in everything for belief in beliefs_of(each)):
        inconclusive("the client never held anything as committed, so that what it does not hold proves nothing")
    if not beliefs_of(misleading) or not beliefs_of(never) or not beliefs_of(failures):
        inconclusive("the client's state was not told after failures, misleading reports and requests without report")


@requirement("DIMSE-DOC-06")
def test_failed_instances_are_kept(beliefs: Transcript, run: Transcript) -> None:
    """What the client does after commitment is stated, and not done to instances that a report fails."""
    failed = {
        each.reference.sop_instance_uid
        for report in conversation(beliefs).reports
        for each in report.info.result.failed
    }
    told = [belief for belief in beliefs_of(beliefs) if belief.sop_instance_uid in failed]
    for belief in told:
        assert not belief.held, expected("a failed instance is not treated as committed", belief)
    if not told:
        inconclusive("the client was not asked about an instance that a report fails")
    if not claims(run).get("scu.after_commitment"):
        outcome("undeclared", told[0], what="after_commitment in [claims.scu]")


@requirement("DIMSE-TUID-05")
def test_a_report_after_the_release_is_matched_by_its_uid(after_release: Transcript, ended_by_us: Transcript) -> None:
    """A right report on a new association, after that of the request has ended, is taken, and its instances are committed."""
    asked(after_release)
    found = (*conversation(after_release).reports, *conversation(ended_by_us).reports)
    reports = [each for each in found if each.on_new_association and each.response and each.well_formed]
    for report in reports:
        assert report.response is not None, expected("a response", report)
        assert report.response.status == 0, expected("success: the report is right, and its transaction known", report)
    told = [
        each
        for transcript in (after_release, ended_by_us)
        for each in beliefs_of(transcript)
        if committed_by(transcript, each) is not None
    ]
    for belief in told:
        assert belief.held is not False, expected("what a late report commits is held as committed", belief, *reports)
    if not reports:
        inconclusive("no late report was answered on a new association", *requests_of(after_release)[:1])


@requirement("DIMSE-10.1.1-03")
def test_an_unknown_transaction_uid_is_answered(unknown_transaction: Transcript) -> None:
    """A report under a Transaction UID that nobody asked with gets an answer, whichever, and changes nothing."""
    own = {each.transaction_uid for each in asked(unknown_transaction)}
    reports = [each for each in conversation(unknown_transaction).reports if each.info.transaction_uid not in own]
    for report in reports:
        assert report.response is not None, expected("a response with whatever status", report)
    _unfounded(unknown_transaction)
    if not reports:
        inconclusive("no report under an unknown Transaction UID could be sent", *requests_of(unknown_transaction)[:1])
