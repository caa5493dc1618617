"""The front of the proxy: the reference SCP, whose work is done by the origin server behind."""

from __future__ import annotations

import asyncio
from typing import Any

from stgcmt.actors.acceptor import Reply
from stgcmt.actors.association import Association
from stgcmt.wire.pdv import Message
from stgcmt_suites.commitment.decisions import Decided
from stgcmt_suites.commitment.store import PENDING, Transaction
from stgcmt_suites.proxy_to_web.back import BackEnd
from stgcmt_suites.proxy_to_web.settings import Settings
from stgcmt_suites.scp.action import Requests
from stgcmt_suites.scp.archive import Archive
from stgcmt_suites.scp.delivery import Courier

NOT_STORED_HERE = 0x0122
TOGETHER_NS = 5_000_000  # far below the pause between the starts of two scenarios


class ProxyCourier(Courier):
    """Carries a transaction to its report by way of the origin server behind."""

    def __init__(self, *arguments: Any, proxy: Settings, back: BackEnd) -> None:
        super().__init__(*arguments)
        self.proxy, self.back = proxy, back
        self._waiting: dict[str, asyncio.Future[tuple[Decided, ...]]] = {}

    def resume(self) -> None:
        """Go on with what a former life accepted."""
        if self.proxy.faulty("lost-on-restart"):
            for each in self.store.pending():
                self.store.forget(each.uid)
        super().resume()

    async def _due(self, transaction: Transaction) -> None:
        """A transaction is due when there is a result behind, or when it is clear that none comes."""
        if transaction.state == PENDING:
            if self.proxy.faulty("latest-takes-the-result"):
                self.store.settle(transaction.uid, await self._mixed_up(transaction))
            else:
                self.store.settle(transaction.uid, await self.back.commit(transaction))

    async def _mixed_up(self, transaction: Transaction) -> tuple[Decided, ...]:
        """The fault ``latest-takes-the-result``: each result goes to the latest transaction that waits for one as well."""
        given: asyncio.Future[tuple[Decided, ...]]
        given = self._waiting[transaction.uid] = asyncio.get_running_loop().create_future()
        own = asyncio.create_task(self.back.commit(transaction))
        try:
            await asyncio.wait({own, given}, return_when=asyncio.FIRST_COMPLETED)
            self._waiting.pop(transaction.uid, None)
            if given.done():
                return given.result()
            # Those that began together alone, so that what the fault does in one scenario does not hang on the others.
            beside = [uid for uid in self._waiting if abs(self._created(uid) - transaction.created_ns) < TOGETHER_NS]
            if beside:
                self._waiting.pop(beside[-1]).set_result(own.result())
            return own.result()
        finally:
            own.cancel()

    def _created(self, uid: str) -> int:
        found = self.store.transaction(uid)
        return found.created_ns if found is not None else 0


class ProxyRequests(Requests):
    """N-ACTION in front."""

    proxy: Settings

    def _judge(self, assoc: Association, request: Any) -> None:
        if self.courier.is_pending(request.transaction_uid) and self.proxy.faulty("duplicate-goes-behind"):
            self.courier.start(self._begin(assoc, request), assoc)
        super()._judge(assoc, request)


class NoArchive(Archive):
    """A proxy stores nothing and gives nothing back: both are the archive's."""

    async def c_store(self, assoc: Association, message: Message) -> Reply:  # noqa: ARG002 - a handler's signature
        return Reply(NOT_STORED_HERE)

    async def c_get(self, assoc: Association, message: Message) -> Reply:  # noqa: ARG002 - a handler's signature
        return Reply(NOT_STORED_HERE)
