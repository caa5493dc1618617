"""Hand-made evidence for the tests of writers and of the terminal: a web and a DIMSE finding with their recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt.transcript import Masker, Recorder, Secret, Transcript, read_transcript
from stgcmt.wire import command as cmd
from stgcmt.wire import items, pdu, pdv
from stgcmt.wire.dataset import encode
from stgcmt.wire.negotiation import Policy, Proposal

TX = "2.25.1234567890123456789012345678901234567"
WEB_TX = "2.25.9876543210123456789012345678901234567"
PUSH, PUSH_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
CT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2"
SECRET = b"s3cr3t-token"


class HandClock:
    """A clock that the recording moves by hand (seconds)."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic_ns(self) -> int:
        return int(self.now * 1e9)

    def wall_ns(self) -> int:
        return 1_767_225_600_000_000_000 + self.monotonic_ns()


class Recording:
    """A recorder with a clock that moves a little at each event."""

    def __init__(self, directory: Path, role: str, scenario: str, info: dict[str, Any] | None = None) -> None:
        self.clock = HandClock()
        self.path = directory / "transcripts" / role / f"{scenario}.jsonl"
        if role == "run":
            self.path = directory / "transcripts" / "run.jsonl"
        masker = Masker([Secret(SECRET, "bearer-token")])
        self.recorder = Recorder(self.path, self.clock, role=role, scenario=scenario, masker=masker, info=info or {})

    def event(self, kind: str, data: bytes = b"", *, after: float = 0.002, **info: Any) -> int:
        self.clock.now += after
        return self.recorder.event(kind, data, **info)

    def done(self, state: str = "complete") -> Transcript:
        self.recorder.close(state)
        return read_transcript(self.path)


def result_body(instance: str) -> bytes:
    item = {
        "00081150": {"vr": "UI", "Value": [CT]},
        "00081155": {"vr": "UI", "Value": [instance]},
        "00081197": {"vr": "US", "Value": ["274"]},
    }
    return json.dumps({"00081198": {"vr": "SQ", "Value": [item]}}).encode()


