"""A-ASSOCIATE-RQ and -AC (PS3.8 9.3.2, 9.3.3; PS3.7 annex D): a tolerant tree of items, decoded values, encoders.

Decoding never raises on a peer's bytes: what cannot be read is left out of the decoded value and named in ``faults``,
what is unknown stays in the tree of items, as PS3.8 wants it (unrecognised items are ignored). Encoders take any value,
so that deviations (role 0/0, two role items for one class, a wrong length) are as easy to send as what is right.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stgcmt.wire import pdu
from stgcmt.wire.uids import APPLICATION_CONTEXT, IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION, uid_text

APPLICATION, CONTEXT_RQ, CONTEXT_AC, USER_INFORMATION = 0x10, 0x20, 0x21, 0x50
ABSTRACT_SYNTAX, TRANSFER_SYNTAX = 0x30, 0x40
MAX_PDU, IMPLEMENTATION_UID, ASYNC_OPS, ROLE, IMPLEMENTATION_NAME = 0x51, 0x52, 0x53, 0x54, 0x55
EXTENDED, COMMON_EXTENDED, IDENTITY_RQ, IDENTITY_AC = 0x56, 0x57, 0x58, 0x59

ITEM = struct.Struct(">BxH")
KEPT = 1024  # bodies whose reading is kept: every association of one end begins with the same bytes
SMALL = 16_384  # bytes of such a body
FIXED = 68  # protocol version 2, reserved 2, called AE 16, calling AE 16, reserved 32


@dataclass(frozen=True, slots=True)
class Item:
    """One item or sub-item: type, offset of its first byte in the PDU's body, length field, all its bytes."""

    type: int
    offset: int
    length: int
    raw: bytes
    faults: tuple[str, ...] = ()

    @property
    def value(self) -> bytes:
        """What follows the four bytes of item header (shorter than ``length`` where the item is cut)."""
        return self.raw[4:]

    @property
    def children(self) -> tuple[Item, ...]:
        """The sub-items of a presentation context or of the user information; none for other types."""
        if self.type in {CONTEXT_RQ, CONTEXT_AC}:
            return read_items(self.value[4:], self.offset + 8)
        return read_items(self.value, self.offset + 4) if self.type == USER_INFORMATION else ()


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context as proposed (``result`` 0) or as answered (no abstract syntax; result 0 is acceptance)."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    result: int = 0


@dataclass(frozen=True, slots=True)
class Role:
    """An SCP/SCU role selection item: what the association's *requestor* may be (PS3.7 D.3.3.4); 1, 0 or nonsense."""

    uid: str
    scu: int
    scp: int


@dataclass(frozen=True, slots=True)
class Extended:
    """A SOP class extended negotiation item: its class, and the service class's own bytes."""

    uid: str
    info: bytes


@dataclass(frozen=True)
class Associate:
    """What A-ASSOCIATE-RQ and -AC have in common; ``None`` where an item is absent or cannot be read.

    ``roles`` and ``contexts`` stand in wire order, duplicates included. Each AE title is without its leading and
    trailing spaces; ``faults`` says where it was padded with NUL or had characters outside ASCII.
    """

    called_ae: str
    calling_ae: str
    contexts: tuple[Context, ...] = ()
    roles: tuple[Role, ...] = ()
    ext_neg: tuple[Extended, ...] = ()
    max_pdu: int | None = None
    implementation_uid: str | None = None
    implementation_version: str | None = None
    async_ops: tuple[int, int] | None = None
    identity: bytes | None = None
    application_context: str | None = None
    protocol_version: int = 0
    items: tuple[Item, ...] = ()
    faults: tuple[str, ...] = ()

    def role(self, uid: str) -> Role | None:
        """The first role item of a SOP class."""
        return next((role for role in self.roles if role.uid == uid), None)

    def context(self, context_id: int) -> Context | None:
        """The first context with this id."""
        return next((context for context in self.contexts if context.id == context_id), None)


class AssociateRq(Associate):
    """An A-ASSOCIATE-RQ."""


class AssociateAc(Associate):
    """An A-ASSOCIATE-AC; its AE titles are reserved bytes that should repeat the request's."""


def read_items(data: bytes, offset: int = 0) -> tuple[Item, ...]:
    """The items of ``data``, whose first byte stands at ``offset``; a cut last item carries a fault."""
    found: list[Item] = []
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            rest = data[at:]
            found.append(Item(rest[0], offset + at, 0, rest, (f"{len(rest)} bytes at the end are no item",)))
            break
        kind, length = ITEM.unpack_from(data, at)
        raw = data[at : at + 4 + length]
        short = 4 + length - len(raw)
        faults = (f"item {kind:02X}H claims {length} bytes, {short} more than there are",) if short else ()
        found.append(Item(kind, offset + at, length, raw, faults))
        at += 4 + length
    return tuple(found)


