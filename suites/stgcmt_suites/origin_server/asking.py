"""How scenarios ask: Request, Result Check, and polling to the end. They record through ``play`` and never judge."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from stgcmt.clock import NS
from stgcmt.suite import Play
from stgcmt_suites.origin_server.requests import JSON, body

RESOURCE = "commitment-requests"
MAX_POLLS = 200  # a server that asks to come back after 0 seconds is not asked for ever
HOLD_BACK_S = 0.05  # the least pause between two polls, also where Retry-After says 0
POLLING = ("retry_after", "poll_interval")
KEEPING = ("provoke.keep-pending", "provoke.release")  # what ``kept_pending`` uses where it is there
Headers = Sequence[tuple[str, str]]


async def post(
    play: Play,
    client: Any,
    uid: str,
    module: Any,
    *,
    step: str = "request",
    accept: str | None = JSON,
    content_type: str | None = JSON,
    headers: Headers = (),
    query: str = "",
) -> Any:
    """Request commitment of a module (or of these very bytes) under a Transaction UID."""
    content = module if isinstance(module, bytes) else body(module)
    fields = [*([("Accept", accept)] if accept is not None else []), *headers]
    if content_type is not None:
        fields.append(("Content-Type", content_type))
    with play.step(step):
        return await client.request("POST", f"{RESOURCE}/{uid}{query}", headers=fields, content=content)


async def check(
    play: Play,
    client: Any,
    uid: str,
    *,
    step: str = "check",
    accept: str | None = JSON,
    headers: Headers = (),
    method: str = "GET",
    query: str = "",
) -> Any:
    """A Result Check (or another method without a body on the same resource)."""
    fields = [*([("Accept", accept)] if accept is not None else []), *headers]
    with play.step(step):
        return await client.request(method, f"{RESOURCE}/{uid}{query}", headers=fields)


async def poll(play: Play, client: Any, uid: str, answer: Any, *, step: str = "poll", accepted: bool = True) -> Any:
    """Ask until the answer is final, at most ``[timing] result_deadline`` seconds; returns the last answer.

    Not final are 202 and, once the Request is ``accepted``, a 503 or 429 that says when to come back (13.5.3 note 3, RFC 6585).
    Retry-After is honoured wherever it can be read; else ``[timing] poll_interval`` passes between two Result Checks.
    """
    clock = _clock(play)
    end = clock() + float(play.timing.result_deadline)
    for _ in range(MAX_POLLS):
        asked = _asked(play, answer)
        accepted |= answer.status == 202
        if answer.status != 202 and not (answer.status in (429, 503) and accepted and asked is not None):
            return answer
        left = end - clock()
        if left <= 0 or (asked is not None and asked > left):
            break
        if asked is None:
            await play.wait("poll_interval", why="202 without Retry-After")
        else:
            await play.wait("retry_after", max(asked, HOLD_BACK_S), why=f"Retry-After of a {answer.status}")
        answer = await check(play, client, uid, step=step)
    play.note(what="polling-ended", uid=uid, why="[timing] result_deadline", seconds=float(play.timing.result_deadline))
    return answer


async def ask(
    play: Play, client: Any, module: Any, *, step: str = "request", uid: str | None = None, **how: Any
) -> tuple[str, Any]:
    """Request; the Transaction UID and the answer.

    A Request that is refused for now (503 with Retry-After) is made once more under a fresh UID where none was given: a server that
    is just starting is judged like any other.
    """
    known, uid = uid, uid or play.uid()
    answer = await post(play, client, uid, module, step=step, **how)
    pause = _asked(play, answer) if answer.status == 503 and known is None else None
    if pause is not None and pause <= float(play.timing.result_deadline):
        await play.wait("retry_after", max(pause, HOLD_BACK_S), why="Retry-After of a 503 to a Request")
        uid = play.uid()
        answer = await post(play, client, uid, module, step=step, **how)
    return uid, answer


async def commit(
    play: Play, client: Any, module: Any, *, step: str = "request", uid: str | None = None, **how: Any
) -> tuple[str, Any]:
    """Request, then poll to the end; the Transaction UID and the last answer."""
    uid, answer = await ask(play, client, module, step=step, uid=uid, **how)
    return uid, await poll(play, client, uid, answer, step=f"{step}-poll", accepted=False)


@contextlib.asynccontextmanager
async def kept_pending(play: Play, instance: Any) -> AsyncIterator[None]:
    """Meanwhile nothing is decided on this instance, where the vendor can keep it pending: else the server's pace must do.

    What was there before the run is left alone: other scenarios ask for it, too.
    """
    ours = hasattr(instance, "part10")
    if ours:
        await play.provoke("keep-pending", sop_instance_uid=instance.sop_instance_uid)
    try:
        yield
    finally:
        if ours:
            await play.provoke("release", sop_instance_uid=instance.sop_instance_uid)


async def other(
    play: Play,
    client: Any,
    method: str,
    path: str,
    *,
    step: str,
    headers: Headers | Mapping[str, str] = (),
    content: bytes | None = None,
) -> Any:
    """Any request below the base URL."""
    with play.step(step):
        return await client.request(method, path, headers=headers, content=content)


def _asked(play: Play, answer: Any) -> float | None:
    """Seconds that a 202 asks to wait; ``None`` where it says nothing that can be read."""
    message = getattr(answer, "message", None)
    value = message.retry_after if message is not None else None
    seconds: float | None = value.delay_s(_wall_ns(play)) if value is not None else None
    return seconds


def _clock(play: Play) -> Any:
    clock = getattr(play, "clock", None)
    return (lambda: clock.monotonic_ns() / NS) if clock is not None else time.monotonic


def _wall_ns(play: Play) -> int:
    clock = getattr(play, "clock", None)
    return int(clock.wall_ns()) if clock is not None else time.time_ns()
