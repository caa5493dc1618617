"""Reports that come hours after their run: recorded behind its end, judged again; nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from stgcmt import bundle
from stgcmt.actors.requestor import associate
from stgcmt.clock import LoopClock
from stgcmt.commands.wait import elapsed, seconds_of
from stgcmt.errors import UsageError
from stgcmt.judge import read_recording
from stgcmt.late import LateRecorder, put_together
from stgcmt.listening import listening_at, place_of
from stgcmt.pending import pending_of
from stgcmt.plan import plan
from stgcmt.play import Player
from stgcmt.reading import read_transcript
from stgcmt.results import judged_results
from stgcmt.suite import Setting, load_suites
from stgcmt.sut import Destination, Driver, ListenerTls, Seeding, Sut, Timing
from stgcmt.transcript import Recorder
from stgcmt.virtual import run_virtual
from stgcmt.waiting import Waiter
from stgcmt.wire.memory import MemoryNetwork
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.uids import VERIFICATION
from stgcmt_suites.scp.delivery import Unrecorded
from stgcmt_suites.scp.reference import reference

HOUR = 3600.0
ROWS = ("DIMSE-J.3.3-01", "DIMSE-J.3.3.1.2-01")
SUITES = load_suites()


def sut_of(section, **timing):
    destinations = (Destination("STGCMT1", "127.0.0.1", 11201), Destination("STGCMT2", "127.0.0.1", 11202))
    return Sut(
        "night archive", roles=("scp",), driver=Driver("external"), sections={"scp": section},
        seeding=Seeding("c-store"), destinations=destinations, timing=Timing(**timing),
        document={"name": "night archive"},
    )  # fmt: skip


async def night(directory, *, delay, max_report_delay, listen=None):
    """A run of minutes against an SCP that reports after ``delay`` seconds, then ``listen`` with the same network."""
    network, clock = MemoryNetwork(), LoopClock()
    destinations = (Destination("STGCMT1", "127.0.0.1", 11201), Destination("STGCMT2", "127.0.0.1", 11202))
    (directory / "scp").mkdir()
    options = {"delay": delay}
    setting = Setting(clock, network, directory / "scp", destinations=destinations, options=options)
    async with reference(setting) as section:
        sut = sut_of(dict(section), report_wait=60.0, max_report_delay=max_report_delay)
        chosen = plan(sut, {"scp": SUITES["scp"]}, ("scp",), {"req": ROWS})
        player = Player(chosen, directory / "b", clock=clock, network=network, jitter_step=None)
        await player.play()
        return await listen(directory / "b", clock, network) if listen else None


def verdicts(directory):
    results, _ = judged_results(read_recording(directory), {"scp": SUITES["scp"]}, judged="2026-01-01T00:00:00Z")
    return {row["id"]: row for row in results["requirements"] if row["id"] in ROWS}, results


def test_a_report_after_nine_hours_is_awaited_recorded_and_judged(tmp_path):
    seen = {}

    async def listen(directory, clock, network):
        seen["before"] = verdicts(directory)
        seen["pending"] = pending_of(read_recording(directory).scenarios.values())
        waiter = Waiter(directory, read_recording(directory), clock=clock, network=network)
        seen["all"] = await waiter.wait(12 * HOUR)

    run_virtual(night(tmp_path, delay=9 * HOUR, max_report_delay=10 * HOUR, listen=listen))
    before, results = seen["before"]
    assert {row["verdict"] for row in before.values()} == {"inconclusive"}
    assert "stgcmt wait" in before[ROWS[0]]["message"]
    assert results["exit_code"] == 4
    assert "stgcmt wait BUNDLE" in results["exit_reason"], "a SUT of which a report is awaited can be reached"
    first = next(each for each in results["pending"] if each["scenario"] == "held_open")
    assert first["destination"] == {"ae_title": "STGCMT1", "host": "127.0.0.1", "port": 11201}
    assert len(first["transaction_uids"]) == len(first["instances"]) == 1
    assert not first["overdue"]
    assert seen["all"]
    after, results = verdicts(tmp_path / "b")
    assert {row["verdict"] for row in after.values()} == {"pass"}, after
    assert results["pending"] == []
    held = read_recording(tmp_path / "b").scenarios["scp", "held_open"]
    assert held.complete
    assert [event.n for event in held.events] == list(range(1, len(held.events) + 1))
    assert held.events[-1].t > 9 * HOUR * 1e9
    assert not list((tmp_path / "b").rglob("*.late"))


def test_a_report_after_the_limit_is_judged_late_not_absent(tmp_path):
    async def listen(directory, clock, network):
        return await Waiter(directory, read_recording(directory), clock=clock, network=network).wait()

    assert run_virtual(night(tmp_path, delay=9 * HOUR, max_report_delay=8 * HOUR, listen=listen))
    rows, _ = verdicts(tmp_path / "b")
    assert rows["DIMSE-J.3.3-01"]["verdict"] in {"fail", "warn"}
    assert "s late" in rows["DIMSE-J.3.3-01"]["message"]
    assert rows["DIMSE-J.3.3.1.2-01"]["verdict"] == "pass"


def test_a_wait_that_is_given_up_keeps_what_it_knows_and_may_go_on(tmp_path):
    async def listen(directory, clock, network):
        first = await Waiter(directory, read_recording(directory), clock=clock, network=network).wait(HOUR)
        states = [verdicts(directory)[0][ROWS[0]]["verdict"]]
        second = await Waiter(directory, read_recording(directory), clock=clock, network=network).wait(3 * HOUR)
        return first, second, [*states, verdicts(directory)[0][ROWS[0]]["verdict"]]

    first, second, states = run_virtual(night(tmp_path, delay=90 * HOUR, max_report_delay=2 * HOUR, listen=listen))
    assert (first, second) == (False, False)
    assert states == ["inconclusive", "fail"]  # after the limit, and listened for until then: absent


def test_a_destination_with_tls_is_opened_again_as_it_was(tmp_path):
    import trustme

    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "ours.pem")
    place = place_of(Destination("OURS", "127.0.0.1", 11112, ListenerTls(str(tmp_path / "ours.pem"))))
    stored = json.loads(json.dumps(place.as_json()))
    again = listening_at(stored["ae_title"], stored["host"], stored["port"], stored["tls"])
    assert again.tls is not None
    assert again.as_json() == stored == {
        "ae_title": "OURS", "host": "127.0.0.1", "port": 11112, "tls": {"cert_file": str(tmp_path / "ours.pem")},
    }  # fmt: skip


def test_what_belongs_to_nobody_and_echoes_go_to_the_run(tmp_path):
    async def listen(directory, clock, network):
        waiter = Waiter(directory, read_recording(directory), clock=clock, network=network)

        async def call():
            await asyncio.sleep(5)
            async with associate(network, clock, Unrecorded(), "127.0.0.1", 11201, called_ae="STGCMT1", calling_ae="OTHER",
                                 proposal=Proposal(contexts=((VERIFICATION, ("1.2.840.10008.1.2",)),))) as assoc:  # fmt: skip
                return getattr(await assoc.c_echo(), "status", None)

        calling = asyncio.create_task(call())
        await waiter.wait(60)
        return await calling

    before = run_virtual(night(tmp_path, delay=90 * HOUR, max_report_delay=100 * HOUR, listen=listen))
    assert before == 0
    run = read_recording(tmp_path / "b").run
    assert [event.kind for event in run.events if event.conn is not None][-1] == "conn.close"
    assert run.complete


def test_a_port_that_is_taken_is_told_and_costs_nothing(tmp_path):
    async def listen(directory, clock, network):
        blocking = await network.listen("127.0.0.1", 11201, None)
        with pytest.raises(UsageError, match=r"127\.0\.0\.1:11201"):
            await Waiter(directory, read_recording(directory), clock=clock, network=network).wait()
        await blocking.aclose()

    run_virtual(night(tmp_path, delay=90 * HOUR, max_report_delay=100 * HOUR, listen=listen))
    assert read_recording(tmp_path / "b").run.complete


# --- what may go wrong around it


def recording(tmp_path):
    recorder = Recorder(tmp_path / "one.jsonl", LoopClock(), role="scp", scenario="one")
    recorder.event("note", what="first")
    recorder.close("complete")
    return tmp_path / "one.jsonl"


def in_loop(function):
    async def main():
        return function()

    return asyncio.run(main())


def test_a_late_recording_that_was_killed_is_read_whole_and_goes_on(tmp_path):
    path = in_loop(lambda: recording(tmp_path))
    killed = in_loop(lambda: LateRecorder(path, LoopClock()))
    in_loop(lambda: killed.event("note", what="second"))
    with path.with_suffix(".late").open("ab") as file:
        file.write(b'{"n":3,"t":')  # the machine stopped in the middle of a line
    seen = read_transcript(path)
    assert [event.info["what"] for event in seen.events] == ["first", "second"]
    assert seen.complete
    again = in_loop(lambda: LateRecorder(path, LoopClock()))
    in_loop(lambda: (again.event("note", what="third"), again.close()))
    assert [event.info["what"] for event in read_transcript(path).events] == ["first", "second", "third"]
    assert read_transcript(path).complete
    assert not path.with_suffix(".late").exists()


def test_a_crash_between_replacing_and_removing_puts_nothing_in_twice(tmp_path):
    path = in_loop(lambda: recording(tmp_path))
    late = in_loop(lambda: LateRecorder(path, LoopClock()))
    in_loop(lambda: late.event("note", what="second"))
    kept = path.with_suffix(".late").read_bytes()
    in_loop(late.close)
    path.with_suffix(".late").write_bytes(kept)
    assert len(read_transcript(path).events) == 2
    put_together(path)
    assert len(read_transcript(path).events) == 2
    assert read_transcript(path).complete


def test_a_recording_that_was_cut_stays_cut(tmp_path):
    path = in_loop(lambda: recording(tmp_path))
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:-2]) + b"\n")
    late = in_loop(lambda: LateRecorder(path, LoopClock()))
    in_loop(lambda: (late.event("note", what="second"), late.close()))
    assert "no footer" in read_transcript(path).cut


def test_two_at_once_on_one_bundle_are_told(tmp_path):
    (tmp_path / "transcripts").mkdir()
    with bundle.held(tmp_path), pytest.raises(UsageError, match="another stgcmt"), bundle.held(tmp_path):
        pass
    with bundle.held(tmp_path):
        pass


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("45s", 45), ("30m", 1800), ("12h", 43200), ("1d6h30m", 109800), ("1.5h", 5400)]
)
def test_durations(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1w", "-5", "12h!"])
def test_what_is_no_duration(text):
    import click

    with pytest.raises(click.BadParameter):
        seconds_of(text)


def test_lengths_of_time():
    assert [elapsed(each) for each in (5, 65, 3 * HOUR + 60, 50 * HOUR)] == ["5 s", "1 min", "3 h 1 min", "2 d 2 h"]


# --- from end to end, on sockets: the SCP is a process of its own that reports when it is told to


SERVER = """
import asyncio, json, pathlib, sys
from stgcmt.clock import SystemClock
from stgcmt.suite import Setting
from stgcmt.sut import Destination
from stgcmt.wire.stream import SystemNetwork
from stgcmt_suites.scp.reference import reference

