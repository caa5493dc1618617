"""What is kept in memory is what would have been read back from the files, value for value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stgcmt.judge import Recording
from stgcmt.keeping import Kept
from stgcmt.reading import read_transcript
from stgcmt.selftest_cases import FAULT, Case, record
from stgcmt.suite import RUN, load_suites
from stgcmt.transcript import Recorder, Secret, Transcript

SUITES = load_suites()
PATHS = re.compile(rb"/[^ \"]*stgcmt-[^/ \"]*")


class _Clock:
    def monotonic_ns(self) -> int:
        return 5

    def wall_ns(self) -> int:
        return 7


class _Text(str):
    __slots__ = ()


def _both(tmp_path: Path) -> tuple[Recorder, Recorder, Kept]:
    kept = Kept()
    options: dict[str, Any] = {"role": "r", "scenario": "s", "info": {"a": (1, _Text("b")), 3: None}}
    return (
        Recorder(tmp_path / "s.jsonl", _Clock(), **options),
        kept.recorder(tmp_path / "never" / "s.jsonl", _Clock(), **options),
        kept,
    )


def _fill(recorder: Recorder, state: str | None) -> None:
    recorder._masker.learn(Secret(b"hush-hush", "bearer-token"))
    recorder.event("uid", uid=_Text("1.2.3"), what=("a", {"b": (None, 1.5, True)}), numbers={1: 2})
    tap = recorder.connection()
    tap.event("conn.open", protocol="http", local=["127.0.0.1", 1])
    tap.event("http.out", b"GET /?token=abc HTTP/1.1\r\nAuthorization: Bearer hush-")
    tap.event("http.out", b"hush\r\n\r\n")
    tap.event("http.in", b"HTTP/1.1 200 hush-hush\r\n\r\n")
    if state:
        recorder.close(state, "says hush-hush" if state == "crashed" else "")
        recorder.event("note", what="too late")


@pytest.mark.parametrize("state", ["complete", "crashed", None])
def test_a_kept_transcript_is_what_the_file_says(tmp_path: Path, state: str | None) -> None:
    written, held, kept = _both(tmp_path)
    for each in (written, held):
        _fill(each, state)
    found = kept.transcript(held.path)
    assert found is not None
    assert found == read_transcript(written.path)
    assert _kinds(found) == _kinds(read_transcript(written.path))
    assert b"hush-hush" not in repr(found.events).encode()
    assert written.closed is held.closed is bool(state)
    assert not held.path.parent.exists()
    assert kept.transcript(tmp_path / "other") is None


def _kinds(value: Any) -> Any:
    """The types of everything in the information of a transcript."""
    if isinstance(value, Transcript):
        return [_kinds(value.header.info), *(_kinds(each.info) for each in value.events)]
    if isinstance(value, dict):
        return {key: (type(key), _kinds(item)) for key, item in value.items()}
    return [type(value), *map(_kinds, value)] if isinstance(value, list) else type(value)


def _told(recording: Recording) -> dict[str, list[tuple[object, ...]]]:
    """Every event, without directories that are made anew for each play."""
    return {
        name: [
            (each.n, each.t, each.kind, PATHS.sub(b"", each.data), each.conn, each.step, PATHS.sub(b"", repr(each.info).encode()))
            for each in transcript.events
        ]
        for name, transcript in recording.named().items()
    }  # fmt: skip


@pytest.mark.parametrize(("role", "fault"), [("scp", "no-failure-reason")])
def test_two_plays_of_one_case_say_the_same_and_files_change_nothing(role: str, fault: str) -> None:
    case = Case(role, FAULT, fault, whole=True)
    written, held = record(SUITES[role], case, files=True), record(SUITES[role], case)
    assert list(written.scenarios) == list(held.scenarios)
    assert written.not_played == held.not_played
    assert _told(written) == _told(held)
    assert all(each.complete for each in held.scenarios.values())
    assert held.run.header.info.keys() == written.run.header.info.keys()
    assert (RUN, RUN) not in held.scenarios
