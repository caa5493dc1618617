"""The reproduce scripts run without the harness against foreign peers and show the deviation."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt

import reports_evidence as made
from stgcmt.evidence import Evidence
from stgcmt.wire.dataset import encode
from stgcmt_reports import reproduce
from stgcmt_reports.reproduce import hint, write

LIMIT_S = 60


def finding(role: str, scenario: str, *events: int, verdict: str = "fail") -> dict:
    cited = [{"transcript": f"{role}/{scenario}", "event": n} for n in events]
    return made.row("X-1", role, verdict, evidence=cited)


def evidence_of(row: dict, transcript, sut: dict | None = None) -> Evidence:
    return Evidence(made.results([row]), {row["evidence"][0]["transcript"]: transcript}, sut or {})


async def run(*command: str, **environment: str) -> str:
    """The script's output; the harness cannot be imported in it."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment}
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, output.decode()
    return output.decode()


# --- web -------------------------------------------------------------------------------------------------------------


async def foreign_server(seen: list[bytes], pending: int):
    """Answers like the recorded server: 202, a few times pending, then a result with the Failure Reason as a string."""
    polls = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal polls
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        seen.append(head + body)
        if head.startswith(b"POST /elsewhere/studies"):
            answer = made.response("200 OK")
        elif head.startswith(b"POST"):
            answer = made.response("202 Accepted", "Retry-After: 1\r\n")
        else:
            polls += 1
            answer = (
                made.response("202 Accepted")
                if polls <= pending
                else made.response("200 OK", "", made.result_body("2.25.1111"))
            )
        writer.write(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("stated", [True, False])
def test_the_web_script_shows_the_deviation_on_another_server(tmp_path: Path, stated: bool) -> None:
    transcript, at = made.web(tmp_path)
    row = finding("origin_server", "pending_commitment", at["result"])
    sut = {"origin_server": {"base_url": "http://127.0.0.1:8042/dicom-web/"}} if stated else {}
    written = write(evidence_of(row, transcript, sut), tmp_path)
    script = tmp_path / "reproduce" / "X-1.sh"
    assert script in written
    assert os.access(script, os.X_OK)
    seen: list[bytes] = []

    async def both() -> str:
        async with await foreign_server(seen, pending=3) as server:
            port = server.sockets[0].getsockname()[1]
            return await run("sh", str(script), f"http://127.0.0.1:{port}/elsewhere", STGCMT_TOKEN="other-token")

    text = asyncio.run(both())
    assert '"Value": ["274"]' in text, "the deviation is seen"
    assert "<== the finding" in text
    stow, post, *polls = seen
    assert stow.startswith(b"POST /elsewhere/studies HTTP/1.1")
    assert stow.endswith(b"--b\r\nContent-Type: application/dicom\r\n\r\n\x00\x01DICM\xff\r\n--b--\r\n"), (
        "the body is as recorded"
    )
    assert len(polls) == 4, "it polls until the result is there"
    assert b"Authorization: Bearer other-token" in post
    assert b"accept" not in post.split(b"\r\n\r\n")[0].lower(), "curl adds nothing of its own"
    assert b"user-agent" not in post.lower()
    target = post.split(b" ")[1]
    assert made.WEB_TX.encode() not in post, "the Transaction UID is fresh"
    assert re.fullmatch(rb"/elsewhere/commitment-requests/2\.25\.[1-9]\d+", target)
    assert len(target.rpartition(b"/")[2]) == len(made.WEB_TX)
    assert all(poll.split(b" ")[1] == target for poll in polls)


def test_no_secret_and_no_word_of_the_harness_is_in_the_web_script(tmp_path: Path) -> None:
    transcript, at = made.web(tmp_path)
    row = finding("origin_server", "pending_commitment", at["post"])
    row["seen"] = ['line\nbreak $(touch /tmp/never) `id` "x"']
    for path in write(evidence_of(row, transcript), tmp_path):
        assert made.SECRET not in path.read_bytes()
    text = (tmp_path / "reproduce" / "X-1.sh").read_text()
    assert "$(touch" in text.splitlines()[4], "what was seen stays in its comment line"
    assert "send 2" in text
    assert "send 3" not in text, "nothing is sent after the deviating exchange"


def test_hostile_targets_and_headers_cannot_leave_their_quotes(tmp_path: Path) -> None:
    rec = made.Recording(tmp_path, "origin_server", "hostile")
    rec.event("conn.open", conn=1, protocol="http", side="requestor", local=["a", 1], peer=["127.0.0.1", 9])
    n = rec.event(
        "http.out", b'GET /$(touch${IFS}pwned)`id`"\' HTTP/1.1\r\nHost: 127.0.0.1:9\r\nX-A: $(id) "\\\r\n\r\n', conn=1
    )
    row = finding("origin_server", "hostile", n)
    write(evidence_of(row, rec.done()), tmp_path)
    script = tmp_path / "reproduce" / "X-1.sh"
    done = subprocess.run(["sh", str(script)], cwd=tmp_path, capture_output=True, timeout=LIMIT_S, text=True)
    assert not (tmp_path / "pwned").exists()
    assert "uid=" not in done.stdout


def test_concurrent_requests_are_replayed_at_once_and_broken_ones_as_bytes(tmp_path: Path) -> None:
    rec = made.Recording(tmp_path, "origin_server", "at_once")
    for conn in (1, 2):
        rec.event("conn.open", conn=conn, protocol="http", side="requestor", local=["a", 1], peer=["127.0.0.1", 9])
        rec.event(
            "http.out", b"POST /x HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Length: 2\r\n\r\n{}", conn=conn, step="twice"
        )
    for conn in (1, 2):
        rec.event("http.in", made.response("202 Accepted"), conn=conn)
    rec.event("conn.open", conn=3, protocol="http", side="requestor", local=["a", 1], peer=["127.0.0.1", 9])
    broken = (
        b"POST /x HTTP/1.1\r\nHost: 127.0.0.1:9\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    rec.event("http.out", broken, conn=3, step="smuggle")
    last = rec.event("http.in", made.response("200 OK"), conn=3)
    write(evidence_of(finding("origin_server", "at_once", last), rec.done()), tmp_path)
    text = (tmp_path / "reproduce" / "X-1.sh").read_text()
    assert len(re.findall(r"^send \d .* &$", text, re.MULTILINE)) == 2
    assert re.search(r"^wait$", text, re.MULTILINE)
    assert re.search(r"^raw 3 ", text, re.MULTILINE)
    assert (tmp_path / "reproduce" / "X-1.d" / "03.raw").read_bytes() == broken


# --- DIMSE -----------------------------------------------------------------------------------------------------------


class ForeignScp:
    """pynetdicom's SCP: answers with one status and reports to one place."""

    def __init__(self, status: int, report_port: int) -> None:
        self.status, self.report_port = status, report_port
        self.stored: list[str] = []
        self.actions: list[bytes] = []
        self.reporting: list[threading.Thread] = []
        ae = AE(ae_title="FOREIGN")
        ae.add_supported_context(made.CT, made.IMPLICIT)
        ae.add_supported_context(made.PUSH, made.IMPLICIT)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._action)]
        self.server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self.server.server_address[1]

    def _store(self, event) -> int:
        self.stored.append(event.request.AffectedSOPInstanceUID)
        return 0x0000

    def _action(self, event):
        self.actions.append(event.request.ActionInformation.getvalue())
        if self.status == 0:
            self.reporting.append(threading.Thread(target=self._report, args=(event.action_information,)))
            self.reporting[-1].start()
        return self.status, None

    def _report(self, request: Dataset) -> None:
        ae = AE(ae_title="FOREIGN")
        ae.add_requested_context(made.PUSH, made.IMPLICIT)
        role = build_role(made.PUSH, scp_role=True)
        assoc = ae.associate("127.0.0.1", self.report_port, ae_title="STGCMT1", ext_neg=[role])
        if assoc.is_established:
            assoc.send_n_event_report(request, 2, made.PUSH, made.PUSH_INSTANCE)
            assoc.release()

    def close(self) -> None:
        for thread in self.reporting:
            thread.join(10)
        self.server.shutdown()


