"""What both services speak of: references to instances, and a result that commits some and fails others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

# PS3.3 C.14.1.1: the enumerated values of Failure Reason.
FAILURE_REASONS: dict[int, str] = {
    0x0110: "processing failure",
    0x0112: "no such object instance",
    0x0119: "class / instance conflict",
    0x0122: "referenced SOP Class not supported",
    0x0131: "duplicate Transaction UID",
    0x0213: "resource limitation",
}


@dataclass(frozen=True, order=True)
class Reference:
    """One instance in a request or a result; study and series only where the structure is hierarchical."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None

    def __str__(self) -> str:
        return self.sop_instance_uid


@dataclass(frozen=True)
class FailedReference:
    """One instance that was not committed, and why; ``reason`` is ``None`` where it is absent or unreadable."""

    reference: Reference
    reason: int | None

    def __str__(self) -> str:
        return f"{self.reference.sop_instance_uid} ({'no reason' if self.reason is None else f'{self.reason:04X}H'})"


@dataclass(frozen=True)
class Result:
    """A commitment result as it was read: lists in wire order, duplicates kept, and what could not be read."""

    committed: tuple[Reference, ...] = ()
    failed: tuple[FailedReference, ...] = ()
    problems: tuple[str, ...] = ()
    events: tuple[int, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """One line: how many committed and failed, with reasons."""
        reasons = sorted({"?" if each.reason is None else f"{each.reason:04X}H" for each in self.failed})
        return f"{len(self.committed)} committed, {len(self.failed)} failed" + (
            f" ({', '.join(reasons)})" if reasons else ""
        )

    @property
    def instances(self) -> tuple[str, ...]:
        """Every SOP Instance UID named, in wire order, duplicates kept."""
        return tuple(
            [each.sop_instance_uid for each in self.committed]
            + [each.reference.sop_instance_uid for each in self.failed]
        )

    def reasons_of(self, sop_instance_uid: str) -> tuple[int | None, ...]:
        """The Failure Reasons given for an instance."""
        return tuple(each.reason for each in self.failed if each.reference.sop_instance_uid == sop_instance_uid)

    def commits(self, sop_instance_uid: str) -> bool:
        """Whether the instance stands in the committed list."""
        return any(each.sop_instance_uid == sop_instance_uid for each in self.committed)


def similar(instance: Any) -> Reference:
    """Another instance, whose UID begins with that of ``instance``: who looks for a text within a text takes one for the other."""
    study, series = (getattr(instance, name, None) for name in ("study_instance_uid", "series_instance_uid"))
    return Reference(instance.sop_class_uid, f"{instance.sop_instance_uid}1", study, series)


def uids(references: Iterable[Reference]) -> set[str]:
    """The SOP Instance UIDs of references."""
    return {each.sop_instance_uid for each in references}