def response(status: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def web(
    directory: Path, *, base: str = "127.0.0.1:8042", prefix: str = "/dicom-web"
) -> tuple[Transcript, dict[str, int]]:
    """STOW-RS, a request, two pending polls, a result with a Failure Reason that is no number: event ids by name."""
    rec = Recording(directory, "origin_server", "pending_commitment")
    at: dict[str, int] = {}
    host = f"Host: {base}\r\nAuthorization: Bearer {SECRET.decode()}\r\n"
    rec.event("uid", uid="2.25.1111", what="instance")
    rec.event(
        "conn.open",
        conn=1,
        step="seed",
        protocol="http",
        side="requestor",
        local=["127.0.0.1", 4000],
        peer=base.split(":"),
    )
    part = b"--b\r\nContent-Type: application/dicom\r\n\r\n\x00\x01DICM\xff\r\n--b--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    stow = f"POST {prefix}/studies HTTP/1.1\r\n{host}Content-Type: {kind}\r\n"
    rec.event("http.out", f"{stow}Content-Length: {len(part)}\r\n\r\n".encode() + part, conn=1, step="seed")
    rec.event("http.in", response("200 OK"), conn=1, step="seed")
    rec.event("seed", ok=True, how="stow", sop_instance_uid="2.25.1111", sop_class_uid=CT)
    rec.event("uid", uid=WEB_TX, what="transaction")
    body = json.dumps(
        {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.1111"]}}]}}
    ).encode()
    target = f"{prefix}/commitment-requests/{WEB_TX}"
    head = (
        f"POST {target} HTTP/1.1\r\n{host}Content-Type: application/dicom+json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    at["post"] = rec.event("http.out", head.encode() + body, conn=1, step="post")
    at["accepted"] = rec.event("http.in", response("202 Accepted", "Retry-After: 1\r\n"), conn=1, after=0.01)
    for number in range(2):
        rec.event("wait.start", name="retry_after", reason="sut", seconds=0.1, why="Retry-After: 1")
        rec.event("wait.end", after=0.1, name="retry_after", reason="sut", waited=0.1)
        get = f"GET {target} HTTP/1.1\r\n{host}Accept: application/dicom+json\r\n\r\n"
        rec.event("http.out", get.encode(), conn=1, step="poll")
        said = response("202 Accepted") if not number else b""
        if number:
            said = response("200 OK", "Content-Type: application/dicom+json\r\n", result_body("2.25.1111"))
        at["result"] = rec.event("http.in", said, conn=1, after=0.01)
    at["close"] = rec.event("conn.close", conn=1, how="local")
    return rec.done(), at


def commitment(uid: str = TX, instance: str = "2.25.1111") -> bytes:
    return encode(
        [
            (0x00081195, "UI", uid),
            (0x00081199, "SQ", [[(0x00081150, "UI", CT), (0x00081155, "UI", instance)]]),
        ],
        IMPLICIT,
    )


def message(context: int, command: dict[int, Any], data: bytes | None = None) -> bytes:
    raw = pdv.encode_pdv(context, cmd.encode(command), is_command=True, is_last=True)
    if data is not None:
        raw += pdv.encode_pdv(context, data, is_command=False, is_last=True)
    return pdu.encode(pdu.P_DATA_TF, raw)


def _opened(rec: Recording, conn: int, proposal: Proposal, ours: bool, peer: list[Any], step: str | None) -> None:
    sent, got = ("dimse.out", "dimse.in") if ours else ("dimse.in", "dimse.out")
    side = "requestor" if ours else "acceptor"
    rec.event(
        "conn.open",
        conn=conn,
        step=step,
        protocol="dimse",
        side=side,
        local=["127.0.0.1", 11113 if not ours else 5000],
        peer=peer,
    )
    called, calling = ("ARCHIVE", "STGCMT1") if ours else ("STGCMT1", "ARCHIVE")
    raw = proposal.encode(called_ae=called, calling_ae=calling, max_pdu=16384)
    found = pdu.split(raw)[0][0]
    rec.event(sent, raw, conn=conn, step=step)
    rec.event(
        got,
        Policy(None, (IMPLICIT,), "grant").encode(found.body, items.decode_rq(found.body), max_pdu=16384),
        conn=conn,
    )


def scp(
    directory: Path, *, scenario: str = "missing_class_uid", data: bytes | None = None, status: int = 0x0110,
    peer: tuple[str, int] = ("127.0.0.1", 11112), instance: bytes | None = None,
) -> tuple[Transcript, dict[str, int]]:  # fmt: skip
    """C-STORE, an N-ACTION answered with ``status``, a report on a new association: event ids by name."""
    rec = Recording(directory, "scp", scenario)
    at: dict[str, int] = {}
    where = list(peer)
    rec.event("decision", what="destination", ae_title="STGCMT1", port=11113)
    _opened(rec, 1, Proposal.of({CT: (IMPLICIT,)}), True, where, "seed")
    store = {
        **cmd.request(cmd.C_STORE_RQ, 1, {}, has_data=True),
        cmd.AFFECTED_CLASS: CT,
        cmd.AFFECTED_INSTANCE: "2.25.1111",
        cmd.PRIORITY: 0,
    }
    pixels = instance or encode(
        [(0x00080016, "UI", CT), (0x00080018, "UI", "2.25.1111"), (0x00100010, "PN", "Test^Hand")], IMPLICIT
    )
    rec.event("dimse.out", message(1, store, pixels), conn=1, step="seed")
    rec.event("dimse.in", message(1, cmd.response(cmd.decode(cmd.encode(store)), 0, {})), conn=1)
    rec.event("dimse.out", pdu.encode_release_rq(), conn=1, step="seed")
    rec.event("dimse.in", pdu.encode_release_rp(), conn=1)
    rec.event("conn.close", conn=1, how="release")
    rec.event("seed", ok=True, how="c-store", sop_instance_uid="2.25.1111")
    rec.event("uid", uid=TX, what="transaction")
    _opened(rec, 2, Proposal.of({PUSH: (IMPLICIT,)}, roles=()), True, where, "defect")
    action = {
        **cmd.request(cmd.N_ACTION_RQ, 1, {}, has_data=True),
        cmd.REQUESTED_CLASS: PUSH,
        cmd.REQUESTED_INSTANCE: PUSH_INSTANCE,
        cmd.ACTION_TYPE: 1,
    }
    at["action"] = rec.event(
        "dimse.out", message(1, action, commitment() if data is None else data), conn=2, step="defect"
    )
    at["response"] = rec.event("dimse.in", message(1, cmd.response(cmd.decode(cmd.encode(action)), status, {})), conn=2)
    rec.event("wait.start", name="max_report_delay", reason="report", seconds=5.0, why="1 report")
    _opened(rec, 3, Proposal.of({PUSH: (IMPLICIT,)}, roles=(items.Role(PUSH, 0, 1),)), False, ["127.0.0.1", 6000], None)
    report = {
        **cmd.request(cmd.N_EVENT_REPORT_RQ, 1, {}, has_data=True),
        cmd.AFFECTED_CLASS: PUSH,
        cmd.AFFECTED_INSTANCE: PUSH_INSTANCE,
        cmd.EVENT_TYPE: 1,
    }
    at["report"] = rec.event("dimse.in", message(1, report, commitment()), conn=3)
    rec.event("dimse.out", message(1, cmd.response(cmd.decode(cmd.encode(report)), 0, {})), conn=3)
    rec.event("wait.end", name="max_report_delay", reason="report", waited=0.02)
    rec.event("dimse.out", pdu.encode_release_rq(), conn=2)
    rec.event("dimse.in", pdu.encode_release_rp(), conn=2)
    at["fin"] = rec.event("conn.close", conn=2, how="release")
    return rec.done(), at


def row(ident: str, role: str, verdict: str, **other: Any) -> dict[str, Any]:
    deviates = verdict in ("fail", "warn", "note")
    return {
        "id": ident,
        "title": f"Title of {ident}",
        "statement": "What the clause asks for, in our own words.",
        "clause": "PS3.18 13.4.3" if role == "origin_server" else "PS3.4 J.3.2",
        "level": "shall",
        "basis": "stated",
        "role": role,
        "verdict": verdict,
        "outcome": "violation" if deviates else None,
        "message": "" if verdict == "pass" else "expected this; seen that",
        "expected": "a Failure Reason that is a JSON number" if deviates else "",
        "seen": ['Failure Reason of 2.25.1111: vr US, Value ["274"]'] if deviates else [],
        "consequence": "interoperability",
        "cost": "partners misread it",
        "next_step": "write the number without quotes" if deviates else "",
        "evidence": [],
        "checks": [{"name": f"test_{ident.lower()}", "verdict": verdict, "outcome": None, "message": ""}],
        "readings": [],
        "known_issue": None,
        "excluded": None,
        "selected": True,
        "vacuous": False,
        "proof": None,
    } | other  # fmt: skip


def evidence(directory: Path, **web_options: Any) -> Evidence:
    """Everything together: one row of each verdict, two findings with recordings, one known issue."""
    web_t, web_at = web(directory, **web_options)
    scp_t, scp_at = scp(directory)
    run = Recording(directory, "run", "run", {"roles": ["origin_server", "scp"], "claims": {}})
    run.event("note", what="jitter", max_s=0.01)
    run_t = run.done()
    cite = lambda name, *ids: [{"transcript": name, "event": n} for n in ids]  # noqa: E731
    known = {"id": "DIMSE-J.3-09", "role": "scp", "reason": "fixed in 2.1", "until": "2026-12-31", "ticket": "ARC-7"}
    pending = "origin_server/pending_commitment"
    rows = [
        row("WEB-13.4.3-01", "origin_server", "fail", evidence=cite(pending, web_at["result"])),
        row("WEB-13.4.3-02", "origin_server", "pass", evidence=cite(pending, None)),
        row("WEB-13.4.3-03", "origin_server", "note", readings=["AMB-12"]),
        row("WEB-13.4.3-04", "origin_server", "inconclusive", message="the SUT always answered at once"),
        row("WEB-13.4.3-05", "origin_server", "not-applicable", message="claimed"),
        row("WEB-13.4.3-06", "origin_server", "not-tested", excluded="not on the wire: <b>&", checks=[]),
        row(
            "DIMSE-5.4.2.1-02", "scp", "warn", consequence="data-loss", expected="0120H <script>alert(1)</script>",
            evidence=cite("scp/missing_class_uid", scp_at["action"], scp_at["response"]), seen=["N-ACTION-RSP 0110H"],
        ),
        row("DIMSE-J.3-09", "scp", "fail", known_issue={key: known[key] for key in ("reason", "until", "ticket")}),
        row("DIMSE-J.3-10", "scp", "error", message="KeyError: \x07 'x'", outcome=None),
    ]  # fmt: skip
    return Evidence(
        results(rows, known),
        {"run": run_t, "origin_server/pending_commitment": web_t, "scp/missing_class_uid": scp_t},
        {},
    )


def played(role: str, name: str, events: int) -> dict[str, Any]:
    return {
        "role": role,
        "name": name,
        "state": "complete",
        "reason": "",
        "wall_s": 0.3,
        "mode": None,
        "events": events,
    }


def counted(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The summary of these rows."""
    verdicts = ["pass", "fail", "warn", "note", "inconclusive", "not-applicable", "not-tested", "error"]
    counts = {verdict: sum(each["verdict"] == verdict for each in rows) for verdict in verdicts}
    counts["tested"] = sum(counts[verdict] for verdict in ("pass", "fail", "warn", "note"))
    counts["total"] = sum(each["verdict"] != "not-applicable" and not each["excluded"] for each in rows)
    return counts


def results(rows: list[dict[str, Any]], known: dict[str, Any] | None = None) -> dict[str, Any]:
    roles = list(dict.fromkeys(each["role"] for each in rows))
    return {
        "schema_version": 1,
        "tool": {"name": "stgcmt", "version": "0.1.0", "commit": None},
        "suites": {role: {"version": "1", "hash": "0123456789abcdef"} for role in roles},
        "edition": "2025a",
        "profile": "default",
        "sut": {"name": "Archive", "vendor": "ACME <Imaging>", "version": "2.0", "roles": roles},
        "started": "2026-01-01T00:00:00.000Z",
        "finished": "2026-01-01T00:00:09.000Z",
        "judged": "2026-01-01T00:00:10.000Z",
        "state": "complete",
        "exit_code": 3,
        "exit_reason": "the harness failed on 1 requirements, first DIMSE-J.3-10",
        "timing": {
            "wall_s": 9.0,
            "critical_path_s": 8.0,
            "chain": [{"what": "scp/missing_class_uid", "seconds": 8.0, "why": "report"}],
            "sum_of_scenarios_s": 30.0,
        },
        "summary": counted(rows),
        "scenarios": [
            played("origin_server", "pending_commitment", 20),
            played("scp", "missing_class_uid", 30),
        ],
        "left_behind": [{"role": "scp", "scenario": "missing_class_uid", "what": "instance", "uid": "2.25.1111"}],
        "known_issues": {"applied": [known] if known else [], "stale": [], "unknown": [], "expired": []},
        "requirements": rows,
    }  # fmt: skip
