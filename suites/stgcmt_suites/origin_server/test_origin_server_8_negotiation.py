"""Checks of PS3.18 13.1.2, 13.1.3, 8.3, 8.7 and 8.8: content negotiation. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.premises import control, never_pending
from stgcmt_suites.origin_server.views import Call, calls, commitment


def _read(negotiation: Transcript, step: str) -> Call:
    """A Result Check of the negotiation; its transaction must have reached a result."""
    view = commitment(negotiation)
    if not view.transaction("control").final.status:
        inconclusive("the transaction reached no result", view.one("control"))
    call = view.one(step)
    if call.status in (None, 503):
        inconclusive("the Result Check was not decided", call)
    return call


def _served(call: Call, name: str) -> bool:
    """Whether the result came in this representation, and can be read."""
    return call.final and call.answer.name == name and call.module.readable


@requirement("WEB-13.1.3-01")
def test_json_is_served(negotiation: Transcript) -> None:
    """A result is available as DICOM JSON."""
    call = _read(negotiation, "accept-json")
    assert _served(call, "json"), expected("a result in application/dicom+json", call)
    default = _read(negotiation, "accept-any")
    assert default.final and default.answer.name == "json", expected("DICOM JSON where any type is acceptable", default)  # noqa: PT018 - one thing


@requirement("WEB-13.1.3-02")
def test_xml_is_served(negotiation: Transcript) -> None:
    """A result is available as native XML."""
    call = _read(negotiation, "accept-xml")
    assert _served(call, "xml"), expected("a result in application/dicom+xml", call)


@requirement("WEB-13.1.3-03")
def test_multipart_json_is_served(negotiation: Transcript) -> None:
    """A result is available as multipart DICOM JSON."""
    call = _read(negotiation, "accept-multipart-json")
    assert _served(call, "multipart-json"), expected(
        'a result in multipart/related; type="application/dicom+json"', call
    )


@requirement("WEB-13.1.3-04")
def test_multipart_xml_is_served(negotiation: Transcript) -> None:
    """A result is available as multipart native XML."""
    call = _read(negotiation, "accept-multipart-xml")
    assert _served(call, "multipart-xml"), expected('a result in multipart/related; type="application/dicom+xml"', call)


@requirement("WEB-13.4.1-06")
def test_accept_makes_a_difference(negotiation: Transcript) -> None:
    """What is returned depends on Accept."""
    steps = ("accept-json", "accept-xml", "accept-multipart-json", "accept-none", "accept-unacceptable")
    seen = [_read(negotiation, step) for step in steps]
    kinds = {(call.status, call.answer.essence) for call in seen}
    assert len(kinds) > 1, expected("answers that depend on Accept", *seen)


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
        assert call.status is None or call.status < 500, expected("a Request that is taken, or 415", call)
    refused = [call for call in others if call.refused]
    if refused:
        outcome("other-type-refused", *refused, what="200 or 202 for each media type of 13.1.3")
    if any(call.status is None for call in others):
        inconclusive("a Request was not answered", *others)


@requirement("WEB-13.5.1-02")
def test_result_checks_need_accept(pending_without_accept: Transcript, run: Transcript) -> None:
    """Without Accept: 406 or 202 while the work is under way, no result once it is done."""
    view = commitment(pending_without_accept)
    pending, done = view.one("pending-none"), view.one("done-none")
    assert done.status != 200, expected("406 for a Result Check without Accept", done)
    under_way = view.one("request").status == 202 and view.one("still").status == 202
    if under_way and pending.status is not None:
        assert pending.status in (202, 406), expected("202 or 406 without Accept while working", pending)
    if view.one("done").status != 200 or done.status in (None, 503):
        inconclusive("the Result Checks were not decided", view.one("done"), done)
    if not under_way and view.one("request").status == 200:
        never_pending(run, view.one("request"))


@requirement("WEB-13.5.1-04")
def test_the_result_is_negotiated_anew(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """After a Request that accepted JSON the result can be read in another type that the server has."""
    other = _read(negotiation, "accept-xml")
    offered = [call for call in commitment(negotiated_requests).transaction("post-xml").calls if _served(call, "xml")]
    assert _served(other, "xml") or not offered, expected("the result in XML as well", other, *offered)
    if not _served(other, "xml"):
        inconclusive("the server has no second type for results", other)


@requirement("WEB-13.1.2-01", "WEB-8.3.3-01")
def test_the_accept_parameter_wins(negotiation: Transcript) -> None:
    """?accept= names a supported type beside Accept: */*, and that type comes."""
    xml, call = _read(negotiation, "accept-xml"), _read(negotiation, "query-accept")
    supported = _served(xml, "xml")
    assert not supported or _served(call, "xml"), expected("the type that the accept parameter names", call, xml)
    charset = _read(negotiation, "query-charset")
    assert charset.final, expected("a result although charset=utf-8 is asked for", charset)
    if not supported:
        inconclusive("the server has no second type to choose", xml)


@requirement("WEB-8.3-01")
def test_unknown_parameters_are_ignored(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """A query parameter that the server does not know changes nothing."""
    call, plain = _read(negotiation, "query-unknown"), _read(negotiation, "accept-json")
    posted, view = commitment(negotiated_requests).one("post-unknown-query"), commitment(negotiated_requests)
    assert call.status == plain.status, expected("the same answer with an unknown parameter", call, plain)
    control(view.one("control"))
    assert posted.status is None or posted.accepted, expected("a Request with an unknown parameter is taken", posted)
    if not plain.final or posted.status is None:
        inconclusive("the plain Result Check brought no result", plain, posted)


@requirement("WEB-8.3-02")
def test_invalid_parameters_are_the_clients_error(negotiation: Transcript) -> None:
    """?accept= with a type that is unsupported or none: 400, 406 or the default type."""
    for step in ("query-accept-unsupported", "query-accept-invalid"):
        call = _read(negotiation, step)
        fallback = call.final and call.answer.name == "json"
        assert call.status in (400, 406) or fallback, expected("400, 406 or the default type", call)


@requirement("WEB-8.3.3-02")
def test_unsupported_charset_parameter_is_ignored(negotiation: Transcript) -> None:
    """?charset= with an unsupported character set changes nothing."""
    call, plain = _read(negotiation, "query-charset-unsupported"), _read(negotiation, "accept-json")
    if not plain.final:
        inconclusive("the plain Result Check brought no result", plain)
    assert call.final, expected("the result in UTF-8", call)


@requirement("WEB-8.7.1-01")
def test_type_is_read_without_quotes(negotiation: Transcript) -> None:
    """The type parameter of multipart/related is understood with and without quotes."""
    quoted = [
        (_read(negotiation, f"accept-multipart-{kind}"), _read(negotiation, f"accept-unquoted-{kind}"))
        for kind in ("json", "xml")
    ]
    served = [(one, other) for one, other in quoted if one.final and one.answer.name.startswith("multipart")]
    for one, other in served:
        assert other.final and other.answer.name == one.answer.name, expected(
            "the same type without quotes", other, one
        )
    if not served:
        inconclusive("the server has no multipart results", *(one for one, _ in quoted))


@requirement("WEB-8.7.3-02")
def test_transfer_syntax_parameter(negotiation: Transcript) -> None:
    """A transfer-syntax parameter, a wildcard included, does not stop the negotiation."""
    if not _read(negotiation, "accept-json").final:
        inconclusive("the plain Result Check brought no result", _read(negotiation, "accept-json"))
    for step in ("accept-syntax", "accept-syntax-any"):
        call = _read(negotiation, step)
        assert call.final, expected("the result although a transfer syntax is named", call)


@requirement("WEB-8.7.3-03")
def test_charset_media_type_parameter(negotiation: Transcript) -> None:
    """charset=utf-8 in an acceptable type is met."""
    if not _read(negotiation, "accept-json").final:
        inconclusive("the plain Result Check brought no result", _read(negotiation, "accept-json"))
    call = _read(negotiation, "accept-charset")
    assert call.final, expected("the result in UTF-8", call)


@requirement("WEB-8.7.5-01")
def test_without_accept_406(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """A request without Accept whose response would carry a payload is answered 406."""
    view = commitment(negotiated_requests)
    call, posted = _read(negotiation, "accept-none"), view.one("post-none")
    if not _read(negotiation, "accept-json").final:
        inconclusive("the Result Check with Accept brought no result", _read(negotiation, "accept-json"))
    assert call.status == 406, expected("406 for a Result Check without Accept", call)
    control(view.one("control"))
    undecided = posted.status in (None, 503)
    assert undecided or posted.status in (202, 406), expected(
        "406, or 202 without payload, to a Request without Accept", posted
    )
    if undecided:
        inconclusive("the Request without Accept was not decided", posted)


@requirement("WEB-8.7.5-02")
def test_dicom_and_rendered_types_do_not_mix(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """DICOM JSON and image/jpeg together: 400, or the rendered type is ignored."""
    seen = [_read(negotiation, "accept-mixed"), commitment(negotiated_requests).one("post-mixed")]
    for call in seen:
        assert call.status is None or call.status < 500, expected("400 for mixed media types", call)
        wrong = call.final and call.answer.name != "json"
        assert not wrong, expected("400, or DICOM JSON", call)
    other = [call for call in seen if call.refused and call.status != 400]
    if other:
        outcome("other-refusal", *other, what="400 for mixed media types")
    if any(call.accepted for call in seen):
        outcome("ignored", *seen, what="400 for mixed media types")
    if any(call.status is None for call in seen):
        inconclusive("a request was not answered", *seen)


@requirement("WEB-8.7.7-01")
def test_wildcards_select_the_default(negotiation: Transcript) -> None:
    """*/* selects DICOM JSON, application/* one of the supported types."""
    call, some = _read(negotiation, "accept-any"), _read(negotiation, "accept-application")
    assert call.final and call.answer.name == "json", expected("DICOM JSON for */*", call)  # noqa: PT018 - one thing
    assert some.final and some.answer.name in ("json", "xml"), expected("JSON or XML for application/*", some)  # noqa: PT018 - one thing


