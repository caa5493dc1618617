"""Mutants of DICOM association negotiation: AE titles, items and sub-items that the SUT would have sent otherwise."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

from stgcmt.mutation import Edit, rebuilt
from stgcmt.transcript import Event, Transcript
from stgcmt.views.association import Association
from stgcmt.views.dimse import dimse
from stgcmt.wire import items, pdu


def associations(transcript: Transcript) -> Iterator[Edit]:
    """The items of A-ASSOCIATE-RQ and -AC that the SUT sent, AE titles, roles, contexts; the answer replaced."""
    for assoc in dimse(transcript).all_associations:
        for one in assoc.pdus:
            if one.incoming and one.pdu.type in {pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC} and len(one.events) == 1:
                event = transcript.event(one.events[0])
                if event.data == one.pdu.raw:
                    yield from _negotiation(transcript, assoc, event, one.pdu)


def _negotiation(transcript: Transcript, assoc: Association, event: Event, found: pdu.Pdu) -> Iterator[Edit]:
    body, where = found.body, f"{found.name}, event {event.n}"

    def put(new: bytes, kind: int = found.type) -> Callable[[], Transcript]:
        return lambda: _put(transcript, event, pdu.encode(kind, new))

    for start, name in ((4, "called"), (20, "calling")):
        for title in ("OTHER", "ANY-SCP", ""):
            yield Edit(
                f"{name} AE title",
                f"{title!r}, {where}",
                put(body[:start] + title.encode().ljust(16) + body[start + 16 :]),
            )
        yield Edit(
            f"{name} AE title",
            f"NUL, {where}",
            put(body[:start] + body[start : start + 16].replace(b" ", b"\0") + body[start + 16 :]),
        )
    swapped = body[:4] + body[20:36] + body[4:20] + body[36:]
    yield Edit("AE titles swapped", where, put(swapped))
    yield Edit("protocol version", where, put(b"\0\2" + body[2:]))
    head, tree = body[: items.FIXED], list(items.read_items(body[items.FIXED :], items.FIXED))
    for number, item in enumerate(tree):
        what = f"{item.type:02X}H, {where}"
        yield Edit("drop an item", what, put(head + _joined(tree, number, b"")))
        yield Edit("repeat an item", what, put(head + _joined(tree, number, item.raw + item.raw)))
        wrong = items.item(item.type, item.value, length=item.length + 1)
        yield Edit("length of an item", what, put(head + _joined(tree, number, wrong)))
        if item.children or item.type == items.USER_INFORMATION:
            for name, detail, new in _sub_items(item, assoc):
                yield Edit(name, f"{detail} in {what}", put(head + _joined(tree, number, new)))
        if item.type in {items.CONTEXT_RQ, items.CONTEXT_AC}:
            for result in (1, 3, 4):
                value = item.value[:2] + bytes([result]) + item.value[3:]
                yield Edit(
                    "context result",
                    f"{result}, {what}",
                    put(head + _joined(tree, number, items.item(item.type, value))),
                )
            value = bytes([item.value[0] + 2]) + item.value[1:]
            yield Edit("context id", what, put(head + _joined(tree, number, items.item(item.type, value))))
    yield Edit(
        "length of a PDU", where, lambda: _put(transcript, event, pdu.encode(found.type, body, length=len(body) + 8))
    )
    if found.type == pdu.ASSOCIATE_AC:
        for result, source, reason in ((1, 1, 1), (1, 1, 3), (1, 1, 7), (2, 3, 1), (1, 2, 1)):
            rejected = bytes((0, result, source, reason))
            yield Edit("reject", f"{result}/{source}/{reason}, {where}", put(rejected, pdu.ASSOCIATE_RJ))
        yield Edit("abort in place of an answer", where, put(bytes(4), pdu.ABORT))


def _joined(tree: Sequence[items.Item], number: int, new: bytes) -> bytes:
    return b"".join(new if at == number else each.raw for at, each in enumerate(tree))


def _sub_items(item: items.Item, assoc: Association) -> Iterator[tuple[str, str, bytes]]:
    """The bytes of an item with one of its sub-items otherwise."""
    lead = item.value[:4] if item.type != items.USER_INFORMATION else b""
    subs = list(item.children)
    classes = {context.abstract_syntax for context in (assoc.rq.contexts if assoc.rq else ())}

    def whole(parts: bytes) -> bytes:
        return items.item(item.type, lead + parts)

    for number, sub in enumerate(subs):
        what = f"{sub.type:02X}H"
        yield "drop a sub-item", what, whole(_joined(subs, number, b""))
        yield "repeat a sub-item", what, whole(_joined(subs, number, sub.raw * 2))
        yield (
            "length of a sub-item",
            what,
            whole(_joined(subs, number, items.item(sub.type, sub.value, length=sub.length + 1))),
        )
        if sub.type in {items.ABSTRACT_SYNTAX, items.TRANSFER_SYNTAX}:
            for uid in (
                b"1.2.840.10008.1.2",
                b"1.2.840.10008.1.2.1",
                b"1.2.840.10008.1.2.2",
                b"1.2.840.10008.1.1",
                b"x",
            ):
                yield (
                    "other syntax",
                    f"{uid.decode()} in {what}",
                    whole(_joined(subs, number, items.item(sub.type, uid))),
                )
        if sub.type == items.ROLE:
            for scu, scp in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 2)):
                yield (
                    f"role {scu}/{scp}",
                    what,
                    whole(_joined(subs, number, items.item(sub.type, sub.value[:-2] + bytes((scu, scp))))),
                )
            other = items.role_item("1.2.840.10008.1.1", 1, 1)
            yield "role of another class", what, whole(_joined(subs, number, other))
            yield "another role item", what, whole(_joined(subs, number, sub.raw + other))
        if sub.type == items.MAX_PDU:
            for size in (0, 128, 1 << 31):
                yield (
                    "maximum length",
                    str(size),
                    whole(_joined(subs, number, items.item(sub.type, struct.pack(">I", size)))),
                )
    if item.type == items.USER_INFORMATION:
        for name in sorted(classes):
            for scu, scp in ((0, 1), (1, 0), (1, 1)):
                added = b"".join(sub.raw for sub in subs) + items.role_item(name, scu, scp)
                yield "insert a role item", f"{name} {scu}/{scp}", whole(added)
            added = b"".join(sub.raw for sub in subs) + items.extended_item(name, b"\1")
            yield "insert extended negotiation", name, whole(added)


def _put(transcript: Transcript, event: Event, data: bytes) -> Transcript:
    return rebuilt(transcript, (each.but(data=data) if each.n == event.n else each for each in transcript.events))


OPERATORS = (associations,)
