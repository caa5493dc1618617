"""How every reader's format sees a requirement row: one status each, and what must never be hidden.

Writers count nothing of their own: a status here is a function of the row, and the counts are those of the results.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stgcmt_reports.about import product, unfinished
from stgcmt_reports.junit import account, place

PASSED, FAILED, BROKEN, SKIPPED = "passed", "failed", "broken", "skipped"
DOCS = "STGCMT_DOCS_URL"  # environment: where docs/ is published; else a page is named by its place in the project
SOURCES = ("/blob/", "/tree/", "/src/")  # in the addresses of servers that show the files of a repository
LABEL = "Storage Commitment"
__all__ = [
    "BROKEN", "FAILED", "LABEL", "PASSED", "SKIPPED", "Caveat", "account", "caveats", "milliseconds", "page", "place",
    "published", "reason",
    "score", "status", "sut_name", "unfinished",
]  # fmt: skip


@dataclass(frozen=True)
class Caveat:
    """Rows that a score alone would hide, and why they are told."""

    kind: str
    title: str
    rows: tuple[Mapping[str, Any], ...]


def status(row: Mapping[str, Any]) -> str:
    """Passed, failed, broken (the harness's own fault) or skipped.

    A warning and a note pass, and are told by the property ``verdict``; what a known issue excuses is skipped.
    """
    verdict = row["verdict"]
    if row["known_issue"] and verdict in ("fail", "warn"):
        return SKIPPED
    return {"pass": PASSED, "note": PASSED, "warn": PASSED, "fail": FAILED, "error": BROKEN}.get(verdict, SKIPPED)


def reason(row: Mapping[str, Any]) -> str:
    """What is to be said of a row in one line; empty for a plain pass."""
    issue = row["known_issue"]
    if issue:
        more = [f"{key} {issue[key]}" for key in ("until", "ticket") if issue.get(key)]
        return f"known issue: {'; '.join([issue['reason'], *more])}" + (f"; {row['message']}" if row["message"] else "")
    if row["excluded"]:
        return f"excluded: {row['excluded']}"
    return str(row["message"] or "")


def score(results: Mapping[str, Any]) -> str:
    """Tested of total: ``226 of 251``; it stands beside every score."""
    return f"{results['summary']['tested']} of {results['summary']['total']}"


def sut_name(results: Mapping[str, Any]) -> str:
    """Vendor, name and version of the SUT, each said once."""
    return product(results["sut"]) or "unnamed SUT"


def caveats(results: Mapping[str, Any]) -> tuple[Caveat, ...]:
    """What a score would hide: a changed recording, known issues and entries of that file that need attention, and so on."""
    rows = results["requirements"]
    known = results["known_issues"]
    stale = [
        {"id": each["id"], "role": each["role"], "message": f"{word}: {each['reason']}"}
        for word in ("stale", "expired", "unknown")
        for each in known[word]
    ]
    differs = [{"id": "recording", "role": "run", "message": each} for each in results.get("recording_differs", ())]
    groups = (
        ("recording", "The recording differs from its manifest", differs),
        ("known-issue", "Known issues", [row for row in rows if row["known_issue"]]),
        ("known-issue-file", "Known-issue entries that need attention", stale),
        ("near-limit", "Times too near to their limit to tell (measured again, the verdict may differ)",
         [row for row in rows if is_near(row)]),
        ("vacuous", "Passes that nothing can turn red, not counted", [row for row in rows if row["vacuous"]]),
        ("excluded", "Excluded requirements", [row for row in rows if row["excluded"]]),
    )  # fmt: skip
    return tuple(Caveat(kind, title, tuple(found)) for kind, title, found in groups if found)


def is_near(row: Mapping[str, Any]) -> bool:
    """Whether a row is inconclusive because a time came nearer to its limit than this machine can measure."""
    return bool(row.get("timed")) and row["verdict"] == "inconclusive"


def page(row: Mapping[str, Any]) -> str:
    """Where the requirement's page is: on the web where that is known, else below ``docs/`` of this project."""
    return published(row) or f"docs/requirements/{row['role']}.md#{row['id'].lower()}"


def published(row: Mapping[str, Any]) -> str:
    """The web address of the requirement's page; empty where nobody said where the pages are published.

    The site has pages in HTML; a server of sources shows the Markdown files.
    """
    base = os.environ.get(DOCS, "").rstrip("/")
    suffix = "md" if any(part in f"{base}/" for part in SOURCES) else "html"
    return f"{base}/requirements/{row['role']}.{suffix}#{row['id'].lower()}" if base else ""


def milliseconds(time: str | None) -> int:
    """ISO time as milliseconds since 1970; 0 where there is none."""
    return int(datetime.fromisoformat(time).timestamp() * 1000) if time else 0
