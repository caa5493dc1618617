"""The docker part of a SUT file: what it says, what is said about a wrong one, what a dry run and init make of it. No engine is asked."""
# ruff: noqa: E501 - the rows of a table stay whole

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from stgcmt.commands.dry_run import show
from stgcmt.commands.run import make_plan
from stgcmt.drivers.docker_engine import gateways, in_thread
from stgcmt.drivers.meeting import Meeting, meeting_of
from stgcmt.errors import UsageError
from stgcmt.init import render as init
from stgcmt.suite import load_suites
from stgcmt.sut import Destination, load
from stgcmt.sut_docker import Build, Mount, Port
from stgcmt.sut_errors import SutFileError

SECTIONS = {"web": {"$ref": "#/$defs/http_end_point"}, "archive": {"$ref": "#/$defs/dimse_end_point"}}
HEAD = 'name = "a"\n[web]\nbase_url = "http://127.0.0.1:{port:web}/"\n[driver]\nkind = "docker"\n'
ONE = 'image = "acme/a:1"\nports = { web = 8080 }\n'


def read(tmp_path, text, environ=None):
    path = tmp_path / "sut.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, sections=SECTIONS, environ=environ or {})


def problems(tmp_path, text):
    with pytest.raises(SutFileError) as caught:
        read(tmp_path, text)
    return caught.value.problems


def test_one_container(tmp_path):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Other").write_text("FROM scratch\n")
    (tmp_path / "conf").write_text("")
    sut = read(
        tmp_path,
        HEAD
        + """\
build = { context = "image", dockerfile = "Other", args = { A = "1" }, target = "last" }
ports = { web = 8080, fixed = "18080:80" }
mounts = ["./conf:/etc/conf:ro", "store:/data", "{dir}/x:/x"]
env = { A = "1" }
env_from = { SECRET = "HUSH" }
command = ["serve"]
user = "1:1"
stop_grace = 9
restart_by = "kill"
ready = { healthy = true }
""",
        {"HUSH": "hush-hush"},
    )
    assert sut.driver.kind == "docker"
    assert sut.driver.can_restart
    (container,) = sut.driver.docker.containers
    assert container.name == "sut"
    assert container.build == Build(tmp_path / "image", "Other", {"A": "1"}, "last")
    assert container.ports == {"web": Port(8080), "fixed": Port(80, 18080)}
    assert container.mounts == (
        Mount(str(tmp_path / "conf"), "/etc/conf", True), Mount("store", "/data"), Mount("{dir}/x", "/x"),
    )  # fmt: skip
    assert [each.is_volume for each in container.mounts] == [False, True, False]
    assert (container.secret_env, container.stop_grace) == ({"SECRET": "hush-hush"}, 9)
    assert [each.value for each in sut.secrets] == [b"hush-hush"]
    assert sut.driver.docker.restart_by == "kill"
    assert "hush" not in str(sut.redacted()) + repr(sut)


def test_several_containers_share_what_the_driver_says(tmp_path):
    listed = '[[driver.containers]]\nname = "db"\nimage = "d"\nenv = { B = "2" }\n[[driver.containers]]\nname = "web"\nimage = "w"\npull = "always"\nports = { web = 80 }\nstop_grace = 1\n'
    sut = read(tmp_path, HEAD + 'pull = "never"\nstop_grace = 7\nenv = { A = "1" }\nrestart_only = ["web"]\n' + listed)
    database, web = sut.driver.docker.containers
    assert (database.pull, database.stop_grace, database.env) == ("never", 7, {"A": "1", "B": "2"})
    assert (web.pull, web.stop_grace, web.env) == ("always", 1, {"A": "1"})
    assert sut.driver.docker.restart_only == ("web",)


