"""Two judgements, requirement by requirement: what got worse, better, or merely different.

What changes with every run (UIDs, ports, times, numbers of events) is no difference. Rows are keyed by role and id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stgcmt.errors import UsageError
from stgcmt_reports.about import product

# From good to bad. What could not be judged lies between: it is worse than a note and better than a failure.
RANK = {name: place for place, name in enumerate((
    "pass", "not-applicable", "note", "not-tested", "inconclusive", "warn", "fail", "error",
))}  # fmt: skip
WORSE, BETTER, CHANGED, SAME, ADDED, REMOVED = "worse", "better", "changed", "same", "only in B", "only in A"
ORDER = (WORSE, REMOVED, ADDED, BETTER, CHANGED, SAME)

_PASSING = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"), "TIME"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "TIME"),
    (re.compile(r"(?<![\w.])[0-2](?:\.(?:0|[1-9]\d*)){2,}(?!\w)"), "UID"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "UUID"),
    (re.compile(r"(?<=[\w\]]):\d{4,5}\b"), ":PORT"),
    (re.compile(r"\bstgcmt-[a-z0-9_]{8}\b"), "DIRECTORY"),
    (re.compile(r"\b(events?|connections?) \d+(?:(?:, | and )\d+(?!\.?\d))*"), r"\1 N"),
    (re.compile(r"\b\d+(?:\.\d+)? ?(ms|s|seconds?|bytes?)\b"), r"N \1"),
)


@dataclass(frozen=True)
class Change:
    """One requirement in two judgements; ``what`` is worse, better, changed, same, only in A or only in B."""

    role: str
    id: str
    title: str
    clause: str
    what: str
    before: str = ""
    after: str = ""
    before_outcome: str | None = None
    after_outcome: str | None = None
    message: str = ""
    known_issue: bool = False


@dataclass(frozen=True)
class Comparison:
    """Two judgements compared: every row, in what their makers differ (tool, suite, edition, profile, SUT), and roles only in A."""

    changes: tuple[Change, ...]
    makers: tuple[tuple[str, str, str], ...]
    tested: tuple[str, str]
    gone: tuple[str, ...] = ()

    def of(self, what: str) -> tuple[Change, ...]:
        """The rows of one kind."""
        return tuple(each for each in self.changes if each.what == what)

    @property
    def roles_in_one(self) -> dict[str, str]:
        """The roles that were tested in one of them only, and in which: ``only in A`` or ``only in B``."""
        kinds: dict[str, set[str]] = {}
        for each in self.changes:
            kinds.setdefault(each.role, set()).add(each.what)
        return {role: next(iter(found)) for role, found in kinds.items() if found in ({REMOVED}, {ADDED})}

    @property
    def worse(self) -> bool:
        """Whether B is worse: a row went down without a known issue that excuses it, a judged one is gone, or a whole role.

        Another edition has other rows: there a row may go, but no role may.
        """
        other_edition = any(name == "edition" for name, _, _ in self.makers)
        lost = any(each.before != "not-applicable" for each in self.of(REMOVED))
        return any(not each.known_issue for each in self.of(WORSE)) or bool(self.gone) or (lost and not other_edition)

    def to_json(self) -> dict[str, Any]:
        """The comparison as ``stgcmt diff --json`` prints it; rows that are the same are counted only."""
        return {
            "worse": self.worse,
            "roles_gone": list(self.gone),
            "tested": {"a": self.tested[0], "b": self.tested[1]},
            "makers": [{"what": name, "a": a, "b": b} for name, a, b in self.makers],
            "counts": {what: len(self.of(what)) for what in ORDER},
            "changes": [asdict(each) for each in self.changes if each.what != SAME],
        }


def compare(a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    """Compare two results objects, ``a`` the older. Raises ``UsageError`` where they have no requirement in common."""
    before, after = ({(row["role"], row["id"]): row for row in each["requirements"]} for each in (a, b))
    if not before.keys() & after.keys():
        of_a, of_b = (", ".join(each["suites"]) or "no role" for each in (a, b))
        raise UsageError(
            "comparing", "two judgements with requirements in common", f"not one: A judged {of_a}, B judged {of_b}",
            "compare runs of the same roles; if B should have them, see why its run left them out",
        )  # fmt: skip
    changes = [_change(before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])]
    changes.sort(key=lambda each: (ORDER.index(each.what), -max(RANK.get(each.after, 0), 0), each.role, each.id))
    gone = sorted({role for role, _ in before} - {role for role, _ in after})
    return Comparison(tuple(changes), tuple(_makers(a, b)), (score(a), score(b)), tuple(gone))


def normalised(text: str) -> str:
    """``text`` without what changes from run to run."""
    for pattern, name in _PASSING:
        text = pattern.sub(name, text)
    return text


def score(results: Mapping[str, Any]) -> str:
    """Tested of total, as it stands beside every score: ``226 of 251``."""
    return f"{results['summary']['tested']} of {results['summary']['total']}"


def _change(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> Change:
    row = b or a
    assert row is not None, "a key comes from one of them"  # noqa: S101 - for the type checker
    known = bool(b and b["known_issue"])
    head = (row["role"], row["id"], row["title"], row["clause"])
    if a is None:
        return Change(*head, ADDED, after=row["verdict"], after_outcome=row["outcome"], message=_why(row))
    if b is None:
        return Change(*head, REMOVED, before=row["verdict"], before_outcome=row["outcome"])
    down = RANK[b["verdict"]] - RANK[a["verdict"]]
    same = SAME if _essence(a) == _essence(b) else CHANGED
    what = WORSE if down > 0 else BETTER if down < 0 else same
    return Change(
        *head, what, a["verdict"], b["verdict"], a["outcome"], b["outcome"], "" if what == SAME else _why(b), known
    )


def _essence(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of a row with the same verdict still tells a reader of a difference."""
    texts = (row["message"], row["expected"], *row["seen"])
    return (row["outcome"], bool(row["known_issue"]), *(normalised(text) for text in texts))


def _why(row: Mapping[str, Any]) -> str:
    return str(row["message"] or row["excluded"] or "")


def _makers(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    def told(results: Mapping[str, Any]) -> dict[str, str]:
        sut = results["sut"]
        return {
            "SUT": product(sut),
            "roles": ", ".join(results["suites"]),
            "tool": f"{results['tool']['name']} {results['tool']['version']}",
            "edition": results["edition"] or "all",
            "profile": results["profile"],
            "state": results["state"],
            **{f"suite {role}": f"{each['version']} {each['hash']}" for role, each in results["suites"].items()},
        }

    one, two = told(a), told(b)
    for name in dict.fromkeys([*one, *two]):
        if one.get(name) != two.get(name):
            yield name, one.get(name, "-"), two.get(name, "-")
