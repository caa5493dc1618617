"""junit.xml, manifest.json and the schema of results, on hand-made evidence."""

from __future__ import annotations

import copy
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest

import reports_evidence as made
from stgcmt.data import schema
from stgcmt.evidence import Evidence, findings, writers
from stgcmt_reports import decode, junit, manifest, sequence

NOBODY = {"error": None, "skipped": None, "failure": None}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return made.evidence(tmp_path_factory.mktemp("bundle"))


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema("results"))


def test_the_sample_is_valid_against_the_schema_of_results(evidence: Evidence) -> None:
    jsonschema.Draft202012Validator.check_schema(schema("results"))
    assert not list(validator().iter_errors(evidence.results))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.pop("timing"),
        lambda r: r["timing"].pop("critical_path_s"),
        lambda r: r["summary"].pop("tested"),
        lambda r: r["requirements"][0].update(verdict="failed"),
        lambda r: r["requirements"][0].pop("vacuous"),
        lambda r: r["requirements"][0].update(evidence=[{"transcript": "run"}]),
        lambda r: r["requirements"][0].update(role="origin-server"),
        lambda r: r.update(schema_version=2),
        lambda r: r.update(judged="yesterday"),
        lambda r: r.update(exit_code=7),
    ],
)
def test_the_schema_refuses_what_the_design_forbids(evidence: Evidence, spoil) -> None:
    results = copy.deepcopy(evidence.results)
    spoil(results)
    assert list(validator().iter_errors(results))


def test_writers_are_found_through_their_entry_points() -> None:
    assert {"html", "junit", "reproduce"} <= {name for name, _ in writers()}


def test_findings_rank_by_consequence_then_verdict_and_errors_of_the_harness_last() -> None:
    rows = [
        made.row("A", "scp", "fail", consequence="needless-load"),
        made.row("B", "scp", "warn", consequence="data-loss"),
        made.row("C", "scp", "fail", consequence="data-loss"),
        made.row("D", "scp", "pass"),
        made.row("E", "scp", "error", consequence="data-loss"),
    ]
    assert [row["id"] for row in findings({"requirements": rows})] == ["C", "B", "A", "E"]


# --- junit -----------------------------------------------------------------------------------------------------------


def cases(evidence: Evidence, directory: Path) -> tuple[ET.Element, dict[str, ET.Element]]:
    (path,) = junit.write(evidence, directory)
    root = ET.parse(path).getroot()
    return root, {case.get("name").split()[0]: case for case in root.iter("testcase")}


