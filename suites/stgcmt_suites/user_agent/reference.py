"""The reference user agent: a small store-and-forward client, conformant but for the fault switched on.

It asks when its user says so. Its user speaks HTTP to it, as a vendor's tool would: ``POST /send`` with ``base_url`` and
``files`` (a directory of DICOM files), ``GET /state`` with ``sop_instance_uid``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from stgcmt.actors.http_server import Asked, Reply, serve_http
from stgcmt.suite import Setting
from stgcmt.wire.stream import Stream
from stgcmt_suites.user_agent.client import Client
from stgcmt_suites.user_agent.outbox import COMMITTED, Outbox
from stgcmt_suites.user_agent.sending import Sender
from stgcmt_suites.user_agent.settings import settings

JSON = (("Content-Type", "application/json"),)


class _NoTap:
    """What a client's user says to it is no part of the exchange that is judged."""

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Nothing."""


@asynccontextmanager
async def reference(setting: Setting) -> AsyncIterator[Mapping[str, Any]]:
    """Run until left; yields the SUT section: how it is told to ask, and what it believes.

    A second client on the same directory goes on where the first one ended. Raises ``OSError`` where the port cannot be
    opened or the directory not be written, ``ValueError`` for an unknown mode.
    """
    chosen = settings(setting.mode, setting.switches, setting.options)
    outbox = Outbox(setting.directory)
    sender = Sender(setting.network, timeout_s=chosen.timeout_s, keeps_alive=chosen.keeps_alive, faults=chosen.faults)
    client = Client(outbox, sender, setting, chosen)
    user = _User(outbox, client)

    async def handler(stream: Stream) -> None:
        await serve_http(stream, setting.clock, _NoTap(), user.says)

    try:
        listener = await setting.network.listen(chosen.host, chosen.port, handler)
        client.resume()
        base = f"http://{listener.address[0]}:{listener.address[1]}"
        try:
            yield {
                "trigger": {"url": f"{base}/send?base_url={{base_url}}&files={{files}}", "method": "POST"},
                "state": {"url": f"{base}/state?sop_instance_uid={{sop_instance_uid}}", "method": "GET"},
            }
        finally:
            await listener.aclose()
            await client.aclose()
            await sender.aclose()
    finally:
        outbox.close()


class _User:
    """What the user can say."""

    def __init__(self, outbox: Outbox, client: Client) -> None:
        self._outbox, self._client = outbox, client

    async def says(self, asked: Asked) -> Reply:
        """The answer to one request of the user."""
        values = dict(parse_qsl(asked.message.target.partition("?")[2]))
        if (asked.method, asked.path) == ("POST", "/send"):
            return self._send(values)
        if (asked.method, asked.path) == ("GET", "/state"):
            return self._state(values.get("sop_instance_uid", ""))
        return Reply(404)

    def _send(self, values: Mapping[str, str]) -> Reply:
        try:
            found = sorted(Path(values["files"]).glob("*.dcm"))
            with self._outbox.at_once():
                held = [self._outbox.add(path.read_bytes()) for path in found]
        except (KeyError, OSError, ValueError) as error:
            return Reply(400, JSON, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        self._client.submit(values.get("base_url", ""), [each for each in held if self._new(each.sop_instance_uid)])
        return Reply(202, JSON, json.dumps({"instances": len(held)}).encode())

    def _new(self, uid: str) -> bool:
        found = self._outbox.instance(uid)
        return found is not None and found.state != COMMITTED

    def _state(self, uid: str) -> Reply:
        found = self._outbox.instance(uid)
        committed = found is not None and found.state == COMMITTED
        told = {"known": found is not None, "committed": committed, "deletable": committed}
        return Reply(200, JSON, json.dumps(told).encode())
