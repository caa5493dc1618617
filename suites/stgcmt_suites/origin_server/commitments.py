"""The service of the reference origin server: Request and Result Check on one transaction (PS3.18 13.4, 13.5).

``Commitments`` owns the transactions of one server and the tasks that finish them; faults of the service act here, at
the place where a real implementer would make the mistake.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from pydicom import Dataset
from starlette.requests import Request
from starlette.responses import Response

from stgcmt.clock import NS, Clock
from stgcmt_suites.commitment.decisions import Asked, Decided
from stgcmt_suites.commitment.reasons import NO_SUCH_INSTANCE, PROCESSING_FAILURE
from stgcmt_suites.commitment.store import DONE, EXPIRED, PENDING, Store, Transaction
from stgcmt_suites.origin_server import answers
from stgcmt_suites.origin_server.large import LARGE, result_json
from stgcmt_suites.origin_server.modules import is_uid, once_each
from stgcmt_suites.origin_server.negotiate import OFFERS, RELATED, XML, Offer, RefusalError
from stgcmt_suites.origin_server.representations import write
from stgcmt_suites.origin_server.settings import Settings
from stgcmt_suites.origin_server.worked_out import OFFER, TAKEN, WRITTEN

RESOURCE = "commitment-requests"
ALLOW = "GET, HEAD, OPTIONS, POST"
SEARCH_S = 10.0  # how long the manner delays-wrong-study looks for an instance elsewhere
RACE_S = 0.05  # how long the fault concurrent-duplicates-accepted looks away between looking and booking


class Commitments:
    """The transactions of one origin server."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store, self.clock, self.settings = store, clock, settings
        self.faults = settings.switches
        self._tasks: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()
        self._reads: Counter[str] = Counter()
        self._unseen: set[str] = set()
        self._offers: dict[str, Offer] = {}
        self._burnt: set[str] = set()
        self._busy: set[str] = set()

    # --- life

    def start(self) -> None:
        """Go on with what a restart left pending."""
        for transaction in self.store.pending():
            if "forgets-on-restart" in self.faults:
                self.store.forget(transaction.uid)
            else:
                self._work_on(transaction.uid)

    async def aclose(self) -> None:
        """Stop working; what is pending stays so in the store."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def released(self) -> None:
        """Say that instances are no longer kept pending."""
        self._released.set()
        self._released = asyncio.Event()

    def _work_on(self, uid: str) -> None:
        task = asyncio.create_task(self._work(uid))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, uid: str) -> None:
        transaction = self.store.transaction(uid)
        if transaction is None or "never-finishes" in self.faults:
            return
        await asyncio.sleep(max(0.0, (transaction.due_ns - self.clock.wall_ns()) / NS))
        if self._misplaced(transaction.asked):
            if "wrong-study-lost" in self.faults:
                return
            if "delays-wrong-study" in self.faults:
                await asyncio.sleep(SEARCH_S)
        while self.store.is_kept_pending(transaction.asked):
            await self._released.wait()
        self.store.finish(uid)

    def _misplaced(self, asked: Iterable[Asked]) -> bool:
        """Whether an instance is asked for within a study that is not its own."""
        named = {each.sop_instance_uid: each.study_instance_uid for each in asked if each.study_instance_uid}
        held = {uid: self.store.instance(uid) for uid in named}
        return any(each is not None and each.study_instance_uid != named[uid] for uid, each in held.items())

    # --- Request (13.4)

    async def request(self, request: Request, segment: str, body: bytes) -> Response:
        """POST: take the request, answer with the result or with 202; raises ``RefusalError``."""
        uid = self._uid(segment, posting=True)
        self._be_busy(uid, "first-request-unavailable")
        late: RefusalError | None = None
        try:
            try:
                offer = self._negotiate(request)
            except RefusalError as refused:
                if refused.status != 406 or "negotiates-results-only" not in self.faults:
                    raise
                offer, late = OFFERS[0], refused
            structure, asked = self._read(request, body)
            if late and len(asked) <= self.settings.synchronous_up_to:
                raise late
        except RefusalError as refused:
            return self._refused(request, uid, refused)
        self._refuse_as_a_whole(asked, structure)
        begun = False
        if "concurrent-duplicates-accepted" in self.faults:
            known = self.store.transaction(uid)
            await asyncio.sleep(RACE_S)
            begun = known is None and self._begin(uid, asked, structure)
            if known is None and not begun:
                return self._working(uid)
        if not begun and not self._begin(uid, asked, structure):
            return self._duplicate(uid, asked, structure, offer)
        return await self._taken(uid, asked, offer)

    async def _taken(self, uid: str, asked: tuple[Asked, ...], offer: Offer) -> Response:
        """The answer to a Request that became a transaction; raises ``RefusalError``."""
        at_once = len(asked) <= self.settings.synchronous_up_to and not self.store.is_kept_pending(asked)
        if at_once and "never-finishes" not in self.faults:
            done = self.store.finish(uid)
            assert done is not None  # noqa: S101 - it was begun above
            return self._result(done, offer, status=201 if "created-instead-of-ok" in self.faults else 200)
        if "holds-requests-open" in self.faults:
            await self._work(uid)
            done = self.store.transaction(uid)
            return self._result(done, offer) if done is not None and done.state == DONE else self._working(uid)
        self._work_on(uid)
        self._unseen.add(uid)
        self._offers[uid] = offer
        return self._working(uid)

    def _begin(self, uid: str, asked: tuple[Asked, ...], structure: str) -> bool:
        delay = 0.0 if len(asked) <= self.settings.synchronous_up_to else self.settings.delay
        due_ns = self.clock.wall_ns() + int(delay * NS)
        return uid not in self._burnt and self.store.begin(uid, asked, structure=structure, due_ns=due_ns)

    def _negotiate(self, request: Request) -> Offer:
        if not request.scope["query_string"] and self.faults.none_of(_MINDS_THE_REQUEST):
            return OFFER.of(answers.header(request, "accept"), None, faults=self.faults)
        parameters = request.query_params.getlist("accept")
        if set(request.query_params) - {"accept", "charset"} and "unknown-parameter-refused" in self.faults:
            raise RefusalError(400, "The query has a parameter that is not supported.")
        if request.query_params.get("charset", "utf-8") != "utf-8" and "charset-parameter-refused" in self.faults:
            raise RefusalError(406, "The character set is not supported.")
        if "utf-8" not in request.headers.get("accept-charset", "utf-8") and "charset-refused" in self.faults:
            raise RefusalError(406, "The character set is not supported.")
        accept = answers.header(request, "accept")
        return OFFER.of(accept, ",".join(parameters) if parameters else None, faults=self.faults)

    def _read(self, request: Request, body: bytes) -> tuple[str, tuple[Asked, ...]]:
        coding = answers.header(request, "content-encoding") or "identity"
        if coding.strip().lower() != "identity":
            raise RefusalError(415, f"The content coding {coding} is not supported.", Accept_Encoding="identity")
        if (header_type(request) or "").startswith("application/dicom+json") and "json-requests-refused" in self.faults:
            raise RefusalError(415, "The media type is not supported.")
        kind = header_type(request)
        found = [*TAKEN.of(kind, body, faults=self.faults, size=len(body))]
        for status in (400, 500):
            if len(found) > 1 and f"several-parts-as-{status}" in self.faults:
                raise RefusalError(status, "The payload has several parts.")
        if "first-part-only" in self.faults:
            found = found[:1]
        structures = {structure for structure, _ in found}
        if len(structures) > 1:
            raise RefusalError(400, "The parts of the payload have both structures.")
        structure = structures.pop()
        if structure == "hierarchical" and "hierarchical-refused" in self.faults:
            raise RefusalError(400, "Hierarchical requests are not supported.")
        asked = once_each([each for _, part in found for each in part], self.faults)
        if len(asked) > self.settings.limit_references:
            raise RefusalError(413, f"At most {self.settings.limit_references} instances can be asked for at once.")
        return structure, asked

    def _refused(self, request: Request, uid: str, refused: RefusalError) -> Response:
        """A Request that is refused before it became a transaction."""
        if "refused-leaves-transaction" in self.faults:
            self._burnt.add(uid)
        if refused.status == 415:
            for status in (400, 500):
                if f"unsupported-type-as-{status}" in self.faults:
                    raise RefusalError(status, refused.why)
            if "unsupported-type-accepted" in self.faults:
                return self._working(uid)
        if refused.status == 400:
            for status in (415, 422, 500, 503):
                if f"malformed-as-{status}" in self.faults:
                    raise RefusalError(status, refused.why)
            if (header_type(request) or "").startswith(XML) and "malformed-xml-as-500" in self.faults:
                raise RefusalError(500, refused.why)
            if "closes-on-malformed" in self.faults:
                request.state.abort()
            related = (header_type(request) or "").startswith(RELATED)
            if "malformed-multipart-accepted" in self.faults and related:
                return self._working(uid)
            if "accepts-malformed" in self.faults:
                return self._working(uid)
        raise refused

    def _refuse_as_a_whole(self, asked: tuple[Asked, ...], structure: str) -> None:
        """Mistakes that turn what is true of instances into an error of the whole request; and 503."""
        if self.store.is_marked(asked, "unavailable"):
            raise RefusalError(503, "The back end does not answer.", Retry_After="1")
        if "instances-locked" in self.faults:
            locked = {each.sop_instance_uid for other in self.store.pending() for each in other.asked}
            if locked & {each.sop_instance_uid for each in asked}:
                raise RefusalError(409, "An instance is under way in another transaction.")
        if self.faults.none_of(_AS_A_WHOLE):
            return
        reasons = [each.reason for each in self.store.decide(asked)]
        missing, conflict, unsupported = (reasons.count(reason) for reason in (0x0112, 0x0119, 0x0122))
        rules = {
            "missing-as-404": (missing, 404),
            "missing-as-409": (missing, 409),
            "all-missing-as-404": (missing == len(asked), 404),
            "conflict-as-409": (conflict, 409),
            "unsupported-as-409": (unsupported, 409),
            "unsupported-as-501": (unsupported, 501),
            "several-studies-refused": (len({each.study_instance_uid for each in asked}) > 1, 400),
            "wrong-study-refused": (self._misplaced(asked), 400),
        }
        for name, (holds, status) in rules.items():
            if holds and name in self.faults:
                raise RefusalError(status, f"The request cannot be met as a whole ({structure}).")

    def _duplicate(self, uid: str, asked: tuple[Asked, ...], structure: str, offer: Offer) -> Response:
        """A Transaction UID that is in use: 409, whatever the body says."""
        known = self._known(uid)
        if known is not None:
            same = frozenset(known.asked) == frozenset(asked)
            if known.state == PENDING and (
                "duplicate-accepted-pending" in self.faults or ("identical-accepted-pending" in self.faults and same)
            ):
                return self._working(uid)
            if known.state == DONE and "duplicate-accepted-done" in self.faults:
                return self._result(known, offer)
            if known.state == EXPIRED and "duplicate-accepted-expired" in self.faults:
                return self._working(uid)
            if "duplicate-replaces-result" in self.faults:
                self._replace(known, asked, structure)
        for status in (400, 503):
            if f"duplicate-as-{status}" in self.faults:
                raise RefusalError(status, "The Transaction UID is already in use.")
        raise RefusalError(409, "The Transaction UID is already in use; use a new one.")

    def _replace(self, known: Transaction, asked: tuple[Asked, ...], structure: str) -> None:
        self.store.forget(known.uid)
        self.store.begin(known.uid, asked, structure=structure, due_ns=known.due_ns)
        if known.state == DONE:
            self.store.finish(known.uid)

    # --- Result Check (13.5)

    def check(self, request: Request, segment: str) -> Response:
        """GET and HEAD: the result, 202 while it is worked on; raises ``RefusalError``."""
        uid = self._uid(segment, posting=False)
        known = self._known(uid)
        if known is None:
            return self._unknown(request, uid)
        self._be_busy(uid, "first-check-unavailable")
        if known.state == PENDING and self._too_early(uid):
            raise RefusalError(429, "Too early: see Retry-After.", Retry_After=str(self.settings.retry_after or 1))
        if known.state == PENDING and "negotiates-results-only" in self.faults:
            return self._working(uid, of_check=True)
        offer = self._negotiate(request)
        if "type-of-request-sticks" in self.faults:
            offer = self._offers.get(uid, offer)
        if self.store.is_marked(known.asked, "unavailable"):
            raise RefusalError(503, "The back end does not answer.", Retry_After="1")
        if uid in self._unseen:
            self._unseen.discard(uid)
            if "check-before-visible" in self.faults:
                raise RefusalError(404, "There is no such transaction.")
        if known.state == EXPIRED and "expired-as-empty-result" in self.faults:
            return self._result(replace(known, decided=()), offer)
        if known.state == EXPIRED:
            raise RefusalError(404 if "gone-as-404" in self.faults else 410, "The result is no longer kept.")
        if known.state == PENDING and len(known.asked) > 1 and "partial-result-while-pending" in self.faults:
            return self._result(replace(known, decided=self.store.decide(known.asked[:1])), offer)
        if known.state == PENDING:
            return self._working(uid, of_check=True)
        if "result-of-the-newest" in self.faults:
            newest = [each for each in self.store.transactions() if each.state == DONE][-1]
            known = replace(known, decided=newest.decided, structure=newest.structure)
        if all(each.reason == NO_SUCH_INSTANCE for each in known.decided) and "nothing-held-as-500" in self.faults:
            raise RefusalError(500, "Something went wrong.")
        self._reads[uid] += request.method == "GET"
        reads = self._reads[uid]
        if reads > 1 and reads % 2 == 0 and "regress-to-pending" in self.faults:
            return self._working(uid, of_check=True)
        if reads > 1 and "result-changes" in self.faults:
            known = replace(known, decided=_changed(known.decided))
        if reads == 1 and "deletes-on-read" in self.faults:
            self.store.expire(uid)
        return self._result(known, offer, status=201 if "check-created-instead-of-ok" in self.faults else 200)

    def _too_early(self, uid: str) -> bool:
        """Whether the fault early-check-as-429 refuses the first Result Check of a transaction, made at once."""
        if "early-check-as-429" not in self.faults or uid not in self._unseen:
            return False
        self._unseen.discard(uid)
        return True

    def _unknown(self, request: Request, uid: str) -> Response:
        if "get-creates-transaction" in self.faults:
            self._burnt.add(uid)
        if "unknown-uid-200" in self.faults:
            content_type, body = write(self._negotiate(request), Dataset(), request.url.path)
            return answers.result(content_type, body, request.url.path, self.faults)
        if "unknown-uid-202" in self.faults:
            return self._working(uid, of_check=True)
        if "unknown-uid-410" in self.faults:
            raise RefusalError(410, "The result is no longer kept.")
        raise RefusalError(404, "There is no such transaction.")

    # --- shared

    def _uid(self, segment: str, *, posting: bool) -> str:
        if is_uid(segment) or "invalid-uid-accepted" in self.faults:
            return segment
        if "invalid-uid-as-500" in self.faults:
            raise RefusalError(500, "Something went wrong.")
        if posting and "invalid-uid-as-404" not in self.faults:
            raise RefusalError(400, "The path names no valid Transaction UID.")
        raise RefusalError(400 if "invalid-uid-as-400" in self.faults else 404, "There is no such transaction.")

    def _be_busy(self, uid: str, manner: str) -> None:
        """Once 503: for the first Request of all, or for the first Result Check of each transaction."""
        key = uid if manner == "first-check-unavailable" else ""
        if manner in self.faults and key not in self._busy:
            self._busy.add(key)
            raise RefusalError(503, "The back end is starting.", Retry_After="1")

    def _known(self, uid: str) -> Transaction | None:
        """The transaction as of now: what is past its retention is expired, or forgotten."""
        known = self.store.transaction(uid)
        if known is None or known.state != DONE or known.done_ns is None:
            return known
        retention = self.settings.retention / (7 if "expires-early" in self.faults else 1)
        if self.clock.wall_ns() <= known.done_ns + retention * NS:
            return known
        if not self.settings.remembers:
            self.store.forget(uid)
            return None
        self.store.expire(uid)
        return self.store.transaction(uid)

    def _working(self, uid: str, *, of_check: bool = False) -> Response:  # noqa: ARG002 - a hook for faults by UID
        return answers.working(self.settings.retry_after, self.clock, self.faults, of_check=of_check)

    def _result(self, known: Transaction, offer: Offer, *, status: int = 200) -> Response:
        location = f"{self.settings.prefix}/{RESOURCE}/{known.uid}"
        decided = known.decided[::-1] if "reversed-order" in self.faults else known.decided
        content_type, body = self._written(known, decided, offer, location)
        return answers.result(content_type, body, location, self.faults, status=status)

    def _written(
        self, known: Transaction, decided: tuple[Decided, ...], offer: Offer, location: str
    ) -> tuple[str, bytes]:
        if len(decided) >= LARGE and offer == OFFERS[0] and not self.faults:
            return offer.part, result_json(known.structure, decided)
        result = known.structure, decided, known.uid, offer, location
        return WRITTEN.of(*result, faults=self.faults, size=len(decided))


_MINDS_THE_REQUEST = frozenset({"charset-refused"})  # switches of the negotiation that look at more than Accept
# The mistakes of ``_refuse_as_a_whole``, and the one for which it matters that decisions were made there.
_AS_A_WHOLE = frozenset(
    {
        "missing-as-404", "missing-as-409", "all-missing-as-404", "conflict-as-409", "unsupported-as-409",
        "unsupported-as-501", "several-studies-refused", "wrong-study-refused", "remembers-results",
    }
)  # fmt: skip


def header_type(request: Request) -> str | None:
    """The Content-Type of a request, if it has exactly one."""
    lines = answers.header_lines(request, "content-type")
    return lines[0] if len(lines) == 1 else None


def _changed(decided: tuple[Decided, ...]) -> tuple[Decided, ...]:
    """The same result with its first instance failed for another reason."""
    return tuple(replace(each, reason=PROCESSING_FAILURE) if n == 0 else each for n, each in enumerate(decided))
