"""What a conformance statement consists of: sections, tables, and cells that say where they come from.

A cell is *observed* (it was seen in the recording and names where), *declared* (the vendor stated it in the SUT file),
*open* (somebody must complete it) or *fixed* (a label: the fact that makes the row). Renderers show the four
differently, and nothing else decides what a cell is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["observed", "declared", "open", "fixed"]
KINDS: tuple[Kind, ...] = ("observed", "declared", "open")
SHOWN = 3  # places that a rendered cell names; all of them stand in statement.json
KEPT = 2  # places that a cell keeps of each step of each transcript: more of the same says no more


@dataclass(frozen=True, order=True)
class Place:
    """Where something was seen: a transcript by its reference name, the scenario's step, the ids of its events."""

    transcript: str
    step: str = ""
    events: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """``scp/roles [both] 12, 13``."""
        step = f" [{self.step}]" if self.step else ""
        more = "…" if len(self.events) > SHOWN else ""
        ids = ", ".join(str(n) for n in self.events[:SHOWN])
        return f"{self.transcript}{step} {ids}{more}".rstrip()


@dataclass(frozen=True)
class Cell:
    """One cell: its text, its kind, and where it was seen.

    ``slot`` is the key under ``[claims.statement]`` with which a vendor declares it; a declared cell that was seen too
    keeps its places; ``claimed``: not the slot declares it, but a claim elsewhere in the SUT file. ``count`` is how often it
    was seen, of which ``places`` holds the first.
    """

    text: str
    kind: Kind = "fixed"
    places: tuple[Place, ...] = ()
    count: int = 0
    slot: str = ""
    claimed: bool = False

    @property
    def where(self) -> str:
        """The first places in a line, and how many more."""
        if not self.places:
            return ""
        shown = "; ".join(place.label for place in self.places[:SHOWN])
        rest = self.count - min(len(self.places), SHOWN)
        return f"{shown}; {rest} more" if rest > 0 else shown

    def to_json(self) -> dict[str, Any]:
        """The cell as JSON."""
        found: dict[str, Any] = {"text": self.text, "kind": self.kind}
        if self.slot:
            found["slot"] = self.slot
        if self.places:
            found["count"] = self.count
            found["evidence"] = [
                {"transcript": place.transcript, "step": place.step or None, "events": list(place.events)}
                for place in self.places
            ]
        return found


@dataclass(frozen=True)
class Row:
    """One row of a table; ``key`` names it within its table and does not change from run to run."""

    key: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """One table: its number in the edition (empty where it has none), title, headings and rows.

    ``seen`` says how sure its number is: ``read`` (in the edition's text), ``inferred`` or ``own`` (ours).
    """

    key: str
    number: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    seen: str = "read"


@dataclass(frozen=True)
class Section:
    """One clause: number, heading, what to know about it, tables; ``applies`` is false where the SUT has no such role."""

    key: str
    number: str
    title: str
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    applies: bool = True
    seen: str = "read"


@dataclass(frozen=True)
class Statement:
    """The whole document; ``head`` is its cover, ``audit`` and ``ledger`` the plain data of claims and readings."""

    head: Mapping[str, Any]
    sections: tuple[Section, ...]
    audit: Mapping[str, Any] = field(default_factory=dict)
    ledger: tuple[Mapping[str, Any], ...] = ()

    def cells(self) -> Iterator[tuple[str, str, int, Cell]]:
        """Every cell with the keys of its table and row, and its column from 0."""
        for section in self.sections:
            for table in section.tables:
                for row in table.rows:
                    for column, cell in enumerate(row.cells):
                        yield table.key, row.key, column, cell

    @property
    def counts(self) -> dict[str, int]:
        """How many cells are observed, declared and open."""
        found: dict[str, int] = dict.fromkeys(KINDS, 0)
        for _, _, _, cell in self.cells():
            if cell.kind != "fixed":
                found[cell.kind] += 1
        return found

    def to_json(self) -> dict[str, Any]:
        """The document as JSON (``statement.json``)."""
        return {
            "schema_version": 1,
            **self.head,
            "cells": self.counts,
            "sections": [
                {
                    "key": section.key, "number": section.number, "title": section.title, "applies": section.applies,
                    "tables": [
                        {
                            "key": table.key, "number": table.number, "title": table.title, "columns": list(table.columns),
                            "rows": [{"key": row.key, "cells": [cell.to_json() for cell in row.cells]} for row in table.rows],
                        }
                        for table in section.tables
                    ],
                }
                for section in self.sections
            ],
        }  # fmt: skip


class Seen:
    """Sightings: by value, where it was seen, in the order of the recording."""

    def __init__(self) -> None:
        self._places: dict[Any, dict[tuple[str, str], list[Place]]] = {}
        self._counts: dict[Any, int] = {}

    def add(self, value: Any, transcript: str, step: str | None, events: Iterable[int]) -> None:
        """One more sighting of ``value``."""
        self._counts[value] = self._counts.get(value, 0) + 1
        places = self._places.setdefault(value, {}).setdefault((transcript, step or ""), [])
        if len(places) < KEPT:
            places.append(Place(transcript, step or "", tuple(events)))

    def __contains__(self, value: object) -> bool:
        return value in self._places

    def __iter__(self) -> Iterator[Any]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def places(self, *values: Any) -> tuple[Place, ...]:
        """Where any of these values was seen; of all of them where none is named."""
        found: dict[tuple[str, str], list[Place]] = {}
        for value in values or tuple(self._places):
            for key, places in self._places.get(value, {}).items():
                found.setdefault(key, []).extend(places)
        return tuple(place for places in found.values() for place in tuple(dict.fromkeys(places))[:KEPT])

    def count(self, *values: Any) -> int:
        """How often any of these values was seen; all of them where none is named."""
        return sum(self._counts.get(value, 0) for value in values or tuple(self._counts))

    def take(self, value: Any, other: Seen, original: Any) -> None:
        """Take over another collection's sightings of ``original`` as sightings of ``value``."""
        mine = self._places.setdefault(value, {})
        for place in other.places(original):
            places = mine.setdefault((place.transcript, place.step), [])
            if len(places) < KEPT:
                places.append(place)
        self._counts[value] = self._counts.get(value, 0) + other.count(original)

    def only(self, wanted: Callable[[Any], bool]) -> Seen:
        """The sightings whose value is wanted."""
        found = Seen()
        for value in self:
            if wanted(value):
                found.take(value, self, value)
        return found

    def merge(self, other: Seen) -> None:
        """Take over another collection's sightings."""
        for value in other:
            self.take(value, other, value)
