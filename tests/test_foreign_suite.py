"""A third party's suite, installed through the entry point, plays by the same rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOREIGN = Path(__file__).parent / "foreign"


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """The environment of a process in which the foreign package is installed."""
    target = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        str(target),
    ]
    source = tmp_path_factory.mktemp("source") / "foreign"
    import shutil

    shutil.copytree(FOREIGN, source)
    subprocess.run([*command, str(source)], check=True, capture_output=True, text=True)
    return os.environ | {"PYTHONPATH": str(target)}


def stgcmt(env, *arguments, cwd):
    command = [sys.executable, "-c", "from stgcmt.cli import main; main()", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_it_is_listed_run_and_one_requirement_fails_against_the_broken_reference(installed, tmp_path):
    listed = stgcmt(installed, "list", "--role", "greeter", "--json", cwd=tmp_path)
    assert [row["id"] for row in json.loads(listed.stdout)["requirements"]] == ["GREET-01", "GREET-02"], listed.stderr
    good = stgcmt(installed, "run", "--role", "greeter", "--json", "--out", "good", cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["summary"]["pass"] == 2
    bad = stgcmt(installed, "run", "--role", "greeter", "--json", "--out", "bad", "--fault", "rude", cwd=tmp_path)
    assert bad.returncode == 1, bad.stderr
    verdicts = {row["id"]: row["verdict"] for row in json.loads(bad.stdout)["requirements"]}
    assert verdicts == {"GREET-01": "pass", "GREET-02": "fail"}


def test_its_checks_are_pytest_tests(installed, tmp_path):
    command = [sys.executable, "-m", "pytest", "--sut", "builtin", "-q", "-m", "greeter", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--stgcmt-fault", "rude"],
        env=installed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "the guest's name in the body" in done.stdout
