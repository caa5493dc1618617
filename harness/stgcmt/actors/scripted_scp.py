"""A scripted SCP of Storage Commitment: per request a turn that says what is answered, reported, when, and on which association.

It knows messages, roles and associations; what a request means and what a report says is the caller's: a script turns each
N-ACTION-RQ into a ``Turn``, a ``Delivery`` writes its data set in the transfer syntax that was accepted::

    def script(request):                      # Request -> Turn, or an awaitable of one
        return Turn(reports=(Delivery(write, way="new", delay_s=0.5),))

    scp = ScriptedScp(script, opener)         # opener(proposal=…, calling_ae=…, called_ae=…): an association to the SCU;
                                              # exactly=True: under that AE title, whatever the SUT file says
    acceptor = Acceptor(clock, tap, storing(PLAIN), handlers=scp.handlers)

C-ECHO and C-STORE are served too, since a client usually stores first.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

from stgcmt.actors.acceptor import Handler, Reply
from stgcmt.actors.association import Association
from stgcmt.actors.outcome import NotAccepted, Outcome, Response, Silence, Split, Unreachable
from stgcmt.actors.signal import Signal
from stgcmt.transcript import STEP
from stgcmt.wire import command as cmd
from stgcmt.wire.command import Value
from stgcmt.wire.items import Role
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.pdv import Message
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE, IMPLICIT_LE

Way = Literal["same", "new", "either"]
When = Literal["before-response", "after-response", "after-end"]
Instead = Literal["", "abort", "close", "release"]
Then = Literal["", "abort", "close"]
SCP_ROLE = (0, 1)
END_S = 30.0  # how long a report that waits for the end of the request's association waits for it
# Writes the data set in a transfer syntax; ``None``: no data set.
Write = Callable[[str], bytes | None]
Opener = Callable[..., AbstractAsyncContextManager[Association]]


@dataclass(frozen=True)
class Request:
    """One N-ACTION-RQ as it arrived: its association and bytes; ``number`` counts all of this SCP from 1."""

    association: Association
    message: Message
    number: int

    @property
    def data(self) -> bytes:
        """The bytes of the Action Information; empty where none came."""
        return self.message.data or b""

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax of its presentation context."""
        return self.association.contexts[self.message.context_id].transfer_syntax

    @property
    def calling_ae(self) -> str:
        """The AE title that the client calls itself."""
        return self.association.request.calling_ae if self.association.request else ""

    @property
    def called_ae(self) -> str:
        """The AE title that the client called us by."""
        return self.association.request.called_ae if self.association.request else ""


@dataclass(frozen=True)
class Delivery:
    """One N-EVENT-REPORT-RQ, and how it goes.

    Attributes:
        write: the Event Information in a transfer syntax.
        event_type: Event Type ID; ``None`` leaves it out.
        way: on the association of the request (``same``), on one that we open (``new``), or the first while it is open, else
            the second (``either``).
        when: before the N-ACTION-RSP, after it, or after the client has ended the association of its request.
        delay_s: seconds to wait before it, counted from that moment.
        role: SCU and SCP role proposed on a new association; ``None``: no role item (PS3.7 D.3.3.4).
        transfer_syntaxes: what is proposed on a new association.
        lenient: report although the client did not grant the role, as many archives do; the negotiation is judged by itself.
        overrides: elements of the command set (``None`` leaves one out); ``class_uid`` and ``instance_uid`` the affected ones.
        split: where to pause inside the message.
        called_ae: the AE title that a new association calls; by default the one that the client called itself.
        again: only where no report before it, of the same turn, was answered with success.
        abort_after: abort the new association right after the report was sent, without waiting for a response; one with a
            ``split`` in its pause, so that only the first part has gone out.
        step: the name that its events carry.
    """

    write: Write
    event_type: int | None = 1
    way: Way = "either"
    when: When = "after-response"
    delay_s: float = 0.0
    role: tuple[int, int] | None = SCP_ROLE
    transfer_syntaxes: tuple[str, ...] = (IMPLICIT_LE, EXPLICIT_LE)
    lenient: bool = True
    class_uid: str | None = COMMITMENT_PUSH
    instance_uid: str | None = COMMITMENT_PUSH_INSTANCE
    overrides: Mapping[int, Value] = field(default_factory=dict)
    split: Split | None = None
    called_ae: str | None = None
    again: bool = False
    abort_after: bool = False
    response_s: float | None = None
    step: str | None = None

    def proposal(self) -> Proposal:
        """What a new association for it proposes."""
        roles = () if self.role is None else (Role(COMMITMENT_PUSH, *self.role),)
        return Proposal(((COMMITMENT_PUSH, self.transfer_syntaxes),), roles)


