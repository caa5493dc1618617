"""Upper layer PDUs (PS3.8 9.3): cut them out of a stream of bytes, and build them.

Cutting never raises. A PDU is one byte of type, one reserved byte, four bytes of length (big endian), then the body.
Types that the standard does not know are kept; whether they are tolerable is not decided here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ = 0x01, 0x02, 0x03
P_DATA_TF = 0x04
RELEASE_RQ, RELEASE_RP, ABORT = 0x05, 0x06, 0x07

NAMES = {
    ASSOCIATE_RQ: "A-ASSOCIATE-RQ",
    ASSOCIATE_AC: "A-ASSOCIATE-AC",
    ASSOCIATE_RJ: "A-ASSOCIATE-RJ",
    P_DATA_TF: "P-DATA-TF",
    RELEASE_RQ: "A-RELEASE-RQ",
    RELEASE_RP: "A-RELEASE-RP",
    ABORT: "A-ABORT",
}

HEADER = struct.Struct(">BxI")
# Larger than any PDU seen in the field (they stay below 1 MiB), smaller than what text read as a header claims
# ("HTTP" claims 1.3 GB): a length above it is no DICOM.
MAX_LENGTH = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU: its type, what follows the six bytes of header, and all its bytes."""

    type: int
    body: bytes
    raw: bytes

    @property
    def name(self) -> str:
        """The PDU's name, or its type in hexadecimal where the standard knows none."""
        return NAMES.get(self.type, f"PDU type {self.type:02X}H")

    @property
    def size(self) -> int:
        """The number of its bytes."""
        return len(self.raw)


@dataclass(frozen=True, slots=True)
class AssociateRj:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4); ``None`` where the body is too short to say."""

    result: int | None
    source: int | None
    reason: int | None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 9.3.8): source 0 is the service user, 2 the service provider (only then the reason counts)."""

    source: int | None
    reason: int | None
    faults: tuple[str, ...] = ()


def scan(buffer: bytes | bytearray) -> tuple[list[Pdu], int]:
    """The complete PDUs at the head of ``buffer`` and how many bytes they take."""
    pdus: list[Pdu] = []
    used, end = 0, len(buffer)
    while end - used >= 6:
        kind, length = HEADER.unpack_from(buffer, used)
        if length > MAX_LENGTH or end - used - 6 < length:
            break
        raw = bytes(buffer[used : used + 6 + length])
        pdus.append(Pdu(kind, raw[6:], raw))
        used += 6 + length
    return pdus, used


def split(buffer: bytes) -> tuple[tuple[Pdu, ...], bytes]:
    """The complete PDUs of ``buffer``, and the rest: a PDU's beginning, or garbage (then ``garbage(rest)``)."""
    pdus, used = scan(buffer)
    return tuple(pdus), bytes(buffer[used:])


def garbage(rest: bytes | bytearray) -> str:
    """Why ``rest`` can never become a PDU; empty where more bytes may complete it."""
    if len(rest) >= 6:
        kind, length = HEADER.unpack_from(rest)
        if length > MAX_LENGTH:
            return f"a PDU header that claims type {kind:02X}H and {length} bytes is no DICOM"
    return ""


def encode(kind: int, body: bytes = b"", *, length: int | None = None) -> bytes:
    """A PDU of any type; ``length`` overrides the length field (a deviation)."""
    return HEADER.pack(kind, len(body) if length is None else length) + body


def encode_reject(result: int, source: int, reason: int) -> bytes:
    """A-ASSOCIATE-RJ: result 1 permanent, 2 transient; source and reason as in PS3.8 table 9-21."""
    return encode(ASSOCIATE_RJ, bytes((0, result, source, reason)))


def encode_abort(source: int = 0, reason: int = 0) -> bytes:
    """A-ABORT: source 0 service user, 2 service provider."""
    return encode(ABORT, bytes((0, 0, source, reason)))


def encode_release_rq() -> bytes:
    """A-RELEASE-RQ."""
    return encode(RELEASE_RQ, bytes(4))


def encode_release_rp() -> bytes:
    """A-RELEASE-RP."""
    return encode(RELEASE_RP, bytes(4))


def decode_reject(body: bytes) -> AssociateRj:
    """The body of an A-ASSOCIATE-RJ; never raises."""
    return AssociateRj(_at(body, 1), _at(body, 2), _at(body, 3), _four(body))


def decode_abort(body: bytes) -> Abort:
    """The body of an A-ABORT; never raises."""
    return Abort(_at(body, 2), _at(body, 3), _four(body))


def _at(body: bytes, index: int) -> int | None:
    return body[index] if index < len(body) else None


def _four(body: bytes) -> tuple[str, ...]:
    return () if len(body) == 4 else (f"the body has {len(body)} bytes, not 4",)
