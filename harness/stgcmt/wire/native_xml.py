"""The Native DICOM Model (PS3.19 A.1) as it is, for judging: the data set in DICOM JSON form, and what is not in order.

Reading is lenient (elements by local name, attribute names in either case) and never raises; the encoding
rules that were broken are listed with their paths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

KINDS: Mapping[str, str] = {
    "not-xml": "the bytes are no well-formed XML",
    "doctype": "the document has a document type declaration",
    "root": "the root element is not NativeDicomModel",
    "namespace": "the elements are not in the namespace of the Native DICOM Model",
    "space": 'the root lacks xml:space="preserve"',
    "attribute-case": "an XML attribute name does not start with a lower-case letter",
    "element": "an element that the model does not have",
    "no-tag": "a DicomAttribute without a tag",
    "tag-form": "a tag is not eight upper-case hexadecimal digits",
    "no-vr": "a DicomAttribute without vr",
    "number": "Item or Value numbers do not run 1, 2, 3 …",
    "us-form": "the text of a US value is no decimal number",
    "too-deep": "nesting that no data set of this service has",
}
"""Every kind of problem, and what it says."""

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
MAX_DEPTH = 64
MAX_PROBLEMS = 1000
_TAG = re.compile(r"[0-9A-F]{8}\Z")
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_INTEGERS = frozenset({"US", "SS", "UL", "SL", "UV", "SV"})


@dataclass(frozen=True)
class XmlProblem:
    """One deviation: ``kind`` (a key of ``KINDS``), ``path``, what was seen."""

    kind: str
    path: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {KINDS[self.kind]}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class LoadedXml:
    """The data set in DICOM JSON form (``None`` where unreadable) and its problems."""

    value: Any
    problems: tuple[XmlProblem, ...] = ()


def load(data: bytes) -> LoadedXml:
    """Read a document; never raises."""
    if b"<!DOCTYPE" in data:  # no DICOM body has one, and entities of a peer are not expanded
        return LoadedXml(None, (XmlProblem("doctype", "/"),))
    try:
        root = ET.fromstring(data)  # noqa: S314 - declarations are refused above
    except (ET.ParseError, ValueError, LookupError) as error:
        return LoadedXml(None, (XmlProblem("not-xml", "/", str(error)),))
    reader = _Reader()
    return LoadedXml(reader.document(root), tuple(reader.problems))


@dataclass
class _Reader:
    problems: list[XmlProblem] = field(default_factory=list)
    foreign_namespace: bool = False

    def add(self, kind: str, path: str, detail: str = "") -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(XmlProblem(kind, path, detail))

    def document(self, root: ET.Element) -> Any:
        if _local(root) != "NativeDicomModel":
            self.add("root", "/", _local(root))
        if not root.tag.startswith(f"{{{NAMESPACE}}}"):
            self.add("namespace", "/")
        if root.get(_SPACE) != "preserve":
            self.add("space", "/")
        return self.data_set(root, f"/{_local(root)}", 0) if _local(root) == "NativeDicomModel" else None

    def data_set(self, element: ET.Element, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if depth > MAX_DEPTH:
            self.add("too-deep", path)
            return found
        for child in element:
            if _local(child) != "DicomAttribute":
                self.add("element", path, _local(child))
                continue
            members = self.members(child, path)
            tag = members.get("tag", "")
            here = f"{path}/{tag or '?'}"
            if not tag:
                self.add("no-tag", here)
                continue
            if not _TAG.match(tag):
                self.add("tag-form", here)
            if "vr" not in members:
                self.add("no-vr", here)
            found[tag] = self.attribute(child, members.get("vr"), here, depth)
        return found

    def members(self, element: ET.Element, path: str) -> dict[str, str]:
        """The XML attributes under lower-case names; upper case is told."""
        members: dict[str, str] = {}
        for name, value in element.attrib.items():
            if name.startswith("{"):
                continue
            if name[:1].isupper():
                self.add("attribute-case", path, name)
            members[name.lower()] = value
        return members

    def attribute(self, element: ET.Element, vr: str | None, path: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {"vr": vr} if vr is not None else {}
        values: list[Any] = []
        for position, child in enumerate(element, 1):
            kind = _local(child)
            if kind not in ("Item", "Value"):
                self.add("element", path, kind)
                continue
            number = self.members(child, path).get("number")
            if number != str(position):
                self.add("number", path, f"{kind} {position} has number {number!r}")
            if kind == "Item":
                values.append(self.data_set(child, f"{path}[{position}]", depth + 1))
            else:
                values.append(self.value(child.text or "", vr, path))
        if values:
            made["Value"] = values
        return made

    def value(self, text: str, vr: str | None, path: str) -> Any:
        if vr in _INTEGERS:
            if re.fullmatch(r"[+-]?[0-9]{1,20}", text):
                return int(text)
            self.add("us-form", path, text[:64])
        return text


def dump(value: Mapping[str, Any]) -> bytes:
    """A data set in DICOM JSON form as a document (sequences, UIDs and numbers, all that the service needs)."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">']
    lines += _written(value)
    return "".join([*lines, "</NativeDicomModel>"]).encode("utf-8")


def _written(data_set: Mapping[str, Any]) -> list[str]:
    from xml.sax.saxutils import escape, quoteattr  # noqa: PLC0415 - start-up: it brings urllib.request along

    lines: list[str] = []
    for tag, attribute in data_set.items():
        lines.append(f"<DicomAttribute tag={quoteattr(tag)} vr={quoteattr(str(attribute.get('vr', '')))}>")
        for number, value in enumerate(attribute.get("Value", ()), 1):
            if isinstance(value, Mapping):
                lines += [f'<Item number="{number}">', *_written(value), "</Item>"]
            else:
                lines.append(f'<Value number="{number}">{escape(str(value))}</Value>')
        lines.append("</DicomAttribute>")
    return lines


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
