"""PS3.4 J.3.3, PS3.7 10.1.1, PS3.8: how a report arrives. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, jitter_s, not_applicable, outcome, requirement
from stgcmt_suites.scp.compare import announced, oversized
from stgcmt_suites.scp.premises import some_accepted, some_reports
from stgcmt_suites.scp.views import Association, Commitment, Seen, commitments, negotiation, opened_by_sut, reports_of

NO_DATA_SET = 0x0101
NS = 1_000_000_000  # nanoseconds in a second


@requirement("DIMSE-J.3.3-01")
def test_a_report_comes(held_open: Transcript, run: Transcript) -> None:
    """An accepted request is reported on within the configured time, on whichever association.

    Time has three answers: one that comes later by less than this machine's timers were late decides nothing.
    """
    limit, tolerance = run.header.info.get("timing", {}).get("max_report_delay"), jitter_s(run)
    close = []
    for request in some_accepted(held_open):
        assert request.heard, expected("an N-EVENT-REPORT within max_report_delay", request)
        answered = request.answer.response.t_last if request.answer.response else 0
        first = min(request.heard, key=lambda each: each.message.t_first)
        late = (first.message.t_first - answered) / NS - float(limit) if limit is not None else 0.0
        assert late <= tolerance, expected(f"a report within {limit:g} s", Seen(first, f"{late:.3f} s late"), request)
        close += [first] if late > 0 else []
    if close:
        inconclusive(f"the report came so near to the limit of {limit:g} s that it cannot be told", *close)


@requirement("DIMSE-J.3.3.1.2-08")
def test_the_report_comes_after_release(
    plain_commitment: Transcript,
    several_instances: Transcript,
    partly_missing: Transcript,
    held_open: Transcript,
    same_association_lost: Transcript,
) -> None:
    """Where the request's association was released at once, or is lost, the report comes on another one."""
    some_reports(held_open)  # an SCP that never reports is judged elsewhere
    requests = [
        each
        for each in some_accepted(plain_commitment, several_instances, partly_missing)
        if each.released_before_report
    ]
    for request in requests:
        arrived = [each for each in request.heard if each.on_new_association]
        assert arrived, expected("a report on an association that the SUT opens", request)
    played = (plain_commitment, several_instances, partly_missing, held_open, same_association_lost)
    later = [each for each in reports_of(*played) if each.on_new_association]
    if not requests and not later:
        inconclusive(
            "every report came before the association was released",
            *some_reports(plain_commitment, several_instances)[:1],
        )


@requirement("DIMSE-J.3.3.1.2-09")
def test_a_failed_attempt_is_made_good(
    held_open: Transcript, same_association_lost: Transcript, aborted_early: Transcript
) -> None:
    """A report that failed on the request's association, or finds it gone, comes on another one."""
    requests = some_accepted(held_open, same_association_lost)
    for request in requests:
        tried = [each for each in request.heard if not each.on_new_association and not each.delivered]
        delivered = any(each.delivered for each in request.heard)
        assert delivered or not tried, expected(
            "the report on a new association after the failed attempt", request, *tried
        )
    for request in requests:
        if not request.heard:
            inconclusive("no report came at all", request)
    for request in commitments(aborted_early).accepted:
        assert request.heard, expected("the report on a new association where that of the request was aborted", request)


