"""A large recording lies in its file: it is judged, scrubbed and reported as one that is held, and costs less than its size."""

from __future__ import annotations

import collections
import dataclasses
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from large_bundle import PATIENT, grow
from stgcmt import judge, on_disk, reading, recorded
from stgcmt.bundle import load
from stgcmt.commands import installed
from stgcmt.on_disk import ChangedError, Joined, Part
from stgcmt.reading import read_transcript
from stgcmt.recorded import Event, StoredEvent
from stgcmt.results import judged_results
from stgcmt.scrubbing.pseudonyms import Pseudonyms
from stgcmt.scrubbing.recording import scrub
from stgcmt.selftest_cases import Case
from stgcmt.views.dimse import dimse
from stgcmt.views.http import http
from virtual_bundle import play

STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")
LARGE = 40_000_000  # bytes of objects; in base64 a third more
CASES = {"origin_server": ("committed_and_retrieved", "http"), "scp": ("plain_commitment", "dimse")}


@pytest.fixture(scope="module", params=sorted(CASES))
def bundle(request, tmp_path_factory):
    """A bundle of one scenario: role, scenario, protocol, directory."""
    directory = play(Case(request.param), tmp_path_factory.mktemp("on_disk") / "bundle")
    scenario, protocol = CASES[request.param]
    for path in (directory / "transcripts" / request.param).glob("*.jsonl"):
        if path.stem != scenario:
            path.unlink()
    return request.param, scenario, protocol, directory


@pytest.fixture
def everything_lies(monkeypatch):
    """Every byte of every recording stays in its file."""
    monkeypatch.setattr(judge, "HELD", 0)
    monkeypatch.setattr(reading, "LEAST", 1)
    monkeypatch.setattr(on_disk, "LEAST", 1)


def lies(transcript):
    return sum(isinstance(event, StoredEvent) for event in transcript.events)


def test_what_lies_is_judged_as_what_is_held(bundle, request):
    role, scenario, _, directory = bundle
    held = load(directory)
    before = judged_results(held, installed(), judged="2026-01-01T00:00:00.000Z")[0]
    request.getfixturevalue("everything_lies")
    lying = load(directory)
    assert not lies(held.scenarios[role, scenario])
    assert lies(lying.scenarios[role, scenario]) > 10
    assert judged_results(lying, installed(), judged="2026-01-01T00:00:00.000Z")[0] == before
    assert any(row["verdict"] == "pass" for row in before["requirements"])


def test_what_lies_is_decoded_and_scrubbed_as_what_is_held(bundle, request, tmp_path):
    role, scenario, protocol, pristine = bundle
    directory = shutil.copytree(pristine, tmp_path / "bundle")
    path = grow(directory, f"{role}/{scenario}", 8_000_000, protocol=protocol)
    held = read_transcript(path, large=False)
    kept = scrub(dataclasses.replace(load(directory), scenarios={(role, scenario): held}), Pseudonyms(b"k"))
    request.getfixturevalue("everything_lies")
    lying = read_transcript(path, large=True)
    assert lies(lying) > 100
    assert lying.events == held.events
    for one, other in zip(dimse(held).messages(), dimse(lying).messages(), strict=True):
        assert (one.summary, one.events, one.data, one.size, one.faults) == (
            other.summary, other.events, other.data, other.size, other.faults,
        )  # fmt: skip
        assert one.data_set().elements == other.data_set().elements
    for one, other in zip(http(held).exchanges, http(lying).exchanges, strict=True):
        assert (one.summary, one.events, one.body) == (other.summary, other.events, other.body)
        if one.response is not None:
            assert one.response.decoded == other.response.decoded
    assert (
        sum(each.size for each in dimse(lying).messages()) + sum(len(e.body) for e in http(lying).exchanges) > 3_000_000
    )
    assert [fault.text for each in dimse(held).associations() for fault in each.faults] == [
        fault.text for each in dimse(lying).associations() for fault in each.faults
    ]
    gone = scrub(dataclasses.replace(load(directory), scenarios={(role, scenario): lying}), Pseudonyms(b"k"))
    assert gone.scenarios[role, scenario] == kept.scenarios[role, scenario]
    for part in PATIENT.encode().split(b"^"):
        assert not any(part in event.data for event in gone.scenarios[role, scenario].events)


def peak(*arguments: object, cwd: Path) -> tuple[int, int]:
    """The most memory (bytes) that a command took at once, and its exit code."""
    with (cwd / "said.txt").open("w") as said:
        child = subprocess.Popen([*STGCMT, *map(str, arguments)], cwd=cwd, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * 1024, child.returncode


def test_a_large_recording_costs_less_than_its_size(bundle, tmp_path):
    """What each command takes on a bundle of 40 MB more than on one without is less; what is held costs several times that."""
    role, scenario, protocol, directory = bundle
    many = shutil.copytree(directory, tmp_path / "many")
    grow(many, f"{role}/{scenario}", LARGE, protocol=protocol)
    assert peak("judge", directory, "--out", "few", cwd=tmp_path)[1] != 3
    usual, _ = peak("scrub", "few", "--out", "few_scrubbed", cwd=tmp_path)
    for command in (
        ("judge", "many", "--out", "judged"),
        ("scrub", "judged", "--out", "scrubbed"),
        ("verify", "scrubbed"),
        ("diff", "judged", "scrubbed"),
        ("statement", "judged"),
    ):
        taken, code = peak(*command, cwd=tmp_path)
        said = (tmp_path / "said.txt").read_text()
        assert code not in (2, 3) and "Traceback" not in said, said
        assert taken - usual < LARGE, f"{command[0]} took {taken:,} bytes, {usual:,} without"
    before, after = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("few", "judged"))
    assert [(row["id"], row["verdict"], row["vacuous"]) for row in before["requirements"]] == [
        (row["id"], row["verdict"], row["vacuous"]) for row in after["requirements"]
    ], "what was stored beside says nothing of the rest"
    for file in ("report.html", "results.json", "summary.md"):
        assert (tmp_path / "judged" / file).stat().st_size < 4_000_000
    copied = (tmp_path / "scrubbed" / "transcripts").rglob("*.jsonl")
    assert sum(path.stat().st_size for path in copied) > LARGE * 1.3, "the copy is whole"


