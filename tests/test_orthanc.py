"""Debian's Orthanc, a real SCP: complete, true to docs/orthanc.md, judged again alike, and gone afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stgcmt.drivers.process import free_ports
from stgcmt.placeholders import Placeholders
from stgcmt.sut import Destination
from stgcmt.transcript import Transcript, read_transcript
from stgcmt_fixtures import sut_file, sut_names

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "orthanc.md"
LIMIT_S = 180
STGCMT = [sys.executable, "-c", "from stgcmt.cli import main; main()"]
JUDGED = {"pass", "fail", "warn", "note"}

orthanc = [pytest.mark.orthanc, pytest.mark.slow]


@dataclass(frozen=True)
class Run:
    """One finished run."""

    bundle: Path
    code: int
    seconds: float
    said: str

    @property
    def results(self) -> dict[str, Any]:
        return json.loads((self.bundle / "results.json").read_text("utf-8"))

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.results["requirements"]}

    def transcript(self, name: str) -> Transcript:
        return read_transcript(self.bundle / "transcripts" / f"{name}.jsonl")


@pytest.fixture(scope="module")
def installed() -> None:
    if shutil.which("Orthanc") is None:
        if os.environ.get("CI"):
            pytest.fail("Orthanc is not installed: apt-get install orthanc")
        pytest.skip("Orthanc is not installed")


@pytest.fixture(scope="module")
def runs(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, Run]]:
    """Two runs at the same time: they must not disturb each other, and must agree."""
    bundles = [tmp_path_factory.mktemp("orthanc") / name for name in ("first", "second")]
    started = time.monotonic()
    playing = [
        subprocess.Popen(
            [*STGCMT, "run", "orthanc", "--out", str(each)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for each in bundles
    ]
    done = []
    try:
        for bundle, process in zip(bundles, playing, strict=True):
            said, _ = process.communicate(timeout=LIMIT_S)
            done.append(Run(bundle, process.returncode, time.monotonic() - started, said))
    finally:
        for process in playing:
            process.kill()
            process.wait()
    yield done[0], done[1]


@pytest.fixture(scope="module")
def first(runs: tuple[Run, Run]) -> Run:
    return runs[0]


def documented(heading: str) -> dict[str, str]:
    """The first two cells of the table below a heading of the page: requirement id and verdict (or what stands there)."""
    part = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| \[?(DIMSE-[\w.-]+)\]?(?:\(#[^)]*\))? \| ([^|]+) \|", part, re.MULTILINE))


def verdicts(run: Run, *wanted: str) -> dict[str, str]:
    return {ident: row["verdict"] for ident, row in run.rows.items() if row["verdict"] in wanted}


class TestRun:
    pytestmark = orthanc

    def test_it_ends_in_time_with_a_complete_report(self, first: Run) -> None:
        assert first.code == 1, first.said
        assert first.seconds < LIMIT_S
        assert first.results["state"] == "complete"
        assert first.results["exit_code"] == 1
        assert {each["state"] for each in first.results["scenarios"]} == {"complete"}

    def test_nothing_is_the_harness_s_own_fault(self, first: Run) -> None:
        assert verdicts(first, "error") == {}

    def test_every_deviation_is_documented_and_every_documented_one_is_found(self, first: Run) -> None:
        assert verdicts(first, "fail", "warn") == documented("Deviations")

    def test_every_row_that_was_not_judged_is_documented(self, first: Run) -> None:
        assert verdicts(first, "inconclusive", "not-tested") == documented(
            "What was not judged, and what it would need"
        )
        assert verdicts(first, "not-applicable").keys() == documented("What the claims excuse").keys()

    def test_most_mandatory_rows_are_judged(self, first: Run) -> None:
        binding = [
            row["verdict"]
            for row in first.rows.values()
            if row["level"] == "shall" and not row["excluded"] and row["verdict"] != "not-applicable"
        ]
        assert len(binding) > 50
        assert sum(verdict in JUDGED for verdict in binding) >= 0.8 * len(binding)

    def test_every_finding_cites_bytes_that_were_recorded(self, first: Run) -> None:
        for ident in verdicts(first, "fail", "warn"):
            cited = [each for each in first.rows[ident]["evidence"] if each["event"]]
            events = [first.transcript(each["transcript"]).event(each["event"]) for each in cited]
            assert any(event.kind.startswith("dimse.") and event.data for event in events), ident

    def test_silence_is_waited_for(self, first: Run) -> None:
        """A second report is awaited for as long as the SUT file says, though the first one came."""
        failed = first.transcript("scp/report_failed")
        waits = [event.info for event in failed.of("wait.end") if event.info["name"] == "max_report_delay"]
        assert len(waits) == 2
        assert waits[1]["waited"] >= 10

    def test_a_silent_request_is_no_queue(self, first: Run) -> None:
        """Every control request was answered at once, also beside requests that keep a thread of Orthanc."""
        from stgcmt_suites.scp.views import commitments

        for name in ("missing_attributes", "empty_attributes", "wrong_commands", "duplicate_references"):
            seconds = commitments(first.transcript(f"scp/{name}"))["control"].answer.seconds
            assert seconds is not None, name
            assert seconds < 3, name

    def test_no_more_associations_are_open_than_the_sut_file_allows(self, first: Run) -> None:
        from stgcmt.suite import dimse

        changes: list[tuple[int, int]] = []
        for path in sorted((first.bundle / "transcripts" / "scp").iterdir()):
            transcript = read_transcript(path)
            for each in dimse(transcript).associations(side="requestor"):
                assert each.t_end is not None
                start = transcript.header.monotonic_ns
                changes += [(start + each.t_open, 1), (start + each.t_end, -1)]
        open_now = [sum(step for _, step in sorted(changes)[:n]) for n in range(1, len(changes) + 1)]
        assert 4 < max(open_now) <= 12  # more than Orthanc's threads where nothing is configured

    def test_the_second_run_agrees(self, runs: tuple[Run, Run]) -> None:
        one, other = ({ident: (row["verdict"], row["outcome"]) for ident, row in run.rows.items()} for run in runs)
        assert one == other
        assert runs[1].code == 1

    def test_judging_again_gives_the_same_rows(self, first: Run) -> None:
        again = subprocess.run(
            [*STGCMT, "judge", str(first.bundle), "--json"], capture_output=True, text=True, check=False, timeout=60
        )
        assert again.returncode == 1, again.stderr
        assert json.loads(again.stdout)["requirements"] == first.results["requirements"]

    def test_the_page_can_be_written_from_it(self, first: Run) -> None:
        made = subprocess.run(
            [sys.executable, "docs/make_orthanc.py", str(first.bundle)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        headings = re.findall(r"^##+ .*$", made.stdout, re.MULTILINE)
        assert headings == re.findall(r"^##+ .*$", PAGE.read_text("utf-8"), re.MULTILINE)

    def test_no_orthanc_is_left_behind(self, runs: tuple[Run, Run]) -> None:
        for run in runs:
            told = [event.info for event in run.transcript("run").of("driver")]
            started = [info["pid"] for info in told if info["action"] == "starting"]
            assert len(started) >= 2  # it was restarted
            assert started == [info["pid"] for info in told if info["action"] == "stopped"]
            for pid in started:
                command = Path(f"/proc/{pid}/cmdline")
                assert not (command.exists() and b"Orthanc" in command.read_bytes())


@pytest.mark.orthanc
@pytest.mark.slow
def test_the_claim_that_undelivered_reports_are_kept_is_true(installed: None, tmp_path: Path) -> None:
    """What the SUT file claims, tried out with pynetdicom: nobody listens, then an operator has the job sent again."""
    from pydicom.dataset import Dataset
    from pynetdicom import AE, evt

    push, well_known, transaction = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1", "2.25.4711"
    ports = free_ports({"http": None, "dicom": None})
    place = Destination("STGCMT1", "127.0.0.1", free_ports({"listener": None})["listener"])
    config = (sut_file("orthanc").parent / "orthanc.json").read_text("utf-8")
    (tmp_path / "orthanc.json").write_text(Placeholders(ports, str(tmp_path), "", [place] * 4).text(config), "utf-8")
    reports: list[str] = []

    def told(event: Any) -> tuple[int, None]:
        reports.append(event.event_information.TransactionUID)
        return 0, None

    def jobs() -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['http']}/jobs?expand", timeout=5) as answer:
            return [each for each in json.load(answer) if each["Type"] == "StorageCommitmentScp"]

    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", "orthanc.json"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        until(lambda: b"Orthanc has started" in (tmp_path / "log").read_bytes())
        asking, asked, item = AE("STGCMT1"), Dataset(), Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "2.25.42"
        asked.TransactionUID, asked.ReferencedSOPSequence = transaction, [item]
        asking.add_requested_context(push)
        assoc = asking.associate("127.0.0.1", ports["dicom"], ae_title="ORTHANC")
        assert assoc.send_n_action(asked, 1, push, well_known)[0].Status == 0
        assoc.release()
        until(lambda: [each["State"] for each in jobs()] == ["Failure"])

        listening = AE("STGCMT1")
        listening.add_supported_context(push, scu_role=True, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, told)]
        server = listening.start_server((place.host, place.port), block=False, evt_handlers=handlers)
        assert server is not None
        try:
            again = f"http://127.0.0.1:{ports['http']}/jobs/{jobs()[0]['ID']}/resubmit"
            urllib.request.urlopen(urllib.request.Request(again, data=b"", method="POST"), timeout=5).close()
            until(lambda: reports == [transaction] and jobs()[0]["State"] == "Success")
        finally:
            server.shutdown()
    finally:
        process.terminate()
        process.wait(timeout=30)


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sut_files_that_ship_have_names(tmp_path: Path) -> None:
    assert "orthanc" in sut_names()
    assert sut_file("orthanc").is_file()
    with pytest.raises(KeyError, match="orthanc"):
        sut_file("nothing")


def test_a_name_that_no_sut_file_has_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [*STGCMT, "run", "orthank"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "orthanc" in done.stderr
    assert "orthank" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_beside_goes_before_a_name_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stgcmt.commands.run import shipped

    monkeypatch.chdir(tmp_path)
    assert shipped(Path("orthanc")) == sut_file("orthanc")
    Path("orthanc").write_text("", "utf-8")
    assert shipped(Path("orthanc")) == Path("orthanc")
