"""What references work out once: by value, and by the faults that were looked at. And mints that repeat themselves."""

from __future__ import annotations

import uuid
from collections.abc import Collection

import pytest

from stgcmt.mint import Mint, SameMint
from stgcmt_suites.commitment.remembered import KEPT, Remembered


def _counting() -> tuple[Remembered[str], list[str]]:
    made: list[str] = []

    def make(text: str, faults: Collection[str]) -> str:
        made.append(text)
        if text == "bad":
            raise ValueError(text)
        if text == "all":
            return ",".join(sorted(faults))
        shown = text.upper() if "shouts" in faults else text
        return f"{shown}!" if "shouts" in faults and "stresses" in faults else shown

    return Remembered(make), made


def test_a_value_is_made_once_whatever_faults_it_does_not_look_at() -> None:
    remembered, made = _counting()
    found = [remembered.of("a", faults=faults) for faults in ((), ("other",), ("stresses",), ("more",))]
    assert found == ["a"] * 4
    assert made == ["a"]


def test_a_fault_that_is_looked_at_makes_another_value() -> None:
    remembered, made = _counting()
    found = [remembered.of("a", faults=faults) for faults in ((), {"shouts"}, {"shouts", "stresses"}, {"shouts"}, ())]
    assert found == ["a", "A", "A!", "A", "a"]
    assert made == ["a"] * 3


def test_who_looks_at_all_faults_is_asked_again() -> None:
    remembered, _ = _counting()
    assert [remembered.of("all", faults=faults) for faults in ({"x"}, {"y"}, ())] == ["x", "y", ""]


def test_what_is_raised_is_not_remembered() -> None:
    remembered, made = _counting()
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            remembered.of("bad", faults=())
    assert made == ["bad"] * 2


def test_the_oldest_goes_first() -> None:
    remembered, made = _counting()
    for number in range(KEPT + 1):
        remembered.of(str(number), faults=())
    remembered.of(str(KEPT), faults=())
    remembered.of("0", faults=())
    assert made[-2:] == [str(KEPT), "0"]


def test_a_same_mint_repeats_itself_for_each_scenario_whoever_asks_first() -> None:
    first, second = SameMint(), SameMint()
    one = [first.uid("a"), first.uid("a"), first.uid("b")]
    other = [second.uid("b"), second.uid("a"), second.uid("a")]
    assert one == [*other[1:], other[0]]
    assert len(set(one)) == 3
    assert {len(uid) for uid in one} == {43}
    assert first.found_in(" ".join(one).encode()) == set(one)
    assert int(one[0].removeprefix("2.25.")) < 2**128


def test_other_mints_never_repeat() -> None:
    assert Mint().uid("a") != Mint().uid("a")


def test_what_a_reference_mints_repeats_in_every_play_and_is_none_of_ours() -> None:
    first, second = SameMint(), SameMint()
    one = [first.foreign("a"), first.foreign("a"), first.foreign("b")]
    assert one == [second.foreign("a"), second.foreign("a"), second.foreign("b")]
    assert len(set(one)) == 3
    assert first.found_in(" ".join(one).encode()) == set()
    numbers = [uuid.UUID(int=int(uid.removeprefix("2.25."))) for uid in (*one, Mint().foreign())]
    assert [each.version for each in numbers] == [4] * 4
    assert Mint().foreign("a") != Mint().foreign("a")
