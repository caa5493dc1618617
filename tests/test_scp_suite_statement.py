"""SCP checks of what the vendor states, permits, deletes and gives back, on recordings made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from scp_tape import CT, MS, TUID, Tape, asking, matrix, missing, plain, refs, renamed, report, request, telling
from stgcmt.judge import Recording, judge_check
from stgcmt.suite import Transcript, load_suites
from stgcmt.transcript import Event, Footer, Header

SUITE = load_suites()["scp"]
BESIDE = (
    "uid_shapes",
    "asked_early",
    "refused_instance",
    "two_on_one_association",
    "provoked_states",
)  # where nothing was said
ONE, TWO, THREE = "1.2.3.1", "1.2.3.2", "1.2.3.3"


def said(ident: str, *transcripts: Transcript, claims: dict[str, Any] | None = None, only: str = "") -> set[str]:
    """What the checks of a row (or one of them) say, as ``verdict`` or ``verdict:outcome``."""
    jitter = Event(1, 1, "note", info={"what": "jitter", "max_s": 0.01})
    run = Transcript(
        Header("run", "run", 0, 0, info={"claims": {"scp": claims or {}}}), (jitter,), Footer("complete", 1)
    )
    nothing = {("scp", name): Transcript(Header(name, "scp", 0, 0), (), Footer("complete", 0)) for name in BESIDE}
    recording = Recording(run, nothing | {("scp", each.name): each for each in transcripts})
    row = next(row for row in SUITE.catalogue if row.id == ident)
    checks = [each for each in SUITE.checks_for(ident) if only in each.name]
    found = [judge_check(check, row, recording, "default") for check in checks]
    return {f"{each.verdict}:{each.outcome}" if each.outcome else str(each.verdict) for each in found}


# --- a caller that is known and may not ask ----------------------------------------------------------------------------


def denied(status: int | None, control: int = 0) -> Transcript:
    return matrix("denied_caller", {"denied": status}, control)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(0x0124, "pass"), (0x0110, "warn:other-failure-status"), (0, "warn:violation"), (None, "fail:no-response")],
    ids=["0124H", "0110H", "success", "silence"],
)
def test_a_caller_without_permission(status: int | None, verdict: str) -> None:
    assert said("DIMSE-10.1.4-04-DENIED", denied(status)) == {verdict}


def test_a_caller_may_be_turned_away_before_it_can_ask() -> None:
    tape = Tape("denied_caller")
    request(tape, "control", asking(TUID, refs(ONE)))
    tape.associate("requestor", "denied", reject=(1, 1, 3))
    assert said("DIMSE-10.1.4-04-DENIED", tape.transcript()) == {"pass"}
    assert said("DIMSE-10.1.4-04-DENIED", denied(0x0124, control=0x0110)) == {"inconclusive"}, "everybody is refused"
    alone = Tape("denied_caller")
    request(alone, "control", asking(TUID, refs(ONE)))
    assert said("DIMSE-10.1.4-04-DENIED", alone.transcript()) == {"inconclusive"}, "nothing was asked"


# --- what is gone ------------------------------------------------------------------------------------------------------


def deleted(*committed: str, helped: bool | None = True) -> Transcript:
    tape = Tape("deleted_instance")
    for uid in (ONE, TWO):
        tape.seed(uid)
    if helped is not None:
        tape.event("provoke", name="delete", ok=helped, values={"sop_instance_uid": TWO})
    request(tape, "request", asking(TUID, refs(ONE, TWO)))
    failed = [(CT, uid, 0x0112) for uid in (ONE, TWO) if uid not in committed]
    report(tape, telling(TUID, refs(*committed), failed), 2 if failed else 1)
    return tape.transcript()


def test_what_is_gone_is_not_committed_and_where_nothing_is_gone_nothing_is_said() -> None:
    row = "DIMSE-J.3.2-DELETED"
    assert said(row, deleted(ONE)) == {"pass"}
    assert said(row, deleted(ONE, TWO)) == {"fail:violation"}
    assert said(row, deleted(ONE, TWO, helped=False)) == {"inconclusive"}
    assert said(row, deleted(ONE, TWO, helped=None)) == {"inconclusive"}


def test_a_sut_that_nobody_can_delete_from_has_that_row_not_tested(tmp_path) -> None:
    from stgcmt.commands.run import make_plan

    file = tmp_path / "sut.toml"
    file.write_text(
        'name = "x"\nroles = ["scp"]\n[scp]\nhost = "127.0.0.1"\nport = 104\nae_title = "A"\n'
        '[[scp.destinations]]\nae_title = "B"\nport = 11113\n[seeding]\nhow = "c-store"\n'
    )
    why = {each.scenario.name: each.reason for each in make_plan(file).scenarios if each.reason}
    assert "[provoke.delete]" in why["deleted_instance"]
    assert "denied_ae_title in [scp]" in why["denied_caller"]


# --- what comes back ---------------------------------------------------------------------------------------------------


def kept(name: str, **retrieved: Any) -> Transcript:
    tape = Tape(name)
    tape.seed(ONE)
    request(tape, "request", asking(TUID, refs(ONE)))
    report(tape, [(0x00080054, "AE", "ARCHIVE"), *telling(TUID, refs(ONE))], 1)
    tape.associate("requestor", "retrieve", called="ARCHIVE").release()
    tape.event("retrieve", how="c-get", sop_instance_uid=ONE, **retrieved)
    return tape.transcript()


@pytest.mark.parametrize(
    ("retrieved", "verdict"),
    [
        ({"ok": True, "available": True}, "pass"),
        ({"ok": False, "available": True, "detail": "status 0000H"}, "fail:violation"),
        ({"ok": False, "available": False, "detail": "rejected"}, "inconclusive"),
        ({"ok": False}, "fail:violation"),
    ],
    ids=["there", "gone", "refused", "an-older-recording"],
)
def test_only_what_was_looked_for_and_not_found_is_lost(retrieved: dict[str, Any], verdict: str) -> None:
    there = {"ok": True, "available": True}
    assert said("DIMSE-J.1.1-02", kept("level_2", **retrieved), kept("kept_over_restart", **there)) == {verdict}
    assert said("DIMSE-J.1.1-02", kept("level_2", **there), kept("kept_over_restart", **retrieved)) == {verdict}
    if verdict != "pass":  # the bytes themselves are not in this recording
        assert said("DIMSE-J.3.3.1.1.1-02", kept("level_2", **retrieved)) == {verdict}


# --- the statement held against the wire -------------------------------------------------------------------------------

REPORTS = "where_the_statement_says"
REASONS = "failure_reasons"


def held(*, here: bool) -> Transcript:
    """A report on the request's own association, or on a new one while that is open."""
    tape = Tape("held_open")
    line = tape.associate("requestor", "request")
    line.action(asking(TUID, refs(ONE)))
    line.answer(0)
    if here:
        line.report(telling(TUID, refs(ONE)), 1)
    else:
        report(tape, telling(TUID, refs(ONE)), 1)
    line.release()
    return tape.transcript()


