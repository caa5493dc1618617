"""PS3.4 5.4.2.1, PS3.7 10.1.4.1.10: what must be refused, and with which status. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from collections.abc import Mapping

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.scp.compare import turned_down
from stgcmt_suites.scp.premises import accepted_control, all_sent
from stgcmt_suites.scp.views import commitments

MISSING_ATTRIBUTE, MISSING_ATTRIBUTE_VALUE = 0x0120, 0x0121
NO_SUCH_INSTANCE, INVALID_INSTANCE = 0x0112, 0x0117
NO_SUCH_CLASS, CLASS_INSTANCE_CONFLICT = 0x0118, 0x0119
NO_SUCH_ACTION_TYPE, UNRECOGNISED_OPERATION = 0x0123, 0x0211
NOT_AUTHORISED = 0x0124


@requirement("DIMSE-5.4.2.1-02")
def test_missing_attributes_are_refused(missing_attributes: Transcript) -> None:
    """A request that lacks a mandatory attribute fails, with 0120H."""
    whole = ("no-information", "no-transaction-uid", "no-sequence", "no-class-uid", "no-instance-uid")
    steps = (*whole, "no-class-uid-in-last", "no-instance-uid-in-last")
    _refused(missing_attributes, {step: {MISSING_ATTRIBUTE} for step in steps}, silence_deviates=True)


@requirement("DIMSE-5.4.2.1-03")
def test_empty_attributes_are_refused(empty_attributes: Transcript) -> None:
    """A request with a mandatory attribute that has no value fails, with 0121H."""
    whole = ("empty-transaction-uid", "empty-sequence", "empty-class-uid", "empty-instance-uid")
    steps = (*whole, "empty-class-uid-in-last", "empty-instance-uid-in-last")
    _refused(empty_attributes, {step: {MISSING_ATTRIBUTE_VALUE} for step in steps}, silence_deviates=True)


@requirement("DIMSE-10.1.4-01")
def test_unknown_action_types_are_refused(wrong_commands: Transcript) -> None:
    """Any Action Type ID but 1 fails with 0123H."""
    _refused(wrong_commands, {f"action-type-{number}": {NO_SUCH_ACTION_TYPE} for number in (0, 2, 65535)})


@requirement("DIMSE-10.1.4-02")
def test_unknown_instances_are_refused(wrong_commands: Transcript) -> None:
    """Any Requested SOP Instance but the well-known one fails with 0112H; 0117H fits a UID that is none."""
    _refused(
        wrong_commands,
        {"other-instance": {NO_SUCH_INSTANCE}, "malformed-instance": {NO_SUCH_INSTANCE, INVALID_INSTANCE}},
    )


@requirement("DIMSE-10.1.4-03")
def test_other_classes_are_refused(wrong_commands: Transcript) -> None:
    """A Requested SOP Class that is not the context's fails with 0118H; swapped UIDs have several fitting statuses."""
    swapped = {NO_SUCH_CLASS, CLASS_INSTANCE_CONFLICT, NO_SUCH_INSTANCE, INVALID_INSTANCE}
    _refused(wrong_commands, {"other-class": {NO_SUCH_CLASS}, "swapped": swapped})


@requirement("DIMSE-10.1.4-03")
def test_other_operations_are_refused(wrong_commands: Transcript) -> None:
    """N-GET and N-CREATE are no operations of the class, and fail with 0211H."""
    view = commitments(wrong_commands).dimse
    answers = [view.answer("n-get", "N-GET-RQ"), view.answer("n-create", "N-CREATE-RQ")]
    for answer in answers:
        assert answer.status != 0, expected("a failure status, 0211H", answer)
    accepted_control(wrong_commands)
    for answer in answers:
        if answer.status not in {None, UNRECOGNISED_OPERATION}:
            outcome("other-failure-status", answer, what="status 0211H")
    for answer in answers:
        if answer.status is None:
            inconclusive("the operation has no response, so no status is to be judged", answer)


@requirement("DIMSE-10.1.4-04")
def test_unknown_callers_are_refused(unknown_caller: Transcript) -> None:
    """Who cannot be reported to is told so at once, and not answered with success."""
    nobody = commitments(unknown_caller)["nobody"]
    accepted_control(unknown_caller)
    assert not nobody.accepted, expected("a failure status, or a rejected association or context", nobody)
    if nobody.sent and not nobody.refused:
        inconclusive("the request of the unknown caller has no response", nobody)


@requirement("DIMSE-10.1.4-04-DENIED")
def test_callers_without_permission_are_refused(denied_caller: Transcript) -> None:
    """Who may not ask for commitment is told so: by 0124H, a rejected association or context; not by success, nor by silence."""
    denied = commitments(denied_caller)["denied"]
    assert not denied.accepted, expected("a failure status, 0124H, or a rejected association or context", denied)
    accepted_control(denied_caller)
    if denied.sent and denied.status is None:
        outcome("no-response", denied, what="status 0124H")
    if denied.refused and denied.status != NOT_AUTHORISED:
        outcome("other-failure-status", denied, what="status 0124H")
    if not denied.sent and not turned_down(denied):
        inconclusive("the request of the caller without permission could not be sent", denied)


def _refused(transcript: Transcript, fitting: Mapping[str, set[int]], *, silence_deviates: bool = False) -> None:
    """Every defect is refused, with a fitting status; what wrongly succeeds is told before anything else."""
    view = commitments(transcript)
    for step in fitting:
        assert not view[step].accepted, expected(f"a failure status, {_spelt(fitting[step])}", view[step])
    accepted_control(transcript)
    for step in fitting:
        silent = silence_deviates and view[step].sent and view[step].status is None
        assert not silent, expected(f"a response with status {_spelt(fitting[step])}", view[step])
    for step in fitting:
        if view[step].refused and view[step].status not in fitting[step]:
            outcome("other-failure-status", view[step], what=f"status {_spelt(fitting[step])}")
    all_sent(transcript, *fitting)
    for step in fitting:
        if view[step].status is None:
            inconclusive("the request has no response, so no status is to be judged", view[step])


def _spelt(statuses: set[int]) -> str:
    return " or ".join(f"{each:04X}H" for each in sorted(statuses))
