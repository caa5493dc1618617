"""The reference SCP: Verification, Storage, C-GET and the Storage Commitment Push Model over one store on disk.

It stands on the upper layer of the harness; data sets are read and written with pydicom, so that judge and judged do
not share a reader. Who may ask for commitment is the list of destinations: a report can go nowhere else.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from stgcmt.actors.acceptor import Acceptor
from stgcmt.actors.acceptor import Handler as Service
from stgcmt.suite import Setting
from stgcmt.tls import server_context
from stgcmt.wire import command as cmd
from stgcmt.wire.stream import Stream, over_tls
from stgcmt_suites.commitment.ports import listen_again
from stgcmt_suites.commitment.store import Store
from stgcmt_suites.scp.action import Requests
from stgcmt_suites.scp.answering import Script
from stgcmt_suites.scp.archive import Archive
from stgcmt_suites.scp.delivery import Courier, Unrecorded
from stgcmt_suites.scp.early import EarlySuccess
from stgcmt_suites.scp.help import Help
from stgcmt_suites.scp.settings import Settings

PORT = "port"  # a file: after a restart the SCP is found where it was
OTHER_OPERATIONS = (
    cmd.C_FIND_RQ, cmd.C_MOVE_RQ, cmd.N_EVENT_REPORT_RQ, cmd.N_GET_RQ, cmd.N_SET_RQ, cmd.N_CREATE_RQ, cmd.N_DELETE_RQ,
)  # fmt: skip


@contextlib.asynccontextmanager
async def reference(setting: Setting) -> AsyncIterator[Mapping[str, Any]]:
    """Bring the reference SCP up; yields its section of the SUT file.

    A second life in the same directory goes on where the first one ended, on the same port. Raises ``OSError`` where
    the port or the directory cannot be used, and at the end ``ExceptionGroup`` where the reference itself failed.
    """
    settings = Settings.of(setting)
    store = Store(setting.directory, setting.clock, faults=settings.store_faults)
    known = {destination.ae_title: destination for destination in setting.destinations}
    archive = Archive(settings, store)
    courier = Courier(setting, settings, store, archive, known.get)
    requests = Requests(settings, store, archive, courier, known.__contains__)
    handlers: dict[int, Service] = {
        cmd.C_ECHO_RQ: archive.c_echo,
        cmd.C_STORE_RQ: archive.c_store,
        cmd.C_GET_RQ: archive.c_get,
        cmd.N_ACTION_RQ: requests,
        **dict.fromkeys(OTHER_OPERATIONS, requests.refuse_operation),
    }
    here: set[Stream] = set()
    limit = settings.choices.associations

    def full() -> bool:
        return 0 < limit < len(here)

    acceptor = Acceptor(
        setting.clock,
        Unrecorded,
        Script("reference", max_pdu=settings.choices.max_pdu, settings=settings, knows=known.__contains__, full=full),
        handlers=handlers,
    )

    async def serve(stream: Stream) -> None:
        here.add(stream)
        try:
            await acceptor(EarlySuccess(stream) if settings.faulty("early-success") else stream)
        finally:
            here.discard(stream)

    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        if settings.faulty("loses-instances-on-restart"):
            for held in store.instances():
                store.delete(held.sop_instance_uid)
        stack.push_async_callback(courier.aclose)
        secured = over_tls(serve, server_context(settings.tls)) if settings.tls else serve
        listener = await listen_again(
            setting.directory / PORT, settings.port, lambda port: setting.network.listen(settings.host, port, secured)
        )
        stack.push_async_callback(listener.aclose)
        helper = await Help(store).listen(setting.network, settings.host, settings.provoke_port)
        stack.push_async_callback(helper.aclose)
        courier.resume()
        yield {
            "host": settings.host,
            "port": listener.address[1],
            "ae_title": settings.ae_title,
            "denied_ae_title": settings.denied_ae_title,
            "seeding": {"how": settings.seeding},
            "retrieval": {"how": "c-get"},
            "provoke": Help.urls(settings.host, helper.address[1]),
        }
    if failures := [each for each in (*acceptor.failures, *courier.failures) if isinstance(each, Exception)]:
        raise ExceptionGroup("the reference SCP failed", failures)
