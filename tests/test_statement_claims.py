"""Every claim that a suite takes is held against the wire by the audit, and says something in a table of the statement."""

from __future__ import annotations

import dataclasses

import pytest

from statement_runs import CLEAN, evidence_of, suites
from stgcmt.selftest_cases import Case, record
from stgcmt_reports.statement import claims
from stgcmt_reports.statement.document import build

pytestmark = pytest.mark.filterwarnings("ignore")
ROLES = ("origin_server", "scp", "user_agent", "scu", "proxy_to_dimse", "proxy_to_web")
KEYS = [(role, key) for role in ROLES for key in suites()[role].claims_schema.get("properties", {})]
# A value of each claim that no reference shows by chance.
SAMPLES = {
    "coerced": ["00100010"], "media_types": ["application/x-sample"], "query_parameters": ["sample"], "character_sets": ["koi8-r"],
    "status_codes": [299], "failure_reasons": [0x0112], "unsupported_sop_classes": ["1.2.840.10008.5.1.4.1.1.2"],
    "sop_classes": ["1.2.840.10008.5.1.4.1.1.9.9"], "report_association": "both",
}  # fmt: skip
ROWS = {
    "origin_server": "WEB-13.4.3-01", "scp": "DIMSE-J.3.3.1.2-01", "user_agent": "WEB-13.4.1-01", "scu": "DIMSE-J.3.2.1.2-01",
    "proxy_to_dimse": "PROXY-TRUTH-01", "proxy_to_web": "PROXY-TRUTH-01",
}  # fmt: skip


def sample(role, key):
    if key in SAMPLES:
        return SAMPLES[key]
    kind = suites()[role].claims_schema["properties"][key].get("type")
    return {"boolean": True, "number": 77.5, "integer": 77, "string": "a sample of words"}[kind]


@pytest.fixture(scope="module")
def evidence():
    """By role: the evidence of a small clean run."""
    kept = {}

    def of(role):
        if role not in kept:
            kept[role] = evidence_of(record(suites()[role], Case(role, CLEAN, "", (ROWS[role],))))
        return kept[role]

    return of


def stating(evidence, claimed):
    run = evidence.transcripts["run"]
    run = dataclasses.replace(run, header=dataclasses.replace(run.header, info={**run.header.info, "claims": claimed}))
    return build(dataclasses.replace(evidence, transcripts={**evidence.transcripts, "run": run}))


def cells(statement):
    return {(table, row, column): cell.text for table, row, column, cell in statement.cells()}


@pytest.mark.parametrize(("role", "key"), KEYS, ids=[f"{role}-{key}" for role, key in KEYS])
def test_a_claim_is_audited_and_fills_a_cell(role, key, evidence):
    plain = stating(evidence(role), {})
    value = sample(role, key)
    stated = stating(evidence(role), {role: {key: value}})
    told = [
        each for name in claims.LISTS for each in stated.audit[name] if (each["role"], each["claim"]) == (role, key)
    ]
    assert told, "the audit leaves the claim out"
    assert all("not looked at" not in each.get("why", "") for each in told)
    before, after = (
        {(table, row, column): (cell.kind, cell.text) for table, row, column, cell in each.cells()}
        for each in (plain, stated)
    )
    changed = [cell for place, cell in after.items() if before.get(place) != cell]
    assert "declared" in {kind for kind, _ in changed}, "no table says anything of the claim"


def test_a_claim_of_no_auditor_says_so(evidence):
    (entry,) = stating(evidence("scp"), {"scp": {"of_a_later_version": True}}).audit["not_observed"]
    assert entry["why"] == "not looked at by this audit"


def test_a_proxy_states_of_its_faces_what_their_roles_state(evidence):
    """The rows that it borrows read the claims of the role; so does the audit."""
    audit = stating(evidence("proxy_to_web"), {"scp": {"report_association": "new", "failure_reasons": [0x0112]}}).audit
    told = {(each["role"], each["claim"]) for name in claims.LISTS for each in audit[name] if each["role"] == "scp"}
    assert {("scp", "report_association"), ("scp", "failure_reasons")} <= told


def test_what_was_seen_stands_beside_a_claim_and_is_not_hidden_by_it(evidence):
    stated = stating(evidence("scp"), {"scp": {"report_association": "same"}})
    text = cells(stated)["service_scp.items", "scp.same_association", 1]
    assert text.startswith("on the association of the request (seen: reports come on an association of its own")
    assert any(each["claim"] == "report_association" for each in stated.audit["contradicted"])


def test_a_list_of_all_failure_reasons_says_of_the_others_that_they_are_never_given(evidence):
    found = cells(stating(evidence("scp"), {"scp": {"failure_reasons": [0x0112, 0x0110]}}))
    assert found["service_scp.reasons", "0213H", 1] == "not supported"
    assert found["service_scp.reasons", "0110H", 1].startswith("given, as the vendor claims")
    plain = cells(stating(evidence("scp"), {}))
    assert "not supported" not in plain["service_scp.reasons", "0213H", 1].partition("state")[0], "silence is no denial"


def test_a_slot_that_the_vendor_states_goes_before_a_claim(evidence):
    """A slot is the vendor's own wording for this very cell."""
    claimed = {"scp": {"report_association": "new"}, "statement": {"scp.same_association": "never there"}}
    assert cells(stating(evidence("scp"), claimed))["service_scp.items", "scp.same_association", 1] == "never there"
