"""The GitHub Action and the GitLab template, their steps run as a runner's shell would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
ONE = "WEB-J.2-03"  # one requirement: its run takes a second
FAULT = "forgets-one-instance"  # breaks it


@pytest.fixture(scope="module")
def stgcmt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed command: this very environment's."""
    path = tmp_path_factory.mktemp("bin") / "stgcmt"
    path.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from stgcmt.cli import main; main()' \"$@\"\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def badge(stgcmt: Path) -> None:
    """What the report step needs beside the runner: a writer of summary.md, and the command badge."""
    told = subprocess.run([stgcmt, "--help"], capture_output=True, text=True, check=True).stdout
    if not re.search(r"^  badge ", told, re.MULTILINE):
        if os.environ.get("CI"):
            pytest.fail("stgcmt has no command badge")
        pytest.skip("this stgcmt has no command badge yet")


@dataclass
class Runner:
    """As much of a runner as a composite action of shell steps needs: inputs, expressions, conditions, outputs."""

    directory: Path
    inputs: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    failed: bool = False
    ran: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    said: str = ""

    def __post_init__(self) -> None:
        self.inputs = {name: each["default"] for name, each in ACTION["inputs"].items()} | self.inputs
        (self.directory / "summary").touch()

    @property
    def summary(self) -> str:
        return (self.directory / "summary").read_text("utf-8")

    def value(self, expression: str) -> str:
        """One ``${{ … }}``; what this runner does not know is an error of the test."""
        if match := re.fullmatch(r"inputs\.([\w-]+)", expression):
            return self.inputs[match[1]]
        if match := re.fullmatch(r"steps\.([\w-]+)\.outputs\.([\w-]+)", expression):
            return self.outputs.get(match[1], {}).get(match[2], "")
        return {"github.action_path": str(ROOT), "runner.temp": str(self.directory)}[expression]

    def text(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: self.value(match[1]), text)

    def wanted(self, condition: str | None) -> bool:
        """A step is left out after a failure unless its condition says ``always()``."""
        parts = re.sub(r"^\$\{\{ | \}\}$", "", condition or "").split(" && ") if condition else []
        holds = True
        for part in parts:
            if part != "always()":
                name, sign, literal = re.fullmatch(r"(\S+) (==|!=) '(.*)'", part).groups()
                holds &= (self.value(name) == literal) is (sign == "==")
        return holds and (not self.failed or "always()" in parts)

    def run(self) -> Runner:
        for step in ACTION["runs"]["steps"]:
            if not self.wanted(step.get("if")):
                continue
            if "uses" in step:
                self.used.append(step["uses"])
                continue
            self.ran.append(step["name"])
            self._shell(step)
        return self

    def _shell(self, step: dict[str, Any]) -> None:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "inputs reach the script as variables only"
        script = self.directory / "step.sh"
        script.write_text(step["run"])
        output = self.directory / "output"
        output.write_text("")
        environment = {name: self.text(value) for name, value in step.get("env", {}).items()}
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.directory / "summary")}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)], cwd=self.directory, check=False, timeout=200,
            env={**os.environ, **environment, **files}, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.said += done.stdout + done.stderr
        self.failed |= done.returncode != 0
        self.outputs[step.get("id", "")] = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())

    def output(self, name: str) -> str:
        """An output of the action itself."""
        return self.text(ACTION["outputs"][name]["value"])


def test_the_embedded_references(tmp_path: Path, stgcmt: Path, badge: None) -> None:
    runner = Runner(tmp_path, {"command": str(stgcmt), "args": f"--req {ONE}"}).run()
    assert not runner.failed, runner.said
    assert runner.ran == ["Install", "Run", "Report", "Verdict"]
    assert runner.used == ["actions/upload-artifact@v4"]
    assert runner.output("exit-code") == "0"
    bundle = tmp_path / runner.output("bundle")
    assert json.loads((bundle / "results.json").read_text("utf-8"))["exit_code"] == 0
    assert ET.parse(tmp_path / runner.output("junit")).getroot().tag == "testsuites"
    assert ET.parse(tmp_path / runner.output("badge")).getroot().tag.endswith("svg")
    assert runner.summary == (bundle / "summary.md").read_text("utf-8")
    assert runner.summary.startswith("#")


