"""The judge: how each ending of a check becomes a finding, what is cited, and that a bundle judges itself."""

from __future__ import annotations

import dataclasses
import json
import socket
import subprocess
import sys

import pytest

from stgcmt import suite as face
from stgcmt.catalogue import Requirement
from stgcmt.checks import EXPECTATION, Check, Ending, expected, inconclusive, not_applicable, outcome
from stgcmt.evaluation import Citation, evaluate
from stgcmt.judge import Recording, judge_check
from stgcmt.transcript import Event, Footer, Header, Transcript


def transcript(name="sc", *, state="complete", events=2, **info):
    made = tuple(Event(n, n, "note", info={"n": n}) for n in range(1, events + 1))
    footer = Footer(state, events, "because") if state else None
    return Transcript(Header(name, "run" if name == "run" else "scp", 0, 0, info=info), made, footer)


def row(**more):
    return Requirement("A", "scp", "t", "s", "c", "shall", **more)


def check(function, *arguments, partial=False):
    return Check("test_x", ("A",), arguments, partial, function)


def judged(function, *arguments, requirement=None, **recorded):
    recording = Recording(
        recorded.pop("run", transcript("run")), {("scp", key): value for key, value in recorded.items()}
    )
    return judge_check(check(function, *arguments), requirement or row(), recording, "default")


def test_a_pass_cites_the_transcripts_of_its_arguments():
    finding = judged(lambda sc, run: None, "sc", "run", sc=transcript())
    assert finding.verdict == "pass"
    assert finding.evidence == (Citation("scp/sc"), Citation("run"))


def test_a_failed_assert_carries_expected_seen_and_events():
    def body(sc):
        assert sc.events[1].n == 3, expected("the third", sc.events[1])

    finding = judged(body, "sc", sc=transcript())
    assert (finding.verdict, finding.outcome, finding.expected) == ("fail", "violation", "the third")
    assert finding.seen == ("note: n 2",)
    assert finding.evidence == (Citation("scp/sc", 2),)


def test_outcomes_take_their_verdict_from_the_catalogue_and_unknown_ones_are_our_fault():
    def body(sc):
        outcome("other", sc.events[0])

    assert judged(body, "sc", sc=transcript(), requirement=row(outcomes={"other": "warn"})).verdict == "warn"
    assert judged(body, "sc", sc=transcript()).verdict == "error"


def test_claims_excuse_only_what_the_requirement_names_and_the_vendor_states():
    def body(sc, run):
        not_applicable("scp.quiet")

    named = row(unless=("scp.quiet",))
    claimed = transcript("run", claims={"scp": {"quiet": True}})
    assert judged(body, "sc", "run", sc=transcript(), run=claimed, requirement=named).verdict == "not-applicable"
    assert judged(body, "sc", "run", sc=transcript(), requirement=named).verdict == "error", "not stated"
    assert judged(body, "sc", "run", sc=transcript(), run=claimed).verdict == "error", "not named"


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("y"), RecursionError("z"), Ending("other")])
def test_anything_else_is_the_harness_fault(error):
    def body(sc):
        raise error

    finding = judged(body, "sc", sc=transcript())
    assert finding.verdict == "error"
    assert type(error).__name__ in finding.message


def test_a_missing_premise_is_never_a_pass():
    ok = lambda sc: None
    assert judged(ok, "sc").verdict == "not-tested"
    assert judged(ok, "sc", sc=transcript(state="")).verdict == "inconclusive"
    assert judged(ok, "sc", sc=transcript(state="timeout")).verdict == "inconclusive"
    assert judged(ok, "sc", sc=transcript(state="skipped")).verdict == "not-tested"
    assert judged(ok, "sc", sc=transcript(state="crashed")).verdict == "error"
    cut = dataclasses.replace(transcript(), events=transcript().events[:1])
    assert judged(ok, "sc", sc=cut).verdict == "inconclusive"
    partial = check(ok, "sc", partial=True)
    assert judge_check(partial, row(), Recording(transcript("run"), {("scp", "sc"): cut}), "default").verdict == "pass"


@pytest.mark.parametrize("lost", [{}, {"b": transcript("b", state="")}, {"b": transcript("b", state="skipped")}])
def test_a_transcript_that_is_lost_hides_no_failure_in_another(lost):
    def body(a, b):
        for each in (a, b):
            if not each.events:
                continue
            assert each.name != "a", expected("another", each.events[0])
        if not b.events:
            inconclusive("nothing in b")

    found = judged(body, "a", "b", a=transcript("a"), **lost)
    assert (found.verdict, found.evidence) == ("fail", (Citation("scp/a", 1),))
    assert judged(body, "a", "b", a=transcript("c"), **lost).verdict in ("not-tested", "inconclusive")
    assert judged(lambda a, b: None, "a", "b", a=transcript("a"), **lost).verdict != "pass"


def test_a_failure_that_only_the_stand_in_shows_is_none():
    def body(a, b):
        assert b.events, expected("an event", b)

    assert judged(body, "a", "b", a=transcript("a")).verdict == "not-tested"


def test_a_claim_that_the_wire_contradicts_fails():
    claiming = transcript("run", claims={"scp": {"never": True}})
    ok = lambda sc: None
    finding = judged(ok, "sc", requirement=row(unless=("scp.never",)), run=claiming, sc=transcript())
    assert (finding.verdict, finding.outcome) == ("fail", "claim-contradicted")
    assert "scp.never" in finding.message
    assert judged(ok, "sc", requirement=row(unless=("scp.other",)), run=claiming, sc=transcript()).verdict == "pass"


def test_what_one_check_expected_does_not_leak_into_the_next():
    def first(sc):
        assert not sc.events, expected("nothing", sc.events[0])

    def second(sc):
        inconclusive("no idea")

    assert judged(first, "sc", sc=transcript()).expected == "nothing"
    assert judged(second, "sc", sc=transcript()).expected == ""
    assert EXPECTATION.get() is None


def test_evaluate_never_raises_for_odd_subjects():
    def body(sc):
        assert False, expected("x", object(), None, 3, [sc.events[0]], "text")

    finding = evaluate(check(body, "sc"), row(), [transcript()], "default")
    assert finding.verdict == "fail"
    assert Citation("scp/sc", 1) in finding.evidence


def test_the_public_face_is_importable_without_pytest_or_pydicom():
    code = "import sys, stgcmt.suite, stgcmt.judge; sys.exit(any(m in sys.modules for m in ('pytest', 'pydicom', 'httpx', 'pynetdicom')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert set(face.__all__) <= set(dir(face)) | {"Play"}


def test_a_bundle_judges_itself_without_sockets(greeter, tmp_path, monkeypatch):
    from stgcmt import bundle
    from stgcmt.commands.run import make_plan, run_plan
    from stgcmt.results import judged_results

    results, _ = run_plan(make_plan(None, fault="rude"), bundle.prepare(tmp_path / "b"))

    def forbidden(*_, **__):
        raise AssertionError("the judge opened a socket")

    monkeypatch.setattr(socket, "socket", forbidden)
    again, _ = judged_results(bundle.load(tmp_path / "b"), {"greeter": greeter}, judged=results["judged"])
    assert bundle.dump(again) == (tmp_path / "b" / "results.json").read_text()
    assert json.loads(bundle.dump(again))["summary"]["fail"] == 1


def test_a_finding_that_was_held_against_the_jitter_says_so():
    from stgcmt.checks import jitter_s

    def timed(run):
        jitter_s(run)

    def untimed(run):
        pass

    found = [evaluate(check(each, "run"), row(), [transcript("run")], "default").timed for each in (timed, untimed)]
    assert found == [True, False]
