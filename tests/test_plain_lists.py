"""Long flat lists are read at a go; the careful reader says the same of every list, and alone says what is wrong with one."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from stgcmt_suites.commitment import plain_lists
from stgcmt_suites.commitment.web_module import FAILED_SOP, REFERENCED_SOP, read_module

UI, US = {"vr": "UI", "Value": ["1.2.3"]}, {"vr": "US", "Value": [274]}


def module(*, committed: int = 3, failed: int = 2) -> dict:
    def items(count: int, root: str, more: dict) -> dict:
        values = [
            {"00081150": copy.deepcopy(UI), "00081155": {"vr": "UI", "Value": [f"{root}.{n}"]}} | copy.deepcopy(more)
            for n in range(count)
        ]
        return {"vr": "SQ", "Value": values}

    return {REFERENCED_SOP: items(committed, "1.7", {}), FAILED_SOP: items(failed, "1.8", {"00081197": US})}


def both(value: dict, monkeypatch: pytest.MonkeyPatch):
    """What the quick way and the careful way read."""
    quick = read_module(value)
    with monkeypatch.context() as patched:
        patched.setattr(plain_lists, "committed", lambda _: None)
        patched.setattr(plain_lists, "failed", lambda _: None)
        careful = read_module(value)
    return quick, careful


def same(quick, careful) -> None:
    assert tuple(quick.reasons) == tuple(careful.reasons)
    assert dataclasses.replace(quick, reasons=()) == dataclasses.replace(careful, reasons=())
    assert hash(quick.references) == hash(careful.references)
    assert repr(quick.result) == repr(careful.result)


def test_a_plain_module_is_read_the_same(monkeypatch):
    quick, careful = both(module(), monkeypatch)
    same(quick, careful)
    assert not quick.flaws
    assert len(quick.reasons) == 2
    assert quick.reasons[1].path == "$.00081198[1].00081197"
    assert quick.reasons[-1] == quick.reasons[1]
    assert quick.reasons[:1] == (quick.reasons[0],)
    assert [each.reason for each in quick.result.failed] == [274, 274]


def leaf(key: str, value: object, tag: str = REFERENCED_SOP):
    def change(tree: dict) -> None:
        if value is None:
            del tree[tag]["Value"][1][key]
        else:
            tree[tag]["Value"][1][key] = value

    return change


CHANGES = {
    "no class": leaf("00081150", None),
    "no instance": leaf("00081155", None),
    "lower case is another tag": leaf("0008115a", UI),
    "a foreign attribute": leaf("00080018", UI),
    "a padded UID": leaf("00081155", {"vr": "UI", "Value": ["1.2 "]}),
    "an empty UID": leaf("00081155", {"vr": "UI", "Value": [""]}),
    "two UIDs": leaf("00081155", {"vr": "UI", "Value": ["1.2", "1.3"]}),
    "a number as UID": leaf("00081155", {"vr": "UI", "Value": [12]}),
    "a text of one character": leaf("00081155", {"vr": "UI", "Value": "1"}),
    "another VR": leaf("00081155", {"vr": "LO", "Value": ["1.2"]}),
    "no VR": leaf("00081155", {"Value": ["1.2"]}),
    "no value": leaf("00081155", {"vr": "UI"}),
    "an attribute that is text": leaf("00081155", "1.2"),
    "an item that is text": lambda tree: tree[REFERENCED_SOP]["Value"].append("x"),
    "an empty sequence": lambda tree: tree[REFERENCED_SOP].update(Value=[]),
    "no sequence": lambda tree: tree.update({REFERENCED_SOP: []}),
    "another VR of the sequence": lambda tree: tree[REFERENCED_SOP].update(vr="UN"),
    "no reason": leaf("00081197", None, FAILED_SOP),
    "a reason as text": leaf("00081197", {"vr": "US", "Value": ["274"]}, FAILED_SOP),
    "a reason as float": leaf("00081197", {"vr": "US", "Value": [274.0]}, FAILED_SOP),
    "a reason that is true": leaf("00081197", {"vr": "US", "Value": [True]}, FAILED_SOP),
    "two reasons": leaf("00081197", {"vr": "US", "Value": [274, 272]}, FAILED_SOP),
    "a reason without value": leaf("00081197", {"vr": "US"}, FAILED_SOP),
    "another VR of a reason": leaf("00081197", {"vr": "SS", "Value": [274]}, FAILED_SOP),
    "a reason where none belongs": leaf("00081197", US),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_list_that_is_otherwise_is_read_the_same(name, monkeypatch):
    tree = module()
    CHANGES[name](tree)
    same(*both(tree, monkeypatch))


def test_what_is_quick_is_quick_where_it_counts(monkeypatch):
    """No leaf of a plain list goes the careful way."""
    from stgcmt_suites.commitment.web_module import _Reader

    monkeypatch.setattr(_Reader, "_leaf", lambda *_: pytest.fail("the careful way"))
    assert len(read_module(module(committed=50, failed=50)).references) == 100
