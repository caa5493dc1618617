"""What was stored and what was read back: data sets from the bytes of C-STORE, C-GET, STOW-RS and WADO-RS.

Checks hold both against each other, and a conformance statement says what became of what was kept.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

from stgcmt.transcript import Transcript
from stgcmt.views.dimse import dimse
from stgcmt.views.http import http
from stgcmt.wire.dataset import DataSet, Element, read, tag_text

SOP_INSTANCE_UID = 0x00080018
EXPLICIT_LE = "1.2.840.10008.1.2.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
# Big endian, and deflated: other bytes for the same values.
ENCODED_OTHERWISE = frozenset({"1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95"})
IMAGE = ("(0028,", "(7FE0,")  # what compressing an image may change, as ``tag_text`` writes it
DICTIONARY = {SOP_INSTANCE_UID: "UI"}
PREAMBLE = b"DICM"
TRANSFER_SYNTAX = struct.pack("<HH2s", 0x0002, 0x0010, b"UI")
META_LENGTH = 12  # (0002,0000) UL 4 and its value, right behind the preamble
PADDING = b"\0 "


def stored(transcript: Transcript, sop_instance_uid: str) -> DataSet | None:
    """The data set that the SUT was given."""
    return _named(_data_sets(transcript, incoming=False), sop_instance_uid)[0]


def read_back(transcript: Transcript, sop_instance_uid: str) -> DataSet | None:
    """The data set that came back."""
    return _named(_data_sets(transcript, incoming=True), sop_instance_uid)[0]


def changed(
    transcript: Transcript, sop_instance_uid: str, coerced: Collection[str] = ()
) -> tuple[list[str], str] | None:
    """What was lost between storing and reading back, and the transfer syntax it came back in where that is another one.

    In another transfer syntax only what it leaves alone is compared: all of it between the uncompressed ones of little
    endian, no image where pixel data is compressed, nothing in other encodings. ``None`` where either is not recorded.
    """
    before, was = _named(_data_sets(transcript, incoming=False), sop_instance_uid)
    after, now = _named(_data_sets(transcript, incoming=True), sop_instance_uid)
    if before is None or after is None:
        return None
    if now in (was, EXPLICIT_LE, IMPLICIT_LE):
        return lost(before, after, coerced), now if now != was else ""
    if now in ENCODED_OTHERWISE:
        return [], now
    return [each for each in lost(before, after, coerced) if not each.startswith(IMAGE)], now


def lost(before: DataSet, after: DataSet, coerced: Collection[str] = (), path: str = "") -> list[str]:
    """The attributes that are missing or have another value afterwards; what was added or is coerced is not told."""
    found: list[str] = []
    for element in before.elements:
        here = path + tag_text(element.tag)
        if element.tag & 0xFFFF == 0 or f"{element.tag:08X}" in coerced:
            continue  # group lengths are retired, and tell nothing of the instance
        other = after.get(element.tag)
        if other is None:
            found.append(f"{here} is gone")
        elif element.items is not None and other.items is not None:
            if len(element.items) != len(other.items):
                found.append(f"{here} has {len(other.items)} items, not {len(element.items)}")
            for number, (one, two) in enumerate(zip(element.items, other.items, strict=False), 1):
                found += lost(one, two, coerced, f"{here}[{number}]>")
        elif _value(element) != _value(other):
            found.append(f"{here} has another value")
    return found


def _value(element: Element) -> bytes:
    return element.value.rstrip(PADDING)


def _named(found: Iterator[tuple[DataSet, str]], sop_instance_uid: str) -> tuple[DataSet | None, str]:
    return next((each for each in found if each[0].text(SOP_INSTANCE_UID) == sop_instance_uid), (None, ""))


def _data_sets(transcript: Transcript, *, incoming: bool) -> Iterator[tuple[DataSet, str]]:
    """Data sets and their transfer syntaxes; the latter is empty for DIMSE, where the context says it."""
    for message in dimse(transcript).requests("C-STORE-RQ", incoming=incoming):
        if message.data is not None:
            yield message.data_set(DICTIONARY), ""
    for exchange in http(transcript).exchanges:
        part = exchange.response if incoming else exchange.request
        if part is not None and (found := part10(part.decoded or part.body)) is not None:
            yield found


def part10(body: bytes) -> tuple[DataSet, str] | None:
    """The data set of the first DICOM file in a body, plain or multipart; ``None`` where there is none."""
    start = body.find(PREAMBLE)
    if start < 0 or len(body) < start + 4 + META_LENGTH:
        return None
    meta = start + 4 + META_LENGTH
    data = meta + int.from_bytes(body[meta - 4 : meta], "little")
    place = body.find(TRANSFER_SYNTAX, meta, data)
    syntax = EXPLICIT_LE
    if place >= 0:
        length = int.from_bytes(body[place + 6 : place + 8], "little")
        syntax = body[place + 8 : place + 8 + length].decode("latin-1").rstrip("\0 ")
    end = body.rfind(b"\r\n--", data)
    return read(body[data : end if end >= 0 else len(body)], syntax, DICTIONARY), syntax
