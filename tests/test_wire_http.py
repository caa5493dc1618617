"""The HTTP parser: what is well formed reads as h11 reads it, what is not is read on and listed."""

import gzip
import zlib

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stgcmt.wire.http import DEFECTS, message_at, read_requests, read_responses
from stgcmt.wire.http_arrival import Arrival
from stgcmt.wire.http_fields import parse_http_date, parse_media_type, parse_retry_after, split_list


def response(data: bytes, method: str = "GET", eof: bool = True):
    return message_at(data, response=True, method=method, eof=eof)


def test_a_plain_response_keeps_case_order_and_duplicates():
    data = b"HTTP/1.1 200 OK\r\nX-b: 1\r\ncontent-LENGTH: 2\r\nx-B:  2 \r\n\r\nhi"
    message = response(data)
    assert (message.status, message.reason, message.version) == (200, "OK", "HTTP/1.1")
    assert message.headers == (("X-b", "1"), ("content-LENGTH", "2"), ("x-B", "2"))
    assert message.all("X-B") == ("1", "2")
    assert message.header("x-b") == "1, 2"
    assert message.header("absent") is None
    assert (message.body, message.framing, message.complete, message.defects) == (b"hi", "content-length", True, ())
    assert (message.start, message.body_start, message.end) == (0, len(data) - 2, len(data))


