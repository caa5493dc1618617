"""Editions: one recording, judged by the wording of another edition of the standard."""

from __future__ import annotations

import json

import pytest

from stgcmt.catalogue import CatalogueError, parse_requirements
from stgcmt.cli import main
from stgcmt.selftest_cases import FAULT, Case
from stgcmt.suite import load_suites
from stgcmt.verdict import VIOLATION, severity
from virtual_bundle import play

ORDER, NOTES = "WEB-F.2.2-02", "WEB-F.2.2-05"
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


def test_the_rows_whose_text_changed_carry_their_edition():
    """What the notes know of changes between editions; every other row holds in all that were read."""
    rows = {row.id: row for row in load_suites()["origin_server"].catalogue}
    assert {ident for ident, row in rows.items() if row.since or row.until} == {NOTES}
    changed = {ident for ident, row in rows.items() if row.at("2026c") != row}
    assert changed == {ORDER}
    assert [severity(rows[ORDER].at(each), VIOLATION) for each in (None, "2024e", "2025a")] == ["warn", "warn", "fail"]
    assert not rows[ORDER].mandatory
    assert rows[ORDER].at("2025a").mandatory


def test_an_outcome_may_have_several_wordings():
    (row,) = parse_requirements(
        {"x": ROW + 'outcomes.y = {default = "note", from = {2024c = "warn", 2026a = "fail"}, means = "m"}\n'}, "scp"
    )
    said = [severity(row.at(each), "y") for each in (None, "2024a", "2024c", "2025e", "2026a", "2026c")]
    assert said == ["note", "note", "warn", "warn", "fail", "fail"]
    assert row.at("2026a").outcomes["y"]["means"] == "m"
    with pytest.raises(CatalogueError, match="red"):
        parse_requirements({"x": ROW + 'outcomes.y = {from = {2024c = "red"}}\n'}, "scp")
