"""The map of event reports: every cell from the bytes, for both directions, with the events that show it."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from stgcmt.actors.acceptor import Acceptor, Reply
from stgcmt.actors.listeners import LISTENERS, ListenerScript
from stgcmt.actors.requestor import associate
from stgcmt.clock import LoopClock
from stgcmt.data import schema
from stgcmt.evidence import Evidence
from stgcmt.results import judged_results
from stgcmt.selftest_cases import CLEAN, FAULT, VARIANT, Case, record
from stgcmt.suite import load_suites
from stgcmt.transcript import Recorder, read_transcript
from stgcmt.virtual import run_virtual
from stgcmt.wire import command as cmd
from stgcmt.wire.dataset import encode
from stgcmt.wire.items import Role
from stgcmt.wire.memory import MemoryNetwork
from stgcmt.wire.negotiation import Proposal
from stgcmt_reports.html import render
from stgcmt_reports.topology import rows, summary
from stgcmt_suites.commitment.topology import topology
from stgcmt_suites.scp.delivery import Unrecorded

PUSH, IMPLICIT = "1.2.840.10008.1.20.1", "1.2.840.10008.1.2"
ROWS = ("DIMSE-J.3.3.1.2-09", "DIMSE-ROB-RETRY-01", "DIMSE-J.3.3.1.2-08", "DIMSE-J.3.3-01")
SUITE = load_suites()["scp"]


def cells_of(kind, name="", rows=ROWS):
    recording = record(SUITE, Case("scp", kind, name, rows))
    found = topology(recording.scenarios.values())
    events = {f"scp/{name}": {event.n for event in each.events} for (_, name), each in recording.scenarios.items()}
    for cell in found:
        for each in cell["transactions"]:
            cited = [*each["events"], *(n for attempt in each["attempts"] for n in attempt["events"])]
            assert set(cited) <= events[each["transcript"]]
            assert each["events"]
    return {(cell["association"], cell["listener"]): cell["transactions"] for cell in found}


def of(cells, association, listener, scenario):
    return next(each for each in cells[association, listener] if each["transcript"] == f"scp/{scenario}")


def test_every_cell_of_a_reference_that_tries_again():
    cells = cells_of(CLEAN)
    for listener, scenario, what in (
        ("refusing at first", "rejected_for_good", "association rejected (1, 1, 1)"),
        ("refusing once", "rejected_once", "association rejected (2, 3, 2)"),
        ("another AE title at first", "called_ae_rejected", "association rejected (1, 1, 7)"),
        ("refusing the context at first", "context_rejected", "presentation context rejected"),
        ("role refused at first", "role_refused", "role not granted, nothing sent"),
        ("failure status at first", "report_failed", "answered 0110H"),
        ("aborting at first", "report_aborted", "aborted by the harness"),
    ):
        seen = of(cells, "released early", listener, scenario)
        assert seen["attempts"][0]["what"] == what
        assert seen["delivered"]
        assert seen["again"] >= 1
        assert seen["on"] == "a new association"
    away = of(cells, "released early", "absent at first", "listener_away")
    assert away["delivered"]
    assert of(cells, "aborted", "ready", "aborted_early")["delivered"]
    assert of(cells, "kept open", "ready", "held_open")["on"] == "a new association"


def test_one_that_gives_up_and_one_that_never_tries():
    given_up = of(cells_of(FAULT, "no-retry"), "released early", "refusing at first", "rejected_for_good")
    assert not given_up["delivered"]
    assert given_up["again"] == 0
    assert given_up["gave_up_s"] < 1 < 30 < given_up["watched_s"]
    silent = of(cells_of(FAULT, "no-report"), "kept open", "ready", "held_open")
    assert (silent["attempts"], silent["gave_up_s"]) == ([], None)


def test_reports_on_the_request_s_own_association_and_after_it_was_lost():
    cells = cells_of(VARIANT, "same-association")
    assert of(cells, "kept open", "ready", "held_open")["on"] == "the same association"
    lost = of(cells, "kept open", "ready", "same_association_lost")
    assert [(each["on"], each["ok"]) for each in lost["attempts"]] == [
        ("the same association", False), ("a new association", True),
    ]  # fmt: skip


def test_restarts_are_told():
    cells = cells_of(CLEAN, rows=("DIMSE-ROB-RETRY-02",))
    assert of(cells, "released early", "ready, SUT restarted meanwhile", "restarted")["delivered"]


# --- the other direction: the SUT asks, the harness reports


def information(uid):
    return encode([(0x00081195, "UI", uid), (0x00081199, "SQ", [[(0x00081150, "UI", "1.2.3"), (0x00081155, "UI", "1.2.4")]])], IMPLICIT)  # fmt: skip  # noqa: E501 - one data set


async def asking(directory, *, listener, same):
    """An SCU that asks once; the harness answers and reports where it is told to. The SUT's listener behaves as named."""
    network, clock, uid = MemoryNetwork(), LoopClock(), "1.2.826.0.1.77"
    recorder = Recorder(directory / "asked.jsonl", clock, role="scu", scenario="asked")
    reported = asyncio.Event()
    theirs = Proposal(contexts=((PUSH, (IMPLICIT,)),), roles=(Role(PUSH, 0, 1),))

    async def action(assoc, message):
        await assoc.respond(message, 0)
        if same:
            await assoc.n_event_report(information(uid), event_type=1)
            reported.set()

    async def plain(assoc, message):
        return Reply(0)

    ours = Acceptor(clock, recorder.connection, handlers={cmd.N_ACTION_RQ: action})
    address = (await network.listen("127.0.0.1", 0, ours)).address
    port = 9
    if listener:
        script = LISTENERS.get(listener) or ListenerScript(listener)
        sut = Acceptor(
            clock, Unrecorded, script, handlers={} if script.report_status else {cmd.N_EVENT_REPORT_RQ: plain}
        )
        port = (await network.listen("127.0.0.1", 0, sut)).address[1]
    async with associate(network, clock, Unrecorded(), *address, called_ae="OURS", calling_ae="SCU",
                         proposal=Proposal(contexts=((PUSH, (IMPLICIT,)),)), on_message=None) as assoc:  # fmt: skip
        await assoc.n_action(information(uid))
        if same:
            await reported.wait()
    if not same:
        await asyncio.sleep(0.01)  # virtual: the release has come before the report goes out
        async with associate(network, clock, recorder.connection(), "127.0.0.1", port, called_ae="SCU",
                             calling_ae="OURS", proposal=theirs) as assoc:  # fmt: skip
            if any(each.requestor_scp for each in assoc.contexts.values()):
                await assoc.n_event_report(information(uid), event_type=1)
    await asyncio.sleep(1)
    recorder.close("complete")
    return topology([read_transcript(directory / "asked.jsonl")])


