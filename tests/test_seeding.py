"""Reading instances back: what is proposed for them, and how an end without one is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from stgcmt import seeding
from stgcmt.actors.outcome import Rejected, Response, Silence
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
    known = SimpleNamespace(
        sop_class_uid=CT, sop_instance_uid="1.2.3", study_instance_uid="1.2", series_instance_uid="1.2.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
    )  # fmt: skip
    assert proposed(known, monkeypatch) == [("1.2.840.10008.1.2.1",)]


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
