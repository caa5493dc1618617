"""docs/requirements/ROLE.md are what the suites say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stgcmt.suite import load_suites

ROOT = Path(__file__).parents[1]


def test_the_pages_are_written_from_the_suites() -> None:
    made = subprocess.run(
        [sys.executable, "docs/make_requirements.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr


def test_each_requirement_has_an_anchor_and_an_excluded_one_its_reason() -> None:
    for suite in load_suites().values():
        page = (ROOT / "docs" / "requirements" / f"{suite.role}.md").read_text("utf-8")
        assert [row.id for row in suite.catalogue if f'<a id="{row.id.lower()}"></a>' not in page] == []
        assert page.count("**Excluded**") == sum(bool(row.excluded) for row in suite.catalogue)
