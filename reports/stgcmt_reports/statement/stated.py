"""What the claims of a role say for cells that no point of the data file fills: codes, contexts, syntaxes, retries.

Each function gives the words of a cell, or ``None`` where the vendor claims nothing of it. A claim that lists all values
says of every other one that it does not happen: that is the vendor's word, not a conclusion of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stgcmt_reports.statement.context import Context

INVALID_ARGUMENT = 0x0115
NOT_SUPPORTED = "not supported"


def flag(context: Context, path: str) -> bool:
    """Whether a yes-or-no claim is made and says yes."""
    return context.value(path) is True


def failure_reason(context: Context, *, face: str, code: int) -> str | None:
    """A Failure Reason that was not seen: given, or among those that never are."""
    listed = context.value(f"{face}.failure_reasons")
    if not isinstance(listed, list | tuple) or face != "scp":
        return None
    return "given, as the vendor claims: state the condition" if code in listed else NOT_SUPPORTED


def action_status(context: Context, face: str, code: int) -> str | None:
    """A status of N-ACTION-RSP that the vendor says is never sent."""
    never = face == "scp" and code == INVALID_ARGUMENT and flag(context, "scp.no_invalid_argument_status")
    return NOT_SUPPORTED if never else None


def report_association(context: Context) -> str | None:
    """On which association reports come."""
    words = {
        "new": "reports come on an association of their own",
        "same": "reports come on the association of the request",
        "both": "reports come on the association of the request while it is open, else on one of their own",
    }
    return words.get(str(context.value("scp.report_association")))


def keeps_undelivered(context: Context) -> str | None:
    """What becomes of a report that could not be delivered."""
    waits = flag(context, "scp.keeps_undelivered")
    return "not by itself: undelivered reports wait for an operator" if waits else None


def proposed(context: Context) -> Mapping[str, str]:
    """Transfer syntaxes and roles with which the SUT says that it proposes the Push Model class."""
    found: dict[str, str] = {}
    if flag(context, "scp.implicit_only") or flag(context, "scu.implicit_only"):
        found["syntaxes"] = "Implicit VR Little Endian"
    if flag(context, "scp.proposes_both_roles"):
        found["roles"] = "SCU=1 SCP=1"
    elif flag(context, "scu.proposes_no_roles"):
        found["roles"] = "default"
    return found


def links(context: Context) -> bool:
    """Whether the vendor says that transfer syntaxes with a link in place of pixel data are not taken."""
    return flag(context, "scp.refuses_links") or flag(context, "origin_server.no_link_transfer_syntaxes")


def commitment_of(context: Context, uid: str) -> str | None:
    """Whether a SOP Class is among those that the vendor says are not committed."""
    classes: Any = context.value("origin_server.unsupported_sop_classes")
    return "not committed" if isinstance(classes, list | tuple) and uid in classes else None
