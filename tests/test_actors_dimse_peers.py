"""Our DIMSE ends against pynetdicom, in both directions, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import threading

from pydicom.dataset import Dataset, FileMetaDataset
from pynetdicom import AE, build_role, evt
from pynetdicom.dsutils import decode as decode_dataset
from pynetdicom.dsutils import encode as encode_dataset

from stgcmt.actors.acceptor import Reply
from stgcmt.actors.association import Association
from stgcmt.actors.listeners import ListenerScript
from stgcmt.actors.outcome import NotAccepted, Rejected, Released, Response
from stgcmt.wire import command as cmd
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE, IMPLICIT_LE, VERIFICATION
from test_actors_dimse import REPORT, Tape, call, listening

CT = "1.2.840.10008.5.1.4.1.1.2"


def request(count: int = 2) -> Dataset:
    found = Dataset()
    found.TransactionUID = "1.2.3.4"
    found.ReferencedSOPSequence = []
    for number in range(count):
        item = Dataset()
        item.ReferencedSOPClassUID = CT
        item.ReferencedSOPInstanceUID = f"1.2.3.{number}"
        found.ReferencedSOPSequence.append(item)
    return found


def raw(dataset: Dataset, syntax: str = IMPLICIT_LE) -> bytes:
    return encode_dataset(dataset, syntax == IMPLICIT_LE, True)


@contextlib.contextmanager
def foreign(handlers, **roles):
    """A pynetdicom SCP; its threads end with the block."""
    ae = AE("SCP")
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(CT)
    ae.add_supported_context(COMMITMENT_PUSH, [IMPLICIT_LE, EXPLICIT_LE], **roles)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


def test_our_requestor_with_a_foreign_scp() -> None:
    seen: list = []

    def on_action(event):
        seen.append((event.action_type, event.action_information))
        return 0x0000, None

    def on_store(event) -> int:
        seen.append(event.dataset.SOPInstanceUID)
        return 0x0000

    async def story(port: int) -> None:
        proposal = Proposal.of([COMMITMENT_PUSH, VERIFICATION, CT], [IMPLICIT_LE])
        tape = Tape()
        async with call(port, proposal, tape) as assoc:
            assert (await assoc.c_echo()).status == 0
            stored = Dataset()
            stored.SOPInstanceUID = "1.2.3"
            assert (await assoc.c_store(CT, "1.2.3", raw(stored), IMPLICIT_LE)).status == 0
            assert await assoc.c_store(CT, "1.2.3", raw(stored), EXPLICIT_LE) == NotAccepted(CT)
            for count in (2, 1000):
                answer = await assoc.n_action(raw(request(count)))
                assert isinstance(answer, Response) and answer.status == 0 and answer.command.faults == ()
                assert (answer.command.field, answer.command.affected_class) == (0x8130, COMMITMENT_PUSH)
            assert (await assoc.n_action(None, action_type=9)).status is not None
        assert assoc.outcome == Released(by_us=True)
        assert assoc.answer.faults == () and assoc.answer.implementation_version.startswith("PYNETDICOM")

    with foreign([(evt.EVT_N_ACTION, on_action), (evt.EVT_C_STORE, on_store)]) as port:
        asyncio.run(story(port))
    assert seen[0] == "1.2.3"
    assert seen[1] == (1, request(2)) and len(seen[2][1].ReferencedSOPSequence) == 1000


def test_our_requestor_reports_to_a_foreign_listener() -> None:
    seen: list = []

    def on_report(event):
        seen.append((event.event_type, event.event_information.TransactionUID))
        return 0x0000, None

    async def story(port: int) -> None:
        async with call(port, REPORT) as assoc:
            (context,) = assoc.contexts.values()
            assert (context.requestor_scu, context.requestor_scp) == (False, True)
            syntax = assoc.transfer_syntax(COMMITMENT_PUSH)
            answer = await assoc.n_event_report(raw(request(), syntax), 1)
            assert answer.status == 0 and answer.command.field == 0x8100

    with foreign([(evt.EVT_N_EVENT_REPORT, on_report)], scu_role=False, scp_role=True) as port:
        asyncio.run(story(port))
    assert seen == [(1, "1.2.3.4")]


def test_a_foreign_scp_reports_on_our_association() -> None:
    def on_action(event):
        # Inside the handler the report goes out before the response: both must find their way.
        status, _ = event.assoc.send_n_event_report(request(), 1, COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE)
        return status.Status, None

    async def story(port: int) -> None:
        seen: list = []

        async def on_message(assoc: Association, message) -> None:
            seen.append(decode_dataset(io.BytesIO(message.data), True, True))
            await assoc.respond(message, 0)

        async with call(port, Proposal.of([COMMITMENT_PUSH]), on_message=on_message) as assoc:
            assert (await assoc.n_action(raw(request()))).status == 0
        assert [one.TransactionUID for one in seen] == ["1.2.3.4"]

    with foreign([(evt.EVT_N_ACTION, on_action)]) as port:
        asyncio.run(story(port))


def test_a_foreign_refusal_is_an_outcome() -> None:
    async def story(port: int) -> None:
        async with call(port, called_ae="WRONG") as assoc:
            assert assoc.outcome == Rejected(1, 1, 7)

    ae = AE("SCP")
    ae.require_called_aet = True
    ae.add_supported_context(VERIFICATION)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    try:
        asyncio.run(story(server.socket.getsockname()[1]))
    finally:
        server.shutdown()


def test_a_foreign_scu_with_our_acceptor() -> None:
    def scu(port: int) -> dict:
        found: dict = {}
        ae = AE("SCU")
        for uid in (COMMITMENT_PUSH, VERIFICATION, CT):
            ae.add_requested_context(uid, [EXPLICIT_LE, IMPLICIT_LE])
        reports: list = []

        def on_report(event):
            reports.append(event.event_information.TransactionUID)
            return 0x0000, None

        assoc = ae.associate("127.0.0.1", port, ae_title="SCP", evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)])
        assert assoc.is_established
        assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found["syntax"] = str(assoc.accepted_contexts[0].transfer_syntax[0])
        found["echo"] = assoc.send_c_echo().Status
        stored = request()
        stored.SOPClassUID, stored.SOPInstanceUID = CT, "1.2.3"
        stored.file_meta = FileMetaDataset()
        stored.file_meta.TransferSyntaxUID = IMPLICIT_LE
        found["store"] = assoc.send_c_store(stored).Status
        status, _ = assoc.send_n_action(request(), 1, COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE)
        found["action"] = status.Status
        assoc.release()
        found["released"], found["reports"] = assoc.is_released, reports
        return found

    async def action(assoc: Association, message) -> Reply | None:
        report = await assoc.n_event_report(message.data, 1)
        return Reply(0 if isinstance(report, Response) and report.status == 0 else 0x0110)

    async def store(assoc: Association, message) -> Reply:
        stored.append((message.command.affected_instance, len(message.data)))
        return Reply(0xB000)

    stored: list = []

    async def story() -> dict:
        script = ListenerScript("scp", abstract_syntaxes=None)
        async with listening(script, handlers={cmd.N_ACTION_RQ: action, cmd.C_STORE_RQ: store}) as (port, tapes, _):
            done = asyncio.get_running_loop().create_future()
            loop = asyncio.get_running_loop()
            threading.Thread(target=lambda: loop.call_soon_threadsafe(done.set_result, scu(port)), daemon=True).start()
            found = await asyncio.wait_for(done, 20)
            await asyncio.wait_for(tapes[0].closed.wait(), 5)
            found["close"] = tapes[0].close()
            return found

    found = asyncio.run(story())
    assert found == {
        "syntax": IMPLICIT_LE, "echo": 0, "store": 0xB000, "action": 0, "released": True, "reports": ["1.2.3.4"],
        "close": {"how": "release", "by": "peer"},
    }  # fmt: skip
    assert stored[0][0] == "1.2.3"


def test_a_foreign_scp_reports_to_our_listener_on_a_new_association() -> None:
    def scp(port: int) -> tuple:
        ae = AE("SCP")
        ae.add_requested_context(COMMITMENT_PUSH, [IMPLICIT_LE])
        assoc = ae.associate("127.0.0.1", port, ae_title="SCU", ext_neg=[build_role(COMMITMENT_PUSH, scp_role=True)])
        granted = [(context.as_scu, context.as_scp) for context in assoc.accepted_contexts]
        status, _ = assoc.send_n_event_report(request(), 2, COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE)
        assoc.release()
        return granted, status.get("Status")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        for script, expected in (("plain", 0), ("bare-response", 0), ("failure-status", 0x0110), ("small-pdu", 0)):
            seen: list = []

            async def on_message(assoc: Association, message, seen: list = seen) -> None:
                seen.append((assoc.request.calling_ae, message.command.event_type, message.faults))

            async with listening(script, on_message=on_message) as (port, _, _):
                done = loop.create_future()
                threading.Thread(
                    target=lambda port=port, done=done: loop.call_soon_threadsafe(done.set_result, scp(port)),
                    daemon=True,
                ).start()
                assert await asyncio.wait_for(done, 20) == ([(False, True)], expected)
            assert seen == [("SCP", 2, ())]

    asyncio.run(story())
