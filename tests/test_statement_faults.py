"""Each named fault changes exactly the expected cells, claims and readings of the conformance statement.

The expected changes stand in ``golden/statement_changes.json``: role, fault, place, what the clean reference gives there
and what the faulty one gives (``null``: the row is not there). After a change of a suite or a table, look at what
``STGCMT_GOLDEN=write pytest tests/test_statement_faults.py`` writes before it is committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from statement_runs import changes, suites

GOLDEN = Path(__file__).parent / "golden" / "statement_changes.json"
FAULTS = {
    "origin_server": (
        "created-instead-of-ok", "see-other-instead-of-accepted", "check-before-visible", "deletes-on-read", "expires-early",
        "gone-as-404", "unknown-uid-410", "retry-after-date", "retry-after-text", "duplicate-accepted-done", "duplicate-as-400",
        "missing-as-404", "unsupported-as-501", "commits-wrong-class", "held-as-0112", "reason-out-of-set", "no-content-type",
        "malformed-as-422", "empty-list-accepted", "both-structures-accepted", "invalid-uid-as-404", "json-requests-refused",
    ),
    "scp": (
        "extended-negotiation", "no-role-item", "two-role-items", "answers-role-without-item", "wrong-calling-ae",
        "explicit-only-proposal", "implicit-only-proposal", "report-only-on-same-association", "fails-when-instance-missing",
        "success-for-missing-transaction-uid", "processing-failure-for-missing", "processing-failure-for-action-type",
        "accepts-unknown-caller", "processing-failure-for-duplicate", "refuses-file-set", "no-failure-reason", "reason-0111",
        "retrieve-ae-both-levels", "file-set-both-levels", "no-retry", "report-twice",
    ),
    "user_agent": (
        "believes-left-out", "never-checks", "checks-after-gone", "retries-503-forever", "reposts-blindly",
        "same-uid-after-refusal", "query-parameter", "no-accept-on-check", "content-type-on-check", "both-lengths",
        "plain-json-type", "put-for-post",
    ),
}  # fmt: skip
CASES = [(role, fault) for role, faults in FAULTS.items() for fault in faults]


def golden():
    return json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.is_file() else {}


@pytest.mark.parametrize(("role", "fault"), CASES, ids=[f"{role}-{fault}" for role, fault in CASES])
def test_a_fault_changes_exactly_the_expected_rows(role, fault):
    seen = {place: list(pair) for place, pair in changes(role, fault).items()}
    assert seen, "a fault that touches a table must show in it"
    if os.environ.get("STGCMT_GOLDEN") == "write":
        content = golden()
        content.setdefault(role, {})[fault] = seen
        GOLDEN.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
        pytest.skip("golden file written")
    assert seen == golden()[role][fault]


def test_the_golden_file_holds_these_faults_and_no_others():
    assert {role: set(faults) for role, faults in golden().items()} == {
        role: set(faults) for role, faults in FAULTS.items()
    }


def test_no_two_faults_look_the_same():
    """What distinguishes faults on the wire distinguishes them in the statement, but for those named here."""
    same = {}
    for role, faults in golden().items():
        for fault, places in faults.items():
            same.setdefault(json.dumps([role, places], sort_keys=True), []).append(fault)
    assert [names for names in same.values() if len(names) > 1] == []


def test_contradicted_claims_of_the_references_are_found():
    """A fault that breaks what the reference claims moves that claim to the contradicted ones."""
    contradicted = {
        (role, fault)
        for role, faults in golden().items()
        for fault, places in faults.items()
        if any(place.startswith("claims ") and pair[1] == "contradicted" for place, pair in places.items())
    }
    assert {
        ("origin_server", "expires-early"),
        ("user_agent", "checks-after-gone"),
        ("user_agent", "retries-503-forever"),
    } <= contradicted


def test_every_fault_is_one_of_the_references():
    for role, names in FAULTS.items():
        assert set(names) <= {fault.name for fault in suites()[role].all_faults}
