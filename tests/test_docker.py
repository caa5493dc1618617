"""The docker driver, the image and the compose file, against a real Docker Engine; no registry is asked."""
# ruff: noqa: E501 - scripts and tables stay whole

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import docker_images
from docker_daemon import engine as some_engine
from docker_daemon import required
from stgcmt.clock import SystemClock
from stgcmt.drivers import bring_up, meeting_of
from stgcmt.drivers.docker_engine import RUN_LABEL
from stgcmt.errors import UnreachableError, UsageError
from stgcmt.sut import Destination, load
from stgcmt.transcript import read_transcript
from stgcmt.wire.stream import SystemNetwork

ROOT = Path(__file__).parents[1]
SUTS = Path(__file__).parent / "docker"
BASE, HARNESS, ORTHANC = "stgcmt-test/base:1", "stgcmt-test/harness:1", "stgcmt-test/orthanc:1"
STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")
LIMIT_S = 280
SECTIONS = {"web": {"$ref": "#/$defs/http_end_point"}, "archive": {"$ref": "#/$defs/dimse_end_point"}}

pytestmark = [pytest.mark.docker, pytest.mark.slow]

# A server of a few lines: says who it is, remembers in a file, ends at SIGTERM and says so, crashes when asked.
SERVER = """\
import http.server, json, os, pathlib, signal, sys
def bye(number, _):
    print("bye by", signal.Signals(number).name, flush=True)
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, bye)
count = pathlib.Path("/data/count")
count.write_text(str(int(count.read_text()) + 1 if count.exists() else 1))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(7)
        body = json.dumps({"lives": int(count.read_text()), "env": dict(os.environ), "uid": os.getuid(), "pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
print("listening with", os.environ.get("PASSWORD", "no password"), flush=True)
http.server.HTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Any]:
    """The low-level client of an engine that answers; DOCKER_HOST names it."""
    with some_engine() as url:
        required(url)
        import docker

        api = docker.APIClient(version="auto", **({"base_url": url} if url else {}))
        with contextlib.closing(api):
            yield api


@pytest.fixture(scope="module")
def base(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    tree = tmp_path_factory.mktemp("images") / "base.tar"
    docker_images.base_tree(tree)
    made = docker_images.imported(engine, tree, BASE, ["ENV PATH=/usr/local/bin:/usr/bin:/bin"])
    tree.unlink()
    return made


@pytest.fixture(scope="module")
def harness_image(engine: Any, base: str) -> str:
    """The Dockerfile of this repository, with the local base in place of python:3-slim."""
    arguments = {"BASE": base, "PIP_ARGS": "--no-index --no-build-isolation", "COMMIT": "abc123"}
    said = [*engine.build(path=str(ROOT), tag=HARNESS, buildargs=arguments, rm=True, forcerm=True, decode=True)]
    assert not [each for each in said if "error" in each], said[-10:]
    return HARNESS


@pytest.fixture(scope="module")
def orthanc_image(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    if not Path("/usr/sbin/Orthanc").exists():
        if os.environ.get("CI"):
            pytest.fail("Orthanc is not installed: apt-get install orthanc")
        pytest.skip("Orthanc is not installed")
    tree = tmp_path_factory.mktemp("images") / "orthanc.tar"
    docker_images.orthanc_tree(tree)
    return docker_images.imported(engine, tree, ORTHANC)


def ours(engine: Any) -> dict[str, list[str]]:
    """Whatever carries the label of a run, and whatever a compose project of a run left."""
    label = {"label": RUN_LABEL}
    project = [
        each
        for each in engine.containers(all=True)
        if each["Labels"].get("com.docker.compose.project", "").startswith("stgcmt-")
    ]
    return {
        "containers": [each["Names"][0] for each in [*engine.containers(all=True, filters=label), *project]],
        "networks": [each["Name"] for each in engine.networks() if each["Name"].startswith("stgcmt-")],
        "volumes": [
            each["Name"] for each in engine.volumes().get("Volumes") or [] if each["Name"].startswith("stgcmt-")
        ],
    }


NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": []}


# --- both suites against containers


@dataclasses.dataclass(frozen=True)
class Run:
    bundle: Path
    code: int
    said: str

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in json.loads((self.bundle / "results.json").read_text("utf-8"))["requirements"]}

    def verdicts(self, *wanted: str) -> dict[str, str]:
        return {ident: row["verdict"] for ident, row in self.rows.items() if row["verdict"] in wanted}

    def driver(self, action: str) -> list[dict[str, Any]]:
        events = read_transcript(self.bundle / "transcripts" / "run.jsonl").of("driver")
        return [event.info for event in events if event.info["action"] == action]


def started(bundle: Path, *arguments: str) -> subprocess.Popen[str]:
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return subprocess.Popen(
        [*STGCMT, "run", *arguments, "--out", str(bundle)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env={**os.environ, "PATH": path},
    )  # fmt: skip


def with_claims(directory: Path) -> Path:
    """references.toml with what the references claim of themselves, as a run without a SUT file takes it."""
    from stgcmt.suite import load_suites

    text = (SUTS / "references.toml").read_text("utf-8")
    for role in ("origin_server", "scp"):
        text += f"\n[claims.{role}]\n"
        text += "".join(
            f"{name} = {json.dumps(value)}\n" for name, value in load_suites()[role].reference_claims.items()
        )
    text = text.replace("[claims.origin_server]\n", "[claims.origin_server]\nunsecured = true\n")
    (directory / "references.toml").write_text(text.replace("usual_report_delay = 1.0", "usual_report_delay = 5"))
    return directory / "references.toml"


def orthanc_contained(directory: Path) -> Path:
    """The SUT file for Orthanc that ships, its process put into a container and nothing else changed."""
    preset = ROOT / "fixtures" / "stgcmt_fixtures" / "suts" / "orthanc"
    config = (preset / "orthanc.json").read_text("utf-8")
    for seen, here in (
        ("{dir}/storage", "/var/lib/orthanc"), ("{port:http}", "8042"), ("{port:dicom}", "4242"),
        ('"RemoteAccessAllowed": false', '"RemoteAccessAllowed": true'),
    ):  # fmt: skip
        assert seen in config, seen
        config = config.replace(seen, here)
    (directory / "orthanc.json").write_text(config)
    text = (preset / "sut.toml").read_text("utf-8").replace('host = "127.0.0.1"\nport = 0\n', "port = 0\n")
    head, rest = text.split("[driver]\n", 1)
    tail = "[timing]\n" + rest.split("[timing]\n", 1)[1].replace("usual_report_delay = 1", "usual_report_delay = 5")
    driver = (SUTS / "orthanc_driver.toml").read_text("utf-8")
    (directory / "orthanc.toml").write_text(head + driver + tail)
    shutil.copy(preset / "delete_instance.py", directory)
    return directory / "orthanc.toml"


@pytest.fixture(scope="module")
def runs(
    engine: Any, harness_image: str, orthanc_image: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    """Both at the same time: Orthanc's run mostly waits. Neither may disturb the other."""
    files = {"references": with_claims, "orthanc": orthanc_contained}
    places = {name: tmp_path_factory.mktemp("docker") / name for name in files}
    playing = {name: started(bundle, str(files[name](bundle.parent))) for name, bundle in places.items()}
    done = {}
    try:
        for name, process in playing.items():
            said, _ = process.communicate(timeout=LIMIT_S)
            done[name] = Run(places[name], process.returncode, said)
    finally:
        for process in playing.values():
            process.kill()
            process.wait()
    return done