@pytest.mark.parametrize(
    ("stated", "here", "verdict"),
    [
        ("new", False, "pass"),
        ("new", True, "fail:violation"),
        ("same", False, "fail:violation"),
        ("both", True, "pass"),
        ("both", False, "fail:violation"),
        (None, False, "warn:undeclared"),
    ],
)
def test_reports_come_where_the_statement_says(stated: str | None, here: bool, verdict: str) -> None:
    others = [plain(), plain("several_instances")]
    claims = {"report_association": stated} if stated else {}
    assert said("DIMSE-DOC-11", *others, held(here=here), claims=claims, only=REPORTS) == {verdict}


@pytest.mark.parametrize(
    ("claims", "verdict"),
    [
        ({"failure_reasons": [0x0112]}, "pass"),
        ({"failure_reasons": [0x0110]}, "fail:violation"),
        ({}, "warn:undeclared"),
    ],
    ids=["stated", "another", "none"],
)
def test_failure_reasons_are_those_of_the_statement(claims: dict[str, Any], verdict: str) -> None:
    played = [missing(), missing("all_missing"), plain("wrong_class")]
    assert said("DIMSE-DOC-11", *played, claims=claims, only=REASONS) == {verdict}


def sequence(*delays_ms: int) -> Transcript:
    """Transactions one after another, each report so late behind its response."""
    tape = Tape("in_sequence")
    for number, delay in enumerate(delays_ms):
        request(tape, str(number), asking(f"{TUID}.{number}", refs(f"1.2.3.{number}")))
        tape.now += delay * MS
        report(tape, telling(f"{TUID}.{number}", refs(f"1.2.3.{number}")), 1)
    return tape.transcript()


