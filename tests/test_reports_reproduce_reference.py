"""Both kinds of scripts against the reference with a fault on: they show what the run found."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STGCMT = (sys.executable, "-c", "from stgcmt.cli import main; main()")
LIMIT_S = 90


async def finished(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
    return output.decode()


async def found_then_replayed(
    tmp_path: Path, role: str, ident: str, fault: str, *serving: str, script: list[str]
) -> str:
    """Run one requirement with the fault, then its script against the same reference served alone; what it printed."""
    bundle = tmp_path / "bundle"
    text = await finished(*STGCMT, "run", "--role", role, "--req", ident, "--fault", fault, "--out", str(bundle))
    row = next(
        each for each in json.loads((bundle / "results.json").read_text())["requirements"] if each["id"] == ident
    )
    assert row["verdict"] in ("fail", "warn"), text
    assert f"reproduce/{ident}" in text
    server = await asyncio.create_subprocess_exec(
        *STGCMT, "serve", role, "--fault", fault, *serving, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        line = await asyncio.wait_for(server.stdout.readline(), LIMIT_S)
        section = json.loads(line)[role.replace("-", "_")]
        (path,) = (bundle / "reproduce").glob(f"{ident}.*[hy]")
        values = {"script": str(path), "python": sys.executable, **{key: str(value) for key, value in section.items()}}
        return await finished(*(word.format(**values) for word in script))
    finally:
        server.terminate()
        await server.wait()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_web_finding(tmp_path: Path) -> None:
    command = ["sh", "{script}", "{base_url}"]
    text = asyncio.run(
        found_then_replayed(tmp_path, "origin-server", "WEB-13.4.3-07", "accepted-with-body", script=command)
    )
    finding = text.split("<== the finding")[1]
    assert "HTTP/1.1 202" in finding
    assert "come back later" in finding, "the payload that a 202 must not have"


def test_a_dimse_finding(tmp_path: Path) -> None:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = ["{python}", "{script}", "--host", "{host}", "--port", "{port}", "--called", "{ae_title}"]
    command += ["--calling", "STGCMT1", "--listen-port", str(port), "--wait", "20"]
    serving = ["--destination", f"STGCMT1@127.0.0.1:{port}"]
    text = asyncio.run(
        found_then_replayed(tmp_path, "scp", "DIMSE-J.3.3.1.2-11", "wrong-called-ae", *serving, script=command)
    )
    assert "calls ANY-SCP, which is us" in text, text
    assert "a report of this transaction is here" in text
