"""What the site is made of: an example of a finding for each requirement that a fault breaks, links that lead somewhere, nothing fetched."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from stgcmt.suite import load_suites

ROOT = Path(__file__).parents[1]
OURS = sorted(path.stem for path in (ROOT / "docs" / "requirements").glob("*.md"))


def script(name: str):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def findings() -> dict[str, dict[str, dict]]:
    return json.loads((ROOT / "docs" / "findings.json").read_text("utf-8"))


@pytest.mark.parametrize("role", OURS)
def test_each_requirement_with_a_fault_has_an_example_of_it(findings, role) -> None:
    suite = load_suites()[role]
    wanted = {ident for fault in suite.all_faults for ident in fault.violates}
    declared = {(fault.name, ident) for fault in suite.all_faults for ident in fault.violates}
    shown = findings.get(role, {})
    assert shown.keys() == wanted, f"write it again: python docs/make_findings.py {role}"
    assert [ident for ident, each in shown.items() if (each["fault"], ident) not in declared] == []
    assert [ident for ident, each in shown.items() if not (each["seen"] or each["message"])] == []


def test_an_example_is_what_its_fault_brings_out_today(findings) -> None:
    made = script("make_findings")
    suite = load_suites()["scp"]
    fault = made.chosen(suite)["DIMSE-J.2-01"]
    (again,) = [each for ident, each in made.examples(suite, fault).items() if ident == "DIMSE-J.2-01"]
    assert again == findings["scp"]["DIMSE-J.2-01"]


def test_links_of_the_top_pages_lead_somewhere() -> None:
    assert list(script("check_site").top_problems()) == []


def test_a_page_that_fetches_or_leads_nowhere_is_found(tmp_path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="x">a</h1><a href="b.html#y">ok</a><a href="b.html#z">bad</a><a href="c.html">bad</a><a href="https://e.example/">out</a>'
        '<link rel="canonical" href="https://e.example/"><link rel="stylesheet" href="https://cdn.example/s.css"><img src="//cdn.example/i.png">'
    )
    (tmp_path / "b.html").write_text('<p id="y">b</p><a href="a.html#x">ok</a><a href="#y">ok</a>')
    assert sorted(script("check_site").site_problems(tmp_path)) == [
        "a.html: b.html#z has no such anchor",
        "a.html: c.html leads nowhere",
        "a.html: loads //cdn.example/i.png from the network",
        "a.html: loads https://cdn.example/s.css from the network",
    ]


def test_every_page_of_the_navigation_is_there() -> None:
    import re

    named = re.findall(r"(?:: |- )([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "docs" / name).is_file()] == []
    assert [role for role in OURS if f"requirements/{role}.md" not in named] == []
