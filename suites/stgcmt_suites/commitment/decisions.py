"""Commit or fail: the truth about one reference, and the wrong ways to tell it that a fault can switch on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from stgcmt.switches import changed
from stgcmt_suites.commitment import reasons

IMPLEMENTATION_CLASS_UID = "2.25.202410300834567.3"
NEVER_ASKED = "2.25.202410300834567.4"  # the instance that the fault extra-instance adds
OTHER_CLASS = "1.2.840.10008.5.1.4.1.1.66"  # the class that other-class-in-result writes in place of the one asked for
CUT = 256  # how many references the fault cut-at-256 has room for
OUT_OF_SET = 0x0111  # duplicate SOP instance: a status of N-CREATE, no Failure Reason


@dataclass(frozen=True)
class Asked:
    """One reference as it was asked for; study and series only in hierarchical requests."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str = ""
    series_instance_uid: str = ""


@dataclass(frozen=True)
class Held:
    """One instance that the store has, and where."""

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    file: str
    data_offset: int


@dataclass(frozen=True)
class Decided:
    """A reference with its Failure Reason; ``None``: committed."""

    asked: Asked
    reason: int | None


def reason(
    asked: Asked, held: Held | None, unsupported: Collection[str], condition: str, faults: Collection[str]
) -> int | None:
    """Why a reference is not committed, ``None`` where it is.

    A class that is not supported comes first (nothing of it is ever committed), then what is not held, then a class
    other than the stored one, then links. A study or series other than the stored one does not matter: the SOP Instance
    UID identifies (the standard is silent).
    """
    if condition == "broken":
        return reasons.PROCESSING_FAILURE
    if condition == "exhausted":
        return reasons.RESOURCE_LIMITATION
    if asked.sop_class_uid in unsupported and "commits-unsupported" not in faults:
        return reasons.NO_SUCH_INSTANCE if "unsupported-as-0112" in faults else reasons.CLASS_NOT_SUPPORTED
    if held is None:
        return None if "commits-missing" in faults else reasons.NO_SUCH_INSTANCE
    if held.sop_class_uid != asked.sop_class_uid and "commits-wrong-class" not in faults:
        return reasons.PROCESSING_FAILURE if "conflict-as-0110" in faults else reasons.CLASS_INSTANCE_CONFLICT
    if asked.study_instance_uid not in ("", held.study_instance_uid):
        if "minds-the-study" in faults:
            return reasons.NO_SUCH_INSTANCE
        if "wrong-study-as-0213" in faults:
            return reasons.RESOURCE_LIMITATION
    if held.transfer_syntax_uid in reasons.LINK_ONLY and "commits-links" not in faults:
        return reasons.PROCESSING_FAILURE
    return reasons.NO_SUCH_INSTANCE if "held-as-0112" in faults else None


def distorted(
    truth: tuple[Decided, ...], held: Mapping[str, Held | None], faults: Collection[str]
) -> tuple[Decided, ...]:
    """The decisions as a result will tell them: unchanged, but for the faults that are switched on."""
    decided = truth
    for name, distort in DISTORTIONS.items():
        decided = changed(decided, name, faults, lambda told, distort=distort: tuple(distort(told, held)))  # type: ignore[misc]
    return decided


_Held = Mapping[str, Held | None]


