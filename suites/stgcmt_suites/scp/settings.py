"""How the reference SCP behaves: what the command line may change, and the one fault that may be switched on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt.suite import Setting

# Half a second, then twice as long each time up to four: a listener that is away for seconds is found again soon,
# one that is away for good costs ten attempts; what is left then is kept, and tried again after a restart.
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)
# Faults of the store (``commitment.decisions``) under the names that they have here.
STORE_FAULTS = {
    "commits-missing": "commits-missing",
    "class-conflict-committed": "commits-wrong-class",
    "commits-link-only": "commits-links",
    "forgets-instance": "forgets-one-instance",
    "extra-instance": "extra-instance",
    "instance-in-both-lists": "instance-in-both-lists",
    "instance-twice": "instance-twice",
    "reason-0111": "reason-out-of-set",
    "stored-class-in-report": "stored-class-in-result",
    "other-class-in-report": "other-class-in-result",
}


@dataclass(frozen=True)
class Settings:
    """What the reference was brought up with.

    ``delay_s`` lies between request and report; ``same_first`` tries the association of the request before a new one;
    ``pauses_s`` are the pauses between attempts to deliver; ``response_s`` is how long a report waits for its response.
    """

    host: str = "127.0.0.1"
    port: int = 0
    ae_title: str = "STGCMT_SCP"
    delay_s: float = 0.3
    same_first: bool = False
    pauses_s: tuple[float, ...] = PAUSES_S
    response_s: float = 10.0
    fault: str | None = None

    @classmethod
    def of(cls, setting: Setting) -> Settings:
        """From what the harness or the command line says; a variant is ``immediate`` or ``same-association``."""
        options: Mapping[str, Any] = setting.options
        delay = float(options.get("delay", cls.delay_s))
        same_first = setting.variant == "same-association"
        same_first |= setting.fault in {"report-only-on-same-association", "lost-with-the-association"}
        return cls(
            host=str(options.get("host", cls.host)),
            port=int(options.get("port", cls.port)),
            ae_title=str(options.get("ae_title", cls.ae_title)),
            delay_s=0.0 if setting.variant == "immediate" else delay,
            same_first=same_first,
            pauses_s=() if setting.fault == "no-retry" else PAUSES_S,
            fault=setting.fault,
        )

    def faulty(self, *names: str) -> bool:
        """Whether one of these faults is switched on."""
        return self.fault in names

    @property
    def store_faults(self) -> frozenset[str]:
        """The faults that act in the store."""
        name = STORE_FAULTS.get(self.fault or "")
        return frozenset() if name is None else frozenset({name})
