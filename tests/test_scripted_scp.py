"""The scripted SCP against our own requestor and listener, over real sockets: what is said, in which order, and where."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import types

import pytest

from stgcmt.actors.acceptor import LISTENERS, Acceptor, Reply
from stgcmt.actors.listeners import PLAIN, storing
from stgcmt.actors.outcome import (
    Aborted,
    Closed,
    NotAccepted,
    Rejected,
    Released,
    Response,
    Silence,
    Split,
    Timeouts,
    Unreachable,
)
from stgcmt.actors.requestor import associate
from stgcmt.actors.scripted_scp import Delivery, ScriptedScp, Turn
from stgcmt.clock import NS, SystemClock
from stgcmt.judge import read_recording
from stgcmt.plan import plan, unplayable
from stgcmt.play import Player
from stgcmt.suite import Suite, requirement, scenario
from stgcmt.sut import Driver, Sut, Timing
from stgcmt.views.dimse import dimse
from stgcmt.wire import command as cmd
from stgcmt.wire.negotiation import Proposal
from stgcmt.wire.stream import SystemNetwork
from stgcmt.wire.uids import COMMITMENT_PUSH, EXPLICIT_LE, IMPLICIT_LE, VERIFICATION
from test_actors_dimse import Tape

NETWORK, CLOCK = SystemNetwork(), SystemClock()
QUICK = Timeouts(connect=5, associate=5, response=5, release=5, linger=0.3)
CT, JPEG = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.4.50"
COMMIT = Proposal.of([COMMITMENT_PUSH, VERIFICATION], [IMPLICIT_LE, EXPLICIT_LE])


def write(syntax: str) -> bytes:
    return f"report in {syntax}".encode().ljust(40)


class Client:
    """A client: asks, takes reports on its association and on its listener, and remembers what came in which order."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int | None, bytes]] = []
        self.news = asyncio.Event()
        self.rqs: list = []

    async def report(self, where, association, message):
        if message.command.field == cmd.N_EVENT_REPORT_RQ:
            self.rqs.append(association.request)
            self.heard.append((where, message.command.event_type, message.data or b""))
            self.news.set()
            await association.respond(message, 0x0000)


@contextlib.asynccontextmanager
async def ends(script, listener="plain", accepts=PLAIN):
    """A scripted SCP and a client with a listener; yields (client, ask, scp)."""
    client = Client()

    async def on_listener(association, message):
        await client.report("new", association, message)

    async def handled(_association, _message):
        return None

    theirs = Acceptor(
        CLOCK,
        Tape,
        LISTENERS[listener],
        handlers={cmd.N_EVENT_REPORT_RQ: handled},
        on_message=on_listener,
        timeouts=QUICK,
    )
    hears = await NETWORK.listen("127.0.0.1", 0, theirs)

    def opener(**names):
        names.pop("exactly", None)
        return associate(NETWORK, CLOCK, Tape(), "127.0.0.1", hears.address[1], timeouts=QUICK, **names)

    scp = ScriptedScp(script, opener)
    ours = Acceptor(CLOCK, Tape, accepts, handlers=scp.handlers, timeouts=QUICK)
    serves = await NETWORK.listen("127.0.0.1", 0, ours)

    def ask(proposal=COMMIT, called="ARCHIVE"):
        async def on_message(association, message):
            await client.report("same", association, message)

        return associate(
            NETWORK,
            CLOCK,
            Tape(),
            "127.0.0.1",
            serves.address[1],
            called_ae=called,
            calling_ae="MODALITY",
            proposal=proposal,
            timeouts=QUICK,
            on_message=on_message,
        )

    try:
        yield client, ask, scp
    finally:
        await scp.aclose()
        await serves.aclose()
        await hears.aclose()
        assert not scp.failures
        assert not ours.failures
        assert not theirs.failures


def played(script, body, **more):
    async def main():
        async with asyncio.timeout(20), ends(script, **more) as (client, ask, scp):
            return await body(client, ask, scp)

    return asyncio.run(main())


@pytest.mark.parametrize(
    "status",
    [
        0x0000,
        0x0110,
        0x0112,
        0x0115,
        0x0117,
        0x0118,
        0x0119,
        0x0120,
        0x0121,
        0x0123,
        0x0124,
        0x0131,
        0x0210,
        0x0211,
        0x0212,
        0x0213,
    ],
)
def test_each_status_is_answered(status):
    async def body(_client, ask, scp):
        async with ask() as assoc:
            answer = await assoc.n_action(b"asked")
        assert scp.requests[0].data == b"asked"
        assert (scp.requests[0].calling_ae, scp.requests[0].called_ae) == ("MODALITY", "ARCHIVE")
        return answer.status

    assert played(lambda _: Turn(status), body) == status


