"""``report.html``: one offline file for people: findings first, every requirement, the exchange beside the clause.

What stands in the page from the start are the cover, the findings and the table of requirements; exchanges and details
are packed blocks that the reader's browser opens where they are wanted. Nothing that a SUT sent can run: all of it is
escaped, and the page's own policy lets no script run but its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt.verdict import CONSEQUENCES
from stgcmt_reports import timeline, unjudged
from stgcmt_reports.about import unfinished
from stgcmt_reports.exchanges import packed, slug
from stgcmt_reports.sections import SECTIONS, Page, Section, finding_id, places, row_id
from stgcmt_reports.sequence import anchor
from stgcmt_reports.text import clip, plural, visible

FILE = "report.html"
VERDICTS = ("error", "fail", "warn", "inconclusive", "not-tested", "note", "pass", "not-applicable")
SAID = 1_500  # characters of one sentence of a finding; a SUT may have sent megabytes


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``report.html``; raises ``OSError``."""
    path = directory / FILE
    path.write_text(render(evidence), "utf-8")
    return [path]


def render(evidence: Evidence) -> str:
    """The page."""
    page = Page(evidence)
    results = evidence.results
    environment = _environment()
    environment.globals |= {
        "r": results,
        "present": set(evidence.transcripts),
        "counts": [(verdict, results["summary"][verdict]) for verdict in VERDICTS if results["summary"][verdict]],
    }
    shown, broken = _sections(page)
    row = environment.get_template("row.html.j2")
    readings = next((data for section, data in shown if section.ident == "readings"), ())
    ledger = {(each["role"], each["requirement"]): each for each in readings}
    script = _template("report.js")
    model = {
        "sections": shown,
        "broken": broken,
        "scores": unjudged.scores(results),
        "issues": unjudged.issues(results),
        "deviations": _deviations(results),
        "trust": trust(evidence),
        "unfinished": unfinished(results),
        "blocks": page.blocks,
        "rows": packed(
            [
                {"h": row.render(row=each, read=ledger.get((each["role"], each["id"]))), "q": _words(each)}
                for each in results["requirements"]
            ]
        ),
        "waits": packed(timeline.table(page.spans)),
        "css": _template("report.css"),
        "js": script,
        "js_hash": base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
    }
    return str(environment.get_template("report.html.j2").render(model))


def _sections(page: Page) -> tuple[list[tuple[Section, Any]], list[str]]:
    """The sections that have something to show, and a sentence for each that could not be made: it costs the others nothing."""
    shown: list[tuple[Section, Any]] = []
    broken: list[str] = []
    for section in SECTIONS:
        try:
            data = section.data(page)
        except Exception as error:  # noqa: BLE001 - perhaps a third party's; the findings must reach their reader
            broken.append(f"The section {section.title} could not be made: {type(error).__name__}: {error}")
            continue
        if data:
            shown.append((section, data))
    return shown, broken


def trust(evidence: Evidence) -> str:
    """How far this page may be trusted: who ran the tool, and whether somebody answers for it.

    A writer runs before anybody can sign, so the page itself is always unsigned; a signature stands beside the bundle.
    """
    driver = evidence.sut.get("driver")
    builtin = isinstance(driver, Mapping) and driver.get("kind") == "builtin"
    changed = "; ".join(evidence.results.get("recording_differs", ()))
    return (
        "self-run, unsigned"
        + ("; the SUT is the reference that comes with the tool" if builtin else "")
        + (f"; lowered: the recording differs from its manifest ({changed})" if changed else "")
    )


def _deviations(results: Mapping[str, Any]) -> list[tuple[str, int]]:
    """How many findings each consequence has, worst first."""
    found = [row for row in results["requirements"] if row["verdict"] in ("fail", "warn")]
    counted: dict[str, int] = {}
    for row in found:
        counted[row["consequence"]] = counted.get(row["consequence"], 0) + 1
    order = [*CONSEQUENCES, *sorted(set(counted) - set(CONSEQUENCES))]
    return [(name, counted[name]) for name in order if name in counted]


def _words(row: Mapping[str, Any]) -> str:
    """What the search finds a row by."""
    told = (
        row[key] or "" for key in ("id", "title", "statement", "clause", "role", "message", "expected", "consequence")
    )
    checks = " ".join(check["name"] for check in row["checks"])
    marks = [
        "known issue" if row["known_issue"] else "",
        "excluded" if row["excluded"] else "",
        "vacuous" if row["vacuous"] else "",
    ]
    said = " ".join([*told, *row["readings"], checks, *(clip(seen, SAID) for seen in row["seen"]), *marks])
    return visible(clip(said, 6_000)).lower()


def _environment() -> Any:
    import jinja2  # noqa: PLC0415 - start-up
    from markupsafe import Markup  # noqa: PLC0415 - start-up

    def finalize(value: Any) -> Any:
        """Every text that a template shows, without what does not print."""
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
    )
    environment.globals |= {"places": places, "anchor": anchor, "finding_id": finding_id, "row_id": row_id}
    environment.filters |= {
        "said": lambda text: clip(str(text), SAID),
        "plural": plural,
        "slug": slug,
        "counted": lambda each: Counter(each).items(),
    }
    return environment


def _template(name: str) -> str:
    return files("stgcmt_reports").joinpath("templates", name).read_text("utf-8")
