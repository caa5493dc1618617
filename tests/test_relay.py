"""The recording relay: bytes go through unchanged, in both directions, recorded PDU by PDU; an archive that is away is told."""

from __future__ import annotations

import asyncio

import pytest

from stgcmt.errors import UsageError
from stgcmt.relay import Relay, Relaying
from stgcmt.virtual import run_virtual
from stgcmt.wire.memory import MemoryNetwork

DATA = b"\x04\x00\x00\x00\x00\x05hello"
PART = b"\x01\x00\x00\x00"  # no whole PDU


class Tape:
    def __init__(self):
        self.events = []

    def event(self, kind, /, data=b"", *, t=None, **info):
        self.events.append((kind, data, info))

    def said(self, kind):
        return [data for name, data, _ in self.events if name == kind]


def play(ours, *, away=False):
    """One connection through a relay: the opener sends three chunks, the other end answers with what it got."""
    tape, mentioned, got = Tape(), [], []

    async def main():
        network = MemoryNetwork()

        async def told(_, message):
            mentioned.append(message.data)

        async def echo(stream):
            for _ in range(3):
                got.append(await stream.receive())
            await stream.send(DATA)
            stream.close()

        archive = await network.listen("127.0.0.1", 0, echo)
        relay = Relay(network, ours)
        relay.to({"host": "127.0.0.1", "port": 9 if away else archive.address[1]})

        async def serve(stream):
            await relay.serve(stream=stream, tap=tape, on_message=told, script="plain", number=1)

        place = await network.listen("127.0.0.1", 0, serve)
        stream = await network.connect("127.0.0.1", place.address[1])
        answer = b""
        try:
            for chunk in (DATA[:4], DATA[4:], PART):
                await stream.send(chunk)
                await asyncio.sleep(0.1)
            answer = await stream.receive()
        except OSError:
            pass
        stream.close()
        await asyncio.sleep(1)
        await place.aclose()
        await archive.aclose()
        return answer

    return run_virtual(main()), tape, mentioned, got


@pytest.mark.parametrize(
    ("ours", "asked", "answered"),
    [(False, "dimse.in", "dimse.out"), (True, "dimse.out", "dimse.in")],
    ids=["sut-opens", "archive-opens"],
)
def test_bytes_go_through_unchanged_and_are_recorded_pdu_by_pdu(ours, asked, answered):
    answer, tape, mentioned, got = play(ours)
    assert b"".join(got) == DATA + PART
    assert answer == DATA
    assert tape.said(asked) == [DATA, PART]
    assert tape.said(answered) == [DATA]
    assert mentioned == [DATA[6:], DATA[6:]]
    assert tape.events[0][0] == "conn.open"
    assert tape.events[0][2]["side"] == ("requestor" if ours else "acceptor")
    assert tape.events[-1][0] == "conn.close"


ABORT = bytes.fromhex("07000000000400000200")
REJECT = bytes.fromhex("03000000000400010107")
RELEASE_RQ, RELEASE_RP = (bytes([kind]) + bytes.fromhex("000000000400000000") for kind in (5, 6))


def ended(ours, *, opener=b"", other=b"", how=None, by="opener"):
    """One connection through a relay: each end says something, then one of them ends it; the end that was recorded, and seen."""
    tape, seen = Tape(), {}

    async def read(stream, name):
        try:
            while await stream.receive():
                pass
            seen[name] = "fin"
        except OSError as error:
            seen[name] = type(error).__name__

    async def main():
        network = MemoryNetwork()

        async def far(stream):
            if other:
                await stream.send(other)
            if by == "other":
                await asyncio.sleep(0.2)
                stream.close(reset=how == "rst")
                return
            await read(stream, "other")
            stream.close()

        archive = await network.listen("127.0.0.1", 0, far)
        relay = Relay(network, ours)
        relay.to({"host": "127.0.0.1", "port": archive.address[1]})

        async def told(_, __):
            return

        async def serve(stream):
            await relay.serve(stream=stream, tap=tape, on_message=told)

        place = await network.listen("127.0.0.1", 0, serve)
        stream = await network.connect("127.0.0.1", place.address[1])
        if opener:
            await stream.send(opener)
        reading = asyncio.create_task(read(stream, "opener"))
        if by == "opener":
            await asyncio.sleep(0.2)
            reading.cancel()
            stream.close(reset=how == "rst")
        await asyncio.sleep(20)
        stream.close()
        await asyncio.gather(reading, return_exceptions=True)
        await place.aclose()
        await archive.aclose()

    run_virtual(main())
    kind, _, info = tape.events[-1]
    assert kind == "conn.close"
    return (info["how"], info["by"]), seen


