"""Faces: a SUT between two others is judged on each side by the suite of the role that it plays there.

A proxy is an origin server in front and an SCU behind, or an SCP in front and a user agent behind. The rows that bind a face are
borrowed from the suite of that role, with their checks and scenarios, and not written again: scenario ``plain`` of the front
becomes ``front_plain``, and the check that took the transcript ``plain`` takes ``front_plain``.

Scenarios of the front drive our client and expect an archive; those of the back expect a SUT that asks. What they need and
a proxy cannot give by itself, our other end gives: the suite's ``Backdrop`` (``Suite.provides`` names the needs it meets).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from stgcmt.checks import RUN, Check

if TYPE_CHECKING:
    from stgcmt.catalogue import Requirement
    from stgcmt.suite import Scenario, Suite

FRONT, BACK = "front", "back"


@dataclass(frozen=True)
class Face:
    """One side of a SUT, and the suite whose rows bind it there.

    ``suite``: the suite, or ``"package:attribute"``. ``leaves``: rows that do not bind this face, each with its reason (the row is
    then excluded, visibly). ``waits``: what the backdrop waits for in its scenarios, beside what they declare.
    """

    side: str
    suite: Any
    leaves: Mapping[str, str] = field(default_factory=dict)
    waits: tuple[str, ...] = ()


class Backdrop(Protocol):
    """Our end on the other side of the SUT, for one scenario; ``Suite.backdrop`` makes one from ``play`` and the side."""

    async def begin(self) -> None:
        """Called before the scenario's script."""
        ...

    async def seed(self, instance: Any) -> None:
        """From now on our end holds this instance (where ``Suite.provides`` has "seeding")."""
        ...

    async def provoke(self, name: str, values: Mapping[str, str]) -> None:
        """Bring our end into a state (where ``Suite.provides`` has "provoke.NAME")."""
        ...

    async def trigger(self, instances: Sequence[Any]) -> None:
        """Make the SUT ask for these instances, by asking it in front (where ``Suite.provides`` has "trigger")."""
        ...

    async def believes(self, sop_instance_uid: str) -> bool | None:
        """Whether the SUT said in front that the instance is committed (where ``Suite.provides`` has "state")."""
        ...

    async def end(self) -> None:
        """Called when the scenario has ended, however it ended."""
        ...


def borrowed_rows(role: str, face: Face, own: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """The rows of a face as rows of ``role``; an own row of the same id goes first."""
    taken = {row.id for row in own}
    return tuple(
        dataclasses.replace(row, role=role, face=face.side, excluded=row.excluded or face.leaves.get(row.id))
        for row in suite_of(face).catalogue
        if row.id not in taken
    )


def borrowed_checks(face: Face, own: Iterable[Requirement]) -> tuple[Check, ...]:
    """The checks of a face, which take the transcripts of the scenarios as they are called here."""
    taken = {row.id for row in own} | set(face.leaves)
    found = []
    for check in suite_of(face).all_checks:
        if ids := tuple(ident for ident in check.ids if ident not in taken):
            arguments = tuple(name if name == RUN else named(face.side, name) for name in check.arguments)
            name = f"{check.name}_{face.side}"
            found.append(dataclasses.replace(check, name=name, ids=ids, arguments=arguments))
    return tuple(found)


def borrowed_scenarios(face: Face, used: Iterable[str]) -> dict[str, Scenario]:
    """The scenarios of a face that one of the checks takes, as they are called here."""
    wanted = set(used)
    return {
        named(face.side, name): dataclasses.replace(
            scenario, name=named(face.side, name), face=face.side, waits=(*scenario.waits, *face.waits)
        )
        for name, scenario in suite_of(face).all_scenarios.items()
        if named(face.side, name) in wanted
    }


def borrowed_kills(face: Face) -> dict[str, Mapping[str, tuple[Any, ...]]]:
    """What is known to turn the checks of a face red, under the names that they have here."""
    return {
        ident: {
            f"{check}_{face.side}": tuple(
                dataclasses.replace(kill, transcript=named(face.side, kill.transcript))
                if kill.transcript != RUN
                else kill
                for kill in kills
            )
            for check, kills in checks.items()
        }
        for ident, checks in suite_of(face).known_kills.items()
    }


def named(side: str, scenario: str) -> str:
    """How a scenario of a face is called."""
    return f"{side}_{scenario}"


def suite_of(face: Face) -> Suite:
    """The suite of a face."""
    from stgcmt.suite import resolved  # noqa: PLC0415 - the two name each other

    found: Suite = resolved(face.suite)
    return found
