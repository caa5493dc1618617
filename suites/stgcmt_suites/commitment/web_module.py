"""The modules of PS3.18 Annex J as read from a DICOM JSON value: request (J.1) and response (J.2).

Reading is total: what is missing or misplaced becomes a ``Flaw`` with its path, and the rest is read all the same. It
works on plain parsed JSON; native XML is brought into the same form first. 100,000 references take a
fraction of a second.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stgcmt_suites.commitment import plain_lists
from stgcmt_suites.commitment.plain_lists import (
    REASON,
    SOP_CLASS,
    SOP_INSTANCE,
    ReasonAttribute,
    Reasons,
    reason_number,
)
from stgcmt_suites.commitment.references import FAILURE_REASONS, FailedReference, Reference, Result

__all__ = ["Flaw", "Module", "ReasonAttribute", "in_set", "read_module", "reason_number"]

REFERENCED_SOP = "00081199"
FAILED_SOP = "00081198"
REFERENCED_STUDY = "00081110"
FAILED_STUDY = "0008119B"
STUDY = "0020000D"
SERIES_SEQUENCE = "00081115"
SERIES = "0020000E"
CLASS_SEQUENCE = "00081112"
INSTANCE_SEQUENCE = "0008114A"
TRANSACTION_UID = "00081195"

FLAT = frozenset({REFERENCED_SOP, FAILED_SOP})
HIERARCHICAL = frozenset({REFERENCED_STUDY, FAILED_STUDY})
FAILED = frozenset({FAILED_SOP, FAILED_STUDY})
_ROOT = FLAT | HIERARCHICAL
_ITEM = frozenset({SOP_CLASS, SOP_INSTANCE})


@dataclass(frozen=True)
class Flaw:
    """One thing that the module forbids: ``kind``, where, and what was seen.

    Kinds: not-a-module, empty-sequence, not-a-sequence, missing (a Type 1 attribute), not-a-uid, foreign (an attribute
    that the module lacks), vr.
    """

    kind: str
    path: str
    seen: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}" + (f" ({self.seen})" if self.seen else "")


@dataclass(frozen=True)
class Module:
    """A request or response module as it was read; lists in wire order, duplicates kept."""

    result: Result
    sequences: frozenset[str] = frozenset()
    reasons: Sequence[ReasonAttribute] = ()
    flaws: tuple[Flaw, ...] = ()
    readable: bool = True
    top: tuple[str, ...] = field(default=())

    @property
    def structure(self) -> str:
        """``flat``, ``hierarchical``, ``mixed`` (both) or ``empty`` (neither)."""
        flat, deep = bool(self.sequences & FLAT), bool(self.sequences & HIERARCHICAL)
        return "mixed" if flat and deep else "flat" if flat else "hierarchical" if deep else "empty"

    @functools.cached_property
    def asked(self) -> tuple[Reference, ...]:
        """What a request names, in wire order."""
        return self.result.committed

    @functools.cached_property
    def references(self) -> tuple[Reference, ...]:
        """Every reference, committed ones first."""
        return (*self.result.committed, *(each.reference for each in self.result.failed))

    def flawed(self, *kinds: str) -> tuple[Flaw, ...]:
        """The flaws of these kinds."""
        return tuple(flaw for flaw in self.flaws if flaw.kind in kinds)

    @property
    def summary(self) -> str:
        """One line: structure and counts."""
        return f"a {self.structure} module: {self.result.summary}" if self.readable else "no module that can be read"


def read_module(value: Any) -> Module:
    """Read a module from parsed DICOM JSON; an array of one object is read as the object. Never raises."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return Module(Result(), flaws=(Flaw("not-a-module", "$", type(value).__name__),), readable=False)
    return _Reader().module(value)


