"""A small bundle made by hand for the tests of what is done with bundles: two roles, every verdict, a known issue."""

from __future__ import annotations

from pathlib import Path

import reports_evidence as made
from stgcmt import bundle
from stgcmt.evidence import Evidence
from stgcmt.judge import read_recording


def small(directory: Path, spoil=lambda results: None) -> Evidence:
    """Write it, with results that ``spoil`` may change before anything is derived from them."""
    evidence = made.evidence(directory)
    spoil(evidence.results)
    assert bundle.write(directory, evidence.results, read_recording(directory), ["stgcmt", "run"]) == []
    return evidence
