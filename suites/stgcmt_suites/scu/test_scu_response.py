"""PS3.4 J.3.3.1.3, PS3.7 10.1.1: what a client answers to a report. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, outcome, requirement
from stgcmt_suites.scu.views import (
    KNOWN_EVENTS,
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    Report,
    Seen,
    conversation,
    reports_to,
)

UNRECOGNISED = 0x0211
RESPONSE, NO_DATA_SET = 0x8100, 0x0101
NO_EVENT, NO_INSTANCE, INVALID_INSTANCE, CONFLICT, NO_CLASS = 0x0113, 0x0112, 0x0117, 0x0119, 0x0118
UNUSABLE = frozenset({0x0110, 0x0114, 0x0115, 0x0120})


def _ended_by_the_client(report: Report) -> bool:
    """Whether the client had released the association of its request before it could answer: no report is lost by that."""
    return not report.on_new_association and report.answer.kind in {"released", "not-sent"}


@requirement("DIMSE-J.3.1-01")
def test_reports_are_recognised(new_association: Transcript, same_association: Transcript) -> None:
    """N-EVENT-REPORT is an operation that this client knows."""
    answered = [each for each in reports_to(new_association, same_association) if each.response is not None]
    for report in answered:
        known = report.response is not None and report.response.status != UNRECOGNISED
        assert known, expected("a status other than 0211H, unrecognised operation", report)
    if not answered:
        inconclusive("no report was answered", *reports_to(new_association, same_association)[:1])


@requirement("DIMSE-J.3.3.1.3-03")
def test_every_report_is_answered(
    new_association: Transcript,
    same_association: Transcript,
    after_release: Transcript,
    early: Transcript,
    failures: Transcript,
    twice: Transcript,
    ended_by_us: Transcript,
    another_ae_called: Transcript,
    explicit_report: Transcript,
) -> None:
    """Each report gets a response: on both kinds of associations, early, late, and the second time."""
    several = (ended_by_us, another_ae_called, explicit_report)
    for report in reports_to(new_association, same_association, after_release, early, failures, twice, *several):
        if not _ended_by_the_client(report):
            assert report.response is not None, expected("an N-EVENT-REPORT response", report)
            assert report.response.status is not None, expected("a status in the response", report)
    for transcript in (new_association, after_release, twice, *several):
        for report in conversation(transcript).reports:
            fitting = report.response is not None and report.response.status == 0
            assert fitting or not report.well_formed, expected("success in answer to a right report", report)


@requirement("DIMSE-10.1.1-01")
def test_optional_fields_echo_the_report(
    new_association: Transcript, same_association: Transcript, failures: Transcript, bad_reports: Transcript
) -> None:
    """Affected class and instance and event type of a response are those of the report, where they are there.

    In a response to a report that names another class or instance, those of the service are let pass as well.
    """
    for report in reports_to(new_association, same_association, failures, bad_reports):
        if report.response is None:
            continue
        theirs, ours = report.response.command, report.message.command
        for name, found, wanted, named in (
            ("Affected SOP Class UID", theirs.affected_class, PUSH_MODEL, ours.affected_class),
            ("Affected SOP Instance UID", theirs.affected_instance, PUSH_MODEL_INSTANCE, ours.affected_instance),
            ("Event Type ID", theirs.event_type, ours.event_type, ours.event_type),
        ):
            same = found in (None, wanted, named)
            assert same, expected(f"{name} {wanted}, or none", Seen(report, f"{name} {found}"))
    for report in reports_to(new_association, same_association, failures, bad_reports):
        if report.response is not None and report.response.data is not None:
            outcome("sends-information", report, what="a response without data set")
    _some_answered(new_association, same_association, failures)


@requirement("DIMSE-10.1.1-04")
def test_the_response_names_its_report(new_association: Transcript, same_association: Transcript) -> None:
    """Message ID Being Responded To, Command Field and Command Data Set Type are right."""
    for report in reports_to(new_association, same_association):
        if report.response is None:
            continue
        theirs = report.response.command
        named = theirs.responded_to == report.message.message_id
        text = f"Message ID Being Responded To {theirs.responded_to}, Command Field {theirs.field}"
        assert named, expected(f"Message ID Being Responded To {report.message.message_id}", Seen(report, text))
        assert theirs.field == RESPONSE, expected("Command Field 8100H", Seen(report, text))
        fits = (theirs.data_set_type == NO_DATA_SET) == (report.response.data is None)
        said = f"Command Data Set Type {theirs.data_set_type}"
        assert theirs.data_set_type is not None, expected("a Command Data Set Type", Seen(report, said))
        assert fits, expected("a Command Data Set Type that says whether a data set follows", Seen(report, said))
    _some_answered(new_association, same_association)


def _some_answered(*transcripts: Transcript) -> None:
    reports = reports_to(*transcripts)
    if not any(each.response for each in reports):
        inconclusive("no report was answered", reports[0])


@requirement("DIMSE-10.1.1.2-01")
def test_no_success_before_the_whole_report(cut_report: Transcript) -> None:
    """Success comes after the last part of the data set, not after the first."""
    reports = [each for each in reports_to(cut_report) if each.response is not None]
    for report in reports:
        response = report.response
        early = response is not None and response.status == 0 and response.t_first < report.whole_t
        assert not early, expected("no success before the last part of the report went out", report)
    if not any(each.message.t_last > each.message.t_first for each in reports):
        inconclusive("no report in two parts was answered", *reports_to(cut_report)[:1])


@requirement("DIMSE-10.1.1-02")
def test_bad_reports_are_refused(bad_reports: Transcript) -> None:
    """Each report that cannot be processed gets a failure status, the fitting one at best; the next one is served."""
    reports = [each for each in reports_to(bad_reports) if not each.well_formed]
    for report in reports:
        assert report.response is not None, expected("a response with a failure status", report)
        assert report.response.status is not None, expected("a failure status", report)
    for report in reports:
        status = report.response.status if report.response else None
        if status == 0:
            outcome("success-status", report, what="a failure status")
    for report in reports:
        status = report.response.status if report.response else None
        if status not in _fitting(report):
            outcome(
                "other-failure-status", report, what=" or ".join(f"{each:04X}H" for each in sorted(_fitting(report)))
            )
    if len(reports) < 2:
        inconclusive("no reports that cannot be processed could be sent", *reports)


def _fitting(report: Report) -> frozenset[int]:
    command = report.message.command
    if command.affected_class != PUSH_MODEL:
        return frozenset({NO_CLASS, CONFLICT, 0x0110})
    if command.affected_instance != PUSH_MODEL_INSTANCE:
        return frozenset({NO_INSTANCE, INVALID_INSTANCE, CONFLICT, 0x0110})
    if report.event_type not in KNOWN_EVENTS:
        return frozenset({NO_EVENT})
    return UNUSABLE


@requirement("DIMSE-TUID-04")
def test_a_late_report_is_answered_and_the_limit_stated(after_release: Transcript, run: Transcript) -> None:
    """A report a good while after the request is answered; how long one is waited for is stated."""
    reports = reports_to(after_release)
    for report in reports:
        assert report.response is not None or _ended_by_the_client(report), expected(
            "a response to a late report", report
        )
    if not claims(run).get("scu.transaction_limit"):
        outcome("undeclared", reports[0], what="transaction_limit in [claims.scu]")