def decode_rq(body: bytes) -> AssociateRq:
    """The body of an A-ASSOCIATE-RQ; never raises."""
    return _rq(body) if len(body) <= SMALL else _rq.__wrapped__(body)


def decode_ac(body: bytes) -> AssociateAc:
    """The body of an A-ASSOCIATE-AC; never raises."""
    return _ac(body) if len(body) <= SMALL else _ac.__wrapped__(body)


@functools.lru_cache(KEPT)
def _rq(body: bytes) -> AssociateRq:
    return AssociateRq(**_decode(body, CONTEXT_RQ))


@functools.lru_cache(KEPT)
def _ac(body: bytes) -> AssociateAc:
    return AssociateAc(**_decode(body, CONTEXT_AC))


def _decode(body: bytes, context_type: int) -> dict[str, Any]:
    faults: list[str] = []
    if len(body) < FIXED:
        faults.append(f"the fixed part has {len(body)} bytes, not {FIXED}")
    items = read_items(body[FIXED:], FIXED)
    values: dict[str, Any] = {
        "protocol_version": int.from_bytes(body[:2], "big"),
        "called_ae": _ae_title(body[4:20], "called", faults),
        "calling_ae": _ae_title(body[20:36], "calling", faults),
        "items": items,
    }
    contexts: list[Context] = []
    roles: list[Role] = []
    extended: list[Extended] = []
    for item in items:
        faults += item.faults
        if item.type == APPLICATION:
            values["application_context"] = uid_text(item.value)
        elif item.type == context_type:
            contexts += _context(item, faults)
        elif item.type == USER_INFORMATION:
            for sub in item.children:
                faults += sub.faults
                _user_item(sub, values, roles, extended, faults)
    return {
        **values,
        "contexts": tuple(contexts),
        "roles": tuple(roles),
        "ext_neg": tuple(extended),
        "faults": tuple(faults),
    }


def _ae_title(field: bytes, what: str, faults: list[str]) -> str:
    if b"\0" in field:
        faults.append(f"the {what} AE title is padded with NUL, not with spaces")
    if any(byte > 126 or 0 < byte < 32 for byte in field):
        faults.append(f"the {what} AE title has characters outside the default repertoire")
    return field.decode("latin-1").split("\0", 1)[0].strip(" ")


def _context(item: Item, faults: list[str]) -> Iterator[Context]:
    head = item.value[:4]
    if len(head) < 4:
        faults.append(f"the presentation context item at {item.offset} has {len(item.value)} bytes")
        return
    abstract, transfer = "", []
    for sub in item.children:
        faults += sub.faults
        if sub.type == ABSTRACT_SYNTAX:
            abstract = uid_text(sub.value)
        elif sub.type == TRANSFER_SYNTAX:
            transfer.append(uid_text(sub.value))
    yield Context(head[0], abstract, tuple(transfer), head[2] if item.type == CONTEXT_AC else 0)


def _user_item(
    sub: Item, values: dict[str, Any], roles: list[Role], extended: list[Extended], faults: list[str]
) -> None:
    value = sub.value
    if sub.type == MAX_PDU and _long_enough(sub, 4, faults):
        values["max_pdu"] = int.from_bytes(value[:4], "big")
    elif sub.type == IMPLEMENTATION_UID:
        values["implementation_uid"] = uid_text(value)
    elif sub.type == IMPLEMENTATION_NAME:
        values["implementation_version"] = value.decode("latin-1").strip("\0 ")
    elif sub.type == ASYNC_OPS and _long_enough(sub, 4, faults):
        values["async_ops"] = (int.from_bytes(value[:2], "big"), int.from_bytes(value[2:4], "big"))
    elif sub.type in {IDENTITY_RQ, IDENTITY_AC}:
        values["identity"] = value
    elif sub.type == ROLE:
        uid, rest = _counted(sub, faults)
        if len(rest) == 2:
            roles.append(Role(uid, rest[0], rest[1]))
        else:
            faults.append(f"the role item of {uid or 'no class'} has {len(rest)} bytes after the UID, not 2")
            if len(rest) > 2:
                roles.append(Role(uid, rest[0], rest[1]))
    elif sub.type == EXTENDED:
        extended.append(Extended(*_counted(sub, faults)))


def _long_enough(sub: Item, length: int, faults: list[str]) -> bool:
    if len(sub.value) != length:
        faults.append(f"sub-item {sub.type:02X}H has {len(sub.value)} bytes, not {length}")
    return len(sub.value) >= length


