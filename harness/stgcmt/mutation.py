"""Mutants of recordings: what a transcript would be if the SUT had deviated in one place.

An *operator* looks at a transcript and offers edits; an edit knows what it does and makes the mutant when it is asked to, so that
many can be offered and few are made. Bytes are spliced and all enclosing lengths repaired, unless the length is the target.
Operators know protocols (``mutation_http``, ``mutation_dimse``); those of a suite may know more.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from stgcmt.clock import NS
from stgcmt.transcript import Event, Footer, Transcript

DELAYS_S = (2, 70, 400)  # beyond a pause, beyond usual deadlines of polling, beyond the longest scenario
JITTER_S = 10.0  # of a machine on which nothing about time can be said


@dataclass(frozen=True, slots=True)
class Edit:
    """One deviation that can be made: by which operator, where, and how. ``make`` returns the mutant."""

    operator: str
    where: str
    make: Callable[[], Transcript]

    @property
    def name(self) -> str:
        """``status 404 in response 3``, as the report shows it."""
        return f"{self.operator}: {self.where}"


Operator = Callable[[Transcript], Iterable[Edit]]


def mutants(
    transcript: Transcript, operators: Sequence[Operator], *, seed: str, limit: int
) -> Iterator[tuple[Edit, Transcript]]:
    """At most ``limit`` mutants of a transcript, chosen by ``seed``; those that change nothing are left out.

    Every operator has its turn before one has its second, so that a rare deviation is not lost among frequent ones.
    """
    chooser = random.Random(f"{seed}/{transcript.header.role}/{transcript.name}")
    found: dict[str, list[Edit]] = {}
    for operator in operators:
        for edit in operator(transcript):
            found.setdefault(edit.operator, []).append(edit)
    made = 0
    while found and made < limit:
        for name in list(found):
            edit = _any(found[name], chooser)
            if not found[name]:
                del found[name]
            mutant = edit.make()
            if mutant.events == transcript.events and mutant.header == transcript.header:
                continue
            yield edit, mutant
            made += 1
            if made >= limit:
                return


def _any(edits: list[Edit], chooser: random.Random) -> Edit:
    """Take any edit out of a list, whose order is free: of thousands a few are wanted."""
    number = chooser.randrange(len(edits))
    edits[number], edits[-1] = edits[-1], edits[number]
    return edits.pop()


def operators_for(extra: Iterable[Operator] = ()) -> tuple[Operator, ...]:
    """Those of a suite, which were made for its checks and are tried first, and those that the harness has."""
    from stgcmt import (  # noqa: PLC0415 - start-up
        mutation_dimse,
        mutation_http,
        mutation_negotiation,
        mutation_reports,
        mutation_requests,
    )

    http = (*mutation_http.OPERATORS, *mutation_requests.OPERATORS)
    associations = (*mutation_negotiation.OPERATORS, *mutation_dimse.OPERATORS, *mutation_reports.OPERATORS)
    return (*extra, general, order, *http, *associations)


# --- splicing --------------------------------------------------------------------------------------------------------


def splice(transcript: Transcript, conn: int | None, kind: str, start: int, end: int, new: bytes) -> Transcript:
    """Put ``new`` in place of the bytes ``start`` to ``end`` of one direction (``kind``) of a connection.

    The new bytes stand in the event that held the first of the old ones.
    """
    events: list[Event] = []
    at = 0
    for event in transcript.events:
        if event.conn != conn or event.kind != kind:
            events.append(event)
            continue
        stop = at + event.size
        here = at <= start < stop
        if here or (at < end and stop > start):
            data = event.data[: max(0, start - at)] + (new if here else b"") + event.data[max(0, end - at) :]
            event = event.but(data=data)  # noqa: PLW2901 - the same event with other bytes
        events.append(event)
        at = stop
    return rebuilt(transcript, events)


def rebuilt(transcript: Transcript, events: Iterable[Event]) -> Transcript:
    """The transcript with other events, its footer counting them: complete, if it was."""
    kept = tuple(events)
    footer = transcript.footer
    return dataclasses.replace(transcript, events=kept, footer=footer and dataclasses.replace(footer, events=len(kept)))


def without(transcript: Transcript, ids: Iterable[int]) -> Transcript:
    """The transcript without these events."""
    gone = set(ids)
    return rebuilt(transcript, (event for event in transcript.events if event.n not in gone))


def delayed(transcript: Transcript, first: int, seconds: float) -> Transcript:
    """Everything from the event ``first`` on happens later."""
    return rebuilt(
        transcript,
        (event.but(t=event.t + int(seconds * NS)) if event.n >= first else event for event in transcript.events),
    )


def late(transcript: Transcript, ids: Iterable[int], seconds: float) -> Transcript:
    """These events alone happen later; what follows them on their connection no earlier than they do."""
    moved = set(ids)
    last: dict[int | None, int] = {}
    events = []
    for event in transcript.events:
        t = event.t + int(seconds * NS) if event.n in moved else event.t
        if event.conn in last:
            t = max(t, last[event.conn])
        if event.n in moved:
            last[event.conn] = t
        events.append(event if t == event.t else event.but(t=t))
    return rebuilt(transcript, events)


def repeated(transcript: Transcript, conn: int) -> Transcript:
    """A connection happens a second time, right behind the first one's end, under an id of its own."""
    taken = max((event.conn or 0 for event in transcript.events), default=0)
    copied = [event for event in transcript.events if event.conn == conn]
    last = transcript.events[-1]
    behind = max(0, last.t - copied[0].t) if copied else 0
    copies = [
        event.but(n=last.n + number, t=event.t + behind + 1000, conn=taken + 1)
        for number, event in enumerate(copied, 1)
    ]
    return rebuilt(transcript, (*transcript.events, *copies))


