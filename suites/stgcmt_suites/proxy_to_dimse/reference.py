"""The reference proxy from DICOMweb to DIMSE (PS3.18 B.30): the reference origin server in front of an SCU.

It is conformant but for the fault switched on. Its transactions lie on disk, so that a restart loses none.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from stgcmt.suite import Setting
from stgcmt.wire.stream import Listener
from stgcmt_suites.commitment.ports import listen_again
from stgcmt_suites.commitment.store import Store
from stgcmt_suites.origin_server.application import Application
from stgcmt_suites.origin_server.manners import Mannered
from stgcmt_suites.origin_server.server import serve
from stgcmt_suites.proxy_to_dimse.back import BackEnd
from stgcmt_suites.proxy_to_dimse.front import NoArchive, ProxyCommitments
from stgcmt_suites.proxy_to_dimse.settings import Settings


@asynccontextmanager
async def reference(setting: Setting) -> AsyncIterator[Mapping[str, Any]]:
    """Run until left; yields its section of the SUT file: both faces.

    A second life on the same directory goes on where the first one ended. Raises ``OSError`` where a port cannot be opened
    or the directory not be written, and at the end ``ExceptionGroup`` where the proxy itself failed.
    """
    settings = Settings.of(setting)
    front = settings.front
    store = Store(setting.directory, setting.clock)
    back = BackEnd(setting, settings, store)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        commitments = ProxyCommitments(store, setting.clock, settings, back)
        application = Application(commitments, NoArchive(store, commitments, front.prefix), front)
        stack.push_async_callback(back.aclose)
        reports = await listen_again(setting.directory / "dimse-port", settings.port, back.listen)
        stack.push_async_callback(reports.aclose)

        async def open_web(port: int) -> Listener:
            return await serve(
                Mannered(application.asgi, front.manners, front.latency), setting.network, setting.clock,
                host=front.host, port=port, faults=front.switches, tls=None,
            )  # fmt: skip

        web = await listen_again(setting.directory / "web-port", front.port, open_web)
        stack.push_async_callback(commitments.aclose)
        stack.push_async_callback(web.aclose)
        commitments.start()
        host, port = web.address
        section: dict[str, Any] = {"token": front.token} if front.token else {}
        yield section | {
            "base_url": f"http://{f'[{host}]' if ':' in host else host}:{port}{front.prefix}",
            "host": settings.host,
            "port": reports.address[1],
            "ae_title": settings.ae_title,
            "result_retention_s": max(0.0, front.retention),
        }
    if failures := [each for each in back.failures if isinstance(each, Exception)]:
        raise ExceptionGroup("the reference proxy failed", failures)
