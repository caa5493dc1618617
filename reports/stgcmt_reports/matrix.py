"""The matrix: implementations by requirement groups, one static page over the results of many bundles.

A group is a role's clause, cut to its second number (PS3.18 13.4); a cell says how many of its rows were tested and what
the worst verdict is. Tool, suite and edition stand at each implementation; readings of silent text are counted over all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from stgcmt_reports.rows import Caveat, caveats, score, sut_name

WORST = ("error", "fail", "warn", "inconclusive", "not-tested", "note", "pass", "not-applicable")
TESTED = frozenset({"pass", "fail", "warn", "note"})
AS_WRITTEN = "none of the readings"
UNDECIDED = "not shown"
_ENTRY = {"id", "title", "requirement", "seen", "readings"}
_CLAUSE = re.compile(r"(PS3\.\d+)?\s*(?:Table\s+)?([A-Z]|\d+)((?:\.\d+)*)(?![A-Za-z])")


@dataclass(frozen=True)
class Implementation:
    """One column: a SUT and what judged it."""

    name: str
    results: Mapping[str, Any]
    source: str
    ledger: tuple[Mapping[str, Any], ...] = ()  # what it does at each point that can be read in more than one way

    @property
    def score(self) -> str:
        """Tested of total."""
        return score(self.results)

    @property
    def hidden(self) -> tuple[Caveat, ...]:
        """What the score alone would hide."""
        return caveats(self.results)


@dataclass(frozen=True)
class Cell:
    """A group of one implementation: tested of total, the worst verdict, how many rows known issues excuse, and what deviates."""

    tested: int = 0
    total: int = 0
    worst: str = ""
    known: int = 0
    excluded: int = 0
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """One row of the page: a role's clause and its cells, one an implementation."""

    role: str
    clause: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Reading:
    """A reading of silent text: in how many implementations which way was seen, with their names.

    ``under``: for what was seen, the verdict under each reading, where a ledger says it.
    """

    name: str
    requirements: tuple[str, ...]
    seen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    title: str = ""
    under: Mapping[str, str] = field(default_factory=dict)


def implementations(
    found: Iterable[tuple[str, Mapping[str, Any]]], ledgers: Sequence[tuple[Mapping[str, Any], ...]] = ()
) -> tuple[Implementation, ...]:
    """Columns from (source, results); those of one name are told apart by number. ``ledgers``: theirs, in the same order."""
    pairs = list(found)
    names = [sut_name(results) for _, results in pairs]
    seen: Counter[str] = Counter()
    columns = []
    for (source, results), name, ledger in zip(pairs, names, ledgers or [()] * len(pairs), strict=True):
        seen[name] += 1
        shown = f"{name} ({seen[name]})" if names.count(name) > 1 else name
        columns.append(Implementation(shown, results, source, ledger))
    return tuple(columns)


def ledger_in(place: Path) -> tuple[Mapping[str, Any], ...]:
    """The readings ledger of a bundle; empty where there is none of ours: then outcomes say less of the same."""
    import orjson  # noqa: PLC0415 - start-up

    try:
        entries = orjson.loads((place / "ledger.json").read_bytes())["readings"]
        return tuple(each for each in entries if each.keys() >= _ENTRY)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def groups(columns: Sequence[Implementation], role: str) -> tuple[Group, ...]:
    """The rows of one role's table, over those implementations that play it."""
    found = {group_of(row["clause"]) for each in columns for row in each.results["requirements"] if row["role"] == role}
    return tuple(
        Group(role, clause, tuple(_cell(column, role, clause) for column in columns))
        for clause in sorted(found, key=_natural)
    )


def played(columns: Sequence[Implementation], role: str) -> tuple[Implementation, ...]:
    """The implementations that were tested in a role."""
    return tuple(column for column in columns if role in column.results["suites"])


