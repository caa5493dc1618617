"""The general clauses of the origin server's suite: checks on hand-made recordings, and readers."""

from __future__ import annotations

import dataclasses
import json

import pytest

from stgcmt_suites.origin_server import suite
from stgcmt_suites.origin_server.faults_general import FAULTS_GENERAL
from stgcmt_suites.origin_server.payloads import path_of, vrs
from stgcmt_suites.origin_server.requests import body, flat
from stgcmt_suites.origin_server.views import commitment
from stgcmt_suites.origin_server.wadl import read_wadl
from test_origin_server_suite_checks import A, request, response, result, run, talk, verdict

UID = "1.2.9"
GOOD = response(200, result([A]))
XML = response(200, b"<NativeDicomModel/>", "Content-Type: application/dicom+xml\r\n")
UNACCEPTABLE = response(406, b"no", "Content-Type: text/plain\r\n")


def negotiation(**answers: bytes):
    """A finished transaction that is read again by the steps named (underscores for dashes)."""
    steps = [(name.replace("_", "-"), request("GET", UID), came) for name, came in answers.items()]
    asked = ("control", request("POST", UID, body(flat([A]))), GOOD)
    return talk("negotiation", asked, *steps, ("last", request("GET", UID), GOOD))


# --- negotiation ------------------------------------------------------------------------------------------------------


def test_json_under_another_name_is_not_dicom_json() -> None:
    other = response(200, result([A]), "Content-Type: application/json\r\n")
    found = verdict("test_json_is_supported_and_the_default", negotiation(accept_json=other, accept_any=GOOD))
    assert found.verdict == "fail"
    assert "application/json" in found.message


def test_a_result_that_is_gone_proves_nothing() -> None:
    steps = [("accept-none", request("GET", UID), response(404)), ("last", request("GET", UID), response(404))]
    t = talk("negotiation", ("control", request("POST", UID, body(flat([A]))), GOOD), *steps)
    requests = talk("negotiated_requests", ("control", request("POST", "1.2.8", body(flat([A]))), GOOD))
    assert verdict("test_no_accept_is_406", t, requests).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("read", "posted", "expected"),
    [
        (UNACCEPTABLE, UNACCEPTABLE, "pass"),
        (UNACCEPTABLE, response(202), "pass"),
        (GOOD, UNACCEPTABLE, "fail"),
        (UNACCEPTABLE, GOOD, "fail"),
        (UNACCEPTABLE, b"", "inconclusive"),
    ],
)
def test_without_accept_no_payload_comes(read: bytes, posted: bytes, expected: str) -> None:
    asked = request("POST", "1.2.8", body(flat([A])))
    requests = talk("negotiated_requests", ("control", asked, GOOD), ("post-none", asked, posted))
    assert verdict("test_no_accept_is_406", negotiation(accept_none=read), requests).verdict == expected


@pytest.mark.parametrize(
    ("read", "expected", "name"),
    [
        (response(400), "pass", None),
        (GOOD, "note", "ignored"),
        (response(406), "warn", "other-refusal"),
        (response(500), "fail", "violation"),
        (XML, "fail", "violation"),
    ],
)
def test_mixed_types(read: bytes, expected: str, name: str | None) -> None:
    requests = talk("negotiated_requests", ("post-mixed", request("POST", "1.2.8", body(flat([A]))), response(400)))
    found = verdict("test_rendered_and_dicom_types_are_not_mixed", negotiation(accept_mixed=read), requests)
    assert (found.verdict, found.outcome) == (expected, name)


def test_unacceptable_may_give_the_default_but_no_other_type() -> None:
    name = "test_the_default_stands_in_for_unsupported_types"
    assert verdict(name, negotiation(accept_unacceptable=GOOD)).verdict == "pass"
    assert verdict(name, negotiation(accept_unacceptable=UNACCEPTABLE)).verdict == "pass"
    assert verdict(name, negotiation(accept_unacceptable=XML)).verdict == "fail"


def test_a_server_without_xml_has_no_second_type_to_choose() -> None:
    t = negotiation(query_accept_wins=GOOD, query_accept_alone=UNACCEPTABLE, accept_xml=UNACCEPTABLE)
    assert verdict("test_accept_parameter_wins_over_the_header", t).verdict == "inconclusive"


# --- messages -----------------------------------------------------------------------------------------------------------


def test_unsecured_is_a_claim() -> None:
    asked = request("POST", UID, body(flat([A])))
    t = talk("secured", ("control", asked, GOOD), ("no-credentials", asked, GOOD), ("wrong-credentials", asked, GOOD))
    name = "test_401_tells_how_to_authenticate"
    assert verdict(name, t).verdict == "inconclusive"
    assert verdict(name, t, run(unsecured=True)).verdict == "not-applicable"


