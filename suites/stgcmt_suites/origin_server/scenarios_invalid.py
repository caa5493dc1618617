"""What an origin server must refuse, each defect beside a control request that differs in the one point."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from stgcmt.suite import Play, scenario
from stgcmt.wire import native_xml
from stgcmt_suites.origin_server.asking import (
    KEEPING,
    POLLING,
    RESOURCE,
    ask,
    check,
    commit,
    kept_pending,
    other,
    poll,
    probe,
)
from stgcmt_suites.origin_server.damage import (
    INVALID_UIDS,
    WRAPPED,
    Body,
    damaged_multipart,
    damaged_xml,
    loose_multipart,
    wrapped,
)
from stgcmt_suites.origin_server.requests import (
    EMPTY,
    JSON,
    MALFORMED,
    XML,
    bad_uids,
    body,
    damaged,
    flat,
    hierarchical,
)

METHODS = ("PUT", "DELETE", "PATCH")
AGAIN = ("truncated", "cut-off")  # defects whose Transaction UID is asked for and used afterwards


@scenario(exchanges=27, waits=POLLING)
async def malformed_modules(play: Play) -> None:
    """Modules with one defect each: a mandatory attribute that is missing, empty, of a wrong VR or no UID; beside both controls."""
    client = play.http()
    instance = await play.seed("ct")
    whole, deep = flat([instance]), hierarchical([instance])
    answers = [
        await ask(play, client, whole, step="control-flat"),
        await ask(play, client, deep, step="control-hierarchical"),
    ]
    for name, make in MALFORMED.items():
        await probe(play, client, make(whole, deep), step=f"defect-{name}")
    for name, make in INVALID_UIDS.items():
        await probe(play, client, make(whole, deep), step=f"uid-{name}")
    async with asyncio.TaskGroup() as group:
        for uid, answer in answers:
            group.create_task(poll(play, client, uid, answer, step="control-poll"))
    await check(play, client, answers[0][0], step="control-last")


@scenario(exchanges=11, waits=POLLING)
async def malformed_bodies(play: Play) -> None:
    """Bodies that are no DICOM JSON, and lists without an item, beside a control."""
    client = play.http()
    module = flat([await play.seed("ct")])
    uid, answer = await ask(play, client, module, step="control")
    for name, content in damaged(module).items():
        await probe(play, client, content, step=f"defect-{name}")
    for name, empty in EMPTY.items():
        await probe(play, client, empty, step=f"empty-{name}")
    await poll(play, client, uid, answer, step="control-poll")
    await check(play, client, uid, step="control-last")


async def _damaged(play: Play, good: Body, defects: Mapping[str, Body]) -> None:
    """A control of a media type; where it is taken, the defects in the same type: what is not supported is not tried."""
    client = play.http()
    uid, answer = await ask(play, client, good[1], step="control", content_type=good[0])
    if answer.status not in (200, 202):
        return
    again: dict[str, str] = {}
    for name, (content_type, content) in defects.items():
        spent = play.uid()
        await probe(play, client, content, uid=spent, step=name, content_type=content_type)
        if name.removeprefix("defect-") in AGAIN:
            again[name.removeprefix("defect-")] = spent
    await poll(play, client, uid, answer, step="control-poll")
    for name, spent in again.items():
        await check(play, client, spent, step=f"left-{name}")
        await commit(play, client, good[1], uid=spent, step=f"again-{name}", content_type=good[0])
    await check(play, client, uid, step="control-last")


@scenario(exchanges=20, waits=POLLING)
async def malformed_xml(play: Play) -> None:
    """Bodies that are no native XML or no request module in it, beside a control; none where XML is not taken."""
    instance = await play.seed("ct")
    whole, deep = flat([instance]), hierarchical([instance])
    defects = {f"defect-{name}": (XML, content) for name, content in damaged_xml(whole, deep).items()}
    await _damaged(play, (XML, native_xml.dump(whole)), defects)


@scenario(exchanges=19, waits=POLLING)
async def malformed_multipart(play: Play) -> None:
    """Multipart bodies that are damaged or in a loose form, beside a control; none where multipart is not taken."""
    module: Any = flat([await play.seed("ct")])
    defects = {f"defect-{name}": each for name, each in damaged_multipart(module).items()}
    loose = {f"loose-{name}": each for name, each in loose_multipart(module).items()}
    await _damaged(play, (WRAPPED, wrapped(body(module))), defects | loose)


@scenario(exchanges=5, waits=POLLING)
async def both_structures(play: Play) -> None:
    """One request with a flat and a hierarchical list, beside each list alone."""
    client = play.http()
    instance = await play.seed("ct")
    uid = play.uid()
    answer = await probe(play, client, {**hierarchical([instance]), **flat([instance])}, uid=uid, step="both")
    await poll(play, client, uid, answer, step="both-poll")
    async with asyncio.TaskGroup() as group:
        group.create_task(commit(play, client, flat([instance]), step="control-flat"))
        group.create_task(commit(play, client, hierarchical([instance]), step="control-hierarchical"))


@scenario(exchanges=14, waits=POLLING)
async def invalid_transaction_uids(play: Play) -> None:
    """Requests and Result Checks under segments that are no UID, beside a valid one; its dots percent-encoded, too."""
    client = play.http()
    module = flat([await play.seed("ct")])
    uid, _ = await commit(play, client, module, step="control")
    await check(play, client, uid, step="plain")
    await check(play, client, uid.replace(".", "%2E"), step="encoded")
    for name, segment in bad_uids(play.uid).items():
        await probe(play, client, module, uid=segment, step=f"post-{name}")
        await check(play, client, segment, step=f"get-{name}")


@scenario(exchanges=14, waits=POLLING)
async def refused_requests(play: Play) -> None:
    """Requests refused for module, Accept and Content-Type; then the same Transaction UIDs are used well."""
    client = play.http()
    instance = await play.seed("ct")
    good = flat([instance])
    bad = MALFORMED["instance-absent"](good, {})
    refused = {name: play.uid() for name in ("module", "accept", "content-type")}
    await probe(play, client, bad, uid=refused["module"], step="refused-module")
    await probe(play, client, good, uid=refused["accept"], step="refused-accept", accept=None)
    csv = {"step": "refused-content-type", "content_type": "text/csv"}
    await probe(play, client, b"1.2.3", uid=refused["content-type"], **csv)
    async with asyncio.TaskGroup() as group:
        for name, uid in refused.items():
            await check(play, client, uid, step=f"left-{name}")
            group.create_task(commit(play, client, good, step=f"again-{name}", uid=uid))
        group.create_task(commit(play, client, good, step="control"))


@scenario(exchanges=4, waits=POLLING)
async def collection(play: Play) -> None:
    """Requests to the collection itself, without a Transaction UID, beside a control with one."""
    client = play.http()
    module = flat([await play.seed("ct")])
    await commit(play, client, module, step="control")
    fields = [("Accept", JSON), ("Content-Type", JSON)]
    await other(play, client, "POST", RESOURCE, step="post-collection", headers=fields, content=body(module))
    await other(play, client, "GET", RESOURCE, step="get-collection", headers=[("Accept", JSON)])


@scenario(exchanges=13, waits=POLLING, wants=KEEPING)
async def other_methods(play: Play) -> None:
    """PUT, DELETE, PATCH, OPTIONS and an unknown method on a finished transaction; HEAD on every kind."""
    client = play.http()
    instance = await play.seed("ct")
    module = flat([instance])
    async with kept_pending(play, instance):
        uid, answer = await ask(play, client, module)
        if answer.status == 202:
            await check(play, client, uid, step="head-pending", method="HEAD")
            answer = await check(play, client, uid, step="get-pending")
    await poll(play, client, uid, answer)
    await check(play, client, uid, step="before")
    await check(play, client, uid, step="head-done", method="HEAD")
    await check(play, client, play.uid(), step="head-unknown", method="HEAD")
    for method in METHODS:
        content = body(module) if method != "DELETE" else None
        fields = [("Accept", JSON), ("Content-Type", JSON)] if content else [("Accept", JSON)]
        await other(play, client, method, f"{RESOURCE}/{uid}", step=f"method-{method}", headers=fields, content=content)
    await other(play, client, "OPTIONS", f"{RESOURCE}/{uid}", step="options", headers=[("Accept", JSON)])
    await other(play, client, "BREW", f"{RESOURCE}/{uid}", step="method-BREW", headers=[("Accept", JSON)])
    await check(play, client, uid, step="after")
