"""The reference SCP, and the foreign ones, over real sockets: with our requestor and with pynetdicom as SCU."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import itertools
import re
import sys
import threading
from pathlib import Path

import pytest
from pydicom import DataElement, Dataset, config
from pydicom.filereader import read_dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.dsutils import encode as encode_dataset

from peers.pynetdicom_scp import Peer
from stgcmt.actors.acceptor import Acceptor, Reply
from stgcmt.actors.listeners import LISTENERS, PLAIN
from stgcmt.actors.outcome import Response, Split, Timeouts
from stgcmt.actors.requestor import associate
from stgcmt.clock import SystemClock
from stgcmt.suite import Setting
from stgcmt.sut import Destination
from stgcmt.wire import command as cmd
from stgcmt.wire.items import Role
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.stream import SystemNetwork
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE, IMPLICIT_LE, STUDY_ROOT_GET
from stgcmt_fixtures.instances import CT, MR, counted_uids, make
from stgcmt_suites.scp import pynetdicom_stack, suite
from stgcmt_suites.scp.delivery import Unrecorded
from stgcmt_suites.scp.reference import reference

NETWORK, CLOCK = SystemNetwork(), SystemClock()
QUICK = Timeouts(connect=5, associate=5, response=5, release=5, linger=0.3)
UID = counted_uids()
TRANSACTIONS = (f"2.25.777.{number}" for number in itertools.count(1))
COMMIT = ((COMMITMENT_PUSH, (IMPLICIT_LE, EXPLICIT_LE)),)


class Listener:
    """A destination: what arrives is kept with its association."""

    def __init__(self, script=PLAIN) -> None:
        self.inbox: asyncio.Queue = asyncio.Queue()
        self.acceptor = Acceptor(CLOCK, Unrecorded, script, timeouts=QUICK)
        if script.on_request == "respond" and not script.report_status:
            self.acceptor.handlers = {cmd.N_EVENT_REPORT_RQ: self.take}
        self.socket = None

    async def take(self, assoc, message) -> Reply:
        syntax = assoc.contexts[message.context_id].transfer_syntax
        ds = read_dataset(io.BytesIO(message.data), syntax == IMPLICIT_LE, True)
        self.inbox.put_nowait((assoc, message.command, ds))
        return Reply(0x0000)

    async def open(self, port: int = 0) -> int:
        self.socket = await NETWORK.listen("127.0.0.1", port, self.acceptor)
        return self.socket.address[1]

    async def close(self) -> None:
        await self.socket.aclose()

    async def report(self, seconds: float = 5):
        async with asyncio.timeout(seconds):
            return await self.inbox.get()


@contextlib.asynccontextmanager
async def listening(script=PLAIN):
    listener = Listener(script)
    port = await listener.open()
    try:
        yield listener, Destination("STGCMT", "127.0.0.1", port)
    finally:
        await listener.close()
    assert listener.acceptor.failures == []


@contextlib.asynccontextmanager
async def serving(directory: Path, *destinations, implementation=reference, fault=None, variant=None, **options):
    options = {"delay": 0.05, **options}
    setting = Setting(CLOCK, NETWORK, directory, None, fault, variant, options, destinations)
    async with implementation(setting) as section:
        yield section


def calling(section, contexts=COMMIT, *, ae="STGCMT", roles=()):
    return associate(
        NETWORK,
        CLOCK,
        Unrecorded(),
        section["host"],
        section["port"],
        called_ae=section["ae_title"],
        calling_ae=ae,
        proposal=Proposal(contexts, roles),
        timeouts=QUICK,
    )


async def store(section, *instances) -> None:
    contexts = tuple({(each.sop_class_uid, (each.transfer_syntax_uid,)) for each in instances})
    async with calling(section, contexts) as assoc:
        for each in instances:
            answer = await assoc.c_store(
                each.sop_class_uid, each.sop_instance_uid, each.data_set(), each.transfer_syntax_uid
            )
            assert isinstance(answer, Response) and answer.status == 0


def asking(references, uid=None) -> Dataset:
    ds = Dataset()
    ds[0x00081195] = DataElement(0x00081195, "UI", uid or next(TRANSACTIONS), validation_mode=config.IGNORE)
    ds.ReferencedSOPSequence = []
    for sop_class, sop_instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
        ds.ReferencedSOPSequence.append(item)
    return ds


def named(*instances):
    return [(each.sop_class_uid, each.sop_instance_uid) for each in instances]


def raw(ds: Dataset, syntax: str = IMPLICIT_LE) -> bytes:
    return encode_dataset(ds, syntax == IMPLICIT_LE, True)


async def commit(section, references, uid=None, *, ae="STGCMT", **options):
    """One request on an association of its own; its status and Transaction UID."""
    ds = asking(references, uid)
    async with calling(section, ae=ae) as assoc:
        answer = await assoc.n_action(raw(ds), **options)
    assert isinstance(answer, Response), answer
    return answer.status, ds.TransactionUID


def told(ds: Dataset):
    """The two lists of a report."""
    committed = [
        (each.ReferencedSOPClassUID, each.ReferencedSOPInstanceUID) for each in ds.get("ReferencedSOPSequence", [])
    ]
    failed = [
        (each.ReferencedSOPClassUID, each.ReferencedSOPInstanceUID, each.FailureReason)
        for each in ds.get("FailedSOPSequence", [])
    ]
    return committed, failed


def test_a_commitment_is_reported_on_a_new_association_in_the_right_roles(tmp_path) -> None:
    async def story() -> None:
        ct, mr = make("ct", uid=UID), make("mr", uid=UID)
        async with listening() as (listener, place), serving(tmp_path, place) as section:
            await store(section, ct, mr)
            status, uid = await commit(section, named(ct, mr))
            assert status == 0
            assoc, command, ds = await listener.report()
            assert (assoc.request.calling_ae, assoc.request.called_ae) == (section["ae_title"], "STGCMT")
            assert assoc.request.roles == (Role(COMMITMENT_PUSH, 0, 1),)
            (context,) = assoc.request.contexts
            assert context.transfer_syntaxes == (IMPLICIT_LE, EXPLICIT_LE)
            assert command.event_type == 1 and command.faults == ()
            assert (command.affected_class, command.affected_instance) == (COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE)
            assert ds.TransactionUID == uid and told(ds) == (named(ct, mr), [])
            assert ds.RetrieveAETitle == section["ae_title"] and "FailedSOPSequence" not in ds

    asyncio.run(story())


def test_failures_have_their_reasons(tmp_path) -> None:
    async def story() -> None:
        sc, ct, link = make("sc", uid=UID), make("ct", uid=UID), make("link", uid=UID)
        async with listening(LISTENERS["explicit-only"]) as (listener, place), serving(tmp_path, place) as section:
            await store(section, sc, ct, link)
            asked = [(CT, sc.sop_instance_uid), (CT, "1.2.3.4"), ("1.2.3.5", "1.2.3.6"), *named(ct, link)]
            assert (await commit(section, asked))[0] == 0
            _, command, ds = await listener.report()
            reasons = [reason for *_, reason in told(ds)[1]]
            assert command.event_type == 2 and told(ds)[0] == named(ct) and reasons == [0x0119, 0x0112, 0x0122, 0x0110]
            assert (await commit(section, [(CT, "1.2.3.4")]))[0] == 0
            _, command, ds = await listener.report()
            assert command.event_type == 2 and "ReferencedSOPSequence" not in ds

    asyncio.run(story())


def defects():
    """Every row of the negative matrix: what is wrong, and the status that fits."""
    good = asking([(CT, "1.2.3")])

    def changed(change) -> bytes:
        ds = asking([(CT, "1.2.3")])
        change(ds)
        return raw(ds)

    def set_items(ds, items) -> None:
        ds.ReferencedSOPSequence = items

    yield "no information", 0x0120, None, {}
    yield "no transaction", 0x0120, changed(lambda ds: ds.__delattr__("TransactionUID")), {}
    yield "empty transaction", 0x0121, changed(lambda ds: ds.__setattr__("TransactionUID", "")), {}
    yield "no sequence", 0x0120, changed(lambda ds: ds.__delattr__("ReferencedSOPSequence")), {}
    yield "empty sequence", 0x0121, changed(lambda ds: set_items(ds, [])), {}
    yield "no class", 0x0120, changed(lambda ds: ds.ReferencedSOPSequence[0].__delattr__("ReferencedSOPClassUID")), {}
    yield (
        "no instance",
        0x0120,
        changed(lambda ds: ds.ReferencedSOPSequence[0].__delattr__("ReferencedSOPInstanceUID")),
        {},
    )
    yield "duplicate", 0x0115, raw(asking([(CT, "1.2.3"), (CT, "1.2.3")])), {}
    yield "two classes", 0x0115, raw(asking([(CT, "1.2.3"), (MR, "1.2.3")])), {}
    yield "letters", 0x0115, raw(asking([(CT, "1.2.3")], "1.2.x")), {}
    yield "65 characters", 0x0115, raw(asking([(CT, "1.2.3")], "1." + "2" * 63)), {}
    uid = b"\x08\x00\x95\x11\x06\x00\x00\x001.2.3\x00"
    yield "unreadable", 0x0110, uid + b"\x08\x00\x99\x11\xff\xff\xff\xff" + b"no item at all", {}
    for number in (0, 2, 65535):
        yield f"action {number}", 0x0123, raw(good), {"action_type": number}
    yield "instance", 0x0112, raw(good), {"instance_uid": "1.2.3"}
    yield "malformed instance", 0x0117, raw(good), {"instance_uid": "1.2.x"}
    yield "class", 0x0118, raw(good), {"class_uid": "1.2.840.10008.1.20.2"}
    yield "swapped", 0x0118, raw(good), {"class_uid": COMMITMENT_PUSH_INSTANCE, "instance_uid": COMMITMENT_PUSH}


def test_the_negative_matrix(tmp_path) -> None:
    async def story() -> None:
        async with listening() as (listener, place), serving(tmp_path, place) as section:
            async with calling(section) as assoc:
                for what, status, data, options in defects():
                    answer = await assoc.n_action(data, **options)
                    assert isinstance(answer, Response), (what, answer)
                    assert (what, answer.status) == (what, status)
                    command = answer.command
                    assert command.field == 0x8130 and command.data_set_type == 0x0101 and command.error_comment is None
                    assert command.affected_class in {None, options.get("class_uid", COMMITMENT_PUSH)}
                    assert command.action_type in {None, options.get("action_type", 1)}
                for operation in (cmd.N_GET_RQ, cmd.N_CREATE_RQ):
                    values = {cmd.AFFECTED_CLASS: COMMITMENT_PUSH, cmd.AFFECTED_INSTANCE: COMMITMENT_PUSH_INSTANCE}
                    assert (await assoc.invoke(COMMITMENT_PUSH, operation, values)).status == 0x0211
            assert (await commit(section, [(CT, "1.2.3")], ae="NOBODY"))[0] == 0x0124
            status, uid = await commit(section, [(CT, "1.2.3")])
            # The next report is this one's: none was due before.
            _, _, ds = await listener.report()
            assert status == 0 and ds.TransactionUID == uid

    asyncio.run(story())


def test_optional_and_retired_attributes_do_no_harm(tmp_path) -> None:
    async def story() -> None:
        async with listening() as (listener, place), serving(tmp_path, place) as section, calling(section) as assoc:
            ds = asking([(CT, "1.2.3")])
            ds.StorageMediaFileSetID, ds.StorageMediaFileSetUID = "SET", "1.2.3.4"
            ds.ReferencedPerformedProcedureStepSequence = [Dataset()]
            assert (await assoc.n_action(raw(ds))).status == 0
            assert (await listener.report())[2].TransactionUID == ds.TransactionUID

    asyncio.run(story())


def test_the_life_of_a_transaction_uid(tmp_path) -> None:
    async def story() -> None:
        async with listening() as (listener, place), serving(tmp_path, place, delay=0.2) as section:
            uid = next(TRANSACTIONS)
            assert (await commit(section, [(CT, "1.2.3")], uid))[0] == 0
            assert (await commit(section, [(MR, "1.2.4")], uid))[0] == 0
            first, second = sorted([told((await listener.report())[2])[1] for _ in range(2)])
            assert first == [(CT, "1.2.3", 0x0112)] and second == [(MR, "1.2.4", 0x0131)]
            assert (await commit(section, [(CT, "1.2.5")], uid))[0] == 0x0115
            assert listener.inbox.empty()

    asyncio.run(story())


def test_success_waits_for_the_whole_data_set(tmp_path) -> None:
    async def story() -> None:
        async with listening() as (listener, place), serving(tmp_path, place) as section, calling(section) as assoc:
            before = CLOCK.monotonic_ns()
            answer = await assoc.n_action(raw(asking([(CT, "1.2.3")])), split=Split(0.3, after=16))
            assert answer.status == 0 and answer.t - before > 0.29e9
            await listener.report()

    asyncio.run(story())


@pytest.mark.parametrize(
    "name",
    [
        "absent",
        "reject-transient",
        "reject-permanent",
        "reject-context",
        "no-role",
        "role-refused",
        "failure-status",
        "abort-on-report",
    ],
)
def test_a_report_is_tried_again_until_it_arrives(tmp_path, name) -> None:
    async def story() -> None:
        refusing = PLAIN if name == "absent" else dataclasses.replace(LISTENERS[name], deviate_first=None)
        async with listening(refusing) as (listener, place), serving(tmp_path, place) as section:
            if name == "absent":
                await listener.close()
            assert (await commit(section, [(CT, "1.2.3")]))[0] == 0
            if name == "absent":
                await asyncio.sleep(0.1)
                await listener.open(place.port)
            else:
                async with asyncio.timeout(5):
                    while not listener.acceptor.served:
                        await asyncio.sleep(0.005)
                assert listener.inbox.empty()
                listener.acceptor.handlers = {cmd.N_EVENT_REPORT_RQ: listener.take}
                listener.acceptor.use(PLAIN)
            assert told((await listener.report())[2])[1] == [(CT, "1.2.3", 0x0112)]

    asyncio.run(story())


def test_accepted_requests_survive_a_restart(tmp_path) -> None:
    async def story() -> None:
        ct, uid = make("ct", uid=UID), next(TRANSACTIONS)
        async with listening() as (listener, place):
            async with serving(tmp_path, place, delay=30) as section:
                port = section["port"]
                await store(section, ct)
                assert (await commit(section, named(ct), uid))[0] == 0
            assert listener.inbox.empty()
            database = tmp_path / "store.sqlite3"
            _due_now(database)
            async with serving(tmp_path, place) as section:
                assert section["port"] == port
                _, _, ds = await listener.report()
                assert ds.TransactionUID == uid and told(ds) == (named(ct), [])
                # Until the receipt is in the store the transaction is pending; the response is here within a moment.
                async with asyncio.timeout(5):
                    while (await commit(section, named(ct), uid))[0] != 0x0115:
                        await asyncio.sleep(0.005)

    asyncio.run(story())


def _due_now(database: Path) -> None:
    import sqlite3

    with contextlib.closing(sqlite3.connect(database)) as db, db:
        assert db.execute("UPDATE transactions SET due_ns = 0").rowcount == 1


def test_fifty_commitments_at_once(tmp_path) -> None:
    async def story() -> None:
        instances = [make("ct", uid=UID) for _ in range(50)]
        async with listening() as (listener, place), serving(tmp_path, place) as section:
            await store(section, *instances)
            answers = await asyncio.gather(*(commit(section, named(each)) for each in instances))
            assert {status for status, _ in answers} == {0}
            reports = [(await listener.report())[2] for _ in instances]
            wanted = {uid: named(each) for (_, uid), each in zip(answers, instances, strict=True)}
            assert {ds.TransactionUID: told(ds)[0] for ds in reports} == wanted

    asyncio.run(story())


def test_a_long_report_keeps_the_announced_length(tmp_path) -> None:
    async def story() -> None:
        async with listening(LISTENERS["small-pdu"]) as (listener, place), serving(tmp_path, place) as section:
            assert (await commit(section, [(CT, f"1.2.3.{number}") for number in range(300)]))[0] == 0
            assoc, _, ds = await listener.report()
            assert len(ds.FailedSOPSequence) == 300 and assoc.answer.max_pdu == 4096

    asyncio.run(story())


def test_c_get_gives_back_what_was_stored(tmp_path) -> None:
    async def story() -> None:
        kept = make("private-attributes", uid=UID)
        async with serving(tmp_path) as section:
            await store(section, kept)
            contexts = ((STUDY_ROOT_GET, (IMPLICIT_LE,)), (kept.sop_class_uid, (kept.transfer_syntax_uid,)))
            wanted = Dataset()
            wanted.QueryRetrieveLevel, wanted.SOPInstanceUID = "IMAGE", kept.sop_instance_uid
            found = []

            async def keep(message) -> int:
                found.append(message.data)
                return 0

            for roles, count in (((Role(kept.sop_class_uid, 1, 1),), 1), ((), 0)):
                async with calling(section, contexts, roles=roles) as assoc:
                    answer = await assoc.c_get(raw(wanted), keep)
                assert answer.command.sub_operations[1:3] == (count, 1 - count)
            assert found == [kept.data_set()]

    asyncio.run(story())


def test_roles_are_answered_as_they_were_proposed(tmp_path) -> None:
    async def story() -> None:
        async with serving(tmp_path) as section:
            for asked, answered in (((), ()), ((1, 0), (1, 0)), ((0, 1), (0, 0)), ((1, 1), (1, 0))):
                roles = (Role(COMMITMENT_PUSH, *asked),) if asked else ()
                async with calling(section, roles=roles) as assoc:
                    assert [(role.scu, role.scp) for role in assoc.answer.roles] == ([answered] if answered else [])

    asyncio.run(story())


async def post(url: str) -> bytes:
    host, port, path = re.fullmatch(r"http://([^:]+):(\d+)(/.*)", url).groups()
    stream = await NETWORK.connect(host, int(port))
    await stream.send(f"POST {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    answer = await stream.receive()
    stream.close()
    return answer.split(b" ")[1]


def test_the_vendor_s_help(tmp_path) -> None:
    async def story() -> None:
        ct = make("ct", uid=UID)
        async with listening() as (listener, place), serving(tmp_path, place) as section:
            await store(section, ct)

            def url(name: str) -> str:
                return section["provoke"][name]["url"].replace("{sop_instance_uid}", ct.sop_instance_uid)

            assert await post(url("keep-pending")) == b"204"
            assert (await commit(section, named(ct)))[0] == 0
            with pytest.raises(TimeoutError):
                await listener.report(0.3)
            assert await post(url("release")) == b"204"
            assert told((await listener.report())[2])[0] == named(ct)
            for name, reason in (("exhaust", 0x0213), ("release", None), ("corrupt", 0x0110), ("lose", 0x0112)):
                assert await post(url(name)) == b"204"
                assert (await commit(section, named(ct)))[0] == 0
                committed, failed = told((await listener.report())[2])
                assert [each[2] for each in failed] == ([reason] if reason else []), name
                assert len(committed) + len(failed) == 1
            assert [await post(url("delete")), await post(url("delete"))] == [b"204", b"404"]
            assert (await commit(section, named(ct)))[0] == 0
            assert told((await listener.report())[2])[1][0][2] == 0x0112
            assert await post(url("delete").replace("/delete", "/nothing")) == b"400"

    asyncio.run(story())


def test_variants_report_on_the_open_association(tmp_path) -> None:
    async def story() -> None:
        async with listening() as (listener, place):
            async with serving(tmp_path, place, variant="same-association") as section:
                async with calling(section) as assoc:
                    assert (await assoc.n_action(raw(asking([(CT, "1.2.3")])))).status == 0
                    message = await assoc.wait_message(lambda each: each.command.field == cmd.N_EVENT_REPORT_RQ, 5)
                    await assoc.respond(message, 0x0000)
                assert (await commit(section, [(CT, "1.2.3")]))[0] == 0
                await listener.report()  # the association had ended, so a new one was opened

    asyncio.run(story())


def test_pynetdicom_as_scu(tmp_path) -> None:
    """Stores, asks and listens with pynetdicom alone."""
    seen, arrived = [], threading.Event()

    def on_report(event):
        seen.append((event.event_type, event.event_information))
        arrived.set()
        return 0x0000, None

    async def story(port: int) -> None:
        place = Destination("FOREIGN", "127.0.0.1", port)
        async with serving(tmp_path, place) as section:
            await asyncio.to_thread(talk, section)
            assert await asyncio.to_thread(arrived.wait, 10)

    ct = make("ct", uid=UID)

    def talk(section) -> None:
        ae = AE("FOREIGN")
        ae.add_requested_context(CT, EXPLICIT_LE)
        ae.add_requested_context(COMMITMENT_PUSH)
        assoc = ae.associate(section["host"], section["port"], ae_title=section["ae_title"])
        assert assoc.is_established and assoc.send_c_store(read(ct)).Status == 0
        status, _ = assoc.send_n_action(asking(named(ct), "2.25.99"), 1, COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE)
        assert status.Status == 0
        status, _ = assoc.send_n_action(asking(named(ct, ct)), 1, COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE)
        assert status.Status == 0x0115
        assoc.release()

    ae = AE("FOREIGN")
    ae.add_supported_context(COMMITMENT_PUSH, [EXPLICIT_LE, IMPLICIT_LE], scu_role=False, scp_role=True)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)])
    try:
        asyncio.run(story(server.socket.getsockname()[1]))
    finally:
        server.shutdown()
    assert [(kind, ds.TransactionUID, told(ds)) for kind, ds in seen] == [(1, "2.25.99", (named(ct), []))]


def read(instance) -> Dataset:
    import pydicom

    return pydicom.dcmread(io.BytesIO(instance.part10()))


def test_the_foreign_stack(tmp_path) -> None:
    async def story() -> None:
        ct = make("ct", uid=UID)
        foreign = pynetdicom_stack.reference
        async with listening() as (listener, place), serving(tmp_path, place, implementation=foreign) as section:
            await store(section, ct)
            status, uid = await commit(section, [*named(ct), (CT, "1.2.3")])
            assoc, command, ds = await listener.report()
            assert (status, ds.TransactionUID, command.event_type) == (0, uid, 2)
            assert told(ds) == (named(ct), [(CT, "1.2.3", 0x0112)])
            assert assoc.request.role(COMMITMENT_PUSH).scp == 1 and assoc.request.calling_ae == section["ae_title"]
            assert (await commit(section, named(ct), uid))[0] == 0x0115
            assert (await commit(section, named(ct), ae="NOBODY"))[0] == 0x0124
            assert (await commit(section, named(ct), class_uid="1.2.840.10008.1.20.2"))[0] == 0x0118

    assert suite.stacks["pynetdicom"] == "stgcmt_suites.scp.pynetdicom_stack:reference"
    asyncio.run(story())


def test_the_standalone_peer_reports_on_either_association() -> None:
    async def story() -> None:
        async with listening() as (listener, place):
            peer = Peer({place.ae_title: (place.host, place.port)}, delay=0.1)
            section = {"host": "127.0.0.1", "port": peer.start(), "ae_title": "PEER"}
            try:
                async with calling(section) as assoc:
                    assert (await assoc.n_action(raw(asking([(CT, "1.2.3")])))).status == 0
                    message = await assoc.wait_message(lambda each: each.command.field == cmd.N_EVENT_REPORT_RQ, 5)
                    await assoc.respond(message, 0x0000)
                assert message.command.event_type == 2
                assert (await commit(section, [(CT, "1.2.3")]))[0] == 0
                await listener.report()
            finally:
                await asyncio.to_thread(peer.stop)

    asyncio.run(story())


def test_the_standalone_peer_does_without_us() -> None:
    text = (Path(__file__).parent / "peers" / "pynetdicom_scp.py").read_text("utf-8")
    assert "stgcmt" not in re.sub(r'""".*?"""', "", text, flags=re.DOTALL)
    assert build_role  # it proposes the role as pynetdicom makes it


def test_faults_are_distinct_and_point_to_rows() -> None:
    names = [fault.name for fault in suite.all_faults]
    assert len(names) == len(set(names)) >= 100
    known = {row.id for row in suite.catalogue}
    for fault in suite.all_faults:
        assert set(fault.violates) | set(fault.follows) <= known, fault.name
        assert not set(fault.violates) & set(fault.follows), fault.name
        assert fault.line and not fault.line.endswith("."), fault.name


def test_every_fault_has_its_place_in_the_reference() -> None:
    """A name that no module mentions would switch nothing on."""
    package = Path(sys.modules["stgcmt_suites.scp.reference"].__file__).parent
    modules = ("settings", "answering", "action", "archive", "reporting", "delivery", "reference")
    text = "".join((package / f"{name}.py").read_text("utf-8") for name in modules)
    composed = {
        f"success-for-{how}-{what}"
        for how in ("missing", "empty")
        for what in ("transaction-uid", "item-class", "item-instance")
    }
    for fault in suite.all_faults:
        assert f'"{fault.name}"' in text or fault.name in composed, fault.name
