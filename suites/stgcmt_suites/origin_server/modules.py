"""Storage Commitment Request and Response Modules (PS3.18 Annex J) as pydicom data sets.

``references`` reads what a request asks for and refuses what is malformed; ``response`` builds the answer in the
structure of the request. How they travel as bytes is ``representations``' business.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.tag import BaseTag, Tag

from stgcmt_suites.commitment.decisions import Asked, Decided
from stgcmt_suites.origin_server.large import Element
from stgcmt_suites.origin_server.negotiate import RefusalError

FAILURE_REASON = 0x00081197
FAILED_SOPS = 0x00081198
SOPS = 0x00081199
STUDIES = 0x00081110
FAILED_STUDIES = 0x0008119B
SERIES_SEQUENCE = 0x00081115
CLASSES = 0x00081112
INSTANCES = 0x0008114A
STUDY = 0x0020000D
SERIES = 0x0020000E
SOP_CLASS = 0x00081150
SOP_INSTANCE = 0x00081155

# What a request module consists of (table J.1-1), on any level.
REQUEST_VRS = {
    **dict.fromkeys((SOPS, STUDIES, SERIES_SEQUENCE, CLASSES, INSTANCES), "SQ"),
    **dict.fromkeys((STUDY, SERIES, SOP_CLASS, SOP_INSTANCE), "UI"),
}

# A component is 0 or has no leading zero; at most 64 characters (PS3.5 9.1).
_UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)


Module = Dataset | dict[int, Element]  # the latter where it is too large for the former


def is_uid(text: object) -> bool:
    """Whether a text is a valid UID."""
    return isinstance(text, str) and _UID.fullmatch(text) is not None


# --- reading ----------------------------------------------------------------------------------------------------------


def references(module: Module, faults: Collection[str] = ()) -> tuple[str, tuple[Asked, ...]]:
    """The structure of a request module ("flat" or "hierarchical") and its references, in order.

    Raises ``RefusalError`` with 400 where an attribute of type 1 is missing, empty or of another VR, where both
    structures are there or none is.
    """
    flat, deep = SOPS in module, STUDIES in module
    if flat and deep and "both-structures-accepted" not in faults:
        raise RefusalError(400, "The module has both (0008,1199) and (0008,1110); one of them names the instances.")
    if not flat and not deep:
        raise RefusalError(400, "The module has neither (0008,1199) nor (0008,1110).")
    if flat:
        items = _items(module, SOPS, faults)
        return "flat", tuple(Asked(_uid(each, SOP_CLASS, faults), _uid(each, SOP_INSTANCE, faults)) for each in items)
    return "hierarchical", tuple(_tree(module, faults))


def once_each(asked: Sequence[Asked], faults: Collection[str] = ()) -> tuple[Asked, ...]:
    """References without those that stand there again; what other servers do with one that does is a manner or a fault.

    Raises ``RefusalError`` where those refuse.
    """
    counts = Counter(each.sop_instance_uid for each in asked)
    if len(counts) == len(asked):
        return tuple(asked)
    for status in (400, 409, 500):
        if f"repeated-as-{status}" in faults:
            raise RefusalError(status, "The request names an instance twice.")
    if "repeated-forgotten" in faults:
        once = tuple(each for each in asked if counts[each.sop_instance_uid] == 1)
        return once or tuple(asked[:1])
    kept = "repeated-twice" in faults or "repeated-in-both-lists" in faults
    return tuple(asked if kept else dict.fromkeys(asked))


def _tree(module: Module, faults: Collection[str]) -> Iterator[Asked]:
    for study in _items(module, STUDIES, faults):
        study_uid = _uid(study, STUDY, faults)
        for series in _items(study, SERIES_SEQUENCE, ()):
            series_uid = _uid(series, SERIES, faults)
            for of_class in _items(series, CLASSES, ()):
                sop_class = _uid(of_class, SOP_CLASS, faults)
                for item in _items(of_class, INSTANCES, ()):
                    yield Asked(sop_class, _uid(item, SOP_INSTANCE, faults), study_uid, series_uid)


def _items(ds: Module, tag: int, faults: Collection[str]) -> Sequence[Module]:
    element = _element(ds, tag, "SQ")
    items: Sequence[Module] = element.value or ()
    if not items and "empty-list-accepted" not in faults:
        raise RefusalError(400, f"{_name(tag)} has no item.")
    return items


def _uid(ds: Module, tag: int, faults: Collection[str]) -> str:
    value = _element(ds, tag, "UI").value
    taken = is_uid(str(value)) or (value and "invalid-uids-accepted" in faults)
    if not isinstance(value, str) or not taken:
        raise RefusalError(400, f"{_name(tag)} is no single valid UID.")
    return str(value)


def _element(ds: Module, tag: int, vr: str) -> DataElement | Element:
    if tag not in ds:
        raise RefusalError(400, f"{_name(tag)} is missing.")
    element = ds[tag]
    if element.VR != vr:  # noqa: SIM300 - VR is no constant
        raise RefusalError(400, f"{_name(tag)} has the VR {element.VR}, not {vr}.")
    return element


def _name(tag: int) -> str:
    found: BaseTag = Tag(tag)
    return f"({found.group:04X},{found.element:04X}) {keyword_for_tag(found)}"


# --- writing ----------------------------------------------------------------------------------------------------------


def response(structure: str, decided: Iterable[Decided], uid: str = "", faults: Collection[str] = ()) -> Dataset:
    """The response module in the structure of the request: a list that would be empty is left out.

    ``uid``: the Transaction UID, which only a fault writes into the module.
    """
    decided = list(decided)
    committed = [each for each in decided if each.reason is None]
    failed = [each for each in decided if each.reason is not None]
    flat = structure == "flat" or "flat-answer-to-hierarchical" in faults
    if structure == "flat" and "hierarchical-answer-to-flat" in faults:
        flat = False
    tags = (SOPS, FAILED_SOPS) if flat else (STUDIES, FAILED_STUDIES)
    build: Callable[[list[Decided]], list[Dataset]] = _flat if flat else _deep
    if not flat and "study-for-each-instance" in faults:
        build = _split
    ds = Dataset()
    for tag, part, empty in zip(
        tags, (committed, failed), ("empty-referenced-sequence", "empty-failed-sequence"), strict=True
    ):
        if part or empty in faults:
            ds.add_new(tag, "SQ", build(part))
    _add_foreign(ds, uid, faults)
    if "class-missing-in-result" in faults:
        ds = _without(ds, SOP_CLASS)
    return _without(ds, FAILURE_REASON) if "reason-missing" in faults else ds


def _flat(decided: list[Decided]) -> list[Dataset]:
    items = []
    for each in decided:
        item = _dataset((SOP_CLASS, "UI", each.asked.sop_class_uid), (SOP_INSTANCE, "UI", each.asked.sop_instance_uid))
        items.append(_with_reason(item, each))
    return items


def _deep(decided: list[Decided]) -> list[Dataset]:
    """Study, series, class, instance: grouped as they come, each study, series and class once."""
    tree: dict[str, dict[str, dict[str, list[Decided]]]] = {}
    for each in decided:
        asked = each.asked
        series = tree.setdefault(asked.study_instance_uid, {}).setdefault(asked.series_instance_uid, {})
        series.setdefault(asked.sop_class_uid, []).append(each)
    return [
        _dataset(
            (STUDY, "UI", study),
            (
                SERIES_SEQUENCE,
                "SQ",
                [
                    _dataset((SERIES, "UI", series), (CLASSES, "SQ", [_class(*each) for each in classes.items()]))
                    for series, classes in of_study.items()
                ],
            ),
        )
        for study, of_study in tree.items()
    ]


def _split(decided: list[Decided]) -> list[Dataset]:
    """An item of its own for each instance: nothing says that a study stands once."""
    return [item for each in decided for item in _deep([each])]


def _class(sop_class: str, decided: list[Decided]) -> Dataset:
    leaves = [_with_reason(_dataset((SOP_INSTANCE, "UI", each.asked.sop_instance_uid)), each) for each in decided]
    return _dataset((SOP_CLASS, "UI", sop_class), (INSTANCES, "SQ", leaves))


def _with_reason(item: Dataset, decided: Decided) -> Dataset:
    if decided.reason is not None:
        item.add_new(FAILURE_REASON, "US", decided.reason)
    return item


def _dataset(*elements: tuple[int, str, Any]) -> Dataset:
    ds = Dataset()
    for tag, vr, value in elements:
        ds.add_new(tag, vr, value)
    return ds


def _add_foreign(ds: Dataset, uid: str, faults: Collection[str]) -> None:
    """Attributes of the DIMSE module, which the response module lacks."""
    if "transaction-uid-in-result" in faults:
        ds.add_new(0x00081195, "UI", uid)
    if "retrieve-ae-in-result" in faults:
        ds.add_new(0x00080054, "AE", "ARCHIVE")
    if "character-set-in-result" in faults:
        ds.add_new(0x00080005, "CS", "ISO_IR 192")


def _without(ds: Dataset, tag: int) -> Dataset:
    """The data set without an attribute, at every level."""
    for element in list(ds):
        if element.tag == tag:
            del ds[element.tag]
        elif element.VR == "SQ":
            for item in element.value:
                _without(item, tag)
    return ds