@requirement("DIMSE-J.3.3.1.2-10")
def test_the_report_comes_from_the_called_ae(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """The calling AE title of the report is the one that the request called."""
    for request, assoc in _report_associations(plain_commitment, several_instances):
        called = request.answer.assoc.called_ae if request.answer.assoc else ""
        assert assoc.calling_ae == called, expected(
            f"calling AE title {called}", negotiation(assoc, f"calling AE title {assoc.calling_ae}")
        )


@requirement("DIMSE-J.3.3.1.2-11")
def test_the_report_goes_to_the_calling_ae(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """The called AE title of the report is the one that asked."""
    for request, assoc in _report_associations(plain_commitment, several_instances):
        calling = request.answer.assoc.calling_ae if request.answer.assoc else ""
        assert assoc.called_ae == calling, expected(
            f"called AE title {calling}", negotiation(assoc, f"called AE title {assoc.called_ae}")
        )


@requirement("DIMSE-10.3.1-01")
def test_the_report_s_command_set_is_right(
    plain_commitment: Transcript, partly_missing: Transcript, explicit_first: Transcript
) -> None:
    """A report has Message ID, Event Type ID, a data set that is announced, and a well-formed command set."""
    played = (plain_commitment, partly_missing, explicit_first)
    messages = [one for each in played for one in commitments(each).dimse.messages("N-EVENT-REPORT-RQ", incoming=True)]
    if not messages:
        some_reports(*played)
    for message in messages:
        said = message.command
        assert said.message_id is not None, expected("a Message ID", message)
        assert said.event_type is not None, expected("an Event Type ID", message)
        announced = said.data_set_type not in {None, NO_DATA_SET}
        assert announced, expected("a Command Data Set Type that announces the data set", message)
        assert not said.faults, expected("a well-formed command set", Seen(message, "; ".join(said.faults)))


@requirement("DIMSE-PS3.5-TS-01")
def test_data_sets_use_the_accepted_transfer_syntax(
    plain_commitment: Transcript, partly_missing: Transcript, explicit_first: Transcript
) -> None:
    """The data set of a report is encoded as was negotiated for its context."""
    for report in some_reports(plain_commitment, partly_missing, explicit_first):
        wrong = [each.text for _, each in report.info.data_set.all_defects() if each.kind == "wrong-encoding"]
        assert not wrong, expected(
            f"transfer syntax {report.message.transfer_syntax}", Seen(report, "; ".join(wrong[:3]))
        )


@requirement("DIMSE-PS3.5-VR-01")
def test_explicit_data_sets_have_the_right_vr(
    plain_commitment: Transcript, explicit_first: Transcript, explicit_only: Transcript, run: Transcript
) -> None:
    """In explicit encodings VRs are right; in every encoding lengths are even, and UIDs are padded with NUL."""
    reports = some_reports(plain_commitment, explicit_first, explicit_only)
    for report in reports:
        kinds = {"unknown-vr", "vr-differs", "odd-length"} if report.info.data_set.form.explicit else {"odd-length"}
        wrong = [f"{path}: {each.text}" for path, each in report.info.data_set.all_defects() if each.kind in kinds]
        assert not wrong, expected("right value representations and even lengths", Seen(report, "; ".join(wrong[:3])))
    for report in reports:
        blank = [each.text for _, each in report.info.data_set.walk() if each.vr == "UI" and each.value.endswith(b" ")]
        if blank:
            outcome("blank-behind-uid", Seen(report, f"{blank[0]} and a blank"), what="NUL where a UID is padded")
    if any(report.info.data_set.form.explicit for report in reports):
        return
    if claims(run).get("scp.implicit_only"):
        not_applicable("scp.implicit_only")
    inconclusive(
        "no report is in an explicit encoding; where the SUT never uses one, claim scp.implicit_only = true",
        *reports[:1],
    )


@requirement("DIMSE-PS3.8-D.1-01")
def test_announced_maximum_length_is_kept(small_pdu: Transcript, plain_commitment: Transcript) -> None:
    """No P-DATA-TF exceeds what its receiver announced."""
    ours = (assoc for each in (small_pdu, plain_commitment) for assoc in commitments(each).opened_by_us)
    for assoc in (*opened_by_sut(small_pdu, plain_commitment), *ours):
        large = oversized(assoc)
        assert not large, expected("P-DATA-TF no longer than announced", *large)
    for report in some_reports(small_pdu):
        limit = announced(report.assoc)
        if not limit or len(report.message.data or b"") <= limit:
            inconclusive("the report fits into one PDU, so nothing had to be cut", report)


@requirement("DIMSE-J.3.3.1.2-06")
def test_a_transaction_has_one_result(
    plain_commitment: Transcript, held_open: Transcript, partly_missing: Transcript, slow_listener: Transcript
) -> None:
    """After the report no other follows; a repetition is tolerated where the first one failed."""
    played = (plain_commitment, held_open, partly_missing, slow_listener)
    requests = [each for each in some_accepted(*played) if each.reports]
    for request in requests:
        for later in request.reports[1:]:
            same = later.content == request.reports[0].content
            assert same, expected("no second report with another content", later, request.reports[0])
    for request in requests:
        for earlier, later in zip(request.reports, request.reports[1:], strict=False):
            if earlier.delivered:
                outcome(
                    "identical-repeat", later, earlier, what="no repetition of a report that was answered with success"
                )
    if not requests:
        inconclusive("no report came, so there is nothing to judge")


@requirement("DIMSE-J.3.2.1.3-04")
def test_the_response_precedes_the_report(plain_commitment: Transcript, held_open: Transcript) -> None:
    """On the association of the request the report comes after the response."""
    some_reports(plain_commitment, held_open)
    for request in (*commitments(plain_commitment).all, *commitments(held_open).all):
        response = request.answer.response
        for report in request.heard:
            early = report.assoc is request.answer.assoc and (
                response is None or report.message.t_first < response.t_first
            )
            assert not early, expected("the N-ACTION response before the report", report, request)


@requirement("DIMSE-ROB-RETRY-01")
def test_undelivered_reports_are_tried_again(
    rejected_once: Transcript,
    report_failed: Transcript,
    report_aborted: Transcript,
    listener_away: Transcript,
    role_refused: Transcript,
    rejected_for_good: Transcript,
    context_rejected: Transcript,
    called_ae_rejected: Transcript,
    plain_commitment: Transcript,
    run: Transcript,
) -> None:
    """After a failed attempt another one follows, or the result is kept for an operator."""
    some_reports(plain_commitment)
    refused = (rejected_for_good, context_rejected, called_ae_rejected)
    undelivered = (rejected_once, listener_away, role_refused, *refused)
    requests = [(each, 1) for each in some_accepted(*undelivered)]
    requests += [(each, 2) for each in some_accepted(report_failed, report_aborted) if each.heard]
    lost = [
        each for each, count in requests if len(each.heard) < count and not any(one.delivered for one in each.heard)
    ]
    if lost and claims(run).get("scp.keeps_undelivered"):
        not_applicable("scp.keeps_undelivered")
    assert not lost, expected("another attempt within max_report_delay", *lost)


def _report_associations(*transcripts: Transcript) -> list[tuple[Commitment, Association]]:
    found = [
        (one, report.assoc)
        for each in transcripts
        for one in commitments(each).all
        for report in one.heard
        if report.on_new_association
    ]
    return found or inconclusive("no report came on an association of its own", *reports_of(*transcripts)[:1])
