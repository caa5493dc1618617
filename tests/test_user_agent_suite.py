"""The user agent's suite against its reference, in virtual time: clean without a fault; with one, its own rows and no others."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from stgcmt.selftest_cases import FAULT, RED, VARIANT, Case, judged, killable, record, run_case
from stgcmt_suites.user_agent import suite
from stgcmt_suites.user_agent.service import Case as ServedCase

ROLE = "user_agent"
# One fault of each kind; `stgcmt selftest` plays them all.
SOME = (
    "believes-202", "believes-unanswered", "believes-half-a-result", "requests-without-end", "believes-left-out", "believes-foreign", "believes-unreadable", "believes-unknown-status", "never-checks",
    "retries-503-forever", "dates-not-understood", "dies-of-unknown-status", "reposts-blindly", "uid-used-again",
    "put-for-post", "compressed-unsaid", "both-structures", "no-vr", "multipart-not-closed",
)  # fmt: skip


def _case(named: dict[str, None]) -> ServedCase:
    """A case for one instance, of which so many were asked for."""
    found = ServedCase((SimpleNamespace(sop_instance_uid="2.25.1"),), ())
    found.named |= named
    return found


@pytest.fixture(scope="module")
def clean():
    return record(suite, Case(ROLE))


def test_the_reference_is_clean(clean):
    rows = judged(suite, clean, Case(ROLE))
    odd = [
        (row.id, str(row.verdict), row.standing.message) for row in rows if not row.excluded and row.verdict != "pass"
    ]
    assert not odd
    assert all(each.complete for each in clean.scenarios.values())


def test_faults_and_variants_name_rows_that_exist():
    known = {row.id for row in suite.catalogue}
    names = [each.name for each in (*suite.all_faults, *suite.all_variants)]
    assert len(names) == len(set(names))
    assert suite.all_faults[0].violates == ("WEB-UA-SAFE-01", "WEB-HTTP-202-01")
    assert len(suite.all_faults) >= 20
    assert len(suite.all_variants) >= 6
    for fault in suite.all_faults:
        assert {*fault.violates, *fault.follows} <= known, fault.name


def test_every_row_that_can_turn_red_is_violated_by_a_fault():
    named = {ident for fault in suite.all_faults for ident in (*fault.violates, *fault.follows)}
    assert not [row.id for row in suite.catalogue if not row.excluded and killable(row) and row.id not in named]


@pytest.mark.parametrize("name", SOME)
def test_a_fault_turns_its_rows_red_and_no_others(name):
    fault = next(each for each in suite.all_faults if each.name == name)
    seen = run_case(suite, Case(ROLE, FAULT, name))
    assert not seen.problem
    assert set(seen.red) == {*fault.violates, *fault.follows}


@pytest.mark.parametrize("name", ["hierarchical", "multipart-xml", "patient", "keeps-connections", "never-retries"])
def test_a_variant_is_as_good_as_the_reference(name):
    seen = run_case(suite, Case(ROLE, VARIANT, name))
    assert not seen.problem
    assert {
        row: each.verdict for row, each in seen.rows.items() if each.verdict in (*RED, "error", "inconclusive")
    } == {}


def test_a_loss_of_data_is_told_as_such_and_cites_result_and_belief():
    recording = record(suite, Case(ROLE, FAULT, "believes-any-200"))
    (row,) = [
        row for row in judged(suite, recording, Case(ROLE, FAULT, "believes-any-200")) if row.id == "WEB-UA-SAFE-01"
    ]
    assert row.verdict == "fail"
    assert row.requirement.consequence == "data-loss"
    kinds = {
        recording.named()[each.transcript].event(each.event).kind
        for each in row.standing.evidence
        if each.event is not None
    }
    assert {"state", "http.in", "http.out"} <= kinds


def test_202_is_judged_where_it_was_the_last_answer_alone(clean):
    """What a client takes for committed on another answer is no matter of the row on 202."""
    rows = {row.id: row for row in judged(suite, clean, Case(ROLE))}
    told = {each.transcript for each in rows["WEB-HTTP-202-01"].standing.evidence}
    assert {name.rpartition("/")[2] for name in told} <= {"pending", "still_pending", "restarted"}
    seen = run_case(suite, Case(ROLE, FAULT, "believes-202")).rows["WEB-HTTP-202-01"]
    assert (seen.verdict, seen.cited) == ("warn", True)
    assert "while 202 is the last answer" in seen.message
    assert run_case(suite, Case(ROLE, FAULT, "believes-any-200")).rows["WEB-HTTP-202-01"].verdict == "pass"


def test_a_client_is_asked_about_all_that_it_asked_for_in_several_requests():
    named = {"sop-1": None, "sop-2": None}
    assert _case(named).held == ("sop-1", "sop-2")
    assert _case({}).held == ("2.25.1",)


def test_without_a_word_on_its_state_a_client_is_not_passed():
    import dataclasses

    from stgcmt.plan import plan
    from stgcmt.sut import Driver, Sut

    sut = Sut("x", roles=(ROLE,), driver=Driver("external"), document={"trigger": {"url": "http://127.0.0.1:9/"}})
    planned = plan(sut, {ROLE: suite}, (ROLE,), {})
    reasons = {each.scenario.name: each.reason for each in planned.scenarios}
    assert "add [state]" in reasons["beliefs"]
    assert not reasons["pending"]
    none = plan(dataclasses.replace(sut, document={}), {ROLE: suite}, (ROLE,), {})
    assert all("add [trigger]" in each.reason for each in none.scenarios)
