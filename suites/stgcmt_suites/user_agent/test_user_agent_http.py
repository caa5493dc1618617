"""Checks of HTTP itself: statuses that nobody knows, and what follows a broken connection. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from stgcmt.suite import Transcript, expected, inconclusive, outcome, requirement
from stgcmt_suites.user_agent.views import asked, beliefs_of, commitments, committed_by

UNKNOWN = (299, 499, 599)


@requirement("WEB-HTTP-UNK-01")
def test_unknown_statuses_do_no_harm(unknown_statuses: Transcript) -> None:
    """A status that the client does not know counts as x00 of its class: it neither stops it nor commits anything."""
    seen = asked(unknown_statuses)
    groups = commitments(unknown_statuses)
    above = {uid for one in groups for uid in one.instances if any((call.status or 0) > 599 for call in one.calls)}
    accepted = {uid for one in groups for uid in one.instances if any(call.status == 202 for call in one.calls)}
    told = [each for each in beliefs_of(unknown_statuses) if each.sop_instance_uid not in accepted]
    unfounded = [each for each in told if each.held and committed_by(unknown_statuses, each) is None]
    for belief in unfounded:
        harmless = belief.sop_instance_uid in above
        assert harmless, expected("nothing is committed by an unknown status", belief)
    begun = [event for event in unknown_statuses.of("trigger") if event.step == "control"]
    started = next((event for event in begun if event.info.get("action") == "started"), None)
    if started is None or not any(call.status in UNKNOWN for call in seen):
        inconclusive("no Request was answered with an unknown status, or the control was not begun", *seen[:1])
    later = [call for call in seen if call.t_sent >= started.t]
    assert later, expected("a client that still asks after unknown statuses", started, *seen)
    if unfounded:
        outcome("above-599", *unfounded, what="a status above 599 counts as a server error")


@requirement("WEB-HTTP-RETRY-01")
def test_a_request_is_not_repeated_blindly(broken_connections: Transcript, unanswered_requests: Transcript) -> None:
    """Where the answer to a Request was lost, it is not sent again as it was: a Result Check tells what became of it."""
    lost = []
    for each in (*commitments(broken_connections), *commitments(unanswered_requests)):
        for number, call in enumerate(each.posts):
            broken = call.response is None or not call.response.complete
            if not broken:
                continue
            lost.append(call)
            told = next((other.t_sent for other in each.checks if other.uid == call.uid and other.status), None)
            later = [other for other in each.posts[number + 1 :] if other.uid == call.uid]
            blind = [other for other in later if told is None or other.t_sent < told]  # once told, it is blind no more
            assert not blind, expected("a Result Check, or a fresh Transaction UID", *blind[:1], call)
    if not lost:
        inconclusive("no answer to a Request was lost", *asked(broken_connections, unanswered_requests))
