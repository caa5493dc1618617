"""How the reference origin server is set up: one frozen value, made from a mode and the options of the command line."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stgcmt.switches import NONE, Switches

ALWAYS = 1_000_000_000  # more instances than any request has


@dataclass(frozen=True)
class Settings:
    """One configuration.

    ``synchronous_up_to``: requests of at most so many instances are answered at once, larger ones after ``delay``
    seconds. ``retention``: seconds for which a result is kept after it was there. ``remembers``: whether an expired
    Transaction UID is remembered (410, else 404). ``retry_after``: whole seconds, ``None`` for no such header.
    ``token`` and ``basic`` (user:password): either one lets a caller in; neither: everybody may. ``tls_cert`` and
    ``tls_key``: https; with ``tls_ca`` callers must show a certificate.
    ``limit_bytes`` and ``limit_references`` bound a request (413).
    ``manners``: switches that stay within the standard (``variants``); ``latency``: seconds before each answer;
    ``large_request``: the number of references that the vendor names for a large request. ``busy_at``: the request to the
    service that is answered 503, counted from 1; ``limits_every``: every so many are answered 429. 0: none.
    """

    synchronous_up_to: int = 0
    delay: float = 0.8
    retention: float = 3600.0
    remembers: bool = True
    retry_after: int | None = 1
    prefix: str = "/dicom-web"
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    basic: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_ca: str | None = None
    unsupported: frozenset[str] = frozenset({"2.25.202410300834567.1"})
    limit_bytes: int = 64 << 20
    limit_references: int = 1_000_000
    manners: frozenset[str] = frozenset()
    latency: float = 0.0
    large_request: int | None = None
    busy_at: int = 0
    limits_every: int = 0
    faults: Switches = NONE

    @property
    def switches(self) -> Switches:
        """Faults and manners alike, by name: what is asked where the server could do otherwise."""
        return self.faults.with_manners(self.manners)


MODES: Mapping[str, Settings] = {
    "asynchronous": Settings(),
    "synchronous": Settings(synchronous_up_to=ALWAYS),
    "mixed": Settings(synchronous_up_to=1),
    "short-retention": Settings(delay=0.8, retention=2.0),  # the first Result Check, after 1 s, may be late by 1.8 s
    "secured": Settings(token="secret"),  # noqa: S106 - a placeholder: each start makes its own
}


def settings(mode: str | None, faults: Switches, options: Mapping[str, Any]) -> Settings:
    """The settings of a mode (default: asynchronous) with options put over it: fields of ``Settings``, by name.

    A negative ``retry_after`` means no such header. Raises ``ValueError`` for an unknown mode.
    """
    if mode is not None and mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; there are {', '.join(MODES)}")
    chosen = MODES[mode or "asynchronous"]
    if chosen.token and not {"token", "basic"} & options.keys():
        chosen = replace(chosen, token=secrets.token_urlsafe(24))
    if "basic" in options and "token" not in options:
        chosen = replace(chosen, token=None)
    known = {name: value for name, value in options.items() if name in Settings.__dataclass_fields__}
    if known.get("retry_after") is not None and known["retry_after"] < 0:
        known["retry_after"] = None
    known |= {name: frozenset(known[name]) for name in ("manners", "unsupported") if name in known}
    if "prefix" in known:
        known["prefix"] = "/" + str(known["prefix"]).strip("/") if str(known["prefix"]).strip("/") else ""
    return replace(chosen, **known, faults=faults)
