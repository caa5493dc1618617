"""How a connection is opened: every address in turn, and once more where the kernel's answer is none of the peer."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from stgcmt.wire.stream import SystemNetwork


async def echo(stream):
    await stream.send(await stream.receive())


def connected(monkeypatch, *failures):
    """What comes of a connect to an echo server whose first attempts fail so; the attempts."""
    tried = []

    async def main():
        loop = asyncio.get_running_loop()
        listener = await SystemNetwork().listen("127.0.0.1", 0, echo)
        real = loop.sock_connect

        async def sock_connect(sock, address):
            tried.append(sock)
            if len(tried) <= len(failures):
                raise OSError(failures[len(tried) - 1], "as told")
            return await real(sock, address)

        monkeypatch.setattr(loop, "sock_connect", sock_connect)
        try:
            stream = await SystemNetwork().connect("127.0.0.1", listener.address[1])
            await stream.send(b"x")
            said = await stream.receive()
            stream.close()
        finally:
            await listener.aclose()
        return said

    try:
        return asyncio.run(main()), tried
    except OSError as error:
        return error.errno, tried


@pytest.mark.parametrize(
    ("failures", "said", "attempts"),
    [
        ((), b"x", 1),
        ((errno.ENOENT,), b"x", 2),
        ((errno.ENOENT, errno.ENOENT), errno.ENOENT, 2),
        ((errno.ECONNREFUSED,), errno.ECONNREFUSED, 1),
        ((errno.ENOENT, errno.ECONNREFUSED), errno.ECONNREFUSED, 2),
    ],
    ids=["at-once", "once-more", "believed", "refused", "refused-then"],
)
def test_enoent_is_tried_once_more_and_nothing_else(monkeypatch, failures, said, attempts):
    found, tried = connected(monkeypatch, *failures)
    assert (found, len(tried)) == (said, attempts)
    assert all(sock.fileno() == -1 for sock in tried), "every socket was closed"


def test_the_next_address_is_tried_where_one_refuses(monkeypatch):
    async def main():
        loop = asyncio.get_running_loop()
        listener = await SystemNetwork().listen("127.0.0.1", 0, echo)
        port = listener.address[1]
        closed = SystemNetwork().reserve("127.0.0.2", port)

        async def addresses(*_, **__):
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]

        monkeypatch.setattr(loop, "getaddrinfo", addresses)
        try:
            stream = await SystemNetwork().connect("somewhere", port)
            peer = stream.peer
            stream.close()
        finally:
            closed.close()
            await listener.aclose()
        return peer

    assert asyncio.run(main())[0] == "127.0.0.1"