def test_a_report_on_the_same_association_comes_after_the_response():
    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
            assert not client.heard
            await client.news.wait()
            await scp.settled()
        (done,) = scp.delivered
        assert isinstance(done.outcome, Response)
        assert done.outcome.status == 0
        return client.heard

    assert played(lambda _: Turn(reports=[Delivery(write, 2, way="same")]), body) == [("same", 2, write(IMPLICIT_LE))]


def test_a_report_before_the_response_is_there_first():
    async def body(client, ask, _scp):
        async with ask() as assoc:
            answer = await assoc.n_action(b"asked")
            assert answer.status == 0
            return list(client.heard)

    assert played(
        lambda _: Turn(delay_s=0.05, reports=[Delivery(write, way="same", when="before-response")]), body
    ) == [("same", 1, write(IMPLICIT_LE))]


def test_a_report_on_a_new_association_has_the_names_and_roles_that_were_asked_for():
    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        (rq,) = client.rqs
        role = rq.role(COMMITMENT_PUSH)
        assert (role.scu, role.scp) == (0, 1)
        assert (rq.calling_ae, rq.called_ae) == ("ARCHIVE", "MODALITY")
        assert rq.contexts[0].transfer_syntaxes == (EXPLICIT_LE,)
        return client.heard

    delivery = Delivery(write, way="new", transfer_syntaxes=(EXPLICIT_LE,))
    assert played(lambda _: Turn(reports=[delivery]), body) == [("new", 1, write(EXPLICIT_LE))]


@pytest.mark.parametrize(("then", "kind"), [("abort", Aborted), ("close", Closed)])
def test_an_association_ends_after_its_response_and_the_report_comes_on_a_new_one(then, kind):
    async def body(client, ask, scp):
        async with ask() as assoc:
            answer = await assoc.n_action(b"asked")
            await assoc.ended.wait()
            ended = assoc.outcome
        await scp.settled()
        return answer.status, type(ended), [where for where, *_ in client.heard]

    reports = (Delivery(write, way="new", delay_s=0.1),)
    assert played(lambda _: Turn(then=then, reports=reports), body) == (0, kind, ["new"])


@pytest.mark.parametrize(("listener", "called"), [("plain", "ANOTHER"), ("reject-transient", "MODALITY")])
def test_a_second_attempt_is_made_where_the_first_was_not_taken(listener, called):
    reports = (Delivery(write, way="new", called_ae="ANOTHER"), Delivery(write, way="new", again=True))

    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        scp.report(scp.requests[0], Delivery(write, 9, way="new"))
        await scp.settled()
        return client

    client = played(lambda _: Turn(reports=reports), body, listener=listener)
    assert [event for _, event, _ in client.heard] == [1, 9]
    assert [each.called_ae for each in client.rqs] == [called, "MODALITY"]


def test_a_failure_goes_out_before_the_data_set_has_come():
    async def body(_client, ask, scp):
        async with ask() as assoc:
            began = CLOCK.monotonic_ns()
            answer = await assoc.n_action(b"asked", split=Split(2.0))
            return answer.status, (answer.t - began) / NS

    status, seconds = played(lambda _: Turn(None), body, accepts=LISTENERS["early-failure"])
    assert status == 0x0213
    assert seconds < 1.5, "two seconds before the data set"


def test_default_roles_send_no_role_item():
    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        return client.rqs[0].roles

    assert played(lambda _: Turn(reports=[Delivery(write, way="new", role=None)]), body) == ()


def test_either_falls_back_to_a_new_association_where_the_client_has_released():
    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        return [where for where, *_ in client.heard]

    assert played(lambda _: Turn(reports=[Delivery(write, way="either", when="after-end")]), body) == ["new"]
    assert played(lambda _: Turn(reports=[Delivery(write, way="same", when="after-end")]), body) == []


