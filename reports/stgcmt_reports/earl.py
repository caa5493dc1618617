"""``earl.jsonld``: W3C's Evaluation and Report Language, one assertion a requirement row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt_reports import rows as r

FILE = "earl.jsonld"
_OUTCOME = {
    "pass": "passed", "note": "passed", "warn": "passed", "fail": "failed", "inconclusive": "cantTell", "error": "cantTell",
    "not-tested": "untested", "not-applicable": "inapplicable",
}  # fmt: skip
_CONTEXT = {
    "earl": "http://www.w3.org/ns/earl#",
    "dct": "http://purl.org/dc/terms/",
    "doap": "http://usefulinc.com/ns/doap#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "stgcmt": "urn:stgcmt:",
    "assertedBy": {"@id": "earl:assertedBy", "@type": "@id"},
    "subject": {"@id": "earl:subject", "@type": "@id"},
    "mode": {"@id": "earl:mode", "@type": "@id"},
    "outcome": {"@id": "earl:outcome", "@type": "@id"},
    "test": "earl:test",
    "result": "earl:result",
    "info": "earl:info",
    "title": "dct:title",
    "description": "dct:description",
    "date": {"@id": "dct:date", "@type": "xsd:dateTime"},
}


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``earl.jsonld``; raises ``OSError``."""
    path = directory / FILE
    path.write_text(json.dumps(document(evidence.results), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return [path]


def document(results: Mapping[str, Any]) -> dict[str, Any]:
    """Assertor, subject and assertions of a results object."""
    tool, counts = results["tool"], results["summary"]
    assertor = f"urn:stgcmt:tool:{tool['version']}"
    subject = "urn:stgcmt:sut"
    graph: list[dict[str, Any]] = [
        {
            "@id": assertor,
            "@type": ["earl:Software", "earl:Assertor"],
            "title": f"{tool['name']} {tool['version']}",
            "description": "; ".join(f"suite {role} {each['hash']}" for role, each in results["suites"].items()),
        },
        {
            "@id": subject,
            "@type": ["earl:TestSubject", "doap:Project"],
            "title": r.sut_name(results),
            "description": f"tested {r.score(results)} requirements; edition {results['edition'] or 'all'}; "
            f"profile {results['profile']}",
            "stgcmt:state": results["state"],
            "stgcmt:exitReason": results["exit_reason"],
            "stgcmt:tested": counts["tested"],
            "stgcmt:total": counts["total"],
        },
    ]
    graph += [_assertion(row, results, assertor, subject) for row in results["requirements"]]
    return {"@context": _CONTEXT, "@graph": graph}


def _assertion(row: Mapping[str, Any], results: Mapping[str, Any], assertor: str, subject: str) -> dict[str, Any]:
    said = r.reason(row)
    if r.is_near(row):
        said = f"too near to its limit to tell: {said}"
    result: dict[str, Any] = {
        "@type": "earl:TestResult",
        "outcome": f"earl:{_OUTCOME[row['verdict']]}",
        "date": results["judged"],
        "stgcmt:verdict": row["verdict"],
    }
    if said:
        result["info"] = said
    if row["evidence"]:
        result["earl:pointer"] = [r.place(each) for each in row["evidence"]]
    if row["known_issue"]:
        result["stgcmt:knownIssue"] = row["known_issue"]["reason"]
    if row["excluded"]:
        result["stgcmt:excluded"] = row["excluded"]
    return {
        "@type": "earl:Assertion",
        "assertedBy": assertor,
        "subject": subject,
        "mode": "earl:automatic",
        "test": {
            "@id": f"urn:stgcmt:requirement:{row['role']}:{row['id']}",
            "@type": "earl:TestRequirement",
            "title": f"{row['id']} {row['title']}",
            "description": row["statement"].strip(),
            "dct:isPartOf": row["clause"],
            "stgcmt:level": row["level"],
            "stgcmt:page": r.page(row),
        },
        "result": result,
    }
