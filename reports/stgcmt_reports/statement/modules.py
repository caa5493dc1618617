"""Commitment modules as far as a statement needs them: which instances, of which classes, failed for which reasons.

Reading is lenient: a body that cannot be read says nothing, and the verdicts on it stand elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt.views.association import Message
from stgcmt.wire import dicom_json, multipart, native_xml
from stgcmt.wire.http_fields import MediaType

REFERENCED_SOP, FAILED_SOP = 0x00081199, 0x00081198
SOP_CLASS, SOP_INSTANCE, REASON = 0x00081150, 0x00081155, 0x00081197
TRANSACTION_UID, RETRIEVE_AE = 0x00081195, 0x00080054
FILE_SET_ID, FILE_SET_UID = 0x00880130, 0x00880140
_DEEP_CLASS_SEQUENCE, _DEEP_INSTANCES = "00081112", "0008114A"
_LIMIT = 2_000_000  # bytes of one body: a larger one is a load test, and repeats what small ones say


@dataclass(frozen=True)
class Information:
    """What a request, a report or a result names. ``failed`` has the reason of each instance, ``None`` where unreadable.

    ``structure`` is flat, hierarchical, both or empty. ``outside`` and ``inside`` are the tags beside the lists and
    inside their items.
    """

    transaction_uid: str = ""
    committed: tuple[tuple[str, str], ...] = ()
    failed: tuple[tuple[str, str, int | None], ...] = ()
    structure: str = "empty"
    outside: frozenset[int] = frozenset()
    inside: frozenset[int] = frozenset()
    empty: frozenset[int] = frozenset()  # tags that are there without a value, somewhere
    studies: frozenset[tuple[str, str]] = frozenset()  # (SOP Instance UID, Study Instance UID), where a study is told

    @property
    def instances(self) -> frozenset[str]:
        """Every SOP Instance UID named."""
        return frozenset(each[1] for each in self.committed) | frozenset(each[1] for each in self.failed)

    @property
    def classes(self) -> frozenset[str]:
        """Every SOP Class UID named."""
        return frozenset(filter(None, (each[0] for each in self.committed))) | frozenset(
            filter(None, (each[0] for each in self.failed))
        )

    @property
    def reasons(self) -> tuple[int, ...]:
        """The Failure Reasons given, each once."""
        return tuple(dict.fromkeys(each[2] for each in self.failed if each[2] is not None))


def of_message(message: Message) -> Information:
    """The Action or Event Information of a DIMSE message."""
    if not 0 < message.size <= _LIMIT:
        return Information()
    data = message.data_set()
    committed: list[tuple[str, str]] = []
    failed: list[tuple[str, str, int | None]] = []
    inside: set[int] = set()
    for tag in (REFERENCED_SOP, FAILED_SOP):
        element = data.get(tag)
        for item in (element.items if element is not None else None) or ():
            inside |= {each.tag for each in item.elements}
            named = (_uid(item, SOP_CLASS), _uid(item, SOP_INSTANCE))
            if tag == REFERENCED_SOP:
                committed.append(named)
            else:
                failed.append((*named, item.uint16(REASON)))
    outside = frozenset(each.tag for each in data.elements)
    empty = frozenset(each.tag for _, each in data.walk() if each.items is None and not each.value.rstrip(b"\0 "))
    structure = "flat" if {REFERENCED_SOP, FAILED_SOP} & outside else "empty"
    return Information(
        _uid(data, TRANSACTION_UID), tuple(committed), tuple(failed), structure, outside, frozenset(inside), empty=empty
    )


def _uid(data: Any, tag: int) -> str:
    element = data.get(tag)
    return element.value.decode("latin-1").rstrip("\0 ") if element is not None else ""


def of_body(media_type: MediaType | None, body: bytes) -> Information:
    """The module in an HTTP body: DICOM JSON or native XML, alone or as the first part of several."""
    if not body or len(body) > _LIMIT:
        return Information()
    inner = media_type
    if media_type is not None and media_type.essence == "multipart/related":
        parts = multipart.split(body, media_type.param("boundary")).parts
        if not parts:
            return Information()
        inner, body = parts[0].media_type, parts[0].content
    xml = inner is not None and inner.essence.endswith("xml")
    value = native_xml.load(body).value if xml else dicom_json.load(body).value
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return _of_value(value) if isinstance(value, dict) else Information()


def _of_value(value: Mapping[str, Any]) -> Information:
    tree = {str(key).upper(): each for key, each in value.items()}
    committed: list[tuple[str, str]] = []
    failed: list[tuple[str, str, int | None]] = []
    inside: set[int] = set()
    studies: set[tuple[str, str]] = set()
    for tag, into_failed in (("00081199", False), ("00081198", True), ("00081110", False), ("0008119B", True)):
        for sop_class, study, item in _leaves(tree.get(tag), "", "", 4):  # study, series, class, instance
            if study:
                studies.add((_text(item.get("00081155")), study))
            inside |= {int(key, 16) for key in item if _is_tag(key)}
            named = (sop_class or _text(item.get("00081150")), _text(item.get("00081155")))
            if into_failed:
                failed.append((*named, _number(item.get("00081197"))))
            else:
                committed.append(named)
    flat, deep = bool({"00081199", "00081198"} & tree.keys()), bool({"00081110", "0008119B"} & tree.keys())
    structure = "both" if flat and deep else "flat" if flat else "hierarchical" if deep else "empty"
    outside = frozenset(int(key, 16) for key in tree if _is_tag(key))
    return Information(
        "", tuple(committed), tuple(failed), structure, outside, frozenset(inside), studies=frozenset(studies)
    )


def _leaves(attribute: Any, sop_class: str, study: str, depth: int) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The items that name an instance, each with the class and the study that stand above it."""
    for item in _items(attribute) if depth else ():
        if "00081155" in item:
            yield sop_class, study, item
            continue
        above, inside = _text(item.get("00081150")) or sop_class, _text(item.get("0020000D")) or study
        for tag in ("00081115", _DEEP_CLASS_SEQUENCE, _DEEP_INSTANCES):
            yield from _leaves(item.get(tag), above, inside, depth - 1)


def _items(attribute: Any) -> Iterator[Mapping[str, Any]]:
    values = attribute.get("Value") if isinstance(attribute, Mapping) else None
    for item in values if isinstance(values, list) else ():
        if isinstance(item, Mapping):
            yield {str(key).upper(): each for key, each in item.items()}


def _text(attribute: Any) -> str:
    values = attribute.get("Value") if isinstance(attribute, Mapping) else None
    return str(values[0]).rstrip("\0 ") if isinstance(values, list) and values else ""


def _number(attribute: Any) -> int | None:
    text = _text(attribute)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _is_tag(key: str) -> bool:
    return len(key) == 8 and all(char in "0123456789ABCDEFabcdef" for char in key)