@pytest.mark.parametrize(
    ("listener", "expected", "what"),
    [
        ("plain", "ready", "answered 0000H"),
        ("", "absent", "no connection"),
        ("reject-permanent", "refusing", "association rejected (1, 1, 1)"),
        ("role-refused", "no role", "role not granted, nothing sent"),
        ("failure-status", "failure status", "answered 0110H"),
    ],
)
def test_an_scu_s_listener_is_found_by_our_own_attempts(tmp_path, listener, expected, what):
    (cell,) = run_virtual(asking(tmp_path, listener=listener, same=False))
    assert (cell["role"], cell["association"], cell["listener"]) == ("scu", "released early", expected)
    (transaction,) = cell["transactions"]
    assert [each["what"] for each in transaction["attempts"]] == [what]
    assert transaction["delivered"] == (expected == "ready")


def test_a_report_on_the_scu_s_own_association(tmp_path):
    (cell,) = run_virtual(asking(tmp_path, listener="plain", same=True))
    assert (cell["association"], cell["listener"]) == ("kept open", "ready")
    assert [each["on"] for each in cell["transactions"][0]["attempts"]] == ["the same association"]


# --- what is made of it


def test_it_raises_on_no_damaged_recording():
    recording = record(SUITE, Case("scp", CLEAN, "", ROWS))
    for transcript in recording.scenarios.values():
        for keep in range(0, len(transcript.events), 3):
            topology([transcript.with_events(transcript.events[:keep])])
        topology([transcript.with_events(e for e in transcript.events if e.kind != "dimse.out")])
        topology([transcript.with_events(e for e in transcript.events if e.kind != "conn.open")])


def test_cells_obey_the_schema_and_become_tables():
    from jsonschema import Draft202012Validator

    recording = record(SUITE, Case("scp", FAULT, "no-retry", ROWS))
    found = topology(recording.scenarios.values())
    json.dumps(found)
    whole = schema("results")
    Draft202012Validator({"$defs": whole["$defs"], **whole["properties"]["topology"]}).validate(found)
    shown = rows({"topology": found})
    assert (shown[0].role, shown[0].association, shown[0].listener) == ("scp", "kept open", "ready")
    (refused,) = [row for row in shown if (row.association, row.listener) == ("released early", "refusing at first")]
    assert not refused.good
    assert refused.happened.startswith("not delivered: association rejected (1, 1, 1)")
    assert refused.tried == "once"
    assert "last tried after" in refused.given_up
    assert rows({}) == ()


def test_the_page_shows_the_map_and_every_link_of_it_leads_somewhere():
    recording = record(SUITE, Case("scp", FAULT, "no-retry", ROWS))
    results, _ = judged_results(recording, {"scp": SUITE}, judged="2026-01-01T00:00:00Z")
    page = render(Evidence(results=results, transcripts=recording.named()))
    section = page[page.index('<section id="topology"') :]
    section = section[: section.index("</section>")]
    assert section.count("<table") == 1
    assert "not delivered: association rejected" in section
    assert "last tried after" in section
    targets = set(re.findall(r'href="#([^"]+)"', section))
    assert len(targets) > 20
    exchanges = set(re.findall(r'data-slug="([^"]+)"', page))  # whose events are drawn when a link leads there
    assert {each for each in targets if each.removeprefix("t-").rpartition("-")[0] not in exchanges} <= set(
        re.findall(r'id="([^"]+)"', page)
    )


def test_a_summary_in_words():
    def one(**values):
        return {"delivered": True, "on": "a new association", "seconds": 0.3, "attempts": [1], "again": 0, "repeated": 0,
                "gave_up_s": None, "watched_s": 9.0, **values}  # fmt: skip

    assert summary([one()]) == "delivered, on a new association after 0.3 s"
    assert summary([one(again=2), one(again=2, seconds=1)]) == (
        "2 of 2 delivered, on a new association after 0.3 to 1.0 s, tried again twice"
    )
    silent = one(delivered=False, on=None, seconds=None, attempts=[])
    assert summary([silent]) == "not delivered, no attempt seen in 9.0 s"