@requirement("WEB-8.7.7-02")
def test_invalid_entries_are_ignored(negotiation: Transcript) -> None:
    """An entry of Accept that is invalid does not spoil the one beside it."""
    plain, mended = _read(negotiation, "accept-json"), _read(negotiation, "accept-invalid-json")
    xml, xml_mended = _read(negotiation, "accept-xml"), _read(negotiation, "accept-invalid-xml")
    assert not plain.final or _served(mended, "json"), expected("DICOM JSON beside an invalid entry", mended)
    assert not _served(xml, "xml") or _served(xml_mended, "xml"), expected("XML beside an invalid entry", xml_mended)
    if not plain.final:
        inconclusive("the plain Result Check brought no result", plain)


@requirement("WEB-8.7.8-01")
def test_quality_values_are_honoured(negotiation: Transcript) -> None:
    """The supported type with the highest q comes; q=0 excludes."""
    if not _served(_read(negotiation, "accept-xml"), "xml"):
        inconclusive("the server has no second type to prefer", _read(negotiation, "accept-xml"))
    for step in ("accept-q", "accept-q-zero"):
        call = _read(negotiation, step)
        assert _served(call, "xml"), expected("the type with the higher quality", call)


@requirement("WEB-8.7.8-02", "WEB-8.7.3-01")
def test_nothing_acceptable_is_406_or_default(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """Where no supported type is acceptable: 406, or the default type; never another one."""
    call, posted = _read(negotiation, "accept-unacceptable"), commitment(negotiated_requests).one("post-unacceptable")
    for each in (call, posted):
        default = each.final and each.answer.name == "json"
        nothing = each.status == 202 and each.method == "POST"
        undecided = each.status in (None, 503)
        assert undecided or default or nothing or each.status == 406, expected("406, or the default type", each)
    if posted.status in (None, 503):
        inconclusive("the Request was not decided", posted)


@requirement("WEB-8.7.9-01")
def test_content_type_only_with_payload(pending_commitment: Transcript, run: Transcript) -> None:
    """A 202 without payload has no Content-Type."""
    accepted = [call for call in calls(pending_commitment) if call.status == 202]
    for call in accepted:
        both = call.body and call.header("Content-Type") is not None
        assert not both, expected("a 202 without payload and Content-Type", call)
    for call in accepted:
        if call.header("Content-Type") is not None:
            outcome("without-payload", call, what="no Content-Type")
    if not accepted:
        never_pending(run, *calls(pending_commitment, method="POST"))


@requirement("WEB-8.8-01")
def test_character_sets_never_stop(negotiation: Transcript) -> None:
    """An unsupported Accept-Charset falls back to UTF-8; a list with UTF-8 is met."""
    if not _read(negotiation, "accept-json").final:
        inconclusive("the plain Result Check brought no result", _read(negotiation, "accept-json"))
    for step in ("charset-unknown", "charset-listed"):
        call = _read(negotiation, step)
        assert call.final, expected("the result in UTF-8", call)
