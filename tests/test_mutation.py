"""Mutants of recordings: what is spliced reads back as meant, and nothing else changes."""

from __future__ import annotations

import json

import pytest

from stgcmt import mutation, mutation_http, mutation_json
from stgcmt.mutation_dataset import edits as data_edits
from stgcmt.transcript import Event, Footer, Header, Transcript
from stgcmt.views.dimse import dimse
from stgcmt.views.http import http
from stgcmt.wire import command as cmd
from stgcmt.wire import items, pdv
from stgcmt.wire.dataset import read
from stgcmt.wire.dataset_writer import encode
from stgcmt.wire.elements import EXPLICIT_VR_LE, IMPLICIT_VR_LE

RESULT = {
    "00081198": {
        "vr": "SQ",
        "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}, "00081197": {"vr": "US", "Value": [274]}}],
    },
    "00081199": {
        "vr": "SQ",
        "Value": [{"00081155": {"vr": "UI", "Value": ["1.3"]}}, {"00081155": {"vr": "UI", "Value": ["1.4"]}}],
    },
}
PUSH_MODEL = "1.2.840.10008.1.20.1"


def recording(*events: Event) -> Transcript:
    return Transcript(Header("scenario", "role", 0, 0), events, Footer("complete", len(events)))


def web(*answers: bytes) -> Transcript:
    """One connection with as many exchanges; every answer arrives in two pieces."""
    events = [Event(1, 0, "conn.open", conn=1, info={"protocol": "http", "side": "requestor"})]
    for number, answer in enumerate(answers, 1):
        t = number * 1000
        request = b"GET /r/%d HTTP/1.1\r\nHost: h\r\n\r\n" % number
        events.append(Event(len(events) + 1, t, "http.out", request, 1, f"step{number}"))
        for piece in (answer[:20], answer[20:]):
            events.append(Event(len(events) + 1, t + 1, "http.in", piece, 1))
    return recording(*events)


