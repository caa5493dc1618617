"""Our acceptor: the listener that reports come back to, and the base of the reference SCP.

A script says how it deviates, handlers by Command Field serve what the script leaves to the caller. ``on_message`` sees
every message before it is answered, so that a connection can be attributed to its scenario by the bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from stgcmt.actors.association import Association, OnCommand, OnMessage
from stgcmt.actors.listeners import CALLED_AE_UNKNOWN, LISTENERS, PLAIN, ListenerScript
from stgcmt.actors.outcome import Fault, Timeouts
from stgcmt.clock import Clock
from stgcmt.transcript import Tap
from stgcmt.wire import command as cmd
from stgcmt.wire import items, pdu
from stgcmt.wire.command import Value
from stgcmt.wire.pdv import Message
from stgcmt.wire.stream import Stream

__all__ = ["LISTENERS", "Acceptor", "Handler", "ListenerScript", "Reply", "serve_association"]


@dataclass(frozen=True)
class Reply:
    """What a handler answers; ``fields`` override elements of the response (``None`` leaves one out)."""

    status: int
    data: bytes | None = None
    fields: Mapping[int, Value] = field(default_factory=dict)


# Serves one request: returns the answer, or ``None`` where it has sent what was to be sent (or wants silence).
Handler = Callable[[Association, Message], Awaitable[Reply | None]]


async def serve_association(
    stream: Stream,
    clock: Clock,
    tap: Tap,
    script: ListenerScript = PLAIN,
    *,
    handlers: Mapping[int, Handler] | None = None,
    ae_title: str | None = None,
    on_message: OnMessage | None = None,
    timeouts: Timeouts | None = None,
    stop: asyncio.Event | None = None,
) -> Association:
    """Serve one connection until it ends (or ``stop`` is set: A-ABORT); returns the association with its outcome.

    ``handlers`` maps a Command Field (``command.N_ACTION_RQ`` …) to who serves it. ``ae_title`` is compared with the
    called AE title where the script says so. Cancellation aborts. An error of a handler or of ``on_message`` is raised.
    """
    served = _Served(script, {} if handlers is None else handlers, on_message)
    assoc = Association(stream, clock, tap, "acceptor", timeouts or Timeouts(), served.serve)
    if script.early_status is not None:
        assoc.on_command = _early(script.early_status)
    assoc.start()
    async with assoc.to_its_end():
        await _answer(assoc, script, ae_title)
        await _until_ended(assoc, stop)
        if assoc.outcome is None:
            await assoc.abort()
        else:
            await assoc.drain()
            # A service that has begun outlives its association: the report may go out on another one.
            await assoc.finish()
    return assoc


async def _answer(assoc: Association, script: ListenerScript, ae_title: str | None) -> None:
    asked = await assoc.negotiation_pdu(assoc.timeouts.associate)
    if asked is None:
        return
    if asked.type != pdu.ASSOCIATE_RQ:
        await assoc.give_up(Fault(f"{asked.name} came where an A-ASSOCIATE-RQ was expected"))
        return
    rq = items.decode_rq(asked.body)
    assoc.request = rq
    script = script.facing(rq)
    refusal = script.refusal(rq)
    if refusal is None and script.check_called_ae and ae_title is not None and rq.called_ae != ae_title:
        refusal = CALLED_AE_UNKNOWN
    if refusal is not None:
        await assoc.reject(*refusal)
    elif script.associate == "abort":
        await assoc.abort()
    elif script.associate == "close":
        await assoc.close()
    elif script.associate == "accept":
        await _pause(assoc, script.accept_after_s)
        raw = script.policy().encode(asked.body, rq, max_pdu=script.max_pdu)
        # Established first: the peer's first message may be here before ``send`` returns.
        assoc.establish(rq, items.decode_ac(raw[6:]))
        await assoc.send([raw])


def _early(status: int) -> OnCommand:
    """Answers an N-ACTION from its command set; whoever serves the whole request must say nothing more."""

    async def look(assoc: Association, context_id: int, command: cmd.Command) -> None:
        if command.field == cmd.N_ACTION_RQ:
            await assoc.send_message(context_id, cmd.response(command, status, {}))

    return look


async def _until_ended(assoc: Association, stop: asyncio.Event | None) -> None:
    if stop is None:
        await assoc.ended.wait()
        return
    waiting = [asyncio.create_task(event.wait()) for event in (assoc.ended, stop)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


async def _pause(assoc: Association, seconds: float) -> None:
    """Wait, unless the association ends meanwhile."""
    if seconds:
        await assoc.ended.within(seconds)


class _Served:
    """What one association's requests get: attribution first, then a handler, then the script."""

    def __init__(self, script: ListenerScript, handlers: Mapping[int, Handler], on_message: OnMessage | None) -> None:
        self._script = script
        self._handlers = handlers
        self._on_message = on_message

    async def serve(self, assoc: Association, message: Message) -> None:
        if self._on_message is not None:
            await self._on_message(assoc, message)
        field_ = message.command.field
        if field_ is None or message.context_id not in assoc.contexts:
            # No response could name what it answers, or where: PS3.8 foresees an abort.
            await assoc.give_up(Fault(f"{message.command.name} on presentation context {message.context_id}"))
            return
        if field_ == cmd.C_CANCEL_RQ:
            return
        handler = self._handlers.get(field_)
        reply = await self._scripted(assoc, message) if handler is None else await handler(assoc, message)
        if reply is not None:
            await assoc.respond(message, reply.status, data=reply.data, fields=reply.fields)

    async def _scripted(self, assoc: Association, message: Message) -> Reply | None:
        script = self._script
        match message.command.field:
            case cmd.C_ECHO_RQ:
                return Reply(0x0000)
            case cmd.N_EVENT_REPORT_RQ:
                await _pause(assoc, script.delay_s)
                if script.on_request == "abort":
                    await assoc.abort()
                elif script.on_request == "close":
                    await assoc.close()
                elif script.on_request == "respond":
                    return Reply(script.report_status, fields=script.response_fields)
                return None
            case cmd.C_STORE_RQ:
                return Reply(0x0122)  # SOP class not supported
            case _:
                return Reply(0x0211)  # unrecognised operation


@dataclass
class Acceptor:
    """A handler for ``Network.listen`` that serves every connection by the current script.

    ``tap`` makes the tap of a new connection; ``use`` changes the script (a lease) and counts associations anew.
    ``failures`` collects errors of handlers and callbacks: ours, never the peer's.
    """

    clock: Clock
    tap: Callable[[], Tap]
    script: ListenerScript = PLAIN
    ae_title: str | None = None
    handlers: Mapping[int, Handler] = field(default_factory=dict)
    on_message: OnMessage | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    stop: asyncio.Event | None = None
    served: int = 0
    failures: list[Exception] = field(default_factory=list)

    def use(self, script: ListenerScript) -> None:
        """Behave by ``script`` from the next association on."""
        self.script, self.served = script, 0

    async def __call__(self, stream: Stream) -> None:
        self.served += 1
        try:
            await serve_association(
                stream,
                self.clock,
                self.tap(),
                self.script.for_association(self.served),
                handlers=self.handlers,
                ae_title=self.ae_title,
                on_message=self.on_message,
                timeouts=self.timeouts,
                stop=self.stop,
            )
        except Exception as error:  # noqa: BLE001 - the listener outlives it; its owner looks at ``failures``
            self.failures.append(error)
