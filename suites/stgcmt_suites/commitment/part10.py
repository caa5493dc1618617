"""DICOM files (PS3.10 section 7.1) of the small store: what one says of itself, and the header before a bare data set."""

from __future__ import annotations

import hashlib
import io

from stgcmt.by_value import by_value
from stgcmt_suites.commitment.decisions import IMPLEMENTATION_CLASS_UID, Held


@by_value()
def held_of(data: bytes) -> Held:
    """What a DICOM file (bytes) says of itself; raises ``ValueError`` where it is none."""
    import pydicom  # noqa: PLC0415 - start-up
    from pydicom.errors import InvalidDicomError  # noqa: PLC0415 - start-up

    buffer = io.BytesIO(data)
    try:
        ds = pydicom.dcmread(
            buffer, specific_tags=["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"]
        )
        sop_instance_uid = str(ds.SOPInstanceUID)
        name = (
            hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:40] + ".dcm"
        )  # a UID is the sender's text: no path
        syntax = str(ds.file_meta.TransferSyntaxUID)
        offset = 132 + 12 + int(ds.file_meta.FileMetaInformationGroupLength)  # preamble, DICM, group length element
        study, series = str(ds.get("StudyInstanceUID", "")), str(ds.get("SeriesInstanceUID", ""))
        return Held(sop_instance_uid, str(ds.SOPClassUID), study, series, syntax, name, offset)
    except (InvalidDicomError, AttributeError, ValueError, KeyError, EOFError, NotImplementedError, OSError) as error:
        raise ValueError(f"no DICOM instance: {error}") from error


@by_value()
def header_of(data: bytes, transfer_syntax_uid: str) -> bytes:
    """The DICOM file header for a bare data set, whose own class and UID it repeats; raises ``ValueError``."""
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415 - start-up
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415 - start-up
    from pydicom.filereader import read_dataset  # noqa: PLC0415 - start-up
    from pydicom.filewriter import write_file_meta_info  # noqa: PLC0415 - start-up
    from pydicom.uid import UID  # noqa: PLC0415 - start-up

    syntax = UID(transfer_syntax_uid)
    try:
        ds = read_dataset(
            io.BytesIO(data), syntax.is_implicit_VR, syntax.is_little_endian,
            stop_when=lambda tag, _vr, _length: tag > 0x00080018,
        )  # fmt: skip
        sop_class, sop_instance = UID(ds.SOPClassUID), UID(ds.SOPInstanceUID)
    except (AttributeError, ValueError, KeyError, EOFError, NotImplementedError) as error:
        raise ValueError(f"no readable data set: {error}") from error
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, sop_instance
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    return b"\0" * 128 + b"DICM" + buffer.getvalue()
