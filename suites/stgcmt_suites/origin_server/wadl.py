"""A capabilities description in WADL, read for judging (PS3.18 Annex H). Nothing raises on any bytes."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True)
class Wadl:
    """What matters of a description: its root, the base of each ``resources``, and methods by path."""

    root: str = ""
    bases: tuple[str, ...] = ()
    methods: tuple[tuple[str, str], ...] = ()
    problem: str = ""

    def methods_of(self, resource: str) -> set[str]:
        """The methods of a resource and of what lies below it; the standard leaves the nesting open."""
        return {name for path, name in self.methods if resource in path.split("/")}


def read_wadl(data: bytes) -> Wadl:
    """Read a description; elements by local name."""
    if b"<!DOCTYPE" in data:  # entities of a peer are not expanded
        return Wadl(problem="a document type declaration")
    try:
        root = ET.fromstring(data)  # noqa: S314 - declarations are refused above
    except (ET.ParseError, ValueError, LookupError) as error:
        return Wadl(problem=f"no well-formed XML: {error}")
    named = {child.get("id", ""): child.get("name", "") for child in root.iter() if _local(child) == "method"}
    groups = [child for child in root.iter() if _local(child) == "resources"]
    methods: list[tuple[str, str]] = []
    open_ones = [(group, "") for group in groups]
    while open_ones:
        element, path = open_ones.pop()
        for child in element:
            if _local(child) == "resource":
                open_ones.append((child, f"{path}/{child.get('path', '').strip('/')}"))
            elif _local(child) == "method":
                linked = named.get(child.get("href", "").removeprefix("#"), "")  # a method may stand elsewhere
                methods.append((path, (child.get("name") or linked).upper()))
    return Wadl(_local(root), tuple(group.get("base", "") for group in groups), tuple(methods))


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
