"""Can the SUT be talked to at all: connected, past TLS, in a protocol that we speak? Asked once a role, before the play.

What is told here goes beside every row of the role; a SUT that answers anything at all in its protocol is reachable,
and judged by what it says.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any

from stgcmt.clock import Clock
from stgcmt.drivers.provoke import NoTap
from stgcmt.sut import Timing
from stgcmt.tls import client_context, words
from stgcmt.wire.stream import Network, Stream

ALERT_S = 0.3  # an alert follows the handshake at once; a peer that has nothing to say is not waited for


async def obstacle(
    section: Mapping[str, Any],
    host: str,
    port: int,
    *,
    network: Network,
    clock: Clock,
    timing: Timing,
    deep: bool = True,
) -> str:
    """Why the SUT cannot be talked to; empty where it can. ``deep``: beyond TCP, one exchange is tried."""
    try:
        async with asyncio.timeout(timing.connect):
            (await network.connect(host, port)).close()
    except TimeoutError:
        return f"no answer within {timing.connect:g} s"
    except OSError as error:
        return system_words(error)
    if deep and "base_url" in section:
        return await _web(section, network, clock, timing)
    if deep and section.get("tls") is not None and "host" in section:
        return await _dimse(host, port, client_context(section["tls"]), network, timing)
    return ""


def system_words(error: OSError) -> str:
    """The system's own words: those of asyncio name a call, not a cause."""
    if isinstance(error, (socket.gaierror, ssl.SSLError)) or not error.errno or error.errno < 0:
        return error.strerror or str(error) or type(error).__name__
    return os.strerror(error.errno)


async def _web(section: Mapping[str, Any], network: Network, clock: Clock, timing: Timing) -> str:
    from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up
    from stgcmt.actors.http_values import NoAnswer, Timeouts  # noqa: PLC0415 - start-up

    brief = Timeouts(connect=timing.connect, request=timing.connect)
    client = client_for(
        section, network=network, clock=clock, connection=NoTap, timing=timing, timeouts=brief, connects=1
    )
    try:
        answer = await client.request("OPTIONS", str(section["base_url"]))
    finally:
        await client.aclose()
    if not isinstance(answer, NoAnswer):
        return ""
    if answer.kind == "tls":
        return f"TLS: {answer.detail}"
    if answer.kind == "protocol" and answer.detail.startswith("it speaks"):
        return f"no HTTP/1.1: {answer.detail}"
    return ""  # slow, silent or strange: the scenarios will see


async def _dimse(host: str, port: int, context: ssl.SSLContext, network: Network, timing: Timing) -> str:
    try:
        async with asyncio.timeout(timing.connect):
            stream = await network.connect(host, port, tls=context)
    except TimeoutError:
        return f"TLS: no session within {timing.connect:g} s: does this port speak TLS?"
    except OSError as error:
        return f"TLS: {words(error)}"
    told = await alert(stream)
    stream.close()
    return f"TLS: {words(told)}" if told is not None else ""


async def alert(secured: Stream) -> OSError | None:
    """What a peer says at once after the handshake: with TLS 1.3 a certificate of ours is refused only then."""
    try:
        async with asyncio.timeout(ALERT_S):
            await secured.receive()
    except TimeoutError:
        return None
    except OSError as error:
        return error
    return None
