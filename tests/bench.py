"""Speed and size as a printed table: targets beside what was measured, no assertion (machines differ, ratios count).

Run it with ``tox -e bench`` or ``python tests/bench.py``.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")


def timed(*arguments: str, repeat: int = 5) -> float:
    """Median seconds of a whole process."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        subprocess.run([*STGCMT, *arguments], check=False, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def run_once(directory: Path, *roles: str) -> tuple[float, float, dict]:
    """One run on the embedded references: seconds of the whole process, its processor seconds, and its results."""
    named = [word for role in roles for word in ("--role", role)]
    start, before = time.perf_counter(), os.times()
    done = subprocess.run(
        [*STGCMT, "run", "--json", "--out", str(directory), *named], check=False, capture_output=True, text=True
    )
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, busy, json.loads(done.stdout)


def asking(directory: Path) -> list[tuple[str, str, str]]:
    """The lines of the references that play when they are named."""
    lines = []
    for what, name, roles, target in (
        ("four roles", "four", ("origin_server", "scp", "user_agent", "scu"), ""),
        ("everything", "all", ("all",), "<= 30 s"),
    ):
        whole, busy, results = run_once(directory / name, *roles)
        wall, critical = (results["timing"][key] for key in ("wall_s", "critical_path_s"))
        lines += [
            (f"{what}: run wall / critical path", f"{wall / critical:.2f}  ({wall:.2f} s / {critical:.2f} s)", ""),
            (f"one run of {what}", f"{whole:.2f} s, {busy:.1f} s busy, exit {results['exit_code']}", target),
        ]
    return lines


def judging(directory: Path) -> tuple[float, int]:
    """Checks per second over a recorded bundle, views cold."""
    from stgcmt.commands import installed
    from stgcmt.judge import judge, read_recording

    suites = installed()
    for suite in suites.values():
        assert suite.all_checks
    start = time.perf_counter()
    rows = judge(read_recording(directory), suites, profile="default", selection={})
    count = sum(len(row.findings) for row in rows)
    return count / (time.perf_counter() - start), count


def proving() -> list[tuple[str, str, str]]:
    """The whole self-test on two processors: its seconds, and how many mutants one of them judges in a second."""
    done = subprocess.run([*STGCMT, "selftest", "--json", "--jobs", "2"], check=False, capture_output=True, text=True)
    found = json.loads(done.stdout)
    phases = ", ".join(f"{phase} {spent:.0f}" for phase, spent in found["seconds"].items())
    return [
        (
            "self-test, all roles, two processes",
            f"{found['wall_s']:.0f} s ({phases}), exit {done.returncode}",
            "<= 180 s",
        ),
        ("mutants judged on one core", f"{found['mutants']['per_second']}/s", ">= 3000/s"),
    ]


def main() -> None:
    """Print the table."""
    import bench_dimse
    import bench_large
    import bench_mutants
    import bench_recording

    lines: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        whole, busy, results = run_once(Path(scratch) / "a")
        timing = results["timing"]
        wall, critical, total = (timing[key] for key in ("wall_s", "critical_path_s", "sum_of_scenarios_s"))
        lines += [
            ("run wall / critical path", f"{wall / critical:.2f}  ({wall:.2f} s / {critical:.2f} s)", "<= 1.2"),
            ("run wall / sum of all scenarios", f"{wall / total:.2f}  ({wall:.2f} s / {total:.2f} s)", "<= 0.33"),
            (
                "first run on the embedded default",
                f"{whole:.2f} s, {busy:.1f} s busy, exit {results['exit_code']}",
                "<= 10 s",
            ),
        ]
        rate, count = judging(Path(scratch) / "a")
        lines.append(("judging a recorded bundle", f"{rate:.0f} checks/s ({count} checks)", ">= 300/s"))
        lines += asking(Path(scratch))
    lines.append(("stgcmt list", f"{timed('list'):.3f} s", "<= 0.25 s"))
    lines += bench_dimse.table()
    lines += bench_large.table()
    lines += bench_recording.table()
    lines += bench_mutants.table()
    lines += proving()
    width = max(len(what) for what, _, _ in lines)
    for what, measured, target in lines:
        print(f"{what:<{width}}  {measured:<40}{'  target ' + target if target else ''}".rstrip())
    print("\nthe chain of the critical path, link by link:")
    for link in timing["chain"]:
        print(f"  {link['seconds']:7.3f} s  {link['what']}  ({link['why']})")


if __name__ == "__main__":
    asyncio.set_event_loop_policy(None)
    main()
