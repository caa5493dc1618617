"""Checks of PS3.18 13.5: Result Checks, their pace and their end. PYTEST_DONT_REWRITE."""

from __future__ import annotations

from urllib.parse import parse_qsl

from stgcmt.suite import Transcript, claims, expected, inconclusive, outcome, requirement
from stgcmt_suites.user_agent.views import Call, asked, calls, checked, commitments, followers, gap_s

EARLY_S = 1.0  # dates count whole seconds, and a client may round: what the notes grant
NO_PAUSE_S = 0.05  # below it nobody can tell a pause from a round trip on a loaded machine
AFTER_GONE = 3  # a check or two more may have been on their way; whoever goes on after three does not read the answer
UNBOUNDED = 9  # attempts after 503 without end and without a stated limit
NEGOTIATION = ("Accept", "Accept-Charset", "Accept-Encoding")


@requirement("WEB-13.5-01")
def test_results_are_checked_after_202_alone(at_once: Transcript) -> None:
    """After a result there is nothing to check."""
    asked(at_once)
    for each in commitments(at_once):
        final = next((call for call in each.calls if call.final), None)
        later = [call for call in each.checks if final is not None and call.t_sent > final.t_answered]
        assert not later, expected("no Result Check after a 200", *later)


@requirement("WEB-13.5.1-01")
def test_a_result_check_is_a_bare_get(pending: Transcript, still_pending: Transcript) -> None:
    """A Result Check is GET on the transaction's resource without query parameters and without payload."""
    seen = checked(pending, still_pending)
    for each in (*commitments(pending), *commitments(still_pending)):
        own = {call.uid for call in each.posts}
        for call in each.checks:
            assert call.uid in own, expected("the resource that was posted to", call, *each.posts)
    for call in seen:
        names = {name for name, _ in parse_qsl(call.request.query or "", keep_blank_values=True)}
        if call.request.body:
            outcome("payload", call, what="no payload")
        if names - {"accept", "charset"}:
            outcome("query-parameters", call, what="no query parameters")


@requirement("WEB-13.5.1-02")
def test_a_result_check_says_what_it_accepts(pending: Transcript, still_pending: Transcript) -> None:
    """Accept is there on every Result Check."""
    for call in checked(pending, still_pending):
        assert (call.sent("Accept") or "").strip(), expected("an Accept header", call)


@requirement("WEB-13.5.1-03")
def test_a_result_check_negotiates_as_the_request_did(pending: Transcript, still_pending: Transcript) -> None:
    """Accept, Accept-Charset and Accept-Encoding of a Result Check are those of its Request."""
    checked(pending, still_pending)
    for each in (*commitments(pending), *commitments(still_pending)):
        first = each.posts[0] if each.posts else None
        for call in each.checks if first is not None else ():
            for name in NEGOTIATION:
                missing = name == "Accept" and None in (call.sent(name), first.sent(name) if first else None)
                same = (
                    missing or first is None or call.sent(name) == first.sent(name)
                )  # a missing one has a row of its own
                assert same, expected(f"{name} as in the Request", f"{name}: {call.sent(name)}", call)


def _pauses(*transcripts: Transcript) -> list[tuple[Call, Call, float, float]]:
    """(answer, next call, seconds that Retry-After asked for, seconds that passed) for each readable Retry-After."""
    found = []
    for each in (one for transcript in transcripts for one in commitments(transcript)):
        for call, following in followers(each):
            wanted = call.response.retry_after_s if call.response is not None else None
            if call.status in (202, 503) and wanted is not None:
                found.append((call, following, wanted, gap_s(call, following)))
    return found


@requirement("WEB-13.5.3-03")
def test_retry_after_is_waited_for(
    retry_after: Transcript, unavailable: Transcript, foreign_instance: Transcript
) -> None:
    """After 202 or 503 with Retry-After the client waits at least so long before it asks again."""
    seen = _pauses(retry_after, unavailable, foreign_instance)
    for call, following, wanted, waited in seen:
        patient = waited >= wanted - EARLY_S
        assert patient, expected(f"at least {wanted:.0f} s between them", f"{waited:.2f} s", call, following)
    if not any(wanted > EARLY_S for _, _, wanted, _ in seen):
        inconclusive("the client never came back after a Retry-After of more than a second", *calls(retry_after)[:3])


