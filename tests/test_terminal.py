"""The terminal face: plain lines, a live display, findings first, no colour and no control codes where they hurt."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest

import reports_evidence as made
from stgcmt.terminal import Progress, citations, print_results


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(evidence, monkeypatch=None, stream=None, **options) -> str:
    stream = stream or io.StringIO()
    print_results(evidence.results, evidence.transcripts, stream=stream, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory):
    return made.evidence(tmp_path_factory.mktemp("bundle"))


def test_a_finding_tells_everything_and_how_to_reproduce(evidence) -> None:
    text = printed(evidence, bundle=Path("out"), width=200)
    block = text.split("FAIL  WEB-13.4.3-01")[1].split("\n\n")[0]
    for part in (
        "SHALL, PS3.18 13.4.3, origin_server",
        "clause     What the clause asks for",
        "expected   a Failure Reason that is a JSON number",
        'seen       Failure Reason of 2.25.1111: vr US, Value ["274"]',
        "events     origin_server/pending_commitment 16",
        "costs      partners misread it",
        "to do      write the number without quotes",
        "reproduce  sh reproduce/WEB-13.4.3-01.sh",
    ):
        assert part in block
    assert "python reproduce/DIMSE-5.4.2.1-02.py" in text


def test_findings_come_first_then_counts_then_the_exit_code(evidence) -> None:
    text = printed(evidence, bundle=Path("out"), width=100)
    order = [
        "WARN  DIMSE-5.4.2.1-02",  # data loss first, whatever the verdict
        "FAIL  WEB-13.4.3-01",
        "tested 5 of 7",
        "evidence in out",
        "exit code 3: the harness failed",
    ]
    assert sorted(order, key=text.index) == order
    assert text.rstrip().splitlines()[-1].startswith("exit code 3")


def test_without_a_terminal_there_is_no_colour_and_the_width_is_kept(evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    text = printed(evidence, width=60)
    assert "\x1b" not in text
    too_long = [line for line in text.splitlines() if len(line) > 60 and "reproduce" not in line and "curl" not in line]
    assert too_long == []


def test_no_color_is_honoured_on_a_terminal(evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31m" in printed(evidence, stream=Tty())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in printed(evidence, stream=Tty())


def test_what_a_sut_sent_cannot_steer_the_terminal() -> None:
    rows = [made.row("X-1", "scp", "fail", seen=["\x1b[2J\x07 gone"], message="")]
    stream = io.StringIO()
    print_results(made.results(rows), stream=stream, width=100)
    assert "\x1b" not in stream.getvalue()
    assert "?[2J gone" in stream.getvalue()


def test_known_issues_that_need_attention_are_named() -> None:
    results = made.results([made.row("X-1", "scp", "pass")])
    results["known_issues"]["stale"] = [{"id": "X-1", "role": "scp", "reason": "old", "until": None, "ticket": None}]
    stream = io.StringIO()
    print_results(results, stream=stream)
    assert "known issue stale: X-1 (scp): old" in stream.getvalue()


def test_the_time_of_play_proof_and_writing_is_told_apart() -> None:
    results = made.results([made.row("X-1", "scp", "pass")])
    results["timing"] |= {"wall_s": 5.94, "critical_path_s": 5.03}
    stream = io.StringIO()
    print_results(results, stream=stream, width=200, took={"proved": 1.26, "written": 0.81})
    said = "played in 5.9 s, of which 5.0 s could not be shortened; proved in 1.3 s; written in 0.8 s"
    assert said in stream.getvalue()


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    clock = made.HandClock()
    with Progress(total=2, stream=stream, clock=clock) as progress:
        progress.started("scp", "a")
        progress.waiting("scp", "a", "max_report_delay", 30)
        progress.waiting("scp", "a", "poll_interval", 0.2)
        clock.now = 4.0
        assert progress.longest_wait_s == pytest.approx(-3.8)
        progress.ended("scp", "a", "complete", 4.0)
    assert stream.getvalue().splitlines() == [
        "complete scp/a after 4.0 s (1 of 2)",
    ]


def test_progress_is_live_on_a_terminal_and_starts_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setenv("TERM", "xterm")
    stream = Tty()
    clock = made.HandClock()

    async def play() -> None:
        with Progress(total=20, stream=stream, clock=clock) as progress:
            for number in range(12):
                progress.started("scp", f"s{number}")
            progress.waiting("scp", "s3", "max_report_delay", 60)
            clock.now = 10
            lines = progress.lines()
            assert lines[0] == "0 of 20 scenarios ended, 12 under way, longest wait left 50 s"
            assert lines[1] == "  scp/s3: max_report_delay, 50 s left"
            assert lines[-1] == "  and 4 more"
            assert threading.active_count() == before

    before = threading.active_count()
    asyncio.run(play())
    assert "longest wait left" in stream.getvalue()


def test_quiet_progress_says_nothing() -> None:
    stream = Tty()
    with Progress(quiet=True, stream=stream) as progress:
        progress.started("scp", "a")
        progress.ended("scp", "a", "complete", 1.0)
    assert stream.getvalue() == ""


def test_citations_are_short() -> None:
    evidence = [{"transcript": "scp/a", "event": n} for n in range(1, 12)] + [{"transcript": "run", "event": None}]
    assert citations(evidence) == "scp/a 1, 2, 3, 4, 5, 6, 7, 8 and 3 more; run"
