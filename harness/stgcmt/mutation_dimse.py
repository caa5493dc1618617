"""Mutants of DICOM messages: what the SUT would have said otherwise in commands, data sets and fragments.

A message is taken apart and put together again in as many P-DATA-TF PDUs as it had events, all lengths repaired unless a length
is the target.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from stgcmt.mutation import Edit, Operator, late, rebuilt, without
from stgcmt.mutation_dataset import edits as data_edits
from stgcmt.mutation_dataset import elements, inserted
from stgcmt.transcript import Transcript
from stgcmt.views.association import Message
from stgcmt.views.dimse import dimse
from stgcmt.wire import command as cmd
from stgcmt.wire import pdu, pdv
from stgcmt.wire.dataset_writer import Elem

STATUSES = (
    0x0000, 0x0105, 0x0106, 0x0107, 0x0110, 0x0111, 0x0112, 0x0113, 0x0115, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121,
    0x0122, 0x0123, 0x0124, 0x0210, 0x0211, 0x0212, 0x0213, 0xA700, 0xA801, 0xB000, 0xC000, 0xFE00, 0xFF00,
)  # fmt: skip
DELAYS_S = (2, 70, 400)
# What a response may carry and need not, with values that no request has.
OPTIONAL = (
    (cmd.AFFECTED_CLASS, b"2.25.1"), (cmd.AFFECTED_INSTANCE, b"2.25.1"), (cmd.ACTION_TYPE, b"\x63\0"),
    (cmd.EVENT_TYPE, b"\x63\0"),
)  # fmt: skip
# Objects are moved about, not judged attribute by attribute: their data sets, and large ones, get few mutants.
LARGE = 4096
OBJECT = 256_000  # bytes of a message that stores an instance: beyond, only the message as a whole is changed
OF_AN_OBJECT = 60
BORROWED = 12  # elements of requests


def messages(transcript: Transcript) -> Iterator[Edit]:
    """The messages of the SUT: command elements, data sets, fragments; absent, twice, late, before another one."""
    asked = _asked(transcript)
    for assoc in dimse(transcript).all_associations:
        mine = [each for each in assoc.messages if each.incoming and each.complete]
        for message in mine:
            where = f"{message.kind}, event {message.events[0]}"
            yield Edit("drop a message", where, partial(without, transcript, message.events))
            yield Edit("repeat a message", where, partial(_twice, transcript, message))
            yield Edit("abort in place of a message", where, partial(replaced, transcript, message, pdu.encode_abort()))
            for seconds in DELAYS_S:
                yield Edit("late message", f"{seconds} s, {where}", partial(late, transcript, message.events, seconds))
            if message.size > OBJECT and message.command.field == cmd.C_STORE_RQ:
                continue  # each of these would hold a copy of it
            yield from _commands(transcript, message, where)
            yield from _data(transcript, message, where, asked)
            yield from _fragments(transcript, message, where)
        for first, second in pairwise(mine):
            what = f"{second.kind} before {first.kind}, event {first.events[0]}"
            yield Edit("messages swapped", what, partial(_swapped, transcript, first, second))
    yield from _between(transcript)


def _asked(transcript: Transcript) -> list[Elem]:
    """The elements of our requests' small data sets, once each."""
    found: dict[int, Elem] = {}
    for message in dimse(transcript).messages(incoming=False, complete=True):
        stored = message.command.field == cmd.C_STORE_RQ  # an object, not a request's parameters
        if 0 < message.size <= LARGE and not message.is_response and not stored and message.data:
            for element in elements(message.data, message.transfer_syntax or ""):
                found.setdefault(element.tag, element)
    return list(found.values())[:BORROWED]


