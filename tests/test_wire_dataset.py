"""Raw data sets: what the reader sees, what it blames, and that it never raises."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stgcmt.wire.dataset import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    EXPLICIT_VR_BE,
    EXPLICIT_VR_LE,
    IMPLICIT_LE,
    IMPLICIT_VR_LE,
    Elem,
    Item,
    encode,
    read,
)
from stgcmt.wire.elements import LONG_VRS, SHORT_VRS

ALL = (IMPLICIT_VR_LE, EXPLICIT_VR_LE, EXPLICIT_VR_BE)
AE, CLASS, INSTANCE, TRANSACTION = 0x00080054, 0x00081150, 0x00081155, 0x00081195
REASON, FAILED, REFERENCED = 0x00081197, 0x00081198, 0x00081199
DICTIONARY = {AE: "AE", CLASS: "UI", INSTANCE: "UI", TRANSACTION: "UI", REASON: "US", FAILED: "SQ", REFERENCED: "SQ"}


def reference(number, **more):
    return [(CLASS, "UI", "1.2.840.10008.5.1.4.1.1.2"), (INSTANCE, "UI", f"1.2.3.{number}")]


def result(failed=1, referenced=2):
    return [
        (AE, "AE", "ARCHIVE"),
        (TRANSACTION, "UI", "1.2.3.4"),
        (FAILED, "SQ", [[*reference(n), (REASON, "US", 0x0112)] for n in range(failed)]),
        (REFERENCED, "SQ", [reference(100 + n) for n in range(referenced)]),
    ]


def kinds(data, ts=EXPLICIT_VR_LE, dictionary=DICTIONARY):
    return [(path, defect.kind) for path, defect in read(data, ts, dictionary).all_defects()]


# One element in each encoding, written by hand from PS3.5 7.1.
GOLDEN = {
    IMPLICIT_VR_LE: "08005000 04000000 50414353",  # tag 0008,0050 | length 4 | PACS
    EXPLICIT_VR_LE: "08005000 5348 0400 50414353",  # tag | "SH" | 16-bit length | PACS
    EXPLICIT_VR_BE: "00080050 5348 0004 50414353",
}
# A sequence with one item that holds one US, undefined lengths in the first, defined in the second.
GOLDEN_SQ = {
    IMPLICIT_VR_LE: "08009811 FFFFFFFF FEFF00E0 FFFFFFFF 08009711 02000000 1201 FEFF0DE0 00000000 FEFFDDE0 00000000",
    EXPLICIT_VR_LE: "08009811 5351 0000 12000000 FEFF00E0 0A000000 08009711 5553 0200 1201",
    EXPLICIT_VR_BE: "00081198 5351 0000 00000012 FFFEE000 0000000A 00081197 5553 0002 0112",
}


@pytest.mark.parametrize("ts", ALL)
def test_golden_bytes(ts):
    golden = bytes.fromhex(GOLDEN[ts])
    assert encode([(0x00080050, "SH", "PACS")], ts) == golden
    ds = read(golden, ts, {0x00080050: "SH"})
    (element,) = ds.elements
    assert (element.vr, element.text, element.offset, element.length, element.stated) == ("SH", "PACS", 0, 12, 4)
    assert not list(ds.all_defects())

    golden = bytes.fromhex(GOLDEN_SQ[ts])
    assert encode([(FAILED, "SQ", [[(REASON, "US", 0x0112)]])], ts, undefined=ts == IMPLICIT_VR_LE) == golden
    ds = read(golden, ts, DICTIONARY)
    (item,) = ds.items(FAILED)
    assert item.uint16(REASON) == 0x0112
    assert not list(ds.all_defects())


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("ts", ALL)
def test_result_reads_back(ts, undefined):
    data = encode(result(), ts, undefined=undefined)
    ds = read(data, ts, DICTIONARY)
    assert ds.faults() == ()
    assert (ds.text(AE), ds.text(TRANSACTION), ds.text(0x00080016)) == ("ARCHIVE", "1.2.3.4", None)
    assert [item.text(INSTANCE) for item in ds.items(REFERENCED)] == ["1.2.3.100", "1.2.3.101"]
    assert ds.items(FAILED)[0].uint16(REASON) == 0x0112
    assert [path for path, _ in ds.walk()][-1] == "(0008,1199)[2]>(0008,1155)"
    for _, element in ds.walk():  # an offset points to the element's own bytes
        assert element.value in data[element.offset : element.offset + element.length]
    assert sum(element.length for element in ds.elements) == len(data)
    assert TRANSACTION in ds
    assert 0x00080016 not in ds


def test_implicit_without_dictionary_still_finds_sequences():
    for undefined in (False, True):
        ds = read(encode(result(), IMPLICIT_VR_LE, undefined=undefined), IMPLICIT_VR_LE)
        assert len(ds.items(REFERENCED)) == 2
        assert ds.get(TRANSACTION).vr is None


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("negotiated", ALL)
@pytest.mark.parametrize("sent", ALL)
@pytest.mark.parametrize("count", [1, 300, 10_000])
def test_wrong_encoding_is_read_and_named(sent, negotiated, undefined, count):
    ds = read(encode(result(1, count), sent, undefined=undefined), negotiated, DICTIONARY)
    assert ds.text(TRANSACTION) == "1.2.3.4"
    assert len(ds.items(REFERENCED)) == count
    assert ds.form is {IMPLICIT_VR_LE: IMPLICIT_LE, EXPLICIT_VR_LE: EXPLICIT_LE, EXPLICIT_VR_BE: EXPLICIT_BE}[sent]
    assert [defect.kind for defect in ds.defects] == ([] if sent == negotiated else ["wrong-encoding"])


@pytest.mark.parametrize("sent", ALL)
@pytest.mark.parametrize("negotiated", ALL)
def test_wrong_encoding_of_a_single_element(sent, negotiated):
    ds = read(encode([(TRANSACTION, "UI", "1.2.840.113619.2.55")], sent), negotiated, DICTIONARY)
    assert ds.text(TRANSACTION) == "1.2.840.113619.2.55"
    assert [d.kind for d in ds.defects] == ([] if sent == negotiated else ["wrong-encoding"])


def test_one_item_in_another_encoding_is_named_alone():
    data = encode([(REFERENCED, "SQ", [reference(1), Item(reference(2), form=IMPLICIT_LE)])], EXPLICIT_VR_LE)
    ds = read(data, EXPLICIT_VR_LE, DICTIONARY)
    assert kinds(data) == [("(0008,1199)[2]", "wrong-encoding")]
    assert ds.items(REFERENCED)[1].text(INSTANCE) == "1.2.3.2"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([(TRANSACTION, "UI", b"1.2.3")], [("(0008,1195)", "odd-length")]),
        ([(TRANSACTION, "UI", "")], [("(0008,1195)", "zero-length")]),
        ([(REFERENCED, "SQ", [])], [("(0008,1199)", "zero-length")]),
        ([(TRANSACTION, "UI", b"1.2 ")], [("(0008,1195)", "padding")]),
        ([(TRANSACTION, "UI", b"1.2.3.\0\0")], [("(0008,1195)", "padding")]),
        ([(AE, "AE", b"ARCHIVE\0")], [("(0008,0054)", "padding")]),
        ([(REASON, "US", 7), (TRANSACTION, "UI", "1.2.")], [("data set", "order")]),
        ([(REASON, "US", 7), (REASON, "US", 8)], [("data set", "duplicate")]),
        ([(AE, "AE", "A1"), (REASON, "US", 7), (AE, "AE", "A2")], [("data set", "duplicate")]),
        ([(TRANSACTION, "SH", "1.2.")], [("(0008,1195)", "vr-differs")]),
        ([(TRANSACTION, "ZZ", "1.2.")], [("(0008,1195)", "unknown-vr"), ("(0008,1195)", "vr-differs")]),
        ([Elem(TRANSACTION, "UI", "1.2.", length=400)], [("(0008,1195)", "beyond-end")]),
        ([(0x00000800, "US", 257), (AE, "AE", "A1")], [("data set", "group")]),
        ([(AE, "AE", "A1"), b"\1\2\3"], [("data set", "trailing")]),
        ([b"\x08\x00\x54\x00UC\1\0\2\0\0\0A1"], [("(0008,0054)", "reserved"), ("(0008,0054)", "vr-differs")]),
        (
            [Elem(REFERENCED, "SQ", [Item(reference(1), length=400)])],
            [("(0008,1199)", "beyond-end")],
        ),
    ],
)
def test_each_defect_is_named(elements, expected):
    assert kinds(encode(elements, EXPLICIT_VR_LE)) == expected


def test_missing_delimiters():
    whole = encode([(REFERENCED, "SQ", [reference(1)])], EXPLICIT_VR_LE, undefined=True)
    assert kinds(whole[:-8]) == [("(0008,1199)", "no-delimiter")]
    assert kinds(whole[:-16]) == [("(0008,1199)", "no-delimiter"), ("(0008,1199)[1]", "no-delimiter")]
    item = encode([(REFERENCED, "SQ", [Item(reference(1), delimiter=False)])], EXPLICIT_VR_LE, undefined=True)
    assert kinds(item) == [("(0008,1199)[1]", "no-delimiter")]
    defined = encode([Elem(REFERENCED, "SQ", [reference(1)]), (0x00401000, "CS", "AB")], EXPLICIT_VR_LE)
    assert kinds(defined) == []


def test_un_of_undefined_length_is_implicit():
    items = encode([(REFERENCED, "SQ", [reference(1)])], IMPLICIT_VR_LE, undefined=True)[8:]
    ds = read(encode([Elem(REFERENCED, "UN", items, length=0xFFFFFFFF)], EXPLICIT_VR_LE), EXPLICIT_VR_LE)
    assert ds.items(REFERENCED)[0].text(INSTANCE) == "1.2.3.1"
    assert ds.faults() == ()


def test_deep_nesting_ends():
    data = b""
    for _ in range(3000):
        data = encode([Elem(REFERENCED, "SQ", data, length=0xFFFFFFFF)], EXPLICIT_VR_LE)
        data = data[:12] + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + data[12:]
    assert "too-deep" in {kind for _, kind in kinds(data)}


def test_hostile_repetition_takes_linear_time():
    read(encode([(AE, "AE", "")], EXPLICIT_VR_LE) * 20_000, EXPLICIT_VR_LE, DICTIONARY)
    read(b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 20_000, EXPLICIT_VR_LE, DICTIONARY)


TEXTS = st.text("0123456789.", max_size=20)
LEAVES = st.one_of(
    st.tuples(st.just("UI"), TEXTS),
    st.tuples(st.just("SH"), st.text("ABC xyz", max_size=16).map(str.strip)),
    st.tuples(st.just("US"), st.integers(0, 65535)),
    st.tuples(st.just("UL"), st.integers(0, 2**32 - 1)),
    st.tuples(st.just("OB"), st.binary(max_size=8).map(lambda value: value * 2)),
)


def data_sets(values):
    tags = st.integers(0x0008_0005, 0x7FDF_FFFF)
    return st.dictionaries(tags, values, max_size=5).map(
        lambda found: [(tag, *found[tag]) for tag in sorted(found)],
    )


NESTED = data_sets(
    st.recursive(LEAVES, lambda inner: st.tuples(st.just("SQ"), st.lists(data_sets(inner), max_size=3)), max_leaves=12)
)


def plain(ds):
    return [(e.tag, e.vr, [plain(item) for item in e.items] if e.items is not None else e.value) for e in ds.elements]


def dictionary_of(elements):
    found = {}
    for tag, vr, value in elements:
        if vr == "SQ":
            for item in value:
                found |= dictionary_of(item)
    return found | {tag: vr for tag, vr, _ in elements}


@settings(max_examples=150, deadline=None)
@given(NESTED, st.sampled_from(ALL), st.booleans())
def test_round_trip(elements, ts, undefined):
    if ts == IMPLICIT_VR_LE and len(dictionary_of(elements)) != sum(1 for _ in flat(elements)):
        return  # one tag with two VRs: Implicit VR cannot say so
    data = encode(elements, ts, undefined=undefined)
    ds = read(data, ts, dictionary_of(elements) if ts == IMPLICIT_VR_LE else None)
    assert ds.faults() == ()
    assert encode(plain(ds), ts, undefined=undefined) == data


def flat(elements):
    for tag, vr, value in elements:
        yield tag
        if vr == "SQ":
            for item in value:
                yield from flat(item)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(ALL))
def test_random_bytes_never_raise(data, ts):
    check_total(data, ts)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(ALL), st.sampled_from(ALL), st.booleans())
def test_mutated_bytes_never_raise(draw, sent, ts, undefined):
    data = bytearray(encode(result(), sent, undefined=undefined))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    check_total(bytes(data[: draw.draw(st.integers(0, len(data)))]), ts)


def check_total(data, ts):
    for dictionary in (None, DICTIONARY):
        ds = read(data, ts, dictionary)
        for _, element in ds.walk():
            assert 0 <= element.offset <= element.offset + element.length <= len(data)
            assert isinstance(element.text, str)
        assert isinstance(ds.faults(), tuple)
        ds.uint16(REASON), ds.items(FAILED), ds.text(AE), repr(ds)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("ts", ALL)
def test_pydicom_agrees(ts, undefined):
    from pydicom import Dataset, dcmread
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    ours = encode(result(), ts, undefined=undefined)
    theirs = dcmread(io.BytesIO(part10(ours, ts)), force=True)
    assert theirs.TransactionUID == "1.2.3.4"
    assert theirs.FailedSOPSequence[0].FailureReason == 0x0112
    assert [item.ReferencedSOPInstanceUID for item in theirs.ReferencedSOPSequence] == ["1.2.3.100", "1.2.3.101"]

    theirs = Dataset.from_json(theirs.to_json())  # without the encoding that was read
    for name in ("FailedSOPSequence", "ReferencedSOPSequence"):
        theirs[name].is_undefined_length = undefined
        for item in theirs[name].value:
            item.is_undefined_length_sequence_item = undefined
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = ts == IMPLICIT_VR_LE, ts != EXPLICIT_VR_BE
    write_dataset(out, theirs)
    assert out.getvalue() == ours


def part10(data, ts):
    meta = encode([(0x00020010, "UI", ts)], EXPLICIT_VR_LE)
    group = encode([(0x00020000, "UL", len(meta))], EXPLICIT_VR_LE)
    return b"\0" * 128 + b"DICM" + group + meta + data


def test_every_vr_of_the_standard_is_known():
    from pydicom.valuerep import VR

    standard = {vr.value for vr in VR if len(vr.value) == 2}
    assert standard == SHORT_VRS | LONG_VRS


def test_ten_thousand_references_are_read():
    ds = read(encode(result(0, 10_000), EXPLICIT_VR_LE), EXPLICIT_VR_LE, DICTIONARY)
    assert len(ds.items(REFERENCED)) == 10_000


def test_what_cannot_be_written_says_so():
    with pytest.raises(ValueError, match=r"\(0008,1195\).*does not fit"):
        encode([(TRANSACTION, "UI", b"1" * 70_000)], EXPLICIT_VR_LE)
    with pytest.raises(ValueError, match="cannot be written as UI"):
        encode([(TRANSACTION, "UI", 12)], EXPLICIT_VR_LE)