@pytest.mark.parametrize(
    ("case", "recorded"),
    [
        ({"how": "fin"}, ("fin", "peer")),
        ({"how": "fin", "by": "other"}, ("fin", "local")),
        ({"how": "rst"}, ("rst", "peer")),
        ({"how": "rst", "by": "other"}, ("rst", "local")),
        ({"opener": ABORT}, ("abort", "peer")),
        ({"other": ABORT, "by": "other", "how": "rst"}, ("abort", "local")),
        ({"other": REJECT}, ("reject", "local")),
        ({"opener": RELEASE_RQ, "other": RELEASE_RP}, ("release", "peer")),
        ({"opener": RELEASE_RQ, "how": "rst", "by": "other"}, ("rst", "local")),
    ],
    ids=["fin", "archive-fin", "rst", "archive-rst", "abort", "archive-abort", "reject", "release", "release-refused"],
)
def test_an_ending_is_recorded_as_what_it_was(case, recorded):
    assert ended(False, **case)[0] == recorded


def test_where_the_archive_opens_the_ends_change_names():
    assert ended(True, how="rst")[0] == ("rst", "local")
    assert ended(True, how="rst", by="other")[0] == ("rst", "peer")


@pytest.mark.parametrize(("how", "met"), [("rst", "ConnectionResetError"), ("fin", "fin")])
def test_the_other_end_meets_the_end_as_it_was(how, met):
    assert ended(False, how=how)[1]["other"] == met
    assert ended(False, how=how, by="other")[1]["opener"] == met


def test_an_archive_that_never_answers_the_connection_is_not_waited_for_without_end():
    tape = Tape()

    class Nowhere(MemoryNetwork):
        async def connect(self, host, port, *, tls=None):
            await asyncio.sleep(3600)

    async def main():
        network = MemoryNetwork()
        relay = Relay(Nowhere(), ours=False, connect_s=5.0)
        relay.to({"host": "127.0.0.1", "port": 9})
        place = await network.listen(
            "127.0.0.1", 0, lambda stream: relay.serve(stream=stream, tap=tape, on_message=None)
        )
        stream = await network.connect("127.0.0.1", place.address[1])
        begun = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionResetError):
            await stream.receive()
        took = asyncio.get_running_loop().time() - begun
        stream.close()
        await place.aclose()
        return took

    assert run_virtual(main()) == pytest.approx(5.0, abs=0.1)
    assert [kind for kind, _, _ in tape.events] == ["conn.open", "note", "conn.close"]
    assert "no connection within 5 s" in tape.events[1][2]["detail"]


def test_an_archive_that_is_away_closes_the_connection_and_is_recorded():
    answer, tape, _, got = play(False, away=True)
    assert (answer, got) == (b"", [])
    assert [kind for kind, _, _ in tape.events] == ["conn.open", "note", "conn.close"]
    assert "127.0.0.1:9" in tape.events[1][2]["detail"]


def test_a_relay_needs_two_destinations(tmp_path):
    from stgcmt.plan import plan
    from stgcmt.suite import load_suites
    from stgcmt.sut import load

    file = tmp_path / "sut.toml"
    file.write_text("""
name = "x"
[proxy_to_dimse]
base_url = "http://127.0.0.1:9/"
[proxy_to_dimse.relay]
host = "127.0.0.1"
port = 9
[[proxy_to_dimse.destinations]]
ae_title = "A"
port = 11113
""")
    suites = load_suites()
    made = plan(load(file, suites=suites), suites, ("proxy_to_dimse",), {})
    with pytest.raises(UsageError, match="destinations"):
        Relaying.of(made, [object()], MemoryNetwork())
    scripted = {each.scenario.name: each.reason for each in made.scenarios}
    assert "leave [proxy_to_dimse.relay] out" in scripted["refused"]
    assert "leave [proxy_to_dimse.relay] out" in scripted["back_failures"]
    assert "[seeding]" in scripted["round_trip"]
