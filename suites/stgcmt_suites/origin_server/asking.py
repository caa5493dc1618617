"""How scenarios ask: Request, Result Check, and polling to the end. They record through ``play`` and never judge."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from stgcmt.clock import NS
from stgcmt.suite import Play
from stgcmt_suites.origin_server.requests import JSON, body

RESOURCE = "commitment-requests"
MAX_POLLS = 200  # a server that asks to come back after 0 seconds is not asked for ever
HOLD_BACK_S = 0.05  # the least pause between two polls, also where Retry-After says 0
POLLING = ("retry_after", "poll_interval")
BUSY = (429, 503)  # not now: they speak of the server's load and not of what was asked (13.5.3, RFC 6585)
TRIES = 3  # so often is asked what is refused for now: one of these answers says nothing, three of them do
PATIENCE_S = 30.0  # a longer Retry-After is not waited for
FRUITLESS = 3  # so many requests of one client are made again in vain; then the server is taken at its word
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
    again: bool = True,
) -> Any:
    """A Result Check (or another method without a body on the same resource); made ``again`` where it is refused for now."""
    fields = [*([("Accept", accept)] if accept is not None else []), *headers]

    async def send() -> Any:
        with play.step(step):
            return await client.request(method, f"{RESOURCE}/{uid}{query}", headers=fields)

    return await patiently(play, client, send) if again else await send()


async def probe(play: Play, client: Any, module: Any, *, step: str, uid: str | None = None, **how: Any) -> Any:
    """A Request that is to be refused for a reason of its own.

    Where it is refused for now it is made again, under a fresh UID if none is given.
    """
    return await patiently(play, client, lambda: post(play, client, uid or play.uid(), module, step=step, **how))


async def patiently(play: Play, client: Any, send: Callable[[], Awaitable[Any]]) -> Any:
    """Send, and again while the answer is *not now* (503, 429): one of them may come at any request and says nothing of it.

    Retry-After is honoured, else ``[timing] poll_interval`` passes. A server that says it to everything is not asked for ever.
    """
    answer = await send()
    for _ in range(TRIES - 1):
        if answer.status not in BUSY or _FRUITLESS.get(client, 0) >= FRUITLESS:
            return answer
        pause = _asked(play, answer)
        if pause is None:
            await play.wait("poll_interval", why=f"{answer.status} without Retry-After")
        elif pause <= PATIENCE_S:
            await play.wait("retry_after", max(pause, HOLD_BACK_S), why=f"Retry-After of a {answer.status}")
        else:
            return answer
        answer = await send()
    if answer.status in BUSY:
        _FRUITLESS[client] = _FRUITLESS.get(client, 0) + 1
    return answer


_FRUITLESS: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


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
        if answer.status != 202 and not (answer.status in BUSY and accepted and asked is not None):
            return answer
        left = end - clock()
        if left <= 0 or (asked is not None and asked > left):
            break
        if asked is None:
            await play.wait("poll_interval", why="202 without Retry-After")
        else:
            await play.wait("retry_after", max(asked, HOLD_BACK_S), why=f"Retry-After of a {answer.status}")
        answer = await check(play, client, uid, step=step, again=False)
    play.note(what="polling-ended", uid=uid, why="[timing] result_deadline", seconds=float(play.timing.result_deadline))
    return answer


async def ask(
    play: Play, client: Any, module: Any, *, step: str = "request", uid: str | None = None, **how: Any
) -> tuple[str, Any]:
    """Request; the Transaction UID and the answer.

    A Request that is refused for now (503 or 429, with Retry-After) is made again under a fresh UID where none was given: a server
    that is just starting, or limits how often it is asked, is judged like any other.
    """
    known, uid = uid, uid or play.uid()
    answer = await post(play, client, uid, module, step=step, **how)
    for _ in range(TRIES - 1):
        pause = _asked(play, answer) if answer.status in BUSY and known is None else None
        if pause is None or pause > float(play.timing.result_deadline):
            break
        await play.wait("retry_after", max(pause, HOLD_BACK_S), why=f"Retry-After of a {answer.status} to a Request")
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
    """Any request below the base URL; made again where it is refused for now."""

    async def send() -> Any:
        with play.step(step):
            return await client.request(method, path, headers=headers, content=content)

    return await patiently(play, client, send)


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