async def main(directory, port, delay):
    setting = Setting(SystemClock(), SystemNetwork(), pathlib.Path(directory), options={"delay": float(delay)},
                      destinations=(Destination("OURS", "127.0.0.1", int(port)),))
    async with reference(setting) as section:
        print(json.dumps(section), flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main(*sys.argv[1:]))
"""
SUT_FILE = """
name = "late archive"
roles = ["scp"]
[scp]
host = "127.0.0.1"
port = {port}
ae_title = "STGCMT_SCP"
[[scp.destinations]]
ae_title = "OURS"
port = {ours}
[seeding]
how = "c-store"
[timing]
report_wait = 1
max_report_delay = 600
quiet_period = 0.5
scenario = 60
"""


def stgcmt(cwd: Path, *words, **how):
    command = [sys.executable, "-c", "from stgcmt.cli import main; main()", *words]
    return subprocess.Popen(
        command, cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"}, **how,
    )  # fmt: skip


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_a_late_report_on_real_sockets(tmp_path):
    ours = free_port()
    (tmp_path / "scp").mkdir()
    start = [sys.executable, "-c", SERVER, str(tmp_path / "scp"), str(ours)]
    scp = subprocess.Popen([*start, "8"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        section = json.loads(scp.stdout.readline())
        (tmp_path / "sut.toml").write_text(textwrap.dedent(SUT_FILE.format(port=section["port"], ours=ours)))
        rows = [part for row in ROWS for part in ("--req", row)]
        run = stgcmt(tmp_path, "run", "sut.toml", "--out", "b", *rows)
        out, err = run.communicate(timeout=120)
        assert "awaited still: stgcmt wait b" in out, (out, err)
        before = json.loads((tmp_path / "b" / "results.json").read_text())
        assert before["pending"]
        waiting = stgcmt(tmp_path, "wait", "b", "--for", "60s")
        assert "awaited by OURS" in waiting.stderr.readline()
        second = stgcmt(tmp_path, "wait", "b")
        _, told = second.communicate(timeout=30)
        assert second.returncode == 2
        assert "another stgcmt" in told
        out, err = waiting.communicate(timeout=90)
        after = json.loads((tmp_path / "b" / "results.json").read_text())
        assert after["pending"] == [], err
        assert {row["verdict"] for row in after["requirements"] if row["id"] in ROWS} == {"pass"}, out
        assert waiting.returncode == after["exit_code"]
        nothing = stgcmt(tmp_path, "wait", "b")
        assert "no report is missing" in nothing.communicate(timeout=30)[1]
    finally:
        scp.communicate("", timeout=30)


@pytest.mark.slow
def test_ctrl_c_and_a_kill_keep_everything(tmp_path):
    ours = free_port()
    (tmp_path / "scp").mkdir()
    start = [sys.executable, "-c", SERVER, str(tmp_path / "scp"), str(ours), "3600"]
    scp = subprocess.Popen(start, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        section = json.loads(scp.stdout.readline())
        (tmp_path / "sut.toml").write_text(textwrap.dedent(SUT_FILE.format(port=section["port"], ours=ours)))
        stgcmt(tmp_path, "run", "sut.toml", "--out", "b", "--req", ROWS[0]).communicate(timeout=120)
        for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
            waiting = stgcmt(tmp_path, "wait", "b")
            assert "awaited by OURS" in waiting.stderr.readline()
            until_recording(tmp_path / "b" / "transcripts" / "run.late")
            waiting.send_signal(number)
            waiting.communicate(timeout=60)
            assert waiting.returncode == code
            assert json.loads((tmp_path / "b" / "results.json").read_text())["pending"]
        recorded = read_recording(tmp_path / "b")
        assert [e.info["action"] for e in recorded.run.of("note") if e.info.get("what") == "waiting"] == [
            "began", "ended", "began",
        ]  # fmt: skip
    finally:
        scp.communicate("", timeout=30)


def until_recording(path):
    for _ in range(400):
        if path.exists() and path.read_bytes().endswith(b"\n"):
            return
        time.sleep(0.05)
    raise AssertionError("nobody listens")
