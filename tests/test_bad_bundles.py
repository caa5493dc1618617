"""Foreign, damaged and incomplete bundles: every command says what is wrong, writes nothing half, and never shows its insides."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from small_bundle import small
from stgcmt.cli import table
from stgcmt.errors import StgcmtError

COMMANDS = {
    "judge": ["judge", "{}"],
    "judge-out": ["judge", "{}", "--out", "out"],
    "diff": ["diff", "{}", "{}"],
    "matrix": ["matrix", "{}", "--out", "out.html"],
    "badge": ["badge", "{}", "--out", "out.svg"],
    "allure": ["allure", "{}", "--out", "out"],
    "scrub": ["scrub", "{}", "--out", "out"],
    "verify": ["verify", "{}"],
    "statement": ["statement", "{}"],
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pristine") / "bundle"
    directory.mkdir()
    small(directory)
    return directory


def called(name, bundle, cwd):
    """The command's exit code and what it said; anything but an error of ours, or an exit, is raised."""
    arguments = [
        each.replace("{}", str(bundle)).replace("out", str(cwd / "out"), 1) if each.startswith(("out", "{")) else each
        for each in COMMANDS[name]
    ]
    done = CliRunner().invoke(table, arguments)
    if isinstance(done.exception, StgcmtError):
        assert done.exception.expected
        assert done.exception.seen
        assert not list(cwd.glob("out*")), "nothing half-written"
        assert not list(cwd.glob(".stgcmt*"))
        return done.exception.exit_code, str(done.exception)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def nothing(bundle):
    shutil.rmtree(bundle)


def empty(bundle):
    shutil.rmtree(bundle)
    bundle.mkdir()


def another_tool(bundle):
    shutil.rmtree(bundle / "transcripts")
    (bundle / "results.json").write_text('{"tests": []}')


def later_version(bundle):
    run = bundle / "transcripts" / "run.jsonl"
    run.write_text(run.read_text().replace('"schema":1', '"schema":7', 1))
    value = json.loads((bundle / "results.json").read_text())
    (bundle / "results.json").write_text(json.dumps(value | {"schema_version": 7}))


