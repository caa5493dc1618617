"""Checks of the SCP suite on recordings made by hand: each is green on what is right and red on its own deviation."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from scp_tape import (
    CT,
    EXPLICIT,
    IMPLICIT,
    MR,
    PUSH,
    SCP_ROLE,
    TUID,
    Tape,
    asking,
    matrix,
    missing,
    plain,
    refs,
    renamed,
    report,
    request,
    telling,
)
from stgcmt.judge import Recording, judge_check
from stgcmt.suite import Transcript, load_suites
from stgcmt.transcript import Event, Footer, Header
from stgcmt.wire import command as cmd
from stgcmt.wire.items import Extended, Role
from stgcmt.wire.negotiation import Policy

SUITE = load_suites()["scp"]
RUN = Transcript(Header("run", "run", 0, 0, info={"claims": {}}), (), Footer("complete", 0))


# What checks read beside the scenarios that a test is about: nothing came of them, unless it says so.
BESIDE = ("uid_shapes", "asked_early", "refused_instance", "two_on_one_association", "provoked_states", "each_syntax")


def verdicts(ident: str, *transcripts: Transcript, claims: dict[str, Any] | None = None) -> set[str]:
    """What the checks of a row say, as ``verdict`` or ``verdict:outcome``; those that lack a recording are left out."""
    run = Transcript(Header("run", "run", 0, 0, info={"claims": claims or {}}), (), Footer("complete", 0))
    nothing = {("scp", name): Transcript(Header(name, "scp", 0, 0), (), Footer("complete", 0)) for name in BESIDE}
    recording = Recording(run, nothing | {("scp", each.name): each for each in transcripts})
    row = next(row for row in SUITE.catalogue if row.id == ident)
    found = [judge_check(check, row, recording, "default") for check in SUITE.checks_for(ident)]
    told = [f"{each.verdict}:{each.outcome}" if each.outcome else str(each.verdict) for each in found]
    assert "error" not in {each.verdict for each in found}, found
    return {each for each in told if each != "not-tested"}


def good(*names: str) -> list[Transcript]:
    return [missing(name) if name in {"partly_missing", "all_missing"} else plain(name) for name in names]


PLAIN = ("plain_commitment", "several_instances")
SUCCESS = ("plain_commitment", "held_open", "several_instances", "partly_missing")
ALL = (
    *SUCCESS,
    "all_missing",
    "wrong_class",
    "explicit_first",
    "same_association_lost",
    "aborted_early",
    "optional_attributes",
    "deleted_instance",
    "small_pdu",
    "link_only",
    "explicit_only",
    "slow_listener",
)


def with_one(changed: Transcript) -> list[Transcript]:
    """All recordings are right but this one."""
    return [each for each in good(*ALL) if each.name != changed.name] + [changed]


GREEN = [
    "DIMSE-J.2-01",
    "DIMSE-J.2.1-01",
    "DIMSE-J.2.1-02",
    "DIMSE-D.3.3.4-01",
    "DIMSE-D.3.3.4.1-01",
    "DIMSE-J.3.3.1.2-08",
    "DIMSE-J.3.3.1.2-09",
    "DIMSE-J.3.3.1.2-10",
    "DIMSE-J.3.3.1.2-11",
    "DIMSE-PS3.5-10.1-01",
    "DIMSE-J.3.1-01",
    "DIMSE-J.3.2-02",
    "DIMSE-J.3.2.1.3-03",
    "DIMSE-J.3.3-01",
    "DIMSE-J.3.3.1.2-01",
    "DIMSE-J.3.3.1.2-02",
    "DIMSE-J.3.3.1.2-03",
    "DIMSE-J.3.3.1.2-04",
    "DIMSE-J.3.3.1.2-05",
    "DIMSE-J.3.3.1.1-01",
    "DIMSE-J.3.3.1.1-02",
    "DIMSE-J.3.3.1.1-03",
    "DIMSE-J.3.3.1.1.1-01",
    "DIMSE-J.3.3.1.1.2-01",
    "DIMSE-J.3.5-01",
    "DIMSE-5.4.2.3-02",
    "DIMSE-10.3.1-01",
    "DIMSE-PS3.5-TS-01",
    "DIMSE-C.14.1.1-01",
    "DIMSE-J.3.3.1.2-06",
    "DIMSE-J.3.2.1.3-04",
    "DIMSE-J.3.2-PARTIAL",
    "DIMSE-B-01",
]


@pytest.mark.parametrize("ident", GREEN)
def test_what_is_right_passes(ident: str) -> None:
    assert verdicts(ident, *good(*ALL)) == {"pass"}


ONE, TWO = "1.2.3.1", "1.2.3.2"
RETRIEVE_AE = (0x00080054, "AE", "ARCHIVE")


def inside(element: Any) -> list[Any]:
    """A success report with one more element in its item."""
    told = telling(TUID, refs(ONE))
    told[1][2][0].append(element)
    return told


EXPLICIT_ALONE = Policy(None, (EXPLICIT,))
NONE_COMMITTED = telling(TUID, [], [(CT, TWO, 0x0112), (CT, "1.2.3.3", 0x0112)])
EMPTY_FAILED = [(0x00081195, "UI", TUID), (0x00081198, "SQ", []), telling(TUID, refs(ONE))[1]]
BOTH_LEVELS = [*inside((0x00880140, "UI", "1.2.8")), (0x00880130, "SH", "SET")]
RED = [
    ("DIMSE-J.2.1-01", plain(roles=()), "fail:violation"),
    ("DIMSE-J.2.1-01", plain(roles=(Role(PUSH, 1, 0),)), "fail:violation"),
    ("DIMSE-D.3.3.4-01", plain(roles=()), "fail:violation"),
    ("DIMSE-J.2.1-02", plain(open={"ext_neg": (Extended(PUSH, b"\1"),)}), "fail:violation"),
    ("DIMSE-D.3.3.4.1-01", plain(roles=SCP_ROLE * 2), "fail:violation"),
    ("DIMSE-D.3.3.4.1-01", plain(roles=(*SCP_ROLE, Role(CT, 0, 1))), "fail:violation"),
    ("DIMSE-PS3.5-10.1-01", plain(open={"syntaxes": (EXPLICIT,)}), "fail:violation"),
    ("DIMSE-J.3.3.1.2-10", plain(open={"calling": "OTHER"}), "warn:violation"),
    ("DIMSE-J.3.3.1.2-11", plain(open={"called": "OTHER"}), "warn:violation"),
    ("DIMSE-J.3.3.1.2-08", plain(reported=False), "fail:violation"),
    ("DIMSE-J.3.3-01", plain("held_open", reported=False), "fail:violation"),
    ("DIMSE-J.3.1-01", plain(status=0x0211, reported=False), "fail:violation"),
    ("DIMSE-J.3.2-02", plain(status=None, reported=False), "fail:violation"),
    ("DIMSE-J.3.2.1.3-03", missing(status=0x0112), "fail:violation"),
    ("DIMSE-J.3.3.1.2-01", plain(event_type=2), "fail:violation"),
    ("DIMSE-J.3.3.1.2-01", plain(elements=telling(TUID, refs(ONE, TWO))), "fail:violation"),
    ("DIMSE-J.3.3.1.2-02", missing(event_type=1), "fail:violation"),
    ("DIMSE-J.3.3.1.2-02", missing(elements=telling(TUID, refs(ONE, TWO))), "fail:violation"),
    ("DIMSE-J.3.3.1.2-03", missing(elements=telling(TUID, refs(ONE), [(CT, TWO, None)])), "fail:violation"),
    ("DIMSE-J.3.3.1.2-04", missing(elements=telling(TUID, refs(ONE))), "fail:violation"),
    ("DIMSE-J.3.3.1.2-04", plain(elements=telling(TUID, refs(ONE, ONE))), "fail:violation"),
    ("DIMSE-J.3.3.1.2-04", plain(elements=telling(TUID, refs(ONE, "1.2.9"))), "fail:violation"),
    ("DIMSE-J.3.3.1.2-04", plain(elements=telling(TUID, refs(ONE), [(CT, ONE, 0x0110)])), "fail:violation"),
    ("DIMSE-J.3.3.1.2-04", plain(elements=telling(TUID, refs(ONE, sop_class=MR))), "fail:violation"),
    ("DIMSE-J.3.3.1.2-05", plain(elements=telling("2.25.9", refs(ONE))), "fail:violation"),
    ("DIMSE-J.3.3.1.2-05", plain(elements=telling("", refs(ONE))), "fail:violation"),
    (
        "DIMSE-J.3.3.1.1-01",
        missing(
            "all_missing",
            elements=[*telling(TUID, [], [(CT, TWO, 0x0112), (CT, "1.2.3.3", 0x0112)]), (0x00081199, "SQ", [])],
        ),
        "fail:violation",
    ),
    ("DIMSE-J.3.3.1.1-02", plain(elements=telling(TUID, refs(ONE), [(CT, TWO, 0x0112)])), "fail:violation"),
    (
        "DIMSE-J.3.3.1.1-02",
        plain(elements=[(0x00081195, "UI", TUID), (0x00081198, "SQ", []), telling(TUID, refs(ONE))[1]]),
        "warn:empty-sequence",
    ),
    ("DIMSE-J.3.3.1.1-03", plain(elements=[(0x00080054, "AE", ""), *telling(TUID, refs(ONE))]), "fail:violation"),
    ("DIMSE-J.3.3.1.1.1-01", plain(elements=[RETRIEVE_AE, *inside(RETRIEVE_AE)]), "fail:violation"),
    (
        "DIMSE-J.3.3.1.1.2-01",
        plain(elements=[*inside((0x00880140, "UI", "1.2.8")), (0x00880130, "SH", "SET")]),
        "fail:violation",
    ),
    ("DIMSE-J.3.5-01", plain(fields={cmd.AFFECTED_INSTANCE: TUID}), "fail:violation"),
    ("DIMSE-5.4.2.3-02", plain(elements=[(0x00080016, "UI", PUSH), *telling(TUID, refs(ONE))]), "fail:violation"),
    ("DIMSE-10.3.1-01", plain(fields={cmd.EVENT_TYPE: None}), "fail:violation"),
    ("DIMSE-10.3.1-01", plain(fields={cmd.GROUP_LENGTH: 4}), "fail:violation"),
    ("DIMSE-PS3.5-TS-01", plain(syntax=EXPLICIT), "fail:violation"),
    ("DIMSE-C.14.1.1-01", missing(elements=telling(TUID, refs(ONE), [(CT, TWO, 0x0111)])), "fail:violation"),
    ("DIMSE-J.3.2-PARTIAL", missing(elements=telling(TUID, refs(ONE, TWO)), event_type=1), "fail:violation"),
    ("DIMSE-J.3.3.1.2-09", plain("aborted_early", reported=False), "fail:violation"),
    ("DIMSE-B-01", plain(elements=telling(TUID, [], [(CT, ONE, 0x0110)]), event_type=2), "note:violation"),
]


@pytest.mark.parametrize(("ident", "changed", "verdict"), RED, ids=[f"{row[0]}-{n}" for n, row in enumerate(RED)])
def test_its_own_deviation_is_found(ident: str, changed: Transcript, verdict: str) -> None:
    assert verdict in verdicts(ident, *with_one(changed))


@pytest.mark.parametrize("ident", [row for row in GREEN if row not in {"DIMSE-J.3.3-01", "DIMSE-J.3.3.1.2-08"}])
def test_without_a_premise_nothing_passes(ident: str) -> None:
    empty = [Tape(name).transcript() for name in ALL]
    assert verdicts(ident, *empty) == {"inconclusive"}


# --- what is reported twice, or too early -----------------------------------------------------------------------------


def twice(second: Any, event_type: int = 1, response: int = 0) -> Transcript:
    tape = Tape("plain_commitment")
    tape.seed(ONE)
    request(tape, "request", asking(TUID, refs(ONE)))
    report(tape, telling(TUID, refs(ONE)), 1, response=response)
    report(tape, second, event_type)
    return tape.transcript()


def test_a_second_report() -> None:
    same, other = telling(TUID, refs(ONE)), telling(TUID, [], [(CT, ONE, 0x0110)])
    assert verdicts("DIMSE-J.3.3.1.2-06", *with_one(twice(same))) == {"warn:identical-repeat"}
    assert verdicts("DIMSE-J.3.3.1.2-06", *with_one(twice(other, 2))) == {"fail:violation"}
    assert verdicts("DIMSE-J.3.3.1.2-06", *with_one(twice(same, response=0x0110))) == {"pass"}


def same_association(*, early: bool, answered: bool = True) -> Transcript:
    tape = Tape("held_open")
    tape.seed(ONE)
    line = tape.associate("requestor", "request")
    line.action(asking(TUID, refs(ONE)))
    if not early:
        line.answer(0)
    line.report(telling(TUID, refs(ONE)), 1, response=0 if answered else None)
    if early:
        line.answer(0)
    line.release()
    return tape.transcript()


def test_reports_on_the_request_s_association() -> None:
    assert verdicts("DIMSE-J.3.2.1.3-04", *with_one(same_association(early=False))) == {"pass"}
    assert verdicts("DIMSE-J.3.2.1.3-04", *with_one(same_association(early=True))) == {"warn:violation"}
    assert verdicts("DIMSE-J.3.3.1.2-09", *with_one(same_association(early=False))) == {"pass"}
    assert verdicts("DIMSE-J.3.3.1.2-09", *with_one(same_association(early=False, answered=False))) == {
        "fail:violation"
    }


# --- refusals beside their control ------------------------------------------------------------------------------------

MISSING = (
    "no-information",
    "no-transaction-uid",
    "no-sequence",
    "no-class-uid",
    "no-instance-uid",
    "no-class-uid-in-last",
    "no-instance-uid-in-last",
)


@pytest.mark.parametrize(
    ("status", "control", "verdict"),
    [
        (0x0120, 0, "pass"),
        (0x0115, 0, "warn:other-failure-status"),
        (0x0000, 0, "fail:violation"),
        (0x0000, 0x0110, "fail:violation"),  # success is wrong whatever the control says
        (None, 0, "fail:violation"),
        (0x0120, 0x0110, "inconclusive"),  # everything is refused: the defect is not the reason
    ],
)
def test_missing_attributes(status: int | None, control: int, verdict: str) -> None:
    statuses = dict.fromkeys(MISSING, 0x0120) | {"no-sequence": status}
    assert verdicts("DIMSE-5.4.2.1-02", matrix("missing_attributes", statuses, control)) == {verdict}


def test_two_deviations_tell_the_worse_one() -> None:
    statuses = dict.fromkeys(MISSING, 0x0120) | {"no-information": 0x0115, "no-instance-uid": 0x0000}
    assert verdicts("DIMSE-5.4.2.1-02", matrix("missing_attributes", statuses)) == {"fail:violation"}


def test_an_aborted_request_has_no_response() -> None:
    statuses = dict.fromkeys(MISSING, 0x0120) | {"no-information": None}
    played = [matrix("missing_attributes", statuses), *good("plain_commitment")]
    played += [
        renamed(plain(), name)
        for name in (
            "empty_attributes",
            "wrong_commands",
            "malformed_transaction_uids",
            "duplicate_references",
            "unknown_caller",
        )
    ]
    assert "fail:violation" in verdicts("DIMSE-J.3.2.1.3-01", *played)


def caller(status: int | None) -> Transcript:
    return matrix("unknown_caller", {"nobody": status})


def test_unknown_callers() -> None:
    assert verdicts("DIMSE-10.1.4-04", caller(0x0124)) == {"pass"}
    assert verdicts("DIMSE-10.1.4-04", caller(0x0110)) == {"pass"}
    assert verdicts("DIMSE-10.1.4-04", caller(0)) == {"warn:violation"}
    assert verdicts("DIMSE-10.1.4-04", caller(None)) == {"inconclusive"}


# --- listeners --------------------------------------------------------------------------------------------------------


def denied(scenario: str, *, sends: bool, role: str) -> Transcript:
    tape = Tape(scenario)
    tape.seed(ONE)
    request(tape, "request", asking(TUID, refs(ONE)))
    line = tape.associate("acceptor", roles=SCP_ROLE, policy=Policy(None, (IMPLICIT,), roles=role))  # type: ignore[arg-type]
    if sends:
        line.report(telling(TUID, refs(ONE)), 1)
    line.release()
    return tape.transcript()


@pytest.mark.parametrize(("sends", "verdict"), [(False, "pass"), (True, "fail:violation")])
def test_a_denied_role(sends: bool, verdict: str) -> None:
    played = [denied("role_not_answered", sends=False, role="none"), denied("role_refused", sends=sends, role="refuse")]
    assert verdicts("DIMSE-D.3.3.4-04", *played) == {verdict}


def test_small_pdus() -> None:
    many = [f"1.2.3.{n}" for n in range(100)]
    elements = telling(TUID, [], [(CT, uid, 0x0112) for uid in many])
    kept = plain("small_pdu", many, elements=elements, event_type=2, open={"max_pdu": 4096}, cut=4096)
    long = plain("small_pdu", many, elements=elements, event_type=2, open={"max_pdu": 4096}, cut=5000)
    short = plain("small_pdu", open={"max_pdu": 4096})
    assert verdicts("DIMSE-PS3.8-D.1-01", kept, plain()) == {"pass"}
    assert verdicts("DIMSE-PS3.8-D.1-01", long, plain()) == {"fail:violation"}
    assert verdicts("DIMSE-PS3.8-D.1-01", short, plain()) == {"inconclusive"}


def test_explicit_encodings() -> None:
    explicit = {"open": {"policy": EXPLICIT_ALONE}}
    good_vr = plain("explicit_first", **explicit)
    bad_vr = plain("explicit_first", elements=[*telling(TUID, refs(ONE)), (0x00880140, "SH", "1.2.8 ")], **explicit)
    assert verdicts("DIMSE-PS3.5-VR-01", plain(), plain("explicit_only"), good_vr) == {"pass"}
    assert verdicts("DIMSE-PS3.5-VR-01", plain(), plain("explicit_only"), bad_vr) == {"fail:violation"}
    assert verdicts("DIMSE-PS3.5-VR-01", *good("plain_commitment", "explicit_first", "explicit_only")) == {
        "inconclusive"
    }
    said = verdicts(
        "DIMSE-PS3.5-VR-01",
        *good("plain_commitment", "explicit_first", "explicit_only"),
        claims={"scp": {"implicit_only": True}},
    )
    assert said == {"not-applicable"}
    # an SCP that prefers Implicit is explicit where nothing else is accepted
    rest = good("plain_commitment", "explicit_first")
    assert verdicts("DIMSE-PS3.5-VR-01", *rest, renamed(good_vr, "explicit_only")) == {"pass"}
    assert verdicts("DIMSE-PS3.5-VR-01", *rest, renamed(bad_vr, "explicit_only")) == {"fail:violation"}


# --- Transaction UIDs -------------------------------------------------------------------------------------------------


def again(scenario: str, step: str, status: int | None, *told: Any, first: bool = True) -> Transcript:
    tape = Tape(scenario)
    opening = "first"
    request(tape, opening, asking(TUID, refs(ONE)))
    if scenario == "finished_again":
        report(tape, telling(TUID, refs(ONE)), 1)
    request(tape, step, asking(TUID, refs(TWO)), status)
    if scenario == "pending_again" and first:
        report(tape, telling(TUID, refs(ONE)), 1)
    for elements, event_type in told:
        report(tape, elements, event_type)
    return tape.transcript()


SERVED, DUPLICATE = (telling(TUID, refs(TWO)), 1), (telling(TUID, [], [(CT, TWO, 0x0131)]), 2)


@pytest.mark.parametrize(
    ("ident", "scenario", "step"),
    [("DIMSE-TUID-03", "pending_again", "second"), ("DIMSE-TUID-07", "finished_again", "again")],
)
def test_used_transaction_uids(ident: str, scenario: str, step: str) -> None:
    assert verdicts(ident, again(scenario, step, 0x0115)) == {"pass"}
    assert verdicts(ident, again(scenario, step, 0, DUPLICATE)) == {"pass"}
    assert verdicts(ident, again(scenario, step, 0, SERVED)) == {"warn:violation"}
    assert verdicts(ident, again(scenario, step, None)) == {"inconclusive"}


def test_the_first_report_is_not_lost() -> None:
    others = good(
        "plain_commitment", "several_instances", "partly_missing", "all_missing", "in_sequence", "finished_again"
    )
    assert "fail:violation" not in verdicts("DIMSE-J.3.2.1.3-02", *others, again("pending_again", "second", 0x0115))
    lost = again("pending_again", "second", 0x0115, first=False)
    assert "fail:violation" in verdicts("DIMSE-J.3.2.1.3-02", *others, lost)


def test_a_refused_request_is_not_reported_on_under_a_shared_uid() -> None:
    """Another request under the same Transaction UID has a report of its own; the instances tell them apart."""
    names = ("missing_attributes", "empty_attributes", "wrong_commands")
    others = [
        *good("plain_commitment", "several_instances", "partly_missing", "all_missing", "in_sequence"),
        *(plain(name) for name in names),
    ]
    quiet = {
        "pending_again": again("pending_again", "second", 0x0115),
        "finished_again": again("finished_again", "again", 0x0115),
    }
    assert verdicts("DIMSE-J.3.2.1.3-02", *others, *quiet.values()) == {"pass"}
    for scenario, step in (("pending_again", "second"), ("finished_again", "again")):
        for told, said in ((SERVED, True), (DUPLICATE, False)):
            loud = {**quiet, scenario: again(scenario, step, 0x0115, told)}
            assert ("fail:violation" in verdicts("DIMSE-J.3.2.1.3-02", *others, *loud.values())) is said


def test_missing_instances_are_looked_for_in_long_lists() -> None:
    many = [f"1.2.4.{n}" for n in range(80)]
    tape = Tape("small_pdu")
    tape.minted(*many)
    request(tape, "request", asking(TUID, refs(*many)))
    report(tape, telling(TUID, refs(*many)), 1)
    assert verdicts("DIMSE-J.3.2-PARTIAL", *with_one(tape.transcript())) == {"fail:violation"}
    tape = Tape("link_only")
    tape.minted(TWO)
    request(tape, "refused", asking(TUID, refs(TWO)))
    report(tape, telling(TUID, refs(TWO)), 1)
    assert verdicts("DIMSE-J.3.2-PARTIAL", *with_one(tape.transcript())) == {"fail:violation"}
    lost = plain("small_pdu", many, elements=telling(TUID, refs(*many[:50])))
    assert verdicts("DIMSE-J.3.3.1.2-04", *with_one(lost)) == {"fail:violation"}


@pytest.mark.parametrize(("late_ms", "said"), [(-1, "pass"), (5, "inconclusive"), (20, "fail:violation")])
def test_a_report_has_its_time(late_ms: int, said: str) -> None:
    """Kept, broken, or too near to the limit for this machine's timers."""
    import dataclasses

    played = plain("held_open")
    came = next(each.t for each in played.events if each.kind == "conn.open" and each.info.get("side") == "acceptor")
    answered = max(each.t for each in played.events if each.kind == "dimse.in" and each.t < came and each.data[0] == 4)
    arrived = next(each.t for each in played.events if each.kind == "dimse.in" and each.t > came and each.data[0] == 4)
    shift = 2_000_000_000 + late_ms * 1_000_000 - (arrived - answered)
    late = [dataclasses.replace(each, t=each.t + shift) if each.t >= came else each for each in played.events]
    jitter = Event(1, 1, "note", info={"what": "jitter", "max_s": 0.010})
    run = Transcript(
        Header("run", "run", 0, 0, info={"claims": {}, "timing": {"max_report_delay": 2}}),
        (jitter,),
        Footer("complete", 1),
    )
    recording = Recording(run, {("scp", "held_open"): dataclasses.replace(played, events=tuple(late))})
    row = next(row for row in SUITE.catalogue if row.id == "DIMSE-J.3.3-01")
    (found,) = (judge_check(check, row, recording, "default") for check in SUITE.checks_for("DIMSE-J.3.3-01"))
    assert (f"{found.verdict}:{found.outcome}" if found.outcome else str(found.verdict)) == said, found.message


