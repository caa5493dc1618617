"""Checks of PS3.18 J.1 and PS3.19: the module that the client sends. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, requirement
from stgcmt_suites.user_agent.views import asked, no_such_form, sent


@requirement("WEB-J.1-01")
def test_one_structure_and_not_both(at_once: Transcript, in_xml: Transcript, in_parts: Transcript) -> None:
    """The request is flat or hierarchical: exactly one of the two sequences is there."""
    for call in asked(at_once, in_xml, in_parts):
        structure = sent(call).module.structure
        assert structure in ("flat", "hierarchical"), expected("one of (0008,1199) and (0008,1110)", structure, call)


@requirement("WEB-J.1-02")
def test_sequences_have_items_and_uids_are_valid(at_once: Transcript, in_xml: Transcript, in_parts: Transcript) -> None:
    """Every sequence has an item, and every UID is there, is not empty and is valid."""
    for call in asked(at_once, in_xml, in_parts):
        body = sent(call)
        flaws = body.module.flawed("empty-sequence", "not-a-sequence", "missing", "not-a-uid")
        assert not flaws, expected("every mandatory attribute of J.1 with a value", *flaws[:3], call)
        bad = [each for each in body.json_problems if each.kind in ("uid-form", "empty-value", "empty-string")]
        assert not bad, expected("valid UIDs", *bad[:3], call)


@requirement("WEB-P19-04")
def test_xml_tags_are_upper_case(in_xml: Transcript, run: Transcript) -> None:
    """The tag of a DicomAttribute is eight upper-case hexadecimal digits."""
    seen = [(call, body) for call in asked(in_xml) if (body := sent(call)).form == "xml"]
    for call, body in seen:
        bad = [each for each in body.xml_problems if each.kind in ("tag-form", "no-tag")]
        assert not bad, expected("tags of eight upper-case hexadecimal digits", *bad[:3], call)
    if not seen:
        no_such_form(run, "no_xml", "native XML")
