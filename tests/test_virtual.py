"""Virtual time and the network in memory behave as a machine's would."""

from __future__ import annotations

import asyncio
import time

import pytest

from stgcmt.clock import NS, LoopClock
from stgcmt.virtual import DeadlockError, run_virtual
from stgcmt.wire.memory import WINDOW, MemoryNetwork


def test_an_hour_costs_no_time():
    async def main():
        clock = LoopClock()
        before = clock.monotonic_ns(), clock.wall_ns()
        await asyncio.sleep(3600)
        return clock.monotonic_ns() - before[0], clock.wall_ns() - before[1]

    began = time.perf_counter()
    passed, dated = run_virtual(main())
    assert time.perf_counter() - began < 30
    assert passed == pytest.approx(3600 * NS, rel=1e-6)
    assert dated == passed


def test_deadlines_and_sleepers_keep_their_order():
    seen: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append(name)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(sleeper("late", 20))
            group.create_task(sleeper("early", 10))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(6)

    run_virtual(main())
    assert seen == ["early", "late"]


def test_who_spins_meets_the_deadline():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                while True:
                    await asyncio.sleep(0)

    run_virtual(main())


def test_a_deadlock_is_said(monkeypatch):
    monkeypatch.setattr("stgcmt.virtual.OUTSIDE_S", 0.01)
    with pytest.raises(DeadlockError):
        run_virtual(asyncio.wait_for(asyncio.Event().wait(), None))


def connected(server, client):
    """Run both ends of one connection; returns what the client returns."""

    async def main():
        network = MemoryNetwork()
        listener = await network.listen("127.0.0.1", 0, server)
        stream = await network.connect(*listener.address)
        try:
            return await client(stream)
        finally:
            stream.close()
            await listener.aclose()

    return run_virtual(main())


def test_bytes_arrive_in_order_and_both_ends_know_their_addresses():
    async def echo(stream):
        while data := await stream.receive():
            await stream.send(data.upper())
        await stream.send(b".")

    async def client(stream):
        await stream.send(b"one ")
        await stream.send(b"two")
        await stream.send_eof()
        got = b""
        while data := await stream.receive():
            got += data
        return got, stream.peer[0]

    assert connected(echo, client) == (b"ONE TWO.", "127.0.0.1")


def test_nobody_listens():
    async def main():
        with pytest.raises(ConnectionRefusedError):
            await MemoryNetwork().connect("127.0.0.1", 104)
        with pytest.raises(OSError, match="not known"):
            await MemoryNetwork().connect("pacs.example", 104)

    run_virtual(main())


def test_a_port_is_taken_once_and_free_after_the_close():
    async def main():
        network = MemoryNetwork()
        listener = await network.listen("127.0.0.1", 11112, lambda stream: stream.send(b""))
        with pytest.raises(OSError, match="in use"):
            await network.listen("127.0.0.1", 11112, lambda stream: stream.send(b""))
        await listener.aclose()
        await (await network.listen("127.0.0.1", 11112, lambda stream: stream.send(b""))).aclose()

    run_virtual(main())


def test_a_reset_and_an_orderly_end_are_told_apart():
    async def resets(stream):
        await stream.receive(1)
        stream.close(reset=True)

    async def leaves(stream):
        await stream.receive(1)  # one byte stays unread: closing then resets, as TCP does
        stream.close()

    async def client(stream):
        await stream.send(b"ab")
        return await stream.receive()

    for server in (resets, leaves):
        with pytest.raises(ConnectionResetError):
            connected(server, client)

    async def ends(stream):
        await stream.receive()

    assert connected(ends, client) == b""


def test_sending_to_who_has_left_fails_the_second_time():
    async def leaves(stream):
        stream.close()

    async def client(stream):
        assert await stream.receive() == b""
        await stream.send(b"taken")
        with pytest.raises(BrokenPipeError):
            await stream.send(b"refused")

    connected(leaves, client)


def test_a_sender_waits_for_a_reader():
    async def server(stream):
        await asyncio.sleep(100)
        total = 0
        while data := await stream.receive():
            total += len(data)
        await stream.send(b"%d" % total)

    async def client(stream):
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(3):
            await stream.send(bytes(WINDOW))
        waited = loop.time() - began
        await stream.send_eof()
        return waited, await stream.receive()

    waited, total = connected(server, client)
    assert waited >= 99
    assert total == b"%d" % (3 * WINDOW)
