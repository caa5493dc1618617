"""Lists of 100,000 references: a whole run against the reference in another process, its time and its memory; judging the
large result, beside the time that orjson needs to load it.

Run it with ``python tests/bench_large.py [REFERENCES]``; ``bench.py`` prints the same lines.
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


def judging(bundle: Path) -> tuple[float, float, int]:
    """Processor seconds of judging the large result with nothing decoded before, of orjson loading its body, and the body's bytes.

    Judged are all rows whose checks look at the result, the kill proof aside, with the collector as ``stgcmt`` has it; orjson
    loads as in any Python. The request is as long as the result, and judging reads it, too. Of five times the least counts.
    """
    import dataclasses
    import gc

    import orjson

    from stgcmt.forked import quiet_collector
    from stgcmt.judge import judge_check, read_recording
    from stgcmt.suite import load_suites
    from stgcmt.views.http import http

    suite = load_suites()["origin_server"]
    pairs = [
        (row, check)
        for row in suite.catalogue
        for check in suite.checks_for(row.id)
        if "large_request" in check.scenarios and not row.excluded
    ]
    recording = read_recording(bundle)
    key = ("origin_server", "large_request")
    found = recording.scenarios[key]
    body = max((each.message.decoded or b"" for each in http(found).responses()), key=len)
    judged, loaded = [], []
    usual = gc.get_threshold()
    for _ in range(5):
        quiet_collector()
        fresh = dataclasses.replace(recording, scenarios={**recording.scenarios, key: found.with_events(found.events)})
        start = time.process_time()
        for row, check in pairs:
            judge_check(check, row, fresh, "default")
        judged.append(time.process_time() - start)
        del fresh
        gc.set_threshold(*usual)
        start = time.process_time()
        value = orjson.loads(body)
        loaded.append(time.process_time() - start)
        del value
    return min(judged), min(loaded), len(body)


def measured(count: int, *selection: str) -> tuple[float, int, dict, tuple[float, float, int]]:
    """Seconds of a whole run, its peak memory in bytes, its results, and what ``judging`` measured of its bundle."""
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
            judged = judging(Path(scratch) / "bundle")
        finally:
            served.terminate()
            served.wait()
            served.stdout.close()
    return seconds, usage.ru_maxrss * 1024, results, judged


def table(count: int = 100_000) -> list[tuple[str, str, str]]:
    """The lines of the bench."""
    seconds, peak, results, (judged, loaded, size) = measured(count)
    large = next(each for each in results["requirements"] if each["id"] == "WEB-J.2-11")
    states = {each["name"]: each["state"] for each in results["scenarios"]}
    said = (
        f"{seconds:.1f} s, {peak / 1e6:.0f} MB, large_request {states.get('large_request')}, J.2-11 {large['verdict']}"
    )
    ratio = f"{judged / loaded:.1f}  ({judged:.2f} s / {loaded:.2f} s, {size / 1e6:.0f} MB)"
    return [
        (f"a run with {count} references", said, "<= 600 MB"),
        ("judging its result / orjson loading it", ratio, "<= 3"),
    ]


if __name__ == "__main__":
    for what, said, target in table(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000):
        print(f"{what}  {said}  target {target}")
