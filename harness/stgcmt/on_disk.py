"""Bytes of a large recording: they lie in its file, and are read when somebody looks.

A transcript of a small recording holds its bytes. In one above ``HELD`` each event knows where its bytes lie (``Place``), a
direction of a connection is the row of its events (``Joined``), and the body of a message is a stretch of that (``Part``).
What was read last is kept, within ``RECENT`` bytes for the whole process; nothing else is.

The file stays open, so that a bundle that is replaced meanwhile is judged as it was opened. One that is changed in its place
is no evidence of anything: ``ChangedError``.
"""

from __future__ import annotations

import base64
import bisect
import os
import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, overload

from stgcmt.errors import UsageError

HELD = 8_000_000  # bytes of the files of a recording; a smaller one is held in memory, where it is quicker to look at
LEAST = 512  # bytes of one event; fewer cost less than the note of where they lie
RECENT = 8_000_000  # bytes that were read last, over all transcripts: the bodies of a few exchanges
NEAR = 3  # events of a direction that were looked at last
FIRST, WINDOW = 2_048, 65_536  # bytes that a search looks at in one go: at first, and then
LINE = 1_048_576  # bytes; what has no end of a line for longer is no text
LONGEST = 8  # bytes; no pattern that is searched for matches more


class TranscriptError(Exception):
    """A stored transcript cannot be used; the message says which file, what was expected, what was seen."""


class ChangedError(UsageError):
    """A transcript was changed while it was being judged: nothing that is said of it could be trusted."""

    def __init__(self, expected: str, seen: str) -> None:
        step = "take the bundle as its run left it, let nobody else write to it, and start again"
        super().__init__("reading a transcript again", expected, seen, step)

    def __reduce__(self) -> tuple[type[ChangedError], tuple[str, str]]:
        return ChangedError, (self.expected, self.seen)


class File:
    """An open transcript, from which bytes are read as long as anything of it is in use."""

    def __init__(self, path: Path) -> None:
        """Raises ``OSError``."""
        self.path = path
        self._number = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, os.close, self._number)
        self._state = self._now()

    def _now(self) -> tuple[int, int]:
        found = os.fstat(self._number)
        return found.st_size, found.st_mtime_ns

    def read(self, start: int, size: int) -> bytes:
        """The bytes at ``start``. Raises ``ChangedError`` where the file is no longer what it was when it was opened."""
        expected = f"{self.path} as it was when it was opened, {self._state[0]} bytes"
        try:
            data = os.pread(self._number, size, start)
            now = self._now()
        except OSError as error:
            raise ChangedError(expected, error.strerror or str(error)) from error
        if len(data) != size or now != self._state:
            raise ChangedError(expected, f"{now[0]} bytes, written meanwhile")
        return data


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of one event lie: as base64, from ``start``; ``size`` is the number of bytes that it stands for."""

    file: File
    start: int
    size: int

    def read(self) -> bytes:
        """The bytes; raises ``ChangedError``."""
        return base64.b64decode(self.file.read(self.start, (self.size + 2) // 3 * 4))

    def part(self, start: int, stop: int) -> bytes:
        """Some of the bytes, ``stop`` at most ``size``; raises ``ChangedError``."""
        first, last = start // 3, -(-stop // 3)  # groups of three bytes are four characters
        text = self.file.read(self.start + 4 * first, 4 * (last - first))
        return base64.b64decode(text)[start - 3 * first : stop - 3 * first]


class Piece(Protocol):
    """An event, as far as its bytes go."""

    @property
    def data(self) -> bytes:
        """The bytes."""
        ...

    @property
    def size(self) -> int:
        """How many."""
        ...

    def part(self, start: int, stop: int) -> bytes:
        """Some of them."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """Where a pattern was found."""

    first: int
    last: int

    def start(self) -> int:
        """Its first byte."""
        return self.first

    def end(self) -> int:
        """Behind its last byte."""
        return self.last


class Joined:
    """The bytes of pieces, one behind the other, none of them held: what ``bytes`` can do that a parser needs."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces
        self._ends: list[int] = []
        total = 0
        for piece in pieces:
            total += piece.size
            self._ends.append(total)
        self._last: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> bytes: ...
    def __getitem__(self, place: int | slice) -> int | bytes:
        """One byte, or some; a slice without a step."""
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(len(self))
        found: list[bytes] = []
        number = bisect.bisect_right(self._ends, start)
        while start < stop:
            begin = self._ends[number - 1] if number else 0
            part = self._part(number, start - begin, stop - begin)
            found.append(part)
            start += len(part)
            number += 1
        return found[0] if len(found) == 1 else b"".join(found)

    def _part(self, number: int, start: int, stop: int) -> bytes:
        """Some bytes of a piece; few of them are read alone."""
        found = self._last.get(number)
        if found is None:
            piece = self._pieces[number]
            stop = min(stop, piece.size)
            if stop - start < piece.size // 8:
                return piece.part(start, stop)
            while len(self._last) >= NEAR:
                del self._last[next(iter(self._last))]
            found = self._last[number] = piece.data
        return found[start:stop]

    def search(self, pattern: re.Pattern[bytes], at: int) -> Found | None:
        """Where a pattern of at most ``LONGEST`` bytes stands first, from ``at`` on."""
        window = FIRST  # a head ends soon
        while at < len(self):
            found = pattern.search(self[at : at + window])
            if found:
                return Found(at + found.start(), at + found.end())
            if at + window >= len(self):
                break
            at += window - LONGEST
            window = WINDOW
        return None

    def lines(self) -> Iterator[bytes]:
        """The bytes in stretches that end with a line; where none ends within a ``LINE``, there."""
        waiting: list[bytes] = []
        for at in range(0, len(self), WINDOW):
            piece = self[at : at + WINDOW]
            end = piece.rfind(b"\n") + 1
            if end or len(waiting) * WINDOW >= LINE:
                yield b"".join([*waiting, piece[: end or None]])
                waiting, piece = [], piece[end:] if end else b""
            waiting.append(piece)
        yield b"".join(waiting)

    def find(self, wanted: bytes, at: int) -> int:
        """Where these bytes stand first, from ``at`` on; -1 where nowhere."""
        found = self.search(re.compile(re.escape(wanted)), at)
        return found.first if found else -1


