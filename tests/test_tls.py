"""Runs over https and DICOM TLS, with certificates at both ends; and how each failure of TLS is told."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import ssl
import subprocess
import sys

import pytest
import trustme

from stgcmt.clock import SystemClock
from stgcmt.tls import client_context, problem_of, server_context, words
from stgcmt.wire.stream import SystemNetwork, TlsStream, over_tls, start_tls

STGCMT = [sys.executable, "-c", "from stgcmt.cli import main; main()"]


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    """An authority, a server's and a client's certificate, an expired one, and a stranger's."""
    directory = tmp_path_factory.mktemp("pki")
    ours, stranger = trustme.CA(), trustme.CA()
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = {
        "server": ours.issue_cert("127.0.0.1", "localhost"),
        "client": ours.issue_cert("client@stgcmt.invalid"),
        "stranger": stranger.issue_cert("127.0.0.1"),
        "expired": ours.issue_cert("127.0.0.1", not_after=past),
    }
    for name, cert in made.items():
        cert.private_key_and_cert_chain_pem.write_to_path(directory / f"{name}.pem")
        cert.private_key_pem.write_to_path(directory / f"{name}.key")
        cert.cert_chain_pems[0].write_to_path(directory / f"{name}.crt")
    ours.cert_pem.write_to_path(directory / "ca.pem")
    stranger.cert_pem.write_to_path(directory / "other-ca.pem")
    return directory


