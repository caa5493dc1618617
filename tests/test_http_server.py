"""The recording HTTP server: scripted answers on the wire, odd requests, what is recorded; over real sockets."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import pytest

from stgcmt.actors.http_client import HttpClient, Timeouts
from stgcmt.actors.http_server import Reply, http_date, serve_http
from stgcmt.clock import NS, SystemClock
from stgcmt.transcript import Recorder, read_transcript
from stgcmt.views.http import http
from stgcmt.wire.http_fields import parse_retry_after
from stgcmt.wire.stream import SystemNetwork


@contextlib.asynccontextmanager
async def serving(tmp_path, *replies, idle_s=5.0):
    """A server that gives these replies in turn; yields its address, what was asked, and a function for the view."""
    network, clock = SystemNetwork(), SystemClock()
    recorder = Recorder(tmp_path / "t.jsonl", clock, role="r", scenario="s")
    asked, turn = [], iter(replies)

    async def answer(request):
        asked.append(request)
        return next(turn, replies[-1])

    async def handler(stream):
        await serve_http(stream, clock, recorder.connection(), answer, idle_s=idle_s)

    listener = await network.listen("127.0.0.1", 0, handler)

    async def view():
        await listener.aclose()
        recorder.close("complete")
        return http(read_transcript(recorder.path))

    try:
        yield listener.address, asked, view
    finally:
        await listener.aclose()
        recorder.close("complete")


async def raw(address, *pieces, half_close=False):
    """Send these bytes and return everything that comes back."""
    stream = await SystemNetwork().connect(*address)
    data = b""
    try:
        for piece in pieces:
            await stream.send(piece)
        if half_close:
            await stream.send_eof()
        async with asyncio.timeout(5):
            while more := await stream.receive():
                data += more
    except (ConnectionResetError, BrokenPipeError):
        data += b"<reset>"
    finally:
        stream.close()
    return data


def test_a_foreign_client_gets_what_the_script_says_and_all_is_recorded(tmp_path):
    async def main():
        script = (Reply(202, (("Retry-After", "3"),)), Reply(200, {"Content-Type": "a/b"}, b"x" * 1000, chunked=300))
        async with serving(tmp_path, *script) as (address, asked, view):
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{address[1]}") as client:
                first = await client.post("/c/1.2.3", content=b"body", headers={"X": "y"})
                second = await client.get("/c/1.2.3?a=b")
            return first, second, asked, await view()

    first, second, asked, view = asyncio.run(main())
    assert (first.status_code, first.headers["retry-after"]) == (202, "3")
    assert second.content == b"x" * 1000
    assert second.headers["transfer-encoding"] == "chunked"
    assert [(each.method, each.path, each.body) for each in asked] == [
        ("POST", "/c/1.2.3", b"body"),
        ("GET", "/c/1.2.3", b""),
    ]
    assert [each.summary for each in view.exchanges] == [
        "POST /c/1.2.3 -> 202, Retry-After: 3",
        "GET /c/1.2.3?a=b -> 200",
    ]
    assert view.exchanges[0].conn == view.exchanges[1].conn, "the connection is kept"
    assert view.exchanges[1].response.body == b"x" * 1000


def test_our_own_client_reads_a_slow_answer(tmp_path):
    async def main():
        network, clock = SystemNetwork(), SystemClock()
        async with serving(tmp_path, Reply(200, (), b"slow", delay_s=0.2)) as (address, _, view):
            recorder = Recorder(tmp_path / "c.jsonl", clock, role="r", scenario="c")
            client = HttpClient(
                network,
                clock,
                connection=recorder.connection,
                base_url=f"http://127.0.0.1:{address[1]}",
                timeouts=Timeouts(5, 5),
            )
            answer = await client.request("GET", "/x")
            await client.aclose()
            return answer, await view()

    answer, view = asyncio.run(main())
    assert answer.body == b"slow"
    (exchange,) = view.exchanges
    assert exchange.response.t_first - exchange.request.t_last >= 0.19 * NS


@pytest.mark.parametrize(
    ("drop", "sees"),
    [("before-read", b"<reset>"), ("after-read", b""), ("mid-body", b"0123")],
)
def test_connections_are_broken_as_told(tmp_path, drop, sees):
    async def main():
        reply = Reply(200, (), b"0123456789", drop=drop)
        async with serving(tmp_path, reply) as (address, asked, view):
            data = await raw(address, b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
            return data, asked, await view()

    data, asked, view = asyncio.run(main())
    assert len(asked) == 1
    assert data.startswith(sees) if drop == "before-read" else sees in data
    assert b"56789" not in data
    (exchange,) = view.exchanges
    assert exchange.request.body == b"hi"
    assert exchange.outcome == ("response" if drop == "mid-body" else "closed")
    if drop == "mid-body":
        assert not exchange.response.complete


@pytest.mark.parametrize(("drop", "sees"), [("silence", b""), ("stall", b"0123")])
@pytest.mark.parametrize("patient", [True, False], ids=["until-its-end", "until-the-peer-ends"])
def test_a_connection_is_held_in_silence(tmp_path, drop, sees, patient):
    """The connection stays open for ``hold_s``, or until the peer ends; not a byte more comes, and what it says is recorded."""

    async def main():
        reply = Reply(200, (), b"0123456789", drop=drop, hold_s=0.3 if patient else 60)
        async with serving(tmp_path, reply) as (address, _, view):
            stream = await SystemNetwork().connect(*address)
            await stream.send(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
            data = await stream.receive() if sees else b""
            if not patient:
                await stream.send(b"still there?")
                await stream.send_eof()
            async with asyncio.timeout(10):
                while more := await stream.receive():
                    data += more
            stream.close()
            return data, await view()

    data, view = asyncio.run(main())
    assert sees in data
    assert b"56789" not in data
    exchange = view.exchanges[0]
    assert exchange.response is None or not exchange.response.complete
    events = read_transcript(tmp_path / "t.jsonl").events
    held_s = (events[-1].t - exchange.request.t_last) / NS
    assert (held_s >= 0.29) is patient
    assert events[-1].info["how"] == ("local" if patient else "fin")
    assert patient or b"still there?" in b"".join(event.data for event in events if event.kind == "http.in")


def test_raw_bytes_go_out_as_they_are(tmp_path):
    async def main():
        async with serving(tmp_path, Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort")) as (
            address,
            _,
            view,
        ):
            return await raw(address, b"GET / HTTP/1.1\r\n\r\n"), await view()

    data, view = asyncio.run(main())
    assert data.endswith(b"short")
    assert view.exchanges[0].response.defects == ("truncated-body",)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x01\x00\x00\x00\x00\xcd\x00\x01\x00\x00" + b"STORESCP".ljust(60),  # an A-ASSOCIATE-RQ
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"A" * 70000,  # a line without end
    ],
    ids=["dimse", "tls", "flood"],
)
def test_what_is_no_http_is_answered_and_closed(tmp_path, octets):
    async def main():
        async with serving(tmp_path, Reply(400)) as (address, asked, view):
            return await raw(address, octets), asked, await view()

    data, asked, view = asyncio.run(main())
    assert len(asked) == 1
    assert b"400" in data or b"<reset>" in data
    assert (
        "bad-request-line" in view.exchanges[0].request.defects or "truncated-head" in view.exchanges[0].request.defects
    )


def test_half_a_request_is_recorded_as_far_as_it_came(tmp_path):
    async def main():
        async with serving(tmp_path, Reply(400), idle_s=0.2) as (address, asked, view):
            data = await raw(address, b"POST /x HTTP/1.1\r\nContent-Length: 10\r\n\r\n123")
            return data, asked, await view()

    data, asked, view = asyncio.run(main())
    assert data.startswith(b"HTTP/1.1 400")
    assert asked[0].message.complete is False
    assert view.exchanges[0].request.defects == ("truncated-body",)


def test_a_connection_on_which_nothing_comes_is_closed(tmp_path):
    async def main():
        async with serving(tmp_path, Reply(), idle_s=0.1) as (address, asked, view):
            return await raw(address), asked, await view()

    data, asked, view = asyncio.run(main())
    assert (data, asked, view.exchanges) == (b"", [], ())


def test_expect_100_is_answered_before_the_body(tmp_path):
    async def main():
        async with serving(tmp_path, Reply(200, (), b"ok")) as (address, asked, _):
            stream = await SystemNetwork().connect(*address)
            await stream.send(b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            interim = await stream.receive()
            await stream.send(b"hi")
            final = await stream.receive()
            stream.close()
            return interim, final, asked

    interim, final, asked = asyncio.run(main())
    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert final.startswith(b"HTTP/1.1 200 OK")
    assert asked[0].body == b"hi"


def test_pipelined_requests_are_answered_in_turn_and_recorded_apart(tmp_path):
    async def main():
        async with serving(tmp_path, Reply(200, (), b"a"), Reply(404)) as (address, asked, view):
            two = b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n"
            data = await raw(address, two)
            return data, asked, await view()

    data, asked, view = asyncio.run(main())
    assert [each.path for each in asked] == ["/1", "/2"]
    assert data.count(b"HTTP/1.1") == 2
    assert [each.status for each in view.exchanges] == [200, 404]
    assert not set(view.exchanges[0].events) & set(view.exchanges[1].events)


def test_dates_have_three_forms_that_read_back():
    for form in ("imf-fixdate", "rfc850", "asctime"):
        read = parse_retry_after(http_date(1_700_000_000 * NS, form))
        assert read.kind == "date"
        assert read.date.form == form
        assert read.date.unix_s == 1_700_000_000
