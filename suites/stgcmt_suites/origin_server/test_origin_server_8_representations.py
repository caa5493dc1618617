"""Checks of PS3.18 8.6 and 8.7.9: single part and multipart payloads. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt.wire.multipart import Multipart
from stgcmt_suites.commitment.representation import MULTIPART
from stgcmt_suites.origin_server.payloads import bodies, finished, free_of, settled
from stgcmt_suites.origin_server.premises import never_pending
from stgcmt_suites.origin_server.views import Call, calls, commitment

SINGLE = ("accept-json", "accept-xml", "accept-syntax", "accept-charset")


def _parted(transcript: Transcript) -> list[Call]:
    """The results that came as multipart; inconclusive where none did."""
    finished(transcript)
    view = commitment(transcript)
    asked = view.step("accept-multipart-json", "accept-multipart-xml", "accept-unquoted-json", "accept-unquoted-xml")
    seen = [call for call in asked if call.final and call.answer.essence == MULTIPART]
    if not seen:
        inconclusive("no result came as multipart", *asked)
    return seen


@requirement("WEB-8.6-01")
def test_single_part_payloads_are_what_they_say(negotiation: Transcript) -> None:
    """Asked for a single-part type, the server sends one, and the payload is a data set in that form."""
    asked = commitment(negotiation).step(*SINGLE)
    seen = [call for call in asked if call.final]
    for call in seen:
        assert call.answer.essence != MULTIPART, expected("a single-part Content-Type", call)
        assert call.answer.value is not None, expected(f"a payload that is {call.answer.essence or 'described'}", call)
    if not seen:
        inconclusive("no result came for a single-part type", *asked)
    settled(*asked)


@requirement("WEB-8.6-02")
def test_multipart_payloads_are_well_formed(negotiation: Transcript) -> None:
    """A multipart payload names type and boundary; its parts have a Content-Type; a closing delimiter ends it."""
    for call in _parted(negotiation):
        inner, body = call.response.media_type.param("type"), call.answer.multipart or Multipart(())
        assert inner, expected("a type parameter in Content-Type", call)
        defects = body.defects
        assert not defects, expected("a well-formed multipart body", *defects, call)
        for part in body.parts:
            described = (
                part.media_type is not None and part.media_type.essence == inner.partition(";")[0].strip().lower()
            )
            assert described, expected(f"a part of Content-Type {inner}", f"part: {part.header('content-type')}", call)
        assert body.parts, expected("a part", call)


@requirement("WEB-8.6-03")
def test_parts_tell_their_length(negotiation: Transcript) -> None:
    """A part without transfer coding has a Content-Length, which is its length."""
    for call in _parted(negotiation):
        for part in call.answer.multipart.parts if call.answer.multipart else ():
            told = part.header("content-length") == str(len(part.content))
            coded = part.header("transfer-encoding") is not None
            assert told or coded, expected(f"Content-Length: {len(part.content)} in the part's header", call)


@requirement("WEB-8.6.2-01")
def test_vrs_are_explicit(negotiation: Transcript, partly_missing: Transcript) -> None:
    """Each attribute names its VR, in JSON and in XML."""
    seen = (*bodies("json", negotiation, partly_missing), *bodies("xml", negotiation))
    free_of(seen, "a vr in each attribute", "no-vr")


@requirement("WEB-8.7.9-01")
def test_content_type_comes_with_a_payload(
    pending_commitment: Transcript,
    large_request: Transcript,
    request_media_types: Transcript,
    negotiation: Transcript,
    run: Transcript,
) -> None:
    """Content-Type is there only with a payload, and its charset is the one that the payload is written in."""
    played = (pending_commitment, large_request, request_media_types)
    working = [call for call in calls(*played) if call.status == 202]
    for call in working:
        described = call.header("Content-Type") is not None and bool(call.body)
        assert not described, expected("neither payload nor Content-Type on a 202", call)
    for call in bodies("json", pending_commitment, negotiation):
        charset = call.answer.inner_type.param("charset") if call.answer.inner_type else None
        assert _readable(call.answer.content, charset), expected("a charset that the payload is written in", call)
    for call in working:
        if call.header("Content-Type") is not None:
            outcome("without-payload", call, what="no Content-Type without payload")
    if not working:
        never_pending(run, *calls(pending_commitment))


def _readable(content: bytes, charset: str | None) -> bool:
    """Whether the content reads in its stated character set as it does in UTF-8, which DICOM JSON is written in."""
    if charset is None:
        return True
    try:
        return content.decode(charset) == content.decode("utf-8")
    except (UnicodeDecodeError, LookupError):
        return False
