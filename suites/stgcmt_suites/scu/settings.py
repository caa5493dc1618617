"""How the reference SCU is set up: one frozen value, made from a mode, a fault and options."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt.switches import NONE, Switches
from stgcmt.wire.uids import EXPLICIT_LE, IMPLICIT_LE


@dataclass(frozen=True)
class Settings:
    """One configuration.

    ``stores``: instances are sent before they are asked for; ``one_association``: on the association of the request. ``hold_s``:
    seconds for which that association is held open for the report. ``role``: the SCU and SCP role that is proposed there.
    ``proposes`` and ``accepts``: transfer syntaxes on associations of ours and of the archive. ``default_roles``: an
    association that is opened to us in default roles is accepted. ``asks_anew``: what was refused or failed is asked for
    again. ``unknown_status``: what a report under an unknown Transaction UID is answered. ``bare``: responses go without
    optional fields. ``sends_information``: they carry the event information back. ``file_set``: where File-Set attributes
    stand. ``begins_after_s``: seconds between the word of the user and the request. ``strict_ae``: associations that call
    another AE title are rejected. ``pause_in_request_s``: seconds between the command set of a request and its data set.
    """

    ae_title: str = "MODALITY"
    host: str = "127.0.0.1"
    port: int = 0
    stores: bool = True
    one_association: bool = False
    hold_s: float = 0.3
    role: tuple[int, int] | None = None
    proposes: tuple[str, ...] = (IMPLICIT_LE, EXPLICIT_LE)
    accepts: tuple[str, ...] = (IMPLICIT_LE, EXPLICIT_LE)
    default_roles: bool = False
    asks_anew: bool = False
    unknown_status: int = 0x0115
    bare: bool = False
    sends_information: bool = False
    file_set: str = ""
    begins_after_s: float = 0.0
    strict_ae: bool = False
    pause_in_request_s: float = 0.0
    max_pdu: int = 16384
    response_s: float = 1.5
    faults: Collection[str] = NONE

    def faulty(self, *names: str) -> bool:
        """Whether one of these faults is switched on."""
        return any(name in self.faults for name in names)


MODES: Mapping[str, Mapping[str, Any]] = {"roles": {"role": (1, 1)}}


def settings(mode: str | None, faults: Switches, options: Mapping[str, Any]) -> Settings:
    """The settings of a mode with options over them; raises ``ValueError`` for an unknown mode."""
    if mode is not None and mode not in MODES:
        raise ValueError(f"no mode is called {mode!r}; there are {', '.join(MODES)}")
    names = {each.name for each in dataclasses.fields(Settings)}
    chosen = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items() if key in names}
    return Settings(**{**chosen, **MODES.get(mode or "", {}), "faults": faults})
