"""Evidence for the tests of the report that need more than a hand-made page: a faulty reference, and a very large run."""

from __future__ import annotations

import json
from pathlib import Path

import reports_evidence as made
from stgcmt.evidence import Evidence


def faulty(role: str, fault: str, *, prove: int = 0) -> Evidence:
    """A run of the reference with one fault, in virtual time, judged as `stgcmt run` judges it."""
    from stgcmt.results import judged_results
    from stgcmt.selftest_cases import FAULT, Case, record
    from stgcmt.suite import load_suites

    suite = load_suites()[role]
    recording = record(suite, Case(role, FAULT, fault))
    results, _ = judged_results(recording, {role: suite}, judged="2026-01-01T00:00:00Z")
    return Evidence(results, recording.named(), recording.run.header.info.get("sut", {}))


def large(directory: Path, *, requirements: int = 300, transcript_bytes: int = 5_000_000) -> Evidence:
    """So many requirements over so many bytes of stored transcripts: 60 scenarios with bodies of realistic size."""
    transcripts = {}
    written = number = 0
    while written < transcript_bytes:
        name = f"scenario_{number:03}"
        rec = made.Recording(directory, "origin_server", name)
        rec.event(
            "conn.open", conn=1, protocol="http", side="requestor", local=["127.0.0.1", 4000], peer=["127.0.0.1", 8042]
        )
        for step in range(30):
            items = [
                {
                    "00081150": {"vr": "UI", "Value": [made.CT]},
                    "00081155": {"vr": "UI", "Value": [f"2.25.{number}{step}{n}9876543210123456789"]},
                }
                for n in range(15)
            ]
            body = json.dumps({"00081199": {"vr": "SQ", "Value": items}}).encode()
            head = f"Host: x\r\nContent-Type: application/dicom+json\r\nContent-Length: {len(body)}\r\n\r\n"
            rec.event(
                "http.out",
                f"POST /dicom-web/commitment-requests/2.25.{number}{step} HTTP/1.1\r\n{head}".encode() + body,
                conn=1,
                step="request",
            )
            rec.event("wait.start", name="retry_after", reason="sut", seconds=0.1, why="Retry-After: 1")
            rec.event("wait.end", after=0.1, name="retry_after", reason="sut", waited=0.1)
            rec.event("http.in", made.response("200 OK", "Content-Type: application/dicom+json\r\n", body), conn=1)
        transcripts[f"origin_server/{name}"] = rec.done()
        written += rec.path.stat().st_size
        number += 1
    names = list(transcripts)
    proof = {
        "tried": 40,
        "killed": 5,
        "examples": [f"request: drop a header: event {n}, Content-Type" for n in range(5)],
    }
    rows = []
    for n in range(requirements):
        verdict = "fail" if n % 20 == 0 else "warn" if n % 30 == 1 else "inconclusive" if n % 25 == 2 else "pass"
        cited = [{"transcript": names[n % len(names)], "event": event} for event in (10, 13)]
        rows.append(
            made.row(
                f"WEB-{n // 10}.{n % 10}-{n:03}", "origin_server" if n % 3 else "scp", verdict,
                statement="What the clause asks for, in our own words and in two sentences. " * 3,
                consequence=["data-loss", "lost-result", "interoperability", "needless-load"][n % 4],
                evidence=cited, proof=proof if verdict == "pass" else None,
            )
        )  # fmt: skip
    return Evidence(made.results(rows), transcripts, {})
