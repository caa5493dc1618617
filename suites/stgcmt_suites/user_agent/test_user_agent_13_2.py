"""Checks of PS3.18 13.2: both transactions, and what the vendor states held against the wire. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from urllib.parse import parse_qsl

from stgcmt.suite import Transcript, claims, expected, inconclusive, outcome, requirement
from stgcmt.wire.http_fields import parse_media_type
from stgcmt_suites.commitment.representation import JSON, MULTIPART, XML
from stgcmt_suites.user_agent.views import asked, calls, requests, sent

KNOWN = {JSON: "json", XML: "xml"}


@requirement("WEB-13.2-01")
def test_request_and_result_check_are_both_made(pending: Transcript) -> None:
    """The client requests, and comes back with Result Checks where it is told that the server is still working."""
    posts = asked(pending)
    if not any(call.status == 202 for call in posts):
        inconclusive("no Request was answered 202", *posts)
    assert calls(pending, method="GET"), expected("a Result Check after a 202", *posts)


def _form(text: object) -> str:
    kind = parse_media_type(str(text))
    if kind is None:
        return str(text)
    if kind.essence == MULTIPART:
        return f"multipart-{KNOWN.get((kind.param('type') or '').lower(), '?')}"
    return KNOWN.get(kind.essence, kind.essence)


@requirement("WEB-13.2-03")
def test_stated_media_types_are_those_that_are_sent(
    at_once: Transcript, in_xml: Transcript, in_parts: Transcript, run: Transcript
) -> None:
    """Media types, query parameters and character sets on the wire are those that the vendor lists."""
    seen = asked(at_once, in_xml, in_parts)
    stated = claims(run).get("user_agent.media_types")
    listed = {_form(each) for each in stated or ()}
    for call in seen if stated is not None else ():
        name = sent(call).name
        unknown = bool(name) and name not in listed
        assert not unknown, expected(f"one of the stated media types: {', '.join(sorted(listed))}", name, call)
    parameters = {"accept", "charset", *(claims(run).get("user_agent.query_parameters") or ())}
    for call in requests(at_once, in_xml, in_parts):
        names = {name for name, _ in parse_qsl(call.request.query or "", keep_blank_values=True)}
        assert names <= parameters, expected(
            "query parameters that the vendor states", *sorted(names - parameters), call
        )
    if stated is None:
        outcome("undeclared", seen[0], what="media_types in [claims.user_agent]")