@pytest.mark.parametrize(
    ("status", "head", "expected"),
    [(401, "WWW-Authenticate: Bearer\r\n", "pass"), (401, "", "fail"), (403, "", "pass"), (503, "", "inconclusive")],
)
def test_refused_credentials(status: int, head: str, expected: str) -> None:
    asked = request("POST", UID, body(flat([A])))
    came = response(status, head=head)
    t = talk("secured", ("control", asked, GOOD), ("no-credentials", asked, came), ("wrong-credentials", asked, came))
    assert verdict("test_401_tells_how_to_authenticate", t).verdict == expected


def test_silence_beside_a_control_that_succeeds_is_a_deviation() -> None:
    asked = request("POST", UID, body(flat([A])))
    others = [
        talk(name, ("control", asked, GOOD))
        for name in ("malformed_modules", "malformed_xml", "malformed_multipart", "unsupported_bodies")
    ]
    steps = [("control", asked, GOOD), ("defect-no-json", asked, b"")]
    silent = talk("malformed_bodies", *steps, ("control-last", request("GET", UID), GOOD))
    assert verdict("test_every_request_gets_a_response", silent, *others).verdict == "fail"
    gone = talk("malformed_bodies", *steps, ("control-last", request("GET", UID), b""))
    assert verdict("test_every_request_gets_a_response", gone, *others).verdict == "inconclusive"
    dead = [talk(each.name, ("control", asked, b"")) for each in (silent, *others)]
    assert verdict("test_every_request_gets_a_response", *dead).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("given", "expected", "name"),
    [
        (None, "note", "absent"),
        (f"/pacs/commitment-requests/{UID}", "pass", None),
        ("1%2E2%2E9", "pass", None),
        (f"http://h:80/pacs/commitment-requests/{UID}", "pass", None),
        (f"http://elsewhere/pacs/commitment-requests/{UID}", "warn", "violation"),
        ("/pacs/commitment-requests/1.2.8", "warn", "violation"),
        ("http://[bad", "warn", "violation"),
    ],
)
def test_content_location(given: str | None, expected: str, name: str | None) -> None:
    head = f"Content-Location: {given}\r\n" if given is not None else ""
    t = negotiation(accept_json=response(200, result([A]), head))
    only = dataclasses.replace(t, events=tuple(event for event in t.events if event.step != "last"))
    last = talk("negotiation", ("last", request("GET", UID), response(200, result([A]), head)))
    moved = tuple(dataclasses.replace(event, n=event.n + 100, t=event.t + 10**9, conn=99) for event in last.events)
    found = verdict("test_content_location_names_the_result", dataclasses.replace(only, events=(*only.events, *moved)))
    assert (found.verdict, found.outcome) == (expected, name)


def test_urls_that_are_none_lead_nowhere() -> None:
    (call,) = commitment(talk("x", ("a", request("GET", UID), GOOD))).calls
    assert path_of(call, "http://[bad") == ""
    assert path_of(call, "../studies?x=1") == "/pacs/studies"


# --- what the vendor states -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "expected", "name"),
    [
        (None, "warn", "undeclared"),
        (["application/dicom+json"], "pass", None),
        (["application/dicom+json", "application/dicom+xml"], "fail", "violation"),
        (["application/dicom+json", 'multipart/related;type="application/dicom+xml"'], "fail", "violation"),
        (["application/dicom+json", "text/plain"], "pass", None),
        ([], "fail", "violation"),
    ],
)
def test_stated_media_types_are_held_against_the_wire(
    stated: list[str] | None, expected: str, name: str | None
) -> None:
    t = negotiation(accept_json=GOOD, accept_xml=UNACCEPTABLE, accept_multipart_xml=UNACCEPTABLE)
    claimed = run() if stated is None else run(media_types=stated)
    found = verdict("test_stated_media_types_are_served", t, claimed)
    assert (found.verdict, found.outcome) == (expected, name)


@pytest.mark.parametrize("status", [429, 503])
def test_a_stated_type_that_was_asked_for_in_a_bad_moment(status: int) -> None:
    stated = run(media_types=["application/dicom+json", "application/dicom+xml"])
    t = negotiation(accept_json=GOOD, accept_xml=response(status))
    assert verdict("test_stated_media_types_are_served", t, stated).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("charset", "expected"), [("us-ascii", "pass"), ("US-ASCII", "pass"), ("utf-8", "pass"), ("iso-8859-1", "fail")]
)
def test_ascii_is_utf_8(charset: str, expected: str) -> None:
    t = negotiation(
        accept_json=response(200, result([A]), f"Content-Type: application/dicom+json; charset={charset}\r\n")
    )
    found = verdict("test_stated_media_types_are_served", t, run(media_types=["application/dicom+json"]))
    assert found.verdict == expected


