"""Command sets (PS3.7 6.3.1, 9.3, 10.3, annex E): group 0000H in Implicit VR Little Endian.

Elements are known by their element number alone (``0x0110`` is Message ID, (0000,0110)); an element of another group
keeps its whole tag. Decoding never raises and keeps every element's bytes; encoding takes any mapping, so that a field
can be left out (``None``), be of a wrong type or have a wrong length (``bytes`` are written as they are).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from stgcmt.by_value import by_value
from stgcmt.wire.uids import uid_text

GROUP_LENGTH = 0x0000
AFFECTED_CLASS, REQUESTED_CLASS = 0x0002, 0x0003
FIELD, MESSAGE_ID, RESPONDED_TO = 0x0100, 0x0110, 0x0120
MOVE_DESTINATION, PRIORITY, DATA_SET_TYPE = 0x0600, 0x0700, 0x0800
STATUS, OFFENDING_ELEMENT, ERROR_COMMENT, ERROR_ID = 0x0900, 0x0901, 0x0902, 0x0903
AFFECTED_INSTANCE, REQUESTED_INSTANCE = 0x1000, 0x1001
EVENT_TYPE, ATTRIBUTE_LIST, ACTION_TYPE = 0x1002, 0x1005, 0x1008
REMAINING, COMPLETED, FAILED, WARNED = 0x1020, 0x1021, 0x1022, 0x1023
MOVE_ORIGINATOR_AE, MOVE_ORIGINATOR_ID = 0x1030, 0x1031

NO_DATA_SET = 0x0101
SMALL = 1024  # bytes of a command set whose reading is kept
RESPONSE = 0x8000  # the bit that makes a request's Command Field the response's
C_STORE_RQ, C_GET_RQ, C_FIND_RQ, C_MOVE_RQ, C_ECHO_RQ, C_CANCEL_RQ = 0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0FFF
N_EVENT_REPORT_RQ, N_GET_RQ, N_SET_RQ, N_ACTION_RQ, N_CREATE_RQ, N_DELETE_RQ = (
    0x0100,
    0x0110,
    0x0120,
    0x0130,
    0x0140,
    0x0150,
)

NAMES = {
    C_STORE_RQ: "C-STORE",
    C_GET_RQ: "C-GET",
    C_FIND_RQ: "C-FIND",
    C_MOVE_RQ: "C-MOVE",
    C_ECHO_RQ: "C-ECHO",
    N_EVENT_REPORT_RQ: "N-EVENT-REPORT",
    N_GET_RQ: "N-GET",
    N_SET_RQ: "N-SET",
    N_ACTION_RQ: "N-ACTION",
    N_CREATE_RQ: "N-CREATE",
    N_DELETE_RQ: "N-DELETE",
}

Value = int | str | bytes | tuple[int, ...] | None
_HEAD = struct.Struct("<HHI")
_US = struct.Struct("<H")
_UL = struct.Struct("<I")
_SHORTS = frozenset({
    0x0100, 0x0110, 0x0120, 0x0700, 0x0800, 0x0900, 0x0903, 0x1002, 0x1008, 0x1020, 0x1021, 0x1022, 0x1023, 0x1031,
})  # fmt: skip
_UIDS = frozenset({AFFECTED_CLASS, REQUESTED_CLASS, AFFECTED_INSTANCE, REQUESTED_INSTANCE})


@dataclass(frozen=True)
class Command:
    """A decoded command set: ``elements`` in wire order with their bytes, ``faults`` of the encoding.

    A property is ``None`` where the element is absent or has not the length of its VR; the first of two equal
    elements counts.
    """

    elements: tuple[tuple[int, bytes], ...]
    values: Mapping[int, bytes]
    faults: tuple[str, ...] = ()

    def short(self, element: int) -> int | None:
        """The US value of an element."""
        value = self.values.get(element)
        return None if value is None or len(value) != 2 else value[0] | value[1] << 8

    def text(self, element: int) -> str | None:
        """The text of an element (UI, AE, LO) without padding."""
        value = self.values.get(element)
        return None if value is None else uid_text(value)

    @functools.cached_property
    def field(self) -> int | None:
        """Command Field (0000,0100)."""
        return self.short(FIELD)

    @functools.cached_property
    def name(self) -> str:
        """The message's name: ``N-ACTION-RQ``; its Command Field in hexadecimal where it is unknown."""
        field = self.field
        if field is None:
            return "message without Command Field"
        if field == C_CANCEL_RQ:
            return "C-CANCEL-RQ"
        base = NAMES.get(field & ~RESPONSE)
        return f"message {field:04X}H" if base is None else base + ("-RSP" if field & RESPONSE else "-RQ")

    @property
    def is_response(self) -> bool:
        """Whether the Command Field is a response's."""
        return bool((self.field or 0) & RESPONSE)

    @property
    def message_id(self) -> int | None:
        """Message ID (0000,0110)."""
        return self.short(MESSAGE_ID)

    @property
    def responded_to(self) -> int | None:
        """Message ID Being Responded To (0000,0120)."""
        return self.short(RESPONDED_TO)

    @property
    def status(self) -> int | None:
        """Status (0000,0900)."""
        return self.short(STATUS)

    @property
    def data_set_type(self) -> int | None:
        """Command Data Set Type (0000,0800); 0101H says that no data set follows."""
        return self.short(DATA_SET_TYPE)

    @property
    def has_data_set(self) -> bool:
        """Whether the command says that a data set follows; an absent element is read as none."""
        return self.data_set_type not in {None, NO_DATA_SET}

    @property
    def affected_class(self) -> str | None:
        """Affected SOP Class UID (0000,0002)."""
        return self.text(AFFECTED_CLASS)

    @property
    def requested_class(self) -> str | None:
        """Requested SOP Class UID (0000,0003)."""
        return self.text(REQUESTED_CLASS)

    @property
    def affected_instance(self) -> str | None:
        """Affected SOP Instance UID (0000,1000)."""
        return self.text(AFFECTED_INSTANCE)

    @property
    def requested_instance(self) -> str | None:
        """Requested SOP Instance UID (0000,1001)."""
        return self.text(REQUESTED_INSTANCE)

    @property
    def action_type(self) -> int | None:
        """Action Type ID (0000,1008)."""
        return self.short(ACTION_TYPE)

    @property
    def event_type(self) -> int | None:
        """Event Type ID (0000,1002)."""
        return self.short(EVENT_TYPE)

    @property
    def error_comment(self) -> str | None:
        """Error Comment (0000,0902)."""
        return self.text(ERROR_COMMENT)

    @property
    def error_id(self) -> int | None:
        """Error ID (0000,0903)."""
        return self.short(ERROR_ID)

    @property
    def offending_elements(self) -> tuple[int, ...]:
        """Offending Element (0000,0901) as whole tags."""
        return _tags(self.values.get(OFFENDING_ELEMENT, b""))

    @property
    def move_destination(self) -> str | None:
        """Move Destination (0000,0600)."""
        return self.text(MOVE_DESTINATION)

    @property
    def sub_operations(self) -> tuple[int | None, int | None, int | None, int | None]:
        """Remaining, completed, failed and warning sub-operations (0000,1020..1023)."""
        return (self.short(REMAINING), self.short(COMPLETED), self.short(FAILED), self.short(WARNED))


