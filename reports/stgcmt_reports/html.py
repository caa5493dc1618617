"""``report.html``: one offline file for people: findings first, every requirement, the exchange beside the clause.

What a transcript holds is inlined up to a budget, messages that findings cite first; what was left out is said where
it is missing, and stands in the bundle's ``transcripts/``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence, findings
from stgcmt.transcript import Transcript
from stgcmt_reports import reproduce
from stgcmt_reports.decode import hex_dump
from stgcmt_reports.sequence import Step, anchor, steps
from stgcmt_reports.topology import tables

FILE = "report.html"
BUDGET = 5_000_000  # characters of decoded text and bytes; the page stays well below 10 MB
RAW_LIMIT = 8192  # bytes of one message
STEPS = 400  # steps of one transcript; those that a finding cites are always shown
AROUND = 4  # steps shown before and after a cited one, beside a finding
BESIDE = 3  # transcripts shown beside a finding
OWN = frozenset({"uid", "conn", "note", "decision"})  # not shown beside a finding unless cited
VERDICTS = ("error", "fail", "warn", "inconclusive", "not-tested", "note", "pass", "not-applicable")


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``report.html``; raises ``OSError``."""
    path = directory / FILE
    path.write_text(render(evidence), "utf-8")
    return [path]


def render(evidence: Evidence) -> str:
    """The page."""
    import jinja2  # noqa: PLC0415 - start-up

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    results = evidence.results
    pages = _Pages(evidence.transcripts, findings(results))
    model = {
        "r": results,
        "counts": [(verdict, results["summary"][verdict]) for verdict in VERDICTS if results["summary"][verdict]],
        "rows_total": len(results["requirements"]),
        "roles": list(dict.fromkeys(row["role"] for row in results["requirements"])),
        "findings": [_finding(row, evidence, pages) for row in findings(results)],
        "rows": [(row, f"r-{row['role']}-{reproduce.safe(row['id'])}") for row in results["requirements"]],
        "pages": [pages.page(name) for name in pages.order],
        "present": set(evidence.transcripts),
        "topology": tables(results),
        "css": _template("report.css"),
        "js": _template("report.js"),
        "places": places,
        "anchor": anchor,
        "finding_id": _finding_id,
    }
    return environment.get_template("report.html.j2").render(model)


@dataclass(frozen=True)
class Shown:
    """One step as the page shows it; a ``gap`` stands for steps left out."""

    step: Step | None = None
    anchors: tuple[str, ...] = ()
    marked: bool = False
    lines: str = ""
    raw: str = ""
    raw_size: int = 0
    left_out: str = ""
    gap: int = 0

    @property
    def opens(self) -> bool:
        """Whether there is anything inside."""
        return bool(self.lines or self.raw or self.left_out)


