"""``statement.md``: the conformance statement as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stgcmt_reports.statement import words
from stgcmt_reports.statement.claims import TITLES
from stgcmt_reports.statement.values import Cell, Section, Statement, Table

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_[]<>|#"})


def render(statement: Statement) -> str:
    """The document."""
    return "\n".join(_lines(statement)) + "\n"


def _lines(statement: Statement) -> Iterator[str]:
    yield "# Conformance statement draft: Storage Commitment"
    yield ""
    yield words.ABOUT.format(tool=statement.head["tool"]["name"])
    yield ""
    yield from table(("", ""), words.cover(statement))
    yield ""
    yield "How to read a cell: " + "; ".join(
        f"{words.MARKS[kind]} {words.NAMES[kind]}: {text}" for kind, text in words.LEGEND.items()
    )
    for section in statement.sections:
        yield ""
        yield f"## {text(words.heading(section))}"
        yield ""
        yield from _section(section)
    yield from _claims(statement)
    yield from _readings(statement)


def _section(section: Section) -> Iterator[str]:
    if not section.applies:
        yield words.NOT_APPLICABLE
        return
    if words.SURE[section.seen]:
        yield f"*({words.SURE[section.seen]})*"
        yield ""
    for each in section.tables:
        yield from _table(each, section)


def _table(each: Table, section: Section) -> Iterator[str]:
    yield f"**{text(words.caption(each))}**"
    note = words.SURE[each.seen]
    if note and each.seen != section.seen:
        yield f"*({note})*"
    yield ""
    if each.rows:
        yield from table(each.columns, ([cell(one) for one in row.cells] for row in each.rows), ready=True)
    else:
        yield "nothing was seen"
    yield ""


def cell(one: Cell) -> str:
    """A cell with its mark, and where it was seen."""
    if one.kind == "fixed":
        return text(one.text)
    mark = words.MARKS[one.kind]
    if one.kind == "open":
        return f"{mark} *{text(one.text)}*"
    note = words.seen_note(one)
    return f"{mark} {text(one.text)}" + (f"<br><sub>{text(note)}</sub>" if note else "")


def _claims(statement: Statement) -> Iterator[str]:
    yield ""
    yield "## Claims held against the wire"
    audit = statement.audit
    for name, title in TITLES.items():
        entries = audit[name]
        yield ""
        yield f"### {title}: {len(entries)}"
        yield ""
        if entries:
            rows = [
                (each["role"], each["claim"], words.value_text(each["value"], each["claim"]), words.audit_note(each))
                for each in entries
            ]
            yield from table(("Role", "Claim", "Value", "What was seen"), rows)
    if audit["unknown_slots"]:
        yield ""
        yield f"Entries of [claims.statement] that no cell takes: {text(', '.join(audit['unknown_slots']))}"


def _readings(statement: Statement) -> Iterator[str]:
    if not statement.ledger:
        return
    yield ""
    yield "## Where the standard can be read in more than one way"
    yield ""
    rows = [
        (
            f"{each['id']} {each['title']}", f"{each['requirement']} ({each['role']})", each["seen"],
            "; ".join(f"{one['name']}: {one['verdict']}" for one in each["readings"]),
        )
        for each in statement.ledger
    ]  # fmt: skip
    yield from table(("Point", "Requirement", "What the SUT does", "Verdict under each reading"), rows)


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], *, ready: bool = False) -> Iterator[str]:
    """A Markdown table; ``ready``: the cells are Markdown already."""
    heads = list(columns)
    yield f"| {' | '.join(text(each) for each in heads)} |"
    yield f"|{'|'.join('---' for _ in heads)}|"
    for row in rows:
        yield f"| {' | '.join(each if ready else text(each) for each in row)} |"


def text(value: str) -> str:
    """Plain text as Markdown: nothing of it is markup, and it stays on its line."""
    return " ".join("".join(char if char.isprintable() else " " for char in value).split()).translate(_SPECIAL)
