"""The conservation laws: what must come out of a proxy because of what went in. Each takes recordings and ends a check.

They hold in both directions, and say nothing about how a proxy is built: only what both of its faces show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stgcmt.clock import NS
from stgcmt.suite import Transcript, deviating, expected, inconclusive, outcome
from stgcmt_suites.commitment.by_itself import each_by_itself
from stgcmt_suites.commitment.references import FAILURE_REASONS, Reference
from stgcmt_suites.proxies.links import Behind, Link, Said, links


def through(*transcripts: Transcript) -> tuple[Link, ...]:
    """The links whose request was taken in front and reached our back end."""
    return tuple(link for each in transcripts for link in links(each).links if link.behind)


def passed(*transcripts: Transcript) -> None:
    """End inconclusive where nothing in one of these recordings went through: called after every assert."""
    for each in transcripts:
        if not any(link.behind for link in links(each).links):
            inconclusive(f"in {each.name} the SUT asked nothing behind", *[link.front for link in links(each).links])


def came_back(*transcripts: Transcript) -> None:
    """End inconclusive where no result came back in front in one of these recordings of what had gone through."""
    for each in transcripts:
        if not any(link.front.results and link.behind for link in links(each).links):
            inconclusive(
                f"in {each.name} no result came back in front for what was asked behind",
                *[link.front for link in links(each).links],
            )


# --- on the way there --------------------------------------------------------------------------------------------------


@each_by_itself
def asked_once(transcript: Transcript) -> None:
    """Every instance asked in front is asked behind, once, and no other."""
    for stranger in links(transcript).strangers:
        assert not stranger.asked, expected(
            "behind only what somebody asked for in front", deviating(stranger.hop), stranger
        )
    for link in through(transcript):
        front = link.front
        taken = [one for one in link.behind if one.taken]
        missing = front.instances - frozenset(uid for one in link.behind for uid in one.instances)
        assert not missing, expected(
            f"every instance that is asked in front is asked behind; missing: {_some(missing)}",
            front, *link.behind, *_hops(link.behind[-1:]),
        )  # fmt: skip
        more = [one for one in link.behind if one.instances - front.instances]
        assert not more, expected("nothing is asked behind that was not asked in front", front, *more, *_hops(more[:1]))
        again = _again(taken)
        assert not again, expected(
            "an instance that was taken behind is not asked for again", front, *taken, *_hops(again[:1])
        )
        for one in taken:
            named = [ref.sop_instance_uid for ref in one.asked]
            assert len(named) == len(set(named)), expected(
                "each instance once in the request behind", front, one, deviating(one.hop)
            )


@each_by_itself
def same_classes(transcript: Transcript) -> None:
    """SOP Class and SOP Instance UIDs arrive unchanged, there and back."""
    for link in through(transcript):
        for one in link.behind:
            changed = one.pairs - link.front.pairs
            assert not (changed and one.instances <= link.front.instances), expected(
                "each instance behind under the SOP Class UID of the request in front",
                link.front, one, deviating(one.hop),
            )  # fmt: skip
        for said in link.front.results:
            pairs = {(ref.sop_class_uid, ref.sop_instance_uid) for ref in _named(said)}
            altered = {pair for pair in pairs - link.front.pairs if pair[1] in link.front.instances}
            assert not altered, expected(
                "the result names each instance under the class of the request", link.front, said, deviating(said.hop)
            )


def duplicate_is_no_second_request(*transcripts: Transcript) -> None:
    """A duplicate in front never becomes a second request behind."""
    for link in through(*transcripts):
        end = link.front.result.t if link.front.result is not None else None
        asked = [one for one in link.behind if one.instances & link.front.instances]
        again = _again([one for one in asked if end is None or one.t <= end])
        assert not again, expected(
            "each instance asked for once behind, however often its Transaction UID is used in front",
            *asked, *_hops(again[:1]),
        )  # fmt: skip
    for link in through(*transcripts):
        asked = [one for one in link.behind if one.instances & link.front.instances]
        if again := _again(asked):  # once there was a result the Transaction UID is another question (AMB-01)
            what = "no request behind for a Transaction UID that was used up"
            outcome("after-the-result", *asked, *_hops(again[:1]), what=what)


def _again(behind: Sequence[Behind]) -> list[Behind]:
    """The requests behind that name an instance which an earlier one named; disjoint ones are one request in parts."""
    seen: set[str] = set()
    found = []
    for one in behind:
        if one.instances & seen:
            found.append(one)
        seen |= one.instances
    return found


# --- on the way back ---------------------------------------------------------------------------------------------------


@each_by_itself
def one_list_each(transcript: Transcript) -> None:
    """Every instance of a request ends in exactly one list in front, and no other stands there."""
    for link in through(transcript):
        for said in link.front.results:
            if not said.readable:
                continue
            named = [ref.sop_instance_uid for ref in _named(said)]
            missing = link.front.instances - set(named)
            assert not missing, expected(
                f"a result on every instance; missing: {_some(missing)}", link.front, said, deviating(said.hop)
            )
            twice = {uid for uid in named if named.count(uid) > 1}
            assert not twice, expected(
                f"each instance in one list; twice: {_some(twice)}", link.front, said, deviating(said.hop)
            )
            foreign = set(named) - link.front.instances
            assert not foreign, expected(
                f"the instances of the request alone; besides: {_some(foreign)}", link.front, said, deviating(said.hop)
            )


@each_by_itself
def nothing_invented(transcript: Transcript) -> None:
    """Nothing is committed in front that the back end did not commit for this very transaction."""
    for link in _all(transcript):
        granted = frozenset(pair for said in link.said_behind for pair in said.committed)
        for said in link.front.results:
            invented = said.committed - granted
            assert not invented, expected(
                f"committed in front is only what the back end committed; invented: {_some(pair[1] for pair in invented)}",
                deviating(said.hop), said, *link.said_behind, *link.behind,
            )  # fmt: skip


@each_by_itself
def not_earlier(transcript: Transcript) -> None:
    """Nothing is committed in front before the back end committed it."""
    for link in _all(transcript):
        for said in link.front.results:
            early = said.committed - link.committed_before(said.t)
            assert not early, expected(
                "no commitment in front before the back end gave it", deviating(said.hop), said, *link.said_behind
            )


@each_by_itself
def reasons_unchanged(transcript: Transcript) -> None:
    """Failure Reasons arrive as the back end gave them."""
    for link in through(transcript):
        for said, answered in _answered(link):
            for each in answered.failed:
                uid = each.reference.sop_instance_uid
                if each.reason not in FAILURE_REASONS or uid not in link.front.instances:
                    continue
                got = said.result.reasons_of(uid)
                assert not got or got[0] == each.reason, expected(
                    f"Failure Reason {each.reason:04X}H of {uid} as the back end gave it",
                    deviating(said.hop), said, answered,
                )  # fmt: skip


def pending_until_then(*transcripts: Transcript, gives_up_s: float | None = None) -> None:
    """What is pending behind is pending in front: no result before there is one.

    ``gives_up_s``: seconds after which the vendor says that a transaction ends without one: an end by then is a design (AMB-17).
    """
    early = [(link, said) for link in _all(*transcripts) for said in link.front.results if link.waiting(said.t)]
    what = "pending in front as long as it is behind"
    for link, said in early:
        if gives_up_s is None or (said.t - link.front.t_asked) / NS < gives_up_s:
            outcome("result-without-report", deviating(said.hop), said, *link.waiting(said.t), what=what)
    for link, said in early:
        outcome("gave-up-as-stated", deviating(said.hop), said, *link.waiting(said.t), what=what)


@each_by_itself
def stays_as_it_is(transcript: Transcript) -> None:
    """A result that was given does not change, whatever the back end says later."""
    for link in _all(transcript):
        results = [said for said in link.front.results if said.readable]
        for said in results[1:]:
            same = said.committed == results[0].committed and set(said.failed) == set(results[0].failed)
            assert same, expected(
                "the same result every time", results[0], said, *link.said_behind, deviating(said.hop)
            )


@each_by_itself
def own_results_only(transcript: Transcript) -> None:
    """A result is never attached to another transaction."""
    for link in links(transcript).links:
        for said in link.front.results:
            early = [
                one
                for other in links(transcript).links
                if other is not link
                for one in other.said_behind
                if one.t <= said.t
            ]
            own = [one for one in link.said_behind if one.t <= said.t]
            assert own or not early or not link.behind, expected(
                "a result after the back end's own for this transaction",
                deviating(said.hop), said, link.front, *early[:1],
            )  # fmt: skip
            foreign = {ref.sop_instance_uid for ref in _named(said)} - link.front.instances
            others = [
                other.front for other in links(transcript).links
                if other is not link and foreign & other.front.instances
            ]  # fmt: skip
            assert not others, expected(
                "a result names instances of its own transaction alone",
                deviating(said.hop), said, link.front, *others,
            )  # fmt: skip
        for said, answered in _answered(link):
            own_words = answered.committed & link.front.pairs
            assert said.committed == own_words, expected(
                "what the back end committed for this very transaction", deviating(said.hop), said, answered
            )
    nothing_invented(transcript)


@each_by_itself
def nothing_lost_is_success(transcript: Transcript) -> None:
    """Loss of the back end never becomes success."""
    for link in links(transcript).links:
        answered = [one for one in link.behind if any(said.readable for said in one.results)]
        if answered:
            continue
        for said in link.front.results:
            assert not said.committed, expected(
                "no commitment without a result of the back end",
                deviating(said.hop),
                said,
                link.front,
                *link.behind,
            )


def ends_after_restart(transcript: Transcript) -> None:
    """A transaction that was accepted in front and taken behind comes to its result, although the SUT was restarted."""
    if not any(event.info.get("action") == "restarted" for event in transcript.of("driver")):
        inconclusive("the SUT was not restarted")
    found = [link for link in links(transcript).links if link.front.accepted and any(one.taken for one in link.behind)]
    if not found:
        inconclusive("no request was taken on both faces", *[link.front for link in links(transcript).links])
    for link in found:
        assert link.front.results, expected(
            "the result of a request that was accepted before the restart", link.front, *link.behind
        )


# --- what they share ---------------------------------------------------------------------------------------------------


def _all(*transcripts: Transcript) -> Iterator[Link]:
    for each in transcripts:
        yield from links(each).links


def _answered(link: Link) -> Iterator[tuple[Said, Said]]:
    """Each result in front with what the back end had said by then in all parts, which it stands for."""
    for said in link.front.results:
        back = link.together(said.t)
        if back is not None and said.readable:
            yield said, back


def _hops(behind: Iterable[Behind]) -> list[Any]:
    return [deviating(one.hop) for one in behind]


def _named(said: Said) -> list[Reference]:
    return [*said.result.committed, *(each.reference for each in said.result.failed)]


def _some(uids: Iterable[str]) -> str:
    found = sorted(uids)
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
