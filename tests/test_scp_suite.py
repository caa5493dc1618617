"""The SCP's suite against its reference: clean without a fault; with one, its own rows and no others turn red."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from scp_runs import AT_ONCE, judged, red, rows_of
from stgcmt.suite import Fault
from stgcmt.verdict import VIOLATION, Verdict, severity
from stgcmt_suites.scp import suite

RED = (Verdict.FAIL, Verdict.WARN)


def test_the_reference_is_clean(tmp_path) -> None:
    rows = asyncio.run(rows_of(None, tmp_path))
    bad = [
        (row.id, str(row.verdict), row.standing.check, row.standing.message) for row in rows if row.verdict != "pass"
    ]
    assert [each for each in bad if each[1] != "not-tested"] == []
    assert [row.id for row in rows if row.verdict == "not-tested" and not row.excluded] == []


def test_faults_name_rows_that_exist() -> None:
    known = {row.id: row for row in suite.catalogue}
    names = [fault.name for fault in suite.all_faults]
    assert len(names) == len(set(names))
    for fault in suite.all_faults:
        assert fault.violates, fault.name
        assert {*fault.violates, *fault.follows} <= set(known), fault.name


def test_every_check_that_can_fail_was_seen_red() -> None:
    """A row whose violation is more than a note is violated by at least one fault, and not only as a neighbour."""
    violated = {ident for fault in suite.all_faults for ident in fault.violates}
    rows = [row for row in suite.catalogue if not row.excluded and severity(row, VIOLATION) in RED]
    assert [row.id for row in rows if row.id not in violated] == []


def differing(faults: Iterable[Fault], directory: Path, at_once: int) -> dict[Fault, dict[str, str]]:
    """The faults whose red rows are not the ones they name, and what is said of those rows."""
    found = judged([fault.name for fault in faults], directory, at_once)
    wrong: dict[Fault, dict[str, str]] = {}
    for fault in faults:
        told = {row.id: f"{row.verdict}: {row.standing.message}" for row in found[fault.name]}
        notes = {row.id for row in found[fault.name] if row.verdict == "note"}
        if differs := set(red(found[fault.name])) ^ ({*fault.violates, *fault.follows} - notes):
            wrong[fault] = {ident: told[ident] for ident in differs}
    return wrong


@pytest.mark.slow
def test_each_fault_turns_its_rows_red_and_no_others(tmp_path) -> None:
    """Deadlines are short here, and a loaded machine may miss one: what differs is played once more, alone."""
    wrong = differing(suite.all_faults, tmp_path / "together", AT_ONCE)
    assert len(wrong) <= len(suite.all_faults) // 10, wrong
    assert not differing(list(wrong), tmp_path / "alone", 1)
