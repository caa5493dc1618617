"""Checks of PS3.18 8.1 to 8.5 and of HTTP itself. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.premises import control
from stgcmt_suites.origin_server.views import Call, calls, commitment

METHODS = ("method-PUT", "method-DELETE", "method-PATCH")


def _answered(*transcripts: Transcript) -> list[Call]:
    return [call for call in calls(*transcripts) if call.status is not None]


@requirement("WEB-8.1.1-01")
def test_http_1_1(pending_commitment: Transcript) -> None:
    """Responses are HTTP/1.1."""
    seen = _answered(pending_commitment)
    for call in seen:
        assert call.response.message.version != "HTTP/1.0", expected("HTTP/1.1", call.response.message.version, call)
    if not seen:
        inconclusive("no response in HTTP/1.1: a server that speaks HTTP/2 only is not tested")


@requirement("WEB-8.1.2-01")
def test_every_request_is_answered(
    malformed_modules: Transcript,
    malformed_bodies: Transcript,
    invalid_transaction_uids: Transcript,
    other_methods: Transcript,
    unsupported_bodies: Transcript,
) -> None:
    """Whatever is sent, a response with a three-digit status comes back."""
    seen = calls(malformed_modules, malformed_bodies, invalid_transaction_uids, other_methods, unsupported_bodies)
    for call in seen:
        assert call.status is not None, expected("a response", call)
        assert 100 <= call.status <= 599, expected("a status code from 100 to 599", call)
    if not seen:
        inconclusive("no request was sent")


@requirement("WEB-8.1.2-02")
def test_errors_are_explained(
    malformed_modules: Transcript, unknown_transaction: Transcript, duplicate_done: Transcript
) -> None:
    """An error response has a body that explains it."""
    errors = [call for call in _answered(malformed_modules, unknown_transaction, duplicate_done) if call.status >= 400]  # type: ignore[operator]
    for call in errors:
        assert call.body, expected("an explanation with the error", call)
    if not errors:
        inconclusive("no request was refused")


@requirement("WEB-8.4.2-01")
def test_messages_with_payload_have_content_type(
    partly_missing: Transcript, malformed_bodies: Transcript, duplicate_done: Transcript
) -> None:
    """Every payload, of a result or of an error, is described by Content-Type."""
    seen = [call for call in _answered(partly_missing, malformed_bodies, duplicate_done) if call.body]
    for call in seen:
        assert call.header("Content-Type"), expected("Content-Type beside a payload", call)
    if not seen:
        inconclusive("no response carried a payload")


@requirement("WEB-8.4.2-02")
def test_codings_are_named(negotiation: Transcript) -> None:
    """A compressed payload has Content-Encoding, another has not."""
    seen = [call for call in _answered(negotiation) if call.final and call.body]
    for call in seen:
        assert call.response.decoded is not None, expected("a payload coded as Content-Encoding says", call)
        bare = call.body.startswith(b"\x1f\x8b") and not call.header("Content-Encoding")
        assert not bare, expected("Content-Encoding: gzip with a compressed payload", call)
        asked = call.sent("Accept-Encoding") or ""
        coding = (call.header("Content-Encoding") or "").strip().lower()
        refused = coding and asked and coding not in asked.lower() and "*" not in asked
        assert not refused, expected("a coding that was asked for", call)
    if not commitment(negotiation).one("gzip").final:
        inconclusive("no result was read with Accept-Encoding: gzip", commitment(negotiation).one("gzip"))


@requirement("WEB-8.4.2-03")
def test_content_location_names_the_result(partly_missing: Transcript) -> None:
    """Content-Location, where it is sent, names the transaction that the payload belongs to."""
    seen = [call for call in _answered(partly_missing) if call.final]
    located = [call for call in seen if call.header("Content-Location")]
    for call in located:
        named = str(call.header("Content-Location")).rstrip("/").rpartition("/")[2]
        assert named == call.uid, expected(
            "the resource of the result in Content-Location", call.header("Content-Location"), call
        )
    if not seen:
        inconclusive("no result was read")
    if not located:
        outcome("absent", *seen[:1], what="Content-Location")


@requirement("WEB-8.4.3-01")
def test_one_framing(
    pending_commitment: Transcript, malformed_modules: Transcript, unknown_transaction: Transcript
) -> None:
    """A payload is delimited by Content-Length or by Transfer-Encoding, never by both."""
    seen = [call for call in _answered(pending_commitment, malformed_modules, unknown_transaction) if call.body]
    for call in seen:
        both = call.header("Content-Length") is not None and call.header("Transfer-Encoding") is not None
        assert not both, expected("Content-Length or Transfer-Encoding, not both", call)
        assert call.response.complete, expected("a payload as long as announced", call)
    for call in seen:
        if call.header("Content-Length") is None and call.header("Transfer-Encoding") is None:
            outcome("close-delimited", call, what="Content-Length or Transfer-Encoding")
    if not seen:
        inconclusive("no response carried a payload")


@requirement("WEB-8.5-01")
def test_401_tells_how_to_authenticate(secured: Transcript) -> None:
    """Without valid credentials: 401 with WWW-Authenticate, or a refusal that hides the resource."""
    view = commitment(secured)
    seen = [view.one("no-credentials"), view.one("wrong-credentials")]
    challenged = [call for call in seen if call.status == 401]
    for call in challenged:
        assert call.header("WWW-Authenticate"), expected("WWW-Authenticate with a 401", call)
    control(view.one("control"))
    if any(call.accepted for call in seen) or None in [call.status for call in seen]:
        inconclusive(
            "the server does not ask for credentials; describe a mode that does in [origin_server.modes.secured]", *seen
        )
    if not challenged:
        inconclusive("the server refuses without 401, which a policy of hiding permits", *seen)


@requirement("WEB-8.5-03")
def test_large_lists_and_unsupported_classes(large_request: Transcript, unsupported_class: Transcript) -> None:
    """A large list is worked on or refused with 413; a class that is not supported is said for its instance."""
    large, mixed = commitment(large_request).one("request"), commitment(unsupported_class).one("mixed")
    assert large.status is None or large.accepted or large.status == 413, expected(
        "200, 202 or 413 for a large list", large
    )
    assert not mixed.refused, expected("a result that fails the one instance", mixed)
    if None in (large.status, mixed.status):
        inconclusive("a request was not answered", large, mixed)


@requirement("WEB-13.4.2-02")
def test_unsupported_classes_are_a_result(unsupported_class: Transcript) -> None:
    """A class that is not supported is said in the result; only where all are may the Request itself be refused."""
    view = commitment(unsupported_class)
    mixed, alone = view.one("mixed"), view.one("alone")
    assert not mixed.refused and mixed.status != 501, expected("200 or 202 for a mixed list", mixed)  # noqa: PT018 - one thing
    if alone.status in (409, 501):
        outcome("all-unsupported-refused", alone, mixed, what="200 or 202 and a Failure Reason")
    if not (mixed.accepted and alone.accepted):
        inconclusive("a Request with an unsupported class was not decided", mixed, alone)


@requirement("WEB-8.5-04")
def test_unsupported_bodies_are_415(unsupported_bodies: Transcript) -> None:
    """A body in a media type or coding that the service does not have is refused with 415."""
    view = commitment(unsupported_bodies)
    typed = view.step("type-csv", "type-image", "type-dicom", "coding-unknown")
    either = view.step("type-absent", "coding-gzip")
    for call in (*typed, *either):
        assert call.status is not None, expected("a 415, not silence or a closed connection", call)
        assert call.status < 500, expected("a 415, not a server error", call)
    for call in typed:
        assert not call.accepted, expected("a refusal of an unsupported body", call)
    control(view.one("control"))
    for call in typed:
        if call.status != 415:
            outcome("other-refusal", call, what="415")
    if not typed:
        inconclusive("no unsupported body was sent")


@requirement("WEB-8.5-405")
def test_405_lists_what_is_allowed(other_methods: Transcript) -> None:
    """405 to PUT, DELETE or PATCH has Allow with POST and GET and without the refused method."""
    seen = commitment(other_methods).step(*METHODS)
    for call in (each for each in seen if each.status == 405):
        allowed = {item.strip().upper() for item in (call.header("Allow") or "").split(",")}
        assert {"POST", "GET"} <= allowed, expected("Allow with POST and GET", f"Allow: {call.header('Allow')}", call)
        assert call.method not in allowed, expected(
            f"Allow without {call.method}", f"Allow: {call.header('Allow')}", call
        )
    others = [call for call in seen if call.status is not None and call.status != 405]
    if others:
        outcome("other-refusal", *others, what="405 for a method that the resource does not have")
    if not any(call.status == 405 for call in seen):
        inconclusive("no request was answered 405", *seen)


@requirement("WEB-HTTP-HEAD-01")
def test_head_answers_as_get(other_methods: Transcript) -> None:
    """HEAD has the status of GET and no content: on a pending, a finished and an unknown transaction."""
    view = commitment(other_methods)
    pairs = [(view.one("head-done"), {view.one("before").status}), (view.one("head-unknown"), {404})]
    if view.step("head-pending"):
        pairs.append((view.one("head-pending"), {202, view.one("get-pending").status}))
    tried = [call for call, _ in pairs if call.status is not None]
    for call in tried:
        extra = "extra-bytes" in call.response.defects
        assert not extra, expected("no content in answer to HEAD", call)
    for call, statuses in pairs:
        if call.status is not None and call.status not in (405, 501):
            assert call.status in statuses, expected(f"the status of GET ({statuses})", call)
    refused = [call for call in tried if call.status in (405, 501)]
    if refused:
        outcome("not-allowed", *refused, what="HEAD wherever GET is")
    if len(tried) < len(pairs):
        inconclusive("HEAD was not answered", *(call for call, _ in pairs))


@requirement("WEB-HTTP-OPTIONS-01")
def test_options_tells_the_methods(other_methods: Transcript) -> None:
    """OPTIONS on a transaction lists methods in Allow."""
    call = commitment(other_methods).one("options")
    assert call.status is None or call.status < 500, expected("methods of the resource, not a server error", call)
    assert call.status is None or call.header("Allow"), expected("Allow in answer to OPTIONS", call)
    if call.status is None:
        inconclusive("OPTIONS was not answered", call)


@requirement("WEB-HTTP-DATE-01")
def test_responses_are_dated(
    pending_commitment: Transcript, unknown_transaction: Transcript, malformed_modules: Transcript
) -> None:
    """Responses of the classes 2xx to 4xx have a Date in a form of RFC 9110."""
    from stgcmt.wire.http_fields import parse_http_date  # noqa: PLC0415 - one use

    seen = [call for call in _answered(pending_commitment, unknown_transaction, malformed_modules) if call.status < 500]  # type: ignore[operator]
    for call in seen:
        date = call.header("Date")
        assert date is not None, expected("a Date header", call)
        assert parse_http_date(date) is not None, expected("a valid Date header", f"Date: {date}", call)
    if not seen:
        inconclusive("no request was answered")


@requirement("WEB-HTTP-CACHE-01")
def test_changing_answers_are_not_cached(pending_commitment: Transcript, unknown_transaction: Transcript) -> None:
    """A 202, and a 404 that may turn into a result, are not declared fresh for a time."""
    seen = [call for call in _answered(pending_commitment, unknown_transaction) if call.method == "GET"]
    for call in seen:
        if call.status in (202, 404):
            assert not _fresh(call), expected(
                "no max-age on an answer that changes", call.header("Cache-Control"), call
            )
    bare = [call for call in seen if call.status in (200, 404) and call.header("Cache-Control") is None]
    if bare:
        outcome("absent", *bare[:1], what="Cache-Control: no-store")
    if not seen:
        inconclusive("no Result Check was answered")


def _fresh(call: Call) -> bool:
    """Whether Cache-Control lets a cache reuse the answer for some time."""
    directives = [item.strip().lower() for item in (call.header("Cache-Control") or "").split(",")]
    if "no-store" in directives or "no-cache" in directives:
        return False
    ages = [item.partition("=")[2].strip('"') for item in directives if item.startswith(("max-age=", "s-maxage="))]
    return any(age.isascii() and age.isdigit() and int(age[:9]) > 0 for age in ages)


@requirement("WEB-HTTP-RA-01")
def test_retry_after_is_valid(pending_commitment: Transcript, duplicate_pending: Transcript) -> None:
    """Retry-After is a whole number of seconds, or a date in its preferred form."""
    waited = [call for call in _answered(pending_commitment, duplicate_pending) if call.status in (202, 503)]
    given = [call for call in waited if call.retry_after is not None]
    for call in given:
        value = call.retry_after
        valid = value.kind == "seconds" or (value.kind == "date" and value.date.form == "imf-fixdate")
        assert valid, expected("digits, or a date such as Sun, 06 Nov 1994 08:49:37 GMT", call)
    for call in given:
        if call.retry_after.kind == "date":
            outcome("http-date", call, what="a number of seconds")
    if not waited:
        inconclusive("no answer 202 or 503 was seen")
    if not given:
        outcome("absent", *waited[:1])