@by_value(small=SMALL)  # message ids begin anew with each association, so the same bytes come again and again
def decode(data: bytes) -> Command:
    """The command set in ``data``; never raises."""
    elements: list[tuple[int, bytes]] = []
    values: dict[int, bytes] = {}
    faults: list[str] = []
    at, end, last = 0, len(data), -1
    head = _HEAD.unpack_from
    while at + 8 <= end:
        group, element, length = head(data, at)
        tag = group << 16 | element
        at += 8
        value = data[at : at + length]
        at += length
        if group or tag <= last or length & 1 or at > end:
            faults += _element_faults(tag, last, length, at - end)
        last = tag
        elements.append((tag, value))
        if tag not in values:
            values[tag] = value
    if at < end:
        faults.append(f"{end - at} bytes at the end are no element")
    faults += _set_faults(data, values)
    return Command(tuple(elements), values, tuple(faults))


def encode(values: Mapping[int, Value]) -> bytes:
    """A command set in ascending order; the group length is counted unless ``values`` gives it (``None``: left out)."""
    return _encode(tuple(values.items()))


@functools.lru_cache(1024)  # as with reading: the same few values again and again
def _encode(items: tuple[tuple[int, Value], ...]) -> bytes:
    values = dict(items)
    parts: list[bytes] = []
    for element in sorted(values):
        value = values[element]
        if element == GROUP_LENGTH or value is None:
            continue
        data = _encode_value(element, value)
        parts.append(_HEAD.pack(element >> 16, element & 0xFFFF, len(data)) + data)
    body = b"".join(parts)
    length = values.get(GROUP_LENGTH, len(body))
    if length is None:
        return body
    data = length if isinstance(length, bytes) else _UL.pack(int(str(length)))
    return _HEAD.pack(0, 0, len(data)) + data + body


