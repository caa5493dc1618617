"""Requests to an SCP, built element by element, so that each can lack what a test wants it to lack.

A request is a list of elements ``(tag, VR, value)``; ``request`` makes a right one, the functions below it take one
thing away or put one in. ``ask`` encodes it in the accepted transfer syntax and sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from typing import Any

from stgcmt.suite import Play
from stgcmt.wire.dataset import encode
from stgcmt.wire.negotiation import Proposal
from stgcmt_suites.commitment.dimse_module import (
    FILE_SET_ID,
    FILE_SET_UID,
    PERFORMED_STEP_SEQUENCE,
    REF_CLASS,
    REF_INSTANCE,
    REF_SEQUENCE,
    TRANSACTION_UID,
)

PUSH_MODEL = "1.2.840.10008.1.20.1"
IMPLICIT_LE, EXPLICIT_LE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
COMMITMENT = Proposal(contexts=((PUSH_MODEL, (IMPLICIT_LE, EXPLICIT_LE)),))
WARNING = 0xB  # the first digit of C-STORE statuses that say: stored, but
AT_ONCE = 4  # associations that one scenario holds at the same time: archives serve few (Orthanc: 4 threads)
_FREE: ContextVar[AbstractAsyncContextManager[Any] | None] = ContextVar("stgcmt_scp_free", default=None)

Elements = list[tuple[int, str, Any]]


def item(instance: Any, *, sop_class_uid: str | None = None) -> Elements:
    """One item of the Referenced SOP Sequence; ``sop_class_uid`` asks for it under another class."""
    return [(REF_CLASS, "UI", sop_class_uid or instance.sop_class_uid), (REF_INSTANCE, "UI", instance.sop_instance_uid)]


def request(transaction_uid: str, items: Iterable[Any]) -> Elements:
    """Action Information; what is no item yet is taken as an instance."""
    made = [each if isinstance(each, list) else item(each) for each in items]
    return [(TRANSACTION_UID, "UI", transaction_uid), (REF_SEQUENCE, "SQ", made)]


def without(elements: Elements, tag: int) -> Elements:
    """The same without one attribute, on whichever level it stands."""
    return [
        (each, vr, [without(one, tag) for one in value] if vr == "SQ" else value)
        for each, vr, value in elements
        if each != tag
    ]


def emptied(elements: Elements, tag: int) -> Elements:
    """The same with one attribute left without a value (a sequence without items), on whichever level it stands."""
    return [
        (each, vr, [emptied(one, tag) for one in value] if vr == "SQ" and each != tag else value)
        if each != tag
        else (each, vr, [] if vr == "SQ" else "")
        for each, vr, value in elements
    ]


def in_last(change: Callable[[Elements, int], Elements], elements: Elements, tag: int) -> Elements:
    """The same with a change to the last item of the sequence alone."""
    return [
        (each, vr, [*value[:-1], change(value[-1], tag)] if each == REF_SEQUENCE else value)
        for each, vr, value in elements
    ]


def with_file_set(elements: Elements, file_set_uid: str, *, inside: bool = False) -> Elements:
    """The same with Storage Media File-Set ID and UID, outside the sequence or in each of its items."""
    added: Elements = [(FILE_SET_ID, "SH", "STGCMT"), (FILE_SET_UID, "UI", file_set_uid)]
    if not inside:
        return [*elements, *added]
    return [
        (tag, vr, [[*one, *added] for one in value] if tag == REF_SEQUENCE else value) for tag, vr, value in elements
    ]


def with_performed_step(elements: Elements, step_uid: str) -> Elements:
    """The same with the retired reference to a performed procedure step."""
    step: Elements = [(REF_CLASS, "UI", "1.2.840.10008.3.1.2.3.3"), (REF_INSTANCE, "UI", step_uid)]
    return [(PERFORMED_STEP_SEQUENCE, "SQ", [step]), *elements]


def associate(play: Play, **options: Any) -> AbstractAsyncContextManager[Any]:
    """An association that proposes the Push Model class alone, unless ``options`` say otherwise."""
    return play.dimse(**{"proposal": COMMITMENT, **options})


async def ask(assoc: Any, elements: Elements | None, **options: Any) -> int | None:
    """Send one N-ACTION-RQ (``elements`` ``None``: without a data set); the response's status, if there is one."""
    syntax = assoc.transfer_syntax(PUSH_MODEL) or IMPLICIT_LE
    data = None if elements is None else encode(elements, syntax)
    return getattr(await assoc.n_action(data, **options), "status", None)


def note_stored(play: Play, instance: Any, answer: Any) -> None:
    """Record that a C-STORE of the scenario's own left an instance in the SUT."""
    status = getattr(answer, "status", None)
    if status is not None and (status == 0 or status >> 12 == WARNING):
        play.note(what="stored", sop_instance_uid=instance.sop_instance_uid)


async def exchange(
    play: Play,
    step: str,
    elements: Elements | None,
    *,
    calling_ae: str | None = None,
    max_pdu: int | None = None,
    proposal: Proposal | None = None,
    **options: Any,
) -> int | None:
    """One request on an association of its own, which is released at once."""
    chosen = {"calling_ae": calling_ae, "max_pdu": max_pdu, "proposal": proposal}
    ours = {name: value for name, value in chosen.items() if value}
    async with _FREE.get() or nullcontext():
        with play.step(step):
            async with associate(play, **ours) as assoc:
                return await ask(assoc, elements, **options)


async def commit(play: Play, step: str, items: Sequence[Any], **options: Any) -> str:
    """A right request, released at once, and the wait for its report where it was accepted; its Transaction UID."""
    uid = play.uid()
    await report_on(play, step, uid, request(uid, items), **options)
    return uid


async def report_on(play: Play, step: str, uid: str, elements: Elements | None, **options: Any) -> None:
    """Like ``exchange``, then wait for the report where the request was accepted."""
    if await exchange(play, step, elements, **options) == 0:
        with play.step(step):
            await play.report(uid)


async def at_once(*exchanges: Any) -> None:
    """Run exchanges side by side, on few associations at a time; one without an answer holds up no other.

    Waiting for reports needs no association of ours, and so is not limited.
    """
    token = _FREE.set(asyncio.Semaphore(AT_ONCE))
    try:
        async with asyncio.TaskGroup() as group:
            for each in exchanges:
                group.create_task(each)
    finally:
        _FREE.reset(token)