def readings(columns: Sequence[Implementation]) -> tuple[Reading, ...]:
    """Each reading that a row names, and what was seen of it over all implementations.

    What an implementation does is said in the words of its ledger, else by the outcome of the row.
    """
    found: dict[str, dict[str, dict[str, None]]] = {}
    ids: dict[str, dict[str, None]] = {}
    titles: dict[str, str] = {}
    under: dict[str, dict[str, str]] = {}
    for column in columns:
        for name, row, seen, entry in _met(column):
            said = f"{row}: {seen}"
            ids.setdefault(name, {})[row] = None
            found.setdefault(name, {}).setdefault(said, {})[column.name] = None
            if entry is not None:
                titles[name] = str(entry["title"])
                verdicts = "; ".join(f"{each['name']}: {each['verdict']}" for each in entry["readings"])
                under.setdefault(name, {})[said] = verdicts
    return tuple(
        Reading(
            name, tuple(ids[name]), {seen: tuple(who) for seen, who in found[name].items()},
            titles.get(name, ""), under.get(name, {}),
        )
        for name in sorted(found, key=_natural)
    )  # fmt: skip


def _met(column: Implementation) -> Iterator[tuple[str, str, str, Mapping[str, Any] | None]]:
    """The readings that an implementation met: name, requirement, what was seen, and the ledger's entry."""
    told: set[tuple[str, str]] = set()
    for entry in column.ledger:
        told.add((entry["id"], entry["requirement"]))
        yield entry["id"], entry["requirement"], str(entry["seen"]) or UNDECIDED, entry
    for row in column.results["requirements"]:
        for name in row["readings"]:
            if (name, row["id"]) in told:
                continue
            seen = AS_WRITTEN if row["verdict"] == "pass" else row["outcome"]
            yield name, row["id"], UNDECIDED if row["verdict"] not in TESTED else seen or AS_WRITTEN, None


def render(columns: Sequence[Implementation], *, made: str) -> str:
    """The page. ``made``: when (ISO time)."""
    import jinja2  # noqa: PLC0415 - start-up

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = files(__package__).joinpath("templates", "matrix.html.j2").read_text("utf-8")
    roles = dict.fromkeys(role for column in columns for role in column.results["suites"])
    tables = [(role, played(columns, role), groups(played(columns, role), role)) for role in roles]
    return environment.from_string(text).render(
        columns=columns, tables=tables, readings=readings(columns), made=made, verdicts=WORST, in_role=in_role
    )


def in_role(column: Implementation, role: str) -> str:
    """Tested of total in one role."""
    live = _live([row for row in column.results["requirements"] if row["role"] == role])
    return f"{sum(row['verdict'] in TESTED for row in live)} of {len(live)}"


def _live(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows that a total counts."""
    return [row for row in rows if row["verdict"] != "not-applicable" and not row["excluded"]]


def group_of(clause: str) -> str:
    """``PS3.18 13.4.3, 8.7`` is of the group ``PS3.18 13.4``; a clause that names no part keeps its text."""
    match = _CLAUSE.match(clause)
    if match is None:
        return clause.partition(",")[0]
    deeper = match[3].split(".")[1:2]
    return " ".join(filter(None, (match[1], ".".join([match[2], *deeper]))))


def _cell(column: Implementation, role: str, clause: str) -> Cell:
    rows = [row for row in column.results["requirements"] if row["role"] == role and group_of(row["clause"]) == clause]
    live = _live(rows)
    deviating = [row for row in live if row["verdict"] in ("error", "fail", "warn")]
    return Cell(
        tested=sum(row["verdict"] in TESTED for row in live),
        total=len(live),
        worst=min(
            (row["verdict"] for row in live),
            key=WORST.index,
            default="not-applicable" if any(row["verdict"] == "not-applicable" for row in rows) else "",
        ),
        known=sum(bool(row["known_issue"]) for row in live),
        excluded=sum(bool(row["excluded"]) for row in rows),
        deviations=tuple(
            f"{row['id']} {row['verdict']}{' (known issue)' if row['known_issue'] else ''}: {row['message'] or row['title']}"[
                :200
            ]
            for row in deviating
        ),
    )


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Numbers in the order of numbers, words in the order of words."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|[^\d]+", text)]