def test_reports_go_out_one_after_the_other_and_twice_where_the_script_says_so():
    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        return [(where, event) for where, event, _ in client.heard]

    reports = [
        Delivery(write, 1, way="new"),
        Delivery(write, 2, way="new", delay_s=0.05),
        Delivery(write, 9, way="new"),
    ]
    assert played(lambda _: Turn(reports=reports), body) == [("new", 1), ("new", 2), ("new", 9)]


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Turn(None), Silence),
        (Turn(instead="abort"), Aborted),
        (Turn(instead="close"), Closed),
        (Turn(instead="release"), Released),
    ],
    ids=["silence", "abort", "close", "release"],
)
def test_what_comes_instead_of_a_response(turn, kind):
    async def body(_client, ask, _scp):
        async with ask() as assoc:
            return await assoc.n_action(b"asked", timeout=0.3)

    assert isinstance(played(lambda _: turn, body), kind)


@pytest.mark.parametrize(
    ("listener", "lenient", "kind"),
    [
        ("no-role", False, NotAccepted),
        ("no-role", True, Response),
        ("reject-context", True, NotAccepted),
        ("reject-permanent", True, Rejected),
        ("silent", True, Response),
    ],
)
def test_what_became_of_a_report_is_told(listener, lenient, kind):
    async def body(_client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        return scp.delivered[0].outcome

    assert isinstance(
        played(lambda _: Turn(reports=[Delivery(write, way="new", lenient=lenient)]), body, listener=listener), kind
    )


def test_a_client_without_a_listener_is_a_told_outcome_and_no_error():
    async def body():
        scp = ScriptedScp(lambda _: Turn(reports=[Delivery(write, way="new")]))
        acceptor = Acceptor(CLOCK, Tape, PLAIN, handlers=scp.handlers, timeouts=QUICK)
        listener = await NETWORK.listen("127.0.0.1", 0, acceptor)
        async with associate(
            NETWORK,
            CLOCK,
            Tape(),
            "127.0.0.1",
            listener.address[1],
            called_ae="A",
            calling_ae="B",
            proposal=COMMIT,
            timeouts=QUICK,
        ) as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        await listener.aclose()
        return scp.delivered[0].outcome

    assert isinstance(asyncio.run(body()), Unreachable)


def test_a_report_is_cut_in_two_or_aborted():
    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        return [type(each.outcome) for each in scp.delivered], [where for where, *_ in client.heard]

    reports = [Delivery(write, way="new", split=Split(0.05, 4)), Delivery(write, way="new", abort_after=True)]
    outcomes, heard = played(lambda _: Turn(reports=reports), body)
    assert outcomes == [Response, Aborted]
    assert heard[0] == "new"


def test_a_report_that_is_aborted_in_its_pause_has_not_arrived():
    async def body(client, ask, scp):
        async with ask() as assoc:
            await assoc.n_action(b"asked")
        await scp.settled()
        return [type(each.outcome) for each in scp.delivered], list(client.heard)

    report = Delivery(write, way="new", split=Split(0.4, 4), abort_after=True)
    assert played(lambda _: Turn(reports=[report]), body) == ([Aborted], [])


def test_the_association_is_aborted_behind_the_response():
    async def body(_client, ask, _scp):
        async with ask() as assoc:
            answer = await assoc.n_action(b"asked")
            async with asyncio.timeout(5):
                await assoc.ended.wait()
            return answer.status, type(assoc.outcome)

    assert played(lambda _: Turn(then="abort"), body) == (0, Aborted)


def test_storage_is_taken_in_any_syntax_beside_a_refused_commitment():
    async def body(_client, ask, _scp):
        proposal = Proposal(
            ((CT, (JPEG,)), (COMMITMENT_PUSH, (IMPLICIT_LE,)), ("1.2.840.10008.5.1.4.1.2.2.1", (IMPLICIT_LE,)))
        )
        async with ask(proposal) as assoc:
            stored = await assoc.c_store(CT, "1.2.3", b"pixels")
            return stored.status, [each.abstract_syntax for each in assoc.contexts.values()]

    assert played(lambda _: Turn(), body, accepts=storing(LISTENERS["reject-context"])) == (0, [CT])
    assert played(lambda _: Turn(), body, accepts=storing(PLAIN)) == (0, [CT, COMMITMENT_PUSH])


# --- as part of ``play`` ------------------------------------------------------------------------------------------------


class Scu:
    """A tiny SUT: asks for one instance on an association that all its requests share, and believes nothing."""

    def __init__(self, setting) -> None:
        self.setting, self.reports = setting, []
        self.lock, self.tasks = asyncio.Lock(), set()

    async def ask(self, query):
        host, port, uid = query["host"], int(query["port"]), query["uids"]

        async def on_message(association, message):
            await association.respond(message, 0x0000)

        async with self.lock:
            if not hasattr(self, "assoc"):
                self.stack = contextlib.AsyncExitStack()
                self.assoc = await self.stack.enter_async_context(
                    associate(
                        self.setting.network,
                        self.setting.clock,
                        Tape(),
                        host,
                        port,
                        called_ae=query["ae"],
                        calling_ae="SCU",
                        proposal=COMMIT,
                        on_message=on_message,
                        timeouts=QUICK,
                    )
                )
        for part in ("first", "second"):
            await self.assoc.n_action(f"{part} 1.9.{uid[-9:]} {uid if part == 'first' else ''}".encode().ljust(80))


@contextlib.asynccontextmanager
async def tiny(setting):
    from urllib.parse import parse_qsl

    from stgcmt.actors.http_server import Reply as Answer
    from stgcmt.actors.http_server import serve_http
    from stgcmt.drivers.provoke import NoTap

    scu = Scu(setting)

    async def told(asked):
        scu.tasks.add(asyncio.ensure_future(scu.ask(dict(parse_qsl(asked.message.target.partition("?")[2])))))
        return Answer(202)

    async def handler(stream):
        await serve_http(stream, setting.clock, NoTap(), told)

    listener = await setting.network.listen("127.0.0.1", 0, handler)
    url = f"http://127.0.0.1:{listener.address[1]}/ask?host={{host}}&port={{port}}&ae={{ae_title}}&uids={{sop_instance_uids}}"
    try:
        yield {"trigger": {"url": url, "method": "POST"}}
    finally:
        await listener.aclose()
        await scu.stack.aclose()
        await asyncio.gather(*scu.tasks)


def test_two_scenarios_share_an_association_and_each_serves_its_own_requests(monkeypatch, tmp_path):
    def make(name, status):
        async def body(play):
            """Asks twice: the second time under the client's own UID alone."""
            instance = play.make("ct")
            scp = play.scp(lambda request: Turn(status, reports=[Delivery(write, way="same")]))
            await play.trigger(instance)
            await play.asked(2)
            await scp.settled()

        body.__name__ = name
        return scenario(needs=("trigger",), waits=("trigger", "quiet_period"))(body)

    names = {"one": 0x0000, "two": 0x0110}
    scenes, judged = types.ModuleType("tiny_scenarios"), types.ModuleType("tiny_checks")
    for name, status in names.items():
        setattr(scenes, name, make(name, status))
        namespace: dict = {}
        exec(f"def test_{name}({name}): pass", namespace)
        setattr(judged, f"test_{name}", requirement("GREET-01")(namespace[f"test_{name}"]))
    monkeypatch.setitem(sys.modules, "tiny_scenarios", scenes)
    monkeypatch.setitem(sys.modules, "tiny_checks", judged)
    monkeypatch.syspath_prepend("tests/foreign")
    suite = Suite("toy", "stgcmt_greeter", ("tiny_checks",), ("tiny_scenarios",), reference=tiny, serves=("dimse",))
    sut = Sut("toy", roles=("toy",), driver=Driver("builtin"), timing=Timing(trigger=5, release=1))
    asyncio.run(Player(plan(sut, {"toy": suite}, ("toy",), {}), tmp_path).play())
    found = read_recording(tmp_path).scenarios
    for name, status in names.items():
        transcript = found["toy", name]
        assert transcript.complete, transcript.footer
        own = {event.info["uid"] for event in transcript.of("uid")}
        mine = [
            each for each in dimse(transcript).requests("N-ACTION-RQ") if any(uid.encode() in each.data for uid in own)
        ]
        assert [each.responses[0].status for each in mine] == [status] * 2


def test_a_scenario_that_needs_a_listener_is_not_played_without_its_address():
    @scenario(needs=("listener",))
    async def body(play):
        """Reports."""

    made = body.stgcmt_scenario
    suite = Suite("toy", "stgcmt_greeter", (), ())
    sut = Sut("x", roles=("toy",), driver=Driver("external"), document={"toy": {"host": "127.0.0.1"}})
    assert "add host and port to [toy]" in unplayable(made, suite, sut)
    assert Reply(0).status == 0