def test_junit_has_one_case_a_row_and_counts_of_its_own_elements(evidence: Evidence, tmp_path: Path) -> None:
    root, by_id = cases(evidence, tmp_path)
    assert len(by_id) == len(evidence.results["requirements"])
    assert [root.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["9", "1", "1", "4"]
    assert [suite.get("name") for suite in root] == ["origin_server", "scp"]


def test_junit_tells_every_verdict(evidence: Evidence, tmp_path: Path) -> None:
    _, by_id = cases(evidence, tmp_path)
    failure = by_id["WEB-13.4.3-01"].find("failure")
    assert "write the number without quotes" in failure.text
    assert "origin_server/pending_commitment#16" in failure.text
    assert len(by_id["WEB-13.4.3-02"]) == 1, "a pass has properties only"
    assert by_id["WEB-13.4.3-04"].find("skipped").get("message") == "inconclusive: the SUT always answered at once"
    assert by_id["WEB-13.4.3-06"].find("skipped") is not None
    warned = by_id["DIMSE-5.4.2.1-02"]
    assert warned.find("failure") is None
    assert warned.find("system-out").text.startswith("WARN")
    assert warned.find("properties/property[@name='verdict']").get("value") == "warn"
    assert "\ufffd" in by_id["DIMSE-J.3-10"].find("error").get("message"), "a control character cannot stand in XML"


def test_junit_skips_a_known_issue_with_the_vendors_reason(evidence: Evidence, tmp_path: Path) -> None:
    _, by_id = cases(evidence, tmp_path)
    known = by_id["DIMSE-J.3-09"]
    assert known.find("failure") is None
    assert known.find("skipped").get("message") == "known issue: fixed in 2.1; until 2026-12-31; ticket ARC-7"
    assert known.find("properties/property[@name='known_issue']") is not None


# --- sequences -------------------------------------------------------------------------------------------------------


def test_every_event_belongs_to_a_step(evidence: Evidence) -> None:
    for transcript in evidence.transcripts.values():
        shown = {n for step in sequence.steps(transcript) for n in step.events}
        assert shown == {event.n for event in transcript.events}


def test_steps_tell_direction_and_content(evidence: Evidence) -> None:
    web = sequence.steps(evidence.transcripts["origin_server/pending_commitment"])
    assert [(s.flow, s.label[:12]) for s in web if s.step == "post"] == [
        ("out", "POST /dicom-"),
        ("in", "202 Accepted"),
    ]
    assert any(step.label.startswith("waited 0.1 s: retry_after") for step in web)
    dimse = sequence.steps(evidence.transcripts["scp/missing_class_uid"])
    report = next(step for step in dimse if step.label.startswith("N-EVENT-REPORT-RQ"))
    assert report.flow == "in"
    assert any("TransactionUID" in line and made.TX in line for line in report.lines)
    assert any("N-ACTION" in line for line in next(s for s in dimse if s.label.startswith("N-ACTION-RSP")).lines)


def test_random_bytes_are_shown_and_never_raise(tmp_path: Path) -> None:
    import random

    source = random.Random(7)
    for round_ in range(40):
        rec = made.Recording(tmp_path, "scp", f"noise{round_}")
        kind = source.choice(["http", "dimse"])
        rec.event("conn.open", conn=1, protocol=kind, side="requestor", local=["a", 1], peer=["b", 2])
        rec.event(f"{kind}.out", source.randbytes(50), conn=1)
        rec.event(
            f"{kind}.in", source.choice([b"", b"HTTP/1.1 20", b"\x04\0\0\0\0\x10"]) + source.randbytes(60), conn=1
        )
        transcript = rec.done()
        assert {n for s in sequence.steps(transcript) for n in s.events} == {event.n for event in transcript.events}
        assert all(isinstance(s.lines, list) for s in sequence.steps(transcript))


def test_hex_dump_and_json() -> None:
    assert decode.hex_dump(b"AB\x00" * 6, 16).splitlines() == [
        "000000  41 42 00 41 42 00 41 42  00 41 42 00 41 42 00 41  AB.AB.AB.AB.AB.A",
        "... 2 more bytes are in the transcript",
    ]
    lines = decode.body_lines(
        b'{"00081197":{"vr":"US","Value":[274]},"00081197":{"vr":"US","Value":["' + b"1" * 90 + b'"]}}'
    )
    assert sum("00081197" in line for line in lines) == 2, "a repeated key is shown twice"
    assert [line for line in lines if line.endswith("{  FailureReason")], "named where it begins, not where it ends"
    assert decode.body_lines(b"\xff\xfe\x00") == ["(3 bytes that are no text)"]


# --- manifest --------------------------------------------------------------------------------------------------------


def test_the_manifest_finds_every_change(evidence: Evidence, tmp_path: Path) -> None:
    (tmp_path / "transcripts").mkdir()
    for name in ("a", "b", "transcripts/c"):
        (tmp_path / name).write_bytes(name.encode())
    command = ["stgcmt", "run", "--token", "s3cr3t", "--api-key=s3cr3t", "https://me:s3cr3t@host/x", "sut.toml"]
    path = manifest.write_manifest(tmp_path, command=command, results=evidence.results)
    said = json.loads(path.read_text())
    assert "s3cr3t" not in path.read_text()
    assert said["command"][-1] == "sut.toml"
    assert [each["path"] for each in said["files"]] == ["a", "b", "transcripts/c"]
    assert said["files"][0]["sha256"] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    assert manifest.verify(tmp_path) == []
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").unlink()
    (tmp_path / "d").touch()
    assert manifest.verify(tmp_path) == [
        "b is missing",
        "d is not in the manifest",
        "a has another content than when the bundle was closed",
    ]
