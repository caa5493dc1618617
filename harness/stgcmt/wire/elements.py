"""A data set as it stands on the wire: elements with offsets, items, defects; values only, nothing is judged here.

Clauses: PS3.5 6.2 (value representations), 7.1 (elements), 7.5 (sequences).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

IMPLICIT_VR_LE = "1.2.840.10008.1.2"
EXPLICIT_VR_LE = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BE = "1.2.840.10008.1.2.2"

UNDEFINED = 0xFFFFFFFF

_TEXT = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM")
SHORT_VRS = frozenset((*_TEXT, "UI", "AT", "FD", "FL", "SL", "SS", "UL", "US"))
LONG_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


@dataclass(frozen=True, slots=True)
class Form:
    """One of the three encodings of a data set."""

    name: str
    explicit: bool
    order: str  # "<" or ">"


IMPLICIT_LE = Form("Implicit VR Little Endian", explicit=False, order="<")
EXPLICIT_LE = Form("Explicit VR Little Endian", explicit=True, order="<")
EXPLICIT_BE = Form("Explicit VR Big Endian", explicit=True, order=">")
FORMS = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)

_UINT16 = {"<": struct.Struct("<H").unpack, ">": struct.Struct(">H").unpack}


def form_of(transfer_syntax: str) -> Form:
    """The encoding that a transfer syntax names; the compressed ones, and all unknown ones, are Explicit VR LE."""
    return {IMPLICIT_VR_LE: IMPLICIT_LE, EXPLICIT_VR_BE: EXPLICIT_BE}.get(transfer_syntax, EXPLICIT_LE)


def tag_text(tag: int) -> str:
    """``(0008,0018)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong at ``offset``; ``kind`` is one of the words below, ``text`` is for people.

    ``wrong-encoding`` ``unknown-vr`` ``vr-differs`` ``odd-length`` ``padding`` ``order`` ``duplicate`` ``group``
    ``reserved`` ``beyond-end`` ``undefined-length`` ``no-delimiter`` ``delimiter-length`` ``item-tag`` ``trailing``
    ``too-deep``, and the observation ``zero-length``, which is wrong only where the attribute must have a value.
    """

    kind: str
    offset: int
    text: str


OBSERVATIONS = frozenset({"zero-length"})


@dataclass(frozen=True, slots=True)
class Element:
    """One data element: ``offset`` and ``length`` span header, value and delimiter; ``stated`` is its length field.

    ``vr`` is what the bytes say (Explicit VR, known or not), else what the dictionary says, else ``None``.
    ``items`` is ``None`` where the element is no sequence.
    """

    tag: int
    vr: str | None
    value: bytes
    items: tuple[DataSet, ...] | None
    offset: int
    length: int
    stated: int
    defects: tuple[Defect, ...] = ()

    def __repr__(self) -> str:
        value = f"{len(self.items)} items" if self.items is not None else repr(self.value[:72])
        return f"<{tag_text(self.tag)} {self.vr or '??'} {value}>"

    @property
    def empty(self) -> bool:
        """Whether the value is absent: no byte, or a sequence without items."""
        return not self.items if self.items is not None else not self.value

    @property
    def text(self) -> str:
        """The value as text without trailing padding (for AE also without leading spaces)."""
        text = self.value.decode("latin-1").rstrip("\0 ")
        return text.lstrip(" ") if self.vr == "AE" else text


@dataclass(frozen=True, slots=True)
class DataSet:
    """The elements of one level in the order of the wire, and the defects of this level (those of elements apart)."""

    elements: tuple[Element, ...] = ()
    defects: tuple[Defect, ...] = ()
    form: Form = EXPLICIT_LE
    offset: int = 0
    length: int = 0

    def __repr__(self) -> str:
        return f"<DataSet {' '.join(tag_text(element.tag) for element in self.elements[:6])} {self.form.name}>"

    def __contains__(self, tag: object) -> bool:
        return any(element.tag == tag for element in self.elements)

    def get(self, tag: int) -> Element | None:
        """The first element with this tag."""
        for element in self.elements:
            if element.tag == tag:
                return element
        return None

    def text(self, tag: int) -> str | None:
        """The element's text without padding: ``None`` where it is absent, ``""`` where it is empty."""
        element = self.get(tag)
        return None if element is None else element.text

    def uint16(self, tag: int) -> int | None:
        """The element's one 16-bit unsigned value; ``None`` where it is absent or not two bytes long."""
        element = self.get(tag)
        if element is None or len(element.value) != 2:
            return None
        number: int = _UINT16[self.form.order](element.value)[0]
        return number

    def items(self, tag: int) -> tuple[DataSet, ...]:
        """The items of a sequence; empty where it is absent, empty, or no sequence."""
        element = self.get(tag)
        return () if element is None else element.items or ()

    def walk(self, path: str = "") -> Iterator[tuple[str, Element]]:
        """Every element of every level with its path: ``(0040,0275)[1]>(0008,0050)``; items count from 1."""
        for element in self.elements:
            here = path + tag_text(element.tag)
            yield here, element
            for number, item in enumerate(element.items or (), 1):
                yield from item.walk(f"{here}[{number}]>")

    def all_defects(self, path: str = "") -> Iterator[tuple[str, Defect]]:
        """Every defect of every level, observations included, with the path of what has it."""
        for defect in self.defects:
            yield path.removesuffix(">") or "data set", defect
        for element in self.elements:
            here = path + tag_text(element.tag)
            for defect in element.defects:
                yield here, defect
            for number, item in enumerate(element.items or (), 1):
                yield from item.all_defects(f"{here}[{number}]>")

    def faults(self) -> tuple[str, ...]:
        """All defects but observations, each as one line: path, text, byte."""
        return tuple(
            f"{path}: {defect.text} (byte {defect.offset})"
            for path, defect in self.all_defects()
            if defect.kind not in OBSERVATIONS
        )