def lines(data: bytes | Joined) -> Iterator[bytes]:
    """Any kind of bytes in stretches that end with a line."""
    return data.lines() if isinstance(data, Joined) else iter((data,))


def search(pattern: re.Pattern[bytes], data: bytes | bytearray | Joined, at: int) -> re.Match[bytes] | Found | None:
    """Where a pattern stands in any kind of bytes."""
    return data.search(pattern, at) if isinstance(data, Joined) else pattern.search(data, at)


class Part:
    """Stretches of a direction that make one value, read when somebody looks."""

    __slots__ = ("_data", "_spans", "size")

    def __init__(self, data: Joined, spans: Sequence[tuple[int, int]]) -> None:
        self._data, self._spans = data, tuple(spans)
        self.size = sum(end - start for start, end in self._spans)

    def read(self) -> bytes:
        """The bytes, of those that were read last where they are among them; raises ``ChangedError``."""
        return _RECENT.of(self)

    def fresh(self) -> bytes:
        """The bytes, read now."""
        return b"".join([self._data[start:end] for start, end in self._spans])


class _Recent:
    """What was read last, the oldest going first where it becomes too much."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Part, bytes]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()  # a writer, perhaps a third party's, may have threads

    def of(self, part: Part) -> bytes:
        with self._lock:
            found = self._kept.get(id(part))  # the part is kept beside, so that its id stays taken
            if found is not None:
                self._kept.move_to_end(id(part))
                return found[1]
        with self._lock:
            while self._kept and self._size + part.size > RECENT:
                self._size -= self._kept.popitem(last=False)[1][0].size
        data = part.fresh()
        with self._lock:
            if self._size + part.size <= RECENT and id(part) not in self._kept:
                self._kept[id(part)] = (part, data)
                self._size += part.size
        return data


_RECENT = _Recent()


def content(data: bytes | bytearray | Joined, start: int, end: int) -> bytes | Part:
    """The bytes from ``start`` to ``end``: as they are where they are held or few, else as a part."""
    return contents(data, [(start, end)]) if isinstance(data, Joined) else bytes(data[start:end])


def contents(data: bytes | bytearray | Joined, spans: Sequence[tuple[int, int]]) -> bytes | Part:
    """The bytes of these stretches, as ``content``."""
    if not isinstance(data, Joined):
        return b"".join([bytes(data[start:end]) for start, end in spans])
    part = Part(data, spans)
    return part if part.size > LEAST else part.fresh()


def seen(value: bytes | Part) -> bytes:
    """The bytes themselves."""
    return value if isinstance(value, bytes) else value.read()


def size_of(value: bytes | Part) -> int:
    """How many bytes, without reading them."""
    return len(value) if isinstance(value, bytes) else value.size
