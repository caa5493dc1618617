"""Failure Reasons of an implementation (PS3.3 C.14.1.1), and what it does not commit to.

For references only: the judging side has its own list, so that one mistake cannot hide in both.
"""

from __future__ import annotations

PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
CLASS_INSTANCE_CONFLICT = 0x0119
CLASS_NOT_SUPPORTED = 0x0122
DUPLICATE_TRANSACTION = 0x0131
RESOURCE_LIMITATION = 0x0213

# Data sets that carry a link in place of pixel data (JPIP): holding the link is not holding the pixels (PS3.4 J.1.1).
LINK_ONLY = frozenset(
    {
        "1.2.840.10008.1.2.4.94",
        "1.2.840.10008.1.2.4.95",
        "1.2.840.10008.1.2.4.204",
        "1.2.840.10008.1.2.4.205",
    }
)
