"""Tables of the DIMSE faces: Failure Reasons, configuration, association, failures, status codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stgcmt.views.association import hex4
from stgcmt_reports.statement import stated
from stgcmt_reports.statement.cells import fixed, listed, row, sent_in
from stgcmt_reports.statement.context import Context
from stgcmt_reports.statement.observed import observation
from stgcmt_reports.statement.seen_dimse import NO_ANSWER, PUSH_MODEL, DimseSeen, Side, status_name
from stgcmt_reports.statement.tables_general import named
from stgcmt_reports.statement.values import Cell, Row, Seen

_NEVER = 'not seen in this run: state the condition, or "not supported"'
_NEVER_RECEIVED = 'not seen in this run: state the behavior, or "ignored"'


def reasons(context: Context, key: str, _name: str) -> tuple[Row, ...]:
    """Tables N.5-15 and N.5-16: every code of PS3.3 C.14.1.1, and others that were seen."""
    face = context.data["sections"][key]["face"]
    seen = context.dimse[face]
    listed_codes = dict(context.data["codes"]["reasons"])
    others = sorted(code for code in seen.reasons if code not in listed_codes)
    rows: list[Row] = []
    for code in (*listed_codes, *others):
        meaning = listed_codes.get(code, "not among the values of PS3.3 C.14.1.1")
        slot = f"{face}.reason.{code:04X}"
        label = fixed(f"{hex4(code)} {meaning}")
        rows.append(Row(hex4(code), (label, _reason(context, seen, slot, code))))
    return tuple(rows)


def _reason(context: Context, seen: DimseSeen, slot: str, code: int) -> Cell:
    if seen.sut_asks:
        pairs = [pair for pair in seen.after_reason if pair[0] == code]
        return _cell(context, slot, seen.after_reason, pairs, _what, _NEVER_RECEIVED)
    claim = None if code in seen.reasons else stated.failure_reason(context, face=slot.partition(".")[0], code=code)
    return context.declared.cell(slot, seen.reasons, code, text=sent_in(seen.reasons), hint=_NEVER, stated=claim)


def statuses(context: Context, _key: str, name: str) -> tuple[Row, ...]:
    """Tables N.7-44 to N.7-47."""
    face, _, message = name.partition("_")
    seen = context.dimse[face]
    codes = context.data["codes"][message]
    found = seen.action if message == "action" else seen.reports
    known = {code for _, code, _ in codes}
    more = [
        ["Other", code, "not among the codes of this table"]
        for code in sorted(found)
        if code not in known and code != NO_ANSWER
    ]
    rows = [
        row(hex4(code), status, meaning, hex4(code), _status(context, seen, face, message, code))
        for status, code, meaning in (*codes, *more)
    ]
    rows.append(row("other", "Other", "any other status code", "*", _others(context, seen, face, message)))
    if NO_ANSWER in found:
        cell = _status(context, seen, face, message, NO_ANSWER)
        rows.append(row("none", "None", status_name(NO_ANSWER), "-", cell))
    return tuple(rows)


def _others(context: Context, seen: DimseSeen, face: str, message: str) -> Cell:
    sends = seen.sut_asks == (message == "report")
    slot = f"{face}.{message}.other"
    return context.declared.cell(slot, hint="state whether other codes are sent" if sends else "state the behavior")


def _status(context: Context, seen: DimseSeen, face: str, message: str, code: int) -> Cell:
    """What the SUT does on receiving a status, or that it sent one."""
    slot = f"{face}.{message}.{'none' if code == NO_ANSWER else f'{code:04X}'}"
    if message == "action" and seen.sut_asks:
        pairs = [pair for pair in seen.after_status if pair[0] == code]
        return _cell(context, slot, seen.after_status, pairs, _what, _NEVER_RECEIVED)
    if message == "report" and not seen.sut_asks:
        pairs = [pair for pair in seen.after_receipt if pair[0] == code]
        return _cell(context, slot, seen.after_receipt, pairs, _what, _NEVER_RECEIVED)
    found = seen.action if message == "action" else seen.reports
    word = "requests were left without a response" if code == NO_ANSWER else "sent"
    claim = stated.action_status(context, face, code) if message == "action" and code not in found else None
    return context.declared.cell(slot, found, code, text=sent_in(found, word), hint=_NEVER, stated=claim)


def _what(pairs: Iterable[Any]) -> str:
    """``(code, what the SUT did next)`` as what it did."""
    return listed(what for _, what in pairs)


def _cell(
    context: Context, slot: str, seen: Seen, pairs: list[Any], text: Any, hint: str, claim: str | None = None
) -> Cell:
    return context.declared.cell(slot, seen if pairs else None, *pairs, text=text, hint=hint, stated=claim)


# --- configuration ------------------------------------------------------------------------------------------------------


def configuration(context: Context, _key: str, name: str) -> tuple[Row, ...]:
    """Local and remote parameters; the SUT file tells those of the run."""
    rows: list[Row] = []
    for face, seen in context.dimse.items():
        section = context.sut.get(face, {})
        section = section if isinstance(section, dict) else {}
        if name == "local":
            mine = seen.initiated.calling
            rows += [
                _parameter(context, f"{face}.local.calling_ae", "Calling AE Title (SCU)", mine),
                _parameter(context, f"{face}.local.called_ae", "Called AE Title (SCP)", seen.accepted.called),
                _parameter(context, f"{face}.local.port", "Port", stated=section.get("port")),
                _parameter(context, f"{face}.local.tls_port", "TLS-Secured Port"),
            ]
        else:
            theirs = seen.initiated.called
            rows += [
                _parameter(context, f"{face}.remote.called_ae", "Called AE Title", theirs),
                _parameter(context, f"{face}.remote.host", "Host and port of each remote AE"),
                _parameter(context, f"{face}.remote.calling_ae", "Calling AE Title of each remote AE", seen.accepted.calling),
                _parameter(context, f"{face}.remote.hosts", "Maximum number of remote hosts"),
            ]  # fmt: skip
    return tuple(rows)


def _parameter(context: Context, slot: str, label: str, seen: Seen | None = None, *, stated: Any = None) -> Row:
    used = Cell("", "fixed")
    if seen:
        used = Cell(f"in this run: {listed(seen, 3)}", "observed", seen.places(), seen.count())
    elif stated is not None:
        used = Cell(f"in this run: {stated}", "declared")
    return row(
        slot, label,
        context.declared.cell(f"{slot}.configurable", hint="USER, SERVICE or FIXED"),
        context.declared.cell(f"{slot}.default", hint="default value, or none"),
        used if used.text else context.declared.cell(f"{slot}.comment", hint="to be completed"),
    )  # fmt: skip


# --- associations -------------------------------------------------------------------------------------------------------

_PARAMETERS = (
    ("application", "Application Context Name"),
    ("implementation", "Implementation Class UID"),
    ("version", "Implementation Version Name"),
    ("max_pdu", "Maximum PDU Length (bytes; 0: no limit)"),
    ("window", "Asynchronous operations window (invoked, performed)"),
)
_NONE_OPENED, _NONE_TAKEN = "no association of the SUT's was seen", "no association was accepted"
_TIMERS = (
    ("artim", "ARTIM Timeout"),
    ("dimse_timeout", "DIMSE timeout"),
    ("network_timeout", "Association and network timeouts"),
    ("associations", "Maximum number of simultaneous associations"),
)


def parameters(context: Context, _key: str, _name: str) -> tuple[Row, ...]:
    """Table N.7-2; what both faces of a proxy have is one row."""
    initiated, accepted = _side(context, initiated=True), _side(context, initiated=False)
    rows = [
        row(
            field, label,
            context.declared.cell(f"association.{field}.initiator", getattr(initiated, field), text=listed, hint=_NONE_OPENED),
            context.declared.cell(f"association.{field}.acceptor", getattr(accepted, field), text=listed, hint=_NONE_TAKEN),
        )
        for field, label in _PARAMETERS
    ]  # fmt: skip
    rows += [
        row(
            field, label,
            context.declared.cell(f"association.{field}.initiator", hint="to be completed (cannot be told from outside)"),
            context.declared.cell(f"association.{field}.acceptor", hint="to be completed (cannot be told from outside)"),
        )
        for field, label in _TIMERS
    ]  # fmt: skip
    return tuple(rows)


def _side(context: Context, *, initiated: bool) -> Side:
    whole = Side()
    for seen in context.dimse.values():
        part = seen.initiated if initiated else seen.accepted
        for field in vars(whole):
            getattr(whole, field).merge(getattr(part, field))
    return whole


def initiation(context: Context, _key: str, name: str) -> tuple[Row, ...]:
    """What leads to associations of the SUT, and the contexts that it proposes."""
    if name == "proposed":
        return _contexts(context, initiated=True)
    rows: list[Row] = []
    for face, seen in context.dimse.items():
        if seen.sut_asks:
            rows.append(
                row(
                    f"{face}.trigger", "When a request (N-ACTION) is sent, relative to the stores before it",
                    context.declared.cell(f"{face}.trigger", hint="to be completed"),
                )
            )  # fmt: skip
        arrival = observation("arrival", seen)
        rows.append(
            row(
                f"{face}.same_association", "Report (N-EVENT-REPORT): on the association of the request, or on one of its own",
                context.declared.cell(
                    f"{face}.same_association", arrival[0] if arrival else None,
                    text=lambda values: f"reports come on {listed(values)}", hint="no report was seen",
                    stated=stated.report_association(context) if not seen.sut_asks else None,
                ),
            )
        )  # fmt: skip
        if not seen.sut_asks:
            rows.append(
                row(
                    f"{face}.retry", "When a report is sent again that could not be delivered",
                    context.declared.cell(
                        f"{face}.retry", seen.initiated.failures, text=_retries, stated=stated.keeps_undelivered(context),
                        hint="to be completed: after how long, how often",
                    ),
                )
            )  # fmt: skip
    return tuple(rows)


def _retries(pairs: Iterable[Any]) -> str:
    """``(failure, what it did next)`` as a sentence for each failure."""
    by: dict[str, set[str]] = {}
    for failure, what in pairs:
        by.setdefault(failure, set()).add(what)
    return "; ".join(f"after {failure}: {listed(what)}" for failure, what in sorted(by.items()))


def acceptance(context: Context, _key: str, _name: str) -> tuple[Row, ...]:
    """The contexts that the SUT accepts."""
    return _contexts(context, initiated=False)


def _contexts(context: Context, *, initiated: bool) -> tuple[Row, ...]:
    side = _side(context, initiated=initiated)
    direction = "proposed" if initiated else "accepted"
    rows: list[Row] = []
    for abstract in sorted({key[0] for key in side.contexts} | {PUSH_MODEL}):
        keys = [key for key in side.contexts if key[0] == abstract]
        slot = f"contexts.{direction}.{abstract}"
        hint = "not seen in this run"
        claims = stated.proposed(context) if initiated and abstract == PUSH_MODEL else {}
        if not keys and abstract in side.rejected:
            rejected = Cell(
                "refused in this run", "observed", side.rejected.places(abstract), side.rejected.count(abstract), slot
            )
            rows.append(row(abstract, f"{named(abstract)} {abstract}", rejected, fixed("-"), fixed("-")))
            continue
        rows.append(
            row(
                abstract, f"{named(abstract)} {abstract}",
                _cell(context, f"{slot}.syntaxes", side.contexts, keys, _syntaxes, hint, claims.get("syntaxes")),
                _cell(context, f"{slot}.roles", side.contexts, keys, _roles, hint, claims.get("roles")),
                _extended(context, side, slot, abstract),
            )
        )  # fmt: skip
    return tuple(rows)


def _extended(context: Context, side: Side, slot: str, abstract: str) -> Cell:
    """SOP Class Extended Negotiation: seen, or for the Push Model class what PS3.4 J.2.1 says of it."""
    if abstract in side.extended:
        return context.declared.cell(f"{slot}.extended", side.extended, abstract, text="negotiated")
    if abstract == PUSH_MODEL:
        return fixed("none: not allowed for this class")
    return context.declared.cell(f"{slot}.extended", hint="none, unless stated")


def _syntaxes(keys: Iterable[Any]) -> str:
    return listed(named(key[1]) for key in keys)


def _roles(keys: Iterable[Any]) -> str:
    return listed(key[2] for key in keys)


# --- failures -----------------------------------------------------------------------------------------------------------

_FAILURES = ("timeout", "association aborted", "association rejected", "network disconnect")


def failures(context: Context, key: str, _name: str) -> tuple[Row, ...]:
    """Tables N.7-8 and N.7-9: what the SUT did where we rejected, aborted or cut the connection."""
    initiator = key == "failure_initiator"
    side = _side(context, initiated=initiator)
    kind = "initiator" if initiator else "acceptor"
    rows: list[Row] = []
    for failure in _FAILURES:
        if failure == "association rejected" and not initiator:
            continue
        pairs = [pair for pair in side.failures if pair[0] == failure]
        slot = f"failure.{kind}.{failure.replace(' ', '_')}"
        cell = _cell(context, slot, side.failures, pairs, _what, "not provoked in this run: to be completed")
        rows.append(row(failure, failure.capitalize(), cell))
    if "the SUT aborts" in side.ends:
        ends = side.ends
        cell = context.declared.cell(
            f"failure.{kind}.own_abort", ends, "the SUT aborts", text="the SUT aborted associations"
        )
        rows.append(row("own_abort", "A-ABORT of its own", cell))
    return tuple(rows)
