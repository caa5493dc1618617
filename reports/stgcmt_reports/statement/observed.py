"""What the points of a service description say where the recording shows it: names that the data file uses, as functions.

Each takes what was seen of a face and returns the sightings, the values that count and the sentence that they make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stgcmt.views.association import hex4
from stgcmt_reports.decode import uid_name
from stgcmt_reports.statement.cells import listed, seconds
from stgcmt_reports.statement.seen_dimse import NO_ANSWER, DimseSeen
from stgcmt_reports.statement.seen_web import WebSeen
from stgcmt_reports.statement.values import Seen

FaceSeen = DimseSeen | WebSeen
# sightings, the values that count (every one where there is none), the sentence
Observation = tuple[Seen, tuple[Any, ...], Callable[[Iterable[Any]], str]]
LISTED_POST = frozenset({200, 202, 400, 409, 503})
LISTED_GET = frozenset({200, 202, 404, 410, 503})
# Codes that PS3.18 8.5 gives to every transaction are not a vendor's own.
GENERAL = frozenset({304, 400, 401, 403, 404, 405, 406, 411, 413, 414, 415, 500, 501, 503, 505})
REASONS = frozenset({0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213})


def class_names(uids: Iterable[Any]) -> str:
    """SOP Classes by name and UID."""
    return listed((uid_name(str(uid)) for uid in uids), 6)


def _reasons(values: Iterable[Any]) -> str:
    return listed(hex4(value) for value in values)


def _pairs_after(values: Iterable[Any]) -> str:
    """``(reason, what the SUT did)`` as a sentence for each reason."""
    by: dict[int, set[str]] = {}
    for reason, what in values:
        by.setdefault(reason, set()).add(what)
    return "; ".join(f"after {hex4(reason)}: {listed(words)}" for reason, words in sorted(by.items()))


def _delay(values: Iterable[Any]) -> str:
    numbers = [float(value) for value in values]
    return seconds(min(numbers), max(numbers))


def _retention(values: Iterable[Any]) -> str:
    """From (age in seconds, still there) of every look at a result that was there once."""
    there = [age for age, kept in values if kept]
    gone = [age for age, kept in values if not kept]
    said = [f"still there after {max(there):.3g} s" if there else ""]
    said.append(f"gone after {min(gone):.3g} s" if gone else "")
    return ", ".join(each for each in said if each)


def _media(values: Iterable[Any]) -> str:
    requests = {value for kind, value in values if kind == "request"}
    results = {value for kind, value in values if kind == "result"}
    parts = [f"requests: {listed(requests)}" if requests else "", f"results: {listed(results)}" if results else ""]
    return "; ".join(part for part in parts if part)


def media_types(seen: WebSeen) -> Seen:
    """Media types of requests (that were accepted, or that the SUT sent) and of results (that it sent, or asks for)."""
    found = Seen()
    for value in seen.request_types:
        media_type, accepted = value
        if accepted or seen.sut_asks:
            found.take(("request", media_type), seen.request_types, value)
    results = seen.accepted_types if seen.sut_asks else seen.result_types
    for value in results:
        found.take(("result", value), results, value)
    return found


def representations(seen: WebSeen) -> Seen:
    """The media types in which requests came."""
    found = Seen()
    for value in seen.request_types:
        found.take(value[0], seen.request_types, value)
    return found


def own_codes(seen: WebSeen) -> Seen:
    """Status codes that neither the tables of section 13 nor 8.5 list."""
    found = Seen()
    for statuses, known in ((seen.request, LISTED_POST), (seen.check, LISTED_GET)):
        for status in statuses:
            if status > 0 and status not in known | GENERAL:
                found.take(status, statuses, status)
    return found


def _dimse(name: str, seen: DimseSeen) -> Observation | None:
    table: Mapping[str, Observation] = {
        "classes": (seen.classes, (), class_names),
        "file_set_asked": (seen.file_set_asked, _verbs(seen), _file_set_asked),
        "file_set_told": (seen.file_set_told, (), lambda values: f"File-Set ID and UID: {listed(values)}"),
        "retrieve_ae": (seen.retrieve_ae, (), lambda values: f"Retrieve AE Title: {listed(values)}"),
        "arrival": (seen.arrival, (), lambda values: f"reports come on {listed(values)}"),
        "after_success": (seen.after_success, (), listed),
        "after_reasons": (seen.after_reason, (), _pairs_after),
        "delay": (seen.delays, (), _delay),
        "event_types": (seen.event_types, (), _event_types),
        "triggers": (seen.triggers, (), _triggers),
        "kept": (seen.kept.back, (), _kept),
        "coerced": (seen.kept.coerced, (), listed),
        "stored": (seen.stored, (), lambda values: f"C-STORE: {class_names(values)}"),
    }
    return table.get(name)


def _event_types(values: Iterable[Any]) -> str:
    """``1: all instances are committed``."""
    by: dict[str, set[str]] = {}
    for kind, content in values:
        by.setdefault("none" if kind is None else str(kind), set()).add(content)
    return "; ".join(f"{kind}: {listed(contents)}" for kind, contents in sorted(by.items()))


def _triggers(values: Iterable[Any]) -> str:
    """Which requests were reported on."""
    words = {
        None: "requests that were not seen in the scenario",
        0: "requests that were accepted",
        NO_ANSWER: "requests without a response",
    }
    return (
        f"reports are sent on {listed(words.get(value) or f'requests refused with {hex4(value)}' for value in values)}"
    )


def _kept(values: Iterable[Any]) -> str:
    """``(how, what came)`` of committed instances."""
    return "; ".join(f"{how}: committed instances {what}" for how, what in sorted(values))


def _polling(seen: WebSeen) -> Seen:
    found = Seen()
    for kind, values in (("checks", seen.checks_made), ("pause", seen.pauses), ("asked", seen.obeyed)):
        for value in values:
            found.take((kind, value), values, value)
    return found


def _polling_text(values: Iterable[Any]) -> str:
    checks = [value for kind, value in values if kind == "checks"]
    pauses = [value for kind, value in values if kind == "pause"]
    said = [f"at most {max(checks)} Result Checks were made"] if checks else []
    said += sorted(value for kind, value in values if kind == "asked")
    return ", ".join(
        [*said, *([f"{seconds(min(pauses), max(pauses))} after an answer that names no time"] if pauses else [])]
    )


def _verbs(seen: DimseSeen) -> tuple[str, ...]:
    """A request without File-Set attributes shows nothing of a SUT that answers; it does of one that asks."""
    return ("sent", "not sent") if seen.sut_asks else ("accepted", "refused")


def _file_set_asked(values: Iterable[Any]) -> str:
    return f"requests with File-Set ID or UID: {listed(values)}"


def _web(name: str, seen: WebSeen) -> Observation | None:
    role = Seen()
    for statuses in (seen.request, seen.check):
        role.merge(statuses)
    own_reasons = tuple(value for value in seen.reasons if value not in REASONS)
    table: Mapping[str, Observation] = {
        "classes": (seen.classes, (), class_names),
        "structures": (seen.structures, (), listed),
        "synchrony": (seen.synchrony, (), listed),
        "delay": (seen.delays, (), _delay),
        "retention": (seen.kept, (), _retention),
        "reasons": (seen.reasons, (), _reasons),
        "own_reasons": (seen.reasons if own_reasons else Seen(), own_reasons, _reasons),
        "own_codes": (own_codes(seen), (), listed),
        "parameters": (seen.parameters, (), listed),
        "charsets": (seen.charsets, tuple(each for each in seen.charsets if each != "utf-8"), listed),
        "default_type": (seen.default_types, (), listed),
        "representations": (representations(seen), (), listed),
        "media_types": (media_types(seen), (), _media),
        "retry_after": (seen.headers.get("retry-after", Seen()), (), lambda values: f"sent as {listed(values)}"),
        "dated": (seen.presence.get("date", Seen()), (), _dated),
        "bases": (seen.bases, (), lambda values: f"results are named below {listed(values)}"),
        "capabilities": (seen.capabilities, (), lambda values: f"answered as {listed(values)}"),
        "polling": (_polling(seen), (), _polling_text),
        "kept": (seen.kept_back.back, (), _kept),
        "coerced": (seen.kept_back.coerced, (), listed),
        "repeats": (seen.repeats, (), lambda values: f"at most {max(values)} further attempts were made"),
        "role": (role, (), lambda _: "user agent" if seen.sut_asks else "origin server"),
    }
    return table.get(name)


def _dated(values: Iterable[Any]) -> str:
    """From (method, whether the field was there) of every answer."""
    there = {present for _, present in values}
    return (
        "Date is sent"
        if there == {True}
        else "no Date is sent"
        if there == {False}
        else "Date is sent on some responses"
    )


def observation(name: str, seen: FaceSeen) -> Observation | None:
    """The observation of that name; ``None`` where this face has none."""
    found = _dimse(name, seen) if isinstance(seen, DimseSeen) else _web(name, seen)
    if found is None or (found[1] == () and not found[0]):
        return None
    if name in {"charsets", "own_reasons", "file_set_asked"} and not any(value in found[0] for value in found[1]):
        return None
    return found
