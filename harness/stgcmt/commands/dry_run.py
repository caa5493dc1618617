"""``stgcmt run --dry-run``: what would be played, nothing is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

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
        "waits": {name: getattr(timing, name, None) for name in scenario.waits},
        "lease": scenario.lease.listener if scenario.lease else None,
        "alone": scenario.alone,
        "needs": list(scenario.needs),
        "wants": list(scenario.wants),
        "checks": sorted(check.name for check in planned.suite.all_checks if scenario.name in check.scenarios),
        "not_played": planned.reason or None,
    }


def show(plan: Plan, *, as_json: bool) -> None:
    """Print the plan: as JSON, or for a reader with the price of leases at the end."""
    found = entries(plan)
    if as_json:
        click.echo(json.dumps({"sut": plan.sut.name, "roles": list(plan.roles), "scenarios": found}, indent=1))
        return
    for each in found:
        waits = ", ".join(
            f"{name} {'as the SUT asks' if value is None else f'<= {value:g} s'}"
            for name, value in each["waits"].items()
        )
        lease = f"; leases a destination ({each['lease']})" if each["lease"] else ""
        click.echo(f"{each['role']}/{each['scenario']}: {each['what']}")
        click.echo(
            f"    {each['exchanges']} exchanges; waits: {waits or 'none'}{lease}; feeds {len(each['checks'])} checks"
        )
        if each["not_played"]:
            click.echo(f"    NOT PLAYED: {each['not_played']}")
    _price(plan, found)


def _price(plan: Plan, found: list[dict[str, Any]]) -> None:
    from stgcmt.play import BUILTIN_DESTINATIONS  # noqa: PLC0415 - start-up

    leases = [each for each in found if each["lease"] and not each["not_played"]]
    places = len(plan.sut.destinations) or BUILTIN_DESTINATIONS
    click.echo(f"{len(found)} scenarios, {sum(each['exchanges'] for each in found)} exchanges; nothing was sent.")
    if leases:
        lanes = max(1, places - 1)
        click.echo(f"{len(leases)} scenarios lease a destination; {places} destination(s) give {lanes} at a time.")
