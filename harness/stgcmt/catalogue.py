"""Requirements as data: reading ``requirements.toml`` of a suite and refusing what is not well formed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stgcmt.editions import checked, known
from stgcmt.verdict import CONSEQUENCES, VIOLATION, Verdict, severity

LEVELS = ("shall", "should", "may", "info")
BASES = ("stated", "derived", "note", "practice")


class CatalogueError(Exception):
    """A suite's catalogue is wrong: the suite author's fault, said with file and row."""


@dataclass(frozen=True)
class Requirement:
    """One testable statement of the standard for one role, in our words."""

    id: str
    role: str
    title: str
    statement: str
    clause: str
    level: str
    basis: str = "stated"
    consequence: str = "interoperability"
    next_step: str = ""
    cost: str = ""
    since: str | None = None
    until: str | None = None
    read: str | None = None  # the newest edition whose text the row was held against
    unless: tuple[str, ...] = ()
    permits: tuple[str, ...] = ()  # of ``unless`` those that allow and do not exclude: a pass contradicts none of them
    outcomes: Mapping[str, Any] = field(default_factory=dict)
    excluded: str | None = None
    same_as: str | None = None
    face: str | None = None  # the side of the SUT that it binds, where it was borrowed from another role's suite

    @property
    def mandatory(self) -> bool:
        """Whether its violation is a fail by default: what gate, exit code 4 and the kill matrix count."""
        return severity(self, VIOLATION) is Verdict.FAIL

    @property
    def readings(self) -> tuple[str, ...]:
        """The readings that its outcomes name (``AMB-12`` …)."""
        return tuple(
            dict.fromkeys(
                str(entry["reading"])
                for entry in self.outcomes.values()
                if isinstance(entry, Mapping) and "reading" in entry
            )
        )

    def in_edition(self, edition: str | None) -> bool:
        """Whether the row holds in an edition (``2024e``); every row holds where none is named."""
        if edition is None:
            return True
        return (self.since is None or self.since <= edition) and (self.until is None or edition <= self.until)

    def at(self, edition: str | None) -> Requirement:
        """The row as an edition words it: an outcome may be graver from some edition on (``from = {"2025a" = "fail"}``).

        Where none is named every outcome has the verdict of the older wording.
        """
        changed = {
            name: {**entry, "default": said, "strict": said}
            for name, entry in self.outcomes.items()
            if edition is not None and isinstance(entry, Mapping)
            if (said := _newest(entry.get("from", {}), edition)) is not None
        }
        return replace(self, outcomes={**self.outcomes, **changed}) if changed else self


def _newest(since: Mapping[str, str], edition: str) -> str | None:
    """The verdict of the newest wording that an edition has; ``None`` where it is older than all of them."""
    reached = [first for first in since if first <= edition]
    return since[max(reached)] if reached else None


_KEYS = {
    "id", "title", "statement", "clause", "level", "basis", "consequence", "next_step", "cost", "editions", "unless",
    "permits", "outcomes", "excluded", "same_as",
}  # fmt: skip


def parse_requirements(texts: Mapping[str, str], role: str) -> tuple[Requirement, ...]:
    """The rows of a suite's requirement files (name -> text); raises ``CatalogueError`` naming file, row and key."""
    rows: list[Requirement] = []
    for where, text in texts.items():
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"{where}: {error}") from error
        rows += [_requirement(entry, role, where, _defaults(data, where)) for entry in data.get("requirement", [])]
    _check_ids(rows, ", ".join(texts))
    return tuple(rows)


def _defaults(data: Mapping[str, Any], where: str) -> dict[str, str]:
    """The editions that a file's rows hold in where a row does not say otherwise: its table ``[defaults]``."""
    stated = data.get("defaults", {})
    if stray := set(stated) - {"editions"}:
        raise CatalogueError(f"{where}: [defaults]: unknown keys {sorted(stray)}, expected editions")
    return _editions(stated.get("editions", {}), f"{where}: [defaults]")


def _editions(table: Mapping[str, str], where: str) -> dict[str, str]:
    try:
        return checked(table)
    except ValueError as error:
        raise CatalogueError(f"{where}: editions: {error}") from error


def _requirement(entry: Mapping[str, Any], role: str, where: str, defaults: Mapping[str, str]) -> Requirement:
    ident = entry.get("id", "?")
    unknown = set(entry) - _KEYS
    missing = {"id", "title", "statement", "clause", "level"} - set(entry)
    if unknown or missing:
        raise CatalogueError(f"{where}: {ident}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")
    for key, allowed in (("level", LEVELS), ("basis", BASES), ("consequence", tuple(CONSEQUENCES))):
        if key in entry and entry[key] not in allowed:
            raise CatalogueError(f"{where}: {ident}: {key} = {entry[key]!r}, expected one of {', '.join(allowed)}")
    if stray := set(entry.get("permits", ())) - set(entry.get("unless", ())):
        raise CatalogueError(f"{where}: {ident}: permits {sorted(stray)}, which unless does not name")
    editions = {**defaults, **_editions(entry.get("editions", {}), f"{where}: {ident}")}
    plain = {key: entry[key] for key in _KEYS - {"editions", "unless", "permits", "outcomes"} if key in entry}
    return Requirement(
        role=role,
        since=editions.get("from"),
        until=editions.get("to"),
        read=editions.get("read"),
        unless=tuple(entry.get("unless", ())),
        permits=tuple(entry.get("permits", ())),
        outcomes=_outcomes(entry.get("outcomes", {}), ident, where),
        **plain,
    )


def _outcomes(outcomes: Mapping[str, Any], ident: str, where: str) -> Mapping[str, Any]:
    for name, entry in outcomes.items():
        verdicts = [entry] if isinstance(entry, str) else [entry[key] for key in ("default", "strict") if key in entry]
        verdicts += entry.get("from", {}).values() if isinstance(entry, Mapping) else ()
        if isinstance(entry, Mapping) and (strange := [each for each in entry.get("from", {}) if not known(each)]):
            raise CatalogueError(f"{where}: {ident}: outcome {name}: from {', '.join(strange)}, which is no edition")
        bad = [verdict for verdict in verdicts if verdict not in set(Verdict)]
        if bad or (isinstance(entry, Mapping) and set(entry) - {"default", "strict", "reading", "means", "from"}):
            raise CatalogueError(
                f"{where}: {ident}: outcome {name}: {entry!r} is no verdict, nor a table of default, strict, reading, means, from"
            )
    return dict(outcomes)


def _check_ids(rows: Sequence[Requirement], where: str) -> None:
    seen: dict[str, Requirement] = {}
    for row in rows:
        if row.id in seen:
            raise CatalogueError(f"{where}: {row.id} stands twice")
        seen[row.id] = row
    for row in rows:
        if row.same_as is None:
            continue
        twin = seen.get(row.same_as)
        if twin is None or twin.same_as is not None:
            raise CatalogueError(
                f"{where}: {row.id}: same_as = {row.same_as!r} must name a row of this suite that is no twin itself"
            )
