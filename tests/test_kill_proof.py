"""A pass is proved by mutations of its own recording; one that nothing turns red is vacuous, and not counted as tested."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from pathlib import Path

import pytest

from stgcmt.checks import Check
from stgcmt.clock import LoopClock
from stgcmt.judge import Proof, Recording, judge
from stgcmt.kill_proof import LEAST, TRIES, VACUOUS, Edits, candidates, in_turn, proved, shape
from stgcmt.mutation import Edit, operators_for
from stgcmt.play import Player
from stgcmt.results import judged_results
from stgcmt.selftest_cases import VARIANT, Case, record
from stgcmt.selftest_kills import dump, kills_of, mended
from stgcmt.selftest_repeat import flips, load
from stgcmt.suite import Kill, kills_from, load_suites
from stgcmt.verdict import Verdict
from stgcmt.virtual import run_virtual
from stgcmt.wire.memory import MemoryNetwork

FOREIGN = Path(__file__).parent / "foreign"


@pytest.fixture(scope="module")
def greeter():
    """The third party's suite, importable as it stands; it ships no table of kills."""
    sys.path.insert(0, str(FOREIGN))
    import stgcmt_greeter

    yield stgcmt_greeter.suite
    sys.path.remove(str(FOREIGN))
    for name in [name for name in sys.modules if name.startswith("stgcmt_greeter")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def recording(greeter) -> Recording:
    return record(greeter, Case(greeter.role))


def judged(suite, recording, **options):
    results, rows = judged_results(recording, {suite.role: suite}, judged="2027-01-01T00:00:00Z", **options)
    return results, {row["id"]: row for row in results["requirements"]}, rows


def with_check(suite, name, function):
    """The suite with another function in the place of a check's."""
    checks = tuple(
        dataclasses.replace(each, function=function) if each.name == name else each for each in suite.all_checks
    )
    changed = dataclasses.replace(suite)
    changed.__dict__["all_checks"] = checks
    return changed


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux alone")
def test_two_processes_prove_what_one_does(tmp_path, monkeypatch: pytest.MonkeyPatch):
    from stgcmt.commands.run import make_plan
    from stgcmt.judge import read_recording

    plan = make_plan(None, role=("scp",), req=("DIMSE-J.2-01", "DIMSE-J.3.2-02", "DIMSE-J.1.1-01", "DIMSE-D.3.3.4-02"))
    run_virtual(Player(plan, tmp_path, clock=LoopClock(), network=MemoryNetwork(), jitter_step=None).play())
    recording = read_recording(tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    forks: list[int] = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or fork())
    rows = judge(recording, plan.suites, profile="default", selection=plan.selection)
    told: list[tuple[int, int]] = []
    shared = proved(rows, recording, plan.suites, profile="default", progress=lambda *at: told.append(at))
    assert forks
    alone = proved(rows, recording, plan.suites, profile="default", alone=True)
    assert forks == [1]
    assert repr(shared) == repr(alone)
    assert any(row.proof and row.proof.killed for row in shared)
    assert told[-1] == (sum(row.verdict is Verdict.PASS for row in rows),) * 2
    assert told == sorted(told)


def test_a_third_partys_passes_are_proved_without_a_table(greeter, recording):
    assert greeter.known_kills == {}
    results, rows, _ = judged(greeter, recording)
    for row in rows.values():
        assert (row["verdict"], row["vacuous"]) == ("pass", False)
        assert 1 <= row["proof"]["killed"] <= row["proof"]["tried"] <= TRIES
        assert len(row["proof"]["examples"]) == min(5, row["proof"]["killed"])
        assert all(":" in example for example in row["proof"]["examples"])
    assert results["summary"]["tested"] == len(rows)


def test_a_check_that_cannot_fail_is_vacuous_and_not_tested(greeter, recording):
    check = next(each for each in greeter.all_checks if each.name == "test_a_greeting_names_the_guest")
    (ident,) = check.ids
    results, rows, judged_rows = judged(with_check(greeter, check.name, lambda *_, **__: None), recording)
    row = rows[ident]
    assert (row["verdict"], row["vacuous"], row["message"]) == ("not-tested", True, VACUOUS)
    assert row["proof"]["killed"] == 0
    assert LEAST <= row["proof"]["tried"] <= TRIES
    assert [each["verdict"] for each in row["checks"]] == ["not-tested"]
    assert results["summary"]["not-tested"] == 1
    assert results["summary"]["tested"] == len(rows) - 1
    assert next(each for each in judged_rows if each.id == ident).verdict is Verdict.NOT_TESTED


def test_a_check_that_raises_on_every_mutant_is_vacuous_too(greeter, recording):
    check = next(each for each in greeter.all_checks if each.name == "test_a_greeting_names_the_guest")
    original = recording.scenarios["greeter", check.scenarios[0]]

    def fragile(*transcripts, **_):
        if original not in transcripts:
            raise RuntimeError("not what was recorded")

    _, rows, _ = judged(with_check(greeter, check.name, fragile), recording)
    assert rows[check.ids[0]]["vacuous"] is True


def test_a_row_of_two_checks_is_proved_by_one(greeter, recording):
    first = next(each for each in greeter.all_checks if each.name == "test_a_greeting_names_the_guest")
    idle = Check("test_idle", first.ids, first.arguments, False, lambda *_, **__: None)
    changed = dataclasses.replace(greeter)
    changed.__dict__["all_checks"] = (idle, *greeter.all_checks)
    _, rows, _ = judged(changed, recording)
    row = rows[first.ids[0]]
    assert (row["verdict"], row["vacuous"], len(row["checks"])) == ("pass", False, 2)
    assert row["proof"]["tried"] > TRIES  # those of both


def test_the_proof_is_that_of_the_seed_in_the_recording(greeter, recording):
    assert recording.run.header.info["seed"]
    first, again = judged(greeter, recording)[0], judged(greeter, recording)[0]
    assert first == again


def test_deselected_rows_are_not_proved(greeter, recording):
    ident = greeter.catalogue[0].id
    info = {**recording.run.header.info, "selection": {"req": [ident]}}
    run = dataclasses.replace(recording.run, header=dataclasses.replace(recording.run.header, info=info))
    told = []
    _, rows, _ = judged(greeter, dataclasses.replace(recording, run=run), progress=lambda *each: told.append(each))
    assert [row["id"] for row in rows.values() if row["proof"]] == [ident]
    assert told == [(1, 1)]


def test_what_the_table_knows_is_tried_first(recording):
    transcript = next(iter(recording.scenarios.values()))
    edits = Edits.of(transcript, operators_for(()), "seed")
    edit = next(
        each for found in edits.by_operator.values() for each in found if each.operator.startswith("drop a header")
    )
    known = (Kill(transcript.name, edit.operator, shape(edit.where)), Kill("elsewhere", "status 404"))
    tried = list(candidates([edits], known))
    assert shape(tried[0][1].where) == shape(edit.where)
    assert len({id(each) for _, each in tried}) == len(tried) == sum(map(len, edits.by_operator.values()))


def test_the_place_of_an_edit_outlives_its_recording():
    assert shape("(0000,0900) of N-ACTION-RSP, event 12") == shape("(0000,0900) of N-ACTION-RSP, event 7")
    assert shape("00081198/Value/0/00081197/Value/0 = 5") == "00081198/Value//00081197/Value/0 = 5"
    assert shape("connection 3, event 4") == ""


def test_operators_take_turns():
    edits = Edits(None, {})  # type: ignore[arg-type]
    a, b = ([Edit(name, str(n), lambda: None) for n in range(2)] for name in "ab")  # type: ignore[arg-type, return-value]
    assert [edit.name for _, edit in in_turn([(edits, a), (edits, b)])] == ["a: 0", "b: 0", "a: 1", "b: 1"]


def test_a_table_is_surveyed_and_read_back(greeter):
    import json

    content = kills_of(greeter)
    assert json.loads(dump(content)) == content
    known = kills_from(content)
    assert set(known) == {row.id for row in greeter.catalogue if not row.excluded}
    assert all(isinstance(kill, Kill) for checks in known.values() for kills in checks.values() for kill in kills)


def test_a_table_is_mended_where_it_leads_to_no_kill(greeter, monkeypatch):
    from stgcmt import selftest_kills

    check = next(each for each in greeter.all_checks if each.name == "test_a_greeting_names_the_guest")
    (ident,) = check.ids
    whole = kills_of(greeter)
    stale = {**whole["kills"], "GONE-01": {"test_gone": [["hello", "status 404", ""]]}}
    del stale[ident]
    monkeypatch.setattr(selftest_kills.Prover, "proof", lambda _, row, name: Proof(1, int(name != check.name)))
    found = mended(greeter, {"schema": 1, "kills": stale})
    assert "GONE-01" not in found["kills"]
    assert found["kills"][ident][check.name]
    assert {key: kills for key, kills in found["kills"].items() if key != ident} == {
        key: kills for key, kills in whole["kills"].items() if key != ident
    }


@pytest.mark.parametrize("role", ["origin_server", "scp"])
def test_the_tables_that_ship_name_rows_and_checks_that_exist(role):
    suite = load_suites()[role]
    known = {(ident, check.name) for check in suite.all_checks for ident in check.ids}
    named = {(ident, check) for ident, checks in suite.known_kills.items() for check in checks}
    assert len(named) > 50
    assert named - known == set(), "write the table again: stgcmt selftest --write-kills"


def test_a_verdict_that_flips_is_told():
    def row(ident, verdict, message=""):
        return {"role": "greeter", "id": ident, "verdict": verdict, "outcome": None, "message": message}

    found = flips([[row("A", "pass"), row("B", "pass")], [row("A", "pass"), row("B", "inconclusive", "jitter 0.4 s")]])
    assert [(each.requirement, each.verdicts, each.messages) for each in found] == [
        ("B", {"pass": 1, "inconclusive": 1}, ("jitter 0.4 s",))
    ]


def test_the_load_ends_with_its_block():
    import subprocess

    begun = []
    original = subprocess.Popen

    class Counted(original):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            begun.append(self)

    patch = pytest.MonkeyPatch()
    patch.setattr(subprocess, "Popen", Counted)
    try:
        with load(1):
            assert begun[0].poll() is None
    finally:
        patch.undo()
    assert begun[0].poll() is not None


# Ways to be conformant that move, wrap or leave out what the table of kills was surveyed on.
CONFORMANT = (
    ("scp", "takes-nothing"), ("scp", "same-association-at-once"), ("scp", "bare-responses"), ("scp", "one-line"),
    ("scp", "refuses-pending-0115"), ("scp", "small-gateway"), ("origin_server", "chunked"), ("origin_server", "gzip-always"),
    ("origin_server", "holds-requests-open"), ("origin_server", "keeps-nothing"), ("origin_server", "closes"),
    ("user_agent", "chunked"),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("role", "variant"), CONFORMANT, ids=[f"{role}-{name}" for role, name in CONFORMANT])
def test_what_is_conformant_in_another_way_is_not_called_vacuous(role, variant):
    suite = load_suites()[role]
    results, rows, _ = judged(suite, record(suite, Case(role, VARIANT, variant)))
    assert not [ident for ident, row in rows.items() if row["vacuous"]]
    assert results["summary"]["pass"] > 30
