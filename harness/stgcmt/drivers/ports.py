"""Free ports of this machine, for a SUT that we start."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """A free port for each name; all are held until the last was chosen, so that they differ."""
    with contextlib.ExitStack() as held:
        ports = {}
        for name in names:
            sock = held.enter_context(socket.socket())
            sock.bind(("127.0.0.1", 0))
            ports[name] = int(sock.getsockname()[1])
        return ports
