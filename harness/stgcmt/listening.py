"""Where a run listens: destinations of reports over DIMSE, base URLs over HTTP; opened together or not at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stgcmt.askdesk import AskDesk, WebPlace
from stgcmt.clock import Clock
from stgcmt.desk import Desk, Place, Serve, listener_of
from stgcmt.errors import UsageError
from stgcmt.plan import Plan
from stgcmt.sut_docker import GATEWAY
from stgcmt.tls import server_context

BUILTIN_DESTINATIONS = 32  # one for every leased scenario: on the embedded default nobody queues


def places_of(plan: Plan, ours: Callable[[str], str] = str) -> list[Place]:
    """The destinations of the SUT file; for the embedded references those that we choose ourselves.

    ``ours``: the address to listen on for a host of the SUT file.
    """
    from stgcmt.sut import Destination  # noqa: PLC0415 - start-up

    if plan.sut.driver.kind == "builtin" and not plan.sut.destinations:
        return [place_of(Destination(f"STGCMT{n}")) for n in range(1, BUILTIN_DESTINATIONS + 1)]
    return [place_of(dataclasses.replace(each, host=ours(each.host))) for each in plan.sut.destinations]


def place_of(destination: Any) -> Place:
    """A destination as a place of the desk; raises ``OSError`` for unusable TLS files."""
    table = dataclasses.asdict(destination.tls) if destination.tls is not None else None
    return listening_at(destination.ae_title, destination.host, destination.port, table)


def listening_at(ae_title: str, host: str, port: int, tls: Mapping[str, Any] | None) -> Place:
    """A place from its parts; ``tls`` names the files (raises ``OSError`` where they cannot be used)."""
    if not tls:
        return Place(ae_title, host, port)
    files = {name: str(Path(file).absolute()) for name, file in tls.items() if file}
    return Place(ae_title, host, port, server_context(files), files)


def web_places_of(plan: Plan, ours: Callable[[str], str] = str) -> list[WebPlace]:
    """Where the requests of SUTs arrive that ask over HTTP; raises ``OSError`` for unusable TLS files."""
    found = []
    for role in plan.roles:
        suite = plan.suites[role]
        if "http" not in suite.serves:
            continue
        section = plan.sut.section(role)
        here = "127.0.0.1" if plan.sut.driver.docker is None else GATEWAY
        host, port = ours(str(section.get("listen_host", here))), int(section.get("listen_port", 0))
        path = str(section.get("listen_path", "/dicom-web")).rstrip("/")
        tls = server_context(section["tls"]) if section.get("tls") else None
        found.append(WebPlace(role, host, port, path, suite.resolve("unowned"), tls))
    return found


def serving(clock: Clock, *, stores: bool = False) -> Serve:
    """How a connection to a destination is served: by the listener that its place names.

    ``stores``: a SUT that asks may bring its instances there, too.
    """

    async def serve(**arguments: Any) -> None:
        from stgcmt.actors.acceptor import LISTENERS, serve_association  # noqa: PLC0415 - start-up
        from stgcmt.actors.listeners import storing  # noqa: PLC0415 - start-up

        script = listener_of(LISTENERS, arguments.pop("script"))
        script = (storing(script) if stores else script).for_association(arguments.pop("number"))
        await serve_association(clock=clock, script=script, **arguments)

    return serve


async def open_all(desk: Desk, asks: AskDesk | None = None) -> None:
    """Listen everywhere; raises ``UsageError`` with the address that is taken, and then nothing is left open."""
    every: list[Any] = [*desk.places, *(asks.places if asks else ())]
    close: list[Callable[[], Any]] = [*([asks.aclose] if asks else []), desk.aclose]
    try:
        await desk.open()
        if asks:
            await asks.open()
    except OSError as error:
        taken = ", ".join(f"{place.host}:{place.port}" for place in every if place.listener is None)
        for each in close:
            await each()
        raise UsageError(
            "opening destinations", "free ports where reports can arrive", f"{taken}: {error.strerror or error}",
            "end what listens there, or change [[destinations]] (port 0 lets the system choose)",
        ) from error  # fmt: skip
