"""How a SUT comes up and goes down: small Python scripts as SUT, and nothing is left behind."""
# ruff: noqa: E501 - scripts and tables stay whole

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
from pathlib import Path

import pytest

from stgcmt.clock import SystemClock
from stgcmt.drivers import bring_up
from stgcmt.errors import HarnessError, UnreachableError, UsageError
from stgcmt.sut import Destination, load
from stgcmt.wire.stream import SystemNetwork

SECTIONS = {"web": {"$ref": "#/$defs/http_end_point"}, "archive": {"$ref": "#/$defs/dimse_end_point"}}

# A server of a few lines: answers GET with 200, says that it is up, ends at SIGTERM.
SERVER = """\
import http.server, json, os, pathlib, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(7)
        body = json.dumps({"argv": sys.argv[1:], "mode": os.environ.get("MODE"), "pid": os.getpid(), "cwd": os.getcwd()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        print("posted", self.path, self.rfile.read(size).decode(), self.headers.get("Authorization"), flush=True)
        self.send_response(204 if "good" in self.path else 409)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening with", os.environ.get("PASSWORD", "no password"), flush=True)
server.serve_forever()
"""


class Record(list):
    """The events that a driver recorded, and a way to wait for one."""

    def __init__(self):
        super().__init__()
        self.news = asyncio.Event()

    def __call__(self, kind, /, **info):
        self.append((kind, info))
        self.news.set()

    def of(self, action):
        return [info for kind, info in self if kind == "driver" and info["action"] == action]

    async def wait_for(self, action):
        async with asyncio.timeout(10):
            while not self.of(action):
                self.news.clear()
                await self.news.wait()
        return self.of(action)[-1]


def sut_of(tmp_path: Path, script: str, more: str = "", *, arguments='"{port:web}"', environ=None, timing="ready = 10"):
    (tmp_path / "server.py").write_text(script)
    text = f"""\
name = "small"
[web]
base_url = "http://127.0.0.1:{{port:web}}/x"
[timing]
{timing}
[driver]
kind = "process"
command = ["{sys.executable}", "-u", "{{sut_dir}}/server.py", {arguments}]
stop_grace = 2
{more}"""
    path = tmp_path / "sut.toml"
    path.write_text(text)
    return load(path, sections=SECTIONS, environ=environ or {})


def up(sut, tmp_path, record, **options):
    return bring_up(
        sut, directory=tmp_path / "bundle", clock=SystemClock(), network=SystemNetwork(), record=record, **options
    )


async def get(port: int, path: str = "/") -> dict:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        data = await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return json.loads(data.partition(b"\r\n\r\n")[2]) if data else {}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def runs(pid: int) -> bool:
    """Alive, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return Path("/proc/self").exists() is False and alive(pid)


# --- a process


def test_programs_beside_our_python_are_found_and_nobody_elses_is_hidden(tmp_path, monkeypatch):
    """A SUT file that says ``stgcmt`` needs no activated environment; its ``python3`` stays the user's."""
    for place, names in (("own", ("both", "only-ours")), ("users", ("both",))):
        (tmp_path / place).mkdir()
        for name in names:
            program = tmp_path / place / name
            program.write_text(f'#!/bin/sh\nMODE="{place}/{name}$MODE" exec "$@"\n')
            program.chmod(0o755)
    interpreter = sys.executable
    sut = sut_of(tmp_path, SERVER)
    command = ("only-ours", "both", interpreter, *sut.driver.command[1:])
    sut = dataclasses.replace(sut, driver=dataclasses.replace(sut.driver, command=command))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "own" / "python"))
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path / "users"), os.environ["PATH"])))

    async def main():
        async with up(sut, tmp_path, Record()) as running:
            return await get(running.placeholders.ports["web"])

    assert asyncio.run(main())["mode"] == "users/bothown/only-ours"