def test_a_transcript_that_is_changed_meanwhile_is_refused(bundle, tmp_path, everything_lies):
    role, scenario, _, directory = bundle
    recording = load(directory)
    transcript = recording.scenarios[role, scenario]
    path = directory / "transcripts" / role / f"{scenario}.jsonl"
    raw = path.read_bytes()
    try:
        with path.open("r+b") as file:
            file.write(b"{")
        os.utime(path, ns=(1, 1))
        with pytest.raises(ChangedError, match=re.escape(str(path))) as caught:
            judged_results(recording, installed(), judged="2026-01-01T00:00:00.000Z")
        assert caught.value.exit_code == 2
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
        path.write_bytes(raw[:-2000])
        with pytest.raises(ChangedError):
            collections.deque((event.data for event in transcript.events), maxlen=0)
    finally:
        path.write_bytes(raw)
    assert load(directory).scenarios[role, scenario] == read_transcript(path, large=False)


def test_a_bundle_that_is_replaced_is_read_as_it_was_opened(tmp_path):
    path = tmp_path / "x.jsonl"
    header = {"schema": 1, "role": "scp", "scenario": "x", "wall_ns": 0, "monotonic_ns": 0, "info": {}}
    events = [{"n": n, "t": n, "kind": "dimse.in", "conn": 1, "data": "QUJD" * 400} for n in (1, 2)]
    path.write_text("".join(json.dumps(each) + "\n" for each in (header, *events)))
    transcript = read_transcript(path, large=True)
    other = tmp_path / "y"
    other.write_text("{}")
    other.replace(path)
    assert [event.data for event in transcript.events] == [b"ABC" * 400] * 2
    assert lies(transcript) == 2


@pytest.mark.parametrize(
    "line",
    [
        '{"data": "%s", "n": 1, "t": 1, "kind": "http.in"}',  # another order
        '{"n": 1, "t": 1, "kind": "http.in", "data": "%s" }',
        '{"n": 1, "t": 1, "kind": "http.in", "data": "%s", "info": {"data": "%s"}}',
    ],
    ids=["first", "blank", "twice"],
)
def test_lines_of_another_tool_are_read(tmp_path, line):
    path = tmp_path / "x.jsonl"
    header = {"schema": 1, "role": "scp", "scenario": "x", "wall_ns": 0, "monotonic_ns": 0, "info": {}}
    path.write_text(json.dumps(header) + "\n" + line.replace("%s", "QUJD" * 400) + "\n")
    assert [event.data for event in read_transcript(path, large=True).events] == [b"ABC" * 400]


def test_an_event_that_lies_is_a_value_like_others(tmp_path, everything_lies):
    path = tmp_path / "x.jsonl"
    held = Event(1, 5, "http.in", b"abc" * 500, 1, "step", {"a": 1})
    reading.write_transcript(recorded.Transcript(recorded.Header("x", "scp", 0, 0), (held,)), path)
    (lying,) = read_transcript(path, large=True).events
    assert isinstance(lying, StoredEvent)
    assert lying == held and held == lying and lying.size == held.size == 1500
    moved = lying.but(t=9)
    assert isinstance(moved, StoredEvent) and moved == held.but(t=9) and moved != lying
    assert lying.but(data=b"x") == held.but(data=b"x") == dataclasses.replace(lying, data=b"x")
    assert pickle.loads(pickle.dumps(lying)) == held
    assert lying.to_json() == held.to_json()


def test_joined_bytes_are_the_bytes():
    """Slices, searches and lines over pieces of every length, against plain bytes."""
    text = b"".join(b"%d,%s\r\n" % (n, b"x" * (n % 37)) for n in range(12_000)) + b"y" * 200_000 + b"\r\n\r\nend"
    pieces = [text[at : at + 4099] for at in range(0, len(text), 4099)]
    data = Joined([Event(n, 0, "http.in", piece) for n, piece in enumerate(pieces)])
    assert len(data) == len(text)
    for start, stop in ((0, 5), (4098, 4101), (0, len(text)), (8198, 12_297), (len(text) - 3, len(text) + 9), (9, 9)):
        assert data[start:stop] == text[start:stop]
    assert data[4099] == text[4099]
    for wanted in (b"\r\n\r\n", b"100,", b"missing"):
        assert data.find(wanted, 0) == text.find(wanted)
    pattern = re.compile(rb"\r?\n\r?\n")
    assert data.search(pattern, 7).end() == pattern.search(text, 7).end()
    found = list(data.lines())
    assert b"".join(found) == text
    assert all(each.endswith(b"\n") for each in found[:-1])
    part = Part(data, [(3, 9), (5000, 5010)])
    assert part.size == 16 and part.read() == part.fresh() == text[3:9] + text[5000:5010]
