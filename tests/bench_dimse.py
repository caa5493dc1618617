"""How fast our DIMSE ends are on loopback, both ends in this one process: ``python tests/bench_dimse.py``.

Prints; asserts nothing. A whole commitment is: associate, N-ACTION, release, and the report on an association of its
own in the other direction, answered and released.
"""

from __future__ import annotations

import asyncio
import time

from stgcmt.actors.acceptor import Acceptor, Reply
from stgcmt.actors.outcome import Response
from stgcmt.actors.requestor import associate
from stgcmt.clock import SystemClock
from stgcmt.wire import command as cmd
from stgcmt.wire.items import Role
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.stream import SystemNetwork
from stgcmt.wire.uids import COMMITMENT_PUSH

NETWORK, CLOCK = SystemNetwork(), SystemClock()
REQUEST = Proposal.of([COMMITMENT_PUSH])
REPORT = Proposal.of([COMMITMENT_PUSH], roles=(Role(COMMITMENT_PUSH, 0, 1),))


class Nowhere:
    def event(self, kind: str, data: bytes = b"", **info: object) -> None:
        return


def call(port: int, proposal: Proposal = REQUEST):
    return associate(NETWORK, CLOCK, Nowhere(), "127.0.0.1", port, called_ae="SCP", calling_ae="SCU", proposal=proposal)


async def bench(
    sequential: int = 300, concurrent: int = 1000, at_once: int = 100, actions: int = 2000
) -> list[tuple[str, str, str]]:
    lines: list[tuple[str, str, str]] = []
    arrived: dict[bytes, asyncio.Event] = {}
    reporting = asyncio.TaskGroup()

    async def on_report(assoc, message) -> None:
        arrived[message.data].set()

    async def report(data: bytes) -> None:
        async with call(scu.address[1], REPORT) as assoc:
            assert isinstance(await assoc.n_event_report(data, 1), Response)

    async def action(assoc, message) -> Reply:
        if message.data in arrived:
            reporting.create_task(report(message.data))
        return Reply(0)

    scp = await NETWORK.listen("127.0.0.1", 0, Acceptor(CLOCK, Nowhere, handlers={cmd.N_ACTION_RQ: action}))
    scu = await NETWORK.listen("127.0.0.1", 0, Acceptor(CLOCK, Nowhere, on_message=on_report))

    async def commitment(number: int) -> None:
        data = b"%08d" % number
        arrived[data] = asyncio.Event()
        async with call(scp.address[1]) as assoc:
            assert (await assoc.n_action(data)).status == 0
        await arrived[data].wait()

    async def many(numbers: range) -> None:
        for number in numbers:
            await commitment(number)

    async with reporting:
        async with call(scp.address[1]) as assoc:
            start = time.perf_counter()
            for _ in range(actions):
                await assoc.n_action(bytes(300))
            took = time.perf_counter() - start
        lines.append(("N-ACTION round trip", f"{took / actions * 1e3:.3f} ms", "<= 1 ms"))
        start = time.perf_counter()
        await many(range(sequential))
        lines.append(("commitments in sequence", f"{sequential / (time.perf_counter() - start):.0f}/s", ">= 150/s"))
        start = time.perf_counter()
        share = concurrent // at_once
        await asyncio.gather(*(many(range(10**6 + n * share, 10**6 + (n + 1) * share)) for n in range(at_once)))
        rate = concurrent / (time.perf_counter() - start)
        lines.append((f"commitments, {at_once} at once", f"{rate:.0f}/s", ">= 400/s"))
    await scp.aclose()
    await scu.aclose()
    return lines


def table() -> list[tuple[str, str, str]]:
    """Measured lines: what, figure, target."""
    return asyncio.run(bench())


if __name__ == "__main__":
    for what, measured, target in table():
        print(f"{what:<28} {measured:>10}   target {target}")
