"""The pytest face: the same engine, pytest's own words, and no green that means nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from xml.etree import ElementTree as ET

import pytest

ONE_ROLE = 'name = "x"\nroles = ["origin_server"]\n[origin_server]\nbase_url = "http://127.0.0.1:9/x"\n'


def pytest_run(*arguments, cwd):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, check=False)


def test_a_fault_fails_its_check_and_leaves_the_checks_of_other_roles_alone(tmp_path):
    ended = pytest_run(
        "--sut", "builtin", "--stgcmt-fault", "forgets-one-instance", "--stgcmt-out", tmp_path / "out",
        "-k", "test_each_instance or test_n_action_is_answered", "--junitxml", tmp_path / "j.xml", cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stdout + ended.stderr
    cases = {case.get("name"): case for case in ET.parse(tmp_path / "j.xml").iter("testcase")}
    failure = cases["test_each_instance_appears_once"].find("failure")
    assert failure is not None
    assert re.search(r"origin_server/pending_commitment#\d+", failure.text)
    assert "Traceback" not in ended.stdout
    assert cases["test_n_action_is_answered"].find("skipped") is not None, "the fault is none of the SCP's: not played"
    assert (tmp_path / "out" / "report.html").exists()


def test_a_sut_of_one_role_that_cannot_be_reached_is_a_failed_session(tmp_path):
    (tmp_path / "sut.toml").write_text(ONE_ROLE)
    ended = pytest_run("--sut", "sut.toml", "-k", "test_each_instance", cwd=tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "passed" not in ended.stdout
    assert "is the SUT reachable?" in " ".join(ended.stdout.split())


def test_an_unknown_known_issue_fails_the_session(tmp_path):
    (tmp_path / "known.toml").write_text('[[issue]]\nid = "WEB-0"\nrole = "origin_server"\nreason = "gone"\n')
    ended = pytest_run(
        "--sut", "builtin", "--stgcmt-known-issues", "known.toml", "-k", "test_both_transactions_share_one_resource",
        cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "unknown: WEB-0" in ended.stdout


# --- a suite with every verdict, installed by its metadata alone ------------------------------------------------------

TINY = {
    "__init__.py": """
from stgcmt.suite import Suite
suite = Suite(
    role="tiny", package="stgcmt_tiny", version="1", scenarios=("stgcmt_tiny.scenarios",),
    checks=("stgcmt_tiny.test_tiny",), reference="stgcmt_tiny.reference:reference", endpoint="stgcmt.endpoints:web_address",
    schema={"type": "object", "properties": {"base_url": {"type": "string"}}}, reference_claims={"mute": True},
)
""",
    "reference.py": """
import contextlib
@contextlib.asynccontextmanager
async def reference(setting):
    async def serve(stream):
        with open(setting.directory.parents[2] / "asked", "a") as file:
            file.write("x")
        data = await stream.receive()
        if data:
            await stream.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nhi")
    listener = await setting.network.listen("127.0.0.1", 0, serve)
    yield {"base_url": f"http://127.0.0.1:{listener.address[1]}/"}
    await listener.aclose()
""",
    "scenarios.py": """
from stgcmt.suite import scenario
@scenario(needs=())
async def greeting(play):
    "One greeting."
    with play.step("greet"):
        await play.http().request("GET", "hello")
""",
    "test_tiny.py": '''
"""PYTEST_DONT_REWRITE"""
from stgcmt.suite import expected, http, inconclusive, not_applicable, requirement

def answer(greeting):
    return http(greeting).answer("greet")

@requirement("T-PASS")
def test_passes(greeting):
    "P."
    assert answer(greeting).response and answer(greeting).response.status == 200, expected("200", answer(greeting))

@requirement("T-FAIL")
def test_fails(greeting):
    "F."
    assert answer(greeting).response.body == b"hello", expected("the words hello", answer(greeting))

@requirement("T-KNOWN")
def test_is_known(greeting):
    "K."
    assert answer(greeting).response.body == b"good day", expected("the words good day", answer(greeting))

@requirement("T-WARN")
def test_warns(greeting):
    "W."
    assert answer(greeting).response.status == 204, expected("no content", answer(greeting))

@requirement("T-OPEN")
def test_is_inconclusive(greeting):
    "I."
    inconclusive("nobody knows")

@requirement("T-NA")
def test_is_not_applicable(greeting, run):
    "N."
    not_applicable("tiny.mute")

@requirement("T-ERROR")
def test_is_an_error(greeting):
    "E."
    raise ValueError("a bug of the check")
''',
    "requirements.toml": "".join(
        f'[[requirement]]\nid = "T-{name}"\ntitle = "t"\nstatement = "s."\nclause = "T {n}"\nlevel = "{level}"\n{more}\n'
        for n, (name, level, more) in enumerate(
            [
                ("PASS", "shall", ""), ("FAIL", "shall", ""), ("KNOWN", "shall", ""), ("WARN", "should", ""),
                ("OPEN", "shall", ""), ("NA", "shall", 'unless = ["tiny.mute"]'), ("ERROR", "shall", ""),
            ], 1,
        )
    ),
}  # fmt: skip
WANTED = {"pass": 1, "fail": 2, "warn": 1, "inconclusive": 1, "not-applicable": 1, "error": 1}


@pytest.fixture
def tiny(tmp_path):
    """Where the tiny suite is installed, and a file of known issues; returns how to run pytest on it."""
    package, info = tmp_path / "site" / "stgcmt_tiny", tmp_path / "site" / "stgcmt_tiny-1.0.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    for name, text in TINY.items():
        (package / name).write_text(text)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stgcmt-tiny\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[stgcmt.suites]\ntiny = stgcmt_tiny:suite\n")
    (tmp_path / "known.toml").write_text('[[issue]]\nid = "T-KNOWN"\nrole = "tiny"\nreason = "being mended"\n')
    (tmp_path / "tmp").mkdir()

    def run(*arguments, out="out"):
        command = [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--sut", "builtin", "-m", "tiny", "-v", "-ra",
            "--stgcmt-out", tmp_path / out, "--stgcmt-known-issues", tmp_path / "known.toml",
            "--junitxml", tmp_path / f"{out}.xml", *arguments,
        ]  # fmt: skip
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "TMPDIR": str(tmp_path / "tmp")}
        return subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=environment,
            check=False,
        )

    return run


def counts_of(path):
    """pytest's own counts in a junit file, by kind."""
    suite = next(ET.parse(path).iter("testsuite"))
    return {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}


