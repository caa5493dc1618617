"""The doctor's questions that only a role knows: is the service there, is it ours to use, and whose matter is it?"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys

import pytest

from stgcmt.clock import SystemClock
from stgcmt.doctor import Ask, examine
from stgcmt.sut import Timing, load
from stgcmt.wire.stream import SystemNetwork
from stgcmt_suites.origin_server.probes import probe as web_probe
from stgcmt_suites.scp.probes import probe as scp_probe

PUSH, VERIFICATION, CT = "1.2.840.10008.1.20.1", "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.2"


def ask(section):
    return Ask("role", section, SystemNetwork(), SystemClock(), Timing(connect=2, http_response=2), "OURS")


def asked_of(answer):
    """The web probe's finding about a server that answers so, and the request that it saw."""
    seen = []

    async def main():
        async def serve(reader, writer):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        (finding,) = await web_probe(ask({"base_url": f"http://127.0.0.1:{port}/a/b"}))
        server.close()
        return finding

    return asyncio.run(main()), seen[0]


@pytest.mark.parametrize(
    ("answer", "ok", "whose", "says"),
    [
        ("404 Not Found", True, "SUT", "cannot be told"),
        ("410 Gone", True, "SUT", "nobody made"),
        ("401 Unauthorized\r\nWWW-Authenticate: Basic", False, "authentication", "basic_env"),
        ("403 Forbidden", False, "authentication", "access"),
        ("405 Method Not Allowed", False, "SUT", "root"),
        ("302 Found\r\nLocation: /c", False, "SUT", "/c"),
        ("503 Service Unavailable", False, "SUT", "log"),
        ("200 OK", False, "SUT", "404 was expected"),
    ],
)
def test_what_an_origin_server_says_about_a_request_that_nobody_made(answer, ok, whose, says):
    finding, request = asked_of(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
    assert request.startswith(b"GET /a/b/commitment-requests/2.25.")
    assert (finding.ok, finding.whose) == (ok, whose)
    assert says in finding.seen + finding.next_step


def test_an_origin_server_without_an_answer():
    finding, _ = asked_of(b"")
    assert not finding.ok
    assert finding.whose == "network"


@contextlib.contextmanager
def scp(*classes, syntax="1.2.840.10008.1.2", maximum=None):
    """pynetdicom with these classes."""
    from pynetdicom import AE

    ae = AE("ARCHIVE")
    for each in classes:
        ae.add_supported_context(each, syntax)
    ae.maximum_associations = maximum or 10
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        yield {"host": "127.0.0.1", "port": server.socket.getsockname()[1], "ae_title": "ARCHIVE"}
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("offered", "ok", "says"),
    [
        ({"classes": (VERIFICATION, PUSH)}, True, "accepted in 1.2.840.10008.1.2"),
        ({"classes": (VERIFICATION, CT)}, False, "abstract syntax not supported"),
        ({"classes": (PUSH,), "syntax": "1.2.840.10008.1.2.4.50"}, False, "transfer syntaxes not supported"),
    ],
)
def test_what_an_scp_says_about_the_push_model(offered, ok, says):
    with scp(*offered.pop("classes"), **offered) as section:
        (finding,) = asyncio.run(scp_probe(ask(section)))
    assert finding.ok is ok
    assert says in finding.seen
    assert ok or finding.next_step


def examined(tmp_path, section):
    from stgcmt.suite import load_suites

    lines = "\n".join(
        f"{key} = {value if isinstance(value, int) else chr(34) + value + chr(34)}" for key, value in section.items()
    )
    (tmp_path / "sut.toml").write_text(f'name = "x"\n[scp]\n{lines}\n[timing]\nconnect = 2.0\nassociate = 2.0\n')
    suites = load_suites()
    sut = load(tmp_path / "sut.toml", suites=suites)
    return asyncio.run(examine(sut, probes={role: suites[role].resolve("probes") for role in sut.roles}))


def test_the_probe_is_asked_where_only_verification_is_missing(tmp_path):
    with scp(PUSH) as section:
        findings = {each.stage: each.ok for each in examined(tmp_path, section)}
    assert findings["scp: C-ECHO"] is False
    assert findings["scp: commitment"] is True


def test_a_caller_who_is_not_known_is_a_matter_of_authentication(tmp_path):
    from pynetdicom import AE

    ae = AE("ARCHIVE")
    ae.require_calling_aet = ["SOMEBODY"]
    ae.add_supported_context(VERIFICATION)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        section = {"host": "127.0.0.1", "port": server.socket.getsockname()[1], "ae_title": "ARCHIVE"}
        bad = [each for each in examined(tmp_path, section) if not each.ok]
    finally:
        server.shutdown()
    assert [each.stage for each in bad] == ["scp: association"]
    assert bad[0].whose == "authentication"
    assert "known in the SUT" in bad[0].next_step


def test_the_embedded_references_are_well():
    done = subprocess.run(
        [sys.executable, "-c", "from stgcmt.cli import main; main()", "doctor"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "origin_server: commitment requests" in done.stdout
    assert "scp: commitment" in done.stdout
    assert "all is well" in done.stdout