@requirement("WEB-HTTP-RA-01")
def test_every_form_of_retry_after_is_read(retry_after: Transcript) -> None:
    """Seconds and the three forms of dates are understood; text that is neither is as good as none."""
    asked(retry_after)
    for each in commitments(retry_after):
        last = each.calls[-1]
        given = last.header("Retry-After")
        stuck = last.status == 202 and given is not None
        assert not stuck, expected("another Result Check, whatever Retry-After says", f"Retry-After: {given}", last)
    dated = []
    for call, following, wanted, waited in _pauses(retry_after):
        if call.retry_after is None or call.retry_after.kind != "date":
            continue
        dated.append(call)
        if waited < wanted - EARLY_S:
            outcome("date-ignored", call, following, what=f"a pause of {wanted:.0f} s until the date")
    forms = {call.retry_after.date.form for call in dated if call.retry_after and call.retry_after.date}
    if len(forms) < 3:
        inconclusive("the client did not come back after a date in each of the three forms", *dated)


@requirement("WEB-13.5.3-04")
def test_a_new_request_has_a_new_transaction_uid(
    lost: Transcript, refused: Transcript, unavailable: Transcript
) -> None:
    """After a lost transaction or a refusal a new Request may follow; it has a Transaction UID of its own."""
    asked(lost, refused)
    for each in (*commitments(lost), *commitments(refused), *commitments(unavailable)):
        dead: set[str | None] = set()
        for call in each.calls:
            if call.method != "GET" and call.uid in dead:
                outcome("uid-reused", call, each, what="a fresh Transaction UID")
            if call.refused or call.status == 503:
                dead.add(call.uid)


@requirement("WEB-13.5.3-12")
def test_retries_after_503_are_bounded(
    unavailable: Transcript, unanswered_requests: Transcript, run: Transcript
) -> None:
    """503 may be for ever, and so may silence: the client stops asking, after as many attempts as it states."""
    asked(unavailable)
    stated = claims(run).get("user_agent.max_retries")
    limit = int(stated) + 1 if stated is not None else UNBOUNDED
    refused_at_all = []
    for each in commitments(unavailable):
        in_a_row = 0
        for call in each.calls:
            in_a_row = in_a_row + 1 if call.status == 503 else 0
            if call.status == 503:
                refused_at_all.append(call)
            if in_a_row > limit:
                outcome("unbounded", call, each, what=f"no more than {limit} attempts that are answered 503")
    for each in commitments(unanswered_requests):
        silent = [call for call in each.posts if call.response is None]
        if len(silent) > limit:
            outcome("unbounded", silent[-1], each, what=f"no more than {limit} Requests that nobody answers")
    if not refused_at_all:
        inconclusive("no attempt was answered 503", *calls(unavailable)[:1])


@requirement("WEB-UA-POLL-01")
def test_the_client_comes_back_until_there_is_an_end(
    pending: Transcript, still_pending: Transcript, lost: Transcript, retry_after: Transcript, run: Transcript
) -> None:
    """After a 202 the client asks again, with pauses, until a result, an error, or a limit that it states."""
    everything = [one for each in (pending, still_pending, lost, retry_after) for one in commitments(each)]
    told = [each for each in everything if any(call.status == 202 for call in each.calls)]
    for each in told:
        first = next(call for call in each.calls if call.status == 202)
        later = [call for call in each.checks if call.t_sent > first.t_sent]
        assert later, expected("a Result Check after a 202", first, each)
    if not told:
        inconclusive("no Request was answered 202")
    stated = claims(run).get("user_agent.max_result_checks")
    for each in told:
        last = each.calls[-1]
        if last.status == 202 and len(each.checks) < POLLS and (stated is None or len(each.checks) < int(stated)):
            outcome("gives-up", last, each, what="Result Checks until there is a result, or a limit that is stated")
    for each in told:
        after = [number for number, call in enumerate(each.calls) if call.status in (404, 410)]
        again = [call for call in each.checks if after and call.t_sent > each.calls[after[0]].t_answered]
        if len([call for call in again if call.uid == each.calls[after[0]].uid]) > AFTER_GONE:
            outcome("asks-after-gone", again[-1], each, what="no further Result Checks after 404 or 410")
    for each in told:
        for call, following in followers(each):
            hasty = call.status == 202 and call.retry_after is None and gap_s(call, following) < NO_PAUSE_S
            if hasty and call.method == "GET":
                outcome("no-pause", call, following, what="a pause between two Result Checks")


POLLS = 8  # Result Checks that the scenario answers 202 before it stops listening
