"""The SCP's suite against its reference: clean without a fault; with one, its own rows and no others turn red."""

from __future__ import annotations

import asyncio

import pytest

from scp_runs import judged, red, rows_of
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


@pytest.mark.slow
def test_each_fault_turns_its_rows_red_and_no_others(tmp_path) -> None:
    found = judged([fault.name for fault in suite.all_faults], tmp_path)
    wrong = {}
    for fault in suite.all_faults:
        seen, expects = set(red(found[fault.name])), {*fault.violates, *fault.follows}
        notes = {row.id for row in found[fault.name] if row.verdict == "note"}
        if seen != expects - notes:
            told = {row.id: f"{row.verdict}: {row.standing.message}" for row in found[fault.name]}
            wrong[fault.name] = {ident: told[ident] for ident in seen ^ (expects - notes)}
    assert not wrong
