"""What the reference SCU keeps on disk: instances that wait for commitment, and transactions by their UID."""

from __future__ import annotations

import json

from stgcmt_suites.user_agent.outbox import COMMITTED, DONE, ENDED, HELD, Held
from stgcmt_suites.user_agent.outbox import Outbox as Instances

__all__ = ["COMMITTED", "DONE", "ENDED", "HELD", "Held", "Outbox"]


class Outbox(Instances):
    """An outbox whose transactions are found by their UID, whatever has become of them."""

    def asked_under(self, uid: str) -> tuple[str, ...] | None:
        """The instances that were asked for under a Transaction UID; ``None`` where it is none of ours."""
        row = self._db.execute("SELECT asked FROM transactions WHERE uid = ?", (uid,)).fetchone()
        return tuple(json.loads(row[0])) if row else None

    def forget(self, uid: str) -> None:
        """As if a transaction had never been."""
        with self._db:
            self._db.execute("DELETE FROM transactions WHERE uid = ?", (uid,))

    def asking_for(self, instances: frozenset[str]) -> tuple[str, ...]:
        """The instances of every transaction that names one of these, whatever its UID."""
        rows = self._db.execute("SELECT asked FROM transactions").fetchall()
        return tuple(uid for (asked,) in rows if instances & set(json.loads(asked)) for uid in json.loads(asked))
