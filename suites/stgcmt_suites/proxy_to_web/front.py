"""The front of the proxy: the reference SCP, whose work is done by the origin server behind."""

from __future__ import annotations

from typing import Any

from stgcmt.actors.acceptor import Reply
from stgcmt.actors.association import Association
from stgcmt.wire.pdv import Message
from stgcmt_suites.commitment.store import PENDING, Transaction
from stgcmt_suites.proxy_to_web.back import BackEnd
from stgcmt_suites.proxy_to_web.settings import Settings
from stgcmt_suites.scp.action import Requests
from stgcmt_suites.scp.archive import Archive
from stgcmt_suites.scp.delivery import Courier

NOT_STORED_HERE = 0x0122


class ProxyCourier(Courier):
    """Carries a transaction to its report by way of the origin server behind."""

    def __init__(self, *arguments: Any, proxy: Settings, back: BackEnd) -> None:
        super().__init__(*arguments)
        self.proxy, self.back = proxy, back
        self._latest: str | None = None

    def resume(self) -> None:
        """Go on with what a former life accepted."""
        if self.proxy.faulty("lost-on-restart"):
            for each in self.store.pending():
                self.store.forget(each.uid)
        super().resume()

    async def _due(self, transaction: Transaction) -> None:
        """A transaction is due when there is a result behind, or when it is clear that none comes."""
        if transaction.state == PENDING:
            self._latest = transaction.uid
            decided = await self.back.commit(transaction)
            wrong = self.proxy.faulty("latest-takes-the-result") and self._latest
            self.store.settle(wrong or transaction.uid, decided)
            if wrong and wrong != transaction.uid:
                self.store.settle(transaction.uid, decided)


class ProxyRequests(Requests):
    """N-ACTION in front."""

    proxy: Settings

    def _judge(self, assoc: Association, request: Any) -> None:
        if self.proxy.faulty("duplicate-goes-behind") and self.courier.is_pending(request.transaction_uid):
            self.courier.start(self._begin(assoc, request), assoc)
        super()._judge(assoc, request)


class NoArchive(Archive):
    """A proxy stores nothing and gives nothing back: both are the archive's."""

    async def c_store(self, assoc: Association, message: Message) -> Reply:  # noqa: ARG002 - a handler's signature
        return Reply(NOT_STORED_HERE)

    async def c_get(self, assoc: Association, message: Message) -> Reply:  # noqa: ARG002 - a handler's signature
        return Reply(NOT_STORED_HERE)
