"""The readings ledger: where the standard is silent or contradicts itself, what the SUT does and what each reading says.

A pure function of ``results.json``: the readings stand in ``data/readings.toml``, which requirements name them is in the
results. ``stgcmt matrix`` counts ledgers over many SUTs.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from stgcmt_reports.statement.values import Seen

SCHEMA_VERSION = 1
MET = frozenset({"pass", "fail", "warn", "note"})
PASS = "pass"  # noqa: S105 - a verdict


@functools.cache
def points() -> Mapping[str, Mapping[str, Any]]:
    """The silent points by id, from the data file."""
    text = files("stgcmt_reports").joinpath("statement", "data", "readings.toml").read_text("utf-8")
    return {each["id"]: each for each in tomllib.loads(text)["point"]}


def ledger(results: Mapping[str, Any], faces: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], ...]:
    """One entry for each silent point and requirement that this run met.

    ``seen`` is what the SUT does, ``readings`` the verdict under each reading, ``applies`` the readings under which it
    passes, ``judged`` the verdict that this harness gave. ``faces``: what was seen of the SUT; some points are no
    outcome of a requirement, and only the recording shows them.
    """
    found = [entry for row in results["requirements"] if row["verdict"] in MET for entry in _entries(row)]
    found += _observed(results, faces or {})
    return tuple(sorted(found, key=lambda entry: (_order(entry["id"]), entry["role"], entry["requirement"])))


def document(results: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``ledger.json``: the ledger with which SUT, tool and edition it speaks of."""
    return {
        "schema_version": SCHEMA_VERSION,
        "sut": dict(results["sut"]),
        "tool": dict(results["tool"]),
        "edition": results["edition"],
        "profile": results["profile"],
        "readings": list(entries),
    }


def _entries(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    outcome = row["outcome"] or PASS
    for ident in row["readings"]:
        point = points().get(ident)
        if point is None:
            continue
        does: Mapping[str, str] = point.get("does", {})
        key = f"{row['id']}:{outcome}"
        if outcome not in does and key not in does and not _about(point, outcome):
            continue  # the row deviates in something that this point does not speak of
        readings = [
            {"name": each["name"], "text": each["text"], "verdict": _verdict(each, row["id"], outcome, row["verdict"])}
            for each in point["reading"]
        ]
        yield {
            "id": ident,
            "title": point["title"],
            "silence": point["silence"],
            "requirement": row["id"],
            "role": row["role"],
            "clause": row["clause"],
            "seen": does.get(key) or does.get(outcome) or row["message"],
            "outcome": outcome,
            "readings": readings,
            "applies": ", ".join(each["name"] for each in readings if each["verdict"] == PASS),
            "judged": row["verdict"],
            "evidence": [dict(each) for each in row["evidence"][:8]],
        }


def _observed(results: Mapping[str, Any], faces: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Points whose ``observed`` names sightings of a face: one entry for each thing that the SUT was seen to do."""
    for ident, point in points().items():
        if "observed" not in point or point["face"] not in faces:
            continue
        seen: Seen = getattr(faces[point["face"]], point["observed"])
        near = [row for row in results["requirements"] if row["id"] == point["requirement"]]
        for value in sorted(value for value in seen if value in point["does"]):
            row = near[0] if near else {"role": point["face"], "clause": "", "verdict": "note"}
            judged = row["verdict"] if row["verdict"] in MET else "note"
            readings = [
                {"name": each["name"], "text": each["text"], "verdict": _verdict(each, "", value, judged)}
                for each in point["reading"]
            ]
            yield {
                "id": ident,
                "title": point["title"],
                "silence": point["silence"],
                "requirement": point["requirement"],
                "role": row["role"],
                "clause": row["clause"],
                "seen": point["does"][value],
                "outcome": value,
                "readings": readings,
                "applies": ", ".join(each["name"] for each in readings if each["verdict"] == PASS),
                "judged": judged,
                "evidence": [
                    {"transcript": place.transcript, "event": event}
                    for place in seen.places(value)[:8]
                    for event in place.events[:1]
                ],
            }


def _about(point: Mapping[str, Any], outcome: str) -> bool:
    return any(outcome in each["verdicts"] for each in point["reading"])


def _verdict(reading: Mapping[str, Any], requirement: str, outcome: str, judged: str) -> str:
    """What a reading says of an outcome; where it is silent, too, what the harness says."""
    verdicts: Mapping[str, str] = reading["verdicts"]
    return str(verdicts.get(f"{requirement}:{outcome}") or verdicts.get(outcome) or judged)


def _order(ident: str) -> tuple[str, int]:
    name, _, number = ident.rpartition("-")
    return (name, int(number)) if number.isdigit() else (ident, 0)
