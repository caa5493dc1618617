"""Statements of self-test cases: a reference, clean or with one fault, played in virtual time."""

from __future__ import annotations

import functools
import re

from stgcmt import results as results_module
from stgcmt.evidence import Evidence
from stgcmt.judge import judge
from stgcmt.selftest_cases import CLEAN, FAULT, VARIANT, Case, record
from stgcmt.suite import load_suites
from stgcmt.verdict import overlay, summary
from stgcmt_reports.statement.document import build

_OURS = re.compile(
    r"STGCMT\d+"
)  # AE titles of ours: their numbers tell in what order leases were taken, and in what part of a run


@functools.cache
def suites():
    return load_suites()


def evidence_of(recording, *, edition=None):
    """Results without kill proof: a statement does not read it."""
    info = recording.run.header.info
    rows = judge(recording, suites(), profile="default", selection=info.get("selection", {}), edition=edition)
    known = overlay((), rows, "2026-01-01")
    results = {
        "schema_version": 1,
        "tool": {"name": "stgcmt", "version": "0", "commit": None},
        "suites": {role: {"version": suites()[role].version, "hash": "0"} for role in info["roles"]},
        "edition": edition,
        "profile": "default",
        "sut": info["sut_head"],
        "started": "2026-01-01T00:00:00.000Z",
        "finished": None,
        "state": "complete",
        "summary": summary(rows),
        "known_issues": {name: [] for name in ("applied", "stale", "unknown", "expired")},
        "requirements": [results_module._row(row, known) for row in rows],
    }
    return Evidence(results, recording.named(), info.get("sut", {}))


@functools.lru_cache(maxsize=64)
def statement_of(role, kind=CLEAN, name="", rows=()):
    """The statement of one case; only what ``rows`` need is played."""
    return build(evidence_of(record(suites()[role], Case(role, kind, name, rows))))


def facts(statement):
    """What a statement says, by place: cells, audited claims and readings."""
    found = {}
    for table, row, column, cell in statement.cells():
        if cell.kind != "fixed":
            found[f"{table} {row} {column}"] = f"{cell.kind}: {_OURS.sub('STGCMT#', cell.text)}"
    for name in ("observed", "not_observed", "not_claimed", "contradicted"):
        for entry in statement.audit[name]:
            found[f"claims {entry['role']}.{entry['claim']} {entry['value']}"] = name
    for entry in statement.ledger:
        verdicts = ", ".join(each["verdict"] for each in entry["readings"])
        place = f"readings {entry['id']} {entry['requirement']}"
        said = f"{entry['seen']}: {verdicts}"
        found[place] = f"{found[place]}; {said}" if place in found else said
    return found


def changes(role, fault):
    """What a fault of the reference changes in the statement, beside the clean reference in the same scenarios."""
    rows = next(each.violates for each in suites()[role].all_faults if each.name == fault)
    clean, broken = facts(statement_of(role, CLEAN, "", rows)), facts(statement_of(role, FAULT, fault, rows))
    return {
        place: (clean.get(place), broken.get(place))
        for place in sorted({*clean, *broken})
        if clean.get(place) != broken.get(place)
    }


__all__ = ["CLEAN", "FAULT", "VARIANT", "changes", "evidence_of", "facts", "statement_of", "suites"]
