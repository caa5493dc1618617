"""``findings.sarif``: what deviates, for code scanning of CI servers (SARIF 2.1.0).

Every requirement is a rule with its verdict as a property; only deviations are results, since a code-scanning page
shows each result as an alert. A result's place is the line of the transcript that a finding cites. What a known issue
excuses is a suppressed result; rows that could not be judged, and excluded ones, are notifications.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt_reports import rows as r

FILE = "findings.sarif"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"fail": "error", "error": "error", "warn": "warning", "note": "note"}
_KINDS = {"error": "open"}  # the harness could not decide
FIRST = 2  # the line of event 1: a header stands before it


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``findings.sarif``; raises ``OSError``."""
    path = directory / FILE
    path.write_text(json.dumps(document(evidence.results), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return [path]


def document(results: Mapping[str, Any]) -> dict[str, Any]:
    """The log of a results object."""
    rows = results["requirements"]
    index = {(row["role"], row["id"]): place for place, row in enumerate(rows)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": results["tool"]["name"],
                "version": results["tool"]["version"],
                "rules": [_rule(row) for row in rows],
            }
        },
        "invocations": [
            {
                "executionSuccessful": results["exit_code"] not in (3, 4, 130) and not r.unfinished(results),
                "exitCode": results["exit_code"],
                "exitCodeDescription": results["exit_reason"],
                "startTimeUtc": results["started"],
                "endTimeUtc": results["finished"] or results["judged"],
                "toolConfigurationNotifications": list(_notifications(results)),
            }
        ],
        "results": [_result(row, index[row["role"], row["id"]]) for row in rows if row["verdict"] in LEVELS],
        "columnKind": "utf16CodeUnits",
        "properties": {
            "sut": r.sut_name(results),
            "summary": results["summary"],
            "score": f"tested {r.score(results)}",
            "edition": results["edition"] or "all",
            "profile": results["profile"],
            "suites": results["suites"],
        },
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(row: Mapping[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": f"{row['role']}/{row['id']}",
        "name": row["id"],
        "shortDescription": {"text": row["title"]},
        "fullDescription": {"text": row["statement"].strip()},
        "help": {"text": row["next_step"] or row["cost"]},
        "properties": {
            "clause": row["clause"], "level": row["level"], "role": row["role"], "consequence": row["consequence"],
            "verdict": row["verdict"], "tags": [row["level"], row["role"], row["consequence"]],
        },
    }  # fmt: skip
    link = r.page(row)
    if "://" in link:
        rule["helpUri"] = link
    return rule


def _result(row: Mapping[str, Any], index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": f"{row['role']}/{row['id']}",
        "ruleIndex": index,
        "kind": _KINDS.get(row["verdict"], "fail"),
        "level": LEVELS[row["verdict"]] if row["verdict"] not in _KINDS else "none",
        "message": {"text": f"{row['id']} ({row['clause']}): {row['message'] or row['title']}\n\n{r.account(row)}"},
        "locations": [_location(each) for each in row["evidence"][:10]] or [_location({"transcript": "run", "event": None})],
        "partialFingerprints": {"requirement/v1": f"{row['role']}/{row['id']}/{row['outcome'] or 'violation'}"},
        "properties": {"verdict": row["verdict"], "outcome": row["outcome"], "readings": row["readings"]},
    }  # fmt: skip
    if row["known_issue"]:
        result["suppressions"] = [{"kind": "external", "justification": r.reason(row)}]
    return result


def _location(citation: Mapping[str, Any]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": f"transcripts/{citation['transcript']}.jsonl"}}
    place["region"] = {"startLine": FIRST - 1 + (citation["event"] or 0)}
    return {"physicalLocation": place, "message": {"text": r.place(citation)}}


def _notifications(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What a page of alerts alone would hide."""
    yield {"level": "note", "message": {"text": f"tested {r.score(results)} requirements"}}
    if told := r.unfinished(results):
        yield {"level": "warning", "message": {"text": told}}
    for caveat in r.caveats(results):
        for row in caveat.rows:
            yield _notification(caveat.title, row, r.reason(row) if "verdict" in row else row["message"])
    for row in results["requirements"]:
        if row["verdict"] in ("inconclusive", "not-tested") and not row["excluded"] and not r.is_near(row):
            yield _notification(row["verdict"], row, row["message"])


def _notification(title: str, row: Mapping[str, Any], said: str) -> dict[str, Any]:
    return {
        "level": "note",
        "message": {"text": f"{title}: {row['role']}/{row['id']}: {said}".rstrip(": ")},
    }
