"""DICOM JSON at the boundary: what breaks PS3.18 F.2 is listed with its path, and nothing else is."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from stgcmt.wire.dicom_json import KINDS, MAX_PROBLEMS, Problem, lint, load

CT = "1.2.840.10008.5.1.4.1.1.2"


def reference(uid: str = "2.25.1", **more):
    item = {"00081150": {"vr": "UI", "Value": [CT]}, "00081155": {"vr": "UI", "Value": [uid]}}
    return {**item, **more}


def result(*items):
    return {"00081199": {"vr": "SQ", "Value": list(items)}}


def found(value) -> list[tuple[str, str]]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [(problem.kind, problem.path) for problem in lint(data)]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_good_result_has_no_problem(indent):
    failed = {"00081198": {"vr": "SQ", "Value": [{**reference("2.25.2"), "00081197": {"vr": "US", "Value": [274]}}]}}
    value = {
        "00081198": {"vr": "SQ", "Value": [dict(sorted(failed["00081198"]["Value"][0].items()))]},
        **result(reference()),
    }
    assert found(json.dumps(value, indent=indent).encode()) == []
    assert found(b"{}") == []


ROOT = "$.00081199"
ITEM = f"{ROOT}.Value[0]"


@pytest.mark.parametrize(
    ("value", "kind", "path"),
    [
        (json.dumps(result(reference())).encode("utf-16"), "not-utf8", "$"),
        (json.dumps(result(reference())).encode("utf-16-le"), "not-utf8", "$"),
        (b"\xef\xbb\xbf{}", "bom", "$"),
        (b"{", "not-json", "$"),
        (b"", "not-json", "$"),
        (b'{"00080005": {"vr": "CS", "Value": [NaN]}}', "not-json", "$"),
        (b"3", "not-object", "$"),
        ([result(reference())], "array", "$"),
        ([{}, {}], "not-object", "$"),
        (b'{"00081199": {"vr": "SQ"}, "00081199": {"vr": "SQ"}}', "duplicate-key", "$"),
        (b'{"00081199": {"vr": "SQ", "vr": "SQ"}}', "duplicate-key", ROOT),
        ({"ReferencedSOPSequence": {"vr": "SQ"}}, "key-form", "$"),
        ({"0020000d": {"vr": "UI", "Value": ["1.2"]}}, "key-form", "$"),
        (
            result({"00081155": {"vr": "UI", "Value": ["1.2"]}, "00081150": {"vr": "UI", "Value": [CT]}}),
            "key-order",
            ITEM,
        ),
        ({"00080000": {"vr": "UL", "Value": [4]}}, "group-length", "$"),
        ({"00081199": {"Value": []}}, "no-vr", ROOT),
        ({"00081199": {"vr": "XX"}}, "no-vr", ROOT),
        ({"00081199": "SQ"}, "no-vr", ROOT),
        ({"00081199": {"vr": "SQ", "value": []}}, "members", ROOT),
        ({"00081199": {"vr": "SQ", "Value": [{}], "BulkDataURI": "x"}}, "members", ROOT),
        ({"00081197": {"vr": "US", "Value": ["274"]}}, "value-type", "$.00081197.Value[0]"),
        ({"00081197": {"vr": "US", "Value": [True]}}, "value-type", "$.00081197.Value[0]"),
        ({"00081197": {"vr": "US", "Value": 274}}, "value-type", "$.00081197"),
        (b'{"00081197": {"vr": "US", "Value": [274.0]}}', "number-form", "$.00081197.Value[0]"),
        (b'{"00081197": {"vr": "US", "Value": [2.74e2]}}', "number-form", "$.00081197.Value[0]"),
        ({"00081155": {"vr": "UI", "Value": [1]}}, "value-type", "$.00081155.Value[0]"),
        ({"00081155": {"vr": "UI", "Value": "1.2"}}, "value-type", "$.00081155"),
        ({"00081199": {"vr": "SQ", "Value": ["x"]}}, "value-type", "$.00081199.Value[0]"),
        ({"00081155": {"vr": "UI", "Value": []}}, "empty-value", "$.00081155"),
        ({"00081155": {"vr": "UI", "Value": [""]}}, "empty-string", "$.00081155.Value[0]"),
        ({"00081155": {"vr": "UI", "Value": ["1.2\0"]}}, "padding", "$.00081155.Value[0]"),
        ({"00081155": {"vr": "UI", "Value": ["1.2 "]}}, "padding", "$.00081155.Value[0]"),
        ({"00081155": {"vr": "UI", "Value": ["1.02"]}}, "uid-form", "$.00081155.Value[0]"),
        ({"00081155": {"vr": "UI", "Value": ["1." * 32 + "1"]}}, "uid-form", "$.00081155.Value[0]"),
        ({"7FE00010": {"vr": "OW", "Value": [1]}}, "value-type", "$.7FE00010.Value[0]"),
    ],
)
def test_each_problem_is_named_alone(value, kind, path):
    assert found(value) == [(kind, path)]
    assert kind in KINDS


def test_what_is_in_the_wrong_encoding_is_judged_all_the_same():
    value = json.dumps({"00081197": {"vr": "US", "Value": ["274"]}})
    assert [kind for kind, _ in found(value.encode("utf-16"))] == ["not-utf8", "value-type"]
    assert [kind for kind, _ in found(b"\xef\xbb\xbf" + value.encode())] == ["bom", "value-type"]


def test_loading_keeps_order_and_number_types():
    loaded = load(b'{"b": 274.0, "a": 274, "c": "274", "d": "\\u0041\\/"}')
    assert list(loaded.value.items()) == [("b", 274.0), ("a", 274), ("c", "274"), ("d", "A/")]
    assert [type(value) for value in loaded.value.values()] == [float, int, str, str]
    assert loaded.problems == ()


def test_a_repeated_key_keeps_its_last_value():
    loaded = load(b'{"a": {"x": 1, "x": 2}}')
    assert (loaded.value, loaded.problems) == ({"a": {"x": 2}}, ("duplicate-key",))
    assert loaded.value["a"].repeated == ("x",)


def test_depth_and_number_of_problems_are_bounded():
    deep: dict = {}
    for _ in range(200):
        deep = result(deep)
    assert [kind for kind, _ in found(deep)] == ["too-deep"]
    assert [kind for kind, _ in found(b"[" * 100_000)] == ["not-json"]
    many = result(*({"00081155": {"vr": "UI", "Value": [1]}} for _ in range(MAX_PROBLEMS + 50)))
    assert len(found(many)) == MAX_PROBLEMS


def test_problems_print_their_place():
    assert (
        str(Problem("no-vr", "$.00081199", "None"))
        == "$.00081199: an attribute has no vr, or none that is known (None)"
    )


UIDS = st.from_regex(r"(1|2)\.(0|[1-9][0-9]{0,9})(\.(0|[1-9][0-9]{0,9})){0,3}", fullmatch=True)


@given(st.lists(st.tuples(UIDS, st.integers(0, 65535) | st.none()), min_size=1, max_size=5), st.text(max_size=8))
def test_what_pydicom_writes_has_no_problem(references, text):
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientComments = text.replace("\\", "").strip() or "x"
    ds.ReferencedSOPSequence = []
    for uid, reason in references:
        item = Dataset()
        item.ReferencedSOPClassUID = CT
        item.ReferencedSOPInstanceUID = uid
        if reason is not None:
            item.FailureReason = reason
        ds.ReferencedSOPSequence.append(item)
    data = ds.to_json().encode()
    assert lint(data) == ()
    loaded = load(data).value
    assert Dataset.from_json(loaded) == ds
    assert [i["00081155"]["Value"][0] for i in loaded["00081199"]["Value"]] == [uid for uid, _ in references]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.sampled_from(["UI", "SQ", "US", "PN"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["vr", "Value", "00081199", "0020000d", "00080000", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(JSON, st.integers(0, 200), st.binary(max_size=2))
def test_any_json_and_any_bytes_are_linted_without_an_exception(value, at, noise):
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for body in (data, data[:at], data[:at] + noise + data[at:]):
        assert {problem.kind for problem in lint(body)} <= KINDS.keys()


def _small(value) -> bool:
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, dict):
        return all(map(_small, value.values()))
    return all(map(_small, value)) if isinstance(value, list) else True


@given(JSON)
def test_values_are_those_of_the_standard_library(value):
    data = json.dumps(value).encode()
    if _small(value):
        assert load(data).value == json.loads(data)


def test_a_large_result_is_linted():
    data = orjson.dumps(result(*(reference(f"2.25.329032840923840923840982304{n}") for n in range(10_000))))
    assert lint(data) == ()
