"""The DIMSE codecs: golden bytes written by hand, properties, and the cross-check against pynetdicom's codecs."""

from __future__ import annotations

import random
import re
import struct
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stgcmt.wire import command as cmd
from stgcmt.wire import items, pdu, pdv
from stgcmt.wire.items import Context, Extended, Role
from stgcmt.wire.negotiation import Policy, Proposal, granted
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE, IMPLICIT_LE, VERIFICATION

GOLDEN = Path(__file__).parent / "golden" / "dimse"
CT = "1.2.840.10008.5.1.4.1.1.2"
GET, MOVE = "1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.2.2.2"
PUSH, INSTANCE = COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE


def golden(name: str) -> bytes:
    found = bytearray()
    for line in (GOLDEN / f"{name}.hex").read_text().splitlines():
        for quoted, plain in re.findall(r'"([^"]*)"|([0-9A-F]{2})\b|#.*', line):
            found += quoted.encode("ascii") if quoted else bytes.fromhex(plain)
    return bytes(found)


# What each golden command set means; its encoding is derived from these values alone.
COMMANDS = {
    "c-echo-rq": {0x0002: VERIFICATION, 0x0100: 0x0030, 0x0110: 7, 0x0800: 0x0101},
    "c-echo-rsp": {0x0002: VERIFICATION, 0x0100: 0x8030, 0x0120: 7, 0x0800: 0x0101, 0x0900: 0},
    "c-store-rq": {0x0002: CT, 0x0100: 1, 0x0110: 9, 0x0700: 0, 0x0800: 1, 0x1000: "1.2.3.4"},
    "c-store-rsp": {0x0002: CT, 0x0100: 0x8001, 0x0120: 9, 0x0800: 0x0101, 0x0900: 0xA700, 0x1000: "1.2.3.4"},
    "c-get-rq": {0x0002: GET, 0x0100: 0x0010, 0x0110: 10, 0x0700: 0, 0x0800: 1},
    "c-get-rsp": {0x0002: GET, 0x0100: 0x8010, 0x0120: 10, 0x0800: 0x0101, 0x0900: 0xFF00}
    | {0x1020: 4, 0x1021: 3, 0x1022: 2, 0x1023: 1},
    "c-move-rq": {0x0002: MOVE, 0x0100: 0x0021, 0x0110: 11, 0x0600: "HARNESS", 0x0700: 0, 0x0800: 1},
    "c-move-rsp": {0x0002: MOVE, 0x0100: 0x8021, 0x0120: 11, 0x0800: 0x0101, 0x0900: 0}
    | {0x1020: 0, 0x1021: 5, 0x1022: 0, 0x1023: 0},
    "n-action-rq": {0x0003: PUSH, 0x0100: 0x0130, 0x0110: 1, 0x0800: 1, 0x1001: INSTANCE, 0x1008: 1},
    "n-action-rsp": {0x0002: PUSH, 0x0100: 0x8130, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0, 0x1000: INSTANCE, 0x1008: 1},
    "n-action-rsp-refused": {0x0100: 0x8130, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0x0120}
    | {0x0901: (0x00081195,), 0x0902: "missing", 0x0903: 42},
    "n-event-report-rq": {0x0002: PUSH, 0x0100: 0x0100, 0x0110: 5, 0x0800: 1, 0x1000: INSTANCE, 0x1002: 2},
    "n-event-report-rsp": {0x0002: PUSH, 0x0100: 0x8100, 0x0120: 5, 0x0800: 0x0101, 0x0900: 0}
    | {0x1000: INSTANCE, 0x1002: 2},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_golden_command_sets(name: str) -> None:
    raw, meaning = golden(name), COMMANDS[name]
    assert cmd.encode(meaning) == raw
    decoded = cmd.decode(raw)
    assert decoded.faults == ()
    assert [element for element, _ in decoded.elements] == [0, *sorted(meaning)]
    for element, value in meaning.items():
        if isinstance(value, int):
            assert decoded.short(element) == value
        elif isinstance(value, str):
            assert decoded.text(element) == value
    base = name.upper().removesuffix("-REFUSED")
    assert decoded.name == base
    assert decoded.is_response == base.endswith("RSP")


def test_golden_command_properties() -> None:
    refused = cmd.decode(golden("n-action-rsp-refused"))
    assert (refused.status, refused.error_comment, refused.error_id) == (0x0120, "missing", 42)
    assert refused.offending_elements == (0x00081195,) and refused.affected_class is None
    report = cmd.decode(golden("n-event-report-rq"))
    assert (report.field, report.event_type, report.affected_class, report.affected_instance, report.message_id) == (
        0x0100, 2, PUSH, INSTANCE, 5,
    )  # fmt: skip
    assert report.has_data_set and not cmd.decode(golden("n-event-report-rsp")).has_data_set
    action = cmd.decode(golden("n-action-rq"))
    assert (action.requested_class, action.requested_instance, action.action_type) == (PUSH, INSTANCE, 1)
    assert cmd.decode(golden("c-get-rsp")).sub_operations == (4, 3, 2, 1)
    assert cmd.decode(golden("c-move-rq")).move_destination == "HARNESS"


def test_responses_derived_from_requests_are_the_golden_ones() -> None:
    for asked, status in (("c-echo", 0), ("c-store", 0xA700), ("n-action", 0), ("n-event-report", 0)):
        request = cmd.decode(golden(f"{asked}-rq"))
        assert cmd.encode(cmd.response(request, status, {})) == golden(f"{asked}-rsp")


def test_golden_associate_rq() -> None:
    raw = golden("associate-rq")
    (one,), rest = pdu.split(raw)
    assert (one.type, one.name, one.raw, rest) == (1, "A-ASSOCIATE-RQ", raw, b"")
    rq = items.decode_rq(one.body)
    assert (rq.called_ae, rq.calling_ae, rq.protocol_version) == ("STORE_SCP", "MODALITY", 1)
    assert rq.contexts == (Context(1, PUSH, (IMPLICIT_LE, EXPLICIT_LE)),)
    assert rq.roles == (Role(PUSH, 0, 1),) and rq.ext_neg == (Extended(PUSH, b"\x01\x02"),)
    assert (rq.max_pdu, rq.implementation_uid, rq.implementation_version) == (16384, "1.2.3", "TEST")
    assert rq.async_ops == (2, 3) and rq.identity == b"\x01\x00\x00\x02me\x00\x00"
    assert rq.application_context == "1.2.840.10008.3.1.1.1" and rq.faults == ()
    assert [item.type for item in rq.items] == [0x10, 0x20, 0x50]
    assert [item.type for item in rq.items[2].children] == [0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x5A]
    for item in (*rq.items, *rq.items[1].children, *rq.items[2].children):
        assert one.body[item.offset : item.offset + 4 + item.length] == item.raw
    subs = b"".join(
        (
            items.item(0x51, struct.pack(">I", 16384)),
            items.item(0x52, b"1.2.3"),
            items.item(0x53, b"\0\2\0\3"),
            items.role_item(PUSH, 0, 1),
            items.item(0x55, b"TEST"),
            items.extended_item(PUSH, b"\1\2"),
            items.item(0x57, b"\0\x051.2.3\0\x051.2.4\0\0"),
            items.item(0x58, b"\1\0\0\2me\0\0"),
            items.item(0x5A, b"\xde\xad\0"),
        )
    )
    user = items.item(0x50, subs)
    assert items.encode_rq(called_ae="STORE_SCP", calling_ae="MODALITY", contexts=rq.contexts, user=user) == raw


def test_golden_associate_ac_and_roles() -> None:
    raw = golden("associate-ac")
    ac = items.decode_ac(raw[6:])
    assert ac.contexts == (Context(1, "", (IMPLICIT_LE,), 0),) and ac.roles == (Role(PUSH, 0, 1),)
    assert (ac.max_pdu, ac.called_ae, ac.calling_ae, ac.faults) == (32768, "STORE_SCP", "MODALITY", ())
    rq_body = golden("associate-rq")[6:]
    user = items.user_items(max_pdu=32768, roles=ac.roles, implementation_uid="1.2.3", implementation_version="TEST")
    assert items.encode_ac(rq_body, contexts=ac.contexts, user=user) == raw
    (context,) = granted(items.decode_rq(rq_body), ac)
    assert (context.transfer_syntax, context.requestor_scu, context.requestor_scp) == (IMPLICIT_LE, False, True)
    assert context.acceptor_scu and not context.acceptor_scp


def test_golden_small_pdus() -> None:
    assert pdu.encode_reject(2, 3, 2) == golden("associate-rj")
    assert pdu.decode_reject(golden("associate-rj")[6:]) == pdu.AssociateRj(2, 3, 2)
    assert pdu.encode_release_rq() == golden("release-rq")
    assert pdu.encode_release_rp() == golden("release-rp")
    assert pdu.encode_abort(2, 6) == golden("abort")
    assert pdu.decode_abort(golden("abort")[6:]) == pdu.Abort(2, 6)
    raw = golden("p-data")
    pdvs, faults = pdv.read_pdvs(raw[6:])
    assert pdvs == (pdv.Pdv(1, True, False, b"head"), pdv.Pdv(1, False, True, b"end")) and faults == ()
    head = pdv.encode_pdv(1, b"head", is_command=True, is_last=False)
    assert pdu.encode(4, head + pdv.encode_pdv(1, b"end", is_command=False, is_last=True)) == raw


def test_short_and_strange_bodies_carry_faults() -> None:
    assert pdu.decode_abort(b"\0\0\x02").reason is None and pdu.decode_abort(b"").faults
    assert pdu.decode_reject(b"\0\1\2\3\4").faults == ("the body has 5 bytes, not 4",)
    (unknown,), rest = pdu.split(pdu.encode(0x0B, b"abc") + b"\x04\0\0\0")
    assert unknown.name == "PDU type 0BH" and rest == b"\x04\0\0\0" and pdu.garbage(rest) == ""
    assert "no DICOM" in pdu.garbage(b"HTTP/1.1 400 Bad Request")
    assert pdu.split(b"HTTP/1.1 400") == ((), b"HTTP/1.1 400")


def test_faults_of_association_items() -> None:
    nul = items.decode_rq(b"\0\1\0\0" + b"SCP".ljust(16, b"\0") + "MÜNCHEN".encode("latin-1").ljust(16) + bytes(32))
    assert (nul.called_ae, nul.calling_ae) == ("SCP", "MÜNCHEN")
    assert len(nul.faults) == 2 and "NUL" in nul.faults[0] and "calling" in nul.faults[1]

    def user(*subs: bytes) -> items.AssociateRq:
        return items.decode_rq(b"\0\1" + bytes(66) + items.item(0x50, b"".join(subs)))

    twice = user(items.role_item(PUSH, 0, 0), items.role_item(PUSH, 1, 1))
    assert twice.roles == (Role(PUSH, 0, 0), Role(PUSH, 1, 1)) and twice.role(PUSH) == Role(PUSH, 0, 0)
    assert any("UID length" in fault for fault in user(items.role_item(PUSH, 0, 1, uid_length=99)).faults)
    assert any("claims 90" in fault for fault in user(items.item(0x52, b"1.2", length=90)).faults)
    assert any("51H has 2" in fault for fault in user(items.item(0x51, b"\0\1")).faults)
    assert items.decode_rq(b"").faults and items.decode_rq(b"").called_ae == ""


def test_faults_of_command_sets() -> None:
    good = golden("n-action-rq")
    assert cmd.decode(good[12:]).faults == ("Command Group Length (0000,0000) is absent",)
    assert cmd.encode({**COMMANDS["n-action-rq"], 0x0000: None}) == good[12:]
    assert "says 5, 98 bytes follow" in cmd.decode(cmd.encode({**COMMANDS["n-action-rq"], 0: 5})).faults[0]
    assert any("at the end" in fault for fault in cmd.decode(good + b"\0").faults)
    assert any("more than there are" in fault for fault in cmd.decode(good[:-1]).faults)
    assert any("stands twice" in fault for fault in cmd.decode(good + good[-10:]).faults)
    swapped = cmd.decode(good[:12] + good[-10:] + good[12:-10])
    assert any("follows a greater tag" in fault for fault in swapped.faults) and swapped.action_type == 1
    assert any("odd length" in fault for fault in cmd.decode(cmd.encode({0x0003: b"1.2"})).faults)
    foreign = cmd.decode(cmd.encode({0x0100: 1, 0x00081195: b"1.2\0"}))
    assert foreign.elements[-1][0] == 0x00081195 and any("group 0000" in fault for fault in foreign.faults)
    wrong = cmd.decode(cmd.encode({0x0900: b"\0\0\0\0", 0x0100: None}))
    assert wrong.status is None and wrong.field is None and wrong.name == "message without Command Field"


@given(st.binary(max_size=400))
def test_random_bytes_never_raise(data: bytes) -> None:
    total(data)


@settings(max_examples=300)
@given(st.sampled_from(sorted(path.stem for path in GOLDEN.glob("*.hex"))), st.integers(0, 2**32))
def test_mutated_golden_bytes_never_raise(name: str, seed: int) -> None:
    rng = random.Random(seed)
    data = bytearray(golden(name))
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data))
        match rng.randrange(3):
            case 0:
                data[at] = rng.randrange(256)
            case 1:
                del data[at : at + rng.randrange(1, 9)]
            case 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
        if not data:
            break
    total(bytes(data))
    total(bytes(data[6:]))


