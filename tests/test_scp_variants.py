"""The conformant variants of the reference SCP: each is different on the wire, and no check calls one of them wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import pytest

from stgcmt.judge import Recording, judge
from stgcmt.selftest import matrix
from stgcmt.selftest_cases import VARIANT, Case, record, run_case
from stgcmt.suite import Variant, dimse, load_suites
from stgcmt_suites.commitment.dimse_module import FILE_SET_ID, FILE_SET_UID, REF_SEQUENCE, RETRIEVE_AE_TITLE
from stgcmt_suites.scp.choices import STATUSES, Choices
from stgcmt_suites.scp.compare import offered_syntaxes, roles_of
from stgcmt_suites.scp.settings import Settings
from stgcmt_suites.scp.variants import VARIANTS
from stgcmt_suites.scp.views import Commitment, Commitments, Report, commitments

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
MS, S = 1_000_000, 1_000_000_000
NAMES = [each.name for each in VARIANTS]
RED = ("fail", "warn", "error")
GROUP_LENGTH, UNDEFINED = 0x00080000, 0xFFFFFFFF


# --- what is to be seen of each ----------------------------------------------------------------------------------------


def of(recording: Recording, scenario: str) -> Commitments:
    return commitments(recording.scenarios["scp", scenario])


def first(recording: Recording, scenario: str = "plain_commitment") -> tuple[Commitment, Report]:
    request = of(recording, scenario).all[0]
    return request, request.reports[0]


def status(recording: Recording, scenario: str, step: str) -> int | None:
    return of(recording, scenario)[step].status


def gap(recording: Recording, scenario: str = "plain_commitment") -> int:
    """From the response to the report, in nanoseconds."""
    request, report = first(recording, scenario)
    assert request.answer.response is not None
    return report.message.t_first - request.answer.response.t_first


def same(recording: Recording) -> bool:
    return not first(recording, "held_open")[1].on_new_association


def opened(recording: Recording, scenario: str) -> list[int]:
    return [each.t_open for each in of(recording, scenario).opened_by_sut]


def lingers(recording: Recording) -> bool:
    report = first(recording)[1]
    assert report.response is not None
    assert report.assoc.t_end is not None
    return report.assoc.t_end - report.response.t_last > 2900 * MS


def shared(recording: Recording) -> bool:
    """Whether a report was not the first one on its association."""
    return any((report.message.message_id or 0) > 1 for report in of(recording, "in_sequence").reports)


def accepted_syntax(recording: Recording) -> str:
    assoc = first(recording)[0].answer.assoc
    assert assoc is not None
    return assoc.contexts[0].transfer_syntax


def contexts(recording: Recording) -> int:
    rq = first(recording)[1].assoc.rq
    return len(rq.contexts) if rq else 0


def small(recording: Recording) -> bool:
    request, report = first(recording)
    sizes = [len(each.pdu.body) for each in report.assoc.pdus if each.incoming and each.pdu.type == 4]
    announced = request.answer.assoc.ac.max_pdu if request.answer.assoc and request.answer.assoc.ac else None
    return len(sizes) > 2 and max(sizes) <= 512 and announced == 4096


def both_roles(recording: Recording) -> bool:
    role = roles_of(first(recording)[1].assoc)[0]
    return role is not None and (role.scu, role.scp) == (1, 1)


def in_parts(recording: Recording) -> bool:
    message = first(recording)[1].message
    return message.t_last - message.t_first > 40 * MS


def stranger(recording: Recording) -> tuple[bool, bool]:
    """Whether the unknown caller was rejected, and whether it got a context."""
    (assoc,) = dimse(recording.scenarios["scp", "unknown_caller"]).associations(side="requestor", step="nobody")
    return assoc.rj is not None, bool(assoc.contexts)


def bare(recording: Recording) -> tuple[bool, bool]:
    """Whether the Affected UIDs, and whether the Action Type ID are left out."""
    response = first(recording)[0].answer.response
    assert response is not None
    said = response.command
    return said.affected_class is None and said.affected_instance is None, said.action_type is None


def comment(recording: Recording, scenario: str, step: str) -> bool:
    response = of(recording, scenario)[step].answer.response
    return response is not None and bool(response.command.error_comment)


def pending(recording: Recording) -> int | None:
    return status(recording, "pending_again", "second")


def finished(recording: Recording) -> int | None:
    return status(recording, "finished_again", "again")


def listed(recording: Recording) -> list[int]:
    """How many references the reports on duplicates have."""
    view = of(recording, "duplicate_references")
    return [len(report.result.instances) for step in ("twice", "two-classes") for report in view[step].reports]


def levels(recording: Recording, *tags: int) -> tuple[bool, bool]:
    return first(recording)[1].info.levels(*tags)


def file_sets(recording: Recording) -> list[tuple[bool, bool]]:
    view, tags = of(recording, "optional_attributes"), (FILE_SET_ID, FILE_SET_UID)
    return [view[step].reports[0].info.levels(*tags) for step in ("file-set-outside", "file-set-inside")]


def padded(recording: Recording) -> bool:
    walk = first(recording)[1].info.data_set.walk()
    return [len(each.value) for _, each in walk if each.tag == RETRIEVE_AE_TITLE] == [16]


def turned_round(recording: Recording) -> bool:
    request, report = first(recording, "several_instances")
    return report.result.committed == request.references[::-1] != request.references


def reasons(recording: Recording, scenario: str = "all_missing") -> set[int | None]:
    return {each.reason for each in first(recording, scenario)[1].result.failed}


def open_lengths(recording: Recording) -> bool:
    walk = first(recording)[1].info.data_set.walk()
    return [each.stated for _, each in walk if each.tag == REF_SEQUENCE] == [UNDEFINED]


def store(recording: Recording) -> int | None:
    return dimse(recording.scenarios["scp", "link_only"]).answer("store", "C-STORE-RQ").status


def most_at_once(recording: Recording) -> int:
    """How many of our associations were open at the same time."""
    changes: list[tuple[int, int]] = []
    for t in recording.scenarios.values():
        ours = {
            each.conn
            for each in t.of("conn.open")
            if (each.info["protocol"], each.info["side"]) == ("dimse", "requestor")
        }
        seen = [each for each in t.of("conn.open", "conn.close") if each.conn in ours]
        changes += [(t.header.monotonic_ns + each.t, 1 if each.kind == "conn.open" else -1) for each in seen]
    open_now = most = 0
    for _, change in sorted(changes):
        open_now += change
        most = max(most, open_now)
    return most


def coerced(recording: Recording) -> bool:
    answers = dimse(recording.scenarios["scp", "plain_commitment"]).messages("C-STORE-RSP", incoming=True)
    return {each.status for each in answers} == {0xB000} and of(recording, "link_only")["link"].sent


SHOWS: dict[str, Callable[[Recording], bool]] = {
    "same-association": lambda r: same(r) and gap(r, "held_open") > 200 * MS,
    "same-association-at-once": lambda r: same(r) and 0 <= gap(r, "held_open") < 100 * MS,
    "immediate": lambda r: not same(r) and 0 <= gap(r) < 100 * MS,
    "before-the-response": lambda r: gap(r) < 0,
    "late": lambda r: gap(r) > 11 * S,
    "overnight": lambda r: gap(r) > 8 * 3600 * S,
    "slow-answers": lambda r: (first(r)[0].answer.seconds or 0) > 2.9,
    "patient-retries": lambda r: opened(r, "rejected_once")[1] - opened(r, "rejected_once")[0] > 4 * S,
    "eager-retries": lambda r: len(opened(r, "role_refused")) > 12,
    "operator-retries": lambda r: len(of(r, "report_failed").all[0].heard) == 1,
    "slow-release": lambda r: lingers(r) and not shared(r),
    "one-line": shared,
    "implicit-only": lambda r: offered_syntaxes(first(r)[1].assoc) == (IMPLICIT,),
    "explicit-wherever-offered": lambda r: accepted_syntax(r) == EXPLICIT,
    "explicit-first": lambda r: contexts(r) == 3 and first(r)[1].message.transfer_syntax == EXPLICIT,
    "implicit-first": lambda r: contexts(r) == 2 and first(r)[1].message.transfer_syntax == IMPLICIT,
    "both-roles": both_roles,
    "small-pdus": small,
    "in-parts": in_parts,
    "no-limit": lambda r: (rq := first(r)[1].assoc.rq) is not None and rq.max_pdu == 0,
    "more-items": lambda r: (rq := first(r)[1].assoc.rq) is not None and bool(rq.async_ops and rq.identity),
    "rejects-strangers": lambda r: stranger(r) == (True, False),
    "five-associations": lambda r: most_at_once(r) == 5,
    "no-context-for-strangers": lambda r: stranger(r) == (False, False),
    "no-reason-for-strangers": lambda r: (
        status(r, "unknown_caller", "nobody") == 0x0110 and comment(r, "unknown_caller", "nobody")
    ),
    "other-statuses": lambda r: (
        (status(r, "wrong_commands", "malformed-instance"), status(r, "wrong_commands", "swapped")) == (0x0112, 0x0119)
    ),
    "statuses-of-ps3.7": lambda r: (
        status(r, "missing_attributes", "no-sequence") == 0x0114
        and status(r, "empty_attributes", "empty-sequence") == 0x0115
    ),
    "bare-responses": lambda r: bare(r) == (True, True),
    "no-action-type": lambda r: bare(r) == (False, True),
    "refuses-pending-0110": lambda r: (pending(r), finished(r)) == (0x0110, 0x0110),
    "refuses-pending-0115": lambda r: (pending(r), finished(r)) == (0x0115, 0),
    "refuses-pending-0210": lambda r: (pending(r), finished(r)) == (0x0210, 0x0210),
    "duplicates-once": lambda r: listed(r) == [2, 2],
    "duplicates-each": lambda r: listed(r) == [3, 3],
    "any-transaction-uid": lambda r: status(r, "malformed_transaction_uids", "letters") == 0,
    "retrieve-ae-inside": lambda r: levels(r, RETRIEVE_AE_TITLE) == (False, True),
    "no-retrieve-ae": lambda r: levels(r, RETRIEVE_AE_TITLE) == (False, False),
    "padded-ae": padded,
    "file-sets": lambda r: file_sets(r) == [(True, False), (False, True)],
    "other-order": lambda r: turned_round(r) and reasons(r) == {0x0110},
    "undefined-length": open_lengths,
    "group-length": lambda r: first(r)[1].info.has(GROUP_LENGTH),
    "no-links": lambda r: store(r) is None,
    "refuses-at-c-store": lambda r: store(r) == 0x0122 and 0x0122 in reasons(r),
    "registered-classes": lambda r: store(r) == 0 and 0x0122 in reasons(r),
    "takes-nothing": lambda r: not any(each.info["ok"] for t in r.scenarios.values() for each in t.of("seed")),
    "coerces": coerced,
    "archive-with-job-queue": lambda r: (
        gap(r) > 5 * S and shared(r) and both_roles(r) and small(r) and turned_round(r) and bare(r) == (True, True)
        and levels(r, RETRIEVE_AE_TITLE) == (False, True) and open_lengths(r) and stranger(r) == (True, False)
    ),
    "small-gateway": lambda r: (
        same(r) and in_parts(r) and listed(r) == [3, 3] and finished(r) == 0 and stranger(r) == (False, False)
        and levels(r, RETRIEVE_AE_TITLE) == (False, False)
        and 0x0122 in reasons(r)
        and file_sets(r) == [(True, False), (False, True)]
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Played:
    """What one recording shows: the differences (of all variants for the clean reference, else its own), red and open rows."""

    shown: tuple[str, ...]
    red: Mapping[str, str]
    undecided: frozenset[str]
    failures: tuple[str, ...]


# What only a variant of its kind leaves open, and why: everything else is decided for every variant.
OPEN = {
    "before-the-response": {"DIMSE-TUID-03"},  # no transaction is ever pending when its response is there
    "overnight": {"DIMSE-D.3.3.4-04"},  # comes later than the quiet period in which its role would be denied
    "takes-nothing": {  # what only a committed instance shows
        "DIMSE-J.3.3.1.2-01",
        "DIMSE-J.3.3.1.1-02",
        "DIMSE-J.3.3.1.1.1-01",
        "DIMSE-J.3.3.1.1.2-01",
        "DIMSE-J.1.1-01",
    },
}


def play(case: Case) -> Played:
    suite = load_suites()["scp"]
    recording = record(suite, case)
    rows = judge(recording, {suite.role: suite}, profile="default", selection={})
    red = {row.id: f"{row.verdict}: {row.standing.message}" for row in rows if row.verdict in RED}
    undecided = frozenset(row.id for row in rows if row.verdict == "inconclusive")
    failed = [str(each.info) for each in recording.run.of("driver") if each.info.get("action") == "failed"]
    names = [case.name] if case.name else NAMES
    return Played(tuple(name for name in names if SHOWS[name](recording)), red, undecided, tuple(failed))


@pytest.fixture(scope="module")
def played() -> Mapping[str, Played]:
    cases = [Case("scp"), *(Case("scp", VARIANT, name) for name in NAMES)]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        return {case.name: found for case, found in zip(cases, pool.map(play, cases), strict=True)}


# --- tests -------------------------------------------------------------------------------------------------------------


def test_there_are_enough_and_each_is_told_apart() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 18
    assert set(SHOWS) == set(NAMES)


def test_options_are_known_ones() -> None:
    """A misspelt option would leave a variant that is the reference."""
    known = {each.name for each in dataclasses.fields(Choices)} | {"delay", "same_first", "pauses_s", "seeding"}
    assert {"pauses_s", "same_first"} < {each.name for each in dataclasses.fields(Settings)}
    for variant in VARIANTS:
        assert variant.options.keys() <= known, variant.name
        assert variant.options.get("statuses", {}).keys() <= STATUSES.keys(), variant.name


def test_rows_that_may_warn_exist_and_say_why() -> None:
    catalogue = {row.id for row in load_suites()["scp"].catalogue}
    for variant in VARIANTS:
        assert variant.warns.keys() <= catalogue, variant.name
        assert all(len(why.split()) > 4 for why in variant.warns.values()), variant.name


def test_the_reference_has_none_of_the_differences(played: Mapping[str, Played]) -> None:
    assert played[""] == Played((), {}, frozenset(), ())


@pytest.mark.parametrize("variant", VARIANTS, ids=NAMES)
def test_a_variant_is_different_and_not_called_wrong(played: Mapping[str, Played], variant: Variant) -> None:
    """What it declares to warn about does warn, and nothing else is red."""
    found = played[variant.name]
    assert found.shown == (variant.name,), "the variant does not differ from the reference as it says"
    assert found.failures == ()
    assert found.red.keys() == variant.warns.keys(), found.red
    assert found.undecided == OPEN.get(variant.name, set())
    assert all(text.startswith("warn: ") for text in found.red.values()), found.red


def test_what_a_variant_does_not_declare_is_a_false_alarm() -> None:
    """Without its declaration the warning of a variant counts against the checks."""
    suite = load_suites()["scp"]
    silent = dataclasses.replace(next(each for each in VARIANTS if each.name == "implicit-only"), warns={})
    bare = dataclasses.replace(suite, variants=(silent,))
    report = matrix(bare, [run_case(bare, Case("scp", VARIANT, silent.name))], partly=True)
    assert [each["requirement"] for each in report.false_alarms] == ["DIMSE-ROB-ASSOC-01"]
