"""DICOM JSON at the boundary, for judging: what a lenient reader would heal is listed (PS3.18 F.2).

``load`` keeps key order and number types; ``lint`` lists what breaks the encoding rules, each with its JSON path. Both
are total. Large results are judged without building data sets: one pass of a fast parser, one walk over its values.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

KINDS: Mapping[str, str] = {
    "not-utf8": "the bytes are not UTF-8",
    "bom": "a byte order mark precedes the text",
    "not-json": "the text is no JSON",
    "not-object": "the data set is no JSON object",
    "array": "the object stands in an array of one",
    "duplicate-key": "a key occurs twice in one object",
    "key-form": "an attribute's name is not eight upper-case hexadecimal digits",
    "key-order": "the attributes are not in ascending order",
    "group-length": "a group length is encoded",
    "no-vr": "an attribute has no vr, or none that is known",
    "members": "unknown members, or more than one of Value, BulkDataURI, InlineBinary",
    "value-type": "a value has not the JSON type of its VR",
    "number-form": "an integer is written as a fraction or with an exponent",
    "empty-value": "Value is an empty array; an empty attribute has only its vr",
    "empty-string": "an empty value is a string, not null",
    "padding": "trailing NUL or blank in a UID",
    "uid-form": "a UID breaks the rules of PS3.5 9.1",
    "too-deep": "nesting that no data set of this service has",
}
"""Every kind of problem, and what it says."""

MAX_DEPTH = 64
MAX_PROBLEMS = 1000  # of one kind: a large result with one systematic error would otherwise be copied into its findings
_WHITESPACE = b" \t\r\n"
_TAG = re.compile(r"[0-9A-F]{8}\Z")
_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*\Z")
_MEMBERS = frozenset({"vr", "Value", "BulkDataURI", "InlineBinary"})
_STRINGS = frozenset(["AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"])
_INTEGERS = frozenset(["SL", "SS", "UL", "US"])
_FLOATS = frozenset(["FL", "FD"])
_EITHER = frozenset(["DS", "IS", "SV", "UV"])  # number or string since 2019, for their precision
_BINARY = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
_VRS = _STRINGS | _INTEGERS | _FLOATS | _EITHER | _BINARY | {"AT", "PN", "SQ"}


@dataclass(frozen=True)
class Problem:
    """One deviation: ``kind`` (a key of ``KINDS``), ``path`` (such as ``$.00081199.Value[0]``), what was seen."""

    kind: str
    path: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {KINDS[self.kind]}" + (f" ({self.detail})" if self.detail else "")


class Repeated(dict[str, Any]):
    """A JSON object that named a key more than once; the last value is kept, ``repeated`` names the keys."""

    repeated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """The value of a body (``None`` where unreadable) and the kinds of problems its bytes have."""

    value: Any
    problems: tuple[str, ...] = ()
    detail: str = ""

    @property
    def readable(self) -> bool:
        """Whether there is a value at all."""
        return "not-json" not in self.problems


def load(data: bytes) -> Loaded:
    """Decode strictly as UTF-8, then as JSON; never raises.

    A byte order mark and another encoding are problems, and the value is read all the same, so that the rest can be
    judged. Objects with a repeated key are of class ``Repeated``; integers stay ``int``, ``274.0`` is a ``float``.
    """
    problems: list[str] = []
    text: bytes | str = data
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        problems.append("not-utf8")
        try:
            text = data.decode(json.detect_encoding(data))
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if data.startswith(b"\xef\xbb\xbf"):
        problems.append("bom")
        text = data[3:]
    if isinstance(text, str) and text.startswith("\ufeff"):
        problems.append("bom")
        text = text[1:]
    elif not problems and b"\0" in data[:2]:  # UTF-16 of ASCII letters is valid UTF-8 with NULs
        problems.append("not-utf8")
        text = data.decode(json.detect_encoding(data), "replace")
    try:
        value = orjson.loads(text)
    except ValueError as error:
        return Loaded(None, (*problems, "not-json"), str(error))
    if not problems and _canonical(data, value):
        return Loaded(value)
    try:  # rare: escapes, exponents, or a key that occurs twice, which only a pass over the pairs can tell
        value, repeated = _with_pairs(text)
    except (ValueError, RecursionError):  # limits of the slow parser (digits, depth), not faults of the text
        return Loaded(value, tuple(problems))
    return Loaded(value, (*problems, "duplicate-key") if repeated else tuple(problems))


def lint(source: bytes | Loaded) -> tuple[Problem, ...]:
    """Every encoding problem of a DICOM JSON body, in order of appearance (at most ``MAX_PROBLEMS`` of a kind)."""
    loaded = load(source) if isinstance(source, bytes) else source
    found = _Lint()
    for kind in loaded.problems:
        if kind != "duplicate-key":
            found.add(kind, "$", loaded.detail)
    if loaded.readable:
        value, path = loaded.value, "$"
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
            found.add("array", "$")
            value, path = value[0], "$[0]"
        if isinstance(value, dict):
            found.item(value, path, 0)
        else:
            found.add("not-object", "$", _short(value))
    return tuple(found.problems)


@dataclass
class _Lint:
    """Walks over one value. What a set of keys means is decided once for each shape, not once for each object."""

    problems: list[Problem] = field(default_factory=list)
    _count: dict[str, int] = field(default_factory=dict)
    _item_shapes: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _attribute_shapes: dict[tuple[str, ...], str | None] = field(default_factory=dict)

    def add(self, kind: str, path: str, detail: str = "") -> None:
        count = self._count[kind] = self._count.get(kind, 0) + 1
        if count <= MAX_PROBLEMS:
            self.problems.append(Problem(kind, path, detail))

    def item(self, item: dict[str, Any], path: str, depth: int) -> None:
        """A data set or an item of a sequence."""
        if depth > MAX_DEPTH:
            self.add("too-deep", path)
            return
        shape = tuple(item)
        known = self._item_shapes.get(shape)
        if known is None:
            known = self._item_shapes[shape] = tuple(_item_shape(shape))
        for kind, detail in known:
            self.add(kind, path, detail)
        if item.__class__ is Repeated:
            self._repeated(item, path)
        for tag, attribute in item.items():
            if attribute.__class__ is not dict:
                if not isinstance(attribute, Repeated):
                    self.add("no-vr", f"{path}.{tag}", f"{_short(attribute)} is no object")
                    continue
                self._repeated(attribute, f"{path}.{tag}")
            members = tuple(attribute)
            if members not in self._attribute_shapes:
                self._attribute_shapes[members] = _attribute_shape(members)
            wrong = self._attribute_shapes[members]
            if wrong is not None:
                self.add("members", f"{path}.{tag}", wrong)
            vr = attribute.get("vr")
            if vr == "UI" and "Value" in attribute:  # by far the most frequent: decided without building a path
                values = attribute["Value"]
                if values.__class__ is list and len(values) == 1:
                    uid = values[0]
                    if uid.__class__ is str and len(uid) <= 64 and _UID.match(uid):
                        continue
            self._attribute(attribute, vr, f"{path}.{tag}", depth)

    def _attribute(self, attribute: dict[str, Any], vr: Any, path: str, depth: int) -> None:
        if not isinstance(vr, str) or vr not in _VRS:
            self.add("no-vr", path, _short(vr))
            return
        if "Value" not in attribute:
            return
        values = attribute["Value"]
        if not isinstance(values, list):
            self.add("value-type", path, f"Value is {_short(values)}, no array")
            return
        if not values:
            self.add("empty-value", path)
        judge = _JUDGES.get(vr)
        for number, value in enumerate(values):
            if vr == "SQ":
                if isinstance(value, dict):
                    self.item(value, f"{path}.Value[{number}]", depth + 1)
                elif value is not None:
                    self.add("value-type", f"{path}.Value[{number}]", f"{_short(value)} in SQ")
            elif value is not None and judge is not None:
                for kind in judge(value):
                    self.add(kind, f"{path}.Value[{number}]", f"{_short(value)} in {vr}")
            elif judge is None:
                self.add("value-type", f"{path}.Value[{number}]", f"{vr} has no Value")

    def _repeated(self, value: Any, path: str) -> None:
        for key in value.repeated:
            self.add("duplicate-key", path, key)


def _item_shape(keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What is wrong with these attribute names, in this order."""
    for key in keys:
        if not _TAG.match(key):
            yield "key-form", key[:64]
        elif key.endswith("0000"):
            yield "group-length", key
    for before, after in itertools.pairwise(keys):
        # case is another rule's matter: a lower-case tag in its right place is not out of order as well
        if before.upper() > after.upper():
            yield "key-order", f"{after[:64]} after {before[:64]}"


