"""What an archive may do to an instance between storing it and giving it back: rightly (manners) or not (faults)."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import FileDataset

IMPLICIT_LITTLE = "1.2.840.10008.1.2"


def _renamed(ds: FileDataset) -> None:
    ds.PatientName = "OF^THE^ARCHIVE"


def _enriched(ds: FileDataset) -> None:
    ds.InstitutionName = "Archive"


def _implicit(ds: FileDataset) -> None:
    from pydicom.uid import UID  # noqa: PLC0415 - start-up

    ds.file_meta.TransferSyntaxUID = UID(IMPLICIT_LITTLE)


def _brightened(ds: FileDataset) -> None:
    if "PixelData" in ds:
        ds.PixelData = bytes([ds.PixelData[0] ^ 1]) + ds.PixelData[1:]


REWRITES: Mapping[str, Callable[[FileDataset], None]] = {
    "gives-back-less": lambda ds: ds.remove_private_tags(),
    "gives-back-other-pixels": _brightened,
    "coerces": _renamed,
    "enriches": _enriched,
    "transcodes": _implicit,
}


def rewritten(data: bytes, transfer_syntax_uid: str, switches: Collection[str]) -> tuple[bytes, str]:
    """A DICOM file as it is given back, and its transfer syntax; untouched where no switch says otherwise."""
    wanted = [change for name, change in REWRITES.items() if name in switches]
    if not wanted:
        return data, transfer_syntax_uid
    from pydicom import dcmread  # noqa: PLC0415 - start-up

    ds = dcmread(io.BytesIO(data))
    for change in wanted:
        change(ds)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue(), str(ds.file_meta.TransferSyntaxUID)