def _counted(sub: Item, faults: list[str]) -> tuple[str, bytes]:
    """A UID behind its own two-byte length, and what follows it."""
    value = sub.value
    length = int.from_bytes(value[:2], "big")
    if length + 2 > len(value):
        faults.append(f"sub-item {sub.type:02X}H: the UID length field says {length}, {max(len(value) - 2, 0)} follow")
    return uid_text(value[2 : 2 + length]), value[2 + length :]


def item(kind: int, value: bytes, *, length: int | None = None) -> bytes:
    """An item or sub-item of any type; ``length`` overrides the length field (a deviation)."""
    return ITEM.pack(kind, len(value) if length is None else length) + value


def role_item(uid: str, scu: int, scp: int, *, uid_length: int | None = None) -> bytes:
    """An SCP/SCU role selection sub-item; ``uid_length`` overrides the inner length field (a deviation)."""
    name = uid.encode("latin-1")
    return item(ROLE, struct.pack(">H", len(name) if uid_length is None else uid_length) + name + bytes((scu, scp)))


def extended_item(uid: str, info: bytes) -> bytes:
    """A SOP class extended negotiation sub-item."""
    name = uid.encode("latin-1")
    return item(EXTENDED, struct.pack(">H", len(name)) + name + info)


def context_rq(context: Context) -> bytes:
    """A proposed presentation context."""
    subs = [item(ABSTRACT_SYNTAX, context.abstract_syntax.encode("latin-1"))]
    subs += [item(TRANSFER_SYNTAX, syntax.encode("latin-1")) for syntax in context.transfer_syntaxes]
    return item(CONTEXT_RQ, bytes((context.id, 0, 0, 0)) + b"".join(subs))


def context_ac(context: Context) -> bytes:
    """An answered presentation context; where it is refused the transfer syntax is not significant but present."""
    syntax = next(iter(context.transfer_syntaxes), "")
    return item(CONTEXT_AC, bytes((context.id, 0, context.result, 0)) + item(TRANSFER_SYNTAX, syntax.encode("latin-1")))


def user_items(
    *,
    max_pdu: int | None,
    roles: Iterable[Role] = (),
    ext_neg: Iterable[Extended] = (),
    implementation_uid: str | None = IMPLEMENTATION_CLASS,
    implementation_version: str | None = IMPLEMENTATION_VERSION,
    extra: bytes = b"",
) -> bytes:
    """The user information item in ascending order of its sub-items; ``extra`` is appended as it is."""
    subs: list[bytes] = []
    if max_pdu is not None:
        subs.append(item(MAX_PDU, struct.pack(">I", max_pdu)))
    if implementation_uid is not None:
        subs.append(item(IMPLEMENTATION_UID, implementation_uid.encode("latin-1")))
    subs += [role_item(role.uid, role.scu, role.scp) for role in roles]
    if implementation_version is not None:
        subs.append(item(IMPLEMENTATION_NAME, implementation_version.encode("latin-1")))
    subs += [extended_item(one.uid, one.info) for one in ext_neg]
    return item(USER_INFORMATION, b"".join(subs) + extra)


def encode_rq(
    *, called_ae: str, calling_ae: str, contexts: Iterable[Context], user: bytes, protocol_version: int = 1
) -> bytes:
    """An A-ASSOCIATE-RQ PDU; ``user`` comes from ``user_items`` or is a deviation of one's own."""
    head = _fixed(called_ae.encode("latin-1"), calling_ae.encode("latin-1"), protocol_version)
    body = head + item(APPLICATION, APPLICATION_CONTEXT.encode()) + b"".join(map(context_rq, contexts)) + user
    return pdu.encode(pdu.ASSOCIATE_RQ, body)


def encode_ac(rq_body: bytes, *, contexts: Iterable[Context], user: bytes) -> bytes:
    """An A-ASSOCIATE-AC PDU: the answer to the A-ASSOCIATE-RQ with this body, whose AE titles it repeats."""
    fixed = rq_body[:FIXED].ljust(FIXED, b"\0")
    head = struct.pack(">HH", 1, 0) + fixed[4:]
    body = head + item(APPLICATION, APPLICATION_CONTEXT.encode()) + b"".join(map(context_ac, contexts)) + user
    return pdu.encode(pdu.ASSOCIATE_AC, body)


def _fixed(called: bytes, calling: bytes, version: int) -> bytes:
    return struct.pack(">HH", version, 0) + called[:16].ljust(16) + calling[:16].ljust(16) + bytes(32)
