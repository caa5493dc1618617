"""The HTTP client against small servers with odd habits, over real sockets; and what it records of them."""

import asyncio
import contextlib
import ssl
from types import SimpleNamespace

import pytest
import trustme

from stgcmt.actors.http_client import Answer, HttpClient, NoAnswer, Timeouts, client_for, locate, tls_context
from stgcmt.clock import SystemClock
from stgcmt.transcript import STEP, Masker, Recorder, Secret, read_transcript
from stgcmt.views.http import http
from stgcmt.wire.http import message_at
from stgcmt.wire.stream import SystemNetwork, TlsStream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CT_LEN = b"Content-Length: 0\r\n\r\n"


async def read_request(stream) -> bytes:
    data = b""
    while chunk := await stream.receive():
        data += chunk
        if message_at(data, response=False).complete:
            break
    return data


def answering(*answers: bytes, seen: list | None = None, close: bool = False):
    """A server that gives each connection these answers in turn, then closes or waits."""

    async def serve(stream) -> None:
        for answer in answers:
            request = await read_request(stream)
            if not request:
                return
            if seen is not None:
                seen.append(request)
            if answer:
                await stream.send(answer)
        if not close:
            await stream.receive()

    return serve


@contextlib.asynccontextmanager
async def playing(tmp_path, handler, *, prefix="", scheme="http", host="127.0.0.1", masker=None, **options):
    """A server, a recording client on it; ``.view()`` closes both and gives the HTTP view."""
    network, clock = SystemNetwork(), SystemClock()
    listener = await network.listen(host, 0, handler)
    recorder = Recorder(tmp_path / "t.jsonl", clock, role="r", scenario="s", masker=masker)
    name = "[::1]" if host == "::1" else "localhost" if scheme == "https" else host
    base = f"{scheme}://{name}:{listener.address[1]}{prefix}"
    options = {"timeouts": Timeouts(connect=5, request=5)} | options
    client = HttpClient(network, clock, connection=recorder.connection, base_url=base, **options)

    async def transcript():
        await client.aclose()
        recorder.close("complete")
        return read_transcript(recorder.path)

    try:
        yield SimpleNamespace(client=client, transcript=transcript, port=listener.address[1], recorder=recorder)
    finally:
        await client.aclose()
        await listener.aclose()
        recorder.close("complete")


def play(tmp_path, handler, script, **options):
    async def run():
        async with asyncio.timeout(20), playing(tmp_path, handler, **options) as stage:
            return await script(stage)

    return asyncio.run(run())


def test_it_sends_exactly_what_it_was_given(tmp_path):
    seen: list[bytes] = []

    async def script(stage):
        client = stage.client
        await client.request("POST", "commitment-requests/2.25.1%2E?x=%20", headers=[("accept", "a/b")], content=b"{}")
        await client.request("GET", "/x/", without=["X-Own"])
        await client.request("DELETE", "", headers={"x-own": "2"})
        await client.request("POST", "p")
        return stage.port

    port = play(tmp_path, answering(*[OK] * 9, seen=seen), script, prefix="/a/b%2f/", headers={"X-Own": "1"})
    host = f"Host: 127.0.0.1:{port}\r\n".encode()
    assert seen == [
        b"POST /a/b%2f/commitment-requests/2.25.1%2E?x=%20 HTTP/1.1\r\n" + host
        + b"X-Own: 1\r\naccept: a/b\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /a/b%2f/x/ HTTP/1.1\r\n" + host + b"\r\n",
        b"DELETE /a/b%2f HTTP/1.1\r\n" + host + b"x-own: 2\r\n\r\n",
        b"POST /a/b%2f/p HTTP/1.1\r\n" + host + b"X-Own: 1\r\nContent-Length: 0\r\n\r\n",
    ]  # fmt: skip


def test_an_answer_and_its_recording(tmp_path):
    async def script(stage):
        token = STEP.set("post")
        answer = await stage.client.request("POST", "x", content=b"body")
        STEP.reset(token)
        return answer, await stage.transcript()

    answer, transcript = play(tmp_path, answering(OK), script)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.header("content-length"), answer.complete) == (200, b"hi", "2", True)
    kinds = [event.kind for event in transcript.events]
    assert kinds == ["conn.open", "http.out", "http.in", "conn.close"]
    opened, _, came, closed = transcript.events
    assert (opened.info["protocol"], opened.info["side"]) == ("http", "requestor")
    assert came.data == OK
    assert closed.info["how"] == "local"
    assert {event.step for event in transcript.events} == {"post"}
    (exchange,) = http(transcript).exchanges
    assert (exchange.step, exchange.outcome, exchange.events) == ("post", "response", (2, 3))


