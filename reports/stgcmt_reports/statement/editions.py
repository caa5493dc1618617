"""Numbers, headings and points of a conformance statement, by edition of the standard: data files beside this module."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

EDITIONS = ("2024e", "2025a")  # the editions that have a data file, oldest first


@functools.cache
def load(edition: str) -> Mapping[str, Any]:
    """The data of an edition that has a file; raises ``KeyError`` for another."""
    if edition not in EDITIONS:
        raise KeyError(edition)
    data = tomllib.loads(files("stgcmt_reports").joinpath("statement", "data", f"{edition}.toml").read_text("utf-8"))
    base = data.pop("base", None)
    return _over(load(base), data) if base else data


def fitting(edition: str | None) -> Mapping[str, Any]:
    """The data for an edition: its own, that of the newest one before it, else the oldest; the newest where none is named."""
    if edition is None:
        return load(EDITIONS[-1])
    return load(max((each for each in EDITIONS if each <= edition), default=EDITIONS[0]))


def _over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``changes`` on top of ``base``, tables merged."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