def total(data: bytes) -> None:
    pdus, rest = pdu.split(data)
    assert b"".join(one.raw for one in pdus) + rest == data
    pdu.garbage(rest)
    pdu.decode_abort(data), pdu.decode_reject(data)
    rq, ac = items.decode_rq(data), items.decode_ac(data)
    assert b"".join(item.raw for item in rq.items) == data[68:]
    granted(rq, ac)
    for answer in ("grant", "none", "refuse", "both", "unproposed"):
        Policy(roles=answer).encode(data, rq, max_pdu=1)
    decoded = cmd.decode(data)
    for name in dir(cmd.Command):
        if not name.startswith("_") and isinstance(getattr(cmd.Command, name), property):
            getattr(decoded, name)
    assembler = pdv.Assembler()
    for one in pdv.read_pdvs(data)[0]:
        assembler.feed(one)


uids = st.lists(st.integers(0, 10**8), min_size=1, max_size=5).map(lambda parts: ".".join(map(str, (1, *parts))))


@given(
    st.dictionaries(st.sampled_from([0x0002, 0x0003, 0x1000, 0x1001]), uids, max_size=4),
    st.dictionaries(st.sampled_from(sorted(cmd._SHORTS)), st.integers(0, 65535)),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
)
def test_command_round_trip(names: dict, shorts: dict, comment: str) -> None:
    decoded = cmd.decode(cmd.encode({**names, **shorts, 0x0902: comment}))
    assert decoded.faults == ()
    assert {element: decoded.text(element) for element in names} == names
    assert {element: decoded.short(element) for element in shorts} == shorts
    assert decoded.error_comment == comment


