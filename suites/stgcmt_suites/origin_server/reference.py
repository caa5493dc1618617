"""The reference origin server: PS3.18 section 13 on one small store, conformant but for the fault switched on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from stgcmt.suite import Setting
from stgcmt.tls import server_context
from stgcmt_suites.commitment.store import Store
from stgcmt_suites.origin_server.application import Application
from stgcmt_suites.origin_server.archive import MARKS, Archive, preload
from stgcmt_suites.origin_server.commitments import Commitments
from stgcmt_suites.origin_server.manners import Mannered
from stgcmt_suites.origin_server.server import serve
from stgcmt_suites.origin_server.settings import Settings, settings


@asynccontextmanager
async def reference(setting: Setting) -> AsyncIterator[Mapping[str, Any]]:
    """Serve until left; yields the SUT section that describes the server.

    A second server on the same directory goes on where the first one ended. Raises ``OSError`` where the port cannot
    be opened or the directory not be written, ``ValueError`` for an unknown mode.
    """
    chosen = settings(setting.mode, setting.switches, setting.options)
    async with running(setting, chosen) as (section, _):
        yield section


@asynccontextmanager
async def running(setting: Setting, chosen: Settings) -> AsyncIterator[tuple[Mapping[str, Any], Application]]:
    """The same with settings of one's own; yields the application, too, for tests that look inside."""
    store = Store(setting.directory, setting.clock, faults=chosen.switches, unsupported=chosen.unsupported)
    if "preloaded-only" in chosen.manners:
        preload(store)
    commitments = Commitments(store, setting.clock, chosen)
    application = Application(commitments, Archive(store, commitments, chosen.prefix), chosen)
    busy = {"busy_at": chosen.busy_at, "limits_every": chosen.limits_every}
    try:
        listener = await serve(
            Mannered(application.asgi, chosen.manners, chosen.latency, **busy), setting.network, setting.clock,
            host=chosen.host, port=chosen.port, faults=chosen.switches,
            tls=server_context(files) if (files := _tls(chosen)) else None,
        )  # fmt: skip
        try:
            commitments.start()
            yield _section(chosen, store, *listener.address), application
        finally:
            await listener.aclose()
            await commitments.aclose()
    finally:
        store.close()


def _tls(chosen: Settings) -> dict[str, str]:
    files = {"cert_file": chosen.tls_cert, "key_file": chosen.tls_key, "ca_file": chosen.tls_ca}
    return {name: file for name, file in files.items() if file} if chosen.tls_cert else {}


def _section(chosen: Settings, store: Store, host: str, port: int) -> dict[str, Any]:
    base = f"{'https' if chosen.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{port}{chosen.prefix}"
    vendor = f"{base}/vendor"
    commands = ("delete", "lose", "corrupt", "release", *MARKS)
    provoke: dict[str, Any] = {
        name: {"url": f"{vendor}/{name}?sop_instance_uid={{sop_instance_uid}}", "method": "POST"} for name in commands
    }
    provoke["expire"] = {"url": f"{vendor}/expire?transaction_uid={{transaction_uid}}", "method": "POST"}
    section: dict[str, Any] = {
        "base_url": base,
        "result_retention_s": max(0.0, chosen.retention),
        "seeding": {"how": "stow"},
        "retrieval": {"how": "wado-rs"},
        "provoke": provoke,
    }
    if chosen.large_request:
        section["large_request"] = chosen.large_request
    if chosen.token:
        section["token"] = chosen.token
    elif chosen.basic:
        section["basic"] = chosen.basic
    return section | _hidden(chosen, store, provoke)


def _hidden(chosen: Settings, store: Store, provoke: Mapping[str, Any]) -> dict[str, Any]:
    """What a vendor says otherwise: nothing can be stored, nothing read back, no commands."""
    section: dict[str, Any] = {}
    if "preloaded-only" in chosen.manners:
        section["seeding"] = {"how": "preloaded", "instances": store.instances()}
    if "nothing-seeded" in chosen.manners:
        section |= {"seeding": {"how": "none"}, "retrieval": {"how": "none"}}
    if "keeps-nothing-pending" in chosen.manners:
        commands = {name: each for name, each in provoke.items() if name not in ("keep-pending", "release")}
        section["provoke"] = commands
    if "no-help" in chosen.manners:
        section["provoke"] = {}
    return section
