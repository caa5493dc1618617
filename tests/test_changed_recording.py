"""A recording that is not as its manifest says is judged, and every output says so: no second judgement makes it whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from small_bundle import small
from stgcmt.commands.judge import command as judge
from stgcmt.commands.matrix import command as matrix
from stgcmt.commands.scrub import command as scrub
from stgcmt.errors import UsageError
from stgcmt.stored import load_results
from stgcmt_reports.manifest import changed_recording

FILE = "transcripts/scp/missing_class_uid.jsonl"
SAID = f"the recording differs from its manifest: {FILE} was changed"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pristine") / "bundle"
    directory.mkdir()
    small(directory)
    run = directory / "transcripts" / "run.jsonl"
    head, *rest = run.read_text("utf-8").splitlines()
    header = json.loads(head)
    header["info"]["sut_head"] = {"name": "Archive", "vendor": "", "version": "1", "roles": ["scp"]}
    run.write_text("\n".join([json.dumps(header), *rest]) + "\n", "utf-8")
    for name in ("results.json", "manifest.json"):
        (directory / name).unlink()
    done = CliRunner().invoke(judge, [str(directory)])  # as a run that was killed: judged, and closed
    assert "failed:" not in done.stderr, done.stderr
    return directory


@pytest.fixture
def bundle(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "bundle"))


def spoil(bundle):
    """One answer of the SUT leaves the recording; the lines that are left can be read."""
    path = bundle / FILE
    lines = path.read_text("utf-8").splitlines()
    value = json.loads(lines[1])
    value["t"] += 1
    path.write_text("\n".join([lines[0], json.dumps(value), *lines[2:]]) + "\n", "utf-8")


def written(command, bundle, out):
    done = CliRunner().invoke(command, [str(bundle), "--out", str(out)])
    assert (out / "results.json").is_file(), (done.output, done.exception)
    return done


@pytest.mark.parametrize("command", [judge, scrub], ids=["judge", "scrub"])
def test_it_is_said_everywhere(bundle, tmp_path, command):
    spoil(bundle)
    done = written(command, bundle, tmp_path / "out")
    assert SAID in done.stderr
    assert load_results(tmp_path / "out")["recording_differs"] == [f"{FILE} was changed"]
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert f"lowered: the recording differs from its manifest ({FILE} was changed)" in page
    for name in ("summary.md", "junit.xml"):
        assert FILE.rpartition("/")[2].partition(".")[0].replace("_", "") in (
            (tmp_path / "out" / name).read_text("utf-8").replace("\\", "").replace("_", "")
        ), name
    assert "recording_differs" in (tmp_path / "out" / "junit.xml").read_text("utf-8")


@pytest.mark.parametrize("command", [judge, scrub], ids=["judge", "scrub"])
def test_of_a_whole_one_nothing_is_said(bundle, tmp_path, command):
    done = written(command, bundle, tmp_path / "out")
    assert "differs" not in done.stderr
    assert "recording_differs" not in load_results(tmp_path / "out")
    assert "differs from its manifest" not in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_judging_twice_makes_no_recording_whole(bundle, tmp_path):
    spoil(bundle)
    written(judge, bundle, tmp_path / "once")
    assert changed_recording(tmp_path / "once") == []
    done = written(judge, tmp_path / "once", tmp_path / "twice")
    assert SAID in done.stderr
    assert load_results(tmp_path / "twice")["recording_differs"] == [f"{FILE} was changed"]


def test_without_out_it_is_said_too(bundle):
    spoil(bundle)
    done = CliRunner().invoke(judge, [str(bundle), "--json"])
    assert SAID in done.stderr
    assert json.loads(done.stdout)["recording_differs"] == [f"{FILE} was changed"]


def test_what_may_differ(bundle):
    assert changed_recording(bundle) == []
    (bundle / "report.html").write_text("another", "utf-8")
    assert changed_recording(bundle) == [], "what is derived is made anew anyway"
    more = bundle / "transcripts" / "scp" / "more.jsonl"
    more.write_text("", "utf-8")
    assert changed_recording(bundle) == ["transcripts/scp/more.jsonl is not in the manifest"]
    more.unlink()
    (bundle / FILE).unlink()
    assert changed_recording(bundle) == [f"{FILE} is missing"]
    text = (bundle / "manifest.json").read_text("utf-8")
    (bundle / "manifest.json").write_text(text.replace('"profile": "default"', '"profile": "strict"'), "utf-8")
    assert changed_recording(bundle)[0] == "manifest.json itself was changed after it was written"
    (bundle / "manifest.json").write_text("{", "utf-8")
    assert "cannot be read" in changed_recording(bundle)[0]
    (bundle / "manifest.json").unlink()
    assert changed_recording(bundle) == ["manifest.json is missing"]
    (bundle / "results.json").unlink()
    assert changed_recording(bundle) == [], "a run that was killed has neither"


def test_a_bundle_that_was_never_judged_is_not_left_out_of_the_matrix(bundle, tmp_path):
    other = Path(shutil.copytree(bundle, tmp_path / "all" / "other"))
    shutil.copytree(bundle, tmp_path / "all" / "one")
    words = [str(tmp_path / "all"), "--out", str(tmp_path / "matrix.html")]
    assert "2 implementations" in CliRunner().invoke(matrix, words).output
    (other / "results.json").unlink()
    done = CliRunner().invoke(matrix, words)
    assert isinstance(done.exception, UsageError), done.output
    assert "was never judged" in str(done.exception)