class TestReferences:
    def test_nothing_is_held_against_them(self, runs: dict[str, Run]) -> None:
        run = runs["references"]
        assert run.code == 0, run.said[-3000:]
        assert run.verdicts("fail", "warn", "error") == {}

    def test_what_the_same_references_pass_without_containers_is_judged_here_too(self, runs: dict[str, Run]) -> None:
        run = runs["references"]
        judged = run.verdicts("pass", "note")
        assert len(judged) > 175, run.verdicts("inconclusive", "not-tested")
        assert {row["role"] for ident, row in run.rows.items() if ident in judged} == {"origin_server", "scp"}

    def test_a_restart_is_a_kill_and_what_was_committed_survives(self, runs: dict[str, Run]) -> None:
        run = runs["references"]
        assert [each["by"] for each in run.driver("restarted")] == ["kill", "kill"]
        assert [(each["container"], each["code"]) for each in run.driver("stopped") if each["killed"]] == [
            ("scp", 137)
        ] * 2
        assert run.rows["DIMSE-J.1.1-02"]["verdict"] == "pass"
        assert run.rows["DIMSE-ROB-RETRY-02"]["verdict"] == "pass"

    def test_the_output_of_each_container_is_in_the_bundle(self, runs: dict[str, Run]) -> None:
        logs = {path.name: path.read_text("utf-8") for path in (runs["references"].bundle / "driver").iterdir()}
        assert set(logs) == {"later.log", "now.log", "brief.log", "scp.log"}
        assert logs["scp.log"].count("STGCMT_SCP") == 3, "three lives, each said once"

    def test_reports_came_to_the_gateway(self, runs: dict[str, Run]) -> None:
        run = runs["references"]
        (start,) = run.driver("starting")
        assert start["reached_at"] != "127.0.0.1"
        assert any(start["reached_at"] in part for each in run.driver("created") for part in each["command"])


