"""Recorded bytes as text for a reader: hexadecimal, JSON, command sets, data sets, negotiation. Nothing here raises.

Names of attributes come from pydicom's dictionary; what the bytes mean is read by the same codecs that the views use.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from json.encoder import encode_basestring
from typing import Any, Literal

from stgcmt.views.association import Association, Message
from stgcmt.wire.command import Command
from stgcmt.wire.dataset import DataSet, Element
from stgcmt.wire.elements import OBSERVATIONS

LINES = 300  # decoded lines of one message: a screenful or ten; the rest is in the transcript
JSON_WIDTH = 72  # an attribute with one UID fits
LARGE = 200_000  # bytes above which a message is shown by its beginning only
COMMAND_NAMES = {
    0x0000: "Command Group Length",
    0x0002: "Affected SOP Class UID",
    0x0003: "Requested SOP Class UID",
    0x0100: "Command Field",
    0x0110: "Message ID",
    0x0120: "Message ID Being Responded To",
    0x0600: "Move Destination",
    0x0700: "Priority",
    0x0800: "Command Data Set Type",
    0x0900: "Status",
    0x0901: "Offending Element",
    0x0902: "Error Comment",
    0x0903: "Error ID",
    0x1000: "Affected SOP Instance UID",
    0x1001: "Requested SOP Instance UID",
    0x1002: "Event Type ID",
    0x1005: "Attribute Identifier List",
    0x1008: "Action Type ID",
    0x1020: "Number of Remaining Sub-operations",
    0x1021: "Number of Completed Sub-operations",
    0x1022: "Number of Failed Sub-operations",
    0x1023: "Number of Warning Sub-operations",
    0x1030: "Move Originator AE Title",
    0x1031: "Move Originator Message ID",
}
_TEXT_ELEMENTS = frozenset({0x0002, 0x0003, 0x0600, 0x0902, 0x1000, 0x1001, 0x1030})
_NUMERIC = {"US": 2, "UL": 4, "SS": 2, "SL": 4}


def hex_dump(data: bytes, limit: int = 4096) -> str:
    """Sixteen bytes a line: offset, hexadecimal, text; says what ``limit`` left out."""
    lines = []
    for at in range(0, min(len(data), limit), 16):
        row = data[at : min(at + 16, limit)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:06x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}")
    if len(data) > limit:
        lines.append(f"... {len(data) - limit} more bytes are in the transcript")
    return "\n".join(lines)


def http_lines(message: Any) -> list[str]:
    """Start line, headers and, where it is text, the body of an HTTP message."""
    raw = message.message
    start = f"{raw.version} {raw.status if raw.status is not None else '?'} {raw.reason}" if raw.response else ""
    lines = [start or f"{raw.method} {raw.target} {raw.version}"]
    lines += [f"{name}: {value}" for name, value in raw.headers]
    lines += [f"! {defect}" for defect in raw.defects]
    body = message.decoded if message.decoded is not None else raw.body
    if body:
        lines += ["", *body_lines(body, str(raw.media_type.essence if raw.media_type else ""))]
    return _capped(lines)


def body_lines(body: bytes, media_type: str = "") -> list[str]:
    """A body as lines: JSON indented, other text as it is, anything else by its size."""
    if len(body) > LARGE:
        head = body[:4000].decode("utf-8", "replace")
        return [*head.splitlines(), f"... {len(body) - 4000} more bytes are in the transcript"]
    if media_type.endswith("json") or body[:1] in (b"{", b"["):
        try:
            return list(_json(json.loads(body.decode("utf-8"), object_pairs_hook=Pairs), ""))
        except (ValueError, RecursionError):
            pass
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return [f"({len(body)} bytes that are no text)"]
    if any(ord(char) < 32 and char not in "\t\r\n" for char in text):
        return [f"({len(body)} bytes, not all of them text)"]
    return text.splitlines()


class Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written: order and repeated keys kept."""


