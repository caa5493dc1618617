"""The origin server's suite against its reference: clean without a fault; with one, its own rows and no others turn red."""

from __future__ import annotations

import asyncio

import pytest

from origin_server_runs import red_rows, rows_of
from stgcmt_suites.origin_server import suite


def test_the_reference_is_clean(tmp_path) -> None:
    rows = asyncio.run(rows_of(None, tmp_path))
    bad = [
        (row.id, str(row.verdict), row.standing.check, row.standing.message)
        for row in rows
        if row.verdict in ("fail", "warn", "error", "inconclusive")
    ]
    assert not bad
    untested = [row.id for row in rows if row.verdict == "not-tested" and not row.excluded]
    assert not untested
    judged = [row for row in rows if not row.excluded and row.verdict != "not-applicable"]
    assert sum(row.verdict == "pass" for row in judged) >= 0.95 * len(judged)


def test_faults_name_rows_that_exist() -> None:
    known = {row.id for row in suite.catalogue}
    names = [fault.name for fault in suite.all_faults]
    assert len(names) == len(set(names))
    for fault in suite.all_faults:
        assert {*fault.violates, *fault.follows} <= known, fault.name
        assert fault.violates, fault.name


def _wrong(seen) -> dict[str, dict[str, list[str]]]:
    wrong = {}
    for fault in suite.all_faults:
        expects, found = {*fault.violates, *fault.follows}, set(seen[fault.name])
        if found != expects:
            wrong[fault.name] = {"missing": sorted(expects - found), "also": sorted(found - expects)}
    return wrong


def test_each_fault_turns_its_rows_red(tmp_path) -> None:
    """Only the scenarios that its rows need are played: the quick half of the matrix."""
    seen = red_rows([(fault.name, (*fault.violates, *fault.follows)) for fault in suite.all_faults], tmp_path)
    assert not _wrong(seen)


@pytest.mark.slow
def test_each_fault_turns_its_rows_red_and_no_others(tmp_path) -> None:
    """The whole matrix: every row is judged under every fault."""
    assert not _wrong(red_rows([(fault.name, ()) for fault in suite.all_faults], tmp_path))


def test_every_check_that_can_fail_was_seen_red() -> None:
    """A row whose violation is more than a note is violated by at least one fault."""
    violated = {ident for fault in suite.all_faults for ident in fault.violates}
    violated |= {row.id for row in suite.catalogue if row.same_as in violated}
    from stgcmt.verdict import VIOLATION, Verdict, severity

    never = [
        row.id
        for row in suite.catalogue
        if not row.excluded and severity(row, VIOLATION) in (Verdict.FAIL, Verdict.WARN) and row.id not in violated
    ]
    assert not never