def shown(ended):
    """What the terminal says of each check: its name and the word beside it."""
    words = re.findall(r"::(test_\w+) (\w+)|(\w+) \S*::(test_\w+) *$", ended.stdout, re.MULTILINE)
    return {
        a or d: b or c for a, b, c, d in words if (b or c) in {"PASSED", "FAILED", "WARN", "SKIPPED", "XFAIL", "ERROR"}
    }


def left_behind(tmp_path):
    """What stays in the temporary directory, without that of pytest-xdist's workers."""
    return [path.name for path in (tmp_path / "tmp").iterdir() if not path.name.startswith("pytest-of-")]


EXPECTED = {
    "test_passes": "PASSED", "test_fails": "FAILED", "test_is_known": "XFAIL", "test_warns": "WARN",
    "test_is_inconclusive": "SKIPPED", "test_is_not_applicable": "SKIPPED", "test_is_an_error": "ERROR",
}  # fmt: skip


@pytest.mark.parametrize("workers", [0, 2])
def test_every_verdict_in_pytest_s_own_words_alone_and_under_xdist(tiny, tmp_path, workers):
    ended = tiny(*(["-n", workers] if workers else []))
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert shown(ended) == EXPECTED, ended.stdout
    assert counts_of(tmp_path / "out.xml") == {"tests": 7, "failures": 1, "errors": 1, "skipped": 3}
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    verdicts = Counter(row["verdict"] for row in results["requirements"] if row["role"] == "tiny")
    assert verdicts == WANTED
    bundle = Counter(
        "fail" if case.find("failure") is not None else "error" if case.find("error") is not None else "other"
        for case in ET.parse(tmp_path / "out" / "junit.xml").iter("testcase")
        if "tiny" in (case.get("classname") or "")
    )
    assert bundle["error"] == verdicts["error"]
    assert sum(bundle.values()) == sum(verdicts.values())
    assert "1 failed" in ended.stdout and "1 warned" in ended.stdout and "1 xfailed" in ended.stdout
    assert "evidence: tiny/greeting#" in ended.stdout
    assert len((tmp_path / "tmp" / "asked").read_text()) == 2, "reached once, asked once: one play, whoever shows it"
    assert left_behind(tmp_path) == ["asked"]


def test_collect_only_plays_nothing(tiny, tmp_path):
    for workers in ([], ["-n", 2]):
        ended = tiny("--collect-only", *workers)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "test_is_an_error" in ended.stdout
        assert not (tmp_path / "out").exists()
        assert not (tmp_path / "tmp" / "asked").exists()


def test_a_selection_under_xdist_plays_what_it_needs(tiny, tmp_path):
    ended = tiny("-n", 2, "-k", "passes")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout
    rows = json.loads((tmp_path / "out" / "results.json").read_text())["requirements"]
    assert [row["id"] for row in rows if row["verdict"] == "pass"] == ["T-PASS"]


def test_a_usage_error_under_xdist_ends_the_session(tiny, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").write_text("x")
    ended = tiny("-n", 2)
    assert ended.returncode not in (0, 5)
    assert "holds files already" in ended.stdout + ended.stderr
    assert not (tmp_path / "tmp" / "asked").exists()
    assert not left_behind(tmp_path)


@pytest.mark.slow
def test_a_whole_role_has_the_same_counts_under_xdist(tmp_path):
    counts = []
    for workers in ([], ["-n", "2"]):
        junit = tmp_path / f"{len(workers)}.xml"
        ended = pytest_run("--sut", "builtin", "-m", "scp", *workers, "--junitxml", junit, cwd=tmp_path)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        counts.append(counts_of(junit))
    assert counts[0] == counts[1]
    assert counts[0]["tests"] > 50
