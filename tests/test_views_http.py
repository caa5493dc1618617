"""The HTTP view: pairs, names its events, never raises."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stgcmt.transcript import Event, Header, Transcript
from stgcmt.views.http import http

POST = b"POST /base/commitment-requests/2.25.1?accept=a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
GET = b"GET http://x/base/y HTTP/1.1\r\nHost: x\r\n\r\n"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
DONE = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 2\r\n\r\n{}"


def transcript(*events) -> Transcript:
    """Events as (kind, data or info, conn, step), 1 ms apart."""
    made = []
    for n, (kind, what, conn, *step) in enumerate(events, 1):
        data, info = (what, {}) if isinstance(what, bytes) else (b"", what)
        made.append(Event(n, n * 1_000_000, kind, data, conn, step[0] if step else None, info))
    return Transcript(Header("s", "r", 10**18, 0), tuple(made))


OPEN = {"protocol": "http", "side": "requestor"}


def test_exchanges_of_a_kept_connection_name_their_events():
    t = transcript(
        ("conn.open", OPEN, 1),
        ("http.out", POST[:20], 1, "post"),
        ("http.out", POST[20:], 1, "post"),
        ("http.in", ACCEPTED[:10], 1, "post"),
        ("http.in", ACCEPTED[10:] + DONE[:5], 1, "post"),
        ("http.out", GET, 1, "poll"),
        ("http.in", DONE[5:], 1, "poll"),
        ("conn.close", {"how": "local"}, 1),
    )
    view = http(t)
    assert view is http(t)
    first, second = view.exchanges
    assert (first.request.events, first.response.events, first.events) == ((2, 3), (4, 5), (2, 3, 4, 5))
    assert (second.request.events, second.response.events) == ((6,), (5, 7))
    assert (first.step, second.step, second.response.step) == ("post", "poll", "poll")
    assert (first.response.t_first, first.response.t_last) == (4_000_000, 5_000_000)
    assert first.response.wall_ns == 10**18 + 5_000_000
    assert first.response.retry_after_s == 1
    assert first.summary == "POST /base/commitment-requests/2.25.1?accept=a -> 202, Retry-After: 1"
    assert (first.request.path, first.request.query) == ("/base/commitment-requests/2.25.1", "accept=a")
    assert first.request.segments == ("base", "commitment-requests", "2.25.1")
    assert (second.request.path, second.request.query) == ("/base/y", None)
    assert second.response.media_type.essence == "application/dicom+json"
    assert second.response.request is second.request
    assert (first.transcript, first.response.transcript, view.transcript) == ("s", "s", "s")


def test_selection():
    t = transcript(
        ("conn.open", OPEN, 1),
        ("http.out", POST, 1, "a"),
        ("http.in", ACCEPTED, 1, "a"),
        ("http.out", GET, 1, "b"),
        ("http.in", ACCEPTED, 1, "b"),
        ("http.out", GET, 1, "b"),
        ("http.in", DONE, 1, "b"),
    )
    view = http(t)
    assert [x.status for x in view.exchanges_of(step="b")] == [202, 200]
    assert [x.status for x in view.exchanges_of(method="POST")] == [202]
    assert (view.answer("b").status, view.answer("b", index=0).status) == (200, 202)
    assert len(view.responses(status=202)) == 2
    assert view.responses(status=202, step="a", method="GET") == ()
    absent = view.answer("c", "GET")
    assert not absent
    assert (absent.outcome, absent.status, absent.response, absent.events, absent.body) == (
        "absent",
        None,
        None,
        (),
        b"",
    )
    assert "step c" in absent.summary
    assert not view.answer("b", index=7)


def test_what_comes_of_a_request_without_an_answer():
    def outcome(*more):
        (exchange,) = http(transcript(("conn.open", OPEN, 1), ("http.out", GET, 1), *more)).exchanges
        return exchange.outcome, exchange.events

    assert outcome(("conn.close", {"how": "fin"}, 1)) == ("closed", (2, 3))
    assert outcome(("conn.close", {"how": "rst"}, 1)) == ("reset", (2, 3))
    assert outcome(("conn.close", {"how": "error: odd"}, 1)) == ("reset", (2, 3))
    assert outcome(("conn.close", {"how": "local"}, 1)) == ("silence", (2,))
    assert outcome() == ("silence", (2,))


def test_a_refused_connection_is_an_exchange_without_request():
    view = http(transcript(("conn.refused", {"protocol": "http", "error": "refused: x"}, 1, "post"),
                           ("conn.refused", {"protocol": "dimse", "error": "y"}, 2, "post")))  # fmt: skip
    (exchange,) = view.exchanges
    assert (exchange.outcome, exchange.request, exchange.step, exchange.events) == ("refused", None, "post", (1,))
    assert exchange.summary == "step post -> no connection (refused: x)"


def test_order_is_by_time_over_connections():
    t = transcript(
        ("http.out", GET, 2, "second"),
        ("http.out", POST, 1, "first"),
        ("http.in", DONE, 1),
        ("http.in", DONE, 2),
    )
    assert [x.conn for x in http(t).exchanges] == [2, 1]


def test_a_connection_from_outside_is_read_the_other_way_round():
    t = transcript(
        ("conn.open", {"protocol": "http", "side": "acceptor"}, 1),
        ("http.in", POST, 1),
        ("http.out", b"HTTP/1.1 200 OK\r\n\r\ntill the end", 1),
        ("conn.close", {"how": "local"}, 1),
    )
    (exchange,) = http(t).exchanges
    assert (exchange.method, exchange.status, exchange.body) == ("POST", 200, b"till the end")
    assert exchange.response.complete


def test_bytes_nobody_asked_for():
    (exchange,) = http(transcript(("conn.open", OPEN, 1), ("http.in", DONE, 1))).exchanges
    assert (exchange.request, exchange.status, exchange.outcome) == (None, 200, "response")
    (exchange,) = http(transcript(("http.out", GET, 1), ("http.in", DONE + DONE, 1))).exchanges
    assert exchange.response.defects == ("extra-bytes",)


def test_other_protocols_are_left_alone():
    assert http(transcript(("conn.open", {"protocol": "dimse"}, 1), ("dimse.out", b"x", 1))).exchanges == ()


PIECES = st.sampled_from(
    [POST, GET, ACCEPTED, DONE, POST[:30], DONE[:-1], DONE[10:], b"\r\n", b"HTTP/1.1 100 C\r\n\r\n"]
)
INFOS = st.dictionaries(
    st.sampled_from(["how", "protocol", "side", "error"]),
    st.sampled_from(["fin", "rst", "local", "http", "acceptor", "error: x"]) | st.none() | st.integers(),
    max_size=3,
)
EVENTS = st.lists(
    st.builds(
        lambda n, t, kind, data, conn, step, info: Event(n, t, kind, data, conn, step, info),
        st.integers(0, 20),
        st.integers(-5, 100),
        st.sampled_from(
            ["conn.open", "conn.tls", "http.out", "http.in", "conn.close", "conn.refused", "dimse.in", "note"]
        ),
        PIECES | st.binary(max_size=8) | st.just(b""),
        st.none() | st.integers(1, 2),
        st.none() | st.sampled_from(["a", "b"]),
        INFOS,
    ),
    max_size=12,
)


@settings(max_examples=400)
@given(EVENTS)
def test_any_transcript_has_a_view(events):
    view = http(Transcript(Header("s", "r", 0, 0), tuple(events)))
    ids = {event.n for event in events}
    for exchange in (*view.exchanges, *view.stale):
        assert set(exchange.events) <= ids
        repr(exchange), repr(exchange.request), repr(exchange.response), exchange.summary
        for part in (exchange.request, exchange.response):
            if part is not None:
                assert set(part.events) <= set(exchange.events)
                part.decoded, part.media_type, part.items("allow")
        if exchange.request:
            exchange.request.segments, exchange.request.query
        if exchange.response:
            exchange.response.retry_after_s, exchange.response.interim
    repr(view), view.summary, view.events, view.responses(), view.answer("a")


@given(st.data())
def test_a_changed_byte_never_raises(data):
    out, came = bytearray(POST + GET), bytearray(ACCEPTED + DONE)
    for side in (out, came):
        at = data.draw(st.integers(0, len(side) - 1))
        side[at] = data.draw(st.integers(0, 255))
    view = http(transcript(("conn.open", OPEN, 1), ("http.out", bytes(out), 1), ("http.in", bytes(came), 1)))
    assert view.exchanges
    assert all(x.summary.isprintable() for x in view.exchanges)
