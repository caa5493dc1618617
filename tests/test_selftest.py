"""The self-test proves what it says: it finds what it is for, and tells when a declaration or a check is wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stgcmt.cli import table
from stgcmt.selftest import Workers, by_mutants, cases_of, matrix, selftest
from stgcmt.selftest_cases import Case, Outcome, Seen, case_plan, record, run_case
from stgcmt.suite import Fault, Variant, load_suites

FOREIGN = Path(__file__).parent / "foreign"
KEYS = [
    "faults", "killed", "survivors", "unexplained", "checks", "checks_without_kill", "variants", "false_alarms", "mutants", "seconds", "wall_s",
]  # fmt: skip


@pytest.fixture
def greeter(monkeypatch):
    """The third party's suite, importable as it stands."""
    monkeypatch.syspath_prepend(str(FOREIGN))
    import stgcmt_greeter

    yield stgcmt_greeter.suite
    for name in [name for name in sys.modules if name.startswith("stgcmt_greeter")]:
        monkeypatch.delitem(sys.modules, name)


def proved(suite, **options):
    return selftest({suite.role: suite}, (suite.role,), **options)


def test_a_third_partys_fault_is_killed(greeter):
    report = proved(greeter)
    assert (report.faults, report.killed) == (1, 1)
    assert (report.survivors, report.unexplained, report.false_alarms) == ((), (), ())
    assert report.checks == 2
    assert report.mutants.judged > 50
    assert report.mutants.killed > 5
    assert report.mutants.errors == ()
    # nothing breaks its first requirement on purpose, and the self-test says so
    assert [(each["requirement"], each.get("by")) for each in report.checks_without_kill] == [("GREET-01", None)]
    assert not report.good


def test_a_fault_that_declares_what_does_not_happen_survives(greeter):
    suite = dataclasses.replace(greeter, faults=(Fault("rude", "greets nobody by name", ("GREET-01",)),))
    report = proved(suite)
    assert report.killed == 0
    assert [(each["fault"], list(each["missing"])) for each in report.survivors] == [("rude", ["GREET-01"])]
    assert [(each["fault"], each["requirement"], each["verdict"]) for each in report.unexplained] == [
        ("rude", "GREET-02", "fail")
    ]


def test_quick_plays_of_a_fault_what_it_declares(greeter):
    (clean, fault) = cases_of(greeter, quick=True)
    assert (clean.rows, fault.rows) == ((), ("GREET-02",))
    outcome = run_case(greeter, fault)
    assert {ident: seen.verdict for ident, seen in outcome.rows.items()} == {
        "GREET-01": "not-tested",
        "GREET-02": "fail",
    }


def test_a_fault_that_does_nothing_survives_and_what_it_lets_follow_is_told(greeter):
    suite = dataclasses.replace(greeter, faults=(Fault("polite", "nothing", ("GREET-02",), ("GREET-01",)),))
    report = proved(suite, quick=True)
    assert [each["missing"] for each in report.survivors] == [{"GREET-02": "pass"}]
    assert [(each["requirement"], each["message"]) for each in report.unexplained] == [
        ("GREET-01", "declared to follow, but is not red")
    ]


def test_a_variant_that_is_not_conformant_is_a_false_alarm(greeter):
    suite = dataclasses.replace(
        greeter, reference=odd_reference, variants=(Variant("odd", "greets you"), Variant("even", "greets"))
    )
    report = proved(suite, quick=True)
    assert report.variants == 2
    assert [(each["variant"], each["requirement"], each["verdict"]) for each in report.false_alarms] == [
        ("odd", "GREET-02", "fail")
    ]


@contextlib.asynccontextmanager
async def odd_reference(setting):
    from stgcmt_greeter.reference import reference

    fault = "rude" if setting.variant == "odd" else setting.fault
    async with reference(dataclasses.replace(setting, fault=fault)) as section:
        yield section


