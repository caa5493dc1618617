"""docs/write_a_suite.md, followed to the letter: its blocks become a package, its commands are run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "write_a_suite.md"
BLOCK = re.compile(r"^```(?P<language>\w+)(?P<more>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
STGCMT = [sys.executable, "-c", "from stgcmt.cli import main; main()"]
INSTALL = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]


def blocks() -> list[tuple[str, dict[str, str], str]]:
    found = BLOCK.finditer(PAGE.read_text("utf-8"))
    return [(each["language"], dict(re.findall(r'(\w+)="([^"]*)"', each["more"])), each["text"]) for each in found]


def command(line: str, site: Path) -> list[str]:
    """A line of the page as this process does it: this interpreter, and a directory of its own to install into."""
    words = shlex.split(line)
    if words[0] == "pip":
        return [*INSTALL, "--target", str(site), *words[2:]]
    assert words[0] == "stgcmt", line
    return [*STGCMT, *words[1:]]


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> dict[str, tuple[int, int, str]]:
    """What became of each command, and of ``check``: its exit status, the one that the page promises, its output."""
    work, site = tmp_path_factory.mktemp("tutorial"), tmp_path_factory.mktemp("site")
    environment = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "200"}
    for _, options, text in blocks():
        if "title" in options:
            path = work / options["title"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    found = {"work": (0, 0, str(work)), "site": (0, 0, str(site))}
    for language, options, text in blocks():
        for line in text.splitlines() if language == "sh" else ():
            done = subprocess.run(
                command(line, site), cwd=work, env=environment, capture_output=True, text=True, check=False, timeout=180
            )
            found[line] = (done.returncode, int(options.get("expect", "0")), done.stdout + done.stderr)
    return found


def test_every_command_ends_as_the_page_says(followed) -> None:
    assert len(followed) == 2 + 5
    assert [(line, output) for line, (status, promised, output) in followed.items() if status != promised] == []


def test_the_reference_passes_and_the_fault_is_found(followed) -> None:
    work = Path(followed["work"][2])
    good, bad = (json.loads((work / name / "results.json").read_text("utf-8")) for name in ("good", "bad"))
    assert {row["id"]: row["verdict"] for row in good["requirements"]} == dict.fromkeys(
        ("TIME-01", "TIME-02", "TIME-03"), "pass"
    )
    assert {row["id"]: row["verdict"] for row in bad["requirements"]} == {
        "TIME-01": "pass", "TIME-02": "fail", "TIME-03": "pass",
    }  # fmt: skip
    assert not any(row["vacuous"] for row in good["requirements"])


def test_the_self_test_proves_it(followed) -> None:
    output = followed["stgcmt selftest --role timekeeper"][2]
    assert re.search(r"faults +3 +killed 3\n", output), output
    assert re.search(r"checks +3 +without kill 0\n", output), output


def test_its_sut_file_is_one(followed) -> None:
    environment = os.environ | {"PYTHONPATH": followed["site"][2]}
    done = subprocess.run(
        [*STGCMT, "run", "sut.toml", "--dry-run"], cwd=followed["work"][2], env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "asking" in done.stdout


def test_its_python_compiles_and_fits_the_page(followed) -> None:
    for path in sorted((Path(followed["work"][2]) / "stgcmt_timekeeper").glob("*.py")):
        compile(path.read_text("utf-8"), path.name, "exec")
        assert max(map(len, path.read_text("utf-8").splitlines())) <= 120
