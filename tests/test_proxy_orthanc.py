"""The reference proxy in front of Debian's Orthanc, with the wire between them recorded: `stgcmt run orthanc-proxy`."""

from __future__ import annotations

import os
import shutil

import pytest

from peer_runs import results, rows, start
from stgcmt.transcript import read_transcript

PASS = (
    "WEB-B.30-01",
    "WEB-B.30-05",
    "WEB-B.30-06",
    "PROXY-ASK-01",
    "PROXY-REASON-01",
    "PROXY-UID-01",
    "PROXY-MATCH-01",
)
pytestmark = [pytest.mark.orthanc, pytest.mark.slow]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    if shutil.which("Orthanc") is None:
        if os.environ.get("CI"):
            pytest.fail("Orthanc is not installed: apt-get install orthanc")
        pytest.skip("Orthanc is not installed")
    bundle = tmp_path_factory.mktemp("orthanc-proxy") / "run"
    return bundle, results(start(bundle, "orthanc-proxy"))


def test_nothing_is_wrong_with_the_pair(run):
    _, found = run
    assert found["exit_code"] == 0
    assert not [ident for ident, row in rows(found).items() if row["verdict"] in {"fail", "warn", "error"}]
    assert {ident: rows(found)[ident]["verdict"] for ident in PASS} == dict.fromkeys(PASS, "pass")


def test_what_needs_a_scripted_back_end_is_not_tested_and_says_so(run):
    _, found = run
    table = rows(found)
    for ident in ("WEB-B.30-04", "PROXY-LOSS-01", "PROXY-TRUTH-01", "DIMSE-J.2.1-01"):
        assert table[ident]["verdict"] == "not-tested"
        assert "leave [proxy_to_dimse.relay] out" in table[ident]["message"]
    states = {each["state"] for each in found["scenarios"]}
    assert states == {"complete", "not-played"}


def test_both_faces_are_in_one_transcript_and_linked(run):
    from stgcmt_suites.proxies.links import links

    bundle, _ = run
    transcript = read_transcript(bundle / "transcripts" / "proxy_to_dimse" / "failures.jsonl")
    found = links(transcript)
    assert [link.front.step for link in found.links] == ["one-missing", "other-class", "all-missing"]
    for link in found.links:
        assert len(link.behind) == 1
        assert len(link.said_behind) == 1
        assert link.front.results[0].committed == link.said_behind[0].committed
    reasons = [sorted(each.reason for each in link.front.results[0].failed) for link in found.links]
    assert reasons == [[0x0112], [0x0119], [0x0112, 0x0112]]
    assert {event.info["side"] for event in transcript.of("conn.open") if event.info["protocol"] == "dimse"} == {
        "acceptor", "requestor",
    }  # fmt: skip
