"""Words that every rendering of a statement shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stgcmt.views.association import hex4
from stgcmt_reports.about import product
from stgcmt_reports.statement.values import SHOWN, Cell, Section, Statement, Table

MARKS: Mapping[str, str] = {"observed": "●", "declared": "◆", "open": "☐", "fixed": ""}
NAMES: Mapping[str, str] = {"observed": "observed", "declared": "declared", "open": "to be completed"}
LEGEND: Mapping[str, str] = {
    "observed": "seen on the wire in this run; the events are named",
    "declared": "stated by the vendor in the SUT file; the events are named where it was seen, too",
    "open": "neither seen nor stated: somebody must complete it",
}
SURE: Mapping[str, str] = {
    "read": "",
    "inferred": "number or title inferred: check it against your copy of the edition",
    "own": "a table of our own: the edition's place for it is not known to us",
}
NOT_APPLICABLE = "N/A"
ABOUT = (
    "Filled by {tool} from one recorded run. It is a draft for the vendor's conformance statement, not the statement and no "
    "certificate: check each observed cell, complete each open one, and put both into your template."
)


def heading(section: Section) -> str:
    """Number and title; a section that does not apply is kept and says so."""
    text = f"{section.number} {section.title}".strip()
    return text if section.applies else f"{text} - {NOT_APPLICABLE}"


def caption(table: Table) -> str:
    """``Table N.5-16: Failure Conditions …``."""
    return f"Table {table.number}: {table.title}" if table.number else table.title


def seen_note(cell: Cell) -> str:
    """Where a cell was seen: ``seen 12 times: …``."""
    return f"{times(cell)}: {cell.where}" if cell.places else ""


def times(cell: Cell) -> str:
    """How often a cell was seen."""
    return "seen once" if cell.count == 1 else f"seen {cell.count} times"


def rest(cell: Cell) -> str:
    """How many more sightings there are than a cell names."""
    more = cell.count - min(len(cell.places), SHOWN)
    return f"; {more} more" if more > 0 else ""


def cover(statement: Statement) -> list[tuple[str, str]]:
    """The rows of the cover."""
    head = statement.head
    sut: Mapping[str, Any] = head["sut"]
    tool = head["tool"]
    suites = ", ".join(f"{role} {each['version']} ({each['hash']})" for role, each in head["suites"].items())
    counts = statement.counts
    edition = head["edition"] or "not chosen: every row of the catalogue"
    return [
        ("Product", product(sut) or "unnamed SUT"),
        ("Roles", ", ".join(head["faces"].values()) or ", ".join(head["roles"])),
        ("Tool", f"{tool['name']} {tool['version']}"),
        ("Suites", suites),
        ("Edition", f"{edition}; numbers and headings of {head['numbering']}"),
        ("Run", f"{head['started']}, {head['state']}"),
        ("Tested / total", f"{head['tested']} / {head['total']} requirements, profile {head['profile']}"),
        ("Not judged", ", ".join(f"{count} {what}" for what, count in head["unjudged"].items() if count) or "nothing"),
        ("Known issues", ", ".join(head["known_issues"]) or "none"),
        ("Timing", f"timers of this machine were late by at most {head['jitter_s']:.3g} s"),
        ("Trust", head["trust"]),
        ("Cells", ", ".join(f"{counts[kind]} {NAMES[kind]}" for kind in counts)),
    ]


def value_text(value: Any, claim: str = "") -> str:
    """A claim's value for a reader; Failure Reasons as DICOM writes them."""
    if claim == "failure_reasons" and isinstance(value, int):
        return hex4(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(each) for each in value) if isinstance(value, (list, tuple)) else str(value)


def audit_note(entry: Mapping[str, Any]) -> str:
    """What follows an audited claim: where it was seen, why it was not, which findings."""
    parts = []
    if "findings" in entry:
        parts.append(f"finding {', '.join(entry['findings'])}" if entry["findings"] else "no requirement judges it")
    if entry.get("evidence"):
        shown = "; ".join(_place(each) for each in entry["evidence"][:3])
        times = "once" if entry["count"] == 1 else f"{entry['count']} times"
        parts.append(f"seen {times}: {shown}")
    if entry.get("why"):
        parts.append(str(entry["why"]))
    return "; ".join(parts)


def _place(each: Mapping[str, Any]) -> str:
    step = f" [{each['step']}]" if each["step"] else ""
    return f"{each['transcript']}{step} {', '.join(str(n) for n in each['events'][:3])}".rstrip()
