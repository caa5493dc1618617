"""Builds the bytes of data sets from nested values, right by default and wrong wherever a test asks for it.

``encode([(0x00080018, "UI", "1.2.3"), (0x00400275, "SQ", [[...], [...]])], transfer_syntax)``

A value is ``str`` (padded to even length), ``int`` or ``float`` or a list of those (packed by VR), a list of items
where the VR is SQ, or ``bytes``: taken as they are, without padding. ``Elem`` overrides what the header says, ``Item``
how an item is delimited; ``bytes`` in place of an element or item are copied. The order given is kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stgcmt.wire.elements import ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, UNDEFINED, Form, form_of, tag_text

_PACK = {"AT": "HH", "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}


@dataclass(frozen=True, slots=True)
class Elem:
    """An element with a header of its own: another length, undefined length, or as if no other form were in force.

    ``length`` is written as it is given, whatever the value's length; ``undefined`` holds for SQ alone; ``form`` writes
    this element, and what it contains, in another encoding than the data set's.
    """

    tag: int
    vr: str
    value: Any = b""
    length: int | None = None
    undefined: bool | None = None
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item with a length of its own, or undefined, or another encoding; ``delimiter=False`` leaves it out."""

    elements: Any
    length: int | None = None
    undefined: bool | None = None
    form: Form | None = None
    delimiter: bool = True


def encode(elements: Iterable[Any], transfer_syntax: str, *, undefined: bool = False) -> bytes:
    """The bytes of ``elements``; sequences and items have undefined lengths where ``undefined`` is set.

    Raises ``ValueError`` where a value cannot be written at all (a number as UI, 70,000 bytes in a short VR).
    """
    return _data_set(elements, form_of(transfer_syntax), undefined)


def _data_set(elements: Iterable[Any], form: Form, undefined: bool) -> bytes:
    if isinstance(elements, bytes):
        return elements
    return b"".join(
        element if isinstance(element, bytes) else _element(element, form, undefined) for element in elements
    )


def _element(element: Any, form: Form, undefined: bool) -> bytes:
    elem = element if isinstance(element, Elem) else Elem(*element)
    form = elem.form or form
    undefined = undefined if elem.undefined is None else elem.undefined
    value, open_ended = _value(elem, form, undefined)
    length = elem.length if elem.length is not None else UNDEFINED if open_ended else len(value)
    try:
        return _header(elem, form, length) + value
    except struct.error as error:
        raise ValueError(f"{tag_text(elem.tag)} {elem.vr}: length {length} does not fit its field") from error


def _header(elem: Elem, form: Form, length: int) -> bytes:
    order, group, number = form.order, elem.tag >> 16, elem.tag & 0xFFFF
    if not form.explicit:
        return struct.pack(order + "HHI", group, number, length)
    letters = elem.vr.encode("latin-1")
    if elem.vr in LONG_VRS:
        return struct.pack(order + "HH2sHI", group, number, letters, 0, length)
    return struct.pack(order + "HH2sH", group, number, letters, length)


def _value(elem: Elem, form: Form, undefined: bool) -> tuple[bytes, bool]:
    """The bytes of the value, and whether they end with a delimiter of their own."""
    value = elem.value
    if value is None:
        return b"", False
    if isinstance(value, (bytes, bytearray)):
        return bytes(value), False
    if elem.vr == "SQ" and isinstance(value, Sequence) and not isinstance(value, str):
        items = b"".join(_item(item, form, undefined) for item in value)
        return (items + _mark(form, SEQUENCE_END, 0), True) if undefined else (items, False)
    values = value if isinstance(value, (list, tuple)) else [value]
    if all(isinstance(each, str) for each in values):
        text = "\\".join(values).encode("utf-8", "surrogateescape")
        pad = b"\0" if elem.vr in {"UI", "OB", "UN"} else b" "
        return text + pad * (len(text) & 1), False
    try:
        return b"".join(_number(each, elem.vr, form) for each in values), False
    except (KeyError, TypeError, struct.error) as error:
        raise ValueError(f"{tag_text(elem.tag)}: {value!r} cannot be written as {elem.vr}") from error


def _number(value: Any, vr: str, form: Form) -> bytes:
    if vr == "AT":
        return struct.pack(form.order + "HH", value >> 16, value & 0xFFFF)
    return struct.pack(form.order + _PACK[vr], value)


def _item(item: Any, form: Form, undefined: bool) -> bytes:
    if isinstance(item, bytes):
        return item
    if not isinstance(item, Item):
        item = Item(item)
    undefined = undefined if item.undefined is None else item.undefined
    content = _data_set(item.elements, item.form or form, undefined)
    length = item.length if item.length is not None else UNDEFINED if undefined else len(content)
    end = _mark(form, ITEM_END, 0) if undefined and item.delimiter else b""
    return _mark(form, ITEM, length) + content + end


def _mark(form: Form, tag: int, length: int) -> bytes:
    return struct.pack(form.order + "HHI", tag >> 16, tag & 0xFFFF, length)
