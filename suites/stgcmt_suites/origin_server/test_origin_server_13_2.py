"""Checks of PS3.18 13.2: what the vendor states, held against the wire. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from collections.abc import Mapping

from stgcmt.suite import Transcript, claims, expected, inconclusive, jitter_s, outcome, requirement
from stgcmt.wire.http_fields import parse_media_type
from stgcmt_suites.commitment.web_module import in_set
from stgcmt_suites.origin_server.payloads import UNSETTLED, finished, same_result, settled
from stgcmt_suites.origin_server.views import Call, calls, commitment, names

# The tables of 13.4.3 and 13.5.3, and the general codes of 8.5.
STANDARD = {200, 202, 304, 400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 500, 501, 503, 505}
# The steps of the negotiation that ask for the media types of the service.
NAMES = ("json", "xml", "multipart-json", "multipart-xml")
# Names of a character set whose text is UTF-8 as it is: nothing that a reader of UTF-8 must be told.
ASCII = ("us-ascii", "ascii")
FORMS: Mapping[str, str] = {"application/dicom+json": "json", "application/dicom+xml": "xml"}


def _name(stated: object) -> str:
    """A media type as the vendor writes it, by the name of its step; as it is where the service has no such type."""
    kind = parse_media_type(str(stated))
    if kind is not None and kind.essence == "multipart/related":
        return f"multipart-{FORMS.get((kind.param('type') or '').lower(), stated)}"
    return FORMS.get(kind.essence if kind is not None else "", str(stated))


def _told(call: Call) -> bool:
    """Whether the answer says something of its media type, and not only that there is no access or no time."""
    return call.status not in UNSETTLED


@requirement("WEB-13.2-03")
def test_stated_media_types_are_served(negotiation: Transcript, run: Transcript) -> None:
    """Media types, query parameters and character sets that the vendor lists are those that the wire shows."""
    finished(negotiation)
    view = commitment(negotiation)
    served = {name for name in NAMES if view.one(f"accept-{name}").answer.name == name}
    stated = claims(run).get("origin_server.media_types")
    listed: set[str] = set()
    if stated is not None:
        listed = {_name(each) for each in stated}
        missing = [call for name in sorted((listed - served) & set(NAMES)) if _told(call := view.one(f"accept-{name}"))]
        assert not missing, expected("the stated media types are served", *missing)
        assert served <= listed, expected(f"a statement that lists {names(served - listed)}", view.one("accept-json"))
    if "accept" in (claims(run).get("origin_server.query_parameters") or ()):
        call = view.one("query-accept")
        assert call.answer.name == "xml" or not _told(call), expected(
            "the stated query parameter accept is supported", call
        )
    known = {*ASCII, "utf-8", *(str(each).lower() for each in claims(run).get("origin_server.character_sets") or ())}
    for call in view.calls:
        charset = call.answer.inner_type.param("charset") if call.final and call.answer.inner_type else None
        assert charset is None or charset.lower() in known, expected("UTF-8, or a stated character set", charset, call)
    if stated is None:
        outcome("undeclared", view.one("accept-json"), what="media_types in [claims.origin_server]")
    settled(*(view.one(f"accept-{name}") for name in NAMES if name in listed))


@requirement("WEB-13.2-05")
def test_own_codes_are_declared(
    pending_commitment: Transcript,
    partly_missing: Transcript,
    wrong_class: Transcript,
    malformed_modules: Transcript,
    duplicate_done: Transcript,
    run: Transcript,
) -> None:
    """Status codes and Failure Reasons outside the tables of the standard are declared."""
    listed = claims(run).get("origin_server.status_codes")
    codes = set(listed or ())
    reasons = set(claims(run).get("origin_server.failure_reasons") or ())
    played = (pending_commitment, partly_missing, wrong_class, malformed_modules, duplicate_done)
    seen = [call for call in calls(*played) if call.status]
    own = [call for call in seen if call.status not in STANDARD | codes]
    for call in seen:
        assert listed is None or call not in own, expected("a standard or declared status code", call)
        for reason in call.module.reasons if call.final else ():
            known = reason.number is None or in_set(reason.number) or reason.number in reasons
            assert known, expected("a standard or declared Failure Reason", reason, call)
    if own:
        outcome("undeclared", *own[:3], what="status_codes in [claims.origin_server]")
    if not seen:
        inconclusive("no request was answered")


@requirement("WEB-13.2-08")
def test_results_stay_as_long_as_stated(
    pending_commitment: Transcript, duplicate_done: Transcript, expired_result: Transcript, run: Transcript
) -> None:
    """Within the stated retention every Result Check returns the result."""
    stated = claims(run).get("origin_server.result_retention_s")
    premise = False
    for transcript in (pending_commitment, duplicate_done, expired_result):
        short = transcript is expired_result
        retention = _retention(expired_result) if short else stated
        transaction = commitment(transcript).transaction("request")
        final = transaction.final
        for call in transaction.checks if transaction.request.accepted and retention is not None else ():
            # The server may have finished long before the poll that fetched the result: count from the request on.
            age = (call.t_answered - transaction.request.t_sent) / 1e9
            if age + jitter_s(run) > float(retention or 0):
                continue  # too near to the end of the time for a verdict
            read = final.status == 200 and call.t_sent > final.t_answered
            gone = call.status == 410 or (call.status == 404 and read)
            assert not gone, expected(f"the result for {retention} s, as stated", call, transaction.request)
            premise = premise or read
    if stated is None:
        outcome("undeclared", what="result_retention_s in [claims.origin_server]")
    if not premise:
        inconclusive("no Result Check fell into the stated retention")


def _retention(transcript: Transcript) -> float | None:
    """The retention that the section of the short mode states, in seconds."""
    stated = [event.info.get("seconds") for event in transcript.of("note") if event.info.get("what") == "retention"]
    return float(stated[0]) if stated and isinstance(stated[0], (int, float)) else None


@requirement("WEB-13.5.3-11")
def test_expired_results_are_404_or_410(expired_result: Transcript) -> None:
    """After its retention a result is 410 where the Transaction UID is still known, 404 where it is not; never another one."""
    view = commitment(expired_result)
    expired, again = view.one("expired"), view.one("again")
    first = view.transaction("request").final
    emptied = expired.final and first.status and not same_result(expired, first)
    assert not emptied, expected("404 or 410, or the same result still", expired, first)
    if view.one("inside").status != 200 or expired.status in {200} | UNSETTLED:
        inconclusive("no expired result was asked for: it was never there, or outlives its stated retention", expired)
    assert expired.status in (404, 410), expected("410, or 404 where nothing is remembered", expired)
    remembered = expired.status == 404 and again.status == 409
    assert not remembered, expected("410 for a Transaction UID that is still refused as used", expired, again)
