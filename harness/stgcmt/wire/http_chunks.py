"""The chunked transfer coding, read leniently and resumably (RFC 9112 7.1). Nothing raises."""

from __future__ import annotations

import re
from typing import Literal

from stgcmt.on_disk import Joined, search

State = Literal["short", "bad", "whole"]
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(;.*)?\Z", re.DOTALL)


class ChunkScan:
    """Walks over chunks; can be resumed when more bytes have arrived (RFC 9112 7.1)."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.spans: list[tuple[int, int]] = []
        self.trailers = b""
        self.state: State = "short"
        self.defects: list[str] = []
        self._last = False

    def scan(self, data: bytes | bytearray | Joined) -> State:
        """Walk on as far as ``data`` reaches; `short` asks for more bytes."""
        while self.state == "short" and (self._trailers(data) if self._last else self._chunk(data)):
            pass
        return self.state

    def partial(self, data: bytes | bytearray | Joined) -> tuple[int, int]:
        """Where the bytes stand of the chunk that has not arrived whole."""
        eol = -1 if self._last else data.find(b"\n", self.at)
        size = None if eol < 0 else _CHUNK_SIZE.match(bytes(data[self.at : eol]).rstrip(b"\r"))
        return (eol + 1, min(eol + 1 + int(size[1], 16), len(data))) if size else (self.at, self.at)

    def _chunk(self, data: bytes | bytearray | Joined) -> bool:
        eol = data.find(b"\n", self.at)
        if eol < 0:
            if len(data) - self.at > 4096:
                self._bad()
            return False
        line = bytes(data[self.at : eol])
        size = _CHUNK_SIZE.match(line.removesuffix(b"\r"))
        if size is None:
            return self._bad()
        start, end = eol + 1, eol + 1 + int(size[1], 16)
        if start == end:
            self._last, after = True, start
        else:
            mark = bytes(data[end : end + 2])
            if mark in {b"", b"\r"}:
                return False
            if mark[:1] != b"\n" and mark != b"\r\n":
                self.spans.append((start, end))
                return self._bad()
            if mark[:1] == b"\n":
                self.defects.append("bare-lf")
            after = end + (1 if mark[:1] == b"\n" else 2)
            self.spans.append((start, end))
        if not line.endswith(b"\r"):
            self.defects.append("bare-lf")
        self.at = after
        return True

    def _trailers(self, data: bytes | bytearray | Joined) -> bool:
        if data[self.at : self.at + 1] == b"\n":
            self.defects.append("bare-lf")
            end = self.at + 1
        elif data[self.at : self.at + 2] == b"\r\n":
            end = self.at + 2
        else:
            blank = search(BLANK_LINE, data, self.at)
            if blank is None:
                return False
            end = blank.end()
            self.trailers = bytes(data[self.at : end])
        self.at, self.state = end, "whole"
        return False

    def _bad(self) -> bool:
        self.defects.append("bad-chunk")
        self.state = "bad"
        return False
