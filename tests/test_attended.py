"""A person at a real terminal: told what to do, interrupted, resumed; and an afternoon in which whatever comes is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time

import httpx
import pydicom
import pytest

from stgcmt.terminal_stream import Unblocking, unblocking

pexpect = pytest.importorskip("pexpect") if not os.environ.get("CI") else __import__("pexpect")
STGCMT = [sys.executable, "-c", "from stgcmt.cli import main; main()"]
TWO = ["--req", "WEB-13.3-01"]  # two scenarios with one request each: at_once, pending
TOLD = r"user_agent/(\w+): have the client send the instances in (\S+)\s+and ask (\S+) for"


def sut_file(tmp_path, trigger):
    (tmp_path / "sut.toml").write_text(
        textwrap.dedent(f"""
        name = "modality without a command line"
        [user_agent]
        listen_port = 0
        [trigger]
        {trigger}
        [timing]
        quiet_period = 1.0
        [claims.user_agent]
        no_xml = true
        no_multipart = true
    """)
    )


def terminal(tmp_path, *words):
    child = pexpect.spawn(
        STGCMT[0], [*STGCMT[1:], "run", *words], cwd=str(tmp_path), encoding="utf-8", timeout=90, dimensions=(24, 80),
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"},
    )  # fmt: skip
    child.delaybeforesend = None
    return child


def asks(base, uids):
    """What a person makes the client do: ask, and come back until there is an answer."""
    items = [
        {"00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]}, "00081155": {"vr": "UI", "Value": [uid]}}
        for uid in uids
    ]
    own = f"2.25.{time.time_ns()}{os.getpid()}"
    url = f"{base}/commitment-requests/{own}"
    headers = {"Accept": "application/dicom+json", "Accept-Encoding": "identity"}
    with httpx.Client(timeout=30, headers=headers) as client:
        answer = client.post(
            url, content=json.dumps({"00081199": {"vr": "SQ", "Value": items}}),
            headers={"Content-Type": "application/dicom+json"},
        )  # fmt: skip
        for _ in range(12):
            if answer.status_code != 202:
                break
            time.sleep(float(answer.headers.get("Retry-After", "0.3")))
            answer = client.get(url)
    return own, answer


def in_files(directory):
    return [pydicom.dcmread(path).SOPInstanceUID for path in sorted(directory.glob("*.dcm"))]


def states(bundle):
    results = json.loads((bundle / "results.json").read_text())
    return {each["name"]: each["state"] for each in results["scenarios"]}, results


@pytest.mark.slow
def test_a_person_does_what_is_said_takes_a_break_and_goes_on(tmp_path):
    sut_file(tmp_path, 'how = "attended"\ndeadline = 60')
    first = terminal(tmp_path, "sut.toml", "--out", "b", *TWO)
    first.expect(TOLD)
    done, files, base = first.match.groups()
    asks(base, in_files(tmp_path / files))
    first.expect(TOLD)  # the next thing to do
    first.expect("1 complete")
    first.sendintr()
    first.expect("to play what is left: stgcmt run SUT.toml --resume b")
    first.expect(pexpect.EOF)
    first.close()
    assert first.exitstatus == 130
    before, results = states(tmp_path / "b")
    assert results["state"] == "interrupted"
    assert before == {**dict.fromkeys(before, "cancelled"), done: "complete"}
    kept = (tmp_path / f"b/transcripts/user_agent/{done}.jsonl").read_bytes()

    second = terminal(tmp_path, "sut.toml", "--resume", "b")
    again = set()
    while second.expect([TOLD, pexpect.EOF]) == 0:
        scenario, files, base = second.match.groups()
        again.add(scenario)
        asks(base, in_files(tmp_path / files))
    second.close()
    assert again == set(before) - {done}
    after, results = states(tmp_path / "b")
    assert results["state"] == "complete"
    assert set(after.values()) == {"complete"}
    assert second.exitstatus == results["exit_code"]
    assert (tmp_path / f"b/transcripts/user_agent/{done}.jsonl").read_bytes() == kept
    assert {path.stem for path in (tmp_path / "b" / "interrupted" / "1").rglob("*.jsonl")} == again
    third = subprocess.run(
        [*STGCMT, "run", "sut.toml", "--resume", "b"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert third.returncode == 2
    assert "all were" in third.stderr


@pytest.mark.slow
def test_nobody_comes_and_the_deadline_says_so(tmp_path):
    sut_file(tmp_path, 'how = "attended"\ndeadline = 1')
    child = terminal(tmp_path, "sut.toml", "--out", "b", "--req", "WEB-13.2-03")
    child.expect(TOLD)
    child.expect(r"nobody asked within 1 s \(\[trigger\] how =")
    child.expect(pexpect.EOF)
    child.close()
    assert set(states(tmp_path / "b")[0].values()) == {"skipped"}


@pytest.mark.slow
def test_an_afternoon_in_which_whatever_comes_is_judged(tmp_path):
    sut_file(tmp_path, 'how = "listen"\nwindow = 15')
    child = terminal(tmp_path, "sut.toml", "--out", "b", *TWO)
    child.expect(r"whatever asks (\S+) for commitment in the next 15 s is judged")
    base, came = child.match[1], {}

    def client(number):
        own, answer = asks(base, [f"1.2.826.0.1.55.{number}.1"])
        came[own] = answer.status_code

    clients = [threading.Thread(target=client, args=(number,)) for number in range(2)]
    for each in clients:
        each.start()
    dealt = {}
    for _ in clients:
        child.expect(r"user_agent/(\w+): takes (\S+)")
        dealt[child.match[2]] = child.match[1]
    child.expect(pexpect.EOF)
    for each in clients:
        each.join()
    child.close()
    assert set(dealt) == set(came)
    assert len(set(dealt.values())) == 2
    names, results = states(tmp_path / "b")
    assert {name for name, state in names.items() if state == "complete"} >= set(dealt.values())
    for own, name in dealt.items():
        text = (tmp_path / f"b/transcripts/user_agent/{name}.jsonl").read_text()
        assert f'"uid":"{own}","what":"adopted"' in text
        assert not any(other in text for other in dealt if other != own)
    assert [row["verdict"] for row in results["requirements"] if row["id"] in TWO] == ["pass"]


def test_a_terminal_that_stands_still_does_not_hold_up_the_loop():
    """Nobody reads the terminal: writing returns at once, and who reads again sees the newest."""
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream:
        shown = unblocking(stream)
        assert isinstance(shown, Unblocking)

        def frames():
            for number in range(2000):
                shown.write(f"frame {number:06d} of what is under way\n")
                shown.flush()

        writing = threading.Thread(target=frames, daemon=True)
        writing.start()
        writing.join(10)
        assert not writing.is_alive()
        seen = b""
        while b"frame 001999" not in seen:
            seen += os.read(master, 65536)
            shown.flush()
        shown.close()
    os.close(master)


def test_what_is_no_terminal_is_written_to_as_it_is(tmp_path):
    with (tmp_path / "log").open("w") as stream:
        assert unblocking(stream) is stream


# --- resuming, without a terminal


def run(tmp_path, *words):
    return subprocess.run([*STGCMT, "run", *words], cwd=tmp_path, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_bundle_is_resumed_with_its_own_sut_file_only(tmp_path):
    sut_file(tmp_path, 'how = "attended"\ndeadline = 0.5')
    assert run(tmp_path, "sut.toml", "--out", "b", "--req", "WEB-13.2-03").returncode in {3, 4, 1}
    other = run(tmp_path, "sut.toml", "--resume", "b", "--role", "user_agent")
    assert other.returncode == 2
    assert "--role" in other.stderr
    (tmp_path / "sut.toml").write_text(
        (tmp_path / "sut.toml").read_text().replace("quiet_period = 1.0", "quiet_period = 2.0")
    )
    changed = run(tmp_path, "sut.toml", "--resume", "b")
    assert changed.returncode == 2
    assert "another content of timing" in changed.stderr
    embedded = run(tmp_path, "--resume", "b")
    assert "and the bundle is of 'modality without a command line'" in embedded.stderr
    assert run(tmp_path, "sut.toml", "--resume", "nowhere").returncode == 2
