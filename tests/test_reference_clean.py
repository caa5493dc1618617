"""``stgcmt run`` without a SUT file, as everybody meets it first: a clean verdict, and evidence that agrees with itself."""

from __future__ import annotations

import json
import re
import subprocess
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from peer_runs import STGCMT
from stgcmt_reports.manifest import verify

LIMIT_S = 150
BAD = {"fail", "warn", "error", "inconclusive"}
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Run:
    bundle: Path
    code: int
    seconds: float
    said: str

    @property
    def text(self) -> str:
        return (self.bundle / "results.json").read_text("utf-8")

    @property
    def results(self) -> dict[str, Any]:
        return json.loads(self.text)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.results["requirements"]


def stgcmt(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STGCMT, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """One run; a machine too busy to keep its timers leaves rows open, which is right: then once more."""
    for attempt in range(3):
        bundle = tmp_path_factory.mktemp("clean") / f"evidence{attempt}"
        began = time.monotonic()
        done = stgcmt("run", "--out", str(bundle))
        played = Run(bundle, done.returncode, time.monotonic() - began, done.stdout + done.stderr)
        complete = all(each["state"] == "complete" for each in played.results["scenarios"])
        if complete and played.results["summary"]["inconclusive"] == 0:
            break
    return played


def test_it_ends_well_and_in_time(run) -> None:
    assert run.code == run.results["exit_code"] == 0, run.said
    assert run.results["state"] == "complete"
    assert {each["state"] for each in run.results["scenarios"]} == {"complete"}
    assert run.seconds < LIMIT_S


def test_the_servers_alone_are_played_and_the_other_references_are_offered(run) -> None:
    assert run.results["sut"]["roles"] == ["origin_server", "scp"]
    (offer,) = [line for line in run.said.splitlines() if line.startswith("more references to play: ")]
    assert sorted(re.findall(r"--role (\w+)", offer)) == [
        "all", "proxy_to_dimse", "proxy_to_web", "scu", "user_agent",
    ]  # fmt: skip


def test_nothing_is_wrong_or_open(run) -> None:
    assert [(row["id"], row["verdict"], row["message"]) for row in run.rows if row["verdict"] in BAD] == []


def test_only_excluded_rows_are_not_tested_and_only_claims_excuse(run) -> None:
    assert [row["id"] for row in run.rows if row["verdict"] == "not-tested" and not row["excluded"]] == []
    excused = [row for row in run.rows if row["verdict"] == "not-applicable"]
    assert [row["id"] for row in excused if "claims" not in row["message"]] == []


def test_nearly_all_other_rows_pass(run) -> None:
    others = [row for row in run.rows if not row["excluded"] and row["verdict"] != "not-applicable"]
    assert {row["role"] for row in others} == {"origin_server", "scp"}
    assert len(others) > 150
    assert sum(row["verdict"] == "pass" for row in others) >= 0.95 * len(others)


def test_a_pass_cites_what_was_recorded(run) -> None:
    recorded = {str(path.relative_to(run.bundle / "transcripts")) for path in run.bundle.glob("transcripts/**/*.jsonl")}
    for row in run.rows:
        cited = {f"{each['transcript']}.jsonl" for each in row["evidence"]}
        assert cited <= recorded, row["id"]
        assert cited or row["verdict"] != "pass", row["id"]


def test_the_results_fit_the_schema_that_ships(run) -> None:
    schema = json.loads(stgcmt("schema", "results").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(run.results, schema)


def test_the_summary_is_a_count_of_the_rows(run) -> None:
    summary, counted = dict(run.results["summary"]), Counter(row["verdict"] for row in run.rows)
    tested, total = summary.pop("tested"), summary.pop("total")
    assert {name: count for name, count in summary.items() if count} == dict(counted)
    assert tested == sum(counted[name] for name in ("pass", "fail", "warn", "note"))
    assert total == sum(not row["excluded"] and row["verdict"] != "not-applicable" for row in run.rows)


def test_junit_counts_the_same(run) -> None:
    root = ET.parse(run.bundle / "junit.xml").getroot()
    counted = Counter(row["verdict"] for row in run.rows)
    skipped = counted["inconclusive"] + counted["not-tested"] + counted["not-applicable"]
    expected = {"tests": len(run.rows), "failures": counted["fail"], "errors": counted["error"], "skipped": skipped}
    assert {key: int(root.get(key, "-1")) for key in expected} == expected
    named = {case.get("classname", "") + " " + case.get("name", "").split()[0] for case in root.iter("testcase")}
    assert named == {f"{row['role']} {row['id']}" for row in run.rows}


def test_the_manifest_verifies_and_notices_a_changed_byte(run) -> None:
    assert verify(run.bundle) == []
    path = run.bundle / "sut.json"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept[:-1] + b" ")
        assert verify(run.bundle) != []
    finally:
        path.write_bytes(kept)


def test_the_report_has_every_requirement(run) -> None:
    report = (run.bundle / "report.html").read_text("utf-8")
    assert [row["id"] for row in run.rows if row["id"] not in report] == []
    loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(?!data:|#)([^"]*)"', report)
    assert loaded == []  # one file, offline


def test_judging_again_gives_the_same_bytes_apart_from_when(run) -> None:
    again = stgcmt("judge", str(run.bundle), "--json")
    assert again.returncode == 0, again.stderr

    def timeless(text: str) -> str:
        return re.sub(r'^  "judged": "[^"]*",?$', "", text, flags=re.MULTILINE)

    assert timeless(again.stdout) == timeless(run.text)
    assert timeless(run.text) != run.text
