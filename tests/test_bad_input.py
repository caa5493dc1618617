"""What goes wrong around a run: a message with stage, expected, seen, next step; the right exit code; no traceback; nothing lost."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

STGCMT = [sys.executable, "-c", "from stgcmt.cli import main; main()"]


def stgcmt(*arguments, cwd, env=None, timeout=120):
    done = subprocess.run(
        [*STGCMT, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | (env or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def said(done, code, *words):
    assert done.returncode == code, done.stdout + done.stderr
    for word in ("expected", "seen", "next", *words):
        assert word in done.stderr, done.stderr
    return done


def web(tmp_path, extra="", base="http://127.0.0.1:9/", name="sut.toml", head=""):
    file = tmp_path / name
    file.write_text(
        f'name = "x"\nroles = ["origin_server"]\n{head}\n[origin_server]\nbase_url = "{base}"\n{extra}\n[seeding]\nhow = "stow"\n'
        "[timing]\nconnect = 1.0\nhttp_response = 2.0\nresult_deadline = 3.0\n"
    )
    return file


def no_pass(done):
    results = json.loads(done.stdout)
    assert not [row for row in results["requirements"] if row["verdict"] == "pass"]
    return results


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_one(tmp_path):
    said(stgcmt("run", web(tmp_path, head="vendr = 1"), cwd=tmp_path), 2, "vendr", "line 3", "vendor")


def test_a_wrong_type(tmp_path):
    said(stgcmt("run", web(tmp_path, extra="headers = 3"), cwd=tmp_path), 2, "headers")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"name = \n", b""])
def test_unreadable_files(tmp_path, content):
    file = tmp_path / "sut.toml"
    if content is not None:
        file.write_bytes(content)
    said(stgcmt("run", file, cwd=tmp_path), 2, "sut.toml")


def test_a_missing_environment_variable(tmp_path):
    said(stgcmt("run", web(tmp_path, extra='token_env = "NO_SUCH_TOKEN"'), cwd=tmp_path), 2, "NO_SUCH_TOKEN")


def test_a_secret_in_the_file_is_refused(tmp_path):
    done = said(stgcmt("run", web(tmp_path, extra='token = "hunter2"'), cwd=tmp_path), 2, "token_env")
    assert "hunter2" not in done.stderr


def test_usage(tmp_path):
    assert stgcmt("run", "--no-such-option", cwd=tmp_path).returncode == 2
    assert stgcmt("no-such-command", cwd=tmp_path).returncode == 2
    said(stgcmt("run", "--role", "originserver", cwd=tmp_path), 2, "origin_server")
    said(stgcmt("run", "--fault", "no-such-fault", cwd=tmp_path), 2, "stgcmt faults")
    said(stgcmt("run", "--req", "WEB-13.4.2-1", cwd=tmp_path), 2, "WEB-13.4.2-01")
    said(stgcmt("explain", "WEB-13.4.2-1", cwd=tmp_path), 2, "WEB-13.4.2-01")


@pytest.mark.parametrize("base", ["http://127.0.0.1:{closed}/", "http://no-such-host.invalid/"])
def test_an_unreachable_sut_is_exit_4_and_not_one_verdict_is_pass(tmp_path, base):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        file = web(tmp_path, base=base.format(closed=closed.getsockname()[1]))
        done = stgcmt("run", file, "--json", "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 4
    results = no_pass(done)
    reasons = {
        row["message"] for row in results["requirements"] if row["verdict"] == "not-tested" and not row["excluded"]
    }
    assert any("cannot be reached" in reason for reason in reasons), reasons
    doctor = stgcmt("doctor", file, cwd=tmp_path)
    assert doctor.returncode == 4


def test_a_taken_destination_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file = tmp_path / "sut.toml"
        file.write_text(
            f'name = "x"\nroles = ["scp"]\n[scp]\nhost = "127.0.0.1"\nport = 9\nae_title = "A"\n'
            f'[[scp.destinations]]\nae_title = "B"\nhost = "127.0.0.1"\nport = {port}\n'
        )
        said(stgcmt("run", file, "--out", tmp_path / "out", cwd=tmp_path), 2, str(port))


def test_output_that_cannot_be_written_or_holds_files(tmp_path):
    (tmp_path / "file").write_text("x")
    said(stgcmt("run", "--out", tmp_path / "file" / "out", cwd=tmp_path), 2, "--out")
    said(stgcmt("run", "--out", tmp_path, cwd=tmp_path), 2, "holds files already")
    assert (tmp_path / "file").read_text() == "x"


def test_no_authentication_is_no_verdict_about_anything_else(tmp_path):
    serving = subprocess.Popen(
        [*STGCMT, "serve", "origin-server", "--mode", "secured"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        base = json.loads(serving.stdout.readline())["origin_server"]["base_url"]
        done = stgcmt("run", web(tmp_path, base=base), "--json", "--out", tmp_path / "out", cwd=tmp_path)
        results = json.loads(done.stdout)
        wrong = [(row["id"], row["message"]) for row in results["requirements"] if row["verdict"] in ("fail", "error")]
        assert not wrong
        assert done.returncode in (1, 4), "the gate, or nothing judged"
        doctor = stgcmt("doctor", web(tmp_path, base=base), cwd=tmp_path)
        assert doctor.returncode == 4
        assert "401" in doctor.stdout
    finally:
        serving.terminate()
        serving.wait(10)
        serving.stdout.close()


DYING = """
import os, sys, threading, http.server
class H(http.server.BaseHTTPRequestHandler):
    n = 0
    def do_POST(self):
        H.n += 1
        if H.n > 3:
            os._exit(3)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200); self.send_header("Content-Type", "application/dicom+json"); self.end_headers()
    do_GET = do_POST
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
"""


def test_a_sut_that_dies_in_the_middle(tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    file = web(tmp_path, base="http://127.0.0.1:{port:web}/")
    file.write_text(
        file.read_text()
        + f'[driver]\nkind = "process"\ncommand = ["{sys.executable}", "{tmp_path}/dying.py", "{{port:web}}"]\nready = {{ port = "{{port:web}}" }}\n'
    )
    done = stgcmt("run", file, "--json", "--out", tmp_path / "out", cwd=tmp_path)
    results = json.loads(done.stdout)
    assert done.returncode in (1, 4)
    assert not [row for row in results["requirements"] if row["verdict"] == "error"]
    run = (tmp_path / "out" / "transcripts" / "run.jsonl").read_text()
    assert '"exited"' in run, "the death is recorded"


def interrupted_run(tmp_path, number):
    """Start a run, wait until a scenario is under way, send the signal, return exit code and output."""
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*STGCMT, "run", "--role", "scp", "--json", "--out", str(out)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not any(b'"wait.start"' in each.read_bytes() for each in (out / "transcripts").glob("scp/*.jsonl")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr
    return process.returncode, stdout, out


def test_ctrl_c_closes_and_judges_what_there_is(tmp_path):
    code, stdout, out = interrupted_run(tmp_path, signal.SIGINT)
    assert code == 130
    results = json.loads(stdout)
    assert results["state"] == "interrupted"
    assert json.loads((out / "results.json").read_text())["requirements"]
    for path in (out / "transcripts").rglob("*.jsonl"):
        assert '"footer":true' in path.read_text().splitlines()[-1], path
    again = stgcmt("judge", out, "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["requirements"] == results["requirements"]


def test_ctrl_c_ends_the_wait_for_a_sut_that_does_not_come_up(tmp_path):
    file = tmp_path / "sut.toml"
    file.write_text(
        'name = "x"\nroles = ["origin_server"]\n[origin_server]\nbase_url = "http://127.0.0.1:{port:main}/"\n'
        f'[driver]\nkind = "process"\ncommand = ["{sys.executable}", "-c", "import time; time.sleep(100)"]\n'
        'ready = { port = "{port:main}" }\n[timing]\nready = 90.0\n'
    )
    out = tmp_path / "out"
    process = subprocess.Popen([*STGCMT, "run", file, "--out", out], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (out / "driver").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert json.loads((out / "results.json").read_text())["state"] == "interrupted"


def test_serve_refuses_ports_that_are_none(tmp_path):
    assert stgcmt("serve", "scp", "--port", "70000", cwd=tmp_path).returncode == 2
    said(stgcmt("serve", "scp", "--destination", "A@127.0.0.1:99999", cwd=tmp_path), 2, "AE@HOST:PORT")


def test_kill_9_can_be_judged_as_far_as_it_got(tmp_path):
    code, _, out = interrupted_run(tmp_path, signal.SIGKILL)
    assert code == -9
    done = stgcmt("judge", out, "--json", cwd=tmp_path)
    assert done.returncode in (1, 4), "what a killed run left is never green"
    results = json.loads(done.stdout)
    assert results["state"] == "cut"
    assert {row["verdict"] for row in results["requirements"]} <= {
        "pass",
        "note",
        "inconclusive",
        "not-tested",
        "not-applicable",
    }
    assert any(row["verdict"] == "inconclusive" and "cut" in row["message"] for row in results["requirements"])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "out"
    done = stgcmt("run", "--role", "scp", "--out", out, "--json", cwd=out.parent)
    assert done.returncode == 0, done.stderr
    return out


def test_a_run_that_lost_its_end_is_not_green_and_every_output_says_so(bundle, tmp_path):
    """All scenarios were played, and the process was killed before it closed the run: the gate alone would be content."""
    mine = copy(bundle, tmp_path)
    run = mine / "transcripts" / "run.jsonl"
    *lines, footer = run.read_bytes().splitlines(keepends=True)
    assert b'"footer":true' in footer
    run.write_bytes(b"".join(lines))
    out = tmp_path / "judged"
    done = stgcmt("judge", mine, "--out", out, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the run is cut" in done.stdout and "cut short" in done.stdout.splitlines()[-1]
    for name in ("results.json", "junit.xml", "summary.md", "report.html", "statement/statement.md"):
        assert re.search(r"cut short|, cut\b", (out / name).read_text("utf-8")), name
    assert json.loads((out / "results.json").read_text())["state"] == "cut"


def copy(bundle, tmp_path) -> Path:
    import shutil

    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def test_a_bundle_cut_in_the_middle(bundle, tmp_path):
    mine = copy(bundle, tmp_path)
    for path in (mine / "transcripts" / "scp").glob("*.jsonl"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    results = json.loads(stgcmt("judge", mine, "--json", cwd=tmp_path).stdout)
    assert not [row["id"] for row in results["requirements"] if row["verdict"] in ("fail", "error", "warn")]


def test_a_damaged_transcript_is_inconclusive_and_says_where(bundle, tmp_path):
    mine = copy(bundle, tmp_path)
    for path in (mine / "transcripts" / "scp").glob("*.jsonl"):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[0], b"garbage\n", *lines[2:]]))
    done = stgcmt("judge", mine, "--json", cwd=tmp_path)
    assert done.returncode == 4, "nothing could be judged"
    rows = [row for row in json.loads(done.stdout)["requirements"] if row["verdict"] == "inconclusive"]
    assert rows
    assert all("line 2" in row["message"] for row in rows)


@pytest.mark.parametrize("what", ["empty", "no run", "other schema", "absent"])
def test_what_is_no_bundle(bundle, tmp_path, what):
    mine = copy(bundle, tmp_path)
    run = mine / "transcripts" / "run.jsonl"
    if what == "empty":
        run.write_bytes(b"")
    elif what == "no run":
        run.unlink()
    elif what == "other schema":
        run.write_bytes(run.read_bytes().replace(b'"schema":1', b'"schema":9', 1))
    else:
        mine = tmp_path / "nowhere"
    said(stgcmt("judge", mine, cwd=tmp_path), 2, "bundle")
