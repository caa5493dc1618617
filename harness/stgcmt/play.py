"""Scenarios to transcripts: what is played, when, and what a scenario that fails does to the others (nothing).

All ordinary scenarios start at once, as far as the concurrency limit allows; scenarios with a lease queue for a
destination; scenarios that must be alone come last, one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgcmt.askdesk import AskDesk
from stgcmt.clock import NS, Clock, SystemClock, iso
from stgcmt.desk import ABSENT, Desk, LeaseHolder, Place, listener_of
from stgcmt.errors import HarnessError, SkippedError, UnreachableError
from stgcmt.listening import open_all, places_of, serving, web_places_of
from stgcmt.masking import Masker, secrets_of
from stgcmt.mint import Mint
from stgcmt.plan import Plan, Planned
from stgcmt.reach import obstacle
from stgcmt.recorders import Recorders
from stgcmt.relay import Relaying
from stgcmt.schedule import Played, critical_path
from stgcmt.stage import QUIET, Backstage, Stage, Target
from stgcmt.suite import Reference, Scenario
from stgcmt.switches import enter_scenario
from stgcmt.transcript import Recorder
from stgcmt.wire.stream import Network, SystemNetwork

if TYPE_CHECKING:
    from stgcmt.keeping import Kept

JITTER_STEP_S = 0.05
STAGGER_S = 0.01  # between two starts: the longest chain is under way before the rest competes for the processor


class Player:
    """Plays one plan into one bundle directory."""

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        *,
        clock: Clock | None = None,
        network: Network | None = None,
        progress: Any = None,
        jitter_step: float | None = JITTER_STEP_S,
        mint: Mint | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.plan, self.directory, self.progress = plan, directory, progress
        self._jitter_step = jitter_step  # None where time is virtual: no timer is late, and ticks would fill every hour
        self._mint = mint  # a fresh one where absent
        self.clock: Clock = clock or SystemClock()
        self.network: Network = network or SystemNetwork()
        self._masker = Masker(plan.sut.secrets)
        watch = getattr(progress, "happened", None)
        self._recorders = Recorders(plan, directory, self.clock, self._masker, self.unwritable, watch)
        self._kept = kept  # who keeps the transcripts where they do not become files
        if kept is not None:
            self._recorders = dataclasses.replace(self._recorders, make=kept.recorder)
        self._played: list[Played] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._interrupted = False
        self._unwritten: tuple[Path, OSError] | None = None
        self._bringing_up: asyncio.Task[Any] | None = None  # until the SUT is up: a wait that Ctrl-C ends, too
        # A limit for each role: roles may be different systems, and each has its own limit of associations.
        self._limits = {role: asyncio.Semaphore(plan.sut.timing.concurrency) for role in plan.roles}
        self._alone: list[Planned] = []

    async def play(self) -> None:
        """Bring the SUT up, play everything, close every transcript; raises ``UsageError`` where a port is taken."""
        start = self.clock.monotonic_ns()
        run = self._recorders.run()
        state, reason = "complete", ""
        try:
            await self._play(run, start)
        except UnreachableError as error:  # judged all the same: not one verdict is pass, and the exit code says 4
            for each in self.plan.playable:
                run.event("decision", what="not-played", role=each.role, scenario=each.scenario.name, reason=str(error))
        except asyncio.CancelledError:
            state, reason = "cancelled", "interrupted"
            if not self._interrupted:
                raise
        except BaseException as error:
            state, reason = "crashed", f"{type(error).__name__}: {error}"
            raise
        finally:
            if self._interrupted:
                state, reason = "cancelled", "interrupted" if self._unwritten is None else "recording failed"
            run.event("note", what="finished", finished=iso(self.clock.wall_ns()), timing=self._timing(start))
            run.close(state, reason)
        if self._unwritten is not None:
            path, failure = self._unwritten
            raise HarnessError(
                "recording", f"room for what happens in {self.directory}",
                f"{path.relative_to(self.directory)}: {failure.strerror or failure}",
                "make room, or choose another --out; what was recorded so far is kept: stgcmt judge reads it",
            )  # fmt: skip

    def unwritable(self, path: Path, error: OSError) -> None:
        """A transcript cannot be written: what would follow could not be proved, so everything ends here."""
        if self._unwritten is None:
            self._unwritten = (path, error)
            self.interrupt()

    def interrupt(self) -> None:
        """End every scenario now, or the wait for the SUT to come up; transcripts are closed as far as they got."""
        self._interrupted = True
        if self._bringing_up is not None:
            self._bringing_up.cancel()
        for task in self._tasks:
            task.cancel()

    async def _play(self, run: Recorder, start: int) -> None:
        from stgcmt.drivers import bring_up, meeting_of  # noqa: PLC0415 - start-up

        meeting = await meeting_of(self.plan.sut)
        places = places_of(self.plan, meeting.ours)
        relaying = Relaying.of(self.plan, places, self.network)
        stores = any("dimse" in self.plan.suites[role].serves for role in self.plan.roles)
        desk = Desk(places, self.network, self.clock, run, serving(self.clock, stores=stores))
        desk.mint = self._mint or desk.mint
        asks = AskDesk(desk, self.network, self.clock, run, self.directory, web_places_of(self.plan, meeting.ours))
        asks.attend, asks.say, asks.said = (getattr(self.progress, name, None) for name in ("attend", "say", "said"))
        await open_all(desk, asks)
        if (listening := getattr(self.progress, "listening", None)) is not None:
            listening(desk.places, asks.places)
        jitter = asyncio.create_task(self._measure_jitter(run))
        self._bringing_up = asyncio.current_task()
        try:
            builtin = self._references()
            async with bring_up(
                self.plan.sut,
                directory=self.directory,
                clock=self.clock,
                network=self.network,
                record=run.event,
                builtin=builtin,
                destinations=tuple(places),
                modes=self._modes(),
                fault=self._faults(),
                variant=self.plan.variant,
                options=self.plan.options,
                base_urls={place.role: place.base_url for place in asks.places},
                uid=desk.mint.foreign,
            ) as running:
                self._bringing_up = None
                for role, mode in self._modes():  # what a reference of ours hands out is a secret, too
                    for secret in secrets_of(running.section(role, mode)):
                        self._masker.learn(secret)
                run.event(
                    "driver",
                    action="up",
                    how=self.plan.sut.driver.kind,
                    seconds=(self.clock.monotonic_ns() - start) / NS,
                )
                relaying.follow(running)
                asks.act, asks.triggering = running.act, functools.partial(running.table, "trigger")
                await self._all(run, desk, running, asks)
        finally:
            self._bringing_up = None
            jitter.cancel()
            await asyncio.gather(jitter, return_exceptions=True)
            await asks.aclose()
            await desk.aclose()

    def _references(self) -> dict[str, Reference]:
        if self.plan.sut.driver.kind != "builtin":
            return {}
        return {role: self.plan.suites[role].resolve("reference") for role in self.plan.roles}

    def _modes(self) -> set[tuple[str, str | None]]:
        """The (role, mode) pairs that the playable scenarios ask for and the SUT has."""
        return {(each.role, self._mode(each)) for each in self.plan.playable} | {
            (role, None) for role in self.plan.roles
        }

    def _mode(self, planned: Planned) -> str | None:
        mode = planned.scenario.mode
        if self.plan.sut.driver.kind == "builtin":
            return mode if mode in planned.suite.modes else None
        return mode if mode in self.plan.sut.section(planned.role).get("modes", {}) else None

    def _faults(self) -> dict[str, str]:
        """The fault to switch on, by role."""
        if self.plan.fault is None:
            return {}
        return {
            role: self.plan.fault
            for role in self.plan.roles
            if any(f.name == self.plan.fault for f in self.plan.suites[role].all_faults)
        }

    async def _all(self, run: Recorder, desk: Desk, running: Any, asks: AskDesk) -> None:
        for each in self.plan.scenarios:
            if each.reason:
                run.event(
                    "decision", what="not-played", role=each.role, scenario=each.scenario.name, reason=each.reason
                )
        reachable = await self._reachable(run, running)
        playable = [each for each in self.plan.playable if each.role in reachable]
        back = Backstage(
            self.clock, self.network, self.plan.sut.timing, desk, running.provoke, running.restart,
            asyncio.Semaphore(self.plan.sut.timing.associations), self.plan.sut.preloaded,
            getattr(self.progress, "waiting", None), asks, self.plan.sut.claims,
        )  # fmt: skip
        together = sorted((each for each in playable if not each.scenario.alone), key=self._urgency)
        if len(desk.places) == 1:  # leases wait until no ordinary scenario is open
            await self._together([each for each in together if each.scenario.lease is None], desk, running, back)
            together = [each for each in together if each.scenario.lease is not None]
        known = [each for each in together if each.scenario.lease is not None and each.suite.one_destination]
        await self._together([each for each in together if each not in known], desk, running, back)
        await self._together(known, desk, running, back)
        for each in playable:
            if each.scenario.alone:
                await self._together([each], desk, running, back)

    def _urgency(self, planned: Planned) -> tuple[float, bool, float]:
        """What surely waits long goes first, then leases, since they queue, then what may wait long."""
        timing, waits = self.plan.sut.timing, planned.scenario.waits
        certain = sum(float(getattr(timing, name, 1.0)) for name in waits if name in QUIET or not hasattr(timing, name))
        longest = max((float(getattr(timing, name, 0.0)) for name in waits), default=0.0)
        return -certain, planned.scenario.lease is None, -longest

    async def _together(self, planned: Sequence[Planned], desk: Desk, running: Any, back: Backstage) -> None:
        self._tasks = set()
        try:
            for each in planned:
                self._tasks.add(asyncio.create_task(self._one(each, desk, running, back)))
                await asyncio.sleep(0 if self._interrupted else STAGGER_S)
            if self._interrupted:
                self.interrupt()
            if self._tasks:
                await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise

    async def _one(self, planned: Planned, desk: Desk, running: Any, back: Backstage) -> None:
        """Wait for a place (a lease first: it is the rarer), then play; whatever happens stays inside this scenario."""
        scenario, role = planned.scenario, planned.role
        enter_scenario(scenario.name)
        recorder: Recorder | None = None
        began, state, reason = self.clock.monotonic_ns(), "cancelled", "interrupted before it began"
        try:
            async with contextlib.AsyncExitStack() as stack:
                owner = LeaseHolder()
                place: Place | None
                if scenario.lease is not None:
                    _known_listener(scenario.lease.listener)
                    shared = planned.suite.one_destination
                    place = await stack.enter_async_context(desk.lease(scenario.lease.listener, owner, shared=shared))
                else:
                    place = await stack.enter_async_context(desk.ordinary())
                await stack.enter_async_context(self._limits[role])
                recorder = self._recorders.scenario(planned, self._mode(planned))
                began = self.clock.monotonic_ns()
                stage = Stage(
                    planned.suite, scenario, _target(running, role, self._mode(planned)), recorder, back, place
                )
                owner.stage = stage
                if self.progress:
                    self.progress.started(role, scenario.name)
                if place is not None:
                    leased: dict[str, Any] = {"listener": scenario.lease.listener} if scenario.lease else {}
                    recorder.event("decision", what="destination", ae_title=place.ae_title, port=place.port, **leased)
                state, reason = await self._perform(scenario, stage)
        except asyncio.CancelledError:
            state, reason = "cancelled", "interrupted"
        except Exception as error:  # noqa: BLE001 - the harness's own fault; the checks of this scenario say error
            state, reason = "crashed", f"{type(error).__name__}: {error}"
        recorder = recorder or self._recorders.scenario(planned, self._mode(planned))
        recorder.close(state, reason)
        wall = (self.clock.monotonic_ns() - began) / NS
        kept = self._kept.transcript(recorder.path) if self._kept is not None else None
        self._played.append(Played(role, scenario, recorder.path, wall, kept))
        if self.progress:
            self.progress.ended(role, scenario.name, state, wall)

    async def _perform(self, scenario: Scenario, stage: Stage) -> tuple[str, str]:
        """Run the script itself and say how it ended."""
        limit = None if stage.unhurried else self.plan.sut.timing.scenario
        try:
            try:
                async with asyncio.timeout(limit):
                    if stage.backdrop is not None:
                        await stage.backdrop.begin()
                    await scenario.run(stage)
            finally:
                await stage.close()
        except SkippedError as error:
            return "skipped", str(error)
        except TimeoutError:
            return "timeout", f"not finished after {limit or 0:g} s ([timing] scenario)"
        if stage.failures:
            raise stage.failures[0]
        return "complete", ""

    async def _reachable(self, run: Recorder, running: Any) -> set[str]:
        """The roles whose end point can be talked to at all; the others are not played."""
        reachable: set[str] = set()
        for role in self.plan.roles:
            endpoint = self.plan.suites[role].resolve("endpoint")
            if endpoint is None:
                reachable.add(role)
                continue
            section = _target(running, role, None).section
            host, port = endpoint(section)
            why = await obstacle(
                section, host, port, network=self.network, clock=self.clock, timing=self.plan.sut.timing,
                deep=self.plan.sut.driver.kind != "builtin",
            )  # fmt: skip
            run.event("note", what="reachable", role=role, host=host, port=port, ok=not why, detail=why)
            if not why:
                reachable.add(role)
                continue
            for each in self.plan.playable:
                if each.role == role:
                    run.event(
                        "decision", what="not-played", role=role, scenario=each.scenario.name,
                        reason=f"the SUT cannot be reached at {host}:{port}: {why}",
                    )  # fmt: skip
        return reachable

    async def _measure_jitter(self, run: Recorder) -> None:
        """How late this machine's timers fire while the scenarios play: the origin of every timing tolerance."""
        worst = 0.0
        try:
            while self._jitter_step is not None:
                before = self.clock.monotonic_ns()
                await asyncio.sleep(self._jitter_step)
                worst = max(worst, (self.clock.monotonic_ns() - before) / NS - self._jitter_step)
        finally:
            run.event("note", what="jitter", max_s=round(worst, 6), step_s=self._jitter_step)

    def _timing(self, start: int) -> dict[str, Any]:
        wall = (self.clock.monotonic_ns() - start) / NS
        return critical_path(self._played, wall)


def _known_listener(name: str) -> None:
    """Raises ``KeyError`` with the names there are: a wrong one is the suite author's fault."""
    from stgcmt.actors.acceptor import LISTENERS  # noqa: PLC0415 - start-up

    if name != ABSENT:
        listener_of(LISTENERS, name)


def _target(running: Any, role: str, mode: str | None) -> Target:
    section = running.section(role, mode)
    return Target(section, section.get("seeding", {}), section.get("retrieval", {}), mode)


async def play_plan(
    plan: Plan, directory: Path, *, progress: Any = None, on_player: Callable[[Player], None] | None = None
) -> None:
    """Play ``plan`` into ``directory``; ``on_player`` gets the player first, to be able to interrupt it."""
    player = Player(plan, directory, progress=progress)
    if on_player:
        on_player(player)
    await player.play()
