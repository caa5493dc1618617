"""Checks of PS3.18 13.4: the answer to a Request. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.commitment.web_module import TRANSACTION_UID
from stgcmt_suites.origin_server.payloads import UNSETTLED
from stgcmt_suites.origin_server.premises import control, never_at_once, never_pending
from stgcmt_suites.origin_server.views import calls, commitment, names, results

# Table 13.4.3-1, and the general codes of 8.5 (with 422 named nowhere, it is told).
KNOWN = {200, 202, 400, 401, 403, 404, 405, 406, 409, 411, 413, 414, 415, 500, 501, 503, 505}


@requirement("WEB-13.4.2-01")
def test_success_is_200_or_202(
    pending_commitment: Transcript,
    synchronous_commitment: Transcript,
    partly_missing: Transcript,
    hierarchical_commitment: Transcript,
    large_request: Transcript,
    request_media_types: Transcript,
    negotiated_requests: Transcript,
) -> None:
    """A Request that succeeds is answered 200 with a result or 202 without one: no 201, 204 or redirection."""
    others = (large_request, request_media_types, negotiated_requests)
    posts = calls(
        pending_commitment, synchronous_commitment, partly_missing, hierarchical_commitment, *others, method="POST"
    )
    for call in posts:
        if call.status is not None and call.status < 400:
            assert call.status in (200, 202), expected("200 or 202", call)
            assert call.status == 202 or call.body, expected("a 200 with a result", call)
    if not any(call.accepted for call in posts):
        inconclusive("no Request succeeded", *posts)


@requirement("WEB-13.4.2-02")
def test_failed_instances_are_a_result(
    all_missing: Transcript, partly_missing: Transcript, wrong_class: Transcript, pending_commitment: Transcript
) -> None:
    """That instances are missing, or of another class, is said in a result; the answer is 200 or 202, never 4xx."""
    control(commitment(pending_commitment).one("request"))
    requests = [commitment(each).one("request") for each in (all_missing, partly_missing, wrong_class)]
    for call in requests:
        taken = call.accepted or call.status in UNSETTLED
        assert taken, expected("200 or 202 although instances fail", call)
    if not all(call.accepted for call in requests):
        inconclusive("a Request with failing instances was neither accepted nor refused", *requests)


@requirement("WEB-13.4.2-03")
def test_every_instance_is_spoken_of(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    all_missing: Transcript,
    wrong_class: Transcript,
    hierarchical_commitment: Transcript,
    hierarchical_partly_missing: Transcript,
    large_request: Transcript,
    request_media_types: Transcript,
    synchronous_commitment: Transcript,
) -> None:
    """Committed and failed instances together are all that were asked for: in a long list, in XML and multipart, at once."""
    found = results(
        pending_commitment,
        partly_missing,
        all_missing,
        wrong_class,
        hierarchical_commitment,
        hierarchical_partly_missing,
    )
    others = results(large_request, request_media_types, synchronous_commitment)
    for each in (*found.transactions, *others.transactions):
        left_out = {ref.sop_instance_uid for ref in each.asked.references} - set(each.result.result.instances)
        assert not left_out, expected("every requested instance in the result", f"left out: {names(left_out)}", each)
    found.complete()


@requirement("WEB-13.4.1-03")
def test_the_result_has_no_transaction_uid(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    synchronous_commitment: Transcript,
    hierarchical_commitment: Transcript,
    request_media_types: Transcript,
) -> None:
    """The Transaction UID stands in the path; the response module does not repeat it."""
    found = results(pending_commitment, partly_missing)
    others = results(synchronous_commitment, hierarchical_commitment, request_media_types)
    for each in (*found.transactions, *others.transactions):
        for call in each.results:
            assert TRANSACTION_UID not in call.module.top, expected(
                "no Transaction UID (0008,1195) in the result", call
            )
    found.complete()


@requirement("WEB-13.4.1-10")
def test_json_requests_are_read(pending_commitment: Transcript) -> None:
    """A request module in DICOM JSON is read."""
    call = commitment(pending_commitment).one("request")
    assert call.status != 415, expected("a Request in DICOM JSON is taken", call)
    if not call.accepted:
        inconclusive("the Request did not succeed", call)


@requirement("WEB-13.4.3-01")
def test_request_statuses_are_known(
    pending_commitment: Transcript,
    malformed_modules: Transcript,
    duplicate_done: Transcript,
    provoked_states: Transcript,
) -> None:
    """Answers to Requests use codes of the table, or general ones."""
    posts = calls(pending_commitment, malformed_modules, duplicate_done, provoked_states, method="POST")
    for call in posts:
        assert call.status is None or call.status in KNOWN, expected("a code of Table 13.4.3-1 or of 8.5", call)
    if not any(call.status for call in posts):
        inconclusive("no Request was answered", *posts)


@requirement("WEB-13.4.3-02")
def test_payloads_have_a_content_type(
    pending_commitment: Transcript, malformed_modules: Transcript, unknown_transaction: Transcript
) -> None:
    """A response with a payload says of what media type it is, and a coding that can be undone is named."""
    seen = [call for call in calls(pending_commitment, malformed_modules, unknown_transaction) if call.body]
    for call in seen:
        assert call.header("Content-Type"), expected("a Content-Type beside the payload", call)
        assert call.response.decoded is not None, expected("a payload coded as Content-Encoding says", call)
        coded = call.body.startswith(b"\x1f\x8b") and not call.header("Content-Encoding")
        assert not coded, expected("Content-Encoding: gzip beside a compressed payload", call)
    if not seen:
        inconclusive("no response carried a payload")


@requirement("WEB-13.4.3-03")
def test_retry_after_on_request_is_seconds(
    pending_commitment: Transcript, duplicate_pending: Transcript, provoked_states: Transcript
) -> None:
    """Retry-After on a 202 or 503 to a Request, where it is sent, is a number of whole seconds."""
    posts = calls(pending_commitment, duplicate_pending, provoked_states, method="POST")
    seen = [call for call in posts if call.status in (202, 503)]
    given = [call for call in seen if call.retry_after is not None]
    for call in given:
        assert call.retry_after.kind in ("seconds", "date"), expected("a non-negative whole number of seconds", call)
    for call in given:
        if call.retry_after.kind == "date":
            outcome("http-date", call, what="a number of seconds")
    if not seen:
        inconclusive("no Request was answered 202 or 503", *calls(pending_commitment, method="POST"))
    if not given:
        outcome("absent", *seen)


@requirement("WEB-13.4.3-04")
def test_results_are_framed_and_described(pending_commitment: Transcript, synchronous_commitment: Transcript) -> None:
    """A 200 has a Content-Type and exactly one of Content-Length and Transfer-Encoding."""
    seen = [call for call in calls(pending_commitment, synchronous_commitment) if call.final]
    for call in seen:
        assert call.header("Content-Type"), expected("Content-Type on a 200", call)
        both = call.header("Content-Length") is not None and call.header("Transfer-Encoding") is not None
        assert not both, expected("Content-Length or Transfer-Encoding, not both", call)
    for call in seen:
        if call.header("Content-Length") is None and call.header("Transfer-Encoding") is None:
            outcome("close-delimited", call, what="Content-Length or Transfer-Encoding")
    if not seen:
        inconclusive("no result was delivered")


@requirement("WEB-13.4.3-05")
def test_warning_headers_name_a_status(pending_commitment: Transcript, partly_missing: Transcript) -> None:
    """The text of a Warning header, where there is one, holds a DICOM status code and a reason."""
    seen = [call for call in calls(pending_commitment, partly_missing) if call.status is not None]
    warned = [call for call in seen if call.header("Warning") is not None]
    for call in warned:
        words = str(call.header("Warning")).replace('"', " ").split()
        coded = any(len(word) == 4 and all(c in "0123456789ABCDEFabcdef" for c in word) for word in words)
        named = coded and len(words) > 1
        assert named, expected("a DICOM status code and a reason in Warning", call)
    if not seen:
        inconclusive("no request was answered")
    if not warned:
        outcome("absent", *seen[:1])


@requirement("WEB-13.4.3-06")
def test_immediate_results_are_modules(synchronous_commitment: Transcript, run: Transcript) -> None:
    """The payload of a 200 to a Request is a response module without missing attributes."""
    seen = [call for call in calls(synchronous_commitment, method="POST") if call.final]
    for call in seen:
        assert call.module.readable, expected("a response module (J.2)", call)
        flaws = call.module.flawed("missing", "not-a-uid", "not-a-sequence")
        assert not flaws, expected("every mandatory attribute of J.2", *flaws[:3], call)
        assert call.module.structure != "empty", expected("a status for each instance", call)
    if not seen:
        never_at_once(run, *calls(synchronous_commitment, method="POST"))


@requirement("WEB-13.4.3-07")
def test_accepted_response_has_no_payload(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    all_missing: Transcript,
    hierarchical_commitment: Transcript,
    large_request: Transcript,
    request_media_types: Transcript,
    negotiated_requests: Transcript,
    run: Transcript,
) -> None:
    """A 202 to a Request tells the user agent to come back later; it carries nothing else, whatever the Request was."""
    others = (partly_missing, all_missing, hierarchical_commitment, large_request)
    posts = calls(pending_commitment, *others, request_media_types, negotiated_requests, method="POST")
    accepted = [call for call in posts if call.status == 202]
    for call in accepted:
        assert call.body == b"", expected("no payload", call)
    if not accepted:
        never_pending(run, *calls(pending_commitment, method="POST"))


@requirement("WEB-13.4.3-08")
def test_status_reports_say_what_they_are(
    unknown_transaction: Transcript, malformed_modules: Transcript, duplicate_done: Transcript
) -> None:
    """An error response with a body names its media type; an error without a body is nothing to judge here."""
    errors = [
        call for call in calls(unknown_transaction, malformed_modules, duplicate_done) if (call.status or 0) >= 400
    ]
    for call in errors:
        assert not call.body or call.header("Content-Type"), expected("Content-Type on a Status Report", call)
    if not errors:
        inconclusive("no request was refused")
