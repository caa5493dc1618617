"""Which rows of an SCP and of a user agent do not bind a proxy between them, and why."""

from __future__ import annotations

from collections.abc import Mapping

_ARCHIVE = (
    "not on the wire: instances are stored to and read back from the archive behind a proxy, whose own run judges this"
)
NOT_IN_FRONT: Mapping[str, str] = dict.fromkeys(
    ("DIMSE-J.1-01", "DIMSE-J.1.1-01", "DIMSE-J.1.1-02", "DIMSE-J.3.3.1.2-12", "DIMSE-J.3.3.1.1.1-02"), _ARCHIVE
)
NOT_BEHIND: Mapping[str, str] = {}
