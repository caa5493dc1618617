"""The fault ``half-a-report-counts``: a proxy that reads along, and takes a report that breaks off for a result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from stgcmt.wire.stream import Stream


class _Overheard:
    """A stream that keeps what was received since something last went out."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self.heard = stream, bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        data = await self._stream.receive(max_bytes)
        self.heard += data
        return data

    async def send(self, data: bytes) -> None:
        self.heard.clear()
        await self._stream.send(data)


async def overhear(stream: Stream, serve: Callable[[Any], Awaitable[None]], begun: Callable[[bytes], None]) -> None:
    """Serve a connection; ``begun`` is told what had come, and not been answered, when it ended."""
    ours = _Overheard(stream)
    await serve(ours)
    begun(bytes(ours.heard))
