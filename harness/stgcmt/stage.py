"""What a scenario gets: one argument, ``play``, through which it reaches actors, seeding, steps, UIDs and waits.

Everything it does is recorded in the scenario's transcript; nothing here judges.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from stgcmt.askdesk import AskDesk
from stgcmt.asking import Asking
from stgcmt.clock import NS, Clock
from stgcmt.desk import Desk, Place
from stgcmt.endpoints import dimse_endpoint, dimse_timeouts
from stgcmt.errors import SkippedError, UsageError
from stgcmt.suite import Scenario, Suite
from stgcmt.sut import Timing
from stgcmt.transcript import STEP, Recorder
from stgcmt.wire.stream import Network

QUIET = ("quiet_period", "second_part_pause")
POLL = "poll_interval"
_IN_LINE: ContextVar[bool] = ContextVar("stgcmt_in_line", default=False)


class UndeclaredError(Exception):
    """A scenario did what it did not declare: the suite author's fault."""


@dataclass(frozen=True)
class Target:
    """The SUT as one scenario sees it: its section in the scenario's mode, and how instances get in and out."""

    section: Mapping[str, Any]
    seeding: Mapping[str, Any]
    retrieval: Mapping[str, Any]
    mode: str | None = None


@dataclass(frozen=True)
class Backstage:
    """What all scenarios of a run share."""

    clock: Clock
    network: Network
    timing: Timing
    desk: Desk
    provoke: Callable[..., Any]
    restart: Callable[[], Any]
    line: asyncio.Semaphore  # [timing] associations
    preloaded: tuple[Any, ...] = ()
    waiting: Callable[[str, str, str, float], None] | None = None
    asks: AskDesk | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)


