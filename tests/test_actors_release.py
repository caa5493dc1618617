"""A report that meets our release: answered where it came before, never after an A-RELEASE-RQ (PS3.8 9.2, state 7)."""

from __future__ import annotations

import asyncio

from stgcmt.actors.association import Association
from stgcmt.actors.outcome import Released, Response
from stgcmt.wire import command as cmd
from stgcmt.wire import pdu, pdv
from test_actors_dimse import Tape, accept, call, hostile

REPORT_RQ = {
    cmd.AFFECTED_CLASS: "1.2.840.10008.1.20.1",
    cmd.FIELD: cmd.N_EVENT_REPORT_RQ,
    cmd.MESSAGE_ID: 7,
    cmd.DATA_SET_TYPE: 0x0101,
    cmd.AFFECTED_INSTANCE: "1.2.840.10008.1.20.1.1",
    cmd.EVENT_TYPE: 1,
}
REQUEST = [pdu.P_DATA_TF] * 2  # command and data set of the N-ACTION
ACTION_RSP = {cmd.FIELD: cmd.N_ACTION_RQ | cmd.RESPONSE, cmd.RESPONDED_TO: 1, cmd.DATA_SET_TYPE: 0x0101, cmd.STATUS: 0}


def sent(values: dict) -> bytes:
    return b"".join(pdv.fragment(1, cmd.encode(values), 16384, is_command=True))


def outgoing(tape: Tape) -> list[int]:
    """The PDU types that we sent."""
    return [data[0] for kind, data, *_ in tape.events if kind == "dimse.out"]


async def conversation(peer) -> tuple[Tape, Association, list[bool]]:
    tape, answered = Tape(), []

    async def on_message(assoc: Association, message) -> None:
        await asyncio.sleep(0)  # never quicker than who waits for the response
        answered.append(await assoc.respond(message, 0))

    async with hostile(peer) as port, call(port, tape=tape, on_message=on_message) as assoc:
        assert isinstance(await assoc.n_action(b"\0\0"), Response)
        await assoc.release()
        await assoc.idle()
    return tape, assoc, answered


def test_a_report_that_came_with_the_response_is_answered_before_the_release() -> None:
    async def peer(stream) -> None:
        await accept(stream)
        await stream.receive()
        await stream.send(sent(ACTION_RSP) + sent(REPORT_RQ))
        while data := await stream.receive():
            if data[-10] == pdu.RELEASE_RQ:
                await stream.send(pdu.encode_release_rp())

    tape, assoc, answered = asyncio.run(conversation(peer))
    assert answered == [True]
    assert outgoing(tape) == [pdu.ASSOCIATE_RQ, *REQUEST, pdu.P_DATA_TF, pdu.RELEASE_RQ]
    assert assoc.outcome == Released(by_us=True)


def test_a_report_that_crosses_the_release_is_read_and_not_answered() -> None:
    async def peer(stream) -> None:
        await accept(stream)
        await stream.receive()
        await stream.send(sent(ACTION_RSP))
        await stream.receive()
        await stream.send(sent(REPORT_RQ) + pdu.encode_release_rp())

    tape, assoc, answered = asyncio.run(conversation(peer))
    assert answered == [False]
    assert outgoing(tape) == [pdu.ASSOCIATE_RQ, *REQUEST, pdu.RELEASE_RQ]
    assert sent(REPORT_RQ) in tape.bytes("dimse.in")
    assert assoc.outcome == Released(by_us=True)