class _Pages:
    """All transcripts as pages, with one budget spent in the order of interest."""

    def __init__(self, transcripts: Mapping[str, Transcript], rows: Iterable[Mapping[str, Any]]) -> None:
        self.transcripts = transcripts
        self.cited: dict[str, set[int]] = {}
        for row in rows:
            for each in row["evidence"]:
                if each["transcript"] in transcripts:
                    self.cited.setdefault(each["transcript"], set()).update({each["event"]} - {None})
        self.order = [*self.cited, *(name for name in transcripts if name not in self.cited)]
        self._left = BUDGET
        self._content: dict[tuple[str, tuple[int, ...], str], Shown] = {}
        for only_marked in (True, False):
            for name in self.order:
                for step in self._kept(name):
                    if not only_marked or self._marked(name, step):
                        self._spend(name, step)

    def page(self, name: str) -> dict[str, Any]:
        """One transcript: header, state and its steps."""
        transcript = self.transcripts[name]
        shown: list[Shown] = []
        last = -1
        everything = steps(transcript)
        place = {id(step): number for number, step in enumerate(everything)}
        for step in self._kept(name):
            number = place[id(step)]
            if number > last + 1:
                shown.append(Shown(gap=number - last - 1))
            shown.append(self._spend(name, step))
            last = number
        if last + 1 < len(everything):
            shown.append(Shown(gap=len(everything) - last - 1))
        return {
            "name": name,
            "id": f"t-{name.replace('/', '-')}",
            "steps": shown,
            "events": len(transcript.events),
            "cut": transcript.cut,
            "cited": name in self.cited,
        }

    def beside(self, name: str, cited: set[int]) -> list[Shown]:
        """The steps around the cited ones, as a finding shows them."""
        transcript = self.transcripts[name]
        everything = [step for step in steps(transcript) if step.kind not in OWN or cited & set(step.events)]
        marks = [number for number, step in enumerate(everything) if cited & set(step.events)]
        near = {n for mark in marks[:12] for n in range(mark - AROUND, mark + AROUND + 1)} or set(range(3 * AROUND))
        shown: list[Shown] = []
        gap = 0
        for number, step in enumerate(everything):
            if number not in near:
                gap += 1
                continue
            if gap:
                shown.append(Shown(gap=gap))
                gap = 0
            content = self._spend(name, step)
            marked = bool(cited & set(step.events))
            raw = hex_dump(step.data, 512) if marked else ""
            lines = content.lines if marked else ""
            shown.append(
                Shown(step, content.anchors[:1], marked, lines, raw, left_out=content.left_out if marked else "")
            )
        return [*shown, Shown(gap=gap)] if gap else shown

    def _marked(self, name: str, step: Step) -> bool:
        return bool(self.cited.get(name, set()) & set(step.events))

    def _kept(self, name: str) -> Iterator[Step]:
        everything = steps(self.transcripts[name])
        for number, step in enumerate(everything):
            if number < STEPS or self._marked(name, step):
                yield step

    def _spend(self, name: str, step: Step) -> Shown:
        """The content of a step, as far as the budget goes; decided once."""
        key = (name, step.events, step.label)
        if key not in self._content:
            lines = "\n".join(step.lines) if self._left > 0 else ""
            raw = base64.b64encode(step.data[:RAW_LIMIT]).decode("ascii") if self._left > 0 else ""
            left_out = ""
            if self._left <= 0 and step.data:
                left_out = f"{len(step.data)} bytes left out to keep this page small"
            self._left -= len(lines) + len(raw)
            anchors = tuple(anchor(name, n) for n in step.events[:200])
            self._content[key] = Shown(step, anchors, self._marked(name, step), lines, raw, len(step.data), left_out)
        return self._content[key]


def _finding(row: Mapping[str, Any], evidence: Evidence, pages: _Pages) -> dict[str, Any]:
    by_transcript = places(row["evidence"])
    known = [name for name in by_transcript if name in evidence.transcripts]
    exact = [name for name in known if by_transcript[name]] or known
    case = reproduce.case_of(row, evidence.transcripts, evidence.sut)
    return {
        "row": row,
        "id": _finding_id(row),
        "exchanges": [
            (name, f"t-{name.replace('/', '-')}", pages.beside(name, set(by_transcript[name])))
            for name in exact[:BESIDE]
        ],
        "more": len(exact) - BESIDE,
        "reproduce": reproduce.hint(row, evidence.transcripts).splitlines() if case else [],
        "script": f"{reproduce.DIRECTORY}/{case.name}" if case else "",
    }


def places(evidence: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """The cited events by transcript, in order of citation."""
    found: dict[str, list[int]] = {}
    for each in evidence:
        ids = found.setdefault(each["transcript"], [])
        if each["event"] and each["event"] not in ids:
            ids.append(each["event"])
    return found


def _finding_id(row: Mapping[str, Any]) -> str:
    return f"f-{row['role']}-{reproduce.safe(row['id'])}"


def _template(name: str) -> str:
    return files("stgcmt_reports").joinpath("templates", name).read_text("utf-8")
