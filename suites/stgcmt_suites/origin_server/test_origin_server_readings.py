"""Checks of where PS3.18 is silent: references that repeat, several parts, a study that is not the instance's own.

Each says what the server does; only what nobody could mean is called a deviation. PYTEST_DONT_REWRITE.
"""

from __future__ import annotations

import itertools
from collections import Counter

from stgcmt.suite import Transcript, expected, inconclusive, jitter_s, outcome, requirement
from stgcmt_suites.origin_server.payloads import UNSETTLED
from stgcmt_suites.origin_server.premises import NOT_TAKEN, control, withstood
from stgcmt_suites.origin_server.views import Call, Transaction, commitment, names, uids_of

CONTEXT_REASONS = frozenset({0x0110, 0x0112, 0x0119})
LEAST_S = 2.0  # Retry-After counts whole seconds, and two chains of polls fall apart by one: that is no delay yet


@requirement("WEB-J.2-03")
def test_a_repeated_reference_has_one_verdict(repeated_references: Transcript) -> None:
    """An instance that a request names twice is committed or failed, not both, and not left out; 400 is as good."""
    view = commitment(repeated_references)
    controls = [view.one("control"), view.one("control-studies")]
    asked = [view.one("twice"), view.one("two-studies")]
    found = [view.transaction(call.step) for call in asked if call.accepted]
    done = [each for each in found if each.final.status and each.result.readable]
    for each in done:
        result = each.result.result
        left_out = sorted(set(uids_of(each.asked.references)) - set(result.instances))
        assert not left_out, expected("every instance in the result, though it was named twice", names(left_out), each)
        failed = {ref.reference.sop_instance_uid for ref in result.failed}
        both = sorted(failed & set(uids_of(result.committed))) if each.asked.structure == "flat" else []
        assert not both, expected("one verdict for an instance that was named twice", names(both), each)
    withstood("200, 202 or 400", [call for call in asked if call.events], (view,), *controls)
    for call in controls:
        control(call)
    if not all(call.events for call in asked) or len(done) < len(found):
        inconclusive("a request that names an instance twice reached no result", *asked)
    refused = [call for call in asked if not call.accepted]
    for call in refused:
        if call.status in UNSETTLED:
            inconclusive("a request that names an instance twice was not decided", call)
        if call.status != 400:
            outcome("repeated-refused-otherwise", call, what="200, 202 or 400")
    if refused:
        outcome("repeated-refused", *refused, what="a result")
    for each in done:
        counts = Counter((ref.study_instance_uid, ref.sop_instance_uid) for ref in each.result.references)
        if max(counts.values()) > 1:
            outcome("repeated-twice", each, what="each instance once")


@requirement("WEB-13.4.1-10")
def test_two_parts_are_covered_or_refused(two_parts: Transcript) -> None:
    """Of a request in two parts the result speaks of the instances of both; or it is refused."""
    view = commitment(two_parts)
    single, call = view.one("control"), view.one("two-parts")
    if single.status in NOT_TAKEN:
        outcome("other-type-refused", single, what="a multipart Request that is taken, to compare with")
    withstood("a result, or a refusal", [call] if call.events else [], (view,), single)
    control(single)
    if not call.events or call.status in UNSETTLED:
        inconclusive("the request in two parts was not decided", call if call.events else single)
    if call.refused:
        outcome("two-parts-refused", call, what="a result")
    transaction = view.transaction("two-parts")
    if not transaction.final.status or not transaction.result.readable:
        inconclusive("the request in two parts reached no result", call)
    named, known = (set(view.transaction(step).result.result.instances) for step in ("two-parts", "control"))
    if not set(uids_of(single.asked.references)) & known:
        inconclusive("not even the result of a request in one part names its instances", view.transaction("control"))
    for part in call.parts:
        forgotten = sorted(set(uids_of(part)))  # one instance of several is WEB-13.4.2-03's
        assert named & set(forgotten), expected(
            "the instances of every part", f"left out: {names(forgotten)}", transaction
        )


@requirement("WEB-J.2-07")
def test_what_a_wrong_study_does_is_told(wrong_study: Transcript, run: Transcript) -> None:
    """An instance asked for within another study: committed or failed as may be, but the result comes, and names it."""
    view = commitment(wrong_study)
    asked, usual = view.transaction("request"), view.transaction("control")
    control(usual.request)
    if not usual.final.status or not usual.result.readable:
        inconclusive("the control Request reached no result", usual.request)
    if asked.request.status in UNSETTLED:
        inconclusive("the Request was not decided", asked.request)
    if not asked.request.accepted:
        outcome("context-refused", asked.request, what="a result")
    if not asked.final.status:
        outcome("context-lost", asked, usual, what="a result, as for the same instances within their studies")
    moved = uids_of(asked.asked.references)[-1:]
    result = asked.result.result
    if not asked.result.readable or not set(moved) <= set(result.instances):
        inconclusive("the result does not speak of the instance", asked.final)  # WEB-13.4.2-03 asks that it does
    reasons = [reason for uid in moved for reason in result.reasons_of(uid)]
    if not CONTEXT_REASONS.issuperset(reasons):
        outcome("context-other-reason", asked, what="no Failure Reason but 0110H, 0112H or 0119H")
    later = _seconds(asked) - _seconds(usual)
    if later > max(LEAST_S, _longest_pause(usual)) + jitter_s(run):
        outcome("context-delayed", asked, usual, what="a result as soon as within the right study")
    outcome("context-minded" if reasons else "context-ignored", asked.final, what="nothing: the standard is silent")


def _seconds(transaction: Transaction) -> float:
    """From the Request to its first result."""
    return (transaction.final.t_answered - transaction.request.t_sent) / 1e9


def _longest_pause(transaction: Transaction) -> float:
    """The longest time between two calls up to the result: so coarsely was it looked for."""
    seen: list[Call] = [call for call in transaction.calls if call.t_answered <= transaction.final.t_answered]
    return max(((b.t_sent - a.t_answered) / 1e9 for a, b in itertools.pairwise(seen)), default=0.0)
