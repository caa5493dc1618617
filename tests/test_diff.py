"""`stgcmt diff`: what got worse, better or different between two judgements, and the exit code for CI."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import reports_evidence as made
from stgcmt.commands.badge import command as badge_command
from stgcmt.commands.diff import command
from stgcmt.commands.matrix import command as matrix_command
from stgcmt.errors import UsageError
from stgcmt.stored import load_results
from stgcmt_reports.comparing import compare, normalised


def results(*rows, **more):
    return made.results(list(rows)) | more


def test_what_changes_with_every_run_is_no_difference():
    one = "expected 202; seen 2.25.1234567890 at 2026-01-31T12:00:00.000Z on 127.0.0.1:40123 0.413 s late, event 17"
    two = "expected 202; seen 2.25.99 at 2026-02-01T08:10:00.000Z on 127.0.0.1:5000 2 s late, event 9"
    assert normalised(one) == normalised(two)
    assert normalised("status 202") != normalised("status 409")
    assert normalised("127.0.0.1 said 0110H") == "127.0.0.1 said 0110H"
    assert normalised("PS3.18 13.4.1") == "PS3.18 13.4.1"
    rows = [made.row("A", "scp", "fail", message=text, seen=[text]) for text in (one, two)]
    found = compare(results(rows[0]), results(rows[1]))
    assert [each.what for each in found.changes] == ["same"]
    assert not found.worse


ORDER = ["pass", "note", "not-tested", "inconclusive", "warn", "fail", "error"]


@pytest.mark.parametrize("before", ORDER)
@pytest.mark.parametrize("after", ORDER)
def test_a_verdict_goes_up_or_down(before, after):
    found = compare(results(made.row("A", "scp", before)), results(made.row("A", "scp", after)))
    down = ORDER.index(after) - ORDER.index(before)
    assert [each.what for each in found.changes] == ["worse" if down > 0 else "better" if down < 0 else "same"]
    assert found.worse is (down > 0)


def test_a_known_issue_excuses_and_is_told():
    known = {"reason": "fixed in 2.1", "until": None, "ticket": None}
    found = compare(results(made.row("A", "scp", "pass")), results(made.row("A", "scp", "fail", known_issue=known)))
    assert [(each.what, each.known_issue) for each in found.changes] == [("worse", True)]
    assert not found.worse


def test_another_outcome_of_the_same_verdict_is_a_change():
    rows = [made.row("A", "scp", "warn", outcome=name, message=name) for name in ("late", "early")]
    assert [each.what for each in compare(results(rows[0]), results(rows[1])).changes] == ["changed"]


def test_rows_that_come_and_go():
    one, two = made.row("A", "scp", "pass"), made.row("B", "scp", "pass")
    assert compare(results(one, two), results(one)).worse, "a judged requirement is gone"
    assert not compare(results(one), results(one, two)).worse
    other = compare(results(one, two, edition="2025a"), results(one, edition="2024c"))
    assert not other.worse, "another edition has other rows"
    assert [each.what for each in other.changes] == ["only in A", "same"]
    assert ("edition", "2025a", "2024c") in other.makers


def test_a_role_that_is_gone_is_one_line(stored):
    kept, gone = made.row("A", "scu", "pass"), [made.row(f"R-{n}", "scp", "pass") for n in range(40)]
    a, b = stored("a", results(kept, *gone)), stored("b", results(kept))
    said = CliRunner().invoke(command, [str(a), str(b)]).output
    assert "only in A: scp, all 40 requirements (--all lists them)" in said
    assert "R-7" not in said
    assert "40 only in A" in said
    assert "R-7" in CliRunner().invoke(command, [str(a), str(b), "--all"]).output
    assert compare(results(kept, *gone), results(kept)).roles_in_one == {"scp": "only in A"}
    assert compare(results(kept, *gone), results(kept, *gone[1:])).roles_in_one == {}


def test_one_row_in_two_roles_is_two_rows():
    a = results(made.row("A", "scp", "pass"), made.row("A", "scu", "pass"))
    b = results(made.row("A", "scp", "pass"), made.row("A", "scu", "fail"))
    assert [(each.role, each.what) for each in compare(a, b).changes] == [("scu", "worse"), ("scp", "same")]


def test_a_role_that_is_gone_is_worse():
    both = results(made.row("A", "scp", "pass"), made.row("B", "scu", "fail"))
    one = results(made.row("A", "scp", "pass"))
    found = compare(both, one)
    assert found.worse
    assert found.gone == ("scu",)
    assert found.to_json()["roles_gone"] == ["scu"]
    assert compare(both, one | {"edition": "2024c"}).worse, "no edition lets a role go"
    gained = compare(one, both)
    assert not gained.worse
    assert gained.gone == ()
    assert not compare(results(made.row("A", "scp", "pass"), made.row("N", "scp", "not-applicable")), one).worse


@pytest.fixture
def stored(tmp_path):
    def write(name, value):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "results.json").write_text(json.dumps(value))
        return directory

    return write


def test_the_command(stored):
    good = results(made.row("A", "scp", "pass"), made.row("B", "scp", "pass"))
    bad = copy.deepcopy(good)
    bad["requirements"][0].update(verdict="fail", outcome="violation", message="seen [0110H]")
    bad["summary"].update({"pass": 1, "fail": 1})
    a, b = stored("a", good), stored("b", bad)
    done = CliRunner().invoke(command, [str(a), str(b)])
    assert done.exit_code == 1
    assert "seen [0110H]" in done.output
    assert "1 worse, 1 same; tested 2 of 2 before, 2 of 2 after" in " ".join(done.output.split())
    assert CliRunner().invoke(command, [str(b), str(a)]).exit_code == 0
    told = json.loads(CliRunner().invoke(command, [str(a), str(b / "results.json"), "--json"]).output)
    assert told["worse"]
    assert told["counts"]["worse"] == 1
    assert [each["id"] for each in told["changes"]] == ["A"]


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("{", "is no JSON"),
        ("[]", "is not of type 'object'"),
        ('{"schema_version": 9, "tool": {"name": "stgcmt", "version": "9.1"}}', "version 9, written by stgcmt 9.1"),
        ('{"schema_version": 1}', "is a required property"),
    ],
    ids=["damaged", "foreign", "later-version", "incomplete"],
)
def test_what_is_no_result_is_said(tmp_path, content, seen):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(UsageError) as caught:
        load_results(tmp_path)
    assert seen in str(caught.value)
    assert caught.value.next_step


def test_a_bundle_that_was_never_judged(tmp_path):
    (tmp_path / "transcripts").mkdir()
    with pytest.raises(UsageError, match="was never judged"):
        load_results(tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        load_results(tmp_path / "nowhere")


def test_one_recording_in_two_editions(greeter, monkeypatch):
    """A row that the standard asks for only from 2025a on is gone from the judgement of the older edition."""
    from stgcmt.results import judged_results
    from stgcmt.selftest_cases import Case, record

    recording = record(greeter, Case(greeter.role))
    first, *others = greeter.catalogue
    monkeypatch.setitem(vars(greeter), "catalogue", (dataclasses.replace(first, since="2025a"), *others))
    suites = {greeter.role: greeter}
    old, new = (
        judged_results(recording, suites, judged="2026-01-01T00:00:00.000Z", edition=edition)[0]
        for edition in ("2024e", "2025a")
    )
    found = compare(old, new)
    assert [(each.id, each.what) for each in found.of("only in B")] == [(first.id, "only in B")]
    assert not found.worse
    assert not compare(new, old).worse
    assert found.makers == (("edition", "2024e", "2025a"),)


def test_nothing_in_common_is_an_error_and_never_the_same(stored):
    """A CI job that loses its only role must not stay green."""
    a, b = stored("a", results(made.row("A", "scp", "pass"))), stored("b", results(made.row("B", "scu", "pass")))
    for one, other in ((a, b), (b, a)):
        done = CliRunner().invoke(command, [str(one), str(other)])
        assert isinstance(done.exception, UsageError), done.output
        assert "A judged" in str(done.exception)
    empty = stored("empty", results())
    assert isinstance(CliRunner().invoke(command, [str(a), str(empty)]).exception, UsageError)


def test_a_role_that_is_gone_is_said_on_the_terminal(stored):
    both = results(made.row("A", "scp", "pass"), made.row("B", "scu", "pass"))
    a, b = stored("a", both), stored("b", results(made.row("A", "scp", "pass")))
    done = CliRunner().invoke(command, [str(a), str(b)])
    assert done.exit_code == 1
    assert "scu: B did not judge this role at all" in done.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it["requirements"][0].update(verdict="fail"), "summary says 2 pass, the rows 1"),
        (lambda it: it["requirements"].pop(), "summary says 2 pass, the rows 1"),
        (lambda it: it["summary"].update(tested=9), "summary says 9 tested, the rows 2"),
        (lambda it: it["summary"].update(total=1), "summary says 1 total, the rows 2"),
        (
            lambda it: (it["requirements"][0].update(verdict="fail"), it["summary"].update({"pass": 1, "fail": 1})),
            "exit code 0, but scp/A says fail",
        ),
        (
            lambda it: (
                it["requirements"][0].update(
                    verdict="fail", known_issue={"reason": "x", "until": None, "ticket": None}
                ),
                it["summary"].update({"pass": 1, "fail": 1}),
            ),
            "scp/A is excused by a known issue that known_issues does not name",
        ),
    ],
)
def test_results_that_contradict_themselves_are_refused(stored, change, said):
    value = results(
        made.row("A", "scp", "pass"), made.row("B", "scp", "pass"), exit_code=0, exit_reason="no unexcused failure"
    )
    good = stored("good", value)
    assert load_results(good)["exit_code"] == 0
    change(value)
    changed = stored("changed", value)
    for program in (badge_command, matrix_command, command):
        words = {badge_command: [], matrix_command: ["--out", str(good / "x.html")], command: [str(good)]}[program]
        done = CliRunner().invoke(program, [str(changed), *words])
        assert isinstance(done.exception, UsageError), done.output
        assert said in str(done.exception)
        assert "judge BUNDLE --out" in str(done.exception)


def test_the_evidence_of_the_documentation_follows_from_its_rows():
    found = list(Path(__file__).parents[1].glob("docs/evidence/*/results.json"))
    assert found
    for path in found:
        load_results(path)
