"""What suites declare against what happens with their references: exchanges of a scenario, transcripts of a check."""

from __future__ import annotations

import contextlib
import functools

import pytest

from stgcmt.checks import RUN, Ending
from stgcmt.selftest_cases import Case, record
from stgcmt.suite import dimse, http, load_suites
from stgcmt.transcript import Transcript

ROLES = ("origin_server", "scp", "user_agent")
ELSEWHERE = {"seed", "retrieve", "store"}  # steps that bring instances in and out
STORAGE = {"C-STORE-RQ", "C-GET-RQ", "C-MOVE-RQ"}


@functools.cache
def recorded(role):
    suite = load_suites()[role]
    return suite, record(suite, Case(role))


def exchanged(transcript: Transcript) -> int:
    """Requests of the service: HTTP requests, DIMSE requests of ours, and associations that are only negotiated."""
    web = [each for each in http(transcript).exchanges if each.step not in ELSEWHERE]
    opened = [each for each in dimse(transcript).associations(side="requestor") if each.step not in ELSEWHERE]
    asked = [
        each.kind
        for association in dimse(transcript).associations()
        for each in association.messages
        if not each.is_response and not each.incoming
    ]
    return len(web) + sum(kind not in STORAGE for kind in asked) + sum(not each.messages for each in opened)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_a_scenario_declares_the_exchanges_that_it_has_with_the_reference(role) -> None:
    suite, recording = recorded(role)
    seen = {name: exchanged(recording.scenarios[role, name]) for name in suite.all_scenarios}
    assert {name: each.exchanges for name, each in suite.all_scenarios.items()} == seen


class Watched(Transcript):
    """A transcript that tells who looks at what was recorded in it."""

    def __getattribute__(self, name):
        if name in {"events", "of", "view", "event"}:
            object.__getattribute__(self, "_views")["looked"] = True
        return object.__getattribute__(self, name)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_a_check_reads_every_transcript_that_it_names(role) -> None:
    """``run`` is read for claims where something deviates; every other argument is a premise or what is judged."""
    suite, recording = recorded(role)
    unread = []
    for check in suite.all_checks:
        given = {
            name: Watched(each.header, each.events, each.footer)
            for name in check.arguments
            if (each := recording.run if name == RUN else recording.scenarios.get((role, name))) is not None
        }
        if len(given) < len(check.arguments):  # a scenario that cannot be played with the reference
            continue
        with contextlib.suppress(AssertionError, Ending):
            check.function(*given.values())
        unread += [f"{check.name}: {name}" for name, each in given.items() if name != RUN and not each._views]
    assert unread == []
