"""One recorded HTTP connection: a reader task makes arrival times true, and sees what arrives after an answer."""

from __future__ import annotations

import asyncio
import contextvars
import ssl
from typing import Any

from stgcmt.tls import words
from stgcmt.transcript import STEP, Tap
from stgcmt.wire.stream import Stream

PIECE = 65536  # bytes recorded and sent at once: how much was sent before a peer's reset stays visible
TLS_ERROR = "error: tls: "
READ_AHEAD = 1 << 28  # bytes; a peer that never ends must not fill the memory before the deadline does its work


class Connection:
    """One connection: what was read waits here until somebody asks for it."""

    def __init__(self, stream: Stream, tap: Tap) -> None:
        self._stream, self._tap = stream, tap
        self.step = STEP.get()
        self.ended: str | None = None  # how the peer ended it
        self.idle_since_ns = 0
        self.spoiled = False
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._closed = False
        self._resting: asyncio.TimerHandle | None = None
        self.reader = asyncio.get_running_loop().create_task(self._read(), context=contextvars.Context())

    @property
    def quiet(self) -> bool:
        """Whether it is open and nothing unexpected arrived: fit for another request."""
        return self.ended is None and not (self.spoiled or self._buffer or self._closed)

    async def send(self, data: bytes) -> None:
        """Record, then send; raises ``OSError``."""
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            # recorded first: the answer to these bytes must not precede them in the transcript
            self._tap.event("http.out", piece, step=self.step)
            await self._stream.send(piece)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def receive(self) -> bytes:
        """What has arrived since; ``b""`` once the peer has ended and all was taken."""
        while not self._buffer and self.ended is None:
            self._news.clear()
            await self._news.wait()
        data, self._buffer = bytes(self._buffer), bytearray()
        self._room.set()
        return data

    def rest(self, since_ns: int, seconds: float) -> None:
        """Nobody uses it for now; after so long it is closed: a server may have few that it serves at a time."""
        self.idle_since_ns = since_ns
        self._resting = asyncio.get_running_loop().call_later(seconds, self.close)

    def wake(self) -> None:
        """It is used again."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def note(self, **info: Any) -> None:
        """Record a decision of the harness about this connection."""
        self._tap.event("decision", step=self.step, **info)

    def close(self, why: str = "") -> None:
        """Close from our side; the second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.wake()
        # The socket outlives its reader: the loop must forget the descriptor before another socket is given its number.
        self.reader.add_done_callback(lambda _: self._stream.close())
        self.reader.cancel()
        if self.ended is None:
            info: dict[str, Any] = {"why": why} if why else {}
            self._tap.event("conn.close", step=self.step, how="local", **info)

    async def _read(self) -> None:
        how = "fin"
        try:
            while data := await self._stream.receive():
                self._tap.event("http.in", data, step=self.step)
                self._buffer += data
                self._news.set()
                while len(self._buffer) > READ_AHEAD:
                    self._room.clear()
                    await self._room.wait()
        except asyncio.CancelledError:
            if not self._closed:
                raise
            return  # a task that ends by itself keeps no traceback, and with it no connection, until the collector comes
        except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError):
            how = "rst"
        except ssl.SSLError as error:  # with TLS 1.3 a refused client certificate is told after the handshake
            how = f"{TLS_ERROR}{words(error)}"
        except OSError as error:
            how = f"error: {error}"
        if not self._closed:
            self.ended = how
            self._tap.event("conn.close", step=self.step, how=how)
            self._news.set()
