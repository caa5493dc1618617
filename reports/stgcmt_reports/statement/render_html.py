"""``statement.html``: the conformance statement as one offline page that prints well."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from stgcmt_reports.sequence import anchor
from stgcmt_reports.statement import words
from stgcmt_reports.statement.claims import TITLES
from stgcmt_reports.statement.values import SHOWN, Statement


def render(statement: Statement) -> str:
    """The page."""
    template = _environment().get_template("statement.html.j2")
    page: str = template.render(
        s=statement, words=words, cover=words.cover(statement), claims=claims_data(statement), readings=statement.ledger,
        css=_template("statement.css"), anchor=anchor, shown=SHOWN,
    )  # fmt: skip
    return page


def claims_data(statement: Statement) -> Mapping[str, Any]:
    """The claim audit as the partial ``claims.html.j2`` takes it: strings alone."""
    audit = statement.audit
    return {
        "lists": [
            {
                "name": name,
                "title": title,
                "entries": [
                    {
                        "role": each["role"],
                        "claim": each["claim"],
                        "value": words.value_text(each["value"], each["claim"]),
                        "note": words.audit_note(each),
                    }
                    for each in audit[name]
                ],
            }
            for name, title in TITLES.items()
        ],
        "unknown_slots": audit["unknown_slots"],
    }


def _environment() -> Any:
    import jinja2  # noqa: PLC0415 - start-up

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def _template(name: str) -> str:
    return files("stgcmt_reports").joinpath("templates", name).read_text("utf-8")
