"""Premises of checks: what must have been seen before a requirement can be judged, and what is said otherwise."""

from __future__ import annotations

from typing import Any, NoReturn

from stgcmt.suite import Transcript, claims, inconclusive, not_applicable

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


def answered(*seen: Any) -> None:
    """Every one of these calls must have been answered at all."""
    silent = [call for call in seen if call.status is None]
    if silent:
        inconclusive("a request was not answered", *silent)
