"""What goes through a proxy to DICOMweb and what our origin server behind it answers. Scenarios drive both ends, checks judge.

Scenarios of the same name are in the suite of the other direction: the conservation laws read both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from stgcmt.suite import Play, scenario
from stgcmt_suites.proxies.links import CONFIGURED
from stgcmt_suites.proxies.stated import STATED, outlasted
from stgcmt_suites.scp.requests import commit, exchange, request
from stgcmt_suites.user_agent.service import ALL, Service, broken, cut, gone, result, silent, unreadable, working

REASONS = (0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213)
UNKNOWN_REASON = 0xC001
NEEDS = ("destination",)
WAITS = ("max_report_delay",)
AT_ONCE = 4
ENDLESS_S = 6.0  # for which a 202 without an end is watched


class Behind:
    """Our origin server of one scenario."""

    def __init__(self, play: Play) -> None:
        self.play, self.service = play, Service(play)
        play.note(what=CONFIGURED, path=play.base_path)
        self._free = asyncio.Semaphore(AT_ONCE)

    async def one(self, step: str, count: int, *, posts: Any, gets: Any = (), wait: bool = True) -> str:
        """A request in front for so many instances, and the wait for its report; its Transaction UID."""
        case = self.service.case(*[self.play.make(("ct", "mr")[n % 2]) for n in range(count)], posts=posts, gets=gets)
        async with self._free:
            if wait:
                return await commit(self.play, step, list(case.instances))
            uid = self.play.uid()
            await exchange(self.play, step, request(uid, list(case.instances)))
            return uid


async def _all(*jobs: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(job)


@scenario(needs=NEEDS, waits=WAITS, exchanges=2)
async def round_trip(play: Play) -> None:
    """Three instances, all committed: at once, and after a 202."""
    behind = Behind(play)
    await behind.one("at-once", 3, posts=result())
    await behind.one("later", 3, posts=working(), gets=(working(), result()))


@scenario(needs=NEEDS, waits=WAITS, exchanges=8)
async def failures(play: Play) -> None:
    """Each Failure Reason beside an instance that is committed; one that nobody knows; and all instances failed."""
    behind = Behind(play)
    jobs = [behind.one(f"{reason:04X}H", 2, posts=result(failed={0: reason})) for reason in REASONS]
    jobs.append(behind.one("unknown-reason", 2, posts=result(failed={0: UNKNOWN_REASON})))
    jobs.append(behind.one("all", 2, posts=working(), gets=result(failed={ALL: 0x0112})))
    await _all(*jobs)


@scenario(needs=NEEDS, waits=WAITS, exchanges=6)
async def refused(play: Play) -> None:
    """The POST is answered 409, 400, 401, 403, 413, 500 and 503 for good; beside a control."""
    behind = Behind(play)
    jobs = [behind.one(str(status), 1, posts=gone(status)) for status in (409, 400, 401, 403, 413, 500, 503)]
    await _all(*jobs)
    await behind.one("control", 1, posts=result())


@scenario(needs=NEEDS, waits=WAITS, exchanges=6)
async def untrue_results(play: Play) -> None:
    """Results that leave an instance out or add one, and payloads that are no results."""
    behind = Behind(play)
    stranger = play.make("mr")
    await _all(
        behind.one("left-out", 2, posts=result(left_out=(1,))),
        behind.one("foreign", 2, posts=result(add=(stranger,))),
        behind.one("both", 2, posts=_both),
        behind.one("not-json", 2, posts=unreadable(b"committed")),
        behind.one("no-payload", 2, posts=unreadable(b"")),
        behind.one("cut", 2, posts=cut(result())),
        behind.one("other-type", 2, posts=unreadable(b"<html/>", "text/html")),
        behind.one("unknown-2xx", 2, posts=result(status=299)),
        behind.one("control", 2, posts=result()),
    )


def _both(module: Any, asked: Any, wall_ns: int) -> Any:
    """The first instance in both lists."""
    import json  # noqa: PLC0415 - only here

    good = result()(module, asked, wall_ns)
    bad = result(failed={0: 0x0110})(module, asked, wall_ns)
    merged = {**json.loads(bad.body), "00081199": json.loads(good.body)["00081199"]}
    return type(good)(good.status, good.headers, json.dumps(dict(sorted(merged.items()))).encode())


@scenario(needs=NEEDS, waits=WAITS, exchanges=5)
async def late(play: Play) -> None:
    """202 several times, with Retry-After and without, before there is a result; and 503 for a while, on either request."""
    behind = Behind(play)
    await _all(
        behind.one("with-retry-after", 2, posts=working(1), gets=(working(1), result())),
        behind.one("with-a-date", 2, posts=working(2, form="imf"), gets=result()),
        behind.one("503-first", 2, posts=(gone(503, 1), result()), gets=gone(404)),
        behind.one("503-while-polling", 2, posts=working(), gets=(gone(503, 1), result())),
        behind.one("without", 2, posts=working(), gets=(working(), working(), working(), result(failed={1: 0x0112}))),
    )


@scenario(needs=NEEDS, waits=(*WAITS, "endless", STATED), exchanges=1)
async def never(play: Play) -> None:
    """202 without an end, watched for a while, or until the stated time is over."""
    behind = Behind(play)
    await behind.one("request", 2, posts=working(), gets=working(), wait=False)
    await play.wait("endless", ENDLESS_S, why="202 has no end")
    await outlasted(play, since_s=ENDLESS_S, most_s=play.timing.max_report_delay)


@scenario(needs=NEEDS, waits=(*WAITS, "quiet_period"), exchanges=3)
async def duplicate(play: Play) -> None:
    """The same Transaction UID again in front: while it is pending, and when its report was there."""
    behind = Behind(play)
    case = behind.service.case(play.make("ct"), posts=working(1), gets=(working(1), result()))
    uid, asked = play.uid(), list(case.instances)
    if await exchange(play, "request", request(uid, asked)) == 0:
        await exchange(play, "again-pending", request(uid, asked))
        await play.report(uid)
    await play.quiet()
    await exchange(play, "again-done", request(uid, asked))
    await play.quiet()


@scenario(needs=NEEDS, waits=WAITS, exchanges=11)
async def lost(play: Play) -> None:
    """Connections that break, answers that never come or are cut, and results that are gone or denied; beside a control."""
    behind = Behind(play)
    await _all(
        behind.one("before-read", 1, posts=broken("before-read")),
        behind.one("after-read", 1, posts=broken("after-read"), gets=gone(404)),
        behind.one("while-polling", 1, posts=working(), gets=broken("after-read")),
        behind.one("unanswered", 1, posts=silent(), gets=gone(404)),
        behind.one("cut", 1, posts=broken("mid-body", result()), gets=gone(404)),
        behind.one("cut-while-polling", 1, posts=working(), gets=broken("mid-body", result())),
        behind.one("401", 1, posts=working(), gets=gone(401)),
        behind.one("404", 1, posts=working(), gets=gone(404)),
        behind.one("410", 1, posts=working(), gets=(working(), gone(410))),
        behind.one("503", 1, posts=working(), gets=gone(503)),
    )
    await behind.one("control", 1, posts=result())


@scenario(needs=NEEDS, waits=WAITS, exchanges=2, alone=True)
async def unreachable(play: Play) -> None:
    """Nobody listens where the origin server should be; then it is there again, for a control."""
    behind = Behind(play)
    async with play.away():
        await behind.one("nobody-listens", 1, posts=result())
    await behind.one("control", 1, posts=result())


@scenario(needs=NEEDS, waits=WAITS, exchanges=4)
async def crossed(play: Play) -> None:
    """Three transactions at once whose results come in the other order, one of them failed."""
    behind = Behind(play)

    def after(polls: int, last: Any) -> Sequence[Any]:
        return (*(working(),) * polls, last)

    await _all(
        behind.one("transaction-0", 2, posts=working(), gets=after(4, result())),
        behind.one("transaction-1", 2, posts=working(), gets=after(2, result(failed={0: 0x0112}))),
        behind.one("transaction-2", 2, posts=result(failed={1: 0x0110})),
    )


@scenario(needs=(*NEEDS, "restart"), waits=WAITS, exchanges=1, alone=True)
async def restarted(play: Play) -> None:
    """The SUT is restarted between its acceptance and the result behind."""
    behind, up = Behind(play), asyncio.Event()

    def later(module: Any, asked: Any, wall_ns: int) -> Any:
        return (result() if up.is_set() else working())(module, asked, wall_ns)

    case = behind.service.case(play.make("ct"), posts=working(), gets=later)
    uid = play.uid()
    if await exchange(play, "request", request(uid, list(case.instances))) == 0:
        await play.asked(1, within="max_report_delay")
        await play.restart()
        up.set()
        await play.report(uid)
