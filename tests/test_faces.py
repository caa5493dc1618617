"""Faces: what a proxy's suite borrows, under which names, and what is left out with a reason."""

from __future__ import annotations

import dataclasses

from stgcmt.faces import BACK, FRONT, Face
from stgcmt.plan import unplayable
from stgcmt.suite import Suite, load_suites

LEFT = "WEB-13.4.2-03"


def suite_with(**changes):
    """A suite without rows of its own on both faces of two large suites."""
    faces = (
        Face(FRONT, "stgcmt_suites.origin_server:suite", {LEFT: "not on this face"}),
        Face(BACK, "stgcmt_suites.scp:suite"),
    )
    found = Suite("between", "stgcmt_suites", (), (), requirements=(), faces=faces)
    return dataclasses.replace(found, **changes)


def test_rows_checks_and_scenarios_are_borrowed_under_names_of_their_side():
    suite, front = suite_with(), load_suites()["origin_server"]
    rows = {row.id: row for row in suite.catalogue}
    assert {row.role for row in suite.catalogue} == {"between"}
    assert {row.face for row in suite.catalogue} == {FRONT, BACK}
    for row in front.catalogue:
        assert rows[row.id].excluded == (row.excluded or ("not on this face" if row.id == LEFT else None))
        here = [check.name for check in suite.checks_for(row.id)]
        assert here == ([] if row.id == LEFT else [f"{check.name}_front" for check in front.checks_for(row.id)])
    used = {name for check in suite.all_checks for name in check.scenarios}
    assert used == set(suite.all_scenarios)
    assert {each.face for each in suite.all_scenarios.values()} == {FRONT, BACK}
    assert all(name == each.name and name.startswith(f"{each.face}_") for name, each in suite.all_scenarios.items())


def test_what_the_backdrop_provides_is_not_asked_of_the_sut(tmp_path):
    from stgcmt.sut import load

    path = tmp_path / "sut.toml"
    path.write_text('name = "x"\n[origin_server]\nbase_url = "http://127.0.0.1:1/"\n')
    sut = load(path, suites=load_suites())
    scenario = next(each for each in suite_with().all_scenarios.values() if "seeding" in each.needs)
    bare = suite_with(role="origin_server")
    assert "seeding" in unplayable(scenario, bare, sut)
    assert unplayable(scenario, dataclasses.replace(bare, provides=scenario.needs), sut) == ""
