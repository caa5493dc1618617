"""From a SUT section to the arguments of our actors."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stgcmt.clock import Clock
from stgcmt.sut import Timing
from stgcmt.transcript import Tap
from stgcmt.wire.stream import Network


def http_client(
    section: Mapping[str, Any], *, network: Network, clock: Clock, connection: Callable[[], Tap], timing: Timing, **options: Any
) -> Any:
    """An ``HttpClient`` for a web section: base URL, own CA, token, extra headers; ``options`` win."""
    from stgcmt.actors.http_client import HttpClient  # noqa: PLC0415 - start-up
    from stgcmt.actors.http_values import Timeouts, tls_context  # noqa: PLC0415 - start-up

    arguments: dict[str, Any] = {
        "base_url": section["base_url"],
        "headers": _headers(section),
        "timeouts": Timeouts(connect_s=timing.connect, request_s=timing.http_response),
    }
    if str(section["base_url"]).startswith("https"):
        tls = section.get("tls", {})
        arguments["tls"] = tls_context(Path(tls["ca_file"]) if "ca_file" in tls else None, verify=tls.get("verify", True))
    return HttpClient(network, clock, connection=connection, **(arguments | options))


def _headers(section: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = [(str(name), str(value)) for name, value in section.get("headers", {}).items()]
    if token := section.get("token"):
        headers.append(("Authorization", f"Bearer {token}"))
    if basic := section.get("basic"):
        headers.append(("Authorization", "Basic " + base64.b64encode(basic.encode()).decode()))
    return headers


def dimse_endpoint(section: Mapping[str, Any], calling: str | None) -> dict[str, Any]:
    """Host, port and AE titles of a DIMSE section, as arguments of ``associate``."""
    return {
        "host": section["host"],
        "port": int(section["port"]),
        "called_ae": section.get("ae_title", "ANY-SCP"),
        "calling_ae": calling or section.get("calling_ae_title", "STGCMT"),
    }


def dimse_timeouts(timing: Timing) -> Any:
    """The requestor's deadlines from ``[timing]``."""
    from stgcmt.actors.outcome import Timeouts  # noqa: PLC0415 - start-up

    return Timeouts(connect=timing.connect, associate=timing.associate, response=timing.response, release=timing.release)
