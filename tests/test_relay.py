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
