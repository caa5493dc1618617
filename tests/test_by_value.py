"""What is worked out once: by the value of arguments, and law by law in each recording."""

from __future__ import annotations

import pytest

from stgcmt.by_value import by_value
from stgcmt.transcript import Event, Footer, Header, Transcript
from stgcmt.views.http import http
from stgcmt_suites.commitment.by_itself import each_by_itself


def test_small_arguments_are_worked_out_once_and_large_ones_each_time():
    made = []

    @by_value(small=10, kept=2)
    def length(data: bytes, *more: object) -> int:
        made.append(data)
        return len(data)

    assert [length(data) for data in (b"a", b"bb", b"a", b"bb")] == [1, 2, 1, 2]
    assert made == [b"a", b"bb"]
    assert [length(b"x" * 11), length(b"x" * 11), length(b"a")] == [11, 11, 1]
    assert made == [b"a", b"bb", b"x" * 11, b"x" * 11]
    length(b"ccc")  # the third value: that of the bytes asked for longest ago goes
    length(b"bb")
    assert made[-2:] == [b"ccc", b"bb"]
    length(b"", ("a reference",))
    length(b"", ("a reference",))
    assert made[-2:] == [b"", b""]  # an item of a tuple counts as many bytes


def test_what_is_raised_is_raised_again():
    made = []

    @by_value()
    def broken(data: bytes) -> int:
        made.append(data)
        raise ValueError(data)

    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            broken(b"a")
    assert len(made) == 2


def _recording(name: str, *events: Event) -> Transcript:
    return Transcript(Header(name, "greeter", 0, 0), events, Footer("complete", len(events)))


def test_a_law_is_looked_at_once_where_it_holds_and_each_time_where_not():
    looked = []

    @each_by_itself
    def named_well(transcript: Transcript) -> None:
        looked.append(transcript.name)
        assert transcript.name != "bad", "a bad name"

    good, other, bad = (_recording(name) for name in ("good", "other", "bad"))
    named_well(good, other)
    named_well(good, other)
    assert looked == ["good", "other"]
    for _ in range(2):
        with pytest.raises(AssertionError, match="a bad name"):
            named_well(good, bad)
    assert looked == ["good", "other", "bad", "bad"]


def test_a_mutant_shares_the_exchanges_that_it_leaves_alone():
    def connection(number: int, first: int) -> list[Event]:
        info = {"protocol": "http", "side": "requestor"}
        return [
            Event(first, first, "conn.open", conn=number, info=info),
            Event(first + 1, first + 1, "http.out", conn=number, data=b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number),
            Event(first + 2, first + 2, "http.in", conn=number, data=b"HTTP/1.1 204 No Content\r\n\r\n"),
        ]

    events = [*connection(1, 1), *connection(2, 4)]
    recording = _recording("two", *events)
    late = [
        Event(each.n, each.t + 50, each.kind, conn=each.conn, data=each.data, info=each.info) for each in events[3:]
    ]
    mutant = recording.with_events([*events[:3], *late])
    made = []
    for transcript in (recording, mutant):
        for exchange in http(transcript).exchanges:
            exchange.view(lambda each: made.append(each.t))  # a function of its own each time: never shared
            exchange.view(_target)
    first, second = (http(each).exchanges for each in (recording, mutant))
    assert first[0] is second[0]
    assert first[1] is not second[1]
    assert [each.view(_target) for each in second] == ["/1", "/2"]
    assert first[0].view(_target) is second[0].view(_target)


def _target(exchange):
    return "".join(exchange.request.target)
