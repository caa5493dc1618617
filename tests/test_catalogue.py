"""Requirements as data: what is refused, and what every installed suite must hold."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from stgcmt.catalogue import CatalogueError, parse_requirements
from stgcmt.suite import load_suites
from stgcmt.verdict import VIOLATION, Verdict, severity

GOOD = 'id = "A"\ntitle = "t"\nstatement = "s"\nclause = "c"\nlevel = "shall"\n'
SUITES = load_suites()


def parse(text):
    return parse_requirements({"x.toml": text}, "scp")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[requirement]]\nid = "A"\n', "missing keys"),
        ("[[requirement]]\n" + GOOD + "colour = 1\n", "colour"),
        ("[[requirement]]\n" + GOOD.replace("shall", "must"), "must"),
        ("[[requirement]]\n" + GOOD + 'consequence = "sad"\n', "sad"),
        ("[[requirement]]\n" + GOOD + 'outcomes.x = "red"\n', "red"),
        ("[[requirement]]\n" + GOOD + 'outcomes.x = {default = "warn", colour = "red"}\n', "colour"),
        ("[[requirement]]\n" + GOOD + "[[requirement]]\n" + GOOD, "twice"),
        ("[[requirement]]\n" + GOOD + 'same_as = "B"\n', "same_as"),
        ("[[requirement", "x.toml"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_the_place(text, says):
    with pytest.raises(CatalogueError) as caught:
        parse(text)
    assert says in str(caught.value)


def test_editions_and_readings():
    (row,) = parse(
        "[[requirement]]\n" + GOOD + 'editions = {from = "2024c", to = "2025a"}\n'
        'outcomes.x = {default = "note", reading = "AMB-1"}\n'
    )
    assert [row.in_edition(edition) for edition in ("2024a", "2024c", "2025a", "2025b", None)] == [
        False,
        True,
        True,
        False,
        True,
    ]
    assert row.readings == ("AMB-1",)


@pytest.mark.parametrize("role", SUITES)
def test_every_row_has_a_check_or_a_reason_and_every_check_a_row(role):
    suite = SUITES[role]
    assert suite.catalogue
    for row in suite.catalogue:
        has = bool(suite.checks_for(row.id))
        assert has != bool(row.excluded), f"{row.id}: neither or both of check and reason"
        if row.excluded:
            assert row.excluded.startswith(("not on the wire: ", "declared only: ")), row.id


@pytest.mark.parametrize("role", SUITES)
def test_the_scenarios_that_checks_name_exist_and_none_is_idle(role):
    suite = SUITES[role]
    used = {name for check in suite.all_checks for name in check.scenarios}
    assert used == set(suite.all_scenarios)
    for scenario in suite.all_scenarios.values():
        assert scenario.doc, scenario.name


@pytest.mark.parametrize("role", SUITES)
def test_checks_are_written_as_agreed(role):
    """A docstring, a message on every assert, no rewriting, no import beyond the public face."""
    for name in SUITES[role].checks:
        module = importlib.import_module(name)
        assert "PYTEST_DONT_REWRITE" in (module.__doc__ or ""), name
        tree = ast.parse(Path(module.__file__).read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert):
                assert node.msg is not None, f"{name}:{node.lineno} an assert without a message"
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stgcmt"):
                assert not (node.module or "").startswith(("stgcmt.actors", "stgcmt.play", "stgcmt.stage")), (
                    f"{name}:{node.lineno}"
                )
    for check in SUITES[role].all_checks:
        assert check.function.__doc__, check.name


@pytest.mark.parametrize("role", SUITES)
def test_every_row_that_can_fail_or_warn_is_violated_by_a_fault(role):
    """`stgcmt selftest` plays them all; here only that the tables agree."""
    suite = SUITES[role]
    known = {row.id for row in suite.catalogue}
    names = [fault.name for fault in suite.all_faults]
    assert len(names) == len(set(names))
    for fault in suite.all_faults:
        assert fault.violates, fault.name
        assert set(fault.violates) | set(fault.follows) <= known, fault.name
    killed = {ident for fault in suite.all_faults for ident in fault.violates}
    rows = [
        row
        for row in suite.catalogue
        if not row.excluded and not row.face  # what a face borrows is violated by the faults of its own suite
        and severity(row, VIOLATION) in (Verdict.FAIL, Verdict.WARN)
    ]
    alive = [row.id for row in rows if row.id not in killed and row.same_as not in killed]
    assert not alive, f"no fault violates {alive}"
