"""The severity function, merging, known issues, the gate and the exit codes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from stgcmt.catalogue import Requirement
from stgcmt.errors import UsageError
from stgcmt.verdict import (
    KnownIssue,
    Overlay,
    UnknownOutcomeError,
    Verdict,
    exit_code,
    load_known_issues,
    overlay,
    parse_known_issues,
    severity,
    summary,
    worst,
)


def row(level="shall", basis="stated", **outcomes) -> Requirement:
    return Requirement("X-1", "scp", "t", "s", "c", level, basis, outcomes=outcomes)


@pytest.mark.parametrize(
    ("level", "basis", "verdict"),
    [
        ("shall", "stated", "fail"),
        ("shall", "derived", "warn"),
        ("shall", "note", "warn"),
        ("should", "stated", "warn"),
        ("may", "stated", "note"),
        ("info", "stated", "note"),
    ],
)
def test_violation_by_level_and_basis(level, basis, verdict):
    assert severity(row(level, basis), "violation") == verdict


def test_the_catalogue_overrides_and_strict_moves_readings_up():
    assert severity(row("shall", "derived", violation="fail"), "violation") == "fail"
    reading = {"default": "note", "reading": "AMB-1"}
    assert severity(row(tolerated=reading), "tolerated") == "note"
    assert severity(row(tolerated=reading), "tolerated", "strict") == "warn"
    assert severity(row(tolerated={"default": "warn"}), "tolerated", "strict") == "warn", "no reading, nothing moves"
    named = {"default": "note", "strict": "fail", "reading": "AMB-1"}
    assert severity(row(tolerated=named), "tolerated", "strict") == "fail"
    assert severity(row(tolerated="warn"), "tolerated", "strict") == "warn"


def test_may_never_fails_whatever_the_catalogue_says():
    assert severity(row("may", violation="fail"), "violation") == "warn"
    assert severity(row("info", x={"default": "note", "strict": "fail", "reading": "AMB-1"}), "x", "strict") == "warn"


def test_an_unknown_outcome_is_the_harness_fault():
    with pytest.raises(UnknownOutcomeError):
        severity(row(), "no-such-outcome")


def test_the_worst_stands():
    assert worst([Verdict.PASS, Verdict.NOTE, Verdict.INCONCLUSIVE]) == "inconclusive"
    assert worst([Verdict.NOT_APPLICABLE, Verdict.PASS]) == "pass"
    assert worst([Verdict.FAIL, Verdict.ERROR]) == "error"
    assert worst([]) == "not-tested"


@dataclass(frozen=True)
class R:
    verdict: Verdict
    id: str = "A"
    role: str = "scp"
    mandatory: bool = True
    excluded: str | None = None
    selected: bool = True


def rows(*verdicts, **more):
    return [R(Verdict(verdict), id=f"R{n}", **more) for n, verdict in enumerate(verdicts)]


def code(rows, known=(), on="2026-01-01", **more):
    return exit_code(rows, overlay(known, rows, on), **more).code


def test_exit_codes_in_their_order():
    assert code(rows("pass", "warn", "note")) == 0
    assert code(rows("pass", "fail")) == 1
    assert code(rows("pass", "fail", "error")) == 3, "the harness's fault comes before the SUT's"
    assert code(rows("inconclusive", "not-tested")) == 4, "nothing could be judged"
    assert code(rows("pass"), interrupted=True) == 130


def test_a_run_that_was_cut_short_is_never_green():
    """Half of the rows may be enough for the gate; what the other half would have shown nobody knows."""
    assert code(rows("pass", "pass", "not-tested")) == 0
    assert code(rows("pass", "pass", "not-tested"), cut=True) == 1
    assert "cut short" in exit_code(rows("pass"), Overlay(), cut=True).why
    assert exit_code(rows("pass", "fail"), Overlay(), cut=True).why == "1 requirement failed", (
        "what is known goes first"
    )
    assert code(rows("pass"), known=[KnownIssue("R0", "scp", "was broken")], cut=True) == 1
    assert code(rows("not-tested"), cut=True) == 4


def test_where_a_report_is_awaited_the_next_step_is_to_wait_not_to_search():
    silent, some = rows("inconclusive"), rows("pass", "inconclusive", "inconclusive")
    for found, number in ((silent, 4), (some, 1)):
        said = exit_code(found, overlay((), found, "2026-01-01"), awaited={"scp"})
        assert said.code == number
        assert "stgcmt wait BUNDLE" in said.why
        assert "doctor" not in said.why
    elsewhere = exit_code(silent, overlay((), silent, "2026-01-01"), awaited={"scu"})
    assert "stgcmt doctor" in elsewhere.why
    assert "wait" not in elsewhere.why


def test_unreachable_is_judged_for_each_role():
    both = [*rows("pass"), R(Verdict.NOT_TESTED, role="origin_server")]
    assert code(both) == 4


def test_a_selection_without_a_shall_is_no_success_where_nothing_was_judged():
    assert code(rows("not-tested", "inconclusive", mandatory=False)) == 4
    assert code(rows("not-tested", "note", mandatory=False)) == 0
    assert code(rows("not-applicable", mandatory=False)) == 0


def test_one_failure_is_singular():
    found = rows("pass", "fail")
    assert exit_code(found, overlay((), found, "2026-01-01")).why == "1 requirement failed"


def test_a_known_issue_of_a_role_that_was_not_chosen_is_left_alone():
    issue = KnownIssue("WEB-1", "origin_server", "later")
    assert overlay([issue], rows("pass"), "2026-01-01").unknown == (issue,)
    assert overlay([issue], rows("pass"), "2026-01-01", elsewhere={("WEB-1", "origin_server")}) == Overlay()


def test_a_bundle_stores_what_an_entry_leaves_out_as_null():
    stored = dataclasses.asdict(KnownIssue("R1", "scp", "later"))
    assert parse_known_issues({"issue": [stored]}, "the bundle") == (KnownIssue("R1", "scp", "later"),)


def test_unselected_rows_count_for_nothing():
    assert code([*rows("pass"), *rows("not-tested", "not-tested", "not-tested", selected=False)]) == 0


def test_the_gate_counts_applicable_mandatory_rows():
    assert code(rows("pass", "inconclusive", "not-tested")) == 1
    assert code(rows("pass", "inconclusive", "not-tested"), min_tested=0.3) == 0
    assert code(rows("pass", "not-applicable", "not-applicable")) == 0
    assert code([*rows("pass"), *rows("not-tested", "not-tested", excluded="not on the wire: x")]) == 0
    assert code([*rows("pass"), *rows("not-tested", "not-tested", mandatory=False)]) == 0


def test_known_issues_excuse_and_are_held_against_the_run():
    fail = rows("pass", "fail")
    issue = KnownIssue("R1", "scp", "later", until="2026-06-30")
    assert code(fail, [issue]) == 0
    assert code(fail, [issue], on="2026-07-01T00:00:00Z") == 1, "expired excuses nothing"
    assert code(fail, [issue, KnownIssue("R0", "scp", "fixed")]) == 5, "stale"
    assert code(fail, [issue, KnownIssue("R9", "scp", "?")]) == 5, "unknown"
    found = overlay([KnownIssue("R0", "scp", "x")], rows("inconclusive"), "2026-01-01")
    assert found == Overlay(), "what could not be tested leaves an entry alone"
    assert overlay([KnownIssue("R0", "scp", "x")], rows("pass", selected=False), "2026-01-01").stale == ()


def test_summary_counts_tested_and_total():
    counts = summary([*rows("pass", "fail", "inconclusive", "not-applicable"), R(Verdict.NOT_TESTED, excluded="x")])
    assert (counts["tested"], counts["total"]) == (2, 3)
    assert counts["not-tested"] == 1


def test_known_issues_file(tmp_path):
    file = tmp_path / "known.toml"
    file.write_text('[[issue]]\nid = "A"\nrole = "origin-server"\nreason = "r"\nuntil = 2026-12-31\n')
    assert load_known_issues(file) == (KnownIssue("A", "origin_server", "r", "2026-12-31"),)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[issue]]\nid = "A"\nrole = "scp"\n', "'reason' is a required property"),
        ('[[issue]]\nid = "A"\nrole = "scp"\nreason = "r"\nuntill = "x"\n', "untill"),
        ('[[issue]]\nid = "A"\nrole = "scp"\nreason = "r"\nuntil = "soon"\n', "soon"),
        ("[[issue]\n", "line 1"),
    ],
)
def test_wrong_known_issues_are_refused_with_the_place(tmp_path, text, says):
    file = tmp_path / "known.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_known_issues(file)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_known_issues_that_do_not_exist(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load_known_issues(tmp_path / "none.toml")
