"""Writes docs/orthanc.md from the evidence of a run: ``python docs/make_orthanc.py BUNDLE > docs/orthanc.md``.

Verdicts, exchanges and numbers come from the bundle; the sentences about them stand in ``orthanc_prose.toml``. A deviation
without its sentence, or a sentence without its deviation, ends the script with status 1, so that the page stays true.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from stgcmt import bundle
from stgcmt.transcript import Transcript
from stgcmt_reports.sequence import HERE, IN, Step, steps
from stgcmt_suites.scp.views import Commitment, commitments

Row = Mapping[str, Any]
PROSE = tomllib.loads((Path(__file__).parent / "orthanc_prose.toml").read_text("utf-8"))
DEVIATIONS = ("fail", "warn")
TOLD = ("N-ACTION-RQ", "N-EVENT-REPORT-RQ")  # their data sets are shown line by line
SEQUENCE = bytes.fromhex("08009911")  # Referenced SOP Sequence in a little endian data set
OTHERS = {"n-get": "N-GET-RQ", "n-create": "N-CREATE-RQ"}


class Names:
    """Short names for the UIDs that the harness minted: T1 for a Transaction UID, I1 for an instance, C1 for a class."""

    LETTERS: Mapping[str, str] = {"transaction": "T", "instance": "I", "class": "C"}

    def __init__(self, transcript: Transcript) -> None:
        self._kinds = {str(event.info["uid"]): str(event.info["what"]) for event in transcript.of("uid")}
        self._given: dict[str, str] = {}
        self._pattern = re.compile("|".join(map(re.escape, self._kinds)) or "(?!)")

    def short(self, text: str) -> str:
        """``text`` with its minted UIDs replaced; what stands behind one (``.x``) stays."""
        return self._pattern.sub(lambda match: self._name(match[0]), text)

    def _name(self, uid: str) -> str:
        letter = self.LETTERS.get(self._kinds[uid], "U")
        count = sum(name.startswith(letter) for name in self._given.values())
        return self._given.setdefault(uid, f"{letter}{count + 1}")


def exchange(transcript: Transcript, wanted: Collection[str | None], *, negotiation: bool) -> Iterator[str]:
    """The associations of the wanted requests and of their reports, a line a message, data sets below."""
    asked = [one for one in commitments(transcript).all if one.step in wanted]
    conns = {one.answer.assoc.conn for one in asked if one.answer.assoc is not None}
    conns |= {report.assoc.conn for one in asked for report in one.heard}
    shown = [each for each in steps(transcript) if each.conn in conns]
    ended = {each.conn for each in shown if each.label == "connection ended: release"}
    shown = [each for each in shown if not _ordinary(each, ended)]
    names, start = Names(transcript), min((each.t for each in shown), default=0.0)
    first = {conn: n for n, conn in enumerate(dict.fromkeys(each.conn for each in shown), 1)}
    for each in shown:
        flow = {HERE: "  ", IN: "<-"}.get(each.flow, "->")
        step = f"   [{each.step}]" if each.step and each.label.startswith("N-ACTION-RQ") else ""
        yield f"{each.t - start:7.3f} s  association {first[each.conn]}  {flow} {names.short(each.label)}{step}"
        for line in _details(each, negotiation=negotiation):
            yield f"                              {names.short(line)}"


def _ordinary(step: Step, released: set[int | None]) -> bool:
    """Whether a line says only what every association does: it is opened, and released in good order."""
    opened = step.label.startswith(("connection to", "connection from"))
    return opened or (step.conn in released and step.label.startswith(("A-RELEASE", "connection ended")))


def _details(step: Step, *, negotiation: bool) -> Iterator[str]:
    if negotiation and step.label.startswith("A-ASSOCIATE"):
        roles = [line for line in step.lines if line.startswith("role ")]
        yield from roles or ["no role selection item (54H)"]
    if not step.label.startswith(TOLD):
        return
    lines = step.lines[step.lines.index("") + 2 :] if "" in step.lines else ["no data set"]
    yield from lines
    at = step.data.rfind(SEQUENCE)
    if at >= 0 and any("ReferencedSOPSequence: 0 items" in line for line in lines):
        size = 12 if step.data[at + 4 : at + 6] == b"SQ" else 8  # explicit encodings: tag, VR, two bytes, length
        yield f"bytes of the empty sequence: {step.data[at : at + size].hex(' ')}"


def asked(transcripts: Mapping[str, Transcript]) -> Iterator[str]:
    """A line of the table of defects for each request that should be refused, its control first."""
    for scenario, told in PROSE["asked"].items():
        transcript = transcripts[f"scp/{scenario}"]
        for step, words in told.items():
            yield f"| `{scenario}` | {words} | {_answered(transcript, step)} |"


def _answered(transcript: Transcript, step: str) -> str:
    if step in OTHERS:
        return commitments(transcript).dimse.answer(step, OTHERS[step]).summary
    one = commitments(transcript)[step]
    return f"{one.answer.summary}{_reported(one)}"


def _reported(one: Commitment) -> str:
    told = [f"{len(each.result.committed)} committed, {len(each.result.failed)} failed" for each in one.heard]
    return f"; report: {' and '.join(told)}" if told else ""


def page(results: Row, transcripts: Mapping[str, Transcript]) -> Iterator[str]:
    """The whole page."""
    rows = {row["id"]: row for row in results["requirements"]}
    yield from (PROSE["head"].strip(), "")
    yield from ran(results)
    found = {ident: row for ident, row in rows.items() if row["verdict"] in DEVIATIONS}
    yield from ("## Deviations", "", PROSE["deviations_head"].strip(), "")
    yield "| Requirement | Verdict | Clause | Sent | Seen | What it costs |"
    yield "|---|---|---|---|---|---|"
    for ident, row in found.items():
        told = PROSE["deviation"][ident]
        cells = (f"[{ident}](#{_anchor(row)})", row["verdict"], row["clause"], told["sent"], told["seen"], row["cost"])
        yield f"| {' | '.join(cells)} |"
    yield ""
    for ident, row in found.items():
        yield from deviation(ident, row, transcripts)
    yield from ("## How requests with a defect were answered", "", PROSE["asked_head"].strip(), "")
    yield from ("| Scenario | Request | Answer |", "|---|---|---|", *asked(transcripts), "")
    yield from ("## What was not judged, and what it would need", "", PROSE["unjudged_head"].strip(), "")
    yield from ("| Requirement | Verdict | Reason | What it would need |", "|---|---|---|---|")
    for ident, row in rows.items():
        if row["verdict"] in {"inconclusive", "not-tested"}:
            needs = "the vendor's statement" if row["excluded"] else PROSE["needs"][ident]
            yield f"| {ident} | {row['verdict']} | {row['message']} | {needs} |"
    yield from ("", "## What the claims excuse", "", PROSE["claims_head"].strip(), "")
    yield from ("| Requirement | Claim | How it was found true |", "|---|---|---|")
    for ident, row in rows.items():
        if row["verdict"] == "not-applicable":
            yield f"| {ident} | {row['message'].removeprefix('the SUT file claims ')} | {PROSE['claimed'][ident]} |"
    yield from ("", PROSE["tail"].strip())


def ran(results: Row) -> Iterator[str]:
    """What was run, and what came of it."""
    counts, sut, tool = results["summary"], results["sut"], results["tool"]
    binding = [row for row in results["requirements"] if _applies(row)]
    judged = [row for row in binding if row["verdict"] in {"pass", "fail", "warn", "note"}]
    yield from ("## What was run", "", "| | |", "|---|---|")
    yield f"| SUT | {sut['name']} {sut['version']}, {PROSE['package']} |"
    yield f"| Harness | {tool['name']} {tool['version']}, profile {results['profile']} |"
    yield f"| Played | {results['started'][:10]}, {len(results['scenarios'])} scenarios in {_seconds(results)} s |"
    told = ", ".join(f"{counts[name]} {name}" for name in counts if name not in {"tested", "total"} and counts[name])
    yield f"| Verdicts | {told} |"
    yield f"| SHALL rows that bind | {len(binding)}, of which {len(judged)} judged ({len(judged) / len(binding):.0%}) |"
    yield f"| Exit code | {results['exit_code']}: {results['exit_reason']} |"
    yield from ("", PROSE["configuration"].strip(), "")


def _applies(row: Row) -> bool:
    return row["level"] == "shall" and not row["excluded"] and row["verdict"] != "not-applicable"


def _seconds(results: Row) -> int:
    return round(float(results["timing"]["wall_s"]))


def deviation(ident: str, row: Row, transcripts: Mapping[str, Transcript]) -> Iterator[str]:
    """One deviation with its exchange."""
    told = PROSE["deviation"][ident]
    yield from (f"### {ident}: {row['title']}", "", row["statement"], "", told["why"].strip(), "")
    for each in told["exchange"]:
        where = transcripts[f"scp/{each['scenario']}"]
        yield from (f"`{each['scenario']}`, {each['words']}:", "", "```")
        yield from exchange(where, each["steps"], negotiation=each.get("negotiation", False))
        yield from ("```", "")
    yield from (f"Consequence: {row['cost']}. {told['consequence'].strip()}", "")


def _anchor(row: Row) -> str:
    """The fragment under which GitHub finds a heading."""
    kept = re.sub(r"[^\w\- ]", "", f"{row['id']}: {row['title']}".lower())
    return kept.replace(" ", "-")


def complaints(results: Row) -> list[str]:
    """Where prose and verdicts disagree about what there is to tell."""
    verdicts = {row["id"]: row["verdict"] for row in results["requirements"] if not row["excluded"]}
    wanted = {
        "deviation": {ident for ident, verdict in verdicts.items() if verdict in DEVIATIONS},
        "needs": {ident for ident, verdict in verdicts.items() if verdict in {"inconclusive", "not-tested"}},
        "claimed": {ident for ident, verdict in verdicts.items() if verdict == "not-applicable"},
    }
    told = [(name, ident, "has no text") for name in wanted for ident in wanted[name] - PROSE[name].keys()]
    told += [(name, ident, "has not that verdict") for name in wanted for ident in PROSE[name].keys() - wanted[name]]
    return [f"[{name}.{ident!r}] {words}" for name, ident, words in sorted(told)]


def main() -> int:
    """Print the page, or say what is missing."""
    directory = Path(sys.argv[1])
    recording = bundle.load(directory)
    results = json.loads((directory / bundle.RESULTS).read_text("utf-8"))
    found = complaints(results)
    if found:
        sys.stderr.write("\n".join(["orthanc_prose.toml does not fit the bundle:", *found, ""]))
        return 1
    sys.stdout.write("\n".join(page(results, recording.named())) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
