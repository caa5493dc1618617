"""The front of the proxy: the reference origin server, whose work is done by the SCP behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from stgcmt.actors.outcome import Rejected, Unreachable
from stgcmt.clock import Clock
from stgcmt_suites.commitment.decisions import Asked
from stgcmt_suites.commitment.handing_on import committed_all
from stgcmt_suites.commitment.store import DONE, Store, Transaction
from stgcmt_suites.origin_server import answers
from stgcmt_suites.origin_server.archive import Archive
from stgcmt_suites.origin_server.commitments import RESOURCE, Commitments
from stgcmt_suites.origin_server.modules import response
from stgcmt_suites.origin_server.negotiate import Offer, RefusalError
from stgcmt_suites.origin_server.representations import write
from stgcmt_suites.proxy_to_dimse.back import BackEnd, UnansweredError
from stgcmt_suites.proxy_to_dimse.settings import Settings

PATIENCE_S = 2.0  # after which the fault commits-when-nothing-comes takes silence for consent
NOT_ALLOWED, RESOURCE_LIMITATION = 0x0124, 0x0213
MISTAKES = frozenset({0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121})
# A status of the response behind (PS3.2 N.7.3.2.6) as an answer in front: there is no normative table (AMB-17). 409 and 404
# would speak of the transaction in front, which is in order, so that most is the back end's matter: 503.
REFUSED = "The archive behind this proxy refused the request with status {:04X}H."


class ProxyCommitments(Commitments):
    """Transactions that the SCP behind works on."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, back: BackEnd) -> None:
        super().__init__(store, clock, settings.front)
        self.proxy, self.back = settings, back

    def start(self) -> None:
        """Go on with what a restart left: what was accepted waits for its report, what was never asked is asked."""
        for found in self.store.pending():
            if self.proxy.faulty("lost-on-restart"):
                self.store.forget(found.uid)
            elif found.info.get("accepted"):
                self.back.give_up_later(found.uid)
            else:
                self._tasks.add(asyncio.get_running_loop().create_task(self._ask_again(found)))

    async def _ask_again(self, found: Transaction) -> None:
        """Nobody was told that this was taken; ask under a fresh Transaction UID, and fail what nobody takes."""
        try:
            accepted = await self.back.ask(found.uid) == 0
        except UnansweredError:
            accepted = False
        if accepted:
            self.store.remember(found.uid, accepted=True)
        else:
            self.back.settle(found, None)

    async def _taken(self, uid: str, asked: tuple[Asked, ...], offer: Offer) -> Response:
        """Ask behind, and answer what the answer there means in front (WEB-B.30-03, -04)."""
        faulty = self.proxy.faulty
        try:
            status = await self.back.ask(uid)
        except UnansweredError as error:
            if faulty(_taken_for_good(error)):
                self.store.settle(uid, committed_all(asked))
                return self._working(uid)
            self._drop(uid)
            raise RefusalError(503, f"The archive behind this proxy cannot be reached: {error}.") from error
        if status != 0 and not faulty("refused-as-accepted"):
            self._drop(uid)
            raise RefusalError(_in_front(status), REFUSED.format(status))
        self.store.remember(uid, accepted=True)
        self.back.give_up_later(uid)
        if faulty("commits-on-acceptance"):
            self.store.settle(uid, committed_all(asked))
        if faulty("accepted-as-503"):
            raise RefusalError(503, "The archive behind this proxy is working on it.")
        if faulty("commits-when-nothing-comes"):
            self._tasks.add(asyncio.get_running_loop().create_task(self._commit_later(uid, asked)))
        if faulty("gives-up-at-once"):
            found = self.store.transaction(uid)
            if found is not None and found.state != DONE:
                self.back.settle(found, None)
        await self._held(uid)
        done = self.store.transaction(uid)
        if done is not None and done.state == DONE:
            return self._result(done, offer)
        return self._working(uid)

    async def _commit_later(self, uid: str, asked: tuple[Asked, ...]) -> None:
        """The fault ``commits-when-nothing-comes``."""
        await asyncio.sleep(PATIENCE_S)
        if not self.back.is_done(uid):
            self.store.settle(uid, committed_all(asked))

    def _drop(self, uid: str) -> None:
        """A Request that was refused leaves no transaction."""
        self.store.forget(uid)

    async def _held(self, uid: str) -> None:
        if self.proxy.hold_s and not self.back.is_done(uid):
            await self.back.news(uid).within(self.proxy.hold_s)

    def _duplicate(self, uid: str, asked: tuple[Asked, ...], structure: str, offer: Offer) -> Response:
        if self.proxy.faulty("duplicate-goes-behind"):
            self.back.ask_once_more(uid)
        return super()._duplicate(uid, asked, structure, offer)

    def _result(self, known: Transaction, offer: Offer, *, status: int = 200) -> Response:
        if known.structure == "hierarchical" and self.proxy.faulty("tree-lost"):
            known = replace(known, structure="flat")
        if known.structure == "hierarchical" and self.proxy.faulty("studies-mixed"):
            first = known.asked[0]
            moved = (
                replace(each, asked=replace(each.asked, study_instance_uid=first.study_instance_uid))
                for each in known.decided
            )
            known = replace(known, decided=tuple(moved))
        leaked = known.info.get("retrieve_ae")
        if not leaked:
            return super()._result(known, offer, status=status)
        location = f"{self.settings.prefix}/{RESOURCE}/{known.uid}"
        module = response(known.structure, known.decided, known.uid, self.faults)
        module.RetrieveAETitle = str(leaked)
        content_type, body = write(offer, module, location, self.faults)
        return answers.result(content_type, body, location, self.faults, status=status)


def _taken_for_good(error: UnansweredError) -> str:
    """The fault that takes this loss of the SCP for commitment."""
    match error.outcome:
        case Rejected():
            return "rejected-means-committed"
        case Unreachable():
            return "unreachable-means-committed"
    return "lost-means-committed"


def _in_front(status: int) -> int:
    """The status of the answer in front where the SCP behind refused."""
    return 403 if status == NOT_ALLOWED else 400 if status in MISTAKES else 503


class NoArchive(Archive):
    """A proxy stores nothing and gives nothing back: both are the archive's."""

    def stow(self, request: Request, body: bytes) -> Response:  # noqa: ARG002 - the routes call it so
        raise RefusalError(501, "This proxy passes on commitment requests alone; store to the archive behind it.")

    def wado(self, request: Request) -> Response:  # noqa: ARG002 - the routes call it so
        raise RefusalError(404, "This proxy holds no instances.")

    def vendor(self, request: Request) -> Response:  # noqa: ARG002 - the routes call it so
        raise RefusalError(404, "There is no such resource.")
