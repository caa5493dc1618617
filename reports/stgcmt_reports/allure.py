"""Allure results: one test a requirement row from a bundle, and the words that ``pytest --alluredir`` uses, too.

Epic is the service, feature the role, story the clause; the link leads to the requirement's page, attachments show the
exchange. Allure makes a site of the directory: ``allure generate DIR``.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt_reports import rows as r
from stgcmt_reports.exchange import cited_by, exchange

EPIC = r.LABEL
SHOWN = 3  # transcripts beside one row
_NAMESPACE = uuid.UUID("6f1f9c53-6f0c-4b58-9a2b-1d7f6a5a1c11")
_SEVERITY = {"data-loss": "blocker", "lost-result": "critical", "blocked-modality": "blocker", "needless-load": "minor"}
CATEGORIES = (
    {"name": "Deviations from the standard", "matchedStatuses": ["failed"]},
    {"name": "Faults of the harness", "matchedStatuses": ["broken"]},
    *(
        {"name": name, "matchedStatuses": ["skipped"], "messageRegex": f"(?s).*{words}.*"}
        for name, words in (
            ("Known issues", "known issue"),
            ("Times too near to their limit to tell", "too near to its limit"),
            ("Inconclusive", "inconclusive: "),
            ("Excluded", "excluded: "),
            ("Not applicable", "not-applicable: "),
            ("Not tested", "not-tested: "),
        )
    ),
)


def write_results(evidence: Evidence, directory: Path) -> int:
    """Write the results of a bundle into ``directory``; how many tests. Raises ``OSError``."""
    shared: dict[str, str] = {}
    for row in evidence.results["requirements"]:
        result = _result(row, evidence, directory, shared)
        _dump(directory / f"{result['uuid']}-result.json", result)
    write_surroundings(evidence.results, directory)
    return len(evidence.results["requirements"])


def write_surroundings(results: Mapping[str, Any], directory: Path) -> None:
    """``environment.properties``, ``categories.json`` and ``executor.json``; raises ``OSError``."""
    text = "".join(f"{name}={_property(value)}\n" for name, value in environment(results).items())
    (directory / "environment.properties").write_text(text, "utf-8")
    _dump(directory / "categories.json", list(CATEGORIES))
    tool = f"{results['tool']['name']} {results['tool']['version']}"
    executor = {"name": tool, "type": "stgcmt", "buildName": f"{r.sut_name(results)} {results['started']}"}
    _dump(directory / "executor.json", executor)


def environment(results: Mapping[str, Any]) -> dict[str, str]:
    """What was tested with what; "tested of total" stands among it, and how many rows a score would hide."""
    found = {
        "SUT": r.sut_name(results),
        "Tested": r.score(results),
        "Exit.code": f"{results['exit_code']}: {results['exit_reason']}",
        "State": r.unfinished(results) or results["state"],
        "Tool": f"{results['tool']['name']} {results['tool']['version']}",
        "Edition": results["edition"] or "all",
        "Profile": results["profile"],
        "Started": results["started"],
    }
    found |= {f"Suite.{role}": f"{each['version']} {each['hash']}" for role, each in results["suites"].items()}
    return found | {f"Rows.{each.kind}": str(len(each.rows)) for each in r.caveats(results)}


def labels(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The labels of a row: what Allure groups by, and the verdict, which tells a warning from a pass."""
    found = [
        ("epic", EPIC), ("feature", row["role"]), ("story", row["clause"]), ("parentSuite", EPIC), ("suite", row["role"]),
        ("subSuite", row["clause"]), ("severity", _SEVERITY.get(row["consequence"], "normal")), ("tag", row["level"]),
        ("requirement", row["id"]), ("verdict", row["verdict"]), ("framework", "stgcmt"),
    ]  # fmt: skip
    return found + [("tag", name) for name in tags(row)]


def tags(row: Mapping[str, Any]) -> list[str]:
    """What must be seen beside a row: its verdict where it is no plain pass, and why a score would hide it."""
    found = [] if row["verdict"] == "pass" else [row["verdict"]]
    marks = (("known-issue", row["known_issue"]), ("near-limit", r.is_near(row)), ("excluded", row["excluded"]))
    return found + [name for name, holds in (*marks, ("vacuous", row["vacuous"])) if holds]


def message(row: Mapping[str, Any]) -> str:
    """The line that Allure shows and sorts into categories."""
    near = "too near to its limit to tell: " if r.is_near(row) else ""
    said = r.reason(row)
    return f"{row['verdict']}: {near}{said}" if said or row["verdict"] != "pass" else ""


def description(row: Mapping[str, Any]) -> str:
    """What the requirement says, its clause and level."""
    return f"{row['statement'].strip()}\n\n{row['clause']}, {row['level'].upper()}. Costs: {row['cost']}"


def _result(row: Mapping[str, Any], evidence: Evidence, directory: Path, shared: dict[str, str]) -> dict[str, Any]:
    results = evidence.results
    key = f"{row['role']}/{row['id']}"
    details: dict[str, Any] = {}
    if said := message(row):
        details = {"message": said, "trace": r.account(row)}
        details |= {"known": True} if row["known_issue"] else {}
        details |= {"flaky": True} if r.is_near(row) else {}
    start = r.milliseconds(results["started"])
    return {
        "uuid": str(uuid.uuid5(_NAMESPACE, f"{results['started']}/{results['judged']}/{key}")),
        "historyId": hashlib.sha256(f"{r.sut_name(results)}/{key}".encode()).hexdigest(),
        "testCaseId": hashlib.sha256(key.encode()).hexdigest(),
        "fullName": key,
        "name": f"{row['id']} {row['title']}",
        "description": description(row),
        "status": r.status(row),
        "statusDetails": details,
        "stage": "finished",
        "start": start,
        "stop": start,
        "labels": [{"name": name, "value": value} for name, value in labels(row)],
        "links": [{"type": "link", "name": row["id"], "url": r.page(row)}],
        "parameters": [{"name": "verdict", "value": row["verdict"], "excluded": True}],
        "attachments": _attachments(row, evidence, directory, shared),
    }


def _attachments(
    row: Mapping[str, Any], evidence: Evidence, directory: Path, shared: dict[str, str]
) -> list[dict[str, str]]:
    """The exchange beside a row; rows that mark nothing share one file a transcript."""
    found = []
    for name, cited in list(cited_by(row).items())[:SHOWN]:
        transcript = evidence.transcripts.get(name)
        if transcript is None:
            continue
        source = shared.get(name) if not cited else None
        if source is None:
            source = f"{uuid.uuid5(_NAMESPACE, f'{name}/{sorted(cited)}')}-attachment.txt"
            (directory / source).write_text(exchange(transcript, cited), "utf-8")
            if not cited:
                shared[name] = source
        found.append({"name": f"exchange {name}", "source": source, "type": "text/plain"})
    return found


def _property(value: str) -> str:
    """A value of a Java properties file: one line, backslashes doubled."""
    return " ".join(str(value).split()).replace("\\", "\\\\")


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