class TestOrthanc:
    def test_it_is_what_it_is_without_a_container(self, runs: dict[str, Run]) -> None:
        """docs/orthanc.md tells the deviations of a process; a container changes none."""
        part = (ROOT / "docs" / "orthanc.md").read_text("utf-8").split("\n## Deviations\n")[1].split("\n## ")[0]
        documented = dict(re.findall(r"^\| \[?(DIMSE-[\w.-]+)\]?(?:\(#[^)]*\))? \| ([^|]+) \|", part, re.MULTILINE))
        run = runs["orthanc"]
        assert run.code == 1, run.said[-3000:]
        assert run.verdicts("fail", "warn", "error") == documented

    def test_it_was_restarted_and_kept_its_store(self, runs: dict[str, Run]) -> None:
        run = runs["orthanc"]
        assert len(run.driver("restarted")) == 2
        assert {each["code"] for each in run.driver("stopped")} == {0}, "it was asked, and ended by itself"
        assert run.rows["DIMSE-J.1.1-02"]["verdict"] == "pass"
        assert "Orthanc has started" in (run.bundle / "driver" / "sut.log").read_text("utf-8")


def test_a_user_agent_in_a_container_asks_us(engine: Any, harness_image: str, tmp_path: Path) -> None:
    """It reads the instances from the bundle, and reaches our listening address from inside."""
    process = started(
        tmp_path / "bundle", str(SUTS / "user_agent.toml"), "--req", "WEB-UA-SAFE-01", "--req", "WEB-13.4.1-01"
    )
    said, _ = process.communicate(timeout=120)
    run = Run(tmp_path / "bundle", process.returncode, said)
    assert run.code == 0, said
    assert run.verdicts("pass") == {"WEB-UA-SAFE-01": "pass", "WEB-13.4.1-01": "pass"}, said


def test_nothing_of_these_runs_is_left(runs: dict[str, Run], engine: Any) -> None:
    assert ours(engine) == NOTHING
    assert {run.bundle.name: run.driver("left-behind") for run in runs.values()} == {"references": [], "orthanc": []}


# --- the driver by itself


class Record(list):
    def __init__(self) -> None:
        super().__init__()
        self.news = asyncio.Event()

    def __call__(self, kind: str, /, **info: Any) -> None:
        self.append((kind, info))
        self.news.set()

    def of(self, action: str) -> list[dict[str, Any]]:
        return [info for kind, info in self if kind == "driver" and info["action"] == action]

    async def wait_for(self, action: str) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while not self.of(action):
                self.news.clear()
                await self.news.wait()
        return self.of(action)[-1]


PLAIN = f"""\
image = "{BASE}"
command = ["python", "-u", "/server.py"]
mounts = ["./server.py:/server.py:ro", "kept:/data"]
ports = {{ web = 8080 }}
ready = {{ url = "http://127.0.0.1:{{port:web}}/" }}
"""


def sut_of(
    tmp_path: Path,
    driver: str = PLAIN,
    *,
    ready: float = 15,
    environ: dict[str, str] | None = None,
    more: str = "",
    url: str = "http://127.0.0.1:{port:web}/",
) -> Any:
    (tmp_path / "server.py").write_text(SERVER)
    path = tmp_path / "sut.toml"
    path.write_text(
        f'name = "Small one"\n{more}\n[web]\nbase_url = "{url}"\n[timing]\nready = {ready}\n[driver]\nkind = "docker"\npull = "never"\nstop_grace = 3\n{driver}'
    )
    return load(path, sections=SECTIONS, environ=environ or {})