def test_a_process_gets_ports_directory_destinations_and_files(tmp_path):
    (tmp_path / "config.in").write_text(
        '{ "port": {port:web}, "theirs": "{destination:1:ae_title}@{destination:1:host}:{destination:1:port}" }'
    )
    sut = sut_of(
        tmp_path, SERVER, 'env = { MODE = "{destination:0:port}" }\n[[driver.files]]\nsource = "config.in"\ntarget = "etc/config.json"\n'
        '[archive]\nhost = "127.0.0.1"\nport = "{port:web}"\nae_title = "A"\n'
        '[[archive.destinations]]\nae_title = "D0"\nport = 0\n[[archive.destinations]]\nae_title = "D1"\nport = 0\n',
        arguments='"{port:web}", "{dir}/etc/config.json"',
    )  # fmt: skip

    async def main():
        record = Record()
        destinations = (Destination("D0", "127.0.0.1", 1111), Destination("D1", "127.0.0.1", 2222))
        async with up(sut, tmp_path, record, destinations=destinations) as running:
            port = running.section("archive")["port"]
            assert isinstance(port, int)
            assert running.section("web")["base_url"] == f"http://127.0.0.1:{port}/x"
            said = await get(port)
            assert said["argv"][0] == str(port)
            assert said["mode"] == "1111"
            config = Path(said["argv"][1])
            assert json.loads(config.read_text()) == {"port": port, "theirs": "D1@127.0.0.1:2222"}
            assert Path(said["cwd"]) == config.parent.parent
            assert running.log_tail() == ("listening with no password",)
            assert alive(said["pid"])
        assert not alive(said["pid"])
        assert not config.exists()
        assert [info["action"] for _, info in record] == ["rendered", "starting", "started", "stopped"]
        assert (tmp_path / "bundle" / "driver" / "sut.log").read_text() == "listening with no password\n"

    asyncio.run(main())


@pytest.mark.parametrize(
    "ready",
    ['{ log = "listening" }', '{ url = "http://127.0.0.1:{port:web}/", status = 200 }', '{ port = "{port:web}" }'],
)
def test_each_ready_check_waits_until_the_server_answers(tmp_path, ready):
    slow = "import time; time.sleep(0.2)\n" + SERVER
    sut = sut_of(tmp_path, slow, f"ready = {ready}\n")

    async def main():
        async with up(sut, tmp_path, Record()) as running:
            port = int(running.section("web")["base_url"].split(":")[2].split("/")[0])
            assert (await get(port))["pid"]

    asyncio.run(main())


def test_secrets_reach_the_process_but_not_the_log(tmp_path):
    sut = sut_of(tmp_path, SERVER, 'env_from = { PASSWORD = "P" }\n', environ={"P": "hunter22"})

    async def main():
        async with up(sut, tmp_path, Record()) as running:
            assert running.log_tail() == ("listening with ********",)

    asyncio.run(main())
    assert (tmp_path / "bundle" / "driver" / "sut.log").read_text() == "listening with ********\n"


def test_a_process_that_ends_at_once_is_told_with_its_last_lines(tmp_path):
    sut = sut_of(tmp_path, 'import sys\nprint("no licence")\nsys.exit(3)\n')

    async def main():
        record = Record()
        with pytest.raises(UnreachableError) as caught:
            async with up(sut, tmp_path, record):
                pytest.fail("it is not up")
        assert caught.value.exit_code == 4
        assert caught.value.expected == "a SUT that stays up"
        assert "exit status 3" in caught.value.seen
        assert "| no licence" in caught.value.seen
        assert "driver/sut.log" in caught.value.next_step
        assert record.of("exited")[0]["code"] == 3
        assert not alive(record.of("starting")[0]["pid"])

    asyncio.run(main())


def test_a_process_that_is_never_ready_is_ended(tmp_path):
    sut = sut_of(tmp_path, 'import signal\nprint("thinking", flush=True)\nsignal.pause()\n', timing="ready = 0.5")

    async def main():
        record = Record()
        with pytest.raises(UnreachableError) as caught:
            async with up(sut, tmp_path, record):
                pytest.fail("it is not up")
        assert "within 0.5 s" in caught.value.expected
        assert "| thinking" in caught.value.seen
        assert "[timing] ready" in caught.value.next_step
        assert not alive(record.of("starting")[0]["pid"])

    asyncio.run(main())


def test_a_crash_in_mid_run_is_noticed(tmp_path):
    sut = sut_of(tmp_path, SERVER)

    async def main():
        record = Record()
        async with up(sut, tmp_path, record) as running:
            port = int(running.section("web")["base_url"].split(":")[2].split("/")[0])
            with contextlib.suppress(OSError):
                await get(port, "/crash")
            exited = await record.wait_for("exited")
            assert (exited["code"], exited["how"]) == (7, "exit status 7")
            assert exited["log"] == ["listening with no password"]
            await running.restart()
            assert (await get(port))["pid"] != exited["pid"]
        assert len(record.of("exited")) == 1

    asyncio.run(main())