proposals = st.builds(
    Proposal,
    st.lists(st.tuples(uids, st.lists(uids, min_size=1, max_size=3).map(tuple)), min_size=1, max_size=5).map(tuple),
    st.lists(st.builds(Role, uids, st.integers(0, 1), st.integers(0, 1)), max_size=3).map(tuple),
)


@given(proposals, st.integers(0, 2**32 - 1))
def test_association_round_trip(proposal: Proposal, max_pdu: int) -> None:
    raw = proposal.encode(called_ae="CALLED", calling_ae="CALLING", max_pdu=max_pdu)
    rq = items.decode_rq(raw[6:])
    assert rq.faults == () and rq.contexts == proposal.proposed() and rq.roles == proposal.roles
    assert rq.max_pdu == max_pdu and (rq.called_ae, rq.calling_ae) == ("CALLED", "CALLING")
    ac = items.decode_ac(Policy(transfer_syntaxes=proposal.contexts[0][1]).encode(raw[6:], rq, max_pdu=1)[6:])
    assert ac.faults == () and len(ac.contexts) == len(rq.contexts) and ac.contexts[0].result == 0
    # An answer of ours is 1 only where 1 was proposed, and there is no item that was not asked for (PS3.7 D.3.3.4).
    for role in ac.roles:
        asked = rq.role(role.uid)
        assert asked is not None and (role.scu, role.scp) == (asked.scu, asked.scp)


