"""Modules as bytes and back: DICOM JSON by pydicom, native XML by ElementTree, multipart/related by ``email``.

Nothing here is shared with the side that judges. Reading refuses with 400 what is malformed and with 415 what is of
another media type; writing offers the seams where faults distort one thing each.
"""

from __future__ import annotations

import email
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from email.errors import CloseBoundaryNotFoundDefect
from email.message import Message
from typing import Any
from xml.etree import ElementTree as ET

from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag

from stgcmt.by_value import by_value
from stgcmt_suites.origin_server import large
from stgcmt_suites.origin_server.large import LARGE_BYTES
from stgcmt_suites.origin_server.modules import REQUEST_VRS, Module, is_uid
from stgcmt_suites.origin_server.negotiate import JSON, RELATED, XML, MediaType, Offer, RefusalError, parse

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_KEY = re.compile(r"[0-9A-F]{8}")
_VRS = frozenset(re.findall("..", "AEASATCSDADSDTFLFDISLOLTOBODOFOLOVOWPNSHSLSQSSSTSVTMUCUIULUNURUSUTUV"))


# --- reading ----------------------------------------------------------------------------------------------------------


def read(content_type: str | None, body: bytes, faults: Collection[str] = ()) -> list[Module]:
    """The modules that a request body carries: one, or one per part. Raises ``RefusalError`` with 400 or 415."""
    if content_type is None and "untyped-as-json" in faults:
        content_type = JSON
    found = parse(content_type) if content_type else None
    if found is None and "untyped-as-400" in faults:
        raise RefusalError(400, "The payload has no Content-Type that can be read.")
    if found is None:
        raise RefusalError(415, "The payload has no Content-Type that can be read.")
    if found.name == RELATED:
        if "multipart-requests-refused" in faults:
            raise RefusalError(415, f"Payloads are {JSON} or {XML}.")
        return [_module(kind, part, faults) for kind, part in _parts(found, content_type or "", body, faults)]
    return [_module(found, body, faults)]


def _module(kind: MediaType, body: bytes, faults: Collection[str]) -> Module:
    if kind.parameters.get("charset", "utf-8").lower() not in ("utf-8", "us-ascii"):
        raise RefusalError(415, "Payloads are encoded in UTF-8.")
    if kind.name == JSON:
        return _from_json(body, faults)
    if kind.name == XML and "xml-requests-refused" not in faults:
        return _from_xml(body)
    raise RefusalError(415, f"The media type {kind.name} is not supported; payloads are {JSON} or {XML}.")


def split(content_type: str, body: bytes, faults: Collection[str] = ()) -> list[tuple[Mapping[str, str], bytes]]:
    """Header fields (names in lower case) and content of each part of a multipart body; raises ``RefusalError``."""
    defects, parts = _taken_apart(content_type, body)
    if parts is None:
        raise RefusalError(400, "The multipart payload has no part, or its Content-Type no boundary.")
    for defect in defects:
        if not (defect == CloseBoundaryNotFoundDefect.__name__ and "lenient-multipart" in faults):
            raise RefusalError(400, f"The multipart payload is malformed: {defect}.")
    found: list[tuple[Mapping[str, str], bytes]] = []
    for fields, content in parts:
        if content is None:
            raise RefusalError(400, "A part of the payload is a multipart itself.")
        found.append((fields, content))
    return found


