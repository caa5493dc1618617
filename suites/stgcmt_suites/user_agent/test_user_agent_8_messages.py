"""Checks of PS3.18 section 8: the client's messages. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, requirement
from stgcmt.wire.multipart import Multipart
from stgcmt_suites.commitment.representation import MULTIPART
from stgcmt_suites.user_agent.views import RESOURCE, Call, asked, base_path, calls, checked, no_such_form, sent

LENGTH_DEFECTS = {"cl-and-te", "bad-content-length", "differing-content-length", "repeated-content-length"}


@requirement("WEB-8.1.1-01")
def test_requests_are_http_1_1(at_once: Transcript, pending: Transcript) -> None:
    """The client speaks HTTP/1.1 (or HTTP/2, which this server does not offer), never HTTP/1.0."""
    seen = calls(at_once, pending)
    for call in seen:
        if "http2" in call.request.defects:
            inconclusive("the client speaks HTTP/2 without asking; this server offers HTTP/1.1", call)
        version = call.request.message.version
        assert version == "HTTP/1.1", expected("HTTP/1.1", version or "no version", call)
    asked(at_once, pending)


@requirement("WEB-8.2-01")
def test_targets_are_below_the_base_url(at_once: Transcript, pending: Transcript, run: Transcript) -> None:
    """The target is the Base URI with /commitment-requests/ and the Transaction UID, without blanks."""
    asked(at_once, pending)
    prefix = f"{base_path(run, at_once.header.role)}/{RESOURCE}/"
    for call in calls(at_once, pending):
        path = call.request.path
        below = path.startswith(prefix) and path[len(prefix) :] != "" and "/" not in path[len(prefix) :]
        assert below, expected(f"{prefix}{{transactionUID}}", path, call)
        assert "bad-request-line" not in call.request.defects, expected("a target without blanks", call)


@requirement("WEB-8.4.1-01")
def test_every_request_says_what_it_accepts(
    at_once: Transcript, pending: Transcript, still_pending: Transcript
) -> None:
    """Whatever may be answered with a payload has Accept: Requests and Result Checks."""
    asked(at_once, pending, still_pending)
    for call in calls(at_once, pending, still_pending):
        assert (call.sent("Accept") or "").strip(), expected("an Accept header", call)
    checked(pending, still_pending)


@requirement("WEB-8.4.2-01")
def test_payloads_have_a_type(
    at_once: Transcript, pending: Transcript, in_xml: Transcript, in_parts: Transcript
) -> None:
    """A message with a payload has a Content-Type."""
    for call in asked(at_once, pending, in_xml, in_parts):
        assert not call.request.body or call.sent("Content-Type"), expected("Content-Type beside the payload", call)


@requirement("WEB-8.4.2-02")
def test_codings_are_named(at_once: Transcript, in_xml: Transcript, in_parts: Transcript) -> None:
    """Content-Encoding is there where a coding was applied, and only there."""
    for call in asked(at_once, in_xml, in_parts):
        coding = call.sent("Content-Encoding")
        hidden = coding is None and call.request.body.startswith(b"\x1f\x8b")
        assert not hidden, expected("Content-Encoding: gzip beside a compressed payload", call)
        decodes = call.request.decoded is not None
        assert decodes, expected("a payload coded as Content-Encoding says", f"Content-Encoding: {coding}", call)


@requirement("WEB-8.4.3-01")
def test_payloads_are_delimited_once(at_once: Transcript, pending: Transcript, in_xml: Transcript) -> None:
    """A payload is delimited by Content-Length or by Transfer-Encoding, never by both."""
    for call in asked(at_once, pending, in_xml):
        wrong = LENGTH_DEFECTS & set(call.request.defects)
        assert not wrong, expected("one valid Content-Length, or Transfer-Encoding", *sorted(wrong), call)


@requirement("WEB-8.6-01")
def test_single_part_payloads_are_what_they_say(at_once: Transcript, in_xml: Transcript) -> None:
    """A payload under a single-part type is one data set in that form."""
    seen = [call for call in asked(at_once, in_xml) if sent(call).essence != MULTIPART and call.sent("Content-Type")]
    for call in seen:
        body = sent(call)
        assert body.value is not None, expected(f"a payload that is {body.essence}", call)
    if not seen:
        inconclusive("every Request came as multipart, or without a type", *asked(at_once, in_xml)[:1])


def _parted(in_parts: Transcript, run: Transcript) -> list[Call]:
    seen = [call for call in asked(in_parts) if sent(call).essence == MULTIPART]
    if not seen:
        no_such_form(run, "no_multipart", "multipart/related")
    return seen


@requirement("WEB-8.6-02")
def test_multipart_payloads_are_well_formed(in_parts: Transcript, run: Transcript) -> None:
    """A multipart payload names its boundary; its parts have a Content-Type; a closing delimiter ends it."""
    for call in _parted(in_parts, run):
        body = sent(call).multipart or Multipart(())
        assert not body.defects, expected("a well-formed multipart body", *body.defects, call)
        assert body.parts, expected("a part", call)
        for part in body.parts:
            assert part.media_type is not None, expected("a Content-Type in each part", call)


@requirement("WEB-8.6-03")
def test_parts_tell_their_length(in_parts: Transcript, run: Transcript) -> None:
    """A part without transfer coding has a Content-Length, which is its length."""
    for call in _parted(in_parts, run):
        for part in (sent(call).multipart or Multipart(())).parts:
            told = part.header("content-length") == str(len(part.content))
            coded = part.header("transfer-encoding") is not None
            assert told or coded, expected(f"Content-Length: {len(part.content)} in the part's header", call)


@requirement("WEB-8.7.1-01")
def test_multipart_types_name_what_is_inside(in_parts: Transcript, run: Transcript) -> None:
    """The type parameter of multipart/related is there and is the type of the parts."""
    for call in _parted(in_parts, run):
        body = sent(call)
        named = (body.media_type.param("type") or "").lower() if body.media_type else ""
        assert named, expected("a type parameter in Content-Type", f"Content-Type: {call.sent('Content-Type')}", call)
        inner = body.inner_type
        same = inner is None or inner.essence == named.partition(";")[0].strip()
        assert same, expected("parts of the type that Content-Type names", f"part: {inner}", call)


@requirement("WEB-8.6.2-01")
def test_vrs_are_explicit(at_once: Transcript, in_xml: Transcript, in_parts: Transcript) -> None:
    """Each attribute names its VR, in JSON and in XML."""
    for call in asked(at_once, in_xml, in_parts):
        body = sent(call)
        bare: list[object] = [each for each in body.json_problems if each.kind == "no-vr"]
        bare += [each for each in body.xml_problems if each.kind == "no-vr"]
        assert not bare, expected("a vr in each attribute", *bare[:3], call)


@requirement("WEB-8.7.9-01")
def test_content_type_comes_with_a_payload(pending: Transcript, still_pending: Transcript) -> None:
    """Content-Type is there only with a payload: not on a Result Check."""
    for call in checked(pending, still_pending):
        bare = call.sent("Content-Type") is None or bool(call.request.body)
        assert bare, expected("no Content-Type without a payload", f"Content-Type: {call.sent('Content-Type')}", call)
