"""The back of the proxy: a user agent that asks the origin server behind, and polls it to the end.

What is known of a transaction lies in the store before anything goes out, so that a restart goes on: what was posted is asked
for, what was not is posted.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from stgcmt.by_value import by_value
from stgcmt.clock import Clock
from stgcmt.suite import Setting
from stgcmt_suites.commitment.decisions import Asked, Decided
from stgcmt_suites.commitment.handing_on import asked_behind, committed_all, decided, failed_all, in_parts
from stgcmt_suites.commitment.reasons import DUPLICATE_TRANSACTION, PROCESSING_FAILURE
from stgcmt_suites.commitment.store import Store, Transaction
from stgcmt_suites.proxy_to_web.settings import Settings
from stgcmt_suites.user_agent.modules import request_payload
from stgcmt_suites.user_agent.outbox import Held
from stgcmt_suites.user_agent.pauses import asked_s
from stgcmt_suites.user_agent.sending import Answer, Lost, Sender

REASONS = frozenset({0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213})  # PS3.3 C.14.1.1
JSON = "application/dicom+json"
Pair = tuple[str, str]
# Faults that take one kind of loss for commitment.
LOST_MEANS_COMMITTED = {
    Lost.UNREACHABLE: "commits-when-unreachable",
    Lost.SILENCE: "commits-when-unanswered",
    Lost.BROKEN: "commits-when-cut",
}


class UnreadableError(ValueError):
    """A 200 whose payload is no response module."""


@dataclass(frozen=True)
class Result:
    """What a response module says: by (SOP Class UID, SOP Instance UID)."""

    committed: frozenset[Pair]
    failed: dict[Pair, int | None]


class BackEnd:
    """The origin server behind, as the proxy sees it."""

    def __init__(self, setting: Setting, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store
        self._clock: Clock = setting.clock
        self._uid = setting.uid
        self._sender = Sender(setting.network, timeout_s=settings.timeout_s)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._sender.aclose()

    async def commit(self, found: Transaction) -> tuple[Decided, ...]:
        """Bring a transaction to its end behind; what is not committed for certain is failed (WEB-B.30-17)."""
        parts = in_parts(found.asked, self.settings.parts)
        if len(parts) > 1 and not found.info.get("posted"):
            alone = {**found.info, "transaction_uid": ""}
            each = (self._commit(dataclasses.replace(found, asked=part, info=alone)) for part in parts)
            return tuple(one for told in await asyncio.gather(*each) for one in told)
        return await self._commit(found)

    async def _commit(self, found: Transaction) -> tuple[Decided, ...]:
        asked = asked_behind(found.asked, self.settings.faulty)
        answer: Answer | Lost = Lost.SILENCE
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.gives_up_after_s or None):
                if found.info.get("posted"):
                    answer = await self._follow(str(found.info["back_uid"]), None)
                else:
                    answer = await self._request(found.uid, str(found.info.get("transaction_uid", "")), asked)
        return self._means(found, answer)

    # --- the conversation

    async def _request(self, key: str, transaction_uid: str, asked: tuple[Asked, ...]) -> Answer | Lost:
        """Request, and whatever follows; a Request that was refused for now (503) is made again, a few times."""
        for attempt in range(self.settings.max_retries + 1):
            first = attempt == 0 and not self.settings.own_uids and transaction_uid
            back_uid = transaction_uid if first else self._uid(key)
            self.store.remember(key, back_uid=back_uid, posted=True)
            answer = await self._post(back_uid, asked)
            if self.settings.faulty("asks-twice-behind"):
                answer = await self._post(self._uid(key), asked)
            if isinstance(answer, Lost):  # nobody knows whether it was taken: a Result Check tells, and changes nothing
                return answer if self._believes(answer) else await self._follow(back_uid, None)
            if answer.status == 202:
                return await self._follow(back_uid, answer)
            if _class_of(answer.status) != 503 or attempt == self.settings.max_retries:
                return answer
            await self._pause(answer, attempt)
        return Lost.SILENCE

    async def _follow(self, back_uid: str, told: Answer | None) -> Answer | Lost:
        """Result Checks to the end."""
        settings, retries, number = self.settings, 0, 0
        answer: Answer | Lost = told or Lost.SILENCE
        if told is not None and settings.faulty("gives-up-at-202", "commits-on-202"):
            return told
        while number < settings.max_checks:
            if number or told is not None:
                await self._pause(answer, retries)
            answer = await self._get(back_uid)
            number += 1
            status = 503 if isinstance(answer, Lost) else _class_of(answer.status)
            if status == 202:
                retries = 0
                continue
            if status != 503 or self._believes(answer):
                return answer
            if settings.faulty("asks-for-ever-after-503") and isinstance(answer, Answer):
                number = 1
                continue
            retries += 1
            if retries > settings.max_retries:
                return answer
        return answer

    def _believes(self, answer: Answer | Lost) -> bool:
        """Whether a fault takes this loss for commitment, so that nothing is asked any more."""
        return isinstance(answer, Lost) and self.settings.faulty(LOST_MEANS_COMMITTED[answer])

    async def _post(self, back_uid: str, asked: tuple[Asked, ...]) -> Answer | Lost:
        held = [Held(each.sop_instance_uid, each.sop_class_uid, "", "", "") for each in asked]
        kind, body = request_payload(held, self.settings.web)
        headers = [("Accept", JSON), ("Content-Type", kind)]
        return await self._sender.exchange(
            "POST", self._url(back_uid), headers, body, chunked=self.settings.web.chunked
        )

    async def _get(self, back_uid: str) -> Answer | Lost:
        return await self._sender.exchange("GET", self._url(back_uid), [("Accept", JSON)])

    def _url(self, back_uid: str) -> str:
        elsewhere = "/elsewhere" if self.settings.faulty("other-path-behind") else ""
        return f"{self.settings.back_url.rstrip('/')}{elsewhere}/commitment-requests/{back_uid}"

    async def _pause(self, answer: Answer | Lost, retries: int) -> None:
        said = answer.headers.get("retry-after") if isinstance(answer, Answer) else None
        seconds = None if self.settings.faulty("retry-after-ignored") else asked_s(said, self._clock)
        if seconds is None:
            seconds = (
                self.settings.backoff_s * 2**retries
                if isinstance(answer, Lost) or answer.status >= 500
                else self.settings.poll_s
            )
        await asyncio.sleep(min(seconds, 3600.0))

    # --- what it means

    def _means(self, found: Transaction, answer: Answer | Lost) -> tuple[Decided, ...]:
        faulty = self.settings.faulty
        everything = tuple(dict.fromkeys(found.asked))
        if isinstance(answer, Lost):
            believed = faulty("commits-when-lost") or self._believes(answer)
            return committed_all(everything) if believed else failed_all(everything)
        believed_on = {
            "commits-on-202": answer.status == 202,
            "commits-after-gone": answer.status in (404, 410),
            "commits-on-409": answer.status == 409,
            "commits-when-denied": answer.status in (401, 403),
            "commits-on-any-error": answer.status >= 500,
        }
        if any(holds and faulty(name) for name, holds in believed_on.items()):
            return committed_all(everything)
        if answer.status != 200:
            duplicate = answer.status == 409
            return failed_all(everything, DUPLICATE_TRANSACTION if duplicate else PROCESSING_FAILURE)
        try:
            result = read_result(answer)
        except UnreadableError:
            return committed_all(everything) if faulty("commits-the-unreadable") else failed_all(everything)
        failed = {pair: self._reason(reason) for pair, reason in result.failed.items()}
        return decided(everything, sorted(result.committed), failed, faulty)

    def _reason(self, said: int | None) -> int:
        """The Failure Reason that was given; 0110H for none, and for one that C.14.1.1 does not know (WEB-B.30-18)."""
        if said is None:
            return PROCESSING_FAILURE
        return said if said in REASONS or self.settings.faulty("unknown-reasons-pass") else PROCESSING_FAILURE


def read_result(answer: Answer) -> Result:
    """A response module in DICOM JSON; raises ``UnreadableError``."""
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise UnreadableError("no DICOM JSON")
    return _result_of(answer.body)


@by_value()
def _result_of(body: bytes) -> Result:
    from pydicom import Dataset  # noqa: PLC0415 - start-up

    try:
        value = json.loads(body)
        ds = Dataset.from_json(value[0] if isinstance(value, list) and len(value) == 1 else value)
        committed = frozenset(_pair(item) for item in ds.get("ReferencedSOPSequence", None) or ())
        failed = {_pair(item): _number(item) for item in ds.get("FailedSOPSequence", None) or ()}
    except Exception as error:  # a server's bytes may break the reader in any way
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    if not committed and not failed:
        raise UnreadableError("it names no instance")
    return Result(committed, failed)


def _pair(item: Any) -> Pair:
    return str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID)


def _number(item: Any) -> int | None:
    value = item.get("FailureReason", None)
    return value if isinstance(value, int) else None


def _class_of(status: int) -> int:
    """A status as it is understood here: unknown ones as x00 of their class (RFC 9110 15); 2xx never as a result."""
    if status in (200, 202, 400, 404, 409, 410, 503):
        return status
    return 500 if not 200 < status < 500 else 400
