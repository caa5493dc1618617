"""Conformant variants of the reference origin server: no check cries wolf, and each of them really is different."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from stgcmt.commands.run import make_plan
from stgcmt.errors import UsageError
from stgcmt.judge import judge
from stgcmt.selftest import matrix
from stgcmt.selftest_cases import CLEAN, VARIANT, Case, Outcome, Seen, record
from stgcmt_suites.origin_server import suite
from stgcmt_suites.origin_server.requests import hierarchical
from stgcmt_suites.origin_server.settings import Settings
from stgcmt_suites.origin_server.views import commitment
from test_origin_server_general import GOOD, negotiation
from test_origin_server_suite_checks import A, request, response, result, talk, verdict

VARIANTS = {each.name: each for each in suite.all_variants}
FAULTS = {each.name for each in suite.all_faults}
# Octets that differ from run to run: UIDs, ports, and lengths that depend on them.
_VARYING = re.compile(rb"2\.25\.[0-9.]+|127\.0\.0\.1:\d+|[Cc]ontent-[Ll]ength: *\d+")


def in_memory() -> None:
    """What a run writes lies in memory where the system has such a directory."""
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"


def play(name: str) -> tuple[Outcome, set[object]]:
    """One variant (no name: the clean reference), played and judged; and what its answers looked like."""
    case = Case(suite.role, VARIANT, name) if name else Case(suite.role, CLEAN)
    recording = record(suite, case)
    rows = {
        row.id: Seen(str(row.verdict), row.standing.outcome, row.standing.message or row.reason)
        for row in judge(recording, {suite.role: suite}, profile="default", selection={})
    }
    answers: set[object] = set()
    for where, transcript in recording.named().items():
        arrived: dict[object, tuple[int, bytes]] = {}
        for event in transcript.of("http.in"):
            t, data = arrived.get((event.conn, event.step), (event.t // 10**8, b""))
            arrived[event.conn, event.step] = (t, data + event.data)
        answers |= {(where, step, t, _VARYING.sub(b"", data)) for (_, step), (t, data) in arrived.items()}
    return Outcome(case, rows), answers


@pytest.fixture(scope="module")
def played() -> Mapping[str, tuple[Outcome, set[object]]]:
    with ProcessPoolExecutor(2, get_context("spawn"), in_memory) as pool:
        names = ["", *VARIANTS]
        return dict(zip(names, pool.map(play, names), strict=True))


def test_none_of_them_is_called_wrong(played) -> None:
    report = matrix(suite, [outcome for outcome, _ in played.values()], partly=True)
    assert [(each["variant"], each["requirement"], each["message"]) for each in report.false_alarms] == []
    assert report.variants == len(VARIANTS) >= 25


def test_what_they_list_as_a_warning_is_one(played) -> None:
    quiet = {
        (name, ident): played[name][0].rows[ident].verdict
        for name, variant in VARIANTS.items()
        for ident in variant.warns
        if played[name][0].rows[ident].verdict != "warn"
    }
    assert quiet == {}


def test_each_of_them_answers_otherwise_than_the_reference(played) -> None:
    _, clean = played[""]
    assert [name for name in VARIANTS if played[name][1] == clean] == []


def test_few_rows_are_left_open_by_them(played) -> None:
    """Where instances and results are to be had, a variant leaves at most a quarter of the rows undecided."""
    spare = {"nothing-seeded", "keeps-nothing"}
    for name in VARIANTS.keys() - spare:
        rows = played[name][0].rows.values()
        undecided = [seen for seen in rows if seen.verdict == "inconclusive"]
        assert len(undecided) * 4 < len(rows), name


def test_a_result_is_waited_for_through_503(played) -> None:
    outcome, _ = played["first-check-unavailable"]
    assert outcome.rows["WEB-13.5.2-03"].verdict == "pass"
    assert outcome.rows["WEB-J.2-03"].verdict == "pass"


BUSY = ("first-request-unavailable", "first-check-unavailable", "unavailable-third", "unavailable-later")


@pytest.mark.parametrize(
    "name", [*BUSY, "ascii-charset", "public-location", "slow-work", "slow-answers", "long-retention"]
)
def test_a_server_that_starts_or_is_slow_is_judged_as_far_as_any_other(name: str) -> None:
    """A Request refused for now is made again, and so are Result Checks; nothing stays open."""
    assert [
        ident for ident, seen in play(name)[0].rows.items() if seen.verdict not in ("pass", "note", "not-tested")
    ] == []


def test_a_request_made_again_stands_for_the_step() -> None:
    busy = response(503, b"", "Retry-After: 1\r\n")
    again = talk(
        "pending_commitment",
        ("request", request("POST", "1.2.3", b"x"), busy),
        ("request", request("POST", "1.2.4", b"x"), response(202)),
    )
    assert commitment(again).transaction("request").uid == "1.2.4"
    other = talk(
        "pending_commitment",
        ("request", request("POST", "1.2.3", b"x"), busy),
        ("request", request("POST", "1.2.4", b"y"), response(202)),
    )
    assert commitment(other).transaction("request").uid == "1.2.3", "another Request is not the same one again"


def test_their_options_are_settings() -> None:
    for variant in VARIANTS.values():
        assert variant.options.keys() <= Settings.__dataclass_fields__.keys(), variant.name
        assert variant.options or variant.claims, variant.name


def test_a_fault_among_their_manners_is_explained() -> None:
    """A switch that is a named fault, too, warns, and the variant says why that is no error; or a claim of the vendor covers it."""
    for variant in VARIANTS.values():
        if FAULTS & set(variant.options.get("manners", ())):
            assert variant.warns or variant.claims, variant.name
            assert all(len(why) > 20 for why in variant.warns.values()), variant.name


# --- the command line -------------------------------------------------------------------------------------------------


def test_run_takes_a_variant_with_its_claims() -> None:
    plan = make_plan(None, variant="always-synchronous")
    assert plan.roles == ("origin_server",)
    assert plan.variant == "always-synchronous"
    assert plan.sut.claims["origin_server"]["always_synchronous"] is True
    assert plan.sut.claims["origin_server"]["media_types"]
    assert plan.options["origin_server"]["synchronous_up_to"] > 1000


def test_run_names_the_nearest_variant() -> None:
    with pytest.raises(UsageError, match="did you mean chunked"):
        make_plan(None, variant="chunkd")


# --- what the variants found in checks --------------------------------------------------------------------------------


def zipped(content: bytes, kind: str) -> bytes:
    return response(200, gzip.compress(content), f"Content-Type: {kind}\r\nContent-Encoding: gzip\r\n")


def test_a_coding_that_nobody_asked_for_is_no_violation() -> None:
    coded = zipped(result([A]), "application/dicom+json")
    refused = talk("unsupported_bodies", ("coding-unknown", request("POST", "1.2.8", b"x"), response(415)))
    found = verdict("test_content_encoding_says_what_was_applied", negotiation(gzip=coded, accept_json=coded), refused)
    assert (found.verdict, found.outcome) == ("warn", "unasked-coding")
    untrue = response(200, result([A]), "Content-Type: application/dicom+json\r\nContent-Encoding: gzip\r\n")
    worse = verdict("test_content_encoding_says_what_was_applied", negotiation(gzip=GOOD, accept_json=untrue), refused)
    assert worse.verdict == "fail"


@pytest.mark.parametrize("check", ["test_capabilities_name_the_resource", "test_capabilities_are_implemented"])
def test_compressed_capabilities_are_read(check: str) -> None:
    asked = b"OPTIONS /pacs/ HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n"
    whole = (
        b'<application xmlns="http://wadl.dev.java.net/2009/02"><resources base="http://h/pacs/">'
        b'<resource path="commitment-requests"><method name="POST"/><method name="GET"/></resource>'
        b"</resources></application>"
    )
    for content, expected in ((whole, "pass"), (whole.replace(b"commitment-requests", b"studies"), "fail")):
        came = zipped(content, "application/vnd.sun.wadl+xml")
        assert verdict(check, talk("capabilities", ("capabilities-any", asked, came))).verdict == expected


def test_tags_with_letters_are_seen_in_compressed_results() -> None:
    from stgcmt_suites.origin_server.requests import body

    deep = zipped(body(hierarchical([A])), "application/dicom+json")
    empty = talk("hierarchical_partly_missing", ("request", request("POST", "1.2.7", b"{}"), response(503)))
    assert verdict("test_json_names_are_upper_case_tags", negotiation(accept_json=deep), empty).verdict == "pass"
