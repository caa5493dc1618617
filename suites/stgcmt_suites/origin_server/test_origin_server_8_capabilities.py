"""Checks of PS3.18 8.9, Annex H and 13.2: the capabilities description. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.payloads import UNSETTLED
from stgcmt_suites.origin_server.views import RESOURCE, Call, commitment, names
from stgcmt_suites.origin_server.wadl import read_wadl

WADL = "application/vnd.sun.wadl+xml"
JSON = "application/json"


def _offers(transcript: Transcript) -> dict[str, Call]:
    """The forms of the description that came, by media type; inconclusive where the server said nothing at all."""
    asked = [call for call in commitment(transcript).every if call.step.startswith("capabilities-")]
    if all(call.status in UNSETTLED for call in asked):
        inconclusive("no request for capabilities was decided", *asked)
    found: dict[str, Call] = {}
    for call in asked:
        if call.final and call.body and call.answer.essence in (WADL, JSON):
            found.setdefault(call.answer.essence, call)
    return found


@requirement("WEB-8.9-01")
def test_options_describes_the_service(capabilities: Transcript) -> None:
    """OPTIONS on the Base URI gives a description as WADL or JSON; a form that is not offered is 406."""
    offers = _offers(capabilities)
    asked = [call for call in commitment(capabilities).every if call.step.startswith("capabilities-")]
    assert offers, expected(f"a description as {WADL} or {JSON}", *asked)
    for call in asked:
        described = call.final and call.answer.essence in offers
        bare = call.status == 400 and call.sent("Accept") is None
        assert described or bare or call.status in {406} | UNSETTLED, expected("a description, or 406", call)


@requirement("WEB-13.2-04")
def test_capabilities_are_implemented(capabilities: Transcript) -> None:
    """The description tells that the server takes part in this service."""
    offers = _offers(capabilities)
    named = [call for call in offers.values() if RESOURCE.encode() in call.answer.body]
    assert named, expected(f"a description that names {RESOURCE}", *(offers.values() or commitment(capabilities).every))


@requirement("WEB-H-01")
def test_capabilities_name_the_resource(capabilities: Transcript) -> None:
    """The WADL has one application with one resources element, and in it the resource with POST and GET."""
    offers = _offers(capabilities)
    if WADL in offers:
        call = offers[WADL]
        wadl = read_wadl(call.answer.body)
        assert wadl.root == "application", expected("a WADL with the root application", wadl.problem or wadl.root, call)
        assert len(wadl.bases) == 1, expected("one resources element", f"{len(wadl.bases)} of them", call)
        assert wadl.bases[0], expected("a base in resources", call)
        methods = wadl.methods_of(RESOURCE)
        assert {"GET", "POST"} <= methods, expected(f"{RESOURCE} with POST and GET", f"methods {names(methods)}", call)
    if JSON in offers and (offers[JSON].answer.value is None or RESOURCE.encode() not in offers[JSON].answer.body):
        outcome("json-shape", offers[JSON], what=f"JSON that names {RESOURCE}")
    if not offers:
        inconclusive("no capabilities description came", *commitment(capabilities).every)