@pytest.mark.parametrize(
    ("data", "defect"),
    [
        (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bare-lf"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", "truncated-body"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!", "extra-bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "truncated-head"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n", "missing-colon"),
        (b"HTTP/1.1 200 OK\r\nX: 1\r\n more\r\nContent-Length: 0\r\n\r\n", "obs-fold"),
        (b"HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 0\r\n\r\n", "bad-header-name"),
        (b"HTTP/1.1 200 OK\r\nX: \x00\r\nContent-Length: 0\r\n\r\n", "control-bytes"),
        (b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", "bad-status"),
        (b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", "bad-status"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "bad-status-line"),
        (b"hello\r\n\r\n", "bad-status-line"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18), "http2"),
        (b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "leading-blank-line"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "cl-and-te"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n", "bad-content-length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "bad-content-length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", "repeated-content-length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0, 1\r\n\r\n", "differing-content-length"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "forbidden-length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "bad-transfer-encoding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "bad-chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi!0\r\n\r\n", "bad-chunk"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", "truncated-body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n", "truncated-body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n", "bare-lf"),
    ],
)
def test_each_defect_is_named_alone(data, defect):
    (message,) = read_responses(data, ["GET"])
    assert message.defects == (defect,)
    assert defect in DEFECTS


def test_a_truncated_chunk_gives_what_there_is():
    message = response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n5\r\nhe")
    assert (message.body, message.complete) == (b"hihe", False)


def test_chunks_extensions_and_trailers():
    message = response(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n"
    )
    assert (message.body, message.trailers, message.defects) == (b"abc0123456789", (("X-T", "1"),), ())
    assert message.complete


def test_a_body_until_close_is_whole_only_after_an_orderly_end():
    data = b"HTTP/1.1 200 OK\r\n\r\nbody"
    assert (response(data).body, response(data).framing, response(data).complete) == (b"body", "close", True)
    cut = response(data, eof=False)
    assert (cut.body, cut.complete, cut.defects) == (b"body", False, ("truncated-body",))


@pytest.mark.parametrize(("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD")])
def test_no_body_where_none_is_allowed(status, method):
    length = b"" if status == 204 else b"Content-Length: 5\r\n"
    first = b"HTTP/1.1 %d X\r\n%s\r\n" % (status, length)
    messages = read_responses(first + b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", [method, "GET"])
    assert [(m.status, m.body, m.defects) for m in messages] == [(status, b"", ()), (200, b"x", ())]


def test_interim_responses_are_kept_and_skipped():
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
    data += b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    (message,) = read_responses(data, ["POST"])
    assert message.status == 202
    assert [head.status for head in message.interim] == [100, 103]
    (only,) = read_responses(b"HTTP/1.1 100 Continue\r\n\r\n", ["POST"])
    assert (only.status, only.complete, len(only.interim)) == (None, False, 1)


def test_requests_in_a_row_and_rubbish_behind_them():
    first = b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    messages = read_requests(first + b"GET /d HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [(m.method, m.target, m.body, m.framing) for m in messages] == [
        ("POST", "/a?b=c", b"abc", "content-length"),
        ("GET", "/d", b"", "none"),
    ]
    assert messages[1].start == len(first)
    (message,) = read_requests(first + b"rubbish")
    assert message.defects == ("extra-bytes",)
    assert read_requests(b"rubbish")[0].defects[0] == "bad-request-line"


@pytest.mark.parametrize(
    ("coding", "body", "decoded"),
    [
        ("gzip", gzip.compress(b"text", mtime=0), b"text"),
        ("deflate", zlib.compress(b"text"), b"text"),
        ("deflate", zlib.compress(b"text", wbits=-15), b"text"),
        ("identity", b"text", b"text"),
        ("br", b"text", None),
        ("gzip", gzip.compress(b"text", mtime=0)[:-4], None),
        ("gzip", b"no gzip", None),
        ("gzip, deflate", zlib.compress(gzip.compress(b"text", mtime=0)), b"text"),
    ],
)
def test_content_codings(coding, body, decoded):
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    message = response(head + body)
    assert message.body == body
    assert message.decoded == decoded


BODIES = st.binary(max_size=40)
NAMES = st.sampled_from([b"X-A", b"x-b", b"Date", b"Retry-After"])
VALUES = st.text('abc ,;=/"0123', max_size=12).map(lambda s: s.strip().encode())


@given(
    st.sampled_from([200, 202, 204, 304, 404, 503]),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
    st.lists(BODIES.filter(bool), max_size=4),
    st.booleans(),
    st.sampled_from(["GET", "HEAD", "POST"]),
)
def test_valid_responses_read_as_h11_reads_them(status, headers, pieces, chunked, method):
    server = h11.Connection(h11.SERVER)
    server.receive_data(f"{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    while server.next_event() not in (h11.NEED_DATA, h11.PAUSED):
        pass
    framing = [(b"Transfer-Encoding", b"chunked")] if chunked else [(b"Content-Length", b"%d" % len(b"".join(pieces)))]
    if status == 204:
        framing = []
    data = server.send(h11.Response(status_code=status, reason=b"R", headers=headers + framing))
    silent = method == "HEAD" or status in (204, 304)
    data += b"".join(server.send(h11.Data(data=piece)) for piece in ([] if silent else pieces))
    data += server.send(h11.EndOfMessage())
    message = response(data, method)
    assert (message.status, message.defects, message.complete) == (status, (), True)
    assert message.body == (b"" if silent else b"".join(pieces))
    assert message.headers[: len(headers)] == tuple((n.decode(), v.decode()) for n, v in headers)
    assert message.end == len(data)

    for size in (1, 7):  # however it arrives, it is whole at its last byte and not before
        arrival = Arrival(method)
        for at in range(0, len(data), size):
            whole = arrival.feed(data[at : at + size])
            assert whole == (at + size >= len(data))
        assert arrival.message(eof=False) == message


FRAGMENTS = st.lists(
    st.sampled_from(
        [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 C\r\n", b"GET / HTTP/1.1\r\n", b"\r\n", b"\n", b"Content-Length: 3\r\n",
         b"Transfer-Encoding: chunked\r\n", b"3\r\n", b"0\r\n", b"abc", b" fold\r\n", b":\r\n", b"\x00", b"HTT",
         b"Content-Length: \xb2\r\n"]
    )
    | st.binary(max_size=6),
    max_size=14,
).map(b"".join)  # fmt: skip


@settings(max_examples=400)
@given(FRAGMENTS, st.booleans(), st.sampled_from([None, ["GET"], ["HEAD", "POST"]]))
def test_any_bytes_are_read_without_an_exception(data, eof, methods):
    for message in (*read_responses(data, methods, eof=eof), *read_requests(data, eof=eof)):
        assert 0 <= message.start <= message.body_start <= message.end <= len(data)
        assert set(message.defects) <= DEFECTS.keys()
        assert message.complete or message.defects
        repr(message), message.decoded, message.media_type, message.retry_after
    arrival = Arrival("GET")
    for at in range(len(data)):
        if arrival.feed(data[at : at + 1]):
            break
    arrival.message(eof=eof)


def test_a_large_chunked_answer_is_looked_at_once():
    body = b"x" * (1 << 20)
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"1000\r\n" + body[at : at + 4096] + b"\r\n" for at in range(0, len(body), 4096)
    )
    arrival = Arrival("GET")
    for at in range(0, len(data), 1000):
        assert not arrival.feed(data[at : at + 1000])
    assert arrival.feed(b"0\r\n\r\n")
    assert arrival.message(eof=False).body == body


def test_lists_and_media_types():
    assert split_list('a, "b, c" ,, d') == ("a", '"b, c"', "d")
    multipart = parse_media_type('Multipart/Related; TYPE="application/dicom+json"; boundary="a;b"')
    assert (multipart.essence, multipart.param("type"), multipart.param("Boundary")) == (
        "multipart/related",
        "application/dicom+json",
        "a;b",
    )
    unquoted = parse_media_type("multipart/related;type=application/dicom+json;;boundary=x")
    assert (unquoted.param("type"), unquoted.param("boundary")) == ("application/dicom+json", "x")
    assert parse_media_type("rubbish") is None
    assert parse_media_type('a/b; =; c="unclosed').essence == "a/b"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "imf-fixdate"),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "rfc850"),
        ("Sun Nov  6 08:49:37 1994", "asctime"),
    ],
)
def test_the_three_dates(text, form):
    date = parse_http_date(text)
    assert (date.unix_s, date.form) == (784111777, form)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1994-11-06",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
    ],
)
def test_no_dates(text):
    assert parse_http_date(text) is None


def test_retry_after():
    assert parse_retry_after("300").delay_s(0) == 300
    assert parse_retry_after("0").kind == "seconds"
    dated = parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT")
    assert (dated.kind, dated.delay_s(784111700 * 10**9), dated.delay_s(784111800 * 10**9)) == ("date", 77, 0)
    for text in ("-1", "1.5", "soon", "", "1e3", "٣", "+5"):
        assert parse_retry_after(text).kind == "invalid"
        assert parse_retry_after(text).delay_s(0) is None
    assert parse_retry_after("9" * 5000).kind == "seconds"
