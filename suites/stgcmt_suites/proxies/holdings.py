"""What our end behind a proxy holds for one scenario, and what an archive would say of each reference to it."""

from __future__ import annotations

from typing import Any

from stgcmt_suites.commitment.references import Reference

PROCESSING_FAILURE, NO_SUCH_INSTANCE, CONFLICT, NO_SUCH_CLASS = 0x0110, 0x0112, 0x0119, 0x0122
STANDARD = "1.2.840.10008."  # our end commits to no private class
LINKS = frozenset(
    {"1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205"}
)


class Holdings:
    """Instances by SOP Instance UID."""

    def __init__(self) -> None:
        self._held: dict[str, Any] = {}

    def add(self, instance: Any) -> None:
        """From now on it is held."""
        self._held[instance.sop_instance_uid] = instance

    def remove(self, sop_instance_uid: str) -> None:
        """It is held no longer."""
        self._held.pop(sop_instance_uid, None)

    def reason(self, each: Reference) -> int | None:
        """The Failure Reason of a reference; ``None``: it is committed."""
        held = self._held.get(each.sop_instance_uid)
        if not each.sop_class_uid.startswith(STANDARD):
            return NO_SUCH_CLASS
        if held is None:
            return NO_SUCH_INSTANCE
        if held.transfer_syntax_uid in LINKS:  # a link to pixel data is no copy of it (PS3.4 J.1.1)
            return PROCESSING_FAILURE
        return None if held.sop_class_uid == each.sop_class_uid else CONFLICT
