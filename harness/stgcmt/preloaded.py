"""The file of UIDs that a SUT holds already: JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.sut import Preloaded

_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_COLUMNS = {
    "sop_class_uid": ("class", "sop_class", "sop_class_uid", "SOPClassUID"),
    "sop_instance_uid": ("instance", "sop_instance", "sop_instance_uid", "SOPInstanceUID"),
    "study_instance_uid": ("study", "study_instance_uid", "StudyInstanceUID"),
    "series_instance_uid": ("series", "series_instance_uid", "SeriesInstanceUID"),
}


def read_preloaded(path: Path) -> tuple[Preloaded, ...]:
    """The instances that a file names: a JSON list of objects, or CSV with a header line.

    Raises:
        ValueError: the file cannot be read, lacks a column, or holds what is no UID; the message names file and entry.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path.name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name}: not UTF-8") from error
    entries = (
        _json(path, text)
        if text.lstrip().startswith(("[", "{"))
        else list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    )
    if not entries:
        raise ValueError(f"{path.name}: no instance")
    return tuple(_instance(path, number, entry) for number, entry in enumerate(entries, 1))


def _json(path: Path, text: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path.name}: not JSON: {error}") from error
    if not isinstance(value, list):
        raise ValueError(f"{path.name}: {type(value).__name__} instead of a list of objects")  # noqa: TRY004 - one kind of error
    return value


def _instance(path: Path, number: int, entry: Any) -> Preloaded:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{path.name}: entry {number} is no object")  # noqa: TRY004 - one kind of error
    found: dict[str, str] = {}
    for name, columns in _COLUMNS.items():
        value = next((entry[column] for column in columns if entry.get(column)), None)
        if value is None:
            raise ValueError(f"{path.name}: entry {number} has no {columns[0]} (columns: {', '.join(map(str, entry))})")
        uid = str(value).strip()
        if len(uid) > 64 or not _UID.fullmatch(uid):  # PS3.5 9.1
            raise ValueError(f'{path.name}: entry {number}, {columns[0]}: "{uid}" is no UID')
        found[name] = uid
    return Preloaded(**found)
