"""What goes behind, and what a result there means for each instance in front: both reference proxies decide by it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from stgcmt_suites.commitment.decisions import Asked, Decided
from stgcmt_suites.commitment.reasons import PROCESSING_FAILURE

Pair = tuple[str, str]  # SOP Class UID, SOP Instance UID
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
FOREIGN = "2.25.202410300834567.9"


def asked_behind(asked: Iterable[Asked], faulty: Callable[[str], bool]) -> tuple[Asked, ...]:
    """What is asked for behind: each instance of the request in front once; study and series are the front's matter."""
    found = tuple(dict.fromkeys(Asked(each.sop_class_uid, each.sop_instance_uid) for each in asked))
    if len(found) > 1 and faulty("forgets-one-behind"):
        found = found[:-1]
    if faulty("asks-more-behind"):
        found = (*found, Asked(CT, FOREIGN))
    if any(one.sop_class_uid == CT for one in found) and faulty("class-changed-behind"):
        found = tuple(
            Asked(MR if one.sop_class_uid == CT else one.sop_class_uid, one.sop_instance_uid) for one in found
        )
    return found


def decided(
    asked: Iterable[Asked], committed: Collection[Pair], failed: Mapping[Pair, int], faulty: Callable[[str], bool]
) -> tuple[Decided, ...]:
    """One decision for each instance (rows WEB-B.30-05, -06, -09, -17, -18).

    Committed is only what the result commits under the class that was asked for, and does not fail as well. What it does not
    name is failed as 0110H: nobody committed to it, and nobody will.

    Args:
        asked: what was asked for in front, in its order.
        committed: what the result commits.
        failed: what it fails, with the Failure Reasons to tell in front.
        faulty: whether a fault is switched on.
    """
    everything, made = tuple(asked), []
    for each in everything:
        pair = (each.sop_class_uid, each.sop_instance_uid)
        if pair not in committed and pair not in failed and faulty("class-changed-behind"):
            pair = next((known for known in (*committed, *failed) if known[1] == pair[1]), pair)
        both = pair in failed and not faulty("commits-what-stands-in-both")
        if pair in committed and not both:
            made.append(Decided(each, None))
        elif pair in failed:
            made.append(Decided(each, PROCESSING_FAILURE if faulty("all-reasons-as-0110") else failed[pair]))
        elif faulty("commits-left-out"):
            made.append(Decided(each, None))
        elif not faulty("drops-left-out"):
            made.append(Decided(each, PROCESSING_FAILURE))
    known = {each.sop_instance_uid for each in everything}
    foreign = [pair for pair in committed if pair[1] not in known]
    if foreign and faulty("foreign-instance-passes"):
        made += [Decided(Asked(*pair), None) for pair in foreign]
    return tuple(made)


def in_parts(asked: tuple[Asked, ...], count: int) -> list[tuple[Asked, ...]]:
    """The same in at most so many requests, none of them empty."""
    size = max(1, -(-len(asked) // max(1, count)))
    return [asked[start : start + size] for start in range(0, len(asked), size)]


def failed_all(asked: Iterable[Asked], reason: int = PROCESSING_FAILURE) -> tuple[Decided, ...]:
    """Everything failed, for one reason."""
    return tuple(Decided(each, reason) for each in asked)


def committed_all(asked: Iterable[Asked]) -> tuple[Decided, ...]:
    """Everything committed: what only a fault decides without a result."""
    return tuple(Decided(each, None) for each in asked)
