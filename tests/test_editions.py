"""Editions: one recording, judged by the wording of another edition of the standard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stgcmt.catalogue import CatalogueError, parse_requirements
from stgcmt.cli import main
from stgcmt.commands import edition_of
from stgcmt.commands.explain import lines
from stgcmt.editions import known
from stgcmt.errors import UsageError
from stgcmt.selftest_cases import FAULT, VARIANT, Case
from stgcmt.suite import load_suites
from stgcmt.verdict import VIOLATION, severity
from virtual_bundle import play

ORDER, NOTES, UTF8, REPLY = "WEB-F.2.2-02", "WEB-F.2.2-05", "WEB-F.2-01", "DIMSE-10.1.1-01"
ROW = """
[[requirement]]
id = "A"
title = "t"
statement = "s"
clause = "c"
level = "shall"
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A server that writes its keys in descending order, recorded once."""
    case = Case("origin_server", FAULT, "keys-out-of-order", (ORDER, NOTES))
    return play(case, tmp_path_factory.mktemp("editions") / "bundle")


def judged(bundle, capsys, monkeypatch, *arguments):
    """What ``stgcmt judge`` says: exit code, and the rows by their ids."""
    monkeypatch.setattr("sys.argv", ["stgcmt", "judge", str(bundle), "--json", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, {row["id"]: row for row in json.loads(capsys.readouterr().out)["requirements"]}


@pytest.mark.parametrize(
    ("edition", "verdict", "code"),
    [(None, "warn", 0), ("2024a", "warn", 0), ("2024e", "warn", 0), ("2025a", "fail", 1), ("2025e", "fail", 1)],
    ids=["none", "2024a", "2024e", "2025a", "2025e"],
)
def test_the_edition_decides_over_one_recording(bundle, capsys, monkeypatch, edition, verdict, code):
    """Up to 2024e the order of keys has a weaker wording; from 2025a on it is a shall."""
    ended, rows = judged(bundle, capsys, monkeypatch, *(("--edition", edition) if edition else ()))
    assert (rows[ORDER]["verdict"], rows[ORDER]["outcome"], ended) == (verdict, "violation", code)
    assert (NOTES in rows) == (edition in {None, "2025e"}), "its notes came with 2025e"


def test_a_byte_order_mark_weighs_more_since_the_note_on_rfc_8259(tmp_path, capsys, monkeypatch):
    """UTF-8 with a mark: a warning by the texts up to 2025d, a fail from 2025e on; the notes' own row comes with 2025e, too."""
    bundle = play(Case("origin_server", FAULT, "bom", (UTF8,)), tmp_path / "bundle")
    for edition, verdict, code in ((None, "warn", 0), ("2025d", "warn", 0), ("2025e", "fail", 1), ("2026c", "fail", 1)):
        ended, rows = judged(bundle, capsys, monkeypatch, *(("--edition", edition) if edition else ()))
        assert (rows[UTF8]["verdict"], rows[UTF8]["outcome"], ended) == (verdict, "byte-order-mark", code), edition


def test_a_usage_that_was_undefined_is_not_allowed_from_2026b_on(tmp_path, capsys, monkeypatch):
    """A client that sends the information of a report back: a note up to 2026a, a warning from 2026b on (PS3.4 5.4.2.1)."""
    bundle = play(Case("scu", VARIANT, "sends-information", (REPLY,)), tmp_path / "bundle")
    for edition, verdict in ((None, "note"), ("2024e", "note"), ("2026a", "note"), ("2026b", "warn")):
        _, rows = judged(bundle, capsys, monkeypatch, *(("--edition", edition) if edition else ()))
        assert (rows[REPLY]["verdict"], rows[REPLY]["outcome"]) == (verdict, "sends-information"), edition
    ended, rows = judged(bundle, capsys, monkeypatch, "--edition", "2026b", "--strict")
    assert (rows[REPLY]["verdict"], ended) == ("warn", 0)


