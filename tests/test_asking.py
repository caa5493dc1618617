"""A SUT that asks: triggering, attribution by the scenario's and by the SUT's own UIDs, state, people and chance."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import types

from stgcmt.actors.http_client import HttpClient, Timeouts
from stgcmt.actors.http_server import Reply, serve_http
from stgcmt.drivers.provoke import NoTap
from stgcmt.judge import read_recording
from stgcmt.plan import plan
from stgcmt.play import Player
from stgcmt.suite import Setting, Suite, requirement, scenario
from stgcmt.sut import Driver, Sut, Timing
from stgcmt.views.http import http


class Client:
    """A tiny SUT: told to, it asks for instances under a transaction of its own, and polls until 200."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.believed, self.tasks = setting, set(), set()

    async def told(self, asked):
        query = dict(part.split("=", 1) for part in asked.message.target.partition("?")[2].split("&"))
        if asked.path == "/state":
            held = query["uid"] in self.believed
            return Reply(200, {"Content-Type": "application/json"}, json.dumps({"committed": held}).encode())
        if query["uids"] == "nobody":
            return Reply(500)
        from urllib.parse import unquote

        task = asyncio.ensure_future(self.ask(unquote(query["base"]), unquote(query["uids"]).split(",")))
        self.tasks.add(task)
        return Reply(202)

    async def ask(self, base, uids):
        client = HttpClient(
            self.setting.network, self.setting.clock, connection=NoTap, base_url=base, timeouts=Timeouts(5, 5)
        )
        own = f"1.2.{len(self.believed)}.{uids[0][-6:]}"
        answer = await client.request("POST", f"c/{own}", content=json.dumps(uids).encode())
        while answer.status == 202:
            answer = await client.request("GET", f"c/{own}")
        if answer.status == 200:
            self.believed |= set(uids)
        await client.aclose()


@contextlib.asynccontextmanager
async def reference(setting: Setting):
    client = Client(setting)

    async def handler(stream):
        await serve_http(stream, setting.clock, NoTap(), client.told)

    listener = await setting.network.listen("127.0.0.1", 0, handler)
    base = f"http://127.0.0.1:{listener.address[1]}"
    try:
        yield {
            "trigger": {"url": base + "/ask?base={base_url}&uids={sop_instance_uids}", "method": "POST"},
            "state": {"url": base + "/state?uid={sop_instance_uid}", "method": "GET"},
        }
    finally:
        await listener.aclose()
        await asyncio.gather(*client.tasks, return_exceptions=True)


def play(
    monkeypatch, tmp_path, *scenarios, attend=None, unowned=None, document=None, also=None, ref=reference, **timing
):
    played, judged = types.ModuleType("asking_scenarios"), types.ModuleType("asking_checks")
    for each in scenarios:
        setattr(played, each.__name__, each)
        namespace: dict = {}
        exec(f"def test_{each.__name__}({each.__name__}): pass", namespace)
        setattr(judged, f"test_{each.__name__}", requirement("GREET-01")(namespace[f"test_{each.__name__}"]))
    monkeypatch.setitem(sys.modules, "asking_scenarios", played)
    monkeypatch.setitem(sys.modules, "asking_checks", judged)
    monkeypatch.syspath_prepend("tests/foreign")
    suite = Suite(
        "toy",
        "stgcmt_greeter",
        ("asking_checks",),
        ("asking_scenarios",),
        reference=ref,
        serves=("http",),
        unowned=unowned,
    )
    sut = Sut("toy", roles=("toy",), driver=Driver("builtin"), timing=Timing(**timing), document=document or {})
    progress = types.SimpleNamespace(started=lambda *_: None, ended=lambda *_: None, attend=attend) if attend else None
    player = Player(plan(sut, {"toy": suite}, ("toy",), {}), tmp_path, progress=progress)

    async def main():
        if also is None:
            await player.play()
            return
        task = asyncio.ensure_future(also(player))
        await player.play()
        await task

    asyncio.run(main())
    return read_recording(tmp_path)


