"""What a scenario can do whose SUT asks: trigger it, script what it is answered, wait for it, hear what it believes.

::

    @scenario(needs=("trigger",), wants=("state",), waits=("trigger", "quiet_period"))
    async def at_once(play):
        instance = play.make("ct")
        play.answer(script)                 # an Asked -> Reply, sync or async, or a sequence of replies
        await play.trigger(instance)        # the vendor's command or URL; returns once the SUT has asked
        await play.asked(2)                 # False at the deadline
        await play.quiet()                  # until nothing came for a quiet period
        await play.believes(instance)       # True, False, None: recorded as an event ``state``

Over DIMSE ``play.scp(script)`` takes the place of ``answer`` (or bare handlers: ``play.serve({N_ACTION_RQ: handler})``);
``asked`` and ``quiet`` count messages of both kinds.
Events: ``trigger`` (action started | ended | nobody-asked; how, sop_instance_uids, ok, detail, came) and ``state``
(sop_instance_uid, committed, deletable, ok, detail). ``uid`` with what = "adopted" names a UID of the SUT's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stgcmt.actors.signal import Signal
from stgcmt.askdesk import SKIP, AskDesk, Triggering
from stgcmt.asking_values import asked_with, in_turn
from stgcmt.beliefs import believed, believed_in_front
from stgcmt.clock import Clock
from stgcmt.errors import SkippedError
from stgcmt.wire.command import N_EVENT_REPORT_RQ

if TYPE_CHECKING:
    from stgcmt.sut import Timing
    from stgcmt.transcript import Recorder

QUIET_ROUNDS = 60  # a SUT that never falls silent is not waited for for ever


class Asking:
    """The part of ``play`` for a SUT that asks; mixed into the stage."""

    role: str
    mode: str | None
    timing: Timing
    clock: Clock
    recorder: Recorder
    destination: Any
    section: Mapping[str, Any]
    asks: AskDesk | None
    backdrop: Any
    adopts = False

    def prepare_asking(self, scenario: str, asks: AskDesk | None, needs: Sequence[str] = ()) -> None:
        """Called once by the stage."""
        self.asks, self._scenario_name, self.declared_needs = asks, scenario, tuple(needs)
        self.heard: list[Any] = []
        self.told: list[Any] = []  # reports, where the SUT is an SCP on its other side
        self.failures: list[Exception] = []
        self.handlers: Mapping[int, Any] = {}
        self._script: Any = None
        self._scripted: list[Any] = []
        self._acting: set[asyncio.Task[None]] = set()
        self._heard_more = Signal()

    @property
    def unhurried(self) -> bool:
        """Whether a person, or chance, makes the SUT ask: then deadlines of their own bound the scenario."""
        table = self._trigger_table(self.asks) if self.asks else {}
        return "trigger" in self.declared_needs and table.get("how") in {"attended", "listen"}

    def provided(self, need: str) -> bool:
        """Whether our end behind the SUT meets a need of this scenario."""
        raise NotImplementedError

    def reported(self, uids: set[str]) -> None:
        """The desk's word that a message from outside mentioned these UIDs."""
        raise NotImplementedError

    def _declared(self, name: str) -> None:
        raise NotImplementedError

    def dimse(self, **options: Any) -> contextlib.AbstractAsyncContextManager[Any]:
        """An association to the SUT (the stage's)."""
        raise NotImplementedError

    def _waiting(self, name: str, reason: str, seconds: float, why: str) -> contextlib.AbstractContextManager[None]:
        raise NotImplementedError

    # --- what the SUT is answered

    def answer(self, script: Any) -> None:
        """How our server answers this scenario's requests from now on.

        ``script``: a function of the request (``Asked``) that returns a ``Reply`` or awaits one; or a sequence of replies, one a
        request, of which the last is repeated.
        """
        self._script = script if callable(script) else in_turn(tuple(script))

    def serve(self, handlers: Mapping[int, Any]) -> None:
        """Who serves this scenario's DIMSE requests, by Command Field (see ``actors.acceptor.Handler``)."""
        self.handlers = dict(handlers)

    def scp(self, script: Any, *, end_point: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """A scripted SCP that serves this scenario's DIMSE requests, and opens associations to where the SUT listens.

        ``script``: see ``actors.scripted_scp``. ``end_point``: host, port and AE title of that listener; by default the SUT's
        section. It is closed with the scenario.
        """
        from stgcmt.actors.scripted_scp import ScriptedScp  # noqa: PLC0415 - start-up

        where = self.section if end_point is None else end_point
        made = ScriptedScp(script, lambda **names: self._to_listener(where, names), **options)
        self.serve(made.handlers)
        self._scripted.append(made)
        return made

    def _to_listener(self, where: Mapping[str, Any], names: Mapping[str, Any]) -> Any:
        """An association to the listener of a client; raises ``OSError`` where nobody told where it is."""
        if not (where.get("host") and where.get("port")):
            raise OSError("the SUT file names no host and port at which the SUT takes reports")
        named = {name: value for name, value in names.items() if name != "exactly"}
        known = None if names.get("exactly") else where.get("ae_title")
        return self.dimse(**{**named, "called_ae": known or names["called_ae"], "end_point": where})

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Meanwhile nobody listens where the SUT's HTTP requests arrive; only for a scenario that plays ``alone``."""
        self.recorder.event("decision", what="listener", listener="absent")
        async with self._asks().away(self.role):
            yield
        self.recorder.event("decision", what="listener", listener="plain")

    @property
    def base_path(self) -> str:
        """The path of the base URL at which the SUT is told to find our server."""
        place = self.asks.place(self.role) if self.asks is not None else None
        return place.path if place is not None else ""

    async def answer_http(self, asked: Any) -> Any:
        """What this scenario's script says to a request; 404 without a script."""
        from stgcmt.actors.http_server import Reply  # noqa: PLC0415 - start-up

        self.hear(asked)
        if self._script is None:
            return Reply(404)
        try:
            reply = self._script(asked)
            return await reply if inspect.isawaitable(reply) else reply
        except Exception as error:
            self.broke(error)
            raise

    def broke(self, error: Exception) -> None:
        """A script of this scenario failed: it counts as crashed, whatever else it recorded."""
        self.failures.append(error)

    def hear(self, asked: Any) -> None:
        """Count a request or message of the SUT (HTTP ``Asked`` or a DIMSE message); a report asks for nothing."""
        if getattr(getattr(asked, "command", None), "field", None) == N_EVENT_REPORT_RQ:
            self.told.append(asked)
            return
        self.heard.append(asked)
        self._heard_more.set()
        self._heard_more = Signal()

    # --- waiting for the SUT

    async def asked(
        self, count: int = 1, *, within: str = "trigger", seconds: float | None = None,
        where: Callable[[Any], bool] | None = None, reason: str = "report",
    ) -> bool:  # fmt: skip
        """Wait until the SUT has asked ``count`` times in all (requests that fit ``where``); False at the deadline."""
        self._declared(within)
        length = float(getattr(self.timing, within)) if seconds is None else float(seconds)
        with self._waiting(within, reason, length, f"{count} request{'' if count == 1 else 's'} of the SUT"):
            return await self._until_heard(count, where, length)

    async def _until_heard(self, count: int, where: Callable[[Any], bool] | None, seconds: float) -> bool:
        looked = fitting = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    fitting += self._count(where, looked)
                    looked = len(self.heard)
                    if fitting >= count:
                        return True
                    await self._heard_more.wait()
        return False

    async def quiet(self, within: str = "quiet_period", seconds: float | None = None) -> int:
        """Wait until the SUT has asked nothing for a whole quiet period; how many requests it made meanwhile."""
        before = len(self.heard)
        for _ in range(QUIET_ROUNDS):
            if not await self.asked(len(self.heard) + 1, within=within, seconds=seconds, reason="quiet"):
                return len(self.heard) - before
        self.recorder.event("note", what="never-quiet", requests=len(self.heard) - before)
        return len(self.heard) - before

    def _count(self, where: Callable[[Any], bool] | None, since: int) -> int:
        new = self.heard[since:]
        return len(new) if where is None else sum(1 for each in new if where(each))

    # --- making the SUT ask

    async def trigger(self, *instances: Any, **values: str) -> bool:
        """Have the SUT ask for commitment of these instances as ``[trigger]`` says; whether it asked in time.

        A vendor's command or URL may take as long as the commitment: it goes on beside the scenario. Raises
        ``SkippedError`` where the trigger failed and nothing ever came, or nobody asked in an attended or listening run.
        """
        self._declared("trigger")
        asks = self._asks()
        table = self._trigger_table(asks)
        how = Triggering.of(table)
        if how is None:
            raise SkippedError("the SUT file has no [trigger]")
        self.adopts = True
        uids = [each.sop_instance_uid for each in instances]
        before = len(self.heard)
        self.recorder.event("trigger", action="started", how=how.how, sop_instance_uids=uids)
        self._triggered = self.clock.monotonic_ns()
        if how.how in {"attended", "listen"}:
            return await self._wait_for_somebody(how, instances, before)
        acting = asyncio.ensure_future(self._act(table, instances, values))
        self._acting.add(acting)
        acting.add_done_callback(self._acting.discard)
        return await self._until_asked(acting, before)

    def _trigger_table(self, asks: AskDesk) -> Mapping[str, Any]:
        if self.provided("trigger"):
            return {"how": "front"}
        return asks.triggering(self.role, self.mode) if asks.triggering else {}

    async def _until_asked(self, acting: asyncio.Future[None], before: int) -> bool:
        waiting = asyncio.ensure_future(self.asked(before + 1, within="trigger", reason="deadline"))
        try:
            both: set[asyncio.Future[Any]] = {acting, waiting}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self.provided("trigger") and not waiting.done():  # it was told in front how it ended: nothing more comes
                await asyncio.wait({waiting}, timeout=float(self.timing.quiet_period))
                if not waiting.done():
                    self._nobody_asked(float(self.timing.quiet_period))
                    return False
            failed = acting.done() and self._failed
            if failed and not self.heard:  # what was heard before must be judged
                raise SkippedError(f"the trigger failed: {self._failed}")
            came = await waiting
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        if not came:
            self._nobody_asked(float(self.timing.trigger))
        return came

    def _nobody_asked(self, seconds: float) -> None:
        more: dict[str, Any] = {"came": strange} if (strange := self._strange()) else {}
        self.recorder.event("trigger", action="nobody-asked", seconds=seconds, **more)

    def _strange(self) -> str:
        """What came to our listeners since the trigger and belongs to nobody, in words."""
        return self.asks.desk.visitors.told(self._triggered) if self.asks is not None else ""

    _triggered = 0
    _failed = ""
    _batches = 0

    async def _act(self, table: Mapping[str, Any], instances: Sequence[Any], values: Mapping[str, str]) -> None:
        if self.backdrop is not None and self.provided("trigger"):
            try:
                await self.backdrop.trigger(instances)
            except Exception as error:
                self.broke(error)
                raise
            self.recorder.event("trigger", action="ended", ok=True, detail="asked in front")
            return
        asks = self._asks()
        filled = {**self._values(instances), **values}
        if "{files}" in json.dumps(dict(table)):
            filled["files"] = str(self._files(asks.directory, instances))
        done = await asks.act("trigger", self.role, self.mode, filled) if asks.act else None
        ok, detail = (done.ok, done.detail) if done else (False, "no driver")
        self._failed = "" if ok else detail or "without a word"
        self.recorder.event("trigger", action="ended", ok=ok, detail=detail)

    async def _wait_for_somebody(self, how: Triggering, instances: Sequence[Any], before: int) -> bool:
        asks = self._asks()
        async with asks.turn if how.how == "attended" else contextlib.nullcontext():
            seconds = how.deadline if how.how == "attended" else asks.left_of(how.window)
            if how.how == "attended" and asks.attend:
                files = self._files(asks.directory, instances)
                asks.attend(self.role, self._scenario_name, self._instruction(files, seconds))
            elif how.how == "listen":
                asks.open_window(self.role, self._where(), seconds)
            asks.want(self)
            try:
                coming = self.asked(before + 1, within="trigger", seconds=seconds, reason="deadline")
                said = asks.said if how.how == "attended" else None
                came = await (self._asked_or_said(coming, said) if said else coming)
            finally:
                asks.want_no_more(self)
        if not came:
            self._nobody_asked(seconds)
        if not self.heard:
            limit = how.deadline if how.how == "attended" else how.window
            strange = f"; there came {came_instead}" if (came_instead := self._strange()) else ""
            raise SkippedError(f"nobody asked within {limit:g} s ([trigger] how = {how.how!r}){strange}")
        return came

    async def _asked_or_said(self, coming: Coroutine[Any, Any, bool], said: Callable[[], Awaitable[str]]) -> bool:
        """Until the SUT asks, or the person says it is done (then as long as a trigger may take), or skips it."""
        waiting, saying = asyncio.ensure_future(coming), asyncio.ensure_future(said())
        try:
            await asyncio.wait({waiting, saying}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                return waiting.result()
            self.recorder.event("trigger", action="said", what=saying.result())
            if saying.result() == SKIP:
                raise SkippedError("the person who attends skipped it")
            done, _ = await asyncio.wait({waiting}, timeout=float(self.timing.trigger))
            return waiting.result() if done else False
        finally:
            for task in (waiting, saying):
                task.cancel()
            await asyncio.gather(waiting, saying, return_exceptions=True)

    def _instruction(self, files: Path, seconds: float) -> str:
        return f"have the client send the instances in {files} and ask {self._where()} for their commitment, within {seconds:g} s"

    def _where(self) -> str:
        """Our address as a person reads it."""
        values = self._values(())
        return values.get("base_url") or f"{values.get('ae_title')}@{values.get('host')}:{values.get('port')}"

    def _values(self, instances: Sequence[Any]) -> dict[str, str]:
        """What the placeholders of ``[trigger]`` and ``[state]`` stand for."""
        return asked_with(self._scenario_name, instances, self._asks().place(self.role), self.destination)

    def _files(self, directory: Path, instances: Sequence[Any]) -> Path:
        """The instances as DICOM files in a directory of this scenario."""
        self._batches += 1
        where = directory / "instances" / self.role / self._scenario_name / str(self._batches)
        where.mkdir(parents=True, exist_ok=True)
        for each in instances:
            (where / f"{each.sop_instance_uid}.dcm").write_bytes(each.part10())
        return where.absolute()

    # --- what the SUT believes

    async def believes(self, instance: Any) -> bool | None:
        """Whether the SUT holds an instance as committed, or would delete it, as ``[state]`` tells; ``None``: unknown.

        ``instance``: one of ours, or a SOP Instance UID.
        """
        uid = instance if isinstance(instance, str) else instance.sop_instance_uid
        if self.backdrop is not None and self.provided("state"):
            return await believed_in_front(self.backdrop, self.recorder, uid)
        asks = self._asks()
        if asks.act is None:
            return None
        done = await asks.act("state", self.role, self.mode, {**self._values(()), "sop_instance_uid": uid})
        return None if done is None else believed(done, self.recorder, uid)

    async def end_asking(self) -> None:
        """End what a scripted SCP still has to say; let the vendor's commands end, at most ``[timing] trigger`` seconds."""
        for each in self._scripted:
            await each.aclose()
        if self._acting:
            _, pending = await asyncio.wait(self._acting, timeout=float(self.timing.trigger))
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    def _asks(self) -> AskDesk:
        if self.asks is None:
            raise SkippedError("this suite serves nobody: Suite.serves is empty")
        return self.asks