def request(field: int, message_id: int, values: Mapping[int, Value], *, has_data: bool) -> dict[int, Value]:
    """The elements of a request; ``values`` win over what is derived."""
    return {FIELD: field, MESSAGE_ID: message_id, DATA_SET_TYPE: 0x0001 if has_data else NO_DATA_SET, **values}


def response(asked: Command, status: int, values: Mapping[int, Value], *, has_data: bool = False) -> dict[int, Value]:
    """The elements of the response to ``asked``, with the optional class, instance and type ids; ``values`` win."""
    field = asked.field or 0
    elements: dict[int, Value] = {
        FIELD: field | RESPONSE,
        RESPONDED_TO: asked.message_id or 0,
        DATA_SET_TYPE: 0x0001 if has_data else NO_DATA_SET,
        STATUS: status,
        AFFECTED_CLASS: asked.affected_class if asked.requested_class is None else asked.requested_class,
        AFFECTED_INSTANCE: asked.affected_instance if asked.requested_instance is None else asked.requested_instance,
    }
    if field == N_EVENT_REPORT_RQ:
        elements[EVENT_TYPE] = asked.event_type
    elif field == N_ACTION_RQ:
        elements[ACTION_TYPE] = asked.action_type
    return {**elements, **values}


def _encode_value(element: int, value: int | str | bytes | tuple[int, ...]) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, int):
        return (_US if element in _SHORTS else _UL).pack(value)
    if isinstance(value, tuple):
        return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in value)
    data = value.encode("latin-1")
    return data + (b"\0" if element in _UIDS else b" ") if len(data) & 1 else data


def _element_faults(tag: int, last: int, length: int, over: int) -> list[str]:
    name = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    faults = []
    if tag >> 16:
        faults.append(f"{name} is not of group 0000")
    if tag == last:
        faults.append(f"{name} stands twice")
    elif tag < last:
        faults.append(f"{name} follows a greater tag")
    if length & 1:
        faults.append(f"{name} has an odd length of {length}")
    if over > 0:
        faults.append(f"{name} claims {length} bytes, {over} more than there are")
    return faults


def _set_faults(data: bytes, values: Mapping[int, bytes]) -> list[str]:
    value = values.get(GROUP_LENGTH)
    if value is None:
        return ["Command Group Length (0000,0000) is absent"]
    if len(value) != 4:
        return [f"Command Group Length has {len(value)} bytes, not 4"]
    said, seen = _UL.unpack(value)[0], len(data) - 12
    return [] if said == seen else [f"Command Group Length says {said}, {seen} bytes follow"]


def _tags(value: bytes) -> tuple[int, ...]:
    return tuple(
        _US.unpack_from(value, at)[0] << 16 | _US.unpack_from(value, at + 2)[0] for at in range(0, len(value) - 3, 4)
    )
