"""Which rows of an origin server and of an SCU do not bind a proxy between them, and why."""

from __future__ import annotations

from collections.abc import Mapping

_ARCHIVE = "not on the wire: instances are read back from the archive behind a proxy, whose own run judges this"
NOT_IN_FRONT: Mapping[str, str] = {"WEB-J.2-09": _ARCHIVE}
NOT_BEHIND: Mapping[str, str] = {
    "DIMSE-CC.1.1-01": "not on the wire: a proxy stores nothing; how instances reach the archive is the client's matter",
}
