"""Premises of checks: what must have been seen before a requirement can be judged, and what is said otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from stgcmt.suite import Transcript, claims, expected, inconclusive, not_applicable
from stgcmt_suites.origin_server.views import BUSY, Call, CommitmentView

UNAVAILABLE = 503
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


def withstood(what: str, seen: Sequence[Any], among: Sequence[CommitmentView], *controls: Any) -> None:
    """Each of these bad requests was answered, and by no server error; ``among``: the views that they stand in.

    Silence speaks of the request only where the control requests succeeded beside it; so does 503, and only where it came
    every time that the request was made, and where nothing beside it was refused for now as well.
    """
    vague = [call for call in seen if call.status is None or call.status in BUSY]
    for call in seen:
        assert call in vague or call.status < 500, expected(f"{what}, not a server error", call)  # noqa: S101 - part of the checks that call it
    stubborn = [call for call in vague if call.status is None or _stubborn(call, among)]
    loaded = _loaded(seen, among)
    for call in stubborn:
        for each in controls:
            control(each)
        assert call.status is not None, expected(f"{what}, not silence or a closed connection", call)  # noqa: S101 - part of the checks that call it
        assert loaded, expected(f"{what}, not a server error", call)  # noqa: S101 - part of the checks that call it


def _stubborn(call: Call, among: Sequence[CommitmentView]) -> bool:
    """Whether a request was answered 503 every time it was made, and made more than once."""
    tries = _tries(call, among)
    return len(tries) > 1 and all(each.status == UNAVAILABLE for each in tries)


def _tries(call: Call, among: Sequence[CommitmentView]) -> tuple[Call, ...]:
    return next((view.tries(call) for view in among if view.transcript == call.transcript), (call,))


def _loaded(seen: Sequence[Any], among: Sequence[CommitmentView]) -> bool:
    """Whether requests beside these were refused for now, too, or these themselves were taken later: the server has much to do."""
    if any(call.status not in BUSY and len(_tries(call, among)) > 1 for call in seen):
        return True
    ours = {id(each) for call in seen for each in _tries(call, among)}
    return any(call.status in BUSY and id(call) not in ours for view in among for call in view.calls)


def decided(*seen: Any) -> None:
    """None of these calls ended in *not now*: what is asked about them was decided."""
    put_off = [call for call in seen if call.status in BUSY]
    if put_off:
        inconclusive("a request was refused for now, whenever it was made", *put_off)


def answered(*seen: Any) -> None:
    """Every one of these calls must have been answered at all."""
    silent = [call for call in seen if call.status is None]
    if silent:
        inconclusive("a request was not answered", *silent)
