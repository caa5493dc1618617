"""From a SUT section to addresses, and to the arguments of our DIMSE actors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stgcmt.sut import Timing
from stgcmt.tls import client_context


def dimse_endpoint(section: Mapping[str, Any], calling: str | None) -> dict[str, Any]:
    """Host, port, AE titles and TLS of a DIMSE section, as arguments of ``associate``."""
    return {
        "tls": dimse_tls(section),
        "host": section["host"],
        "port": int(section["port"]),
        "called_ae": section.get("ae_title", "ANY-SCP"),
        "calling_ae": calling or section.get("calling_ae_title", "STGCMT"),
    }


def dimse_timeouts(timing: Timing) -> Any:
    """The requestor's deadlines from ``[timing]``."""
    from stgcmt.actors.outcome import Timeouts  # noqa: PLC0415 - start-up

    return Timeouts(
        connect=timing.connect, associate=timing.associate, response=timing.response, release=timing.release
    )


def dimse_tls(section: Mapping[str, Any]) -> Any:
    """The context for DICOM TLS where the section has a ``tls`` table; else ``None``."""
    return None if section.get("tls") is None else client_context(section["tls"])


def dimse_address(section: Mapping[str, Any]) -> tuple[str, int]:
    """Where a DIMSE section's SUT listens."""
    return str(section["host"]), int(section["port"])


def web_address(section: Mapping[str, Any]) -> tuple[str, int]:
    """Where a web section's SUT listens, from its base URL."""
    parts = urlsplit(str(section["base_url"]))
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
