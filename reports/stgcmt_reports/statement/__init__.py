"""Conformance statements: PS3.2 Annex N for Storage Commitment, filled from a recording, with its claims audited.

``write`` is the writer; ``stgcmt_reports.statement.document.build`` makes the values that it renders.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence

DIRECTORY = "statement"
LEDGER = "ledger.json"


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``statement/`` (Markdown, HTML, DOCX, JSON, claims) and ``ledger.json``; raises ``OSError``."""
    from stgcmt_reports.statement import readings, render_docx, render_html, render_md  # noqa: PLC0415 - start-up
    from stgcmt_reports.statement.document import build  # noqa: PLC0415 - start-up

    statement = evidence.view(build)
    folder = directory / DIRECTORY
    folder.mkdir(exist_ok=True)
    files: dict[str, str | bytes] = {
        "statement.json": json.dumps(statement.to_json(), separators=(",", ":")) + "\n",
        "claims.json": _json(statement.audit),
        "statement.md": render_md.render(statement),
        "statement.html": render_html.render(statement),
        "statement.docx": render_docx.render(statement),
    }
    written: list[Path] = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))
        written.append(path)
    path = directory / LEDGER
    path.write_text(_json(readings.document(evidence.results, statement.ledger)), "utf-8")
    return [*written, path]


def claims_section(evidence: Evidence) -> Mapping[str, Any] | None:
    """What the partial ``claims.html.j2`` shows, for any page; ``None`` where nothing is claimed and nothing was seen."""
    from stgcmt_reports.statement.document import build  # noqa: PLC0415 - start-up
    from stgcmt_reports.statement.render_html import claims_data  # noqa: PLC0415 - start-up

    statement = evidence.view(build)
    return claims_data(statement) if any(statement.audit["counts"].values()) else None


def readings_section(evidence: Evidence) -> tuple[Mapping[str, Any], ...]:
    """What the partial ``readings.html.j2`` shows, for any page; empty where no silent point was met."""
    from stgcmt_reports.statement.document import build  # noqa: PLC0415 - start-up

    return evidence.view(build).ledger


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True) + "\n"
