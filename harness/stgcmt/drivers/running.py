"""A SUT that is up: its end points, its restart, the vendor's help."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stgcmt.clock import Clock
from stgcmt.drivers.provoke import Provoked, carry_out
from stgcmt.errors import UsageError
from stgcmt.mint import fresh_uid
from stgcmt.placeholders import Place, Placeholders
from stgcmt.sut import Provocation, Sut, thaw
from stgcmt.wire.stream import Network


@dataclass(frozen=True)
class Context:
    """What every driver is given."""

    sut: Sut
    directory: Path
    clock: Clock
    network: Network
    record: Callable[..., Any]
    destinations: tuple[Place, ...] = ()
    base_urls: Mapping[str, str] = field(default_factory=dict)  # where we are asked over HTTP, by role
    uid: Callable[[str], str] = fresh_uid  # the UIDs that references choose by themselves


class Running:
    """What ``bring_up`` yields."""

    def __init__(self, context: Context) -> None:
        self.context = context
        path = context.sut.path
        self.placeholders = Placeholders(
            sut_directory=str(path.parent.absolute()) if path else "", destinations=context.destinations
        )

    @property
    def sut(self) -> Sut:
        """The SUT file."""
        return self.context.sut

    @property
    def seeding(self) -> Mapping[str, Any]:
        """How instances get in, for a section that does not say it."""
        return dict(self.placeholders.value(self.sut.seeding.as_section()))

    @property
    def retrieval(self) -> Mapping[str, Any]:
        """How instances get out, for a section that does not say it."""
        return dict(self.placeholders.value(self.sut.retrieval.as_section()))

    def section(self, role: str, mode: str | None = None) -> Mapping[str, Any]:
        """A role's section in a mode, placeholders and secrets resolved."""
        return dict(self.placeholders.value(self.sut.section(role, mode)))

    async def start(self) -> None:
        """Bring the SUT up; raises as ``bring_up`` does."""

    async def stop(self) -> None:
        """Bring down whatever was brought up; never raises for the SUT's behaviour."""

    async def restart(self) -> None:
        """Stop and start the SUT on the same ports and data.

        Raises:
            UsageError: this driver cannot.
            UnreachableError: it does not come up again.
        """
        raise UsageError(
            "restarting the SUT", "a driver that can restart it", self.sut.driver.kind, 'use [driver] kind = "process"'
        )

    def log_tail(self, lines: int = 20) -> tuple[str, ...]:  # noqa: ARG002 - only a process has output
        """The last lines of the SUT's output, secrets blanked; none where we did not start it."""
        return ()

    async def provoke(self, role: str, mode: str | None, name: str, values: Mapping[str, str]) -> Provoked:
        """Carry out ``[provoke.NAME]`` with ``{…}`` substituted from ``values``; its failure is an answer too."""
        entry = self.section(role, mode).get("provoke", {}).get(name)
        action = Provocation.of(entry) if entry is not None else self.sut.provoke.get(name)
        if action is None:
            done = Provoked(False, f"the SUT file has no [provoke.{name}]")
        else:
            done = await carry_out(
                action, {"role": role, "mode": mode or "", **values}, self.context, self.placeholders
            )
        self.context.record("provoke", name=name, role=role, ok=done.ok, detail=done.detail, values=dict(values))
        return done

    async def act(self, table: str, role: str, mode: str | None, values: Mapping[str, str]) -> Provoked | None:
        """Carry out ``[trigger]`` or ``[state]`` of a role with ``{…}`` substituted; ``None`` where there is none.

        It may take as long as the SUT likes where the scenario ends it: its caller sets the limit.
        """
        entry = self.table(table, role, mode)
        if not {"command", "url"} & entry.keys():
            return None
        limit = self.sut.timing.scenario if table == "trigger" else None
        filled = {"role": role, "mode": mode or "", **values}
        return await carry_out(Provocation.of(entry), filled, self.context, self.placeholders, limit)

    def table(self, name: str, role: str, mode: str | None = None) -> Mapping[str, Any]:
        """``[trigger]`` or ``[state]`` of a role: its section's own, else the SUT file's; empty where there is none."""
        return dict(self.section(role, mode).get(name) or thaw(self.sut.document.get(name, {})))


class External(Running):
    """A SUT that is there already."""

    async def start(self) -> None:
        self.context.record("driver", action="none", kind="external")
