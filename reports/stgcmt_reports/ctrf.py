"""``ctrf.json``: the Common Test Report Format, one test a requirement row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt_reports import rows as r

FILE = "ctrf.json"
SPEC = "0.0.0"
# CTRF knows no broken test: "other" says that nobody can tell, which is what a fault of the harness means.
_STATUS = {r.PASSED: "passed", r.FAILED: "failed", r.BROKEN: "other", r.SKIPPED: "skipped"}


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``ctrf.json``; raises ``OSError``."""
    path = directory / FILE
    path.write_text(json.dumps(document(evidence.results), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return [path]


def document(results: Mapping[str, Any]) -> dict[str, Any]:
    """The report of a results object."""
    tests = [_test(row) for row in results["requirements"]]
    counts = {name: sum(each["status"] == name for each in tests) for name in ("passed", "failed", "skipped", "other")}
    return {
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "timestamp": results["judged"],
        "generatedBy": f"{results['tool']['name']} {results['tool']['version']}",
        "results": {
            "tool": {"name": results["tool"]["name"], "version": results["tool"]["version"]},
            "summary": {
                "tests": len(tests),
                **counts,
                "pending": 0,
                "suites": len(results["suites"]),
                "start": r.milliseconds(results["started"]),
                "stop": r.milliseconds(results["finished"] or results["started"]),
                "extra": {
                    **results["summary"],
                    "score": f"tested {r.score(results)}",
                    "exit_code": results["exit_code"],
                    "exit_reason": results["exit_reason"],
                    "state": results["state"],
                    "caveats": {each.kind: [row["id"] for row in each.rows] for each in r.caveats(results)},
                },
            },
            "tests": tests,
            "environment": {
                "appName": r.sut_name(results),
                "extra": {
                    "edition": results["edition"] or "all",
                    "profile": results["profile"],
                    "suites": results["suites"],
                },
            },
        },
    }


def _test(row: Mapping[str, Any]) -> dict[str, Any]:
    status = _STATUS[r.status(row)]
    said = r.reason(row)
    deviates = row["verdict"] in ("fail", "warn", "note", "error")
    labels = {
        "requirement": row["id"], "clause": row["clause"], "level": row["level"], "role": row["role"],
        "verdict": row["verdict"], "consequence": row["consequence"], "page": r.page(row),
    }  # fmt: skip
    if row["outcome"]:
        labels["outcome"] = row["outcome"]
    tags = [
        name
        for name, holds in (
            ("known-issue", row["known_issue"]), ("excluded", row["excluded"]), ("near-limit", r.is_near(row)),
            ("vacuous", row["vacuous"]), ("warning", row["verdict"] == "warn"),
        )
        if holds
    ]  # fmt: skip
    return {
        "name": f"{row['id']} {row['title']}",
        "testId": f"{row['role']}/{row['id']}",
        "status": status,
        "rawStatus": row["verdict"],
        "duration": 0,
        "suite": [r.LABEL, row["role"], row["clause"]],
        "tags": tags,
        "labels": labels,
        **({"message": said} if said else {}),
        **({"trace": r.account(row)} if deviates else {}),
    }
