"""How the reference SCP behaves: what the command line may change, and the one fault that may be switched on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stgcmt.suite import Setting
from stgcmt.switches import NONE, Switches
from stgcmt_suites.scp.choices import Choices
from stgcmt_suites.scp.variants import options_of

# Half a second, then twice as long each time up to four: a listener that is away for seconds is found again soon,
# one that is away for good costs ten attempts; what is left then is kept, and tried again after a restart.
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0)
# Faults that lie in what is set up: where reports are tried first, and how long they take.
SAME_FIRST = ("report-only-on-same-association", "lost-with-the-association", "reports-where-it-does-not-say")
SLOWER, SLOW_S = "slower-than-it-says", 3.0
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
    **{
        name: name
        for name in ("compares-beginnings", "remembers-results", "commits-corrupt", "only-first-failure", "cut-at-256")
    },
}


@dataclass(frozen=True)
class Settings:
    """What the reference was brought up with.

    ``delay_s`` lies between request and report; ``same_first`` tries the association of the request before a new one;
    ``denied_ae_title`` is a caller that is known and may not ask; ``seeding`` is how a SUT file would say that instances
    get in. ``tls`` has ``cert_file``, ``key_file``, ``ca_file``: associations come in over TLS, and with ``ca_file`` callers
    must show a certificate, and reports go out over TLS. ``pauses_s`` are the pauses between attempts to deliver;
    ``response_s`` is how long a report waits for its response; ``provoke_port`` is where the vendor's help listens.
    """

    host: str = "127.0.0.1"
    port: int = 0
    provoke_port: int = 0
    ae_title: str = "STGCMT_SCP"
    denied_ae_title: str = "STGCMT_DENIED"
    delay_s: float = 0.3
    same_first: bool = False
    seeding: str = "c-store"
    pauses_s: tuple[float, ...] = PAUSES_S
    response_s: float = 10.0
    tls: Mapping[str, str] = field(default_factory=dict)
    faults: Switches = NONE
    choices: Choices = field(default_factory=Choices)

    @classmethod
    def of(cls, setting: Setting, faults: Switches | None = None) -> Settings:
        """From what the harness or the command line says; a variant is known by its name, or its options are all there.

        ``faults``: what is on, where it is not the fault of ``setting``.
        """
        options: Mapping[str, Any] = {**options_of(setting.variant), **setting.options}
        return cls(
            host=str(options.get("host", cls.host)),
            port=int(options.get("port", cls.port)),
            provoke_port=int(options.get("provoke_port", cls.provoke_port)),
            ae_title=str(options.get("ae_title", cls.ae_title)),
            seeding=str(options.get("seeding", cls.seeding)),
            denied_ae_title=str(options.get("denied_ae_title", cls.denied_ae_title)),
            delay_s=float(options.get("delay", cls.delay_s)),
            same_first=bool(options.get("same_first", cls.same_first)),
            pauses_s=tuple(options.get("pauses_s", PAUSES_S)),
            tls={
                f"{name}_file": str(options[f"tls_{name}"])
                for name in ("cert", "key", "ca")
                if options.get(f"tls_{name}")
            },
            faults=setting.switches if faults is None else faults,
            choices=Choices.of(options),
        )

    def due_after_s(self) -> float:
        """Seconds between a request and its report."""
        return self.delay_s + (SLOW_S if self.faulty(SLOWER) else 0.0)

    def attempts_after_s(self) -> tuple[float, ...]:
        """The pauses between attempts to deliver a report, in seconds."""
        return () if self.faulty("no-retry") else self.pauses_s

    def prefers_the_same(self) -> bool:
        """Whether a report tries the association of its request first."""
        return self.same_first or self.faulty(*SAME_FIRST)

    def faulty(self, *names: str) -> bool:
        """Whether one of these faults is switched on."""
        return self.faults.any_of(names)

    @property
    def store_faults(self) -> Switches:
        """The faults that act in the store."""
        return self.faults.renamed(STORE_FAULTS)
