"""Bodies with one defect each: native XML and multipart that cannot be read, UIDs that are none, parts in a loose form.

Each is made from a body that a control exchange shows to be taken. Nothing here depends on a library's healing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stgcmt.wire import multipart, native_xml
from stgcmt_suites.origin_server.requests import JSON, MALFORMED, XML, Json, body, deep_put, flat_put, uid

MULTI_JSON = f'multipart/related; type="{JSON}"'
MULTI_XML = f'multipart/related; type="{XML}"'
BOUNDARY = "stgcmt-part"
WRAPPED = f"{MULTI_JSON}; boundary={BOUNDARY}"
Body = tuple[str, bytes]  # Content-Type and content

# Modules whose defect is told in XML as well as in JSON.
_MODULES = ("no-sequence", "instance-absent", "class-empty", "item-empty", "deep-instance-absent")


def damaged_xml(module: Json, deep: Json) -> Mapping[str, bytes]:
    """Bodies that are no Native DICOM Model, or one that is no request module; made from a flat and a hierarchical one."""
    whole = native_xml.dump(module)
    broken = {
        "truncated": whole[: len(whole) // 2],
        "no-xml": b"this is not XML",
        "no-body": b"",
        "json": body(module),
        "wrong-end-tag": whole.replace(b"</DicomAttribute>", b"</DicomAttribut>", 1),
        "two-roots": whole + whole.partition(b"?>")[2],
        "other-root": whole.replace(b"NativeDicomModel", b"ForeignModel"),
        "not-utf-8": whole.replace(b"</Value>", b"\xe9</Value>", 1),
        "no-tag": whole.replace(b'tag="00081199" ', b"", 1),
    }
    return broken | {name: native_xml.dump(MALFORMED[name](module, deep)) for name in _MODULES}


def wrapped(*contents: bytes, kind: str = JSON) -> bytes:
    """A multipart body with these parts."""
    return multipart.join([(kind, content) for content in contents], BOUNDARY)


def damaged_multipart(module: Json) -> Mapping[str, Body]:
    """Multipart bodies in which no request module is to be found."""
    plain = body(module)
    whole = wrapped(plain)
    return {
        "no-boundary": (MULTI_JSON, whole),
        "other-boundary": (f"{MULTI_JSON}; boundary=elsewhere", whole),
        "no-body": (WRAPPED, b""),
        "no-part": (WRAPPED, f"--{BOUNDARY}--\r\n".encode()),
        "no-delimiter": (WRAPPED, plain),
        "no-blank-line": (WRAPPED, whole.replace(b"\r\n\r\n", b"\r\n", 1)),
        "cut-off": (WRAPPED, whole[: whole.index(plain) + len(plain) // 2]),
        "truncated-json": (WRAPPED, wrapped(plain[: len(plain) // 2])),
        "no-module": (WRAPPED, wrapped(body(MALFORMED["instance-absent"](module, {})))),
    }


def loose_multipart(module: Json) -> Mapping[str, Body]:
    """Multipart bodies that break a rule, and whose module a lenient reader finds all the same.

    An example of the standard itself leaves out the closing delimiter and the Content-Type of parts (PS3.18 B.29).
    """
    plain = body(module)
    whole = wrapped(plain)
    return {
        "not-closed": (WRAPPED, whole.removesuffix(f"--{BOUNDARY}--\r\n".encode())),
        "untyped-part": (WRAPPED, whole.replace(f"Content-Type: {JSON}\r\n".encode(), b"", 1)),
        "no-type": (f"multipart/related; boundary={BOUNDARY}", whole),
        "other-type": (f"{MULTI_XML}; boundary={BOUNDARY}", whole),
    }


def _uid_of(tag: str, change: Callable[[str], str], *path: str) -> Callable[[Json, Json], Any]:
    """The attribute ``tag`` with a value that is no UID, made from its value."""

    def put(item: Json) -> Any:
        return item.update({tag: uid(change(item[tag]["Value"][0]))})

    return deep_put(put, *path) if path else flat_put(put)


# Values of VR UI that are no UID (PS3.5 9.1): name -> (a flat module, a hierarchical module) -> the module.
INVALID_UIDS: Mapping[str, Callable[[Json, Json], Any]] = {
    "class-letters": _uid_of("00081150", lambda _: "CT Image Storage"),
    "instance-letters": _uid_of("00081155", lambda value: value[:-1] + "x"),
    "instance-leading-zero": _uid_of("00081155", lambda value: f"{value[:40]}.012"),
    "instance-too-long": _uid_of("00081155", lambda value: f"{value}.{'1' * 64}"),
    "instance-double-dot": _uid_of("00081155", lambda value: value.replace(".", "..", 1)),
    "study-letters": _uid_of("0020000D", lambda value: value[:-1] + "x", "00081110"),
    "series-letters": _uid_of("0020000E", lambda value: value[:-1] + "x", "00081110", "00081115"),
}
