"""Lists too large for pydicom's data sets: 100,000 references as plain values, read and written in a second each.

Only the reference without a fault goes this way, and only where a list is large: faults act on data sets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt_suites.commitment.decisions import Decided

LARGE = 5_000  # references; 16 MB of JSON hold 100,000
LARGE_BYTES = 1 << 20

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Element:
    """An attribute as ``modules`` reads it: VR, and the value as pydicom would give it."""

    VR: str
    value: Any


def tree(data_set: Mapping[str, Any]) -> dict[int, Element]:
    """A checked data set in DICOM JSON form as elements by tag: what ``modules`` asks of a data set."""
    found: dict[int, Element] = {}
    for key, attribute in data_set.items():
        vr, values = attribute["vr"], attribute["Value"]
        if vr == "SQ":
            found[int(key, 16)] = Element(vr, [tree(item) for item in values])
        else:
            found[int(key, 16)] = Element(vr, values[0] if len(values) == 1 else values or None)
    return found


def result_json(structure: str, decided: Iterable[Decided]) -> bytes:
    """A response module in DICOM JSON, keys in ascending order."""
    decided = list(decided)
    committed = [each for each in decided if each.reason is None]
    failed = [each for each in decided if each.reason is not None]
    if structure == "flat":
        lists = {"00081198": [_item(each) for each in failed], "00081199": [_item(each) for each in committed]}
    else:
        lists = {"00081110": _studies(committed), "0008119B": _studies(failed)}
    module = {tag: _sq(items) for tag, items in lists.items() if items}
    return json.dumps(module, separators=(",", ":")).encode("utf-8")


def _item(each: Decided) -> Json:
    named = {"00081150": _ui(each.asked.sop_class_uid), "00081155": _ui(each.asked.sop_instance_uid)}
    return named | _reason(each)


def _reason(each: Decided) -> Json:
    return {} if each.reason is None else {"00081197": {"vr": "US", "Value": [each.reason]}}


def _studies(decided: Iterable[Decided]) -> list[Json]:
    studies: dict[str, dict[str, dict[str, list[Json]]]] = {}
    for each in decided:
        asked = each.asked
        classes = studies.setdefault(asked.study_instance_uid, {}).setdefault(asked.series_instance_uid, {})
        leaf = {"00081155": _ui(asked.sop_instance_uid)} | _reason(each)
        classes.setdefault(asked.sop_class_uid, []).append(leaf)
    return [
        {
            "00081115": _sq(
                {
                    "00081112": _sq(
                        {"0008114A": _sq(leaves), "00081150": _ui(name)} for name, leaves in classes.items()
                    ),
                    "0020000E": _ui(series),
                }
                for series, classes in of_study.items()
            ),
            "0020000D": _ui(study),
        }
        for study, of_study in studies.items()
    ]


def _sq(items: Iterable[Json]) -> Json:
    return {"vr": "SQ", "Value": list(items)}


def _ui(value: str) -> Json:
    return {"vr": "UI", "Value": [value]}
