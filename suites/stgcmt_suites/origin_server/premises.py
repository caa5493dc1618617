"""Premises of checks: what must have been seen before a requirement can be judged, and what is said otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable

NOT_TAKEN = (400, 406, 415)  # how a media type is refused; other codes speak of something else
ALWAYS_SYNCHRONOUS = "origin_server.always_synchronous"
ALWAYS_ASYNCHRONOUS = "origin_server.always_asynchronous"


def never_pending(run: Transcript, *seen: Any) -> NoReturn:
    """The server never said that it is still working: not applicable where that is claimed, else inconclusive."""
    if claims(run).get(ALWAYS_SYNCHRONOUS):
        not_applicable(ALWAYS_SYNCHRONOUS)
    inconclusive(
        "no Request was answered 202; where the server always answers at once, add always_synchronous = true to "
        "[claims.origin_server], else describe a configuration that does not in [origin_server.modes.asynchronous]",
        *seen,
    )


def never_at_once(run: Transcript, *seen: Any) -> NoReturn:
    """No Request was answered with a result: not applicable where that is claimed, else inconclusive."""
    if claims(run).get(ALWAYS_ASYNCHRONOUS):
        not_applicable(ALWAYS_ASYNCHRONOUS)
    inconclusive(
        "no Request was answered 200; where the server always answers later, add always_asynchronous = true to "
        "[claims.origin_server], else describe a configuration that does not in [origin_server.modes.synchronous]",
        *seen,
    )


def control(call: Any) -> None:
    """The control exchange must have succeeded, or a refusal beside it says nothing about its reason."""
    if call.status not in (200, 202):
        inconclusive("the control request did not succeed, so that a refusal beside it proves nothing", call)


def withstood(what: str, seen: Sequence[Any], *controls: Any) -> None:
    """Each of these bad requests was answered, and by no server error.

    503 and a connection that is not taken speak of the server's load unless the control requests succeeded beside them.
    """
    busy = [call for call in seen if call.status == 503 or call.outcome == "refused"]
    for call in [*(call for call in seen if call not in busy), *busy]:
        if call in busy:
            for each in controls:
                control(each)
        assert call.status is not None, expected(f"{what}, not silence or a closed connection", call)  # noqa: S101 - part of the checks that call it
        assert call.status < 500, expected(f"{what}, not a server error", call)  # noqa: S101 - part of the checks that call it


def answered(*seen: Any) -> None:
    """Every one of these calls must have been answered at all."""
    silent = [call for call in seen if call.status is None]
    if silent:
        inconclusive("a request was not answered", *silent)
