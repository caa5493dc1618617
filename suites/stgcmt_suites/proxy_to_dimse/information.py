"""What the proxy says and hears behind: Action Information and Event Information, by pydicom (PS3.4 Tables J.3-1, J.3-2)."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stgcmt.wire.uids import IMPLICIT_LE
from stgcmt_suites.commitment.decisions import Asked
from stgcmt_suites.commitment.remembered import Remembered

if TYPE_CHECKING:
    from pydicom import Dataset

REFERENCES = 32_768  # in all the requests, and in all the reports, that are kept
REFERENCE = 80  # bytes that a reference has at least


class UnreadableReportError(Exception):
    """Event Information that is no data set, has no Transaction UID, or fails an instance without a Failure Reason."""


@dataclass(frozen=True)
class Report:
    """What a report says: by SOP Class UID and SOP Instance UID; ``failed`` with the Failure Reason of each.

    ``retrieve_ae``: Retrieve AE Title, empty where there is none.
    """

    transaction_uid: str
    event_type: int | None
    committed: tuple[tuple[str, str], ...]
    failed: tuple[tuple[str, str, int], ...]
    retrieve_ae: str = ""


def action_information(transaction_uid: str, asked: Iterable[Asked], transfer_syntax: str) -> bytes:
    """The data set of an N-ACTION-RQ; study and series have no place in it."""
    named = tuple(asked)
    return _WRITTEN.of(transaction_uid, named, transfer_syntax, faults=(), size=len(named))


def _written(transaction_uid: str, asked: tuple[Asked, ...], transfer_syntax: str, _: Collection[str]) -> bytes:
    from pydicom import Dataset  # noqa: PLC0415 - start-up
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415 - start-up
    from pydicom.filewriter import write_dataset  # noqa: PLC0415 - start-up

    ds = Dataset()
    ds.TransactionUID = transaction_uid
    items = []
    for each in asked:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = each.sop_class_uid, each.sop_instance_uid
        items.append(item)
    ds.ReferencedSOPSequence = items
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, transfer_syntax == IMPLICIT_LE
    write_dataset(buffer, ds)
    return buffer.getvalue()


def read_report(data: bytes, transfer_syntax: str, event_type: int | None) -> Report:
    """Read Event Information; raises ``UnreadableReportError`` also where a Failure Reason is missing (Type 1, PS3.4 J.3.3.1.1)."""
    return _READ.of(data, transfer_syntax, event_type, faults=(), size=1 + len(data) // REFERENCE)


def _read_report(data: bytes, transfer_syntax: str, event_type: int | None, _: Collection[str]) -> Report:
    from pydicom.filereader import read_dataset  # noqa: PLC0415 - start-up

    try:
        ds = read_dataset(io.BytesIO(data), is_implicit_VR=transfer_syntax == IMPLICIT_LE, is_little_endian=True)
        uid = str(ds.get("TransactionUID", "") or "")
        committed = tuple(_pair(item) for item in ds.get("ReferencedSOPSequence", None) or ())
        failed = tuple((*_pair(item), _reason(item)) for item in ds.get("FailedSOPSequence", None) or ())
        retrieve_ae = str(ds.get("RetrieveAETitle", "") or "")
    except Exception as error:  # a peer's bytes may break the reader in any way
        raise UnreadableReportError(f"{type(error).__name__}: {error}") from error
    if not uid:
        raise UnreadableReportError("no Transaction UID")
    return Report(uid, event_type, committed, failed, retrieve_ae)


def _pair(item: Dataset) -> tuple[str, str]:
    return str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", ""))


def _reason(item: Dataset) -> int:
    """Raises ``ValueError`` where there is none."""
    value = item.get("FailureReason", None)
    if not isinstance(value, int):
        raise ValueError("an item of the Failed SOP Sequence without Failure Reason")  # noqa: TRY004 - a value, not a type
    return value


_WRITTEN, _READ = Remembered(_written, room=REFERENCES), Remembered(_read_report, room=REFERENCES)
