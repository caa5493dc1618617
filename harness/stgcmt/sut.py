"""The SUT file as one frozen value.

The engine knows the parts that every SUT has (driver, seeding, retrieval, provoke, timing, claims, gate); a role's
section is whatever its suite's schema says. Destinations are found in every section that has them. ``stgcmt.sut_load``
reads and checks the file; here is what comes of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stgcmt.sut_docker import Docker
from stgcmt.sut_schema import full_schema
from stgcmt.transcript import Masker, Secret

__all__ = [
    "Destination", "Driver", "Gate", "Preloaded", "Provocation", "Ready", "Retrieval", "Seeding", "Sut", "Template",
    "Timing", "full_schema", "load",
]  # fmt: skip

WEB_KEYS = ("base_url", "token", "basic", "headers", "tls")
DIMSE_KEYS = ("host", "port", "ae_title", "calling_ae_title", "tls")
TLS_FILES = ("ca_file", "cert_file", "key_file")
NEEDED = {
    "stow": ("base_url", WEB_KEYS), "wado-rs": ("base_url", WEB_KEYS),
    "c-store": ("host", DIMSE_KEYS), "c-get": ("host", DIMSE_KEYS),
    "c-move": ("host", DIMSE_KEYS),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListenerTls:
    """TLS where we listen: the certificate that we show; with ``ca_file`` callers must show one, too."""

    cert_file: str
    key_file: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where reports can arrive: an AE title of ours at an address that we listen on; port 0: the system chooses."""

    ae_title: str
    host: str = "127.0.0.1"
    port: int = 0
    tls: ListenerTls | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Every deadline, pause and limit of a run, in seconds but for ``concurrency`` and ``associations``.

    The standard gives no numbers; each default says where it comes from.
    """

    connect: float = 5.0  # a SYN is repeated after 1 and 3 s: two losses are survived
    associate: float = 10.0  # toolkits (DCMTK, pynetdicom, dcm4che) wait 10 to 30 s; an answer takes milliseconds
    response: float = 30.0  # the usual DIMSE time-out of toolkits (pynetdicom 30, DCMTK unlimited)
    release: float = 5.0  # an A-RELEASE-RP needs no work; ARTIM of PS3.8 9.1.5 is 30 s at most in practice
    http_response: float = 60.0  # the usual limit of reverse proxies for an answer
    max_report_delay: float = 30.0  # archives report at once or from a job queue of 10 s and less; longer: say so
    report_wait: float = 3600.0  # nobody sits before a run for longer; what is due later is for `stgcmt wait`
    result_deadline: float = 60.0  # twice max_report_delay: the web result is polled for, not pushed
    poll_interval: float = 0.5  # polite, and a result that is there at once costs no whole second
    quiet_period: float = 2.0  # four poll intervals; a second report comes from the same queue as the first
    second_part_pause: float = 2.0  # longer than a server's eager flush (1 s), shorter than any read time-out
    ready: float = 30.0  # a Java archive starts in 10 to 20 s
    provoke: float = 30.0  # a vendor's command does one thing in one database
    trigger: float = 30.0  # a client that was told to ask does it at once, or at the next turn of its queue
    scenario: float = 300.0  # far above the sum of all deadlines of the longest scenario
    jitter_floor: float = 0.05  # below 50 ms nobody can tell lateness from a loaded scheduler
    concurrency: int = 16  # scenarios at once: fewer than the association limit of common archives (20 and more)
    associations: int = 64  # open to the SUT at once; one that serves few at a time (Orthanc: 4 threads) wants fewer


@dataclass(frozen=True, slots=True)
class Gate:
    """What a run must reach: the share of applicable mandatory rows that were judged."""

    min_tested: float = 0.5


@dataclass(frozen=True, slots=True)
class Ready:
    """How to tell that it is up: port and host, a C-ECHO there, url and status, a line of output, Docker's health check."""

    port: int | str | None = None
    host: str = "127.0.0.1"
    url: str | None = None
    status: int | None = None
    log: str | None = None
    echo: str | None = None
    healthy: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A file with placeholders, rendered into the work directory before the SUT starts."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class Driver:
    """How the SUT comes up: external (it is there), process or docker (we start it), builtin (the references)."""

    kind: str = "external"
    command: tuple[str, ...] = ()
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: Ready | None = None
    restart: bool = True
    stop_grace: float = 5.0
    files: tuple[Template, ...] = ()
    docker: Docker | None = None

    @property
    def can_restart(self) -> bool:
        """Whether a scenario may restart the SUT."""
        return self.kind == "builtin" or (self.kind in {"process", "docker"} and self.restart)


@dataclass(frozen=True, slots=True)
class Preloaded:
    """An instance that the SUT holds already."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str = ""


@dataclass(frozen=True, slots=True)
class Seeding:
    """How instances get into the SUT; ``end_point`` holds what differs from the role's section (secrets resolved)."""

    how: str = "none"
    end_point: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def as_section(self) -> dict[str, Any]:
        """``how`` and the end point in one mapping."""
        return {"how": self.how, **thaw(self.end_point)}


class Retrieval(Seeding):
    """How instances are read back from the SUT."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Provocation:
    """The vendor's help: a command or a URL that brings the SUT into a state; ``{…}`` is filled in at its use."""

    command: tuple[str, ...] = ()
    cwd: str | None = None
    url: str | None = None
    method: str = "POST"
    body: str | None = None
    timeout: float | None = None
    end_point: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Provocation:
        """From one table ``[provoke.NAME]``."""
        end_point = {key: value for key, value in entry.items() if key in {*WEB_KEYS, "token_env", "basic_env"}}
        known = {key: entry[key] for key in ("cwd", "url", "method", "body", "timeout") if key in entry}
        return cls(tuple(entry.get("command", ())), end_point=freeze(end_point), **known)


