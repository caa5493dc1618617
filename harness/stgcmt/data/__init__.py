"""Files that ship with the engine: JSON Schemas and templates."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def schema(name: str) -> dict[str, Any]:
    """The shipped JSON Schema ``name`` (sut, results, transcript, known-issues, claims, ledger); raises ``FileNotFoundError``."""
    value: dict[str, Any] = json.loads(text(f"{name}.schema.json"))
    return value


def text(name: str) -> str:
    """A shipped file as text."""
    return files(__name__).joinpath(name).read_text("utf-8")