def answer(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
def polled() -> Transcript:
    return web(
        answer(b"", "Retry-After: 1"), answer(json.dumps(RESULT).encode(), "Content-Type: application/dicom+json")
    )


@pytest.fixture
def reported() -> Transcript:
    """An N-EVENT-REPORT from the SUT on an association that it opened, in Implicit VR Little Endian."""
    contexts = [items.Context(1, PUSH_MODEL, (IMPLICIT_VR_LE,))]
    user = items.user_items(max_pdu=16384, roles=[items.Role(PUSH_MODEL, 0, 1)])
    rq = items.encode_rq(called_ae="US", calling_ae="SUT", contexts=contexts, user=user)
    ac = items.encode_ac(rq[6:], contexts=contexts, user=user)
    data = encode(
        [
            (0x00081195, "UI", "1.2.3"),
            (0x00081199, "SQ", [[(0x00081150, "UI", "1.1"), (0x00081155, "UI", "1.2")], [(0x00081150, "UI", "1.1"), (0x00081155, "UI", "1.4")]]),
        ],
        IMPLICIT_VR_LE,
    )  # fmt: skip
    command = cmd.encode(
        cmd.request(cmd.N_EVENT_REPORT_RQ, 7, {cmd.AFFECTED_CLASS: PUSH_MODEL, cmd.EVENT_TYPE: 1}, has_data=True)
    )
    parts = [*pdv.fragment(1, command, 16384, is_command=True), *pdv.fragment(1, data, 16384, is_command=False)]
    sent = [("dimse.in", rq), ("dimse.out", ac), *(("dimse.in", part) for part in parts)]
    opened = Event(1, 0, "conn.open", conn=1, info={"protocol": "dimse", "side": "acceptor"})
    return recording(opened, *(Event(n, n * 10, kind, raw, 1) for n, (kind, raw) in enumerate(sent, 2)))


def test_splicing_over_events_changes_only_what_is_meant(polled):
    whole = b"".join(event.data for event in polled.events if event.kind == "http.in")
    for start, end in ((0, 5), (15, 25), (18, len(whole) - 3), (30, 31)):
        mutant = mutation.splice(polled, 1, "http.in", start, end, b"XYZ")
        got = b"".join(event.data for event in mutant.events if event.kind == "http.in")
        assert got == whole[:start] + b"XYZ" + whole[end:]
        assert mutant.complete
        assert mutant.of("http.out") == polled.of("http.out")


def test_every_mutant_differs_and_no_view_raises_on_one(polled, reported):
    for transcript in (polled, reported):
        made = list(mutation.mutants(transcript, mutation.operators_for(), seed="t", limit=2000))
        assert len(made) > 100
        for edit, mutant in made:
            assert (mutant.events, mutant.header) != (transcript.events, transcript.header), edit.name
            assert http(mutant) is not http(transcript), "a view was carried over"
            assert all(each.summary for each in http(mutant).exchanges)
            for assoc in dimse(mutant).all_associations:
                assert assoc.summary
                assert all(isinstance(message.data_set().faults(), tuple) for message in assoc.messages)


def test_mutants_are_the_same_for_the_same_seed(polled):
    def names(seed: str) -> list[str]:
        return [edit.name for edit, _ in mutation.mutants(polled, mutation.operators_for(), seed=seed, limit=40)]

    assert names("a") == names("a")
    assert names("a") != names("b")


def test_every_operator_has_its_turn(polled):
    offered = {edit.operator for operator in mutation.operators_for() for edit in operator(polled)}
    made = {
        edit.operator for edit, _ in mutation.mutants(polled, mutation.operators_for(), seed="t", limit=len(offered))
    }
    assert made == offered


def test_a_status_changes_and_nothing_else(polled):
    edits = [each for each in mutation_http.heads(polled) if each.operator == "status 410"]
    statuses = [[exchange.status for exchange in http(edit.make()).exchanges] for edit in edits]
    assert statuses == [[410, 200], [200, 410]]


def test_the_length_is_repaired_unless_it_is_the_target(polled):
    for edit in mutation_http.bodies(polled):
        defects = [defect for exchange in http(edit.make()).exchanges for defect in exchange.response.defects]
        if "length as it was" not in edit.where:
            assert defects == [], edit.name
    broken = [edit for edit in mutation_http.bodies(polled) if "length as it was" in edit.where]
    assert any(http(edit.make()).exchanges[-1].response.defects for edit in broken)


def test_json_is_changed_by_meaning():
    text = json.dumps(RESULT).encode()
    made = {}
    for name, where, make in mutation_json.edits(text):
        made.setdefault(name, {})[where] = make()
    moved = json.loads(made["json: move an item"]["00081199 to 00081198"])
    assert [each["00081155"]["Value"] for each in moved["00081198"]["Value"]] == [["1.2"], ["1.4"]]
    assert len(moved["00081199"]["Value"]) == 1
    assert made["json: repeat an attribute"]["00081199"].count(b'"00081199"') == 2
    assert (
        "00081197"
        not in json.loads(made["json: remove an attribute"]["00081198/Value/0/00081197"])["00081198"]["Value"][0]
    )
    strings = [
        each for where, each in made["json: other value"].items() if where == "00081198/Value/0/00081197/Value/0 = 274"
    ]
    assert strings
    assert json.loads(strings[0])["00081198"]["Value"][0]["00081197"]["Value"] == ["274"]


def test_messages_are_put_together_again_with_right_lengths(reported):
    (association,) = dimse(reported).all_associations
    assert not association.faults, "the recording itself must be sound"
    from stgcmt.mutation_dimse import messages

    made = {edit.name: edit.make() for edit in messages(reported)}
    dropped = next(each for name, each in made.items() if name.startswith("drop a command element: (0000,1002)"))
    (message,) = dimse(dropped).requests("N-EVENT-REPORT-RQ")
    assert message.command.event_type is None
    assert message.faults == ()
    removed = [each for name, each in made.items() if name.startswith("data set: drop an item")]
    counts = {
        len(dimse(each).requests("N-EVENT-REPORT-RQ")[0].data_set({0x00081199: "SQ"}).items(0x00081199))
        for each in removed
    }
    assert counts == {1}
    assert any(dimse(each).faults for name, each in made.items() if name.startswith("length of a PDU"))
    assert not dimse(next(each for name, each in made.items() if name.startswith("drop a message"))).messages()


def test_items_of_an_association_request_keep_their_lengths(reported):
    from stgcmt.mutation_negotiation import associations

    made = {}
    for edit in associations(reported):
        made.setdefault(edit.operator, []).append(edit.make())
    for name in ("role 0/0", "insert a role item", "drop a sub-item", "other syntax", "context result"):
        for mutant in made[name]:
            assert dimse(mutant).all_associations[0].rq.faults == (), name
    assert {dimse(each).all_associations[0].rq.roles[0].scp for each in made["role 0/0"]} == {0}
    assert len(dimse(made["insert a role item"][0]).all_associations[0].rq.roles) == 2
    assert dimse(made["length of a sub-item"][0]).all_associations[0].rq.faults


@pytest.mark.parametrize("syntax", [IMPLICIT_VR_LE, EXPLICIT_VR_LE])
def test_data_sets_are_written_anew_and_read_back(syntax):
    first = [(0x00081150, "UI", "1.1"), (0x00081155, "UI", "1.2")]
    second = [(0x00081150, "UI", "1.1"), (0x00081155, "UI", "1.4"), (0x00081197, "US", 274)]
    data = encode([(0x00081195, "UI", "1.2.3"), (0x00081198, "SQ", [second]), (0x00081199, "SQ", [first])], syntax)
    made = {}
    for name, where, make in data_edits(data, syntax):
        made.setdefault(name, {})[where] = make()
    sound = ("data set: move an item", "data set: remove an element", "data set: swap UIDs", "data set: drop an item")
    for name in sound:
        for where, new in made[name].items():
            assert new != data, (name, where)
            assert read(new, syntax).faults() == (), (name, where)
    moved = read(made["data set: move an item"]["(00081198) to (00081199) in the data set"], syntax)
    assert 0x00081198 not in moved
    assert len(moved.items(0x00081199)) == 2
    longer = made["data set: length of a value"]["(00081197) in (00081198)[1]"]
    assert read(longer, syntax).faults()


def test_connections_happen_twice_late_early_or_not_at_all(polled):
    twice = mutation.repeated(polled, 1)
    assert len(http(twice).exchanges) == 4
    assert len({event.n for event in twice.events}) == len(twice.events)
    late = mutation.late(polled, [3, 4], 5)
    assert http(late).exchanges[0].response.t_last == polled.events[3].t + 5_000_000_000
    refused = next(edit for edit in mutation.general(polled) if edit.operator == "refuse a connection").make()
    assert [each.outcome for each in http(refused).exchanges] == ["refused"]
    cut = [edit.make() for edit in mutation.general(polled) if edit.operator == "cut the recording"]
    assert {len(each.events) for each in cut} == {len(polled.events) // 2, len(polled.events) - 1}
    assert all(each.complete for each in cut)


def test_claims_change_one_at_a_time():
    header = Header("run", "run", 0, 0, info={"claims": {"role": {"always": True, "after": 60, "types": ["a", "b"]}}})
    transcript = Transcript(header, (), Footer("complete", 0))
    seen = [edit.make().header.info["claims"]["role"] for edit in mutation.general(transcript)]
    assert {"after": 60, "types": ["a", "b"]} in seen
    assert {"always": False, "after": 60, "types": ["a", "b"]} in seen
    assert all(
        sum(each.get(key) != value for key, value in header.info["claims"]["role"].items()) == 1 for each in seen
    )


def test_a_report_moves_to_the_association_of_the_request_that_it_is_about():
    """One association of the SUT may carry reports on many requests: the others' concern nobody here."""
    from stgcmt.mutation_reports import moved
    from stgcmt.selftest_cases import VARIANT, Case, record
    from stgcmt.suite import load_suites

    suite = load_suites()["scp"]
    transcript = record(suite, Case("scp", VARIANT, "one-line", ("DIMSE-J.3.2.1.3-04",))).scenarios[
        "scp", "plain_commitment"
    ]
    offered = [edit.where for edit in moved(transcript)]
    assert len(offered) == 4, "before and after the response, in place of the SUT's association and beside it"
    assert len(set(offered)) == 4
