"""The reference proxy from DIMSE to DICOMweb (PS3.18 B.30): the reference SCP in front of a user agent.

It is conformant but for the fault switched on. Its transactions lie on disk, so that a restart loses none.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from stgcmt.actors.acceptor import Acceptor
from stgcmt.actors.acceptor import Handler as Service
from stgcmt.suite import Setting
from stgcmt.wire import command as cmd
from stgcmt_suites.commitment.ports import listen_again
from stgcmt_suites.commitment.store import Store
from stgcmt_suites.proxy_to_web.back import BackEnd
from stgcmt_suites.proxy_to_web.front import NoArchive, ProxyCourier, ProxyRequests
from stgcmt_suites.proxy_to_web.settings import Settings
from stgcmt_suites.scp.answering import Script
from stgcmt_suites.scp.delivery import Unrecorded
from stgcmt_suites.scp.reference import OTHER_OPERATIONS, PORT


@contextlib.asynccontextmanager
async def reference(setting: Setting) -> AsyncIterator[Mapping[str, Any]]:
    """Run until left; yields its section of the SUT file.

    A second life in the same directory goes on where the first one ended, on the same port. Raises ``OSError`` where the port or
    the directory cannot be used, and at the end ``ExceptionGroup`` where the proxy itself failed.
    """
    settings = Settings.of(setting)
    front = settings.front
    store = Store(setting.directory, setting.clock)
    known = {destination.ae_title: destination for destination in setting.destinations}
    archive = NoArchive(front, store)
    back = BackEnd(setting, settings, store)
    courier = ProxyCourier(setting, front, store, archive, known.get, proxy=settings, back=back)
    requests = ProxyRequests(front, store, archive, courier, known.__contains__)
    requests.proxy = settings
    handlers: dict[int, Service] = {
        cmd.C_ECHO_RQ: archive.c_echo,
        cmd.C_STORE_RQ: archive.c_store,
        cmd.C_GET_RQ: archive.c_get,
        cmd.N_ACTION_RQ: requests,
        **dict.fromkeys(OTHER_OPERATIONS, requests.refuse_operation),
    }
    script = Script("proxy", max_pdu=front.choices.max_pdu, settings=front, knows=known.__contains__)
    acceptor = Acceptor(setting.clock, Unrecorded, script, handlers=handlers)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        stack.push_async_callback(back.aclose)
        stack.push_async_callback(courier.aclose)
        listener = await listen_again(
            setting.directory / PORT, front.port, lambda port: setting.network.listen(front.host, port, acceptor)
        )
        stack.push_async_callback(listener.aclose)
        courier.resume()
        yield {
            "host": front.host,
            "port": listener.address[1],
            "ae_title": front.ae_title,
            "denied_ae_title": front.denied_ae_title,
        }
    if failures := [each for each in (*acceptor.failures, *courier.failures) if isinstance(each, Exception)]:
        raise ExceptionGroup("the reference proxy failed", failures)