def test_a_reference_that_does_not_come_up_is_told(greeter):
    @contextlib.asynccontextmanager
    async def broken(setting):
        raise OSError("no disk")
        yield

    outcome = run_case(dataclasses.replace(greeter, reference=broken), Case("greeter"))
    assert outcome.rows == {}
    assert "no disk" in outcome.problem
    report = matrix(greeter, [outcome, Outcome(Case("greeter", "fault", "rude"), {}, outcome.problem)])
    assert "no disk" in report.survivors[0]["missing"]["*"]
    assert "no disk" in report.false_alarms[0]["message"]


def test_a_finding_that_cites_no_event_is_no_kill(greeter):
    rows = {"GREET-01": Seen("pass"), "GREET-02": Seen("fail", "violation", "no name", cited=False)}
    report = matrix(greeter, [Outcome(Case("greeter", "fault", "rude"), rows)])
    assert "cites no event" in report.survivors[0]["missing"]["GREET-02"]
    assert [each["requirement"] for each in report.checks_without_kill] == ["GREET-01", "GREET-02"]


def test_a_check_that_raises_is_an_error_of_its_case_and_of_its_mutants(greeter, monkeypatch):
    import stgcmt_greeter.test_greeter as module

    check = next(each for each in greeter.all_checks if each.name == "test_a_greeting_names_the_guest")

    def fragile(greeting):
        assert module.http(greeting).answer("greet").response.message.status == 200, "a number"

    suite = dataclasses.replace(greeter)
    suite.__dict__["all_checks"] = (
        *(each for each in greeter.all_checks if each is not check),
        dataclasses.replace(check, function=fragile),
    )
    with Workers({suite.role: suite}, 1) as workers:
        report = by_mutants(suite, workers, quick=False)
    assert report.mutants.errors
    assert "NoneType" in report.mutants.errors[0]["message"]
    assert any("without premise" in each["variant"] for each in report.false_alarms)


def test_a_check_that_nothing_turns_red_has_no_kill_proof(greeter):
    check = next(each for each in greeter.all_checks if each.name == "test_a_greeting_names_the_guest")
    suite = dataclasses.replace(greeter)
    kept = tuple(each for each in greeter.all_checks if each is not check)
    suite.__dict__["all_checks"] = (*kept, dataclasses.replace(check, function=lambda greeting: None))  # noqa: ARG005 - its argument's name is the scenario
    with Workers({suite.role: suite}, 1) as workers:
        report = by_mutants(suite, workers, quick=False)
    assert [(each["requirement"], each["by"]) for each in report.checks_without_kill] == [("GREET-02", "mutants")]
    assert {each["verdict"] for each in report.false_alarms} == {"pass"}, "it passes without its premise, too"


def test_cases_are_clean_faults_variants():
    suite = load_suites()["scp"]
    cases = cases_of(suite)
    assert cases[0] == Case("scp")
    assert len({(each.kind, each.name) for each in cases}) == len(cases)
    assert len(cases) == 1 + len(suite.all_faults) + len(suite.all_variants)


@pytest.mark.parametrize("role", ["origin_server", "scp"])
def test_the_clean_reference_is_silent_in_virtual_time_and_repeats_itself(role):
    suite = load_suites()[role]
    first, second = (run_case(suite, Case(role)) for _ in range(2))
    assert first.red == {}
    assert first.problem == ""
    verdicts = {ident: seen.verdict for ident, seen in first.rows.items()}
    assert "inconclusive" not in verdicts.values()
    assert verdicts == {ident: seen.verdict for ident, seen in second.rows.items()}


@pytest.mark.parametrize("role", ["origin_server", "scp"])
def test_a_run_in_virtual_time_takes_longer_than_its_computing(role):
    import time

    began = time.process_time()
    recording = record(load_suites()[role], Case(role))
    computed = time.process_time() - began
    last = max(event.t for event in recording.run.events) / 1e9
    assert last > 3
    assert computed < 10 * last


