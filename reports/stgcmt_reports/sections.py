"""The sections of ``report.html`` in order: each a partial template and the function that gives it its data.

A section whose function returns nothing is not shown, so that a run without proxies has no topology. To add one, write
``templates/NAME.html.j2`` and a function of ``Page``, and put a line into ``SECTIONS``. The partial gets ``data`` (what the
function returned), ``section`` and ``r`` (the results), and takes macros from ``macros.html.j2``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stgcmt.evidence import Evidence, findings
from stgcmt_reports import exchanges, reproduce, timeline, unjudged
from stgcmt_reports.exchanges import Block
from stgcmt_reports.topology import rows as reports

if TYPE_CHECKING:
    from stgcmt_reports.statement.values import Statement

BESIDE = 3  # exchanges drawn beside a finding
DRAWN = 40  # findings with their exchanges in the page from the start; those of the others are drawn when opened


@dataclass(frozen=True)
class Page:
    """What sections draw from."""

    evidence: Evidence

    @property
    def results(self) -> Mapping[str, Any]:
        """The ``results.json`` object."""
        return self.evidence.results

    @functools.cached_property
    def findings(self) -> list[Mapping[str, Any]]:
        """The deviating rows, worst consequence first."""
        return findings(self.results)

    @functools.cached_property
    def blocks(self) -> list[Block]:
        """The packed exchanges."""
        return exchanges.blocks(self.evidence.transcripts, self.findings)

    @functools.cached_property
    def spans(self) -> list[timeline.Span]:
        """The scenarios and waits of the run on one axis."""
        return timeline.spans(self.evidence.transcripts, self.results["timing"])

    @functools.cached_property
    def statement(self) -> Statement:
        """The conformance statement, for its claim audit and its readings ledger."""
        from stgcmt_reports.statement.document import build  # noqa: PLC0415 - it is the larger half of the package

        return self.evidence.view(build)


@dataclass(frozen=True)
class Section:
    """One section: ``ident`` is its fragment, ``title`` its heading and its word in the navigation."""

    ident: str
    title: str
    template: str
    data: Callable[[Page], Any]


def places(evidence: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """The cited events by transcript, in order of citation."""
    found: dict[str, list[int]] = {}
    for each in evidence:
        ids = found.setdefault(each["transcript"], [])
        if each["event"] and each["event"] not in ids:
            ids.append(each["event"])
    return found


def finding_id(row: Mapping[str, Any]) -> str:
    """The fragment of a finding."""
    return f"f-{row['role']}-{reproduce.safe(row['id'])}"


def row_id(row: Mapping[str, Any]) -> str:
    """The fragment of a requirement."""
    return f"r-{row['role']}-{reproduce.safe(row['id'])}"


def _findings(page: Page) -> dict[str, Any]:
    told = [_finding(row, page, drawn=number < DRAWN) for number, row in enumerate(page.findings)]
    return {"all": told, "tested": page.results["summary"]["tested"], "total": page.results["summary"]["total"]}


def _finding(row: Mapping[str, Any], page: Page, *, drawn: bool) -> dict[str, Any]:
    transcripts = page.evidence.transcripts
    by_transcript = places(row["evidence"])
    broken = places([each for each in row["evidence"] if each.get("deviates")])
    known = [name for name in by_transcript if name in transcripts]
    exact = [name for name in known if by_transcript[name]] or known
    beside = exact[:BESIDE]
    case = reproduce.case_of(row, transcripts, page.evidence.sut)
    return {
        "row": row,
        "exchanges": [
            exchanges.excerpt(name, transcripts[name], set(by_transcript[name]), broken.get(name, []))
            for name in beside
            if drawn
        ],
        "later": [] if drawn else [(name, by_transcript[name]) for name in beside],
        "more": len(exact) - BESIDE,
        "reproduce": reproduce.hint(row, transcripts).splitlines() if case else [],
    }


def _requirements(page: Page) -> dict[str, Any]:
    rows = page.results["requirements"]
    return {"rows": rows, "roles": list(dict.fromkeys(row["role"] for row in rows))}


def _unjudged(page: Page) -> dict[str, Any] | None:
    found = {
        "groups": unjudged.groups(page.results),
        "issues": unjudged.issues(page.results),
        "jitter_s": unjudged.jitter_s(page.evidence.transcripts),
    }
    if not any(found.values()):
        return None
    return {**found, "outside": len(page.results["requirements"]) - page.results["summary"]["total"]}


def _timeline(page: Page) -> dict[str, Any] | None:
    waits = sum(len(span.waits) for span in page.spans)
    if not page.spans:
        return None
    return {"chart": timeline.chart(page.spans), "waits": waits, "reasons": timeline.REASONS}


def _run(page: Page) -> dict[str, Any]:
    return {"present": set(page.evidence.transcripts)}


def _claims(page: Page) -> Mapping[str, Any] | None:
    from stgcmt_reports.statement.render_html import claims_data  # noqa: PLC0415 - as above

    return claims_data(page.statement) if any(page.statement.audit["counts"].values()) else None


def _readings(page: Page) -> Sequence[Mapping[str, Any]]:
    return page.statement.ledger


def _exchanges(page: Page) -> list[Block]:
    return page.blocks


SECTIONS: tuple[Section, ...] = (
    Section("findings", "Findings", "findings.html.j2", _findings),
    Section("unjudged", "Not proved", "unjudged.html.j2", _unjudged),
    Section("requirements", "Requirements", "requirements.html.j2", _requirements),
    Section("topology", "Reports", "topology.html.j2", lambda page: reports(page.results)),
    Section("claims", "Claims", "claims.html.j2", _claims),
    Section("readings", "Readings", "readings.html.j2", _readings),
    Section("timeline", "Timeline", "timeline.html.j2", _timeline),
    Section("run", "Run", "run.html.j2", _run),
    Section("exchanges", "Exchanges", "exchanges.html.j2", _exchanges),
)
