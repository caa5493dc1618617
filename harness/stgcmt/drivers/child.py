"""One child process: its group, its output line by line with secrets blanked, its end when it happens.

No thread waits for it (``asyncio``'s own watcher would use one): the loop watches a descriptor of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from stgcmt.drivers.output import Output, quote
from stgcmt.transcript import Masker

POLL_S = 0.05  # between two looks at a process where the system has no descriptor for it
CHUNK = 65536  # bytes read at once


class Child:
    """One process with its output.

    Args:
        masker: blanks secrets in every line of output.
        log: where the lines go, if anywhere.
        exited: called when it ends although nobody asked for it.
        whole_group: whether its children are ended with it.
    """

    def __init__(
        self,
        masker: Masker,
        log: IO[bytes] | None = None,
        exited: Callable[[Child], None] | None = None,
        *,
        whole_group: bool = True,
    ) -> None:
        self._said = Output(masker, log)
        self._exited, self._whole_group = exited, whole_group
        self._popen: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ending = False
        self.over = asyncio.Event()

    def start(self, command: list[str], cwd: Path, environment: Mapping[str, str]) -> None:
        """Start it in a session, and so a process group, of its own; raises ``OSError``."""
        self._popen = subprocess.Popen(  # noqa: S603 - the command of the SUT file is what the user wants to run
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd,
            env=dict(environment), start_new_session=True,
        )  # fmt: skip
        os.set_blocking(self._output.fileno(), False)
        asyncio.get_running_loop().add_reader(self._output.fileno(), self._read)
        self._watch = asyncio.create_task(self._wait())

    @property
    def pid(self) -> int:
        return self._popen.pid if self._popen else 0

    @property
    def code(self) -> int | None:
        """The exit status, negative for a signal; ``None`` while it runs."""
        return self._popen.returncode if self._popen else None

    @property
    def how(self) -> str:
        """How it ended, in words."""
        if self.code is None:
            return "running"
        if self.code >= 0:
            return f"exit status {self.code}"
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-self.code).name}"
        return f"signal {-self.code}"

    @property
    def _output(self) -> IO[bytes]:
        if self._popen is None or self._popen.stdout is None:
            raise RuntimeError("the process was not started")
        return self._popen.stdout

    def tail(self, lines: int) -> tuple[str, ...]:
        """The last lines of output."""
        return self._said.tail(lines)

    def quoted(self) -> str:
        """The last lines as the end of a message."""
        return quote(self.tail(8))

    async def said(self, text: str) -> None:
        """Wait for a line of output that contains ``text``."""
        await self._said.said(text)

    async def end(self, grace: float) -> None:
        """SIGTERM to the group, SIGKILL after ``grace`` seconds; returns when the process was reaped."""
        if self._popen is None:
            return
        self._ending = True
        try:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self.over.wait()
        finally:
            self._signal(signal.SIGKILL)
            if self._watch is not None:
                await self._watch
            self._close()

    def _signal(self, number: signal.Signals) -> None:
        """To the whole group, but never once the process was reaped: its number may be another's by then."""
        if self._popen is None or self._popen.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def _wait(self) -> None:
        """Reap the process when it ends, by a descriptor of it where the system has one."""
        popen = self._popen
        if popen is None:
            return
        await _ended(popen)
        if self._whole_group or self._ending:
            self._signal(signal.SIGKILL)  # its children are of no use without it, and would keep its ports
        popen.wait()
        self._read()
        self.over.set()
        if self._exited is not None and not self._ending:
            self._exited(self)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._output.fileno(), CHUNK)
            except BlockingIOError:
                return
            except (OSError, ValueError):
                data = b""
            if not data:
                self._close()
                return
            self._said.feed(data)

    def _close(self) -> None:
        if self._output.closed:
            return
        self._said.flush()
        asyncio.get_running_loop().remove_reader(self._output.fileno())
        self._output.close()


async def _ended(popen: subprocess.Popen[bytes]) -> None:
    """Return when the process has ended (it may still be to be reaped)."""
    try:
        descriptor = os.pidfd_open(popen.pid)
    except (AttributeError, OSError):  # not on this system
        while popen.poll() is None:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(POLL_S)
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
