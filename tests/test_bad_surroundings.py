"""A server that speaks HTTP/2 only, a disk that is full, a bundle of a newer version: told for what they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import trustme

from stgcmt.actors.http_values import other_protocol
from stgcmt.clock import SystemClock
from stgcmt.transcript import Recorder, read_transcript

STGCMT = [sys.executable, "-c", "from stgcmt.cli import main; main()"]
SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x03\x00\x00\x00\x64"
GOAWAY = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00" + bytes(7) + b"\x01"


async def stgcmt(*arguments, cwd, limit=None):
    """Run the command while our own loop goes on serving."""

    def restrict():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    process = await asyncio.create_subprocess_exec(
        *STGCMT, *map(str, arguments), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=restrict if limit else None,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert b"Traceback" not in out + err, err.decode()
    return process.returncode, out.decode(), err.decode()


# --- HTTP/2


@contextlib.asynccontextmanager
async def h2_only(*, eager, tls=None):
    """A server that knows HTTP/2 by prior knowledge alone: SETTINGS at once or after the first bytes, then GOAWAY."""

    async def serve(reader, writer):
        with contextlib.suppress(OSError):
            if eager:
                writer.write(SETTINGS)
            await reader.read(100)
            writer.write((b"" if eager else SETTINGS) + GOAWAY)
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def sut_file(tmp_path, url, more=""):
    file = tmp_path / "sut.toml"
    file.write_text(
        f'name = "x"\n[origin_server]\nbase_url = "{url}"\n{more}\n[seeding]\nhow = "stow"\n[retrieval]\nhow = "wado-rs"\n'
        "[timing]\nconnect = 2.0\n"
    )
    return file


@pytest.mark.parametrize("kind", ["eager", "lazy", "over TLS", "alpn refused"])
def test_a_server_that_speaks_http_2_only_is_told_for_what_it_is(tmp_path, kind):
    tls, scheme, more = None, "http", ""
    if "TLS" in kind or "alpn" in kind:
        ca = trustme.CA()
        ca.cert_pem.write_to_path(tmp_path / "ca.pem")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(tls)
        tls.set_alpn_protocols(["h2"])
        scheme, more = "https", 'tls = { ca_file = "ca.pem" }'

    async def main():
        async with h2_only(eager=kind != "lazy", tls=tls) as port:
            file = sut_file(tmp_path, f"{scheme}://127.0.0.1:{port}/", more)
            return (
                await stgcmt("run", file, "--json", "--out", tmp_path / "out", cwd=tmp_path),
                await stgcmt("doctor", file, cwd=tmp_path),
            )

    (code, out, _), (doctor, said, _) = asyncio.run(main())
    assert code == 4
    rows = [row for row in json.loads(out)["requirements"] if not row["excluded"]]
    assert {row["verdict"] for row in rows} == {"not-tested"}
    reasons = {row["message"] for row in rows if not row["message"].startswith("needs ")}
    assert all("HTTP/2 only" in reason for reason in reasons), reasons
    assert doctor == 4
    assert "HTTP/2 only" in said
    assert "put a proxy in front" in said


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (SETTINGS, "HTTP/2"), (GOAWAY, "HTTP/2"), (SETTINGS + GOAWAY, "HTTP/2"), (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (b"HTTP/1.1 200 OK\r\n", ""), (b"", ""), (b"\x00\x00\x06\x04\x00\x00\x00\x00\x01", ""), (b"\x00" * 40, ""),
    ],
)  # fmt: skip
def test_first_bytes(data, word):
    found = other_protocol(data)
    assert (word in found) if word else found == ""


# --- a full disk


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_recorder_whose_file_fails_says_so_once_and_records_no_more(tmp_path):
    told = []
    (tmp_path / "full.jsonl").symlink_to("/dev/full")
    recorder = Recorder(
        tmp_path / "full.jsonl", SystemClock(), role="r", scenario="s", failed=lambda *why: told.append(why)
    )
    tap = recorder.connection()
    tap.event("http.in", b"x")
    tap.event("conn.close", how="fin")
    recorder.close("complete")
    assert recorder.closed
    ((path, error),) = told
    assert path == tmp_path / "full.jsonl"
    assert "No space left" in error.strerror


def test_a_recorder_without_anybody_to_tell_raises(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError):
        Recorder(tmp_path / "file" / "x.jsonl", SystemClock(), role="r", scenario="s")
    told = []
    recorder = Recorder(
        tmp_path / "file" / "x.jsonl", SystemClock(), role="r", scenario="s", failed=lambda *why: told.append(why)
    )
    assert recorder.event("note") == 0
    assert len(told) == 1


@pytest.mark.parametrize("limit", [60_000, 40_000])
def test_a_run_without_room_ends_with_its_reason_and_what_it_has_can_be_judged(tmp_path, limit):
    async def main():
        out = tmp_path / "out"
        run = await stgcmt("run", "--role", "scp", "--json", "--out", out, cwd=tmp_path, limit=limit)
        return run, await stgcmt("judge", out, "--out", tmp_path / "judged", "--json", cwd=tmp_path)

    (code, out, err), (judged, results, _) = asyncio.run(main())
    assert code == 3, out + err
    for word in ("expected", "seen", "next", "File too large", "stgcmt judge"):
        assert word in err, err
    assert not out
    rows = json.loads(results)["requirements"]
    assert not [row["id"] for row in rows if row["verdict"] in {"fail", "error", "warn"}], (
        "our disk is not the SUT's fault"
    )
    assert judged in {130, 4, 1}
    assert any(row["verdict"] in {"inconclusive", "not-tested"} for row in rows)
    whole = [path for path in (tmp_path / "out" / "transcripts").rglob("*.jsonl") if path.stat().st_size]
    assert whole
    for path in whole:
        if b"\n" in path.read_bytes():
            read_transcript(path)


def test_results_that_cannot_be_written_are_no_traceback(tmp_path, monkeypatch):
    from stgcmt import bundle
    from stgcmt.commands.run import make_plan, run_plan
    from stgcmt.errors import HarnessError

    plan = make_plan(None, role=("scp",), req=("DIMSE-J.3.2-02",))
    directory = bundle.prepare(tmp_path / "out")
    monkeypatch.setattr(bundle, "dump", lambda _: (_ for _ in ()).throw(OSError(28, os.strerror(28))))
    with pytest.raises(HarnessError) as caught:
        run_plan(plan, directory)
    assert "No space left" in str(caught.value)
    assert "stgcmt judge" in str(caught.value)


# --- versions


def test_a_bundle_of_a_newer_version_names_both(tmp_path):
    run = tmp_path / "bundle" / "transcripts" / "run.jsonl"
    run.parent.mkdir(parents=True)
    header = {"schema": 7, "role": "run", "scenario": "run", "info": {"tool": {"name": "stgcmt", "version": "9.8.7"}}}
    run.write_text(json.dumps(header) + "\n")
    code, _, err = asyncio.run(stgcmt("judge", tmp_path / "bundle", cwd=tmp_path))
    assert code == 2
    from importlib.metadata import version

    for word in ("schema 7", "stgcmt 9.8.7", f"stgcmt {version('stgcmt-conformance')}", "reads 1"):
        assert word in err, err
    run.write_text(json.dumps({"schema": 7}) + "\n")
    code, _, err = asyncio.run(stgcmt("judge", tmp_path / "bundle", cwd=tmp_path))
    assert "manifest.json" in err
