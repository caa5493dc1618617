"""Recorder and reader: what was written comes back; what was cut, damaged or is of another version is told."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stgcmt.clock import SystemClock
from stgcmt.transcript import HeldTap, Masker, Recorder, Secret, TranscriptError, parse_transcript, read_transcript


def recorder(tmp_path, **more):
    return Recorder(tmp_path / "a" / "b.jsonl", SystemClock(), role="scp", scenario="b", **more)


def test_round_trip(tmp_path):
    written = recorder(tmp_path, info={"mode": "x"})
    tap = written.connection()
    tap.event("conn.open", protocol="http")
    tap.event("http.out", b"\x00\xff", t=written.header.monotonic_ns + 5)
    written.event("note", text="é")
    written.close("complete")
    read = read_transcript(written.path)
    assert [(e.n, e.kind, e.data, e.conn) for e in read.events] == [
        (1, "conn.open", b"", 1),
        (2, "http.out", b"\x00\xff", 1),
        (3, "note", b"", None),
    ]
    assert read.events[1].t == 5
    assert read.complete and not read.cut
    assert read.header.info == {"mode": "x"}
    assert len(repr(read)) < 80
    assert written.event("late") == 0, "nothing is written behind the footer"


def test_a_killed_process_leaves_a_readable_transcript(tmp_path):
    code = (
        "import os,sys,pathlib;from stgcmt.clock import SystemClock;from stgcmt.transcript import Recorder;"
        "r=Recorder(pathlib.Path(sys.argv[1]),SystemClock(),role='scp',scenario='x');"
        "[r.event('note',i=i) for i in range(100)];os.kill(os.getpid(),9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.jsonl")], check=False)
    read = read_transcript(tmp_path / "x.jsonl")
    assert len(read.events) == 100
    assert not read.complete
    assert "no footer" in read.cut


def test_a_cut_last_line_is_dropped_and_a_lost_event_is_told(tmp_path):
    written = recorder(tmp_path)
    for n in range(3):
        written.event("note", n=n)
    written.close("complete")
    raw = written.path.read_bytes()
    assert len(parse_transcript(raw[:-5]).events) == 3
    lines = raw.splitlines(keepends=True)
    lost = parse_transcript(b"".join(lines[:2] + lines[3:]))
    assert not lost.complete
    assert "2 of 3 events" in lost.cut


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty"),
        (b"garbage\n", "line 1 is no JSON"),
        (b"[]\n", "no JSON object"),
        (b'{"schema": 99}\n', "schema 99"),
        (b'{"schema": 1}\n', "header"),
        (b'{"schema": 1', "ends in its first line"),
        (b'{"schema":1,"role":"r","scenario":"s","wall_ns":"x","monotonic_ns":0}\n', "line 1 is no header"),
        (b'{"schema":1,"role":"r","scenario":"s","wall_ns":0,"monotonic_ns":0,"info":[1]}\n', "line 1 is no header"),
    ],
)
def test_damage_is_told(raw, says):
    with pytest.raises(TranscriptError) as caught:
        parse_transcript(raw, "x.jsonl")
    assert says in str(caught.value)
    assert "x.jsonl" in str(caught.value)


def test_a_damaged_event_is_told(tmp_path):
    written = recorder(tmp_path)
    written.event("note")
    written.close("complete")
    lines = written.path.read_bytes().splitlines(keepends=True)
    for wrong in (
        b'{"n": 1}\n',
        b'{"n":1,"t":0,"kind":"x","data":"***"}\n',
        b'{"n":1,"t":0,"kind":"x","info":"x"}\n',
        b'{"n":1,"t":0,"kind":"x","conn":[]}\n',
        b'{"n":1,"t":0,"kind":"x","step":{}}\n',
        b'{"footer":true,"state":"complete","events":"x"}\n',
        b'{"footer":true,"state":"complete","events":null}\n',
        b'{"footer":5}\n',
    ):
        with pytest.raises(TranscriptError, match="line 2"):
            parse_transcript(lines[0] + wrong + lines[2])


def test_secrets_never_reach_the_file(tmp_path):
    written = recorder(tmp_path, masker=Masker([Secret(b'pa"ss', "bearer-token")]), info={"token": 'pa"ss'})
    written.event("http.out", b'Authorization: Bearer pa"ss\r\n', conn=1, text='x pa"ss y')
    written.close("crashed", 'pa"ss leaked')
    raw = written.path.read_text()
    assert 'pa"ss' not in raw and 'pa\\"ss' not in raw
    event = read_transcript(written.path).events[0]
    assert event.data == b"Authorization: Bearer *****\r\n", "byte for byte, the length stays"
    assert event.info["masked"] == [[22, 5, "bearer-token"]]


def test_a_held_connection_is_written_to_its_owner_with_its_true_times(tmp_path):
    written = recorder(tmp_path)
    held = HeldTap(written.clock)
    held.event("conn.open", protocol="dimse")
    early = written.clock.monotonic_ns()
    written.event("note")
    held.attribute(written)
    held.attribute(written)
    held.event("dimse.in", b"x")
    written.close("complete")
    events = read_transcript(written.path).events
    assert [e.kind for e in events] == ["note", "conn.open", "dimse.in"]
    assert events[1].t + written.header.monotonic_ns <= early


def test_every_line_fits_the_published_schema(tmp_path):
    from jsonschema import Draft202012Validator

    from stgcmt.data import schema

    written = recorder(tmp_path)
    written.event("http.in", b"x", conn=1, step="s", a=1)
    written.close("timeout", "r")
    validator = Draft202012Validator(schema("transcript"))
    for line in written.path.read_text().splitlines():
        validator.validate(json.loads(line))
    assert list(validator.iter_errors({"n": 0, "t": 0, "kind": "x"}))