def stgcmt(*arguments, cwd, env=None):
    done = subprocess.run(
        [*STGCMT, *map(str, arguments)],
        cwd=cwd, env=os.environ | (env or {}), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


@contextlib.contextmanager
def serving(*arguments, cwd, env=None):
    """A reference in a process of its own; yields its section."""
    process = subprocess.Popen(
        [*STGCMT, "serve", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | (env or {}),
    )
    try:
        yield next(iter(json.loads(process.stdout.readline()).values()))
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def web_file(tmp_path, base, tls="", more=""):
    file = tmp_path / "sut.toml"
    file.write_text(
        f'name = "over TLS"\n[origin_server]\nbase_url = "{base}"\n{more}\n[origin_server.tls]\n{tls}\n'
        '[seeding]\nhow = "stow"\n[retrieval]\nhow = "wado-rs"\n[timing]\nconnect = 3.0\n'
    )
    return file


def verdicts(done):
    counts: dict[str, list[str]] = {}
    for row in json.loads(done.stdout)["requirements"]:
        counts.setdefault(row["verdict"], []).append(row["id"])
    return counts


def test_a_run_over_https_with_a_client_certificate_and_basic_authentication(pki, tmp_path):
    secret = {"THE_PAIR": "tester:open sesame"}
    files = ("--tls-cert", pki / "server.pem", "--tls-ca", pki / "ca.pem", "--basic-env", "THE_PAIR")
    with serving("origin-server", *files, cwd=tmp_path, env=secret) as section:
        assert section["base_url"].startswith("https://")
        tls = f'ca_file = "{pki}/ca.pem"\ncert_file = "{pki}/client.crt"\nkey_file = "{pki}/client.key"'
        file = web_file(tmp_path, section["base_url"], tls, 'basic_env = "THE_PAIR"')
        clauses = ("--clause", "13.4", "--clause", "13.5")
        done = stgcmt("run", file, *clauses, "--json", "--out", tmp_path / "out", cwd=tmp_path, env=secret)
        counts = verdicts(done)
        assert not counts.get("fail") and not counts.get("error"), counts
        assert len(counts["pass"]) >= 20, counts
        transcripts = [path.read_text() for path in (tmp_path / "out" / "transcripts").rglob("*.jsonl")]
        assert any('"conn.tls"' in text for text in transcripts)
        doctor = stgcmt("doctor", file, cwd=tmp_path, env=secret)
        assert doctor.returncode == 0, doctor.stdout
        assert "our certificate shown" in doctor.stdout
        assert "user and password" in doctor.stdout


def test_a_run_over_dicom_tls_in_both_directions(pki, tmp_path):
    (port,) = free_ports(1)
    files = ("--tls-cert", pki / "server.pem", "--tls-ca", pki / "ca.pem")
    with serving("scp", *files, "--destination", f"US@127.0.0.1:{port}", cwd=tmp_path) as section:
        own = f'{{ ca_file = "{pki}/ca.pem", cert_file = "{pki}/server.crt", key_file = "{pki}/server.key" }}'
        file = tmp_path / "sut.toml"
        file.write_text(
            f'name = "over TLS"\n[scp]\nhost = "127.0.0.1"\nport = {section["port"]}\nae_title = "{section["ae_title"]}"\n'
            f'tls = {{ ca_file = "{pki}/ca.pem", cert_file = "{pki}/client.pem" }}\n'
            f'[[scp.destinations]]\nae_title = "US"\nport = {port}\ntls = {own}\n'
            '[seeding]\nhow = "c-store"\n[retrieval]\nhow = "c-get"\n'
        )
        done = stgcmt("run", file, "--clause", "J.3.3", "--json", "--out", tmp_path / "out", cwd=tmp_path)
        counts = verdicts(done)
        assert not counts.get("fail") and not counts.get("error"), counts
        assert len(counts["pass"]) >= 8, counts
        doctor = stgcmt("doctor", file, cwd=tmp_path)
        assert doctor.returncode == 0, doctor.stdout
        assert "scp: TLS" in doctor.stdout
    sides = set()
    for path in (tmp_path / "out" / "transcripts" / "scp").glob("*.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        secured = {line["conn"] for line in lines if line.get("kind") == "conn.tls"}
        opened = {line["conn"]: line["info"]["side"] for line in lines if line.get("kind") == "conn.open"}
        assert secured == set(opened), path
        sides |= set(opened.values())
    assert sides == {"requestor", "acceptor"}


def test_the_script_of_a_dimse_finding_speaks_tls(pki, tmp_path):
    """Run as it stands it calls over TLS, shows our certificate, and its listener takes the report over TLS."""
    (port,) = free_ports(1)
    fault = ("--fault", "type-2-when-all-committed")
    files = ("--tls-cert", pki / "server.pem", "--tls-ca", pki / "ca.pem")
    with serving("scp", *fault, *files, "--destination", f"US@127.0.0.1:{port}", cwd=tmp_path) as section:
        own = f'{{ ca_file = "{pki}/ca.pem", cert_file = "{pki}/server.crt", key_file = "{pki}/server.key" }}'
        file = tmp_path / "sut.toml"
        file.write_text(
            f'name = "over TLS"\n[scp]\nhost = "127.0.0.1"\nport = {section["port"]}\nae_title = "{section["ae_title"]}"\n'
            f'tls = {{ ca_file = "{pki}/ca.pem", cert_file = "{pki}/client.pem" }}\n'
            f'[[scp.destinations]]\nae_title = "US"\nport = {port}\ntls = {own}\n[seeding]\nhow = "c-store"\n'
        )
        done = stgcmt("run", file, "--req", "DIMSE-J.3.3.1.2-01", "--json", "--out", tmp_path / "out", cwd=tmp_path)
        assert verdicts(done)["fail"] == ["DIMSE-J.3.3.1.2-01"]
        script = tmp_path / "out" / "reproduce" / "DIMSE-J.3.3.1.2-01.py"
        said = subprocess.run(
            [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert said.returncode == 0, said.stderr
    assert f"listening as US on 127.0.0.1:{port} over TLS" in said.stdout
    assert f"calls {section['ae_title']} at 127.0.0.1:{section['port']} over TLS" in said.stdout
    assert "event type 2" in said.stdout
    assert "a report of this transaction is here" in said.stdout


def free_ports(count):
    import socket

    with contextlib.ExitStack() as held:
        socks = [held.enter_context(socket.socket()) for _ in range(count)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]


FAILURES = {
    "wrong authority": ({"cert": "stranger"}, 'ca_file = "{pki}/ca.pem"', ("not accepted",), "ca_file"),
    "expired": ({"cert": "expired"}, 'ca_file = "{pki}/ca.pem"', ("expired",), "renew"),
    "plaintext server": ({}, 'ca_file = "{pki}/ca.pem"', ("TLS",), "http://"),
    "no client certificate": ({"cert": "server", "ca": "ca"}, 'ca_file = "{pki}/ca.pem"', ("certificate required",), "cert_file"),
    "a stranger's client certificate": (
        {"cert": "server", "ca": "ca"}, 'ca_file = "{pki}/ca.pem"\ncert_file = "{pki}/stranger.pem"', ("unknown ca",), "cert_file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("protocol", ["https", "DICOM"])
@pytest.mark.parametrize("case", FAILURES)
def test_a_tls_failure_is_exit_4_with_the_reason_in_every_row_and_a_stage_of_the_doctor(pki, tmp_path, case, protocol):
    offered, tls, seen, step = FAILURES[case]
    options = [each for name, file in offered.items() for each in (f"--tls-{name}", pki / f"{file}.pem")]
    with serving("origin-server" if protocol == "https" else "scp", *options, cwd=tmp_path) as section:
        if protocol == "https":
            base = section["base_url"].replace("http://", "https://")
            file = web_file(tmp_path, base, tls.format(pki=pki))
        else:
            file = tmp_path / "sut.toml"
            file.write_text(
                f'name = "x"\n[scp]\nhost = "127.0.0.1"\nport = {section["port"]}\nae_title = "X"\n[scp.tls]\n{tls.format(pki=pki)}\n'
                f'[[scp.destinations]]\nae_title = "US"\nport = {free_ports(1)[0]}\n'
                '[seeding]\nhow = "c-store"\n[timing]\nconnect = 2.0\nassociate = 2.0\n'
            )
            step = step.replace("http://", "without tls")
        done = stgcmt("run", file, "--json", "--out", tmp_path / "out", cwd=tmp_path)
        doctor = stgcmt("doctor", file, cwd=tmp_path)
    assert done.returncode == 4, done.stdout[-500:]
    rows = [row for row in json.loads(done.stdout)["requirements"] if not row["excluded"]]
    assert {row["verdict"] for row in rows} == {"not-tested"}
    asked = [row for row in rows if not row["message"].startswith("needs ")]  # what the file does not offer
    assert len(asked) > 30
    for row in asked:
        assert all(word in row["message"] for word in ("cannot be reached", "TLS", *seen)), row["message"]
    assert doctor.returncode == 4
    (line,) = [each for each in doctor.stdout.splitlines() if each.startswith("FAIL")]
    assert ": TLS " in line, doctor.stdout
    assert step in doctor.stdout


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        ('cert_file = "nowhere.pem"', "nowhere.pem"),
        ('key_file = "{pki}/client.key"', "cert_file"),
        ('cert_file = "{pki}/client.crt"', "key"),
        ('cert_file = "{pki}/client.crt"\nkey_file = "{pki}/server.key"', "belong"),
        ('ca_file = "{pki}/client.key"', "ca_file"),
    ],
)
def test_files_that_are_of_no_use_are_told_before_anything_is_sent(pki, tmp_path, tls, says):
    done = stgcmt("run", web_file(tmp_path, "https://127.0.0.1:9/", tls.format(pki=pki)), cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "origin_server.tls" in done.stderr
    assert says in done.stderr, done.stderr


def test_serve_refuses_files_that_are_of_no_use(pki, tmp_path):
    for options in (
        ["--tls-cert", pki / "ca.pem"],
        ["--tls-key", pki / "client.key"],
        ["--tls-cert", tmp_path / "no.pem"],
    ):
        done = stgcmt("serve", "scp", *options, cwd=tmp_path)
        assert done.returncode == 2
        assert "--tls-cert" in done.stderr
    assert stgcmt("serve", "origin-server", "--token-env", "NOT_SET_AT_ALL", cwd=tmp_path).returncode == 2


def test_an_encrypted_key_does_not_ask_for_its_passphrase(pki, tmp_path):
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key((pki / "client.key").read_bytes(), None)
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    assert "passphrase" in problem_of({"cert_file": str(pki / "client.crt"), "key_file": str(tmp_path / "key.pem")})
    assert problem_of({"cert_file": str(pki / "client.crt"), "key_file": str(pki / "client.key")}) == ""


def test_a_caller_who_fails_at_our_listener_is_noted_with_the_leaseholder(pki, tmp_path):
    from stgcmt.desk import Desk, LeaseHolder, Place
    from stgcmt.transcript import Recorder, read_transcript

    class Owner:
        recorder = Recorder(tmp_path / "s.jsonl", SystemClock(), role="scp", scenario="s")

    async def scenario():
        network, run = SystemNetwork(), Recorder(tmp_path / "run.jsonl", SystemClock(), role="run", scenario="run")
        tls = server_context({"cert_file": str(pki / "server.pem"), "ca_file": str(pki / "ca.pem")})
        place = Place("US", "127.0.0.1", 0, tls)
        desk = Desk([place], network, SystemClock(), run, None)
        await desk.open()
        for owner in (None, Owner()):
            place.holder = LeaseHolder()
            place.holder.stage = owner
            stream = await network.connect("127.0.0.1", place.port)
            secured = await start_tls(stream, client_context({"ca_file": str(pki / "ca.pem")}), hostname="127.0.0.1")
            with pytest.raises(ssl.SSLError) as refused:
                await secured.receive()
            assert "certificate required" in words(refused.value)
            secured.close()
        await desk.aclose()
        run.close("complete")
        Owner.recorder.close("complete")
        for path in ("run.jsonl", "s.jsonl"):
            (note,) = read_transcript(tmp_path / path).of("note")
            assert note.info["what"] == "tls-refused"
            assert "certificate" in note.info["detail"]

    asyncio.run(scenario())


def test_both_ends_of_our_own_tls(pki):
    async def scenario():
        network, seen = SystemNetwork(), []

        async def echo(stream):
            assert isinstance(stream, TlsStream)
            while data := await stream.receive():
                seen.append(data)
                await stream.send(data.upper())

        listener = await network.listen(
            "127.0.0.1", 0, over_tls(echo, server_context({"cert_file": str(pki / "server.pem")}))
        )
        plain = await network.connect("127.0.0.1", listener.address[1])
        await plain.send(b"GET / HTTP/1.1\r\n\r\n")
        assert (await plain.receive())[:2] in (b"\x15\x03", b""), "an alert, or the end"
        plain.close()
        stream = await network.connect(
            "127.0.0.1", listener.address[1], tls=client_context({"ca_file": str(pki / "ca.pem")})
        )
        await stream.send(b"x" * 200_000)
        got = b""
        while len(got) < 200_000:
            got += await stream.receive()
        assert got == b"X" * 200_000
        stream.close()
        await listener.aclose()

    asyncio.run(scenario())
