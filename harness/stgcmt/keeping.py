"""Transcripts that are kept as values and never become files: for plays that are judged in the process that plays them.

What is kept is what would be read back from the file, value for value; nothing outlives the process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.judge import Recording, recording_of
from stgcmt.reading import footer_of, header_of
from stgcmt.suite import RUN
from stgcmt.transcript import Event, Footer, Header, Recorder, Transcript

_PLAIN = frozenset({str, int, float, bool, type(None)})


class Kept:
    """The recorders of one play, each of which keeps its transcript."""

    def __init__(self) -> None:
        self._recorders: list[KeptRecorder] = []

    def recorder(self, *arguments: Any, **options: Any) -> Recorder:
        """A recorder; arguments are those of ``Recorder``."""
        made = KeptRecorder(*arguments, **options)
        self._recorders.append(made)
        return made

    def transcript(self, path: Path) -> Transcript | None:
        """What stands for the file of this name; ``None`` where nothing does."""
        return next((each.transcript() for each in self._recorders if each.path == path), None)

    def recording(self) -> Recording:
        """Everything that was recorded, in the order in which the files would be read. Raises ``KeyError``: no ``run``."""
        found = {(each.header.role, each.header.scenario): each.transcript() for each in self._recorders}
        run = found.pop((RUN, RUN))
        return recording_of(
            run, {key: found[key] for key in sorted(found, key=lambda key: (key[0], f"{key[1]}.jsonl"))}
        )


class KeptRecorder(Recorder):
    """Keeps the events of one transcript."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._events: list[Event] = []
        self._first: Header | None = None
        self._last: Footer | None = None
        super().__init__(*arguments, **options)

    @property
    def closed(self) -> bool:
        return self._last is not None

    def transcript(self) -> Transcript:
        """What was recorded so far."""
        return Transcript(self._first or self.header, tuple(self._events), self._last)

    def _open(self) -> None:
        """Nothing is opened."""

    def _keep(
        self, data: bytes, kind: str, conn: int | None, when: int, step: str | None, shown: Mapping[str, Any]
    ) -> None:
        self._events.append(Event(self._n, when, kind, bytes(data), conn, step, _as_read(shown)))

    def _line(self, value: Mapping[str, Any]) -> None:
        line = json.loads(json.dumps(value))
        if line.get("footer"):
            self._last = footer_of(line, str(self.path), self._n + 2)
        else:
            self._first = header_of(line, str(self.path))


def _as_read(value: Any) -> Any:
    """A JSON value as it would be read back: keys are texts, texts are ``str`` and nothing else, lists are lists."""
    return value if _is_plain(value) else json.loads(json.dumps(value))


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        for key, item in value.items():  # noqa: SIM110 - a loop is quicker, and every event is asked
            if type(key) is not str or not (type(item) in _PLAIN or _is_plain(item)):
                return False
        return True
    return kind is list and all(map(_is_plain, value))
