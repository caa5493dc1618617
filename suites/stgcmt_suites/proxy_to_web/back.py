"""The back of the proxy: a user agent that asks the origin server behind, and polls it to the end.

What is known of a transaction lies in the store before anything goes out, so that a restart goes on: what was posted is asked
for, what was not is posted.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import Any

from stgcmt.clock import Clock
from stgcmt.suite import Setting
from stgcmt_suites.commitment.decisions import Asked, Decided
from stgcmt_suites.commitment.reasons import DUPLICATE_TRANSACTION, PROCESSING_FAILURE
from stgcmt_suites.commitment.store import Store, Transaction
from stgcmt_suites.proxy_to_web.settings import Settings
from stgcmt_suites.user_agent.modules import request_module, written
from stgcmt_suites.user_agent.outbox import Held
from stgcmt_suites.user_agent.pauses import asked_s
from stgcmt_suites.user_agent.sending import Answer, Sender

REASONS = frozenset({0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213})  # PS3.3 C.14.1.1
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
FOREIGN = "2.25.202410300834567.9"
JSON = "application/dicom+json"
AGAIN = "again"
Pair = tuple[str, str]


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
        self._sender = Sender(setting.network, timeout_s=settings.timeout_s)

    async def aclose(self) -> None:
        """Close what is open."""
        await self._sender.aclose()

    async def commit(self, found: Transaction) -> tuple[Decided, ...]:
        """Bring a transaction to its end behind; what is not committed for certain is failed (WEB-B.30-17)."""
        asked = self._asked(found)
        if found.info.get("posted"):
            answer = await self._follow(str(found.info["back_uid"]), None)
        else:
            answer = await self._request(found.uid, str(found.info.get("transaction_uid", "")), asked)
        return self._means(found, answer)

    def _asked(self, found: Transaction) -> tuple[Asked, ...]:
        faulty, asked = self.settings.faulty, tuple(dict.fromkeys(found.asked))
        if faulty("forgets-one-behind") and len(asked) > 1:
            asked = asked[:-1]
        if faulty("asks-more-behind"):
            asked = (*asked, Asked(CT, FOREIGN))
        if faulty("class-changed-behind"):
            asked = tuple(
                Asked(MR if each.sop_class_uid == CT else each.sop_class_uid, each.sop_instance_uid) for each in asked
            )
        return asked

    # --- the conversation

    async def _request(self, key: str, transaction_uid: str, asked: tuple[Asked, ...]) -> Answer | None:
        """Request, and whatever follows; a Request that was refused for now (503) is made again, a few times."""
        for attempt in range(self.settings.max_retries + 1):
            first = attempt == 0 and not self.settings.own_uids and transaction_uid
            back_uid = transaction_uid if first else f"2.25.{uuid.uuid4().int}"
            self.store.remember(key, back_uid=back_uid, posted=True)
            answer = await self._post(back_uid, asked)
            if self.settings.faulty("asks-twice-behind"):
                answer = await self._post(f"2.25.{uuid.uuid4().int}", asked)
            if answer is None:  # nobody knows whether it was taken: a Result Check tells, and changes nothing
                return await self._follow(back_uid, None)
            if answer.status == 202:
                return await self._follow(back_uid, answer)
            if _class_of(answer.status) != 503 or attempt == self.settings.max_retries:
                return answer
            await self._pause(answer, attempt)
        return None

    async def _follow(self, back_uid: str, answer: Answer | None) -> Answer | None:
        """Result Checks to the end."""
        settings, retries = self.settings, 0
        if settings.faulty("gives-up-at-202", "commits-on-202"):
            return answer
        for number in range(settings.max_checks):
            if number or answer is not None:
                await self._pause(answer, retries)
            answer = await self._get(back_uid)
            status = 503 if answer is None else _class_of(answer.status)
            if status == 202:
                retries = 0
                continue
            if status != 503:
                return answer
            retries += 1
            if retries > settings.max_retries:
                return answer
        return answer

    async def _post(self, back_uid: str, asked: tuple[Asked, ...]) -> Answer | None:
        held = [Held(each.sop_instance_uid, each.sop_class_uid, "", "", "") for each in asked]
        kind, body = written(request_module(held, self.settings.web), self.settings.web)
        headers = [("Accept", JSON), ("Content-Type", kind)]
        return await self._sender.send("POST", self._url(back_uid), headers, body, chunked=self.settings.web.chunked)

    async def _get(self, back_uid: str) -> Answer | None:
        return await self._sender.send("GET", self._url(back_uid), [("Accept", JSON)])

    def _url(self, back_uid: str) -> str:
        return f"{self.settings.back_url.rstrip('/')}/commitment-requests/{back_uid}"

    async def _pause(self, answer: Answer | None, retries: int) -> None:
        said = answer.headers.get("retry-after") if answer is not None else None
        seconds = None if self.settings.faulty("retry-after-ignored") else asked_s(said, self._clock)
        if seconds is None:
            seconds = (
                self.settings.backoff_s * 2**retries if answer is None or answer.status >= 500 else self.settings.poll_s
            )
        await asyncio.sleep(min(seconds, 3600.0))

    # --- what it means

    def _means(self, found: Transaction, answer: Answer | None) -> tuple[Decided, ...]:
        faulty = self.settings.faulty
        everything = tuple(dict.fromkeys(found.asked))
        believed = {
            "commits-when-lost": answer is None,
            "commits-on-202": answer is not None and answer.status == 202,
            "commits-after-gone": answer is not None and answer.status in (404, 410),
            "commits-on-409": answer is not None and answer.status == 409,
            "commits-on-any-error": answer is not None and answer.status >= 500,
        }
        if any(holds and faulty(name) for name, holds in believed.items()):
            return tuple(Decided(each, None) for each in everything)
        if answer is None or answer.status != 200:
            duplicate = answer is not None and answer.status == 409
            return tuple(
                Decided(each, DUPLICATE_TRANSACTION if duplicate else PROCESSING_FAILURE) for each in everything
            )
        try:
            result = read_result(answer)
        except UnreadableError:
            reason = None if faulty("commits-the-unreadable") else PROCESSING_FAILURE
            return tuple(Decided(each, reason) for each in everything)
        return self._decided(everything, result)

    def _decided(self, everything: tuple[Asked, ...], result: Result) -> tuple[Decided, ...]:
        faulty, made = self.settings.faulty, []
        for each in everything:
            pair = (each.sop_class_uid, each.sop_instance_uid)
            if faulty("class-changed-behind"):
                pair = next((known for known in (*result.committed, *result.failed) if known[1] == pair[1]), pair)
            both = pair in result.failed and not faulty("commits-what-stands-in-both")
            if pair in result.committed and not both:
                made.append(Decided(each, None))
            elif pair in result.failed:
                made.append(Decided(each, self._reason(result.failed[pair])))
            elif faulty("commits-left-out"):
                made.append(Decided(each, None))
            elif not faulty("drops-left-out"):
                made.append(Decided(each, PROCESSING_FAILURE))
        if faulty("foreign-instance-passes"):
            known = {each.sop_instance_uid for each in everything}
            made += [Decided(Asked(*pair), None) for pair in sorted(result.committed) if pair[1] not in known]
        return tuple(made)

    def _reason(self, said: int | None) -> int:
        """The Failure Reason that was given; 0110H for none, and for one that C.14.1.1 does not know (WEB-B.30-18)."""
        if said is None or self.settings.faulty("all-reasons-as-0110"):
            return PROCESSING_FAILURE
        return said if said in REASONS or self.settings.faulty("unknown-reasons-pass") else PROCESSING_FAILURE


def read_result(answer: Answer) -> Result:
    """A response module in DICOM JSON; raises ``UnreadableError``."""
    from pydicom import Dataset  # noqa: PLC0415 - start-up

    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise UnreadableError("no DICOM JSON")
    try:
        value = json.loads(answer.body)
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
