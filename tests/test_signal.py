"""What is waited for: something that happens once, and what comes in order; each with a deadline in virtual time."""

import asyncio

import pytest

from stgcmt.actors.signal import Mailbox, Signal, any_of
from stgcmt.virtual import run_virtual


def _seconds(wait):
    """What a wait returned, and how long it took."""

    async def main():
        began = asyncio.get_running_loop().time()
        said = await wait()
        return said, round(asyncio.get_running_loop().time() - began, 2)

    return run_virtual(main())


def _after(seconds, what, *arguments):
    asyncio.get_running_loop().call_later(seconds, what, *arguments)


@pytest.mark.parametrize(("happens", "limit", "seen"), [(1.0, 2.0, (True, 1.0)), (3.0, 2.0, (False, 2.0))])
def test_a_signal_is_waited_for_no_longer_than_until_the_deadline(happens, limit, seen):
    async def wait():
        signal = Signal()
        _after(happens, signal.set)
        return await signal.within(limit)

    assert _seconds(wait) == seen


def test_all_who_wait_are_woken_and_who_comes_later_waits_for_nothing():
    async def wait():
        signal = Signal()
        _after(1.0, signal.set)
        told = await asyncio.gather(signal.wait(), signal.within(5.0), signal.wait())
        return [*told, await signal.wait(), await signal.within(0.0), signal.is_set(), signal.waiting]

    assert _seconds(wait) == ([True] * 6 + [[]], 1.0)


@pytest.mark.parametrize(("which", "seen"), [(0, (True, 1.0)), (1, (True, 1.0)), (None, (False, 4.0))])
def test_the_first_of_two_ends_the_wait(which, seen):
    async def wait():
        both = Signal(), Signal()
        if which is not None:
            _after(1.0, both[which].set)
        return await any_of(4.0, *both)

    assert _seconds(wait) == seen


def test_who_is_cancelled_leaves_nothing_behind():
    async def wait():
        signal, timers = Signal(), []
        task = asyncio.create_task(signal.within(3600.0))
        await asyncio.sleep(0)
        timers += signal.waiting
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return len(timers), signal.waiting

    assert _seconds(wait) == ((1, []), 0.0)


def test_a_mailbox_gives_what_came_in_order_and_waits_for_the_next():
    async def wait():
        box = Mailbox()
        box.put("first")
        _after(1.0, box.put, "second")
        _after(2.0, box.put, None)
        return [await box.get(9.0), await box.get(9.0), await box.get(9.0)]

    assert _seconds(wait) == (["first", "second", None], 2.0)


def test_an_empty_mailbox_says_so_at_the_deadline_and_keeps_what_comes_later():
    async def wait():
        box = Mailbox()
        _after(2.0, box.put, "late")
        with pytest.raises(TimeoutError):
            await box.get(1.0)
        return await box.get(9.0)

    assert _seconds(wait) == ("late", 2.0)
