"""The reference user agent: it sends, asks, waits, and lets go only of what is committed.

The life of a transaction: a Request under a fresh Transaction UID; 200 ends it with a result, 202 leads to Result Checks that wait
as Retry-After says; what is lost on the way is looked for by a Result Check; a refusal ends it. Each deviation on request
(``Settings.faults``) changes one thing.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import Coroutine, Sequence
from typing import Any

from stgcmt.clock import NS
from stgcmt.suite import Setting
from stgcmt_suites.user_agent.modules import Read, UnreadableError, read_result, request_payload
from stgcmt_suites.user_agent.outbox import DONE, ENDED, Held, Outbox
from stgcmt_suites.user_agent.pauses import asked_s
from stgcmt_suites.user_agent.sending import Answer, Sender
from stgcmt_suites.user_agent.settings import Settings

NEW_REQUESTS = 3  # Requests for the same instances, each under a Transaction UID of its own
LOST, AGAIN, AGAIN_503, OVER = "lost", "again", "again after 503", "over"


class Client:
    """Commits instances, each job in a task of its own."""

    def __init__(self, outbox: Outbox, sender: Sender, setting: Setting, chosen: Settings) -> None:
        self._outbox, self._sender, self._chosen = outbox, sender, chosen
        self._clock, self._uid = setting.clock, setting.uid
        self._tasks: set[asyncio.Task[None]] = set()
        self._dead = False

    def resume(self) -> None:
        """Go on with what a former start left pending."""
        for each in self._outbox.pending():
            held = [found for uid in each.asked if (found := self._outbox.instance(uid)) is not None]
            if self._chosen.faulty("lets-go-at-restart"):
                self._outbox.commit(each.asked)
            self._spawn(self._resumed(each.base_url, each.uid, held))

    def submit(self, base_url: str, held: Sequence[Held]) -> None:
        """Begin to commit these instances."""
        if not self._dead:
            self._spawn(self._job(base_url.rstrip("/"), list(held)))

    async def aclose(self) -> None:
        """Stop; what is pending stays on disk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._dead = True  # whatever a job dies of takes the whole client with it

    # --- one job

    async def _job(self, base: str, held: list[Held]) -> None:
        await asyncio.sleep(self._chosen.begins_after_s)
        if self._chosen.stores:
            await self._store(base, held)
        uid = self._fresh_uid(held)
        unavailable = requests = 0
        while True:
            ended = await self._transaction(base, uid, held, unavailable)
            unavailable += ended == AGAIN_503
            requests += ended in (AGAIN, LOST)
            for_ever = self._chosen.faulty("retries-503-forever")
            if unavailable > self._chosen.max_retries and not for_ever:
                return
            without_end = ended == LOST and self._chosen.faulty("requests-without-end")
            limit = min(NEW_REQUESTS, 1 + self._chosen.max_retries) if ended == LOST else NEW_REQUESTS
            if ended == OVER or (requests >= limit and not without_end):
                return
            if not self._chosen.faulty("same-uid-after-refusal"):
                uid = self._fresh_uid(held)

    async def _resumed(self, base: str, uid: str, held: list[Held]) -> None:
        await self._follow(base, uid, held, None)

    def _fresh_uid(self, held: Sequence[Held]) -> str:
        uid = self._uid(held[0].sop_instance_uid)
        return f"1.2.040.{uid[-20:]}" if self._chosen.faulty("leading-zero-in-uid") else uid

    async def _store(self, base: str, held: Sequence[Held]) -> None:
        """Send the instances by STOW-RS (PS3.18 10.5), each in a request of its own."""
        for each in held:
            with contextlib.suppress(OSError):
                data = self._outbox.read(each)
                head = b"--stow\r\nContent-Type: application/dicom\r\n\r\n"
                kind = 'multipart/related; type="application/dicom"; boundary=stow'
                headers = [("Accept", "application/dicom+json"), ("Content-Type", kind)]
                await self._sender.send("POST", f"{base}/studies", headers, head + data + b"\r\n--stow--\r\n")

    async def _transaction(self, base: str, uid: str, held: list[Held], unavailable: int = 0) -> str:
        """One Request and what follows from it."""
        asked = [each.sop_instance_uid for each in held]
        self._outbox.begin(uid, base, asked)
        began = self._clock.monotonic_ns()
        answer = await self._post(base, uid, held)
        if answer is None:
            waited_s = (self._clock.monotonic_ns() - began) / NS
            if waited_s >= self._chosen.timeout_s and self._chosen.faulty("believes-unanswered"):
                self._outbox.commit(asked)
            return await self._look_for(base, uid, held)
        if self._believes_anyway(answer.status):
            self._outbox.commit(asked)
        match self._class_of(answer.status):
            case 200:
                return await self._conclude(base, uid, held, answer)
            case 202:
                return await self._follow(base, uid, held, answer)
            case 409:
                self._outbox.end(uid, ENDED, "409")
                return AGAIN
            case 503:
                self._outbox.end(uid, ENDED, "503")
                if unavailable < self._chosen.max_retries or self._chosen.faulty("retries-503-forever"):
                    await self._pause(answer, unavailable)
                return AGAIN_503
            case status:
                self._outbox.end(uid, ENDED, str(status))
                return OVER

    async def _look_for(self, base: str, uid: str, held: list[Held]) -> str:
        """The answer to a Request was lost: nobody knows whether it was taken. A Result Check tells (it changes nothing)."""
        if self._chosen.faulty("reposts-blindly"):
            again = await self._post(base, uid, held)
            if again is not None and again.status == 200:
                return await self._conclude(base, uid, held, again)
            return OVER
        answer = await self._get(base, uid)
        if answer is None or self._class_of(answer.status) not in (200, 202):
            self._outbox.end(uid, ENDED, LOST)
            return LOST
        if self._class_of(answer.status) == 200:
            return await self._conclude(base, uid, held, answer)
        return await self._follow(base, uid, held, answer)

    async def _follow(self, base: str, uid: str, held: list[Held], answer: Answer | None) -> str:
        """Result Checks until there is a result, a refusal, or a limit of our own."""
        chosen, retries = self._chosen, 0
        asked = [each.sop_instance_uid for each in held]
        if chosen.faulty("never-checks"):
            return OVER
        for _ in range(1 << 30 if chosen.faulty("checks-after-gone", "retries-503-forever") else chosen.max_checks):
            if not await self._pause(answer, retries):
                return OVER
            answer = await self._get(base, uid)
            status = 503 if answer is None else self._class_of(answer.status)
            if answer is not None and self._believes_anyway(answer.status):
                self._outbox.commit(asked)
            if status == 200 and answer is not None:
                return await self._conclude(base, uid, held, answer)
            if status == 202:
                retries = 0
                continue
            if status == 503:
                retries += 1
                if retries <= chosen.max_retries or chosen.faulty("retries-503-forever"):
                    continue
            if status in (404, 410) and chosen.faulty("checks-after-gone"):
                continue
            self._outbox.end(uid, ENDED, str(status))
            return (
                AGAIN
                if status in (404, 410) and (chosen.asks_anew or chosen.faulty("same-uid-after-refusal"))
                else OVER
            )
        self._outbox.end(uid, ENDED, "gave up")
        return OVER

    # --- results

    async def _conclude(self, base: str, uid: str, held: list[Held], answer: Answer) -> str:
        chosen = self._chosen
        asked = {each.sop_instance_uid for each in held}
        try:
            read = read_result(answer)
        except UnreadableError as error:
            if chosen.faulty("believes-unreadable"):
                self._outbox.commit(asked)
            if chosen.faulty("believes-half-a-result"):
                self._outbox.commit(each for each in asked if each.encode() in answer.body)
            self._outbox.end(uid, ENDED, f"unreadable: {error}")
            return OVER
        self._outbox.commit(self._committed(read, asked))
        self._outbox.end(uid, DONE, "200")
        if chosen.checks_again:
            await self._get(base, uid)
        if read.failed and chosen.faulty("uid-used-again"):
            await self._post(base, uid, held)
        return OVER

    def _committed(self, read: Read, asked: set[str]) -> set[str]:
        """What may be let go of: asked for in this transaction, and in the committed list alone."""
        truth = (asked & read.committed) - read.failed
        beliefs = {
            "believes-any-200": asked,
            "believes-left-out": asked - read.failed,
            "believes-foreign": set(read.committed) - read.failed,
            "believes-both-lists": asked & read.committed,
            "believes-similar": {u for u in asked if any(each.startswith(u) for each in read.committed)} - read.failed,
        }
        return next((they for name, they in beliefs.items() if they != truth and self._chosen.faulty(name)), truth)

    def _believes_anyway(self, status: int) -> bool:
        believed = {
            "believes-202": status == 202,
            "believes-after-gone": status in (404, 410),
            "believes-after-409": status == 409,
            "believes-after-503": status == 503,
            "believes-unknown-status": 200 < status < 300 and status != 202,
        }
        return any(holds and self._chosen.faulty(name) for name, holds in believed.items())

    def _class_of(self, status: int) -> int:
        """A status as we understand it; unknown ones as x00 of their class, but 2xx never as a result (RFC 9110 15)."""
        if status in (200, 202, 400, 404, 409, 410, 503):
            return status
        if self._chosen.faulty("dies-of-unknown-status") and status in (299, 499, 599, 799):
            raise RuntimeError(f"status {status}")
        return 500 if not 200 < status < 500 else 400

    # --- requests

    async def _post(self, base: str, uid: str, held: Sequence[Held]) -> Answer | None:
        chosen = self._chosen
        kind, body = request_payload(held, chosen)
        if chosen.faulty("xml-called-json"):
            kind = kind.replace("application/dicom+xml", "application/dicom+json")
        headers = [] if chosen.faulty("no-accept-on-request") else [("Accept", chosen.accept)]
        single = not kind.startswith("multipart")
        if chosen.faulty("plain-json-type") and single:
            kind = kind.replace("application/dicom+json", "application/json")
        if not (chosen.faulty("no-content-type") and single):
            headers.append(("Content-Type", kind))
        if chosen.faulty("compressed-unsaid"):
            body = gzip.compress(body, mtime=0)
        method = "PUT" if chosen.faulty("put-for-post") else "POST"
        return await self._sender.send(method, self._url(base, uid), headers, body, chunked=chosen.chunked)

    async def _get(self, base: str, uid: str) -> Answer | None:
        chosen = self._chosen
        accept = (
            "application/dicom+xml, application/dicom+json" if chosen.faulty("other-accept-on-check") else chosen.accept
        )
        headers = [] if chosen.faulty("no-accept-on-check") else [("Accept", accept)]
        if chosen.faulty("content-type-on-check"):
            headers.append(("Content-Type", "application/dicom+json"))
        body = b"{}" if chosen.faulty("payload-on-check") else None
        if chosen.faulty("payload-on-check"):
            headers.append(("Content-Type", "application/dicom+json"))
        return await self._sender.send("GET", self._url(base, uid), headers, body)

    def _url(self, base: str, uid: str) -> str:
        if self._chosen.faulty("beside-the-base-url"):
            base = base.rpartition("/")[0]
        return f"{base}/commitment-requests/{uid}" + ("?verbose=1" if self._chosen.faulty("query-parameter") else "")

    # --- pauses

    async def _pause(self, answer: Answer | None, retries: int) -> bool:
        """Wait before the next attempt, as Retry-After says where it can be read; False where we give up instead."""
        chosen = self._chosen
        said = answer.headers.get("retry-after") if answer is not None else None
        if said is not None and not said.strip().isdecimal() and chosen.faulty("chokes-on-retry-after"):
            return False
        seconds = (
            None
            if chosen.faulty("ignores-retry-after")
            else asked_s(said, self._clock, dates=not chosen.faulty("dates-not-understood"))
        )
        if seconds is None:
            doubled = 0 if chosen.faulty("retries-503-forever") else max(retries - 1, 0)
            seconds = chosen.backoff_s * 2**doubled if retries else chosen.poll_s
            if answer is not None and answer.status == 503 and not retries:
                seconds = chosen.backoff_s
            if chosen.faulty("no-pause") and (answer is None or answer.status == 202):
                seconds = 0.0
        await asyncio.sleep(min(seconds, 3600.0))
        return True
