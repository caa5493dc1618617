"""A whole recording, scrubbed: bytes of every connection, and what the harness noted beside them.

Two passes. The first finds what is sensitive where its place tells it (a patient's name in a data set, an AE title in a
PDU, a host in a URL); the second replaces that everywhere, also where only the harness or a message text repeats it.
"""

from __future__ import annotations

import collections
import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stgcmt.errors import HarnessError
from stgcmt.judge import Recording
from stgcmt.on_disk import Joined
from stgcmt.scrubbing import dimse, http
from stgcmt.scrubbing.pseudonyms import Pseudonyms
from stgcmt.scrubbing.vocabulary import OWN_KEYS
from stgcmt.transcript import Event, StoredEvent, Transcript

Rows = dict[tuple[int | None, str], list[Event]]
STATEMENTS = frozenset({"claims", "known_issues", "sut_head"})
# Names of this harness, never of a SUT: they stay also where the recorded command line says them, whose words all go.
FACTS = frozenset({"tool", "suites", "fault", "variant", "selection", "roles", "profile", "edition"})
TITLES = frozenset({"ae_title", "ae", "calling_ae", "called_ae", "calling_ae_title", "called_ae_title"})
ADDRESSES = frozenset({"local", "peer", "host", "base_url", "url", "address", "path"})


def scrub(recording: Recording, table: Pseudonyms, also: Iterable[str] = ()) -> Recording:
    """The recording with every name, address and identifier replaced. ``also``: words to replace wherever they stand."""
    learn(recording, table, also)
    run = _whole(recording.run, table)
    scenarios = {key: _whole(each, table) for key, each in recording.scenarios.items()}
    return dataclasses.replace(recording, run=run, scenarios=scenarios)


def learn(recording: Recording, table: Pseudonyms, also: Iterable[str] = ()) -> None:
    """Fill the table with all that is to be replaced anywhere in the recording."""
    for word in also:
        table.all_words(word.encode())
        table.sensitive.update(part.lower() for part in word.split() if part.isalnum())
    everything = [recording.run, *recording.scenarios.values()]
    for transcript in everything:
        _learn(transcript, table)
    for transcript in everything:
        collections.deque(scrubbed_events(transcript, table), maxlen=0)


def _whole(transcript: Transcript, table: Pseudonyms) -> Transcript:
    return scrubbed_frame(transcript, table, tuple(scrubbed_events(transcript, table)))


def scrubbed_frame(transcript: Transcript, table: Pseudonyms, events: tuple[Event, ...] = ()) -> Transcript:
    """Header and footer of a transcript with everything replaced, around ``events``."""
    header = dataclasses.replace(transcript.header, info=_info(transcript.header.info, table))
    footer = transcript.footer
    if footer is not None:
        footer = dataclasses.replace(footer, reason=_text("reason", footer.reason, table))
    return dataclasses.replace(transcript, header=header, events=events, footer=footer)


def _learn(transcript: Transcript, table: Pseudonyms) -> None:
    """The hosts of a transcript, from addresses, Host fields and URLs, and what the harness noted as a title or UID."""
    for event in transcript.events:
        if event.kind.startswith("http.") and event.size:
            for host in http.hosts(event.data):
                table.host(host)
        for key in ("local", "peer"):
            where = event.info.get(key)
            if where:
                table.host(str(where[0]) if isinstance(where, (list, tuple)) else str(where))
        _learn_value(event.info, table)
    _learn_value(transcript.header.info, table)