@by_value()
def _taken_apart(
    content_type: str, body: bytes
) -> tuple[tuple[str, ...], tuple[tuple[Mapping[str, str], bytes | None], ...] | None]:
    """What ``email`` finds: names of defects, and the parts, ``None`` for the content of one that is a multipart itself."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body)
    defects = tuple(type(defect).__name__ for defect in message.defects)
    if not message.is_multipart():
        return defects, None
    parts = []
    for part in message.get_payload():
        if not isinstance(part, Message):  # pragma: no cover - only to narrow the type
            continue
        content = part.get_payload(decode=True)
        fields = {name.lower(): str(value) for name, value in part.items()}
        parts.append((fields, content if isinstance(content, bytes) else None))
    return defects, tuple(parts)


def _parts(root: MediaType, content_type: str, body: bytes, faults: Collection[str]) -> list[tuple[MediaType, bytes]]:
    wanted = root.parameters.get("type", "").lower()
    if "lenient-multipart" in faults:  # what a part says counts, or else what the whole says
        parts = split(content_type, body, faults)
        return [(parse(headers.get("content-type", "")) or MediaType(wanted), content) for headers, content in parts]
    if wanted not in (JSON, XML):
        raise RefusalError(415 if wanted else 400, f"{RELATED} needs the parameter type with {JSON} or {XML}.")
    found = []
    for headers, content in split(content_type, body):
        kind = parse(headers.get("content-type", ""))
        if kind is None:
            raise RefusalError(400, "A part has no Content-Type.")
        if kind.name != wanted:
            raise RefusalError(400, f"A part is {kind.name}, the parameter type says {wanted}.")
        found.append((kind, content))
    return found


def _from_json(body: bytes, faults: Collection[str]) -> Module:
    try:
        # Strictly UTF-8 first: json.loads(bytes) would take UTF-16 and a byte order mark.
        tree = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
        checked = _checked(tree, faults)
        return Dataset.from_json(checked) if len(body) < LARGE_BYTES else large.tree(checked)
    except RefusalError:
        raise
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise RefusalError(400, f"The payload is no JSON in UTF-8: {error}") from error
    except Exception as error:
        raise RefusalError(400, f"The payload is no DICOM JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RefusalError(400, "A JSON object has two members of one name.")
    return found


def _no_constant(name: str) -> Any:
    raise RefusalError(400, f"{name} is no JSON.")


def _checked(tree: Any, faults: Collection[str]) -> dict[str, Any]:
    """The attributes of a request module in a data set of the DICOM JSON model (F.2); the others are ignored.

    Refuses what the model does not allow: keys, ``vr``, more than one kind of value, values that are not of the VR.
    """
    if not isinstance(tree, dict):
        raise RefusalError(400, "A data set is a JSON object.")
    found: dict[str, Any] = {}
    for key, attribute in tree.items():
        if not _KEY.fullmatch(key):
            raise RefusalError(400, f"{key!r} is no tag of eight upper case hexadecimal digits.")
        if not isinstance(attribute, dict) or attribute.get("vr") not in _VRS:
            raise RefusalError(400, f"{key} has no vr.")
        values = attribute.get("Value", [])
        if not isinstance(values, list):
            raise RefusalError(400, f"The Value of {key} is no array.")
        if len({"Value", "BulkDataURI", "InlineBinary"} & attribute.keys()) > 1:
            raise RefusalError(400, f"{key} has more than one kind of value.")
        if int(key, 16) not in REQUEST_VRS:
            continue
        vr = attribute["vr"]
        _check_attribute(key, vr, values, faults)
        found[key] = {"vr": vr, "Value": [_checked(value, faults) for value in values] if vr == "SQ" else values}
    return found


def _check_attribute(key: str, vr: str, values: list[Any], faults: Collection[str] = ()) -> None:
    """That an attribute of a request module has its VR and, where there are any, valid UIDs."""
    expected = REQUEST_VRS[int(key, 16)]
    if vr != expected:
        raise RefusalError(400, f"{key} has the VR {vr}, not {expected}.")
    unchecked = "invalid-uids-accepted" in faults and all(isinstance(value, str) for value in values)
    if vr == "UI" and not unchecked and not all(is_uid(value) for value in values):
        raise RefusalError(400, f"A value of {key} is no UID.")


class _Builder(ET.TreeBuilder):
    """A tree without document type: no entities, so nothing can be expanded or fetched."""

    def doctype(self, *_: object) -> None:
        raise RefusalError(400, "The payload has a document type declaration.")


def _from_xml(body: bytes) -> Dataset:
    try:
        root = ET.fromstring(body, parser=ET.XMLParser(target=_Builder()))  # noqa: S314 - no document type gets through
    except (ET.ParseError, LookupError, ValueError) as error:
        raise RefusalError(400, f"The payload is no XML: {error}") from error
    if _local(root.tag) != "NativeDicomModel":
        raise RefusalError(400, "The root of the payload is no NativeDicomModel.")
    try:
        return _from_element(root)
    except RecursionError as error:
        raise RefusalError(400, "The payload is nested too deeply.") from error


def _from_element(parent: ET.Element) -> Dataset:
    ds = Dataset()
    for child in parent:
        if _local(child.tag) != "DicomAttribute":
            raise RefusalError(400, f"{_local(child.tag)} stands where attributes stand.")
        attributes = {name.lower(): value for name, value in child.attrib.items()}
        tag, vr = attributes.get("tag", ""), attributes.get("vr", "")
        if not re.fullmatch(r"[0-9A-Fa-f]{8}", tag) or vr not in _VRS:
            raise RefusalError(400, f"An attribute has the tag {tag!r} and the vr {vr!r}.")
        if int(tag, 16) in ds:
            raise RefusalError(400, f"The attribute {tag} is there twice.")
        if int(tag, 16) not in REQUEST_VRS:
            continue
        items: list[Any]
        if vr == "SQ":
            items = [_from_element(item) for item in child if _local(item.tag) == "Item"]
        else:
            items = [(value.text or "").strip() for value in child if _local(value.tag) == "Value"]
        _check_attribute(tag, vr, items)
        ds.add_new(int(tag, 16), vr, items)
    return ds


def _local(name: str) -> str:
    return name.rpartition("}")[2]


# --- writing ----------------------------------------------------------------------------------------------------------


def write(offer: Offer, module: Dataset, location: str, faults: Collection[str] = ()) -> tuple[str, bytes]:
    """Content-Type and bytes of a response module in a representation; ``location`` names the resource in parts."""
    content = to_json(module, faults) if offer.part == JSON else to_xml(module, faults)
    if "free-spelling" in faults and not offer.multipart:
        return offer.part.replace("application/dicom", "Application/DICOM") + ';Charset="UTF-8"', content
    if "multipart-under-single-type" in faults and not offer.multipart:
        return offer.part, packed(offer.part, content, location)[1]
    return packed(offer.part, content, location, faults) if offer.multipart else (offer.part, content)


def packed(kind: str, content: bytes, location: str, faults: Collection[str] = ()) -> tuple[str, bytes]:
    """One part in multipart/related: Content-Type with boundary, and the body (8.6.1.2)."""
    boundary = "stgcmt-part"
    if "ornate-multipart" in faults:
        return _ornate(kind, content, location)
    while boundary.encode() in content:
        boundary += "-"
    head = [f"Content-Type: {kind}", f"Content-Length: {len(content)}", f"Content-Location: {location}"]
    if "part-without-length" in faults:
        del head[1]
    if "part-without-type" in faults:
        del head[0]
    end = b"" if "multipart-not-closed" in faults else f"--{boundary}--\r\n".encode()
    body = f"--{boundary}\r\n".encode() + "\r\n".join(head).encode() + b"\r\n\r\n" + content + b"\r\n" + end
    root = "" if "multipart-without-type" in faults else f'type="{kind}"; '
    return f"{RELATED}; {root}boundary={boundary}", body


def _ornate(kind: str, content: bytes, location: str) -> tuple[str, bytes]:
    """Preamble, epilogue, padding after delimiters, a boundary that needs quotes, other case and order (RFC 2046 5.1)."""
    boundary = "=_Part 1 (of 1):?="
    head = (
        f"content-location: {location}\r\nMIME-Version: 1.0\r\ncontent-type:{kind}\r\nCONTENT-LENGTH:  {len(content)}"
    )
    start = f"This is a message in several parts.\r\n--{boundary} \t\r\n{head}\r\n\r\n"
    body = start.encode() + content + f"\r\n--{boundary}-- \r\nThe end.\r\n".encode()
    return f'Multipart/Related;boundary="{boundary}"; START-INFO="x" ; Type="{kind}"', body


def to_json(module: Dataset, faults: Collection[str] = ()) -> bytes:
    """A module in DICOM JSON: UTF-8, keys in ascending order."""
    tree = _pruned(module.to_json_dict())
    for name, distort in _TREES.items():
        if name in faults:
            tree = distort(tree)
    text = json.dumps(tree, separators=(",", ":"))
    if "spaced-json" in faults:  # dots stand in UIDs alone
        text = (
            json.dumps(tree, indent="\t", separators=(" ,", " : ")).replace("\n", "\r\n").replace(".", "\\u002E") + "\n"
        )
    if "duplicate-keys" in faults and tree:
        key = next(iter(tree))
        text = f'{{"{key}":{json.dumps(tree[key])},{text[1:]}'
    if "array-result" in faults:
        text = f"[{text}]"
    if "utf-16" in faults:
        return text.encode("utf-16-le")
    return (b"\xef\xbb\xbf" if "bom" in faults else b"") + text.encode("utf-8")


def _pruned(tree: dict[str, Any]) -> dict[str, Any]:
    """In ascending order (pydicom keeps the order of assignment), and without empty arrays (F.2.5)."""
    for attribute in tree.values():
        if attribute["vr"] == "SQ":
            attribute["Value"] = [_pruned(item) for item in attribute.get("Value", [])]
        if not attribute.get("Value", True):
            del attribute["Value"]
    return dict(sorted(tree.items()))


Json = dict[str, Any]


def _everywhere(change: Callable[[Iterable[tuple[str, Any]]], Iterable[tuple[str, Any]]]) -> Callable[[Json], Json]:
    """Change the (key, attribute) pairs of a data set and of every item in it."""

    def apply(tree: Json) -> Json:
        pairs = []
        for key, attribute in tree.items():
            nested = attribute.get("vr") == "SQ" and "Value" in attribute
            items = {"Value": [apply(item) for item in attribute["Value"]]} if nested else {}
            pairs.append((key, {**attribute, **items}))
        return dict(change(pairs))

    return apply


def _reason(change: Callable[[int], Json]) -> Callable[[Json], Json]:
    return _everywhere(
        lambda pairs: [(key, change(value["Value"][0]) if key == "00081197" else value) for key, value in pairs]
    )


def _uids(change: Callable[[str], Any]) -> Callable[[Json], Json]:
    return _everywhere(
        lambda pairs: [
            (key, {**value, "Value": [change(each) for each in value["Value"]]} if value["vr"] == "UI" else value)
            for key, value in pairs
        ]
    )


_TREES: Mapping[str, Callable[[Json], Json]] = {
    "keys-out-of-order": _everywhere(lambda pairs: reversed(list(pairs))),
    "lower-case-keys": _everywhere(lambda pairs: [(key.lower(), value) for key, value in pairs]),
    "keywords-as-keys": _everywhere(lambda pairs: [(keyword_for_tag(key), value) for key, value in pairs]),
    "no-vr": _everywhere(lambda pairs: [(key, _without(value, "vr")) for key, value in pairs]),
    "group-length": lambda tree: {"00080000": {"vr": "UL", "Value": [1]}, **tree},
    "empty-value-array": lambda tree: {"00080054": {"vr": "AE", "Value": []}, **tree},
    "person-name": lambda tree: {**tree, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Nobody"}]}},
    "reason-as-string": _reason(lambda reason: {"vr": "US", "Value": [str(reason)]}),
    "reason-as-float": _reason(lambda reason: {"vr": "US", "Value": [float(reason)]}),
    "reason-wrong-vr": _reason(lambda reason: {"vr": "SS", "Value": [reason]}),
    "uids-padded": _uids(lambda uid: uid + "\0"),
    "unknown-member": _everywhere(lambda pairs: [(key, {**value, "name": "x"}) for key, value in pairs]),
}


def _without(attribute: Json, member: str) -> Json:
    return {key: value for key, value in attribute.items() if key != member}


def to_xml(module: Dataset, faults: Collection[str] = ()) -> bytes:
    """A module as NativeDicomModel (PS3.19 A.1)."""
    attributes = {} if "xml-without-namespace" in faults else {"xmlns": NAMESPACE}
    name = "DicomModel" if "xml-other-root" in faults else "NativeDicomModel"
    root = ET.Element(name, {**attributes, "xml:space": "preserve"})
    _to_element(root, module, faults)
    if "prefixed-xml" in faults:
        return _prefixed(root)
    content: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content


def _prefixed(root: ET.Element) -> bytes:
    """The same infoset: a prefix for the namespace, no declaration, a comment, line ends between elements."""
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode").replace(' xmlns="', ' xmlns:d="')
    return b"<!-- a result -->\r\n" + re.sub(r"<(/?)(?=\w)", r"<\1d:", text).encode()


def _to_element(parent: ET.Element, ds: Dataset, faults: Collection[str]) -> None:
    upper = "xml-upper-case-names" in faults
    for element in ds:
        tag = f"{element.tag:08X}"
        names = {"tag": tag.lower() if "xml-lower-case-tags" in faults else tag, "vr": element.VR}
        names["keyword"] = element.keyword
        if upper:
            names = {{"tag": "Tag", "vr": "VR", "keyword": "Keyword"}[name]: value for name, value in names.items()}
        child = ET.SubElement(parent, "DicomAttribute", names)
        start = 2 if "xml-numbers-from-two" in faults else 1
        if element.VR == "SQ":
            for number, item in enumerate(element.value, start):
                _to_element(ET.SubElement(child, "Item", {"number": str(number)}), item, faults)
        else:
            for number, text in enumerate(_texts(element, faults), start):
                ET.SubElement(child, "Value", {"number": str(number)}).text = text


def _texts(element: DataElement, faults: Collection[str]) -> list[str]:
    if element.VM == 0:
        return []
    values = [element.value] if element.VM == 1 else list(element.value)
    hexadecimal = "xml-reason-hexadecimal" in faults and element.VR == "US"
    return [f"{each:#06x}" if hexadecimal else str(each) for each in values]
