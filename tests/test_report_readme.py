"""The example in README.md is what the tool prints today, but for UIDs, ports and the numbers of events."""

from __future__ import annotations

import io
import re
from pathlib import Path

import report_runs
from stgcmt.terminal import print_results

README = Path(__file__).parents[1] / "README.md"
FAULT = "forgets-one-instance"


def shape(text: str) -> str:
    """Without what differs from one run to the next; the width of a UID differs too, so lines are joined."""
    text = re.sub(r"2\.25\.\d+", "UID", " ".join(text.split()))
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", re.sub(r"(?<=pending_commitment )[\d, ]+\d", "EVENTS", text))


def test_the_readme_shows_what_the_tool_prints() -> None:
    evidence = report_runs.faulty("origin_server", FAULT)
    out = io.StringIO()
    print_results(evidence.results, evidence.transcripts, stream=out, width=80)
    printed = out.getvalue().split("\n\n")[0]
    told = README.read_text("utf-8")
    assert f"stgcmt run --role origin-server --fault {FAULT}" in told
    fenced = re.findall(r"^```\w*\n(.*?)^```$", told, re.DOTALL | re.MULTILINE)
    (block,) = [each for each in fenced if each.startswith("FAIL")]
    assert shape(block) == shape(printed)