def _attribute_shape(members: tuple[str, ...]) -> str | None:
    """What is wrong with these members of an attribute."""
    unknown = [member for member in members if member not in _MEMBERS]
    if unknown:
        return f"unknown member {unknown[0][:64]}"
    values = [member for member in members if member != "vr"]
    return f"{' and '.join(values)} together" if len(values) > 1 else None


def _string(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield "value-type"
    elif not value:
        yield "empty-string"


def _uid(value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield "value-type"
    elif not value:
        yield "empty-string"
    else:
        bare = value.rstrip("\0 ")
        if bare != value:
            yield "padding"
        if not (_UID.match(bare) and len(bare) <= 64):
            yield "uid-form"


def _integer(value: Any) -> Iterator[str]:
    if isinstance(value, float) and value.is_integer():
        yield "number-form"
    elif value.__class__ is not int:
        yield "value-type"


def _number(value: Any) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield "value-type"


def _number_or_string(value: Any) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        yield "value-type"


def _tag(value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not _TAG.match(value):
        yield "value-type"


def _name(value: Any) -> Iterator[str]:
    groups = {"Alphabetic", "Ideographic", "Phonetic"}
    if not isinstance(value, dict) or not value.keys() <= groups or not all(isinstance(v, str) for v in value.values()):
        yield "value-type"


_JUDGES: Mapping[str, Callable[[Any], Iterator[str]]] = {
    **dict.fromkeys(_STRINGS, _string),
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_FLOATS, _number),
    **dict.fromkeys(_EITHER, _number_or_string),
    "UI": _uid,
    "AT": _tag,
    "PN": _name,
}


def _canonical(data: bytes, value: Any) -> bool:
    """Whether ``data`` is what a writer makes of ``value`` but for white space: then no key occurs twice."""
    try:
        written = orjson.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    if written == data:
        return True
    return data.translate(None, _WHITESPACE) == written.translate(None, _WHITESPACE)


def _with_pairs(text: bytes | str) -> tuple[Any, bool]:
    found = False

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        made = dict(members)
        if len(made) == len(members):
            return made
        found = True
        seen: set[str] = set()
        repeated = Repeated(made)
        repeated.repeated = tuple(dict.fromkeys(k for k, _ in members if k in seen or seen.add(k)))  # type: ignore[func-returns-value]
        return repeated

    return json.loads(text if isinstance(text, str) else str(text, "utf-8"), object_pairs_hook=pairs), found


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, (dict, list)) else f"{type(value).__name__} of {len(value)}"
    return text if len(text) <= 64 else f"{text[:61]}..."
