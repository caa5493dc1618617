"""The directory of a bundle: one run, one directory."""

from __future__ import annotations

import pytest

from stgcmt import bundle
from stgcmt.errors import UsageError


def test_two_runs_at_once_never_share_a_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = {bundle.prepare(None).resolve() for _ in range(5)}
    assert len(found) == 5
    bundle.prepare(tmp_path / "out")
    with pytest.raises(UsageError, match="holds files already"):
        bundle.prepare(tmp_path / "out")


def test_the_claim_is_atomic(tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda _: iter(()))  # the other run came between look and claim
    bundle.prepare(tmp_path / "out")
    with pytest.raises(UsageError, match="in use by another run"):
        bundle.prepare(tmp_path / "out")


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        bundle.prepare(tmp_path / "out")


def test_a_bundle_that_is_judged_again_keeps_no_script_of_before(tmp_path):
    from small_bundle import small

    evidence = small(tmp_path)
    assert list((tmp_path / "reproduce").iterdir())
    (tmp_path / "reproduce" / "of-before.sh").write_text("#!/bin/sh\n")
    for row in evidence.results["requirements"]:
        row["verdict"] = "pass"
    assert bundle.write(tmp_path, evidence.results, bundle.load(tmp_path), []) == []
    assert not list(tmp_path.glob("reproduce/*"))