def _forget_last(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    return decided[:-1] if len(decided) > 1 else decided


def _add_one(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    place = decided[0].asked if decided else Asked(OTHER_CLASS, NEVER_ASKED)
    return [*decided, Decided(replace(place, sop_instance_uid=NEVER_ASKED), reasons.NO_SUCH_INSTANCE)]


def _both_lists(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    committed = next((each for each in decided if each.reason is None), None)
    return [*decided, replace(committed, reason=reasons.PROCESSING_FAILURE)] if committed else decided


def _twice(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    return [*decided, *decided[:1]]


def _again_failed(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    seen: set[str] = set()
    told = []
    for each in decided:
        again = each.asked.sop_instance_uid in seen
        told.append(replace(each, reason=reasons.PROCESSING_FAILURE) if again else each)
        seen.add(each.asked.sop_instance_uid)
    return told


def _out_of_set(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    return [replace(each, reason=OUT_OF_SET) if each.reason is not None else each for each in decided]


def _stored_class(decided: Sequence[Decided], held: _Held) -> Sequence[Decided]:
    def tell(each: Decided) -> Decided:
        stored = held.get(each.asked.sop_instance_uid)
        if stored is None or each.reason != reasons.CLASS_INSTANCE_CONFLICT:
            return each
        return replace(each, asked=replace(each.asked, sop_class_uid=stored.sop_class_uid))

    return [tell(each) for each in decided]


def _other_class(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    return [replace(each, asked=replace(each.asked, sop_class_uid=OTHER_CLASS)) for each in decided]


def _move_study(decided: Sequence[Decided], held: _Held) -> Sequence[Decided]:
    def tell(each: Decided) -> Decided:
        stored = held.get(each.asked.sop_instance_uid)
        if stored is None or not each.asked.study_instance_uid:
            return each
        study, series = stored.study_instance_uid, stored.series_instance_uid
        return replace(each, asked=replace(each.asked, study_instance_uid=study, series_instance_uid=series))

    return [tell(each) for each in decided]


def _first_study(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    return [each for each in decided if each.asked.study_instance_uid == decided[0].asked.study_instance_uid]


def _first_series(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    first: dict[str, str] = {}
    for each in decided:
        first.setdefault(each.asked.study_instance_uid, each.asked.series_instance_uid)
    return [each for each in decided if first[each.asked.study_instance_uid] == each.asked.series_instance_uid]


def _forget_last_of_last_series(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    several = len({each.asked.series_instance_uid for each in decided}) > 1
    return decided[:-1] if several else decided


def _first_class(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    first: dict[str, str] = {}
    for each in decided:
        first.setdefault(each.asked.series_instance_uid, each.asked.sop_class_uid)
    return [
        each
        for each in decided
        if not each.asked.series_instance_uid or first[each.asked.series_instance_uid] == each.asked.sop_class_uid
    ]


def _first_failure(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    failed = [each for each in decided if each.reason is not None]
    return [each for each in decided if each.reason is None or each is failed[0]]


def _one_reason(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    first = next((each.reason for each in decided if each.reason is not None), None)
    return [each if each.reason is None else replace(each, reason=first) for each in decided]


def _cut(decided: Sequence[Decided], _: _Held) -> Sequence[Decided]:
    return decided[:CUT]


def _by_study(decided: Sequence[Decided], held: _Held) -> Sequence[Decided]:
    there = {each.study_instance_uid for each in held.values() if each is not None}
    return [
        replace(each, reason=None) if each.reason == reasons.NO_SUCH_INSTANCE and each.asked.study_instance_uid in there
        else each
        for each in decided
    ]  # fmt: skip


# Switches that change what a result tells, each by one deviation.
DISTORTIONS: Mapping[str, Callable[[Sequence[Decided], _Held], Sequence[Decided]]] = {
    "forgets-one-instance": _forget_last,
    "extra-instance": _add_one,
    "instance-in-both-lists": _both_lists,
    "instance-twice": _twice,
    "repeated-in-both-lists": _again_failed,
    "reason-out-of-set": _out_of_set,
    "stored-class-in-result": _stored_class,
    "other-class-in-result": _other_class,
    "moves-study": _move_study,
    "only-first-study": _first_study,
    "only-first-series": _first_series,
    "only-first-class": _first_class,
    "only-first-failure": _first_failure,
    "forgets-last-of-last-series": _forget_last_of_last_series,
    "one-reason-for-all": _one_reason,
    "cut-at-256": _cut,
    "commits-by-study": _by_study,
}
