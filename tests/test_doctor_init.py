"""Doctor and init: what is said to somebody whose set-up does not work yet."""
# ruff: noqa: E501 - tables stay whole

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from pathlib import Path

import pytest
import trustme

from stgcmt.actors.outcome import Closed, Fault, Rejected, Response, Silence, in_words
from stgcmt.clock import NS, SystemClock
from stgcmt.doctor import Finding, examine, render
from stgcmt.errors import UsageError
from stgcmt.init import render as init
from stgcmt.suite import load_suites
from stgcmt.sut import load

SECTIONS = {"web": {"$ref": "#/$defs/http_end_point"}, "archive": {"$ref": "#/$defs/dimse_end_point"}}


def sut_of(tmp_path: Path, text: str, environ=None):
    path = tmp_path / "sut.toml"
    path.write_text('name = "a"\n' + text + "[timing]\nconnect = 1\nassociate = 2\nresponse = 2\nready = 5\n")
    return load(path, sections=SECTIONS, environ=environ or {})


@contextlib.asynccontextmanager
async def web_server(head: str, *, tls: ssl.SSLContext | None = None):
    """Answers every request with these header lines; yields its port."""
    seen: list[bytes] = []

    async def serve(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(head.replace("\n", "\r\n").encode() + b"\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def stages(findings: list[Finding]) -> dict[str, bool]:
    return {finding.stage: finding.ok for finding in findings}


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def http_date(offset_s: float = 0) -> str:
    from email.utils import formatdate

    return formatdate(SystemClock().wall_ns() / NS + offset_s, usegmt=True)


# --- web


def test_all_is_well(tmp_path):
    async def main():
        async with web_server(f"HTTP/1.1 200 OK\nDate: {http_date()}") as (port, seen):
            sut = sut_of(
                tmp_path, f'[web]\nbase_url = "http://localhost:{port}/a/b"\ntoken_env = "T"\n', {"T": "tok-1"}
            )
            findings = await examine(sut)
        assert stages(findings) == {
            "file": True, "web: name": True, "web: TCP": True, "web: HTTP": True, "web: authentication": True, "web: clock": True,
        }  # fmt: skip
        assert b"GET /a/b HTTP/1.1" in seen[-1]
        assert b"Authorization: Bearer tok-1" in seen[-1]
        assert render(findings, then="next: stgcmt run x.toml").endswith("all is well; next: stgcmt run x.toml")
        assert "tok-1" not in render(findings)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("head", "environ", "stage", "seen", "step", "whose"),
    [
        (
            'HTTP/1.1 401 No\nWWW-Authenticate: Bearer realm="x"',
            {},
            "authentication",
            'Bearer realm="x"',
            "token_env",
            "authentication",
        ),
        ("HTTP/1.1 401 No", {"T": "t"}, "authentication", "401 with a bearer token", "renew", "authentication"),
        ("HTTP/1.1 403 No", {"T": "t"}, "authentication", "403 with a bearer token", "access", "authentication"),
        ("HTTP/1.1 503 No", {}, "HTTP", "answered 503", "log", "SUT"),
        ("nonsense", {}, "HTTP", "no answer: protocol", "http or https", "SUT"),
        (f"HTTP/1.1 200 OK\nDate: {http_date(3600)}", {}, "clock", "ahead of ours", "NTP", "clock"),
        ("HTTP/1.1 200 OK\nDate: soon", {}, "clock", "Date: soon", "no HTTP date", "clock"),
    ],
    # Two workers must collect the same names, and one head has the time in it.
    ids=[
        "asks for a bearer",
        "token refused",
        "token without rights",
        "unavailable",
        "not HTTP",
        "clock ahead",
        "no HTTP date",
    ],
)
def test_what_a_web_server_may_say(tmp_path, head, environ, stage, seen, step, whose):
    async def main():
        async with web_server(head) as (port, _):
            token = 'token_env = "T"\n' if environ else ""
            findings = await examine(
                sut_of(tmp_path, f'[web]\nbase_url = "http://127.0.0.1:{port}/"\n{token}', environ)
            )
        bad = [finding for finding in findings if not finding.ok]
        assert [finding.stage for finding in bad] == [f"web: {stage}"]
        assert seen in bad[0].seen
        assert step in bad[0].next_step
        assert bad[0].whose == whose
        assert bad[0].next_step in render(findings)

    asyncio.run(main())


def test_tls(tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def main():
        async with web_server(f"HTTP/1.1 200 OK\nDate: {http_date()}", tls=context) as (port, _):
            url = f'[web]\nbase_url = "https://127.0.0.1:{port}/"\n'
            unknown = await examine(sut_of(tmp_path, url))
            known = await examine(sut_of(tmp_path, url + 'tls = { ca_file = "ca.pem" }\n'))
        assert stages(known)["web: TLS"]
        assert stages(known)["web: HTTP"]
        assert list(stages(unknown).items())[-1] == ("web: TLS", False)
        assert "ca_file" in unknown[-1].next_step
        async with web_server("HTTP/1.1 200 OK") as (port, _):
            plain = await examine(sut_of(tmp_path, f'[web]\nbase_url = "https://127.0.0.1:{port}/"\n'))
        assert "try http://" in plain[-1].next_step

    asyncio.run(main())


def test_nothing_listens_and_nobody_has_the_name(tmp_path):
    async def main():
        refused = await examine(sut_of(tmp_path, f'[web]\nbase_url = "http://127.0.0.1:{closed_port()}/"\n'))
        assert list(stages(refused).items())[-1] == ("web: TCP", False)
        assert "refused" in refused[-1].seen
        assert "is the SUT started" in refused[-1].next_step
        assert refused[-1].whose == "network"
        unknown = await examine(sut_of(tmp_path, '[web]\nbase_url = "http://no-such-host.invalid/"\n'))
        assert list(stages(unknown).items())[-1] == ("web: name", False)
        assert "spelling" in unknown[-1].next_step

    asyncio.run(main())


# --- DIMSE


def archive(port: int, *, called: str = "ARCHIVE", ours: int = 0) -> str:
    return (
        f'[archive]\nhost = "127.0.0.1"\nport = {port}\nae_title = "{called}"\n'
        f'[[archive.destinations]]\nae_title = "OURS"\nport = {ours or closed_port()}\n'
    )


@contextlib.contextmanager
def echo_scp():
    """pynetdicom's SCP: knows only ARCHIVE as its own title."""
    from pynetdicom import AE

    ae = AE("ARCHIVE")
    ae.require_called_aet = True
    ae.add_supported_context("1.2.840.10008.1.1")
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


def test_an_association_and_an_echo(tmp_path):
    asked = []

    async def probe(ask):
        asked.append((ask.role, ask.section["ae_title"], ask.calling_ae))
        return [Finding("service", ok=False, seen="not offered", next_step="enable it")]

    with echo_scp() as port:
        findings = asyncio.run(examine(sut_of(tmp_path, archive(port)), probes={"archive": probe}))
        assert stages(findings) == {
            "file": True, "destination OURS": True, "archive: TCP": True, "archive: association": True, "archive: C-ECHO": True,
            "archive: service": False,
        }  # fmt: skip
        assert asked == [("archive", "ARCHIVE", "OURS")]
        wrong = asyncio.run(examine(sut_of(tmp_path, archive(port, called="OTHER")), probes={"archive": probe}))
    assert stages(wrong)["archive: association"] is False
    assert "rejected for good" in wrong[-1].seen
    assert "OURS" in wrong[-1].next_step
    assert len(asked) == 1, "a probe is not asked where the way to it is blocked"


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (Rejected(1, 1, 7), "rejected for good (source 1, reason 7)"),
        (Fault("no DICOM"), "no DICOM"),
        (Closed(0), "the connection was closed without an answer"),
        (Silence(2.5), "no answer for 2.5 s"),
        (Response(0x0122, None), "answered 0122H"),
    ],
)
def test_an_outcome_is_said_in_words(outcome, says):
    assert in_words(outcome) == says


