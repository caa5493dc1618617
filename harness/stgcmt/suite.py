"""The public face for suites: how a requirement's check, a scenario and a suite are written.

A check is a pure function of transcripts::

    @requirement("DIMSE-J.3.2-02")
    def test_a_request_is_answered(plain_commitment: Transcript) -> None:
        \"\"\"Every N-ACTION gets a response.\"\"\"
        answer = dimse(plain_commitment).answer("request")
        assert answer.response, expected("an N-ACTION-RSP", answer)

It ends with an assert (outcome ``violation``), with ``outcome``, ``inconclusive`` or ``not_applicable``, or it returns:
pass. Anything else is the harness's own fault.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from stgcmt.catalogue import CatalogueError, Requirement, parse_requirements
from stgcmt.checks import (
    RUN,
    Check,
    checks_of,
    claims,
    deviating,
    dimse,
    expected,
    http,
    inconclusive,
    jitter_s,
    not_applicable,
    outcome,
    requirement,
)
from stgcmt.faces import Face, borrowed_checks, borrowed_kills, borrowed_rows, borrowed_scenarios, suite_of
from stgcmt.mint import fresh_uid
from stgcmt.playing import Play
from stgcmt.switches import Switches
from stgcmt.transcript import Event, Transcript

if TYPE_CHECKING:
    from stgcmt.clock import Clock
    from stgcmt.wire.stream import Network

__all__ = [
    "RUN", "Check", "Event", "Face", "Fault", "Kill", "Lease", "Play", "Scenario", "Setting", "Suite", "Transcript", "Variant",
    "checks_of", "claims", "deviating", "dimse", "expected", "http", "inconclusive", "jitter_s", "not_applicable",
    "outcome", "requirement", "scenario",
]  # fmt: skip

_F = TypeVar("_F", bound=Callable[..., Any])


# --- scenarios -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lease:
    """A scenario's exclusive use of one report destination, and how the listener there behaves (a name of ``LISTENERS``)."""

    listener: str = "plain"


@dataclass(frozen=True)
class Scenario:
    """A scripted exchange, and everything about it that is declared, not discovered.

    ``exchanges``: how many requests of the service (or associations that are only negotiated) it has with the suite's own
    reference; what brings instances in and out is not counted. A SUT that is polled more often has more of them.
    """

    name: str
    run: Callable[[Any], Awaitable[None]]
    doc: str
    mode: str | None = None
    lease: Lease | None = None
    exchanges: int = 1
    waits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("seeding",)
    alone: bool = False
    wants: tuple[str, ...] = ()
    face: str | None = None  # the side of the SUT that it is about, where its suite was borrowed (``stgcmt.faces``)


def scenario(
    *,
    mode: str | None = None,
    lease: Lease | None = None,
    exchanges: int = 1,
    waits: Sequence[str] = (),
    needs: Sequence[str] = ("seeding",),
    alone: bool = False,
    wants: Sequence[str] = (),
) -> Callable[[_F], _F]:
    """Declare a scenario: preferred mode, lease, exchanges with the SUT, waits, needs.

    ``needs``: seeding, retrieval, destination, restart, trigger, state, ``provoke.X`` (the vendor's help), ``key.X`` (a key
    of the role's section). ``wants`` names what the scenario uses where it is there (seeding, restart, ``provoke.X``) and
    does without elsewhere.
    """

    def mark(function: _F) -> _F:
        function.__dict__["stgcmt_scenario"] = Scenario(
            function.__name__,
            function,
            inspect.getdoc(function) or "",
            mode,
            lease,
            exchanges,
            tuple(waits),
            tuple(needs),
            alone,
            tuple(wants),
        )
        return function

    return mark


def scenarios_of(module: ModuleType) -> tuple[Scenario, ...]:
    """The scenarios of a module, in the order of its text."""
    return tuple(found for value in vars(module).values() if (found := getattr(value, "stgcmt_scenario", None)))


