"""Tables of the DICOMweb faces: resources, header fields, configuration, status codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stgcmt_reports.statement.cells import fixed, listed, row, sent_in
from stgcmt_reports.statement.context import Context
from stgcmt_reports.statement.fields_web import RESOURCE
from stgcmt_reports.statement.seen_web import NO_ANSWER, SENT_BY_SUT, WebSeen
from stgcmt_reports.statement.values import Cell, Row, Seen

TRANSACTION = f"/{RESOURCE}/{{transactionUID}}"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_NAMES = {"etag": "ETag", "www-authenticate": "WWW-Authenticate"}


def resources(context: Context, key: str, _name: str) -> tuple[Row, ...]:
    """The commitment resource with its two methods, and what else was used beside it."""
    face = context.data["sections"][key]["face"]
    seen = context.web[face]
    rows: list[Row] = []
    for method, what, found in (("POST", "Request", seen.request), ("GET", "Result Check", seen.check)):
        answered = [status for status in found if status in (200, 202)] or (list(found) if seen.sut_asks else [])
        cell = context.declared.cell(
            f"{face}.resource.{method.lower()}", found if answered else None, *answered,
            text="used" if seen.sut_asks else "answered", hint="not seen in this run",
        )  # fmt: skip
        rows.append(row(method, f"{method} {TRANSACTION} ({what})", cell))
    known = (method for method in {pair[0] for pair in seen.other_methods} if seen.sut_asks or method in METHODS)
    for method in sorted(known):  # not those that the harness made up to ask one question
        pairs = [pair for pair in seen.other_methods if pair[0] == method]
        codes = listed(_code(status) for _, status in pairs)
        found_cell = Cell(
            f"used; answered {codes}" if seen.sut_asks else f"answered {codes}", "observed",
            seen.other_methods.places(*pairs), seen.other_methods.count(*pairs),
        )  # fmt: skip
        rows.append(row(method, f"{method} {TRANSACTION}", found_cell))
    others = sorted(value for value in seen.resources if RESOURCE not in value[1])
    for method, path in others:
        places, count = seen.resources.places((method, path)), seen.resources.count((method, path))
        rows.append(row(f"{method} {path}", f"{method} {path}", Cell("used beside it", "observed", places, count)))
    return tuple(rows)


def headers(context: Context, key: str, _name: str) -> tuple[Row, ...]:
    """Header fields that the SUT sends, with the values that were seen; each is named though none was."""
    face = context.data["sections"][key]["face"]
    seen = context.web[face]
    rows = []
    for name in SENT_BY_SUT[seen.sut_asks]:
        found = seen.headers[name]
        label = _NAMES.get(name, "-".join(word.capitalize() for word in name.split("-")))
        cell = context.declared.cell(f"{face}.header.{name}", found, text=listed, hint="not seen in this run")
        comment = f"{face}.header.{name}.comment"
        presence = seen.presence[name].only(lambda pair: pair[0] in ("POST", "GET"))
        there = [pair for pair in presence if pair[1]]
        where = context.declared.cell(
            comment, presence if there else None, *presence, text=_presence(presence), hint="-"
        )
        rows.append(row(name, label, cell, where if there or where.kind == "declared" else fixed("")))
    if not seen.sut_asks:
        rows.append(_understood(context, face, seen))
    return tuple(rows)


def _presence(seen: Seen) -> Callable[[Iterable[Any]], str]:
    """``in every Request, in no Result Check``: how far a header field is always there."""

    def text(_: Iterable[Any]) -> str:
        parts = []
        for method, one, several in (("POST", "Request", "Requests"), ("GET", "Result Check", "Result Checks")):
            there, not_there = seen.count((method, True)), seen.count((method, False))
            if there or not_there:
                words = f"some {several}" if there and not_there else f"every {one}" if there else f"no {one}"
                parts.append(f"in {words}")
        return ", ".join(parts)

    return text


def _understood(context: Context, face: str, seen: WebSeen) -> Row:
    """Content-Type of requests: what an origin server takes."""
    accepted = [value for value in seen.request_types if value[1]]
    cell = context.declared.cell(
        f"{face}.header.content-type.requests", seen.request_types if accepted else None, *accepted,
        text=lambda values: listed(media for media, _ in values), hint="no Request was accepted",
    )  # fmt: skip
    return row("content-type.requests", "Content-Type of Requests", cell, fixed("accepted"))


# --- configuration ------------------------------------------------------------------------------------------------------


def configuration(context: Context, _key: str, _name: str) -> tuple[Row, ...]:
    """Base URL, credentials, TLS, and what a face of its own needs."""
    rows: list[Row] = []
    for face, seen in context.web.items():
        section = context.sut.get(face, {})
        base = section.get("base_url") if isinstance(section, Mapping) else None
        rows.append(_parameter(context, f"{face}.base_url", f"Base URL ({context.data['faces'][face]})", base))
        rows.append(_parameter(context, f"{face}.credentials", "Credentials"))
        rows.append(_parameter(context, f"{face}.tls", "TLS: certificates, trusted authorities"))
        if seen.sut_asks:
            rows.append(_parameter(context, f"{face}.polling", "Interval and limit of Result Checks"))
        else:
            stated = context.claimed(f"{face}.result_retention_s", "{} s")
            rows.append(_parameter(context, f"{face}.retention", "How long results are kept", stated))
    return tuple(rows)


def _parameter(context: Context, slot: str, label: str, stated: Any = None) -> Row:
    used = Cell(f"in this run: {stated}", "declared") if stated else None
    return row(
        slot, label,
        context.declared.cell(f"{slot}.configurable", hint="USER, SERVICE or FIXED"),
        context.declared.cell(f"{slot}.default", hint="default value, or none"),
        used or context.declared.cell(f"{slot}.comment", hint="to be completed"),
    )  # fmt: skip


# --- status codes -------------------------------------------------------------------------------------------------------


def statuses(context: Context, _key: str, name: str) -> tuple[Row, ...]:
    """The tables of N.7.3.3.6: listed codes, others that were seen, and a row for anything else where the SUT asks."""
    face, _, transaction = name.rpartition("_")
    seen = context.web[face]
    found = seen.request if transaction == "request" else seen.check
    codes = context.data["codes"][name]
    known = {code for _, code in codes}
    more = [[_class(code), code] for code in sorted(found) if code not in known and code != NO_ANSWER]
    rows = [
        row(str(code), status, str(code), _status(context, seen, face, transaction, code))
        for status, code in (*codes, *more)
    ]
    if seen.sut_asks:
        rows.append(
            row("other", "Other", "*", context.declared.cell(f"{face}.{transaction}.other", hint="state the behavior"))
        )
    if NO_ANSWER in found:
        rows.append(row("none", "None", "-", _status(context, seen, face, transaction, NO_ANSWER)))
    return tuple(rows)


def _status(context: Context, seen: WebSeen, face: str, transaction: str, code: int) -> Cell:
    slot = f"{face}.{transaction}.{'none' if code == NO_ANSWER else code}"
    if seen.sut_asks:
        after = seen.after_request if transaction == "request" else seen.after_check
        pairs = [pair for pair in after if pair[0] == code]
        return context.declared.cell(
            slot, after if pairs else None, *pairs, text=lambda values: listed(what for _, what in values),
            hint="not seen in this run: state the behavior",
        )  # fmt: skip
    found = seen.request if transaction == "request" else seen.check
    word = "left without an answer" if code == NO_ANSWER else "sent"
    hint = "not seen in this run: state the condition, or never sent"
    return context.declared.cell(slot, found, code, text=sent_in(found, word), hint=hint)


def _class(code: int) -> str:
    return {1: "Informational", 2: "Success", 3: "Redirection", 4: "Failure", 5: "Failure"}.get(code // 100, "Other")


def _code(status: int) -> str:
    return "nothing" if status == NO_ANSWER else str(status)
