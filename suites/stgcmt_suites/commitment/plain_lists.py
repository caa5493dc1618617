"""Long flat lists of references as nearly all writers write them, read at a speed near that of the JSON parser.

An item that is not exactly as its module has it sends the whole list to the careful reader (``web_module``), which says what is
wrong with it; so both say the same of every list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from stgcmt_suites.commitment.references import FailedReference, Reference

SOP_CLASS = "00081150"
SOP_INSTANCE = "00081155"
REASON = "00081197"
_PADDING = ("\0", " ")


@dataclass(frozen=True)
class ReasonAttribute:
    """A Failure Reason as it was written: the attribute's JSON value, or ``None`` where there is none."""

    sop_instance_uid: str
    path: str
    attribute: Any

    @property
    def values(self) -> tuple[Any, ...]:
        """The values, whatever their types."""
        values = self.attribute.get("Value") if isinstance(self.attribute, dict) else None
        return tuple(values) if isinstance(values, list) else ()

    @property
    def vr(self) -> Any:
        """The VR as written."""
        return self.attribute.get("vr") if isinstance(self.attribute, dict) else None

    @property
    def number(self) -> int | None:
        """The reason as a number, leniently (``274``, ``274.0``, ``"274"``)."""
        return reason_number(self.values[0]) if self.values else None

    def __str__(self) -> str:
        shown = "absent" if self.attribute is None else f"vr {self.vr}, Value {list(self.values)!r}"
        return f"Failure Reason of {self.sop_instance_uid} at {self.path}: {shown}"


def reason_number(value: Any) -> int | None:
    """A Failure Reason value as a number; ``None`` where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 9:
        return int(value.strip())
    return None


@dataclass(frozen=True)
class Reasons(Sequence[ReasonAttribute]):
    """The Failure Reasons of a plain list, made where somebody looks at them; ``path`` is that of the sequence."""

    path: str
    failed: Sequence[FailedReference]
    items: Sequence[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, at: int) -> ReasonAttribute: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[ReasonAttribute, ...]: ...

    def __getitem__(self, at: int | slice) -> ReasonAttribute | tuple[ReasonAttribute, ...]:
        if isinstance(at, slice):
            return tuple(self._of(number) for number in range(*at.indices(len(self))))
        return self._of(range(len(self))[at])

    def __iter__(self) -> Iterator[ReasonAttribute]:
        return (self._of(number) for number in range(len(self)))

    def _of(self, number: int) -> ReasonAttribute:
        uid = self.failed[number].reference.sop_instance_uid
        return ReasonAttribute(uid, f"{self.path}[{number}].{REASON}", self.items[number][REASON])


def committed(attribute: Any) -> list[Reference] | None:
    """The references of a list of SOP Class and Instance UIDs; ``None`` where one item is otherwise."""
    items = _items(attribute)
    return None if items is None else _references(items, 2)


def failed(attribute: Any) -> tuple[list[FailedReference], list[dict[str, Any]]] | None:
    """The same of a list with Failure Reasons, and its items; ``None`` where one is otherwise."""
    items = _items(attribute)
    references = None if items is None else _references(items, 3)
    if items is None or references is None:
        return None
    found: list[FailedReference] = []
    new, known = object.__new__, FailedReference
    try:
        for reference, item in zip(references, items, strict=True):
            (reason,) = item[REASON]["Value"]
            if reason.__class__ is not int:
                return None
            made = new(known)
            fields = made.__dict__
            fields["reference"] = reference
            fields["reason"] = reason
            found.append(made)
    except (TypeError, KeyError, ValueError):
        return None
    return found, items


def _items(attribute: Any) -> list[dict[str, Any]] | None:
    if attribute.__class__ is not dict or attribute.get("vr") != "SQ":
        return None
    values = attribute.get("Value")
    return values if isinstance(values, list) and values else None


def _references(items: list[Any], size: int) -> list[Reference] | None:
    """The references; a frozen value is filled as ``__init__`` would, at a third of the time, which counts 100,000 times."""
    found: list[Reference] = []
    new, known, add, padding = object.__new__, Reference, found.append, _PADDING
    try:
        for item in items:
            first, second = item[SOP_CLASS], item[SOP_INSTANCE]
            (sop_class,), (instance,) = first["Value"], second["Value"]
            if (
                sop_class.__class__ is not str
                or instance.__class__ is not str
                or not sop_class
                or not instance
                or first["vr"] != "UI"
                or second["vr"] != "UI"
                or len(item) != size
                or instance[-1] in padding
                or sop_class[-1] in padding
            ):
                return None
            made = new(known)
            fields = made.__dict__
            fields["sop_class_uid"] = sop_class
            fields["sop_instance_uid"] = instance
            fields["study_instance_uid"] = fields["series_instance_uid"] = None
            add(made)
    except (TypeError, KeyError, ValueError):
        return None
    return found