def _commands(transcript: Transcript, message: Message, where: str) -> Iterator[Edit]:
    elements, data = message.command.elements, message.data

    def put(new: Sequence[tuple[int, bytes]], length: int | None = None) -> Callable[[], Transcript]:
        return lambda: replaced(transcript, message, message_pdus(message, command_set(new, length), data))

    for number, (tag, value) in enumerate(elements):
        what = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) of {where}"
        rest = [*elements[:number], *elements[number + 1 :]]
        yield Edit("drop a command element", what, put(rest))
        yield Edit("repeat a command element", what, put([*elements[: number + 1], *elements[number:]]))
        if tag == cmd.GROUP_LENGTH:
            yield Edit("group length", what, put(elements, len(value) + 1))
            continue
        for name, other in _other_values(tag, value):
            yield Edit(name, what, put([*elements[:number], (tag, other), *elements[number + 1 :]]))
    uids = [number for number, (tag, _) in enumerate(elements) if tag in {cmd.AFFECTED_CLASS, cmd.AFFECTED_INSTANCE}]
    if len(uids) == 2:
        swapped = list(elements)
        (first, one), (second, two) = elements[uids[0]], elements[uids[1]]
        swapped[uids[0]], swapped[uids[1]] = (first, two), (second, one)
        yield Edit("swap command UIDs", where, put(swapped))
    yield Edit("order of command elements", where, put(list(reversed(elements))))
    comment = (cmd.ERROR_COMMENT, b"mutant")
    yield Edit("insert Error Comment", where, put(sorted([*elements, comment])))
    present = {tag for tag, _ in elements}
    for tag, value in OPTIONAL if message.is_response else ():
        if tag not in present:
            what = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) of {where}"
            yield Edit("insert a command element", what, put(sorted([*elements, (tag, value)])))


def _other_values(tag: int, value: bytes) -> Iterator[tuple[str, bytes]]:
    if tag == cmd.STATUS:
        for status in STATUSES:
            yield f"status {status:04X}H", struct.pack("<H", status)
        return
    if len(value) == 2 and tag not in {cmd.AFFECTED_CLASS, cmd.AFFECTED_INSTANCE}:
        number = struct.unpack("<H", value)[0]
        for other in {number + 1 & 0xFFFF, number ^ 0x8000, number ^ 3, 0, 1, 2, 3, 0x0101} - {number}:
            yield f"other value of ({tag >> 16:04X},{tag & 0xFFFF:04X})", struct.pack("<H", other)
        yield "length of a command value", value + b"\0\0"
        return
    yield f"other value of ({tag >> 16:04X},{tag & 0xFFFF:04X})", b"1.2.3\0"
    yield f"other value of ({tag >> 16:04X},{tag & 0xFFFF:04X})", b""
    yield "padding of a command value", value.rstrip(b"\0") + (b" " if len(value.rstrip(b"\0")) & 1 else b"")
    yield "odd command value", value.rstrip(b"\0")[:-1] if len(value.rstrip(b"\0")) % 2 == 0 else value.rstrip(b"\0")


def command_set(elements: Sequence[tuple[int, bytes]], length: int | None = None) -> bytes:
    """A command set of these elements in this order; Command Group Length is counted unless ``length`` is given."""
    parts = [struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value for tag, value in elements]
    after, seen = 0, False
    for (tag, _), part in zip(elements, parts, strict=True):
        if tag == cmd.GROUP_LENGTH and not seen:
            seen = True
        elif seen:
            after += len(part)
    counted = struct.pack("<I", after if length is None else length)
    return b"".join(
        part[:8] + counted if tag == cmd.GROUP_LENGTH else part for (tag, _), part in zip(elements, parts, strict=True)
    )


def _data(transcript: Transcript, message: Message, where: str, asked: Sequence[Elem]) -> Iterator[Edit]:
    if message.data is None:
        return
    command = message.parts.command
    raw = command_set(command.elements)

    def put(new: bytes | None) -> Transcript:
        return replaced(transcript, message, message_pdus(message, raw, new))

    yield Edit("empty data set", where, lambda: put(b""))
    yield Edit("no data set", where, lambda: put(None))
    stored = message.command.field == cmd.C_STORE_RQ
    limit = OF_AN_OBJECT if stored or len(message.data) > LARGE else None
    made = data_edits(message.data, message.transfer_syntax or "", asked)
    for count, (name, what, make) in enumerate(made):
        if limit is not None and count >= limit:
            break
        yield Edit(name, f"{what} of {where}", partial(_later, put, make))


def inserting(elements: Sequence[Elem]) -> Operator:
    """An operator that puts elements into the SUT's reports, above, in the items and in both: for suites that know which."""

    def operator(transcript: Transcript) -> Iterator[Edit]:
        for message in dimse(transcript).messages(incoming=True, complete=True):
            if message.size > LARGE or message.is_response or (data := message.data) is None:
                continue
            put = partial(_with_data, transcript, message)
            for name, what, make in inserted(data, message.transfer_syntax or "", elements):
                yield Edit(name, f"{what} of {message.kind}, event {message.events[0]}", partial(_later, put, make))

    return operator


def _later(put: Callable[[bytes | None], Transcript], make: Callable[[], bytes]) -> Transcript:
    return put(make())