def test_a_failure_fails_the_job_after_everything_was_written(tmp_path: Path, stgcmt: Path, badge: None) -> None:
    inputs = {"command": str(stgcmt), "roles": "origin-server", "args": f"--req {ONE} --fault '{FAULT}'"}
    runner = Runner(tmp_path, inputs).run()
    assert runner.failed
    assert runner.ran[-1] == "Verdict"
    assert runner.output("exit-code") == "1"
    assert ONE in runner.summary.replace("\\", "")
    assert (tmp_path / runner.output("badge")).is_file()
    assert runner.used == ["actions/upload-artifact@v4"]


def test_a_job_that_only_reports(tmp_path: Path, stgcmt: Path, badge: None) -> None:
    inputs = {
        "command": str(stgcmt),
        "args": f"--req {ONE} --fault {FAULT}",
        "fail": "false",
        "upload": "false",
        "out": "my evidence",
    }
    runner = Runner(tmp_path, inputs).run()
    assert not runner.failed
    assert runner.used == []
    assert (runner.output("exit-code"), runner.output("bundle")) == ("1", "my evidence")
    assert (tmp_path / "my evidence" / "report.html").is_file()


def test_known_issues_edition_and_roles_are_handed_on(tmp_path: Path, stgcmt: Path, badge: None) -> None:
    (tmp_path / "known issues.toml").write_text(
        f'[[issue]]\nid = "{ONE}"\nrole = "origin_server"\nreason = "known here"\nuntil = 2099-01-01\n'
    )
    inputs = {
        "command": str(stgcmt), "known-issues": "known issues.toml", "edition": "2025a", "roles": "origin_server",
        "args": f"--req {ONE} --fault {FAULT}",
    }  # fmt: skip
    runner = Runner(tmp_path, inputs).run()
    assert not runner.failed, runner.said
    results = json.loads((tmp_path / "stgcmt-evidence" / "results.json").read_text("utf-8"))
    assert (results["edition"], results["sut"]["roles"]) == ("2025a", ["origin_server"])
    (row,) = [row for row in results["requirements"] if row["id"] == ONE]
    assert row["known_issue"]


def test_a_mistake_in_the_inputs_is_told_where_the_results_would_be(tmp_path: Path, stgcmt: Path) -> None:
    runner = Runner(tmp_path, {"command": str(stgcmt), "sut": "$(touch hacked) none.toml"}).run()
    assert runner.failed
    assert runner.output("exit-code") == "2"
    assert "exit code 2 before anything was judged" in runner.summary
    assert "none.toml" in runner.said
    assert not (tmp_path / "hacked").exists(), "an input is never a command"


def test_the_action_installs_itself(tmp_path: Path) -> None:
    """The install step for real: a venv of its own, this checkout with the extra docker."""
    (step,) = [each for each in ACTION["runs"]["steps"] if each["name"] == "Install"]
    runner = Runner(tmp_path, {})
    runner._shell(step)
    assert not runner.failed, runner.said
    command = runner.outputs["install"]["command"]
    assert subprocess.run([command, "--version"], capture_output=True, check=True).stdout.startswith(b"stgcmt")
    probe = [str(Path(command).with_name("python")), "-c", "import docker"]
    assert subprocess.run(probe, check=False).returncode == 0


def test_every_input_is_used_and_documented() -> None:
    text = (ROOT / "action.yml").read_text("utf-8")
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in text, name
        assert f"`{name}`" in page, name
    for name in ACTION["outputs"]:
        assert f"`{name}`" in page, name


