"""Where a SUT in a container reaches us, known before our destinations open: the gateway of a Docker bridge.

On Linux the gateway is an address of this machine: we listen there and nowhere else. Docker Desktop runs its engine in
a machine of its own; there containers reach our loopback under a name.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass

from stgcmt.errors import UsageError
from stgcmt.sut import Sut
from stgcmt.sut_docker import GATEWAY

LOOPBACK = "127.0.0.1"
DESKTOP = "host.docker.internal"
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - what a SUT file may say, and no container could call


@dataclass(frozen=True, slots=True)
class Meeting:
    """``listen``: our address; ``reach``: how containers call it."""

    listen: str = LOOPBACK
    reach: str = LOOPBACK

    def ours(self, host: str) -> str:
        """The address to listen on for a host of the SUT file."""
        return self.listen if host == GATEWAY else host

    def theirs(self, host: str) -> str:
        """How a container calls a place where we listen."""
        return self.reach if host in {self.listen, GATEWAY} | EVERYWHERE else host


async def meeting_of(sut: Sut) -> Meeting:
    """Where this SUT's containers reach us; without containers: loopback. Raises ``UsageError``: no engine, no network."""
    docker = sut.driver.docker
    if docker is None or docker.on_host_network:
        return Meeting()
    from stgcmt.drivers.docker_engine import Engine, gateways  # noqa: PLC0415 - start-up

    engine = await Engine.connect()
    named = await engine.found("inspect_network", docker.network) if docker.network else None
    if docker.network and named is None:
        step = "docker network create it, or leave network out: each run then has one of its own"
        raise UsageError("bringing the SUT up", f"a Docker network {docker.network}", "none", step)
    bridge = await engine.found("inspect_network", "bridge")  # podman has none of this name
    found = [*gateways(named), *gateways(bridge), *gateways(await engine.found("inspect_network", "podman"))]
    for gateway in found:
        if _ours(gateway):
            return Meeting(gateway, gateway)
    return Meeting(LOOPBACK, DESKTOP)


def _ours(address: str) -> bool:
    """Whether this machine can listen there."""
    with contextlib.suppress(OSError), socket.socket() as sock:
        sock.bind((address, 0))
        return True
    return False