def test_two_overlapping_scenarios_each_get_their_own_requests_polls_and_answers(monkeypatch, tmp_path):
    def make(name, polls):
        async def body(play):
            """Asks."""
            instance = play.make("ct")
            play.answer([Reply(202)] * polls + [Reply(200)])
            assert await play.trigger(instance)
            assert await play.asked(polls + 1)
            assert await play.quiet(seconds=0.2) == 0
            assert await play.believes(instance) is True
            assert await play.believes(play.make("ct")) is False

        body.__name__ = name
        return scenario(needs=("trigger", "state"), waits=("trigger", "quiet_period"))(body)

    found = play(monkeypatch, tmp_path, make("one", 1), make("three", 3)).scenarios
    for name, polls in (("one", 1), ("three", 3)):
        transcript = found["toy", name]
        assert transcript.complete, transcript.cut
        assert [each.status for each in http(transcript).exchanges] == [202] * polls + [200]
        assert [event.info["committed"] for event in transcript.of("state")] == [True, False]
        assert [event.info["action"] for event in transcript.of("trigger")] == ["started", "ended"]
        assert [event for event in transcript.of("uid") if event.info["what"] == "adopted"]


def test_a_trigger_that_fails_skips_the_scenario(monkeypatch, tmp_path):
    @scenario(needs=("trigger",), waits=("trigger",))
    async def failing(play):
        """Nobody is there."""
        await play.trigger(types.SimpleNamespace(
            sop_instance_uid="nobody", sop_class_uid="1.2", study_instance_uid="1.2", series_instance_uid="1.2"))  # fmt: skip

    footer = play(monkeypatch, tmp_path, failing, trigger=3.0).scenarios["toy", "failing"].footer
    assert footer.state == "skipped"
    assert "status 500" in footer.reason


def test_what_nobody_owns_is_answered_and_goes_to_the_run(monkeypatch, tmp_path):
    @scenario(needs=(), waits=("quiet_period",))
    async def idle(play):
        """Asks for something of nobody's."""
        place = play.asks.place("toy")
        client = HttpClient(
            play.network, play.clock, connection=NoTap, base_url=place.base_url, timeouts=Timeouts(5, 5)
        )
        answer = await client.request("GET", "c/1.2.3")
        play.note(status=answer.status)
        await client.aclose()

    recording = play(monkeypatch, tmp_path, idle, unowned=lambda asked: Reply(418))
    assert recording.scenarios["toy", "idle"].of("note")[0].info["status"] == 418
    assert [each.summary for each in http(recording.run).exchanges] == ["GET /dicom-web/c/1.2.3 -> 418"]


@contextlib.asynccontextmanager
async def nobody(setting: Setting):
    yield {}


async def somebody(player, asks):
    """A foreign client with UIDs of its own, twice."""
    place = asks.place("toy")
    for number in (1, 2):
        while not asks.wanted:
            await asyncio.sleep(0.01)
        client = HttpClient(
            player.network, player.clock, connection=NoTap, base_url=place.base_url, timeouts=Timeouts(5, 5)
        )
        await client.request("POST", f"c/1.2.840.99.{number}", content=f'["1.2.840.98.{number}"]'.encode())
        await client.request("GET", f"c/1.2.840.99.{number}")
        await client.aclose()


def _listening(monkeypatch, tmp_path, how, attend=None):
    from stgcmt import askdesk

    original = askdesk.AskDesk.open

    opened = []

    async def open_and_tell(self):
        await original(self)
        opened.append(self)

    monkeypatch.setattr(askdesk.AskDesk, "open", open_and_tell)

    async def also(player):
        async with asyncio.timeout(10):
            while not opened:
                await asyncio.sleep(0.01)
            await somebody(player, opened[0])

    def make(name):
        async def body(play):
            """Takes what comes."""
            play.answer([Reply(202), Reply(200)])
            await play.trigger(play.make("ct"))
            await play.asked(2)

        body.__name__ = name
        return scenario(needs=("trigger",), waits=("trigger",))(body)

    return play(
        monkeypatch, tmp_path, make("first"), make("second"), make("third"),
        attend=attend, document={"trigger": how}, also=also, ref=nobody,
    )  # fmt: skip


