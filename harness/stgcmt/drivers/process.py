"""The process driver: starts the SUT in a session of its own, waits until it is ready, ends exactly that process group.

Its output comes through us: secrets are blanked before a line reaches ``driver/sut.log`` of the bundle, and a line may
say that the SUT is ready. An end that nobody asked for is recorded when it happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.clock import NS
from stgcmt.drivers.child import Child
from stgcmt.drivers.provoke import NoTap, secret_environment
from stgcmt.drivers.running import Context, Running
from stgcmt.errors import UnreachableError, UsageError
from stgcmt.placeholders import Placeholders, names_of
from stgcmt.sut import Ready
from stgcmt.transcript import Masker

STAGE = "bringing the SUT up"
POLL_S = 0.05  # between two looks at a port or URL: a SUT that is up in 100 ms costs no whole second


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
            self._template_ports()
        )
        self.placeholders = Placeholders(free_ports(names), work, known.sut_directory, known.destinations)
        self._render()
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

    def _template_ports(self) -> list[str]:
        return [match[1] for each in self.sut.driver.files for match in names_of(_read(each.source)) if match[1]]

    def _render(self) -> None:
        for each in self.sut.driver.files:
            target = Path(self.placeholders.directory, each.target).resolve()
            if not target.is_relative_to(Path(self.placeholders.directory).resolve()):
                raise UsageError(
                    STAGE, "a target below {dir}", f"{each.target} of [[driver.files]]", "name a relative path"
                )
            try:
                text = self.placeholders.text(_read(each.source))
            except KeyError as error:
                step = "add [[…destinations]] or mend the number"
                raise UsageError(
                    STAGE, "a destination that the SUT file has", f"{error.args[0]} in {each.source.name}", step
                ) from error
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
            self.context.record("driver", action="rendered", source=each.source.name, target=each.target)

    async def _up(self, action: str) -> None:
        driver, began = self.sut.driver, self.context.clock.monotonic_ns()
        command = [self.placeholders.text(part) for part in driver.command]
        beside = self.sut.path.parent.absolute() if self.sut.path else Path()
        cwd = beside / self.placeholders.text(driver.cwd) if driver.cwd else Path(self.placeholders.directory)
        environment = {
            **os.environ,
            **{name: self.placeholders.text(text) for name, text in secret_environment(self.sut).items()},
        }
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
        limit = self.sut.timing.ready
        checks = asyncio.create_task(self._checks(child))
        over = asyncio.create_task(child.over.wait())
        try:
            await asyncio.wait((checks, over), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if child.over.is_set():
                step = "mend the command; its output is in driver/sut.log of the bundle"
                raise UnreachableError(
                    STAGE, "a SUT that stays up", f"it ended ({child.how}) before it was ready{child.quoted()}", step
                )
            if not checks.done():
                step = "check [driver] ready, or allow more with [timing] ready"
                raise UnreachableError(
                    STAGE, f"{self._what()} within {limit:g} s", f"a SUT that is not ready{child.quoted()}", step
                )
            checks.result()
        finally:
            for task in (checks, over):
                task.cancel()
            await asyncio.gather(checks, over, return_exceptions=True)

    def _what(self) -> str:
        ready = self.sut.driver.ready
        if ready is None:
            return f"connections at the ports {', '.join(map(str, self.placeholders.ports.values())) or '(none)'}"
        parts = [f"a connection at port {self.placeholders.value(ready.port)}" if ready.port is not None else ""]
        parts += [
            f"an answer at {self.placeholders.text(ready.url)}" if ready.url else "",
            f'"{ready.log}" in its output' if ready.log else "",
        ]
        return " and ".join(filter(None, parts))

    async def _checks(self, child: Child) -> None:
        ready = self.sut.driver.ready
        if ready is None:  # without a word about it: every port that it was given
            for name, port in self.placeholders.ports.items():
                if any(match[1] == name for match in names_of(self.sut.sections)):
                    await self._port("127.0.0.1", port)
            return
        if ready.log is not None:
            await child.said(ready.log)
        if ready.port is not None:
            await self._port(ready.host, int(self.placeholders.value(ready.port)))
        if ready.url is not None:
            await self._url(ready)

    async def _port(self, host: str, port: int) -> None:
        while True:
            try:
                (await self.context.network.connect(host, port)).close()
            except OSError:
                await asyncio.sleep(POLL_S)
            else:
                return

    async def _url(self, ready: Ready) -> None:
        from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up

        section = {"base_url": self.placeholders.text(ready.url or ""), "tls": {"verify": False}}
        while True:
            client = client_for(
                section,
                network=self.context.network,
                clock=self.context.clock,
                connection=NoTap,
                timing=self.sut.timing,
            )
            try:
                status = (await client.request("GET", str(section["base_url"]))).status
            finally:
                await client.aclose()
            if status is not None and (status == ready.status if ready.status else status < 500):
                return
            await asyncio.sleep(POLL_S)


def free_ports(names: Mapping[str, Any]) -> dict[str, int]:
    """A free port for each name; all are held until the last was chosen, so that they differ."""
    with contextlib.ExitStack() as held:
        ports = {}
        for name in names:
            sock = held.enter_context(socket.socket())
            sock.bind(("127.0.0.1", 0))
            ports[name] = int(sock.getsockname()[1])
        return ports


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(STAGE, "a template in UTF-8", f"{path}: {error}", "check [[driver.files]]") from error


def _located(command: list[str], beside: Path) -> list[str]:
    """A program that is named with a slash is meant relative to the SUT file."""
    return [str(beside / command[0]), *command[1:]] if "/" in command[0] else command