def free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def replay(tmp_path: Path, transcript, row: dict, status: int) -> tuple[str, ForeignScp]:
    write(evidence_of(row, transcript), tmp_path)
    script = tmp_path / "reproduce" / "X-1.py"
    listen = free_port()
    peer = ForeignScp(status, listen)
    try:
        arguments = [
            "--host",
            "127.0.0.1",
            "--port",
            str(peer.port),
            "--called",
            "FOREIGN",
            "--listen-port",
            str(listen),
        ]
        text = asyncio.run(run(sys.executable, str(script), *arguments, "--wait", "5" if status == 0 else "0.1"))
    finally:
        peer.close()
    return text, peer


def test_the_dimse_script_stores_asks_and_shows_status_and_report(tmp_path: Path) -> None:
    transcript, at = made.scp(tmp_path)
    text, peer = replay(tmp_path, transcript, finding("scp", "missing_class_uid", at["report"]), 0x0000)
    assert peer.stored == ["2.25.1111"]
    assert "N-ACTION-RSP: status 0000H" in text
    assert "N-EVENT-REPORT-RQ on a new association of FOREIGN: event type 2" in text
    assert "a report of this transaction is here" in text
    (sent,) = peer.actions
    fresh = re.search(rb"2\.25\.\d+", sent)[0]
    assert made.TX.encode() not in sent
    assert sent == made.commitment(fresh.decode()), "but for the Transaction UID the data set is as recorded"
    assert len(fresh) == len(made.TX)


