"""Request modules written and response modules read, with pydicom and ElementTree alone: the judge has its own reader."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from pydicom import Dataset

from stgcmt.by_value import by_value
from stgcmt_suites.commitment.remembered import Remembered
from stgcmt_suites.user_agent.outbox import Held
from stgcmt_suites.user_agent.sending import Answer
from stgcmt_suites.user_agent.settings import JSON, XML, Settings

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
BOUNDARY = "commitment-request-module"
REFERENCES = 32_768  # in all the payloads that are kept


class UnreadableError(ValueError):
    """A payload is no response module."""


@dataclass(frozen=True)
class Read:
    """What a response module says of instances."""

    committed: frozenset[str]
    failed: frozenset[str]


# --- writing --------------------------------------------------------------------------------------------------------------


def request_payload(held: Sequence[Held], chosen: Settings) -> tuple[str, bytes]:
    """Content-Type and payload of a Request for these instances, in the form of the settings."""
    return _PAYLOADS.of(tuple(held), chosen.form, chosen.hierarchical, faults=chosen.faults, size=len(held))


def _payload(held: Sequence[Held], form: str, hierarchical: bool, faults: Collection[str]) -> tuple[str, bytes]:
    chosen = Settings(form=form, hierarchical=hierarchical, faults=faults)
    return written(request_module(held, chosen), chosen)


_PAYLOADS = Remembered(_payload, room=REFERENCES)


def request_module(held: Sequence[Held], chosen: Settings) -> Dataset:
    """The Storage Commitment Request Module (J.1) for these instances."""
    ds = Dataset()
    if chosen.hierarchical or chosen.faulty("both-structures"):
        ds.ReferencedStudySequence = [_study(uid, [each for each in held if each.study_instance_uid == uid])
                                      for uid in dict.fromkeys(each.study_instance_uid for each in held)]  # fmt: skip
    if not chosen.hierarchical or chosen.faulty("both-structures"):
        ds.ReferencedSOPSequence = [_flat(each, chosen) for each in held]
    if chosen.faulty("empty-second-structure"):
        ds.ReferencedStudySequence = []
    return ds


def _flat(held: Held, chosen: Settings) -> Dataset:
    item = Dataset()
    if not chosen.faulty("class-left-out"):
        item.ReferencedSOPClassUID = held.sop_class_uid
    item.ReferencedSOPInstanceUID = held.sop_instance_uid
    if chosen.faulty("foreign-attribute"):
        item.RetrieveAETitle = "SOMEWHERE"
    return item


def _study(uid: str, held: Sequence[Held]) -> Dataset:
    study = Dataset()
    study.StudyInstanceUID = uid
    study.ReferencedSeriesSequence = [
        _series(series, [each for each in held if each.series_instance_uid == series])
        for series in dict.fromkeys(each.series_instance_uid for each in held)
    ]
    return study


def _series(uid: str, held: Sequence[Held]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = uid
    series.ReferencedInstancesBySOPClassSequence = []
    for sop_class in dict.fromkeys(each.sop_class_uid for each in held):
        of_class = Dataset()
        of_class.ReferencedSOPClassUID = sop_class
        of_class.ReferencedInstanceSequence = [_leaf(each) for each in held if each.sop_class_uid == sop_class]
        series.ReferencedInstancesBySOPClassSequence.append(of_class)
    return series


def _leaf(held: Held) -> Dataset:
    leaf = Dataset()
    leaf.ReferencedSOPInstanceUID = held.sop_instance_uid
    return leaf


def written(ds: Dataset, chosen: Settings) -> tuple[str, bytes]:
    """Content-Type and payload of a module in the form of the settings."""
    kind = XML if chosen.form.endswith("xml") else JSON
    data = _xml(ds, chosen) if kind == XML else _json(ds, chosen)
    if not chosen.form.startswith("multipart"):
        return kind, data
    parts = [data, data] if chosen.faulty("two-representations") else [data]
    head = "" if chosen.faulty("part-without-type") else f"Content-Type: {kind}\r\n"
    if not chosen.faulty("part-without-length"):
        head += f"Content-Length: {len(data)}\r\n"
    mark = BOUNDARY.encode()
    body = b"".join(b"--" + mark + b"\r\n" + head.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    body = body[:-2] if chosen.faulty("multipart-not-closed") else body + b"--" + mark + b"--\r\n"
    inner = "" if chosen.faulty("multipart-without-type") else f'; type="{kind}"'
    return f"multipart/related{inner}; boundary={BOUNDARY}", body


def _json(ds: Dataset, chosen: Settings) -> bytes:
    value = _sorted(ds.to_json_dict())
    if chosen.faulty("keywords-for-tags"):
        value = {"ReferencedSOPSequence": next(iter(value.values()))}
    if chosen.faulty("no-vr"):
        value = _without_vr(value)
    if chosen.faulty("keys-descending"):
        value = _reversed(value)
    return json.dumps(value, separators=(",", ":")).encode("utf-8")


def _without_vr(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_vr(each) for key, each in value.items() if key != "vr" or isinstance(each, dict)}
    return [_without_vr(each) for each in value] if isinstance(value, list) else value


def _sorted(value: Any) -> Any:
    """Attributes in ascending order at every level: pydicom leaves items as they were filled."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in (value if "vr" in value else sorted(value))}
    return [_sorted(each) for each in value] if isinstance(value, list) else value


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in sorted(value, reverse=True)}
    return [_reversed(each) for each in value] if isinstance(value, list) else value


