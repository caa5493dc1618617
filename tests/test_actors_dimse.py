"""Our two DIMSE ends against each other, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket

import pytest

from stgcmt.actors.acceptor import Acceptor, Reply
from stgcmt.actors.association import Association
from stgcmt.actors.listeners import LISTENERS, ListenerScript
from stgcmt.actors.outcome import (
    Aborted,
    Closed,
    Fault,
    NotAccepted,
    Rejected,
    Released,
    Reset,
    Response,
    Silence,
    Split,
    Timeouts,
    Unreachable,
)
from stgcmt.actors.requestor import associate
from stgcmt.clock import SystemClock
from stgcmt.wire import command as cmd
from stgcmt.wire import pdu, pdv
from stgcmt.wire.items import Role
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.stream import SystemNetwork
from stgcmt.wire.uids import COMMITMENT_PUSH, EXPLICIT_LE, IMPLICIT_LE, STUDY_ROOT_GET, VERIFICATION

NETWORK, CLOCK = SystemNetwork(), SystemClock()
QUICK = Timeouts(connect=5, associate=5, response=5, release=5, linger=0.3)
COMMIT = Proposal.of([COMMITMENT_PUSH, VERIFICATION], [IMPLICIT_LE, EXPLICIT_LE])
REPORT = Proposal.of([COMMITMENT_PUSH], [IMPLICIT_LE, EXPLICIT_LE], roles=(Role(COMMITMENT_PUSH, 0, 1),))
CT = "1.2.840.10008.5.1.4.1.1.2"


class Tape:
    """A tap that keeps its events in memory."""

    def __init__(self) -> None:
        self.events: list[tuple[str, bytes, int, dict]] = []
        self.closed = asyncio.Event()

    def event(self, kind: str, data: bytes = b"", *, t: int | None = None, **info: object) -> None:
        self.events.append((kind, data, CLOCK.monotonic_ns() if t is None else t, info))
        if kind == "conn.close":
            self.closed.set()

    def kinds(self) -> list[str]:
        return [kind for kind, *_ in self.events]

    def close(self) -> dict:
        (found,) = [info for kind, _, _, info in self.events if kind == "conn.close"]
        return found

    def bytes(self, kind: str) -> bytes:
        return b"".join(data for one, data, *_ in self.events if one == kind)


@contextlib.asynccontextmanager
async def listening(script: ListenerScript | str = "plain", **more):
    tapes: list[Tape] = []

    def tap() -> Tape:
        tapes.append(Tape())
        return tapes[-1]

    acceptor = Acceptor(CLOCK, tap, LISTENERS[script] if isinstance(script, str) else script, timeouts=QUICK, **more)
    listener = await NETWORK.listen("127.0.0.1", 0, acceptor)
    try:
        yield listener.address[1], tapes, acceptor
    finally:
        await listener.aclose()


@contextlib.asynccontextmanager
async def hostile(handler):
    """A peer that is a bare function on a stream."""
    listener = await NETWORK.listen("127.0.0.1", 0, handler)
    try:
        yield listener.address[1]
    finally:
        await listener.aclose()


def call(port: int, proposal: Proposal = COMMIT, tape: Tape | None = None, **more):
    more = {"timeouts": QUICK, "called_ae": "SCP", "calling_ae": "SCU", **more}
    return associate(NETWORK, CLOCK, tape or Tape(), "127.0.0.1", port, proposal=proposal, **more)


async def accept(stream, script: ListenerScript = LISTENERS["plain"]) -> None:
    """Read the A-ASSOCIATE-RQ and accept it."""
    from stgcmt.wire import items

    raw = await stream.receive()
    await stream.send(script.policy().encode(raw[6:], items.decode_rq(raw[6:]), max_pdu=16384))


def action_scp(seen: list | None = None):
    async def handler(assoc: Association, message) -> Reply:
        if seen is not None:
            seen.append(message)
        return Reply(0x0000)

    return {cmd.N_ACTION_RQ: handler}


def test_echo_action_and_release_leave_every_pdu_on_both_tapes() -> None:
    async def story() -> None:
        seen: list = []
        tape = Tape()
        async with listening(handlers=action_scp(seen)) as (port, tapes, _):
            async with call(port, tape=tape) as assoc:
                assert assoc.established
                assert assoc.transfer_syntax(COMMITMENT_PUSH) == IMPLICIT_LE
                echo = await assoc.c_echo()
                assert isinstance(echo, Response) and echo.status == 0
                answer = await assoc.n_action(b"\x08\x00\x95\x11\x02\x00\x00\x001\0")
                assert isinstance(answer, Response) and answer.status == 0
                assert answer.command.field == 0x8130 and answer.command.action_type == 1
                assert assoc.answer.called_ae == "SCP" and assoc.answer.faults == ()
            assert assoc.outcome == Released(by_us=True)
            await asyncio.wait_for(tapes[0].closed.wait(), 5)
        assert seen[0].data == b"\x08\x00\x95\x11\x02\x00\x00\x001\0" and seen[0].faults == ()
        assert tape.bytes("dimse.out") == tapes[0].bytes("dimse.in")
        assert tape.bytes("dimse.in") == tapes[0].bytes("dimse.out")
        assert tape.kinds()[0] == "conn.open" and tape.kinds()[-1] == "conn.close"
        assert all(len(pdu.split(data)[0]) == 1 for kind, data, *_ in tape.events if kind.startswith("dimse"))
        assert tape.close() == {"how": "release", "by": "local"}
        assert tapes[0].close() == {"how": "release", "by": "peer"}
        assert tape.events[0][3]["side"] == "requestor" and tapes[0].events[0][3]["side"] == "acceptor"

    asyncio.run(story())


def test_report_on_the_same_association_before_and_after_the_response() -> None:
    async def story(before: bool) -> list[str]:
        order: list[str] = []

        async def action(assoc: Association, message) -> Reply | None:
            if before:
                order.append(type(await assoc.n_event_report(b"\0\0", 1)).__name__)
                return Reply(0)
            await assoc.respond(message, 0)
            order.append(type(await assoc.n_event_report(b"\0\0", 2)).__name__)
            return None

        async def on_message(assoc: Association, message) -> None:
            order.append("report")
            await assoc.respond(message, 0)

        async with listening(handlers={cmd.N_ACTION_RQ: action}) as (port, _, _):
            async with call(port, on_message=on_message) as assoc:
                assert (await assoc.n_action(b"\0\0")).status == 0
                found = await assoc.wait_message(lambda m: m.command.field == cmd.N_EVENT_REPORT_RQ, 5)
                assert found.command.event_type == (1 if before else 2)
                await assoc.idle()
                while len(order) < 2:
                    await asyncio.sleep(0)
        return order

    assert asyncio.run(story(True)) == ["report", "Response"]
    assert asyncio.run(story(False)) == ["report", "Response"]


@pytest.mark.parametrize(
    ("script", "requestor", "acceptor"),
    [
        ("plain", (False, True), (0, 1)),
        ("no-role", (True, False), None),
        ("role-refused", (False, False), (0, 0)),
        ("role-both", (False, True), (1, 1)),
        ("role-unproposed", (False, False), (1, 0)),
    ],
)
def test_role_answers(script: str, requestor: tuple, acceptor: tuple | None) -> None:
    async def story() -> None:
        async with listening(script) as (port, _, _), call(port, REPORT) as assoc:
            (context,) = assoc.contexts.values()
            assert (context.requestor_scu, context.requestor_scp) == requestor
            role = assoc.answer.role(COMMITMENT_PUSH)
            assert (None if role is None else (role.scu, role.scp)) == acceptor

    asyncio.run(story())


@pytest.mark.parametrize(
    ("script", "syntax"),
    [
        ("plain", IMPLICIT_LE),
        ("implicit-only", IMPLICIT_LE),
        ("explicit-only", EXPLICIT_LE),
        ("explicit-first", EXPLICIT_LE),
        ("reject-context", None),
    ],
)
def test_transfer_syntax_answers(script: str, syntax: str | None) -> None:
    async def story() -> None:
        async with listening(script) as (port, _, _), call(port, REPORT) as assoc:
            assert assoc.transfer_syntax(COMMITMENT_PUSH) == syntax
            if syntax is None:
                assert await assoc.n_event_report(b"\0\0", 1) == NotAccepted(COMMITMENT_PUSH)

    asyncio.run(story())


def test_scripts_answer_a_report_each_in_its_way() -> None:
    async def report(script: str | ListenerScript):
        async with listening(script) as (port, tapes, _):
            tape = Tape()
            async with call(port, REPORT, tape) as assoc:
                return await assoc.n_event_report(b"\0" * 5000, 1, timeout=0.2), tape, tapes

    async def story() -> None:
        plain = (await report("plain"))[0].command
        assert (plain.status, plain.event_type, plain.affected_class) == (0, 1, COMMITMENT_PUSH)
        bare = (await report("bare-response"))[0].command
        assert bare.status == 0 and set(bare.values) == {0, 0x0100, 0x0120, 0x0800, 0x0900}
        assert (await report("failure-status"))[0].status == 0x0110
        assert (await report("silent"))[0] == Silence(0.2)
        assert (await report("slow"))[0] == Silence(0.2)
        aborted, tape, _ = await report("abort-on-report")
        assert aborted == Aborted(0, 0, by_provider=False) and tape.close() == {"how": "abort", "by": "peer"}
        closed, tape, _ = await report("close-on-report")
        assert closed == Closed(0) and tape.close() == {"how": "fin", "by": "peer"}
        small, tape, _ = await report("small-pdu")
        assert small.status == 0
        sizes = [len(data) - 6 for kind, data, *_ in tape.events if kind == "dimse.out" and data[0] == 4]
        assert max(sizes) == 4096 and len(sizes) == 3
        quick = dataclasses.replace(LISTENERS["slow"], delay_s=0.05)
        assert (await report(quick))[0].status == 0

    asyncio.run(story())


def test_association_answers_and_deviate_first() -> None:
    async def outcome(port: int):
        async with call(port, REPORT, timeouts=dataclasses.replace(QUICK, associate=0.2)) as assoc:
            assert (await assoc.n_event_report(b"\0\0", 1, timeout=1)).__class__ is (
                Response if assoc.established else type(assoc.outcome)
            )
        return assoc.outcome

    async def story() -> None:
        async with listening("reject-transient") as (port, tapes, acceptor):
            assert await outcome(port) == Rejected(2, 3, 2)
            assert await outcome(port) == Released(by_us=True)
            acceptor.use(LISTENERS["reject-permanent"])
            assert await outcome(port) == Rejected(1, 1, 1)
            assert await outcome(port) == Rejected(1, 1, 1)
            for answer, expected in (
                ("abort", Aborted(0, 0, by_provider=False)),
                ("close", Closed(0)),
                ("silence", Silence(0.2)),
            ):
                acceptor.use(ListenerScript(answer, associate=answer))
                assert await outcome(port) == expected
            acceptor.ae_title = "OTHER"
            acceptor.use(ListenerScript("ae", check_called_ae=True))
            assert await outcome(port) == Rejected(1, 1, 7)

    asyncio.run(story())


def test_what_a_peer_may_do_instead_of_answering_is_told_apart() -> None:
    abort = pdu.encode_abort(2, 6)

    async def after_request(stream, what: str) -> None:
        await accept(stream)
        await stream.receive()
        if what == "provider":
            await stream.send(abort)
        elif what == "half":
            await stream.send(b"\x04\x00\x00\x00\x01")
        elif what == "reset":
            stream.close(reset=True)
        elif what == "garbage":
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif what == "unknown":
            await stream.send(pdu.encode(0x0B, b"?"))
        elif what == "pdv":
            await stream.send(pdu.encode(4, b"\0\0\0\xff\x01\x03"))
        elif what == "release":
            await stream.send(pdu.encode_release_rq())
        if what in {"garbage", "unknown", "pdv", "release"}:
            await stream.receive()

    async def story(what: str):
        tape = Tape()
        async with hostile(lambda stream: after_request(stream, what)) as port, call(port, tape=tape) as assoc:
            answer = await assoc.n_action(b"\0\0")
            assert assoc.outcome == answer == await assoc.c_echo()
        return answer, tape

    assert asyncio.run(story("provider"))[0] == Aborted(2, 6, by_provider=True)
    half, tape = asyncio.run(story("half"))
    assert half == Closed(5) and tape.events[-2][:2] == ("dimse.in", b"\x04\x00\x00\x00\x01")
    assert tape.events[-1][3] == {"how": "fin", "by": "peer"}
    reset, tape = asyncio.run(story("reset"))
    assert isinstance(reset, Reset) and tape.close()["how"] == "rst"
    garbage, tape = asyncio.run(story("garbage"))
    assert isinstance(garbage, Fault) and tape.close()["how"].startswith("error")
    assert b"HTTP/1.1" in tape.bytes("dimse.in") and tape.bytes("dimse.out").endswith(pdu.encode_abort(2, 1))
    assert isinstance(asyncio.run(story("unknown"))[0], Fault)
    assert isinstance(asyncio.run(story("pdv"))[0], Fault)
    released, tape = asyncio.run(story("release"))
    assert released == Released() and tape.bytes("dimse.out").endswith(pdu.encode_release_rp())


def test_an_abort_that_arrived_during_a_large_send_is_not_lost() -> None:
    async def rude(stream) -> None:
        await accept(stream)
        await stream.receive()
        await stream.send(pdu.encode_abort(0, 0))
        stream.close()  # unread bytes make this a reset

    async def story() -> None:
        async with hostile(rude) as port:
            for _ in range(20):
                async with call(port) as assoc:
                    assert await assoc.n_action(bytes(4_000_000)) == Aborted(0, 0, by_provider=False)

    asyncio.run(story())


def test_unreachable_is_an_outcome() -> None:
    async def story() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            tape = Tape()
            async with call(port, tape=tape) as assoc:
                assert isinstance(assoc.outcome, Unreachable)
                assert await assoc.c_echo() == assoc.outcome
                assert not await assoc.send_raw(b"x")
                assert await assoc.release() == assoc.outcome
        assert tape.kinds() == ["conn.refused"]

    asyncio.run(story())


def test_split_message_pauses_where_asked_and_an_early_failure_is_seen() -> None:
    async def early(stream) -> None:
        await accept(stream)
        await stream.receive()
        command = cmd.encode({0x0100: 0x8130, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0x0124})
        await stream.send(b"".join(pdv.fragment(1, command, 0, is_command=True)))
        while await stream.receive():
            pass

    async def story() -> None:
        seen: list = []
        async with listening(handlers=action_scp(seen)) as (port, _, _):
            tape = Tape()
            async with call(port, tape=tape) as assoc:
                assert (await assoc.n_action(b"abcdef", split=Split(0.05, after=2))).status == 0
                assert (await assoc.n_action(b"abcdef", split=Split(0.05))).status == 0
            assert [message.data for message in seen] == [b"abcdef", b"abcdef"]
            out = [(data, t) for kind, data, t, _ in tape.events if kind == "dimse.out" and data[0] == 4]
            assert [data[12:] for data, _ in out if not data[11] & 1] == [b"ab", b"cdef", b"abcdef"]
            assert out[2][1] - out[1][1] >= 45_000_000 and out[1][1] - out[0][1] < 45_000_000
            assert out[4][1] - out[3][1] >= 45_000_000
        async with hostile(early) as port:
            tape = Tape()
            async with call(port, tape=tape) as assoc:
                answer = await assoc.n_action(b"abcdef", split=Split(0.1))
                assert answer.status == 0x0124
                sent = [t for kind, _, t, _ in tape.events if kind == "dimse.out"]
                assert answer.t < sent[-1]
                await assoc.abort()

    asyncio.run(story())


def test_cancellation_closes_with_an_abort() -> None:
    async def story() -> None:
        async with listening("silent") as (port, tapes, _):
            reached = asyncio.Event()

            async def wait() -> None:
                async with call(port, REPORT) as assoc:
                    reached.set()
                    await assoc.n_event_report(b"\0\0", 1)

            task = asyncio.create_task(wait())
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(tapes[0].closed.wait(), 5)
        assert tapes[0].bytes("dimse.in").endswith(pdu.encode_abort(0, 0))
        assert tapes[0].close() == {"how": "abort", "by": "peer"}

    asyncio.run(story())


def test_late_response_is_not_taken_for_the_next_one() -> None:
    async def late(stream) -> None:
        await accept(stream)
        await stream.receive()
        await stream.receive()
        for responded_to, status in ((1, 0x0110), (2, 0x0000)):
            command = cmd.encode({0x0100: 0x8130, 0x0120: responded_to, 0x0800: 0x0101, 0x0900: status})
            await stream.send(b"".join(pdv.fragment(1, command, 0, is_command=True)))
        await stream.receive()

    async def story() -> None:
        async with hostile(late) as port, call(port) as assoc:
            assert await assoc.n_action(b"\0\0", timeout=0.05) == Silence(0.05)
            assert (await assoc.n_action(b"\0\0")).status == 0
            await assoc.abort()

    asyncio.run(story())


def test_wrong_message_id_in_the_response_is_still_an_answer() -> None:
    async def wrong(assoc: Association, message) -> Reply:
        return Reply(0, fields={cmd.RESPONDED_TO: 77})

    async def story() -> None:
        async with listening(handlers={cmd.N_ACTION_RQ: wrong}) as (port, _, _), call(port) as assoc:
            assert (await assoc.n_action(b"\0\0")).command.responded_to == 77

    asyncio.run(story())


def test_get_brings_sub_operations_back_on_the_same_association() -> None:
    async def get(assoc: Association, message) -> Reply:
        for number in range(3):
            stored = await assoc.c_store(CT, f"1.2.{number}", b"\x08\x00\x18\x00" + bytes(20_000 + number * 2))
            await assoc.respond(message, 0xFF00, fields={cmd.COMPLETED: number + 1})
            assert stored.status == 0
        return Reply(0, fields={cmd.COMPLETED: 3})

    async def story() -> None:
        script = ListenerScript("scp", abstract_syntaxes=None)
        proposal = Proposal.of([STUDY_ROOT_GET, CT], roles=(Role(CT, 0, 1),))
        stored: list = []

        async def on_store(message) -> int:
            stored.append((message.command.affected_instance, len(message.data)))
            return 0

        async with listening(script, handlers={cmd.C_GET_RQ: get}) as (port, _, _), call(port, proposal) as assoc:
            final = await assoc.c_get(b"\0\0", on_store)
            assert final.status == 0 and final.command.sub_operations[1] == 3
            assert assoc.messages == []
        assert stored == [("1.2.0", 20_004), ("1.2.1", 20_006), ("1.2.2", 20_008)]

    asyncio.run(story())


def test_caller_sees_a_message_before_it_is_answered() -> None:
    async def story() -> None:
        order: list[str] = []

        async def on_message(assoc: Association, message) -> None:
            order.append(f"{assoc.request.calling_ae} {message.command.name}")
            assert tapes[0].kinds().count("dimse.out") == 1

        async with listening(on_message=on_message) as (port, tapes, _), call(port, REPORT) as assoc:
            assert (await assoc.n_event_report(b"\0\0", 1)).status == 0
        assert order == ["SCU N-EVENT-REPORT-RQ"]

    asyncio.run(story())


def test_an_error_of_our_own_handler_is_raised_and_never_silent() -> None:
    async def broken(assoc: Association, message) -> None:
        raise LookupError("our own mistake")

    async def story() -> None:
        async def action(assoc: Association, message) -> Reply:
            await assoc.n_event_report(b"\0\0", 1)
            return Reply(0)

        async with listening(handlers={cmd.N_ACTION_RQ: action}) as (port, _, _):
            with pytest.raises(LookupError):
                async with call(port, on_message=broken) as assoc:
                    assert isinstance(await assoc.n_action(b"\0\0"), Aborted)

    asyncio.run(story())


def test_stop_aborts_what_is_open() -> None:
    async def story() -> None:
        stop = asyncio.Event()
        async with listening("silent", stop=stop) as (port, _, _), call(port, REPORT) as assoc:
            asyncio.get_running_loop().call_later(0.02, stop.set)
            assert await assoc.n_event_report(b"\0\0", 1) == Aborted(0, 0, by_provider=False)

    asyncio.run(story())


def test_unknown_requests_and_undecodable_commands() -> None:
    async def story() -> None:
        async with listening() as (port, _, _), call(port) as assoc:
            create = await assoc.invoke(COMMITMENT_PUSH, cmd.N_CREATE_RQ, {cmd.AFFECTED_CLASS: COMMITMENT_PUSH})
            assert create.status == 0x0211
            await assoc.send_message(1, {0x0110: 9})
            await assoc.ended.wait()
            assert isinstance(assoc.outcome, Aborted)

    asyncio.run(story())


def test_a_hundred_associations_at_once_lose_nothing() -> None:
    async def story() -> None:
        seen: list = []

        async def one(port: int, number: int) -> list:
            async with call(port) as assoc:
                data = f"{number:06d}".encode()
                return [(await assoc.n_action(data)).status for _ in range(5)] + [assoc.next_message_id()]

        async with listening(handlers=action_scp(seen)) as (port, tapes, _):
            answers = await asyncio.gather(*(one(port, number) for number in range(100)))
        assert answers == [[0, 0, 0, 0, 0, 6]] * 100
        assert len(seen) == 500 and len({message.data for message in seen}) == 100 and len(tapes) == 100

    asyncio.run(story())


def test_a_service_that_has_begun_outlives_its_association() -> None:
    async def story() -> None:
        tried: list = []
        gone = asyncio.Event()

        async def action(assoc: Association, message) -> None:
            await assoc.respond(message, 0)
            await assoc.ended.wait()
            tried.append(await assoc.n_event_report(b"\0\0", 1))
            await asyncio.sleep(0.02)
            tried.append("new association")
            gone.set()

        async with listening(handlers={cmd.N_ACTION_RQ: action}) as (port, tapes, _):
            async with call(port) as assoc:
                assert (await assoc.n_action(b"\0\0")).status == 0
            await asyncio.wait_for(gone.wait(), 5)
            assert tried == [Released(), "new association"]
            assert tapes[0].kinds()[-1] == "conn.close"

    asyncio.run(story())


def test_an_acceptor_collects_the_errors_of_its_own_handlers() -> None:
    async def broken(assoc: Association, message) -> Reply:
        raise LookupError("our own mistake")

    async def story() -> None:
        async with listening(handlers={cmd.N_ACTION_RQ: broken}) as (port, tapes, acceptor):
            async with call(port) as assoc:
                assert isinstance(await assoc.n_action(b"\0\0"), Aborted)
            while not acceptor.failures:
                await asyncio.sleep(0)
            assert "LookupError" in next(info for kind, _, _, info in tapes[0].events if kind == "note")["text"]

    asyncio.run(story())


def test_a_release_that_nobody_answers_ends_in_an_abort() -> None:
    async def deaf(stream) -> None:
        await accept(stream)
        while await stream.receive():
            pass

    async def story() -> None:
        async with hostile(deaf) as port:
            tape = Tape()
            async with call(port, tape=tape) as assoc:
                assert await assoc.release(0.05) == Silence(0.05)
            assert tape.bytes("dimse.out").endswith(pdu.encode_release_rq() + pdu.encode_abort())
            assert tape.close() == {"how": "abort", "by": "local"}

    asyncio.run(story())


def test_nothing_is_left_running() -> None:
    async def story() -> None:
        for script in ("plain", "abort-on-report", "close-on-report", "reject-permanent", "silent"):
            async with listening(script) as (port, _, _), call(port, REPORT) as assoc:
                await assoc.n_event_report(b"\0\0", 1, timeout=0.05)
        await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(story())
