"""The player: overlap, isolation, leases, attribution, interruption. SUTs are a few lines of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
import types

from stgcmt.clock import SystemClock
from stgcmt.desk import Desk, LeaseHolder, Place
from stgcmt.judge import read_recording
from stgcmt.mint import Mint
from stgcmt.plan import plan
from stgcmt.play import Player
from stgcmt.suite import Lease, Setting, Suite, requirement, scenario
from stgcmt.sut import Driver, Sut, Timing
from stgcmt.transcript import Recorder
from stgcmt.wire.stream import SystemNetwork

COMMITMENT = "1.2.840.10008.1.20.1"


def suite_of(monkeypatch, *scenarios, reference=None):
    """A suite that plays these scenarios: one check each, all on one requirement."""
    played, judged = types.ModuleType("toy_scenarios"), types.ModuleType("toy_checks")
    for each in scenarios:
        setattr(played, each.__name__, each)
        namespace: dict = {}
        exec(f"def test_{each.__name__}({each.__name__}): pass", namespace)
        setattr(judged, f"test_{each.__name__}", requirement("GREET-01")(namespace[f"test_{each.__name__}"]))
    monkeypatch.setitem(sys.modules, "toy_scenarios", played)
    monkeypatch.setitem(sys.modules, "toy_checks", judged)
    monkeypatch.syspath_prepend("tests/foreign")
    return Suite("toy", "stgcmt_greeter", ("toy_checks",), ("toy_scenarios",), reference=reference or nobody)


@contextlib.asynccontextmanager
async def nobody(setting: Setting):
    yield {"base_url": "http://127.0.0.1:9/", "host": "127.0.0.1", "port": 9}


def player(suite, tmp_path, **timing):
    sut = Sut("toy", roles=("toy",), driver=Driver("builtin"), timing=Timing(**timing))
    return Player(plan(sut, {"toy": suite}, ("toy",), {}), tmp_path)


def play(suite, tmp_path, **timing):
    asyncio.run(player(suite, tmp_path, **timing).play())
    return read_recording(tmp_path)


def test_waits_overlap_and_the_critical_path_is_the_longest_of_them(monkeypatch, tmp_path):
    @scenario(needs=(), waits=("quiet_period",))
    async def one(play):
        """One."""
        await play.wait("quiet_period")

    @scenario(needs=(), waits=("retry_after",))
    async def two(play):
        """Two."""
        await play.wait("retry_after", 0.3)

    recording = play(suite_of(monkeypatch, one, two), tmp_path, quiet_period=0.4)
    timing = recording.run.of("note")[-1].info["timing"]
    assert 0.4 <= timing["critical_path_s"] < timing["wall_s"] < 0.6
    assert timing["sum_of_scenarios_s"] >= 0.7
    assert timing["chain"][0]["what"] == "toy/one"


def test_one_scenario_that_fails_takes_no_other_with_it(monkeypatch, tmp_path):
    @scenario(needs=())
    async def broken(play):
        """Broken."""
        raise KeyError("x")

    @scenario(needs=())
    async def endless(play):
        """Never ends."""
        await asyncio.Event().wait()

    @scenario(needs=())
    async def good(play):
        """Good."""

    found = play(suite_of(monkeypatch, broken, endless, good), tmp_path, scenario=0.3).scenarios
    states = {name: each.footer.state for (_, name), each in found.items()}
    assert states == {"broken": "crashed", "endless": "timeout", "good": "complete"}


def test_an_undeclared_wait_is_refused(monkeypatch, tmp_path):
    @scenario(needs=())
    async def hasty(play):
        """Waits without saying so."""
        await play.wait("quiet_period")

    found = play(suite_of(monkeypatch, hasty), tmp_path).scenarios["toy", "hasty"]
    assert found.footer.state == "crashed"
    assert "declares no wait" in found.footer.reason


def test_the_concurrency_limit_is_honoured(monkeypatch, tmp_path):
    open_now, most = 0, 0

    def counting(name):
        async def body(play):
            """Counts."""
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            await play.wait("quiet_period")
            open_now -= 1

        body.__name__ = name
        return scenario(needs=(), waits=("quiet_period",))(body)

    play(suite_of(monkeypatch, *(counting(f"s{n}") for n in range(7))), tmp_path, concurrency=3, quiet_period=0.2)
    assert most == 3


def test_scenarios_that_must_be_alone_are(monkeypatch, tmp_path):
    running: list[str] = []
    seen: list[list[str]] = []

    def make(name, alone):
        async def body(play):
            """Looks around."""
            running.append(name)
            await play.wait("quiet_period")
            seen.append(sorted(running))
            running.remove(name)

        body.__name__ = name
        return scenario(needs=(), waits=("quiet_period",), alone=alone)(body)

    play(suite_of(monkeypatch, make("a", True), make("b", False), make("c", True)), tmp_path, quiet_period=0.05)
    assert seen == [["b"], ["a"], ["c"]]


def test_an_interrupt_closes_every_transcript(monkeypatch, tmp_path):
    @scenario(needs=(), waits=("quiet_period",))
    async def long(play):
        """Long."""
        await play.wait("quiet_period")

    mine = player(suite_of(monkeypatch, long), tmp_path, quiet_period=60.0)

    async def main():
        task = asyncio.create_task(mine.play())
        path = tmp_path / "transcripts" / "toy" / "long.jsonl"
        async with asyncio.timeout(10):
            while not path.exists() or b"wait.start" not in path.read_bytes():
                await asyncio.sleep(0.01)
        mine.interrupt()
        await task

    before = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - before < 30, "the wait of a minute was not waited out"
    recording = read_recording(tmp_path)
    assert recording.run.footer.state == "cancelled"
    assert recording.scenarios["toy", "long"].footer.state == "cancelled"
    assert recording.scenarios["toy", "long"].of("wait.end"), "what was open is closed in the recording"


def test_jitter_is_measured(monkeypatch, tmp_path):
    @scenario(needs=(), waits=("quiet_period",))
    async def brief(play):
        """Blocks the loop: that is jitter."""
        await play.wait("quiet_period")
        time.sleep(0.2)

    from stgcmt.suite import jitter_s

    run = play(suite_of(monkeypatch, brief), tmp_path, quiet_period=0.1).run
    assert 0.1 < jitter_s(run) < 1.0


# --- leases and attribution, with a small SCP that reports


@contextlib.asynccontextmanager
async def reporter(setting: Setting):
    """An SCP that answers N-ACTION and reports at once on a new association to whom it was asked by."""
    from stgcmt.actors.acceptor import Acceptor, ListenerScript, Reply
    from stgcmt.actors.requestor import associate
    from stgcmt.transcript import HeldTap
    from stgcmt.wire import command as cmd
    from stgcmt.wire.items import Role
    from stgcmt.wire.negotiation import Proposal

    tasks = set()

    async def report(called, data):
        where = next(each for each in setting.destinations if each.ae_title == called)
        proposal = Proposal.of((COMMITMENT,), roles=(Role(COMMITMENT, 0, 1),))
        async with associate(
            setting.network,
            setting.clock,
            HeldTap(setting.clock),
            where.host,
            where.port,
            called_ae=called,
            calling_ae="TOY",
            proposal=proposal,
        ) as assoc:
            if assoc.established:
                await assoc.n_event_report(data, 1)

    async def n_action(assoc, message):
        tasks.add(asyncio.create_task(report(assoc.request.calling_ae, message.data)))
        return Reply(0)

    script = ListenerScript("toy", abstract_syntaxes=None)
    acceptor = Acceptor(setting.clock, lambda: HeldTap(setting.clock), script, handlers={cmd.N_ACTION_RQ: n_action})
    listener = await setting.network.listen("127.0.0.1", 0, acceptor)
    try:
        yield {"host": "127.0.0.1", "port": listener.address[1], "ae_title": "TOY"}
    finally:
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.aclose()


async def ask(play, *, uid=None):
    from stgcmt.wire.dataset import encode
    from stgcmt.wire.negotiation import Proposal

    uid = uid or play.uid()
    async with play.dimse(proposal=Proposal.of((COMMITMENT,))) as assoc:
        await assoc.n_action(encode([(0x00081195, "UI", uid)], "1.2.840.10008.1.2"))
    return uid


def asking(name, lease=None, uid=None):
    async def body(play):
        """Asks, and waits for its own report."""
        asked = await ask(play, uid=uid)
        play.note(came=await play.report(asked))

    body.__name__ = name
    return scenario(needs=("destination",), waits=("max_report_delay",), lease=lease)(body)


def reports(transcript):
    from stgcmt.views.dimse import dimse

    return dimse(transcript).requests("N-EVENT-REPORT-RQ")


def test_reports_are_told_apart_by_the_uids_they_mention(monkeypatch, tmp_path):
    names = [f"s{n}" for n in range(12)]
    recording = play(suite_of(monkeypatch, *map(asking, names), reference=reporter), tmp_path)
    for name in names:
        transcript = recording.scenarios["toy", name]
        (uid,) = [event.info["uid"] for event in transcript.of("uid")]
        (report,) = reports(transcript)
        assert uid.encode() in report.data
        assert transcript.of("note")[0].info["came"] is True
    assert not reports(recording.run)


def test_what_nobody_owns_goes_to_the_run(monkeypatch, tmp_path):
    recording = play(
        suite_of(monkeypatch, asking("stray", uid="1.2.3"), reference=reporter), tmp_path, max_report_delay=0.3
    )
    assert not reports(recording.scenarios["toy", "stray"])
    assert len(reports(recording.run)) == 1


def test_a_lease_is_exclusive_and_its_scenario_calls_under_that_ae_title(monkeypatch, tmp_path):
    names = [f"s{n}" for n in range(10)]
    scenarios = [
        asking(name, lease=Lease("explicit-only" if n % 2 else "reject-permanent")) for n, name in enumerate(names)
    ]
    recording = play(suite_of(monkeypatch, *scenarios, reference=reporter), tmp_path, max_report_delay=0.3)
    used: dict[str, list[tuple[int, int]]] = {}
    for name in names:
        transcript = recording.scenarios["toy", name]
        place = next(event for event in transcript.of("decision") if event.info["what"] == "destination")
        start = transcript.header.monotonic_ns
        used.setdefault(place.info["ae_title"], []).append((start + place.t, start + transcript.events[-1].t))
    assert "STGCMT1" not in used, "the first destination stays for ordinary scenarios"
    assert len(used) == len(names), "nobody queued"
    for spans in used.values():
        spans.sort()
        assert all(first[1] <= second[0] for first, second in zip(spans, spans[1:], strict=False))


def test_two_runs_at_once_do_not_disturb_each_other(monkeypatch, tmp_path):
    suite = suite_of(monkeypatch, *(asking(f"s{n}") for n in range(5)), reference=reporter)

    async def both():
        await asyncio.gather(player(suite, tmp_path / "a").play(), player(suite, tmp_path / "b").play())

    asyncio.run(both())
    for side in "ab":
        for transcript in read_recording(tmp_path / side).scenarios.values():
            assert transcript.of("note")[0].info["came"] is True


def test_with_one_destination_leases_wait_for_ordinary_scenarios(tmp_path):
    async def main():
        clock = SystemClock()
        recorder = Recorder(tmp_path / "run.jsonl", clock, role="run", scenario="run")
        desk = Desk([Place("A", "127.0.0.1", 0)], SystemNetwork(), clock, recorder, None)
        order = []

        async def leased():
            async with desk.lease("plain", LeaseHolder()):
                order.append("lease")

        async with desk.ordinary():
            task = asyncio.create_task(leased())
            await asyncio.sleep(0.05)
            order.append("ordinary")
        await task
        await desk.aclose()
        return order

    assert asyncio.run(main()) == ["ordinary", "lease"]


def test_minted_uids_are_found_in_bytes_and_nothing_else_is():
    mint, other = Mint(), Mint()
    uids = {mint.uid() for _ in range(1000)}
    assert len(uids) == 1000
    assert {len(uid) for uid in uids} == {43}
    data = b"\x00".join(uid.encode() for uid in [*uids, other.uid(), "1.2.840.10008.1.20.1"])
    assert mint.found_in(data) == uids


def test_an_unknown_listener_is_the_suite_authors_fault(monkeypatch, tmp_path):
    recording = play(suite_of(monkeypatch, asking("odd", lease=Lease("no-such")), reference=reporter), tmp_path)
    footer = recording.scenarios["toy", "odd"].footer
    assert footer.state == "crashed"
    assert "role-refused" in footer.reason, "the names there are"
