"""Foreign SCUs under their SUT files: a pynetdicom client, and Debian's Orthanc through its REST API.

The tables are what docs/scu.md is written from (``python docs/make_scu.py``): each verdict other than pass, and what the client does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from peer_runs import PEERS, Difference, imported, results, rows, start

ROOT = Path(__file__).parents[1]


PYNETDICOM: Mapping[str, Difference] = {
    "DIMSE-10.1.1-02": Difference(
        "fail",
        "A report of another SOP class ends the association with an A-ABORT, without a response. Event types 0 and 3 are answered "
        "0113H, a missing Transaction UID 0110H; another SOP instance and a missing Failure Reason go unnoticed (0000H).",
    ),
    "DIMSE-D.3.3.4.1-01": Difference("not-applicable", "It proposes no roles."),
    "DIMSE-D.3.3.4-04": Difference("not-applicable", "It proposes no roles."),
    "DIMSE-D.3.3.4-01": Difference("note", "It takes reports on associations in default roles too."),
}

ORTHANC: Mapping[str, Difference] = {
    "DIMSE-10.1.1-02": Difference(
        "fail",
        "No report that cannot be processed is answered: at event types other than 1 and 2 and at another SOP class or instance Orthanc "
        "breaks the connection; where Transaction UID or Failure Reason is missing it says nothing. The next report is served.",
    ),
    "DIMSE-D.3.3.4-02": Difference(
        "fail",
        "A role selection that proposes 0/0 is answered 1/1.",
    ),
    "DIMSE-D.3.3.4.1-01": Difference("not-applicable", "It proposes no roles."),
    "DIMSE-D.3.3.4-04": Difference("not-applicable", "It proposes no roles."),
    "DIMSE-D.3.3.4-01": Difference("note", "It takes reports on associations in default roles too."),
    "DIMSE-DOC-03": Difference("note", "Its SUT file names no SOP classes: it asks for whatever it holds."),
}


def seen(found: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """The verdicts other than pass, and what the catalogue excludes."""
    return {ident: row["verdict"] for ident, row in found.items() if row["verdict"] != "pass" and not row["excluded"]}


def listed(table: Mapping[str, Difference]) -> dict[str, str]:
    return {ident: each.verdict for ident, each in table.items()}


def test_the_peer_imports_nothing_of_ours() -> None:
    names = imported(PEERS / "pynetdicom_scu.py")
    assert not {name for name in names if name.startswith("stgcmt")}
    assert {"pynetdicom", "pydicom"} <= names


@pytest.mark.slow
def test_a_pynetdicom_client_is_judged_as_its_table_says(tmp_path: Path) -> None:
    process = start(tmp_path / "out", str(PEERS / "pynetdicom_scu.toml"))
    found = results(process)
    assert found["state"] == "complete"
    assert seen(rows(found)) == listed(PYNETDICOM)
    assert rows(found)["DIMSE-SCU-SAFE-01"]["verdict"] == "pass"


@pytest.mark.slow
@pytest.mark.orthanc
def test_orthanc_is_judged_as_its_table_says(tmp_path: Path) -> None:
    if shutil.which("Orthanc") is None:
        if os.environ.get("CI"):
            pytest.fail("Orthanc is not installed: apt-get install orthanc")
        pytest.skip("Orthanc is not installed")
    process = start(tmp_path / "out", "orthanc-scu")
    found = results(process, 480)  # eighty requests, each with a process of its own: a minute where nothing else runs
    assert found["state"] == "complete"
    assert {each["state"] for each in found["scenarios"]} == {"complete"}
    assert seen(rows(found)) == listed(ORTHANC)
    assert rows(found)["DIMSE-SCU-SAFE-01"]["verdict"] == "pass"


def test_the_page_is_written_from_the_tables() -> None:
    made = subprocess.run(
        [sys.executable, "docs/make_scu.py"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert made.returncode == 0, made.stderr
    stale = "write it again: python docs/make_scu.py > docs/scu.md"
    assert made.stdout == (ROOT / "docs" / "scu.md").read_text("utf-8"), stale