def test_secrets_are_masked_in_the_recording(tmp_path):
    seen: list[bytes] = []

    async def script(stage):
        await stage.client.request("GET", "x", headers=[("Authorization", "Bearer geheim")])
        await stage.transcript()
        return stage.recorder.path.read_bytes()

    masker = Masker([Secret(b"geheim", "bearer-token")])
    assert b"geheim" not in play(tmp_path, answering(OK, seen=seen), script, masker=masker)
    assert b"Bearer geheim" in seen[0]


def test_safe_requests_share_a_connection_and_others_have_their_own(tmp_path):
    async def serve(stream):
        while request := await read_request(stream):
            await stream.send(OK[:-2] if request.startswith(b"HEAD") else OK)

    async def script(stage):
        for step, method in (("a", "GET"), ("b", "GET"), ("c", "POST"), ("d", "HEAD")):
            STEP.set(step)
            assert (await stage.client.request(method, "x")).status == 200
        return http(await stage.transcript())

    view = play(tmp_path, serve, script)
    assert [(x.step, x.response.step, x.method, x.conn) for x in view.exchanges] == [
        ("a", "a", "GET", 1),
        ("b", "b", "GET", 1),
        ("c", "c", "POST", 2),
        ("d", "d", "HEAD", 2),
    ]
    assert [(x.outcome, x.response.defects) for x in view.exchanges] == [("response", ())] * 4


@pytest.mark.parametrize("second", ["POST", "GET"])
def test_a_server_that_serves_one_connection_at_a_time(tmp_path, second):
    alone = asyncio.Lock()

    async def serve(stream):
        async with alone:
            while request := await read_request(stream):
                await stream.send(OK[:-2] if request.startswith(b"HEAD") else OK)

    async def script(stage):
        before = await stage.client.request("GET", "x")
        base = f"http://127.0.0.1:{stage.port}"
        other = HttpClient(SystemNetwork(), SystemClock(), connection=stage.recorder.connection, base_url=base)
        async with other:  # a line that stands idle would keep the next request waiting
            return before, await (stage.client if second == "POST" else other).request(second, "x", timeout=5)

    assert [answer.status for answer in play(tmp_path, serve, script, idle_s=0.2)] == [200, 200]


@pytest.mark.parametrize("header", [b"Connection: close\r\n", b""])
def test_servers_that_close_each_time(tmp_path, header):
    async def script(stage):
        return [await stage.client.request("GET", "x") for _ in range(3)], http(await stage.transcript())

    answer = OK.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n")
    answers, view = play(tmp_path, answering(answer, close=True), script)
    assert [a.status for a in answers] == [200] * 3
    assert [x.outcome for x in view.exchanges] == ["response"] * 3


def test_a_connection_closed_while_idle_is_no_finding(tmp_path):
    async def serve(stream):
        await read_request(stream)
        await stream.send(OK)
        if await read_request(stream):
            stream.close(reset=True)

    async def script(stage):
        return [await stage.client.request("GET", "x") for _ in range(2)], http(await stage.transcript())

    answers, view = play(tmp_path, serve, script)
    assert [a.status for a in answers] == [200, 200]
    assert [x.outcome for x in view.exchanges] == ["response", "response"]
    assert [x.outcome for x in view.stale] == ["reset"]


def test_closed_reset_and_silent(tmp_path):
    async def serve(stream):
        request = await read_request(stream)
        if b"/close" in request:
            return
        if b"/reset" in request:
            stream.close(reset=True)
            return
        await stream.receive()

    async def script(stage):
        out = []
        for path in ("close", "reset", "silent"):
            out.append(await stage.client.request("GET", path, timeout=0.1 if path == "silent" else None))
        return out, await stage.transcript()

    answers, transcript = play(tmp_path, serve, script)
    assert [a.kind for a in answers] == ["closed", "reset", "timeout"]
    assert all(
        isinstance(a, NoAnswer) and a.status is None and a.header("x") is None and a.body == b"" for a in answers
    )
    assert [x.outcome for x in http(transcript).exchanges] == ["closed", "reset", "silence"]
    assert [e.info["how"] for e in transcript.of("conn.close")] == ["fin", "rst", "local"]
    assert transcript.of("conn.close")[-1].info["why"] == "timeout"


