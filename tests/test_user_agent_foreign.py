"""A foreign user agent, an httpx script that nobody taught our ways, under a SUT file: careful, careless, and over HTTPS."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import textwrap

import pytest

from peer_runs import ENVIRONMENT, PEERS, Difference, imported, results, rows, start

NO_SIZE = "It states no media types in `[claims.user_agent]`, so that what it sent is noted."
UNSAID = "It states nothing on what becomes of local copies in `[claims.user_agent]`, so that what it does is noted."
NO_XML = "It writes no native XML, and claims so."
NO_MULTIPART = "It writes no multipart payloads, and claims so."
NO_POLL = "It never asks for a result."
CAREFUL = {
    "WEB-13.2-03": Difference("note", NO_SIZE),
    "WEB-13.2-07": Difference("note", UNSAID),
    "WEB-8.6-02": Difference("not-applicable", NO_MULTIPART),
    "WEB-8.6-03": Difference("not-applicable", NO_MULTIPART),
    "WEB-8.7.1-01": Difference("not-applicable", NO_MULTIPART),
    "WEB-P19-04": Difference("not-applicable", NO_XML),
}
CARELESS = {
    **CAREFUL,
    "WEB-13.1-03": Difference("inconclusive", NO_POLL),
    "WEB-13.2-01": Difference("fail", "It makes the Request and no Result Check: told to come back, it does not."),
    "WEB-13.2-07": Difference("fail", "An instance that the server says it did not commit is held as committed."),
    "WEB-13.3-01": Difference("inconclusive", NO_POLL),
    "WEB-13.4.2-02": Difference("warn", "It does not look at what a 200 says of each instance."),
    "WEB-13.5.1-01": Difference("inconclusive", NO_POLL),
    "WEB-13.5.1-02": Difference("inconclusive", NO_POLL),
    "WEB-13.5.1-03": Difference("inconclusive", NO_POLL),
    "WEB-13.5.3-03": Difference("inconclusive", NO_POLL),
    "WEB-8.4.1-01": Difference("inconclusive", NO_POLL),
    "WEB-8.7.9-01": Difference("inconclusive", NO_POLL),
    "WEB-HTTP-202-01": Difference("warn", "A 202 is taken for a commitment."),
    "WEB-HTTP-RA-01": Difference("fail", "Whatever Retry-After says, it does not come back."),
    "WEB-UA-POLL-01": Difference("fail", "After a 202 it does not come back."),
    "WEB-UA-SAFE-01": Difference(
        "fail", "What failed, was left out, or was only promised by a 202 is held as committed."
    ),
}


def test_the_peer_is_foreign() -> None:
    used = imported(PEERS / "httpx_user_agent.py")
    assert {"httpx", "pydicom"} <= used
    assert not any(name.startswith("stgcmt") for name in used)


@pytest.mark.slow
def test_every_verdict_on_a_careful_and_a_careless_script_is_known_by_its_reason(tmp_path) -> None:
    under_way = {
        name: start(tmp_path / name, str(PEERS / f"httpx_user_agent{suffix}.toml"))
        for name, suffix in (("careful", ""), ("careless", "_careless"))
    }
    complaints = []
    for name, table in (("careful", CAREFUL), ("careless", CARELESS)):
        found = results(under_way[name])
        listed = {ident: each.verdict for ident, each in table.items()}
        seen = {ident: row["verdict"] for ident, row in rows(found).items() if not row["excluded"]}
        complaints += [
            f"{name}: {ident} listed as {listed.get(ident, 'pass')}, seen {verdict}: {rows(found)[ident]['message']}"
            for ident, verdict in seen.items()
            if verdict != listed.get(ident, "pass")
        ]
        assert found["exit_code"] == (0 if name == "careful" else 1)
    assert not complaints


# --- over HTTPS


def https(tmp_path, base="{base_url}"):
    """A SUT file whose client asks over HTTPS; the authority of our certificate is made for this test."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "ours.pem")
    command = ["python3", str(PEERS / "httpx_user_agent.py"), "ask", "careful", base, "{files}"]
    (tmp_path / "sut.toml").write_text(
        textwrap.dedent(f"""
        name = "script over https"
        [user_agent]
        listen_port = 0
        [user_agent.tls]
        cert_file = "ours.pem"
        [trigger]
        command = {json.dumps(command)}
        timeout = 30
        [timing]
        quiet_period = 1.0
    """)
    )


def run(tmp_path, *words, **environ):
    done = subprocess.run(
        [sys.executable, "-c", "from stgcmt.cli import main; main()", "run", "sut.toml", "--json", "--out", "out", *words],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=180, env={**ENVIRONMENT, **environ},
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_client_that_insists_on_https(tmp_path):
    https(tmp_path)
    found = run(tmp_path, "--req", "WEB-13.3-01", SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    assert rows(found)["WEB-13.3-01"]["verdict"] == "pass"
    lines = [
        json.loads(line) for line in (tmp_path / "out/transcripts/user_agent/pending.jsonl").read_text().splitlines()
    ]
    assert [each["info"]["version"] for each in lines if each.get("kind") == "conn.tls"][0].startswith("TLS")
    serving = [
        line for line in (tmp_path / "out/transcripts/run.jsonl").read_text().splitlines() if '"serving"' in line
    ]
    assert json.loads(serving[0])["info"]["base_url"].startswith("https://127.0.0.1:")


@pytest.mark.slow
def test_a_client_that_does_not_trust_us_is_told_from_one_that_never_came(tmp_path):
    https(tmp_path)
    environ = {key: os.environ[key] for key in ("SSL_CERT_FILE",) if key in os.environ}
    found = run(tmp_path, "--req", "WEB-13.5-01", **environ)
    assert rows(found)["WEB-13.5-01"]["verdict"] != "pass"
    notes = [
        json.loads(line)["info"]
        for line in (tmp_path / "out/transcripts/run.jsonl").read_text().splitlines()
        if "tls-refused" in line
    ]  # noqa: E501 - one comprehension
    assert notes
    assert "does not accept our certificate" in notes[0]["detail"]


def test_an_https_answer_ends_with_a_word_of_tls(tmp_path):
    """The connection ends with close_notify: a client that checks for truncation reads the whole answer."""
    import asyncio

    import trustme

    from stgcmt.actors.http_server import Reply, serve_http
    from stgcmt.clock import SystemClock
    from stgcmt.drivers.provoke import NoTap
    from stgcmt.tls import server_context
    from stgcmt.wire.stream import SystemNetwork, over_tls

    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "ours.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)

    async def answer(_):
        return Reply(200, body=b"whole", keep=False)

    async def serve(stream):
        await serve_http(stream, SystemClock(), NoTap(), answer)

    def ask(port):
        with (
            socket.create_connection(("127.0.0.1", port), 10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as secured,
        ):
            secured.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            data = b""
            while piece := secured.recv(4096):  # raises where the connection ends without close_notify
                data += piece
            return data

    async def main():
        handler = over_tls(serve, server_context({"cert_file": str(tmp_path / "ours.pem")}))
        listener = await SystemNetwork().listen("127.0.0.1", 0, handler)
        try:
            return await asyncio.to_thread(ask, listener.address[1])
        finally:
            await listener.aclose()

    assert asyncio.run(main()).endswith(b"whole")
