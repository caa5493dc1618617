"""The SCU's suite against its reference, in virtual time: clean without a fault; with one, its own rows and no others."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from stgcmt.selftest_cases import FAULT, RED, VARIANT, Case, judged, killable, record, run_case
from stgcmt.suite import Setting
from stgcmt_suites.scu import suite

ROLE = "scu"
# One fault of each kind; `stgcmt selftest` plays them all.
SOME = (
    "believes-stored", "forgets-after-abort", "believes-left-out", "matches-by-instances", "no-role-answer", "no-references", "aborts-on-bad-report",
)  # fmt: skip

SAFE = ("DIMSE-SCU-SAFE-01",)
MAP = (*SAFE, "DIMSE-TUID-05")


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


def test_the_map_of_reports_shows_what_became_of_the_associations(clean):
    from stgcmt_suites.commitment.topology import topology

    cells = topology(each for (role, _), each in sorted(clean.scenarios.items()) if role == ROLE)
    assert {each["association"] for each in cells} >= {"kept open", "released early"}
    ready = [one for each in cells if each["listener"] == "ready" for one in each["transactions"]]
    assert {one["on"] for one in ready if one["delivered"]} == {"the same association", "a new association"}
    assert all(one["attempts"] for one in ready)
    silent = [one for each in cells if each["listener"] == "not tried by us" for one in each["transactions"]]
    assert "scu/never" in {one["transcript"] for one in silent}, "requests without report are told too"
    wrong = [one for each in cells if each["listener"] == "ready, a wrong report" for one in each["transactions"]]
    assert {one["transcript"] for one in wrong} == {"scu/bad_reports", "scu/misleading"}
    assert not any(one["delivered"] for one in wrong)


def cells_of(recording):
    from stgcmt_suites.commitment.topology import topology

    found = topology(each for (role, _), each in sorted(recording.scenarios.items()) if role == ROLE)
    return {(each["association"], each["listener"]): each["transactions"] for each in found}


def of(cells, scenario):
    """The one cell, and its first transaction, that a scenario fills."""
    ((place, found),) = [
        (place, one) for place, each in cells.items() for one in each if one["transcript"] == f"{ROLE}/{scenario}"
    ][:1]
    return place, found


def test_the_map_has_every_way_that_goes_wrong_at_first(clean):
    cells = cells_of(clean)
    assert {one["transcript"] for one in cells["aborted", "ready"]} == {"scu/ended_by_us"}
    assert {one["transcript"] for one in cells["lost", "ready"]} == {"scu/ended_by_us"}
    for scenario, listener in (
        ("another_ae_called", "another AE title at first"),
        ("explicit_report", "Explicit VR only at first"),
        ("restarted", "ready, SUT restarted meanwhile"),
        ("cut_report", "ready, report in parts"),
    ):
        place, found = of(cells, scenario)
        assert place[1] == listener
        assert (found["delivered"], found["again"], found["on"]) == (True, 0, "a new association"), scenario
    place, found = of(cells, "default_roles")
    assert place[1] == "default roles at first"
    assert [(each["what"], each["ok"]) for each in found["attempts"]] == [
        ("presentation context rejected", False), ("answered 0000H", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "scenario", "what", "again"),
    [
        (VARIANT, "strict-ae", "another_ae_called", "association rejected (1, 1, 7)", 1),
        (VARIANT, "implicit-only", "explicit_report", "presentation context rejected", 1),
        (FAULT, "forgets-after-abort", "ended_by_us", "answered 0115H", None),
        (FAULT, "refuses-report-associations", "restarted", "presentation context rejected", None),
    ],
)  # fmt: skip
def test_a_client_that_behaves_otherwise_changes_its_cell(kind, name, scenario, what, again):
    """``again`` counts the attempts after which the report was taken; ``None``: it never was."""
    _, found = of(cells_of(record(suite, Case(ROLE, kind, name, MAP))), scenario)
    assert found["attempts"][0]["what"] == what
    assert found["delivered"] is (again is not None)
    assert again is None or found["again"] == again
    assert (found["gave_up_s"] is None) is found["delivered"]


def test_one_table_has_both_roles(clean):
    from stgcmt.evidence import Evidence
    from stgcmt.results import judged_results
    from stgcmt.suite import load_suites
    from stgcmt_reports.html import render

    both = load_suites()
    scp = record(both["scp"], Case("scp", rows=("DIMSE-ROB-RETRY-01",)))
    header = dataclasses.replace(clean.run.header, info={**clean.run.header.info, "roles": ["scp", ROLE]})
    run = dataclasses.replace(clean.run, header=header)
    together = dataclasses.replace(clean, run=run, scenarios={**scp.scenarios, **clean.scenarios})
    results, _ = judged_results(together, {"scp": both["scp"], ROLE: suite}, judged="2026-01-01T00:00:00Z")
    assert {cell["role"] for cell in results["topology"]} == {"scp", ROLE}
    page = render(Evidence(results=results, transcripts=together.named()))
    section = page[page.index('<section id="topology"') :]
    section = section[: section.index("</section>")]
    assert section.count("<table") == 1
    assert '<td class="mono">scp</td>' in section
    assert '<td class="mono">scu</td>' in section


def test_an_early_refusal_is_early_and_commits_nothing():
    """A client that pauses within its request has its refusal before it goes on; one that believes it is found there alone."""
    from stgcmt.suite import dimse
    from stgcmt_suites.scu.test_scu_safety import beliefs_of

    early = record(suite, Case(ROLE, VARIANT, "pauses-in-request", ("DIMSE-TUID-01",))).scenarios[ROLE, "refused_early"]
    (asked,) = dimse(early).messages("N-ACTION-RQ")
    (answer,) = asked.responses
    assert answer.status == 0x0213
    assert answer.t_first < asked.t_last - 0.4e9, "the refusal did not wait for the data set"
    wrong = record(suite, Case(ROLE, FAULT, "believes-refused", SAFE)).scenarios[ROLE, "refused_early"]
    assert any(each.held for each in beliefs_of(wrong))


def test_faults_and_variants_name_rows_that_exist():
    known = {row.id for row in suite.catalogue}
    names = [each.name for each in (*suite.all_faults, *suite.all_variants)]
    assert len(names) == len(set(names))
    assert suite.all_faults[0].violates[0] == "DIMSE-SCU-SAFE-01"
    assert len(suite.all_faults) >= 25
    assert len(suite.all_variants) >= 8
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


@pytest.mark.parametrize("name", ["releases-at-once", "one-association", "asks-anew", "strict-ae", "pauses-in-request"])
def test_a_variant_is_as_good_as_the_reference(name):
    seen = run_case(suite, Case(ROLE, VARIANT, name))
    assert not seen.problem
    assert {
        row: each.verdict for row, each in seen.rows.items() if each.verdict in (*RED, "error", "inconclusive")
    } == {}


def test_a_loss_of_data_is_told_as_such_and_cites_report_and_belief():
    recording = record(suite, Case(ROLE, FAULT, "believes-left-out"))
    (row,) = [
        row for row in judged(suite, recording, Case(ROLE, FAULT, "believes-left-out")) if row.id == "DIMSE-SCU-SAFE-01"
    ]
    assert row.verdict == "fail"
    assert row.requirement.consequence == "data-loss"
    named = recording.named()
    kinds = {named[each.transcript].event(each.event).kind for each in row.standing.evidence if each.event is not None}
    assert {"state", "dimse.in", "dimse.out"} <= kinds


def test_without_trigger_state_destination_or_listener_nothing_is_passed():
    from stgcmt.plan import plan
    from stgcmt.sut import Destination, Driver, Sut

    trigger = {"trigger": {"url": "http://127.0.0.1:9/"}, ROLE: {"destinations": []}}
    bare = Sut("x", roles=(ROLE,), driver=Driver("external"), document=trigger)
    reasons = {each.scenario.name: each.reason for each in plan(bare, {ROLE: suite}, (ROLE,), {}).scenarios}
    assert all(
        "add [[scu.destinations]]" in each or "add [state]" in each or "host and port" in each
        for each in reasons.values()
    )
    ours = (Destination("STGCMT", "127.0.0.1", 0),)
    called = Sut("x", roles=(ROLE,), driver=Driver("external"), document=trigger, destinations=ours)
    reasons = {each.scenario.name: each.reason for each in plan(called, {ROLE: suite}, (ROLE,), {}).scenarios}
    assert "add host and port to [scu]" in reasons["new_association"]
    assert "add [state]" in reasons["beliefs"]
    assert not reasons["same_association"]


def test_a_second_life_takes_reports_of_the_first_on_the_same_port(tmp_path):
    """State on disk: what was asked for before a restart is committed by a report after it."""
    from stgcmt.actors.requestor import associate
    from stgcmt.actors.scripted_scp import Delivery
    from stgcmt.clock import SystemClock
    from stgcmt.drivers.provoke import NoTap
    from stgcmt.wire.stream import SystemNetwork
    from stgcmt.wire.uids import COMMITMENT_PUSH
    from stgcmt_fixtures.instances import counted_uids, make
    from stgcmt_suites.commitment.dimse_results import Said
    from stgcmt_suites.commitment.references import Reference
    from stgcmt_suites.scu.outbox import Outbox
    from stgcmt_suites.scu.reference import reference

    instance = make("ct", uid=counted_uids())
    setting = Setting(SystemClock(), SystemNetwork(), tmp_path)

    async def main():
        async with reference(setting) as section:
            first = section["port"]
        outbox = Outbox(tmp_path)
        outbox.add(instance.part10())
        outbox.begin("1.2.3", "A@h:1", [instance.sop_instance_uid])
        outbox.close()
        async with reference(setting) as section:
            assert section["port"] == first
            said = Said("1.2.3", (Reference(instance.sop_class_uid, instance.sop_instance_uid),))
            delivery = Delivery(said.write)
            async with associate(
                setting.network, setting.clock, NoTap(), "127.0.0.1", first, called_ae="MODALITY", calling_ae="A",
                proposal=delivery.proposal(),
            ) as assoc:  # fmt: skip
                answer = await assoc.n_event_report(said.write(assoc.transfer_syntax(COMMITMENT_PUSH)), 1)
            assert answer.status == 0
        outbox = Outbox(tmp_path)
        found = outbox.instance(instance.sop_instance_uid)
        outbox.close()
        return found.state, json.dumps(dict(section)["state"])

    assert asyncio.run(main())[0] == "committed"
    assert not (tmp_path / "instances" / f"{instance.sop_instance_uid}.dcm").exists()