def up(sut: Any, tmp_path: Path, record: Any, **options: Any) -> Any:
    return bring_up(
        sut, directory=tmp_path / "bundle", clock=SystemClock(), network=SystemNetwork(), record=record, **options
    )


def get(running: Any, path: str = "/") -> dict[str, Any]:
    """In a thread where the loop must go on."""
    with urllib.request.urlopen(running.section("web")["base_url"].rstrip("/") + path, timeout=10) as answer:
        return json.load(answer)


def attempt(sut: Any, tmp_path: Path) -> Any:
    """What bringing this SUT up raises."""

    async def go() -> None:
        async with up(sut, tmp_path, Record()):
            pass

    with pytest.raises((UsageError, UnreachableError)) as caught:
        asyncio.run(go())
    return caught.value


def test_up_restarted_and_down(tmp_path: Path, base: str, engine: Any) -> None:
    driver = (
        PLAIN
        + 'env = { MODE = "loud", PLACE = "{destination:0:host}:{destination:0:port}" }\nenv_from = { PASSWORD = "HUSH" }\nuser = "1234:1234"\nstop_signal = "SIGUSR1"\ninit = true\n'
    )
    driver = driver.replace("kept:/data", "{dir}/data:/data")
    archive = '[archive]\nhost = "127.0.0.1"\nport = "{port:web}"\nae_title = "A"\n[[archive.destinations]]\nae_title = "US"\nport = 0\n'
    sut = sut_of(tmp_path, driver, environ={"HUSH": "quite-secret"}, more=archive)
    assert sut.destinations[0].host == "{gateway}"
    record = Record()

    async def go() -> None:
        meeting = await meeting_of(sut)
        place = Destination("US", meeting.listen, 4711)
        async with up(sut, tmp_path, record, destinations=[place]) as running:
            first = get(running)
            assert (first["lives"], first["uid"]) == (1, 1234)
            assert first["pid"] > 1, "a small init process is the first one"
            assert (first["env"]["MODE"], first["env"]["PASSWORD"]) == ("loud", "quite-secret")
            assert first["env"]["PLACE"] == f"{meeting.reach}:4711"
            (container,) = engine.containers(filters={"label": RUN_LABEL})
            assert {each["IP"] for each in container["Ports"]} == {"127.0.0.1"}
            assert running.log_tail() == ("listening with ************",)
            port = running.placeholders.ports["web"]
            await running.restart()
            assert get(running)["lives"] == 2
            assert running.placeholders.ports["web"] == port
        assert ours(engine) == NOTHING

    asyncio.run(go())
    log = (tmp_path / "bundle" / "driver" / "sut.log").read_text()
    assert log.splitlines() == ["listening with ************", "bye by SIGUSR1"] * 2
    assert [each["code"] for each in record.of("stopped")] == [0, 0]
    assert "quite-secret" not in str(record)


def test_a_restart_that_is_a_crash(tmp_path: Path, base: str) -> None:
    record = Record()

    async def go() -> None:
        async with up(sut_of(tmp_path, PLAIN + 'restart_by = "kill"\n'), tmp_path, record) as running:
            await running.restart()
            assert get(running)["lives"] == 2

    asyncio.run(go())
    assert [(each["code"], each["killed"]) for each in record.of("stopped")] == [(137, True), (0, False)]
    assert "bye" not in (tmp_path / "bundle" / "driver" / "sut.log").read_text().splitlines()[1]


def test_an_end_that_nobody_asked_for_is_recorded_when_it_happens(tmp_path: Path, base: str) -> None:
    record = Record()

    async def go() -> dict[str, Any]:
        async with up(sut_of(tmp_path), tmp_path, record) as running:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(get, running, "/crash")
            return await record.wait_for("exited")

    ended = asyncio.run(go())
    assert (ended["container"], ended["code"], ended["how"]) == ("sut", 7, "exit status 7")
    assert ended["log"] == ["listening with no password"]


def everything(engine: Any) -> dict[str, set[str]]:
    """All that an engine holds, whoever made it."""
    return {
        "containers": {each["Id"] for each in engine.containers(all=True)},
        "networks": {each["Id"] for each in engine.networks()},
        "volumes": {each["Name"] for each in engine.volumes().get("Volumes") or []},
    }


