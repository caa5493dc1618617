"""The origin server's checks on hand-made recordings: what each sees, and that none raises on any bytes."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from stgcmt.checks import checks_of
from stgcmt.evaluation import evaluate
from stgcmt.transcript import Event, Footer, Header, Transcript
from stgcmt.verdict import Verdict
from stgcmt_suites.commitment.web_module import read_module
from stgcmt_suites.origin_server import suite
from stgcmt_suites.origin_server.payloads import same_result
from stgcmt_suites.origin_server.requests import Named, body, flat, hierarchical
from stgcmt_suites.origin_server.views import commitment
from stgcmt_suites.origin_server.wadl import read_wadl

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
A, B = Named(CT, "1.2.3.1", "1.2.3", "1.2.3.0"), Named(CT, "1.2.3.2", "1.2.3", "1.2.3.0")
JSON_HEAD = "Content-Type: application/dicom+json\r\n"


def request(method: str, uid: str, content: bytes = b"", base: str = "/pacs/commitment-requests/") -> bytes:
    kind = JSON_HEAD if content else ""
    return (
        f"{method} {base}{uid} HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n{kind}Content-Length: {len(content)}\r\n\r\n".encode()
        + content
    )


def response(status: int, content: bytes = b"", head: str = "") -> bytes:
    kind = JSON_HEAD if content and "Content-Type" not in head else ""
    return f"HTTP/1.1 {status} X\r\n{head}{kind}Content-Length: {len(content)}\r\n\r\n".encode() + content


def talk(name: str, *exchanges: tuple[str, bytes, bytes], seeded: tuple[str, ...] = ()) -> Transcript:
    events: list[Event] = []

    def add(kind: str, data: bytes = b"", **more: object) -> None:
        n = len(events) + 1
        info = {key: value for key, value in more.items() if key not in ("conn", "step")}
        events.append(Event(n, n * 1_000_000, kind, data, more.get("conn"), more.get("step"), info))

    for uid in seeded:
        add("seed", ok=True, sop_instance_uid=uid)
    for conn, (step, sent, came) in enumerate(exchanges, 1):
        add("conn.open", conn=conn, step=step, protocol="http", side="requestor")
        add("http.out", sent, conn=conn, step=step)
        if came:
            add("http.in", came, conn=conn, step=step)
        add("conn.close", conn=conn, step=step, how="local" if came else "fin")
    return Transcript(Header(name, "origin_server", 0, 0), tuple(events), Footer("complete", len(events)))


def run(**claims: object) -> Transcript:
    jitter = Event(1, 1, "note", info={"what": "jitter", "max_s": 0.001})
    info = {"claims": {"origin_server": claims}, "timing": {"result_deadline": 60}}
    return Transcript(Header("run", "run", 0, 0, info=info), (jitter,), Footer("complete", 1))


# What checks read beside the scenarios that a test is about: nothing came of them, unless it says so.
BESIDE = ("uid_shapes", "asked_early", "provoked_states", "large_request")


def verdict(name: str, *transcripts: Transcript):
    check = next(each for each in suite.all_checks if each.name == name)
    by_name = {each.name: each for each in transcripts} | {
        "run": next((t for t in transcripts if t.name == "run"), run())
    }
    by_name = {name: talk(name) for name in BESIDE} | by_name
    row = next(row for row in suite.catalogue if row.id == check.ids[0])
    return evaluate(check, row, [by_name[argument] for argument in check.arguments], "default")


def result(committed=(), failed=()):
    module = flat(committed) if committed else {}
    if failed:
        items = [
            {**flat([each])["00081199"]["Value"][0], "00081197": {"vr": "US", "Value": [reason]}}
            for each, reason in failed
        ]
        module = {"00081198": {"vr": "SQ", "Value": items}} | module
    return body(module)


def test_a_transaction_is_what_was_exchanged_under_its_uid() -> None:
    t = talk(
        "pending_commitment",
        ("seed", b"POST /pacs/studies HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", response(200)),
        ("request", request("POST", "1.2.9", body(flat([A, B]))), response(202, head="Retry-After: 3\r\n")),
        ("poll", request("GET", "1%2E2%2E9"), response(200, result([A, B]))),
    )
    (transaction,) = commitment(t).transactions
    assert transaction.uid == "1.2.9"
    assert [call.status for call in transaction.calls] == [202, 200]
    assert transaction.asked.structure == "flat"
    assert transaction.result.result.instances == ("1.2.3.1", "1.2.3.2")
    assert transaction.posts[0].retry_after.seconds == 3
    assert {t.event(n).step for n in transaction.events} == {"request", "poll"}


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        ({}, set()),
        ([], {"not-a-module"}),
        ("x", {"not-a-module"}),
        ({"00081199": {"vr": "SQ"}}, {"empty-sequence"}),
        ({"00081199": {"vr": "SQ", "Value": []}}, {"empty-sequence"}),
        ({"00081199": 3}, {"not-a-sequence"}),
        ({"00081199": {"vr": "SQ", "Value": [1]}}, {"not-a-sequence"}),
        ({"00081199": {"vr": "SQ", "Value": [{}]}}, {"missing"}),
        ({"00081199": {"vr": "LO", "Value": ["1.2"]}}, {"vr", "not-a-sequence"}),
        ({"00080054": {"vr": "AE", "Value": ["X"]}}, {"foreign"}),
        ({"0008119b": {"vr": "SQ", "Value": []}}, {"empty-sequence"}),
        ({"00081110": {"vr": "SQ", "Value": [{"0020000D": {"vr": "UI", "Value": ["1.2"]}}]}}, {"missing"}),
    ],
)
def test_flaws_of_a_module_are_listed(module: object, kinds: set[str]) -> None:
    assert {flaw.kind for flaw in read_module(module).flaws} == kinds


def test_a_hierarchical_module_keeps_the_place_of_each_instance() -> None:
    module = read_module(json.loads(body(hierarchical([A, B]))))
    assert module.structure == "hierarchical"
    assert {(r.study_instance_uid, r.series_instance_uid) for r in module.references} == {("1.2.3", "1.2.3.0")}
    assert not module.flaws


POST = ("request", request("POST", "1.2.9", body(flat([A, B]))))
GET = ("poll", request("GET", "1.2.9"))


@pytest.mark.parametrize(
    ("answer", "expects"),
    [
        (response(202), Verdict.PASS),
        (response(202, b"{}"), Verdict.FAIL),
        (response(200, result([A, B])), Verdict.INCONCLUSIVE),
    ],
)
def test_accepted_has_no_payload(answer: bytes, expects: Verdict) -> None:
    finding = verdict("test_accepted_response_has_no_payload", talk("pending_commitment", (*POST, answer)))
    assert finding.verdict is expects
    assert any(place.event for place in finding.evidence) or expects is Verdict.PASS


def test_never_pending_is_not_applicable_by_claim() -> None:
    t = talk("pending_commitment", (*POST, response(200, result([A, B]))))
    finding = verdict("test_accepted_response_has_no_payload", t, run(always_synchronous=True))
    assert finding.verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("committed", "failed", "expects"),
    [
        ([A, B], [], Verdict.INCONCLUSIVE),  # the other scenarios show nothing
        ([A], [(B, 274)], Verdict.INCONCLUSIVE),
        ([A], [], Verdict.FAIL),
        ([A, B], [(B, 274)], Verdict.FAIL),
        ([A, A, B], [], Verdict.FAIL),
    ],
)
def test_each_instance_once(committed: list, failed: list, expects: Verdict) -> None:
    good = talk("pending_commitment", (*POST, response(202)), (*GET, response(200, result(committed, failed))))
    others = [talk(name) for name in ("partly_missing", "all_missing", "hierarchical_partly_missing")]
    assert verdict("test_each_instance_appears_once", good, *others).verdict is expects


@pytest.mark.parametrize(
    ("reason", "claimed", "outcome", "expects"),
    [
        ({"vr": "US", "Value": [274]}, [], None, Verdict.PASS),
        ({"vr": "US", "Value": [999]}, [], "violation", Verdict.FAIL),
        ({"vr": "US", "Value": [999]}, [999], "reason-outside-set", Verdict.WARN),
        ({"vr": "US", "Value": ["274"]}, [], "violation", Verdict.FAIL),
        ({"vr": "UI", "Value": [274]}, [], "violation", Verdict.FAIL),
        ({"vr": "US", "Value": [274, 274]}, [], "violation", Verdict.FAIL),
        ({"vr": "US"}, [], "violation", Verdict.FAIL),
        (None, [], "violation", Verdict.FAIL),
    ],
)
def test_failure_reasons(reason: object, claimed: list[int], outcome: str | None, expects: Verdict) -> None:
    item = flat([B])["00081199"]["Value"][0]
    if reason is not None:
        item["00081197"] = reason
    module = {"00081198": {"vr": "SQ", "Value": [item]}} | flat([A])
    names = ("partly_missing", "all_missing", "hierarchical_partly_missing")
    ts = [talk(name, (*POST, response(200, body(module)))) for name in names]
    finding = verdict("test_failure_reasons_are_from_the_set", *ts, run(failure_reasons=claimed))
    assert (finding.verdict, finding.outcome) == (expects, outcome)


@pytest.mark.parametrize(
    ("different", "identical", "still", "expects"),
    [
        (409, 409, 202, Verdict.PASS),
        (202, 409, 202, Verdict.FAIL),
        (409, 202, 202, Verdict.WARN),
        (400, 409, 202, Verdict.FAIL),
        (409, 409, 200, Verdict.INCONCLUSIVE),
        (503, 409, 202, Verdict.INCONCLUSIVE),
    ],
)
def test_pending_duplicates(different: int, identical: int, still: int, expects: Verdict) -> None:
    other = request("POST", "1.2.9", body(flat([B])))
    t = talk(
        "duplicate_pending",
        (*POST, response(202)),
        ("different", other, response(different)),
        ("identical", POST[1], response(identical)),
        ("still", GET[1], response(still)),
        ("control", request("POST", "1.2.10", body(flat([B]))), response(202)),
    )
    assert verdict("test_a_pending_uid_is_refused", t).verdict is expects


def test_a_refusal_without_its_control_proves_nothing() -> None:
    t = talk(
        "duplicate_pending",
        (*POST, response(202)),
        ("different", POST[1], response(409)),
        ("identical", POST[1], response(409)),
        ("still", GET[1], response(202)),
        ("control", request("POST", "1.2.10", body(flat([B]))), response(409)),
    )
    assert verdict("test_a_pending_uid_is_refused", t).verdict is Verdict.INCONCLUSIVE


def test_polling_has_three_answers() -> None:
    def polled(seconds: float, last: int, head: str = "") -> Transcript:
        t = talk("pending_commitment", (*POST, response(202)), (*GET, response(last, head=head)))
        late = [dataclasses.replace(e, t=int(seconds * 1e9)) if e.step == "poll" else e for e in t.events]
        return t.with_events(late)

    done = talk("partly_missing", (*POST, response(200, result([A, B]))))
    kept = talk("pending_commitment", (*POST, response(202)), (*GET, response(200, result([A, B]))))
    none = talk("all_missing", (*POST, response(200, result([], [(A, 274), (B, 274)]))))
    assert verdict("test_the_work_ends", kept, done, none).verdict is Verdict.PASS
    assert verdict("test_the_work_ends", polled(60.5, 202), done, none).verdict is Verdict.WARN
    for status, expects in {503: "note", 410: "note", 500: "warn", 501: "warn", 404: "inconclusive"}.items():
        assert verdict("test_the_work_ends", polled(1, status), done, none).verdict == expects, status
    assert verdict("test_the_work_ends", polled(20, 202), done, none).verdict is Verdict.INCONCLUSIVE
    assert (
        verdict("test_the_work_ends", polled(1, 202, "Retry-After: 3600\r\n"), done, none).verdict
        is Verdict.INCONCLUSIVE
    )


def test_an_accepted_request_that_is_unknown_later_fails() -> None:
    """Also where the first Result Check knew of it, and where it is a request for missing instances."""
    good = talk(
        "pending_commitment",
        (*POST, response(202)),
        ("first-check", GET[1], response(202)),
        (*GET, response(200, result([A, B]))),
    )
    late = talk(
        "pending_commitment", (*POST, response(202)), ("first-check", GET[1], response(202)), (*GET, response(404))
    )
    expired = talk(
        "pending_commitment",
        (*POST, response(202)),
        ("first-check", GET[1], response(200, result([A, B]))),
        ("after", GET[1], response(404)),
    )
    fine = [
        talk(name, (*POST, response(202)), (*GET, response(200, result([A], [(B, 274)]))))
        for name in ("partly_missing", "all_missing")
    ]
    lost = talk("all_missing", (*POST, response(202)), (*GET, response(404)))
    name = "test_an_accepted_request_is_known_at_once"
    assert verdict(name, good, *fine).verdict is Verdict.PASS
    assert verdict(name, late, *fine).verdict is Verdict.FAIL
    assert verdict(name, expired, *fine).verdict is Verdict.PASS
    assert verdict(name, good, fine[0], lost).verdict is Verdict.FAIL


def test_what_is_deleted_on_read_weighs_by_the_statement() -> None:
    t = talk(
        "pending_commitment",
        (*POST, response(202)),
        (*GET, response(200, result([A, B]))),
        ("after", GET[1], response(404)),
    )
    unknown = talk(
        "unknown_transaction",
        ("unknown", request("GET", "1.2.8"), response(404)),
        ("first-use", request("POST", "1.2.8", body(flat([A]))), response(202)),
    )
    name = "test_a_result_check_changes_nothing"
    assert verdict(name, t, unknown, run(result_retention_s=60)).outcome == "deleted-on-read"
    assert verdict(name, t, unknown).outcome == "kept-for-no-time"
    assert verdict(name, t, unknown, run(result_retention_s=0)).verdict is Verdict.INCONCLUSIVE


def test_the_order_of_a_result_is_free() -> None:
    """A server may read its rows in another order the next time; the result is the same."""
    unknown = talk(
        "unknown_transaction",
        ("unknown", request("GET", "1.2.8"), response(404)),
        ("first-use", request("POST", "1.2.8", body(flat([A]))), response(202)),
    )
    turned = talk(
        "pending_commitment",
        (*POST, response(202)),
        (*GET, response(200, result([A, B]))),
        ("after", GET[1], response(200, result([B, A]))),
    )
    assert verdict("test_a_result_check_changes_nothing", turned, unknown).verdict is Verdict.PASS


def test_results_with_both_structures_can_be_compared() -> None:
    mixed = result([A])[:-1] + b"," + body(hierarchical([A]))[1:]
    t = talk(
        "negotiation",
        ("control", POST[1], response(200, mixed)),
        ("accept-xml", GET[1], response(200, mixed)),
        ("last", GET[1], response(200, mixed)),
    )
    assert verdict("test_xml_is_supported", t).verdict is not Verdict.ERROR
    done, other = commitment(t).calls[0], commitment(t).calls[1]
    assert same_result(done, other)


def _again(*, accepted: bool, before: int, after: bytes) -> Transcript:
    other = request("POST", "1.2.9", body(flat([B])))
    return talk(
        "duplicate_done",
        ("request", request("POST", "1.2.9", body(flat([A]))), response(200, result([A]))),
        ("before", GET[1], response(before, result([A]) if before == 200 else b"")),
        ("identical", request("POST", "1.2.9", body(flat([A]))), response(409)),
        ("different", other, response(202 if accepted else 409)),
        ("after", GET[1], response(200, after)),
    )


@pytest.mark.parametrize(
    ("accepted", "before", "after", "expects"),
    [
        (False, 200, [A], Verdict.PASS),
        (False, 200, [B], Verdict.FAIL),
        (True, 404, [B], Verdict.INCONCLUSIVE),  # another transaction after the first one was forgotten: AMB-01
    ],
)
def test_a_duplicate_that_is_another_transaction(accepted: bool, before: int, after: list, expects: Verdict) -> None:
    pending = talk(
        "duplicate_pending",
        ("request", request("POST", "1.2.9", body(flat([A]))), response(202)),
        ("different", request("POST", "1.2.9", body(flat([B]))), response(409)),
        ("poll", GET[1], response(200, result([A]))),
    )
    done = _again(accepted=accepted, before=before, after=result(after))
    assert verdict("test_a_duplicate_leaves_the_first_alone", pending, done).verdict is expects


@pytest.mark.parametrize(
    ("claimed", "status", "expects"),
    [(None, 404, Verdict.INCONCLUSIVE), (60, 404, Verdict.FAIL), (None, 410, Verdict.PASS), (None, 405, Verdict.FAIL)],
)
def test_a_forgotten_result_is_no_missing_route(claimed: int | None, status: int, expects: Verdict) -> None:
    """A server that answers at once and states no retention may have forgotten the result: AMB-03."""
    ts = [
        talk(name, (*POST, response(200, result([A, B]))), ("after", GET[1], response(status)))
        for name in ("pending_commitment", "synchronous_commitment")
    ]
    claims = {} if claimed is None else {"result_retention_s": claimed}
    assert verdict("test_both_transactions_share_one_resource", *ts, run(**claims)).verdict is expects


@pytest.mark.parametrize(
    ("control", "defect", "expects"),
    [
        (202, 400, Verdict.PASS),
        (202, 503, Verdict.INCONCLUSIVE),
        (202, 429, Verdict.INCONCLUSIVE),
        (503, 503, Verdict.INCONCLUSIVE),
        (202, 500, Verdict.FAIL),
        (503, 202, Verdict.FAIL),
        (202, 422, Verdict.WARN),
    ],
)
def test_a_busy_server_is_not_a_broken_one(control: int, defect: int, expects: Verdict) -> None:
    assert _refusing(control, [defect]) is expects


def _refusing(control: int, defects: list[int], beside: int = 400) -> Verdict:
    """Of a server that answers one malformed Request, made again and again, like this, and others by ``beside``."""

    def asked(step: str, status: int) -> tuple[str, bytes, bytes]:
        return (step, request("POST", f"1.2.{len(step)}.{status}", body(flat([A]))), response(status))

    modules = talk(
        "malformed_modules",
        asked("control-flat", control),
        asked("control-hierarchical", control),
        *(asked("defect-x", status) for status in defects),
        asked("uid-x", beside if len(defects) > 1 else defects[0]),
    )
    bodies = talk(
        "malformed_bodies", asked("control", control), asked("defect-y", 400 if len(defects) > 1 else defects[0])
    )
    others = [talk(name, asked("control", control)) for name in ("malformed_xml", "malformed_multipart")]
    return verdict("test_malformed_modules_are_refused", modules, bodies, *others).verdict


@pytest.mark.parametrize(
    ("defects", "beside", "expects"),
    [
        ([503, 503, 503], 400, Verdict.FAIL),
        ([503, 400], 400, Verdict.PASS),
        ([429, 429, 400], 400, Verdict.PASS),
        ([503, 503, 202], 400, Verdict.FAIL),
        ([503, 503, 422], 400, Verdict.WARN),
        ([429, 429, 429], 400, Verdict.INCONCLUSIVE),
        ([503, 429, 503], 400, Verdict.INCONCLUSIVE),
        ([503, 503, 503], 503, Verdict.FAIL),
    ],
    ids=str,
)
def test_not_now_counts_where_it_lasts(defects: list[int], beside: int, expects: Verdict) -> None:
    assert _refusing(202, defects, beside) is expects


def test_silence_says_nothing_where_the_control_is_silent() -> None:
    """Whatever is asked last may meet a server that is gone."""
    asked = request("POST", "1.2.9", body(flat([A])))
    both = ("both", request("POST", "1.2.8", body({**flat([A]), **hierarchical([A])})), b"")
    steps = [(name, asked, b"") for name in ("control-flat", "control-hierarchical")]
    assert (
        verdict("test_both_structures_at_once_are_refused", talk("both_structures", both, *steps)).verdict
        is Verdict.INCONCLUSIVE
    )
    steps = [(name, asked, response(202)) for name in ("control-flat", "control-hierarchical")]
    assert (
        verdict("test_both_structures_at_once_are_refused", talk("both_structures", both, *steps)).verdict
        is Verdict.FAIL
    )
    twice = [(name, asked, b"") for name in ("control", "control-studies", "twice", "two-studies")]
    found = verdict("test_a_repeated_reference_has_one_verdict", talk("repeated_references", *twice))
    assert found.verdict is Verdict.INCONCLUSIVE


def _conflict(told: str) -> Transcript:
    t = talk(
        "wrong_class",
        (
            "request",
            request("POST", "1.2.9", body(flat([Named(MR, "1.2.3.1")]))),
            response(200, result([], [(Named(told, "1.2.3.1"), 281)])),
        ),
    )
    return t.with_events(
        [
            Event(1, 0, "seed", info={"ok": True, "sop_class_uid": CT, "sop_instance_uid": "1.2.3.1"}),
            *(dataclasses.replace(e, n=e.n + 1) for e in t.events),
        ]
    )


@pytest.mark.parametrize(
    ("told", "outcome", "expects"),
    [(CT, "stored-class", Verdict.WARN), ("1.2.9.9", "violation", Verdict.FAIL), (MR, None, Verdict.INCONCLUSIVE)],
)
def test_only_the_stored_class_is_tolerated(told: str, outcome: str | None, expects: Verdict) -> None:
    finding = verdict(
        "test_the_requested_class_is_kept", _conflict(told), talk("pending_commitment"), talk("hierarchical_commitment")
    )
    assert finding.verdict is expects
    assert outcome is None or finding.outcome == outcome


def _truth(large: bytes = b"", *, deleted: bool = True, kept: tuple[Named, ...] = (A,)) -> list[Transcript]:
    names = ("partly_missing", "all_missing", "hierarchical_partly_missing")
    ts = [talk(name, (*POST, response(200, result([A], [(B, 274)]))), seeded=("1.2.3.1",)) for name in names]
    ts.append(talk("large_request", (*POST, large or response(200, result([A], [(B, 274)]))), seeded=("1.2.3.1",)))
    gone = talk(
        "deleted_instance",
        (*POST, response(200, result(kept, [each for each in [(B, 274)] if B not in kept]))),
        seeded=("1.2.3.1", "1.2.3.2"),
    )
    if deleted:
        event = Event(
            len(gone.events) + 1,
            1,
            "provoke",
            info={"name": "delete", "ok": True, "values": {"sop_instance_uid": "1.2.3.2"}},
        )
        gone = gone.with_events([*gone.events, event])
    return [*ts, gone]


@pytest.mark.parametrize(
    ("played", "outcome", "expects"),
    [
        (_truth(), None, Verdict.PASS),
        (_truth(response(413)), None, Verdict.PASS),
        (_truth(response(500)), None, Verdict.INCONCLUSIVE),
        (_truth(response(200, result([A, B]))), "violation", Verdict.FAIL),
        (_truth(kept=(A, B)), "violation", Verdict.FAIL),
        (_truth(kept=(A, B), deleted=False), "nothing-deleted", Verdict.NOTE),
    ],
)
def test_what_is_not_there_is_not_committed(played: list[Transcript], outcome: str | None, expects: Verdict) -> None:
    """In long lists too; where nothing can be deleted the rest is judged all the same."""
    finding = verdict("test_what_is_not_held_is_not_committed", *played)
    assert (finding.verdict, finding.outcome) == (expects, outcome)


@pytest.mark.parametrize(
    ("claimed", "stored", "expects"),
    [(False, True, Verdict.PASS), (False, False, Verdict.INCONCLUSIVE), (True, False, Verdict.NOT_APPLICABLE)],
)
def test_a_link_that_is_not_taken(claimed: bool, stored: bool, expects: Verdict) -> None:
    t = talk(
        "link_only",
        (*POST, response(200, result([A], [(B, 274)]))),
        seeded=("1.2.3.1", "1.2.3.2") if stored else ("1.2.3.1",),
    )
    assert verdict("test_a_link_is_not_committed", t, run(no_link_transfer_syntaxes=claimed)).verdict is expects


@pytest.mark.parametrize(
    ("mixed", "alone", "expects"),
    [
        (200, 200, Verdict.PASS),
        (200, 409, Verdict.WARN),
        (200, 404, Verdict.FAIL),
        (200, 500, Verdict.FAIL),
        (409, 409, Verdict.FAIL),
    ],
)
def test_unsupported_classes(mixed: int, alone: int, expects: Verdict) -> None:
    pending = talk("pending_commitment", (*POST, response(202)))
    t = talk(
        "unsupported_class",
        ("mixed", POST[1], response(mixed)),
        ("alone", request("POST", "1.2.8", body(flat([B]))), response(alone)),
    )
    assert verdict("test_unsupported_classes_are_a_result", t, pending).verdict is expects


def test_every_check_is_total() -> None:
    """Whatever a server sends, a check ends with a verdict of the server, never with an error of its own."""
    dice = random.Random(20241117)
    whole = [
        response(200, result([A], [(B, 274)])),
        response(202),
        response(409, b"used"),
        response(400, b"bad", "Content-Type: text/plain\r\n"),
    ]

    def came() -> bytes:
        data = bytearray(dice.choice(whole))
        for _ in range(dice.choice((0, 0, 1, 3, 20))):
            at = dice.randrange(len(data))
            data[at : at + dice.randrange(3)] = bytes(dice.randrange(256) for _ in range(dice.randrange(3)))
            if not data:
                break
        return bytes(data[: dice.randrange(len(data) + 1)] if data and dice.random() < 0.2 else data)

    steps = {step for each in suite.all_checks for step in _words(each.function)}
    for _ in range(12):
        transcripts: dict[str, Transcript] = {"run": run(result_retention_s=1, media_types=["application/dicom+json"])}
        for name in suite.all_scenarios:
            chosen = dice.sample(sorted(steps), 12)
            exchanges = [
                (step, request(dice.choice(("POST", "GET")), f"1.2.{dice.randrange(3)}", body(flat([A, B]))), came())
                for step in ["request", "control", *chosen]
            ]
            transcripts[name] = talk(name, *exchanges, seeded=("1.2.3.1",))
        for check in suite.all_checks:
            for ident in check.ids:
                row = next(row for row in suite.catalogue if row.id == ident)
                finding = evaluate(check, row, [transcripts[argument] for argument in check.arguments], "default")
                assert finding.verdict is not Verdict.ERROR, f"{check.name}: {finding.message}"


def _words(function) -> set[str]:
    return {
        word
        for word in function.__code__.co_consts
        if isinstance(word, str) and word and len(word) < 24 and " " not in word
    }


def test_rows_and_checks_fit() -> None:
    needed = {name for check in suite.all_checks for name in check.scenarios}
    assert needed <= set(suite.all_scenarios)
    for check in suite.all_checks:
        assert check.function.__doc__, check.name


def test_check_modules_are_not_rewritten() -> None:
    import importlib

    for name in suite.checks:
        module = importlib.import_module(name)
        assert "PYTEST_DONT_REWRITE" in (module.__doc__ or ""), name
        assert checks_of(module) or module.__doc__


@pytest.mark.parametrize(
    ("reason", "read", "expects"),
    [(272, True, Verdict.PASS), (274, True, Verdict.WARN), (274, False, Verdict.INCONCLUSIVE)],
)
def test_only_what_can_be_retrieved_is_not_missing(reason: int, read: bool, expects: Verdict) -> None:
    names = ("pending_commitment", "partly_missing", "unsupported_class")
    t = talk(
        "committed_and_retrieved", (*POST, response(200, result([A], [(B, reason)]))), seeded=("1.2.3.1", "1.2.3.2")
    )
    event = Event(len(t.events) + 1, 1, "retrieve", info={"ok": read, "sop_instance_uid": "1.2.3.2"})
    others = [talk(name, (*POST, response(200, result([A, B]))), seeded=("1.2.3.1", "1.2.3.2")) for name in names]
    assert (
        verdict("test_held_instances_are_not_called_missing", *others, t.with_events([*t.events, event])).verdict
        is expects
    )


def test_a_description_may_keep_its_methods_elsewhere() -> None:
    said = b"""<application xmlns="http://wadl.dev.java.net/2009/02"><resources base="http://h/"><resource path="commitment-requests/{uid}">
    <method href="#ask"/><method name="GET"/></resource></resources><method id="ask" name="POST"/></application>"""
    assert read_wadl(said).methods_of("commitment-requests") == {"GET", "POST"}


@pytest.mark.parametrize(("found", "expects"), [([A], Verdict.PASS), ([B], Verdict.FAIL)])
def test_the_result_of_a_race_is_the_winner_s(found: list, expects: Verdict) -> None:
    first, second = (("race", request("POST", "1.2.9", body(flat([each])))) for each in (A, B))
    t = talk(
        "concurrent_duplicates",
        (*first, response(202)),
        (*second, response(409)),
        (*GET, response(200, result(found))),
        ("control", request("POST", "1.2.8", body(flat([A]))), response(202)),
    )
    assert verdict("test_one_of_concurrent_requests_wins", t).verdict is expects
