"""Each fault of the self-test changes exactly the expected cells, claims and readings of the conformance statement.

What it changes stands in ``golden/statement/ROLE.json``: fault, place, what the clean reference gives there and what the faulty
one gives (``null``: the row is not there). Faults that touch no table stand in ``golden/statement/untouched.toml``, by the
reason why none speaks of them. A fixed share of the faults is played by every test run, all of them by ``STGCMT_GOLDEN=all``.
After a change of a suite or a table look at what ``STGCMT_GOLDEN=write pytest tests/test_statement_faults.py`` writes.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from zlib import crc32

import pytest

from statement_runs import changes, suites

# What a faulty reference does must not depend on how this suite treats warnings of the libraries beneath it.
pytestmark = pytest.mark.filterwarnings("ignore")
GOLDEN = Path(__file__).parent / "golden" / "statement"
ROLES = ("origin_server", "scp", "user_agent", "scu", "proxy_to_dimse", "proxy_to_web")
SHARE = 14  # one of so many faults is played by every run: under a minute on one core
MODE = os.environ.get("STGCMT_GOLDEN", "")
FAULTS = {role: sorted(fault.name for fault in suites()[role].all_faults) for role in ROLES}
CASES = [
    (role, name) for role, names in FAULTS.items() for name in names
    if MODE or crc32(f"{role}/{name}".encode()) % SHARE == 0
]  # fmt: skip


def golden(role):
    path = GOLDEN / f"{role}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def untouched():
    """Role and fault of those that touch no table."""
    reasons = tomllib.loads((GOLDEN / "untouched.toml").read_text("utf-8"))["reason"]
    return {tuple(each.split("/")): reason["why"] for reason in reasons for each in reason["faults"]}


@pytest.mark.parametrize(("role", "fault"), CASES, ids=[f"{role}-{fault}" for role, fault in CASES])
def test_a_fault_changes_exactly_the_expected_rows(role, fault):
    seen = {place: list(pair) for place, pair in changes(role, fault).items()}
    if MODE == "write":
        content = {name: rows for name, rows in golden(role).items() if name in FAULTS[role] and name != fault}
        content |= {fault: seen} if seen else {}
        text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        (GOLDEN / f"{role}.json").write_text(text, "utf-8")
        pytest.skip("golden file written")
    assert seen == golden(role).get(fault, {})


@pytest.mark.parametrize("role", ROLES)
def test_every_fault_touches_a_table_or_has_a_reason_why_it_does_not(role):
    """A fault whose requirement feeds a table and that changes nothing there is a defect of the statement."""
    excused = {fault for of, fault in untouched() if of == role}
    touching = set(golden(role))
    assert touching & excused == set(), "these do touch a table"
    assert set(FAULTS[role]) - touching - excused == set(), "these are not accounted for"
    assert (touching | excused) - set(FAULTS[role]) == set(), "these are no faults any more"
    assert all(len(why.split()) > 3 for why in untouched().values())


@pytest.mark.parametrize("role", ROLES)
def test_most_faults_show_in_the_statement(role):
    assert len(golden(role)) > len(FAULTS[role]) / 2


def test_what_a_fault_changes_is_a_change():
    for role in ROLES:
        for fault, places in golden(role).items():
            assert places, fault
            for place, (clean, faulty) in places.items():
                assert clean != faulty, (role, fault, place)


def test_contradicted_claims_of_the_references_are_found():
    """A fault that breaks what the reference claims moves that claim to the contradicted ones."""
    contradicted = {
        (role, fault)
        for role in ROLES
        for fault, places in golden(role).items()
        if any(place.startswith("claims ") and pair[1] == "contradicted" for place, pair in places.items())
    }
    assert {
        ("origin_server", "expires-early"),
        ("scp", "report-only-on-same-association"),
        ("user_agent", "checks-after-gone"),
        ("user_agent", "retries-503-forever"),
    } <= contradicted
