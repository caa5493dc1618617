"""Work shared out to forked processes: the same result as in one, and this one does what a helper cannot."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from pathlib import Path

import pytest

from stgcmt import forked
from stgcmt.forked import processes, settled, shared_out

HERE = os.getpid()
needs_fork = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux alone")


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch):
    """So many cores, and no thread but this one: xdist and others have some that have nothing to do with what is tested."""

    def given(count: int) -> None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)))
        monkeypatch.setattr(threading, "active_count", lambda: 1)

    return given


def children() -> set[int]:
    """The child processes of this one that have not been waited for."""
    return {int(pid) for pid in Path(f"/proc/self/task/{HERE}/children").read_text("ascii").split()}


@needs_fork
@pytest.mark.parametrize("count", [1, 2, 3], ids=["one core", "two cores", "three cores"])
def test_results_stand_in_the_order_of_the_jobs(cores, count):
    cores(count)
    assert processes(100) == count
    assert shared_out(100, lambda number: number * number) == [number * number for number in range(100)]


@needs_fork
def test_several_processes_work(cores):
    cores(2)
    met = threading.Event()  # never set here: this process waits for the helper to have taken a job
    found = shared_out(2, lambda _: (met.wait(0.3), os.getpid())[1])
    assert HERE in found
    assert len(set(found)) == 2


@needs_fork
def test_large_results_come_whole(cores):
    cores(2)
    found = shared_out(8, lambda number: bytes([number]) * 1_000_000)
    assert [each[:1] for each in found] == [bytes([number]) for number in range(8)]
    assert {len(each) for each in found} == {1_000_000}


@needs_fork
def test_a_helper_that_dies_costs_time_only(cores):
    cores(3)

    def work(number: int) -> int:
        if os.getpid() != HERE:
            os._exit(9)
        return number

    assert shared_out(20, work) == list(range(20))


@needs_fork
def test_what_a_job_raises_is_raised_here_and_nobody_is_left(cores):
    cores(2)

    def work(number: int) -> int:
        if number == 3:
            raise ValueError("job 3")
        return number

    before = children()
    with pytest.raises(ValueError, match="job 3"):
        shared_out(10, work)
    assert children() <= before


@needs_fork
def test_what_a_job_returns_and_cannot_be_sent_is_made_here(cores):
    cores(2)
    assert [each(2) for each in shared_out(4, lambda number: lambda x: x + number)] == [2, 3, 4, 5]


def test_one_process_where_forking_is_not_safe(cores, monkeypatch: pytest.MonkeyPatch):
    cores(8)

    async def within() -> int:
        return processes(10)

    assert asyncio.run(within()) == 1
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert processes(10) == 1
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert processes(10) == 1


def test_one_process_where_told_so_or_there_is_nothing_to_share(cores):
    cores(8)
    assert set(shared_out(10, lambda _: os.getpid(), alone=True)) == {HERE}
    assert shared_out(0, lambda number: number) == []
    assert processes(1) == 1
    assert processes(forked.JOBS + 1) == 1


def test_progress_never_goes_back_and_reaches_the_end_alone(cores):
    cores(1)
    told: list[int] = []
    shared_out(5, lambda number: number, told=told.append)
    assert told == [1, 2, 3, 4, 5]


def test_the_collector_is_as_it_was_behind_settled():
    found, before = gc.get_threshold(), (700, 10, 10)  # Python's own; a run in this process may have left others
    gc.set_threshold(*before)
    try:
        with settled():
            assert gc.get_threshold() != before
            assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == before
    finally:
        gc.set_threshold(*found)
    assert gc.get_freeze_count() == 0
