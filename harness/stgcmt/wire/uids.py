"""The few UIDs that the wire itself needs; a suite adds those of its own service."""

from __future__ import annotations

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BE = "1.2.840.10008.1.2.2"

VERIFICATION = "1.2.840.10008.1.1"
COMMITMENT_PUSH = "1.2.840.10008.1.20.1"
COMMITMENT_PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.3"

# The root 2.25 needs no registration: what follows is one UUID as an integer (PS3.5 B.2).
IMPLEMENTATION_CLASS = "2.25.217439102865411237948150328817624453971"
IMPLEMENTATION_VERSION = "STGCMT_1"


def uid_text(value: bytes) -> str:
    """A UID as written, without the padding that the field permits (a NUL; a space is tolerated)."""
    return value.decode("latin-1").rstrip("\0 ")
