"""The map of event reports as one table: a row for each role, state of the request's association, and listener."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 40  # transactions of one cell: a cell of hundreds says no more
TRIES = 12  # attempts of one transaction
WHYS = 3  # reasons of attempts that failed, in one cell


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
class Row:
    """What happened in one state of association and listener: ``happened``, ``tried`` and ``given_up`` are sentences for a cell."""

    role: str
    association: str
    listener: str
    happened: str
    tried: str
    given_up: str
    good: bool
    lines: tuple[Line, ...]
    more: int


def rows(results: Mapping[str, Any]) -> tuple[Row, ...]:
    """The map of a results object, all roles in one; none where its suites cannot tell, or in results of an older version."""
    return tuple(_row(each) for each in results.get("topology", ()))


def _row(cell: Mapping[str, Any]) -> Row:
    transactions = cell["transactions"]
    return Row(
        str(cell["role"]), str(cell["association"]), str(cell["listener"]), *_told(transactions),
        all(each["delivered"] for each in transactions), tuple(_line(each) for each in transactions[:SHOWN]),
        max(0, len(transactions) - SHOWN),
    )  # fmt: skip


def _told(transactions: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """What happened, how often it was tried, and when it was given up; each may be empty."""
    done = [each for each in transactions if each["delivered"]]
    few = len(transactions) == 1
    happened = ("delivered" if done else "not delivered") if few else f"{len(done)} of {len(transactions)} delivered"
    if done:
        places = list(dict.fromkeys(str(each["on"]) for each in done))
        happened += f", on {' or '.join(places)} after {_span(each['seconds'] for each in done)}"
    elif whys := list(dict.fromkeys(str(one["what"]) for each in transactions for one in each["attempts"])):
        happened += f": {'; '.join(whys[:WHYS])}{' and more' if len(whys) > WHYS else ''}"
    counts = [len(each["attempts"]) - each["repeated"] for each in transactions]
    tried = _times(counts) if any(counts) else "no attempt seen"
    if any(each["repeated"] for each in transactions):
        tried += f"; repeated after success {_times([each['repeated'] for each in transactions])}"
    given_up = [each for each in transactions if each["gave_up_s"] is not None]
    parts = []
    if given_up:
        last, watched = (_span(each[key] for each in given_up) for key in ("gave_up_s", "watched_s"))
        parts.append(f"last tried after {last}, watched for {watched}")
    if silent := [each for each in transactions if not each["attempts"]]:
        some = "" if len(silent) == len(transactions) else f" for {len(silent)}"
        parts.append(f"nothing{some} in {_span(each['watched_s'] for each in silent)}")
    return happened, tried, "; ".join(parts)


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