def test_what_others_made_stays(tmp_path: Path, base: str, engine: Any) -> None:
    """A container, a network and a volume without our label, and a container with the label of another run."""
    other = engine.create_container(base, command=["python"], name="somebody-elses")["Id"]
    elsewhere = engine.create_container(
        base, command=["python"], labels={RUN_LABEL: "another"}, name="stgcmt-another-sut"
    )["Id"]
    network = engine.create_network("somebody-elses")["Id"]
    engine.create_volume("somebody-elses")
    before = everything(engine)
    try:

        async def go() -> None:
            async with up(sut_of(tmp_path, PLAIN + 'network = "somebody-elses"\n'), tmp_path, Record()) as running:
                assert get(running)["lives"] == 1
                assert len(engine.inspect_network(network)["Containers"]) == 1

        asyncio.run(go())
        assert everything(engine) == before
    finally:
        engine.remove_container(other)
        engine.remove_container(elsewhere)
        engine.remove_network(network)
        engine.remove_volume("somebody-elses")
    assert ours(engine) == NOTHING


def test_several_containers_know_each_other_by_name(tmp_path: Path, base: str, engine: Any) -> None:
    """The second asks the first; a restart concerns the second alone; down goes in the other order."""
    asks = "import time, urllib.request as u; print('lives', u.urlopen('http://store:8080/').read()[:11], flush=True); time.sleep(600)"
    driver = f"""\
restart_only = ["front"]
[[driver.containers]]
name = "store"
{PLAIN}
[[driver.containers]]
name = "front"
image = "{BASE}"
command = ["python", "-c", "{asks}"]
ready = {{ log = "lives" }}
stop_grace = 1
"""
    record = Record()

    async def go() -> None:
        async with up(sut_of(tmp_path, driver), tmp_path, record) as running:
            assert re.fullmatch(r"stgcmt-[0-9a-f]{12}-store", running.placeholders.text("{container:store}"))
            await running.restart()
            assert get(running)["lives"] == 1, "the store went on"
            assert running.log_tail()[0].startswith("store: ")

    asyncio.run(go())
    assert [each["container"] for each in record.of("stopped")] == ["front", "front", "store"]
    assert ours(engine) == NOTHING


def test_on_the_network_of_this_machine(tmp_path: Path, base: str) -> None:
    driver = PLAIN.replace("ports = { web = 8080 }\n", 'network = "host"\n').replace(
        '"/server.py"]', '"/server.py", "{port:web}"]'
    )

    async def go() -> None:
        sut = sut_of(tmp_path, driver)
        (tmp_path / "server.py").write_text(SERVER.replace('("0.0.0.0", 8080)', '("127.0.0.1", int(sys.argv[1]))'))
        assert (await meeting_of(sut)).listen == "127.0.0.1"
        async with up(sut, tmp_path, Record()) as running:
            assert get(running)["lives"] == 1

    asyncio.run(go())


def test_an_image_is_built_and_its_own_health_check_is_waited_for(tmp_path: Path, base: str, engine: Any) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "server.py").write_text(SERVER)
    (tmp_path / "image" / "Dockerfile").write_text(
        f"FROM {BASE}\nARG WHO\nENV WHO=${{WHO}}\nCOPY server.py /server.py\nVOLUME /data\n"
        "HEALTHCHECK --interval=1s CMD python -c \"import urllib.request as u; u.urlopen('http://127.0.0.1:8080/')\"\n"
        'CMD ["python", "-u", "/server.py"]\n'
    )
    driver = (
        'build = { context = "image", args = { WHO = "me" } }\nports = { web = 8080 }\nready = { healthy = true }\n'
    )

    async def go() -> None:
        async with up(sut_of(tmp_path, driver), tmp_path, Record()) as running:
            assert get(running)["env"]["WHO"] == "me"

    before = everything(engine)
    try:
        asyncio.run(go())
        assert "COPY server.py" in (tmp_path / "bundle" / "driver" / "build.log").read_text()
        assert everything(engine) == before, "its anonymous volume is gone, too"
    finally:
        engine.remove_image("stgcmt-sut/small-one:sut")


