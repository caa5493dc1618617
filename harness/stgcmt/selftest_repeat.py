"""Repeatability: the same suites, many times, on real sockets and a loaded machine; no verdict may flip.

The machine is loaded by processes that only count, as many as it has processors; they end with the last run, or by themselves
when whoever started them is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT_S = 600  # of one run; the embedded default takes less than a tenth of it on a loaded machine
STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")
# Ends without its parent too: a killed self-test must not leave a busy machine behind.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))\n"

Key = tuple[str, str]  # role, requirement


@dataclass(frozen=True)
class Flipped:
    """A requirement that was judged otherwise in one run than in another: how often each way, and what was said."""

    role: str
    requirement: str
    verdicts: dict[str, int]
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Repeated:
    """What became of the runs: ``seconds`` of each, the verdicts that flipped, the runs that came to nothing."""

    seconds: tuple[float, ...]
    flipped: tuple[Flipped, ...]
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether every run said the same."""
        return not self.flipped and not self.problems

    def to_json(self) -> dict[str, Any]:
        """The object that ``stgcmt selftest --repeat N --json`` prints."""
        return {
            "runs": len(self.seconds),
            "seconds": [round(each, 1) for each in self.seconds],
            "flipped": [
                {
                    "role": each.role,
                    "requirement": each.requirement,
                    "verdicts": each.verdicts,
                    "messages": list(each.messages),
                }
                for each in self.flipped
            ],
            "problems": list(self.problems),
        }


@contextlib.contextmanager
def load(processes: int) -> Iterator[None]:
    """A machine on which this many processes do nothing but count; they are ended one by one."""
    busy: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(processes):
            busy.append(subprocess.Popen([sys.executable, "-c", BUSY]))  # noqa: PERF401, S603 - those begun are ended
        yield
    finally:
        for each in busy:
            each.kill()
        for each in busy:
            each.wait()


def repeat(
    roles: Sequence[str],
    times: int,
    *,
    processes: int | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> Repeated:
    """Run the references of these roles ``times`` times under load; ``progress`` is told each run and its seconds."""
    seconds: list[float] = []
    problems: list[str] = []
    rows: list[list[dict[str, Any]]] = []
    with load(processes or os.cpu_count() or 1), tempfile.TemporaryDirectory(prefix="stgcmt-") as scratch:
        for number in range(1, times + 1):
            began = time.perf_counter()
            found, problem = _run(roles, Path(scratch) / str(number))
            seconds.append(time.perf_counter() - began)
            rows += [found] if found else []
            problems += [f"run {number}: {problem}"] if problem else []
            if progress:
                progress(number, seconds[-1])
    return Repeated(tuple(seconds), flips(rows), tuple(problems))


def _run(roles: Sequence[str], out: Path) -> tuple[list[dict[str, Any]], str]:
    chosen = [word for role in roles for word in ("--role", role)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [*STGCMT, "run", *chosen, "--json", "--out", str(out)],
            capture_output=True, text=True, check=False, timeout=LIMIT_S,
        )  # fmt: skip
        found: list[dict[str, Any]] = json.loads(done.stdout)["requirements"]
    except subprocess.TimeoutExpired:
        return [], f"not at its end after {LIMIT_S} s"
    except ValueError:
        return [], f"no results, exit code {done.returncode}: {done.stderr.strip()[-300:]}"
    return found, ""


def flips(runs: Sequence[Sequence[dict[str, Any]]]) -> tuple[Flipped, ...]:
    """The rows whose verdict or outcome is not the same in all runs."""
    seen: dict[Key, list[dict[str, Any]]] = {}
    for rows in runs:
        for row in rows:
            seen.setdefault((row["role"], row["id"]), []).append(row)
    found = []
    for (role, ident), mine in seen.items():
        said = Counter(f"{row['verdict']} {row['outcome'] or ''}".strip() for row in mine)
        if len(said) > 1:
            messages = tuple(dict.fromkeys(row["message"] for row in mine if row["message"]))
            found.append(Flipped(role, ident, dict(said), messages))
    return tuple(found)
