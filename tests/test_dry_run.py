"""What a run says before it sends anything."""

from __future__ import annotations

import json

import pytest

from stgcmt.commands.dry_run import _longest, entries, not_tested, price, show
from stgcmt.commands.run import make_plan
from stgcmt.errors import UsageError

SUT = """
name = "x"
roles = ["scp"]
[scp]
host = "127.0.0.1"
port = 104
ae_title = "A"
[[scp.destinations]]
ae_title = "B"
host = "127.0.0.1"
port = 11113
[seeding]
how = "{seeding}"
"""


@pytest.fixture
def plan(tmp_path):
    def made(seeding, **selection):
        file = tmp_path / "sut.toml"
        file.write_text(SUT.format(seeding=seeding))
        return make_plan(file, **selection)

    return made


def test_every_row_that_stays_not_tested_is_told_with_its_reason(plan):
    told = not_tested(plan("none"))
    assert any("[seeding]" in reason and 0 < len(ids) < 10 for reason, ids in told.items()), told
    assert any("denied_ae_title in [scp]" in reason for reason in told), "what the SUT file could name is told"
    assert told["excluded"]
    assert "deselected" not in told
    told = not_tested(plan("c-store", req=("DIMSE-J.3.2-02",)))
    assert len(told["deselected"]) > 10
    assert not any("[seeding]" in reason for reason in told)


def test_leases_have_a_price(plan):
    chosen = plan("c-store")
    cost = price(chosen, entries(chosen))
    assert (cost["destinations"], cost["at_a_time"]) == (1, 1)
    assert cost["at_most_s"] > cost["with_four_destinations_s"] > 0
    assert _longest([5, 4, 3], 1) == 12
    assert _longest([5, 4, 3], 2) == 7


def test_the_account_is_text_or_json(plan, capsys):
    show(plan("none"), as_json=False)
    said = capsys.readouterr().out
    assert "nothing was sent" in said
    assert "1 exchanges" not in said
    assert "1 checks" not in said
    show(plan("none"), as_json=True)
    assert {"sut", "driver", "roles", "scenarios", "not_tested", "leases"} == set(json.loads(capsys.readouterr().out))


def test_a_row_of_another_role_is_named_with_its_role(plan):
    with pytest.raises(UsageError) as caught:
        plan("c-store", req=("WEB-13.4.3-07",))
    whose = "WEB-13.4.3-07 is a row of role origin_server and proxy_to_dimse"
    assert caught.value.next_step == f"{whose}; add --role origin-server"
    with pytest.raises(UsageError) as caught:
        plan("c-store", req=("DIMSE-J.3.2-2",))
    assert caught.value.next_step == "did you mean DIMSE-J.3.2-02?"


def test_a_run_sits_no_longer_before_a_report_than_report_wait(tmp_path):
    file = tmp_path / "sut.toml"
    file.write_text(SUT.format(seeding="none") + "[timing]\nmax_report_delay = 259200\nreport_wait = 60\n")
    waits = [each["waits"].get("max_report_delay") for each in entries(make_plan(file))]
    assert {each for each in waits if each is not None} == {60}