def test_the_dimse_script_shows_a_status(tmp_path: Path) -> None:
    transcript, at = made.scp(tmp_path)
    text, _ = replay(tmp_path, transcript, finding("scp", "missing_class_uid", at["response"]), 0x0112)
    assert "N-ACTION-RSP: status 0112H" in text


def test_what_pynetdicom_would_repair_is_sent_as_recorded(tmp_path: Path) -> None:
    broken = encode([(0x00081195, "UI", made.TX)], made.IMPLICIT) + b"\x08\x00\x99\x11\xff\xff\x00\x00"
    transcript, at = made.scp(tmp_path, data=broken)
    text, peer = replay(tmp_path, transcript, finding("scp", "missing_class_uid", at["response"]), 0x0110)
    (sent,) = peer.actions
    assert sent.endswith(b"\x08\x00\x99\x11\xff\xff\x00\x00")
    assert len(sent) == len(broken)
    assert made.TX.encode() not in sent
    assert "N-ACTION-RSP: status 0110H" in text


def test_the_dimse_script_needs_no_harness_and_has_the_recorded_defaults(tmp_path: Path) -> None:
    transcript, at = made.scp(tmp_path)
    write(evidence_of(finding("scp", "missing_class_uid", at["report"]), transcript), tmp_path)
    source = (tmp_path / "reproduce" / "X-1.py").read_text()
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported <= {*sys.stdlib_module_names, "pydicom", "pynetdicom"}
    for default in ("'ARCHIVE'", "'STGCMT1'", "11112", "11113", "5.0"):
        assert f"default={default}" in source


def test_texts_of_a_sut_cannot_leave_the_docstring(tmp_path: Path) -> None:
    transcript, at = made.scp(tmp_path)
    row = finding("scp", "missing_class_uid", at["report"])
    row["seen"] = ['"""\nimport os; os.abort()\n"""', "ends with a backslash \\"]
    row["expected"] = 'a quote at the end "'
    write(evidence_of(row, transcript), tmp_path)
    tree = ast.parse((tmp_path / "reproduce" / "X-1.py").read_text())
    assert "os.abort" in ast.get_docstring(tree)


# --- both ------------------------------------------------------------------------------------------------------------


def test_only_fails_and_warnings_with_an_exchange_get_a_script(tmp_path: Path) -> None:
    evidence = made.evidence(tmp_path)
    names = {path.name for path in write(evidence, tmp_path) if path.parent.name == "reproduce"}
    assert names == {"WEB-13.4.3-01.sh", "DIMSE-5.4.2.1-02.py"}


def test_hints_are_short() -> None:
    row = made.row("X-1", "scp", "fail", evidence=[{"transcript": "run", "event": None}])
    assert hint(row, {}) == ""


def test_the_web_hint_is_a_curl_line(tmp_path: Path) -> None:
    transcript, at = made.web(tmp_path)
    text = hint(
        finding("origin_server", "pending_commitment", at["result"]), {"origin_server/pending_commitment": transcript}
    )
    first, second = text.splitlines()
    assert first == "sh reproduce/X-1.sh"
    assert f"'http://127.0.0.1:8042/dicom-web/commitment-requests/{made.WEB_TX}'" in second
    assert "***" not in text


def test_a_name_that_is_no_file_name_is_made_one() -> None:
    assert reproduce.safe("../A b/1") == ".._A_b_1"


def test_the_sample_speaks_the_wire(tmp_path: Path) -> None:
    """The hand-made recording itself is regular, or the tests above would prove little."""
    from stgcmt.views.dimse import dimse

    transcript, _ = made.scp(tmp_path)
    view = dimse(transcript)
    assert [each.end for each in view.associations(side="requestor")] == ["released", "released"]
    assert all(not each.faults for each in view.associations())