def test_whatever_comes_is_dealt_to_the_scenarios_in_turn_until_the_window_ends(monkeypatch, tmp_path):
    found = _listening(monkeypatch, tmp_path, {"how": "listen", "window": 1.0}).scenarios
    states = {name: each.footer.state for (_, name), each in found.items()}
    assert states == {"first": "complete", "second": "complete", "third": "skipped"}
    assert [each.status for each in http(found["toy", "second"]).exchanges] == [202, 200]
    assert "within" in found["toy", "third"].footer.reason


def test_a_person_is_told_what_to_do_one_thing_at_a_time(monkeypatch, tmp_path):
    told = []
    found = _listening(
        monkeypatch, tmp_path, {"how": "attended", "deadline": 0.6}, attend=lambda *what: told.append(what)
    ).scenarios
    states = sorted(each.footer.state for each in found.values())
    assert states == ["complete", "complete", "skipped"]
    assert len(told) == 3
    assert "http://127.0.0.1:" in told[0][2]
    assert list((tmp_path / "instances" / "toy").glob("*/*/*.dcm")), "the instances to send are there"


@contextlib.asynccontextmanager
async def dimse_reference(setting: Setting):
    """A tiny SCU: told to, it asks for instances under a Transaction UID of its own, then mentions that UID alone."""
    from stgcmt.actors.requestor import associate
    from stgcmt.wire.negotiation import Proposal
    from stgcmt.wire.uids import COMMITMENT_PUSH

    tasks = set()

    async def ask(values, number):
        where = {"called_ae": values["ae"], "calling_ae": "SCU", "proposal": Proposal.of([COMMITMENT_PUSH])}
        own = f"1.2.3.{number}"
        for data in (f"{own}\0{values['uids']}".encode(), f"{own} again".encode()):
            async with associate(
                setting.network, setting.clock, NoTap(), "127.0.0.1", int(values["port"]), **where
            ) as assoc:
                await assoc.n_action(data)

    async def told(asked):
        values = dict(part.split("=", 1) for part in asked.message.target.partition("?")[2].split("&"))
        tasks.add(asyncio.ensure_future(ask(values, len(tasks))))
        return Reply(202)

    async def handler(stream):
        await serve_http(stream, setting.clock, NoTap(), told)

    listener = await setting.network.listen("127.0.0.1", 0, handler)
    url = f"http://127.0.0.1:{listener.address[1]}/ask?uids={{sop_instance_uids}}&ae={{ae_title}}&port={{dimse_port}}"
    try:
        yield {"trigger": {"url": url, "method": "POST"}}
    finally:
        await listener.aclose()
        await asyncio.gather(*tasks, return_exceptions=True)


def test_over_dimse_each_scenario_serves_its_own_and_knows_the_suts_uids_again(monkeypatch, tmp_path):
    from stgcmt.actors.acceptor import Reply as Response
    from stgcmt.views.dimse import dimse
    from stgcmt.wire.command import N_ACTION_RQ

    def make(name, status):
        async def body(play):
            """Asks over DIMSE."""

            async def refuse(association, message):
                return Response(status)

            play.serve({N_ACTION_RQ: refuse})
            assert await play.trigger(play.make("ct"))
            assert await play.asked(2)

        body.__name__ = name
        return scenario(needs=("trigger",), waits=("trigger",))(body)

    found = play(monkeypatch, tmp_path, make("one", 0x0110), make("two", 0x0213), ref=dimse_reference).scenarios
    for name, status in (("one", 0x0110), ("two", 0x0213)):
        transcript = found["toy", name]
        assert transcript.complete, transcript.cut
        answers = [each for each in dimse(transcript).messages() if each.kind == "N-ACTION-RSP"]
        assert [each.status for each in answers] == [status, status]