def test_ctrl_c_while_it_is_waited_for_leaves_nothing(tmp_path: Path, base: str, engine: Any) -> None:
    driver = PLAIN.replace('"-u", "/server.py"', '"-c", "import time; print(1, flush=True); time.sleep(600)"')
    record = Record()

    async def go() -> None:
        async def bring() -> None:
            async with up(sut_of(tmp_path, driver), tmp_path, record):
                raise AssertionError("it never is up")

        task = asyncio.create_task(bring())
        await record.wait_for("created")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert ours(engine) == NOTHING


# --- what can go wrong


def test_it_ends_at_once(tmp_path: Path, base: str, engine: Any) -> None:
    script = "print('first'); print('no licence found'); raise SystemExit(3)"
    error = attempt(sut_of(tmp_path, PLAIN.replace('"-u", "/server.py"', f'"-c", "{script}"')), tmp_path)
    assert isinstance(error, UnreachableError)
    assert error.seen.splitlines() == [
        "it ended (container sut, exit status 3) before it was ready; it said:",
        "            | first",
        "            | no licence found",
    ]
    assert "driver/sut.log" in error.next_step
    assert ours(engine) == NOTHING


def test_it_is_never_ready(tmp_path: Path, base: str) -> None:
    """Its port is published, so a connection opens at once: nobody listens behind it all the same."""
    driver = f'image = "{BASE}"\nports = {{ web = 8080 }}\ncommand = ["python", "-c", "import time; print(\'busy\', flush=True); time.sleep(600)"]\n'
    error = attempt(sut_of(tmp_path, driver, ready=2), tmp_path)
    assert isinstance(error, UnreachableError)
    assert error.expected.startswith("sut: connections at the ports ")
    assert error.expected.endswith("within 2 s")
    assert error.seen.endswith("| busy")


def test_a_health_check_that_is_not_there(tmp_path: Path, base: str) -> None:
    error = attempt(
        sut_of(tmp_path, PLAIN.replace('{ url = "http://127.0.0.1:{port:web}/" }', "{ healthy = true }")), tmp_path
    )
    assert error.expected == "an image with a HEALTHCHECK, since ready asks for it"


@pytest.mark.parametrize(
    ("image", "pull", "seen", "step"),
    [
        ("stgcmt-test/nothing:1", "never", 'none, and pull = "never"', "docker pull stgcmt-test/nothing:1"),
        ("127.0.0.1:1/nothing:1", "missing", "it could not be fetched: ", "docker login"),
    ],
)
def test_an_image_that_is_nowhere(tmp_path: Path, engine: Any, image: str, pull: str, seen: str, step: str) -> None:
    sut = sut_of(tmp_path, PLAIN.replace(BASE, image))
    container = dataclasses.replace(sut.driver.docker.containers[0], pull=pull)
    driver = dataclasses.replace(sut.driver, docker=dataclasses.replace(sut.driver.docker, containers=(container,)))
    error = attempt(dataclasses.replace(sut, driver=driver), tmp_path)
    assert isinstance(error, UsageError)
    assert error.seen.startswith(seen)
    assert step in error.next_step


def test_a_port_that_is_taken(tmp_path: Path, base: str, engine: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = attempt(sut_of(tmp_path, PLAIN.replace("web = 8080", f'web = "{port}:8080"')), tmp_path)
    assert isinstance(error, UsageError)
    assert error.expected == "free ports on 127.0.0.1 for the container sut"
    assert str(port) in error.seen
    assert ours(engine) == NOTHING


def test_a_program_that_is_not_there(tmp_path: Path, base: str) -> None:
    error = attempt(sut_of(tmp_path, PLAIN.replace('"python"', '"pyhton"')), tmp_path)
    assert error.expected == "a program that the container sut can start"
    assert "pyhton" in error.seen


def test_a_network_that_is_not_there(tmp_path: Path, base: str) -> None:
    error = attempt(sut_of(tmp_path, PLAIN + 'network = "clinic"\n'), tmp_path)
    assert (error.expected, error.seen) == ("a Docker network clinic", "none")


def test_an_image_that_cannot_be_built(tmp_path: Path, base: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE}\nRUN python -c \"raise SystemExit('no compiler')\"\n")
    error = attempt(sut_of(tmp_path, 'build = "."\nports = { web = 8080 }\n'), tmp_path)
    assert "no compiler" in error.seen
    assert "driver/build.log" in error.next_step


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    error = attempt(sut_of(tmp_path), tmp_path)
    assert isinstance(error, UsageError)
    assert error.expected == "a Docker Engine that answers"
    assert "DOCKER_HOST" in error.next_step
    told = subprocess.run([*STGCMT, "doctor", str(SUTS / "compose.toml")], capture_output=True, text=True, check=False)
    assert told.returncode == 4
    assert "FAIL asking the Docker Engine" in told.stdout
    assert "1 of 2 stages need attention" in told.stdout


