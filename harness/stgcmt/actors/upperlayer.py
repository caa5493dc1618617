"""One connection of the upper layer: every PDU recorded, a reader task of its own, one terminal outcome.

The reader runs for as long as the connection, so that the instants of arrival are true and an A-ABORT is seen while a
large message is being sent. The first thing that ends the association decides ``outcome``; nothing changes it later.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import Literal

from stgcmt.actors.outcome import Aborted, Closed, Ended, Fault, Rejected, Released, Reset, Silence, Timeouts
from stgcmt.actors.signal import Mailbox, Signal
from stgcmt.clock import Clock
from stgcmt.tls import words
from stgcmt.transcript import Tap
from stgcmt.wire import pdu
from stgcmt.wire.pdu import Pdu
from stgcmt.wire.stream import Stream

Side = Literal["requestor", "acceptor"]
ABORT_USER, ABORT_PROVIDER = 0, 2
UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_PARAMETER = 1, 2, 6


class UpperLayer:
    """A connection that speaks PDUs; ``start`` it, and ``close`` it in every case.

    ``outcome`` is ``None`` while the connection lives. Subclasses take P-DATA-TF in ``on_data``.
    """

    def __init__(self, stream: Stream, clock: Clock, tap: Tap, side: Side, timeouts: Timeouts) -> None:
        self.stream = stream
        self.clock = clock
        self.tap = tap
        self.side: Side = side
        self.timeouts = timeouts
        self.outcome: Ended | None = None
        self.ended = Signal()
        self._buffer = bytearray()
        self._negotiation: Mailbox[Pdu | None] = Mailbox()
        self._reader: asyncio.Task[None] | None = None
        self._write = asyncio.Lock()
        self._releasing = False
        self._done_reading = Signal()
        self._closed_how = ""
        self._closed_t: int | None = None
        self._arrived = 0
        self._cut_off = False

    @property
    def open(self) -> bool:
        """Whether nothing has ended the association yet."""
        return self.outcome is None

    def start(self) -> None:
        """Record the connection and begin to read."""
        self.tap.event(
            "conn.open", protocol="dimse", side=self.side, local=_text(self.stream.local), peer=_text(self.stream.peer)
        )
        session = getattr(self.stream, "tls", None)
        if session is not None:
            self.tap.event("conn.tls", version=session.version(), cipher=(session.cipher() or ("",))[0])
        self._reader = asyncio.create_task(self._read())

    async def negotiation_pdu(self, timeout: float) -> Pdu | None:
        """The next A-ASSOCIATE-RQ or -AC; ``None`` where the association ended first, or nothing came in time."""
        try:
            return await self._negotiation.get(timeout)
        except TimeoutError:
            if self.side == "requestor":
                await self.give_up(Silence(timeout))
            else:  # the ARTIM timer of who waits for a request closes without a word (PS3.8 9.2, AA-2)
                self.end(Silence(timeout), "local")
            return None

    async def send(self, pdus: Sequence[bytes]) -> bool:
        """Record and send PDUs in one write; false where the connection no longer takes them.

        After a failure what had already arrived is read out first, so that an A-ABORT wins over the broken pipe.
        """
        if self._reader is None or self._done_reading.is_set() or self._cut_off or self.outcome is not None:
            return False
        async with self._write:
            for one in pdus:
                self.tap.event("dimse.out", one)
            self._cut_off = True  # stays where the write fails or is cancelled: then the peer may hold half a PDU
            try:
                await self.stream.send(b"".join(pdus))
            except OSError as error:
                failure = error
            else:
                self._cut_off = False
                return True
        if asyncio.current_task() is not self._reader:
            await self.drain()
        self.end(Reset(str(failure)), "rst", by="peer")
        return False

    async def release(self, timeout: float | None = None) -> Ended:
        """Release in order: ``Released``, or what came instead (``Silence``: the peer did not answer)."""
        if self.outcome is None:
            limit = self.timeouts.release if timeout is None else timeout
            self._releasing = True
            await self.send([pdu.encode_release_rq()])
            await self.ended.within(limit)
            if self.outcome is None:
                await self.abort()
                return Silence(limit)
        return self.outcome or Released(by_us=True)

    async def abort(self, source: int = ABORT_USER, reason: int = 0) -> None:
        """Send an A-ABORT and close; what arrives until the peer closes is still recorded."""
        if self.outcome is None:
            self.end(Aborted(source, reason, source == ABORT_PROVIDER, by_us=True), "abort")
            await self._last_words(source, reason)

    async def reject(self, result: int, source: int, reason: int) -> None:
        """Answer with an A-ASSOCIATE-RJ; the peer is expected to close."""
        await self.send([pdu.encode_reject(result, source, reason)])
        self.end(Rejected(result, source, reason), "reject")

    async def give_up(self, outcome: Ended) -> None:
        """End with an outcome of our own finding, saying so with an A-ABORT."""
        if self.outcome is None:
            self.end(outcome, "local")
            await self._last_words(ABORT_USER, 0)

    async def drain(self) -> None:
        """Read until the peer closes, for the linger time at most."""
        await self._done_reading.within(self.timeouts.linger)

    async def close(self, *, reset: bool = False) -> None:
        """Close the connection, without a word where nothing has ended it; may be called twice."""
        if self.outcome is None:
            self.end(Closed(0, by_us=True), "local")
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.cancel()  # one that has come to its end takes no notice
            self._flush_rest()
            self.stream.close(reset=reset or self._cut_off)
            how, _, by = self._closed_how.partition("/")
            self.tap.event("conn.close", t=self._closed_t, how=how, by=by)
            if not reader.done() or reader.cancelled() or reader.exception() is not None:
                await asyncio.gather(reader, return_exceptions=True)

    def end(self, outcome: Ended, how: str, *, by: str = "local", t: int | None = None) -> None:
        """Set the terminal outcome; only the first counts. ``t``: when the peer closed, where it did."""
        if self.outcome is None:
            self.outcome = outcome
            self._closed_how, self._closed_t = f"{how}/{by}", t
            self._negotiation.put(None)
            self.ended.set()

    async def on_data(self, body: bytes, t: int) -> str:
        """Take the body of one P-DATA-TF; returns why it cannot be processed, empty where it can."""
        raise NotImplementedError

    async def _last_words(self, source: int, reason: int) -> None:
        # A peer that reads nothing must not hold us: what cannot be written within the linger time is given up.
        if self._cut_off:  # in the middle of a PDU an A-ABORT would be read as its data: the connection is reset
            return
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(self.timeouts.linger):
                async with self._write:
                    raw = pdu.encode_abort(source, reason)
                    self.tap.event("dimse.out", raw)
                    await self.stream.send(raw)
                    await self.stream.send_eof()
                if asyncio.current_task() is not self._reader:
                    await self._done_reading.wait()

    async def _read(self) -> None:
        try:
            while True:
                chunk = await self.stream.receive()
                t = self._arrived = self.clock.monotonic_ns()
                if not chunk:
                    self.end(Closed(len(self._buffer)), "fin", by="peer", t=t)
                    return
                self._buffer += chunk
                if not await self._take(t):
                    return
        except ssl.SSLError as error:  # with TLS 1.3 a refused client certificate is told after the handshake
            self.end(Reset(f"TLS: {words(error)}"), "rst", by="peer", t=self.clock.monotonic_ns())
        except OSError as error:
            self.end(Reset(str(error)), "rst", by="peer", t=self.clock.monotonic_ns())
        finally:
            self._done_reading.set()

    async def _take(self, t: int) -> bool:
        """Process the complete PDUs of the buffer; false where reading is over."""
        found, used = pdu.scan(self._buffer)
        del self._buffer[:used]
        for one in found:
            self.tap.event("dimse.in", one.raw, t=t)
        for one in found:
            if not await self._dispatch(one, t):
                return False
        if fault := pdu.garbage(self._buffer):
            await self._refuse(fault, UNRECOGNIZED_PDU)
            return False
        return True

    async def _dispatch(self, one: Pdu, t: int) -> bool:
        if self.outcome is not None:  # after our A-ABORT the rest is only recorded
            return True
        match one.type:
            case pdu.P_DATA_TF:
                if fault := await self.on_data(one.body, t):
                    await self._refuse(fault, INVALID_PARAMETER)
            case pdu.ASSOCIATE_RQ | pdu.ASSOCIATE_AC:
                self._negotiation.put(one)
            case pdu.ASSOCIATE_RJ:
                said = pdu.decode_reject(one.body)
                self.end(Rejected(said.result, said.source, said.reason), "reject", by="peer")
            case pdu.RELEASE_RQ:
                await self.send([pdu.encode_release_rp()])
                if not self._releasing:  # else both asked at once: our own answer is still to come
                    self.end(Released(), "release", by="peer")
            case pdu.RELEASE_RP if self._releasing:
                self.end(Released(by_us=True), "release")
                return False
            case pdu.ABORT:
                said_abort = pdu.decode_abort(one.body)
                by_provider = said_abort.source == ABORT_PROVIDER
                self.end(Aborted(said_abort.source, said_abort.reason, by_provider), "abort", by="peer")
                return False
            case pdu.RELEASE_RP:
                await self._refuse("an A-RELEASE-RP came without a request", UNEXPECTED_PDU)
            case _:
                await self._refuse(f"{one.name} is no PDU of the upper layer", UNRECOGNIZED_PDU)
        return True

    async def _refuse(self, fault: str, reason: int) -> None:
        """What cannot be processed ends the association with an A-ABORT of the service provider (PS3.8 9.2)."""
        if self.outcome is None:
            self.end(Fault(fault), f"error: {fault}")
            await self._last_words(ABORT_PROVIDER, reason)

    def _flush_rest(self) -> None:
        """Bytes that never became a PDU are recorded as they are."""
        if self._buffer:
            self.tap.event("dimse.in", bytes(self._buffer), t=self._arrived, rest=True)
            self._buffer.clear()


def _text(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
