"""Listening again for what an earlier run awaited: after hours, in another process, after a restart of the machine.

Everything is taken from the bundle: which transactions are pending, where their reports can arrive, and whose UIDs are whose.
What comes is recorded behind the end of the transcript of its scenario (``stgcmt.late``), what belongs to no scenario in ``run``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.clock import NS, Clock, SystemClock, iso
from stgcmt.desk import Desk, Place
from stgcmt.judge import Recording
from stgcmt.late import LateRecorder
from stgcmt.listening import listening_at, open_all, serving
from stgcmt.mint import Mint
from stgcmt.pending import Pending
from stgcmt.results import awaited
from stgcmt.transcript import Recorder, Transcript
from stgcmt.wire.stream import Network, SystemNetwork

TICK_S = 1.0  # how often the wall clock is looked at: a machine that slept must not have missed its deadline


class Former:
    """A scenario of an earlier run, as the desk sees it; its transcript is opened with the first message that is its own."""

    adopts = False

    def __init__(self, waiter: Waiter, path: Path, pending: tuple[Pending, ...]) -> None:
        self._waiter, self._path = waiter, path
        self._recorder: LateRecorder | None = None
        self.handlers: Mapping[int, Any] = {}
        self.pending = list(pending)
        self._came: dict[str, int] = {}

    @property
    def recorder(self) -> Recorder:
        """The transcript of the scenario, behind its end."""
        if self._recorder is None:
            self._recorder = LateRecorder(self._path, self._waiter.clock, failed=self._waiter.unwritable)
        return self._recorder

    def reported(self, uids: set[str]) -> None:
        """A message from outside mentioned these UIDs."""
        for uid in uids:
            self._came[uid] = self._came.get(uid, 0) + 1
        self._waiter.heard(self, uids)

    def hear(self, asked: Any) -> None:
        """Nothing is answered here that the listener does not answer."""

    def broke(self, error: Exception) -> None:
        """The waiting itself failed: that is for the caller to see."""
        raise error

    @property
    def missing(self) -> int:
        """How many reports are awaited still."""
        return sum(
            max(0, each.missing - max((self._came.get(uid, 0) for uid in each.transaction_uids), default=0))
            for each in self.pending
        )

    def close(self, seconds: float) -> None:
        """Note how long was listened for what did not come, and put everything into the transcript."""
        if self.missing:
            self.recorder.event("note", what="awaited", seconds=round(seconds, 3))
        if self._recorder is not None:
            self._recorder.close()


class Waiter:
    """Waits for the pending reports of one bundle; raises ``TranscriptError`` where its transcripts cannot be read.

    Args:
        directory: the bundle.
        recording: what it holds.
        progress: told ``waiting(missing, total, seconds)`` every second and ``came(role, scenario, missing)`` with each report.
    """

    def __init__(
        self, directory: Path, recording: Recording, *, clock: Clock | None = None, network: Network | None = None,
        progress: Any = None,
    ) -> None:  # fmt: skip
        self.clock: Clock = clock or SystemClock()
        self.network: Network = network or SystemNetwork()
        self.progress = progress
        self.pending = awaited(recording)
        self._directory, self._recording = directory, recording
        self._news, self._stop = asyncio.Event(), asyncio.Event()
        self._formers = {key: self._former(*key) for key in recording.scenarios}
        self.interrupted, self._began = False, 0
        self.failure: tuple[Path, OSError] | None = None
        self.quiet_s = float(recording.run.header.info.get("timing", {}).get("quiet_period", 2.0))
        self.release_s = float(recording.run.header.info.get("timing", {}).get("release", 5.0))

    def _former(self, role: str, scenario: str) -> Former:
        mine = tuple(each for each in self.pending if (each.role, each.scenario) == (role, scenario))
        return Former(self, self._directory / "transcripts" / role / f"{scenario}.jsonl", mine)

    @property
    def missing(self) -> int:
        """How many reports are awaited still."""
        return sum(each.missing for each in self._formers.values())

    async def wait(self, seconds: float | None = None) -> bool:
        """Listen until every report came, or for ``seconds``; whether all came. Raises ``UsageError`` where a port is taken."""
        began = self._began = self.clock.wall_ns()
        run = LateRecorder(self._directory / "transcripts" / "run.jsonl", self.clock, failed=self.unwritable)
        desk = Desk(self._places(), self.network, self.clock, run, serving(self.clock))
        self._know(desk)
        try:
            await open_all(desk)
        except BaseException:
            run.close()
            raise
        try:
            run.event(
                "note", what="waiting", action="began", at=iso(began), destinations=[each.as_json() for each in desk.places],
                transactions=[uid for each in self.pending for uid in each.transaction_uids],
            )  # fmt: skip
            await self._until(None if seconds is None else began + int(seconds * NS))
            if not self.missing and not self.interrupted:
                await self._quiet()
            for each in self._formers.values():
                if not self.interrupted:
                    await desk.drain(each, self.release_s)
        finally:
            await desk.aclose()
            self._close(run, began)
        return not self.missing

    def interrupt(self) -> None:
        """End now; everything that was recorded is kept."""
        self.interrupted = True
        self._stop.set()
        self._news.set()

    def unwritable(self, path: Path, error: OSError) -> None:
        """A transcript cannot be written: nothing more can be proved."""
        self.failure = self.failure or (path, error)
        self.interrupt()

    def heard(self, former: Former, uids: set[str]) -> None:
        """A message for a scenario came."""
        if self.progress and any(uids.intersection(each.transaction_uids) for each in former.pending):
            self.progress.came(former.pending[0].role, former.pending[0].scenario, self.missing)
        self._news.set()

    def _places(self) -> list[Place]:
        """Every destination of a pending report, once."""
        found = {
            (str(at["ae_title"]), str(at["host"]), int(at["port"])): at.get("tls")
            for at in (each.destination for each in self.pending)
        }
        return [listening_at(*where, tls) for where, tls in found.items()]

    def _know(self, desk: Desk) -> None:
        """Tell the desk whose UIDs are whose, as the run had them."""
        example = ""
        for key, transcript in self._recording.scenarios.items():
            for uid, what in _uids(transcript):
                example = uid if what != "adopted" else example
                desk.own(uid, self._formers[key], transaction=what == "transaction")
        if example:
            desk.mint = Mint.like(example)

    async def _until(self, deadline_ns: int | None) -> None:
        while self.missing and not self.interrupted and (deadline_ns is None or self.clock.wall_ns() < deadline_ns):
            if self.progress:
                total = sum(each.missing for each in self.pending)
                self.progress.waiting(self.missing, total, (self.clock.wall_ns() - self._began) / NS)
            self._news.clear()
            left = TICK_S if deadline_ns is None else min(TICK_S, max(0.0, (deadline_ns - self.clock.wall_ns()) / NS))
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _quiet(self) -> None:
        """After the last report: a second one that should not be would come now."""
        try:
            async with asyncio.timeout(self.quiet_s):
                await self._stop.wait()
        except TimeoutError:
            return

    def _close(self, run: LateRecorder, began: int) -> None:
        seconds = (self.clock.wall_ns() - began) / NS
        for each in self._formers.values():
            each.close(seconds)
        run.event("note", what="waiting", action="ended", seconds=round(seconds, 3), missing=self.missing)
        run.close()


def _uids(transcript: Transcript) -> list[tuple[str, str]]:
    found = [(event.info.get("uid"), str(event.info.get("what", ""))) for event in transcript.of("uid")]
    return [(uid, what) for uid, what in found if isinstance(uid, str)]
