"""Checks of PS3.18 Annex F: DICOM JSON, on every result that came as JSON. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.origin_server.payloads import bodies, free_of, problems, vrs

MEDIA_TYPE = "application/dicom+json"


@requirement("WEB-F.2-01")
def test_json_is_utf8_under_its_media_type(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """A JSON result is application/dicom+json, decodes strictly as UTF-8, and has no byte order mark."""
    seen = bodies("json", negotiation, partly_missing, synchronous_commitment)
    for call in seen:
        inner = call.answer.inner_type
        essence = inner.essence if inner is not None else ""
        assert essence == MEDIA_TYPE, expected(MEDIA_TYPE, f"Content-Type: {essence or 'absent'}", call)
    free_of(seen, "JSON in UTF-8", "not-utf8", "not-json", "not-object", "too-deep")
    for call in seen:
        if marks := problems(call, "bom"):
            outcome("byte-order-mark", *marks[:1], call, what="JSON in UTF-8 without byte order mark")


@requirement("WEB-F.2.1-01")
def test_one_result_is_an_object(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """A single result is a bare object."""
    free_of(bodies("json", negotiation, partly_missing, synchronous_commitment), "an object, no array", "array")


@requirement("WEB-F.2.2-01")
def test_json_names_are_upper_case_tags(negotiation: Transcript, hierarchical_partly_missing: Transcript) -> None:
    """Attributes are named by eight upper-case hexadecimal digits; hierarchical results have tags with letters."""
    seen = bodies("json", negotiation, hierarchical_partly_missing)
    free_of(seen, "attribute names of eight upper-case hexadecimal digits", "key-form")
    if not any("000D" in call.answer.content.decode("latin-1").upper() for call in seen):
        inconclusive("no result has a tag with letters", *seen[:1])


@requirement("WEB-F.2.2-02")
def test_json_names_ascend(
    negotiation: Transcript,
    partly_missing: Transcript,
    hierarchical_partly_missing: Transcript,
    synchronous_commitment: Transcript,
) -> None:
    """Attributes stand in ascending order at every level."""
    seen = bodies("json", negotiation, partly_missing, hierarchical_partly_missing, synchronous_commitment)
    free_of(seen, "ascending attributes", "key-order")


@requirement("WEB-F.2.2-03")
def test_json_has_no_group_lengths(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """No attribute has the element number 0000."""
    free_of(bodies("json", negotiation, partly_missing, synchronous_commitment), "no group length", "group-length")


@requirement("WEB-F.2.2-04")
def test_json_attributes_have_vr_and_one_value(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """An attribute object has vr, at most one way to give its value, no other member, and no name twice."""
    seen = bodies("json", negotiation, partly_missing, synchronous_commitment)
    strange = []
    for call in seen:
        members = problems(call, "members")
        strange += [(problem, call) for problem in members if problem.detail.startswith("unknown")]
        together = [problem for problem in members if not problem.detail.startswith("unknown")]
        assert not together, expected("one of Value, BulkDataURI and InlineBinary", *together[:3], call)
    free_of(seen, "vr in each attribute object, and no name twice", "no-vr", "duplicate-key")
    for problem, call in strange:
        outcome("unknown-member", problem, call, what="vr and Value only")


@requirement("WEB-F.2.2-05")
def test_json_names_no_character_set(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """Specific Character Set is no part of a result, and says nothing about its encoding."""
    seen = bodies("json", negotiation, partly_missing, synchronous_commitment)
    for call in seen:
        assert "00080005" not in call.module.top, expected("no Specific Character Set (0008,0005)", call)
    if not seen:
        inconclusive("no result came as DICOM JSON")


@requirement("WEB-F.2.2-06")
def test_results_have_no_person_names(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """No attribute of the module has VR PN."""
    seen = bodies("json", negotiation, partly_missing, synchronous_commitment)
    for call in seen:
        foreign = call.module.flawed("foreign")  # an attribute of the module itself cannot be a person's name
        named = bool(foreign) and "PN" in set(vrs(call.answer.value))
        assert not named, expected("no attribute of VR PN", *foreign[:3], call)
    if not seen:
        inconclusive("no result came as DICOM JSON")


@requirement("WEB-F.2.3-01")
def test_json_types_follow_vrs(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """A sequence is an array of objects, a UID a string, a Failure Reason a number without fraction."""
    seen = bodies("json", negotiation, partly_missing, synchronous_commitment)
    free_of(seen, "values of the JSON type of their VR", "value-type")
    if not any(call.module.reasons for call in seen):
        inconclusive("no result has a Failure Reason", *seen[:1])
    for call in seen:
        for problem in problems(call, "number-form"):
            outcome("number-form", problem, call, what="an integer such as 274")


@requirement("WEB-F.2.3-02")
def test_json_values_obey_their_vr(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """A UID keeps the grammar and the length of PS3.5; it needs no padding."""
    seen = bodies("json", negotiation, partly_missing, synchronous_commitment)
    free_of(seen, "UIDs that obey PS3.5 9.1", "uid-form")
    for call in seen:
        for problem in problems(call, "padding"):
            outcome("padding", problem, call, what="a UID without padding")


@requirement("WEB-F.2.5-01")
def test_json_writes_empty_values_as_such(
    negotiation: Transcript, partly_missing: Transcript, synchronous_commitment: Transcript
) -> None:
    """An empty attribute is an object with vr alone; an empty value is null, and no empty string."""
    free_of(
        bodies("json", negotiation, partly_missing, synchronous_commitment),
        "vr alone for an empty attribute, null for an empty value",
        "empty-value",
        "empty-string",
    )
