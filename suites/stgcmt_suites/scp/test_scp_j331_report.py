"""PS3.4 J.3.3.1.2, Table J.3-2, PS3.3 C.14: what a report says. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.commitment.dimse_module import (
    FAILED_SEQUENCE,
    FILE_SET_ID,
    FILE_SET_UID,
    REF_SEQUENCE,
    RETRIEVE_AE_TITLE,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
)
from stgcmt_suites.commitment.references import FAILURE_REASONS
from stgcmt_suites.scp.compare import differences
from stgcmt_suites.scp.premises import some_accepted, some_reports
from stgcmt_suites.scp.views import (
    ALL_COMMITTED,
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    SOME_FAILED,
    Seen,
    commitments,
    names,
)


@requirement("DIMSE-J.3.3.1.2-01")
def test_full_success_has_event_type_1(plain_commitment: Transcript, several_instances: Transcript) -> None:
    """Where nothing failed the event type is 1, and the references are those of the request."""
    judged = 0
    for request in some_accepted(plain_commitment, several_instances):
        for report in request.reports:
            if report.result.failed:
                continue
            judged += 1
            assert report.event_type == ALL_COMMITTED, expected("Event Type ID 1, since nothing failed", report)
            same = set(report.result.committed) == set(request.references)
            assert same, expected(f"references to {names(request.references)}", report, request)
    if not judged:
        inconclusive(
            "no report commits all instances of its request", *some_reports(plain_commitment, several_instances)[:1]
        )


@requirement("DIMSE-J.3.3.1.2-02")
def test_a_failure_has_event_type_2(partly_missing: Transcript, all_missing: Transcript) -> None:
    """Where an instance cannot be committed the event type is 2, and the Failed SOP Sequence has items."""
    for report in some_reports(partly_missing, all_missing):
        assert report.event_type == SOME_FAILED, expected("Event Type ID 2, since instances are missing", report)
        assert report.result.failed, expected("at least one item in the Failed SOP Sequence", report)


@requirement("DIMSE-J.3.3.1.2-03")
def test_failed_instances_have_a_reason(
    partly_missing: Transcript, all_missing: Transcript, wrong_class: Transcript
) -> None:
    """Each failed item has one Failure Reason."""
    failing = [each for each in some_reports(partly_missing, all_missing, wrong_class) if each.result.failed]
    for report in failing:
        bare = [each for each in report.result.failed if each.reason is None]
        assert not bare, expected("one Failure Reason (US) in each failed item", report)
    if not failing:
        inconclusive("no report fails an instance", *some_reports(partly_missing, all_missing, wrong_class)[:1])


@requirement("DIMSE-J.3.3.1.2-04")
def test_each_instance_stands_in_one_list(
    plain_commitment: Transcript,
    several_instances: Transcript,
    partly_missing: Transcript,
    all_missing: Transcript,
    wrong_class: Transcript,
    explicit_first: Transcript,
    small_pdu: Transcript,
    uid_shapes: Transcript,
    two_on_one_association: Transcript,
    each_syntax: Transcript,
) -> None:
    """Both lists together are the request: nothing lost, added, repeated or under another class; in long lists too."""
    played = (plain_commitment, several_instances, partly_missing, all_missing, wrong_class, explicit_first, small_pdu)
    every = (*played, uid_shapes, two_on_one_association, each_syntax)
    compared = [(request, report) for each in every for request in commitments(each).all for report in request.reports]
    tolerated = []
    for request, report in compared:
        found = differences(request, report)
        worse = [each for each in found if not each.stored_class]
        assert not worse, expected(
            "each instance of the request in one list, once", Seen(report, "; ".join(map(str, worse))), request
        )
        tolerated += [(report, each) for each in found]
    for report, each in tolerated:
        outcome("stored-class", Seen(report, str(each)), what="the class of the request")
    some_reports(*played)


@requirement("DIMSE-J.3.3.1.2-05")
def test_the_transaction_uid_is_the_request_s(
    plain_commitment: Transcript, held_open: Transcript, several_instances: Transcript, partly_missing: Transcript
) -> None:
    """A report on these instances carries the Transaction UID of their request."""
    requests = some_accepted(plain_commitment, held_open, several_instances, partly_missing)
    for request in requests:
        wrong = [
            Seen(each, f"Transaction UID {each.info.transaction_uid or 'absent or empty'}") for each in request.strays
        ]
        assert not wrong, expected(f"Transaction UID {request.transaction_uid}", *wrong)
    if not any(request.reports for request in requests):
        inconclusive("no report came, so there is nothing to judge", requests[0])


@requirement("DIMSE-J.3.3.1.1-01")
def test_nothing_committed_has_no_referenced_sequence(partly_missing: Transcript, all_missing: Transcript) -> None:
    """Without a committed instance the Referenced SOP Sequence is absent, not empty."""
    reports = [each for each in some_reports(partly_missing, all_missing) if not each.result.committed]
    for report in reports:
        assert not report.info.has(REF_SEQUENCE), expected(
            "no Referenced SOP Sequence", Seen(report, "a Referenced SOP Sequence without items")
        )
    if not reports:
        inconclusive("every report commits an instance", *some_reports(partly_missing, all_missing)[:1])


@requirement("DIMSE-J.3.3.1.1-02")
def test_full_success_has_no_failed_sequence(
    plain_commitment: Transcript, several_instances: Transcript, partly_missing: Transcript
) -> None:
    """Event type 1 goes without a Failed SOP Sequence."""
    played = (plain_commitment, several_instances, partly_missing)
    reports = [each for each in some_reports(*played) if each.event_type == ALL_COMMITTED]
    for report in reports:
        assert not report.result.failed, expected("no Failed SOP Sequence with event type 1", report)
    for report in reports:
        if report.info.has(FAILED_SEQUENCE):
            outcome(
                "empty-sequence",
                Seen(report, "a Failed SOP Sequence without items"),
                what="no Failed SOP Sequence with event type 1",
            )
    if not reports:
        inconclusive("no report has event type 1", *some_reports(*played)[:1])


@requirement("DIMSE-J.3.3.1.1-03")
def test_no_attribute_is_empty(
    plain_commitment: Transcript, several_instances: Transcript, partly_missing: Transcript, all_missing: Transcript
) -> None:
    """No attribute of Event Information lacks its value."""
    for report in some_reports(plain_commitment, several_instances, partly_missing, all_missing):
        assert not report.info.empty, expected(
            "no attribute without a value", Seen(report, f"empty: {names(report.info.empty)}")
        )


@requirement("DIMSE-J.3.3.1.1.1-01")
def test_retrieve_ae_title_stands_on_one_level(
    plain_commitment: Transcript, several_instances: Transcript, partly_missing: Transcript
) -> None:
    """Retrieve AE Title stands outside the sequence or inside, not on both levels."""
    for report in some_reports(plain_commitment, several_instances, partly_missing):
        both = all(report.info.levels(RETRIEVE_AE_TITLE))
        assert not both, expected(
            "Retrieve AE Title on one level", Seen(report, "Retrieve AE Title outside and inside the sequence")
        )
    _some_committed(plain_commitment, several_instances, partly_missing)


@requirement("DIMSE-J.3.3.1.1.2-01")
def test_file_set_attributes_stand_on_one_level(
    plain_commitment: Transcript, partly_missing: Transcript, optional_attributes: Transcript
) -> None:
    """File-Set ID and UID stand outside the sequence or inside, not on both levels."""
    for report in some_reports(plain_commitment, partly_missing, optional_attributes):
        both = all(report.info.levels(FILE_SET_ID, FILE_SET_UID))
        assert not both, expected(
            "File-Set attributes on one level", Seen(report, "File-Set attributes outside and inside the sequence")
        )
    _some_committed(plain_commitment, partly_missing, optional_attributes)


def _some_committed(*transcripts: Transcript) -> None:
    """Inconclusive where no report has the sequence of what is committed: then nothing can stand inside it."""
    reports = some_reports(*transcripts)
    if not any(report.info.has(REF_SEQUENCE) for report in reports):
        inconclusive("no report has a Referenced SOP Sequence", *reports[:1])


@requirement("DIMSE-5.4.2.3-02")
def test_sop_common_uids_stay_out(
    plain_commitment: Transcript, several_instances: Transcript, partly_missing: Transcript
) -> None:
    """SOP Class UID and SOP Instance UID are not part of Event Information."""
    for report in some_reports(plain_commitment, several_instances, partly_missing):
        found = report.info.anywhere & {SOP_CLASS_UID, SOP_INSTANCE_UID}
        assert not found, expected(
            "neither (0008,0016) nor (0008,0018)", Seen(report, "SOP Class UID or SOP Instance UID in the data set")
        )


@requirement("DIMSE-J.3.5-01")
def test_the_report_names_the_well_known_instance(
    plain_commitment: Transcript, several_instances: Transcript, partly_missing: Transcript
) -> None:
    """Affected SOP Class and Instance UIDs are those of the Push Model."""
    for report in some_reports(plain_commitment, several_instances, partly_missing):
        said = report.message.command
        text = f"Affected SOP Class UID {said.affected_class}, Affected SOP Instance UID {said.affected_instance}"
        right = (said.affected_class, said.affected_instance) == (PUSH_MODEL, PUSH_MODEL_INSTANCE)
        assert right, expected("the well-known class and instance", Seen(report, text))


@requirement("DIMSE-C.14.1.1-01")
def test_reasons_are_enumerated(
    partly_missing: Transcript, all_missing: Transcript, wrong_class: Transcript, provoked_states: Transcript
) -> None:
    """Each Failure Reason is one of the six values, for want of resources too."""
    some_reports(partly_missing, all_missing, wrong_class)
    reports = some_reports(partly_missing, all_missing, wrong_class, provoked_states)
    given = [(report, each.reason) for report in reports for each in report.result.failed if each.reason is not None]
    for report, reason in given:
        assert reason in FAILURE_REASONS, expected(
            "0110H, 0112H, 0119H, 0122H, 0131H or 0213H", Seen(report, f"Failure Reason {reason:04X}H")
        )
    if not given:
        inconclusive("no report has a Failure Reason", *reports[:1])


@requirement("DIMSE-J.3.2-PARTIAL")
def test_what_is_not_there_is_never_committed(
    partly_missing: Transcript,
    all_missing: Transcript,
    explicit_first: Transcript,
    small_pdu: Transcript,
    link_only: Transcript,
    wrong_class: Transcript,
    uid_shapes: Transcript,
    refused_instance: Transcript,
    each_syntax: Transcript,
    two_on_one_association: Transcript,
) -> None:
    """No instance that the SCP was never given, or refused, is committed, in long lists and under nearly the same UID too.

    Nor in a request in Explicit VR, nor in the second one on its association.

    One that is asked for under another class is told apart.
    """
    for request in (each for one in (link_only, refused_instance) for each in commitments(one).steps("refused")):
        for report in request.heard:
            typed = report.event_type != ALL_COMMITTED and not report.result.committed
            assert typed, expected("the instance failed: the SUT refused to store it", report, request)
    shaped = (explicit_first, small_pdu, wrong_class, uid_shapes, each_syntax, two_on_one_association)
    for transcript in (partly_missing, all_missing, *shaped):
        _absent_are_failed(transcript)
    view = commitments(wrong_class)
    for request in view.all:
        asked_wrongly = [
            each
            for each in request.references
            if view.stored_class(each.sop_instance_uid) not in {None, each.sop_class_uid}
        ]
        for report in request.reports:
            if any(report.result.commits(each.sop_instance_uid) for each in asked_wrongly):
                outcome(
                    "class-conflict-committed",
                    report,
                    what="0119H for the instance that was asked for under another class",
                )
    for transcript in (partly_missing, all_missing):
        some_reports(transcript)


@requirement("DIMSE-J.3.2-DELETED")
def test_what_is_gone_is_never_committed(deleted_instance: Transcript, provoked_states: Transcript) -> None:
    """No instance that was stored and is deleted or damaged since is committed, whatever was found out of it before."""
    _absent_are_failed(deleted_instance)
    _absent_are_failed(provoked_states, "corrupt")
    if not commitments(deleted_instance).deleted():
        inconclusive("no instance was deleted, so none is gone", *deleted_instance.of("provoke"))
    some_reports(deleted_instance)


def _absent_are_failed(transcript: Transcript, kind: str = "delete") -> None:
    """Nothing is committed that was never there, or that ``kind`` of help took away before it was asked for."""
    view = commitments(transcript)
    gone = view.helped(kind)
    since = max(gone.values(), default=0)
    missing = view.absent() | frozenset(gone)
    for request in (each for each in view.all if each.asked_t >= since):
        lacks = missing & {each.sop_instance_uid for each in request.references}
        for report in request.heard:
            if report.message.t_first < request.asked_t:  # under a wrong UID it may be that of an earlier request
                continue
            wrong = [each for each in report.result.committed if each.sop_instance_uid in missing]
            assert not wrong, expected(f"{names(wrong)} failed: the SUT does not have it", report)
            typed = report.event_type != ALL_COMMITTED or not lacks or report not in request.reports
            assert typed, expected("Event Type ID 2, since instances are missing", report)


@requirement("DIMSE-B-01")
def test_stored_instances_are_committed(
    plain_commitment: Transcript, several_instances: Transcript, uid_shapes: Transcript, asked_early: Transcript
) -> None:
    """What was stored with success and then failed is told: storing is not committing."""
    if not any(commitments(each).seeded() for each in (plain_commitment, several_instances)):
        inconclusive("no instance was stored: say how in [seeding]")
    for report in some_reports(plain_commitment, several_instances):
        there = commitments(report.transcript).seeded()
        failed = [each for each in report.result.failed if each.reference.sop_instance_uid in there]
        assert not failed, expected("stored instances committed", Seen(report, f"failed: {names(failed)}"))
    for transcript in (uid_shapes, asked_early):
        there = commitments(transcript).seeded()
        for report in (each for request in commitments(transcript).steps("request") for each in request.reports):
            failed = [each for each in report.result.failed if each.reference.sop_instance_uid in there]
            assert not failed, expected("stored instances committed", Seen(report, f"failed: {names(failed)}"))
