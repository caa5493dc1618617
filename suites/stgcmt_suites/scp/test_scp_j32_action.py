"""PS3.4 J.3.2, PS3.7 10.1.4: what an N-ACTION request is answered with. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable, outcome, requirement
from stgcmt_suites.scp.compare import about, is_duplicate, same_results, unanswered_responses
from stgcmt_suites.scp.premises import accepted_control, all_sent, some_accepted
from stgcmt_suites.scp.views import Commitment, Message, accepted_of, commitments

NO_DATA_SET = 0x0101
N_ACTION_RSP = 0x8130
INVALID_ARGUMENT_VALUE = 0x0115
UNRECOGNISED_OPERATION = 0x0211


@requirement("DIMSE-J.3.1-01")
def test_n_action_is_recognised(plain_commitment: Transcript) -> None:
    """N-ACTION is an operation that this SCP knows."""
    request = commitments(plain_commitment)["request"]
    if not request.answer.answered:
        inconclusive("the request was not answered", request)
    assert request.status != UNRECOGNISED_OPERATION, expected(
        "a status other than 0211H, unrecognised operation", request
    )


@requirement("DIMSE-J.3.2-02")
def test_n_action_is_answered(plain_commitment: Transcript) -> None:
    """A plain request gets an N-ACTION response."""
    request = commitments(plain_commitment)["request"]
    if not request.sent:
        inconclusive("no request could be sent", request)
    assert request.answer.answered, expected("an N-ACTION response", request)


@requirement("DIMSE-J.1-01")
def test_instances_stored_elsewhere_are_committed(stored_elsewhere: Transcript) -> None:
    """What is committed on the storing association is committed on another one too."""
    view = commitments(stored_elsewhere)
    elsewhere, here = view["elsewhere"], view["control"]
    if committed(elsewhere):
        return
    if not committed(here):
        inconclusive("the instance was not committed on the association that stored it either", elsewhere, here)
    failed = elsewhere.refused or bool(elsewhere.reports)
    assert not failed, expected("commitment, as on the storing association", elsewhere, *elsewhere.reports)
    inconclusive("the request on another association has neither a refusal nor a report", elsewhere)


@requirement("DIMSE-J.3.2.1.3-01")
def test_every_well_framed_request_is_answered(
    plain_commitment: Transcript,
    missing_attributes: Transcript,
    empty_attributes: Transcript,
    wrong_commands: Transcript,
    malformed_transaction_uids: Transcript,
    duplicate_references: Transcript,
    unknown_caller: Transcript,
    two_on_one_association: Transcript,
) -> None:
    """Whatever a readable N-ACTION asks for, and the second on its association too, its response has a status; no silence."""
    refused = (missing_attributes, empty_attributes, wrong_commands, malformed_transaction_uids)
    played = (plain_commitment, *refused, duplicate_references, unknown_caller, two_on_one_association)
    requests = [one for each in played for one in commitments(each).all]
    if not requests:
        inconclusive("no request could be sent")
    for request in requests:
        assert request.status is not None, expected("an N-ACTION response with a status", request)


@requirement("DIMSE-J.3.2.1.3-01")
def test_repeated_transaction_uids_are_answered(pending_again: Transcript, finished_again: Transcript) -> None:
    """A request under a Transaction UID that was seen before is answered too."""
    requests = [one for each in (pending_again, finished_again) for one in commitments(each).all]
    if not requests:
        inconclusive("no request could be sent")
    for request in requests:
        assert request.status is not None, expected("an N-ACTION response with a status", request)


@requirement("DIMSE-J.3.2.1.3-02")
def test_accepted_requests_are_reported_on(
    plain_commitment: Transcript,
    several_instances: Transcript,
    partly_missing: Transcript,
    all_missing: Transcript,
    in_sequence: Transcript,
    pending_again: Transcript,
    finished_again: Transcript,
) -> None:
    """Success promises a report, also where the same Transaction UID comes again."""
    played = (plain_commitment, several_instances, partly_missing, all_missing, in_sequence)
    for request in some_accepted(*played):
        assert request.heard, expected("a report on the accepted request", request)
    for transcript in (pending_again, finished_again):
        accepted = accepted_of(transcript)  # all under one UID: as many reports, where their content does not tell
        for request in accepted:
            heard = about(request) or len(request.reports) >= len(accepted)
            assert heard, expected("a report on each accepted request under one UID", request, *request.reports)


@requirement("DIMSE-J.3.2.1.3-02")
def test_refused_requests_are_not_reported_on(
    missing_attributes: Transcript,
    empty_attributes: Transcript,
    wrong_commands: Transcript,
    pending_again: Transcript,
    finished_again: Transcript,
) -> None:
    """A failure status says that the request is not processed: no report follows.

    Where an accepted request has the same Transaction UID, the instances tell which of them a report is on.
    """
    played = (missing_attributes, empty_attributes, wrong_commands, pending_again, finished_again)
    refused = [one for each in played for one in commitments(each).all if one.refused]
    if not refused:
        inconclusive("no request was refused")
    for request in refused:
        under_one_uid = request.shared and request.transaction_uid
        told = [each for each in about(request) if not is_duplicate(each)] if under_one_uid else request.unasked
        assert not told, expected("no report on a refused request", request, *told)


@requirement("DIMSE-J.3.2.1.3-03")
def test_the_status_does_not_judge_instances(
    plain_commitment: Transcript, partly_missing: Transcript, all_missing: Transcript
) -> None:
    """A request that names missing instances is accepted like any other."""
    requests = [one for each in (partly_missing, all_missing) for one in commitments(each).all]
    accepted_control(plain_commitment, "request")
    for request in requests:
        assert not request.refused, expected("status 0000H; what is missing belongs in the report", request)
    for request in requests:
        if not request.accepted:
            inconclusive("the request was not answered", request)
    for transcript in (partly_missing, all_missing):
        all_sent(transcript, "request")


@requirement("DIMSE-10.1.4-05")
def test_response_fields_repeat_the_request(
    plain_commitment: Transcript, wrong_commands: Transcript, missing_attributes: Transcript
) -> None:
    """Class, instance and action type of a response, where present, are those of the request."""
    for request, response in _answered(plain_commitment, wrong_commands, missing_attributes):
        asked, said = request.command, response.command
        pairs = (
            (said.affected_class, asked.requested_class),
            (said.affected_instance, asked.requested_instance),
            (said.action_type, asked.action_type),
        )
        for seen, wanted in pairs:
            assert seen in {None, wanted}, expected(f"{wanted}, as requested, and not {seen}", response, request)
        assert response.data is None or said.action_type is not None, expected(
            "an Action Type ID with the Action Reply", response
        )


@requirement("DIMSE-10.1.4-06")
def test_response_command_sets_are_right(
    plain_commitment: Transcript, wrong_commands: Transcript, missing_attributes: Transcript
) -> None:
    """Command Field, Message ID Being Responded To and Command Data Set Type of a response are right."""
    strays = unanswered_responses(plain_commitment, wrong_commands, missing_attributes)
    assert not strays, expected("a response 8130H to the Message ID of the request", *strays)
    for request, response in _answered(plain_commitment, wrong_commands, missing_attributes):
        said = response.command
        assert said.field == N_ACTION_RSP, expected("Command Field 8130H", response)
        assert said.responded_to == request.message_id, expected(
            f"response to message {request.message_id}, not {said.responded_to}", response, request
        )
        assert said.data_set_type is not None, expected("a Command Data Set Type", response)
        assert response.data is not None or said.data_set_type == NO_DATA_SET, expected(
            "Command Data Set Type 0101H without a data set", response
        )
        assert not said.faults, expected("a well-formed command set", response)


@requirement("DIMSE-10.1.4.2-01")
def test_no_success_before_the_data_set_ended(second_part_pause: Transcript) -> None:
    """While the second part of a request is held back there is no success."""
    paused = commitments(second_part_pause)["paused"]
    request, response = paused.answer.request, paused.answer.response
    if request is None or response is None:
        inconclusive("the paused request has no response", paused)
    early = response.t_first < request.t_last
    assert not (early and paused.accepted), expected(
        "no success before the last part of the data set was sent", response, request
    )
    accepted_control(second_part_pause)


@requirement("DIMSE-C.5.10-01")
def test_invalid_argument_value_has_no_error_comment(
    malformed_transaction_uids: Transcript,
    missing_attributes: Transcript,
    duplicate_references: Transcript,
    run: Transcript,
) -> None:
    """Status 0115H does not go with an Error Comment."""
    responses = [each for _, each in _answered(malformed_transaction_uids, missing_attributes, duplicate_references)]
    judged = [each for each in responses if each.status == INVALID_ARGUMENT_VALUE]
    for response in judged:
        assert response.command.error_comment is None, expected("no Error Comment beside 0115H", response)
    if not judged and claims(run).get("scp.no_invalid_argument_status"):
        not_applicable("scp.no_invalid_argument_status")
    if not judged:
        inconclusive(
            "no response has status 0115H; where the SUT never sends it, claim scp.no_invalid_argument_status = true"
        )


@requirement("DIMSE-J.3.2.1.1.3-02")
def test_a_repeated_reference_has_one_result(duplicate_references: Transcript) -> None:
    """An instance that is named twice is refused, or has one result."""
    requests = [commitments(duplicate_references)[step] for step in ("twice", "two-classes")]
    for request in requests:
        for report in request.reports:
            assert same_results(request, report), expected(
                "each instance at least once, never with two results", report, request
            )
    accepted_control(duplicate_references)
    for request in requests:
        if request.refused and request.status != INVALID_ARGUMENT_VALUE:
            outcome("other-failure-status", request, what="0115H, or a consistent report")
    for request in requests:
        if not request.refused and not request.reports:
            inconclusive("the request was neither refused nor reported on", request)


@requirement("DIMSE-J.3.2.1.1.1-02")
def test_file_set_attributes_do_no_harm(optional_attributes: Transcript, run: Transcript) -> None:
    """A request with File-Set ID and UID is served like one without."""
    control = accepted_control(optional_attributes)
    requests = [commitments(optional_attributes)[step] for step in ("file-set-outside", "file-set-inside")]
    harmed = [each for each in requests if each.refused or (control.reports and each.accepted and not each.reports)]
    if harmed and claims(run).get("scp.refuses_file_set"):
        not_applicable("scp.refuses_file_set")
    assert not harmed, expected("the request served like the control request", *harmed)
    for each in requests:
        if not each.accepted:
            inconclusive("the request was not answered", each)


@requirement("DIMSE-J.3.2.1.1.2-01")
def test_the_retired_reference_does_no_harm(optional_attributes: Transcript) -> None:
    """A request with the retired procedure step reference is served like one without."""
    control, request = accepted_control(optional_attributes), commitments(optional_attributes)["performed-step"]
    harmed = request.refused or (control.reports and request.accepted and not request.reports)
    assert not harmed, expected("the request served like the control request", request)
    if not request.accepted:
        inconclusive("the request was not answered", request)


def committed(request: Commitment) -> bool:
    """Whether all that was asked for is committed by some report."""
    return any(
        all(report.result.commits(each.sop_instance_uid) for each in request.references) for report in request.reports
    )


def _answered(*transcripts: Transcript) -> list[tuple[Message, Message]]:
    """Requests with their responses; inconclusive where there is none."""
    answers = [one.answer for each in transcripts for one in commitments(each).all]
    found = [(each.request, each.response) for each in answers if each.request and each.response]
    return found or inconclusive("no request was answered", *answers[:1])
