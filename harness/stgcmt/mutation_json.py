"""Mutants of DICOM JSON: attributes and items inserted, removed, emptied, retyped, repeated, moved, swapped.

The text that is not meant stays as it was written; only its white space may change.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

Made = tuple[str, str, Callable[[], bytes]]
Path = tuple[Any, ...]
OTHER_VRS = {"UI": "SH", "US": "SS", "SQ": "UN", "AE": "LO", "LO": "SH"}
# Attributes that no result may or need have: private, group length, character set, a person's name.
STRANGE = {
    "00091001": {"vr": "LO", "Value": ["mutant"]},
    "00080000": {"vr": "UL", "Value": [10]},
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Mutant"}]},
}
ENOUGH = 24  # items of one list: the thousandth reference is like the tenth


def edits(text: bytes, asked: bytes = b"") -> Iterator[Made]:
    """(operator, where, what makes the new text) for a JSON text; ``asked`` is that of the request, to borrow from."""
    try:
        tree = json.loads(text)
    except ValueError:
        return
    yield "json: other top level", "object", lambda: _text(tree[0] if isinstance(tree, list) and tree else [tree])
    yield "json: other top level", "list of lists", lambda: _text([tree])
    yield "json: other top level", "nothing", lambda: _text([])
    yield "json: other top level", "twice", lambda: _text([*tree, *tree] if isinstance(tree, list) else [tree, tree])
    yield "json: byte order mark", "", lambda: b"\xef\xbb\xbf" + text
    for path, item in items_of(tree):
        yield from _attributes(tree, path, item)
        yield from _insertions(tree, path, asked)
        yield from _between(tree, path, item)


def items_of(node: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every data set in a DICOM JSON value: objects whose members are attributes."""
    if isinstance(node, list):
        for number, each in enumerate(node[:ENOUGH]):
            yield from items_of(each, (*path, number))
    elif isinstance(node, dict):
        if path and path[-1] == "Value":
            return
        yield path, node
        for tag, attribute in node.items():
            if isinstance(attribute, dict) and isinstance(attribute.get("Value"), list):
                for number, each in enumerate(attribute["Value"][:ENOUGH]):
                    if isinstance(each, dict):
                        yield from items_of(each, (*path, tag, "Value", number))


def _attributes(tree: Any, path: Path, item: dict[str, Any]) -> Iterator[Made]:
    for tag, attribute in item.items():
        here = (*path, tag)
        where = _shown(here)
        yield "json: remove an attribute", where, _made(_without, tree, here)
        yield "json: repeat an attribute", where, partial(_repeated, tree, path, tag)
        if not isinstance(attribute, dict):
            continue
        vr = attribute.get("vr")
        yield "json: without vr", where, _made(_without, tree, (*here, "vr"))
        yield "json: other vr", where, _made(_with, tree, (*here, "vr"), OTHER_VRS.get(str(vr), "UT"))
        yield "json: empty value", where, _made(_with, tree, here, {"vr": vr})
        yield "json: empty list", where, _made(_with, tree, here, {"vr": vr, "Value": []})
        yield "json: null value", where, _made(_with, tree, here, {"vr": vr, "Value": [None]})
        values = attribute.get("Value")
        if isinstance(values, list):
            yield from _values(tree, (*here, "Value"), values)


def _values(tree: Any, path: Path, values: list[Any]) -> Iterator[Made]:
    where = _shown(path)
    yield "json: value alone", where, lambda: _text(_with(tree, path, values[0] if values else ""))
    for number, value in enumerate(values[:ENOUGH]):
        here = (*path, number)
        yield "json: remove a value", _shown(here), _made(_without, tree, here)
        yield "json: repeat a value", _shown(here), _made(_with, tree, path, [*values, value])
        for other in _others(value):
            yield "json: other value", f"{_shown(here)} = {other}", _made(_with, tree, here, other)


def _others(value: Any) -> tuple[Any, ...]:
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        return ()
    if isinstance(value, int):
        return (value + 1, value ^ 1, 0, -1, 65536, str(value), float(value) + 0.5)
    text = str(value)
    return (text + ".1", text[:-1] or "x", "", f" {text} ", "x y")