def _fragments(transcript: Transcript, message: Message, where: str) -> Iterator[Edit]:
    """How the message is cut into PDUs and PDVs."""
    raw, data = command_set(message.command.elements), message.data
    context = message.context_id

    def put(new: bytes) -> Callable[[], Transcript]:
        return lambda: replaced(transcript, message, new)

    whole = message_pdus(message, raw, data)
    yield Edit("context of a message", where, put(message_pdus(message, raw, data, context=context + 2)))
    yield Edit(
        "no last fragment",
        where,
        put(pdu.encode(pdu.P_DATA_TF, pdv.encode_pdv(context, raw, is_command=True, is_last=False))),
    )
    if data is not None:
        both = pdv.encode_pdv(context, raw, is_command=True, is_last=True) + pdv.encode_pdv(
            context, data, is_command=False, is_last=True
        )
        yield Edit("one PDU for all", where, put(pdu.encode(pdu.P_DATA_TF, both)))
        yield Edit(
            "data before command", where, put(_pdu(context, data, command=False) + _pdu(context, raw, command=True))
        )
        yield Edit(
            "PDU longer than allowed",
            where,
            lambda: replaced(transcript, message, message_pdus(message, raw, data + _padding())),
        )
    yield Edit("length of a PDU", where, put(whole[:2] + struct.pack(">I", len(whole)) + whole[6:]))
    yield Edit("length of a PDV", where, put(whole[:6] + struct.pack(">I", 1 << 20) + whole[10:]))
    yield Edit("type of a PDU", where, put(b"\x0b" + whole[1:]))
    yield Edit("text in place of a PDU", where, put(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


def _padding() -> bytes:
    """Data Set Trailing Padding beyond what any PDU may hold here."""
    return struct.pack("<HHI", 0xFFFC, 0xFFFC, 70000) + bytes(70000)


def _pdu(context: int, data: bytes, *, command: bool) -> bytes:
    return pdu.encode(pdu.P_DATA_TF, pdv.encode_pdv(context, data, is_command=command, is_last=True))


def message_pdus(message: Message, raw: bytes, data: bytes | None, context: int | None = None) -> bytes:
    """The P-DATA-TF PDUs of a command set and a data set, in the message's context or another one."""
    chosen = message.context_id if context is None else context
    return _pdu(chosen, raw, command=True) + (b"" if data is None else _pdu(chosen, data, command=False))


def replaced(transcript: Transcript, message: Message, data: bytes) -> Transcript:
    """The PDUs of a message replaced; the events that carried the rest of it go. PDUs keep an event each."""
    gone = set(message.events[1:])
    cut, left = pdu.split(data)
    blocks = [each.raw for each in cut[: len(message.events)]] or [data]
    used = sum(map(len, blocks))
    blocks[-1] += data[used:] if left or used < len(data) else b""
    carriers = dict(zip(message.events, blocks, strict=False))
    return rebuilt(
        transcript,
        (
            each.but(data=carriers[each.n]) if each.n in carriers else each
            for each in transcript.events
            if each.n in carriers or each.n not in gone
        ),
    )


def _twice(transcript: Transcript, message: Message) -> Transcript:
    """The message once more, right behind itself."""
    ids = set(message.events)
    copies = b"".join(each.data for each in transcript.events if each.n in ids)
    last = message.events[-1]
    return rebuilt(
        transcript, (each.but(data=each.data + copies) if each.n == last else each for each in transcript.events)
    )


def _swapped(transcript: Transcript, first: Message, second: Message) -> Transcript:
    """The bytes of two messages of one association change places."""
    data = {each.n: each.data for each in transcript.events if each.n in {*first.events, *second.events}}
    one, two = (b"".join(data[n] for n in message.events) for message in (first, second))
    return replaced(replaced(transcript, first, two), second, one)


def _between(transcript: Transcript) -> Iterator[Edit]:
    """The data set of one report in place of another one's."""
    found = [
        message
        for message in dimse(transcript).messages(incoming=True, complete=True)
        if message.size <= LARGE and message.data is not None and not message.is_response
    ]
    for message in found:
        for other in found:
            if other is not message and other.kind == message.kind and other.data != message.data:
                what = f"event {other.events[0]} in event {message.events[0]}"
                yield Edit(
                    "data set of another message",
                    what,
                    partial(_with_data, transcript, message, other.data),
                )


def _with_data(transcript: Transcript, message: Message, data: bytes | None) -> Transcript:
    return replaced(transcript, message, message_pdus(message, command_set(message.command.elements), data))


OPERATORS = (messages,)
