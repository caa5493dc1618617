"""The suites for proxies against their references: faults red on the rows that see them, bad proxies judged without a hang.

Time is virtual and the network in memory, but for the runs over real sockets, which are marked slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sys
from collections import Counter

import pytest

from peer_runs import results as ended
from peer_runs import rows, start
from stgcmt.selftest_cases import FAULT, VARIANT, Case, judged, killable, record, run_case
from stgcmt.suite import Variant
from stgcmt_suites.proxy_to_dimse import suite as to_dimse
from stgcmt_suites.proxy_to_web import suite as to_web

SUITES = {"proxy_to_dimse": to_dimse, "proxy_to_web": to_web}
LAWS = tuple(f"PROXY-{name}-01" for name in ("ASK", "LIST", "TRUTH", "UID", "DUP", "LOSS", "MATCH"))
# A fault and the row that it is for; `stgcmt selftest` plays them all, on every row.
SOME = [
    ("proxy_to_dimse", "forgets-one-behind", "PROXY-ASK-01"),
    ("proxy_to_dimse", "tree-lost", "WEB-B.30-02"),
    ("proxy_to_dimse", "lost-means-committed", "PROXY-LOSS-01"),
    ("proxy_to_dimse", "rejected-means-committed", "PROXY-LOSS-01"),
    ("proxy_to_dimse", "unreachable-means-committed", "PROXY-LOSS-01"),
    ("proxy_to_dimse", "aborted-means-committed", "PROXY-LOSS-01"),
    ("proxy_to_dimse", "half-a-report-counts", "PROXY-LOSS-01"),
    ("proxy_to_dimse", "latest-takes-the-report", "PROXY-MATCH-01"),
    ("proxy_to_dimse", "calls-another-ae", "PROXY-CONFIG-01"),
    ("proxy_to_dimse", "foreign-instance-passes", "WEB-B.30-09"),
    ("proxy_to_dimse", "second-report-counts", "PROXY-STABLE-01"),
    ("proxy_to_web", "duplicate-goes-behind", "PROXY-DUP-01"),
    ("proxy_to_web", "foreign-instance-passes", "PROXY-LIST-01"),
    ("proxy_to_web", "latest-takes-the-result", "PROXY-MATCH-01"),
    ("proxy_to_web", "other-transaction-uid-in-front", "WEB-B.30-12"),
    ("proxy_to_web", "commits-when-unreachable", "PROXY-LOSS-01"),
    ("proxy_to_web", "commits-when-unanswered", "PROXY-LOSS-01"),
    ("proxy_to_web", "commits-when-cut", "PROXY-LOSS-01"),
    ("proxy_to_web", "commits-when-denied", "WEB-B.30-19"),
    ("proxy_to_web", "asks-for-ever-after-503", "PROXY-POLL-01"),
    ("proxy_to_web", "commits-after-gone", "WEB-B.30-16"),
    ("proxy_to_web", "unknown-reasons-pass", "WEB-B.30-18"),
    ("proxy_to_web", "lost-on-restart", "PROXY-RESTART-01"),
]


@pytest.mark.parametrize("role", sorted(SUITES))
def test_faults_name_rows_that_exist_and_every_own_row_has_one(role):
    suite = SUITES[role]
    known = {row.id for row in suite.catalogue}
    assert len({each.name for each in suite.all_faults}) == len(suite.all_faults)
    for fault in suite.all_faults:
        assert {*fault.violates, *fault.follows} <= known, fault.name
    named = {ident for fault in suite.all_faults for ident in (*fault.violates, *fault.follows)}
    own = [row for row in suite.catalogue if row.face is None]
    assert not [row.id for row in own if not row.excluded and killable(row) and row.id not in named]


def test_there_are_thirty_faults():
    assert len(to_dimse.all_faults) + len(to_web.all_faults) >= 30


@pytest.mark.parametrize("role", sorted(SUITES))
def test_what_does_not_bind_a_face_says_why(role):
    for face in SUITES[role].faces:
        for ident, reason in face.leaves.items():
            row = next(row for row in SUITES[role].catalogue if row.id == ident)
            assert row.excluded == reason
            assert reason.startswith(("not on the wire: ", "declared only: "))


@pytest.mark.parametrize(("role", "fault", "row"), SOME, ids=lambda each: each)
def test_a_fault_turns_its_row_red(role, fault, row):
    seen = run_case(SUITES[role], Case(role, FAULT, fault, rows=(row,)))
    assert not seen.problem
    assert row in seen.red, seen.rows[row]
    assert seen.rows[row].cited


def test_a_lost_instance_is_named_with_both_faces():
    case = Case("proxy_to_dimse", FAULT, "forgets-one-behind", rows=("PROXY-ASK-01",))
    recording = record(to_dimse, case)
    (row,) = [each for each in judged(to_dimse, recording, case) if each.id == "PROXY-ASK-01"]
    assert row.verdict == "fail"
    named = recording.named()
    kinds = {named[each.transcript].event(each.event).kind for each in row.standing.evidence if each.event is not None}
    assert {"http.out", "dimse.in"} <= kinds  # what was asked in front, and what that became behind


@pytest.mark.parametrize(("role", "fault", "row", "kind"), [
    ("proxy_to_dimse", "forgets-one-behind", "PROXY-ASK-01", "dimse.in"),  # the request behind
    ("proxy_to_dimse", "all-reasons-as-0110", "PROXY-REASON-01", "http.in"),  # the result in front
    ("proxy_to_dimse", "lost-means-committed", "PROXY-LOSS-01", "http.in"),
    ("proxy_to_web", "class-changed-behind", "PROXY-UID-01", "http.in"),
    ("proxy_to_web", "commits-left-out", "PROXY-TRUTH-01", "dimse.in"),
], ids=lambda each: each)  # fmt: skip
def test_a_finding_says_on_which_hop_the_meaning_changed(role, fault, row, kind):
    case = Case(role, FAULT, fault, rows=(row,))
    recording = record(SUITES[role], case)
    (found,) = [each for each in judged(SUITES[role], recording, case) if each.id == row]
    wrong = [each for each in found.standing.evidence if each.deviates]
    named = recording.named()
    assert {named[each.transcript].event(each.event).kind for each in wrong} == {kind}
    assert len(wrong) < len(found.standing.evidence)


# --- requests in parts ---------------------------------------------------------------------------------------------------

IN_PARTS = ("PROXY-ASK-01", "PROXY-LIST-01", "PROXY-TRUTH-01", "PROXY-REASON-01", "PROXY-PENDING-01", "PROXY-MATCH-01")


def test_a_request_in_parts_is_linked_as_one_and_judged_over_all_parts():
    from stgcmt_suites.proxies.links import links

    for role, mapping in (("proxy_to_dimse", "WEB-B.30-05"), ("proxy_to_web", "WEB-B.30-12")):
        case = Case(role, rows=(*IN_PARTS, mapping))
        recording = record(changed(role, parts=2), case)
        assert {row.id: str(row.verdict) for row in judged(SUITES[role], recording, case) if row.id in case.rows} == (
            dict.fromkeys(case.rows, "pass")
        )
        for link in links(recording.scenarios[role, "round_trip"]).links:
            assert len(link.parts) == 2
            whole = link.together()
            assert whole.committed == link.front.pairs
            assert link.parts[0].results[0].committed < whole.committed


@pytest.mark.parametrize("role", sorted(SUITES))
@pytest.mark.parametrize(("fault", "row"), [
    ("forgets-one-behind", "PROXY-ASK-01"), ("all-reasons-as-0110", "PROXY-REASON-01"),
    ("foreign-instance-passes", "PROXY-LIST-01"),
], ids=lambda each: each)  # fmt: skip
def test_what_is_lost_between_the_parts_is_seen(role, fault, row):
    case = Case(role, FAULT, fault, rows=(row,))
    (found,) = [each for each in judged(SUITES[role], record(changed(role, parts=2), case), case) if each.id == row]
    assert found.verdict in {"fail", "warn"}, found.standing


# --- a time that is stated -----------------------------------------------------------------------------------------------


def stated(role, seconds, *rows, **options):
    """The verdicts of a proxy that states when it gives up, and does what ``options`` say."""
    variant = Variant("states", "", options, claims={"gives_up_after_s": seconds})
    suite = dataclasses.replace(SUITES[role], variants=(variant,))
    seen = run_case(suite, Case(role, VARIANT, "states", rows=rows))
    assert not seen.problem
    return {ident: (seen.rows[ident].verdict, seen.rows[ident].outcome) for ident in rows}


def test_a_stated_time_is_held_against_what_comes():
    assert stated("proxy_to_dimse", 3, "WEB-B.30-08") == {"WEB-B.30-08": ("warn", "later-than-stated")}  # a MAY
    assert stated("proxy_to_web", 3, "WEB-B.30-19") == {"WEB-B.30-19": ("fail", "later-than-stated")}
    assert stated("proxy_to_dimse", 3, "WEB-B.30-08", gives_up_after_s=3.0) == {"WEB-B.30-08": ("pass", None)}
    assert stated("proxy_to_web", 3, "WEB-B.30-19", gives_up_after_s=3.0) == {"WEB-B.30-19": ("pass", None)}


def test_a_stated_time_that_is_not_waited_for_decides_nothing():
    assert stated("proxy_to_dimse", 86400, "WEB-B.30-08")["WEB-B.30-08"] == ("inconclusive", None)
    assert stated("proxy_to_web", 86400, "WEB-B.30-19")["WEB-B.30-19"] == ("note", "still-pending")


def test_giving_up_before_the_stated_time_is_a_warning_then_a_note():
    row = "PROXY-PENDING-01"
    assert stated("proxy_to_dimse", 30, row, gives_up_after_s=1.0)[row] == ("warn", "result-without-report")
    assert stated("proxy_to_dimse", 1, row, gives_up_after_s=1.0)[row] == ("note", "gave-up-as-stated")


# --- proxies that misbehave ----------------------------------------------------------------------------------------------


def changed(role, **options):
    """The reference of a role with options of its own, whatever the harness gives it."""
    good = SUITES[role].resolve("reference")

    def up(setting):
        return good(dataclasses.replace(setting, options={**setting.options, **options}))

    return dataclasses.replace(SUITES[role], reference=up)


def never_behind(role):
    """It never contacts the back end: where it looks for it nobody listens."""
    return changed(role, back_port=9) if role == "proxy_to_dimse" else changed(role, back_url="http://127.0.0.1:9/x")


def from_a_stranger(role):
    """It asks behind under an AE title that its SUT file does not name, or with another path."""
    if role == "proxy_to_web":
        return elsewhere(role)
    good = SUITES[role].resolve("reference")

    @contextlib.asynccontextmanager
    async def up(setting):
        async with good(dataclasses.replace(setting, options={**setting.options, "ae_title": "STRANGER"})) as section:
            yield {**section, "ae_title": "STGCMT_PROXY"}

    return dataclasses.replace(SUITES[role], reference=up)


def elsewhere(role):
    good = SUITES[role].resolve("reference")

    def up(setting):
        return good(
            dataclasses.replace(setting, options={**setting.options, "back_url": f"{setting.back_url}/no/such"})
        )

    return dataclasses.replace(SUITES[role], reference=up)


def too_late(role):
    """It answers long after the harness has stopped waiting."""
    return changed(role, latency=4000.0) if role == "proxy_to_dimse" else changed(role, respond_after_s=4000.0)


def dies(role):
    """It is gone in the middle of everything."""
    good = SUITES[role].resolve("reference")

    @contextlib.asynccontextmanager
    async def up(setting):
        gone = asyncio.Event()

        async def live(up_then):
            async with good(setting) as section:
                up_then.set_result(section)
                await gone.wait()

        begun = asyncio.get_running_loop().create_future()
        life = asyncio.create_task(live(begun))
        asyncio.get_running_loop().call_later(1.0, gone.set)
        yield await begun
        gone.set()
        await life

    return dataclasses.replace(SUITES[role], reference=up)


def deaf(role):
    """It takes connections and says nothing."""

    @contextlib.asynccontextmanager
    async def up(setting):
        async def handler(stream):
            while await stream.receive():
                pass
            stream.close()

        listener = await setting.network.listen("127.0.0.1", 0, handler)
        port = listener.address[1]
        section = {"host": "127.0.0.1", "port": port, "ae_title": "DEAF"}
        try:
            yield section | ({"base_url": f"http://127.0.0.1:{port}/x"} if role == "proxy_to_dimse" else {})
        finally:
            await listener.aclose()

    return dataclasses.replace(SUITES[role], reference=up)


@pytest.mark.parametrize("role", sorted(SUITES))
@pytest.mark.parametrize("bad", [never_behind, from_a_stranger, too_late, deaf, dies], ids=lambda each: each.__name__)
def test_a_bad_proxy_is_a_finding_or_inconclusive_never_an_error(role, bad):
    rows = (*LAWS, "PROXY-CONFIG-01")
    case = Case(role, rows=rows)
    recording = record(bad(role), case)
    assert recording.run.footer.state == "complete"
    states = Counter(each.footer.state for each in recording.scenarios.values())
    assert states.keys() <= {"complete", "timeout"}, states
    found = [row for row in judged(SUITES[role], recording, case) if row.id in rows]
    assert len(found) == len(rows)
    for row in found:
        assert row.verdict in {"pass", "fail", "warn", "inconclusive"}, (row.id, row.standing)
        assert row.verdict == "pass" or row.standing.message
    verdicts = {row.id: str(row.verdict) for row in found}
    if bad is from_a_stranger:  # who asks is not what the laws are about, but a finding of its own
        assert verdicts["PROXY-CONFIG-01"] == "warn", verdicts
    elif bad is not dies:
        assert verdicts["PROXY-ASK-01"] == "inconclusive", verdicts
        assert verdicts["PROXY-TRUTH-01"] != "pass", verdicts


def test_a_proxy_whose_back_end_cannot_be_found_is_told_by_the_mapping():
    """Accepted in front, and nothing behind: that is a finding, not a gap."""
    case = Case("proxy_to_web", rows=("WEB-B.30-11",))
    recording = record(never_behind("proxy_to_web"), case)
    (row,) = [each for each in judged(to_web, recording, case) if each.id == "WEB-B.30-11"]
    assert row.verdict == "warn"
    assert "a POST behind" in row.standing.expected


# --- real sockets --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted(SUITES))
def test_the_embedded_run_is_clean_over_real_sockets(role, tmp_path):
    """A machine too busy to keep its timers leaves rows open, which is right: then once more."""
    for attempt in range(3):
        found = ended(start(tmp_path / str(attempt), "--role", role))
        if not found["summary"]["inconclusive"]:
            break
    assert found["exit_code"] == 0
    odd = {
        ident: (row["verdict"], row["message"])
        for ident, row in rows(found).items()
        if row["verdict"] in {"fail", "warn", "error", "inconclusive"}
    }
    assert not odd
    assert not [ident for ident, row in rows(found).items() if row.get("vacuous")]


CRASHES = """
import socket, subprocess, sys, time
process = subprocess.Popen(sys.argv[2:])
while True:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
        break
    except OSError:
        time.sleep(0.02)
