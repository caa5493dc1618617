"""Mutants of several changes that belong together.

Reports on an association of ours, or where the SUT sent none; all of them late; what is served though it was refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from stgcmt.mutation import DELAYS_S, Edit, late, rebuilt, repeated, without
from stgcmt.mutation_dimse import LARGE, OBJECT, command_set, message_pdus, replaced
from stgcmt.transcript import Event, Transcript
from stgcmt.views.association import Association, Message
from stgcmt.views.dimse import dimse
from stgcmt.wire import command as cmd

# UIDs of instances and transactions; those of classes and syntaxes (1.2.840.10008) stand in every message.
_UID = re.compile(rb"(?<![\d.])(?!1\.2\.840\.10008\.)(?:\d+(?:\.\d+){3,}|2\.25\.\d+)")
SUCCESS, FAILURE = b"\0\0", b"\x10\x01"


def moved(transcript: Transcript) -> Iterator[Edit]:
    """A request of the SUT comes on an association of ours, before or after our response, instead of or beside its own one."""
    view = dimse(transcript)
    ours = view.associations(side="requestor")
    for theirs in view.associations(side="acceptor"):
        for message in theirs.messages:
            if not message.incoming or message.is_response or not message.complete or message.size > LARGE:
                continue
            for target in _concerned(ours, message):
                context = target.granted_roles(message.abstract_syntax or "")
                answer = next((each for each in target.messages if each.incoming and each.is_response), None)
                if context is None or answer is None:
                    continue
                data = message_pdus(message, command_set(message.command.elements), message.data, context.id)
                for early in (True, False):
                    for kept in (True, False):
                        how = f"{'before' if early else 'after'} event {answer.events[0]}, {'beside' if kept else 'in place of'}"
                        yield Edit(
                            "report on the request's association",
                            f"{how} connection {theirs.conn}",
                            partial(_put, transcript, answer, data, early, None if kept else theirs),
                        )


def _uids(message: Message) -> Sequence[bytes]:
    """The UIDs of instances and transactions that a message names; of a large object its own."""
    if message.size > OBJECT and message.command.affected_instance:
        return (message.command.affected_instance.encode("ascii", "replace"),)
    return _UID.findall(message.data or b"")


def _concerned(ours: Sequence[Association], message: Message) -> Sequence[Association]:
    """Those of our associations whose messages share most UIDs with a message of the SUT; none where it shares none.

    One association of the SUT may carry reports on many requests, of other scenarios, too.
    """
    named = frozenset(_UID.findall(message.data or b""))
    shared = {
        each.conn: len(named & {uid for one in each.messages if not one.incoming for uid in _uids(one)})
        for each in ours
    }
    most = max(shared.values(), default=0)
    return [each for each in ours if shared[each.conn] == most] if most else []


def _put(transcript: Transcript, answer: Message, data: bytes, early: bool, gone: Association | None) -> Transcript:
    events: list[Event] = []
    for event in transcript.events:
        if gone is not None and event.conn == gone.conn:
            continue
        added = event.but(t=event.t - 1 if early else event.t + 1, data=data)
        if event.n == answer.events[0 if early else -1]:
            events += [added, event] if early else [event, added]
        else:
            events.append(event)
    return rebuilt(transcript, (event.but(n=number) for number, event in enumerate(events, 1)))


def served(transcript: Transcript) -> Iterator[Edit]:
    """What was refused is accepted, and an earlier connection of the SUT comes again for it."""
    view = dimse(transcript)
    theirs = [each.conn for each in view.associations(side="acceptor")]
    for message in view.messages(incoming=True, complete=True):
        if not message.is_response or not message.status or message.status & 0xF000 in {0xB000, 0xF000}:
            continue
        elements = [(tag, SUCCESS if tag == cmd.STATUS else value) for tag, value in message.command.elements]
        asked = message.request.data if message.request is not None else None
        for conn in theirs:
            where = f"{message.kind}, event {message.events[0]}, connection {conn}"
            for old, new in ((b"", b""), *_names(transcript, asked or b"")):
                yield Edit(
                    "accepted, and served",
                    where,
                    partial(_served, transcript, message, elements, conn, old, new),
                )


def _names(transcript: Transcript, asked: bytes) -> list[tuple[bytes, bytes]]:
    """(instance that was not asked for, instance that was), of one length: what a copied report may name instead."""
    minted = [
        str(each.info.get("uid")).encode() for each in transcript.of("uid") if each.info.get("what") == "instance"
    ]
    wanted = [uid for uid in minted if uid in asked]
    return [(old, new) for new in wanted[:2] for old in minted if old not in asked and len(old) == len(new)]


def _served(
    transcript: Transcript, message: Message, elements: list[tuple[int, bytes]], conn: int, old: bytes, new: bytes
) -> Transcript:
    accepted = replaced(transcript, message, message_pdus(message, command_set(elements), message.data))
    copied = repeated(accepted, conn)
    if not old:
        return copied
    first = len(accepted.events)
    return rebuilt(
        copied,
        (
            event.but(data=event.data.replace(old, new)) if number >= first else event
            for number, event in enumerate(copied.events)
        ),
    )


def anyway(transcript: Transcript) -> Iterator[Edit]:
    """A request of the SUT on an association that it opened and on which it sent none: as if it had not looked at the answer.

    It says what the SUT said elsewhere, or what we had asked for.
    """
    view = dimse(transcript)
    theirs = [each for each in view.associations(side="acceptor") if each.ac is not None]
    silent = [each for each in theirs if not any(_is_small_request(one) for one in each.messages)]
    said = [
        (command_set(one.command.elements), one) for each in theirs for one in each.messages if _is_small_request(one)
    ]
    said += [(_as_report(one), one) for one in view.messages("N-ACTION-RQ", incoming=False, complete=True)[:1]]
    for target in silent:
        if not target.rq or not target.rq.contexts:
            continue
        answered = target.negotiation_events[-1]
        for command, source in said:
            data = message_pdus(source, command, source.data, target.rq.contexts[0].id)
            where = f"{source.kind} of connection {source.assoc.conn} on connection {target.conn}"
            yield Edit("request on a silent association", where, partial(_behind, transcript, answered, data))


def _as_report(action: Message) -> bytes:
    """The command set of a report of full success on what a request of ours asked for."""
    said = action.command
    values = {
        cmd.AFFECTED_CLASS: said.requested_class,
        cmd.AFFECTED_INSTANCE: said.requested_instance,
        cmd.EVENT_TYPE: 1,
    }
    return cmd.encode(cmd.request(cmd.N_EVENT_REPORT_RQ, 1, values, has_data=action.data is not None))


def silent(transcript: Transcript) -> Iterator[Edit]:
    """Nothing that the SUT asked of us arrived, on whatever association: at all, or of what names one UID of ours."""
    found = [
        each for each in dimse(transcript).messages(incoming=True) if not each.is_response and each.kind != "C-STORE-RQ"
    ]
    for kind in dict.fromkeys(each.kind for each in found):
        ids = [n for each in found if each.kind == kind for n in each.events]
        yield Edit("drop all requests", kind, partial(without, transcript, ids))
    minted = [str(event.info.get("uid")) for event in transcript.of("uid") if event.info.get("what") == "transaction"]
    for number, uid in enumerate(minted, 1):
        ids = [n for each in found if uid.encode("ascii", "replace") in (each.data or b"") for n in each.events]
        if not ids:
            continue
        yield Edit("drop all requests on a UID", f"transaction {number}", partial(without, transcript, ids))
        for answer in dimse(transcript).messages(incoming=True, complete=True):
            asked = answer.request.data if answer.is_response and answer.request else None
            if answer.status == 0 and uid.encode("ascii", "replace") in (asked or b""):
                make = partial(_refused, transcript, answer, ids)
                yield Edit("refused, and silent", f"transaction {number}, event {answer.events[0]}", make)


def _refused(transcript: Transcript, answer: Message, ids: list[int]) -> Transcript:
    elements = [(tag, FAILURE if tag == cmd.STATUS else value) for tag, value in answer.command.elements]
    mutant = replaced(transcript, answer, message_pdus(answer, command_set(elements), answer.data))
    return without(mutant, ids)


def _is_small_request(message: Message) -> bool:
    return message.incoming and not message.is_response and message.complete and message.size <= LARGE


def _behind(transcript: Transcript, at: int, data: bytes) -> Transcript:
    """What the SUT sends right behind an event of the same connection."""
    events: list[Event] = []
    for event in transcript.events:
        events.append(event)
        if event.n == at:
            events.append(event.but(kind="dimse.in", t=event.t + 1, step=None, data=data))
    return rebuilt(transcript, (event.but(n=number) for number, event in enumerate(events, 1)))


def all_late(transcript: Transcript) -> Iterator[Edit]:
    """Everything that the SUT opens, and all that it sends there, comes later."""
    theirs = {each.conn for each in dimse(transcript).associations(side="acceptor")}
    ids = [event.n for event in transcript.events if event.conn in theirs]
    for seconds in DELAYS_S if ids else ():
        yield Edit("all from outside late", f"{seconds} s", partial(late, transcript, ids, seconds))


def admitted(transcript: Transcript) -> Iterator[Edit]:
    """Who was turned away (A-ASSOCIATE-RJ, no context) is served like another association of ours."""
    ours = dimse(transcript).associations(side="requestor")
    served_ones = [each for each in ours if any(one.incoming and one.is_response for one in each.messages)]
    for turned in ours:
        if turned.rj is None and (turned.ac is None or turned.contexts):
            continue
        for model in served_ones:
            where = f"connection {turned.conn} as connection {model.conn}"
            yield Edit("admitted, and served", where, partial(_as, transcript, turned, model))


def _as(transcript: Transcript, turned: Association, model: Association) -> Transcript:
    """The bytes of one connection in the place of another's, in the same step."""
    copied = [event for event in transcript.events if event.conn == model.conn]
    start = turned.t_open - copied[0].t
    events = [event for event in transcript.events if event.conn != turned.conn]
    events += [
        event.but(conn=turned.conn, t=event.t + start, step=turned.step if event.step else None) for event in copied
    ]
    events.sort(key=lambda event: event.t)
    return rebuilt(transcript, (event.but(n=number) for number, event in enumerate(events, 1)))


OPERATORS = (moved, served, anyway, silent, all_late, admitted)
