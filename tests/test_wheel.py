"""The wheel, installed somewhere else with what it declares and nothing more, does the main job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.glob("*.whl")
    return found


def test_schemas_templates_suites_and_the_typed_marker_are_inside(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "stgcmt/data/sut.schema.json",
        "stgcmt/data/results.schema.json",
        "stgcmt/data/transcript.schema.json",
        "stgcmt/data/known-issues.schema.json",
        "stgcmt/py.typed",
        "stgcmt_suites/origin_server/requirements.toml",
        "stgcmt_suites/scp/requirements.toml",
        "stgcmt_fixtures/suts/orthanc/sut.toml",
        "stgcmt_fixtures/suts/orthanc-proxy/delete_instance.py",  # a link in the source
    } <= names
    licences = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "THIRD_PARTY_NOTICES.md"}
    assert any(name.startswith("stgcmt_reports/templates/") for name in names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "stgcmt", "stgcmt_suites", "stgcmt_fixtures", "stgcmt_reports",
    }, "no generic package names are installed"  # fmt: skip
    assert not [name for name in names if "/tests/" in name]


def test_the_commit_that_it_was_built_from_is_inside(wheel):
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout: nobody knows the commit")
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert zipfile.ZipFile(wheel).read("stgcmt/data/commit").decode().removesuffix("-dirty") == head.stdout.strip()


def test_stgcmt_run_works_from_it_elsewhere(wheel, tmp_path):
    venv = tmp_path / "venv"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", str(venv)], check=True, env=environment)
    subprocess.run([venv / "bin" / "pip", "install", "-q", "--no-compile", str(wheel)], check=True, env=environment)
    stgcmt = venv / "bin" / "stgcmt"
    done = subprocess.run(
        [stgcmt, "run", "--json", "--out", "out"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    results = json.loads(done.stdout)
    assert results["tool"]["commit"], "a wheel that was built from a checkout knows its commit"
    assert results["sut"]["roles"] == ["origin_server", "scp"]
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert str(ROOT) not in done.stdout
    faults = subprocess.run(
        [stgcmt, "faults"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "faults" in faults.stdout