# --- suites ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """One switch, one deviation of the reference: what it does, which rows it violates, which others follow from it.

    ``crowded``: what it does depends on what else is under way, so that the self-test plays every scenario for it.
    """

    name: str
    line: str
    violates: tuple[str, ...]
    follows: tuple[str, ...] = ()
    mode: str | None = None
    crowded: bool = False


@dataclass(frozen=True)
class Variant:
    """One conformant way to be different: what the standard leaves free, as options of the reference.

    ``options`` go into ``Setting.options``, ``claims`` are merged over the suite's ``reference_claims``, ``timing`` over
    ``[timing]``; ``warns`` names the rows that may warn, each with the reading or reason that explains it, ``silent`` those
    that the reference's own recording decides and this one does not, each with the reason.
    """

    name: str
    line: str
    options: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    timing: Mapping[str, Any] = field(default_factory=dict)
    warns: Mapping[str, str] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kill:
    """A mutation known to turn a check red: of which transcript, by which operator, and about where."""

    transcript: str
    operator: str
    place: str = ""


@dataclass(frozen=True)
class Setting:
    """What a reference is brought up with; clocks, connect and listen are injected."""

    clock: Clock
    network: Network
    directory: Path
    mode: str | None = None
    fault: str | None = None
    variant: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    destinations: tuple[Any, ...] = ()
    uid: Callable[[str], str] = fresh_uid  # a UID of the reference's own; its argument says what it is for
    back_url: str = ""  # where our origin server listens, for a reference that asks us over HTTP by itself

    @property
    def switches(self) -> Switches:
        """The fault as a reference asks for it: one name that is on, or none."""
        return Switches((self.fault,) if self.fault else ())


Reference = Callable[[Setting], AbstractAsyncContextManager[Mapping[str, Any]]]


@dataclass(frozen=True)
class Suite:
    """A role's requirements, scenarios, checks, reference and faults, as an entry point of ``stgcmt.suites`` returns it.

    Modules and values may be named as ``"package.module"`` or ``"package.module:attribute"``: they are imported when
    they are needed, so that listing requirements stays fast.
    """

    role: str
    package: str
    checks: tuple[str, ...]
    scenarios: tuple[str, ...]
    version: str = "0"
    requirements: tuple[str, ...] = ("requirements.toml",)
    schema: Mapping[str, Any] = field(default_factory=dict)
    claims_schema: Mapping[str, Any] = field(default_factory=dict)
    reference_claims: Mapping[str, Any] = field(default_factory=dict)
    modes: tuple[str, ...] = ()
    reference: str | Reference | None = None
    stacks: Mapping[str, str | Reference] = field(default_factory=dict)
    faults: str | Sequence[Fault] = ()
    variants: str | Sequence[Variant] = ()
    mutations: str | Sequence[Any] = ()
    kills: str = "kills.json"  # may be absent; `stgcmt selftest --write-kills` writes it
    instances: str | Callable[..., Any] = "stgcmt_fixtures.instances:make"
    endpoint: str | Callable[[Mapping[str, Any]], tuple[str, int]] | None = None
    probes: str | Callable[..., Any] | None = None
    # "http": the SUT asks us, at listen_host and listen_port of its section; "dimse": at a destination, where it may store too
    serves: tuple[str, ...] = ()
    one_destination: bool = False  # the SUT asks the first destination alone, whatever a scenario leases
    unowned: str | Callable[[Any], Any] | None = None
    # how reports arrived: a function of transcripts, rows of results.json
    topology: str | Callable[..., Any] | None = None
    faces: tuple[Face, ...] = ()  # whose rows bind this SUT on its sides, too
    backdrop: str | Callable[..., Any] | None = None  # (play, side) -> stgcmt.faces.Backdrop, our end behind the SUT
    provides: tuple[str, ...] = ()  # the needs of scenarios that the backdrop meets
    # by protocol, front first: what our end and the SUT's face are called in a diagram that shows both sides of a SUT
    lanes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    explain_sent: Mapping[str, str] = field(default_factory=dict)

    @functools.cached_property
    def catalogue(self) -> tuple[Requirement, ...]:
        """The rows of this suite, borrowed ones behind its own; raises ``CatalogueError``."""
        texts = {
            f"{self.package}/{name}": files(self.package).joinpath(name).read_text("utf-8")
            for name in self.requirements
        }
        own = parse_requirements(texts, self.role)
        return (*own, *(row for face in self.faces for row in borrowed_rows(self.role, face, own)))

    @functools.cached_property
    def all_checks(self) -> tuple[Check, ...]:
        """Every check of this suite, imported."""
        found = [check for name in self.checks for check in checks_of(importlib.import_module(name))]
        known = {row.id for row in self.catalogue}
        for check in found:
            if unknown := [ident for ident in check.ids if ident not in known]:
                raise CatalogueError(
                    f"{self.package}: {check.name} judges {', '.join(unknown)}, which the catalogue of {self.role} lacks"
                )
        own = [row for row in self.catalogue if row.face is None]
        return (*found, *(check for face in self.faces for check in borrowed_checks(face, own)))

    @functools.cached_property
    def all_scenarios(self) -> Mapping[str, Scenario]:
        """Every scenario of this suite by its name, imported."""
        found: dict[str, Scenario] = {}
        for name in self.scenarios:
            for each in scenarios_of(importlib.import_module(name)):
                if each.name == RUN or each.name in found:
                    raise CatalogueError(f"{self.package}: the scenario name {each.name} is reserved or stands twice")
                found[each.name] = each
        used = [name for check in self.all_checks for name in check.scenarios] if self.faces else []
        for face in self.faces:
            found |= borrowed_scenarios(face, used)
        return found

    @functools.cached_property
    def known_kills(self) -> Mapping[str, Mapping[str, tuple[Kill, ...]]]:
        """By row and check the mutations known to turn it red, most effective first; none where the suite ships no table."""
        source = files(self.package).joinpath(self.kills)
        own = kills_from(json.loads(source.read_text("utf-8"))) if source.is_file() else {}
        borrowed: dict[str, Mapping[str, tuple[Kill, ...]]] = {}
        for face in self.faces:
            borrowed |= borrowed_kills(face)
        return {**borrowed, **own}

    def checks_for(self, ident: str) -> tuple[Check, ...]:
        """The checks that judge a row; for a twin those of the row it names."""
        return self._judging.get(self._twins.get(ident, ident), ())

    @functools.cached_property
    def _twins(self) -> Mapping[str, str]:
        """For each row the one whose checks judge it."""
        return {row.id: row.same_as or row.id for row in self.catalogue}

    @functools.cached_property
    def _judging(self) -> Mapping[str, tuple[Check, ...]]:
        """The checks by the rows that they name."""
        found: dict[str, list[Check]] = {}
        for check in self.all_checks:
            for ident in dict.fromkeys(check.ids):
                found.setdefault(ident, []).append(check)
        return {ident: tuple(checks) for ident, checks in found.items()}

    def resolve(self, name: str) -> Any:
        """A field that may name its value as ``"module:attribute"``, resolved."""
        return resolved(getattr(self, name))

    def resolve_stack(self, stack: str | None) -> Reference:
        """The reference, or another implementation of the role by its name."""
        found: Reference = resolved(self.reference if stack is None else self.stacks[stack])
        return found

    @property
    def all_mutations(self) -> tuple[Any, ...]:
        """The mutation operators of this suite and of those it borrows from."""
        every = (self, *(suite_of(face) for face in self.faces))
        return tuple(dict.fromkeys(each for suite in every for each in suite.resolve("mutations")))

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """The named faults of the reference."""
        return tuple(self.resolve("faults"))

    @property
    def all_variants(self) -> tuple[Variant, ...]:
        """The conformant variants of the reference."""
        return tuple(self.resolve("variants"))


def kills_from(content: Mapping[str, Any]) -> Mapping[str, Mapping[str, tuple[Kill, ...]]]:
    """The table of a ``kills.json``."""
    return {
        ident: {check: tuple(Kill(*each) for each in kills) for check, kills in checks.items()}
        for ident, checks in content["kills"].items()
    }


def resolved(value: Any) -> Any:
    """A value that may be named as ``"module:attribute"``."""
    if isinstance(value, str):
        module, _, attribute = value.partition(":")
        return getattr(importlib.import_module(module), attribute)
    return value


def load_suites() -> dict[str, Suite]:
    """All installed suites by role, in the order of their names; raises ``CatalogueError``."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - start-up

    found: dict[str, Suite] = {}
    for entry in sorted(entry_points(group="stgcmt.suites"), key=lambda entry: entry.name):
        suite = entry.load()
        if suite.role in found:
            raise CatalogueError(
                f"two suites play the role {suite.role}: {found[suite.role].package} and {suite.package}"
            )
        found[suite.role] = suite
    return found
