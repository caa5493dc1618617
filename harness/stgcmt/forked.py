"""Work shared out to processes that are forked from this one: no threads, the same result, about half the time on two cores.

A forked process sees everything that this one has read and decoded, so nothing is sent to it but the number of the next job,
from a pipe that all read. What a job returns comes back pickled. Where forking is not safe (threads, a running loop, a system
other than Linux), where there is one core, or where a helper dies, this process does the work itself: only the time differs.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import select
import signal
import struct
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

MOST = 4  # processes at once, this one among them; each has its own copy of what it changes
LARGE = 32_000_000  # bytes of a recording that one process alone works on: what each decodes of it would cost memory
JOBS = 16_000  # that many numbers fit into a pipe, so that nobody has to wait while they are written
_NUMBER = struct.Struct("=H")
_LENGTH = struct.Struct("=I")
_YOUNG, _MIDDLE, _OLD = 400_000, 50, 100
_T = TypeVar("_T")


def quiet_collector() -> None:
    """Have the cyclic collector run seldom: recordings and what is decoded from them are many small objects that stay.

    At Python's own thresholds it took more than half of the processor time of a kill proof, and found next to nothing.
    """
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """What exists now is left out of collections inside; they run seldom, too."""
    before = gc.get_threshold()
    gc.freeze()
    quiet_collector()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def processes(jobs: int) -> int:
    """How many processes may share so many jobs here, this one among them; 1 where forking is not safe."""
    if not sys.platform.startswith("linux") or threading.active_count() > 1 or jobs > JOBS:
        return 1
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        return 1
    return max(1, min(MOST, jobs, len(os.sched_getaffinity(0))))


def shared_out(
    jobs: int, work: Callable[[int], _T], *, told: Callable[[int], None] | None = None, alone: bool = False
) -> list[_T]:
    """``[work(0), …, work(jobs - 1)]``; ``told`` hears how many are done. What ``work`` raises is raised here.

    Args:
        jobs: how many there are; costly ones should have small numbers, they are begun first.
        work: depends on nothing that another job leaves behind, and returns what can be pickled.
        told: called in this process, after each job of its own.
        alone: whether this process does everything, as it does where forking is not safe.
    """
    found: dict[int, _T] = {}
    helpers = 0 if alone else processes(jobs) - 1
    if helpers:
        _with_helpers(jobs, work, helpers, found, told)
    for number in range(jobs):
        if number not in found:
            found[number] = work(number)
            if told:
                told(len(found))
    return [found[number] for number in range(jobs)]


def _with_helpers(
    jobs: int, work: Callable[[int], _T], helpers: int, found: dict[int, _T], told: Callable[[int], None] | None
) -> None:
    taking, giving = os.pipe()
    os.write(giving, b"".join(_NUMBER.pack(number) for number in range(jobs)))
    os.close(giving)
    team: list[_Helper] = []
    try:
        for _ in range(helpers):
            team.append(_Helper.start(taking, work, team))
        while (number := _next(taking)) is not None:
            found[number] = work(number)
            for helper in team:
                helper.hear(found)
            if told:
                told(len(found))
        while waiting := [helper for helper in team if not helper.ended]:
            ready, _, _ = select.select([helper.source for helper in waiting], [], [])
            for helper in waiting:
                if helper.source in ready:
                    helper.hear(found)
    finally:
        os.close(taking)
        for helper in team:
            helper.close()


def _next(taking: int) -> int | None:
    """The number of the next job; ``None`` where all are taken. A pipe hands such a small read to one reader whole."""
    raw = os.read(taking, _NUMBER.size)
    return _NUMBER.unpack(raw)[0] if raw else None


@dataclass
class _Helper:
    """One forked process, and what has come from it."""

    pid: int
    source: int
    ended: bool = False
    _buffer: bytearray = field(default_factory=bytearray)

    @classmethod
    def start(cls, taking: int, work: Callable[[int], object], others: list[_Helper]) -> _Helper:
        source, sink = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():  # threads of a library that none of ours waits for, such as OpenBLAS's
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _serve(taking, sink, work, [source, *(other.source for other in others)])
        os.close(sink)
        os.set_blocking(source, False)
        return cls(pid, source)

    def hear(self, found: dict[int, _T]) -> None:
        """Take what has come so far, without waiting."""
        with contextlib.suppress(BlockingIOError):
            while not self.ended:
                raw = os.read(self.source, 1 << 16)
                self._buffer += raw
                self.ended = not raw
        while len(self._buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                break
            number, value = pickle.loads(self._buffer[_LENGTH.size : end])  # noqa: S301 - from a fork of our own
            found[number] = value
            del self._buffer[:end]

    def close(self) -> None:
        """End it, if need be, and take leave of it."""
        os.close(self.source)
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _serve(taking: int, sink: int, work: Callable[[int], object], others: list[int]) -> None:
    """What a helper does; it never returns. A job that raises is left to the process that forked it, which raises it again."""
    try:
        for each in others:
            os.close(each)
        while (number := _next(taking)) is not None:
            with contextlib.suppress(Exception):
                raw = pickle.dumps((number, work(number)))
                _send(sink, _LENGTH.pack(len(raw)) + raw)
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(0)


def _send(sink: int, raw: bytes) -> None:
    view = memoryview(raw)
    while view:
        view = view[os.write(sink, view) :]
