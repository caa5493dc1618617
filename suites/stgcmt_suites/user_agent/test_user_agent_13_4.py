"""Checks of PS3.18 13.3 and 13.4: the Request as the client makes it. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt.wire.http_fields import parse_media_type
from stgcmt_suites.commitment.representation import JSON, XML
from stgcmt_suites.user_agent.views import asked, calls, commitments, sent

# PS3.5 9.1: digits and dots, no component with a leading zero, at most 64 characters.
UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*\Z")
# Encoding rules whose breach readers commonly survive: 2024e's own examples break them (notes of F.2.2, PS3.19 A.1).
XML_FORM = frozenset({"namespace", "space", "attribute-case", "number"})
ELSEWHERE = frozenset({"key-order", "array", "no-vr", "uid-form", "empty-value", "empty-string"})  # rules of other rows
PARAMETERS = {"accept", "charset"}


@requirement("WEB-13.3-01")
def test_post_requests_and_get_checks(at_once: Transcript, pending: Transcript) -> None:
    """On the commitment resource there is POST, which brings a module, and GET, which asks for the result; nothing else."""
    asked(at_once, pending)
    for call in calls(at_once, pending):
        assert call.method in ("POST", "GET"), expected("POST or GET", call)
    for each in (*commitments(at_once), *commitments(pending)):
        own = {call.uid for call in each.posts}
        for call in each.checks:
            assert call.uid in own, expected("a Result Check of the transaction that was requested", call, *each.posts)
    if not calls(pending, method="GET"):
        inconclusive("the client made no Result Check", *calls(pending))


@requirement("WEB-13.4.1-01")
def test_a_request_is_a_post_with_accept_and_payload(at_once: Transcript, pending: Transcript) -> None:
    """A Request is POST on the transaction's resource, says what it accepts, and has a payload."""
    for call in asked(at_once, pending):
        assert call.method == "POST", expected("POST", call)
        assert call.sent("Accept") is not None, expected("an Accept header", call)
        assert call.request.body, expected("a payload", call)
        assert call.uid is not None, expected("a Transaction UID in the path", call)


@requirement("WEB-13.4.1-02")
def test_a_transaction_uid_is_a_uid_for_one_request(
    at_once: Transcript, pending: Transcript, failures: Transcript, beliefs: Transcript, unavailable: Transcript
) -> None:
    """The path segment is a valid UID, and stands for one Request: it is not used again once a Request was accepted."""
    everything = (at_once, pending, failures, beliefs, unavailable)
    taken: dict[str, frozenset[str]] = {}
    for call in asked(*everything):
        uid = unquote(call.uid or "")
        valid = UID.match(uid) is not None and len(uid) <= 64
        assert valid, expected("a UID as the last segment of the path", uid, call)
    for each in (one for transcript in everything for one in commitments(transcript)):
        accepted: set[str | None] = set()
        for call in each.posts:
            if call.request is None or not call.request.complete:  # it broke off, and may be made again
                continue
            other = taken.setdefault(unquote(call.uid or ""), each.instances) != each.instances
            assert not other, expected("another Transaction UID for other instances", call)
            assert call.uid not in accepted, expected("a fresh Transaction UID for a new Request", call, each)
            if call.status in (200, 202):
                accepted.add(call.uid)


@requirement("WEB-13.4.1-04")
def test_a_request_has_no_query_parameters(at_once: Transcript, pending: Transcript) -> None:
    """A Request has no query parameters but accept and charset."""
    for call in asked(at_once, pending):
        names = {name for name, _ in parse_qsl(call.request.query or "", keep_blank_values=True)}
        assert names <= PARAMETERS, expected("no query parameters", *sorted(names - PARAMETERS), call)


@requirement("WEB-13.4.1-05")
def test_a_request_says_what_it_accepts(at_once: Transcript, pending: Transcript, in_xml: Transcript) -> None:
    """Accept is there on every Request, and names a type."""
    for call in asked(at_once, pending, in_xml):
        assert (call.sent("Accept") or "").strip(), expected("an Accept header", call)


@requirement("WEB-13.4.1-07")
def test_the_payload_is_one_representation(at_once: Transcript, in_xml: Transcript, in_parts: Transcript) -> None:
    """The payload is one representation, of the type that Content-Type names."""
    for call in asked(at_once, in_xml, in_parts):
        assert call.request.body, expected("a payload", call)
        assert call.sent("Content-Type"), expected("a Content-Type beside the payload", call)
        parts = sent(call).multipart
        single = parts is None or len(parts.parts) == 1
        assert single, expected("one representation", f"{len(parts.parts) if parts else 0} parts", call)


@requirement("WEB-13.4.1-08")
def test_the_media_type_is_one_of_the_service(at_once: Transcript, in_xml: Transcript, in_parts: Transcript) -> None:
    """The payload is DICOM JSON, native XML, or multipart of one of them."""
    for call in asked(at_once, in_xml, in_parts):
        body = sent(call)
        inner, outer = body.inner_type, body.media_type
        stated = parse_media_type(outer.param("type") or "") if outer is not None and inner is None else inner
        essence = stated.essence if stated is not None else ""
        assert essence in (JSON, XML), expected(f"{JSON} or {XML}", f"Content-Type: {call.sent('Content-Type')}", call)


@requirement("WEB-13.4.1-09")
def test_the_payload_is_a_request_module(at_once: Transcript, in_xml: Transcript, in_parts: Transcript) -> None:
    """The payload is a Storage Commitment Request Module in a sound encoding that names the instances."""
    seen = [(call, sent(call)) for call in asked(at_once, in_xml, in_parts)]
    for call, body in seen:
        assert body.module.readable, expected("a request module (J.1)", call)
        assert body.module.asked, expected("SOP Instance UIDs", call)
        broken = [each for each in body.json_problems if each.kind not in ELSEWHERE]
        broken_xml = [each for each in body.xml_problems if each.kind not in (*XML_FORM, "tag-form", "no-vr")]
        assert not broken, expected("DICOM JSON without a broken rule", *broken[:3], call)
        assert not broken_xml, expected("native XML without a broken rule", *broken_xml[:3], call)
    for call, body in seen:
        if foreign := body.module.flawed("foreign"):
            outcome("foreign-attribute", *foreign[:3], call, what="attributes of J.1 alone")
        if order := [each for each in body.json_problems if each.kind in ("key-order", "array")]:
            outcome("key-order", *order[:3], call, what="attributes in ascending order")
        if form := [each for each in body.xml_problems if each.kind in XML_FORM]:
            outcome("xml-form", *form[:3], call, what="the form of PS3.19 A.1")