def test_a_restart_keeps_ports_and_directory(tmp_path):
    sut = sut_of(tmp_path, SERVER)

    async def main():
        record = Record()
        async with up(sut, tmp_path, record) as running:
            port = int(running.section("web")["base_url"].split(":")[2].split("/")[0])
            before = await get(port)
            await running.restart()
            after = await get(port)
            assert before["pid"] != after["pid"]
            assert before["cwd"] == after["cwd"]
            assert not alive(before["pid"])
        assert not alive(after["pid"])
        assert [info["action"] for _, info in record] == [
            "starting",
            "started",
            "stopped",
            "starting",
            "restarted",
            "stopped",
        ]

    asyncio.run(main())


def test_a_process_that_ignores_sigterm_and_its_children_are_killed(tmp_path):
    stubborn = """\
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"])
print("child", child.pid, flush=True)
signal.pause()
"""
    sut = sut_of(tmp_path, stubborn, 'ready = { log = "child" }\n')
    sut = dataclasses.replace(sut, driver=dataclasses.replace(sut.driver, stop_grace=0.2))

    async def main():
        record = Record()
        async with up(sut, tmp_path, record) as running:
            child = int(running.log_tail()[0].split()[1])
            assert alive(child)
        assert record.of("stopped")[0]["code"] == -9
        async with asyncio.timeout(5):
            while runs(child):  # the kernel ends it a moment after the signal; init reaps it when it likes
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_an_exception_or_a_cancellation_in_the_block_ends_the_process(tmp_path):
    sut = sut_of(tmp_path, SERVER)

    async def main():
        record = Record()
        with pytest.raises(ValueError, match="mine"):
            async with up(sut, tmp_path, record):
                raise ValueError("mine")
        assert not alive(record.of("started")[0]["pid"])

        record = Record()

        async def hold():
            async with up(sut, tmp_path, record):
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        await record.wait_for("started")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not alive(record.of("started")[0]["pid"])

    asyncio.run(main())


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"command": ("no-such-program-here",)}, "no-such-program-here: No such file"),
        ({"cwd": "nowhere"}, "nowhere does not exist"),
    ],
)
def test_a_command_that_cannot_be_started(tmp_path, change, seen):
    sut = sut_of(tmp_path, SERVER)
    sut = dataclasses.replace(sut, driver=dataclasses.replace(sut.driver, **change))

    async def main():
        with pytest.raises(UsageError) as caught:
            async with up(sut, tmp_path, Record()):
                pytest.fail("it is not up")
        assert seen in caught.value.seen
        assert "[driver]" in caught.value.next_step

    asyncio.run(main())


def test_two_runs_at_once_have_ports_of_their_own(tmp_path):
    async def main():
        suts = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            suts.append(sut_of(tmp_path / name, SERVER))
        async with up(suts[0], tmp_path / "a", Record()) as one, up(suts[1], tmp_path / "b", Record()) as two:
            assert one.section("web")["base_url"] != two.section("web")["base_url"]

    asyncio.run(main())


# --- the vendor's help


def test_provocations_by_command_and_url(tmp_path):
    (tmp_path / "help.py").write_text('import sys\nprint("deleted", *sys.argv[2:])\nsys.exit(int(sys.argv[1]))\n')
    python = sys.executable
    more = f"""\
[provoke.delete]
command = ["{python}", "help.py", "0", "{{sop_instance_uid}}", "{{role}}"]
[provoke.fail]
command = ["{python}", "help.py", "4"]
[provoke.hang]
command = ["{python}", "-c", "import time; time.sleep(60)"]
timeout = 0.3
[provoke.absent]
command = ["./no-such-tool"]
[provoke.call]
url = "http://127.0.0.1:{{port:web}}/good?uid={{sop_instance_uid}}"
body = "hold {{sop_instance_uid}}"
token_env = "T"
[provoke.refused]
url = "http://127.0.0.1:{{port:web}}/bad"
"""
    sut = sut_of(tmp_path, SERVER, more, environ={"T": "tok-12345"})

    async def main():
        record = Record()
        async with up(sut, tmp_path, record) as running:
            done = await running.provoke("web", None, "delete", {"sop_instance_uid": "1.2.3"})
            assert (done.ok, done.detail) == (True, "exit status 0: deleted 1.2.3 web")
            assert await running.provoke("web", None, "fail", {}) == type(done)(False, "exit status 4: deleted")
            assert (await running.provoke("web", None, "hang", {})).detail == "not finished after 0.3 s"
            assert "No such file" in (await running.provoke("web", None, "absent", {})).detail
            missing = await running.provoke("web", None, "delete", {})
            assert not missing.ok
            assert "{sop_instance_uid} has no value" in missing.detail
            assert (await running.provoke("web", None, "nothing", {})).detail == "the SUT file has no [provoke.nothing]"
            assert (await running.provoke("web", None, "call", {"sop_instance_uid": "1 2"})).ok
            assert running.log_tail(1) == ("posted /good?uid=1%202 hold 1 2 Bearer *********",)
            refused = await running.provoke("web", None, "refused", {})
            assert (refused.ok, refused.detail) == (False, "status 409")
        told = [info for kind, info in record if kind == "provoke"]
        assert [(info["name"], info["ok"]) for info in told] == [
            ("delete", True), ("fail", False), ("hang", False), ("absent", False), ("delete", False), ("nothing", False),
            ("call", True), ("refused", False),
        ]  # fmt: skip
        assert told[0]["values"] == {"sop_instance_uid": "1.2.3"}

    asyncio.run(main())


