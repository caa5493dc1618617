"""Which faults and manners of a reference are on, and in which scenario it looked whether one is.

A reference asks ``"name" in switches`` where it could do otherwise. Who never asks for a fault behaves as if that fault did not
exist: in virtual time it says the same, though messages of several connections may cross. So the self-test notes, while the
clean reference is played, which scenario made it ask for what, and plays a fault only in those scenarios: its *reach*.

A scenario is told by the context of the task that asks: tasks that the reference starts inherit it from the connection on
which the scenario called. What is asked for outside any scenario, while the reference comes up, reaches everywhere; so does
a fault for which nobody asked, and whoever looks at all switches at once asks for every one of them.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from typing import TypeVar

_T = TypeVar("_T")

EVERYWHERE = ""  # outside any scenario
ALL = "*"  # every switch at once

_scenario: ContextVar[str] = ContextVar("stgcmt_scenario", default=EVERYWHERE)
_looks: ContextVar[Looks | None] = ContextVar("stgcmt_looks", default=None)


class Looks:
    """What was asked for, by scenario."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = defaultdict(set)

    def note(self, name: str) -> None:
        """Somebody asks for this switch, in the scenario of his context."""
        self._names[_scenario.get()].add(name)

    def reach(self, name: str) -> frozenset[str] | None:
        """The scenarios in which a switch was asked for; ``None``: it may act in any."""
        if not {name, ALL}.isdisjoint(self._names.get(EVERYWHERE, ())):
            return None
        asked = {scenario for scenario, names in self._names.items() if name in names}
        return frozenset(asked | {each for each, names in self._names.items() if ALL in names}) if asked else None


@contextlib.contextmanager
def watching() -> Iterator[Looks]:
    """Note what references ask for that are brought up inside."""
    looks = Looks()
    token = _looks.set(looks)
    try:
        yield looks
    finally:
        _looks.reset(token)


def enter_scenario(name: str) -> None:
    """From here on this task, and every task that it starts, belongs to a scenario."""
    _scenario.set(name)


class Switches(AbstractSet[str]):
    """Names that are on. ``name in switches`` is noted where somebody watches; so is looking at all of them.

    ``own``: under which names those who watch know each of them, where these are others.
    """

    def __init__(self, on: Iterable[str] = (), own: Mapping[str, Collection[str]] | None = None) -> None:
        self._on, self._own = frozenset(on), own
        self._looks = _looks.get()

    __eq__, __hash__ = object.__eq__, object.__hash__  # themselves alone: comparing names would be asking for them all

    def __contains__(self, name: object) -> bool:
        if self._looks is not None:
            for each in (str(name),) if self._own is None else self._own.get(str(name), ()):
                self._looks.note(each)
        return name in self._on

    def __iter__(self) -> Iterator[str]:
        self._note_all()
        return iter(self._on)

    def __len__(self) -> int:
        self._note_all()
        return len(self._on)

    def __repr__(self) -> str:
        return f"Switches({sorted(self._on)})"

    @property
    def watched(self) -> bool:
        """Whether somebody notes what is asked for."""
        return self._looks is not None

    def any_of(self, names: Iterable[str]) -> bool:
        """Whether one of these is on."""
        return any(name in self for name in names)  # all of them are asked for where none is on

    def none_of(self, names: Iterable[str]) -> bool:
        """Whether none of these is on, so that what follows need not look. Where somebody watches it is to look: False."""
        return not self.watched and self._on.isdisjoint(names)

    def with_manners(self, names: Iterable[str]) -> Switches:
        """These, and more that are on for good; nothing is asked for by that."""
        return Switches(self._on | frozenset(names), self._own)

    def renamed(self, names: Mapping[str, str]) -> Switches:
        """A part of these as what stands further in calls them: from the name here to the name there."""
        own: dict[str, list[str]] = defaultdict(list)
        for here, there in names.items():
            own[there] += (here,) if self._own is None else self._own.get(here, ())
        return Switches((there for here, there in names.items() if here in self._on), own)

    def _note_all(self) -> None:
        if self._looks is not None:
            self._looks.note(ALL)


NONE = Switches()


def changed(value: _T, name: str, switches: Collection[str], change: Callable[[_T], _T]) -> _T:
    """What a switch makes of a value. Where somebody watches, it is asked for only if it would make another one."""
    if not (isinstance(switches, Switches) and switches.watched):
        return change(value) if name in switches else value
    other = change(value)
    return other if other != value and name in switches else value
