"""A response that is arriving: when is it whole? Each byte is looked at once."""

from __future__ import annotations

from stgcmt.wire.http import Message, head_at, is_interim, message_at, skip_blank
from stgcmt.wire.http_chunks import BLANK_LINE, ChunkScan


class Arrival:
    """Tells when the response that is arriving is whole, looking at each byte once."""

    def __init__(self, method: str) -> None:
        self.data = bytearray()
        self.whole = False
        self._method = method
        self._at = 0  # where the current head begins
        self._searched = 0
        self._need: int | None = None
        self._chunks: ChunkScan | None = None
        self._to_eof = False

    def feed(self, data: bytes) -> bool:
        """Take what arrived; returns whether the response is whole now (one that ends with the connection never is)."""
        self.data += data
        while not (self.whole or self._to_eof) and self._need is None and self._chunks is None and self._look():
            pass
        if self._need is not None:
            self.whole = len(self.data) >= self._need
        elif self._chunks is not None:
            self.whole = self._chunks.scan(self.data) != "short"  # a broken chunk never gets whole: nothing to wait for
        return self.whole

    def message(self, *, eof: bool) -> Message:
        """The response as far as it has arrived."""
        return message_at(bytes(self.data), response=True, method=self._method, eof=eof)

    @property
    def extra(self) -> bool:
        """Whether more arrived than the message."""
        return self.whole and self.message(eof=False).end < len(self.data)

    def _look(self) -> bool:
        """Read one head if it is there; true where another may follow (after 1xx)."""
        begin = skip_blank(self.data, self._at)
        if len(self.data) - begin >= 5 and self.data[begin : begin + 5] != b"HTTP/":
            self._to_eof = True
            return False
        end = BLANK_LINE.search(self.data, max(begin, self._searched))
        if end is None:
            self._searched = max(begin, len(self.data) - 3)
            return False
        head, _, (framing, length, _) = head_at(self.data, self._at, self._method, response=True)
        if is_interim(head):
            self._at = self._searched = head.body_start
            return True
        if framing == "chunked":
            self._chunks = ChunkScan(head.body_start)
        elif framing == "close":
            self._to_eof = True
        else:
            self._need = head.body_start + length
        return False