@given(st.binary(max_size=3000), st.integers(0, 300), st.integers(1, 127), st.none() | st.integers(0, 400))
def test_fragments_come_together_again(data: bytes, max_pdu: int, half: int, first: int | None) -> None:
    context_id = 2 * half - 1
    command = golden("n-action-rq")
    sent = [
        *pdv.fragment(context_id, command, max_pdu, is_command=True),
        *pdv.fragment(context_id, data, max_pdu, is_command=False, first=first),
    ]
    if max_pdu > 7:
        assert all(len(one) - 6 <= max_pdu for one in sent)
    assembler, messages = pdv.Assembler(), []
    for t, one in enumerate(pdu.split(b"".join(sent))[0]):
        for fragment in pdv.read_pdvs(one.body)[0]:
            if message := assembler.feed(fragment, t):
                messages.append(message)
    (message,) = messages
    assert (message.context_id, message.data, message.command_raw, message.faults) == (context_id, data, command, ())
    assert (message.t_first, message.t) == (0, len(sent) - 1) and not assembler.open


def test_assembler_names_what_is_out_of_place() -> None:
    assembler = pdv.Assembler()
    assert assembler.feed(pdv.Pdv(1, True, True, golden("n-action-rq"))) is None and assembler.open
    message = assembler.feed(pdv.Pdv(3, False, True, b"x"))
    assert message is not None and message.faults == ("a fragment of context 3 stands in a message of context 1",)
    early = assembler.feed(pdv.Pdv(1, False, True, b"x"))
    assert early is None
    done = assembler.feed(pdv.Pdv(1, True, True, golden("c-echo-rq")))
    assert done is not None and "before the command set" in done.faults[0] and done.data is None