def test_destinations_without_a_host_are_where_containers_reach_us(tmp_path):
    archive = '[archive]\nhost = "127.0.0.1"\nport = "{port:web}"\nae_title = "A"\n[[archive.destinations]]\nae_title = "B"\nport = 0\n[[archive.destinations]]\nae_title = "C"\nport = 0\nhost = "0.0.0.0"\n'
    sut = read(tmp_path, HEAD + ONE + archive)
    assert sut.destinations == (Destination("B", "{gateway}", 0), Destination("C", "0.0.0.0", 0))
    linux, desktop = Meeting("172.17.0.1", "172.17.0.1"), Meeting("127.0.0.1", "host.docker.internal")
    assert [linux.ours(each.host) for each in sut.destinations] == ["172.17.0.1", "0.0.0.0"]
    assert [linux.theirs(each) for each in ("172.17.0.1", "0.0.0.0", "10.1.1.1")] == [
        "172.17.0.1",
        "172.17.0.1",
        "10.1.1.1",
    ]
    assert [desktop.ours(each.host) for each in sut.destinations] == ["127.0.0.1", "0.0.0.0"]
    assert [desktop.theirs(each) for each in ("127.0.0.1", "0.0.0.0")] == ["host.docker.internal"] * 2


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ([{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}], ["172.17.0.1"]),
        ([{"Subnet": "172.17.0.0/16"}], ["172.17.0.1"]),
        ([{"Subnet": "10.1.2.0/24", "Gateway": "10.1.2.254/24"}], ["10.1.2.254"]),
        ([{"Subnet": "fd00::/64", "Gateway": "fd00::1"}, {"Subnet": "10.0.0.0/24"}], ["10.0.0.1"]),
        ([], []),
        (None, []),
    ],
    ids=["named", "not-named", "with-length", "ipv6-too", "none", "nothing"],
)
def test_the_gateway_of_a_network(config, expected):
    assert list(gateways({"IPAM": {"Config": config}})) == expected
    assert list(gateways(None)) == []


@pytest.mark.parametrize(
    ("driver", "key", "expected", "seen", "step"),
    [
        ("", "driver.image", "image or build, [[driver.containers]] or compose", "none of them", "which image"),
        (ONE + 'imgae = "x"\n', "driver.imgae", "one of the keys", "an unknown key", "did you mean image?"),
        (ONE + 'build = "."\n', "driver.build", "a Dockerfile in", "none", "check the path"),
        ('build = "elsewhere"\nports = { web = 1 }\n', "driver.build", "a directory that exists", "elsewhere", "check the path"),
        (ONE + 'compose = "c.yaml"\n', "driver.image", "one of image or build", "compose and image", "leave one out"),
        (ONE + 'cwd = "."\n', "driver.cwd", "no cwd with the driver docker", "one", ""),
        (ONE.replace("web", "wbe"), "web.base_url", "a port of [driver] ports (wbe)", "{port:web}", "did you mean wbe?"),
        ('image = "a"\n', "web.base_url", "a port of [driver] ports (none is published)", "{port:web}", "add ports = { web = 104 }"),
        ('image = "a"\nports = { web = 0 }\n', "driver.ports.web", "1..65535", "0", ""),
        ('image = "a"\nports = { web = "80" }\n', "driver.ports.web", "HOST:CONTAINER", '"80"', ""),
        (ONE + 'mounts = ["./none:/x"]\n', "driver.mounts[0]", "a file or directory that exists", "none", "check the path"),
        (ONE + 'mounts = ["/etc/hosts"]\n', "driver.mounts[0]", "SOURCE:TARGET", "/etc/hosts", ""),
        (ONE + 'pull = "often"\n', "driver.pull", '"missing", "always", "never"', '"often"', ""),
        (ONE + 'restart_only = ["sutt"]\n', "driver.restart_only[0]", "one of the containers sut", '"sutt"', "did you mean sut?"),
        (ONE + 'network = "host"\n', "driver.ports.web", 'no ports with network = "host"', "one", "{port:web} is a free port"),
        (ONE + 'ready = { echo = "A" }\n', "driver.ready", "port", "", ""),
        ('compose = "c.yaml"\n', "driver.compose", "a compose file that exists", '"c.yaml"', "check the path"),
        ('compose = "sut.toml"\nnetwork = "x"\n', "driver.network", "no network beside compose", "one", "compose file"),
        ('compose = "sut.toml"\npull = "never"\n', "driver.pull", "missing or always beside compose", "never", "pull_policy"),
        ('compose = "sut.toml"\nmounts = ["a:/a"]\n', "driver.mounts", "no mounts beside compose", "one", "belongs in the compose file"),
        ('user = "1"\n[[driver.containers]]\nname = "a"\nimage = "a"\nports = { web = 1 }\n', "driver.user", "no user beside containers", "one", "[[driver.containers]]"),
        ('[[driver.containers]]\nname = "a"\nports = { web = 1 }\n', "driver.containers[0].image", "image or build", "neither", "which image"),
        ('[[driver.containers]]\nimage = "a"\nports = { web = 1 }\n', "driver.containers[0].name", "a name", "no such key", "add name"),
        ('[[driver.containers]]\nname = "a"\nimage = "a"\nports = { web = 1 }\n[[driver.containers]]\nname = "a"\nimage = "b"\n', "driver.containers[1].name", "another name", '"a" twice', ""),
        ('[[driver.containers]]\nname = "a"\nimage = "a"\nports = { web = 1 }\n[[driver.containers]]\nname = "b"\nimage = "b"\nports = { web = 2 }\n', "driver.containers[1].ports.web", "another name for each port", "web twice", "rename one"),
        ('[[driver.containers]]\nname = "a"\nimage = "a"\nports = { web = 1 }\ncommnad = ["x"]\n', "driver.containers[0].commnad", "one of the keys", "an unknown key", "did you mean command?"),
    ],
)  # fmt: skip
def test_a_wrong_file_names_key_expected_seen_and_step(tmp_path, driver, key, expected, seen, step):
    found = [each for each in problems(tmp_path, HEAD + driver) if each.key == key]
    assert found, problems(tmp_path, HEAD + driver)
    assert any(expected in each.expected and seen in each.seen and step in each.next_step for each in found), found
    assert all(each.line for each in found)


