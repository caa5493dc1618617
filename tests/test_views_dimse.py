"""The DIMSE view: what it makes of recorded bytes, and that nothing the SUT sends makes it raise."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stgcmt.transcript import Event, Footer, Header, Transcript
from stgcmt.views.dimse import dimse
from stgcmt.wire import command as cmd
from stgcmt.wire import items, pdu, pdv
from stgcmt.wire.dataset import EXPLICIT_VR_LE, IMPLICIT_VR_LE, encode
from stgcmt.wire.items import Context, Role

SERVICE = "1.2.840.10008.1.20.1"
VERIFICATION = "1.2.840.10008.1.1"
TRANSACTION = 0x00081195
SECOND = 1_000_000_000


class Tape:
    """Writes a transcript by hand: one millisecond between events."""

    def __init__(self):
        self.events = []
        self.t = 0

    def add(self, kind, data=b"", conn=1, step=None, **info):
        self.t += 1_000_000
        self.events.append(Event(len(self.events) + 1, self.t, kind, data, conn, step, info))
        return self.events[-1].n

    def open(self, side="requestor", conn=1, step=None):
        return self.add("conn.open", conn=conn, step=step, protocol="dimse", side=side, local="a:1", peer="b:2")

    def out(self, *pdus, conn=1, step=None):
        return [self.add("dimse.out", each, conn, step) for each in pdus]

    def into(self, *pdus, conn=1):
        return [self.add("dimse.in", each, conn) for each in pdus]

    def close(self, how, conn=1):
        return self.add("conn.close", conn=conn, how=how)

    def done(self):
        return Transcript(Header("sample", "scp", 0, 0), tuple(self.events), Footer("complete", len(self.events)))


def rq(*, roles=(), syntaxes=(IMPLICIT_VR_LE, EXPLICIT_VR_LE)):
    contexts = [Context(1, VERIFICATION, (IMPLICIT_VR_LE,)), Context(3, SERVICE, tuple(syntaxes))]
    user = items.user_items(max_pdu=16384, roles=roles)
    return items.encode_rq(called_ae="ARCHIVE", calling_ae="HARNESS", contexts=contexts, user=user)


def ac(*, roles=(), result=0, syntax=EXPLICIT_VR_LE):
    contexts = [Context(1, "", (IMPLICIT_VR_LE,)), Context(3, "", (syntax,), result)]
    return items.encode_ac(rq()[6:], contexts=contexts, user=items.user_items(max_pdu=16384, roles=roles))


def message(values, data=None, *, context=3, max_pdu=16384):
    pdus = pdv.fragment(context, cmd.encode(values), max_pdu, is_command=True)
    return pdus if data is None else (*pdus, *pdv.fragment(context, data, max_pdu, is_command=False))


def action_rq(number=1, data=b""):
    data = data or encode([(TRANSACTION, "UI", f"1.2.3.{number}")], EXPLICIT_VR_LE)
    values = {0x0003: SERVICE, 0x1001: SERVICE + ".1", 0x1008: 1}
    return message(cmd.request(cmd.N_ACTION_RQ, number, values, has_data=True), data)


def action_rsp(number=1, status=0, **more):
    values = {0x0100: 0x8130, 0x0120: number, 0x0800: 0x0101, 0x0900: status}
    return message({**values, **more})


def report_rq(number=7, event=1, max_pdu=16384, uid="1.2.3.1"):
    values = {0x0002: SERVICE, 0x1000: SERVICE + ".1", 0x1002: event}
    data = encode([(TRANSACTION, "UI", uid)], EXPLICIT_VR_LE)
    return message(cmd.request(cmd.N_EVENT_REPORT_RQ, number, values, has_data=True), data, max_pdu=max_pdu)


def established(tape, *, roles=(), conn=1, step=None, side="requestor"):
    tape.open(side, conn, step)
    if side == "requestor":
        tape.out(rq(roles=roles), conn=conn, step=step)
        tape.into(ac(roles=roles), conn=conn)
    else:
        tape.into(rq(roles=roles), conn=conn)
        tape.out(ac(roles=roles), conn=conn)
    return tape


def released(tape, conn=1):
    tape.out(pdu.encode_release_rq(), conn=conn)
    tape.into(pdu.encode_release_rp(), conn=conn)
    tape.close("release", conn)
    return tape


def commitment():
    """Two requests in two steps, one refused; then a report on an association that the SUT opened, in small PDUs."""
    tape = established(Tape())
    tape.out(*action_rq(1), step="control")
    tape.into(*action_rsp(1))
    tape.out(*action_rq(2), step="defect")
    tape.into(*action_rsp(2, 0x0120))
    released(tape)
    established(tape, roles=(Role(SERVICE, 0, 1),), conn=2, side="acceptor")
    tape.into(*report_rq(max_pdu=32), conn=2)
    tape.out(*message({0x0100: 0x8100, 0x0120: 7, 0x0800: 0x0101, 0x0900: 0}), conn=2)
    tape.into(pdu.encode_release_rq(), conn=2)
    tape.out(pdu.encode_release_rp(), conn=2)
    tape.close("release", 2)
    return tape.done()


def test_a_whole_commitment():
    t = commitment()
    view = dimse(t)
    assert dimse(t) is view
    ours, theirs = view.associations()
    assert (ours.called_ae, ours.calling_ae, ours.end, ours.side) == ("ARCHIVE", "HARNESS", "released", "requestor")
    assert (theirs.end, theirs.side, theirs.t_end) == ("released", "acceptor", t.events[-1].t)
    assert ours.sut_is_scp(SERVICE)
    assert theirs.sut_is_scp(SERVICE)
    assert ours.context(3).transfer_syntax == EXPLICIT_VR_LE
    assert ours.context(5) is None

    control, defect = (view.answer(step) for step in ("control", "defect"))
    assert (control.status, control.kind, control.summary) == (0, "response", "N-ACTION-RSP 0000H")
    assert (defect.status, defect.summary) == (0x0120, "N-ACTION-RSP 0120H")
    assert control.seconds == pytest.approx(0.001)
    assert [t.event(n).kind for n in defect.events] == ["dimse.out", "dimse.out", "dimse.in"]
    assert defect.request.data_set({TRANSACTION: "UI"}).text(TRANSACTION) == "1.2.3.2"
    assert defect.response.step == "defect"

    (report,) = view.requests("N-EVENT-REPORT-RQ")
    assert report.assoc is theirs
    assert report.complete
    assert len(report.events) > 4  # many small PDUs, each named
    assert report.data_set().text(TRANSACTION) == "1.2.3.1"
    assert report.data_set() is report.data_set()
    assert report.t_first < report.t_last
    assert view.response_to(report).status == 0
    assert view.response_to(report).incoming is False
    assert view.faults == ()
    assert (
        repr(report)
        == f"<N-EVENT-REPORT-RQ message 7, event type 1 from the SUT, events {report.events[0]}–{report.events[-1]}>"
    )


def test_how_bytes_were_cut_does_not_matter():
    """One read may carry half a PDU, or three of them; the event of each byte is still known."""
    t = commitment()
    received = b"".join(each.data for each in t.events if each.kind == "dimse.in" and each.conn == 2)
    for size in (1, 5, 1000):
        tape = Tape()
        tape.open("acceptor")
        tape.into(received[:size])
        tape.out(ac())
        tape.into(*(received[at : at + size] for at in range(size, len(received), size)))
        (report,) = dimse(tape.done()).requests("N-EVENT-REPORT-RQ")
        assert report.data_set().text(TRANSACTION) == "1.2.3.1"
        carried = b"".join(tape.events[n - 1].data for n in report.events)
        assert b"1.2.3.1" in carried


def test_golden_response_bytes():
    """N-ACTION-RSP 0115H, by hand: P-DATA-TF, one PDV of context 3, last command fragment, five elements."""
    golden = bytes.fromhex(
        "04 00 00000046"  # P-DATA-TF, 70 bytes
        "00000042 03 03"  # PDV of 66 bytes, context 3, command and last
        "0000 0000 04000000 34000000"  # group length 52
        "0000 0001 02000000 3081"  # Command Field 8130H
        "0000 2001 02000000 0900"  # Message ID Being Responded To 9
        "0000 0008 02000000 0101"  # no data set
        "0000 0009 02000000 1501"  # Status 0115H
        "0000 0209 04000000 4e4f2020"  # Error Comment "NO"
    )
    tape = established(Tape())
    tape.out(*action_rq(9), step="one")
    n = tape.into(golden)
    answer = dimse(tape.done()).answer("one")
    assert (answer.status, answer.summary) == (0x0115, "N-ACTION-RSP 0115H (NO)")
    assert answer.response.events == tuple(n)
    assert answer.response.faults == ()


def ending(*steps):
    tape = established(Tape())
    tape.out(*action_rq(1), step="ask")
    for step in steps:
        step(tape)
    return dimse(tape.done()).answer("ask")


@pytest.mark.parametrize(
    ("steps", "kind", "words"),
    [
        (
            [lambda t: t.into(pdu.encode_abort(2, 6)), lambda t: t.close("abort")],
            "aborted",
            "A-ABORT (source 2, reason 6)",
        ),
        ([lambda t: t.into(pdu.encode_release_rq())], "released", "the SUT released"),
        ([lambda t: t.close("fin")], "closed", "closed"),
        ([lambda t: t.close("rst")], "reset", "reset"),
        ([lambda t: t.into(b"HTTP/1.1 400"), lambda t: t.close("error: garbage")], "fault", "cannot be processed"),
        ([], "silence", "no response within 0.0 s"),
        ([lambda t: t.out(pdu.encode_abort()), lambda t: t.close("abort")], "silence", "no response within"),
        ([lambda t: t.out(pdu.encode_release_rq()), lambda t: t.close("fin")], "silence", "no response within"),
        ([lambda t: t.out(pdu.encode_abort()), lambda t: t.into(pdu.encode_abort())], "silence", "no response within"),
    ],
)
def test_what_came_instead_of_a_response(steps, kind, words):
    answer = ending(*steps)
    assert answer.kind == kind
    assert words in answer.summary
    assert answer.summary.endswith("after N-ACTION-RQ")
    assert answer.status is None
    assert answer.request is not None
    assert answer.events


def test_silence_lasts_until_the_harness_gives_up():
    tape = established(Tape())
    tape.out(*action_rq(1), step="ask")
    tape.t += 12 * SECOND
    tape.out(pdu.encode_release_rq())
    tape.t += 30 * SECOND
    tape.close("fin")
    assert dimse(tape.done()).answer("ask").summary == "no response within 12.0 s after N-ACTION-RQ"


def test_nothing_was_sent_and_why():
    tape = Tape()
    tape.add("conn.refused", step="ask", protocol="dimse", side="requestor", peer="b:2", error="Connection refused")
    answer = dimse(tape.done()).answer("ask")
    assert (answer.kind, answer.summary) == ("refused", "no connection: Connection refused")

    tape = Tape()
    tape.open()
    tape.out(rq())
    tape.into(pdu.encode_reject(1, 1, 7))
    tape.close("reject")
    answer = dimse(tape.done()).answer("ask")  # the association was opened before the step
    assert (answer.kind, answer.summary) == ("rejected", "A-ASSOCIATE-RJ (result 1, source 1, reason 7)")
    assert answer.assoc.end == "rejected"

    tape = Tape()
    tape.open()
    tape.out(rq())
    assert dimse(tape.done()).answer("ask").summary == "no answer to A-ASSOCIATE-RQ"

    tape = Tape()
    tape.open()
    tape.out(rq())
    tape.into(items.encode_ac(rq()[6:], contexts=[Context(1, "", ("",), 1), Context(3, "", ("",), 3)], user=b""))
    answer = released(tape) and dimse(tape.done()).answer("ask")
    assert (answer.kind, answer.status) == ("not-sent", None)
    assert "no presentation context was accepted" in answer.summary

    empty = dimse(Tape().done())
    assert empty.answer("ask").kind == "not-sent"
    assert empty.answer().summary == "no N-ACTION-RQ was sent"
    assert empty.answers() == ()
    assert empty.requests("N-EVENT-REPORT-RQ") == ()
    assert dimse(commitment()).answer("control", index=5).kind == "not-sent"
    assert dimse(commitment()).answer("other").kind == "not-sent"


def test_report_before_the_response_on_the_same_association():
    tape = established(Tape())
    tape.out(*action_rq(1), step="ask")
    tape.into(
        *report_rq(number=1)
    )  # its Message ID equals ours: ids of the two sides have nothing to do with each other
    tape.out(*message({0x0100: 0x8100, 0x0120: 1, 0x0800: 0x0101, 0x0900: 0}))
    tape.into(*action_rsp(1))
    view = dimse(tape.done())
    answer = view.answer("ask")
    assert answer.response.kind == "N-ACTION-RSP"
    (report,) = view.requests("N-EVENT-REPORT-RQ")
    assert view.response_to(report).kind == "N-EVENT-REPORT-RSP"
    assert report.t_first < answer.response.t_first


def test_a_response_with_a_wrong_id_is_no_silence():
    tape = established(Tape())
    tape.out(*action_rq(4), step="ask")
    tape.into(*action_rsp(99, 0))
    answer = dimse(tape.done()).answer("ask")
    assert (answer.kind, answer.response.command.responded_to) == ("response", 99)


def test_a_late_response_belongs_to_its_own_request():
    tape = established(Tape())
    tape.out(*action_rq(1), step="first")
    tape.out(*action_rq(2), step="second")
    tape.into(*action_rsp(2, 0x0110))
    tape.into(*action_rsp(1, 0x0000))
    view = dimse(tape.done())
    assert [view.answer(step).status for step in ("first", "second")] == [0, 0x0110]
    assert [each.status for each in view.answers()] == [0, 0x0110]


def test_pending_responses_are_not_the_answer():
    tape = established(Tape())
    tape.out(*message(cmd.request(cmd.C_MOVE_RQ, 5, {0x0002: "1.2"}, has_data=False)), step="ask")
    for status in (0xFF00, 0xFF00, 0x0000):
        tape.into(*message({0x0100: 0x8021, 0x0120: 5, 0x0800: 0x0101, 0x0900: status}))
    answer = dimse(tape.done()).answer("ask", "C-MOVE-RQ")
    assert answer.status == 0
    assert len(answer.responses) == 3


def test_early_refusal_of_a_request_that_was_never_complete():
    command, *data = action_rq(1, data=bytes(100))
    tape = established(Tape())
    tape.out(command, step="ask")
    tape.into(*action_rsp(1, 0x0110))
    answer = dimse(tape.done()).answer("ask")
    assert answer.status == 0x0110
    assert not answer.request.complete
    assert dimse(tape.done()).requests("N-ACTION-RQ", incoming=False) == ()


def test_undecodable_parts_are_named_with_their_event():
    tape = established(Tape())
    (unknown,) = tape.into(pdu.encode(0x4D, b"??"))
    (orphan,) = tape.into(pdu.encode(4, pdv.encode_pdv(3, b"\1\2", is_command=False, is_last=True)))
    (short,) = tape.into(pdu.encode(4, b"\0\0\0\x99\3\3"))
    (odd,) = tape.into(*message({0x0000: 3, 0x0100: 0x8130, 0x0120: 1, 0x0800: 0x0101}))
    (rest,) = tape.into(b"GET / HTTP/1.1")
    found = dimse(tape.done()).faults
    assert {fault.event for fault in found} == {unknown, orphan, short, odd, rest}
    assert [fault.text for fault in found if fault.event == unknown] == ["PDU type 4DH is no PDU of the upper layer"]
    assert "no command announced" in next(fault.text for fault in found if fault.event == orphan)


def test_roles_are_granted_only_where_proposed_and_answered():
    for answered, may in (((Role(SERVICE, 0, 1),), True), ((Role(SERVICE, 0, 0),), False), ((), False)):
        tape = Tape()
        tape.open("acceptor")
        tape.into(rq(roles=(Role(SERVICE, 0, 1),)))
        tape.out(ac(roles=answered))
        (assoc,) = dimse(tape.done()).associations()
        assert assoc.sut_is_scp(SERVICE) is may
    tape = Tape()
    tape.open("acceptor")
    tape.into(rq())
    tape.out(ac(result=3))
    (assoc,) = dimse(tape.done()).associations()
    assert assoc.granted_roles(SERVICE) is None
    assert not assoc.sut_is_scp(SERVICE)


def test_http_connections_are_not_associations():
    tape = established(Tape())
    tape.add("conn.open", conn=5, protocol="http", side="requestor")
    tape.add("http.out", b"GET /", conn=5)
    tape.add("conn.close", conn=5, how="fin")
    tape.add("conn.refused", conn=6, protocol="http", error="no")
    assert [assoc.conn for assoc in dimse(tape.done()).associations()] == [1]


def test_selection_by_connection_and_side():
    view = dimse(commitment())
    assert [a.conn for a in view.associations(side="acceptor")] == [2]
    assert [a.conn for a in view.associations(step="control")] == [1]
    assert {m.kind for m in view.messages(conn=2)} == {"N-EVENT-REPORT-RQ", "N-EVENT-REPORT-RSP"}
    assert len(view.messages("N-ACTION-RSP", step="control")) == 1


def test_wrong_encoding_of_a_data_set_is_seen_through_the_view():
    tape = established(Tape())
    data = encode([(TRANSACTION, "UI", "1.2.3.1")], IMPLICIT_VR_LE)
    values = cmd.request(cmd.N_EVENT_REPORT_RQ, 1, {0x1002: 1}, has_data=True)
    tape.into(*message(values, data))
    (report,) = dimse(tape.done()).requests("N-EVENT-REPORT-RQ")
    ds = report.data_set({TRANSACTION: "UI"})
    assert ds.text(TRANSACTION) == "1.2.3.1"
    assert [defect.kind for defect in ds.defects] == ["wrong-encoding"]


def touch_everything(t):
    view = dimse(t)
    for step in (None, "control", "defect", "nowhere"):
        for kind in ("N-ACTION-RQ", "C-ECHO-RQ"):
            answer = view.answer(step, kind)
            answer.summary, answer.status, answer.seconds, repr(answer)
            assert set(answer.events) <= {event.n for event in t.events}
    for answer in view.answers():
        answer.summary
    for assoc in view.associations():
        assoc.summary, assoc.end, assoc.abort, assoc.rj, assoc.faults, assoc.t_end, assoc.called_ae, repr(assoc)
        assoc.granted_roles(SERVICE), assoc.sut_is_scp(SERVICE), assoc.negotiation_events
        for each in assoc.messages:
            each.summary, each.step, each.transfer_syntax, each.abstract_syntax, repr(each), each.request
            list(each.data_set().walk())
            view.response_to(each)
            assert set(each.events) <= {event.n for event in t.events}
    for fault in view.faults:
        assert t.event(fault.event)
    view.requests("N-EVENT-REPORT-RQ")


SAMPLE = commitment()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_mutated_recordings_never_raise(draw):
    events = list(SAMPLE.events)
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(events) - 1))
        event = events[at]
        match draw.draw(st.sampled_from(["byte", "byte", "byte", "cut", "drop", "twice", "swap", "random", "info"])):
            case "byte" if event.data:
                place = draw.draw(st.integers(0, len(event.data) - 1))
                data = event.data[:place] + bytes([draw.draw(st.integers(0, 255))]) + event.data[place + 1 :]
                events[at] = changed(event, data=data)
            case "cut":
                events[at] = changed(event, data=event.data[: draw.draw(st.integers(0, len(event.data)))])
            case "drop" if len(events) > 1:
                del events[at]
            case "twice":
                events.insert(at, event)
            case "swap":
                other = draw.draw(st.integers(0, len(events) - 1))
                events[at], events[other] = events[other], events[at]
            case "random":
                events[at] = changed(event, data=draw.draw(st.binary(max_size=60)))
            case "info":
                events[at] = changed(event, info={"side": 7, "how": None})
    touch_everything(SAMPLE.with_events(events))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["dimse.in", "dimse.out", "conn.close"]), st.binary(max_size=80)), max_size=6)
)
def test_random_bytes_never_raise(pieces):
    tape = Tape()
    for kind, data in pieces:
        tape.add(kind, data)
    touch_everything(tape.done())


def changed(event, **what):
    fields = {name: getattr(event, name) for name in ("n", "t", "kind", "data", "conn", "step", "info")}
    return Event(**{**fields, **what})


def test_large_recordings_are_put_together_in_linear_time():
    tape = established(Tape())
    data = bytes(4_000_000)
    tape.into(*message(cmd.request(cmd.N_EVENT_REPORT_RQ, 1, {0x1002: 1}, has_data=True), data))
    for number in range(2000):
        tape.out(*action_rq(number + 1), step="ask")
        tape.into(*action_rsp(number + 1))
    view = dimse(tape.done())
    assert len(view.requests("N-EVENT-REPORT-RQ")[0].data) == len(data)
    assert all(answer.status == 0 for answer in view.answers("ask"))


@pytest.mark.parametrize(
    ("listener", "reply", "kind", "status"),
    [
        ("plain", 0x0000, "response", 0),
        ("plain", 0x0118, "response", 0x0118),
        ("plain", "abort", "aborted", None),
        ("plain", "close", "closed", None),
        ("plain", "silence", "silence", None),
        ("reject-permanent", 0, "rejected", None),
        ("reject-context", 0, "not-sent", None),
        (None, 0, "refused", None),
    ],
)
def test_what_our_own_ends_record(tmp_path, listener, reply, kind, status):
    """The same exchange over real sockets: the view agrees with what the actor itself was told."""
    from stgcmt.actors.acceptor import Acceptor, Reply
    from stgcmt.actors.listeners import LISTENERS
    from stgcmt.actors.outcome import Timeouts
    from stgcmt.actors.requestor import associate
    from stgcmt.clock import SystemClock
    from stgcmt.transcript import STEP, Recorder, read_transcript
    from stgcmt.wire.negotiation import Proposal
    from stgcmt.wire.stream import SystemNetwork

    network, clock = SystemNetwork(), SystemClock()
    ours = Recorder(tmp_path / "ours", clock, role="scp", scenario="sample")
    theirs = Recorder(tmp_path / "theirs", clock, role="scu", scenario="sample")
    waits = Timeouts(connect=5, associate=5, response=0.2 if reply == "silence" else 5, release=5, linger=0.2)

    async def serve(assoc, _message):
        if reply == "abort":
            await assoc.abort()
        elif reply == "close":
            await assoc.close()
        elif reply != "silence":
            return Reply(reply)
        return None

    async def story():
        script = LISTENERS[listener or "plain"]
        acceptor = Acceptor(clock, theirs.connection, script, handlers={cmd.N_ACTION_RQ: serve}, timeouts=waits)
        server = await network.listen("127.0.0.1", 0, acceptor)
        port = server.address[1]
        if listener is None:
            await server.aclose()
        tap = ours.connection()
        proposal = Proposal.of([SERVICE], [EXPLICIT_VR_LE])
        async with associate(
            network, clock, tap, "127.0.0.1", port, called_ae="A", calling_ae="B", proposal=proposal, timeouts=waits
        ) as assoc:
            token = STEP.set("ask")
            await assoc.n_action(encode([(TRANSACTION, "UI", "1.2.3")], EXPLICIT_VR_LE))
            STEP.reset(token)
        if listener is not None:
            await server.aclose()

    asyncio.run(story())
    ours.close("complete")
    theirs.close("complete")
    t = read_transcript(tmp_path / "ours")
    answer = dimse(t).answer("ask")
    assert (answer.kind, answer.status) == (kind, status), (answer, [(e.kind, e.info) for e in t.events])
    assert dimse(t).faults == ()
    touch_everything(t)
    if answer.request is not None:  # the other end saw the same message
        (seen,) = dimse(read_transcript(tmp_path / "theirs")).requests("N-ACTION-RQ")
        assert seen.data == answer.request.data
        assert seen.incoming is not answer.request.incoming
