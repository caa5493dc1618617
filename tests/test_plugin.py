"""The pytest face: the same engine, pytest's own words, and no green that means nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

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
