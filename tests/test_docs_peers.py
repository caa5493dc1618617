"""docs/peers.md is what the tables of the tests say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_page_of_the_peers_is_written_from_the_tables() -> None:
    made = subprocess.run(
        [sys.executable, "docs/make_peers.py"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert made.returncode == 0, made.stderr
    stale = "write it again: python docs/make_peers.py > docs/peers.md"
    assert made.stdout == (ROOT / "docs" / "peers.md").read_text("utf-8"), stale
