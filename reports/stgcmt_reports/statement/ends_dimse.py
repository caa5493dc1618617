"""How associations ended, and what the SUT did after failures that we made: rejected, aborted, cut, no role granted.

``initiated.failures`` fills Table N.7-8, ``accepted.failures`` Table N.7-9: pairs of the failure and what came next.
"""

from __future__ import annotations

from collections.abc import Sequence

from stgcmt.views.association import Association, Message
from stgcmt.views.dimse import DimseView
from stgcmt_reports.statement.dimse_values import PUSH_MODEL, DimseSeen
from stgcmt_reports.statement.modules import Information

ABORTED, CUT, REJECTED, NO_ROLE = (
    "association aborted", "network disconnect", "association rejected", "SCP role not granted",
)  # fmt: skip
AGAIN, NOT_AGAIN = "opens another association", "opens no other association during the scenario"
REPORTS, SILENT = "reports on its requests all the same", "sends no report on its requests during the scenario"
TAKES = "accepts further associations"
Messages = Sequence[tuple[Message, Information]]


def read(seen: DimseSeen, name: str, view: DimseView, actions: Messages, events: Messages) -> None:
    """Every association of one transcript; ``actions`` and ``events`` are its requests and reports."""
    for assoc in view.all_associations:
        side = seen.initiated if assoc.side == "acceptor" else seen.accepted
        if assoc.abort is not None and assoc.abort.by == "sut":
            side.ends.add("the SUT aborts", name, assoc.step, assoc.abort.events)
        elif assoc.end in {"released", "rejected"}:
            side.ends.add(assoc.end, name, assoc.step, assoc.events[-1:])
        if assoc.side == "acceptor":
            _initiated(seen, name, view, assoc, events)
        else:
            _accepted(seen, name, view, assoc, actions, events)


def _initiated(seen: DimseSeen, name: str, view: DimseView, assoc: Association, events: Messages) -> None:
    """What the SUT did after an association of its own failed."""
    failure = {"rejected": REJECTED, "reset": CUT, "closed": CUT}.get(assoc.end, "")
    if _aborted_by_us(assoc):
        failure = ABORTED
    elif assoc.end == "released" and not seen.sut_asks and not assoc.sut_is_scp(PUSH_MODEL):
        failure = "" if any(each.assoc.conn == assoc.conn for each, _ in events) else NO_ROLE
    if not failure:
        return
    later = [each for each in view.associations(side="acceptor") if each.t_open > assoc.t_open]
    where = (*assoc.events[-1:], *(later[0].events[:1] if later else ()))
    seen.initiated.failures.add((failure, AGAIN if later else NOT_AGAIN), name, assoc.step, where)


def _accepted(
    seen: DimseSeen, name: str, view: DimseView, assoc: Association, actions: Messages, events: Messages
) -> None:
    """What the SUT did after we broke an association that it had accepted: the reports that it owed, further associations."""
    cut = assoc.end in {"closed", "reset"} and assoc.closed_how == "local"
    failure = ABORTED if _aborted_by_us(assoc) else CUT if cut else ""
    if not failure or assoc.ac is None:
        return
    owed = _owed(view, assoc, actions, events) if not seen.sut_asks else frozenset()
    reported = [each for each, info in events if info.transaction_uid in owed and each.t_first > assoc.t_open]
    ended = assoc.t_end or assoc.t_open
    taken = [each for each in view.associations(side="requestor") if each.t_open > ended and each.ac is not None]
    if owed:
        what, next_ = (REPORTS, reported[0].events[:1]) if reported else (SILENT, ())
    elif taken:
        what, next_ = TAKES, taken[0].events[:1]
    else:
        return
    seen.accepted.failures.add((failure, what), name, assoc.step, (*assoc.events[-1:], *next_))


def _owed(view: DimseView, assoc: Association, actions: Messages, events: Messages) -> frozenset[str]:
    """Transaction UIDs of requests of this association that were accepted, and not reported on while it stood."""
    told = {info.transaction_uid for each, info in events if each.assoc.conn == assoc.conn}
    asked = set()
    for each, info in actions:
        response = view.response_to(each)
        if each.assoc.conn == assoc.conn and response is not None and response.status == 0:
            asked.add(info.transaction_uid)
    return frozenset(asked - told)


def _aborted_by_us(assoc: Association) -> bool:
    return assoc.end == "aborted" and assoc.abort is not None and assoc.abort.by == "harness"
