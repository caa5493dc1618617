"""How the reference proxy to DIMSE is set up: its two faces, and the one fault that may be switched on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stgcmt.suite import Setting
from stgcmt.switches import NONE, Switches
from stgcmt_suites.origin_server.settings import Settings as FrontSettings
from stgcmt_suites.origin_server.settings import settings as front_settings

AE_TITLE = "STGCMT_PROXY"
HOLD_S = 5.0  # how long the mode "synchronous" holds a Request open


@dataclass(frozen=True)
class Settings:
    """One configuration.

    ``front``: the origin server in front. ``host``, ``port``, ``ae_title``: where reports come to, and what we call ourselves.
    ``back_host``, ``back_port``, ``back_ae``: the SCP behind. ``linger_s``: how long the association of a request is held open for
    its report. ``attempts`` to reach the SCP, ``pause_s`` apart; ``response_s`` bounds the wait for a response. ``hold_s``: how
    long a Request in front is held open for its result. ``own_uids``: Transaction UIDs behind are our own.
    ``gives_up_after_s``: seconds after which a transaction ends whose report never came (0: never).
    ``parts``: in how many requests behind a Request is asked for.
    """

    front: FrontSettings
    host: str = "127.0.0.1"
    port: int = 0
    ae_title: str = AE_TITLE
    back_host: str = "127.0.0.1"
    back_port: int = 0
    back_ae: str = "ANY-SCP"
    linger_s: float = 1.0
    attempts: int = 2
    pause_s: float = 0.3
    response_s: float = 5.0
    hold_s: float = 0.0
    gives_up_after_s: float = 0.0
    parts: int = 1
    own_uids: bool = False
    implicit_first: bool = False
    faults: Switches = NONE
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, setting: Setting) -> Settings:
        """From what the harness or the command line says; the first destination is the SCP behind, unless one is named."""
        given = dict(setting.options)
        behind = setting.destinations[0] if setting.destinations else None
        if behind is not None:
            given = {"back_host": behind.host, "back_port": behind.port, "back_ae": behind.ae_title} | given
        names = {each.name for each in dataclasses.fields(cls)} - {"front", "faults", "extra"}
        # --host and --port of the command line are those of the front; the listener's port is --dimse-port.
        mine = {name: value for name, value in given.items() if name in names - {"host", "port"}}
        if "dimse_port" in given:
            mine["port"] = int(given["dimse_port"])
        if setting.mode == "synchronous":
            mine.setdefault("hold_s", HOLD_S)
        front = front_settings(setting.mode, NONE, given)
        return cls(front=front, host=front.host, faults=setting.switches, **mine)

    def faulty(self, *names: str) -> bool:
        """Whether one of these faults is switched on."""
        return self.faults.any_of(names)
