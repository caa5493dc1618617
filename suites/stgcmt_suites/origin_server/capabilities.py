"""The Capabilities Description of the reference origin server (PS3.18 8.9, Annex H), as WADL and as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any
from xml.etree import ElementTree as ET

from stgcmt_suites.origin_server.negotiate import JSON, RELATED, WADL, XML

NAMESPACE = "http://wadl.dev.java.net/2009/02"
MEDIA_TYPES = (JSON, XML, f'{RELATED}; type="{JSON}"', f'{RELATED}; type="{XML}"')
CHARSETS = ("UTF-8", "US-ASCII")
REQUEST_STATUS = "200 202 400 401 406 409 413 415 503"
CHECK_STATUS = "200 202 401 404 406 410 503"
# name, method, path below the Base URI, statuses, with a payload in the request
_METHODS = (
    ("Request", "POST", "commitment-requests", REQUEST_STATUS, True),
    ("Result Check", "GET", "commitment-requests", CHECK_STATUS, False),
)


def describe(media_type: str, base: str, faults: Collection[str] = ()) -> bytes:
    """The Capabilities Description in one of its two media types; ``base``: the absolute Base URI."""
    methods = [each for each in _METHODS if f"capabilities-without-{each[0].lower().replace(' ', '-')}" not in faults]
    if "capabilities-without-commitment" in faults:
        methods = []
    if media_type == WADL:
        return _wadl(base, methods)
    return _json(base, methods)


def _wadl(base: str, methods: list[tuple[str, str, str, str, bool]]) -> bytes:
    root = ET.Element("application", {"xmlns": NAMESPACE})
    ET.SubElement(root, "doc", {"title": "Storage Commitment origin server"})
    resources = ET.SubElement(root, "resources", {"base": base})
    if methods:
        collection = ET.SubElement(resources, "resource", {"path": "commitment-requests"})
        member = ET.SubElement(collection, "resource", {"path": "{transactionUID}"})
        for name, value in (("transactionUID", "template"), ("accept", "query"), ("charset", "query")):
            ET.SubElement(member, "param", {"name": name, "style": value})
        for ident, method, _, statuses, with_payload in methods:
            _method(member, ident, method, statuses, with_payload=with_payload)
    studies = ET.SubElement(resources, "resource", {"path": "studies"})
    _method(studies, "Store Instances", "POST", "200 202 409", with_payload=False)
    content: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content


def _method(parent: ET.Element, ident: str, method: str, statuses: str, *, with_payload: bool) -> None:
    element = ET.SubElement(parent, "method", {"name": method, "id": ident.replace(" ", "")})
    request = ET.SubElement(element, "request")
    ET.SubElement(request, "param", {"name": "Accept", "style": "header", "required": "true"})
    if with_payload:
        for media_type in MEDIA_TYPES:
            ET.SubElement(request, "representation", {"mediaType": media_type})
    for status in statuses.split():
        answer = ET.SubElement(element, "response", {"status": status})
        if status == "200":
            for media_type in MEDIA_TYPES:
                ET.SubElement(answer, "representation", {"mediaType": media_type})


def _json(base: str, methods: list[tuple[str, str, str, str, bool]]) -> bytes:
    description: dict[str, Any] = {
        "base": base,
        "role": "origin server",
        "charsets": CHARSETS,
        "resources": [
            {
                "path": "commitment-requests/{transactionUID}",
                "methods": [
                    {"name": method, "id": ident, "statuses": [int(each) for each in statuses.split()]}
                    for ident, method, _, statuses, _ in methods
                ],
                "mediaTypes": MEDIA_TYPES,
                "queryParameters": ["accept", "charset"],
            }
        ]
        if methods
        else [],
    }
    return json.dumps(description, indent=1).encode()
