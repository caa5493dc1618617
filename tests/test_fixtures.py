"""Instances made by code: readable by pydicom, deterministic, and true to their kind."""

from __future__ import annotations

import io

import pydicom
import pytest

from stgcmt_fixtures.instances import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    KINDS,
    _build,
    _encode,
    _lead,
    counted_uids,
    make,
)


def _read(instance, syntax):
    from pydicom.filereader import read_dataset

    data = io.BytesIO(instance.data_set(syntax))
    return read_dataset(data, syntax == IMPLICIT_LITTLE, syntax != EXPLICIT_BIG)


@pytest.mark.parametrize("kind", KINDS)
def test_part10_is_a_dicom_file_that_says_what_the_instance_says(kind):
    instance = make(kind, uid=counted_uids())
    found = pydicom.dcmread(io.BytesIO(instance.part10()))
    assert found.file_meta.TransferSyntaxUID == instance.transfer_syntax_uid
    assert (found.SOPClassUID, found.SOPInstanceUID) == (instance.sop_class_uid, instance.sop_instance_uid)
    assert found.file_meta.MediaStorageSOPInstanceUID == instance.sop_instance_uid
    assert (found.StudyInstanceUID, found.SeriesInstanceUID) == (
        instance.study_instance_uid, instance.series_instance_uid,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_uids_give_the_same_bytes(kind):
    first, second = (make(kind, uid=counted_uids()) for _ in range(2))
    assert first == second
    assert first.part10() == second.part10()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("root", ["2.25.20241030083456", "1.2.840.99999.123456789.123456789.123456789.123456789.12"])
def test_a_copy_has_the_bytes_of_one_encoded_by_itself(kind, root):
    make(kind, uid=counted_uids(root)).part10()  # encoded; those that follow with UIDs as long are copies of it
    for instance in (make(kind, uid=counted_uids(root + end)) for end in ("", ".7", ".77")):
        for syntax in (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG):
            alone = _encode(_build(instance), syntax)
            assert instance.data_set(syntax) == instance.data_set(syntax) == alone
        lead = _lead((instance.sop_instance_uid,), instance.sop_class_uid, instance.transfer_syntax_uid)
        assert instance.part10() == lead + instance.data_set()


@pytest.mark.parametrize("kind", ["ct", "sc", "private-attributes", "sr"])
def test_three_transfer_syntaxes_say_the_same(kind):
    instance = make(kind, uid=counted_uids())
    little, implicit, big = (_read(instance, each) for each in (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG))
    texts = []
    for found in (little, implicit, big):
        if "PixelData" in found:
            del found.PixelData  # byte order differs; compared below
        for tag in [each.tag for each in found if each.tag.is_private]:
            del found[tag]  # implicit VR loses the VR of private elements
        texts.append(found.to_json())
    assert texts[0] == texts[1] == texts[2]


def test_pixels_are_the_same_in_either_byte_order():
    instance = make("ct", uid=counted_uids())
    little, big = _read(instance, EXPLICIT_LITTLE).PixelData, _read(instance, EXPLICIT_BIG).PixelData
    assert little != big
    pairs = [little[n : n + 2][::-1] for n in range(0, len(little), 2)]
    assert b"".join(pairs) == big
    assert len(little) == 8 * 8 * 2


def test_a_series_may_be_shared():
    uid = counted_uids()
    first = make("ct", uid=uid)
    second = make("sc", uid=uid, study=first.study_instance_uid, series=first.series_instance_uid)
    assert second.series_instance_uid == first.series_instance_uid
    assert second.sop_instance_uid != first.sop_instance_uid


def test_private_attributes_survive():
    found = _read(make("private-attributes", uid=counted_uids()), EXPLICIT_LITTLE)
    block = found.private_block(0x0099, "STGCMT TEST DATA")
    assert block[0x02].value == bytes(range(256))
    assert block[0x04].value[0].private_block(0x0099, "STGCMT TEST DATA")[0x05].value == b"nested"


def test_a_link_has_no_pixel_data():
    found = pydicom.dcmread(io.BytesIO(make("link", uid=counted_uids()).part10()))
    assert "PixelData" not in found
    assert found.PixelDataProviderURL


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="unknown kind of instance 'us'"):
        make("us", uid=counted_uids())
    with pytest.raises(ValueError, match="uncompressed"):
        make("ct", uid=counted_uids()).data_set("1.2.840.10008.1.2.4.70")
