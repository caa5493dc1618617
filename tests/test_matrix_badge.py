"""`stgcmt matrix` and `stgcmt badge`: tested of total beside every score, on pages that need nothing else."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

import reports_evidence as made
from stgcmt.commands import badge as badge_command
from stgcmt.commands import matrix as matrix_command
from stgcmt.errors import UsageError
from stgcmt_reports import badge, matrix


def results(name, *rows, **more):
    value = made.results(list(rows))
    value["sut"] = {"name": name, "vendor": "ACME", "version": "1", "roles": ["scp"]}
    tested = sum(row["verdict"] in matrix.TESTED for row in rows)
    total = sum(row["verdict"] != "not-applicable" and not row["excluded"] for row in rows)
    value["summary"] |= {"tested": tested, "total": total}
    return value | more


def row(ident, verdict, clause="PS3.4 J.3.2", **more):
    return made.row(ident, more.pop("role", "scp"), verdict, clause=clause, **more)


@pytest.mark.parametrize(
    ("clause", "group"),
    [
        ("PS3.18 13.4.3, 8.7", "PS3.18 13.4"),
        ("PS3.4 J.3.2.1.3 note 1, J.3.2.1.4", "PS3.4 J.3"),
        ("PS3.4 J", "PS3.4 J"),
        ("PS3.18 8.11.3", "PS3.18 8.11"),
        ("PS3.4 Table J.3-2, PS3.5 7.4.1", "PS3.4 J.3"),
        ("RFC 9110 15.2", "RFC 9110 15.2"),
    ],
)
def test_the_group_of_a_clause(clause, group):
    assert matrix.group_of(clause) == group


def test_cells_count_what_was_tested_and_say_the_worst():
    known = {"reason": "mended in 2.1", "until": None, "ticket": None}
    columns = matrix.implementations([
        ("a", results("A", row("1", "pass"), row("2", "fail", known_issue=known), row("3", "not-tested"), row("4", "not-tested", excluded="why"))),
        ("b", results("B", row("1", "pass"), row("2", "pass"), row("9", "pass", clause="PS3.8 9.1"))),
    ])  # fmt: skip
    first, second = matrix.groups(columns, "scp")
    assert (first.clause, second.clause) == ("PS3.4 J.3", "PS3.8 9.1")
    a, b = first.cells
    assert (a.tested, a.total, a.worst, a.known, a.excluded) == (2, 3, "fail", 1, 1)
    assert a.deviations[0].startswith("2 fail (known issue)")
    assert (b.tested, b.total, b.worst) == (2, 2, "pass")
    assert second.cells[0] == matrix.Cell(), "no row of that clause: another edition"
    assert [matrix.in_role(column, "scp") for column in columns] == ["2 of 3", "3 of 3"]
    assert sum(cell.total for group in (first, second) for cell in group.cells) == 3 + 3


def test_readings_are_counted_over_implementations():
    columns = matrix.implementations([
        (name, results(name, row("1", verdict, readings=["AMB-12"], outcome=outcome)))
        for name, verdict, outcome in (
            ("A", "note", "early-refusal"), ("B", "note", "early-refusal"), ("C", "pass", None), ("D", "inconclusive", None),
        )
    ])  # fmt: skip
    (reading,) = matrix.readings(columns)
    assert reading.name == "AMB-12"
    assert {seen: len(who) for seen, who in reading.seen.items()} == {
        "1: early-refusal": 2, f"1: {matrix.AS_WRITTEN}": 1, f"1: {matrix.UNDECIDED}": 1,
    }  # fmt: skip


def test_readings_are_told_in_the_words_of_the_ledgers(tmp_path):
    entry = {
        "id": "AMB-01", "title": "A UID once more", "requirement": "1", "seen": "refuses it with 409",
        "readings": [{"name": "used up", "verdict": "pass"}, {"name": "free again", "verdict": "warn"}],
    }  # fmt: skip
    rows = [results(name, row("1", "pass", readings=["AMB-01"])) for name in ("A", "B", "C", "D")]
    for name, ledger in (("A", [entry]), ("B", [entry]), ("C", [{**entry, "seen": "takes it"}]), ("D", "damaged")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ledger.json").write_text(json.dumps({"readings": ledger}))
    ledgers = [matrix.ledger_in(tmp_path / name) for name in ("A", "B", "C", "D")]
    columns = matrix.implementations(zip("ABCD", rows, strict=True), ledgers)
    (reading,) = matrix.readings(columns)
    assert reading.title == "A UID once more"
    assert reading.seen == {
        "1: refuses it with 409": ("ACME A 1", "ACME B 1"), "1: takes it": ("ACME C 1",),
        f"1: {matrix.AS_WRITTEN}": ("ACME D 1",),
    }  # fmt: skip
    assert reading.under["1: takes it"] == "used up: pass; free again: warn"
    assert matrix.ledger_in(tmp_path) == ()
    assert "used up: pass" in matrix.render(columns, made="now")


class Page(HTMLParser):
    VOID = {"meta", "br", "link", "img"}

    def __init__(self, text):
        super().__init__()
        self.open, self.fetched = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.fetched += [value for key, value in attrs if key in ("src", "href", "srcset", "action")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def stored(tmp_path):
    def write(name, value):
        directory = tmp_path / "bundles" / name
        (directory / "transcripts").mkdir(parents=True)
        (directory / "results.json").write_text(json.dumps(value))
        return directory

    return write


def test_the_page_is_whole_offline_and_says_who_judged(stored, tmp_path):
    one = results("<script>A", row("1", "pass"), row("2", "warn", message="<b>late</b>"), edition="2024e")
    two = results("B", row("1", "pass"), row("2", "not-tested", excluded="no exchange shows it"))
    two["tool"] = {"name": "stgcmt", "version": "9.9", "commit": None}
    stored("one", one)
    stored("two", two)
    out = tmp_path / "m.html"
    done = CliRunner().invoke(matrix_command.command, [str(tmp_path / "bundles"), "--out", str(out)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "ACME B 1: tested 1 of 1" in done.output
    text = out.read_text()
    page = Page(text)
    assert (page.open, page.fetched) == ([], [])
    assert "<script" not in text
    assert "<b>late" not in text
    for said in ("stgcmt 9.9", "0123456789abcdef", "2024e", "2025a", "2 of 2", "1 of 1", "no exchange shows it"):
        assert said in text
    assert re.search(r'class="cell warn"><b>2 / 2</b> warn', text)


def test_one_name_twice_is_told_apart():
    columns = matrix.implementations([("x", results("A")), ("y", results("A")), ("z", results("B"))])
    assert [column.name for column in columns] == ["ACME A 1 (1)", "ACME A 1 (2)", "ACME B 1"]


def test_what_cannot_be_read_or_written_is_said(stored, tmp_path):
    good = stored("good", results("A", row("1", "pass")))
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        ([tmp_path / "empty", "--out", tmp_path / "m.html"], "a directory of bundles"),
        ([tmp_path / "gone", "--out", tmp_path / "m.html"], "No such file"),
        ([good, "--out", tmp_path], "is a directory"),
        ([good, "--out", tmp_path / "no" / "m.html"], "No such file"),
    ):
        done = CliRunner().invoke(matrix_command.command, [str(each) for each in arguments])
        assert isinstance(done.exception, UsageError)
        assert said in str(done.exception)
    assert not (tmp_path / "m.html").exists()


# --- badge ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "code", "said", "colour"),
    [
        ([row("1", "pass")], 0, "tested 1 of 1", badge.GREEN),
        ([row("1", "pass"), row("2", "not-tested")], 0, "tested 1 of 2", badge.AMBER),
        ([row("1", "pass"), row("2", "fail")], 1, "tested 2 of 2, 1 failed", badge.RED),
        (
            [row("1", "fail", known_issue={"reason": "x", "until": None, "ticket": None})],
            0,
            "tested 1 of 1, 1 failed, 1 known",
            badge.AMBER,
        ),
        ([row("1", "not-tested")], 4, "tested 0 of 1", badge.GREY),
        ([row("1", "error"), row("2", "pass")], 3, "tested 1 of 2, 1 error", badge.RED),
    ],
    ids=["all", "untested", "failed", "known", "unreachable", "error"],
)
def test_a_badge(rows, code, said, colour):
    assert badge.message(results("A", *rows, exit_code=code)) == (said, colour)
    svg = ET.fromstring(badge.render(results("A & <B>", *copy.deepcopy(rows), exit_code=code)))
    texts = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["storage commitment", said]


def test_the_badge_command(stored, tmp_path):
    bundle = stored("one", results("A", row("1", "pass")))
    printed = CliRunner().invoke(badge_command.command, [str(bundle)])
    assert ET.fromstring(printed.output) is not None
    done = CliRunner().invoke(badge_command.command, [str(bundle), "--out", str(tmp_path / "b.svg")])
    assert "tested 1 of 1" in done.output
    assert (tmp_path / "b.svg").read_text() == printed.output