@pytest.mark.parametrize("key", ["image", "ports", "network", "compose", "restart_by", "mounts"])
def test_keys_of_containers_belong_to_this_driver(tmp_path, key):
    values = {"ports": "{ web = 1 }", "restart_by": '"kill"', "mounts": '["a:/a"]'}
    text = 'name = "a"\n[web]\nbase_url = "http://h/"\n[driver]\nkind = "process"\ncommand = ["x"]\n'
    (problem,) = problems(tmp_path, f"{text}{key} = {values.get(key, repr('x'))}\n")
    assert (problem.key, problem.next_step) == (f"driver.{key}", 'did you mean kind = "docker"?')


@pytest.mark.parametrize("placeholder", ["{gateway}", "{container:web}"])
def test_placeholders_of_containers_belong_to_this_driver(tmp_path, placeholder):
    text = f'name = "a"\n[web]\nbase_url = "http://h/"\nheaders = {{ X = "{placeholder}" }}\n'
    (problem,) = problems(tmp_path, text)
    assert problem.next_step == 'only kind = "docker" has containers'


def test_only_an_image_has_a_health_check(tmp_path):
    text = 'name = "a"\n[web]\nbase_url = "http://h/"\n[driver]\nkind = "process"\ncommand = ["x"]\nready = { healthy = true }\n'
    (problem,) = problems(tmp_path, text)
    assert problem.key == "driver.ready.healthy"


def test_a_dry_run_says_what_would_be_started(tmp_path, capsys):
    path = tmp_path / "sut.toml"
    path.write_text(init("ARCHIVE@127.0.0.1:104", image="acme/archive:1"))
    show(make_plan(path), as_json=False)
    said = capsys.readouterr().out
    assert (
        "driver docker: container sut: image acme/archive:1, fetched where it is missing; publishes 104 on 127.0.0.1 as {port:dicom}\n"
        in said
    )
    show(make_plan(path), as_json=True)
    told = json.loads(capsys.readouterr().out)["driver"]
    assert told["kind"] == "docker"
    assert len(told["starts"]) == 2


@pytest.mark.parametrize(
    ("target", "role", "port"),
    [
        ("http://x:8080/dicom-web/", "origin_server", 8080),
        ("https://x/", "origin_server", 443),
        ("ARCHIVE@x:104", "scp", 104),
    ],
)
def test_init_for_an_image(tmp_path, target, role, port):
    path = tmp_path / "sut.toml"
    path.write_text(init(target, image="registry.example:5000/acme/archive:1.2"))
    sut = load(path, suites=load_suites(), environ={})
    (container,) = sut.driver.docker.containers
    assert container.image == "registry.example:5000/acme/archive:1.2"
    assert [each.container for each in container.ports.values()] == [port]
    assert sut.roles == (role,)
    lines = [
        line.removeprefix("# ") if line.startswith(("# ready", "# env =", "# restart_by")) else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    again = load(path, suites=load_suites(), environ={})
    assert again.driver.docker.restart_by == "kill", "the commented-out lines are valid"
    assert again.driver.docker.containers[0].ready is not None


def test_init_for_an_image_that_is_none():
    with pytest.raises(UsageError) as caught:
        init("ARCHIVE@x:104", image='a"b')
    assert caught.value.stage == "reading --image"


def test_without_the_extra_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    sut = read(tmp_path, HEAD + ONE)
    with pytest.raises(UsageError) as caught:
        asyncio.run(meeting_of(sut))
    assert caught.value.next_step == "pip install 'stgcmt-conformance[docker]'"


def test_a_blocking_call_is_left_to_itself_when_cancelled():
    import threading

    go_on, ended = threading.Event(), threading.Event()

    def blocking():
        go_on.wait(10)
        ended.set()

    async def go():
        task = asyncio.create_task(in_thread(blocking))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 / 0)
        return await in_thread(lambda: 42)

    assert asyncio.run(go()) == 42
    go_on.set()
    assert ended.wait(10), "nobody waits for its result, and nothing breaks"
