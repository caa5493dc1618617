"""Checks of PS3.18 8.1 to 8.5: messages, header fields, status codes. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from collections.abc import Sequence

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable, outcome, requirement
from stgcmt_suites.origin_server.payloads import (
    UNSETTLED,
    finished,
    names_itself,
    names_outer,
    path_of,
    same_host,
    same_result,
    settled,
)
from stgcmt_suites.origin_server.premises import control
from stgcmt_suites.origin_server.views import NEVER, RESOURCE, Call, calls, commitment

UNSECURED = "origin_server.unsecured"
PUBLIC = "origin_server.public_base_url"
LENGTH_DEFECTS = frozenset({"cl-and-te", "bad-content-length", "differing-content-length"})


@requirement("WEB-8.1.1-01")
def test_http_1_1_is_spoken(pending_commitment: Transcript, unknown_transaction: Transcript) -> None:
    """Responses say HTTP/1.1; a server that speaks HTTP/2 alone cannot be judged by this harness."""
    seen = [call for call in calls(pending_commitment, unknown_transaction) if call.response is not None]
    spoken = [call for call in seen if call.status is not None]
    for call in spoken:
        version = call.response.message.version
        assert version not in ("HTTP/0.9", "HTTP/1.0"), expected("HTTP/1.1", f"{version} in the status line", call)
    if any("http2" in call.response.defects for call in seen):
        inconclusive("the server speaks HTTP/2 where HTTP/1.1 was offered: not tested", *seen)
    if not spoken:
        inconclusive("no response has a status line", *seen)


@requirement("WEB-8.1.2-01")
def test_every_request_gets_a_response(
    malformed_bodies: Transcript,
    malformed_modules: Transcript,
    malformed_xml: Transcript,
    malformed_multipart: Transcript,
    unsupported_bodies: Transcript,
) -> None:
    """Whatever is wrong with a request, a response with a three-digit status comes; nothing is dropped.

    Silence is judged where the server answered something that was asked later: whether it is there at all is not asked here.
    """
    played = (malformed_bodies, malformed_modules, malformed_xml, malformed_multipart, unsupported_bodies)
    seen = calls(*played)
    controls = [call for call in seen if call.step.startswith("control")]
    if not any(call.accepted for call in controls):
        inconclusive("no control request was answered, so that silence proves nothing", *controls)
    for call in seen:
        valid = call.status is None or (100 <= call.status <= 599 and "bad-status" not in call.response.defects)
        assert valid, expected("a response with a valid status", call)
    lost = [
        (call, each) for each in played for call in calls(each) if call.status is None and call.outcome != "refused"
    ]
    last = max(each.header.monotonic_ns + call.t_sent for each in played for call in calls(each) if call.status)
    for call, each in lost:
        ended = max((event.t for event in each.events if event.n in call.events), default=call.t_sent)
        assert each.header.monotonic_ns + ended >= last, expected("a response with a valid status", call)
    if lost:
        inconclusive(
            "nothing was answered any more: whether the server is there at all is another question", lost[0][0]
        )


@requirement("WEB-8.1.2-02")
def test_errors_are_explained(
    malformed_bodies: Transcript, unknown_transaction: Transcript, duplicate_done: Transcript
) -> None:
    """An error response has a body that says what is wrong (there is none to HEAD)."""
    seen = calls(malformed_bodies, unknown_transaction, duplicate_done)
    errors = [call for call in seen if (call.status or 0) >= 400 and call.method != "HEAD"]
    for call in errors:
        assert call.body.strip(), expected("a Status Report that explains the error", call)
    if not errors:
        inconclusive("no request was refused", *seen[:1])


@requirement("WEB-8.2-01")
def test_resources_hang_below_the_base_uri(negotiation: Transcript, collection: Transcript, run: Transcript) -> None:
    """Requests below the Base URI reach the service; URIs that it gives have no blanks and stay below it."""
    request = commitment(collection).one("control")
    assert request.status not in (404, 405, 501), expected("a Request that reaches the service", request)
    elsewhere = []
    for call in calls(negotiation):
        for name in ("Content-Location", "Location"):
            given = call.header(name)
            if given is None:
                continue
            assert not any(blank in given for blank in " \t"), expected(f"a {name} without blanks", given, call)
            base = call.target.partition(f"/{RESOURCE}")[0]
            outer = names_outer(call, given, claims(run).get(PUBLIC))
            if not outer and not path_of(call, given).startswith(f"{base}/"):
                elsewhere.append((name, given, call))
    for name, given, call in elsewhere:
        outcome("outside-base", f"{name}: {given}", call, what=f"a {name} below the Base URI")
    control(request)


@requirement("WEB-8.4.2-01")
def test_payloads_have_a_type(negotiation: Transcript, unsupported_bodies: Transcript) -> None:
    """Each payload comes with a Content-Type; a Request whose payload lacks one is refused, or read all the same."""
    seen = [call for call in calls(negotiation, unsupported_bodies) if call.body]
    for call in seen:
        assert call.header("Content-Type"), expected("Content-Type beside the payload", call)
    untyped = commitment(unsupported_bodies).one("type-absent")
    broken = (untyped.status or 0) >= 500 and untyped.status not in UNSETTLED
    assert not broken, expected("400 or 415 for a body without Content-Type", untyped)
    settled(untyped)
    if not seen:
        inconclusive("no response carried a payload")


@requirement("WEB-8.4.2-02")
def test_content_encoding_says_what_was_applied(negotiation: Transcript, unsupported_bodies: Transcript) -> None:
    """A coded payload names its coding, one that nobody asked for is not applied; a coding it lacks is refused."""
    for call in calls(negotiation):
        coding = call.header("Content-Encoding")
        hidden = coding is None and call.body.startswith(b"\x1f\x8b")
        assert not hidden, expected("Content-Encoding: gzip beside a compressed payload", call)
        assert call.response is None or call.response.decoded is not None, expected(
            "a payload coded as Content-Encoding says", f"Content-Encoding: {coding}", call
        )
    control_result, zipped = finished(negotiation), commitment(negotiation).one("gzip")
    unknown = commitment(unsupported_bodies).one("coding-unknown")
    assert not unknown.accepted, expected("a refusal of a coding that nobody knows", unknown)
    same = zipped.final and same_result(zipped, control_result)
    assert same or zipped.status in UNSETTLED, expected("the same result, coded or not", zipped, control_result)
    for call in calls(negotiation):
        coding = call.header("Content-Encoding")
        if coding not in (None, "identity") and call.sent("Accept-Encoding") is None:
            outcome("unasked-coding", f"Content-Encoding: {coding}", call, what="no coding that was not asked for")
    settled(zipped, unknown)


@requirement("WEB-8.4.2-03")
def test_content_location_names_the_result(negotiation: Transcript, run: Transcript) -> None:
    """Where Content-Location is there, it names the transaction on this server, or leads to the same result.

    It is followed wherever it is another URI; one that was not to be followed leads nowhere. Behind a reverse proxy the server may
    name the transaction as others reach it, where the vendor states that address.
    """
    first = finished(negotiation)
    view = commitment(negotiation)
    seen = [call for call in view.calls if call.final and call.method != "HEAD"]
    reached = {call.target.partition("?")[0]: call for call in view.every if call.step == "content-location"}
    for call in seen:
        given = call.header("Content-Location")
        if given is None or names_itself(call, given) or names_outer(call, given, claims(run).get(PUBLIC)):
            continue
        followed = reached.get(path_of(call, given), NEVER) if same_host(call, given) else NEVER
        leads = followed.final and same_result(followed, first)
        assert leads, expected("a Content-Location that leads to this result", given, call, followed)
    for call in seen:
        if call.header("Content-Location") is None and call.method == "GET":
            outcome("absent", call, what="Content-Location")


@requirement("WEB-8.4.3-01")
def test_payloads_are_delimited_once(
    pending_commitment: Transcript, negotiation: Transcript, malformed_bodies: Transcript
) -> None:
    """A payload is delimited by Content-Length or by Transfer-Encoding, and by one of them alone."""
    seen = [call for call in calls(pending_commitment, negotiation, malformed_bodies) if call.status is not None]
    for call in seen:
        wrong = LENGTH_DEFECTS & set(call.response.defects)
        assert not wrong, expected("one valid Content-Length, or Transfer-Encoding", *sorted(wrong), call)
    bare = [call for call in seen if call.body and call.response.framing == "close"]
    for call in bare:
        outcome("close-delimited", call, what="Content-Length or Transfer-Encoding")
    if not any(call.body for call in seen):
        inconclusive("no response carried a payload", *seen[:1])


@requirement("WEB-8.5-01")
def test_401_tells_how_to_authenticate(secured: Transcript, run: Transcript) -> None:
    """Without valid credentials a secured server answers 401 with WWW-Authenticate, or hides behind 403 or 404."""
    view = commitment(secured)
    tried = view.step("no-credentials", "wrong-credentials")
    for call in tried:
        assert call.status != 401 or call.header("WWW-Authenticate"), expected("WWW-Authenticate beside 401", call)
    if any(call.accepted for call in tried):
        if claims(run).get(UNSECURED):
            not_applicable(UNSECURED)
        inconclusive(
            "a request without credentials succeeded; where the server asks for none, add unsecured = true to "
            "[claims.origin_server], else describe a configuration that does in [origin_server.modes.secured]",
            *tried,
        )
    control(view.one("control"))
    if not any(call.status in (401, 403, 404) for call in tried):
        inconclusive("no request was refused for its credentials", *tried)
    read = view.one("result-no-credentials")
    if read.final:
        outcome("result-open", read)


@requirement("WEB-8.5-03")
def test_classes_and_sizes_are_no_errors(unsupported_class: Transcript, large_request: Transcript) -> None:
    """An unsupported class is said per instance; a list that is too large is refused with 413 and nothing else."""
    view = commitment(unsupported_class)
    mixed, alone, large = view.one("mixed"), view.one("alone"), commitment(large_request).one("request")
    assert mixed.accepted or mixed.status in UNSETTLED, expected("a result that fails the one reference", mixed)
    assert large.accepted or large.status in {413} | UNSETTLED, expected("a result, or 413", large)
    answered = alone.accepted or alone.status in {409, 501} | UNSETTLED
    assert answered, expected("a result that fails the reference", alone)
    settled(mixed, alone, large)
    if not alone.accepted:
        outcome("all-unsupported-refused", alone, what="a result that fails the reference")


@requirement("WEB-13.4.2-02")
def test_unsupported_classes_are_a_result(unsupported_class: Transcript, pending_commitment: Transcript) -> None:
    """A class that is not supported is said in the result; only where all are may the Request itself be refused."""
    view = commitment(unsupported_class)
    mixed, alone = view.one("mixed"), view.one("alone")
    control(commitment(pending_commitment).one("request"))
    assert mixed.accepted or mixed.status in UNSETTLED, expected("200 or 202 for a mixed list", mixed)
    taken = alone.accepted or alone.status in {409, 501} | UNSETTLED
    assert taken, expected("200 or 202, or 409 or 501 where every class is unsupported", alone)
    if alone.status in (409, 501):
        outcome("all-unsupported-refused", alone, mixed, what="200 or 202 and a Failure Reason")
    if not (mixed.accepted and alone.accepted):
        inconclusive("a Request with an unsupported class was not decided", mixed, alone)


def _unsupported(view_calls: Sequence[Call]) -> None:
    for call in view_calls:
        assert call.refused or call.status in UNSETTLED, expected("415", call)
    for call in view_calls:
        if call.refused and call.status not in {415} | UNSETTLED:
            outcome("other-refusal", call, what="415")
    settled(*view_calls)


@requirement("WEB-8.5-04")
def test_unsupported_bodies_are_415(unsupported_bodies: Transcript) -> None:
    """A body in a media type or coding that the service does not have is refused, with 415."""
    view = commitment(unsupported_bodies)
    control(view.one("control"))
    _unsupported([view.one(step) for step in ("type-csv", "type-image", "type-dicom", "coding-unknown")])
