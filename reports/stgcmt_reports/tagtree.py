"""DICOM data sets as trees for a reader: tag, VR, name of the attribute, value; whatever encoding they came in.

A DIMSE data set, a DICOM JSON body and a native XML body give the same tree. Nothing here raises on a SUT's bytes, and
nothing is healed: repeated keys stand twice, unknown VRs as they were written, defects beside what they are about.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stgcmt.wire.command import Command
from stgcmt.wire.dataset import DataSet, Element
from stgcmt.wire.elements import OBSERVATIONS
from stgcmt_reports.decode import COMMAND_NAMES, Pairs, command_value, element_value, uid_name

NODES = 600  # of one message: what a reader scrolls through; the rest is in the transcript
DEPTH = 40  # deeper than any data set of this service, shallow enough for a browser
VALUE = 400  # characters of one value
# PS3.7 E.1; all others are US.
_COMMAND_VRS = {
    0x0000: "UL", 0x0002: "UI", 0x0003: "UI", 0x0600: "AE", 0x0901: "AT", 0x0902: "LO", 0x1000: "UI", 0x1001: "UI",
    0x1005: "AT", 0x1030: "AE",
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """One attribute, item or defect of a tree; ``kind`` is ``attribute``, ``item``, ``defect`` or ``cut``."""

    kind: str
    tag: str = ""
    vr: str = ""
    name: str = ""
    value: str = ""
    inside: tuple[Node, ...] = ()


class _Budget:
    """How many nodes are still shown of one message."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.cut = 0

    def take(self) -> bool:
        self.left -= 1
        self.cut += self.left < 0
        return self.left >= 0


def of_data_set(data_set: DataSet, nodes: int = NODES) -> tuple[Node, ...]:
    """The tree of a data set read from its bytes."""
    budget = _Budget(nodes)
    return _closed(_data_set(data_set, budget, 0), budget)


def of_command(command: Command) -> tuple[Node, ...]:
    """The tree of a command set: one level."""
    return tuple(
        Node(
            "attribute",
            _tag(element),
            _COMMAND_VRS.get(element, "US"),
            COMMAND_NAMES.get(element, ""),
            _clip(command_value(element, value, command)),
        )
        for element, value in command.elements
    )


def of_json(value: Any, nodes: int = NODES) -> tuple[Node, ...]:
    """The tree of a DICOM JSON data set or of a list of them (objects as ``Pairs``); empty where it has another shape."""
    items = value if isinstance(value, list) and not isinstance(value, Pairs) else [value]
    if not items or not all(isinstance(each, Pairs) and _is_dicom(each) for each in items):
        return ()
    budget = _Budget(nodes)
    if len(items) == 1:
        return _closed(_json_item(items[0], budget, 0), budget)
    return _closed(_items(items, budget, 0, "data set"), budget)


def pairs(value: Any) -> Any:
    """A data set in DICOM JSON form, as dictionaries, in the form that ``of_json`` reads."""
    if isinstance(value, dict):
        return Pairs((key, pairs(each)) for key, each in value.items())
    if isinstance(value, list):
        return [pairs(each) for each in value]
    return value


@functools.lru_cache(4096)
def name_of(tag: int) -> str:
    """The attribute's name; empty where the dictionary has none."""
    from pydicom.datadict import dictionary_description  # noqa: PLC0415 - start-up

    try:
        return dictionary_description(tag)
    except KeyError:
        return "Private attribute" if tag >> 16 & 1 else ""


def _closed(nodes: Iterable[Node], budget: _Budget) -> tuple[Node, ...]:
    found = tuple(nodes)
    if not budget.cut:
        return found
    return (*found, Node("cut", value="the rest of this data set is left out here; the transcript has all of it"))


def _data_set(data_set: DataSet, budget: _Budget, depth: int) -> Iterator[Node]:
    for defect in data_set.defects:
        yield Node("defect", value=f"{defect.text} (byte {defect.offset})")
    for element in data_set.elements:
        if not budget.take():
            return
        yield _element(element, data_set, budget, depth)


