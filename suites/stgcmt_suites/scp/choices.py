"""What the standard leaves to an SCP, as data: the choices that the conformant variants of the reference make."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stgcmt.wire.items import item
from stgcmt.wire.uids import EXPLICIT_LE, IMPLICIT_LE

# What refuses a request. The statuses are those of PS3.7 10.1.4.1.10, and of PS3.4 5.4.2.1 for attributes that are
# missing or empty; 0: such a request is accepted, and the report tells what there is to tell.
STATUSES: Mapping[str, int] = {
    "missing": 0x0120,
    "empty": 0x0121,
    "action-type": 0x0123,
    "instance": 0x0112,
    "malformed-instance": 0x0117,
    "class": 0x0118,
    "swapped": 0x0118,
    "caller": 0x0124,
    "denied": 0x0124,
    "malformed-uid": 0x0115,
    "duplicate": 0x0115,
    "pending": 0x0000,
    "finished": 0x0115,
}
OPERATIONS_WINDOW, USER_IDENTITY = 0x53, 0x58


@dataclass(frozen=True)
class Choices:
    """One way to be conformant; the defaults are those of the reference.

    Associations: ``accepts`` are the transfer syntaxes of the class in order of preference, ``proposes`` those of each
    context of a report's association (``and_verification``: with a context more); ``role`` is proposed there, with an
    asynchronous operations window and a user identity where they are wanted. ``max_pdu`` is announced (0: no limit),
    messages are cut into PDUs of at most ``fragment`` bytes (0: what the peer takes), ``in_parts``: command and data
    set of a report in two writes. ``caller`` turns unknown callers down by a status, their context, or A-ASSOCIATE-RJ;
    who comes while so many ``associations`` are open is rejected for now (0: no limit).

    Time: ``respond_after_s`` holds back N-ACTION responses, ``report_first`` until the report was delivered;
    a report's association stays open for ``linger_s``, for other reports too where it is ``shared``.

    Answers: ``statuses`` over ``STATUSES``; ``affected_uids`` and ``action_type`` say which optional fields there are,
    ``comments`` adds an Error Comment to 0110H. ``duplicates`` that are accepted are reported on once, or each.

    Storage: ``private_classes`` and ``links`` are taken (``refused``: by their context, or by the status of C-STORE);
    ``coerces`` changes the patient's name. Reports: ``general_reasons``: 0110H for all but 0131H.
    """

    accepts: tuple[str, ...] = (IMPLICIT_LE, EXPLICIT_LE)
    proposes: tuple[tuple[str, ...], ...] = ((IMPLICIT_LE, EXPLICIT_LE),)
    and_verification: bool = False
    role: tuple[int, int] = (0, 1)
    operations_window: bool = False
    user_identity: str = ""
    max_pdu: int = 16384
    fragment: int = 0
    in_parts: bool = False
    caller: Literal["status", "context", "reject"] = "status"
    associations: int = 0
    respond_after_s: float = 0.0
    report_first: bool = False
    linger_s: float = 0.0
    shared: bool = False
    statuses: Mapping[str, int] = field(default_factory=dict, hash=False)
    affected_uids: bool = True
    action_type: bool = True
    comments: bool = False
    duplicates: Literal["once", "each"] = "once"
    private_classes: bool = True
    links: bool = True
    refused: Literal["context", "status"] = "context"
    coerces: bool = False
    retrieve_ae: Literal["outside", "inside", "absent"] = "outside"
    padded_ae: bool = False
    file_set: bool = False
    reverse: bool = False
    general_reasons: bool = False
    undefined_length: bool = False
    group_length: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Choices:
        """Those among ``options`` that are choices; the others are left alone."""
        names = {each.name for each in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in options.items() if name in names})

    def status(self, why: str) -> int:
        """The status for a reason to refuse; raises ``KeyError`` for one that is not in ``STATUSES``."""
        return self.statuses.get(why, STATUSES[why])

    def limit(self, peer_max_pdu: int) -> int:
        """How long a PDU to the peer may be (0: no limit)."""
        return min(filter(None, (self.fragment, peer_max_pdu)), default=0)

    def user_items(self) -> bytes:
        """The further user information items of a report's A-ASSOCIATE-RQ."""
        items = item(OPERATIONS_WINDOW, struct.pack(">HH", 1, 1)) if self.operations_window else b""
        if self.user_identity:
            name = self.user_identity.encode("ascii")
            items += item(USER_IDENTITY, struct.pack(">BBH", 1, 0, len(name)) + name + bytes(2))
        return items
