"""Checks of RFC 9110 on methods and fields, and of PS3.18 8.5 on refused methods. PYTEST_DONT_REWRITE."""

from __future__ import annotations

import re

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable, outcome, requirement
from stgcmt.wire.http_fields import parse_http_date
from stgcmt_suites.origin_server.payloads import UNSETTLED, settled
from stgcmt_suites.origin_server.views import Call, calls, commitment, names

NO_CLOCK = "origin_server.no_clock"
OTHER = ("method-PUT", "method-DELETE", "method-PATCH")
_MAX_AGE = re.compile(r"(?:s-maxage|max-age)\s*=\s*\"?0*[1-9]", re.IGNORECASE)


def _allowed(call: Call) -> set[str]:
    return {item.strip() for item in (call.header("Allow") or "").split(",")} - {""}


@requirement("WEB-8.5-405")
def test_405_lists_what_is_allowed(other_methods: Transcript) -> None:
    """405 comes with Allow: POST and GET are in it, the refused method is not."""
    view = commitment(other_methods)
    tried = [view.one(step) for step in (*OTHER, "method-BREW")]
    for call in tried:
        if call.status != 405:
            continue
        allowed = _allowed(call)
        assert call.header("Allow") is not None, expected("an Allow header beside 405", call)
        assert {"GET", "POST"} <= allowed, expected("GET and POST in Allow", f"Allow: {call.header('Allow')}", call)
        assert call.method not in allowed, expected(f"no {call.method} in Allow", f"Allow: {names(allowed)}", call)
    for call in tried[:-1]:  # an unknown method may be 501 (RFC 9110 15.6.2); these are known ones
        if call.status not in {405} | UNSETTLED and not call.accepted:
            outcome("other-refusal", call, what="405 with Allow")
    for call in tried:
        if call.accepted:
            outcome("extension", call, what="405 with Allow")
    settled(*tried)


@requirement("WEB-HTTP-HEAD-01")
def test_head_answers_as_get(other_methods: Transcript) -> None:
    """HEAD has the status of GET, on a transaction under way, finished or unknown; it never has content."""
    view = commitment(other_methods)
    heads = {name: view.one(f"head-{name}") for name in ("pending", "done", "unknown")}
    asked = [call for call in heads.values() if call.exchange is not None]
    done, get = heads["done"], view.one("before")
    for call in asked:
        content = call.body or (call.response is not None and "extra-bytes" in call.response.defects)
        assert not content, expected("no content after HEAD", call)
    refused = [call for call in asked if call.status in (405, 501)]
    wanted = {"pending": (202, 200), "done": (get.status,), "unknown": (404,)}
    for name, call in heads.items():
        if call.exchange is not None and call.status not in {405, 501} | UNSETTLED and get.status not in UNSETTLED:
            assert call.status in wanted[name], expected(f"the status of GET, {wanted[name][0]}", call)
    typed = not (done.final and get.final) or done.header("Content-Type") in (None, get.header("Content-Type"))
    assert typed, expected(f"the fields of GET: Content-Type: {get.header('Content-Type')}", done, get)
    if refused:
        outcome("not-allowed", *refused, what="the status of GET")
    settled(done, get, heads["unknown"])


@requirement("WEB-HTTP-OPTIONS-01")
def test_options_tells_the_methods(other_methods: Transcript) -> None:
    """OPTIONS on a transaction names its methods in Allow."""
    call = commitment(other_methods).one("options")
    settled(call)
    assert call.accepted or call.status == 405, expected("success with Allow", call)
    assert {"GET", "POST"} <= _allowed(call), expected("GET and POST in Allow", f"Allow: {call.header('Allow')}", call)


@requirement("WEB-HTTP-DATE-01")
def test_responses_are_dated(pending_commitment: Transcript, unknown_transaction: Transcript, run: Transcript) -> None:
    """Responses of the classes 2xx, 3xx and 4xx have a Date in the preferred form, where the server has a clock."""
    seen = [call for call in calls(pending_commitment, unknown_transaction) if 200 <= (call.status or 0) < 500]
    if seen and not any(call.header("Date") for call in seen) and claims(run).get(NO_CLOCK):
        not_applicable(NO_CLOCK)
    for call in seen:
        date = parse_http_date(call.header("Date") or "")
        assert date is not None, expected("a Date that can be read", f"Date: {call.header('Date')}", call)
        assert date.form == "imf-fixdate", expected("Date in its preferred form", f"Date: {call.header('Date')}", call)
    if not seen:
        inconclusive("no response of the classes 2xx to 4xx came")


@requirement("WEB-HTTP-CACHE-01")
def test_changing_answers_are_not_cached(pending_commitment: Transcript, unknown_transaction: Transcript) -> None:
    """No answer that may change soon is given a lifetime; best it says that it must not be kept."""
    working = [call for call in calls(pending_commitment) if call.status == 202]
    unknown = [call for call in commitment(unknown_transaction).step("unknown") if call.status == 404]
    seen = [*working, *unknown]
    for call in seen:
        control = call.header("Cache-Control") or ""
        told = "no-store" in control or "no-cache" in control
        kept = _MAX_AGE.search(control) and not told
        assert not kept, expected("no lifetime for an answer that changes", f"Cache-Control: {control}", call)
    for call in seen:
        if call.header("Cache-Control") is None:
            outcome("absent", call, what="Cache-Control: no-store")
    if not seen:
        inconclusive("neither a 202 nor a 404 was seen")


@requirement("WEB-HTTP-RA-01")
def test_retry_after_can_be_read(pending_commitment: Transcript, duplicate_pending: Transcript) -> None:
    """Retry-After is a number of seconds, or a date in the preferred form."""
    seen = [call for call in calls(pending_commitment, duplicate_pending) if call.status is not None]
    given = [call for call in seen if call.retry_after is not None]
    for call in given:
        assert call.retry_after.kind != "invalid", expected("seconds or a date", call)
        date = call.retry_after.date
        assert date is None or date.form == "imf-fixdate", expected("a date in the preferred form", call)
    for call in given:
        if call.retry_after.kind == "date":
            outcome("http-date", call, what="a number of seconds")
    if not seen:
        inconclusive("no request was answered")
    if not given:
        outcome("absent", *seen[:1])