# --- totality ---------------------------------------------------------------------------------------------------------


def test_no_check_is_an_error_on_mutated_recordings() -> None:
    """Cut, flipped and emptied bytes of the SUT: every check still ends as checks end."""
    import dataclasses
    import random

    random.seed(7)
    names = sorted({name for check in SUITE.all_checks for name in check.scenarios})
    base = [
        *(plain(), missing(), same_association(early=True), twice(telling(TUID, refs(ONE)))),
        matrix("x", {"second": 0, "again": 0}),
    ]
    for _ in range(30):
        mutated = {}
        for name in names:
            source = random.choice(base)
            events = list(source.events)
            for _ in range(3):
                place = random.randrange(len(events))
                data = bytearray(events[place].data)
                if data:
                    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
                    cut = data[: random.randrange(len(data))] if random.random() < 0.3 else data
                    events[place] = dataclasses.replace(events[place], data=bytes(cut))
                elif random.random() < 0.3:
                    del events[place]
            mutated["scp", name] = renamed(
                dataclasses.replace(source, events=tuple(events), footer=Footer("complete", len(events))), name
            )
        recording = Recording(RUN, mutated)
        for check in SUITE.all_checks:
            row = next(row for row in SUITE.catalogue if row.id == check.ids[0])
            found = judge_check(check, row, recording, "default")
            assert found.verdict != "error", (check.name, found.message)


