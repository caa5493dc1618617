"""One container while a run needs it: started, its output followed, ended, its end noticed when nobody asked for it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections.abc import Callable, Sequence
from typing import IO, Any

from stgcmt.drivers.docker_engine import Engine, why
from stgcmt.drivers.output import Output, quote
from stgcmt.drivers.ready import POLL_S, STAGE
from stgcmt.errors import UsageError
from stgcmt.transcript import Masker

LAST_WORDS_S = 2.0  # the output of a container that ended is there at once; longer means that it cannot be followed
PORT_TAKEN = ("port is already allocated", "address already in use")
NO_PROGRAM = ("executable file not found", "no such file or directory", "permission denied")


class Held:
    """A container that exists.

    Args:
        engine: whose it is.
        ident: its id there.
        name: its name in the SUT file.
        masker: blanks secrets in its output.
        log: where its output goes.
        grace: seconds between its stop signal and SIGKILL.
        exited: called when it ends although nobody asked for it.
    """

    def __init__(
        self, engine: Engine, ident: str, name: str, masker: Masker, log: IO[bytes], grace: float,
        exited: Callable[[Held], None],
    ) -> None:  # fmt: skip
        self.ident, self.name = ident, name
        self.code: int | None = None
        self.out_of_memory = False
        self.over = asyncio.Event()
        self._engine, self._grace, self._exited = engine, grace, exited
        self._output = Output(masker, log)
        self._seen = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    @property
    def how(self) -> str:
        """How it ended, in words."""
        if self.code is None:
            return "running"
        text = f"exit status {self.code}"
        if self.code > 128:
            with contextlib.suppress(ValueError):
                text += f", {signal.Signals(self.code - 128).name}"
        return text + (", out of memory" if self.out_of_memory else "")

    def tail(self, lines: int) -> tuple[str, ...]:
        """The last lines of its output."""
        return self._output.tail(lines)

    def quoted(self) -> str:
        """The last lines as the end of a message."""
        return quote(self.tail(8))

    async def said(self, text: str) -> None:
        """Wait for a line of output that contains ``text``."""
        await self._output.said(text)

    async def start(self) -> None:
        """Start it, for the first time or again; raises ``UsageError``: a port is taken, its program does not start."""
        self.code, self._ending = None, False
        self.over = asyncio.Event()
        self._output.forget()
        try:
            await self._engine.call("start", self.ident)
        except Exception as error:
            raise self._not_started(why(error)) from error
        self.watch()

    def watch(self) -> None:
        """Follow its output, and notice its end."""
        follow = asyncio.create_task(self._engine.follow(self.ident, self._seen, self._data))
        self._tasks = [follow, asyncio.create_task(self._wait(follow))]

    async def end(self, *, kill: bool = False) -> None:
        """Its stop signal and after its grace SIGKILL, or SIGKILL at once; returns when it is over and has said all."""
        self._ending = True
        if kill:
            with contextlib.suppress(Exception):  # it is over already
                await self._engine.call("kill", self.ident)
        else:
            await self._engine.call("stop", self.ident, timeout=math.ceil(self._grace))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._grace + LAST_WORDS_S)
            await self.leave()

    async def leave(self) -> None:
        """Follow it no longer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._output.flush()

    async def health(self) -> str | None:
        """What the image's own health check says; ``None`` where it has none."""
        state = (await self._engine.call("inspect_container", self.ident))["State"]
        return str(state["Health"]["Status"]) if "Health" in state else None

    def _data(self, data: bytes) -> None:
        self._seen += len(data)
        self._output.feed(data)

    async def _wait(self, follow: asyncio.Task[None]) -> None:
        answer: Any = await self._engine.call("wait", self.ident, timeout=None)
        await asyncio.wait((follow,), timeout=LAST_WORDS_S)
        self._output.flush()
        self.code = int(answer.get("StatusCode", -1))
        if not self._ending:
            with contextlib.suppress(Exception):  # it is gone already
                state = (await self._engine.call("inspect_container", self.ident))["State"]
                self.out_of_memory = bool(state.get("OOMKilled"))
        self.over.set()
        if not self._ending:
            self._exited(self)

    def _not_started(self, said: str) -> UsageError:
        if any(text in said.lower() for text in PORT_TAKEN):
            step = "end what listens there, or let the system choose: ports = { NAME = the container's port }"
            return UsageError(STAGE, f"free ports on 127.0.0.1 for the container {self.name}", said, step)
        if any(text in said.lower() for text in NO_PROGRAM):
            step = "check command, entrypoint and mounts of [driver]"
            return UsageError(STAGE, f"a program that the container {self.name} can start", said, step)
        return UsageError(STAGE, f"a container {self.name} that starts", said, "see the engine's words")


# --- several as one --------------------------------------------------------------------------------------------------


async def any_says(concerned: Sequence[Held], text: str) -> None:
    """Wait for a line of any of them that contains ``text``."""
    waiting = [asyncio.create_task(each.said(text)) for each in concerned]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def any_over(concerned: Sequence[Held], *, may_end: bool) -> None:
    """Wait until one ended; where they ``may_end``, one with another status than 0, or the last of all."""
    waiting = {asyncio.create_task(each.over.wait()): each for each in concerned}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if [each for each in done if waiting.pop(each).code or not may_end]:
                return
    finally:
        for task in waiting:
            task.cancel()


async def all_healthy(concerned: Sequence[Held]) -> None:
    """Wait for every health check that there is; raises ``UsageError`` where there is none."""
    while True:
        states = [await each.health() for each in concerned if not each.over.is_set()]
        if states and all(state is None for state in states):
            step = "name a port, url or log in ready, or give the image a HEALTHCHECK"
            raise UsageError(STAGE, "an image with a HEALTHCHECK, since ready asks for it", "none", step)
        if states and all(state in {None, "healthy"} for state in states):
            return
        await asyncio.sleep(POLL_S)
