"""``judge --claims FILE``: a claim that nobody knows is refused like in a SUT file, and a known one decides."""

from __future__ import annotations

import pytest

from stgcmt.claims_file import read_claims
from stgcmt.cli import main
from stgcmt.errors import UsageError
from stgcmt.selftest_cases import Case
from stgcmt.suite import load_suites
from stgcmt.sut_errors import SutFileError
from virtual_bundle import play

SUITES = load_suites()


def written(tmp_path, text):
    path = tmp_path / "claims.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "[claims.scp]\nimplicit_only = true\n",
        "[scp]\nimplicit_only = true\n",
        'name = "x"\n[scp]\nport = 1\n[claims.scp]\nimplicit_only = true\n',
    ],
    ids=["claims", "bare", "a-sut-file"],
)
def test_claims_are_read_with_or_without_their_table(tmp_path, text):
    assert read_claims(written(tmp_path, text), SUITES) == {"scp": {"implicit_only": True}}


@pytest.mark.parametrize(
    ("text", "key", "line", "says"),
    [
        ("[claims.scp]\nimplicit_onyl = true\n", "claims.scp.implicit_onyl", 2, "did you mean implicit_only?"),
        ("[scp]\nimplicit_onyl = true\n", "claims.scp.implicit_onyl", 2, "did you mean implicit_only?"),
        ("[claims.scpp]\nimplicit_only = true\n", "claims.scpp", 1, "did you mean scp?"),
        ('[claims.scp]\nimplicit_only = "yes"\n', "claims.scp.implicit_only", 2, "true or false"),
        ("[claims.origin_server]\nalways_sync = true\n", "claims.origin_server.always_sync", 2, "always_synchronous"),
        ("claims = 3\n", "claims", 1, "a table"),
    ],
    ids=["key", "bare-key", "role", "type", "other-role", "no-table"],
)
def test_a_wrong_claim_is_refused_with_its_place_and_the_nearest_key(tmp_path, text, key, line, says):
    with pytest.raises(SutFileError) as caught:
        read_claims(written(tmp_path, text), SUITES)
    (problem,) = caught.value.problems
    assert (problem.key, problem.line) == (key, line)
    assert says in str(problem)
    assert "reading the claims" in caught.value.lines()[0]


def test_a_file_that_cannot_be_read_is_the_callers_matter(tmp_path):
    for text in (None, "[claims\n"):
        path = tmp_path / "none.toml" if text is None else written(tmp_path, text)
        with pytest.raises(UsageError, match="reading the claims"):
            read_claims(path, SUITES)


def test_the_command_ends_with_2(tmp_path, capsys, monkeypatch):
    bundle = play(Case("scp", rows=("DIMSE-J.3.2-02",)), tmp_path / "b")
    wrong = written(tmp_path, "[claims.scp]\nimplicit_onyl = true\n")
    monkeypatch.setattr("sys.argv", ["stgcmt", "judge", str(bundle), "--claims", str(wrong), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "did you mean implicit_only?" in capsys.readouterr().err