def _element(element: Element, data_set: DataSet, budget: _Budget, depth: int) -> Node:
    inside = [
        Node("defect", value=f"{defect.text} (byte {defect.offset})")
        for defect in element.defects
        if defect.kind not in OBSERVATIONS
    ]
    for number, item in enumerate(element.items or (), 1):
        if depth >= DEPTH or not budget.take():
            break
        inside.append(Node("item", value=f"item {number}", inside=tuple(_data_set(item, budget, depth + 1))))
    value = _count(len(element.items)) if element.items is not None else _clip(element_value(element, data_set))
    return Node("attribute", _tag(element.tag), element.vr or "??", name_of(element.tag), value, tuple(inside))


def _is_dicom(value: Pairs) -> bool:
    return bool(value) and all(_number(key) is not None and isinstance(each, Pairs) for key, each in value)


def _json_item(item: Pairs, budget: _Budget, depth: int) -> Iterator[Node]:
    met: set[str] = set()
    for key, attribute in item:
        if not budget.take():
            return
        yield _json_attribute(key, attribute, budget, depth, repeated=key in met)
        met.add(key)


def _json_attribute(key: str, attribute: Any, budget: _Budget, depth: int, *, repeated: bool) -> Node:
    number = _number(key)
    tag, name = (_tag(number), name_of(number)) if number is not None else (key, "")
    inside = [Node("defect", value="this key stands here for the second time")] if repeated else []
    if not isinstance(attribute, Pairs):
        return Node("attribute", tag, "??", name, _clip(_json_text(attribute)), tuple(inside))
    members = dict(attribute)
    vr, values = members.get("vr"), members.get("Value")
    nested = isinstance(values, list) and any(isinstance(each, Pairs) for each in values) and vr == "SQ"
    if nested and isinstance(values, list) and depth < DEPTH:
        inside += _items(values, budget, depth, "item")
        value = _count(len(values))
    elif isinstance(values, list):
        value = _count(len(values)) if vr == "SQ" else " \\ ".join(_json_text(each, vr) for each in values[:20])
    else:
        others = [f"{name} {_json_text(each)}" for name, each in attribute if name != "vr"]
        value = ", ".join(others) or ("0 items" if vr == "SQ" else "no value")
    return Node("attribute", tag, "??" if vr is None else _json_text(vr), name, _clip(value), tuple(inside))


def _items(values: list[Any], budget: _Budget, depth: int, word: str) -> Iterator[Node]:
    for number, each in enumerate(values, 1):
        if not budget.take():
            return
        if isinstance(each, Pairs):
            yield Node("item", value=f"{word} {number}", inside=tuple(_json_item(each, budget, depth + 1)))
        else:
            yield Node("defect", value=f"{word} {number} is no data set: {_clip(_json_text(each))}")


def _json_text(value: Any, vr: Any = None) -> str:
    """A JSON value for a reader: a text as it is, except where a number is due and a text came."""
    if isinstance(value, str):
        due = vr in ("US", "SS", "UL", "SL", "UV", "SV", "FL", "FD", "IS", "DS")
        return f'"{value}" (a JSON string)' if due and vr not in ("IS", "DS", "SV", "UV") else uid_name(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and vr == "US":
        return f"{value} ({value:04X}H)" if 0 <= value <= 0xFFFF else str(value)
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{key}: {_json_text(each)}" for key, each in value[:20]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_json_text(each) for each in value[:20]) + "]"
    return str(value)


def _number(key: str) -> int | None:
    if len(key) != 8:
        return None
    try:
        return int(key, 16)
    except ValueError:
        return None


def _tag(number: int) -> str:
    return f"({number >> 16:04X},{number & 0xFFFF:04X})"


def _count(number: int) -> str:
    return f"{number} item{'' if number == 1 else 's'}"


def _clip(text: str) -> str:
    return text if len(text) <= VALUE else f"{text[:VALUE]}... ({len(text) - VALUE} more characters)"
