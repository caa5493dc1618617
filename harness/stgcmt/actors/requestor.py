"""Our requestor: opens an association, and closes it in every case (release, A-ABORT when cancelled)."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from stgcmt.actors.association import Association, OnMessage
from stgcmt.actors.outcome import Ended, Fault, Silence, Timeouts, Unreachable
from stgcmt.clock import Clock
from stgcmt.tls import words
from stgcmt.transcript import Tap
from stgcmt.wire import items, pdu
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.stream import Network, Stream

MAX_PDU = 16384


@contextlib.asynccontextmanager
async def associate(
    network: Network,
    clock: Clock,
    tap: Tap,
    host: str,
    port: int,
    *,
    called_ae: str,
    calling_ae: str,
    proposal: Proposal,
    max_pdu: int = MAX_PDU,
    timeouts: Timeouts | None = None,
    on_message: OnMessage | None = None,
    raw_rq: bytes | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Association]:
    """An association with ``host:port``; where it is not established its ``outcome`` says why, nothing is raised.

    ``raw_rq`` replaces the A-ASSOCIATE-RQ that ``proposal`` would make. At the end of the block an open association is
    released, after an exception (cancellation too) it is aborted. An error of ``on_message`` is raised at the end.
    """
    limits = timeouts or Timeouts()
    opened = await _connect(network, tap, host, port, limits.connect, tls)
    assoc = Association(
        _Nowhere() if isinstance(opened, (Silence, Unreachable)) else opened,
        clock,
        tap,
        "requestor",
        limits,
        on_message,
    )
    if isinstance(opened, (Silence, Unreachable)):
        assoc.end(opened, "local")
        yield assoc
        return
    assoc.start()
    async with assoc.to_its_end():
        rq = raw_rq or proposal.encode(called_ae=called_ae, calling_ae=calling_ae, max_pdu=max_pdu)
        await _negotiate(assoc, rq)
        yield assoc
        if assoc.open:
            await assoc.release()


async def _connect(
    network: Network, tap: Tap, host: str, port: int, timeout: float, tls: ssl.SSLContext | None
) -> Stream | Silence | Unreachable:
    failed: Ended
    try:
        async with asyncio.timeout(timeout):
            return await network.connect(host, port, tls=tls)
    except TimeoutError:
        failed = Silence(timeout)
        text = f"no connection within {timeout:g} s"
    except OSError as error:  # ssl.SSLError is one
        secured = tls is not None and (isinstance(error, ssl.SSLError) or not isinstance(error, ConnectionRefusedError))
        text = f"TLS: {words(error)}" if secured else error.strerror or str(error)
        failed = Unreachable(text)
    tap.event("conn.refused", protocol="dimse", side="requestor", peer=f"{host}:{port}", error=text)
    return failed


async def _negotiate(assoc: Association, rq: bytes) -> None:
    await assoc.send([rq])
    answer = await assoc.negotiation_pdu(assoc.timeouts.associate)
    if answer is None:
        return
    if answer.type != pdu.ASSOCIATE_AC:
        await assoc.give_up(Fault(f"{answer.name} came where an A-ASSOCIATE-AC was expected"))
        return
    assoc.establish(items.decode_rq(rq[6:]), items.decode_ac(answer.body))


class _Nowhere:
    """The stream of a connection that was never opened: nothing reads or writes it."""

    local = peer = ("", 0)

    async def receive(self, max_bytes: int = 65536) -> bytes:  # noqa: ARG002 - the protocol's signature
        return b""

    async def send(self, data: bytes) -> None:
        raise ConnectionError(f"no connection for {len(data)} bytes")

    async def send_eof(self) -> None:
        return

    def close(self, *, reset: bool = False) -> None:
        """Nothing to close."""
