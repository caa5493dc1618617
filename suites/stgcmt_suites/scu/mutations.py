"""What a client may write or do in place of what it does, for mutants of recordings."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from stgcmt.mutation import Edit, rebuilt
from stgcmt.mutation_dimse import command_set, inserting, message_pdus, replaced
from stgcmt.suite import Event, Transcript, dimse
from stgcmt.wire import command as cmd
from stgcmt.wire import items, pdu
from stgcmt.wire.dataset_writer import Elem
from stgcmt.wire.uids import COMMITMENT_PUSH


def reports(transcript: Transcript) -> Iterator[Edit]:
    """A request of the client is a report: the client takes itself for the SCP of its own association."""
    for message in dimse(transcript).requests("N-ACTION-RQ"):
        other = struct.pack("<H", cmd.N_EVENT_REPORT_RQ)
        elements = [(tag, other if tag == cmd.FIELD else value) for tag, value in message.command.elements]
        made = message_pdus(message, command_set(elements), message.data)
        yield Edit(
            "report in place of a request", f"event {message.events[0]}", partial(replaced, transcript, message, made)
        )


def no_default_syntax(transcript: Transcript) -> Iterator[Edit]:
    """The client offers something else wherever it offers Implicit VR Little Endian: in how many contexts ever it does."""
    default = items.item(items.TRANSFER_SYNTAX, b"1.2.840.10008.1.2")
    other = items.item(items.TRANSFER_SYNTAX, b"1.2.840.10008.1.9")
    for event in transcript.of("dimse.in"):
        if event.data[:1] == b"\x01" and default in event.data:
            changed = event.but(data=event.data.replace(default, other))
            yield Edit("no default transfer syntax", f"event {event.n}", partial(_put, transcript, changed))


def extended(transcript: Transcript) -> Iterator[Edit]:
    """Extended negotiation of the class, in a request or an answer of the client (a client may propose a hundred others)."""
    for assoc in dimse(transcript).all_associations:
        for one in assoc.pdus:
            known = assoc.rq is not None and any(each.abstract_syntax == COMMITMENT_PUSH for each in assoc.rq.contexts)
            if not (one.incoming and known and one.pdu.type in {pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC}):
                continue
            head, tree = one.pdu.body[: items.FIXED], items.read_items(one.pdu.body[items.FIXED :], items.FIXED)
            added = items.extended_item(COMMITMENT_PUSH, b"\x01")
            body = head + b"".join(
                items.item(each.type, each.value + added) if each.type == items.USER_INFORMATION else each.raw
                for each in tree
            )
            event = transcript.event(one.events[0])
            changed = event.but(data=pdu.encode(one.pdu.type, body))
            yield Edit(f"class negotiated in {one.pdu.name}", f"event {event.n}", partial(_put, transcript, changed))


def _put(transcript: Transcript, changed: Event) -> Transcript:
    return rebuilt(transcript, (changed if each.n == changed.n else each for each in transcript.events))


MUTATIONS = (
    reports,
    no_default_syntax,
    extended,
    inserting(
        (
            Elem(0x00880130, "SH", "MUTANT"),  # Storage Media File-Set ID
            Elem(0x00880140, "UI", "2.25.1"),  # Storage Media File-Set UID
        )
    ),
    inserting((Elem(0x00880130, "SH", b""),)),
)
