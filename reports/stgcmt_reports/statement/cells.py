"""How a cell is made: what the vendor declares, else what was seen, else what somebody must complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stgcmt_reports.statement.values import Cell, Row, Seen

OPEN = "to be completed"
_NAMED = 6
_PLAIN = {"", "request"}  # steps whose names say no more than the scenario's


def fixed(text: object) -> Cell:
    """A label."""
    return Cell(str(text))


@dataclass
class Declared:
    """What ``[claims.statement]`` states, by slot; remembers which slots a cell asked for."""

    entries: Mapping[str, str]
    asked: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, claims: Mapping[str, Any]) -> Declared:
        """From the claims of a run: tables below ``statement`` are joined by dots."""
        return cls(dict(_flat(claims.get("statement", {}), "")))

    def get(self, slot: str) -> str | None:
        """The text that the vendor states for a slot."""
        self.asked.add(slot)
        return self.entries.get(slot)

    @property
    def unused(self) -> tuple[str, ...]:
        """Entries that no cell of this document takes: a misspelt slot, or one of another role."""
        return tuple(sorted(set(self.entries) - self.asked))

    def cell(
        self,
        slot: str,
        seen: Seen | None = None,
        *values: Any,
        text: str | Callable[[Iterable[Any]], str] = "",
        hint: str = OPEN,
        stated: str | None = None,
    ) -> Cell:
        """One cell: declared where the vendor states it, observed where any of ``values`` was seen, else open.

        Args:
            slot: the key under ``[claims.statement]``.
            seen: where to look; nothing was looked for where it is ``None``.
            values: which sightings count; every one where none is named.
            text: what an observed cell says, or how it is made of the values that were seen.
            hint: what an open cell asks for.
            stated: what a claim elsewhere in the SUT file states for this cell.
        """
        found = [] if seen is None else [value for value in (values or tuple(seen)) if value in seen]
        places, count = (seen.places(*found), seen.count(*found)) if seen is not None and found else ((), 0)
        declared = self.get(slot)
        if declared is not None:
            return Cell(declared, "declared", places, count, slot)
        said = (text(found) if callable(text) else text or listed(found)) if found else ""
        if (
            stated is not None
        ):  # a claim speaks for the whole SUT; what was seen stands beside it, above all where it differs
            both = f"{stated} (seen: {said})" if said and said != stated else stated
            return Cell(both, "declared", places, count, slot, claimed=True)
        if found:
            return Cell(said, "observed", places, count, slot)
        return Cell(hint, "open", slot=slot)


def listed(values: Iterable[Any], limit: int = 8) -> str:
    """Values in a line, sorted; the first ``limit`` of them. Values that are lists themselves stand apart."""
    words = sorted({str(value) for value in values})
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ("; " if any(", " in word for word in words) else ", ").join(words[:limit]) + more


def sent_in(seen: Seen, word: str = "sent") -> Callable[[Iterable[Any]], str]:
    """Makes a sentence of where a value was seen: ``sent in: wrong commands (n-get, n-create)``.

    Up to six scenarios are named, each with up to six of its steps; of more it is said how many.
    """

    def text(values: Iterable[Any]) -> str:
        steps: dict[str, set[str]] = {}
        for place in seen.places(*values):
            steps.setdefault(place.transcript.rpartition("/")[2].replace("_", " "), set()).add(place.step)
        if len(steps) > _NAMED:
            return f"{word} in {len(steps)} scenarios"
        return f"{word} in: {listed(f'{name}{_steps(found - _PLAIN)}' for name, found in steps.items())}"

    return text


def _steps(found: set[str]) -> str:
    if not found:
        return ""
    return f" ({listed(found)})" if len(found) <= _NAMED else f" ({len(found)} steps)"


def row(key: str, *cells: Cell | str) -> Row:
    """A row; plain text is a label."""
    return Row(key, tuple(fixed(each) if isinstance(each, str) else each for each in cells))


def seconds(low: float, high: float) -> str:
    """``0.2 s`` or ``0.2 s to 4 s``: to two significant digits."""
    one, other = f"{low:.2g} s", f"{high:.2g} s"
    return one if one == other else f"{one} to {other}"


def _flat(tree: Any, prefix: str) -> Iterable[tuple[str, str]]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(tree, (list, tuple)):
        yield prefix, ", ".join(str(each) for each in tree)
    else:
        yield prefix, str(tree)