@pytest.mark.parametrize(
    ("codes", "expected", "name"),
    [(None, "warn", "undeclared"), ([422], "pass", None), ([], "fail", "violation"), ([499], "fail", "violation")],
)
def test_a_code_of_no_table_is_declared(codes: list[int] | None, expected: str, name: str | None) -> None:
    asked = request("POST", "1.2.8", body(flat([A])))
    names = ("pending_commitment", "partly_missing", "wrong_class", "duplicate_done")
    played = [talk(each, ("request", asked, GOOD)) for each in names]
    t = talk("malformed_modules", ("control-flat", asked, GOOD), ("defect-x", asked, response(422)))
    found = verdict("test_own_codes_are_declared", t, *played, run() if codes is None else run(status_codes=codes))
    assert (found.verdict, found.outcome) == (expected, name)


DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


@pytest.mark.parametrize(
    ("heads", "claimed", "expected"),
    [
        ((DATE, DATE), False, "pass"),
        (("", ""), False, "fail"),
        (("", ""), True, "not-applicable"),
        ((DATE, ""), True, "fail"),
        (("Date: today\r\n", "Date: today\r\n"), True, "fail"),
    ],
)
def test_a_server_without_a_clock_says_so(heads: tuple[str, str], claimed: bool, expected: str) -> None:  # noqa: FBT001 - a table
    asked = request("POST", "1.2.8", body(flat([A])))
    ts = [
        talk(name, ("request", asked, response(202, head=head)))
        for name, head in zip(("pending_commitment", "unknown_transaction"), heads, strict=True)
    ]
    assert verdict("test_responses_are_dated", *ts, run(**({"no_clock": True} if claimed else {}))).verdict == expected


@pytest.mark.parametrize(
    ("public", "expected"),
    [
        (None, "warn"),
        ("https://pacs.example.org/outer", "pass"),
        ("https://pacs.example.org/outer/", "pass"),
        ("https://pacs.example.org/", "warn"),
    ],
)
def test_a_reverse_proxy_shows_another_address(public: str | None, expected: str) -> None:
    given = f"Content-Location: https://pacs.example.org/outer/commitment-requests/{UID}\r\nContent-Type: application/dicom+json\r\n"
    t = negotiation(accept_json=response(200, result([A]), given))
    claimed = run() if public is None else run(public_base_url=public)
    asked = request("POST", "1.2.8", body(flat([A])))
    there = talk("collection", ("control", asked, GOOD))
    found = verdict("test_content_location_names_the_result", t, claimed)
    assert found.verdict == ("note" if expected == "pass" else expected)  # other answers have none: a note
    assert verdict("test_resources_hang_below_the_base_uri", t, there, claimed).verdict == expected


# --- encodings --------------------------------------------------------------------------------------------------------------


def changed(text: str, old: str, new: str) -> bytes:
    assert old in text
    return response(200, text.replace(old, new).encode())


FAILED = result([], [(A, 274)]).decode()
MEMBERS = "test_json_attributes_have_vr_and_one_value"


@pytest.mark.parametrize(
    ("check", "came", "expected", "name"),
    [
        ("test_json_types_follow_vrs", changed(FAILED, "274", '"274"'), "fail", "violation"),
        ("test_json_types_follow_vrs", changed(FAILED, "274", "274.0"), "warn", "number-form"),
        ("test_json_types_follow_vrs", GOOD, "inconclusive", None),
        ("test_json_values_obey_their_vr", changed(FAILED, "1.2.3.1", "1.02.3"), "fail", "violation"),
        ("test_json_values_obey_their_vr", changed(FAILED, '1.2.3.1"', '1.2.3.1 "'), "warn", "padding"),
        (MEMBERS, changed(FAILED, '"vr":"US"', '"vr":"US","x":1'), "warn", "unknown-member"),
        (MEMBERS, changed(FAILED, '"vr":"US"', '"vr":"US","vr":"US"'), "fail", "violation"),
        (MEMBERS, changed(FAILED, '"vr":"US"', '"vr":"US","InlineBinary":""'), "fail", "violation"),
        ("test_json_writes_empty_values_as_such", changed(FAILED, "[274]", "[]"), "fail", "violation"),
        ("test_one_result_is_an_object", response(200, f"[{FAILED}]".encode()), "warn", "violation"),
        ("test_json_is_utf8_under_its_media_type", response(200, FAILED.encode("utf-16")), "fail", "violation"),
        ("test_json_is_utf8_under_its_media_type", response(200, b"\xef\xbb\xbf" + FAILED.encode()), "warn", "byte-order-mark"),
        ("test_json_is_utf8_under_its_media_type", XML, "inconclusive", None),
        ("test_json_names_no_character_set", response(200, b'{"00080005":{"vr":"CS"}}'), "warn", "violation"),
        ("test_results_have_no_person_names", response(200, b'{"00100010":{"vr":"PN"}}'), "warn", "violation"),
        ("test_results_have_no_person_names", GOOD, "pass", None),
    ],
)  # fmt: skip
def test_encoding_rules(check: str, came: bytes, expected: str, name: str | None) -> None:
    asked = ("request", request("POST", UID, body(flat([A]))), came)
    found = verdict(check, talk("negotiation", asked), talk("partly_missing"))
    assert (found.verdict, found.outcome) == (expected, name)