# --- what holds for every recording ----------------------------------------------------------------------------------


def general(transcript: Transcript) -> Iterator[Edit]:
    """Connections that never were, were refused, broke or came twice; a cut recording; help that did not work; time."""
    events = transcript.events
    for conn in dict.fromkeys(event.conn for event in events if event.conn is not None):
        mine = [event for event in events if event.conn == conn]
        ids = [event.n for event in mine]
        yield Edit("drop a connection", f"connection {conn}", partial(without, transcript, ids))
        yield Edit("repeat a connection", f"connection {conn}", partial(repeated, transcript, conn))
        yield Edit("refuse a connection", f"connection {conn}", partial(_refused, transcript, mine))
        for how in ("fin", "rst"):
            broken = [event for event in mine if event.kind.endswith(".in")]
            if broken:
                yield Edit(
                    f"{how} in place of what came",
                    f"connection {conn}, event {broken[-1].n}",
                    partial(_broken, transcript, mine, broken[-1].n, how),
                )
    for event in events:
        yield from _happened_otherwise(transcript, event)
    if events and transcript.footer is not None:
        for at in (len(events) // 2, len(events) - 1):
            yield Edit("cut the recording", f"after event {events[at - 1].n}", partial(_cut, transcript, at))
    yield from _claims(transcript)


def order(transcript: Transcript) -> Iterator[Edit]:
    """What the SUT said comes before what we said, and a connection before what it followed."""
    last: dict[int | None, Event] = {}
    opened: dict[int, Event] = {}
    for event in transcript.events:
        before = last.get(event.conn)
        if before is not None and event.kind.endswith(".in") and before.kind.endswith(".out"):
            where = f"event {event.n} before event {before.n}"
            yield Edit("early answer", where, partial(_exchanged, transcript, before, event))
        last[event.conn] = event
        if event.conn is not None and event.conn not in opened:
            for other in list(opened.values())[-3:]:
                where = f"connection {event.conn} right after the beginning of {other.conn}"
                yield Edit("early connection", where, partial(_early, transcript, other, event))
            opened[event.conn] = event


def _exchanged(transcript: Transcript, first: Event, second: Event) -> Transcript:
    """Two events change places; ids and times stay where they were."""
    places = {first.n: second, second.n: first}
    return rebuilt(
        transcript,
        (places[event.n].but(n=event.n, t=event.t) if event.n in places else event for event in transcript.events),
    )


def _early(transcript: Transcript, first: Event, second: Event) -> Transcript:
    """The connection that ``second`` opens begins right behind ``first``, which opens another one."""
    earlier = second.t - first.t - 1
    return rebuilt(
        transcript,
        (each.but(t=each.t - earlier) if each.conn == second.conn else each for each in transcript.events),
    )


def _happened_otherwise(transcript: Transcript, event: Event) -> Iterator[Edit]:
    if event.kind.endswith(".in"):
        for seconds in DELAYS_S:
            where = f"event {event.n}, {seconds} s"
            yield Edit("delay", where, partial(delayed, transcript, event.n, seconds))
            yield Edit("delay alone", where, partial(late, transcript, [event.n], seconds))
    elif event.kind in {"seed", "retrieve", "provoke"} and "ok" in event.info:
        yield Edit(f"{event.kind} fails", f"event {event.n}", lambda: _info(transcript, event, ok=not event.info["ok"]))
    elif event.kind == "note" and event.info.get("what") == "jitter":
        yield Edit("jitter", f"{JITTER_S:g} s", lambda: _info(transcript, event, max_s=JITTER_S))
    elif event.kind == "note":
        yield Edit("drop a note", f"event {event.n}", lambda: without(transcript, [event.n]))


def _info(transcript: Transcript, event: Event, **info: Any) -> Transcript:
    changed = event.but(info={**event.info, **info})
    return rebuilt(transcript, (changed if each.n == event.n else each for each in transcript.events))


def _refused(transcript: Transcript, mine: Sequence[Event]) -> Transcript:
    first = mine[0]
    info = {**first.info, "error": "[Errno 111] Connection refused"}
    ids = {event.n for event in mine}
    return rebuilt(
        transcript,
        (
            event.but(kind="conn.refused", data=b"", info=info) if event.n == first.n else event
            for event in transcript.events
            if event.n == first.n or event.n not in ids
        ),
    )


def _broken(transcript: Transcript, mine: Sequence[Event], at: int, how: str) -> Transcript:
    """The connection ends where its event ``at`` stood."""
    later = {event.n for event in mine if event.n > at}
    closed = next(event for event in mine if event.n == at)
    end = closed.but(kind="conn.close", data=b"", info={"how": how})
    return rebuilt(transcript, (end if event.n == at else event for event in transcript.events if event.n not in later))


def _cut(transcript: Transcript, at: int) -> Transcript:
    events = transcript.events[:at]
    return dataclasses.replace(transcript, events=events, footer=Footer("complete", len(events)))


def _claims(transcript: Transcript) -> Iterator[Edit]:
    """Claims that are not made, or say otherwise."""
    for path, value in _leaves(transcript.header.info.get("claims", {})):
        name = ".".join(path)
        yield Edit("drop a claim", name, partial(_claim, transcript, path, None))
        for other in _others(value):
            yield Edit("change a claim", f"{name} = {other}", partial(_claim, transcript, path, other))


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(tree, Mapping):
        yield path, tree
        return
    for key, value in tree.items():
        yield from _leaves(value, (*path, key))


def _others(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, (int, float)):
        return (value * 1000 + 1, value / 1000)
    return ([], value[:1], [*value, "x-other"]) if isinstance(value, (list, tuple)) else (f"{value}x",)


def _claim(transcript: Transcript, path: Sequence[str], value: Any) -> Transcript:
    def changed(tree: Mapping[str, Any], rest: Sequence[str]) -> dict[str, Any]:
        head, *tail = rest
        if tail:
            return {**tree, head: changed(tree[head], tail)}
        kept = {key: each for key, each in tree.items() if key != head}
        return kept if value is None else {**kept, head: value}

    header = transcript.header
    info = {**header.info, "claims": changed(header.info["claims"], path)}
    return dataclasses.replace(transcript, header=dataclasses.replace(header, info=info))