class _Reader:
    """One walk over a module."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self.committed: list[Reference] = []
        self.failed: list[FailedReference] = []
        self.reasons: list[ReasonAttribute] = []
        self.plain: Reasons | None = None

    def module(self, value: dict[str, Any]) -> Module:
        tree = {(key.upper() if isinstance(key, str) else str(key)): each for key, each in value.items()}
        self._foreign(tree, _ROOT, "$")
        for tag in sorted(_ROOT & tree.keys()):
            path = f"$.{tag}"
            if tag in FLAT and self._plain(tree[tag], path, tag):
                continue
            for place, item in self._items(tree[tag], path):
                if tag in FLAT:
                    self._leaf(item, place, tag, None, None, None)
                else:
                    self._study(item, place, tag)
        problems = tuple(str(flaw) for flaw in self.flaws[:100])
        result = Result(tuple(self.committed), tuple(self.failed), problems)
        return Module(result, _ROOT & tree.keys(), self._reasons(), tuple(self.flaws), top=tuple(tree))

    def _plain(self, attribute: Any, path: str, tag: str) -> bool:
        """Take a flat list in which nothing is wrong; false where the list is to be read with care."""
        if tag not in FAILED:
            found = plain_lists.committed(attribute)
            self.committed += found or ()
            return found is not None
        failed = plain_lists.failed(attribute)
        if failed is None:
            return False
        self.failed += failed[0]
        self.plain = Reasons(path, *failed)
        return True

    def _reasons(self) -> Sequence[ReasonAttribute]:
        return (*(self.plain or ()), *self.reasons) if self.reasons else self.plain or ()

    def _items(self, attribute: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The items of a sequence attribute, each with its path."""
        if not isinstance(attribute, dict):
            self.flaws.append(Flaw("not-a-sequence", path, type(attribute).__name__))
            return
        if attribute.get("vr") != "SQ":
            self.flaws.append(Flaw("vr", path, f"{attribute.get('vr')!r} instead of SQ"))
        values = attribute.get("Value")
        if values is None or values == []:
            self.flaws.append(Flaw("empty-sequence", path))
            return
        if not isinstance(values, list):
            self.flaws.append(Flaw("not-a-sequence", path, type(values).__name__))
            return
        for number, item in enumerate(values):
            if isinstance(item, dict):
                yield f"{path}[{number}]", item
            else:
                self.flaws.append(Flaw("not-a-sequence", f"{path}[{number}]", f"item is {type(item).__name__}"))

    def _study(self, item: dict[str, Any], path: str, tag: str) -> None:
        item = _upper(item)
        self._foreign(item, {STUDY, SERIES_SEQUENCE}, path)
        study = self._uid(item, STUDY, path)
        for place, each in self._sequence(item, SERIES_SEQUENCE, path):
            series_item = _upper(each)
            self._foreign(series_item, {SERIES, CLASS_SEQUENCE}, place)
            series = self._uid(series_item, SERIES, place)
            for deeper, one in self._sequence(series_item, CLASS_SEQUENCE, place):
                class_item = _upper(one)
                self._foreign(class_item, {SOP_CLASS, INSTANCE_SEQUENCE}, deeper)
                sop_class = self._uid(class_item, SOP_CLASS, deeper)
                for deepest, leaf in self._sequence(class_item, INSTANCE_SEQUENCE, deeper):
                    self._leaf(leaf, deepest, tag, sop_class, study, series)

    def _sequence(self, item: dict[str, Any], tag: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if tag not in item:
            self.flaws.append(Flaw("missing", f"{path}.{tag}"))
            return iter(())
        return self._items(item[tag], f"{path}.{tag}")

    def _leaf(
        self, item: dict[str, Any], path: str, tag: str, sop_class: str | None, study: str | None, series: str | None
    ) -> None:
        deep = tag in HIERARCHICAL
        if deep:
            item = _upper(item)
        instance = self._uid(item, SOP_INSTANCE, path)
        if not deep:
            sop_class = self._uid(item, SOP_CLASS, path)
        reference = Reference(sop_class or "", instance, study, series)
        allowed = {SOP_INSTANCE} if deep else _ITEM
        if tag in FAILED:
            reason = ReasonAttribute(instance, f"{path}.{REASON}", item.get(REASON))
            self.reasons.append(reason)
            self.failed.append(FailedReference(reference, reason.number))
            allowed = {*allowed, REASON}
        else:
            self.committed.append(reference)
        if item.keys() - allowed:
            self._foreign(item, allowed, path)

    def _uid(self, item: dict[str, Any], tag: str, path: str) -> str:
        """A Type 1 UID; the empty string where there is none."""
        attribute = item.get(tag)
        if attribute is None:
            self.flaws.append(Flaw("missing", f"{path}.{tag}"))
            return ""
        try:
            values = attribute["Value"]
            value = values[0]
            if value.__class__ is str and value and len(values) == 1 and attribute["vr"] == "UI":
                return str(value).rstrip("\0 ")  # padding is judged as encoding, and must not change identity here
        except (TypeError, KeyError, IndexError):
            self.flaws.append(Flaw("missing", f"{path}.{tag}", "no value"))
            return ""
        if not isinstance(value, str) or not value or len(values) != 1:
            self.flaws.append(Flaw("not-a-uid", f"{path}.{tag}", repr(values)[:80]))
        elif attribute.get("vr") != "UI":
            self.flaws.append(Flaw("vr", f"{path}.{tag}", f"{attribute.get('vr')!r} instead of UI"))
        return value.rstrip("\0 ") if isinstance(value, str) else ""

    def _foreign(self, item: Mapping[str, Any], allowed: frozenset[str] | set[str], path: str) -> None:
        self.flaws += [Flaw("foreign", f"{path}.{tag}") for tag in item.keys() - allowed]


def _upper(item: dict[str, Any]) -> dict[str, Any]:
    """The item under upper-case tags; the case of tags is judged as encoding."""
    if all(tag.isupper() or tag.isdigit() for tag in item):
        return item
    return {tag.upper(): value for tag, value in item.items()}


def in_set(reason: int | None) -> bool:
    """Whether a Failure Reason stands in the enumerated values of PS3.3 C.14.1.1."""
    return reason in FAILURE_REASONS
