"""How the reference user agent is set up: one frozen value, made from a mode, a fault and options."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt.switches import NONE, Switches

JSON = "application/dicom+json"
XML = "application/dicom+xml"
FORMS = ("json", "xml", "multipart-json", "multipart-xml")


@dataclass(frozen=True)
class Settings:
    """One configuration.

    ``form``: the representation of Requests; ``hierarchical``: with study and series. ``poll_s``: seconds between Result
    Checks where no Retry-After was given, ``backoff_s`` those before a second attempt, doubled each time. ``max_checks`` and
    ``max_retries`` bound both. ``stores``: whether instances are sent before they are asked for. ``asks_anew``: a lost
    transaction is begun again under a fresh Transaction UID. ``checks_again``: a result is read a second time.
    ``keeps_alive``: connections are used again. ``chunked``: payloads are sent in chunks. ``begins_after_s``: seconds
    between the word of the user and the Request. ``timeout_s``: seconds without a byte after which an answer is given up.
    """

    form: str = "json"
    hierarchical: bool = False
    poll_s: float = 0.25
    backoff_s: float = 0.2
    max_checks: int = 20
    max_retries: int = 4
    stores: bool = True
    asks_anew: bool = False
    checks_again: bool = False
    keeps_alive: bool = False
    chunked: bool = False
    begins_after_s: float = 0.0
    accept: str = f"{JSON}, {XML};q=0.5"
    timeout_s: float = 5.0
    host: str = "127.0.0.1"
    port: int = 0
    faults: Collection[str] = NONE

    def faulty(self, *names: str) -> bool:
        """Whether one of these faults is switched on."""
        return any(name in self.faults for name in names)


MODES: Mapping[str, Mapping[str, Any]] = {
    "xml": {"form": "xml", "hierarchical": True},
    "multipart": {"form": "multipart-json"},
}


def settings(mode: str | None, faults: Switches, options: Mapping[str, Any]) -> Settings:
    """The settings of a mode with options over them; raises ``ValueError`` for an unknown mode."""
    if mode is not None and mode not in MODES:
        raise ValueError(f"no mode is called {mode!r}; there are {', '.join(MODES)}")
    names = {each.name for each in dataclasses.fields(Settings)}
    chosen = {key: value for key, value in options.items() if key in names}
    return Settings(**{**chosen, **MODES.get(mode or "", {}), "faults": faults})