def _xml(ds: Dataset, chosen: Settings) -> bytes:
    root = ET.Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    _fill(root, ds, chosen)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _fill(parent: ET.Element, ds: Dataset, chosen: Settings) -> None:
    for element in ds:
        tag = f"{int(element.tag):08X}"
        shown = tag.lower() if chosen.faulty("lower-case-tags") else tag
        attribute = ET.SubElement(
            parent, "DicomAttribute", {"tag": shown, "vr": element.VR, "keyword": element.keyword}
        )
        if element.VR == "SQ":
            for number, item in enumerate(element.value, 1):
                _fill(ET.SubElement(attribute, "Item", {"number": str(number)}), item, chosen)
        else:
            ET.SubElement(attribute, "Value", {"number": "1"}).text = str(element.value)


# --- reading --------------------------------------------------------------------------------------------------------------


def read_result(answer: Answer) -> Read:
    """What a 200 says; raises ``UnreadableError`` for whatever is no response module."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == XML:
            return _read_xml(answer.body)
        if kind == JSON:
            return _read_json(answer.body)
    except UnreadableError:
        raise
    except Exception as error:  # whatever a library makes of it: it is no module
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    raise UnreadableError(f"Content-Type {kind or 'absent'}")


@by_value()
def _read_json(body: bytes) -> Read:
    value = json.loads(body.decode("utf-8"))
    if not isinstance(value, dict) or not value:
        raise UnreadableError("no data set")
    ds = Dataset.from_json(value)
    good = [*_leaves(ds, "ReferencedSOPSequence"), *_deep(ds, "ReferencedStudySequence")]
    bad = [*_leaves(ds, "FailedSOPSequence"), *_deep(ds, "FailedStudySequence")]
    if not good and not bad:
        raise UnreadableError("no instance is named")
    return Read(frozenset(good), frozenset(bad))


def _leaves(ds: Dataset, keyword: str) -> Iterator[str]:
    for item in ds.get(keyword) or ():
        yield str(item.ReferencedSOPInstanceUID)


def _deep(ds: Dataset, keyword: str) -> Iterator[str]:
    for study in ds.get(keyword) or ():
        for series in study.ReferencedSeriesSequence:
            for of_class in series.ReferencedInstancesBySOPClassSequence:
                yield from _leaves(of_class, "ReferencedInstanceSequence")


def _read_xml(body: bytes) -> Read:
    root = ET.fromstring(body)  # noqa: S314 - a reference of a test harness, on loopback
    good: set[str] = set()
    bad: set[str] = set()
    for attribute in root:
        found = {
            "00081199": good, "00081110": good, "00081198": bad, "0008119B": bad,
        }.get(attribute.get("tag", "").upper())  # fmt: skip
        if found is not None:
            found |= {
                (each[0].text or "").strip() for each in attribute.iter() if each.get("tag") == "00081155" and len(each)
            }
    if not good and not bad:
        raise UnreadableError("no instance is named")
    return Read(frozenset(good), frozenset(bad))
