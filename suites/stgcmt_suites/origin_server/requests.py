"""Bodies of commitment requests, written by hand as JSON values: what is sent depends on no library's healing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

JSON = "application/dicom+json"
XML = "application/dicom+xml"
Json = dict[str, Any]


class Instance(Protocol):
    """What of an instance a request needs."""

    @property
    def sop_class_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def study_instance_uid(self) -> str: ...
    @property
    def series_instance_uid(self) -> str: ...


@dataclass(frozen=True)
class Named:
    """A reference that needs no instance behind it: any four UIDs."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str = ""
    series_instance_uid: str = ""


def under_class(instance: Instance, sop_class_uid: str) -> Named:
    """The instance, asked for under another SOP class."""
    return Named(sop_class_uid, instance.sop_instance_uid, instance.study_instance_uid, instance.series_instance_uid)


def in_study(instance: Instance, study_instance_uid: str) -> Named:
    """The instance, asked for within another study."""
    return Named(instance.sop_class_uid, instance.sop_instance_uid, study_instance_uid, instance.series_instance_uid)


def uid(value: str) -> Json:
    """A UI attribute."""
    return {"vr": "UI", "Value": [value]}


def sequence(items: Iterable[Json]) -> Json:
    """A SQ attribute."""
    return {"vr": "SQ", "Value": list(items)}


def flat(instances: Iterable[Instance]) -> Json:
    """A flat request module (J.1): Referenced SOP Sequence."""
    return {
        "00081199": sequence(
            {"00081150": uid(each.sop_class_uid), "00081155": uid(each.sop_instance_uid)} for each in instances
        )
    }


def hierarchical(instances: Iterable[Instance]) -> Json:
    """A hierarchical request module (J.1): Referenced Study Sequence, grouped by study, series and class."""
    tree: dict[str, dict[str, dict[str, list[str]]]] = {}
    for each in instances:
        series = tree.setdefault(each.study_instance_uid, {}).setdefault(each.series_instance_uid, {})
        series.setdefault(each.sop_class_uid, []).append(each.sop_instance_uid)
    return {
        "00081110": sequence(
            {"00081115": sequence(_series(name, classes) for name, classes in series.items()), "0020000D": uid(study)}
            for study, series in tree.items()
        )
    }


def _series(series: str, classes: Mapping[str, list[str]]) -> Json:
    return {
        "00081112": sequence(
            {"0008114A": sequence({"00081155": uid(instance)} for instance in instances), "00081150": uid(sop_class)}
            for sop_class, instances in classes.items()
        ),
        "0020000E": uid(series),
    }


def body(module: Any) -> bytes:
    """A module as the bytes of DICOM JSON."""
    return json.dumps(module, separators=(",", ":")).encode("utf-8")


# --- modules with one defect each -------------------------------------------------------------------------------------


def flat_put(change: Callable[[Json], Any]) -> Callable[[Json, Json], Json]:
    """From a flat and a hierarchical module the flat one, its first item changed."""

    def made(flat_module: Json, _: Json) -> Json:
        module = copy.deepcopy(flat_module)
        change(module["00081199"]["Value"][0])
        return module

    return made


def deep_put(change: Callable[[Json], Any], *path: str) -> Callable[[Json, Json], Json]:
    """From a flat and a hierarchical module the hierarchical one, its first item below ``path`` changed."""

    def made(_: Json, deep_module: Json) -> Json:
        module = copy.deepcopy(deep_module)
        node = module
        for tag in path:
            node = node[tag]["Value"][0]
        change(node)
        return module

    return made


_STUDY = ("00081110",)
_SERIES = (*_STUDY, "00081115")
_CLASS = (*_SERIES, "00081112")
_LEAF = (*_CLASS, "0008114A")


def _drop(tag: str) -> Callable[[Json], Any]:
    return lambda item: item.pop(tag)


def _put(tag: str, attribute: Json) -> Callable[[Json], Any]:
    return lambda item: item.update({tag: attribute})


_EMPTY_SQ: Json = {"vr": "SQ"}

# What a conformant server refuses: name -> (a flat module, a hierarchical module) -> the module with one defect.
MALFORMED: Mapping[str, Callable[[Json, Json], Any]] = {
    "no-sequence": lambda _flat, _deep_module: {},
    "class-absent": flat_put(_drop("00081150")),
    "instance-absent": flat_put(_drop("00081155")),
    "class-empty": flat_put(_put("00081150", {"vr": "UI"})),
    "instance-empty": flat_put(_put("00081155", {"vr": "UI"})),
    "instance-vr": flat_put(_put("00081155", {"vr": "US", "Value": [1]})),
    "sequence-vr": lambda _flat, _deep_module: {"00081199": {"vr": "LO", "Value": ["1.2.3"]}},
    "item-empty": lambda _flat, _deep_module: {"00081199": sequence([{}])},
    "study-absent": deep_put(_drop("0020000D"), *_STUDY),
    "series-sequence-absent": deep_put(_drop("00081115"), *_STUDY),
    "series-absent": deep_put(_drop("0020000E"), *_SERIES),
    "class-sequence-empty": deep_put(_put("00081112", _EMPTY_SQ), *_SERIES),
    "deep-class-absent": deep_put(_drop("00081150"), *_CLASS),
    "instance-sequence-empty": deep_put(_put("0008114A", _EMPTY_SQ), *_CLASS),
    "deep-instance-absent": deep_put(_drop("00081155"), *_LEAF),
}

# Sequences that are there without an item: the standard says that they shall have one, not what follows.
EMPTY: Mapping[str, Any] = {
    "flat-without-items": {"00081199": {"vr": "SQ"}},
    "flat-with-empty-value": {"00081199": {"vr": "SQ", "Value": []}},
    "studies-without-items": {"00081110": {"vr": "SQ"}},
}


def damaged(module: Json) -> Mapping[str, bytes]:
    """Bodies that are no DICOM JSON at all."""
    whole = body(module)
    return {
        "truncated": whole[: len(whole) // 2],
        "no-json": b"this is not JSON",
        "no-body": b"",
        "a-number": b"42",
        "latin-1": whole[:-1] + b',"x":"\xe9"}',
    }


def bad_uids(fresh: Callable[[], str]) -> Mapping[str, str]:
    """Path segments that are no valid UID, each from a fresh one so that no two probes meet."""
    return {
        "letters": f"transaction-{fresh()[-8:]}x",
        "leading-zero": f"{fresh()}.0123",
        "too-long": f"{fresh()}.{'1' * 30}",
        "double-dot": f"{fresh()}..1",
        "trailing-dot": f"{fresh()}.",
    }