def test_the_web_service_is_in_the_text_from_2024a_on(bundle, monkeypatch, capsys):
    """An edition before it asks nothing of an origin server: that is said, and no empty judgement is given."""
    monkeypatch.setattr("sys.argv", ["stgcmt", "judge", str(bundle), "--edition", "2023b"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "2024a" in said
    assert "2023b" in said
    assert "origin_server" in said
    assert edition_of("2023b", load_suites(), ["scp", "scu"]) == "2023b"


@pytest.mark.parametrize("wrong", ["2024f", "2024", "24e", "2013a", "2015d", "2026d", "2031a", "newest", "2024E", ""])
def test_an_edition_that_does_not_exist_is_refused(wrong):
    with pytest.raises(UsageError) as said:
        edition_of(wrong)
    assert "2014a to 2026c" in str(said.value)
    assert not known(wrong)


def test_an_edition_newer_than_this_version_names_the_newest_it_knows():
    with pytest.raises(UsageError, match="2026c, the newest that this version knows"):
        edition_of("2027a")


@pytest.mark.parametrize(
    ("role", "ident", "told"),
    [
        ("origin_server", NOTES, "2025e to the newest (read up to 2025e"),
        ("origin_server", "WEB-13.4.2-01", "2024a to the newest (read up to 2024e"),
        ("scu", REPLY, "all (read up to 2026b"),
        ("scp", "DIMSE-5.4.2.1-02", "all (read up to 2024e"),
    ],
    ids=["notes", "service", "reply", "scp"],
)
def test_explain_and_the_pages_say_the_range(role, ident, told):
    suite = load_suites()[role]
    row = next(each for each in suite.catalogue if each.id == ident)
    assert any(told in line for line in lines(suite, row))
    page = (Path(__file__).parents[1] / "docs" / "requirements" / f"{role}.md").read_text("utf-8")
    assert told in page[page.index(f"## {ident}:") :].partition("\n## ")[0]


def test_the_rows_whose_text_changed_carry_their_edition():
    """What the notes know of changes between editions; every other row holds in all that were read."""
    suites = load_suites()
    rows = {row.id: row for row in suites["origin_server"].catalogue}
    assert {ident for ident, row in rows.items() if row.since != "2024a" or row.until} == {NOTES}
    changed = {(role, row.id) for role, suite in suites.items() for row in suite.catalogue if row.at("2026c") != row}
    web, dimse = ("origin_server", "proxy_to_dimse"), ("scu", "proxy_to_dimse")
    assert changed == {*((role, ident) for role in web for ident in (ORDER, UTF8)), *((role, REPLY) for role in dimse)}
    assert [severity(rows[ORDER].at(each), VIOLATION) for each in (None, "2024e", "2025a")] == ["warn", "warn", "fail"]
    assert not rows[ORDER].mandatory
    assert rows[ORDER].at("2025a").mandatory


def test_a_row_may_end_with_an_edition():
    text = '[defaults]\neditions = {from = "2024a", read = "2025a"}\n' + ROW + 'editions = {to = "2024e"}\n'
    (row,) = parse_requirements({"x": text}, "scp")
    assert (row.since, row.until, row.read) == ("2024a", "2024e", "2025a")
    assert [row.in_edition(each) for each in (None, "2023e", "2024a", "2024e", "2025a")] == [
        True,
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("editions", "said"),
    [('{from = "2024z"}', "2024z"), ('{to = "2019"}', "2019"), ('{since = "2024a"}', "since"), ('{from = "2025a", to = "2024a"}', "newer")],
    ids=["letter", "form", "key", "order"],
)  # fmt: skip
def test_a_catalogue_with_a_wrong_edition_is_refused(editions, said):
    with pytest.raises(CatalogueError, match=said):
        parse_requirements({"x": ROW + f"editions = {editions}\n"}, "scp")


def test_an_outcome_may_have_several_wordings():
    (row,) = parse_requirements(
        {"x": ROW + 'outcomes.y = {default = "note", from = {2024c = "warn", 2026a = "fail"}, means = "m"}\n'}, "scp"
    )
    said = [severity(row.at(each), "y") for each in (None, "2024a", "2024c", "2025e", "2026a", "2026c")]
    assert said == ["note", "note", "warn", "warn", "fail", "fail"]
    assert row.at("2026a").outcomes["y"]["means"] == "m"
    with pytest.raises(CatalogueError, match="red"):
        parse_requirements({"x": ROW + 'outcomes.y = {from = {2024c = "red"}}\n'}, "scp")
