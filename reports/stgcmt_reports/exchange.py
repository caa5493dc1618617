"""An exchange as plain text: the steps of a transcript in order, those that a finding cites marked and decoded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stgcmt.transcript import Transcript
from stgcmt_reports.sequence import HERE, IN, OUT, Step, steps

STEPS = 300  # of one transcript; those that are cited are always shown
LINES = 60  # decoded lines of one step
_ARROWS = {OUT: "-->", IN: "<--", HERE: "   "}


def exchange(transcript: Transcript, cited: Collection[int] = ()) -> str:
    """The transcript as text; ``-->`` goes to the SUT, ``<--`` comes from it, ``>`` in front marks what is cited."""
    return "\n".join(_lines(transcript, frozenset(cited))) + "\n"


def cited_by(row: Mapping[str, Any]) -> dict[str, set[int]]:
    """The transcripts that a row cites, and which of their events."""
    found: dict[str, set[int]] = {}
    for each in row["evidence"]:
        found.setdefault(each["transcript"], set()).update({each["event"]} - {None})
    return found


def _lines(transcript: Transcript, cited: frozenset[int]) -> Iterator[str]:
    yield f"{transcript.header.role}/{transcript.name}, {len(transcript.events)} events, seconds from the start"
    if transcript.cut:
        yield f"not complete: {transcript.cut}"
    everything = steps(transcript)
    left_out = 0
    for number, step in enumerate(everything):
        marked = bool(cited & set(step.events))
        if number >= STEPS and not marked:
            left_out += 1
            continue
        yield _line(step, marked=marked)
        if marked:
            yield from (f"            {line}" for line in step.lines[:LINES])
            if len(step.lines) > LINES:
                yield f"            ... {len(step.lines) - LINES} more lines are in the transcript"
    if left_out:
        yield f"... {left_out} more steps are in the transcript"


def _line(step: Step, *, marked: bool) -> str:
    where = f" [{step.step}]" if step.step else ""
    events = f"{step.events[0]}" if len(step.events) == 1 else f"{step.events[0]}-{step.events[-1]}"
    return f"{'>' if marked else ' '} {step.t:8.3f} {_ARROWS[step.flow]} {step.label}{where} (event {events})"
