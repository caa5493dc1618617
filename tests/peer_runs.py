"""Runs of ``stgcmt run`` for the tests of foreign peers: a peer beside the reference of its role, and where they differ."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PEERS = Path(__file__).parent / "peers"
STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")
# The command lines of the SUT files say python3 and stgcmt: those of this very environment.
ENVIRONMENT = {**os.environ, "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))}
OWN = str(Path(sys.executable).parent)
BARE = ENVIRONMENT | {
    "PATH": os.pathsep.join(each for each in os.environ.get("PATH", "").split(os.pathsep) if each != OWN)
}
LIMIT_S = 240
Rows = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Difference:
    """A requirement on which a peer's verdict is not the reference's: the verdict, and what the peer does differently."""

    verdict: str
    behaviour: str


def start(bundle: Path, *arguments: str, environment: Mapping[str, str] = ENVIRONMENT) -> subprocess.Popen[str]:
    """Begin ``stgcmt run``; its results come from ``results``. ``BARE``: as where nobody activated the virtual environment."""
    return subprocess.Popen(
        [*STGCMT, "run", *arguments, "--json", "--out", str(bundle)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def results(process: subprocess.Popen[str], limit: float = LIMIT_S) -> dict[str, Any]:
    """What a run ended with; it is killed where it takes too long."""
    try:
        said, complaint = process.communicate(timeout=limit)
    finally:
        process.kill()
    assert said, complaint
    return json.loads(said)


def rows(found: Mapping[str, Any]) -> Rows:
    return {row["id"]: row for row in found["requirements"]}


def differing(peer: Rows, reference: Rows) -> dict[str, str]:
    """The verdicts of a peer where they are not the reference's."""
    assert peer.keys() == reference.keys()
    return {ident: row["verdict"] for ident, row in peer.items() if row["verdict"] != reference[ident]["verdict"]}


def complaints(peer: Rows, reference: Rows, table: Mapping[str, Difference]) -> list[str]:
    """Where a table and what was seen do not fit: a difference that it does not list, or one that is no more."""
    seen, listed = differing(peer, reference), {ident: each.verdict for ident, each in table.items()}
    return [
        f"{ident}: listed as {listed.get(ident, 'no difference')}, seen {peer[ident]['verdict']}"
        f" (reference {reference[ident]['verdict']}): {peer[ident]['message']}"
        for ident in sorted(seen.keys() | listed.keys())
        if seen.get(ident) != listed.get(ident)
    ]


def imported(script: Path) -> set[str]:
    """The top-level packages that a script imports, anywhere in it."""
    tree = ast.parse(script.read_text("utf-8"))
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    named = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in plain | named}
