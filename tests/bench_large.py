"""Lists of 100,000 references: a whole run against the reference in another process, its time and its memory.

Run it with ``python tests/bench_large.py [REFERENCES]``; ``bench.py`` prints the same line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")
SUT = """
name = "the reference, asked for {count} references"
[origin_server]
base_url = "{base_url}"
large_request = {count}
[seeding]
how = "stow"
[retrieval]
how = "wado-rs"
[timing]
http_response = 120
result_deadline = 600
scenario = 900
"""


def measured(count: int, *selection: str) -> tuple[float, int, dict]:
    """Seconds of a whole run, its peak memory in bytes, and its results."""
    with tempfile.TemporaryDirectory() as scratch:
        served = subprocess.Popen([*STGCMT, "serve", "origin-server", "--port", "0"], stdout=subprocess.PIPE, text=True)
        try:
            section = json.loads(served.stdout.readline())
            section = section.get("origin_server", section)
            file = Path(scratch) / "sut.toml"
            file.write_text(SUT.format(base_url=section["base_url"], count=count))
            start = time.perf_counter()
            with open(Path(scratch) / "out.json", "w+") as out:
                command = [*STGCMT, "run", str(file), "--json", "--out", str(Path(scratch) / "bundle"), *selection]
                run = subprocess.Popen(command, stdout=out)
                usage = os.wait4(run.pid, 0)[2]
                seconds = time.perf_counter() - start
                run.returncode = 0
                out.seek(0)
                results = json.load(out)
        finally:
            served.terminate()
            served.wait()
            served.stdout.close()
    return seconds, usage.ru_maxrss * 1024, results


def table(count: int = 100_000) -> list[tuple[str, str, str]]:
    """The line of the bench."""
    seconds, peak, results = measured(count)
    large = next(each for each in results["requirements"] if each["id"] == "WEB-J.2-11")
    states = {each["name"]: each["state"] for each in results["scenarios"]}
    said = (
        f"{seconds:.1f} s, {peak / 1e6:.0f} MB, large_request {states.get('large_request')}, J.2-11 {large['verdict']}"
    )
    return [(f"a run with {count} references", said, "<= 600 MB")]


if __name__ == "__main__":
    for what, said, target in table(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000):
        print(f"{what}  {said}  target {target}")
