"""``stgcmt run --fault NAME`` from the command line: the rows that the fault names turn red, no others, and the exit code says so.

All faults are played in this process by the tests of each suite; these few show that the command does the same.
"""

from __future__ import annotations

import pytest

from peer_runs import results, rows, start
from stgcmt_suites.origin_server import suite as origin_server
from stgcmt_suites.scp import suite as scp

SUITES = {"origin_server": origin_server, "scp": scp}
SAMPLE = (
    "accepted-with-body", "regress-to-pending", "no-xml", "retrieve-ae-in-result",
    "pdu-too-long", "wrong-calling-ae", "type-2-when-all-committed", "no-failure-reason",
)  # fmt: skip
AT_ONCE = 4
RED = {"fail", "warn", "error"}


def known() -> dict[str, tuple[str, set[str]]]:
    """For each fault its role and the rows that it turns red."""
    return {
        each.name: (role, {*each.violates, *each.follows})
        for role, suite in SUITES.items()
        for each in suite.all_faults
    }


@pytest.mark.slow
def test_a_fault_of_the_command_line_turns_its_rows_red(tmp_path) -> None:
    wrong = {}
    for first in range(0, len(SAMPLE), AT_ONCE):
        under_way = {name: start(tmp_path / name, "--fault", name) for name in SAMPLE[first : first + AT_ONCE]}
        for name, process in under_way.items():
            found, (role, expects) = results(process), known()[name]
            seen = {ident for ident, row in rows(found).items() if row["verdict"] in RED}
            failed = any(row["verdict"] == "fail" for row in found["requirements"])
            if seen != expects or found["sut"]["roles"] != [role] or found["exit_code"] != int(failed):
                wrong[name] = (sorted(seen), sorted(expects), found["sut"]["roles"], found["exit_code"])
    assert not wrong
