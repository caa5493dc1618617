"""Action Information as the reference SCP reads it, with pydicom: once for the same bytes, whatever is made of it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stgcmt.by_value import by_value
from stgcmt.wire.uids import IMPLICIT_LE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

TRANSACTION_UID, REFERENCED_SEQUENCE, REFERENCED_CLASS, REFERENCED_INSTANCE = (
    0x00081195,
    0x00081199,
    0x00081150,
    0x00081155,
)
FILE_SET_ID, FILE_SET_UID, PERFORMED_STEP_SEQUENCE = 0x00880130, 0x00880140, 0x00081111

FileSet = tuple[str, str, str]  # SOP Instance UID or none, File-Set ID, File-Set UID
Item = tuple[str | None, str | None]  # SOP Class UID and SOP Instance UID


class UnreadableError(ValueError):
    """These bytes are no data set, or an attribute is not what its VR says."""


@dataclass(frozen=True)
class Parsed:
    """What a request says. ``None`` where an attribute is absent; a ``str`` where items or File-Sets cannot be read: why."""

    uid: str | None
    items: tuple[Item, ...] | str | None
    file_sets: tuple[FileSet, ...] | str
    names_file_set: bool
    names_performed_step: bool

    def readable_items(self) -> tuple[Item, ...] | None:
        """The references; raises ``UnreadableError``."""
        if isinstance(self.items, str):
            raise UnreadableError(self.items)
        return self.items

    def readable_file_sets(self) -> tuple[FileSet, ...]:
        """Which File-Set was named: for an instance, or for all of them (then without its UID); raises ``UnreadableError``."""
        if isinstance(self.file_sets, str):
            raise UnreadableError(self.file_sets)
        return self.file_sets


@by_value()
def parsed(data: bytes, transfer_syntax: str) -> Parsed:
    """Read the data set of a request; raises whatever pydicom raises where it is none."""
    from pydicom.filereader import read_dataset  # noqa: PLC0415 - start-up

    ds = read_dataset(io.BytesIO(data), is_implicit_VR=transfer_syntax == IMPLICIT_LE, is_little_endian=True)
    uid = _uid(ds, TRANSACTION_UID)
    try:
        found = list(ds[REFERENCED_SEQUENCE].value or []) if REFERENCED_SEQUENCE in ds else None
        items = (
            None if found is None else tuple((_uid(i, REFERENCED_CLASS), _uid(i, REFERENCED_INSTANCE)) for i in found)
        )
        file_set = any(tag in each for each in (ds, *(found or ())) for tag in (FILE_SET_ID, FILE_SET_UID))
    except Exception as error:  # noqa: BLE001 - a caller's bytes may break the reader in any way
        why = f"{type(error).__name__}: {error}"
        return Parsed(uid, why, why, names_file_set=False, names_performed_step=False)
    return Parsed(
        uid, items, _file_sets(ds, found or ()), names_file_set=file_set,
        names_performed_step=PERFORMED_STEP_SEQUENCE in ds,
    )  # fmt: skip


def _uid(ds: Dataset, tag: int) -> str | None:
    """The text of a UID without its padding."""
    if tag not in ds:
        return None
    value = ds.get_item(tag).value
    return value.decode("latin-1").rstrip("\0 ") if isinstance(value, bytes) else str(value or "")


def _file_sets(ds: Dataset, items: Sequence[Dataset]) -> tuple[FileSet, ...] | str:
    try:
        named = (("", ds), *((str(each.get(REFERENCED_INSTANCE).value), each) for each in items))
        return tuple(
            (uid, str(each[FILE_SET_ID].value), str(each[FILE_SET_UID].value))
            for uid, each in named
            if each.get(FILE_SET_ID) and each.get(FILE_SET_UID)
        )
    except Exception as error:  # noqa: BLE001 - as above
        return f"{type(error).__name__}: {error}"
