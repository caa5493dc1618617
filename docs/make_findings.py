"""Writes docs/findings.json: an example of a finding for each requirement that a fault of a reference violates.

``python docs/make_findings.py [ROLE ...]`` plays one fault a requirement in virtual time and keeps what its check says. Roles that
are not named keep what the file has. UIDs differ from run to run, so what the file says is compared by requirement, fault and verdict.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from stgcmt.selftest_cases import FAULT, Case, judged, record
from stgcmt.suite import Suite, load_suites

FILE = Path(__file__).parent / "findings.json"
WIDEST = 300  # characters of one thing that was seen: the page shows the kind of finding, not a whole payload


def chosen(suite: Suite) -> dict[str, str]:
    """For each requirement the fault that shows it best: one that violates little else."""
    best: dict[str, tuple[int, str]] = {}
    for fault in suite.all_faults:
        for ident in fault.violates:
            best[ident] = min(best.get(ident, (1 << 16, "")), (len(fault.violates) + len(fault.follows), fault.name))
    return {ident: name for ident, (_, name) in best.items()}


def examples(suite: Suite, only: str | None = None) -> dict[str, dict[str, Any]]:
    """Requirement id -> what its check says of its fault; ``only``: of this fault alone."""
    wanted: dict[str, list[str]] = {}
    for ident, name in chosen(suite).items():
        if only in (None, name):
            wanted.setdefault(name, []).append(ident)
    found: dict[str, dict[str, Any]] = {}
    for name, idents in wanted.items():
        case = Case(suite.role, FAULT, name, tuple(idents))
        rows = {row.id: row for row in judged(suite, record(suite, case), case)}
        for ident in idents:
            standing = rows[ident].standing
            found[ident] = {
                "fault": name,
                "verdict": str(rows[ident].verdict),
                "outcome": standing.outcome,
                "expected": standing.expected or "",
                "seen": [" ".join(str(each).split())[:WIDEST] for each in standing.seen],
                "message": standing.message or "",
            }
        print(f"{suite.role} {name}", file=sys.stderr)
    return dict(sorted(found.items()))


def main() -> int:
    """Write the file."""
    old = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {}
    suites = load_suites()
    for role in sys.argv[1:] or suites:
        old[role] = examples(suites[role])
    FILE.write_text(
        json.dumps({role: old[role] for role in suites if role in old}, indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
