"""The process driver: starts the SUT in a session of its own, waits until it is ready, ends exactly that process group.

Its output comes through us: secrets are blanked before a line reaches ``driver/sut.log`` of the bundle, and a line may
say that the SUT is ready. An end that nobody asked for is recorded when it happens.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from stgcmt.clock import NS
from stgcmt.drivers.child import Child
from stgcmt.drivers.ports import free_ports
from stgcmt.drivers.provoke import secret_environment, surroundings
from stgcmt.drivers.ready import STAGE, Readiness, come_up
from stgcmt.drivers.running import Context, Running
from stgcmt.drivers.templates import render, template_ports
from stgcmt.errors import UsageError
from stgcmt.placeholders import Placeholders, names_of
from stgcmt.transcript import Masker


class Process(Running):
    """A SUT that we start."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._scratch = contextlib.ExitStack()
        self._child: Child | None = None

    async def start(self) -> None:
        work = self._scratch.enter_context(
            tempfile.TemporaryDirectory(prefix="stgcmt-sut-", ignore_cleanup_errors=True)
        )
        log = self.context.directory / "driver" / "sut.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = self._scratch.enter_context(log.open("wb"))
        known = self.placeholders
        names = {match[1]: None for match in names_of(self.sut.document) if match[1]} | dict.fromkeys(
            template_ports(self.sut)
        )
        self.placeholders = Placeholders(free_ports(names), work, known.sut_directory, known.destinations)
        render(self.context, self.placeholders)
        await self._up("started")

    async def stop(self) -> None:
        try:
            if self._child is not None:
                child, self._child = self._child, None
                await child.end(self.sut.driver.stop_grace)
                self.context.record("driver", action="stopped", pid=child.pid, code=child.code)
        finally:
            self._scratch.close()

    async def restart(self) -> None:
        if not self.sut.driver.restart:
            raise UsageError(
                "restarting the SUT", "[driver] restart = true", "false", "allow it, or leave the scenario out"
            )
        if self._child is not None:
            child, self._child = self._child, None
            await child.end(self.sut.driver.stop_grace)
            self.context.record("driver", action="stopped", pid=child.pid, code=child.code)
        await self._up("restarted")

    def log_tail(self, lines: int = 20) -> tuple[str, ...]:
        return self._child.tail(lines) if self._child is not None else ()

    # --- the way up

    async def _up(self, action: str) -> None:
        driver, began = self.sut.driver, self.context.clock.monotonic_ns()
        command = [self.placeholders.text(part) for part in driver.command]
        beside = self.sut.path.parent.absolute() if self.sut.path else Path()
        cwd = beside / self.placeholders.text(driver.cwd) if driver.cwd else Path(self.placeholders.directory)
        environment = surroundings(
            {name: self.placeholders.text(text) for name, text in secret_environment(self.sut).items()}
        )
        self._child = child = Child(Masker(self.sut.secrets), self._log, self._exited)
        try:
            child.start(_located(command, beside), cwd, environment)
        except OSError as error:
            self._child = None
            where = f"{cwd} does not exist" if not cwd.is_dir() else f"{command[0]}: {error.strerror}"
            raise UsageError(
                STAGE, "a command that can be started", where, "check command and cwd of [driver]"
            ) from error
        self.context.record(
            "driver", action="starting", command=command, pid=child.pid, ports=dict(self.placeholders.ports)
        )
        await self._ready(child)
        self.context.record(
            "driver", action=action, pid=child.pid, seconds=(self.context.clock.monotonic_ns() - began) / NS
        )

    def _exited(self, child: Child) -> None:
        """An end that nobody asked for."""
        self.context.record(
            "driver", action="exited", pid=child.pid, code=child.code, how=child.how, log=list(child.tail(20))
        )

    async def _ready(self, child: Child) -> None:
        ready = self.sut.driver.ready
        wanted = [
            port
            for name, port in self.placeholders.ports.items()
            if any(match[1] == name for match in names_of(self.sut.sections))
        ]
        readiness = Readiness(self.context, self.placeholders)
        await come_up(
            readiness.wait(ready, wanted, child.said),
            child.over.wait(),
            self.sut.timing.ready,
            expected=readiness.what(ready, self.placeholders.ports.values()),
            ended=lambda: child.how,
            quoted=child.quoted,
        )


def _located(command: list[str], beside: Path) -> list[str]:
    """A program that is named with a slash is meant relative to the SUT file."""
    return [str(beside / command[0]), *command[1:]] if "/" in command[0] else command