def _learn_value(value: Any, table: Pseudonyms, key: str = "") -> None:
    if isinstance(value, Mapping):
        for name, item in value.items():
            _learn_value(item, table, str(name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            _learn_value(item, table, key)
    elif isinstance(value, str) and "://" in value:
        for host in http.hosts(value.encode("utf-8", "surrogateescape")):
            table.host(host)
    elif isinstance(value, str) and key == "host":
        table.host(value)
    elif isinstance(value, str) and key in TITLES:
        table.all_words(value.encode())
    elif isinstance(value, str) and key.removesuffix("s").endswith("uid"):
        table.learn_uid(value)


def scrubbed_events(transcript: Transcript, table: Pseudonyms) -> Iterator[Event]:
    """The events of a transcript with everything replaced, one after the other; of a large one few bytes are held at a time.

    Raises ``HarnessError`` where a direction would change its length.
    """
    rows = _rows(transcript.events)
    new = {key: _Taken(_replaced(key, rows, table)) for key in rows}
    for event in transcript.events:
        data = b""
        if event.size:
            data = new[event.conn, event.kind].take(event.size)
            _as_long(len(data) == event.size, transcript, event)
        yield event.but(data=data, info=_info(event.info, table))
        if event.size and rows[event.conn, event.kind][-1] is event:
            _as_long(not new[event.conn, event.kind].take(1), transcript, event)


def _as_long(same: bool, transcript: Transcript, event: Event) -> None:
    if not same:
        name = f"{transcript.header.role}/{transcript.name}, connection {event.conn}, {event.kind}, event {event.n}"
        raise HarnessError(
            "scrubbing", "as many bytes as before", f"{name}: not {event.size} bytes there",
            "report this with the scenario's name; the bundle was not written",
        )  # fmt: skip


class _Taken:
    """Bytes that come in pieces, taken in other pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes; fewer where there are no more."""
        found: list[bytes] = []
        while size > 0:
            if self._at >= len(self._rest):
                following = next(self._pieces, None)
                if following is None:
                    break
                self._rest, self._at = following, 0
                continue
            found.append(self._rest[self._at : self._at + size])
            self._at += len(found[-1])
            size -= len(found[-1])
        return found[0] if len(found) == 1 else b"".join(found)


def _replaced(key: tuple[int | None, str], rows: Rows, table: Pseudonyms) -> Iterator[bytes]:
    """One direction of a connection with everything replaced, in pieces."""
    conn, kind = key
    data = _joined(rows[key])
    if not kind.startswith("http"):
        return dimse.streamed(data, table)
    if isinstance(data, Joined) and not data[:5].startswith(b"HTTP/"):
        return http.streamed(data, [], table)  # requests: nobody needs to know what they answer
    other = _joined(rows.get((conn, "http.out" if kind == "http.in" else "http.in"), ()))
    return http.streamed(data, http.methods(other), table)


def _rows(events: Iterable[Event]) -> Rows:
    """The events with bytes of each direction of each connection."""
    found: Rows = defaultdict(list)
    for event in events:
        if event.size:
            found[event.conn, event.kind].append(event)
    return dict(found)


def _joined(events: Sequence[Event]) -> bytes | Joined:
    if any(isinstance(event, StoredEvent) for event in events):
        return Joined(events)
    return b"".join(event.data for event in events)


def _info(value: Any, table: Pseudonyms, key: str = "", *, stated: bool = False) -> Any:
    """What the harness noted: texts by their key; numbers, and keys and words of the harness stay."""
    if isinstance(value, Mapping):
        return {
            table.key(str(name), stated=stated): item
            if name in FACTS
            else _info(item, table, str(name), stated=stated or name in STATEMENTS)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_info(item, table, key, stated=stated) for item in value]
    return _text(key, value, table, stated=stated) if isinstance(value, str) else value


def _text(key: str, value: str, table: Pseudonyms, *, stated: bool = False) -> str:
    """One text: what a vendor states stays but for what is sensitive elsewhere; what a SUT said is a free text."""
    raw = value.encode("utf-8", "surrogateescape")
    if key in TITLES:
        new = table.all_words(raw)
    elif stated or key in OWN_KEYS:
        new = table.prose(raw)
    else:
        new = table.free(raw)
    return new.decode("utf-8", "surrogateescape")
