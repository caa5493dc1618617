"""A whole recording, scrubbed: bytes of every connection, and what the harness noted beside them.

Two passes. The first finds what is sensitive where its place tells it (a patient's name in a data set, an AE title in a
PDU, a host in a URL); the second replaces that everywhere, also where only the harness or a message text repeats it.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from stgcmt.errors import HarnessError
from stgcmt.judge import Recording
from stgcmt.scrubbing import dimse, http
from stgcmt.scrubbing.pseudonyms import Pseudonyms
from stgcmt.scrubbing.vocabulary import OWN_KEYS
from stgcmt.transcript import Event, Transcript

Streams = dict[tuple[int | None, str], bytes]
STATEMENTS = frozenset({"claims", "known_issues", "sut_head"})
# Names of this harness, never of a SUT: they stay also where the recorded command line says them, whose words all go.
FACTS = frozenset({"tool", "suites", "fault", "variant", "selection", "roles", "profile", "edition"})
TITLES = frozenset({"ae_title", "ae", "calling_ae", "called_ae", "calling_ae_title", "called_ae_title"})
ADDRESSES = frozenset({"local", "peer", "host", "base_url", "url", "address", "path"})


def scrub(recording: Recording, table: Pseudonyms, also: Iterable[str] = ()) -> Recording:
    """The recording with every name, address and identifier replaced. ``also``: words to replace wherever they stand."""
    for word in also:
        table.all_words(word.encode())
        table.sensitive.update(part.lower() for part in word.split() if part.isalnum())
    everything = [recording.run, *recording.scenarios.values()]
    for transcript in everything:
        _learn(transcript, table)
    for transcript in everything:
        _transcript(transcript, table)
    run = _transcript(recording.run, table)
    scenarios = {key: _transcript(each, table) for key, each in recording.scenarios.items()}
    return dataclasses.replace(recording, run=run, scenarios=scenarios)


def _learn(transcript: Transcript, table: Pseudonyms) -> None:
    """The hosts of a transcript, from addresses, Host fields and URLs, and what the harness noted as a title or UID."""
    for event in transcript.events:
        if event.kind.startswith("http.") and event.data:
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


def _transcript(transcript: Transcript, table: Pseudonyms) -> Transcript:
    streams = _streams(transcript.events)
    new: Streams = {}
    for (conn, kind), data in streams.items():
        other = streams.get((conn, "http.out" if kind == "http.in" else "http.in"), b"")
        changed = (
            http.stream(data, http.methods(other), table) if kind.startswith("http") else dimse.stream(data, table)
        )
        if len(changed) != len(data):
            name = f"{transcript.header.role}/{transcript.name}, connection {conn}, {kind}"
            raise HarnessError(
                "scrubbing", "as many bytes as before", f"{name}: {len(data)} bytes became {len(changed)}",
                "report this with the scenario's name; the bundle was not written",
            )  # fmt: skip
        new[conn, kind] = changed
    taken: dict[tuple[int | None, str], int] = defaultdict(int)
    events = []
    for event in transcript.events:
        data = event.data
        if data:
            key = (event.conn, event.kind)
            data = new[key][taken[key] : taken[key] + len(data)]
            taken[key] += len(data)
        events.append(dataclasses.replace(event, data=data, info=_info(event.info, table)))
    header = dataclasses.replace(transcript.header, info=_info(transcript.header.info, table))
    footer = transcript.footer
    if footer is not None:
        footer = dataclasses.replace(footer, reason=_text("reason", footer.reason, table))
    return dataclasses.replace(transcript, header=header, events=tuple(events), footer=footer)


def _streams(events: Iterable[Event]) -> Streams:
    """The bytes of each direction of each connection."""
    found: dict[tuple[int | None, str], list[bytes]] = defaultdict(list)
    for event in events:
        if event.data:
            found[event.conn, event.kind].append(event.data)
    return {key: b"".join(parts) for key, parts in found.items()}


def _info(value: Any, table: Pseudonyms, key: str = "", *, stated: bool = False) -> Any:
    """What the harness noted: texts by their key; numbers, keys and words of the harness stay."""
    if isinstance(value, Mapping):
        return {
            name: item if name in FACTS else _info(item, table, str(name), stated=stated or name in STATEMENTS)
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