time.sleep(0.7)  # less than Retry-After: what was accepted is pending
process.kill()
process.wait()
sys.exit(3)
"""


@pytest.mark.slow
def test_a_proxy_that_crashes_in_the_middle_is_told_and_nothing_hangs(tmp_path):
    (tmp_path / "crash.py").write_text(CRASHES)
    (tmp_path / "sut.toml").write_text(f"""
name = "crashes"
[proxy_to_dimse]
base_url = "http://127.0.0.1:{{port:web}}/"
host = "127.0.0.1"
port = "{{port:reports}}"
ae_title = "STGCMT_PROXY"
[[proxy_to_dimse.destinations]]
ae_title = "BEHIND"
host = "127.0.0.1"
port = 0
[driver]
kind = "process"
command = [{json.dumps(sys.executable)}, "{{sut_dir}}/crash.py", "{{port:web}}", "stgcmt", "serve", "proxy-to-dimse", "--port", "{{port:web}}",
  "--prefix", "/", "--dimse-port", "{{port:reports}}", "--back", "BEHIND@127.0.0.1:{{destination:0:port}}"]
ready = {{ port = "{{port:web}}" }}
[timing]
result_deadline = 4
response = 3
""")
    wanted = [part for ident in LAWS for part in ("--req", ident)]
    found = ended(start(tmp_path / "out", str(tmp_path / "sut.toml"), *wanted))
    judged_rows = [row for row in found["requirements"] if row["id"] in LAWS]
    assert len(judged_rows) == len(LAWS)
    assert not [row["id"] for row in judged_rows if row["verdict"] == "error"]
    assert "inconclusive" in {row["verdict"] for row in judged_rows}
    assert all(row["message"] for row in judged_rows if row["verdict"] == "inconclusive")


@pytest.mark.slow
def test_pytest_judges_a_check_once_for_each_suite_that_has_it(tmp_path):
    """The laws are listed by both proxies; what the front borrows is an item of its own."""
    import subprocess
    import xml.etree.ElementTree as ET

    wanted = "test_every_instance_is_asked_behind_once or test_each_instance_appears_once"
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--sut", "builtin", "-k", wanted,
        "--stgcmt-fault", "forgets-one-behind", "--junitxml", str(tmp_path / "j.xml"),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=200, cwd=tmp_path, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    cases = {case.get("name"): case for case in ET.parse(tmp_path / "j.xml").iter("testcase")}
    asked, appears = "test_every_instance_is_asked_behind_once", "test_each_instance_appears_once"
    assert {asked, f"{asked}[proxy_to_web]", appears, f"{appears}[proxy_to_dimse]"} <= set(cases)
    for name in (asked, f"{asked}[proxy_to_web]"):
        assert cases[name].find("failure") is not None, name
    assert cases[appears].find("skipped") is not None  # the fault is none of the origin server's
    assert cases[f"{appears}[proxy_to_dimse]"].find("skipped") is None  # it was judged, on the front