def test_granted_roles_follow_the_table() -> None:
    def outcome(asked: tuple | None, said: tuple | None) -> tuple[bool, bool]:
        roles = () if asked is None else (Role(PUSH, *asked),)
        rq_raw = Proposal.of([PUSH], roles=roles).encode(called_ae="A", calling_ae="B", max_pdu=0)
        rq = items.decode_rq(rq_raw[6:])
        user = items.user_items(max_pdu=0, roles=() if said is None else (Role(PUSH, *said),))
        ac = items.decode_ac(items.encode_ac(rq_raw[6:], contexts=Policy().contexts(rq), user=user)[6:])
        (one,) = granted(rq, ac)
        return one.requestor_scu, one.requestor_scp

    assert outcome(None, None) == (True, False)
    assert outcome((0, 1), None) == (True, False)  # not answered: the defaults
    assert outcome(None, (1, 1)) == (True, False)  # answered without having been asked: ignored
    assert outcome((0, 1), (0, 1)) == (False, True)
    assert outcome((0, 1), (1, 1)) == (False, True)  # a 1 that nobody proposed is ignored
    assert outcome((0, 1), (0, 0)) == (False, False)
    assert outcome((1, 1), (1, 0)) == (True, False)


# ------------------------------------------------------------------------------------------- against pynetdicom


@settings(max_examples=25, deadline=None, phases=[Phase.generate])  # their codecs are slow, shrinking slower
@given(proposals)
def test_pynetdicom_reads_and_writes_the_same_associate_rq(proposal: Proposal) -> None:
    from pynetdicom.pdu import A_ASSOCIATE_RQ

    # It refuses a role item of 0/0 and keeps one item a class; those are ours alone.
    roles = tuple({role.uid: role for role in proposal.roles if role.scu or role.scp}.values())
    proposal = Proposal(proposal.contexts, roles)
    raw = proposal.encode(called_ae="CALLED", calling_ae="CALLING", max_pdu=16384)
    theirs = A_ASSOCIATE_RQ()
    theirs.decode(raw)
    primitive = theirs.to_primitive()
    assert primitive.called_ae_title.strip() == "CALLED" and primitive.maximum_length_received == 16384
    seen = [
        (context.context_id, str(context.abstract_syntax), tuple(map(str, context.transfer_syntax)))
        for context in primitive.presentation_context_definition_list
    ]
    unique = [(c.id, c.abstract_syntax, tuple(dict.fromkeys(c.transfer_syntaxes))) for c in proposal.proposed()]
    assert seen == unique
    assert {uid: (int(r.scu_role), int(r.scp_role)) for uid, r in theirs.user_information.role_selection.items()} == {
        role.uid: (role.scu, role.scp) for role in roles
    }
    again = A_ASSOCIATE_RQ()
    again.from_primitive(primitive)
    ours = items.decode_rq(again.encode()[6:])
    assert ours.faults == () and ours.roles == roles
    assert [(c.id, c.abstract_syntax, c.transfer_syntaxes) for c in ours.contexts] == unique


def test_pynetdicom_reads_the_golden_pdus() -> None:
    from pynetdicom import pdu as theirs

    for name, kind in (
        ("associate-ac", theirs.A_ASSOCIATE_AC),
        ("associate-rj", theirs.A_ASSOCIATE_RJ),
        ("release-rq", theirs.A_RELEASE_RQ),
        ("release-rp", theirs.A_RELEASE_RP),
        ("abort", theirs.A_ABORT_RQ),
        ("p-data", theirs.P_DATA_TF),
    ):
        one = kind()
        one.decode(golden(name))
        assert one.encode() == golden(name), name


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_pynetdicom_writes_the_golden_command_sets(name: str) -> None:
    from pynetdicom import dimse_messages
    from pynetdicom.dsutils import encode

    raw = golden(name)
    message = getattr(dimse_messages, name.upper().replace("-", "_").removesuffix("_REFUSED"))()
    carried = pdv.fragment(1, raw, 0, is_command=True)
    data = pdv.fragment(1, b"\0\0", 0, is_command=False) if cmd.decode(raw).has_data_set else ()
    from pynetdicom.pdu import P_DATA_TF

    for one in (*carried, *data):
        theirs = P_DATA_TF()
        theirs.decode(one)
        done = message.decode_msg(theirs.to_primitive())
    assert done
    primitive = message.message_to_primitive()
    assert (getattr(primitive, "MessageID", None) or primitive.MessageIDBeingRespondedTo) in range(1, 12)
    assert encode(message.command_set, is_implicit_vr=True, is_little_endian=True) == raw