def test_what_a_strict_parser_refuses_is_an_answer(tmp_path):
    body = b"HTTP/1.1 202\nno colon\nContent-Length: 5\nX : y\n\nhello"

    async def serve(stream):
        await read_request(stream)
        for at in range(0, len(body), 11):  # in pieces: nobody hangs up before the last one
            await stream.send(body[at : at + 11])
            await asyncio.sleep(0.001)
        await stream.receive()

    async def script(stage):
        return await stage.client.request("GET", "x"), http(await stage.transcript())

    answer, view = play(tmp_path, serve, script)
    assert (answer.status, answer.body, answer.complete) == (202, b"hello", True)
    assert set(view.exchanges[0].response.defects) == {"bad-status-line", "bare-lf", "missing-colon", "bad-header-name"}


def test_no_http_at_all(tmp_path):
    async def script(stage):
        return await stage.client.request("GET", "x"), http(await stage.transcript())

    answer, view = play(tmp_path, answering(b"SSH-2.0-x\r\n", close=True), script)
    assert (answer.kind, answer.detail) == ("protocol", "bad-status-line")
    assert (view.exchanges[0].outcome, view.exchanges[0].status) == ("response", None)


def test_a_cut_answer_says_so(tmp_path):
    async def script(stage):
        return await stage.client.request("GET", "x"), http(await stage.transcript())

    answer, view = play(tmp_path, answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", close=True), script)
    assert (answer.status, answer.complete, answer.body) == (200, False, b"half")
    assert view.exchanges[0].response.defects == ("truncated-body",)


def test_bytes_after_the_answer_are_recorded(tmp_path):
    async def script(stage):
        first = await stage.client.request("GET", "x")
        second = await stage.client.request("GET", "x")
        return first, second, http(await stage.transcript())

    first, second, view = play(tmp_path, answering(OK + b"more", OK), script)
    assert (first.body, second.body) == (b"hi", b"hi")
    assert [(x.conn, x.response.defects) for x in view.exchanges] == [(1, ("extra-bytes",)), (2, ("extra-bytes",))]


def test_an_early_refusal_ends_the_sending(tmp_path):
    async def serve(stream):
        await stream.receive(100)
        await stream.send(b"HTTP/1.1 413 Too Large\r\n" + CT_LEN)
        await asyncio.sleep(30)  # reads no more: the request could never be sent to its end

    async def script(stage):
        return await stage.client.request("POST", "x", content=bytes(64 << 20)), await stage.transcript()

    answer, transcript = play(tmp_path, serve, script)
    assert answer.status == 413
    assert sum(len(event.data) for event in transcript.of("http.out")) < 64 << 20
    assert http(transcript).exchanges[0].request.defects == ("truncated-body",)


def test_raw_requests(tmp_path):
    seen: list[bytes] = []

    async def script(stage):
        one = await stage.client.send_raw(b"GET /x HTTP/1.1\r\n\r\n")
        two = await stage.client.send_raw(
            [
                b"POST /x HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n",
                0.02,
                b"body\r\n0\r\n\r\n",
            ]
        )
        three = await stage.client.send_raw(b"HEAD /x HTTP/1.1\r\n\r\n", method="HEAD", half_close=True)
        return one, two, three, http(await stage.transcript())

    one, two, three, view = play(tmp_path, answering(OK, seen=seen), script)
    assert [a.status for a in (one, two, three)] == [200] * 3
    assert seen[0] == b"GET /x HTTP/1.1\r\n\r\n"
    assert view.exchanges[1].request.defects == ("cl-and-te",)
    assert view.exchanges[1].request.body == b"body"
    assert len(view.exchanges[1].request.events) == 2
    assert view.exchanges[1].request.t_last - view.exchanges[1].request.t >= 15_000_000
    assert [x.conn for x in view.exchanges] == [1, 2, 3]


def test_nothing_listens_and_nobody_has_the_name(tmp_path):
    async def script(stage):
        listener = await SystemNetwork().listen("127.0.0.1", 0, answering())
        await listener.aclose()
        refused = await stage.client.request("GET", f"http://127.0.0.1:{listener.address[1]}/")
        dns = await stage.client.request("GET", "http://name.invalid/")
        return refused, dns, http(await stage.transcript())

    refused, dns, view = play(tmp_path, answering(), script)
    assert (refused.kind, dns.kind) == ("refused", "dns")
    assert [x.outcome for x in view.exchanges] == ["refused", "refused"]
    assert "refused" in view.exchanges[0].summary


def test_own_headers_go_to_the_own_origin_only(tmp_path):
    seen: list[bytes] = []

    async def script(stage):
        other = await SystemNetwork().listen("127.0.0.1", 0, answering(OK, seen=seen))
        await stage.client.request("GET", f"http://127.0.0.1:{other.address[1]}/y?z")
        await stage.client.aclose()
        await other.aclose()

    play(tmp_path, answering(), script, headers={"Authorization": "Bearer x"})
    assert seen[0].startswith(b"GET /y?z HTTP/1.1\r\n")
    assert b"Bearer" not in seen[0]


def test_many_at_once(tmp_path):
    async def script(stage):
        answers = await asyncio.gather(*(stage.client.request("POST", f"x{n}") for n in range(50)))
        return answers, http(await stage.transcript())

    answers, view = play(tmp_path, answering(OK), script)
    assert [a.status for a in answers] == [200] * 50
    assert {x.request.segments for x in view.exchanges} == {(f"x{n}",) for n in range(50)}


def test_cancelling_closes_the_connection(tmp_path):
    async def script(stage):
        asked = asyncio.create_task(stage.client.request("GET", "x"))
        while not stage.recorder.path.read_bytes().count(b"http.out"):
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        return await stage.transcript()

    transcript = play(tmp_path, answering(b""), script)
    assert [e.info for e in transcript.of("conn.close")] == [{"how": "local", "why": "cancelled"}]


AUTHORITY = trustme.CA()


def tls_server(handler):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)

    async def serve(stream):
        secured = TlsStream(stream, context, server_side=True, hostname=None)
        with contextlib.suppress(OSError):
            await secured.handshake()
            await handler(secured)

    return serve


