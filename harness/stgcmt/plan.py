"""What a run will play, decided before anything is sent: the scenarios that the selected rows need, and why some cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stgcmt.faces import BACK
from stgcmt.judge import selected
from stgcmt.suite import Scenario, Suite
from stgcmt.sut import Sut


@dataclass(frozen=True)
class Planned:
    """One scenario of a run, and why it cannot be played, if so."""

    suite: Suite
    scenario: Scenario
    reason: str = ""

    @property
    def role(self) -> str:
        return self.suite.role


@dataclass(frozen=True)
class Plan:
    """What a run will play: nothing here touches the SUT."""

    sut: Sut
    suites: Mapping[str, Suite]
    roles: tuple[str, ...]
    selection: Mapping[str, Any]
    scenarios: tuple[Planned, ...]
    profile: str = "default"
    edition: str | None = None
    fault: str | None = None
    variant: str | None = None
    known_issues: tuple[Mapping[str, Any], ...] = ()
    command: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def playable(self) -> tuple[Planned, ...]:
        """The scenarios that will be played."""
        return tuple(each for each in self.scenarios if not each.reason)


def plan(
    sut: Sut, suites: Mapping[str, Suite], roles: Sequence[str], selection: Mapping[str, Any], **options: Any
) -> Plan:
    """Choose the scenarios that the checks of the selected rows need, and say which of them cannot be played here."""
    planned: list[Planned] = []
    for role in roles:
        suite = suites[role]
        wanted: dict[str, None] = {}
        for row in suite.catalogue:
            if row.excluded or not selected(row, selection):
                continue
            for check in suite.checks_for(row.id):
                wanted.update(dict.fromkeys(check.scenarios))
        for name in suite.all_scenarios:
            if name in wanted:
                scenario = suite.all_scenarios[name]
                planned.append(Planned(suite, scenario, unplayable(scenario, suite, sut)))
    return Plan(sut, suites, tuple(roles), selection, tuple(planned), **options)


def unplayable(scenario: Scenario, suite: Suite, sut: Sut) -> str:
    """Why a scenario cannot be played against this SUT file, with the line to add; empty where it can."""
    if sut.driver.kind == "builtin":
        return ""
    section = sut.section(suite.role)
    relayed = bool(section.get("relay"))
    if relayed and (scenario.face == BACK or "scripting" in scenario.needs):
        return f"needs a back end that does what it is told: leave [{suite.role}.relay] out, and ours stands behind the SUT"
    for need in scenario.needs:
        if need == "scripting" or (need in suite.provides and not relayed):
            continue
        if need == "seeding" and section["seeding"]["how"] == "none":
            return 'needs instances in the SUT: say how in [seeding] (how = "stow", "c-store" or "preloaded")'
        if need == "retrieval" and section["retrieval"]["how"] == "none":
            return 'needs to read instances back: say how in [retrieval] (how = "wado-rs", "c-get" or "c-move")'
        if need == "restart" and not sut.driver.can_restart:
            return 'needs a driver that can restart the SUT ([driver] kind = "process" or "docker")'
        if need in {"trigger", "state"} and not (section.get(need) or sut.document.get(need)):
            what = "made to ask" if need == "trigger" else "asked what it believes"
            return f"needs a SUT that can be {what}: add [{need}] with a command or url"
        if need.startswith("key.") and not section.get(key := need.partition(".")[2]):
            return f"needs {key} in [{suite.role}]: {_meaning(suite, key)}"
        if need == "listener" and not section.get("port"):
            return f"needs the address where the SUT takes reports: add host and port to [{suite.role}]"
        offered = {*sut.provoke, *section.get("provoke", {})}
        if need.startswith("provoke.") and need.partition(".")[2] not in offered:
            return f"needs the vendor's help: add [{need}] with a command or url"
    needs_destination = scenario.lease is not None or "destination" in scenario.needs
    if needs_destination and not sut.destinations:
        return f"needs a place where reports can arrive: add [[{suite.role}.destinations]]"
    return ""


def _meaning(suite: Suite, key: str) -> str:
    """What a key of the suite's section says, for who is to add it."""
    return str(suite.schema.get("properties", {}).get(key, {}).get("description", "a value"))