def _json(value: Any, indent: str, head: str = "", tail: str = "", name: str = "") -> Iterator[str]:
    """JSON as lines: what fits on one line stays on it; ``name`` is what the dictionary calls the key before it."""
    if not isinstance(value, list) or not value:
        yield f"{indent}{head}{_scalar(value)}{tail}{name}"
        return
    if (short := _inline(value, JSON_WIDTH)) is not None:
        yield f"{indent}{head}{short}{tail}{name}"
        return
    pairs = isinstance(value, Pairs)
    yield f"{indent}{head}{'{' if pairs else '['}{name}"
    for number, each in enumerate(value, 1):
        comma = "," if number < len(value) else ""
        if pairs:
            key, inner = each
            yield from _json(inner, indent + " ", f"{_scalar(key)}: ", comma, _named(key))
        else:
            yield from _json(each, indent + " ", "", comma)
    yield f"{indent}{'}' if pairs else ']'}{tail}"


def json_lines(value: Any) -> list[str]:
    """A JSON value (objects as ``Pairs``) as lines, attributes named; raises ``RecursionError`` on absurd nesting."""
    return list(_json(value, ""))


def _inline(value: Any, room: int) -> str | None:
    """A value on one line; ``None`` where that takes more than ``room`` characters, found out without writing it all."""
    if not isinstance(value, list) or not value:
        whole = _scalar(value)
        return whole if len(whole) <= room else None
    pairs = isinstance(value, Pairs)
    parts: list[str] = []
    left = room - 2
    for each in value:
        head, inner = (f"{_scalar(each[0])}: ", each[1]) if pairs else ("", each)
        text = _inline(inner, left - len(head))
        if text is None:
            return None
        parts.append(head + text)
        left -= len(head) + len(text) + 2
        if left < -2:
            return None
    return f"{{{', '.join(parts)}}}" if pairs else f"[{', '.join(parts)}]"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, Pairs):
        return "{}"
    return json.dumps(value, ensure_ascii=False)


def _named(key: str) -> str:
    try:
        name = keyword(int(key, 16)) if len(key) == 8 else ""
    except ValueError:
        return ""
    return f"  {name}" if name else ""


def message_lines(message: Message) -> list[str]:
    """Command set and data set of a DIMSE message."""
    lines = [*command_lines(message.command)]
    if message.parts.content is not None:
        syntax = message.transfer_syntax or "no accepted transfer syntax"
        lines += ["", f"data set, {message.size} bytes, {uid_name(syntax)}"]
        if message.size > LARGE:
            lines.append("(its bytes are in the transcript)")
        else:
            lines += data_set_lines(message.data_set(DICTIONARY))
    lines += [f"! {fault}" for fault in message.faults]
    return _capped(lines)


def command_lines(command: Command) -> Iterator[str]:
    """One line an element of a command set."""
    for element, value in command.elements:
        name = COMMAND_NAMES.get(element, "")
        yield f"({element >> 16:04X},{element & 0xFFFF:04X}) {name} = {command_value(element, value, command)}"


def command_value(element: int, value: bytes, command: Command) -> str:
    """The value of a command element: text, hexadecimal for codes, a number otherwise."""
    if element == 0x0100:
        return f"{int.from_bytes(value, 'little'):04X}H {command.name}"
    if element in _TEXT_ELEMENTS:
        return uid_name(_printable(value))
    if element in (0x0800, 0x0900):
        return f"{int.from_bytes(value, 'little'):04X}H"
    return str(int.from_bytes(value, "little")) if len(value) in (2, 4) else value.hex(" ")


def data_set_lines(data_set: DataSet) -> list[str]:
    """One line an element, items indented, defects marked with an exclamation mark."""
    return list(_elements(data_set, ""))