def test_an_engine_of_another_machine(tmp_path: Path, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports are published on its loopback, not on ours."""
    import docker

    monkeypatch.setattr(docker, "APIClient", lambda **_: engine)
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker:2375")
    error = attempt(sut_of(tmp_path), tmp_path)
    assert error.expected == "an engine on this machine: ports are published on its 127.0.0.1"


# --- doctor, compose, image


def test_the_doctor_brings_it_up_and_asks_it(engine: Any, harness_image: str) -> None:
    told = subprocess.run(
        [*STGCMT, "doctor", str(SUTS / "compose.toml")], capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stdout + told.stderr
    for said in ("ok   Docker Engine", "destination STGCMT1", "scp: C-ECHO", "all is well"):
        assert said in told.stdout
    assert ours(engine) == NOTHING


def test_a_compose_file(tmp_path: Path, engine: Any, harness_image: str) -> None:
    """Up, the vendor's command inside a container, a restart of one service, down; a service that ended well is no fault."""
    from stgcmt.suite import load_suites

    sut = load(SUTS / "compose.toml", suites=load_suites())
    record = Record()

    async def go() -> None:
        meeting = await meeting_of(sut)
        place = Destination("STGCMT1", meeting.listen, 4711)
        async with up(sut, tmp_path, record, destinations=[place]) as running:
            assert running.section("scp")["port"] == running.placeholders.ports["dicom"]
            done = await running.provoke("scp", None, "delete", {"sop_instance_uid": "1.2.3"})
            assert "404" in done.output, "it was asked inside the container, and has no such instance"
            await running.restart()

    asyncio.run(go())
    assert [each["containers"] for each in record.of("restarted")] == [["archive"]]
    assert sorted(path.name for path in (tmp_path / "bundle" / "driver").iterdir()) == [
        "archive.log",
        "compose.log",
        "prepare.log",
    ]
    assert record.of("left-behind") == []
    assert ours(engine) == NOTHING


def test_a_compose_file_whose_service_ends(tmp_path: Path, engine: Any, base: str) -> None:
    (tmp_path / "services.yaml").write_text(
        f'version: "3.7"\nservices:\n  archive:\n    image: {BASE}\n    command: [python, -c, "raise SystemExit(\'no licence\')"]\n'
        '    ports: ["127.0.0.1:${STGCMT_PORT_WEB}:8080"]\n'
    )
    path = tmp_path / "sut.toml"
    path.write_text(
        'name = "x"\n[web]\nbase_url = "http://127.0.0.1:{port:web}/"\n[driver]\nkind = "docker"\ncompose = "services.yaml"\n'
    )
    sut = load(path, sections=SECTIONS)
    error = attempt(sut, tmp_path)
    assert "container archive, exit status 1" in error.seen
    assert "| no licence" in error.seen
    assert ours(engine) == NOTHING


def test_the_image_is_small_and_not_root(engine: Any, base: str, harness_image: str) -> None:
    image = engine.inspect_image(harness_image)
    assert image["Config"]["User"] == "10001:10001"
    grown = image["Size"] - engine.inspect_image(base)["Size"]
    assert grown < 20_000_000, f"{grown} bytes above its base: sources, pip's cache or the dependencies twice?"


# --- the README


def steps() -> tuple[str, str]:
    """The two lines of the README."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = [each for each in blocks if "--image" in each]
    first, second = block.strip().splitlines()
    return first, second


@pytest.fixture(scope="module")
def somebodys_image(engine: Any, harness_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What the README calls a vendor's image: an origin server that listens at 8080."""
    (image,) = re.findall(r"--image (\S+)", steps()[1])
    context = tmp_path_factory.mktemp("acme")
    (context / "Dockerfile").write_text(
        f"FROM {harness_image}\nENTRYPOINT []\n"
        'CMD ["stgcmt", "serve", "origin-server", "--host", "0.0.0.0", "--port", "8080", "--directory", "/data"]\n'
    )
    said = [*engine.build(path=str(context), tag=image, rm=True, forcerm=True, decode=True)]
    assert not [each for each in said if "error" in each], said[-10:]
    yield image
    engine.remove_image(image, noprune=True)


@pytest.fixture(params=["a checkout", "the wheel in an empty directory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A directory to stand in, and what pip is told there; the README says the first."""
    here = tmp_path / "here"
    if request.param == "a checkout":
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(here)], check=True, capture_output=True)
        return here, "."
    here.mkdir()
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    return here, str(wheel)


def test_the_two_steps_of_the_readme_judge_a_container(
    engine: Any, somebodys_image: str, place: tuple[Path, str]
) -> None:
    """The lines of the README as they stand, in one shell, from nothing: no virtual environment, no SUT file."""
    here, package = place
    first, second = steps()
    assert "'.[docker]'" in first
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    own = str(Path(sys.executable).parent)  # whose python3 and stgcmt must not be found instead
    kept["PATH"] = os.pathsep.join(each for each in kept["PATH"].split(os.pathsep) if each != own)
    script = "\n".join((first.replace("'.[docker]'", f"'{package}[docker]'"), second)) + "\n"
    done = subprocess.run(
        ["sh", "-c", script], cwd=here, env=kept, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (results,) = here.glob("*/results.json")
    run = Run(results.parent, done.returncode, done.stdout)
    assert run.verdicts("fail", "error") == {}
    assert len(run.verdicts("pass")) > 90, run.verdicts("inconclusive", "not-tested")
    assert run.driver("created")[0]["image"] == somebodys_image
    assert (run.bundle / "report.html").is_file()
    assert ours(engine) == NOTHING


def compose_command() -> list[str]:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if os.environ.get("CI"):
        pytest.fail("docker-compose is not installed: apt-get install docker-compose")
    pytest.skip("docker-compose is not installed")


def test_harness_and_references_on_one_network(engine: Any, base: str, tmp_path: Path) -> None:
    """compose.yaml as it stands, image built by it on another base, but for the rows: one of each service and of each way."""
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    evidence.chmod(0o777)
    wanted = ("DIMSE-J.3.3-01", "DIMSE-J.1.1-02", "DIMSE-J.3.2.1.3-02", "WEB-J.2-03", "WEB-13.4.3-07", "WEB-13.5.3-11")
    stated = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["harness"]["command"]
    over = tmp_path / "over.yaml"
    over.write_text(
        yaml.safe_dump({"services": {"harness": {"command": [*stated, *(f"--req={each}" for each in wanted)]}}})
    )
    assert not engine.images("stgcmt"), "an image stgcmt of somebody else is here: this test would remove it"
    files = ["--project-directory", str(ROOT), "--file", str(ROOT / "compose.yaml"), "--file", str(over)]
    command = [*compose_command(), "--project-name", f"stgcmt-test-{os.getpid()}", *files]
    build = {"BASE": base, "PIP_ARGS": "--no-index --no-build-isolation", "COMMIT": "abc123"}
    environment = {**os.environ, "EVIDENCE": str(evidence), **build}
    try:
        up = subprocess.run(
            [*command, "up", "--build", "--exit-code-from", "harness"], env=environment, capture_output=True, text=True,
            check=False, timeout=LIMIT_S,
        )  # fmt: skip
    finally:
        subprocess.run(
            [*command, "down", "--volumes", "--timeout", "1"],
            env=environment,
            capture_output=True,
            check=False,
            timeout=90,
        )
        for _ in engine.images("stgcmt"):
            engine.remove_image("stgcmt", noprune=True)
    assert up.returncode == 0, up.stdout[-3000:] + up.stderr[-2000:]
    results = json.loads((evidence / "bundle" / "results.json").read_text("utf-8"))
    assert results["tool"]["commit"] == "abc123", "what the image was built from"
    verdicts = {row["id"]: row["verdict"] for row in results["requirements"] if row["id"] in wanted}
    assert verdicts == dict.fromkeys(wanted, "pass")
    assert results["sut"]["roles"] == ["origin_server", "scp"]
    assert (evidence / "bundle" / "report.html").stat().st_uid == 10001
