"""How instances get into the SUT and out again: STOW-RS, C-STORE; WADO-RS, C-GET, C-MOVE. Recorded, never judged."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt.endpoints import dimse_endpoint, dimse_timeouts
from stgcmt.errors import UsageError

STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"
IMPLICIT = "1.2.840.10008.1.2"
DESTINATION_UNKNOWN = 0xA801
# C-GET and C-MOVE that were worked through: success, some or all of the sub-operations failed (PS3.4 C.4.2.1.5, C.4.3.1.4).
WORKED_THROUGH = frozenset({0x0000, 0xB000, 0xA702})
LOOKED_FOR = frozenset({200, 404, 410})  # WADO-RS: it is there, or it is not; every other status speaks of the service
# What an instance that was there before may be encoded in: nobody told us, and a SUT need not transcode (PS3.5 annex A).
USUAL = (
    "1.2.840.10008.1.2.1", IMPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5",
    *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 100, 102, 103, 107, 108, 201, 202, 203)),
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What a retrieval brought: the bytes (part 10 by WADO-RS, a bare data set by C-GET and C-MOVE), or why there are none.

    ``available``: the service looked for the instance, so that one that did not come is not there. Where the service itself
    was refused, or failed, nothing is known of the instance.
    """

    data: bytes | None
    transfer_syntax: str | None = None
    part10: bool = False
    detail: str = ""
    available: bool = True


async def seed(how: str, instance: Any, target: Any, stage: Any) -> tuple[bool, str]:
    """Bring ``instance`` into the SUT; whether it was taken, and what was answered."""
    end = {**target.section, **{key: value for key, value in target.seeding.items() if key != "how"}}
    if how == "stow":
        return await _stow(instance, end, stage)
    if how == "c-store":
        return await _c_store(instance, end, stage)
    return False, "the SUT file says that nothing can be seeded"


async def _stow(instance: Any, end: Mapping[str, Any], stage: Any) -> tuple[bool, str]:
    from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up
    from stgcmt.actors.http_values import NoAnswer  # noqa: PLC0415 - start-up

    boundary = "stgcmt-instance"
    body = (
        f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        + instance.part10()
        + f"\r\n--{boundary}--\r\n".encode()
    )
    headers = [
        ("Accept", "application/dicom+json"),
        ("Content-Type", f'multipart/related; type="application/dicom"; boundary={boundary}'),
    ]
    client = client_for(
        end, network=stage.network, clock=stage.clock, connection=stage.recorder.connection, timing=stage.timing
    )
    try:
        answer = await client.request("POST", "studies", headers=headers, content=body)
    finally:
        await client.aclose()
    if isinstance(answer, NoAnswer):
        return False, f"no answer to STOW-RS: {answer.kind} {answer.detail}"
    status = answer.status
    # 200: all stored; 202: some with warnings. The instance is asked for by name later, so nothing is taken on trust.
    return status == 200 or (status == 202 and b"00081198" not in answer.body), f"STOW-RS answered {status}"


async def _c_store(instance: Any, end: Mapping[str, Any], stage: Any) -> tuple[bool, str]:
    from stgcmt.actors.requestor import associate  # noqa: PLC0415 - start-up
    from stgcmt.wire.negotiation import Proposal  # noqa: PLC0415 - start-up

    proposal = Proposal(((instance.sop_class_uid, (instance.transfer_syntax_uid,)),))
    calling = end.get("calling_ae_title") or (stage.destination.ae_title if stage.destination is not None else None)
    arguments = dimse_endpoint(end, calling) | {"timeouts": dimse_timeouts(stage.timing), "proposal": proposal}
    association = associate(stage.network, stage.clock, stage.recorder.connection(), **arguments)
    async with stage.in_line(association) as assoc:
        syntax = assoc.transfer_syntax(instance.sop_class_uid)
        if syntax is None:
            why = _ended(assoc.outcome) if assoc.outcome else "context refused"
            return False, f"the SUT does not accept {instance.sop_class_uid} for C-STORE: {why}"
        answer = await assoc.c_store(
            instance.sop_class_uid, instance.sop_instance_uid, instance.data_set(syntax), syntax
        )
    status = getattr(answer, "status", None)
    if status is None:
        return False, f"no answer to C-STORE: {_ended(answer)}"
    return status == 0 or status & 0xF000 == 0xB000, f"C-STORE answered {status:04X}H"


async def retrieve(how: str, instance: Any, target: Any, stage: Any) -> Found:
    """Read ``instance`` back from the SUT."""
    end = {**target.section, **{key: value for key, value in target.retrieval.items() if key != "how"}}
    if how == "wado-rs":
        return await _wado(instance, end, stage)
    if how == "c-get":
        return await _c_get(instance, end, stage)
    if how == "c-move":
        return await _c_move(instance, end, stage)
    return Found(None, detail="the SUT file says that nothing can be retrieved", available=False)


