"""The wheel, as people install it: pip with the pinned constraints, pipx, uvx; the console script and the pytest plugin work from there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASE = getattr(sys, "_base_executable", sys.executable)


def environment(**more: str) -> dict[str, str]:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "PIPX", "UV_"))
    }
    return kept | more


def tool(name: str) -> str:
    """A program of the tests' own environment; under CI it has to be there."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        assert not os.environ.get("CI"), f"{name} is missing: the environment `tests` of tox.ini brings it"
        pytest.skip(f"{name} is not installed")
    return found


def call(*words: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (found,) = out.glob("*.whl")
    return found


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.slow
def test_pip_with_the_constraints_gives_those_versions_and_the_pytest_plugin(wheel, tmp_path) -> None:
    call(BASE, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    pip = [tmp_path / "venv" / "bin" / "pip", "--disable-pip-version-check"]
    call(*pip, "install", "-q", "--no-compile", "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    listed = json.loads(call(*pip, "list", "--format", "json", cwd=tmp_path).stdout)
    installed = {each["name"].lower().replace("_", "-"): each["version"] for each in listed}
    for ours in ("pip", "setuptools", "stgcmt-conformance"):
        installed.pop(ours, None)
    assert installed.items() <= pins().items(), "what is installed and not pinned: python docs/make_constraints.py"
    asked = call(tmp_path / "venv" / "bin" / "pytest", "--help", cwd=tmp_path)
    assert "--sut" in asked.stdout
    done = call(
        tmp_path / "venv" / "bin" / "pytest", "--sut", "builtin", "-q", "-m", "scp", "-k", "context_is_accepted or push_model",
        "-p", "no:cacheprovider", cwd=tmp_path,
    )  # fmt: skip
    assert re.search(r"\d+ passed", done.stdout), done.stdout


@pytest.mark.slow
def test_pipx_installs_the_command(wheel, tmp_path) -> None:
    places = {
        "PIPX_HOME": str(tmp_path / "home"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
    }
    call(tool("pipx"), "install", "-q", "--python", BASE, wheel, cwd=tmp_path, **places)
    listed = call(tmp_path / "bin" / "stgcmt", "list", "--role", "scp", "--json", cwd=tmp_path)
    assert len(json.loads(listed.stdout)["requirements"]) > 50


@pytest.mark.slow
def test_uvx_runs_it_without_installing(wheel, tmp_path) -> None:
    words = [tool("uvx"), "--no-python-downloads", "--python", BASE, "--from", wheel, "stgcmt"]
    done = call(
        *words, "run", "--role", "scp", "--req", "DIMSE-J.2-01", "--json", "--out", "out", cwd=tmp_path,
        UV_CACHE_DIR=str(tmp_path / "cache"), UV_TOOL_DIR=str(tmp_path / "tools"),
    )  # fmt: skip
    assert json.loads(done.stdout)["summary"]["pass"] == 1


def test_the_constraints_pin_all_that_is_declared_and_fit_what_is_declared() -> None:
    import tomllib

    from packaging.requirements import Requirement

    declared = [
        Requirement(each)
        for each in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    ]
    pinned = pins()
    assert [each.name for each in declared if each.name not in pinned] == [], "python docs/make_constraints.py"
    assert [each.name for each in declared if pinned[each.name] not in each.specifier] == []


def test_each_dependency_has_its_reason_in_the_docs() -> None:
    import tomllib

    from packaging.requirements import Requirement

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    in_table = set(re.findall(r"^\| (\S+) \| \S", page, re.MULTILINE)) - {"package"}
    assert {Requirement(each).name for each in declared} == in_table