# --- external and builtin


def test_an_external_sut_is_left_alone(tmp_path):
    path = tmp_path / "sut.toml"
    path.write_text(
        'name = "a"\n[archive]\nhost = "127.0.0.1"\nport = 104\nae_title = "A"\n[archive.modes.m]\nport = 105\n'
    )
    sut = load(path, sections=SECTIONS)

    async def main():
        async with up(sut, tmp_path, Record()) as running:
            assert running.section("archive")["port"] == 104
            assert running.section("archive", "m")["port"] == 105
            assert running.seeding == {"how": "none"}
            with pytest.raises(UsageError, match="a driver that can restart it"):
                await running.restart()

    asyncio.run(main())


def reference(log, *, fail=False):
    """A reference whose port changes with every start."""

    @contextlib.asynccontextmanager
    async def come_up(setting):
        if fail:
            raise OSError("no port")
        log.append(("up", setting.mode, setting.fault, dict(setting.options), setting.directory.is_dir()))
        async with asyncio.timeout(60):  # must be left by the task that entered it
            yield {
                "port": 1000 + len(log),
                "provoke": {"delete": {"command": [sys.executable, "-c", "print('{uid}')"]}},
            }
        log.append(("down", setting.mode))

    return come_up


def test_references_come_up_for_each_mode_and_restart(tmp_path):
    sut = load(None, sections=SECTIONS)

    async def main():
        log: list = []
        record = Record()
        async with up(
            sut, tmp_path, record, builtin={"web": reference(log)}, modes={("web", None), ("web", "slow")}, fault={"web": "f"},
            options={"web": {"delay": 1}},
        ) as running:  # fmt: skip
            assert log == [("up", None, "f", {"delay": 1}, True), ("up", "slow", "f", {"delay": 1}, True)]
            base, slow = running.section("web"), running.section("web", "slow")
            assert (base["port"], slow["port"]) == (1001, 1002)
            assert running.section("web", "unknown")["port"] == 1001
            assert {**running.section("nobody")} == {}
            assert (await running.provoke("web", "slow", "delete", {"uid": "7"})).detail == "exit status 0: 7"
            await asyncio.create_task(running.restart())  # from another task than the one that entered
            assert base["port"] == 1004, "a section shows the reference as it is now"
        assert [entry[0] for entry in log] == ["up", "up", "down", "up", "down", "up", "down", "down"]
        assert [info["action"] for kind, info in record if kind == "driver"] == ["started", "started", "restarted"]

    asyncio.run(main())


def test_a_reference_that_does_not_come_up_is_the_harness_fault(tmp_path):
    sut = load(None, sections=SECTIONS)

    async def main():
        log: list = []
        with pytest.raises(HarnessError, match="no port"):
            async with up(
                sut, tmp_path, Record(), builtin={"archive": reference(log), "web": reference(log, fail=True)},
                modes={("archive", None), ("web", None)},
            ):  # fmt: skip
                pytest.fail("it is not up")
        assert [entry[0] for entry in log] == ["up", "down"]
        with pytest.raises(HarnessError, match="its suite ships none"):
            async with up(sut, tmp_path, Record(), modes={("web", None)}):
                pytest.fail("it is not up")

    asyncio.run(main())
