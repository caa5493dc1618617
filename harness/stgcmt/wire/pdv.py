"""Presentation data values (PS3.8 9.3.5.1, annex E): cut messages into P-DATA-TF PDUs, and put them together again."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from stgcmt.wire import command as cmd
from stgcmt.wire import pdu

COMMAND, LAST = 0x01, 0x02
HEAD = struct.Struct(">IBB")
# What we send at once to a peer that sets no limit (0): large enough that the PDU header costs nothing.
UNLIMITED_FRAGMENT = 128 * 1024
# The largest message put together: an object larger than this is not what the harness sends or asks for.
MAX_MESSAGE = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pdv:
    """One presentation data value: context, message control header's two bits, fragment; ``at``: where in its PDU's body."""

    context_id: int
    is_command: bool
    is_last: bool
    data: bytes
    at: int = field(default=0, compare=False)

    @property
    def size(self) -> int:
        """The bytes of the fragment."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Message:
    """One DIMSE message; ``data`` is ``None`` where no data set followed.

    ``t_first`` and ``t`` are the monotonic nanoseconds at which its first and its last PDU had arrived.
    """

    context_id: int
    command: cmd.Command
    data: bytes | None = None
    t_first: int = 0
    t: int = 0
    command_raw: bytes = b""
    faults: tuple[str, ...] = ()


def read_pdvs(body: bytes) -> tuple[tuple[Pdv, ...], tuple[str, ...]]:
    """The PDVs in the body of a P-DATA-TF, and what is wrong with it; never raises."""
    found: list[Pdv] = []
    at, end = 0, len(body)
    while end - at >= 6:
        length, context_id, control = HEAD.unpack_from(body, at)
        stop = at + 4 + length
        if length < 2 or stop > end:
            return tuple(found), (f"a PDV claims {length} bytes, {end - at - 4} are there",)
        found.append(Pdv(context_id, bool(control & COMMAND), bool(control & LAST), body[at + 6 : stop], at + 6))
        at = stop
    if at < end:
        return tuple(found), (f"{end - at} bytes at the end are no PDV",)
    return tuple(found), () if found else ("the P-DATA-TF has no PDV",)


def encode_pdv(context_id: int, data: bytes, *, is_command: bool, is_last: bool) -> bytes:
    """One PDV item."""
    control = (COMMAND if is_command else 0) | (LAST if is_last else 0)
    return HEAD.pack(len(data) + 2, context_id, control) + data


def fragment(
    context_id: int, data: bytes, max_pdu: int, *, is_command: bool, first: int | None = None
) -> tuple[bytes, ...]:
    """The P-DATA-TF PDUs of a command or data set, one PDV each, none longer than the peer's ``max_pdu`` (0: no limit).

    ``first`` is the number of bytes of the first fragment, where a scenario wants it shorter.
    """
    size = max_pdu - 6 if max_pdu > 7 else UNLIMITED_FRAGMENT
    size -= size & 1
    if first is None and len(data) <= size:
        return (pdu.encode(pdu.P_DATA_TF, encode_pdv(context_id, data, is_command=is_command, is_last=True)),)
    cuts = list(range(0, len(data), size))
    if first is not None and 0 < first < len(data):
        cuts = [0, *range(min(first, size), len(data), size)]
    cuts = cuts or [0]
    ends = [*cuts[1:], len(data)]
    return tuple(
        pdu.encode(
            pdu.P_DATA_TF, encode_pdv(context_id, data[start:end], is_command=is_command, is_last=end == len(data))
        )
        for start, end in zip(cuts, ends, strict=True)
    )


@dataclass
class Assembler:
    """Puts messages together. It lives as long as its association, so that a deadline in mid-message loses nothing."""

    _command: list[bytes] = field(default_factory=list)
    _data: list[bytes] = field(default_factory=list)
    _decoded: cmd.Command | None = None
    _context_id: int = 0
    _t_first: int = 0
    _size: int = 0
    _faults: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._command or self._data or self._decoded is not None)

    @property
    def command(self) -> cmd.Command | None:
        """The command set of the message that is being put together, once it is whole."""
        return self._decoded

    @property
    def too_large(self) -> bool:
        """Whether the message that is being put together exceeds ``MAX_MESSAGE``."""
        return self._size > MAX_MESSAGE

    def feed(self, pdv: Pdv, t: int = 0) -> Message | None:
        """Take one fragment; returns the message that it completes."""
        if not self.open:
            self._context_id, self._t_first = pdv.context_id, t
        elif pdv.context_id != self._context_id:
            self._faults.append(
                f"a fragment of context {pdv.context_id} stands in a message of context {self._context_id}"
            )
        self._size += len(pdv.data)
        if pdv.is_command:
            return self._feed_command(pdv, t)
        if self._decoded is None:
            self._faults.append("a data set fragment came before the command set was complete")
        self._data.append(pdv.data)
        return self._complete(t) if pdv.is_last and self._decoded is not None else None

    def _feed_command(self, pdv: Pdv, t: int) -> Message | None:
        if self._decoded is not None:
            self._faults.append("a command fragment came where the data set was expected")
        self._command.append(pdv.data)
        if not pdv.is_last:
            return None
        self._decoded = cmd.decode(b"".join(self._command))
        return None if self._decoded.has_data_set else self._complete(t)

    def _complete(self, t: int) -> Message:
        command = self._decoded or cmd.decode(b"")
        data = b"".join(self._data) if command.has_data_set else None
        message = Message(
            self._context_id,
            command,
            data,
            self._t_first,
            t,
            b"".join(self._command),
            (*self._faults, *command.faults),
        )
        self._command, self._data, self._decoded, self._faults, self._size = [], [], None, [], 0
        return message
