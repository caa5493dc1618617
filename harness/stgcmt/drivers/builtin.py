"""The references of the suites as SUT: one for each role and mode, in this very process."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from stgcmt.drivers.running import Context, Running
from stgcmt.errors import HarnessError
from stgcmt.suite import Setting

Key = tuple[str, str | None]


class Live(Mapping[str, Any]):
    """A section that always shows the reference as it is now: after a restart its ports may differ."""

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self._read = read

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


class Keeper:
    """Keeps one reference up in a task of its own, since a context must be left by the task that entered it."""

    def __init__(
        self, reference: Callable[[Setting], AbstractAsyncContextManager[Mapping[str, Any]]], setting: Setting
    ) -> None:
        self._reference, self._setting = reference, setting
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self.section: Mapping[str, Any] = {}

    async def enter(self) -> None:
        """Come up; raises what the reference raises."""
        self._leave = asyncio.Event()
        up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(up))
        await up

    async def leave(self) -> None:
        """Go down; raises what the reference raises."""
        if self._task is not None:
            self._leave.set()
            task, self._task = self._task, None
            await task

    async def _keep(self, up: asyncio.Future[None]) -> None:
        try:
            async with self._reference(self._setting) as section:
                self.section = section
                if not up.done():
                    up.set_result(None)
                await self._leave.wait()
        except BaseException as error:
            if up.done() or isinstance(error, asyncio.CancelledError):
                up.cancel()
                raise
            up.set_exception(error)


class Builtin(Running):
    """Holds the references; every (role, mode) has a work directory of its own, removed at the end."""

    def __init__(
        self, context: Context, references: Mapping[str, Any], modes: Collection[Key], fault: Mapping[str, str],
        options: Mapping[str, Mapping[str, Any]], variant: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(context)
        self._references, self._fault, self._options, self._variant = references, fault, options, variant
        self._modes = sorted(modes, key=lambda key: (key[0], key[1] or ""))
        self._keepers: dict[Key, Keeper] = {}
        self._scratch = contextlib.ExitStack()

    async def start(self) -> None:
        scratch = Path(
            self._scratch.enter_context(tempfile.TemporaryDirectory(prefix="stgcmt-", ignore_cleanup_errors=True))
        )
        for role, mode in self._modes:
            if self._references.get(role) is None:
                raise HarnessError(
                    "bringing the reference up", f"a reference of {role}", "its suite ships none", "give a SUT file"
                )
            directory = scratch / role / (mode or "base")
            directory.mkdir(parents=True)
            setting = Setting(
                self.context.clock, self.context.network, directory, mode, self._fault.get(role), self._variant,
                self._options.get(role, {}), self.context.destinations,
                self.context.uid, self.context.base_urls.get(role, ""),
            )  # fmt: skip
            keeper = self._keepers[role, mode] = Keeper(self._references[role], setting)
            await self._enter(keeper, role, mode)
            self.context.record("driver", action="started", kind="builtin", role=role, mode=mode, fault=setting.fault)

    async def stop(self) -> None:
        try:
            for (role, mode), keeper in reversed(self._keepers.items()):
                try:
                    await keeper.leave()
                except Exception as error:  # noqa: BLE001 - the others must go down too, and the run is over
                    self.context.record(
                        "driver", action="failed", role=role, mode=mode, error=f"{type(error).__name__}: {error}"
                    )
        finally:
            self._keepers.clear()
            self._scratch.close()

    async def restart(self) -> None:
        for (role, mode), keeper in self._keepers.items():
            await keeper.leave()
            await self._enter(keeper, role, mode)
        self.context.record("driver", action="restarted", kind="builtin")

    def section(self, role: str, mode: str | None = None) -> Mapping[str, Any]:
        key = (role, mode) if (role, mode) in self._keepers else (role, None)
        if key not in self._keepers:
            return {}
        return Live(lambda: self._keepers[key].section if key in self._keepers else {})

    async def _enter(self, keeper: Keeper, role: str, mode: str | None) -> None:
        try:
            await keeper.enter()
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            raise HarnessError(
                "bringing the reference up", f"the reference of {role} in mode {mode or 'base'}", what
            ) from error
