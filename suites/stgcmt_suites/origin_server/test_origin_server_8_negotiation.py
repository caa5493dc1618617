"""Checks of PS3.18 8.3, 8.7 and 8.8: which representation comes back. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.payloads import UNSETTLED, finished, same_result, settled
from stgcmt_suites.origin_server.premises import control
from stgcmt_suites.origin_server.views import Call, commitment


def _asked(transcript: Transcript, *steps: str) -> tuple[Call, ...]:
    """The Result Checks of these steps on the finished transaction; what is undecided is told at a check's end."""
    finished(transcript)
    return tuple(commitment(transcript).one(step) for step in steps)


def _came(call: Call, name: str, why: str) -> None:
    if call.status not in UNSETTLED:
        assert call.final, expected(f"a result: {why}", call)
        assert call.answer.name == name, expected(f"{name}: {why}", call)


@requirement("WEB-8.3-01")
def test_unknown_query_parameters_are_ignored(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """With a parameter that nobody knows, Request and Result Check are processed as without it."""
    first = finished(negotiation)
    read = commitment(negotiation).one("query-unknown")
    asked = commitment(negotiated_requests).one("post-unknown-query")
    same = read.final and same_result(read, first)
    assert same or read.status in UNSETTLED, expected("the result, as without the parameter", read, first)
    control(commitment(negotiated_requests).one("control"))
    taken = asked.status in (200, 202) or asked.status in UNSETTLED
    assert taken, expected("200 or 202, as without the parameter", asked)
    settled(read, asked)


@requirement("WEB-8.3-02")
def test_invalid_parameter_values_are_no_server_error(negotiation: Transcript) -> None:
    """A type in the accept parameter that is unknown or no type gives 400, 406 or the default type."""
    seen = _asked(negotiation, "query-accept-unsupported", "query-accept-invalid", "query-accept-wildcard")
    for call in seen:
        fallback = call.final and call.answer.name == "json"
        assert fallback or call.status in {400, 406} | UNSETTLED, expected("400, 406 or DICOM JSON", call)
    settled(*seen)


@requirement("WEB-8.3.3-01")
def test_accept_parameter_wins_over_the_header(negotiation: Transcript) -> None:
    """The type that the accept parameter names comes, though the header prefers another."""
    call, alone, xml = _asked(negotiation, "query-accept-wins", "query-accept-alone", "accept-xml")
    if xml.answer.name != "xml":
        inconclusive("native XML is not supported: there is no second type to choose", xml)
    honoured = alone.final and alone.answer.name == "xml"
    fits = honoured or alone.status in {406} | UNSETTLED
    assert fits, expected("native XML, or 406 for want of an Accept header", alone)
    _came(call, "xml", "the accept parameter names it, and the header allows it")
    settled(call, alone)


@requirement("WEB-8.3.3-02")
def test_unsupported_charset_parameter_is_ignored(negotiation: Transcript) -> None:
    """A charset parameter that cannot be met changes nothing."""
    (call,) = _asked(negotiation, "query-charset-unsupported")
    settled(call)
    assert call.final, expected("a result in UTF-8", call)


@requirement("WEB-8.7.1-01")
def test_type_parameter_needs_no_quotes(negotiation: Transcript) -> None:
    """multipart/related is understood with a quoted and with an unquoted type parameter."""
    pairs = [_asked(negotiation, f"accept-multipart-{name}", f"accept-unquoted-{name}") for name in ("json", "xml")]
    for quoted, unquoted in pairs:
        if quoted.final or unquoted.final:
            read = [call for call in (quoted, unquoted) if call.status not in UNSETTLED]
            refused = [call for call in read if not call.final]
            assert not refused, expected("a result, with quotes and without", *refused, *read)
    refused_both = [call for pair in pairs if not any(call.final for call in pair) for call in pair]
    if refused_both:
        inconclusive("multipart is refused in either form, which other rows judge", *refused_both)
    settled(*(call for pair in pairs for call in pair))


def _nothing_fits(*seen: Call) -> None:
    """406, or the default type; an answer without payload selects nothing."""
    for call in seen:
        default = call.final and call.answer.name == "json"
        empty = call.status == 202 and not call.body
        fits = default or empty or call.status in {406} | UNSETTLED
        assert fits, expected("406 or DICOM JSON", call)
    settled(*seen)


@requirement("WEB-8.7.3-01")
def test_the_default_stands_in_for_unsupported_types(negotiation: Transcript) -> None:
    """Where no supported type is acceptable, no other type than the default comes."""
    _nothing_fits(*_asked(negotiation, "accept-unacceptable"))


@requirement("WEB-8.7.8-02")
def test_nothing_selectable_is_406(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """Request and Result Check that accept only a foreign type are answered 406, or with the default type."""
    posted = commitment(negotiated_requests).one("post-unacceptable")
    _nothing_fits(*_asked(negotiation, "accept-unacceptable"), posted)


@requirement("WEB-8.7.3-02")
def test_transfer_syntax_parameter_is_supported(negotiation: Transcript) -> None:
    """A transfer-syntax parameter of an acceptable type, or a wildcard in it, stops nothing."""
    seen = _asked(negotiation, "accept-syntax", "accept-syntax-any")
    for call in seen:
        _came(call, "json", f"Accept names it: {call.sent('Accept')}")
    settled(*seen)


@requirement("WEB-8.7.3-03")
def test_charset_parameter_is_supported(negotiation: Transcript) -> None:
    """charset=utf-8 as a parameter of an acceptable type is met."""
    (call,) = _asked(negotiation, "accept-charset")
    settled(call)
    _came(call, "json", "Accept names it in UTF-8")


@requirement("WEB-8.7.5-01")
def test_no_accept_is_406(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """Without Accept no payload comes: 406 for a finished result; a Request may also be taken with 202."""
    (read,) = _asked(negotiation, "accept-none")
    posted = commitment(negotiated_requests).one("post-none")
    assert read.status in {406} | UNSETTLED, expected("406 without Accept", read)
    control(commitment(negotiated_requests).one("control"))
    fits = posted.status in {202, 406} | UNSETTLED
    assert fits, expected("406 without Accept, or 202 without payload", posted)
    settled(read, posted)


@requirement("WEB-13.5.1-02")
def test_a_result_check_needs_accept(pending_without_accept: Transcript) -> None:
    """Without Accept a Result Check is answered 406, or 202 while the work is under way; never with a result."""
    view = commitment(pending_without_accept)
    working, done, beside = (view.one(step) for step in ("pending-none", "done-none", "done"))
    for call in (working, done):
        assert not call.final, expected("406, no result, without Accept", call)
    if not beside.final:
        inconclusive("the control with Accept brought no result", beside)
    assert done.status in {406} | UNSETTLED, expected("406 without Accept", done, beside)
    assert working.status in {202, 406} | UNSETTLED, expected("202 or 406 without Accept", working)
    settled(working, done)


@requirement("WEB-8.7.5-02")
def test_rendered_and_dicom_types_are_not_mixed(negotiation: Transcript, negotiated_requests: Transcript) -> None:
    """DICOM JSON and a rendered type together are answered 400; a server may also ignore what it does not support."""
    (read,) = _asked(negotiation, "accept-mixed")
    posted = commitment(negotiated_requests).one("post-mixed")
    for call in (read, posted):
        assert (call.status or 0) < 500 or call.status == 503, expected(
            "400, or an answer as without the rendered type", call
        )
        rendered = call.final and call.answer.name != "json"
        assert not rendered, expected("400, or DICOM JSON", call)
    for call in (read, posted):
        if call.status not in {200, 202, 400} | UNSETTLED:
            outcome("other-refusal", call, what="400")
    for call in (read, posted):
        if call.status in (200, 202):
            outcome("ignored", call, what="400")
    settled(read, posted)


@requirement("WEB-8.7.7-01")
def test_a_wildcard_selects_the_default(negotiation: Transcript) -> None:
    """For any type the default comes; for any application type one of the supported ones."""
    wild, application = _asked(negotiation, "accept-any", "accept-application")
    _came(wild, "json", "it is the default for */*")
    if application.status not in UNSETTLED:
        assert application.final, expected("a result of some application type", application)
        assert application.answer.name in ("json", "xml"), expected("a supported application type", application)
    settled(wild, application)


@requirement("WEB-8.7.7-02")
def test_invalid_accept_entries_are_ignored(negotiation: Transcript) -> None:
    """An entry that is no media type does not spoil those beside it."""
    as_json, as_xml, plain = _asked(negotiation, "accept-invalid-json", "accept-invalid-xml", "accept-xml")
    _came(as_json, "json", "it stands beside an invalid entry")
    if plain.final:  # a server without XML has no second type to choose
        _came(as_xml, "xml", "it stands beside an invalid entry")
    settled(as_json, as_xml, plain)


@requirement("WEB-8.7.8-01")
def test_quality_values_are_honoured(negotiation: Transcript) -> None:
    """Of two supported types the one with the higher quality value comes; zero excludes a type."""
    weighed, first, as_json = _asked(negotiation, "accept-q", "accept-q-xml-first", "accept-q-json")
    zero, plain = _asked(negotiation, "accept-q-zero", "accept-xml")
    excluded = zero.final and zero.answer.name == "json"
    assert not excluded, expected("no DICOM JSON, which has the quality value 0", zero)
    _came(as_json, "json", "it has the higher quality value")
    if not plain.final:
        inconclusive("native XML is not supported: there is no second type to choose", plain)
    for call in (weighed, first):
        _came(call, "xml", "it has the higher quality value")
    _came(zero, "xml", "the other has the quality value 0")
    settled(weighed, first, as_json, zero)


@requirement("WEB-8.8-01")
def test_character_sets_stop_nothing(negotiation: Transcript) -> None:
    """A character set that is not supported falls back to UTF-8: results are ASCII."""
    seen = _asked(negotiation, "charset-unknown", "charset-listed")
    for call in seen:
        came = call.final or call.status in UNSETTLED
        assert came, expected(f"a result in spite of Accept-Charset: {call.sent('Accept-Charset')}", call)
    settled(*seen)
