"""Action and Event Information of the Push Model (PS3.4 Tables J.3-1, J.3-2; PS3.3 C.14), as they were sent.

Total on any bytes: what cannot be read is absent from the value and named in ``problems``. Reading stands on the raw
tree of the data set, so that an empty element differs from an absent one and a sequence without items from none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stgcmt.by_value import by_value
from stgcmt.wire.dataset import DataSet, Element, read, tag_text
from stgcmt_suites.commitment.references import FailedReference, Reference, Result

SMALL = 65_536  # bytes of a data set; what is read from larger ones is not kept
SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
RETRIEVE_AE_TITLE = 0x00080054
PERFORMED_STEP_SEQUENCE = 0x00081111  # Referenced Performed Procedure Step Sequence, retired from Table J.3-1
REF_CLASS, REF_INSTANCE = 0x00081150, 0x00081155
TRANSACTION_UID = 0x00081195
FAILURE_REASON = 0x00081197
FAILED_SEQUENCE, REF_SEQUENCE = 0x00081198, 0x00081199
FILE_SET_ID, FILE_SET_UID = 0x00880130, 0x00880140

DICTIONARY: Mapping[int, str] = {
    SOP_CLASS_UID: "UI",
    SOP_INSTANCE_UID: "UI",
    RETRIEVE_AE_TITLE: "AE",
    PERFORMED_STEP_SEQUENCE: "SQ",
    REF_CLASS: "UI",
    REF_INSTANCE: "UI",
    TRANSACTION_UID: "UI",
    FAILURE_REASON: "US",
    FAILED_SEQUENCE: "SQ",
    REF_SEQUENCE: "SQ",
    FILE_SET_ID: "SH",
    FILE_SET_UID: "UI",
    0x00080005: "CS",
    0x00080012: "DA",
    0x00080013: "TM",
    0x00080201: "SH",
}

NAMES: Mapping[int, str] = {
    SOP_CLASS_UID: "SOP Class UID",
    SOP_INSTANCE_UID: "SOP Instance UID",
    RETRIEVE_AE_TITLE: "Retrieve AE Title",
    REF_CLASS: "Referenced SOP Class UID",
    REF_INSTANCE: "Referenced SOP Instance UID",
    TRANSACTION_UID: "Transaction UID",
    FAILURE_REASON: "Failure Reason",
    FAILED_SEQUENCE: "Failed SOP Sequence",
    REF_SEQUENCE: "Referenced SOP Sequence",
    FILE_SET_ID: "Storage Media File-Set ID",
    FILE_SET_UID: "Storage Media File-Set UID",
}


@dataclass(frozen=True)
class Information:
    """The data set of an N-ACTION-RQ or N-EVENT-REPORT-RQ, read.

    ``transaction_uid`` is ``None`` where absent, ``""`` where empty. ``outside`` and ``inside`` are the tags found at
    the top and in items of the Referenced SOP Sequence; ``anywhere`` on any level. ``empty`` are the paths of elements
    without value (sequences apart), ``problems`` what could not be read.
    """

    transaction_uid: str | None = None
    result: Result = field(default_factory=Result)
    outside: frozenset[int] = frozenset()
    inside: frozenset[int] = frozenset()
    empty: tuple[str, ...] = ()
    anywhere: frozenset[int] = frozenset()
    data_set: DataSet = field(default_factory=DataSet)

    @property
    def references(self) -> tuple[Reference, ...]:
        """The items of the Referenced SOP Sequence in wire order."""
        return self.result.committed

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be read, with paths."""
        return self.result.problems

    def has(self, tag: int) -> bool:
        """Whether the attribute stands at the top, with or without a value."""
        return tag in self.outside

    def levels(self, *tags: int) -> tuple[bool, bool]:
        """Whether one of ``tags`` stands outside, and whether one stands inside the Referenced SOP Sequence."""
        return any(tag in self.outside for tag in tags), any(tag in self.inside for tag in tags)


def name_of(tag: int) -> str:
    """``Transaction UID (0008,1195)``; the bare tag where it is not one of the module's."""
    return f"{NAMES[tag]} {tag_text(tag)}" if tag in NAMES else tag_text(tag)


def read_information(data: bytes | None, transfer_syntax: str | None, events: tuple[int, ...] = ()) -> Information:
    """Read Action or Event Information; never raises. ``None`` (no data set was sent) gives the empty value."""
    if data is None:
        return Information(result=Result(problems=("there is no data set",), events=events))
    return _read(data, transfer_syntax, events)


@by_value(small=SMALL, kept=512)
def _read(data: bytes, transfer_syntax: str | None, events: tuple[int, ...]) -> Information:
    data_set = read(data, transfer_syntax or "", DICTIONARY)
    problems: list[str] = []
    committed = tuple(
        _reference(item, f"{tag_text(REF_SEQUENCE)}[{n}]", problems) for n, item in _items(data_set, REF_SEQUENCE)
    )
    failed = []
    for n, item in _items(data_set, FAILED_SEQUENCE):
        place = f"{tag_text(FAILED_SEQUENCE)}[{n}]"
        failed.append(FailedReference(_reference(item, place, problems), _reason(item, place, problems)))
    walked = list(data_set.walk())
    inside = {element.tag for item in data_set.items(REF_SEQUENCE) for element in item.elements}
    problems += [fault for fault in data_set.faults() if fault not in problems]
    return Information(
        transaction_uid=data_set.text(TRANSACTION_UID),
        result=Result(committed, tuple(failed), tuple(problems), events),
        outside=frozenset(element.tag for element in data_set.elements),
        inside=frozenset(inside),
        empty=tuple(path for path, element in walked if element.empty and not _is_sequence(element)),
        anywhere=frozenset(element.tag for _, element in walked),
        data_set=data_set,
    )


def _items(data_set: DataSet, tag: int) -> list[tuple[int, DataSet]]:
    """The items of every sequence with this tag (one that stands twice loses nothing), counted from 1."""
    found = [item for element in data_set.elements if element.tag == tag for item in element.items or ()]
    return list(enumerate(found, 1))


def _is_sequence(element: Element) -> bool:
    return element.items is not None or element.vr == "SQ"


def _reference(item: DataSet, place: str, problems: list[str]) -> Reference:
    problems += [
        f"{place}: {name_of(tag)} is absent or empty" for tag in (REF_CLASS, REF_INSTANCE) if not item.text(tag)
    ]
    return Reference(item.text(REF_CLASS) or "", item.text(REF_INSTANCE) or "")


def _reason(item: DataSet, place: str, problems: list[str]) -> int | None:
    element = item.get(FAILURE_REASON)
    if element is None:
        problems.append(f"{place}: {name_of(FAILURE_REASON)} is absent")
        return None
    reason = item.uint16(FAILURE_REASON)
    if reason is None or element.vr not in {"US", None}:
        problems.append(
            f"{place}: {name_of(FAILURE_REASON)} is no single US value: VR {element.vr}, {len(element.value)} bytes"
        )
        return None
    return reason
