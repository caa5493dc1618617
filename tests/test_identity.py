"""Which instance is meant, and as it is now: what scenarios of identity need from the engine, and what their checks see."""

from __future__ import annotations

import dataclasses

import pytest

from stgcmt.clock import LoopClock
from stgcmt.judge import judge, read_recording
from stgcmt.play import Player
from stgcmt.results import judged_results, left_in_words
from stgcmt.selftest_cases import FAULT, Case, case_plan
from stgcmt.suite import load_suites
from stgcmt.virtual import run_virtual
from stgcmt.wire.memory import MemoryNetwork
from stgcmt_fixtures.instances import counted_uids, make
from stgcmt_suites.commitment.shapes import LONGEST, SUFFIXES, nearly
from stgcmt_suites.origin_server.views import valid_uid

MINTED = "2.25." + "1" * 38  # as long as the engine makes them
EXPIRED = "WEB-13.5.3-11"


def played(directory, case, **options):
    """The recording and the verdicts of a case whose reference has these options."""
    suite = load_suites()[case.role]
    plan = dataclasses.replace(case_plan(suite, case), options={case.role: options})

    async def main() -> None:
        await Player(plan, directory, clock=LoopClock(), network=MemoryNetwork(), jitter_step=None).play()

    run_virtual(main())
    recording = read_recording(directory)
    rows = judge(recording, {case.role: suite}, profile="default", selection={"req": case.rows})
    return recording, {row.id: row for row in rows if row.id in case.rows}


@pytest.mark.parametrize("suffix", SUFFIXES, ids=["odd", "even", "zero", "longest"])
def test_a_near_miss_is_another_legal_uid(suffix):
    uid = MINTED + suffix
    assert valid_uid(uid)
    assert valid_uid(nearly(uid))
    assert nearly(uid) != uid
    assert nearly(uid)[:43] == uid[:43]


def test_the_shapes_are_what_they_are_for():
    lengths = [len(MINTED + suffix) for suffix in SUFFIXES]
    assert lengths[0] % 2 == 1
    assert lengths[1] % 2 == 0
    assert lengths[-1] == LONGEST
    assert (MINTED + SUFFIXES[2]).endswith(".0")
    assert nearly(MINTED[:-2].ljust(61, "1") + ".12") == MINTED[:-2].ljust(61, "1") + ".1"


def test_an_instance_may_have_a_longer_uid():
    made = make("ct", uid=counted_uids(), suffix=".0")
    assert made.sop_instance_uid.endswith(".0")
    assert made.sop_instance_uid.encode() in made.part10()


def test_an_instance_is_asked_for_before_it_is_stored_and_after(tmp_path):
    """``play.seed`` takes an instance that was made before: the same one fails first, and is committed later."""
    recording, rows = played(tmp_path, Case("origin_server", rows=("WEB-J.2-13",)))
    early = recording.scenarios["origin_server", "asked_early"]
    (stored,) = early.of("seed")
    uid = stored.info["sop_instance_uid"].encode()
    assert any(uid in event.data for event in early.of("http.out") if event.step == "before" and event.t < stored.t)
    assert any(uid in event.data for event in early.of("http.out") if event.step == "request" and event.t > stored.t)
    assert str(rows["WEB-J.2-13"].verdict) == "pass"


@pytest.mark.parametrize(
    ("fault", "verdict"), [("", "pass"), ("gone-as-404", "fail")], ids=["reference", "gone-as-404"]
)
def test_a_result_that_outlives_our_patience_is_ended_by_the_vendor(tmp_path, fault, verdict):
    """Where results are kept for an hour, ``[provoke] expire`` stands in for the hour: the row is judged all the same."""
    case = Case("origin_server", FAULT if fault else "clean", fault, (EXPIRED,))
    recording, rows = played(tmp_path, case, retention=3600.0)
    scenario = recording.scenarios["origin_server", "expired_result"]
    assert [event.info["name"] for event in scenario.of("provoke") if event.info["ok"]] == ["expire"]
    assert not any(event.info.get("name") == "retention" for event in scenario.of("wait.start"))
    assert str(rows[EXPIRED].verdict) == verdict


@pytest.mark.parametrize(
    ("role", "names"),
    [("origin_server", {"corrupt", "exhaust", "unavailable", "release"}), ("scp", {"corrupt", "exhaust"})],
    ids=["origin_server", "scp"],
)
def test_the_vendors_help_is_used_for_every_state(tmp_path, role, names):
    """Damaged, exhausted, unavailable: each is brought about, and each leaves its exchange in the recording."""
    wanted = {"origin_server": "WEB-J.2-11", "scp": "DIMSE-J.3.2-DELETED"}[role]
    recording, rows = played(tmp_path, Case(role, rows=(wanted,)))
    scenario = recording.scenarios[role, "provoked_states"]
    assert {event.info["name"] for event in scenario.of("provoke") if event.info["ok"]} == names
    steps = {event.step for event in scenario.events}
    assert {"corrupt", "exhaust"} <= steps
    assert str(rows[wanted].verdict) in {"pass", "note"}


def test_what_a_scenario_stores_by_itself_is_left_behind_and_what_was_deleted_is_not(tmp_path):
    """The list of what was left in the SUT is that of the reference's own store."""
    rows = ("DIMSE-J.1-01", "DIMSE-J.3.2-DELETED", "DIMSE-J.1.1-01", "DIMSE-J.3.2-PARTIAL")
    recording, _ = played(tmp_path, Case("scp", rows=rows))
    results, _ = judged_results(recording, load_suites(), judged="2026-01-01T00:00:00Z")
    listed = {each["uid"] for each in results["left_behind"] if each["what"] == "instance"}
    stored = {
        event.info["sop_instance_uid"]
        for transcript in recording.scenarios.values()
        for event in transcript.of("seed")
        if event.info["ok"]
    }
    (deleted,) = (
        event.info["values"]["sop_instance_uid"]
        for event in recording.scenarios["scp", "deleted_instance"].of("provoke")
        if event.info["name"] == "delete"
    )
    assert deleted in stored
    assert deleted not in listed
    by_themselves = listed - stored
    assert len(by_themselves) == 2, "one on the association of its request, one link"
    assert listed == stored - {deleted} | by_themselves
    assert left_in_words(results).startswith(f"left behind in the SUT: {len(listed)} instances and ")
    assert left_in_words({"left_behind": []}) == ""