# --- GitLab


@dataclass
class Job:
    """A job of the template with variables of its own, run as a runner does: one shell for before_script and script."""

    directory: Path
    stgcmt: Path | None  # installed already: then before_script is left out
    variables: dict[str, str]

    def run(self) -> subprocess.CompletedProcess[str]:
        job = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab.yml").read_text("utf-8"))[".stgcmt"]
        own = str(Path(sys.executable).parent)  # its stgcmt is not the job's
        path = [each for each in os.environ["PATH"].split(os.pathsep) if each != own]
        path[:0] = [str(self.stgcmt.parent)] if self.stgcmt else []
        lines = [*([] if self.stgcmt else job["before_script"]), *job["script"]]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        return subprocess.run(
            ["sh", "-e", "-c", "\n".join(lines)], cwd=self.directory, check=False, timeout=200, capture_output=True,
            text=True, stdin=subprocess.DEVNULL, env=kept | job["variables"] | self.variables | {"PATH": os.pathsep.join(path)},
        )  # fmt: skip


@pytest.mark.slow
def test_a_whole_gitlab_job_installs_the_harness_judges_and_leaves_its_artifacts(tmp_path: Path) -> None:
    """before_script and script, each line as it stands; what is installed is this checkout."""
    variables = {"STGCMT_PACKAGE": f"{ROOT}[docker]", "STGCMT_ARGS": f"--req {ONE}", "STGCMT_EDITION": "2025a"}
    done = Job(tmp_path, None, variables).run()
    assert done.returncode == 0, done.stdout + done.stderr
    job = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab.yml").read_text("utf-8"))[".stgcmt"]
    evidence = tmp_path / job["variables"]["STGCMT_OUT"]
    assert json.loads((evidence / "results.json").read_text("utf-8"))["edition"] == "2025a"
    for name in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (tmp_path / name.replace("$STGCMT_OUT", evidence.name)).exists(), name
    assert (tmp_path / ".stgcmt" / "bin" / "stgcmt").exists()
    assert subprocess.run([tmp_path / ".stgcmt" / "bin" / "python", "-c", "import docker"], check=False).returncode == 0


def test_a_gitlab_job_whose_package_cannot_be_installed_stops_there(tmp_path: Path) -> None:
    done = Job(tmp_path, None, {"STGCMT_PACKAGE": str(tmp_path / "none.whl")}).run()
    assert done.returncode != 0
    assert "none.whl" in done.stdout + done.stderr
    assert not (tmp_path / "stgcmt-evidence").exists()


@pytest.mark.parametrize(("more", "code"), [("", 0), (f" --fault {FAULT}", 1)])
def test_a_gitlab_job(tmp_path: Path, stgcmt: Path, badge: None, more: str, code: int) -> None:
    done = Job(tmp_path, stgcmt, {"STGCMT_ARGS": f"--req {ONE}{more}", "STGCMT_ROLES": "origin-server"}).run()
    assert done.returncode == code, done.stdout + done.stderr
    evidence = tmp_path / "stgcmt-evidence"
    assert ET.parse(evidence / "junit.xml").getroot().tag == "testsuites"
    assert (evidence / "badge.svg").is_file()


def test_a_gitlab_job_without_results(tmp_path: Path, stgcmt: Path) -> None:
    done = Job(tmp_path, stgcmt, {"STGCMT_SUT": "none.toml"}).run()
    assert done.returncode == 2
    assert "none.toml" in done.stdout + done.stderr


def test_the_gitlab_template_keeps_evidence_also_of_a_failure() -> None:
    job = yaml.safe_load((ROOT / "docs" / "ci" / "gitlab.yml").read_text("utf-8"))[".stgcmt"]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"] == "$STGCMT_OUT/junit.xml"
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    for name in job["variables"]:
        assert f"`{name}`" in page, name
    assert shutil.which("sh")