def _insertions(tree: Any, path: Path, asked: bytes) -> Iterator[Made]:
    """Attributes that do not belong there: a private one, and those of the request's top level."""
    found: dict[str, Any] = dict(STRANGE)
    try:
        request = json.loads(asked) if asked else {}
    except ValueError:
        request = {}
    top = request[0] if isinstance(request, list) and request else request
    found |= {tag: each for tag, each in top.items() if isinstance(each, dict)} if isinstance(top, dict) else {}
    for tag, attribute in list(found.items())[:8]:
        where = f"{tag} in {_shown(path)}"
        yield (
            "json: insert an attribute",
            where,
            _made(_with, tree, (*path, tag), attribute, last=True),
        )


def inserted(text: bytes, attributes: Mapping[str, Any]) -> Iterator[Made]:
    """(operator, where, what makes the new text) with each of these attributes at the top and in each item."""
    try:
        tree = json.loads(text)
    except ValueError:
        return
    for path, _ in items_of(tree):
        for tag, attribute in attributes.items():
            where = f"{tag} in {_shown(path)}"
            yield (
                f"json: insert {tag}",
                where,
                _made(_with, tree, (*path, tag), attribute, last=True),
            )


def _between(tree: Any, path: Path, item: dict[str, Any]) -> Iterator[Made]:
    """Items moved from one sequence to another, UIDs swapped between items and within one."""
    lists = {
        tag: each["Value"] for tag, each in item.items() if isinstance(each, dict) and _is_items(each.get("Value"))
    }
    for source, values in lists.items():
        for target in lists:
            if target != source and values:
                yield "json: move an item", f"{source} to {target}", partial(_moved, tree, path, source, target)
                yield (
                    "json: copy an item",
                    f"{source} to {target}",
                    partial(_moved, tree, path, source, target, keep=True),
                )
        yield "json: rename a sequence", source, partial(_renamed, tree, path, source)
        for tag in values[0] if len(values) > 1 else ():
            yield "json: swap between items", f"{tag} in {source}", partial(_swapped, tree, path, source, tag)
    uids = [tag for tag, each in item.items() if isinstance(each, dict) and each.get("vr") == "UI"]
    for first, second in pairwise(uids):
        yield (
            "json: swap UIDs",
            f"{first} and {second} in {_shown(path)}",
            partial(_exchanged, tree, path, first, second),
        )


def _is_items(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


# --- trees -----------------------------------------------------------------------------------------------------------


def _text(tree: Any) -> bytes:
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _made(change: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[], bytes]:
    """What makes the text of a changed tree, once it is asked to."""
    return lambda: _text(change(*arguments, **options))


def _shown(path: Path) -> str:
    return "/".join(str(part) for part in path) or "the top"


def _at(tree: Any, path: Path) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _with(tree: Any, path: Path, value: Any, *, last: bool = False) -> Any:
    new = copy.deepcopy(tree)
    node = _at(new, path[:-1])
    if last and isinstance(node, dict):
        node.pop(path[-1], None)
    node[path[-1]] = value
    return new


def _without(tree: Any, path: Path) -> Any:
    new = copy.deepcopy(tree)
    node = _at(new, path[:-1])
    if isinstance(node, dict):
        node.pop(path[-1], None)
    else:
        del node[path[-1]]
    return new


def _repeated(tree: Any, path: Path, tag: str) -> bytes:
    """The attribute stands twice in its object, which JSON can write and a dictionary cannot hold."""
    mark = "\0stgcmt\0"
    new = copy.deepcopy(tree)
    node = _at(new, path)
    node[mark] = node[tag]
    return _text(new).replace(json.dumps(mark).encode(), json.dumps(tag).encode())


def _moved(tree: Any, path: Path, source: str, target: str, *, keep: bool = False) -> bytes:
    new = copy.deepcopy(tree)
    item = _at(new, path)
    values = item[source]["Value"]
    item[target]["Value"].append(copy.deepcopy(values[-1]))
    if not keep:
        values.pop()
        if not values:
            del item[source]
    return _text(new)


def _renamed(tree: Any, path: Path, tag: str) -> bytes:
    new = copy.deepcopy(tree)
    item = _at(new, path)
    other = tag[:-1] + ("8" if tag[-1] != "8" else "9")
    item[other] = item.pop(tag)
    return _text(new)


def _swapped(tree: Any, path: Path, source: str, tag: str) -> bytes:
    new = copy.deepcopy(tree)
    values = _at(new, path)[source]["Value"]
    if tag in values[1]:
        values[0][tag], values[1][tag] = values[1][tag], values[0][tag]
    return _text(new)


def _exchanged(tree: Any, path: Path, first: str, second: str) -> bytes:
    new = copy.deepcopy(tree)
    item = _at(new, path)
    item[first], item[second] = item[second], item[first]
    return _text(new)