def test_lower_case_tags_show_only_where_tags_have_letters() -> None:
    none = talk("negotiation", ("request", request("POST", UID, body(flat([A]))), GOOD))
    assert (
        verdict("test_json_names_are_upper_case_tags", none, talk("hierarchical_partly_missing")).verdict
        == "inconclusive"
    )


def test_vrs_are_found_at_every_depth() -> None:
    assert set(vrs(json.loads(FAILED))) == {"SQ", "UI", "US"}


@pytest.mark.parametrize(
    "head",
    [
        "Content-Type: multipart/related; boundary=b\r\n",
        'Content-Type: multipart/related; type="application/dicom+json"\r\n',
    ],
)
def test_multipart_without_type_or_boundary(head: str) -> None:
    content = b"--b\r\nContent-Type: application/dicom+json\r\n\r\n" + result([A]) + b"\r\n--b--\r\n"
    t = negotiation(accept_multipart_json=response(200, content, head))
    assert verdict("test_multipart_payloads_are_well_formed", t).verdict == "fail"


# --- capabilities -------------------------------------------------------------------------------------------------------------

WADL = "application/vnd.sun.wadl+xml"
NESTED = b"""<application xmlns="http://wadl.dev.java.net/2009/02"><resources base="http://h/pacs/">
<resource path="commitment-requests"><method name="POST"/><resource path="{transactionUID}"><method name="get"/></resource>
</resource><resource path="studies"><method name="PUT"/></resource></resources></application>"""


def test_a_wadl_is_read_whatever_its_nesting() -> None:
    wadl = read_wadl(NESTED)
    assert (wadl.root, wadl.bases) == ("application", ("http://h/pacs/",))
    assert wadl.methods_of("commitment-requests") == {"POST", "GET"}
    one_path = (
        b'<application><resources><resource path="commitment-requests/{uid}"><method name="GET"/></resource></resources>'
        b"</application>"
    )
    assert read_wadl(one_path).methods_of("commitment-requests") == {"GET"}


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"<a", b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", b"<a/>" * 2])
def test_what_is_no_wadl_has_no_methods(data: bytes) -> None:
    assert read_wadl(data).methods_of("commitment-requests") == set()


@pytest.mark.parametrize(
    ("content", "kind", "expected", "name"),
    [
        (NESTED, WADL, "pass", None),
        (NESTED.replace(b"POST", b"PUT"), WADL, "fail", "violation"),
        (NESTED.replace(b"application", b"app"), WADL, "fail", "violation"),
        (b'{"resources":["commitment-requests"]}', "application/json", "pass", None),
        (b"{}", "application/json", "warn", "json-shape"),
        (b"commitment-requests", "application/json", "warn", "json-shape"),
        (b"<html/>", "text/html", "inconclusive", None),
    ],
)  # fmt: skip
def test_capabilities_name_the_resource(content: bytes, kind: str, expected: str, name: str | None) -> None:
    asked = b"OPTIONS /pacs HTTP/1.1\r\nHost: h\r\n\r\n"
    t = talk("capabilities", ("capabilities-any", asked, response(200, content, f"Content-Type: {kind}\r\n")))
    found = verdict("test_capabilities_name_the_resource", t)
    assert (found.verdict, found.outcome) == (expected, name)


# --- faults ---------------------------------------------------------------------------------------------------------------------


def test_general_faults_are_known_to_the_suite() -> None:
    known = {row.id for row in suite.catalogue}
    assert {fault.name for fault in FAULTS_GENERAL} <= {fault.name for fault in suite.all_faults}
    assert all({*fault.violates, *fault.follows} <= known for fault in FAULTS_GENERAL)
