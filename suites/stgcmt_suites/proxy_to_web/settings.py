"""How the reference proxy to DICOMweb is set up: its two faces, and the one fault that may be switched on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from stgcmt.suite import Setting
from stgcmt.switches import NONE, Switches
from stgcmt_suites.scp.settings import Settings as FrontSettings
from stgcmt_suites.user_agent.settings import MODES
from stgcmt_suites.user_agent.settings import Settings as WebSettings

# Faults that act in the SCP in front, under the names that they have there.
FRONT_FAULTS = {
    "never-reports": "no-report",
    "type-1-with-failures": "type-1-with-failed-sequence",
    "type-2-when-all-committed": "type-2-when-all-committed",
    "other-transaction-uid-in-front": "wrong-transaction-uid",
}


@dataclass(frozen=True)
class Settings:
    """One configuration.

    ``front``: the SCP in front. ``web``: how module and headers are written behind. ``back_url``: the base URL of the origin server
    behind. ``poll_s``: seconds between Result Checks where no Retry-After was given; ``max_checks``, ``max_retries``: how often
    results are asked for, and how often again after 503 or a broken connection. ``own_uids``: Transaction UIDs behind are our own.
    ``gives_up_after_s``: seconds after which a transaction ends that has no result behind (0: after ``max_checks`` Result Checks).
    ``parts``: in how many Requests behind a request is asked for.
    """

    front: FrontSettings
    web: WebSettings
    back_url: str = ""
    poll_s: float = 0.25
    backoff_s: float = 0.2
    max_checks: int = 40
    max_retries: int = 3
    timeout_s: float = 8.0
    own_uids: bool = False
    gives_up_after_s: float = 0.0
    parts: int = 1
    faults: Switches = NONE

    @classmethod
    def of(cls, setting: Setting) -> Settings:
        """From what the harness or the command line says."""
        given = {"ae_title": "STGCMT_PROXY", **setting.options}
        faults = setting.switches
        front = FrontSettings.of(
            dataclasses.replace(setting, options={**given, "delay": 0.0}), faults.renamed(FRONT_FAULTS)
        )
        names = {each.name for each in dataclasses.fields(cls)} - {"front", "web", "faults"}
        mine = {name: value for name, value in given.items() if name in names}
        mine.setdefault("back_url", setting.back_url)
        forms: dict[str, Any] = {name: given[name] for name in ("form", "chunked") if name in given}
        forms |= {name: value for name, value in MODES.get(setting.mode or "", {}).items() if name == "form"}
        return cls(front=front, web=WebSettings(**forms), faults=faults, **mine)

    def faulty(self, *names: str) -> bool:
        """Whether one of these faults is switched on."""
        return self.faults.any_of(names)
