"""Representations and header fields: what is asked for, what comes, in which type, coding and character set."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin

from stgcmt.suite import Play, scenario
from stgcmt.wire import multipart, native_xml
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
from stgcmt_suites.origin_server.damage import BOUNDARY, MULTI_JSON, MULTI_XML
from stgcmt_suites.origin_server.requests import JSON, XML, body, flat, hierarchical

# Accept of a Result Check on a finished transaction, by the name of its step.
ACCEPTS: Mapping[str, str | None] = {
    "json": JSON,
    "xml": XML,
    "multipart-json": MULTI_JSON,
    "multipart-xml": MULTI_XML,
    "unquoted-json": f"multipart/related; type={JSON}",
    "unquoted-xml": f"multipart/related; type={XML}",
    "any": "*/*",
    "application": "application/*",
    "none": None,
    "q": f"{JSON};q=0.1, {XML};q=0.9",
    "q-zero": f"{JSON};q=0, {XML}",
    "invalid-xml": f"bogus, {XML};q=0.5",
    "invalid-json": f"bogus, {JSON};q=0.5",
    "unacceptable": "text/csv",
    "mixed": f"{JSON}, image/jpeg",
    "syntax": f"{JSON}; transfer-syntax=1.2.840.10008.1.2.1",
    "syntax-any": f"{JSON}; transfer-syntax=*",
    "charset": f"{JSON}; charset=utf-8",
}
MOST_LOCATIONS = 8  # other URIs that are followed: one for each representation, and some more
# Query and Accept of a Result Check on the same transaction; a bare plus sign would be read as a blank by many.
QUERIES: Mapping[str, tuple[str, str | None]] = {
    "accept": (f"?accept={quote(XML)}", "*/*"),
    "accept-alone": (f"?accept={quote(XML)}", None),
    "accept-wins": (f"?accept={quote(XML)}", f"{JSON}, {XML};q=0.1"),
    "accept-unsupported": ("?accept=text/csv", "*/*"),
    "accept-invalid": ("?accept=bogus", "*/*"),
    "accept-wildcard": ("?accept=*/*", JSON),
    "charset": ("?charset=utf-8", JSON),
    "charset-unsupported": ("?charset=x-none", JSON),
    "unknown": ("?x-unknown=1", JSON),
}


@scenario(exchanges=34, waits=POLLING)
async def negotiation(play: Play) -> None:
    """One finished transaction with committed and failed instances, read with every Accept, parameter and coding."""
    client = play.http()
    module = hierarchical([await play.seed("ct"), play.make("mr")])
    uid, _ = await commit(play, client, module, step="control")
    answers = [await check(play, client, uid, step=f"accept-{name}", accept=accept) for name, accept in ACCEPTS.items()]
    for name, (query, accept) in QUERIES.items():
        answers.append(await check(play, client, uid, step=f"query-{name}", accept=accept, query=query))
    await check(play, client, uid, step="charset-unknown", headers=[("Accept-Charset", "x-none")])
    await check(play, client, uid, step="charset-listed", headers=[("Accept-Charset", "x-none, utf-8;q=0.5")])
    await check(play, client, uid, step="gzip", headers=[("Accept-Encoding", "gzip")])
    answers.append(await check(play, client, uid, step="last"))
    given = dict.fromkeys(answer.header("Content-Location") for answer in answers if answer.status == 200)
    for located in list(filter(None, given))[:MOST_LOCATIONS]:
        await _follow(play, client, uid, located)


async def _follow(play: Play, client: Any, uid: str, located: str) -> None:
    """Read the resource that Content-Location names, where it is one that can be asked for on this server."""
    here = client.locate(f"{RESOURCE}/{uid}")
    target = urljoin(f"{here.scheme}://{here.authority}{here.target}", located)
    try:
        there = client.locate(target)
    except ValueError:
        return
    if there.key == here.key:
        await other(play, client, "GET", target, step="content-location", headers=[("Accept", JSON)])


@scenario(exchanges=9, waits=POLLING)
async def negotiated_requests(play: Play) -> None:
    """Requests with every kind of Accept, each under a fresh Transaction UID, beside a control."""
    client = play.http()
    module = flat([await play.seed("ct")])
    probes: Mapping[str, dict[str, Any]] = {
        "control": {},
        "post-none": {"accept": None},
        "post-mixed": {"accept": ACCEPTS["mixed"]},
        "post-unacceptable": {"accept": "text/csv"},
        "post-xml": {"accept": XML},
        "post-unknown-query": {"query": "?x-unknown=1"},
    }
    async with asyncio.TaskGroup() as group:
        for step, how in probes.items():
            group.create_task(commit(play, client, module, step=step, **how))


@scenario(mode="asynchronous", exchanges=6, waits=POLLING, wants=KEEPING)
async def pending_without_accept(play: Play) -> None:
    """A Result Check without Accept while the work is under way, between two with it; then again at the end."""
    client = play.http()
    instance = await play.seed("ct")
    async with kept_pending(play, instance):
        uid, answer = await ask(play, client, flat([instance]))
        await check(play, client, uid, step="pending-none", accept=None)
        still = await check(play, client, uid, step="still")
    if answer.status == 202:
        await poll(play, client, uid, still)
    await check(play, client, uid, step="done-none", accept=None)
    await check(play, client, uid, step="done")


def _bodies(module: Any) -> Mapping[str, tuple[str, bytes]]:
    """A module in the media types of 13.1.3: the Content-Type and the bytes."""
    plain, xml = body(module), native_xml.dump(module)
    both = f"boundary={BOUNDARY}"
    return {
        "json": (JSON, plain),
        "json-charset": (f"{JSON}; charset=utf-8", plain),
        "xml": (XML, xml),
        "multipart-json": (f"{MULTI_JSON}; {both}", multipart.join([(JSON, plain)], BOUNDARY)),
        "multipart-xml": (f"{MULTI_XML}; {both}", multipart.join([(XML, xml)], BOUNDARY)),
        "unquoted-json": (f"multipart/related; type={JSON}; {both}", multipart.join([(JSON, plain)], BOUNDARY)),
    }


@scenario(exchanges=12, waits=POLLING)
async def request_media_types(play: Play) -> None:
    """The same module as DICOM JSON, native XML, and multipart of both, quoted and unquoted."""
    client = play.http()
    module = flat([await play.seed("ct")])
    async with asyncio.TaskGroup() as group:
        for name, (content_type, content) in _bodies(module).items():
            group.create_task(commit(play, client, content, step=f"type-{name}", content_type=content_type))


@scenario(exchanges=9, waits=POLLING)
async def unsupported_bodies(play: Play) -> None:
    """Request bodies under a media type or coding that the service does not have, beside a control."""
    client = play.http()
    module = flat([await play.seed("ct")])
    uid, _ = await commit(play, client, module, step="control")
    for name, content_type in {"csv": "text/csv", "image": "image/jpeg", "dicom": "application/dicom"}.items():
        await probe(play, client, module, step=f"type-{name}", content_type=content_type)
    await probe(play, client, module, step="type-absent", content_type=None)
    coded = gzip.compress(body(module), mtime=0)
    await probe(play, client, coded, step="coding-gzip", headers=[("Content-Encoding", "gzip")])
    await probe(play, client, coded, step="coding-unknown", headers=[("Content-Encoding", "x-none")])
    await check(play, client, uid, step="control-last")


@scenario(exchanges=4, waits=POLLING, needs=())
async def capabilities(play: Play) -> None:
    """OPTIONS on the Base URI: as WADL, as JSON, with any type and without Accept."""
    client = play.http()
    accepts = {"wadl": "application/vnd.sun.wadl+xml", "json": "application/json", "any": "*/*", "none": None}
    for name, accept in accepts.items():
        fields = [("Accept", accept)] if accept else []
        await other(play, client, "OPTIONS", "/", step=f"capabilities-{name}", headers=fields)


@scenario(mode="secured", exchanges=5, waits=POLLING)
async def secured(play: Play) -> None:
    """A Request with credentials, whose result is read without; Requests without, and with wrong ones."""
    client = play.http()
    module = flat([play.make("ct")])
    uid, _ = await commit(play, client, module, step="control")
    with play.step("result-no-credentials"):
        await client.request(
            "GET", f"commitment-requests/{uid}", headers=[("Accept", JSON)], without=("Authorization",)
        )
    fields = [("Accept", JSON), ("Content-Type", JSON)]
    path = f"commitment-requests/{play.uid()}"
    with play.step("no-credentials"):
        await client.request("POST", path, headers=fields, content=body(module), without=("Authorization",))
    wrong = [*fields, ("Authorization", "Bearer wrong")]
    await other(play, client, "POST", path, step="wrong-credentials", headers=wrong, content=body(module))
