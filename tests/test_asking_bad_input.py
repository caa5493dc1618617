"""Clients that misbehave towards our listeners, DIMSE and HTTP: a finding or an inconclusive row with its reason, never a hang.

Each is a reference that does nothing but the one thing; time is virtual, the network in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from urllib.parse import parse_qsl, urlsplit

import pytest

from stgcmt.actors.http_server import Reply, serve_http
from stgcmt.actors.outcome import Timeouts
from stgcmt.actors.requestor import associate
from stgcmt.drivers.provoke import NoTap
from stgcmt.selftest_cases import Case, judged, record
from stgcmt.wire.dataset_writer import encode
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.uids import COMMITMENT_PUSH, IMPLICIT_LE
from stgcmt_suites.scu import suite as scu
from stgcmt_suites.user_agent import suite as user_agent

ROWS = {
    "scu": ("DIMSE-J.3.2-01", "DIMSE-J.3.1-01", "DIMSE-J.3.3.1.3-03"),
    "user_agent": ("WEB-13.2-01", "WEB-13.3-01", "WEB-13.4.1-01"),
}
SUITES = {"scu": scu, "user_agent": user_agent}
QUICK = Timeouts(connect=2, associate=2, response=2, release=1, linger=0.1)
MANY = 200
CT = "1.2.840.10008.5.1.4.1.1.2"


class Peer:
    """What a misbehaving client has: the address that it was told, the instances, and a network."""

    def __init__(self, setting, told):
        self.setting, self.told = setting, told
        self.open = []

    async def connect(self):
        stream = await self.setting.network.connect(self.told["host"], int(self.told["port"]))
        self.open.append(stream)
        return stream

    @property
    def uids(self):
        return self.told["uids"].split(",")


async def never(peer):
    """The client takes the order and does nothing."""


async def half_open(peer):
    """A connection on which nothing comes, and one with the beginning of something."""
    await peer.connect()
    stream = await peer.connect()
    await stream.send(b"\x01\x00\x00\x00" if peer.told["role"] == "scu" else b"POST /dicom-web/commitment-requests/1.2")


async def the_other_protocol(peer):
    """HTTP to the DIMSE port, an A-ASSOCIATE-RQ to the HTTP port."""
    stream = await peer.connect()
    if peer.told["role"] == "scu":
        await stream.send(
            b"POST /dicom-web/commitment-requests/1.2.3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
        )
    else:
        proposal = Proposal.of([COMMITMENT_PUSH])
        await stream.send(proposal.encode(called_ae="A", calling_ae="B", max_pdu=16384))
    with contextlib.suppress(OSError):
        async with asyncio.timeout(60):
            while await stream.receive():
                pass


async def garbage(peer):
    """Bytes that are nothing, and an end in the middle."""
    for data in (b"\x00" * 4096, bytes(range(256)) * 16, b"\x04\x00\xff\xff\xff\xff" + b"x" * 100, b"\r\n\r\n\r\n"):
        stream = await peer.connect()
        with contextlib.suppress(OSError):
            await stream.send(data)
        stream.close()


async def flood(peer):
    """Many connections at once that stay open, each with half a message."""
    for _ in range(MANY):
        stream = await peer.connect()
        with contextlib.suppress(OSError):
            await stream.send(b"\x01\x00\x00\x00\x10" if peer.told["role"] == "scu" else b"GET /dicom-web/commitment-")


async def strangers(peer):
    """Requests for instances that nobody gave it."""
    for number in range(20):
        await ask(peer, f"1.2.3.{number}", f"1.9.{number}")


async def twice(peer):
    """The same request twice, at the same time."""
    await asyncio.gather(*(ask(peer, f"1.2.3.{peer.uids[0][-9:]}", peer.uids[0]) for _ in range(2)))


async def breaks_off_and_again(peer):
    """A Request that ends before its payload does, and the same one whole."""
    for cut in (4, None):
        await ask(peer, f"1.2.3.{peer.uids[0][-9:].lstrip('0')}", peer.uids[0], cut)


async def one_uid_for_all(peer):
    """Every order under one Transaction UID, with a payload in which no module can be read."""
    stream = await peer.connect()
    body = peer.told["uids"]
    await stream.send(
        f"POST {peer.told['path']}/commitment-requests/1.2.3 HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    await stream.receive()
    stream.close()


async def ask(peer, uid, instance, cut=None):
    if peer.told["role"] == "user_agent":
        stream = await peer.connect()
        body = f'{{"00081199":{{"vr":"SQ","Value":[{{"00081150":{{"vr":"UI","Value":["{CT}"]}},"00081155":{{"vr":"UI","Value":["{instance}"]}}}}]}}}}'
        head = f"POST {peer.told['path']}/commitment-requests/{uid} HTTP/1.1\r\nHost: a\r\nContent-Type: application/dicom+json\r\nAccept: application/dicom+json\r\nContent-Length: {len(body)}\r\n\r\n"
        await stream.send((head + body).encode()[: cut and -cut])
        if cut:
            await stream.send_eof()
        await stream.receive()
        stream.close()
        return
    where = (peer.setting.network, peer.setting.clock, NoTap(), peer.told["host"], int(peer.told["port"]))
    async with associate(
        *where, called_ae="A", calling_ae="B", proposal=Proposal.of([COMMITMENT_PUSH]), timeouts=QUICK
    ) as assoc:
        item = [(0x00081150, "UI", CT), (0x00081155, "UI", instance)]
        await assoc.n_action(encode([(0x00081195, "UI", uid), (0x00081199, "SQ", [item])], IMPLICIT_LE))


def reference(role, behave):
    """A reference that does ``behave`` when it is told to ask."""

    @contextlib.asynccontextmanager
    async def up(setting):
        tasks, peers = set(), []

        async def told(asked):
            values = dict(parse_qsl(asked.message.target.partition("?")[2]))
            if "base" in values:
                base = urlsplit(values["base"])
                values |= {"host": base.hostname, "port": str(base.port), "path": base.path}
            peers.append(Peer(setting, {**values, "role": role}))
            tasks.add(asyncio.ensure_future(behave(peers[-1])))
            return Reply(202)

        async def handler(stream):
            await serve_http(stream, setting.clock, NoTap(), told)

        async def hears(stream):
            await stream.receive()
            stream.close()

        tool = await setting.network.listen("127.0.0.1", 0, handler)
        listener = await setting.network.listen("127.0.0.1", 0, hears)
        where = "base={base_url}" if role == "user_agent" else "host={host}&port={port}"
        section = {
            "trigger": {
                "url": f"http://127.0.0.1:{tool.address[1]}/ask?{where}&uids={{sop_instance_uids}}",
                "method": "POST",
            }
        }
        if role == "scu":
            section |= {"host": "127.0.0.1", "port": listener.address[1], "ae_title": "BAD"}
        try:
            yield section
        finally:
            for task in tasks:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert not [each for each in found if isinstance(each, Exception)], found
            for peer in peers:
                for stream in peer.open:
                    stream.close()
            await tool.aclose()
            await listener.aclose()

    return up


def outcome_of(role, behave, rows=None):
    rows = rows or ROWS[role]
    suite = dataclasses.replace(SUITES[role], reference=reference(role, behave), modes=())
    case = Case(role, rows=rows)
    recording = record(suite, case)
    return recording, {row.id: row for row in judged(suite, recording, case) if row.id in rows}


CAME = {
    ("scu", never): None,
    ("scu", half_open): "2 times a connection on which nothing was said, or no whole PDU",
    ("scu", the_other_protocol): "HTTP where we listen for DICOM associations",
    ("scu", garbage): "no association",
    ("scu", flood): "00 times",
    ("scu", strangers): "0 times an association of B that asked for nothing",
    ("user_agent", never): None,
    ("user_agent", half_open): "a connection on which nothing was said",
    ("user_agent", the_other_protocol): "a DICOM association where we listen for HTTP (give the client our base URL)",
    ("user_agent", garbage): "bytes that are no request",
    ("user_agent", flood): "200 times",
    ("user_agent", strangers): "POST /dicom-web/commitment-requests/1.2.3.",
}


@pytest.mark.parametrize(("role", "behave"), list(CAME), ids=[f"{role}-{each.__name__}" for role, each in CAME])
def test_what_came_instead_is_told_where_nobody_asked(role, behave):
    rows = {"scu": ("DIMSE-J.3.2.1.2-01", "DIMSE-J.3.2-01"), "user_agent": ("WEB-13.2-01",)}[role]
    _, found = outcome_of(role, behave, rows)
    for row in found.values():
        assert row.verdict == "inconclusive", (row.id, row.standing.message)
    said = found[rows[0]].standing.message
    assert "the client requested nothing in " in said
    wanted = CAME[role, behave]
    assert (wanted in said) if wanted else ("there came" not in said), said


@pytest.mark.parametrize("role", sorted(SUITES))
@pytest.mark.parametrize(
    "behave", [never, half_open, the_other_protocol, garbage, flood, strangers], ids=lambda each: each.__name__
)
def test_a_client_that_asks_for_nothing_passes_nothing_and_says_why(role, behave):
    recording, rows = outcome_of(role, behave)
    assert recording.run.footer.state == "complete"
    assert {each.footer.state for each in recording.scenarios.values()} <= {"complete", "skipped"}, [
        each.footer for each in recording.scenarios.values()
    ]
    for row in rows.values():
        assert row.verdict in {"inconclusive", "fail", "not-tested"}, (row.id, row.verdict, row.standing.message)
        assert row.standing.message or row.reason


@pytest.mark.parametrize("role", sorted(SUITES))
def test_a_client_that_comes_twice_is_a_finding_at_most(role):
    recording, rows = outcome_of(role, twice)
    assert recording.run.footer.state == "complete"
    assert {each.footer.state for each in recording.scenarios.values()} == {"complete"}
    assert {str(row.verdict) for row in rows.values()} <= {"pass", "fail", "warn", "note", "inconclusive"}
    asks = {"scu": "DIMSE-J.3.2-01", "user_agent": "WEB-13.3-01"}[role]
    assert rows[asks].verdict in {"pass", "inconclusive"}


@pytest.mark.parametrize("behave", [the_other_protocol, garbage], ids=lambda each: each.__name__)
@pytest.mark.parametrize("role", sorted(SUITES))
def test_what_nobody_owns_is_on_record(role, behave):
    recording, _ = outcome_of(role, behave)
    kind = "dimse.in" if role == "scu" else "http.in"
    everywhere = [recording.run, *recording.scenarios.values()]
    assert any(event.data for each in everywhere for event in each.of(kind))


def test_a_request_that_broke_off_was_not_made_and_may_be_made_again():
    recording, rows = outcome_of("user_agent", breaks_off_and_again, ("WEB-13.4.1-02",))
    answers = b"".join(event.data for event in recording.scenarios["user_agent", "at_once"].of("http.out"))
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert b"HTTP/1.1 200 " in answers
    assert rows["WEB-13.4.1-02"].verdict == "pass", rows["WEB-13.4.1-02"].standing.message


def test_one_transaction_uid_for_everything_is_found_where_no_module_can_be_read():
    _, rows = outcome_of("user_agent", one_uid_for_all, ("WEB-13.4.1-02",))
    assert rows["WEB-13.4.1-02"].verdict == "fail"
