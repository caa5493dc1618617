"""Event Information that a scripted SCP sends, held against pydicom and our own reader."""

from __future__ import annotations

import io
import warnings

import pytest

from stgcmt_suites.commitment.dimse_module import Information, read_information
from stgcmt_suites.commitment.dimse_results import ALL, result_of
from stgcmt_suites.commitment.references import Reference, Result

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
ASKED = Information("1.2.3", Result(tuple(Reference(CT, f"1.2.3.{n}") for n in range(3))))


def pydicom_reads(data, syntax):
    from pydicom.filereader import read_dataset

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_dataset(io.BytesIO(data), is_implicit_VR=syntax == IMPLICIT, is_little_endian=True)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT], ids=["implicit", "explicit"])
def test_a_result_is_read_by_pydicom_and_by_us(syntax):
    said = result_of(ASKED, failed={-1: 0x0112})
    assert said.event_type == 2
    ds = pydicom_reads(said.write(syntax), syntax)
    assert ds.TransactionUID == "1.2.3"
    assert [each.ReferencedSOPInstanceUID for each in ds.ReferencedSOPSequence] == ["1.2.3.0", "1.2.3.1"]
    assert [(each.ReferencedSOPInstanceUID, each.FailureReason) for each in ds.FailedSOPSequence] == [
        ("1.2.3.2", 0x0112)
    ]
    assert not read_information(said.write(syntax), syntax).problems


def test_deviations_are_one_each():
    assert [each.sop_instance_uid for each in result_of(ASKED, left_out=[1]).committed] == ["1.2.3.0", "1.2.3.2"]
    assert result_of(ASKED, left_out=[1]).event_type == 1
    assert result_of(ASKED, add=[Reference(CT, "9.9")]).committed[-1].sop_instance_uid == "9.9"
    everything = result_of(ASKED, failed={ALL: 0x0110})
    assert (len(everything.failed), everything.committed) == (3, ())
    assert "ReferencedSOPSequence" not in pydicom_reads(everything.write(IMPLICIT), IMPLICIT)
    bare = result_of(ASKED, failed={0: None}, event_type=1, transaction_uid=None)
    ds = pydicom_reads(bare.write(EXPLICIT), EXPLICIT)
    assert "TransactionUID" not in ds
    assert "FailureReason" not in ds.FailedSOPSequence[0]
    assert bare.event_type == 1
