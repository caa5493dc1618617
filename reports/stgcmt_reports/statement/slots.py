"""``[claims.statement]`` as a form to fill in: every slot of a statement, what it asks for, and what was seen of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from stgcmt_reports.statement import words
from stgcmt_reports.statement.values import Cell, Statement


def form(statement: Statement) -> str:
    """A TOML table with one line a slot: stated ones as they are, the others commented out, each with what it is for."""
    lines = [
        "# What the vendor states in the conformance statement. Take the # away from a line and complete it; then",
        "# `stgcmt statement BUNDLE --claims THIS-FILE` or a next run with it in the SUT file shows it as declared.",
        "",
        "[claims.statement]",
    ]
    return "\n".join([*lines, *_lines(statement)]) + "\n"


def _lines(statement: Statement) -> Iterator[str]:
    done: set[str] = set()
    for section in statement.sections:
        for table in section.tables:
            fresh = [(row, cell) for row in table.rows for cell in row.cells if cell.slot and cell.slot not in done]
            if fresh:
                yield ""
                yield f"# {_line(words.heading(section))}: {_line(words.caption(table))}"
            for row, cell in fresh:
                if cell.slot not in done:
                    done.add(cell.slot)
                    yield _slot(row.cells[0], cell)


def _slot(label: Cell, cell: Cell) -> str:
    key = json.dumps(cell.slot)
    if cell.kind == "declared" and not cell.claimed:
        return f"{key} = {json.dumps(cell.text)}"
    what = f"  # {_line(label.text)}" if label.kind == "fixed" else ""
    value = '""' if cell.kind == "open" else json.dumps(cell.text)
    hint = f": {_line(cell.text)}" if cell.kind == "open" else " (as it was seen)"
    hint = " (as claimed elsewhere in the SUT file)" if cell.claimed else hint
    return f"# {key} = {value}{what}{hint}"


def _line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
