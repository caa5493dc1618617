"""The JSON Schema of the SUT file: the engine's part, and the sections that the installed suites contribute.

A suite names its section by data alone, for instance ``{"$ref": "#/$defs/dimse_end_point"}``; beside ``$ref`` it may
give ``properties`` and ``required`` of its own. Every section also takes ``seeding``, ``retrieval``, ``provoke`` and ``modes``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stgcmt.data import schema

Schema = dict[str, Any]
COMMON = {
    "seeding": {"$ref": "#/$defs/seeding"},
    "retrieval": {"$ref": "#/$defs/retrieval"},
    "provoke": {"$ref": "#/$defs/provocations"},
    "trigger": {"$ref": "#/$defs/trigger"},
    "state": {"$ref": "#/$defs/provocation"},
}


def full_schema(
    sections: Mapping[str, Mapping[str, Any]], claims: Mapping[str, Mapping[str, Any]] | None = None
) -> Schema:
    """The schema of a SUT file for these roles; ``claims`` are the suites' schemas of ``[claims.ROLE]``."""
    full = schema("sut")
    properties: Schema = full["properties"]
    for role, contributed in sections.items():
        properties[role] = _section(dict(contributed), full["$defs"])
    stated: Schema = properties["claims"]
    for role, contributed in (claims or {}).items():
        if contributed:
            stated["properties"][role] = {"type": "object", **contributed}
    return full


def _section(contributed: Schema, defs: Mapping[str, Any]) -> Schema:
    """One role's section; a suite that contributes nothing takes any key."""
    base: Schema = {}
    if reference := contributed.pop("$ref", None):
        base = dict(defs[str(reference).rpartition("/")[2]])
    merged = base | contributed
    merged["properties"] = {**base.get("properties", {}), **contributed.get("properties", {})}
    merged["required"] = list(dict.fromkeys([*base.get("required", ()), *contributed.get("required", ())]))
    merged.setdefault("type", "object")
    if not contributed and not base:
        merged["properties"]["destinations"] = {"$ref": "#/$defs/destinations"}
    elif "additionalProperties" not in merged:
        merged["additionalProperties"] = False
    merged["properties"] |= COMMON
    mode = {key: value for key, value in merged.items() if key != "required"}
    mode["properties"] = {key: value for key, value in merged["properties"].items() if key != "destinations"}
    mode["description"] = "what differs from the section in this mode"
    modes = {"type": "object", "additionalProperties": mode, "description": "named configurations of the SUT"}
    return merged | {"properties": merged["properties"] | {"modes": modes}}


def resolve(node: Mapping[str, Any], full: Mapping[str, Any]) -> Mapping[str, Any]:
    """A node of the schema with its ``$ref`` followed."""
    reference = node.get("$ref")
    return full["$defs"][str(reference).rpartition("/")[2]] if reference else node


def tables_with(key: str, full: Mapping[str, Any]) -> tuple[str, ...]:
    """The tables in which ``key`` is valid, as dotted paths; ``""`` is the top."""
    return tuple(dict.fromkeys(path for path, names in _tables(full, full, ()) if key in names))


def _tables(
    node: Mapping[str, Any], full: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    node = resolve(node, full)
    if "items" in node:
        yield from _tables(node["items"], full, path)
    properties = node.get("properties")
    if properties is None or len(path) > 2:
        return
    yield ".".join(path), tuple(properties)
    for name, child in properties.items():
        if name != "modes":
            yield from _tables(child, full, (*path, name))
