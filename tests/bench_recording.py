"""A bundle of 200 MB: the peak memory and the time of each command on it, beside those on the same bundle without the bulk.

Run it with ``python tests/bench_recording.py [MEGABYTES]``; ``bench.py`` prints the same lines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")
COMMANDS = (
    ("judge", "bundle", "--out", "judged"),
    ("verify", "judged"),
    ("scrub", "judged", "--out", "scrubbed"),
    ("diff", "judged", "scrubbed"),
    ("statement", "judged"),
    ("allure", "judged", "--out", "allure"),
)
GROWN = {"origin_server": ("committed_and_retrieved", "http"), "scp": ("plain_commitment", "dimse")}


def make(role: str, directory: Path, size: int) -> None:
    """Two bundles of a reference, one of them with ``size`` bytes of objects more."""
    from large_bundle import grow
    from stgcmt.selftest_cases import Case
    from virtual_bundle import play

    few, many = directory / "few", directory / "many"
    for each in (few, many):
        each.mkdir()
    play(Case(role), few / "bundle")
    shutil.copytree(few / "bundle", many / "bundle")
    scenario, protocol = GROWN[role]
    grow(many / "bundle", f"{role}/{scenario}", size, protocol=protocol)


def measured(directory: Path, command: tuple[str, ...]) -> tuple[int, float]:
    """Peak memory of a command in bytes, and its seconds."""
    start = time.perf_counter()
    with (directory / "said.txt").open("w") as said:
        child = subprocess.Popen([*STGCMT, *command], cwd=directory, stdout=said, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1, 4):
        raise RuntimeError(f"{command} ended with {child.returncode}: {(directory / 'said.txt').read_text()[-2000:]}")
    return usage.ru_maxrss * 1024, time.perf_counter() - start


def table(megabytes: int = 200) -> list[tuple[str, str, str]]:
    """The lines of the bench: for each role, a recording whose transcripts have so many megabytes on disk."""
    lines = []
    for role in GROWN:
        with tempfile.TemporaryDirectory() as scratch:
            few, many = Path(scratch) / "few", Path(scratch) / "many"
            # in a process of its own: a child never reports less than its parent had when it was forked
            subprocess.run([sys.executable, __file__, role, scratch, str(megabytes * 750_000)], check=True)
            size = sum(path.stat().st_size for path in many.rglob("*.jsonl")) / 1e6
            for command in COMMANDS:
                usual, _ = measured(few, command)
                taken, seconds = measured(many, command)
                said = f"{taken / 1e6:.0f} MB ({usual / 1e6:.0f} MB without), {seconds:.1f} s"
                lines.append((f"{command[0]}, {size:.0f} MB of {role}", said, "<= 60 % of it, <= 60 s"))
    return lines


if __name__ == "__main__":
    if len(sys.argv) == 4:
        make(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
        sys.exit()
    for what, said, target in table(int(sys.argv[1]) if len(sys.argv) > 1 else 200):
        print(f"{what}  {said}  target {target}")
