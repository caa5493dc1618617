"""``junit.xml``: one test case for every requirement row, as CI servers read it.

A fail is a failure, an error an error; what was not judged is skipped with its reason; a warning passes and says so in
its output. A row that a known issue excuses is skipped with the vendor's reason.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt_reports.about import product, unfinished

FILE = "junit.xml"
SKIPPED = frozenset({"inconclusive", "not-tested", "not-applicable"})
# XML 1.0 section 2.2 allows no other characters; recorded text may hold any.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``junit.xml``; raises ``OSError``."""
    path = directory / FILE
    tree = ET.ElementTree(document(evidence.results))
    ET.indent(tree)
    tree.write(path, encoding="utf-8", xml_declaration=True)
    return [path]


def document(results: Mapping[str, Any]) -> ET.Element:
    """The test suites, one a role, of a results object."""
    rows = results["requirements"]
    root = ET.Element("testsuites", name="stgcmt")
    roles = list(dict.fromkeys([*results["suites"], *(row["role"] for row in rows)]))
    counts = [_suite(root, role, [row for row in rows if row["role"] == role], results) for role in roles]
    for place, key in enumerate(("tests", "failures", "errors", "skipped")):
        root.set(key, str(sum(count[place] for count in counts)))
    root.set("time", _seconds(results["timing"].get("wall_s")))
    return root


def _suite(root: ET.Element, role: str, rows: list[Mapping[str, Any]], results: Mapping[str, Any]) -> tuple[int, ...]:
    suite = ET.SubElement(root, "testsuite", name=role, timestamp=str(results["started"]))
    hashed = results["suites"].get(role, {})
    _properties(
        suite,
        {
            "sut": product(results["sut"]),
            "tool": f"{results['tool']['name']} {results['tool']['version']}",
            "suite": f"{hashed.get('version', '')} {hashed.get('hash', '')}".strip(),
            "edition": results["edition"] or "",
            "profile": results["profile"],
            "tested": f"{results['summary']['tested']} of {results['summary']['total']}",
            "exit_code": results["exit_code"],
            "exit_reason": results["exit_reason"],
            "state": results["state"],
            **({"recording_differs": "; ".join(changed)} if (changed := results.get("recording_differs", ())) else {}),
        },
    )
    for row in rows:
        _case(suite, row)
    if told := unfinished(results):
        ET.SubElement(suite, "system-err").text = _text(told)
    count = (
        len(rows),
        len(suite.findall("testcase/failure")),
        len(suite.findall("testcase/error")),
        len(suite.findall("testcase/skipped")),
    )
    for key, value in zip(("tests", "failures", "errors", "skipped"), count, strict=True):
        suite.set(key, str(value))
    suite.set("time", _seconds(sum(each["wall_s"] for each in results["scenarios"] if each["role"] == role)))
    return count


def _case(suite: ET.Element, row: Mapping[str, Any]) -> None:
    case = ET.SubElement(suite, "testcase", classname=row["role"], name=_text(f"{row['id']} {row['title']}"), time="0")
    issue, verdict = row["known_issue"], row["verdict"]
    _properties(
        case,
        {
            "requirement": row["id"],
            "clause": row["clause"],
            "level": row["level"],
            "verdict": row["verdict"],
            "outcome": row["outcome"],
            "consequence": row["consequence"],
            "readings": ", ".join(row["readings"]),
            "evidence": ", ".join(place(each) for each in row["evidence"]),
            "proof": _proof(row["proof"]),
            "vacuous": "true" if row["vacuous"] else None,
            "near_limit": "true" if row.get("timed") and verdict == "inconclusive" else None,
            "excluded": row["excluded"],
            "known_issue": _issue(issue) if issue else None,
        },
    )
    message = _text(row["message"] or row["expected"] or row["verdict"])
    if issue and verdict in ("fail", "warn"):
        ET.SubElement(case, "skipped", message=_text(f"known issue: {_issue(issue)}"))
    elif verdict == "fail":
        ET.SubElement(case, "failure", message=message, type=row["outcome"] or "violation").text = account(row)
    elif verdict == "error":
        ET.SubElement(case, "error", message=message, type=row["outcome"] or "error").text = account(row)
    elif verdict in SKIPPED:
        ET.SubElement(case, "skipped", message=_text(f"{verdict}: {row['message'] or row['excluded'] or 'no reason'}"))
    if verdict in ("warn", "note") or (issue and verdict == "fail"):
        ET.SubElement(case, "system-out").text = f"{verdict.upper()}\n{account(row)}"


def account(row: Mapping[str, Any]) -> str:
    """A deviation in plain lines: expected, seen, where, cost, next step."""
    lines = [row["statement"].strip(), ""]
    if row["expected"]:
        lines.append(f"expected   {row['expected']}")
    lines += [f"seen       {seen}" for seen in row["seen"]] or [f"seen       {row['message']}"]
    lines += [f"evidence   {place(each)}" for each in row["evidence"]]
    lines += [f"{label:<10} {row[key]}" for label, key in (("costs", "cost"), ("next step", "next_step")) if row[key]]
    return _text("\n".join(lines))


def place(citation: Mapping[str, Any]) -> str:
    """A citation in a word: ``scp/plain_commitment#7``."""
    return f"{citation['transcript']}#{citation['event']}" if citation["event"] else str(citation["transcript"])


def _properties(parent: ET.Element, values: Mapping[str, Any]) -> None:
    properties = ET.SubElement(parent, "properties")
    for name, value in values.items():
        if value not in (None, ""):
            ET.SubElement(properties, "property", name=name, value=_text(str(value)))


def _proof(proof: Mapping[str, Any] | None) -> str | None:
    return f"{proof['killed']} of {proof['tried']} mutations of the recording turn the pass red" if proof else None


def _issue(issue: Mapping[str, Any]) -> str:
    notes: Iterable[str] = (f"{key} {issue[key]}" for key in ("until", "ticket") if issue.get(key))
    return "; ".join([str(issue["reason"]), *notes])


def _seconds(value: float | None) -> str:
    return f"{value or 0:.3f}"


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
