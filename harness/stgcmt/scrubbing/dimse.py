"""One direction of a DICOM upper layer connection, scrubbed byte for byte: PDUs, items, commands, data sets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stgcmt.on_disk import Joined
from stgcmt.scrubbing.dataset import data_set
from stgcmt.scrubbing.pseudonyms import UID, Pseudonyms
from stgcmt.wire.uids import uid_text

P_DATA = 0x04
TITLES = (10, 42)  # where called and calling AE title stand, then 32 reserved bytes
UID_ITEMS = frozenset({0x10, 0x30, 0x40, 0x52})
OPAQUE = b"*"


def stream(data: bytes, table: Pseudonyms) -> bytes:
    """All PDUs that went one way; a PDU that is cut or unknown is replaced as a text."""
    out = bytearray(data)
    parts: dict[tuple[int, bool], list[tuple[int, int]]] = {}
    for kind, start, end in _pdus(data):
        if kind in (1, 2):
            out[start + 6 : end] = _associate(data[start + 6 : end], table)
        elif kind == P_DATA:
            for context, control, first, last in _pdvs(data, start + 6, end):
                key = (context, bool(control & 1))
                parts.setdefault(key, []).append((first, last))
                if control & 2:
                    _message(data, out, parts.pop(key), table)
        elif kind not in (3, 5, 6, 7):
            out[start:end] = table.free(data[start:end])
    for places in parts.values():  # a message that never ended
        _message(data, out, places, table)
    return bytes(out)


def streamed(data: bytes | Joined, table: Pseudonyms) -> Iterator[bytes]:
    """The same piece by piece: of a large recording one message after the other is looked at."""
    if not isinstance(data, Joined):
        yield stream(data, table)
        return
    begin = 0
    begun: set[tuple[int, bool]] = set()  # messages whose last fragment is still to come
    for kind, start, end in _pdus(data):
        for context, control, _, _ in _pdvs(data, start + 6, end) if kind == P_DATA else ():
            (begun.discard if control & 2 else begun.add)((context, bool(control & 1)))
        if not begun:
            yield stream(data[begin:end], table)
            begin = end
    if begin < len(data):
        yield stream(data[begin:], table)


def _pdus(data: bytes | Joined) -> Iterator[tuple[int, int, int]]:
    at = 0
    while at + 6 <= len(data):
        end = min(at + 6 + int.from_bytes(data[at + 2 : at + 6], "big"), len(data))
        yield data[at], at, end
        at = end
    if at < len(data):
        yield -1, at, len(data)


def _pdvs(data: bytes | Joined, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    while at + 6 <= end:
        stop = min(at + 4 + int.from_bytes(data[at : at + 4], "big"), end)
        yield data[at + 4], data[at + 5], at + 6, max(stop, at + 6)
        at = max(stop, at + 6)


def _message(data: bytes, out: bytearray, places: list[tuple[int, int]], table: Pseudonyms) -> None:
    """A command set or data set that may stand in several fragments: put together, scrubbed, put back."""
    whole = b"".join(data[first:last] for first, last in places)
    new = data_set(whole, table, explicit=False if whole[:4] == b"\0\0\0\0" else None)
    at = 0
    for first, last in places:
        out[first:last] = new[at : at + last - first]
        at += last - first


def _associate(body: bytes, table: Pseudonyms) -> bytes:
    """The variable part of an A-ASSOCIATE-RQ or -AC."""
    first, last = TITLES[0] - 6, TITLES[1] - 6
    titles = b"".join(table.all_words(body[at : min(at + 16, last)]) for at in (first, first + 16))
    reserved = body[last : last + 32]
    head = body[:first] + titles + (table.noise(reserved) if any(reserved) else reserved)
    return head + _items(body[last + 32 :], table)


def _items(data: bytes, table: Pseudonyms) -> bytes:
    out, at = [], 0
    while at + 4 <= len(data):
        end = min(at + 4 + int.from_bytes(data[at + 2 : at + 4], "big"), len(data))
        out += [data[at : at + 4], _item(data[at], data[at + 4 : end], table)]
        at = end
    return b"".join([*out, data[at:]])


def _item(kind: int, value: bytes, table: Pseudonyms) -> bytes:
    if kind in (0x20, 0x21):
        return value[:4] + _items(value[4:], table)
    if kind == 0x50:
        return _items(value, table)
    if kind in UID_ITEMS:
        bare = uid_text(value)
        fits = re.fullmatch(r"[0-9.]+", bare)
        return table.uid(bare).encode() + value[len(bare) :] if fits else table.all_words(value)
    if kind in (0x54, 0x56, 0x57):  # role, extended and common extended negotiation: a length, a UID, its options
        return re.sub(UID, lambda match: table.uid(match[0].decode()).encode(), value)
    if kind == 0x55:
        return table.all_words(value)
    if kind == 0x58 and len(value) >= 6:  # type, response requested, length, first field, length, second field
        size = int.from_bytes(value[2:4], "big")
        second = min(4 + size, len(value))
        return value[:4] + OPAQUE * (second - 4) + value[second : second + 2] + OPAQUE * max(0, len(value) - second - 2)
    if kind == 0x59 and len(value) >= 2:
        return value[:2] + OPAQUE * (len(value) - 2)
    return value if kind in (0x51, 0x53) else table.free(value)