def test_a_destination_whose_port_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        findings = asyncio.run(examine(sut_of(tmp_path, archive(closed_port(), ours=taken.getsockname()[1]))))
    bad = next(finding for finding in findings if finding.stage == "destination OURS")
    assert not bad.ok
    assert "in use" in bad.seen
    assert bad.whose == "harness"


def test_a_process_that_does_not_come_up_is_a_finding(tmp_path):
    text = (
        '[web]\nbase_url = "http://127.0.0.1:{port:web}/"\n'
        f'[driver]\nkind = "process"\ncommand = ["{sys.executable}", "-c", "raise SystemExit(9)"]\n'
    )
    findings = asyncio.run(examine(sut_of(tmp_path, text)))
    assert list(stages(findings).items())[-1] == ("bringing the SUT up", False)
    assert "exit status 9" in findings[-1].seen


# --- init


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:8080/dicom-web",
        "https://pacs.example/a/",
        "ARCHIVE@127.0.0.1:11112",
        "MY PACS@pacs.example:104",
        "A@[::1]:104",
    ],
)
def test_a_commented_file_loads_as_it_stands(tmp_path, target):
    text = init(target)
    path = tmp_path / "sut.toml"
    path.write_text(text)
    sut = load(path, suites=load_suites(), environ={})
    section = sut.section(sut.roles[0])
    assert sut.roles == ("origin_server" if "://" in target else "scp",), "not a proxy, which has such end points, too"
    assert all(f"\n[{name}]" in text for name in ("seeding", "retrieval", "driver", "timing", "claims", "gate"))
    assert sum(line.startswith("#") for line in text.splitlines()) > 30, "it is commented"
    if "://" in target:
        assert section["base_url"] == target.rstrip("/")
        assert section["seeding"]["how"] == "stow"
    else:
        assert len(sut.destinations) == 4
        assert f"{section['ae_title']}@" == target[: target.index("@") + 1]
        assert section["port"] == int(target.rpartition(":")[2])
        assert all(
            each.host == ("127.0.0.1" if "127." in target or "::1" in target else "0.0.0.0")
            for each in sut.destinations
        )


