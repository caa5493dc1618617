"""Associations for reports that stay open for a while, and carry other reports to the same caller meanwhile."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from stgcmt.actors.association import Association
from stgcmt_suites.scp.reporting import Report

Entry = tuple[Report, "asyncio.Future[bool]"]


@dataclass
class Lines:
    """Carries reports over lasting associations; ``call`` opens one, ``send`` sends a report where it may.

    An association ends ``linger_s`` seconds after its last report; only a ``shared`` one gets more than one.
    """

    call: Callable[[Report], AbstractAsyncContextManager[Association]]
    send: Callable[[Association, Report], Awaitable[bool]]
    linger_s: float
    shared: bool
    _waiting: dict[tuple[str, ...], asyncio.Queue[Entry]] = field(default_factory=lambda: defaultdict(asyncio.Queue))
    _tasks: dict[tuple[str, ...], asyncio.Task[None]] = field(default_factory=dict)

    async def carry(self, report: Report) -> bool:
        """Send a report; whether it was delivered. The association may outlast it."""
        key = (report.calling, report.called) if self.shared else (report.calling, report.called, str(id(report)))
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[key].put_nowait((report, done))
        if key not in self._tasks:
            self._tasks[key] = asyncio.create_task(self._serve(key))
        return await done

    async def aclose(self) -> None:
        """Abort what is open."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, key: tuple[str, ...]) -> None:
        queue = self._waiting[key]
        try:
            while not queue.empty():
                await self._association(queue)
        finally:
            del self._tasks[key]
            del self._waiting[key]

    async def _association(self, queue: asyncio.Queue[Entry]) -> None:
        report, done = queue.get_nowait()
        try:
            async with self.call(report) as assoc:
                while True:
                    sent = await self.send(assoc, report)
                    if not done.done():
                        done.set_result(sent)
                    if not sent:
                        return
                    async with asyncio.timeout(self.linger_s):
                        report, done = await queue.get()
        except TimeoutError:
            return
        except Exception as error:
            if done.done():
                raise
            done.set_exception(error)
