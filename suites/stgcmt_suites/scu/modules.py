"""Action Information written and Event Information read, with pydicom alone: the judge has its own reader."""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stgcmt.by_value import by_value
from stgcmt.wire.uids import COMMITMENT_PUSH, COMMITMENT_PUSH_INSTANCE, EXPLICIT_LE, IMPLICIT_LE
from stgcmt_suites.commitment.remembered import Remembered
from stgcmt_suites.scu.outbox import Held
from stgcmt_suites.scu.settings import Settings

if TYPE_CHECKING:
    from pydicom import Dataset

TRANSACTION_UID, REFERENCED, FAILED = 0x00081195, 0x00081199, 0x00081198
CLASS, INSTANCE, REASON = 0x00081150, 0x00081155, 0x00081197
Named = tuple[str, str]  # SOP Class UID, SOP Instance UID
RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
SOP_CLASS, SOP_INSTANCE, FILE_SET_ID, FILE_SET_UID = 0x00080016, 0x00080018, 0x00880130, 0x00880140


class UnreadableError(ValueError):
    """A data set is no Event Information."""


@dataclass(frozen=True)
class Read:
    """What Event Information says; ``reasoned`` where every failed instance has its reason."""

    transaction_uid: str
    committed: frozenset[str]
    failed: frozenset[str]
    reasoned: bool


# --- writing ----------------------------------------------------------------------------------------------------------


def action_information(uid: str, held: Sequence[Held], transfer_syntax: str, chosen: Settings) -> bytes:
    """The data set of a request in the transfer syntax of its context."""
    named = tuple((each.sop_class_uid, each.sop_instance_uid) for each in held)
    return _WRITTEN.of(uid, named, transfer_syntax, chosen.file_set, faults=chosen.faults)


def _action_information(
    uid: str, named: tuple[Named, ...], transfer_syntax: str, file_set: str, faults: Collection[str]
) -> bytes:
    from pydicom.config import disable_value_validation  # noqa: PLC0415 - start-up

    chosen = Settings(file_set=file_set, faults=faults)
    syntax = transfer_syntax
    if chosen.faulty("other-encoding"):
        syntax = EXPLICIT_LE if syntax == IMPLICIT_LE else IMPLICIT_LE
    with disable_value_validation():  # faults write what is no UID
        data = _encoded(_request(uid, named, chosen), syntax)
    return data + _odd(syntax) if chosen.faulty("odd-length-value") else data


_WRITTEN = Remembered(_action_information)


def _request(uid: str, named: Sequence[Named], chosen: Settings) -> Dataset:
    from pydicom import Dataset  # noqa: PLC0415 - start-up

    faulty = chosen.faulty
    ds = Dataset()
    if not faulty("no-transaction-uid"):
        _put(ds, TRANSACTION_UID, "LO" if faulty("wrong-vr") else "UI", uid)
    twice = named[:1] if faulty("instance-twice") else ()
    if not faulty("no-references"):
        _put(
            ds, REFERENCED, "SQ", [] if faulty("empty-sequence") else [_item(each, chosen) for each in (*named, *twice)]
        )
    if chosen.file_set == "outside" or faulty("file-set-on-both-levels"):
        _file_set(ds)
    if faulty("empty-file-set"):
        _put(ds, FILE_SET_ID, "SH", "")
    if faulty("sop-uids-in-request"):
        _put(ds, SOP_CLASS, "UI", COMMITMENT_PUSH)
        _put(ds, SOP_INSTANCE, "UI", COMMITMENT_PUSH_INSTANCE)
    return ds


def _item(named: Named, chosen: Settings) -> Dataset:
    from pydicom import Dataset  # noqa: PLC0415 - start-up

    item = Dataset()
    if not chosen.faulty("class-left-out"):
        _put(item, CLASS, "UI", RAW_DATA if chosen.faulty("another-class") else named[0])
    _put(item, INSTANCE, "UI", named[1])
    if chosen.file_set == "inside" or chosen.faulty("file-set-on-both-levels"):
        _file_set(item)
    return item


def _file_set(ds: Dataset) -> None:
    _put(ds, FILE_SET_ID, "SH", "DISC1")
    _put(ds, FILE_SET_UID, "UI", "2.25.1")


def _put(ds: Dataset, tag: int, vr: str, value: Any) -> None:
    from pydicom.dataelem import DataElement  # noqa: PLC0415 - start-up

    ds.add(DataElement(tag, vr, value, validation_mode=0))


def _encoded(ds: Dataset, transfer_syntax: str) -> bytes:
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415 - start-up
    from pydicom.filewriter import write_dataset  # noqa: PLC0415 - start-up

    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, transfer_syntax == IMPLICIT_LE
    write_dataset(buffer, ds)
    return buffer.getvalue()


def _odd(transfer_syntax: str) -> bytes:
    """Storage Media File-Set ID with a value of three bytes; it stands last, since its tag is the greatest."""
    if transfer_syntax == IMPLICIT_LE:
        return struct.pack("<HHI", 0x0088, 0x0130, 3) + b"ODD"
    return struct.pack("<HH2sH", 0x0088, 0x0130, b"SH", 3) + b"ODD"


# --- reading ----------------------------------------------------------------------------------------------------------


def event_information(data: bytes | None, transfer_syntax: str) -> Read:
    """Event Information, read; raises ``UnreadableError`` where that is not what these bytes are."""
    from pydicom.config import disable_value_validation  # noqa: PLC0415 - start-up

    if not data:
        raise UnreadableError("no data set")
    try:
        with disable_value_validation():
            read = _read(data, transfer_syntax)
    except Exception as error:  # an archive's bytes may break the reader in any way
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    if not read.transaction_uid:
        raise UnreadableError("no Transaction UID")
    return read


@by_value()
def _read(data: bytes, transfer_syntax: str) -> Read:
    from pydicom.filereader import read_dataset  # noqa: PLC0415 - start-up

    ds = read_dataset(io.BytesIO(data), is_implicit_VR=transfer_syntax == IMPLICIT_LE, is_little_endian=True)
    committed = list(ds[REFERENCED].value or []) if REFERENCED in ds else []
    failed = list(ds[FAILED].value or []) if FAILED in ds else []
    return Read(
        str(ds[TRANSACTION_UID].value or "") if TRANSACTION_UID in ds else "",
        frozenset(str(each[INSTANCE].value) for each in committed),
        frozenset(str(each[INSTANCE].value) for each in failed),
        all(REASON in each for each in failed),
    )


@by_value()  # asked for before an association and upon it, and again where it is tried again
def stored_form(data: bytes) -> tuple[str, bytes]:
    """Transfer syntax and data set of a DICOM file (PS3.10 7.1); raises ``ValueError``."""
    from pydicom import dcmread  # noqa: PLC0415 - start-up

    ds = dcmread(io.BytesIO(data), stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
    start = 128 + 4 + 12 + int(ds.file_meta.FileMetaInformationGroupLength)
    return str(ds.file_meta.TransferSyntaxUID), data[start:]
