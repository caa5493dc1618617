"""The wheel, as people install it: pip with the pinned constraints, pipx, uvx; the console script and the pytest plugin work from there."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

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
    call(*pip, "install", "-q", "--no-compile", "-c", ROOT / "constraints.txt", f"{wheel}[docker,sign]", cwd=tmp_path)
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


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = {name: [Requirement(each) for each in wanted] for name, wanted in PROJECT["optional-dependencies"].items()}
DECLARED = [Requirement(each) for each in PROJECT["dependencies"]]


def test_the_constraints_pin_all_that_is_declared_and_fit_what_is_declared() -> None:
    """The extras, too: a job that installs [docker] is reproducible only with them."""
    pinned, declared = pins(), [*DECLARED, *(each for wanted in EXTRAS.values() for each in wanted)]
    assert [each.name for each in declared if each.name not in pinned] == [], "python docs/make_constraints.py"
    assert [each.name for each in declared if pinned[each.name] not in each.specifier] == []


def test_the_constraints_are_what_their_script_writes_of_what_is_installed(monkeypatch) -> None:
    """Names, not versions: those are of the day on which it was written."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import make_constraints

    assert set(make_constraints.EXTRAS) == EXTRAS.keys()
    assert make_constraints.pinned().keys() - pins().keys() == set(), "python docs/make_constraints.py"


def test_the_notices_name_each_of_them_with_a_licence() -> None:
    page = (ROOT / "THIRD_PARTY_NOTICES.md").read_text("utf-8")
    rows = re.findall(r"^\| (\S+) \| (\S+) \| ([^|]+) \| (\S*) \|$", page, re.MULTILINE)[1:]
    assert {name: version for name, version, *_ in rows} == pins(), "python docs/make_notices.py"
    assert [name for name, _, licence, home in rows if not licence.strip() or not home.startswith("https://")] == []


def tables() -> list[list[list[str]]]:
    """The tables of docs/dependencies.md: rows of cells, without their heads."""
    blocks = re.findall(r"(?:^\|.*\n)+", (ROOT / "docs" / "dependencies.md").read_text("utf-8"), re.MULTILINE)
    return [
        [[cell.strip("` ") for cell in line.strip("|\n").split("|")] for line in block.splitlines()[2:]]
        for block in blocks
    ]


def test_each_dependency_has_its_reason_in_the_docs() -> None:
    run, extras, others = tables()
    assert {each.name for each in DECLARED} == {name for name, _ in run}
    assert {(extra, each.name) for extra, wanted in EXTRAS.items() for each in wanted} == {
        (extra, name) for extra, name, _ in extras
    }
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(ROOT / "tox.ini", "utf-8")
    lines = [line.partition("  #")[0] for name in ini.sections() for line in ini[name].get("deps", "").splitlines()]
    in_tox = {Requirement(line).name for line in lines if line.strip()}
    assert in_tox | {"tox"} == {name for name, _ in others}
    for table in (run, extras, others):
        assert all(row[-1] for row in table), "a package without a reason"
        assert table == sorted(table)
