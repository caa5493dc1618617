"""The reference SCU: a small store-and-forward client, conformant but for the fault switched on.

It asks when its user says so. Its user speaks HTTP to it, as a vendor's tool would: ``POST /send`` with ``host``, ``port``,
``ae_title`` and ``files`` (a directory of DICOM files), ``GET /state`` with ``sop_instance_uid``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from stgcmt.actors.acceptor import Acceptor, Reply
from stgcmt.actors.association import Association
from stgcmt.actors.http_server import Asked, serve_http
from stgcmt.actors.http_server import Reply as Answer
from stgcmt.suite import Setting
from stgcmt.wire import command as cmd
from stgcmt.wire.pdv import Message
from stgcmt.wire.stream import Stream
from stgcmt_suites.commitment.ports import listen_again
from stgcmt_suites.scp.early import EarlySuccess
from stgcmt_suites.scu.client import Archive, Client, Untaped
from stgcmt_suites.scu.listening import Script
from stgcmt_suites.scu.outbox import COMMITTED, Outbox
from stgcmt_suites.scu.reports import Reports
from stgcmt_suites.scu.settings import Settings, settings

JSON = (("Content-Type", "application/json"),)
PORT = "port"  # a file: after a restart the client is found where it was
SEND = "/send?host={host}&port={port}&ae_title={ae_title}&files={files}"


@contextlib.asynccontextmanager
async def reference(setting: Setting) -> AsyncIterator[Mapping[str, Any]]:
    """Run until left; yields the SUT section: where it listens, how it is told to ask, and what it believes.

    A second client on the same directory goes on where the first one ended. Raises ``OSError`` where a port cannot be
    opened or the directory not be written, ``ValueError`` for an unknown mode, at the end ``ExceptionGroup`` where the
    reference itself failed.
    """
    chosen = settings(setting.mode, setting.switches, setting.options)
    outbox = Outbox(setting.directory)
    if chosen.faulty("lets-go-at-restart"):
        for each in outbox.pending():
            outbox.commit(each.asked)
    reports = Reports(outbox, chosen)
    client = Client(outbox, reports, setting, chosen)
    user = _User(outbox, client)

    async def says(stream: Stream) -> None:
        await serve_http(stream, setting.clock, Untaped(), user.says)

    async with contextlib.AsyncExitStack() as stack:
        stack.callback(outbox.close)
        stack.push_async_callback(client.aclose)
        acceptor = _acceptor(setting, chosen, reports)
        listener = await listen_again(
            setting.directory / PORT, chosen.port, lambda port: setting.network.listen(chosen.host, port, acceptor)
        )
        stack.push_async_callback(listener.aclose)
        tool = await setting.network.listen(chosen.host, 0, says)
        stack.push_async_callback(tool.aclose)
        base = f"http://{tool.address[0]}:{tool.address[1]}"
        yield {
            "host": chosen.host,
            "port": listener.address[1],
            "ae_title": chosen.ae_title,
            "trigger": {"url": base + SEND, "method": "POST"},
            "state": {"url": f"{base}/state?sop_instance_uid={{sop_instance_uid}}", "method": "GET"},
        }
    if failures := [each for each in (*acceptor.failures, *client.failures) if isinstance(each, Exception)]:
        raise ExceptionGroup("the reference SCU failed", failures)


class _Listening(Acceptor):
    """The acceptor of reports; one fault answers in front of it, on the bytes as they come in."""

    early = False

    async def __call__(self, stream: Stream) -> None:
        """Serve one connection."""
        await super().__call__(EarlySuccess(stream, cmd.N_EVENT_REPORT_RQ) if self.early else stream)


def _acceptor(setting: Setting, chosen: Settings, reports: Reports) -> _Listening:
    async def take(assoc: Association, message: Message) -> Reply | None:
        return await reports.take(assoc, message, ours=False)

    made = _Listening(
        setting.clock, Untaped, Script("reference", max_pdu=chosen.max_pdu, check_called_ae=chosen.strict_ae, settings=chosen),
        ae_title=chosen.ae_title,
        handlers={cmd.N_EVENT_REPORT_RQ: take},
    )  # fmt: skip
    made.early = chosen.faulty("early-success")
    return made


class _User:
    """What the user can say."""

    def __init__(self, outbox: Outbox, client: Client) -> None:
        self._outbox, self._client = outbox, client

    async def says(self, asked: Asked) -> Answer:
        """The answer to one request of the user."""
        values = dict(parse_qsl(asked.message.target.partition("?")[2]))
        if (asked.method, asked.path) == ("POST", "/send"):
            return self._send(values)
        if (asked.method, asked.path) == ("GET", "/state"):
            return self._state(values.get("sop_instance_uid", ""))
        return Answer(404)

    def _send(self, values: Mapping[str, str]) -> Answer:
        try:
            found = sorted(Path(values["files"]).glob("*.dcm"))
            archive = Archive(values["host"], int(values["port"]), values["ae_title"])
            with self._outbox.at_once():
                held = [self._outbox.add(path.read_bytes()) for path in found]
        except (KeyError, OSError, ValueError) as error:
            return Answer(400, JSON, json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        self._client.submit(archive, [each for each in held if self._new(each.sop_instance_uid)])
        return Answer(202, JSON, json.dumps({"instances": len(held)}).encode())

    def _new(self, uid: str) -> bool:
        found = self._outbox.instance(uid)
        return found is not None and found.state != COMMITTED

    def _state(self, uid: str) -> Answer:
        found = self._outbox.instance(uid)
        committed = found is not None and found.state == COMMITTED
        told = {"known": found is not None, "committed": committed, "deletable": committed}
        return Answer(200, JSON, json.dumps(told).encode())
