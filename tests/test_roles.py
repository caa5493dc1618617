"""Which references play where nobody names one: those that answer; the others when they are named, in either face."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from stgcmt.commands import installed, roles_of, servers
from stgcmt.commands.run import make_plan, others
from stgcmt.errors import UsageError

EVERY = {"origin_server", "scp", "user_agent", "scu", "proxy_to_dimse", "proxy_to_web"}


def test_without_a_name_the_servers_play():
    plan = make_plan(None)
    assert plan.roles == ("origin_server", "scp")
    assert "--role scu" in others(plan)
    assert "--role scp" not in others(plan)


@pytest.mark.parametrize(
    ("named", "played"),
    [
        (("scu",), {"scu"}),
        (("user-agent", "scu"), {"user_agent", "scu"}),
        (("all",), EVERY),
        (("all", "scp"), EVERY),
    ],
    ids=["one", "two", "all", "all and one"],
)
def test_named_roles_play_and_no_other(named, played):
    plan = make_plan(None, role=named)
    assert set(plan.roles) == played
    assert len(plan.roles) == len(played)


def test_everything_leaves_nothing_to_offer():
    assert others(make_plan(None, role=("all",))) == ""


def test_all_means_the_roles_of_the_sut_file():
    assert roles_of(("all",), installed(), ("scp",)) == ("scp",)


def test_an_unknown_role_is_told_with_those_there_are():
    with pytest.raises(UsageError, match="all, or one of"):
        roles_of(("archive",), installed(), ("scp",))


def test_a_row_of_an_unnamed_role_is_told_with_its_role():
    row = next(row.id for row in installed()["scu"].catalogue if not row.excluded)
    with pytest.raises(UsageError, match="--role"):
        make_plan(None, req=(row,))


def test_where_all_references_ask_they_all_play():
    suites = installed()
    assert servers(suites, ("scu", "user_agent")) == ("scu", "user_agent")


@pytest.mark.parametrize(
    ("words", "files"),
    [
        ((), {"origin_server", "scp"}),
        (("-m", "shall"), {"origin_server", "scp"}),
        (("-m", "scu"), {"scu"}),
        (("-k", "test_user_agent_13_4"), {"user_agent"}),
    ],
    ids=["nothing", "a level", "a role", "a name"],
)
def test_pytest_collects_what_plays(words, files, tmp_path):
    command = [sys.executable, "-m", "pytest", "--sut", "builtin", "--collect-only", "-p", "no:cacheprovider", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)
    modules = re.findall(r"<Module .*?(test_\w+)\.py>", done.stdout)
    found = {role for role in EVERY for name in modules if name.startswith(f"test_{role}_")}
    assert modules, done.stdout[-2000:] + done.stderr
    assert found == files
