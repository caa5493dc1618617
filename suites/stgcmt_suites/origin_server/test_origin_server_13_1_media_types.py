"""Checks of PS3.18 13.1.2, 13.1.3 and 13.4.1: parameters and media types of the service. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.payloads import UNSETTLED, finished, same_result, settled
from stgcmt_suites.origin_server.premises import control
from stgcmt_suites.origin_server.views import commitment


@requirement("WEB-13.1.2-01")
def test_query_parameters_are_supported(negotiation: Transcript) -> None:
    """The parameters accept and charset are taken instead of header fields."""
    finished(negotiation)
    view = commitment(negotiation)
    typed, charset, xml = (view.one(step) for step in ("query-accept", "query-charset", "accept-xml"))
    supported = xml.answer.name == "xml"
    taken = not supported or typed.answer.name == "xml" or typed.status in UNSETTLED
    assert taken, expected("native XML for ?accept=application/dicom+xml", typed, xml)
    assert charset.final or charset.status in UNSETTLED, expected("a result for ?charset=utf-8", charset)
    settled(typed, charset, xml)
    if not supported:
        inconclusive("native XML is not supported: there is no second type to choose", xml)


@requirement("WEB-13.1.3-01")
def test_json_is_supported_and_the_default(negotiation: Transcript) -> None:
    """The result comes as DICOM JSON where that, or any type, is accepted."""
    view = commitment(negotiation)
    for call in view.step("control", "control-poll", "accept-json"):
        assert call.status != 406, expected("DICOM JSON for Accept: application/dicom+json", call)
    finished(negotiation)
    plain, any_type = view.one("accept-json"), view.one("accept-any")
    settled(plain, any_type)
    for call in (plain, any_type):
        assert call.final, expected("a result as DICOM JSON", call)
        assert call.answer.name == "json", expected("application/dicom+json", call)


def _comes_as(transcript: Transcript, name: str) -> None:
    control = finished(transcript)
    call = commitment(transcript).one(f"accept-{name}")
    settled(call)
    assert call.final, expected(f"a result as {call.sent('Accept')}", call)
    assert call.answer.name == name, expected(f"a payload of type {call.sent('Accept')}", call)
    assert call.module.readable, expected("a response module (J.2)", call)
    assert same_result(call, control), expected("the same result in every representation", call, control)


@requirement("WEB-13.1.3-02")
def test_xml_is_supported(negotiation: Transcript) -> None:
    """The result comes as native XML where that is accepted."""
    _comes_as(negotiation, "xml")


@requirement("WEB-13.1.3-03")
def test_multipart_json_is_supported(negotiation: Transcript) -> None:
    """The result comes as a part of DICOM JSON where that is accepted."""
    _comes_as(negotiation, "multipart-json")


@requirement("WEB-13.1.3-04")
def test_multipart_xml_is_supported(negotiation: Transcript) -> None:
    """The result comes as a part of native XML where that is accepted."""
    _comes_as(negotiation, "multipart-xml")


@requirement("WEB-13.4.1-06")
def test_accept_is_evaluated(negotiation: Transcript) -> None:
    """What comes depends on Accept: a type is not sent to who excluded it."""
    finished(negotiation)
    view = commitment(negotiation)
    asked = {name: view.one(f"accept-{name}") for name in ("json", "xml")}
    settled(*asked.values())
    for name, call in asked.items():
        same = call.answer.form == name and not call.answer.essence.startswith("multipart/")
        assert not call.final or same, expected(f"nothing but {call.sent('Accept')}, or 406", call)
    if not any(call.final for call in asked.values()):
        inconclusive("no result came, whatever was accepted", *asked.values())


@requirement("WEB-13.4.1-10")
def test_other_request_types_are_read(request_media_types: Transcript) -> None:
    """A request module is read as JSON, native XML, and multipart of both."""
    view = commitment(request_media_types)
    plain = view.one("type-json")
    assert plain.status != 415, expected("a Request in DICOM JSON is taken", plain)
    control(plain)
    others = view.step(
        "type-xml", "type-multipart-json", "type-multipart-xml", "type-json-charset", "type-unquoted-json"
    )
    for call in others:
        broken = (call.status or 0) >= 500 and call.status != 503
        assert not broken, expected("a Request that is taken, or 415", call)
    refused = [call for call in others if call.refused and call.status not in UNSETTLED]
    if refused:
        outcome("other-type-refused", *refused, what="200 or 202 for each media type of 13.1.3")
    settled(*others)


@requirement("WEB-13.5.1-04")
def test_result_checks_negotiate_for_themselves(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """Asked for JSON by the Request, the result is read as XML, and the other way round."""
    finished(negotiation)
    xml = commitment(negotiation).one("accept-xml")
    transaction = commitment(negotiated_requests).transaction("post-xml")
    later = [call for call in transaction.checks if call.final]
    for call in later:
        assert call.answer.name == "json", expected("the type that the Result Check accepts", call, transaction.request)
    assert not xml.final or xml.answer.name == "xml", expected("the type that the Result Check accepts", xml)
    known = transaction.request.answer.name == "xml"
    refused = xml.status == 406
    assert not (refused and known), expected("native XML, though the Request accepted DICOM JSON", xml)
    settled(xml)
    if refused:  # a server without XML refuses rightly here; WEB-13.1.3-02 says what it lacks
        inconclusive("native XML is not supported: there is no second type to choose", xml)