def test_the_commented_out_lines_are_valid_too(tmp_path):
    """Whoever removes the comment signs must get a file that loads."""
    lines = []
    for line in init("http://127.0.0.1:8080/x").splitlines():
        bare = line.removeprefix("# ")
        is_example = line.startswith("# ") and ("=" in bare.split("#")[0] or bare.startswith("["))
        lines.append(bare if is_example and "ready = {" not in bare else line)
    text = "\n".join(line for line in lines if not line.startswith(("basic_env", "preloaded", 'base_url = "..."')))
    text = text.replace('kind = "external"', 'kind = "process"')
    (tmp_path / "ca.pem").write_bytes((Path(__file__).parent / "golden" / "ca.pem").read_bytes())
    (tmp_path / "server.json.in").write_text("")
    path = tmp_path / "sut.toml"
    path.write_text(text)
    sut = load(path, suites=load_suites(), environ={"SUT_TOKEN": "t", "SUT_DB_PASSWORD": "p"})
    assert set(sut.provoke) == {"delete", "keep-pending", "release"}
    assert sut.driver.files[0].target == "server.json"


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("archive", '"archive"'),
        ("A@host", '"A@host"'),
        ("A@host:x", '"A@host:x"'),
        ("A@host:0", "0"),
        ("A@host:70000", "70000"),
        (f"{'A' * 17}@host:1", "AAAA"),
        ("http://", '"http://"'),
        ("http://host:x/", "x"),
        ("http://host/?a=1", "?a=1"),
        ("http://user:pass@host/", "not shown"),
        ("ftp://host/", "ftp"),
        ('http://h/"\nx = 1', "h"),
    ],
)
def test_a_target_that_is_none(target, seen):
    with pytest.raises(UsageError) as caught:
        init(target)
    assert caught.value.exit_code == 2
    assert seen in caught.value.seen
    assert caught.value.next_step


def test_a_target_that_no_suite_plays():
    with pytest.raises(UsageError, match="an installed suite whose section has base_url"):
        init("http://host/", sections={"archive": SECTIONS["archive"]})