def test_some_faults_of_each_role_turn_exactly_their_rows_red():
    suites = load_suites()
    for role in ("origin_server", "scp"):
        suite = suites[role]
        chosen = [Case(role, "fault", each.name) for each in suite.all_faults[:: max(1, len(suite.all_faults) // 4)]]
        report = matrix(suite, [run_case(suite, case) for case in chosen], partly=True)
        assert report.survivors == ()
        assert report.unexplained == ()
        assert report.killed == report.faults == len(chosen)


def test_the_command_prints_the_object_and_its_exit_code(greeter, monkeypatch):
    monkeypatch.setattr("stgcmt.commands.load_suites", lambda: {"greeter": greeter})
    result = CliRunner().invoke(table, ["selftest", "--json", "--jobs", "1"])
    printed = json.loads(result.stdout)
    assert list(printed) == KEYS
    assert list(printed["mutants"]) == ["judged", "killed", "errors", "per_second"]
    assert result.exit_code == 1
    shown = CliRunner().invoke(table, ["selftest", "--jobs", "1", "--fault", "rude"])
    assert "GREET-02" in shown.stdout
    assert shown.exit_code == 0
    wrong = CliRunner().invoke(table, ["selftest", "--fault", "rudest"])
    assert "did you mean rude" in str(wrong.exception)


def test_the_page_of_faults_is_up_to_date():
    script = Path(__file__).parent.parent / "docs" / "make_faults.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr}run: python docs/make_faults.py > docs/faults.md"


def test_a_variant_under_which_nothing_is_judged_is_no_proof_of_silence(greeter):
    """Rows that the reference's own recording decides must be decided of a variant, too, or be listed with a reason."""
    clean = Outcome(Case("greeter"), {"GREET-01": Seen("pass"), "GREET-02": Seen("inconclusive")})

    def alarms(verdict, **listed):
        variant = Variant("mute", "says nothing", silent=listed.get("silent", {}))
        suite = dataclasses.replace(greeter, variants=(variant,))
        rows = {"GREET-01": Seen(verdict), "GREET-02": Seen("inconclusive")}
        report = matrix(suite, [clean, Outcome(Case("greeter", "variant", "mute"), rows)], partly=True)
        return [
            (each["requirement"], each["verdict"]) for each in report.false_alarms if each["variant"] == variant.name
        ]

    assert alarms("inconclusive") == [("GREET-01", "inconclusive")]
    assert alarms("not-tested") == [("GREET-01", "not-tested")]
    assert alarms("not-applicable") == alarms("pass") == []
    assert alarms("inconclusive", silent={"GREET-01": "it greets nobody"}) == []
    assert alarms("pass", silent={"GREET-01": "it greets nobody"}) == [("GREET-01", "pass")], "a reason that is stale"


def test_a_crowded_fault_is_played_whole_even_when_quick(greeter):
    (fault,) = greeter.faults
    crowded = dataclasses.replace(greeter, faults=(dataclasses.replace(fault, crowded=True),))
    case = cases_of(crowded, quick=True)[1]
    assert case.whole
    assert not cases_of(greeter, quick=True)[1].whole
    suite = load_suites()["scp"]
    row = next(row.id for row in suite.catalogue if suite.checks_for(row.id))
    few = case_plan(suite, Case("scp", rows=(row,)))
    whole = case_plan(suite, Case("scp", rows=(row,), whole=True))
    assert len(few.scenarios) < len(whole.scenarios)


@pytest.mark.parametrize("beside", [["--fault", "rude"], ["--quick"], ["--jobs", "1"]])
def test_repeat_takes_no_option_that_it_would_ignore(greeter, monkeypatch, beside):
    monkeypatch.setattr("stgcmt.commands.load_suites", lambda: {"greeter": greeter})
    result = CliRunner().invoke(table, ["selftest", "--repeat", "2", *beside])
    assert "--repeat" in str(result.exception)
    assert result.exit_code != 0


def test_the_phases_are_timed(greeter):
    report = proved(greeter)
    assert list(report.seconds) == ["play", "judge", "mutants", "search"]
    assert report.seconds["play"] > 0
    assert report.seconds["mutants"] > 0


def test_quick_sees_what_follows_only_in_a_crowd():
    """The fault gives a result to whoever waits last: alone, a scenario would not meet another one's result."""
    suite = load_suites()["proxy_to_web"]
    case = next(each for each in cases_of(suite, quick=True) if each.name == "latest-takes-the-result")
    report = matrix(suite, [run_case(suite, case)], partly=True)
    assert (report.survivors, report.unexplained, report.killed) == ((), (), 1)