@dataclass(frozen=True)
class Sut:
    """The system under test as its file describes it."""

    name: str
    vendor: str = ""
    version: str = ""
    roles: tuple[str, ...] = ()
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    driver: Driver = field(default_factory=Driver)
    seeding: Seeding = field(default_factory=Seeding)
    retrieval: Seeding = field(default_factory=Retrieval)
    provoke: Mapping[str, Provocation] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    claims: Mapping[str, Any] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)
    destinations: tuple[Destination, ...] = ()
    preloaded: tuple[Preloaded, ...] = ()
    secrets: tuple[Secret, ...] = field(default=(), repr=False)
    path: Path | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def claim(self, path: str, default: Any = None) -> Any:
        """The claim at a dotted path below ``[claims]``; ``default`` where the vendor states nothing."""
        node: Any = self.claims
        for part in path.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return default
            node = node[part]
        return thaw(node)

    def section(self, role: str, mode: str | None = None) -> dict[str, Any]:
        """A role's section, ``modes.MODE`` merged over it, secrets resolved; nearly empty where absent."""
        base = thaw(self.sections.get(role, {}))
        if mode is not None:
            base = merge(base, base.get("modes", {}).get(mode, {}))
        section: dict[str, Any] = self.resolved(base)
        for part, common in (("seeding", self.seeding), ("retrieval", self.retrieval)):
            own = self.resolved(section[part]) if part in section else common.as_section()
            section[part] = self._end_point(role, section, own)
        return section

    def _end_point(self, role: str, section: Mapping[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        """``own`` with the end point of another role's section, where this one speaks another protocol."""
        key, keys = NEEDED.get(str(own["how"]), ("", ()))
        if "base_url" in own:  # what belongs to the role's end point (a token!) goes to no other one
            own = {
                name: type(section[name])()
                for name in ("token", "token_env", "basic_env", "headers")
                if name in section
            } | own
        plain = {"tls": None} if "tls" in section else {}
        if key and key in own:
            return plain | own
        if not key or key in section:
            return own
        for other, theirs in self.sections.items():
            if other != role and key in theirs:
                resolved = self.resolved(theirs)
                return plain | {name: resolved[name] for name in keys if name in resolved} | own
        return own

    def resolved(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """A table with secrets from the environment (``token``, ``basic``, ``headers``) and absolute file names."""
        found: dict[str, Any] = thaw(table)
        for name in ("token", "basic"):
            if f"{name}_env" in found:
                found[name] = self.environment[found[f"{name}_env"]]
        if "headers_env" in found:
            secret = {header: self.environment[name] for header, name in found.pop("headers_env").items()}
            found["headers"] = {**found.get("headers", {}), **secret}
        for name in TLS_FILES:
            if name in (found.get("tls") or {}) and self.path is not None:
                found["tls"][name] = str(self.path.parent.absolute() / found["tls"][name])
        return found

    def redacted(self) -> dict[str, Any]:
        """The file as JSON for the evidence: secrets appear as the names of their environment variables only."""
        shown: dict[str, Any] = Masker(self.secrets).value(thaw(self.document))
        return shown


def load(
    path: Path | None,
    *,
    suites: Mapping[str, Any] | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    claims: Mapping[str, Mapping[str, Any]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Sut:
    """Read and check a SUT file; without a path: the embedded references.

    Args:
        path: the file.
        suites: the installed suites by role; their ``schema`` and ``claims_schema`` are used.
        sections: the schema of each role's section, where no suites are given.
        claims: the schema of ``[claims.ROLE]``, where no suites are given.
        environ: where secrets come from; this process's environment where absent.

    Raises:
        UsageError: unreadable, not UTF-8, not TOML.
        SutFileError: everything else that is wrong, all at once.
    """
    from stgcmt.sut_load import read  # noqa: PLC0415 - start-up

    if suites is not None:
        sections = {role: suite.schema for role, suite in suites.items()}
        claims = {role: suite.claims_schema for role, suite in suites.items()}
    if path is None:
        playable = [role for role in sections or {} if suites is None or suites[role].reference is not None]
        return embedded(tuple(playable))
    return read(path, sections or {}, claims or {}, os.environ if environ is None else environ)


def embedded(roles: tuple[str, ...]) -> Sut:
    """The embedded references as SUT."""
    how = {"driver": {"kind": "builtin"}}
    return Sut(
        "stgcmt reference",
        "stgcmt",
        roles=roles,
        driver=Driver("builtin"),
        timing=Timing(concurrency=64),  # the references have no limit of associations: every wait overlaps
        document=freeze({"name": "stgcmt reference", "vendor": "stgcmt", "roles": list(roles), **how}),
    )


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` on top of ``base``, tables merged."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def freeze(value: Any) -> Any:
    """A TOML value that nobody can change."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(item) for key, item in value.items()})
    return tuple(freeze(item) for item in value) if isinstance(value, (list, tuple)) else value


def thaw(value: Any) -> Any:
    """A frozen value as fresh dicts and lists."""
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return [thaw(item) for item in value] if isinstance(value, (list, tuple)) else value