@pytest.mark.parametrize(
    ("delays", "usual", "verdict"),
    [
        ((9000, 9000, 100), 1, "pass"),  # what is usual holds for one of them: under load nobody can say
        ((9000, 9000, 9000), 1, "fail:violation"),
        ((998, 998, 998), 1, "inconclusive"),  # later by less than this machine's timers were
        ((100, 100), 1, "inconclusive"),
        ((100, 100, 100), None, "warn:undeclared"),
    ],
    ids=["one-keeps-it", "none", "too-near", "too-few", "undeclared"],
)
def test_the_usual_time(delays: tuple[int, ...], usual: float | None, verdict: str) -> None:
    claims = {} if usual is None else {"usual_report_delay": usual}
    assert said("DIMSE-DOC-12", sequence(*delays), claims=claims) == {verdict}


def test_who_keeps_undelivered_reports_may_try_again_all_the_same() -> None:
    """The claim permits: a retry does not contradict it, and without one the row does not apply."""
    names = (
        "rejected_once",
        "listener_away",
        "role_refused",
        "rejected_for_good",
        "context_rejected",
        "called_ae_rejected",
    )
    again = [plain(name) for name in names]
    for name in ("report_failed", "report_aborted"):
        tape = Tape(name)
        request(tape, "request", asking(TUID, refs(ONE)))
        for response in (0x0110, 0):
            report(tape, telling(TUID, refs(ONE)), 1, response=response)
        again.append(tape.transcript())
    claims = {"keeps_undelivered": True}
    assert said("DIMSE-ROB-RETRY-01", plain(), *again, claims=claims) == {"pass"}
    lost = renamed(plain(reported=False), "listener_away")
    rest = [each for each in again if each.name != "listener_away"]
    assert said("DIMSE-ROB-RETRY-01", plain(), *rest, lost, claims=claims) == {"not-applicable"}
    assert said("DIMSE-ROB-RETRY-01", plain(), *rest, lost) == {"warn:violation"}


# --- nothing stored ----------------------------------------------------------------------------------------------------


def test_without_a_stored_instance_storing_is_not_judged() -> None:
    tape = Tape("plain_commitment")
    tape.minted(ONE)
    tape.event("seed", ok=False, how="none", sop_class_uid=CT, sop_instance_uid=ONE)
    request(tape, "request", asking(TUID, refs(ONE)))
    report(tape, telling(TUID, [], [(CT, ONE, 0x0112)]), 2)
    bare = tape.transcript()
    assert said("DIMSE-B-01", bare, renamed(bare, "several_instances")) == {"inconclusive"}
    for row in ("DIMSE-J.3.3.1.1.1-01", "DIMSE-J.3.3.1.1.2-01"):
        names = ("several_instances", "partly_missing", "optional_attributes")
        assert said(row, bare, *(renamed(bare, name) for name in names)) == {"inconclusive"}, row


def test_an_instance_under_another_class_that_was_never_stored_is_missing_like_any_other() -> None:
    tape = Tape("wrong_class")
    tape.minted(ONE)
    tape.event("seed", ok=False, how="none", sop_class_uid=CT, sop_instance_uid=ONE)
    request(tape, "request", asking(TUID, refs(ONE)))
    report(tape, telling(TUID, refs(ONE)), 1)
    names = ("explicit_first", "small_pdu", "link_only")
    rest = [missing(), missing("all_missing"), *(plain(name) for name in names)]
    assert said("DIMSE-J.3.2-PARTIAL", *rest, tape.transcript()) == {"fail:violation"}
