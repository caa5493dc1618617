"""``stgcmt run --dry-run``: what would be played, nothing is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from stgcmt.commands import counted

if TYPE_CHECKING:
    from stgcmt.plan import Plan, Planned


def entries(plan: Plan) -> list[dict[str, Any]]:
    """One object a scenario: exchanges, waits with their seconds, lease, needs, the checks it feeds, or why it is not played."""
    return [_entry(plan, each) for each in plan.scenarios]


def _entry(plan: Plan, planned: Planned) -> dict[str, Any]:
    scenario = planned.scenario
    timing = plan.sut.timing
    return {
        "role": planned.role,
        "scenario": scenario.name,
        "what": scenario.doc.split("\n")[0],
        "mode": scenario.mode,
        "exchanges": scenario.exchanges,
        "waits": {name: _seconds(timing, name) for name in scenario.waits},
        "lease": scenario.lease.listener if scenario.lease else None,
        "alone": scenario.alone,
        "needs": list(scenario.needs),
        "wants": list(scenario.wants),
        "checks": sorted(check.name for check in planned.suite.all_checks if scenario.name in check.scenarios),
        "not_played": planned.reason or None,
    }


def _seconds(timing: Any, name: str) -> float | None:
    """How long a run waits for this at most: for a report no longer than it sits before it (``stgcmt wait`` takes over)."""
    value: float | None = getattr(timing, name, None)
    return min(value, timing.report_wait) if name == "max_report_delay" and value is not None else value


def show(plan: Plan, *, as_json: bool) -> None:
    """Print the plan: as JSON, or for a reader with the price of leases at the end."""
    found = entries(plan)
    if as_json:
        told = {
            "sut": plan.sut.name,
            "driver": driver(plan),
            "roles": list(plan.roles),
            "scenarios": found,
            "not_tested": not_tested(plan),
        }
        click.echo(json.dumps(told | {"leases": price(plan, found)}, indent=1))
        return
    for line in driver(plan)["starts"]:
        click.echo(f"driver {plan.sut.driver.kind}: {line}")
    for each in found:
        waits = ", ".join(
            f"{name} {'as the SUT asks' if value is None else f'<= {value:g} s'}"
            for name, value in each["waits"].items()
        )
        lease = f"; leases a destination ({each['lease']})" if each["lease"] else ""
        click.echo(f"{each['role']}/{each['scenario']}: {each['what']}")
        click.echo(
            f"    {counted(each['exchanges'], 'exchange')}; waits: {waits or 'none'}{lease}; "
            f"feeds {counted(len(each['checks']), 'check')}"
        )
        if each["not_played"]:
            click.echo(f"    NOT PLAYED: {each['not_played']}")
    _summary(plan, found)


def driver(plan: Plan) -> dict[str, Any]:
    """How the SUT would come up, and what would be started."""
    from stgcmt.sut_docker import described  # noqa: PLC0415 - start-up

    chosen = plan.sut.driver
    starts = list(described(chosen.docker)) if chosen.docker is not None else []
    if chosen.kind == "process":
        starts = [" ".join(chosen.command)]
    return {"kind": chosen.kind, "starts": starts}


def not_tested(plan: Plan) -> dict[str, list[str]]:
    """The rows that will stay not-tested, by their reason; excluded rows have their own reasons in ``list``."""
    from stgcmt.judge import selected  # noqa: PLC0415 - start-up

    reasons = {(each.role, each.scenario.name): each.reason for each in plan.scenarios if each.reason}
    found: dict[str, list[str]] = {}
    for role in plan.roles:
        suite = plan.suites[role]
        for row in suite.catalogue:
            if not row.in_edition(plan.edition):
                continue
            if row.excluded or not selected(row, plan.selection):
                found.setdefault("excluded" if row.excluded else "deselected", []).append(row.id)
                continue
            needed = [(role, name) for check in suite.checks_for(row.id) for name in check.scenarios]
            missing = next((reasons[key] for key in needed if key in reasons), "")
            if missing:
                found.setdefault(missing, []).append(row.id)
    return found


def price(plan: Plan, found: list[dict[str, Any]]) -> dict[str, Any]:
    """What leases cost at most (seconds of declared waits): with the destinations at hand, and with four."""
    from stgcmt.listening import BUILTIN_DESTINATIONS  # noqa: PLC0415 - start-up

    leases = [each for each in found if each["lease"] and not each["not_played"]]
    places = len(plan.sut.destinations) or BUILTIN_DESTINATIONS
    waits = [sum(seconds or 0.0 for seconds in each["waits"].values()) for each in leases]
    lanes = max(1, places - 1)  # the first destination is the shared one
    return {
        "scenarios": len(leases), "destinations": places, "at_a_time": lanes,
        "at_most_s": _longest(waits, lanes), "with_four_destinations_s": _longest(waits, 3),
    }  # fmt: skip


def _longest(waits: list[float], lanes: int) -> float:
    """The longest of ``lanes`` queues, each scenario put into the shortest."""
    queues = [0.0] * lanes
    for wait in sorted(waits, reverse=True):
        queues[queues.index(min(queues))] += wait
    return max(queues)


def _summary(plan: Plan, found: list[dict[str, Any]]) -> None:
    played = [each for each in found if not each["not_played"]]
    left = f", {len(found) - len(played)} not played" if len(found) > len(played) else ""
    exchanges = counted(sum(each["exchanges"] for each in played), "exchange")
    click.echo(f"{counted(len(played), 'scenario')}{left}; {exchanges}; nothing was sent.")
    for reason, ids in not_tested(plan).items():
        named = (
            "" if reason in ("excluded", "deselected") else f" ({', '.join(ids[:3])}{', …' if len(ids) > 3 else ''})"
        )
        why = "excluded; `stgcmt list` gives the reasons" if reason == "excluded" else reason
        click.echo(f"not-tested: {counted(len(ids), 'requirement')}: {why}{named}")
    cost = price(plan, found)
    if cost["scenarios"]:
        four = f"; with four destinations {cost['with_four_destinations_s']:g} s" if cost["destinations"] < 4 else ""
        click.echo(
            f"{counted(cost['scenarios'], 'scenario')} with a lease; {counted(cost['destinations'], 'destination')}: "
            f"{cost['at_a_time']} at a time, at most {cost['at_most_s']:g} s of waits in a queue{four}"
        )
