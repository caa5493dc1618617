"""An association: messages and services over one connection, for either side, with every outcome told apart.

Responses go to whoever waits for them; every other message goes to ``on_message``, in order and one at a time, in a
task of its own, so that a handler may itself send requests and wait. A report may arrive before the response to its
N-ACTION: both find their way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from stgcmt.actors.outcome import Ended, NotAccepted, Outcome, Response, Silence, Split, Timeouts
from stgcmt.actors.services import Services
from stgcmt.actors.signal import Mailbox
from stgcmt.actors.upperlayer import Side
from stgcmt.clock import Clock
from stgcmt.transcript import Tap
from stgcmt.wire import command as cmd
from stgcmt.wire import pdv
from stgcmt.wire.command import Command, Value
from stgcmt.wire.items import Associate, AssociateAc, AssociateRq
from stgcmt.wire.negotiation import Granted, granted
from stgcmt.wire.pdv import Message
from stgcmt.wire.stream import Stream

OnMessage = Callable[["Association", Message], Awaitable[None]]
OnCommand = Callable[["Association", int, Command], Awaitable[None]]
PENDING = frozenset({0xFF00, 0xFF01})


class Association(Services):
    """One association. Where it is not established ``outcome`` says why, and every service returns that outcome."""

    def __init__(
        self,
        stream: Stream,
        clock: Clock,
        tap: Tap,
        side: Side,
        timeouts: Timeouts,
        on_message: OnMessage | None = None,
    ) -> None:
        super().__init__(stream, clock, tap, side, timeouts)
        self.on_message = on_message
        self.request: AssociateRq | None = None
        self.answer: AssociateAc | None = None
        self.contexts: Mapping[int, Granted] = {}
        self.peer_max_pdu = 16384
        self.failure: Exception | None = None  # an error of our own handler; the actor that owns us raises it
        self.messages: list[Message] = []  # requests that nobody has waited for yet (requestor only)
        self.on_command: OnCommand | None = None  # sees each command set as soon as it is whole, before its data set
        self._assembler = pdv.Assembler()
        self._message_id = 0
        self._pending: dict[int, tuple[int, Mailbox[Message | None]]] = {}
        self._waiters: list[tuple[Callable[[Message], bool], asyncio.Future[Message | None]]] = []
        self._inbox: deque[Message] = deque()  # what is still to be handled
        self._handler: asyncio.Task[None] | None = None
        self._whole = asyncio.Lock()  # fragments of two messages never mix

    @contextlib.asynccontextmanager
    async def to_its_end(self) -> AsyncIterator[None]:
        """Whatever happens inside, the connection is closed; an exception (cancellation too) aborts the association first.

        Raises an error of our own handler once all is closed.
        """
        try:
            yield
        except BaseException:
            await self.abort()
            raise
        finally:
            await self.close()
        if self.failure is not None:
            raise self.failure

    @property
    def _handling(self) -> bool:
        """Whether a message is being handled, or is about to be."""
        return self._handler is not None and not self._handler.done()

    @property
    def established(self) -> bool:
        """Whether the association was accepted and has not ended."""
        return self.answer is not None and self.open

    def establish(self, request: AssociateRq, answer: AssociateAc) -> None:
        """Take over what was negotiated, and begin to hand messages to ``on_message``."""
        self.request, self.answer = request, answer
        peer: Associate = answer if self.side == "requestor" else request
        self.peer_max_pdu = peer.max_pdu or 0
        self.contexts = {context.id: context for context in granted(request, answer)}

    def context_for(self, abstract_syntax: str, transfer_syntax: str | None = None) -> int | None:
        """The first accepted context of an abstract syntax (and transfer syntax)."""
        for context in self.contexts.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in {None, context.transfer_syntax}:
                return context.id
        return None

    def transfer_syntax(self, abstract_syntax: str) -> str | None:
        """The transfer syntax of the first accepted context of an abstract syntax."""
        context_id = self.context_for(abstract_syntax)
        return None if context_id is None else self.contexts[context_id].transfer_syntax

    # ------------------------------------------------------------------------------------------------ services

    async def respond(
        self, asked: Message, status: int, *, data: bytes | None = None, fields: Mapping[int, Value] | None = None
    ) -> bool:
        """Send the response to ``asked``; ``fields`` override its elements (``None`` leaves one out)."""
        values = cmd.response(asked.command, status, fields or {}, has_data=data is not None)
        return await self.send_message(asked.context_id, values, data)

    # ------------------------------------------------------------------------------------------------ messages

    async def send_message(
        self, context_id: int, command: Mapping[int, Value], data: bytes | None = None, *, split: Split | None = None
    ) -> bool:
        """Send one message, command and data set in one write unless ``split``; false where it cannot be sent any more."""
        raw = cmd.encode(command)
        head = pdv.fragment(context_id, raw, self.peer_max_pdu, is_command=True)
        if data is None:
            body: tuple[bytes, ...] = ()
        else:
            first = split.after if split is not None and split.after else None
            body = pdv.fragment(context_id, data, self.peer_max_pdu, is_command=False, first=first)
        async with self._whole:
            if self._releasing:  # what still arrives may be read, but nothing more be said (PS3.8 9.2, state 7)
                return False
            if split is None:
                return await self.send([*head, *body])
            early = 1 if split.after else 0
            if not await self.send([*head, *body[:early]]):
                return False
            await asyncio.sleep(split.pause_s)
            return await self.send(body[early:]) if body[early:] else True

    async def send_raw(self, raw: bytes) -> bool:
        """Send bytes as they are, in one event."""
        return await self.send([raw])

    async def wait_message(self, predicate: Callable[[Message], bool], timeout: float) -> Message | Outcome:
        """The first message, not returned before, that is no awaited response and of which ``predicate`` holds.

        Returns what ended the association where that came first, or ``Silence``.
        """
        for index, message in enumerate(self.messages):
            if predicate(message):
                return self.messages.pop(index)
        if self.outcome is not None:
            return self.outcome
        future: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        waiter = (predicate, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout):
                found = await future
        except TimeoutError:
            return Silence(timeout)
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return found if found is not None else self.outcome or Silence(timeout)

    async def idle(self) -> None:
        """Return when every message that has arrived was handled."""
        while self._handler is not None and not self._handler.done():
            await asyncio.wait({self._handler})

    def next_message_id(self) -> int:
        """A Message ID that no outstanding request of ours has."""
        self._message_id = self._message_id % 0xFFFF + 1
        while self._message_id in self._pending:
            self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    async def release(self, timeout: float | None = None) -> Ended:
        """Release in order; what has arrived before is handled first, since nothing can be answered afterwards."""
        if self.outcome is None and self._handling and self._handler is not asyncio.current_task():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.timeouts.release if timeout is None else timeout):
                    await self.idle()
        return await super().release(timeout)

    async def close(self, *, reset: bool = False) -> None:
        """Close the connection and stop handling messages."""
        try:
            await super().close(reset=reset)
        finally:  # a cancellation meanwhile must not leave the handler behind
            handler = self._handler
            if handler is not None and not handler.done() and handler is not asyncio.current_task():
                handler.cancel()
                await asyncio.gather(handler, return_exceptions=True)

    async def finish(self) -> None:
        """Close the connection, but let the handlers of what had arrived come to their end."""
        await super().close()
        await self.idle()

    def end(self, outcome: Ended, how: str, *, by: str = "local", t: int | None = None) -> None:
        """Set the terminal outcome and wake everybody who waits; only the first counts."""
        if self.outcome is None:
            super().end(outcome, how, by=by, t=t)
            for _, queue in self._pending.values():
                queue.put(None)
            for _, future in self._waiters:
                if not future.done():
                    future.set_result(None)

    async def on_data(self, body: bytes, t: int) -> str:
        """Put messages together and hand them on."""
        if self.answer is None:
            return "a P-DATA-TF came before the association was established"
        pdvs, faults = pdv.read_pdvs(body)
        for one in pdvs:
            message = self._assembler.feed(one, t)
            command = self._assembler.command if message is None else message.command
            if self.on_command is not None and one.is_command and one.is_last and command is not None:
                await self.on_command(self, one.context_id, command)
            if message is not None:
                self._deliver(message)
            elif self._assembler.too_large:
                return f"a message of more than {pdv.MAX_MESSAGE} bytes"
        return faults[0] if faults else ""

    def _deliver(self, message: Message) -> None:
        if message.command.is_response:
            queue = self._awaiting(message.command)
            if queue is not None:
                queue.put(message)
                return
        for predicate, future in self._waiters:
            if not future.done() and predicate(message):
                future.set_result(message)
                break
        else:
            served = self._on_store is not None and message.command.field == cmd.C_STORE_RQ
            if self.side == "requestor" and not served:
                self.messages.append(message)
        if not message.command.is_response:
            self._inbox.append(message)
            if not self._handling:
                self._handler = asyncio.create_task(self._handle())

    def _awaiting(self, command: Command) -> Mailbox[Message | None] | None:
        """Who waits for a response: by Message ID Being Responded To.

        A wrong id is the judge's business, not a reason to wait in vain: where a single request is outstanding, the
        Command Field fits and the id is none that we ever used, the response is taken as its own.
        """
        answered = command.responded_to or 0
        asked = self._pending.get(answered)
        ours = 1 <= answered <= self._message_id
        if asked is None and not ours and len(self._pending) == 1:
            (only,) = self._pending.values()
            asked = only if command.field == only[0] | cmd.RESPONSE else None
        return None if asked is None else asked[1]

    async def _handle(self) -> None:
        while self._inbox:
            message = self._inbox.popleft()
            try:
                if self._on_store is not None and message.command.field == cmd.C_STORE_RQ:
                    await self.respond(message, await self._on_store(message))
                elif self.on_message is not None:
                    await self.on_message(self, message)
            except Exception as error:  # noqa: BLE001 - our own fault: kept for the owner, never taken for the SUT's
                self.failure = self.failure or error
                self.tap.event("note", text=f"the harness's own handler failed: {type(error).__name__}: {error}")
                await self.abort()

    async def invoke(
        self,
        abstract_syntax: str,
        field: int,
        values: Mapping[int, Value],
        data: bytes | None = None,
        *,
        context: int | None = None,
        split: Split | None = None,
        timeout: float | None = None,
    ) -> Outcome:
        """Send a request and return its final response, or what came instead of it."""
        if self.outcome is not None:
            return self.outcome
        context_id = self.context_for(abstract_syntax) if context is None else context
        if context_id is None:
            return NotAccepted(abstract_syntax)
        limit = self.timeouts.response if timeout is None else timeout
        message_id = self.next_message_id()
        queue: Mailbox[Message | None] = Mailbox()
        self._pending[message_id] = (field, queue)
        try:
            command = cmd.request(field, message_id, values, has_data=data is not None)
            await self.send_message(context_id, command, data, split=split)
            return await self._final(queue, limit)
        finally:
            del self._pending[message_id]

    async def _final(self, queue: Mailbox[Message | None], limit: float) -> Outcome:
        while True:
            try:
                message = await queue.get(limit)
            except TimeoutError:
                quiet = (self.clock.monotonic_ns() - self._arrived) / 1e9
                if self._on_store is not None and quiet < limit:
                    continue  # C-GET: sub-operations are going on
                return self.outcome or Silence(limit)
            if message is None:
                return self.outcome or Silence(limit)
            if message.command.status not in PENDING:
                return Response(message.command.status, message.command, message.data, message.t)