def test_tls_with_an_own_authority(tmp_path):
    ca_file = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(ca_file)

    async def script(stage):
        answers = [await stage.client.request("GET", "x") for _ in range(2)]
        return answers, await stage.transcript()

    answers, transcript = play(
        tmp_path, tls_server(answering(OK, OK)), script, scheme="https", tls=tls_context(ca_file)
    )
    assert [a.status for a in answers] == [200, 200]
    assert [e.kind for e in transcript.events] == [
        "conn.open", "conn.tls", "http.out", "http.in", "http.out", "http.in", "conn.close",
    ]  # fmt: skip
    assert transcript.of("http.out")[0].data.startswith(b"GET /x HTTP/1.1\r\n")
    assert transcript.of("conn.tls")[0].info["version"].startswith("TLSv1")
    assert tls_context(ca_file) is tls_context(ca_file)


async def plaintext(stream) -> None:
    await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await stream.receive()


@pytest.mark.parametrize("handler", [tls_server(answering(OK)), plaintext])
def test_tls_that_fails(tmp_path, handler):
    async def script(stage):
        return await stage.client.request("GET", "x"), await stage.transcript()

    answer, transcript = play(tmp_path, handler, script, scheme="https", tls=tls_context())
    assert isinstance(answer, NoAnswer)
    assert answer.kind == "tls"
    assert [e.kind for e in transcript.events] == ["conn.open", "conn.refused"]
    assert http(transcript).exchanges[0].outcome == "refused"


