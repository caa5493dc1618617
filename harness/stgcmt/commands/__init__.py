"""One module a command of ``stgcmt``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stgcmt import editions
from stgcmt.catalogue import CatalogueError
from stgcmt.errors import HarnessError, UsageError
from stgcmt.suite import Suite, load_suites

ALL = "all"


def installed() -> dict[str, Suite]:
    """The installed suites; a suite with a broken catalogue is a harness error that names it."""
    try:
        return load_suites()
    except CatalogueError as error:
        raise HarnessError(
            "loading suites", "well-formed catalogues", str(error), "mend or uninstall that suite"
        ) from error


def roles_of(wanted: Sequence[str], suites: Mapping[str, Suite], default: Sequence[str]) -> tuple[str, ...]:
    """The roles of ``--role`` (``-`` for ``_`` allowed), else ``default``; raises ``UsageError`` for an unknown one.

    ``all`` stands for the whole ``default``.
    """
    named = [role.replace("-", "_") for role in wanted]
    chosen = [each for role in named or [ALL] for each in (default if role == ALL else (role,))]
    for role in chosen:
        if role not in suites:
            raise UsageError("reading --role", f"{ALL}, or one of {', '.join(suites)}", role, nearest(role, suites))
    return tuple(dict.fromkeys(chosen))


def servers(suites: Mapping[str, Suite], roles: Sequence[str]) -> tuple[str, ...]:
    """Those of the embedded references that play where no role is named: they answer, and need nobody to make them ask.

    References that ask, or that stand between two others, play when they are named.
    """
    return tuple(role for role in roles if not suites[role].serves) or tuple(roles)


def selection_of(
    suites: Mapping[str, Suite], roles: Sequence[str], req: Sequence[str], clause: Sequence[str], level: Sequence[str]
) -> dict[str, Any]:
    """The selection that a run stores; raises ``UsageError`` for an id that no selected role has, or an empty choice."""
    from stgcmt.judge import selected  # noqa: PLC0415 - start-up

    rows = [row for role in roles for row in suites[role].catalogue]
    for ident in req:
        if all(row.id != ident for row in rows):
            theirs = [role for role, suite in suites.items() if any(row.id == ident for row in suite.catalogue)]
            step = (
                f"{ident} is a row of role {' and '.join(theirs)}; add --role {theirs[0].replace('_', '-')}"
                if theirs
                else nearest(ident, [row.id for row in rows])
            )
            raise UsageError("reading --req", f"a requirement id of the chosen roles ({', '.join(roles)})", ident, step)
    selection = {"req": list(req), "clause": list(clause), "level": list(level)}
    if not any(selected(row, selection) for row in rows):
        raise UsageError(
            "reading the selection",
            "at least one requirement",
            "none fits",
            "`stgcmt list` shows clauses, ids and levels",
        )
    return selection


def nearest(word: str, known: Iterable[str], otherwise: str = "`stgcmt list` shows what there is") -> str:
    """The sentence that names the nearest known word; ``otherwise``: where none is near."""
    close = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f"did you mean {close[0]}?" if close else otherwise


def counted(number: int, noun: str) -> str:
    """A number and its noun: ``1 exchange``, ``2 exchanges``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def find_rows(suites: Mapping[str, Suite], ident: str) -> list[tuple[Suite, Any]]:
    """Every (suite, requirement) with this id; raises ``UsageError`` where there is none."""
    found = [(suite, row) for suite in suites.values() for row in suite.catalogue if row.id == ident]
    if not found:
        known = [row.id for suite in suites.values() for row in suite.catalogue]
        raise UsageError("looking up a requirement", "a requirement id", ident, nearest(ident, known))
    return found


def edition_of(text: str | None, suites: Mapping[str, Suite] | None = None, roles: Iterable[str] = ()) -> str | None:
    """An edition of the standard as ``--edition`` names it (``2024e``).

    Raises ``UsageError`` where there is no such edition, or where it asks nothing of one of these roles.
    """
    if text is None:
        return None
    if not editions.known(text):
        known = f"an edition from {editions.OLDEST_YEAR}a to {editions.NEWEST}: a year and a letter, such as 2024e"
        later = editions.FORM.fullmatch(text) is not None and text > editions.NEWEST
        next_step = (
            f"name {editions.NEWEST}, the newest that this version knows" if later else "leave it out for all rows"
        )
        raise UsageError("reading --edition", known, text, next_step)
    for role in roles if suites else ():
        rows = suites[role].catalogue if suites and role in suites else ()
        if rows and not any(row.in_edition(text) for row in rows):
            first = min(row.since for row in rows if row.since)
            raise UsageError(
                "reading --edition",
                f"an edition that has the service of {role}: {first} or newer",
                text,
                f"name {first} or a newer one, or choose other roles with --role",
            )
    return text