def _elements(data_set: DataSet, indent: str) -> Iterator[str]:
    for defect in data_set.defects:
        yield f"{indent}! {defect.text} (byte {defect.offset})"
    for element in data_set.elements:
        yield f"{indent}{_element(element, data_set)}"
        for defect in element.defects:
            if defect.kind not in OBSERVATIONS:
                yield f"{indent}! {defect.text} (byte {defect.offset})"
        for number, item in enumerate(element.items or (), 1):
            yield f"{indent}  item {number}"
            yield from _elements(item, indent + "    ")


def _element(element: Element, data_set: DataSet) -> str:
    head = f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}) {element.vr or '??'} {keyword(element.tag)}"
    if element.items is not None:
        return f"{head}: {len(element.items)} item{'' if len(element.items) == 1 else 's'}"
    return f"{head} = {element_value(element, data_set)}"


def element_value(element: Element, data_set: DataSet) -> str:
    """The value of an element that is no sequence: a number, a text, a named UID, or how many bytes it has."""
    size = _NUMERIC.get(element.vr or "")
    if size and len(element.value) == size:
        order: Literal["big", "little"] = "big" if data_set.form.order == ">" else "little"
        number = int.from_bytes(element.value, order, signed=element.vr in ("SS", "SL"))
        return f"{number} ({number:04X}H)" if element.vr == "US" else str(number)
    if element.vr in ("OB", "OW", "UN", "OF", "OD", "OL", "OV"):
        return f"{len(element.value)} byte{'' if len(element.value) == 1 else 's'}"
    return uid_name(_printable(element.value[:256]))


def association_lines(assoc: Association, *, answer: bool) -> list[str]:
    """What an A-ASSOCIATE-RQ proposes, or the AC (``answer``) grants."""
    said = assoc.ac if answer else assoc.rq
    if said is None:
        return []
    lines = [f"called {said.called_ae!r}, calling {said.calling_ae!r}, maximum PDU {said.max_pdu}"]
    lines.append(f"implementation {said.implementation_uid} {said.implementation_version or ''}".rstrip())
    for context in said.contexts:
        asked = assoc.rq.context(context.id) if assoc.rq else None
        abstract = context.abstract_syntax or (asked.abstract_syntax if asked else "")
        syntaxes = ", ".join(uid_name(uid) for uid in context.transfer_syntaxes)
        result = f", result {context.result}" if answer else ""
        lines.append(f"context {context.id}: {uid_name(abstract)}{result}: {syntaxes}")
    lines += [f"role {uid_name(role.uid)}: SCU {role.scu}, SCP {role.scp}" for role in said.roles]
    lines += [f"! {fault}" for fault in said.faults]
    return _capped(lines)


@functools.lru_cache(4096)
def keyword(tag: int) -> str:
    """The attribute's keyword, empty where the dictionary has none."""
    from pydicom.datadict import keyword_for_tag  # noqa: PLC0415 - start-up

    return keyword_for_tag(tag)


@functools.lru_cache(4096)
def uid_name(uid: str) -> str:
    """The UID with its registered name, where there is one."""
    from pydicom.config import IGNORE  # noqa: PLC0415 - start-up
    from pydicom.uid import UID  # noqa: PLC0415 - start-up

    name = UID(uid, validation_mode=IGNORE).name
    return uid if name == uid else f"{uid} ({name})"


class _Dictionary(Mapping[int, str]):
    """pydicom's VRs as the mapping that the reader takes; the first of several."""

    def __getitem__(self, tag: int) -> str:
        from pydicom.datadict import dictionary_VR  # noqa: PLC0415 - start-up

        return dictionary_VR(tag).split(" ")[0]

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 1  # never false: it stands for a dictionary with entries


DICTIONARY: Mapping[int, str] = _Dictionary()


def _printable(value: bytes) -> str:
    text = value.decode("latin-1").rstrip("\0 ")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _capped(lines: list[str]) -> list[str]:
    if len(lines) <= LINES:
        return lines
    return [*lines[:LINES], f"... {len(lines) - LINES} more lines are in the transcript"]
