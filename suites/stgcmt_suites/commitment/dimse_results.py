"""Event Information to send: the result of a request with a scripted SCP's deviations, in any transfer syntax.

``result_of(asked, failed={1: 0x0112})`` answers what was asked for; ``Said`` is the result as a value that can be changed
further, and ``said.write`` fits ``actors.scripted_scp.Delivery``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stgcmt.wire.dataset_writer import encode
from stgcmt_suites.commitment.dimse_module import (
    FAILED_SEQUENCE,
    FAILURE_REASON,
    REF_CLASS,
    REF_INSTANCE,
    REF_SEQUENCE,
    TRANSACTION_UID,
    Information,
)
from stgcmt_suites.commitment.references import Reference

ALL_COMMITTED, SOME_FAILED = 1, 2
ALL = 1 << 30  # stands for every instance
Element = tuple[int, str, Any]


@dataclass(frozen=True)
class Said:
    """What a report says: both lists, Transaction UID (``None``: none) and event type; ``extra`` elements stand outside."""

    transaction_uid: str | None
    committed: tuple[Reference, ...] = ()
    failed: tuple[tuple[Reference, int | None], ...] = ()
    event_type: int | None = ALL_COMMITTED
    extra: tuple[Element, ...] = ()

    def but(self, **changes: Any) -> Said:
        """The same with some fields otherwise."""
        return dataclasses.replace(self, **changes)

    def elements(self) -> list[Element]:
        """The elements in the order of their tags; a list without items is left out, a reason that is ``None`` too."""
        made: list[Element] = list(self.extra)
        if self.transaction_uid is not None:
            made.append((TRANSACTION_UID, "UI", self.transaction_uid))
        if self.committed:
            made.append((REF_SEQUENCE, "SQ", [_item(each) for each in self.committed]))
        if self.failed:
            made.append((FAILED_SEQUENCE, "SQ", [_item(each, reason) for each, reason in self.failed]))
        return sorted(made, key=lambda element: element[0])

    def write(self, transfer_syntax: str) -> bytes:
        """The data set in a transfer syntax."""
        return encode(self.elements(), transfer_syntax)


def result_of(
    asked: Information,
    *,
    failed: Mapping[int, int | None] | None = None,
    left_out: Sequence[int] = (),
    add: Sequence[Any] = (),
    **changes: Any,
) -> Said:
    """The result of a request: everything committed but for some.

    Args:
        asked: the Action Information of the request, as it was read.
        failed: number of an instance in the request (from 0, -1 the last, ``ALL`` every one) -> Failure Reason (``None``: none).
        left_out: numbers of instances that the result does not name.
        add: instances (``sop_class_uid``, ``sop_instance_uid``) that were not asked for, committed too.
        changes: fields of ``Said`` that are to be otherwise; the event type is 2 where something failed, unless given.
    """
    count = len(asked.references)
    chosen = dict(failed or {})
    reasons = {number % count: reason for number, reason in chosen.items() if number != ALL and count}
    good: list[Reference] = []
    bad: list[tuple[Reference, int | None]] = []
    for number, reference in enumerate(asked.references):
        if number in left_out:
            continue
        if number in reasons or ALL in chosen:
            bad.append((reference, reasons.get(number, chosen.get(ALL))))
        else:
            good.append(reference)
    good += [Reference(each.sop_class_uid, each.sop_instance_uid) for each in add]
    said = Said(asked.transaction_uid, tuple(good), tuple(bad), SOME_FAILED if bad else ALL_COMMITTED)
    return said.but(**changes)


def _item(reference: Reference, reason: int | None = None) -> list[Element]:
    made: list[Element] = [
        (REF_CLASS, "UI", reference.sop_class_uid),
        (REF_INSTANCE, "UI", reference.sop_instance_uid),
    ]
    return made if reason is None else [*made, (FAILURE_REASON, "US", reason)]