@dataclass(frozen=True)
class Turn:
    """What one N-ACTION-RQ gets.

    ``status`` ``None``: no response at all; ``delay_s``: seconds before it; ``fields`` override its elements. ``instead``
    ends the association in place of a response, ``then`` as soon as the response is out. ``reports`` go out one after the other.
    """

    status: int | None = 0x0000
    delay_s: float = 0.0
    fields: Mapping[int, Value] = field(default_factory=dict)
    instead: Instead = ""
    then: Then = ""
    reports: Sequence[Delivery] = ()


@dataclass(frozen=True)
class Delivered:
    """What became of a delivery: ``Response`` with the client's status, or what came instead of it."""

    request: Request
    delivery: Delivery
    outcome: Outcome


Script = Callable[[Request], Turn | Awaitable[Turn]]
OnStore = Callable[[Association, Message], int | None]


def stored(_: Association, __: Message) -> int:
    """Every instance is taken."""
    return 0x0000


def nowhere(**_: Any) -> AbstractAsyncContextManager[Association]:
    """The opener of an SCP that knows no listener of its client; raises ``OSError``."""
    raise OSError("nobody told where the client listens")


class ScriptedScp:
    """Serves requests by a script, and delivers the reports; ``aclose`` it in every case.

    ``delivered`` has what became of each report, in the order in which they ended; ``failures`` are errors of the script:
    ours, never the peer's.
    """

    def __init__(self, script: Script, opener: Opener = nowhere, *, on_store: OnStore = stored) -> None:
        self._script, self._opener, self._on_store = script, opener, on_store
        self._tasks: set[asyncio.Task[None]] = set()
        self._answering: set[Signal] = set()  # one a request whose response is going out: its reports come after it
        self.requests: list[Request] = []
        self.delivered: list[Delivered] = []
        self.failures: list[Exception] = []

    @property
    def handlers(self) -> Mapping[int, Handler]:
        """Who serves what, by Command Field, for an acceptor."""
        return {cmd.C_ECHO_RQ: _echo, cmd.C_STORE_RQ: self._store, cmd.N_ACTION_RQ: self._action}

    @property
    def busy(self) -> bool:
        """Whether a report is still to go out, or to be answered."""
        return bool(self._tasks or self._answering)

    async def settled(self) -> None:
        """Return when every report has gone out and was answered, or cannot be."""
        while self.busy:
            for answered in tuple(self._answering):
                await answered.wait()
            if self._tasks:
                await asyncio.wait(set(self._tasks))

    def report(self, request: Request, *deliveries: Delivery) -> None:
        """Report on a request of before, now: one after the other (``settled`` waits for them)."""
        self._spawn(self._deliver_all(request, deliveries))

    async def aclose(self) -> None:
        """Give up what has not gone out yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- serving

    async def _store(self, assoc: Association, message: Message) -> Reply | None:
        status = self._on_store(assoc, message)
        return None if status is None else Reply(status)

    async def _action(self, assoc: Association, message: Message) -> None:
        request = Request(assoc, message, len(self.requests) + 1)
        self.requests.append(request)
        made = self._script(request)
        turn = await made if inspect.isawaitable(made) else made
        early = [each for each in turn.reports if each.when == "before-response"]
        if early:
            self._spawn(self._deliver_all(request, early))
            # A turn of the loop: the first report is on its way before the response (fragments of two messages never mix).
            await asyncio.sleep(0)
        if turn.delay_s:
            await asyncio.sleep(turn.delay_s)
        answered = Signal()
        self._answering.add(answered)
        try:
            await self._respond(request, turn)
            later = [each for each in turn.reports if each.when != "before-response"]
            if later:
                self._spawn(self._deliver_all(request, later))
        finally:
            self._answering.discard(answered)
            answered.set()

    async def _respond(self, request: Request, turn: Turn) -> None:
        assoc = request.association
        match turn.instead:
            case "abort":
                await assoc.abort()
            case "close":
                await assoc.close()
            case "release":
                self._spawn(
                    _released(assoc)
                )  # its handler is this very task: a release from here would wait for itself
            case _ if turn.status is not None:
                await assoc.respond(request.message, turn.status, fields=turn.fields)
        if turn.then == "abort":
            await assoc.abort()
        elif turn.then == "close":
            await assoc.close()

    # --- reporting

    def _spawn(self, job: Any) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.failures.append(error)

    async def _deliver_all(self, request: Request, deliveries: Sequence[Delivery]) -> None:
        taken = False
        for each in deliveries:
            if each.again and taken:
                continue
            token = STEP.set(each.step or STEP.get())
            try:
                outcome = await self._deliver(request, each)
                self.delivered.append(Delivered(request, each, outcome))
                taken |= isinstance(outcome, Response) and outcome.status == 0
            finally:
                STEP.reset(token)

    async def _deliver(self, request: Request, delivery: Delivery) -> Outcome:
        assoc = request.association
        if delivery.when == "after-end" and not await assoc.ended.within(END_S):
            return Silence(END_S)
        if delivery.delay_s:
            await asyncio.sleep(delivery.delay_s)
        if delivery.way == "same" or (delivery.way == "either" and assoc.established):
            found = await _report(assoc, delivery)
            if delivery.way == "same" or isinstance(found, (Response, Silence)):
                return found
        return await self._on_new_association(request, delivery)

    async def _on_new_association(self, request: Request, delivery: Delivery) -> Outcome:
        """PS3.4 J.3.3.1.2 note 2: under the AE title that we were called by."""
        try:
            opened = self._opener(
                proposal=delivery.proposal(),
                calling_ae=request.called_ae,
                called_ae=delivery.called_ae or request.calling_ae,
                **({"exactly": True} if delivery.called_ae else {}),
            )
        except OSError as error:
            return Unreachable(str(error))
        async with opened as assoc:
            granted = next((each for each in assoc.contexts.values() if each.abstract_syntax == COMMITMENT_PUSH), None)
            if assoc.established and granted and delivery.role and not granted.requestor_scp and not delivery.lenient:
                return NotAccepted(COMMITMENT_PUSH)
            if delivery.abort_after:
                sending = asyncio.ensure_future(_report(assoc, delivery))
                await asyncio.sleep(delivery.split.pause_s / 2 if delivery.split else 0)
                await assoc.abort()
                return await sending
            return await _report(assoc, delivery)


async def _report(assoc: Association, delivery: Delivery) -> Outcome:
    syntax = assoc.transfer_syntax(COMMITMENT_PUSH)
    if syntax is None:
        return assoc.outcome or NotAccepted(COMMITMENT_PUSH)
    return await assoc.n_event_report(
        delivery.write(syntax),
        delivery.event_type,
        class_uid=delivery.class_uid,
        instance_uid=delivery.instance_uid,
        overrides=delivery.overrides,
        split=delivery.split,
        timeout=delivery.response_s,
    )


async def _echo(_: Association, __: Message) -> Reply:
    return Reply(0x0000)


async def _released(assoc: Association) -> None:
    with contextlib.suppress(OSError):
        await assoc.release()
