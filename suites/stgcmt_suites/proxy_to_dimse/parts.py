"""One request in front asked for behind in several parts: the reports that are there, and their sum once all are."""

from __future__ import annotations

from dataclasses import dataclass, field

from stgcmt_suites.proxy_to_dimse.information import Report

ALL_COMMITTED, SOME_FAILED = 1, 2


@dataclass
class Parts:
    """``count``: how many parts there are; ``told``: by Transaction UID behind, the first report of each that was asked."""

    count: int
    told: dict[str, Report | None] = field(default_factory=dict)

    def take(self, report: Report) -> Report | None:
        """Keep the report of one part; the sum of all, or ``None`` while one is missing."""
        if self.told.get(report.transaction_uid) is None:
            self.told[report.transaction_uid] = report
        there = [each for each in self.told.values() if each is not None]
        if len(there) < self.count:
            return None
        failed = tuple(one for each in there for one in each.failed)
        committed = tuple(one for each in there for one in each.committed)
        kind = SOME_FAILED if failed else ALL_COMMITTED
        return Report(report.transaction_uid, kind, committed, failed, report.retrieve_ae)
