"""Mutants of encoded data sets: elements and items inserted, removed, emptied, retyped, repeated, moved, swapped.

A data set is read into nested values and written anew, so that every enclosing length fits, unless a length is the target.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from stgcmt.wire.dataset import read
from stgcmt.wire.dataset_writer import Elem, encode
from stgcmt.wire.elements import EXPLICIT_VR_LE, IMPLICIT_VR_LE, DataSet

Made = tuple[str, str, Callable[[], bytes]]
Path = tuple[int, ...]  # element number, item number, element number …
OTHER_VRS = {"UI": "SH", "US": "SS", "SQ": "UN", "AE": "LO"}
FIRST = 3  # items of a sequence, and its last one: those between are like them
PRIVATE = Elem(0x00091001, "LO", "mutant")
SOP_CLASS, SOP_INSTANCE = Elem(0x00080016, "UI", "1.2.3"), Elem(0x00080018, "UI", "1.2.3.4")


def edits(data: bytes, transfer_syntax: str, asked: Sequence[Elem] = ()) -> Iterator[Made]:
    """(operator, where, what makes the new bytes) for a data set; nothing where it cannot be read and written again.

    ``asked`` are elements of requests, to borrow from.
    """
    syntax = transfer_syntax or IMPLICIT_VR_LE
    tree = _tree(read(data, syntax, dictionary()))
    if not tree:
        return
    yield (
        "data set: other encoding",
        "",
        lambda: _written(tree, EXPLICIT_VR_LE if syntax == IMPLICIT_VR_LE else IMPLICIT_VR_LE),
    )
    yield "data set: cut", "", lambda: data[:-1]
    yield "data set: cut", "half", lambda: data[: len(data) // 2]
    yield "data set: bytes behind", "", lambda: data + b"\0\0"
    yield from _added("data set: borrow an element", tree, syntax, asked)
    for path, level in _levels(tree):
        where = _shown(tree, path)

        def put(change: Callable[[list[Elem]], list[Any]], path: Path = path) -> Callable[[], bytes]:
            return lambda: _written(_changed(tree, path, change), syntax)

        for added in (PRIVATE, SOP_CLASS, SOP_INSTANCE):
            yield "data set: insert an element", f"({added.tag:08X}) in {where}", put(partial(_with, added=added))
        yield "data set: order", where, put(_reversed)
        for number, element in enumerate(level):
            for name, what, make in _element(element):
                yield name, f"({element.tag:08X}){what} in {where}", put(partial(_instead, number=number, make=make))
        for name, what, change in _between(level):
            yield name, f"{what} in {where}", put(change)


def _with(level: list[Elem], added: Elem) -> list[Elem]:
    return _sorted([*level, added])


def _reversed(level: list[Elem]) -> list[Elem]:
    return list(reversed(level))


def _instead(level: list[Elem], number: int, make: Callable[[], list[Any]]) -> list[Any]:
    return [*level[:number], *make(), *level[number + 1 :]]


def inserted(data: bytes, transfer_syntax: str, elements: Sequence[Elem]) -> Iterator[Made]:
    """(operator, where, what makes the new bytes) with each of these elements where it is not."""
    syntax = transfer_syntax or IMPLICIT_VR_LE
    if tree := _tree(read(data, syntax, dictionary())):
        yield from _added("data set: insert an element", tree, syntax, elements)


def _added(name: str, tree: list[Elem], syntax: str, elements: Sequence[Elem]) -> Iterator[Made]:
    """Elements that the data set lacks, in it, in the items of its sequences, in both."""

    def inside(level: list[Elem], added: Elem) -> list[Elem]:
        return [
            Elem(each.tag, each.vr, [_sorted([*item, added]) for item in each.value])
            if isinstance(each.value, list)
            else each
            for each in level
        ]

    for added in elements:
        if added.tag in {each.tag for each in tree}:
            continue
        tag = f"({added.tag:08X})"
        within = inside(tree, added)
        for where, made in (("above", [*tree, added]), ("in items", within), ("on both levels", [*within, added])):
            yield name, f"{tag} {where}", partial(_written, _sorted(made), syntax)


def _sorted(level: list[Elem]) -> list[Elem]:
    return sorted(level, key=lambda each: each.tag)


def elements(data: bytes, transfer_syntax: str) -> list[Elem]:
    """The elements of the top level of a data set, as the writer takes them."""
    return _tree(read(data, transfer_syntax or IMPLICIT_VR_LE, dictionary()))


@functools.cache
def dictionary() -> Mapping[int, str]:
    """The VR of each standard attribute: what tells a sequence from other values in Implicit VR."""
    from pydicom import datadict  # noqa: PLC0415 - start-up

    return {tag: str(entry[0]) for tag, entry in vars(datadict)["DicomDictionary"].items()}


def _tree(data_set: DataSet) -> list[Elem]:
    """The data set as the writer takes it."""
    return [
        Elem(each.tag, each.vr or "UN", [_tree(item) for item in each.items] if each.items is not None else each.value)
        for each in data_set.elements
    ]


def _written(tree: list[Elem], syntax: str) -> bytes:
    try:
        return encode(tree, syntax)
    except ValueError:
        return b""


def _levels(tree: list[Elem], path: Path = ()) -> Iterator[tuple[Path, list[Elem]]]:
    """Every level: the data set, and the items of its sequences."""
    yield path, tree
    for number, element in enumerate(tree):
        if isinstance(element.value, list):
            last = len(element.value) - 1
            for at, item in enumerate(element.value):
                if at < FIRST or at == last:
                    yield from _levels(item, (*path, number, at))


def _shown(tree: list[Elem], path: Path) -> str:
    parts = []
    for number, at in zip(path[::2], path[1::2], strict=True):
        parts.append(f"({tree[number].tag:08X})[{at + 1}]")
        tree = tree[number].value[at]
    return ">".join(parts) or "the data set"


def _changed(tree: list[Elem], path: Path, change: Callable[[list[Elem]], list[Any]]) -> list[Any]:
    """The tree with one level put through ``change``."""
    if not path:
        return change(tree)
    number, at, *rest = path
    element = tree[number]
    value = [_changed(each, tuple(rest), change) if n == at else each for n, each in enumerate(element.value)]
    return [*tree[:number], Elem(element.tag, element.vr, value), *tree[number + 1 :]]


def _element(element: Elem) -> Iterator[tuple[str, str, Callable[[], list[Any]]]]:
    """What may become of one element: the elements that stand in its place."""
    tag, vr, value = element.tag, element.vr, element.value
    yield "data set: remove an element", "", list
    yield "data set: repeat an element", "", lambda: [element, element]
    yield "data set: empty an element", "", lambda: [Elem(tag, vr, [] if vr == "SQ" else b"")]
    yield (
        "data set: other VR",
        "",
        lambda: [Elem(tag, OTHER_VRS.get(vr, "UT"), value if isinstance(value, bytes) else b"")],
    )
    yield "data set: other tag", "", lambda: [Elem(tag ^ 1, vr, value)]
    if isinstance(value, list):
        yield "data set: drop an item", " first", lambda: [Elem(tag, vr, value[1:])]
        yield "data set: drop an item", " last", lambda: [Elem(tag, vr, value[:-1])]
        yield "data set: repeat an item", "", lambda: [Elem(tag, vr, [*value, *value[-1:]])]
        yield "data set: empty item", "", lambda: [Elem(tag, vr, [*value, []])]
        yield "data set: undefined length", "", lambda: [Elem(tag, vr, value, undefined=True)]
        return
    yield "data set: length of a value", "", lambda: [Elem(tag, vr, value, length=len(value) + 2)]
    yield (
        "data set: two values",
        "",
        lambda: [Elem(tag, vr, value + value if vr == "US" else value.rstrip(b"\0 ") + b"\\" + value)],
    )
    if len(value) == 2:
        number = struct.unpack("<H", value)[0]
        for other in (number + 1 & 0xFFFF, number ^ 1, 0, 0xA700, 0x0111):
            yield "data set: other number", f" {other:04X}H", partial(_number, element, other)
    yield "data set: other value", " 1.2.3", lambda: [Elem(tag, vr, b"1.2.3\0")]
    yield "data set: other value", " one character more", lambda: [Elem(tag, vr, _even(value.rstrip(b"\0 ") + b"1"))]
    yield (
        "data set: odd value",
        "",
        lambda: [Elem(tag, vr, value.rstrip(b"\0 ") if len(value.rstrip(b"\0 ")) & 1 else value + b"1")],
    )
    yield "data set: padding", "", lambda: [Elem(tag, vr, value.rstrip(b"\0 ").ljust(len(value), b" "))]


def _number(element: Elem, number: int) -> list[Any]:
    return [Elem(element.tag, element.vr, struct.pack("<H", number))]


def _even(value: bytes) -> bytes:
    return value + b"\0" * (len(value) & 1)


def _between(level: list[Elem]) -> Iterator[tuple[str, str, Callable[[list[Elem]], list[Any]]]]:
    """Items moved and copied between the sequences of a level, UIDs swapped between items and elements."""
    lists = [number for number, each in enumerate(level) if isinstance(each.value, list)]
    for source in lists:
        for target in lists:
            if source != target and level[source].value:
                what = f"({level[source].tag:08X}) to ({level[target].tag:08X})"
                yield "data set: move an item", what, partial(_moved, source=source, target=target, keep=False)
                yield "data set: copy an item", what, partial(_moved, source=source, target=target, keep=True)
        if len(level[source].value) > 1:
            for number in range(len(level[source].value[0])):
                yield (
                    "data set: swap between items",
                    f"element {number + 1}",
                    partial(_swapped, source=source, number=number),
                )
        for number in range(len(level)):
            if number != source:
                yield (
                    "data set: copy into items",
                    f"({level[number].tag:08X})",
                    partial(_inward, source=source, number=number),
                )
    uids = [number for number, each in enumerate(level) if each.vr == "UI"]
    for first, second in pairwise(uids):
        yield "data set: swap UIDs", "", partial(_exchanged, first=first, second=second)


def _moved(level: list[Elem], source: int, target: int, *, keep: bool) -> list[Elem]:
    new = list(level)
    values = list(level[source].value)
    new[target] = Elem(level[target].tag, level[target].vr, [*level[target].value, values[-1]])
    if not keep:
        new[source] = Elem(level[source].tag, level[source].vr, values[:-1])
    return [each for each in new if not isinstance(each.value, list) or each.value]


def _swapped(level: list[Elem], source: int, number: int) -> list[Elem]:
    first, second, *rest = level[source].value
    if number >= len(second):
        return level
    one = [*first[:number], second[number], *first[number + 1 :]]
    two = [*second[:number], first[number], *second[number + 1 :]]
    new = list(level)
    new[source] = Elem(level[source].tag, level[source].vr, [one, two, *rest])
    return new


def _inward(level: list[Elem], source: int, number: int) -> list[Elem]:
    new = list(level)
    values = [_sorted([*item, level[number]]) for item in level[source].value]
    new[source] = Elem(level[source].tag, level[source].vr, values)
    return new


def _exchanged(level: list[Elem], first: int, second: int) -> list[Elem]:
    new = list(level)
    new[first] = Elem(level[first].tag, level[first].vr, level[second].value)
    new[second] = Elem(level[second].tag, level[second].vr, level[first].value)
    return new
