"""Binary data sets and part 10 files, scrubbed where their values stand; what cannot be read is replaced as a text."""

from __future__ import annotations

import struct

from stgcmt.scrubbing.pseudonyms import Pseudonyms
from stgcmt.scrubbing.values import scrubbed
from stgcmt.wire.elements import ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED
from stgcmt.wire.uids import EXPLICIT_BE, IMPLICIT_LE

PREAMBLE = 132
DEPTH = 40
_VRS = {each.encode() for each in SHORT_VRS | LONG_VRS}


def part10(data: bytes, table: Pseudonyms) -> bytes:
    """A file of PS3.10: preamble, file meta information, data set; anything else is taken for a bare data set."""
    if data[128:PREAMBLE] != b"DICM":
        return data_set(data, table)
    walk = _Walk(data, table, explicit=True, order="<")
    end = walk.elements(PREAMBLE, len(data), stop_after=0x0002)
    syntax = walk.transfer_syntax
    body = _Walk(bytes(walk.out), table, explicit=syntax != IMPLICIT_LE, order=">" if syntax == EXPLICIT_BE else "<")
    body.elements(end, len(data))
    out = body.out
    out[:128] = bytes(128) if not any(data[:128]) else table.noise(data[:128])
    return bytes(out)


def data_set(data: bytes, table: Pseudonyms, *, explicit: bool | None = None) -> bytes:
    """A data set in little endian; its form is seen from its first element where it is not given."""
    walk = _Walk(data, table, explicit=data[4:6] in _VRS if explicit is None else explicit, order="<")
    walk.elements(0, len(data))
    return bytes(walk.out)


class _Walk:
    """One pass over the elements; ``out`` has what was read with its values replaced."""

    def __init__(self, data: bytes, table: Pseudonyms, *, explicit: bool, order: str) -> None:
        self.data, self.table, self.explicit, self.order = data, table, explicit, order
        self.out = bytearray(data)
        self.transfer_syntax = ""

    def elements(self, start: int, end: int, *, stop_after: int | None = None, depth: int = 0) -> int:
        """Walk from ``start``; returns where the elements of group ``stop_after`` end, else where it stopped."""
        while start + 8 <= end:
            group, element = struct.unpack_from(self.order + "HH", self.data, start)
            tag = group << 16 | element
            if stop_after is not None and group > stop_after:
                return start
            if tag in (ITEM, ITEM_END, SEQUENCE_END):
                start += 8  # what an item holds is walked as if it stood here: no length is needed
                continue
            vr, first, size = self._head(start, tag)
            if size == UNDEFINED:
                size = 0 if tag >> 16 != 0x7FE0 else self._encapsulated(first, end)
            if first + size > end or depth > DEPTH:
                break
            if vr == "SQ" or (vr == "UN" and self.data[first : first + 4] == b"\xfe\xff\x00\xe0"):
                self.elements(first, first + size, depth=depth + 1)
            else:
                self.out[first : first + size] = scrubbed(tag, vr, self.data[first : first + size], self.table)
            if tag == 0x00020010:
                self.transfer_syntax = self.data[first : first + size].decode("latin-1").rstrip("\0 ")
            start = first + size
        if start < end:
            self.out[start:end] = self.table.free(self.data[start:end])
        return end

    def _head(self, start: int, tag: int) -> tuple[str, int, int]:
        if not self.explicit:
            return _implied(tag), start + 8, int(struct.unpack_from(self.order + "I", self.data, start + 4)[0])
        raw = self.data[start + 4 : start + 6]
        vr = raw.decode("latin-1")
        if raw in _VRS and vr in SHORT_VRS:
            return vr, start + 8, int(struct.unpack_from(self.order + "H", self.data, start + 6)[0])
        if raw in _VRS and start + 12 <= len(self.data):
            return vr, start + 12, int(struct.unpack_from(self.order + "I", self.data, start + 8)[0])
        return _implied(tag), start + 8, int(struct.unpack_from(self.order + "I", self.data, start + 4)[0])

    def _encapsulated(self, first: int, end: int) -> int:
        """The length of encapsulated pixel data up to its delimiter, replaced fragment by fragment."""
        at = first
        while at + 8 <= end:
            tag_bytes, size = self.data[at : at + 4], struct.unpack_from("<I", self.data, at + 4)[0]
            at += 8
            if tag_bytes != b"\xfe\xff\x00\xe0":
                break
            at += size
        return min(at, end) - first


def _implied(tag: int) -> str:
    """The VR that the data dictionary gives; unknown and private ones are ``UN``."""
    from pydicom.datadict import dictionary_VR  # noqa: PLC0415 - start-up

    if tag & 0xFFFF == 0:
        return "UL"
    if (tag >> 16) % 2 and 0x10 <= (tag & 0xFFFF) <= 0xFF:
        return "LO"
    try:
        return dictionary_VR(tag)[:2]
    except KeyError:
        return "UN"