class Stage(Asking):
    """The ``play`` argument of one scenario."""

    def __init__(
        self, suite: Suite, scenario: Scenario, target: Target, recorder: Recorder, back: Backstage, place: Place | None
    ) -> None:
        self.role, self.mode, self.section = suite.role, target.mode, target.section
        self.timing, self.destination, self.recorder = back.timing, place, recorder
        self.clock, self.network = back.clock, back.network
        self.arrivals = back.desk.arrivals
        self._suite, self._scenario, self._target, self._back = suite, scenario, target, back
        self._seen: dict[str, int] = {}
        self._news = asyncio.Condition()
        self._clients: list[Any] = []
        self._preloaded = 0
        self.asked_mode = scenario.mode  # whether the SUT has it or not
        make = suite.resolve("backdrop")
        self.relayed = bool(self.section.get("relay"))  # our end behind the SUT is a real one (``stgcmt.relay``)
        self.backdrop = make(self, scenario.face) if make and not self.relayed else None
        self.adopts = make is not None  # what goes on behind the SUT belongs to who began it in front
        self.prepare_asking(scenario.name, back.asks, scenario.needs)

    def provided(self, need: str) -> bool:
        """Whether our end behind the SUT meets a need of this scenario."""
        return self.backdrop is not None and need in self._suite.provides

    def claimed(self, name: str) -> Any:
        """What the vendor states under this name of the role's claims; ``None`` where nothing is stated."""
        return self._back.claims.get(self.role, {}).get(name)

    # --- steps, UIDs, notes

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name what happens inside; events carry the step's name."""
        token = STEP.set(name)
        try:
            yield
        finally:
            STEP.reset(token)

    def uid(self, what: str = "transaction") -> str:
        """A fresh UID of this scenario."""
        uid = self._back.desk.mint.uid(f"{self.role}/{self._scenario.name}")
        self._back.desk.own(uid, self, transaction=what == "transaction")
        self.recorder.event("uid", uid=uid, what=what)
        return uid

    def note(self, **info: Any) -> None:
        """Record a remark for readers and checks."""
        self.recorder.event("note", **info)

    # --- actors

    def http(self, **options: Any) -> Any:
        """An HTTP client on the SUT's base URL; every call has a connection pool of its own."""
        from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up

        client = client_for(
            self._target.section, network=self.network, clock=self.clock, connection=self.recorder.connection,
            timing=self.timing, **options,
        )  # fmt: skip
        self._clients.append(client)
        return client

    def dimse(self, **options: Any) -> AbstractAsyncContextManager[Any]:
        """An association to the SUT under the destination's AE title; ``options`` go to the requestor.

        ``end_point``: host, port, AE title of another end point than the SUT's section.
        """
        from stgcmt.actors.requestor import associate  # noqa: PLC0415 - start-up

        calling = self.destination.ae_title if self.destination is not None else None
        section = options.pop("end_point", None) or self._target.section
        merged = dimse_endpoint(section, calling) | {"timeouts": dimse_timeouts(self.timing)} | options
        merged.setdefault("on_message", self._on_message)
        return self.in_line(associate(self.network, self.clock, self.recorder.connection(), **merged))

    @contextlib.asynccontextmanager
    async def in_line(self, association: AbstractAsyncContextManager[Any]) -> AsyncIterator[Any]:
        """``association`` once fewer than ``[timing] associations`` are open.

        Who holds one already never waits for a second, so that two scenarios cannot wait for each other.
        """
        async with contextlib.nullcontext() if _IN_LINE.get() else self._back.line:
            token = _IN_LINE.set(True)
            try:
                async with association as opened:
                    yield opened
            finally:
                _IN_LINE.reset(token)

    async def _on_message(self, association: Any, message: Any) -> None:
        """A report on an association of ours: answered like one on a destination, then counted.

        One that crosses our release stays without an answer; then the SUT still has to deliver it, and it counts no more.
        """
        from stgcmt.wire.command import N_EVENT_REPORT_RQ  # noqa: PLC0415 - start-up

        if message.command.field == N_EVENT_REPORT_RQ and not await association.respond(message, 0x0000):
            return
        self.reported(self._back.desk.mint.found_in(message.data or b""))

    # --- instances

    @property
    def seeding(self) -> str:
        """How instances get into the SUT: stow, c-store, preloaded or none; back-end where our end behind it holds them."""
        return "back-end" if self.provided("seeding") else str(self._target.seeding.get("how", "none"))

    def make(self, kind: str = "ct", **where: Any) -> Any:
        """An instance that the SUT was never given."""
        return self._suite.resolve("instances")(kind, uid=lambda: self.uid("instance"), **where)

    async def seed(self, kind: Any = "ct", *, optional: bool = False, **where: Any) -> Any:
        """An instance that the SUT holds, brought there as ``[seeding]`` says; raises ``SkippedError`` where that fails.

        ``kind``: of what kind it is to be, or an instance that ``make`` made before.
        With ``optional`` a refusal is recorded, and the instance returned all the same; so it is where the SUT file has
        no seeding and the scenario only wants it.
        """
        from stgcmt import seeding  # noqa: PLC0415 - start-up

        how = self.seeding
        if how == "preloaded":
            return self._next_preloaded(kind)
        instance = self.make(kind, **where) if isinstance(kind, str) else kind
        optional |= how == "none" and "seeding" in self._scenario.wants
        with self.step("seed"):
            if self.backdrop is not None and self.provided("seeding"):
                await self.backdrop.seed(instance)
                ok, detail = True, "held by our end behind the SUT"
            else:
                ok, detail = await seeding.seed(how, instance, self._target, self)
        self.recorder.event(
            "seed", ok=ok, how=how, detail=detail, sop_class_uid=instance.sop_class_uid, sop_instance_uid=instance.sop_instance_uid,
            study_instance_uid=instance.study_instance_uid, series_instance_uid=instance.series_instance_uid,
        )  # fmt: skip
        if not ok and not optional:
            raise SkippedError(f"seeding by {how} failed: {detail}")
        return instance

    def _next_preloaded(self, kind: str) -> Any:
        known = self._target.seeding.get("instances") or self._back.preloaded  # the former: told by a reference
        if not known:
            raise SkippedError("seeding is preloaded, but the file of UIDs names no instance")
        self._preloaded += 1
        if self._preloaded > len(known):
            raise SkippedError(f"the scenario needs {self._preloaded} instances, the file of UIDs names {len(known)}")
        instance = known[self._preloaded - 1]
        self.recorder.event(
            "seed", ok=True, how="preloaded", preloaded=True, asked=kind, sop_instance_uid=instance.sop_instance_uid
        )
        return instance

    async def retrieve(self, instance: Any) -> Any:
        """Read an instance back as ``[retrieval]`` says: its part 10 bytes or data set bytes, ``None`` where there is none."""
        from stgcmt import seeding  # noqa: PLC0415 - start-up

        how = self._target.retrieval.get("how", "none")
        with self.step("retrieve"):
            try:
                found = await seeding.retrieve(how, instance, self._target, self)
            except UsageError as error:  # a matter of the set-up, not of what the SUT keeps
                raise SkippedError(f"retrieving by {how} failed: {error}") from error
        self.recorder.event(
            "retrieve",
            ok=found.data is not None,
            available=found.available,
            how=how,
            detail=found.detail,
            sop_instance_uid=instance.sop_instance_uid,
        )
        return found

    # --- waits

    async def wait(self, name: str, seconds: float | None = None, *, why: str = "") -> None:
        """Wait by a declared name: a field of ``[timing]``, or ``retry_after`` and the like with ``seconds``."""
        self._declared(name)
        asked = seconds is not None
        length = float(getattr(self.timing, name)) if seconds is None else float(seconds)
        reason = "quiet" if name in QUIET else "poll" if name == POLL and not asked else "sut" if asked else "deadline"
        with self._waiting(name, reason, length, why):
            await asyncio.sleep(length)

    async def report(
        self, *uids: str, count: int = 1, within: str = "max_report_delay", seconds: float | None = None
    ) -> bool:
        """Wait until ``count`` messages from outside mentioned one of ``uids``; False at the deadline."""
        self._declared(within)
        limit = float(getattr(self.timing, within)) if seconds is None else seconds
        length = min(limit, self.timing.report_wait)
        with self._waiting(within, "report", length, f"{count} report{'' if count == 1 else 's'}"):
            try:
                async with asyncio.timeout(length), self._news:
                    await self._news.wait_for(lambda: self._reports(uids) >= count)
            except TimeoutError:
                place = self.destination.as_json() if self.destination is not None else None
                self.recorder.event(
                    "note", what="pending", uids=list(uids), count=count, seen=self._reports(uids), limit_s=limit,
                    waited_s=length, destination=place,
                )  # fmt: skip
                return False
        return True

    def _reports(self, uids: Sequence[str]) -> int:
        return max((self._seen.get(uid, 0) for uid in uids), default=0)

    def reported(self, uids: set[str]) -> None:
        """The desk's word that a message from outside mentioned these UIDs."""
        for uid in uids:
            self._seen[uid] = self._seen.get(uid, 0) + 1
        task = asyncio.ensure_future(self._announce())
        task.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)

    async def _announce(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _declared(self, name: str) -> None:
        if name not in self._scenario.waits:
            raise UndeclaredError(
                f"{self._scenario.name} waits for {name}, but declares {', '.join(self._scenario.waits) or 'no wait'}"
            )

    @contextlib.contextmanager
    def _waiting(self, name: str, reason: str, seconds: float, why: str) -> Iterator[None]:
        if self._back.waiting:
            self._back.waiting(self.role, self._scenario.name, name, seconds)
        start = self.clock.monotonic_ns()
        self.recorder.event("wait.start", name=name, reason=reason, seconds=seconds, why=why)
        try:
            yield
        finally:
            waited = (self.clock.monotonic_ns() - start) / NS
            self.recorder.event("wait.end", name=name, reason=reason, waited=round(waited, 6))

    # --- the vendor's help

    async def provoke(self, name: str, **values: str) -> bool:
        """Have the vendor's ``[provoke]`` command bring the SUT into a state; recorded."""
        if f"provoke.{name}" not in (*self._scenario.needs, *self._scenario.wants):
            raise UndeclaredError(f"{self._scenario.name} provokes {name} without declaring provoke.{name}")
        if self.backdrop is not None and self.provided(f"provoke.{name}"):
            await self.backdrop.provoke(name, values)
            self.recorder.event("provoke", name=name, ok=True, detail="our end behind the SUT", values=dict(values))
            return True
        done = await self._back.provoke(self.role, self.mode, name, values)
        self.recorder.event("provoke", name=name, ok=done.ok, detail=done.detail, values=dict(values))
        return bool(done.ok)

    async def restart(self) -> bool:
        """Restart the SUT through its driver; False where that cannot and the scenario only wants it."""
        if "restart" not in (*self._scenario.needs, *self._scenario.wants):
            raise UndeclaredError(f"{self._scenario.name} restarts the SUT without declaring restart")
        self.recorder.event("driver", action="restart")
        try:
            await self._back.restart()
        except UsageError as error:
            if "restart" in self._scenario.needs:
                raise
            self.recorder.event("driver", action="not-restarted", detail=str(error))
            return False
        self.recorder.event("driver", action="restarted")
        return True

    async def listen(self, listener: str) -> None:
        """Change how the leased destination behaves from the next connection on."""
        if self._scenario.lease is None or self.destination is None:
            raise UndeclaredError(f"{self._scenario.name} has no lease")
        await self._back.desk.behave(self.destination, listener)
        self.recorder.event("decision", what="listener", listener=listener)

    # --- the end

    async def close(self) -> None:
        """Close the clients and let associations of this scenario end, at most ``release`` seconds."""
        if self.backdrop is not None:
            await self.backdrop.end()
        for client in self._clients:
            await client.aclose()
        await self.end_asking()
        if not await self._back.desk.drain(self, self.timing.release):
            self.recorder.event(
                "note", what="open-association", text="an association from the SUT was still open at the end"
            )
