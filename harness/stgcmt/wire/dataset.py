"""Strict raw reading of data sets (``read``); the public face of data sets also offers the values and ``encode``.

The reader never raises on bytes: what it meets is a tree of elements with offsets into the bytes, and defects beside
it. It does not heal. A data set that arrives in another encoding than the negotiated one is read in the encoding that
its bytes show, so that its content can still be judged, and says so (``wrong-encoding``).

The engine knows no attribute: callers pass the part of the dictionary that they need (``{0x00080018: "UI"}``). Without
it, elements of Implicit VR have no VR, and a sequence is known by its undefined length or by an item tag at its start.

Offsets count from the start of the bytes given to ``read``. Clauses: PS3.5 6.2 (value representations), 7.1 (elements),
7.5 (sequences), 10.1 (default transfer syntax).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from stgcmt.wire.dataset_writer import Elem, Item, encode
from stgcmt.wire.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    EXPLICIT_VR_BE,
    EXPLICIT_VR_LE,
    FORMS,
    IMPLICIT_LE,
    IMPLICIT_VR_LE,
    ITEM,
    ITEM_END,
    LONG_VRS,
    OBSERVATIONS,
    SEQUENCE_END,
    SHORT_VRS,
    UNDEFINED,
    DataSet,
    Defect,
    Element,
    Form,
    form_of,
    tag_text,
)

__all__ = [
    "EXPLICIT_BE",
    "EXPLICIT_LE",
    "EXPLICIT_VR_BE",
    "EXPLICIT_VR_LE",
    "IMPLICIT_LE",
    "IMPLICIT_VR_LE",
    "OBSERVATIONS",
    "UNDEFINED",
    "DataSet",
    "Defect",
    "Elem",
    "Element",
    "Form",
    "Item",
    "encode",
    "form_of",
    "read",
    "tag_text",
]

MAX_DEPTH = 64  # deeper than any real data set, shallow enough for the interpreter's stack

_VR_OF = {vr.encode("ascii"): vr for vr in SHORT_VRS | LONG_VRS}
_LONG = frozenset(vr.encode("ascii") for vr in LONG_VRS)
_PADDED_WITH_SPACE = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"]
)
_ENOUGH = 4  # this many plausible headers in a row decide for an encoding

_TAG_AND_LENGTH = {"<": struct.Struct("<HHI").unpack_from, ">": struct.Struct(">HHI").unpack_from}
_TAG_VR_LENGTH = {"<": struct.Struct("<HH2sH").unpack_from, ">": struct.Struct(">HH2sH").unpack_from}
_LENGTH = {"<": struct.Struct("<I").unpack_from, ">": struct.Struct(">I").unpack_from}


def read(data: bytes, transfer_syntax: str, dictionary: Mapping[int, str] | None = None) -> DataSet:
    """Read ``data`` as a data set in ``transfer_syntax``; never raises."""
    return _Reader(data, dictionary or {}).data_set(0, len(data), form_of(transfer_syntax), 0)[0]


class _Reader:
    """One pass over the bytes. ``end`` is always a bound inside the bytes, every step moves forward."""

    def __init__(self, data: bytes, dictionary: Mapping[int, str]) -> None:
        self.data = data
        self.dictionary = dictionary

    def data_set(self, pos: int, end: int, form: Form, depth: int, *, delimited: bool = False) -> tuple[DataSet, int]:
        """Read elements up to ``end``, or up to the item delimiter; also returns where reading stopped."""
        start, wanted, last = pos, form, -1
        elements: list[Element] = []
        defects: list[Defect] = []
        form = self._settle(pos, end, wanted)
        if form is not wanted:
            defects.append(Defect("wrong-encoding", pos, f"encoded in {form.name} where {wanted.name} is in force"))
        seen: set[int] = set()
        unpack = _TAG_AND_LENGTH[form.order]
        while pos < end:
            if end - pos < 8:
                defects.append(Defect("trailing", pos, f"{end - pos} bytes follow that are no element"))
                pos = end
                break
            group, number, length = unpack(self.data, pos)
            tag = group << 16 | number
            if tag == ITEM_END and delimited:
                if length:
                    defects.append(Defect("delimiter-length", pos, f"the item delimiter has length {length}"))
                pos += 8
                break
            if tag == SEQUENCE_END and delimited:  # left to the sequence
                defects.append(Defect("no-delimiter", pos, "the item of undefined length has no delimiter"))
                break
            if group == 0xFFFE:
                defects.append(Defect("item-tag", pos, f"{tag_text(tag)} stands where an element is expected"))
                pos += 8
                continue
            element, pos = self._element(tag, pos, end, form, depth)
            if tag <= last:
                kind = "duplicate" if tag in seen else "order"
                text = "is there twice" if tag in seen else f"follows {tag_text(last)}"
                defects.append(Defect(kind, element.offset, f"{tag_text(tag)} {text}"))
            elif group <= 2:
                defects.append(Defect("group", element.offset, f"{tag_text(tag)} does not belong in a data set"))
            last = max(last, tag)
            seen.add(tag)
            elements.append(element)
        else:
            if delimited:
                defects.append(Defect("no-delimiter", pos, "the item of undefined length has no delimiter"))
        return DataSet(tuple(elements), tuple(defects), form, start, pos - start), pos

    def _element(self, tag: int, start: int, end: int, form: Form, depth: int) -> tuple[Element, int]:
        defects: list[Defect] = []
        vr, stated, pos = self._header(tag, start, end, form, defects)
        known = self.dictionary.get(tag)
        if form.explicit and known is not None and vr != known and vr is not None:
            defects.append(Defect("vr-differs", start, f"{tag_text(tag)} has VR {vr}, the dictionary says {known}"))
        items: tuple[DataSet, ...] | None = None
        if stated == UNDEFINED:
            begin = pos
            items, stop, pos = self._undefined(vr, pos, end, form, depth, defects)
            vr, value = vr or "SQ", self.data[begin:stop]
        else:
            stop = pos + stated
            if stop > end:
                defects.append(
                    Defect("beyond-end", start, f"{tag_text(tag)} has length {stated}, {end - pos} bytes are left")
                )
                stop = end
            elif stated & 1:
                defects.append(Defect("odd-length", start, f"{tag_text(tag)} has the odd length {stated}"))
            elif not stated:
                defects.append(Defect("zero-length", start, f"{tag_text(tag)} is empty"))
            value = self.data[pos:stop]
            if vr == "SQ" or (vr == "UN" and known == "SQ") or (vr is None and self._starts_item(pos, stop, form)):
                items = self._sequence(pos, stop, IMPLICIT_LE if vr == "UN" else form, depth, defects)[0]
                vr = vr or "SQ"
            elif value and value[-1] in b"\0 ":
                _judge_padding(tag, vr, value, start, defects)
            pos = stop
        return Element(tag, vr, value, items, start, pos - start, stated, tuple(defects)), pos

    def _header(self, tag: int, pos: int, end: int, form: Form, defects: list[Defect]) -> tuple[str | None, int, int]:
        """VR, length field, and where the value starts. Eight bytes are there."""
        if not form.explicit:
            return self.dictionary.get(tag), _LENGTH[form.order](self.data, pos + 4)[0], pos + 8
        _, _, letters, short = _TAG_VR_LENGTH[form.order](self.data, pos)
        vr: str | None = _VR_OF.get(letters)
        if vr is not None and letters not in _LONG:
            return vr, short, pos + 8
        if vr is None:
            if not _is_upper(letters):
                defects.append(Defect("unknown-vr", pos, f"{tag_text(tag)} has no VR but the bytes {letters.hex(' ')}"))
                return None, _LENGTH[form.order](self.data, pos + 4)[0], pos + 8
            vr = letters.decode("ascii")
            defects.append(Defect("unknown-vr", pos, f"{tag_text(tag)} has the unknown VR {vr}"))
            # Value representations to come have the long form; older mistakes ("XX") are mostly short.
            if short or end - pos < 12 or not self._fits(pos + 8, end, form):
                return vr, short, pos + 8
        if end - pos < 12:
            defects.append(Defect("beyond-end", pos, f"{tag_text(tag)} ends within its header"))
            return vr, 0, end
        if short:
            defects.append(Defect("reserved", pos, f"{tag_text(tag)} has {short:04X}H in the reserved field, not 0"))
        return vr, _LENGTH[form.order](self.data, pos + 8)[0], pos + 12

    def _undefined(
        self, vr: str | None, pos: int, end: int, form: Form, depth: int, defects: list[Defect]
    ) -> tuple[tuple[DataSet, ...] | None, int, int]:
        """The value of an element of undefined length: its items, where the value stops, where reading goes on."""
        if vr in {"OB", "OW", "OD", "OF", "OL", "OV"}:
            return None, *self._fragments(pos, end, form, defects)
        if vr not in {"SQ", "UN", None}:
            defects.append(Defect("undefined-length", pos, f"undefined length is not allowed for VR {vr}"))
        return self._sequence(pos, end, IMPLICIT_LE if vr == "UN" else form, depth, defects, delimited=True)

    def _sequence(
        self, pos: int, end: int, form: Form, depth: int, defects: list[Defect], *, delimited: bool = False
    ) -> tuple[tuple[DataSet, ...], int, int]:
        """Items up to ``end`` or the delimiter: the items, where the value stops, where reading goes on."""
        if depth >= MAX_DEPTH:
            defects.append(Defect("too-deep", pos, f"sequences are nested deeper than {MAX_DEPTH}; not read further"))
            return (), end, end
        items: list[DataSet] = []
        unpack = _TAG_AND_LENGTH[form.order]
        while end - pos >= 8:
            group, number, length = unpack(self.data, pos)
            tag = group << 16 | number
            if tag == ITEM:
                item, pos = self._item(pos, end, length, form, depth, defects)
                items.append(item)
            elif tag == SEQUENCE_END:
                if not delimited:
                    defects.append(Defect("item-tag", pos, "a sequence of defined length holds a sequence delimiter"))
                    pos += 8
                    continue
                if length:
                    defects.append(Defect("delimiter-length", pos, f"the sequence delimiter has length {length}"))
                return tuple(items), pos, pos + 8
            else:
                defects.append(Defect("item-tag", pos, f"{tag_text(tag)} stands where an item is expected"))
                if delimited:
                    break
                return tuple(items), end, end
        if delimited:
            defects.append(Defect("no-delimiter", pos, "the sequence of undefined length has no delimiter"))
        elif end > pos:
            defects.append(Defect("trailing", pos, f"{end - pos} bytes follow the last item"))
            pos = end
        return tuple(items), pos, pos

    def _item(
        self, pos: int, end: int, length: int, form: Form, depth: int, defects: list[Defect]
    ) -> tuple[DataSet, int]:
        if length == UNDEFINED:
            return self.data_set(pos + 8, end, form, depth + 1, delimited=True)
        stop = pos + 8 + length
        if stop > end:
            defects.append(Defect("beyond-end", pos, f"an item has length {length}, {end - pos - 8} bytes are left"))
            stop = end
        elif length & 1:
            defects.append(Defect("odd-length", pos, f"an item has the odd length {length}"))
        return self.data_set(pos + 8, stop, form, depth + 1)[0], stop

    def _fragments(self, pos: int, end: int, form: Form, defects: list[Defect]) -> tuple[int, int]:
        """Encapsulated pixel data: where the value stops, where reading goes on."""
        unpack = _TAG_AND_LENGTH[form.order]
        while end - pos >= 8:
            group, number, length = unpack(self.data, pos)
            tag = group << 16 | number
            if tag == SEQUENCE_END:
                return pos, pos + 8
            if tag != ITEM or length > end - pos - 8:
                break
            pos += 8 + length
        defects.append(Defect("no-delimiter", pos, "the fragments have no sequence delimiter"))
        return end, end

    def _starts_item(self, pos: int, end: int, form: Form) -> bool:
        """Whether a value without known VR is a sequence: an item tag whose length fits."""
        if end - pos < 8:
            return False
        group, number, length = _TAG_AND_LENGTH[form.order](self.data, pos)
        if (group, number) != (0xFFFE, 0xE000):
            return False
        fits: bool = length == UNDEFINED or length <= end - pos - 8
        return fits

    def _fits(self, pos: int, end: int, form: Form) -> bool:
        length = _LENGTH[form.order](self.data, pos)[0]
        fits: bool = length == UNDEFINED or length <= end - pos - 4
        return fits

    def _settle(self, pos: int, end: int, form: Form) -> Form:
        """The encoding that the first bytes show: ``form``, unless another one is clearly more plausible."""
        data = self.data
        if end - pos < 8:
            return form
        first, second = data[pos], data[pos + 1]
        if form.order == ">":
            first, second = second, first
        swapped = not first and second  # group 0008H, read in the wrong order, is 0800H
        if not swapped and form.explicit == (data[pos + 4 : pos + 6] in _VR_OF):
            return form
        best, mark = form, max(self._chain(pos, end, form), 1)  # one header alone proves nothing
        for other in FORMS:
            if (reached := self._chain(pos, end, other)) > mark:
                best, mark = other, reached
        return best

    def _chain(self, pos: int, end: int, form: Form) -> int:
        """How many plausible headers follow one another here in ``form``; ``_ENOUGH`` also where all ends well."""
        last = -1
        for count in range(_ENOUGH):
            if pos == end:
                return _ENOUGH
            if end - pos < 8:
                return count
            group, number, length = _TAG_AND_LENGTH[form.order](self.data, pos)
            tag = group << 16 | number
            if tag == ITEM_END and not length:
                return _ENOUGH
            if tag <= last or not group:
                return count
            if form.explicit:
                _, _, letters, length = _TAG_VR_LENGTH[form.order](self.data, pos)
                if not _is_upper(letters):
                    return count
                if letters in _LONG:
                    if end - pos < 12:
                        return count
                    length = _LENGTH[form.order](self.data, pos + 8)[0]
                    pos += 4
            pos += 8
            if length == UNDEFINED:
                return _ENOUGH if self._starts_item(pos, end, form) else count
            if length > end - pos:
                return count
            pos, last = pos + length, tag
        return _ENOUGH


def _is_upper(letters: bytes) -> bool:
    return letters.isalpha() and letters.isupper()


def _judge_padding(tag: int, vr: str | None, value: bytes, offset: int, defects: list[Defect]) -> None:
    """PS3.5 6.2: a UID is padded with one trailing NUL, text with spaces."""
    if vr == "UI":
        if value[-1] == 0x20:
            defects.append(Defect("padding", offset, f"{tag_text(tag)} is padded with a space, not with NUL"))
        elif value.endswith(b"\0\0"):
            defects.append(Defect("padding", offset, f"{tag_text(tag)} is padded with more than one NUL"))
    elif vr in _PADDED_WITH_SPACE and value[-1] == 0:
        defects.append(Defect("padding", offset, f"{tag_text(tag)} is padded with NUL, not with spaces"))
