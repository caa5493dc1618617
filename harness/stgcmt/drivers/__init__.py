"""How a SUT comes up: external (it is there), process or docker (we start it), builtin (the references of the suites).

``bring_up`` is the one door. What it yields knows the SUT's real end points, can restart it, and carries out the
vendor's ``[provoke]`` commands. Every action is recorded as an event of kind ``driver`` or ``provoke``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from stgcmt.clock import Clock
from stgcmt.drivers.meeting import meeting_of
from stgcmt.drivers.running import Context, External, Running
from stgcmt.mint import fresh_uid
from stgcmt.placeholders import Place
from stgcmt.sut import Sut
from stgcmt.wire.stream import Network

__all__ = ["Running", "bring_up", "meeting_of"]

Reference = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any]]]


@asynccontextmanager
async def bring_up(
    sut: Sut,
    *,
    directory: Path,
    clock: Clock,
    network: Network,
    record: Callable[..., Any],
    builtin: Mapping[str, Reference] | None = None,
    destinations: Sequence[Place] = (),
    modes: Collection[tuple[str, str | None]] = (),
    fault: Mapping[str, str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    variant: str | None = None,
    base_urls: Mapping[str, str] | None = None,
    uid: Callable[[str], str] = fresh_uid,
) -> AsyncIterator[Running]:
    """Bring the SUT up, and down again at the end of the block whatever happens in it.

    Args:
        sut: the SUT file.
        directory: the bundle; a process leaves its output in ``driver/sut.log`` there.
        clock: where to read the time.
        network: how to connect.
        record: takes a kind (``driver``, ``provoke``) and keywords.
        builtin: the reference of each role.
        destinations: ours, with their real ports.
        modes: the (role, mode) pairs that references are brought up in.
        fault: the fault to switch on, by role.
        options: further settings of the references, by role.
        variant: the variant that the references are told to be.
        base_urls: where we are asked over HTTP, by role.
        uid: makes the UIDs that references choose by themselves; its argument says what one is for.

    Raises:
        UsageError: the command cannot be started, a template cannot be rendered; no engine, image or port.
        UnreachableError: the SUT ended or was not ready in time; with its last lines of output.
        HarnessError: a reference does not come up.
    """
    context = Context(sut, directory, clock, network, record, tuple(destinations), base_urls or {}, uid)
    running: Running
    if sut.driver.kind == "process":
        from stgcmt.drivers.process import Process  # noqa: PLC0415 - start-up

        running = Process(context)
    elif sut.driver.docker is not None:
        if sut.driver.docker.compose is None:
            from stgcmt.drivers.docker import DockerSut  # noqa: PLC0415 - start-up

            running = DockerSut(context, sut.driver.docker)
        else:
            from stgcmt.drivers.docker_compose import ComposeSut  # noqa: PLC0415 - start-up

            running = ComposeSut(context, sut.driver.docker)
    elif sut.driver.kind == "builtin":
        from stgcmt.drivers.builtin import Builtin  # noqa: PLC0415 - start-up

        running = Builtin(context, builtin or {}, modes, fault or {}, options or {}, variant)
    else:
        running = External(context)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()
