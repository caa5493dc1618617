"""A run goes on in the bundle that it began: what was played to its end stays, the rest is played again.

For a run that a person attends, Ctrl-C is a coffee break: ``stgcmt run sut.toml --resume BUNDLE`` asks for what is left. The
transcripts of scenarios that were interrupted are kept beside, under ``interrupted/1`` and so on; they are judged no more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.errors import UsageError
from stgcmt.judge import Recording
from stgcmt.late import recover
from stgcmt.plan import Plan

ASIDE = "interrupted"
OPTIONS = ("profile", "edition", "fault", "variant")


def options_of(recording: Recording) -> dict[str, Any]:
    """What the command line of the run had chosen: roles, selection, profile, edition, fault, variant."""
    info = recording.run.header.info
    selection = info.get("selection", {})
    chosen: dict[str, Any] = {key: tuple(selection.get(key) or ()) for key in ("req", "clause", "level")}
    chosen["role"] = tuple(info.get("roles", ()))
    return chosen | {
        "strict": info.get("profile") == "strict", "edition": info.get("edition"), "fault": info.get("fault"),
        "variant": info.get("variant"),
    }  # fmt: skip


def check_same(recording: Recording, plan: Plan, directory: Path) -> None:
    """Raises ``UsageError`` where the SUT file is not that of the run: a bundle is evidence on one SUT."""
    recorded, now = recording.run.header.info.get("sut", {}), plan.sut.redacted()
    if recorded == now:
        return
    if recorded.get("name") != now.get("name"):
        seen = f"{now.get('name')!r}, and the bundle is of {recorded.get('name')!r}"
    else:
        changed = sorted(key for key in {*recorded, *now} if recorded.get(key) != now.get(key))
        seen = f"another content of {', '.join(changed)}"
    raise UsageError(
        "resuming a run",
        "the SUT file with which it began",
        seen,
        f"give that file, or begin a new run without --resume {directory}",
    )


def rest_of(recording: Recording, plan: Plan, directory: Path) -> Plan:
    """The plan without what was played to its end; raises ``UsageError`` where nothing is left."""
    done = {key for key, transcript in recording.scenarios.items() if transcript.complete}
    left = tuple(each for each in plan.scenarios if (each.role, each.scenario.name) not in done)
    if not any(not each.reason for each in left):
        raise UsageError(
            "resuming a run", "a bundle with scenarios that were not played to their end",
            f"{directory}: all were", f"stgcmt judge {directory} judges it again; stgcmt wait {directory} takes late reports",
        )  # fmt: skip
    return dataclasses.replace(plan, scenarios=left)


def set_aside(directory: Path, plan: Plan) -> None:
    """Move the transcripts of what is played again out of the way."""
    recover(directory / "transcripts")
    number = 1
    while (aside := directory / ASIDE / str(number)).exists():
        number += 1
    for each in plan.playable:
        path = directory / "transcripts" / each.role / f"{each.scenario.name}.jsonl"
        if path.exists():
            (aside / each.role).mkdir(parents=True, exist_ok=True)
            path.rename(aside / each.role / path.name)


def resumed(directory: Path, plan: Plan) -> dict[str, Any]:
    """What the ``run`` transcript says of it."""
    left = [f"{each.role}/{each.scenario.name}" for each in plan.playable]
    return {"what": "resumed", "command": list(plan.command), "left": left, "aside": _asides(directory)}


def _asides(directory: Path) -> int:
    return len([path for path in (directory / ASIDE).glob("*") if path.is_dir()])


def given(options: Mapping[str, Any]) -> list[str]:
    """Options that may not stand beside ``--resume``: the bundle says them."""
    return [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
