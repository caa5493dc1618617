"""Checks of PS3.19 A.1: the Native DICOM Model, on every result that came as XML. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.payloads import bodies, free_of, problems


@requirement("WEB-P19-01")
def test_xml_root_is_the_native_model(negotiation: Transcript) -> None:
    """A well-formed document with the root NativeDicomModel, its namespace, and xml:space="preserve"."""
    seen = bodies("xml", negotiation)
    free_of(seen, "a NativeDicomModel and nothing else", "not-xml", "doctype", "root", "element", "too-deep")
    for call in seen:
        for problem in problems(call, "namespace", "space"):
            outcome("as-in-examples", problem, call, what="the namespace of the model and xml:space")


@requirement("WEB-P19-02")
def test_xml_attribute_names_start_lower_case(negotiation: Transcript) -> None:
    """The XML attributes are tag, vr, keyword and number, in lower case."""
    free_of(bodies("xml", negotiation), "XML attribute names in lower case", "attribute-case")


@requirement("WEB-P19-03")
def test_xml_items_are_numbered(negotiation: Transcript) -> None:
    """The items and values of an attribute are numbered 1, 2, 3 and so on."""
    free_of(bodies("xml", negotiation), "numbers 1, 2, 3 and so on", "number")


@requirement("WEB-P19-04")
def test_xml_tags_are_upper_case(negotiation: Transcript) -> None:
    """The tag of a DicomAttribute is eight upper-case hexadecimal digits."""
    free_of(bodies("xml", negotiation), "tags of eight upper-case hexadecimal digits", "tag-form", "no-tag")


@requirement("WEB-P19-05")
def test_xml_numbers_are_decimal(negotiation: Transcript) -> None:
    """The text of a Failure Reason is a decimal number."""
    seen = bodies("xml", negotiation)
    free_of(seen, "a decimal number as text of a US value", "us-form")
    if not any(call.module.reasons for call in seen):
        inconclusive("no XML result has a Failure Reason", *seen[:1])