# --- the shape of the suite -------------------------------------------------------------------------------------------


def test_every_row_has_a_check_or_a_reason() -> None:
    bare = [row.id for row in SUITE.catalogue if not row.excluded and not SUITE.checks_for(row.id)]
    assert not bare


def test_scenarios_and_checks_know_each_other() -> None:
    wanted = {name for check in SUITE.all_checks for name in check.scenarios}
    assert wanted == set(SUITE.all_scenarios)


def test_check_modules_are_not_rewritten() -> None:
    for name in SUITE.checks:
        assert "PYTEST_DONT_REWRITE" in (importlib.import_module(name).__doc__ or "")


def test_named_outcomes_and_claims_are_in_the_catalogue() -> None:
    """Each ``outcome("name")`` and ``not_applicable("claim")`` of a check stands in the rows that the check judges."""
    import ast
    import inspect

    for check in SUITE.all_checks:
        module = inspect.getmodule(check.function)
        tree = ast.parse(inspect.getsource(check.function))
        calls = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        ]
        named = {node.args[0].value for node in calls if getattr(node.func, "id", "") == "outcome"}
        claimed = {node.args[0].value for node in calls if getattr(node.func, "id", "") == "not_applicable"}
        for ident in check.ids:
            row = next(row for row in SUITE.catalogue if row.id == ident)
            assert named <= set(row.outcomes), (module, check.name, named)
            assert claimed == set(row.unless), (module, check.name, claimed)


