"""Reading instances back: what is proposed for them, and how an end without one is told."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from types import SimpleNamespace

import pytest

from stgcmt import seeding
from stgcmt.actors.outcome import NotAccepted, Rejected, Response, Silence
from stgcmt.sut import Preloaded, Timing
from stgcmt.wire.command import Command

CT = "1.2.840.10008.5.1.4.1.1.2"


class SeenError(Exception):
    """The proposal is known; nothing need be opened."""


def proposed(instance, monkeypatch):
    def associate(*_, **arguments):
        raise SeenError(arguments["proposal"])

    monkeypatch.setattr("stgcmt.actors.requestor.associate", associate)
    recorder = SimpleNamespace(connection=lambda: None)
    stage = SimpleNamespace(network=None, clock=None, recorder=recorder, destination=None, timing=Timing())
    section = {"host": "127.0.0.1", "port": 104, "ae_title": "SUT"}
    target = SimpleNamespace(section=section, retrieval={"how": "c-get"})
    with pytest.raises(SeenError) as seen:
        asyncio.run(seeding.retrieve("c-get", instance, target, stage))
    return [syntaxes for abstract, syntaxes in seen.value.args[0].contexts if abstract == CT]


def test_an_instance_of_unknown_encoding_is_asked_for_in_every_usual_one(monkeypatch):
    contexts = proposed(Preloaded(CT, "1.2.3", "1.2", "1.2.1"), monkeypatch)
    assert len(contexts) > 10
    assert all(len(each) == 1 and each[0] for each in contexts), "one context each, none without a transfer syntax"


def test_an_instance_of_known_encoding_is_asked_for_in_that_one(monkeypatch):
    assert proposed(INSTANCE, monkeypatch) == [("1.2.840.10008.1.2.1",)]


class Line(SimpleNamespace):
    """An association of a retrieval: what was accepted, and how C-GET and C-MOVE end."""

    async def c_get(self, *_, **__):
        return self.answer

    c_move = c_get


ACCEPTED = SimpleNamespace(abstract_syntax=CT, acceptor_scu=True)
GONE = (0x0000, 0xB000, 0xA702)  # worked through, and nothing came
INSTANCE = SimpleNamespace(
    sop_class_uid=CT, sop_instance_uid="1.2.3", study_instance_uid="1.2", series_instance_uid="1.2.1",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
)  # fmt: skip


def brought(how, monkeypatch, answer, contexts=(ACCEPTED,)):
    """What a retrieval finds that ends so."""

    @contextlib.asynccontextmanager
    async def opened(*_, **__):
        yield Line(answer=answer, contexts=dict(enumerate(contexts)))

    class Arrivals:
        @contextlib.asynccontextmanager
        async def expect(self, *_, **__):
            yield asyncio.get_running_loop().create_future()

    async def main():
        timing = dataclasses.replace(Timing(), response=0.01)
        recorder = SimpleNamespace(connection=lambda: None)
        stage = SimpleNamespace(
            network=None, clock=None, recorder=recorder, destination=None, timing=timing, arrivals=Arrivals(),
            in_line=lambda association: association,
        )  # fmt: skip
        section = {"host": "127.0.0.1", "port": 104, "ae_title": "SUT"}
        target = SimpleNamespace(section=section, retrieval={"how": how, "move_destination": "US", "move_port": 1})
        return await seeding.retrieve(how, INSTANCE, target, stage)

    monkeypatch.setattr("stgcmt.actors.requestor.associate", opened)
    return asyncio.run(main())


@pytest.mark.parametrize("how", ["c-get", "c-move"])
@pytest.mark.parametrize("status", [*GONE, 0xA900, 0xC000, 0x0122, 0xA701, 0x0124])
def test_an_instance_is_missing_only_where_it_was_looked_for(monkeypatch, how, status):
    found = brought(how, monkeypatch, Response(status, Command((), {}, ())))
    assert (found.data, found.available) == (None, status in GONE)


@pytest.mark.parametrize("how", ["c-get", "c-move"])
@pytest.mark.parametrize(
    "answer", [Rejected(1, 1, 7), Silence(6.0), NotAccepted(CT)], ids=["rejected", "silence", "no-context"]
)
def test_a_service_that_was_refused_says_nothing_of_the_instance(monkeypatch, how, answer):
    assert not brought(how, monkeypatch, answer).available


@pytest.mark.parametrize(
    "contexts", [(), (SimpleNamespace(abstract_syntax=CT, acceptor_scu=False),)], ids=["no-context", "no-role"]
)
def test_c_get_over_which_nothing_can_come_says_nothing_of_the_instance(monkeypatch, contexts):
    assert not brought("c-get", monkeypatch, Response(0xB000, Command((), {}, ())), contexts).available


@pytest.mark.parametrize(("status", "available"), [(404, True), (410, True), (401, False), (406, False), (503, False)])
def test_wado_rs_has_statuses_of_the_instance_and_of_the_service(monkeypatch, status, available):
    async def request(*_, **__):
        return SimpleNamespace(status=status, body=b"")

    async def aclose():
        pass

    monkeypatch.setattr(
        "stgcmt.actors.http_client.client_for", lambda *_, **__: SimpleNamespace(request=request, aclose=aclose)
    )
    stage = SimpleNamespace(network=None, clock=None, recorder=SimpleNamespace(connection=None), timing=Timing())
    target = SimpleNamespace(section={"base_url": "http://127.0.0.1:9/x"}, retrieval={"how": "wado-rs"})
    assert asyncio.run(seeding.retrieve("wado-rs", INSTANCE, target, stage)).available is available


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response(0xB000, Command((), {}, ())), "status B000H"),
        (Rejected(1, 1, 7), "rejected (result 1, source 1, reason 7)"),
        (Silence(6.0), "silence (after s 6.0)"),
    ],
)
def test_an_end_without_an_instance_is_told_in_words(answer, words):
    assert seeding._ended(answer) == words
