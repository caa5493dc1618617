"""What the tables are filled from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stgcmt_reports.statement.cells import Declared
from stgcmt_reports.statement.observed import FaceSeen
from stgcmt_reports.statement.seen_dimse import DimseSeen
from stgcmt_reports.statement.seen_web import WebSeen


@dataclass(frozen=True)
class Context:
    """One run: the edition's data, the SUT's roles, what was seen of each face, what the vendor states, the SUT file."""

    data: Mapping[str, Any]
    roles: tuple[str, ...]
    faces: Mapping[str, FaceSeen]
    declared: Declared
    claims: Mapping[str, Any]
    sut: Mapping[str, Any]

    @property
    def dimse(self) -> dict[str, DimseSeen]:
        """The DIMSE faces."""
        return {face: seen for face, seen in self.faces.items() if isinstance(seen, DimseSeen)}

    @property
    def web(self) -> dict[str, WebSeen]:
        """The DICOMweb faces."""
        return {face: seen for face, seen in self.faces.items() if isinstance(seen, WebSeen)}

    def applies(self, section: Mapping[str, Any]) -> bool:
        """Whether a section speaks of something that the SUT does."""
        if section.get("proxies"):
            return any(len(self.data["roles"].get(role, ())) > 1 for role in self.roles)
        if face := section.get("face"):
            return face in self.faces
        service = section.get("service")
        return bool({"dimse": self.dimse, "web": self.web}.get(service, True)) if service else True

    def value(self, path: str) -> Any:
        """A claim elsewhere in the SUT file; ``None`` where the vendor states nothing."""
        node: Any = self.claims
        for part in path.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return None
            node = node[part]
        return node

    def claimed(self, path: str, template: str = "{}", words: Mapping[str, str] | None = None) -> str | None:
        """A claim as text; ``words`` says what each value means, and other values then say nothing of the cell."""
        node = self.value(path)
        if node is None:
            return None
        if words is not None:
            return words.get(_one(node))
        if isinstance(node, (list, tuple)):
            node = ", ".join(_one(each) for each in node) or "none"
        return template.format(_one(node))


def _one(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