def half_a_results_file(bundle):
    text = (bundle / "results.json").read_text()
    (bundle / "results.json").write_text(text[: len(text) // 2])
    (bundle / "transcripts" / "run.jsonl").write_text("")


def no_roles(bundle):
    run = bundle / "transcripts" / "run.jsonl"
    head, *rest = run.read_text().splitlines(keepends=True)
    value = json.loads(head)
    del value["info"]["roles"]
    run.write_text("".join([json.dumps(value) + "\n", *rest]))


SAID = {
    nothing: {name: 2 for name in COMMANDS},
    empty: {name: 2 for name in COMMANDS},
    another_tool: {name: 2 for name in COMMANDS} | {"verify": 1},
    later_version: {name: 2 for name in COMMANDS} | {"verify": 1},
    half_a_results_file: {name: 2 for name in COMMANDS} | {"verify": 1},
    # without roles no requirement is judged, and nothing could fail; diff, matrix and badge read the stored results
    no_roles: {name: 2 for name in COMMANDS} | {"verify": 1, "diff": 0, "matrix": 0, "badge": 0},
}


@pytest.mark.parametrize("spoil", SAID, ids=lambda spoil: spoil.__name__.replace("_", "-"))
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_what_is_no_bundle(pristine, tmp_path, spoil, name):
    bundle = Path(shutil.copytree(pristine, tmp_path / "bundle"))
    spoil(bundle)
    code, said = called(name, bundle, tmp_path)
    assert code == SAID[spoil][name], said


@pytest.mark.parametrize("name", ["judge", "scrub", "allure"])
def test_a_new_directory_is_never_made_inside_the_bundle_that_is_read(pristine, tmp_path, name):
    bundle = Path(shutil.copytree(pristine, tmp_path / "bundle"))
    done = CliRunner().invoke(table, [name, str(bundle), "--out", str(bundle / "transcripts" / "new")])
    assert isinstance(done.exception, StgcmtError) and "inside" in done.exception.seen
    assert called("verify", bundle, tmp_path)[0] == 0, "the bundle is as it was"


@pytest.mark.parametrize("name", COMMANDS)
def test_missing_transcripts_are_no_crash(pristine, tmp_path, name):
    """The results say more than the transcripts hold: readers go on, the judge says not-tested."""
    bundle = Path(shutil.copytree(pristine, tmp_path / "bundle"))
    shutil.rmtree(bundle / "transcripts" / "scp")
    code, said = called(name, bundle, tmp_path)
    assert code in (0, 1, 3, 4), said
    if name == "verify":
        assert "transcripts/scp/missing_class_uid.jsonl is missing" in said


def test_bytes_changed_anywhere_never_show_our_insides(pristine, tmp_path):
    """Whatever stands in the files: an exit code, and words."""
    chance = random.Random(5)
    files = sorted(path.relative_to(pristine) for path in pristine.rglob("*.json*") if path.is_file())
    for turn in range(60):
        bundle = Path(shutil.copytree(pristine, tmp_path / "bundle"))
        path = bundle / chance.choice(files)
        data = bytearray(path.read_bytes())
        at = chance.randrange(len(data))
        how = turn % 4
        if how == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            del data[at:]
        elif how == 2:
            data[at:at] = chance.randbytes(20)
        else:
            del data[at : at + chance.randrange(1, 200)]
        path.write_bytes(data)
        name = chance.choice(["diff", "matrix", "badge", "allure", "verify", "judge", "statement"])
        code, said = called(name, bundle, tmp_path)
        assert code in (0, 1, 2, 3, 4, 5), said
        if name == "verify":
            assert code == 1
        shutil.rmtree(bundle)
        for left in tmp_path.glob("out*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


def test_versions_of_several_tools_stand_side_by_side(pristine, tmp_path):
    bundle = Path(shutil.copytree(pristine, tmp_path / "bundle"))
    value = json.loads((bundle / "results.json").read_text())
    value["tool"]["version"] = "0.0.9"
    (bundle / "results.json").write_text(json.dumps(value))
    done = CliRunner().invoke(table, ["diff", str(pristine), str(bundle)])
    assert done.exit_code == 0
    assert "tool: stgcmt 0.1.0 -> stgcmt 0.0.9" in done.output


@pytest.mark.parametrize("name", ["matrix", "badge", "allure", "judge-out", "scrub"])
def test_a_target_that_cannot_be_written(pristine, tmp_path, name):
    (tmp_path / "out").write_text("a file is in the way")
    (tmp_path / "out.html").mkdir()
    (tmp_path / "out.svg").mkdir()
    done = CliRunner().invoke(
        table,
        [
            each.replace("{}", str(pristine)).replace("out", str(tmp_path / "out"), 1)
            if each.startswith(("out", "{"))
            else each
            for each in COMMANDS[name]
        ],
    )
    assert isinstance(done.exception, StgcmtError), done.output
    assert done.exception.exit_code == 2
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out", "out.html", "out.svg"]
    assert (tmp_path / "out").read_text() == "a file is in the way"


def test_a_full_disk_is_said_and_leaves_nothing(pristine, tmp_path):
    """A limit on the size of files stands for the full disk: the system refuses the write in the middle."""
    script = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); from stgcmt.cli import main; main()"
    )
    for arguments in (["matrix", pristine, "--out", "m.html"], ["allure", pristine, "--out", "results"]):
        done = subprocess.run(
            [sys.executable, "-B", "-c", script, *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        assert done.returncode == 2, done.stdout + done.stderr
        assert "with room" in done.stderr
        assert "Traceback" not in done.stderr
        assert list(tmp_path.iterdir()) == []


def test_a_large_transcript_is_read_line_by_line(tmp_path):
    """A transcript of 200 MB costs next to nothing until its bytes are looked at, and nothing to be hashed."""
    import base64

    size, number = 64_000, 2_350
    payload = base64.b64encode(bytes(size)).decode()
    path = tmp_path / "big.jsonl"
    with path.open("w") as file:
        file.write('{"schema":1,"role":"scp","scenario":"x","wall_ns":0,"monotonic_ns":0,"info":{}}\n')
        for n in range(1, number + 1):
            file.write(json.dumps({"n": n, "t": n, "kind": "dimse.in", "conn": 1, "data": payload}) + "\n")
        file.write(json.dumps({"footer": True, "state": "complete", "events": number}) + "\n")
    script = (
        "import resource, sys; from stgcmt.reading import read_transcript; from pathlib import Path; import orjson\n"
        "def peak():\n    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak(); t = read_transcript(Path(sys.argv[1])); assert t.complete; print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000_000
    assert path.stat().st_size > 200_000_000
    script = (
        "import resource, sys; from pathlib import Path; from stgcmt_reports.manifest import _files\n"
        "def peak():\n    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak(); list(_files(Path(sys.argv[1]).parent)); print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000_000, "verify reads piece by piece"
