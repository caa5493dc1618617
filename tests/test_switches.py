"""Switches of a reference: who looks for what is noted by scenario, and a fault is played only where it can act."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses

import pytest

from stgcmt.selftest_cases import FAULT, Case, base_of, judged, record
from stgcmt.suite import load_suites
from stgcmt.switches import NONE, Switches, changed, enter_scenario, watching


def _in_scenario(name: str, look) -> None:
    async def main() -> None:
        enter_scenario(name)
        await asyncio.create_task(look())  # a task of the reference: it inherits the scenario

    asyncio.run(main())


def _asking(switches, *names):
    async def look() -> None:
        for name in names:
            assert name not in switches

    return look


def test_what_is_asked_for_in_a_scenario_reaches_that_scenario_alone():
    with watching() as looks:
        switches = Switches()
        _in_scenario("one", _asking(switches, "rude", "late"))
        _in_scenario("two", _asking(switches, "late"))
    assert looks.reach("rude") == {"one"}
    assert looks.reach("late") == {"one", "two"}
    assert looks.reach("never") is None, "for what nobody asked, nobody knows where it acts"


def test_what_is_asked_for_outside_any_scenario_reaches_everywhere():
    with watching() as looks:
        switches = Switches()
        assert "rude" not in switches
        _in_scenario("one", _asking(switches, "rude", "late"))
    assert looks.reach("rude") is None
    assert looks.reach("late") == {"one"}


@pytest.mark.parametrize("look", [list, len, bool, frozenset, lambda switches: switches | {"x"}, lambda s: {"x"} & s])
def test_who_looks_at_all_of_them_asks_for_every_one(look):
    with watching() as looks:
        switches = Switches()

        async def all_of_them() -> None:
            look(switches)

        _in_scenario("one", all_of_them)
        _in_scenario("two", _asking(switches, "rude"))
    if look({"rude"}) != {"x"} & {"rude"}:
        assert looks.reach("rude") == {"one", "two"}
        looks.note("*")
        assert looks.reach("rude") is None
    else:
        assert looks.reach("x") == {"one"}


def test_under_another_name_the_own_one_is_asked_for():
    with watching() as looks:
        inner = Switches(("loses-one",)).renamed({"loses-one": "forgets", "adds-one": "extra"})
        further = inner.renamed({"forgets": "drops"})
        assert "forgets" in inner
        assert "drops" in further
        assert "loses-one" not in inner
        assert "extra" not in inner
    assert looks.reach("adds-one") is None
    assert "loses-one" in looks._names[""]
    assert "forgets" not in looks._names[""]


def test_a_change_that_changes_nothing_is_not_asked_for():
    with watching() as looks:
        switches = Switches()

        async def change() -> None:
            assert changed((1,), "drops-one", switches, lambda told: told[:1]) == (1,)
            assert changed((1, 2), "drops-two", switches, lambda told: told[:1]) == (1, 2)

        _in_scenario("one", change)
    assert looks.reach("drops-one") is None
    assert looks.reach("drops-two") == {"one"}
    assert changed((1, 2), "drops-two", Switches(("drops-two",)), lambda told: told[:1]) == (1,)
    assert changed((1, 2), "drops-two", frozenset({"drops-two"}), lambda told: told[:1]) == (1,)


def test_without_a_watch_nothing_is_noted_and_manners_stay_on():
    manners = NONE.with_manners({"slow"})
    assert "slow" in manners
    assert not NONE.watched
    assert Switches(("a",)).any_of(("b", "a"))
    assert not Switches(("a",)).any_of(("b",))


@pytest.mark.parametrize(
    ("role", "fault"),
    [
        ("origin_server", "forgets-one-instance"),
        ("origin_server", "gone-as-404"),
        ("scp", "commits-missing"),
        ("scp", "success-for-empty-sequence"),
        ("user_agent", "believes-both-lists"),
    ],
)
def test_what_a_fault_cannot_reach_says_the_same_and_is_judged_the_same(role, fault):
    suite = load_suites()[role]
    case = Case(role, FAULT, fault)
    whole = record(suite, dataclasses.replace(case, whole=True))
    reach = base_of(suite).looks.reach(fault)
    assert reach
    assert len(reach) < len(whole.scenarios)
    clean = base_of(suite).recording.scenarios
    for key, transcript in whole.scenarios.items():
        if (
            key[1] not in reach and role != "user_agent"
        ):  # which mints UIDs of its own; streams may meet in another order, what each says may not change
            assert sorted(_said(transcript)) == sorted(_said(clean[key])), key
    part = record(suite, case)
    assert part.scenarios.keys() == whole.scenarios.keys()
    verdicts = [
        {row.id: (row.verdict, row.standing.outcome) for row in judged(suite, each, Case(role))}
        for each in (whole, part)
    ]
    assert verdicts[0] == verdicts[1]
    assert any(str(verdict) == "fail" for verdict, _ in verdicts[0].values())


@pytest.mark.parametrize("role", [name for name, suite in load_suites().items() if suite.reference is not None])
def test_no_reference_looks_at_all_switches_at_once_and_few_faults_are_played_everywhere(role):
    looks, faults = base_of(load_suites()[role]).looks, load_suites()[role].all_faults
    assert not [scenario for scenario, names in looks._names.items() if "*" in names]
    everywhere = [fault.name for fault in faults if looks.reach(fault.name) is None and not fault.crowded]
    assert len(everywhere) <= len(faults) // 10, everywhere


def _said(transcript):
    by_step: dict[tuple[str | None, str], bytes] = {}
    for event in transcript.events:
        if event.data:
            key = (event.step or "", event.kind)
            by_step[key] = by_step.get(key, b"") + event.data
    return by_step.items()


def test_a_reference_that_does_not_note_is_played_whole():
    with watching() as looks, contextlib.suppress(KeyError):
        fault = "rude"
        assert fault == "rude"  # a plain comparison: nobody learns of it
    assert looks.reach("rude") is None