def at_once(scenario: str) -> Transcript:
    """The report comes on the association of the request, before that one is released."""
    tape = Tape(scenario)
    tape.seed(ONE)
    line = tape.associate("requestor", "request")
    line.action(asking(TUID, refs(ONE)))
    line.answer(0)
    line.report(telling(TUID, refs(ONE)), 1)
    line.release()
    return tape.transcript()


def test_a_report_that_is_always_there_before_release_may_still_come_elsewhere() -> None:
    early = [at_once(each) for each in (*SUCCESS, "same_association_lost")]
    assert verdicts("DIMSE-J.3.3.1.2-08", *early) == {"inconclusive"}
    # where the association of the request is lost the SUT opens one: then it can
    assert verdicts("DIMSE-J.3.3.1.2-08", *early[:-1], plain("same_association_lost")) == {"pass"}
    # but a report that never came after release is not made good by that
    assert verdicts("DIMSE-J.3.3.1.2-08", plain(reported=False), *early[1:-1], plain("same_association_lost")) == {
        "fail:violation"
    }


def test_who_proposes_both_roles_has_no_unproposed_grant() -> None:
    both = plain("unproposed_role", roles=(Role(PUSH, 1, 1),))
    claim = {"scp": {"proposes_both_roles": True}}
    assert verdicts("DIMSE-D.3.3.4-05", both, plain()) == {"inconclusive"}
    assert verdicts("DIMSE-D.3.3.4-05", both, plain(), claims=claim) == {"not-applicable"}
    lost = plain("unproposed_role", reported=False)
    assert verdicts("DIMSE-D.3.3.4-05", lost, plain(), claims=claim) == {"fail:violation"}