def test_ipv6(tmp_path):
    async def script(stage):
        return (await stage.client.request("GET", "x")).status, stage.port

    seen: list[bytes] = []
    try:
        status, port = play(tmp_path, answering(OK, seen=seen), script, host="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    assert status == 200
    assert f"Host: [::1]:{port}\r\n".encode() in seen[0]


def test_urls():
    assert locate("http://h/a%2Fb/?q#frag").target == "/a%2Fb/?q"
    assert (locate("https://h").target, locate("https://h").authority) == ("/", "h")
    assert locate("http://h:81/").authority == "h:81"
    assert locate("http://h?q").target == "/?q"
    for wrong in ("ftp://h/", "http:///x", "/x", "http://h/a b", "http://h/\n"):
        with pytest.raises(ValueError, match="reading the URL"):
            locate(wrong)


def test_line_ends_cannot_be_smuggled_into_headers(tmp_path):
    async def script(stage):
        with pytest.raises(ValueError, match="send_raw"):
            await stage.client.request("GET", "x", headers={"X": "1\r\nY: 2"})

    play(tmp_path, answering(OK), script)


def test_a_client_for_a_section_of_the_sut_file(tmp_path):
    seen: list[bytes] = []
    timing = SimpleNamespace(connect=5.0, http_response=5.0)

    async def script(stage):
        shared = {
            "network": SystemNetwork(), "clock": SystemClock(),
            "connection": stage.recorder.connection, "timing": timing,
        }  # fmt: skip
        section = {"base_url": f"http://127.0.0.1:{stage.port}/p", "headers": {"X-A": "1"}}
        for more in ({"token": "tok"}, {"basic": "u:p"}):
            async with client_for({**section, **more}, **shared) as client:
                await client.request("GET", "x")

    play(tmp_path, answering(OK, seen=seen), script)
    assert seen[0].split(b"\r\n")[2:4] == [b"X-A: 1", b"Authorization: Bearer tok"]
    assert b"Authorization: Basic dTpw\r\n" in seen[1]


def test_uvicorn_is_read_like_any_other(tmp_path):
    import uvicorn

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        status = 202 if scope["method"] == "POST" else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"retry-after", b"1")]})
        await send({"type": "http.response.body", "body": b"" if status == 202 else b"{}"})

    async def run():
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        recorder = Recorder(tmp_path / "u.jsonl", SystemClock(), role="r", scenario="s")
        async with HttpClient(
            SystemNetwork(), SystemClock(), connection=recorder.connection, base_url=f"http://127.0.0.1:{port}"
        ) as client:
            await client.request("POST", "commitment-requests/2.25.1", content=b"x" * 300_000)
            for _ in range(3):
                await client.request("GET", "commitment-requests/2.25.1")
        recorder.close("complete")
        server.should_exit = True
        await serving
        return http(read_transcript(recorder.path))

    view = asyncio.run(run())
    assert [(x.status, x.conn) for x in view.exchanges] == [(202, 1), (200, 1), (200, 1), (200, 1)]
    assert view.exchanges[0].summary == "POST /commitment-requests/2.25.1 -> 202, Retry-After: 1"
    assert {x.response.framing for x in view.exchanges} == {"chunked"}
    assert all(not x.response.defects for x in view.exchanges)


class Failing(SystemNetwork):
    """A network whose first connections fail, as on a machine under load."""

    def __init__(self, failures: int, error: type[OSError] = FileNotFoundError) -> None:
        super().__init__()
        self.left, self.error, self.tried = failures, error, 0

    async def connect(self, host, port, **options):
        self.tried += 1
        if self.left:
            self.left -= 1
            raise self.error("no such thing")
        return await super().connect(host, port, **options)


@pytest.mark.parametrize(("failures", "kind", "tried"), [(0, None, 1), (2, None, 3), (3, "refused", 3)])
def test_a_connection_that_fails_is_tried_again_before_anything_is_sent(tmp_path, failures, kind, tried):
    async def story():
        seen: list[bytes] = []
        network, clock = Failing(failures), SystemClock()
        listener = await network.listen("127.0.0.1", 0, answering(OK, seen=seen))
        recorder = Recorder(tmp_path / "t.jsonl", clock, role="r", scenario="s")
        client = HttpClient(
            network,
            clock,
            connection=recorder.connection,
            base_url=f"http://127.0.0.1:{listener.address[1]}",
            connects=3,
        )
        answer = await client.request("POST", "x", content=b"once")
        await client.aclose()
        await listener.aclose()
        recorder.close("complete")
        return answer, seen, network.tried, read_transcript(recorder.path)

    answer, seen, attempts, transcript = asyncio.run(story())
    assert getattr(answer, "kind", None) == kind
    assert attempts == tried
    assert len(seen) == (kind is None)
    notes = [event for event in transcript.of("note") if event.info.get("what") == "connecting again"]
    assert len(notes) == min(failures, 2)
    assert [each.outcome for each in http(transcript).exchanges] == [kind or "response"]
