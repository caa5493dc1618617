"""What a listener does on purpose, as data: one frozen script a lease, named where scenarios ask for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from stgcmt.wire import command as cmd
from stgcmt.wire.command import Value
from stgcmt.wire.items import AssociateRq
from stgcmt.wire.negotiation import TRANSFER_SYNTAXES_UNKNOWN, Policy, RoleAnswer
from stgcmt.wire.uids import COMMITMENT_PUSH, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, VERIFICATION

Answer = Literal["accept", "reject", "abort", "silence", "close"]
OnRequest = Literal["respond", "silence", "abort", "close"]
MAX_PDU = 16384
# Every optional field of a response left out: only what PS3.7 10.3.1 requires stays.
BARE: Mapping[int, Value] = MappingProxyType({
    cmd.AFFECTED_CLASS: None,
    cmd.AFFECTED_INSTANCE: None,
    cmd.EVENT_TYPE: None,
    cmd.ACTION_TYPE: None,
})  # fmt: skip


@dataclass(frozen=True)
class ListenerScript:
    """How a listener behaves. ``transfer_syntaxes`` is our order of preference.

    ``associate`` answers the A-ASSOCIATE-RQ (``reject``: result, source, reason of PS3.8 table 9-21); ``refuse_with``
    is the result of every context (0: each is judged by itself). ``on_request`` is what a request gets that no handler
    of the caller serves; a report is then answered with ``report_status`` and ``response_fields`` after ``delay_s``.
    ``accept_after_s`` holds back the A-ASSOCIATE-AC. ``stores``: storage classes are accepted besides (``storing``).
    ``early_status`` answers an N-ACTION as soon as its command set is there (only a failure may be so early, PS3.7 10.1.4.2).
    ``deviate_first`` limits a deviation to the first associations of a listener, later ones find ``plain``.
    """

    name: str
    transfer_syntaxes: tuple[str, ...] = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)
    abstract_syntaxes: Collection[str] | Callable[[str], bool] | None = (COMMITMENT_PUSH, VERIFICATION)
    role: RoleAnswer = "grant"
    refuse_with: int = 0
    max_pdu: int = MAX_PDU
    associate: Answer = "accept"
    reject: tuple[int, int, int] = (1, 1, 1)
    on_request: OnRequest = "respond"
    report_status: int = 0x0000
    response_fields: Mapping[int, Value] = field(default_factory=dict)
    delay_s: float = 0.0
    accept_after_s: float = 0.0
    deviate_first: int | None = None
    check_called_ae: bool = False
    stores: bool = False
    early_status: int | None = None

    def policy(self) -> Policy:
        """How the presentation contexts and roles are answered."""
        return Policy(self.abstract_syntaxes, self.transfer_syntaxes, self.role, self.refuse_with, self.stores)

    def facing(self, rq: AssociateRq) -> ListenerScript:
        """The script for this request: where we store, only associations for the service itself are turned away."""
        if not self.stores or self.associate == "accept":
            return self
        concerned = any(context.abstract_syntax == COMMITMENT_PUSH for context in rq.contexts)
        return self if concerned else dataclasses.replace(self, associate="accept")

    def refusal(self, rq: AssociateRq) -> tuple[int, int, int] | None:  # noqa: ARG002 - scripts may look at the caller
        """Result, source and reason of an A-ASSOCIATE-RJ; ``None`` where the association is not rejected."""
        return self.reject if self.associate == "reject" else None

    def for_association(self, number: int) -> ListenerScript:
        """The script for the ``number``-th association (from 1) of a listener."""
        if self.deviate_first is None or number <= self.deviate_first:
            return self
        return dataclasses.replace(PLAIN, name=self.name, abstract_syntaxes=self.abstract_syntaxes, stores=self.stores)


def storing(script: ListenerScript) -> ListenerScript:
    """The same listener, where storage classes are accepted besides: a client stores before it asks."""
    return dataclasses.replace(script, stores=True)


PLAIN = ListenerScript("plain")
REJECT_TRANSIENT = (2, 3, 2)  # local limit exceeded: what a busy listener says
REJECT_PERMANENT = (1, 1, 1)  # no reason given
CALLED_AE_UNKNOWN = (1, 1, 7)  # who listens here has another AE title

LISTENERS: Mapping[str, ListenerScript] = MappingProxyType({
    script.name: script
    for script in (
        PLAIN,
        ListenerScript("implicit-only", transfer_syntaxes=(IMPLICIT_LE,)),
        ListenerScript("explicit-only", transfer_syntaxes=(EXPLICIT_LE,)),
        ListenerScript("explicit-first", transfer_syntaxes=(EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE)),
        ListenerScript("no-role", role="none"),
        ListenerScript("role-refused", role="refuse"),
        ListenerScript("role-both", role="both"),
        ListenerScript("role-unproposed", role="unproposed"),
        ListenerScript("small-pdu", max_pdu=4096),
        # Longer than what a sender may take for a hiccup, shorter than every usual DIMSE deadline (30 s).
        ListenerScript("slow", delay_s=2.0),  # noticed by whoever waits less than a second, far below usual time-outs
        # No report before it: a transaction stays pending meanwhile. Far below the 10 s that toolkits wait for an answer.
        ListenerScript("late", accept_after_s=1.0),
        ListenerScript("reject-transient", associate="reject", reject=REJECT_TRANSIENT, deviate_first=1),
        ListenerScript("reject-busy", associate="reject", reject=REJECT_TRANSIENT),  # the same, as long as one looks
        ListenerScript("reject-permanent", associate="reject", reject=REJECT_PERMANENT),
        ListenerScript("other-ae", associate="reject", reject=CALLED_AE_UNKNOWN),
        ListenerScript("reject-context", refuse_with=TRANSFER_SYNTAXES_UNKNOWN),
        ListenerScript("failure-status", report_status=0x0110),
        ListenerScript("early-failure", early_status=0x0213),
        ListenerScript("abort-on-report", on_request="abort"),
        ListenerScript("close-on-report", on_request="close"),
        ListenerScript("silent", on_request="silence"),
        ListenerScript("bare-response", response_fields=BARE),
    )
})  # fmt: skip
