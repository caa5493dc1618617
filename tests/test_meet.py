"""`stgcmt meet`: two at a table, at a real terminal; and what its words are made of."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import os
import re
import struct
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request

import pytest

from peer_runs import PEERS, STGCMT
from stgcmt.errors import UsageError
from stgcmt.meeting import Steps, late_after, partner_enters, partner_is, reached, sut_text
from stgcmt.suite import load_suites
from stgcmt.sut import load

pexpect = pytest.importorskip("pexpect") if not os.environ.get("CI") else __import__("pexpect")


def sut_of(tmp_path, **flags):
    chosen = {"peer": None, "base_url": None, "ae_title": "STGCMT", "ports": [11112], "address": "0.0.0.0"} | flags
    (tmp_path / "sut.toml").write_text(sut_text(**chosen), "utf-8")
    return load(tmp_path / "sut.toml", suites=load_suites(), environ={})


# --- flags


def test_a_peer_becomes_a_sut_file_with_our_address(tmp_path) -> None:
    sut = sut_of(tmp_path, peer="ARCHIVE@10.1.2.3:104")
    assert [(each.ae_title, each.host, each.port) for each in sut.destinations] == [("STGCMT", "0.0.0.0", 11112)]
    assert partner_is(sut) == "ARCHIVE@10.1.2.3:104"
    (line,) = partner_enters(sut.destinations, "10.1.2.9")
    assert (line.what, line.value) == ("AE title STGCMT", "host 10.1.2.9, port 11112")
    assert late_after(sut, ("scp",)) == {"scp": sut.timing.max_report_delay / 2}


def test_more_destinations_have_titles_and_ports_of_their_own(tmp_path) -> None:
    sut = sut_of(tmp_path, peer="A@h:104", ae_title="US", ports=[4000, 4001, 4002], address="127.0.0.1")
    assert [(each.ae_title, each.port) for each in sut.destinations] == [("US1", 4000), ("US2", 4001), ("US3", 4002)]


def test_a_base_url_becomes_a_sut_file_and_the_partner_enters_nothing(tmp_path) -> None:
    sut = sut_of(tmp_path, base_url="http://10.1.2.3/dicom")
    assert partner_is(sut) == "http://10.1.2.3/dicom"
    assert [line.what for line in partner_enters(sut.destinations, "x")] == ["nothing"]


@pytest.mark.parametrize(
    "flags",
    [{}, {"peer": "A@h:1", "base_url": "http://h/"}, {"peer": "A@h:1", "ae_title": "SEVENTEEN_LETTERS"}, {"peer": "A@h:1", "ae_title": 'A"B\\'}],
    ids=["nothing", "both", "long", "backslash"],
)  # fmt: skip
def test_flags_that_say_nothing_are_refused(tmp_path, flags) -> None:
    with pytest.raises(UsageError):
        sut_of(tmp_path, **flags)


# --- steps


def message(field: int, status: int | None = None) -> bytes:
    command = struct.pack("<HHIH", 0, 0x0100, 2, field)
    if status is not None:
        command += struct.pack("<HHIH", 0, 0x0900, 2, status)
    return struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command


@pytest.mark.parametrize(
    ("kind", "data", "word"),
    [
        ("dimse.out", b"\x01\x00", "associating"), ("dimse.in", b"\x02\x00", "associated"), ("dimse.in", b"\x03\x00", "association rejected"),
        ("dimse.in", b"\x07\x00", "aborted"), ("dimse.out", message(0x0001), "storing"), ("dimse.out", message(0x0130), "requested"),
        ("dimse.in", message(0x8130, 0), "accepted"), ("dimse.in", message(0x8130, 0x0124), "refused 0124H"),
        ("dimse.in", message(0x8130), "answered"), ("dimse.in", message(0x0100), "report came"), ("dimse.in", message(0x0130), "the partner requested"),
        ("dimse.out", message(0x0100), "reported"), ("dimse.in", b"\x04\x00\x00", ""), ("dimse.in", message(0x0100)[:11] + b"\x02" + message(0x0100)[12:], ""),
        ("http.out", b"POST /d/commitment-requests/1.2 HTTP/1.1\r\n", "requested"), ("http.out", b"POST /d/studies HTTP/1.1\r\n", "storing"),
        ("http.out", b"GET /d/commitment-requests/1.2 HTTP/1.1\r\n", "asked for the result"), ("http.in", b"HTTP/1.1 202 Accepted\r\n", "pending (202)"),
        ("http.in", b"HTTP/1.1 200 OK\r\n", "answered 200"), ("http.in", b"POST /d/commitment-requests/1.2 HTTP/1.1\r\n", "the partner requested"),
        ("http.in", b"\xff\x00", ""), ("note", b"", ""),
    ],
    ids=range(22),
)  # fmt: skip
def test_each_event_reaches_its_step(kind, data, word) -> None:
    assert reached(kind, data, {}) == word


def test_a_report_is_waited_for_then_late_then_here() -> None:
    steps = Steps({"scp": 10.0})
    steps.started("scp", "one", 100.0)
    steps.happened("scp", "one", "dimse.out", message(0x0130), {})
    steps.waiting("scp", "one", "max_report_delay", 30.0, 101.0)
    assert steps.table(105.0) == [("one", "waiting for the report", "for 4 s, 26 s left")]
    assert steps.table(112.0) == [("one", "late", "for 11 s, 19 s left")]
    steps.happened("scp", "one", "dimse.in", message(0x0100), {})
    steps.happened("scp", "one", "wait.end", b"", {})
    assert steps.table(113.0) == [("one", "report came", "13 s")]
    steps.over("scp", "one", "complete")
    assert (steps.table(114.0), steps.ended) == ([], [("scp", "one", "done; last: report came")])
    assert steps.happened("scp", "one", "dimse.in", message(0x0100), {}) == ""
    assert reached("conn.refused", b"", {"error": "refused by the system"}) == "not reachable: refused by the system"


def test_a_partner_that_asks_us_is_told_an_address_that_it_can_reach(tmp_path) -> None:
    """Where nothing is known of the partner it is the address of the way out, and never 0.0.0.0 or our loopback."""
    from stgcmt.commands.meet import _address_of
    from stgcmt.meet_screen import Screen

    (tmp_path / "sut.toml").write_text('name = "m"\n[user_agent]\nlisten_host = "0.0.0.0"\nlisten_port = 0\n')
    assert not _address_of(load(tmp_path / "sut.toml", suites=load_suites(), environ={})).startswith(("127.", "0."))
    told = io.StringIO()
    screen = Screen("m", "10.1.2.9", ((), ()), Steps(), stream=told)
    screen.attend("user_agent", "pending", "ask http://0.0.0.0:4711/dicom-web for it")
    assert told.getvalue() == "user_agent/pending: ask http://10.1.2.9:4711/dicom-web for it\n"


# --- the lobby


def test_the_lobby_answers_an_echo_and_frees_its_ports(tmp_path) -> None:
    from stgcmt.lobby import Lobby

    sut, said = sut_with(sut_of(tmp_path, peer="A@h:104", address="127.0.0.1"), 0), []

    async def main() -> int:
        async with Lobby(sut, said.append) as lobby:
            port = lobby.destinations[0].port
            await asyncio.to_thread(echo, port, "STGCMT")
            await asyncio.to_thread(echo, port, "OTHER")
            with pytest.raises(UsageError, match=str(port)):
                async with Lobby(sut_with(sut, port), said.append):
                    pass
        async with Lobby(sut_with(sut, port), said.append) as again:
            assert again.destinations[0].port == port
        return port

    asyncio.run(main())
    assert said[:2] == ["PARTNER associates with STGCMT", "PARTNER: C-ECHO, answered"]
    assert said[2] == "PARTNER associates with OTHER, though this is STGCMT"


def test_the_lobby_answers_http_with_503_and_keeps_the_port_of_a_tls_place(tmp_path) -> None:
    from stgcmt.askdesk import WebPlace
    from stgcmt.lobby import Lobby

    plain = WebPlace("user_agent", path="/dicom-web")
    secured = WebPlace("proxy_to_web", path="/dicom-web", tls=object())
    said: list[str] = []

    async def ask(port: int, target: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer

    async def main() -> None:
        async with Lobby(
            dataclasses.replace(sut_of(tmp_path, peer="A@h:104"), destinations=()), said.append, [plain, secured]
        ) as lobby:
            ports = [place.port for place in lobby.web]
            assert all(ports)
            assert (await ask(ports[0], "/dicom-web/commitment-requests/1.2")).startswith(b"HTTP/1.1 503 ")
            assert b"Retry-After" in await ask(ports[0], "/elsewhere")
            assert await ask(ports[1], "/dicom-web") == b""
            lines = partner_enters((), "10.1.2.9", lobby.web)
            assert [line.value for line in lines] == [
                f"http://127.0.0.1:{ports[0]}/dicom-web",
                f"https://127.0.0.1:{ports[1]}/dicom-web",
            ]

    asyncio.run(main())
    assert said[0] == "user agent: GET /dicom-web/commitment-requests/1.2; answered 503, since the run has not begun"
    assert "not below /dicom-web" in said[1]
    assert said[2] == "proxy to web: 127.0.0.1 connects; TLS is answered once the run has begun"


def sut_with(sut, port):
    return dataclasses.replace(sut, destinations=(dataclasses.replace(sut.destinations[0], port=port),))


def echo(port: int, called: str) -> None:
    from pynetdicom import AE

    ae = AE("PARTNER")
    ae.add_requested_context("1.2.840.10008.1.1")
    assoc = ae.associate("127.0.0.1", port, ae_title=called)
    assert assoc.is_established
    assert assoc.send_c_echo().Status == 0
    assoc.release()


# --- at a terminal


class Terminal(pexpect.spawn):
    def __init__(self, cwd, *words) -> None:
        super().__init__(
            STGCMT[0], [*STGCMT[1:], "meet", *words], cwd=str(cwd), encoding="utf-8", timeout=60, dimensions=(40, 110),
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"},
        )  # fmt: skip
        self.delaybeforesend = None
        self.logfile_read = io.StringIO()

    def over(self) -> int:
        self.expect(pexpect.EOF)
        self.close()
        return self.exitstatus

    def seen(self) -> str:
        return self.logfile_read.getvalue()


@pytest.fixture
def partner():
    sys.path.insert(0, str(PEERS))
    try:
        from pynetdicom_scp import Peer
    finally:
        sys.path.remove(str(PEERS))
    peer = Peer({}, delay=2.0, same_association=False)
    port = peer.start()
    yield peer, port
    peer.stop()


@pytest.mark.slow
def test_two_at_a_table(tmp_path, partner) -> None:
    peer, port = partner
    flags = [
        "--peer",
        f"PEER@127.0.0.1:{port}",
        "--address",
        "127.0.0.1",
        "--port",
        "0",
        "--out",
        "b",
        "--req",
        "DIMSE-J.3.3-01",
    ]
    table = Terminal(tmp_path, *flags)
    table.expect(r"host 127\.0\.0\.1, port (\d+)")
    ours = int(table.match[1])
    table.expect("Enter: start")
    peer.destinations["STGCMT"] = ("127.0.0.1", ours)
    echo(ours, "STGCMT")
    table.expect("PARTNER: C-ECHO, answered")
    table.send("d")
    table.expect("all is well")
    table.expect("Enter: start")
    table.send("\r")
    table.expect("waiting for the report")
    assert table.over() == 0, table.seen()
    results = json.loads((tmp_path / "b" / "results.json").read_text("utf-8"))
    verdicts = {row["id"]: row["verdict"] for row in results["requirements"]}
    assert verdicts["DIMSE-J.3.3-01"] == "pass"
    assert (tmp_path / "b" / "report.html").is_file()
    assert "PEER" in (tmp_path / "b" / "meet.toml").read_text("utf-8")


@pytest.mark.slow
def test_who_is_not_ready_leaves_and_nothing_is_written(tmp_path) -> None:
    table = Terminal(tmp_path, "--peer", "PEER@127.0.0.1:9", "--address", "127.0.0.1", "--port", "0", "--out", "b")
    table.expect("Enter: start")
    table.send("q")
    assert table.over() == 130
    assert not (tmp_path / "b").exists()


@pytest.mark.slow
def test_a_person_confirms_a_step_and_skips_another(tmp_path) -> None:
    (tmp_path / "sut.toml").write_text(
        textwrap.dedent("""
        name = "modality without a command line"
        [user_agent]
        listen_port = 0
        [trigger]
        how = "attended"
        deadline = 60
        [timing]
        trigger = 1.0
        quiet_period = 0.5
        """)
    )
    table = Terminal(tmp_path, "sut.toml", "--out", "b", "--req", "WEB-13.3-01")  # two scenarios: at_once, pending
    table.expect(r"(http://127\.0\.0\.1:[1-9]\d*/dicom-web)")
    url = table.match[1]
    table.expect("Enter: start")
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(url + "/commitment-requests/1.2", timeout=10)
    table.expect("answered 503")
    table.send("\r")
    table.expect("please do")
    table.expect("Enter: done")
    table.send("\r")  # done, says the person; but nothing came
    table.expect("please do")
    table.send("s")
    table.expect("tested|exit code")
    table.over()
    results = json.loads((tmp_path / "b" / "results.json").read_text("utf-8"))
    assert {each["name"]: each["state"] for each in results["scenarios"]} == {
        "at_once": "skipped",
        "pending": "skipped",
    }
    told = "".join(
        path.read_text("utf-8") for path in sorted((tmp_path / "b" / "transcripts" / "user_agent").glob("*.jsonl"))
    )
    run = (tmp_path / "b" / "transcripts" / "run.jsonl").read_text("utf-8")
    assert re.findall(r'"what":"serving".*?"base_url":"([^"]*)"', run) == [url], (
        "the run listens where the partner was told"
    )
    assert sorted(re.findall(r'"action":"said","what":"(\w+)"', told)) == ["done", "skip"]
    assert "the person who attends skipped it" in told


@pytest.mark.slow
def test_without_a_terminal_each_step_is_a_line(tmp_path, partner) -> None:
    peer, port = partner
    peer.delay = 0.1
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        ours = sock.getsockname()[1]
    peer.destinations["STGCMT"] = ("127.0.0.1", ours)
    done = subprocess.run(
        [*STGCMT, "meet", "--peer", f"PEER@127.0.0.1:{port}", "--address", "127.0.0.1", "--port", str(ours), "--out", "b", "--req", "DIMSE-J.3.3-01"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"the partner enters AE title STGCMT: host 127.0.0.1, port {ours}\n" in done.stderr
    for word in ("associated", "storing", "requested", "accepted", "report came"):
        assert re.search(rf"^{word} +scp/\w+", done.stderr, re.MULTILINE), done.stderr


@pytest.mark.slow
def test_q_ends_the_run_and_what_was_recorded_is_judged(tmp_path) -> None:
    (tmp_path / "sut.toml").write_text(
        'name = "m"\n[user_agent]\nlisten_port = 0\n[trigger]\nhow = "attended"\ndeadline = 60\n'
    )
    table = Terminal(tmp_path, "sut.toml", "--out", "b", "--req", "WEB-13.3-01")
    table.expect("Enter: start")
    table.send("x\r")  # a key that means nothing is ignored
    table.expect("Enter: done")
    table.send("q")
    assert table.over() == 130, table.seen()
    results = json.loads((tmp_path / "b" / "results.json").read_text("utf-8"))
    assert results["state"] == "interrupted"
    assert {each["state"] for each in results["scenarios"]} == {"cancelled"}