async def _wado(instance: Any, end: Mapping[str, Any], stage: Any) -> Found:
    from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up
    from stgcmt.actors.http_values import NoAnswer  # noqa: PLC0415 - start-up

    path = f"studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}/instances/{instance.sop_instance_uid}"
    accept = [("Accept", 'multipart/related; type="application/dicom"; transfer-syntax=*')]
    client = client_for(
        end, network=stage.network, clock=stage.clock, connection=stage.recorder.connection, timing=stage.timing
    )
    try:
        answer = await client.request("GET", path, headers=accept)
    finally:
        await client.aclose()
    if isinstance(answer, NoAnswer):
        return Found(None, detail=f"no answer to WADO-RS: {answer.kind} {answer.detail}", available=False)
    if answer.status != 200:
        return Found(None, detail=f"WADO-RS answered {answer.status}", available=answer.status in LOOKED_FOR)
    head = f"Content-Type: {answer.header('content-type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.body, policy=email.policy.HTTP)
    parts = list(message.iter_parts()) if message.is_multipart() else [message]
    payload = parts[0].get_payload(decode=True) if parts else None
    return Found(payload if isinstance(payload, bytes) else None, part10=True, detail="WADO-RS answered 200")


async def _c_get(instance: Any, end: Mapping[str, Any], stage: Any) -> Found:
    from stgcmt.actors.requestor import associate  # noqa: PLC0415 - start-up
    from stgcmt.wire.items import Role  # noqa: PLC0415 - start-up
    from stgcmt.wire.negotiation import Proposal  # noqa: PLC0415 - start-up

    syntaxes = (instance.transfer_syntax_uid,) if instance.transfer_syntax_uid else USUAL
    proposal = Proposal(  # one context a transfer syntax: the SUT accepts one in each, and needs that of the instance
        ((STUDY_ROOT_GET, (IMPLICIT,)), *((instance.sop_class_uid, (syntax,)) for syntax in syntaxes)),
        roles=(Role(instance.sop_class_uid, scu=1, scp=1),),
    )
    received: list[tuple[str, bytes]] = []
    arguments = dimse_endpoint(end, stage.destination.ae_title if stage.destination is not None else None)
    arguments |= {"timeouts": dimse_timeouts(stage.timing), "proposal": proposal}

    association = associate(stage.network, stage.clock, stage.recorder.connection(), **arguments)
    async with stage.in_line(association) as assoc:

        async def keep(message: Any) -> int:
            received.append((assoc.contexts[message.context_id].transfer_syntax, message.data or b""))
            return 0

        answer = await assoc.c_get(_identifier(instance), keep, model=STUDY_ROOT_GET)
        sent_here = any(
            each.abstract_syntax == instance.sop_class_uid and each.acceptor_scu for each in assoc.contexts.values()
        )
    if not received:
        worked = sent_here and getattr(answer, "status", None) in WORKED_THROUGH
        return Found(None, detail=f"C-GET brought nothing: {_ended(answer)}", available=worked)
    return Found(received[0][1], received[0][0], detail="C-GET brought the instance")


async def _c_move(instance: Any, end: Mapping[str, Any], stage: Any) -> Found:
    from stgcmt.actors.requestor import associate  # noqa: PLC0415 - start-up
    from stgcmt.wire.negotiation import Proposal  # noqa: PLC0415 - start-up
    from stgcmt.wire.uids import STUDY_ROOT_MOVE  # noqa: PLC0415 - start-up

    ours = str(end["move_destination"])
    place = {"host": str(end.get("move_host", "127.0.0.1")), "port": int(end["move_port"]), "ae_title": ours}
    arguments = dimse_endpoint(end, stage.destination.ae_title if stage.destination is not None else ours)
    arguments |= {
        "timeouts": dimse_timeouts(stage.timing),
        "proposal": Proposal(((STUDY_ROOT_MOVE, (IMPLICIT,)),)),
    }
    async with stage.arrivals.expect(instance.sop_instance_uid, stage.recorder, **place) as arrival:
        association = associate(stage.network, stage.clock, stage.recorder.connection(), **arguments)
        async with stage.in_line(association) as assoc:
            answer = await assoc.c_move(_identifier(instance), ours, model=STUDY_ROOT_MOVE)
        if getattr(answer, "status", None) == DESTINATION_UNKNOWN:
            raise UsageError(
                "retrieving by C-MOVE", f"a SUT that knows {ours}", "A801H (move destination unknown)",
                f"configure {ours} in the SUT as a remote AE at {place['host']}:{place['port']} of this machine",
            )  # fmt: skip
        if getattr(answer, "status", None) == 0x0000:  # all were sent, so it is here or on its way
            await asyncio.wait([arrival], timeout=stage.timing.response)
        if not arrival.done():
            worked = getattr(answer, "status", None) in WORKED_THROUGH
            return Found(None, detail=f"C-MOVE to {ours} brought nothing: {_ended(answer)}", available=worked)
        syntax, data = arrival.result()
    return Found(data, syntax, detail=f"C-MOVE to {ours} brought the instance")


def _identifier(instance: Any) -> bytes:
    """The Identifier of one instance at the image level (PS3.4 C.4.2.1.4)."""
    from stgcmt.wire.dataset_writer import encode  # noqa: PLC0415 - start-up

    return encode(
        [
            (0x00080018, "UI", instance.sop_instance_uid),
            (0x00080052, "CS", "IMAGE"),
            (0x0020000D, "UI", instance.study_instance_uid),
            (0x0020000E, "UI", instance.series_instance_uid),
        ],
        IMPLICIT,
    )


def _ended(answer: Any) -> str:
    """How an operation ended, for a reader: its status, or what came in place of a response."""
    if (status := getattr(answer, "status", None)) is not None:
        return f"status {status:04X}H"
    told = {
        name: getattr(answer, name, None)
        for name in ("result", "source", "reason", "abstract_syntax", "after_s", "text")
    }
    numbers = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items() if value not in (None, ""))
    return f"{type(answer).__name__.lower()}{f' ({numbers})' if numbers else ''}"
