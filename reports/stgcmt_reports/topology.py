"""The map of event reports as tables, one a role: rows are how the listener behaved, columns what the association had become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 40  # transactions of one cell: a cell of hundreds says no more
TRIES = 12  # attempts of one transaction


@dataclass(frozen=True)
class Line:
    """One transaction of a cell: where it is recorded, what happened, and the attempts with their events."""

    transcript: str
    step: str
    events: Sequence[int]
    text: str
    attempts: tuple[tuple[float, str, Sequence[int]], ...]
    more: int


@dataclass(frozen=True)
class Cell:
    """What happened in one state of association and listener."""

    summary: str
    good: bool
    lines: tuple[Line, ...]
    more: int


@dataclass(frozen=True)
class Table:
    """The map of one role; ``rows`` are the listener's behaviour and one cell (or none) for each of ``columns``."""

    role: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


def tables(results: Mapping[str, Any]) -> tuple[Table, ...]:
    """The tables of a results object; none where its suites cannot tell, or in results of an older version."""
    cells = results.get("topology", ())
    found = []
    for role in dict.fromkeys(str(each["role"]) for each in cells):
        mine = {(each["association"], each["listener"]): each for each in cells if each["role"] == role}
        columns = tuple(dict.fromkeys(association for association, _ in mine))
        listeners = sorted({listener for _, listener in mine}, key=lambda name: (not name.startswith("ready"), name))
        rows = tuple(
            (name, tuple(_cell(mine[column, name]) if (column, name) in mine else None for column in columns))
            for name in listeners
        )
        found.append(Table(role, columns, rows))
    return tuple(found)


def _cell(cell: Mapping[str, Any]) -> Cell:
    transactions = cell["transactions"]
    lines = tuple(_line(each) for each in transactions[:SHOWN])
    return Cell(
        summary(transactions), all(each["delivered"] for each in transactions), lines, max(0, len(transactions) - SHOWN)
    )


def summary(transactions: Sequence[Mapping[str, Any]]) -> str:
    """A cell in a sentence: how many were delivered, where, when, after how many attempts, and when others were given up."""
    done = [each for each in transactions if each["delivered"]]
    parts = [
        f"{len(done)} of {len(transactions)} delivered"
        if len(transactions) > 1
        else "delivered"
        if done
        else "not delivered"
    ]
    if done:
        places = list(dict.fromkeys(str(each["on"]) for each in done))
        parts.append(f"on {' or '.join(places)} after {_span(each['seconds'] for each in done)}")
    again = [each["again"] for each in transactions]
    if max(again):
        parts.append(f"tried again {_times(again)}")
    if any(each["repeated"] for each in transactions):
        parts.append(f"repeated after success {_times([each['repeated'] for each in transactions])}")
    given_up = [each for each in transactions if each["gave_up_s"] is not None]
    if given_up:
        last, watched = (_span(each[key] for each in given_up) for key in ("gave_up_s", "watched_s"))
        parts.append(f"last tried after {last}, watched for {watched}")
    silent = [each for each in transactions if not each["attempts"]]
    if silent:
        what = "no attempt seen" if len(silent) == len(transactions) else f"no attempt seen for {len(silent)}"
        parts.append(f"{what} in {_span(each['watched_s'] for each in silent)}")
    return ", ".join(parts)


def _line(each: Mapping[str, Any]) -> Line:
    attempts = tuple((one["seconds"], f"{one['on']}: {one['what']}", one["events"]) for one in each["attempts"][:TRIES])
    return Line(
        each["transcript"],
        each["step"] or "",
        each["events"],
        summary([each]),
        attempts,
        max(0, len(each["attempts"]) - TRIES),
    )


def _times(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    words = {1: "once", 2: "twice"}.get(high, f"{high} times")
    if low == high:
        return words
    return f"at most {words}" if low == 0 else f"{low} to {high} times"


def _span(seconds: Iterable[float]) -> str:
    found = sorted(seconds)
    low, high = f"{found[0]:.1f}", f"{found[-1]:.1f}"
    return f"{low} s" if low == high else f"{low} to {high} s"
