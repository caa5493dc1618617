"""The reference origin server over real sockets, with httpx as client and pydicom as an independent reader."""

from __future__ import annotations

import asyncio
import email
import io
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import httpx
import pydicom
import pytest

from stgcmt.clock import SystemClock
from stgcmt.suite import Setting
from stgcmt.switches import NONE, Switches
from stgcmt.wire.stream import SystemNetwork
from stgcmt_fixtures.instances import make
from stgcmt_suites.origin_server.reference import running
from stgcmt_suites.origin_server.settings import settings

JSON = "application/dicom+json"
XML = "application/dicom+xml"
MULTI_JSON = f'multipart/related; type="{JSON}"'
MULTI_XML = f'multipart/related; type="{XML}"'
MR = "1.2.840.10008.5.1.4.1.1.4"


class Bench:
    """One server, one client, a source of UIDs."""

    def __init__(self, section, application, client):
        self.section, self.application, self.client = section, application, client
        self.base = section["base_url"]
        self._count = 0

    def uid(self):
        self._count += 1
        return f"2.25.77.{self._count}"

    def url(self, uid):
        return f"{self.base}/commitment-requests/{uid}"

    async def post(self, uid, body, *, accept=JSON, kind=JSON, query="", **headers):
        fields = {"Accept": accept, "Content-Type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        return await self.request("POST", self.url(uid) + query, fields, content)

    async def get(self, uid, *, accept=JSON, method="GET", query="", **headers):
        fields = {"Accept": accept} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.request(method, self.url(uid) + query, fields)

    async def request(self, method, url, headers, content=None):
        request = self.client.build_request(method, url, content=content)
        request.headers.pop("accept", None)
        for name, value in headers.items():
            if value is not None:
                request.headers[name] = value
        return await self.client.send(request)

    async def result(self, uid, *, accept=JSON):
        async with asyncio.timeout(5):
            while (answer := await self.get(uid, accept=accept)).status_code == 202:
                await asyncio.sleep(0.02)
        return answer

    async def commit(self, body, **how):
        uid = self.uid()
        answer = await self.post(uid, body, **how)
        assert answer.status_code in (200, 202), answer.text
        return answer if answer.status_code == 200 else await self.result(uid, accept=how.get("accept", JSON))

    async def store(self, kind="ct", **where):
        instance = make(kind, uid=self.uid, **where)
        answer = await self.stow(instance.part10())
        assert answer.status_code == 200, answer.text
        return instance

    async def stow(self, *files):
        body = b"".join(b"--xyz\r\nContent-Type: application/dicom\r\n\r\n" + each + b"\r\n" for each in files)
        kind = 'multipart/related; type="application/dicom"; boundary=xyz'
        return await self.request(
            "POST", f"{self.base}/studies", {"Accept": JSON, "Content-Type": kind}, body + b"--xyz--\r\n"
        )

    async def provoke(self, name, **values):
        command = self.section["provoke"][name]
        return await self.client.request(command["method"], command["url"].format(**values))


@asynccontextmanager
async def server(directory, mode=None, fault=None, **options):
    setting = Setting(SystemClock(), SystemNetwork(), directory, mode)
    chosen = settings(mode, Switches((fault,) if fault else ()), {"delay": 0.05} | options)
    async with running(setting, chosen) as (section, application), httpx.AsyncClient(timeout=10) as client:
        yield Bench(section, application, client)
        assert application.errors == []


def on_server(mode=None, **options):
    """A test that is a coroutine of one argument: the bench."""

    def wrap(story):
        def test(tmp_path):
            async def run():
                async with server(tmp_path, mode, **options) as bench:
                    await story(bench)

            asyncio.run(run())

        test.__name__, test.__doc__ = story.__name__, story.__doc__
        return test

    return wrap


# --- modules ----------------------------------------------------------------------------------------------------------


def ui(value):
    return {"vr": "UI", "Value": [value]}


def sq(*items):
    return {"vr": "SQ", "Value": list(items)}


def named(sop_class="1.2.840.10008.5.1.4.1.1.2", instance="1.2.3.4", study="1.2.5", series="1.2.6"):
    return SimpleNamespace(
        sop_class_uid=sop_class, sop_instance_uid=instance, study_instance_uid=study, series_instance_uid=series
    )


def flat(*instances):
    return {"00081199": sq(*({"00081150": ui(i.sop_class_uid), "00081155": ui(i.sop_instance_uid)} for i in instances))}


def deep(*instances):
    """One study item per instance: not grouped, which is allowed."""
    return {
        "00081110": sq(
            *(
                {
                    "00081115": sq(
                        {
                            "00081112": sq(
                                {"0008114A": sq({"00081155": ui(i.sop_instance_uid)}), "00081150": ui(i.sop_class_uid)}
                            ),
                            "0020000E": ui(i.series_instance_uid),
                        }
                    ),
                    "0020000D": ui(i.study_instance_uid),
                }
                for i in instances
            )
        )
    }


def read_result(ds):
    """(structure, {instance: (study, series, class, reason)}) of a response module, by pydicom's keywords."""
    found = {}

    def put(instance, *told):
        assert instance not in found
        found[str(instance)] = told

    for item in ds.get("ReferencedSOPSequence", []):
        put(item.ReferencedSOPInstanceUID, None, None, str(item.ReferencedSOPClassUID), None)
    for item in ds.get("FailedSOPSequence", []):
        put(item.ReferencedSOPInstanceUID, None, None, str(item.ReferencedSOPClassUID), item.FailureReason)
    for keyword in ("ReferencedStudySequence", "FailedStudySequence"):
        for study in ds.get(keyword, []):
            for series in study.ReferencedSeriesSequence:
                for group in series.ReferencedInstancesBySOPClassSequence:
                    for leaf in group.ReferencedInstanceSequence:
                        place = (
                            str(study.StudyInstanceUID),
                            str(series.SeriesInstanceUID),
                            str(group.ReferencedSOPClassUID),
                        )
                        put(leaf.ReferencedSOPInstanceUID, *place, leaf.get("FailureReason"))
    flat_, deep_ = (
        "ReferencedSOPSequence" in ds or "FailedSOPSequence" in ds,
        "ReferencedStudySequence" in ds or "FailedStudySequence" in ds,
    )
    assert not (flat_ and deep_)
    return ("hierarchical" if deep_ else "flat"), found


def parse_json(body):
    return pydicom.Dataset.from_json(body.decode("utf-8"))


def parse_xml(body):
    ns = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
    root = ET.fromstring(body)
    assert root.tag == f"{ns}NativeDicomModel"
    assert root.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"

    def read(parent):
        ds = pydicom.Dataset()
        for child in parent:
            tag, vr = child.get("tag"), child.get("vr")
            assert tag == tag.upper()
            assert len(tag) == 8
            assert [each.get("number") for each in child] == [str(n + 1) for n in range(len(child))]
            if vr == "SQ":
                ds.add_new(int(tag, 16), vr, [read(item) for item in child])
            else:
                text = child[0].text
                ds.add_new(int(tag, 16), vr, int(text) if vr == "US" else text)
            assert ds[int(tag, 16)].keyword == child.get("keyword")
        return ds

    return read(root)


def unpack(answer):
    message = email.message_from_bytes(
        b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n" + answer.content
    )
    assert message.is_multipart()
    assert not message.defects
    (part,) = message.get_payload()
    assert message.get_param("type") == part.get_content_type()
    return part.get_content_type(), part.get_payload(decode=True)


def result_of(answer):
    assert answer.status_code == 200, answer.text
    kind, body = answer.headers["content-type"], answer.content
    if kind.startswith("multipart/"):
        kind, body = unpack(answer)
    return read_result(parse_json(body) if kind == JSON else parse_xml(body))


def to_xml(module):
    """A DICOM JSON module as native XML, by hand."""

    def elements(tree):
        out = ""
        for key, attribute in tree.items():
            out += f'<DicomAttribute tag="{key}" vr="{attribute["vr"]}">'
            for number, value in enumerate(attribute.get("Value", []), 1):
                if attribute["vr"] == "SQ":
                    out += f'<Item number="{number}">{elements(value)}</Item>'
                else:
                    out += f'<Value number="{number}">{value}</Value>'
            out += "</DicomAttribute>"
        return out

    head = (
        '<?xml version="1.0" encoding="utf-8"?><NativeDicomModel xml:space="preserve" '
        'xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">'
    )
    return (head + elements(module) + "</NativeDicomModel>").encode()


def multipart(kind, *bodies):
    parts = b"".join(f"--b0\r\nContent-Type: {kind}\r\n\r\n".encode() + each + b"\r\n" for each in bodies)
    return parts + b"--b0--\r\n"


# --- the two transactions ---------------------------------------------------------------------------------------------


@on_server(delay=0.3)
async def test_asynchronous_answer_and_polling(bench):
    there, absent = await bench.store(), make("ct", uid=bench.uid)
    uid = bench.uid()
    accepted = await bench.post(uid, flat(there, absent))
    assert (accepted.status_code, accepted.content) == (202, b"")
    assert "content-type" not in accepted.headers
    assert accepted.headers["retry-after"] == "1"
    assert "date" in accepted.headers
    pending = await bench.get(uid)
    assert (pending.status_code, pending.content) == (202, b"")
    assert "content-type" not in pending.headers
    answer = await bench.result(uid)
    assert answer.headers["content-type"] == JSON
    assert answer.headers["cache-control"] == "no-store"
    assert (await bench.get(uid)).content == answer.content
    structure, found = result_of(answer)
    assert structure == "flat"
    assert found[there.sop_instance_uid] == (None, None, there.sop_class_uid, None)
    assert found[absent.sop_instance_uid][-1] == 0x0112
    assert json.loads(answer.content).keys() == {"00081198", "00081199"}
    elsewhere = await bench.client.get(
        httpx.URL(bench.base).join(answer.headers["content-location"]), headers={"Accept": JSON}
    )
    assert elsewhere.content == answer.content


@on_server("synchronous")
async def test_synchronous_answer_is_there_for_result_checks_too(bench):
    there, uid = await bench.store(), bench.uid()
    answer = await bench.post(uid, flat(there))
    assert answer.status_code == 200
    assert json.loads(answer.content).keys() == {"00081199"}
    assert (await bench.get(uid)).content == answer.content


@on_server("mixed")
async def test_large_requests_may_take_longer(bench):
    assert (await bench.post(bench.uid(), flat(named()))).status_code == 200
    assert (await bench.post(bench.uid(), flat(named(), named(instance="1.2.3.5")))).status_code == 202


@on_server("synchronous")
async def test_reasons(bench):
    ct, private, link = await bench.store("ct"), await bench.store("private-class"), await bench.store("link")
    absent = make("mr", uid=bench.uid)
    conflict = named(MR, ct.sop_instance_uid)
    _, found = result_of(await bench.commit(flat(conflict, private, link, absent)))
    assert found[ct.sop_instance_uid] == (None, None, MR, 0x0119)
    assert [found[each.sop_instance_uid][-1] for each in (private, link, absent)] == [0x0122, 0x0110, 0x0112]


@on_server("synchronous")
async def test_hierarchical_round_trip(bench):
    first = await bench.store("ct")
    series = {"study": first.study_instance_uid, "series": first.series_instance_uid}
    tree = [
        first,
        await bench.store("ct", **series),
        await bench.store("sc", **series),
        await bench.store("mr", study=first.study_instance_uid),
        await bench.store("ct"),
        make("ct", uid=bench.uid, **series),
        make("mr", uid=bench.uid),
    ]
    for accept in (JSON, XML, MULTI_JSON, MULTI_XML):
        structure, found = result_of(await bench.commit(deep(*tree), accept=accept))
        assert structure == "hierarchical"
        assert found == {
            each.sop_instance_uid: (
                each.study_instance_uid, each.series_instance_uid, each.sop_class_uid, None if n < 5 else 0x0112,
            )
            for n, each in enumerate(tree)
        }  # fmt: skip


@on_server("synchronous")
async def test_wrong_study_is_told_as_it_was_asked(bench):
    there = await bench.store()
    elsewhere = named(there.sop_class_uid, there.sop_instance_uid, "1.9.9", "1.9.8")
    _, found = result_of(await bench.commit(deep(elsewhere)))
    assert found == {there.sop_instance_uid: ("1.9.9", "1.9.8", there.sop_class_uid, None)}


@on_server("synchronous")
async def test_a_list_that_would_be_empty_is_left_out(bench):
    there = await bench.store()
    assert json.loads((await bench.commit(flat(there))).content).keys() == {"00081199"}
    assert json.loads((await bench.commit(flat(named()))).content).keys() == {"00081198"}
    assert json.loads((await bench.commit(deep(there))).content).keys() == {"00081110"}
    assert json.loads((await bench.commit(deep(named()))).content).keys() == {"0008119B"}


@on_server("synchronous")
async def test_keys_ascend_at_every_level(bench):
    def ascending(tree):
        keys = list(tree)
        assert keys == sorted(keys)
        for value in tree.values():
            if value["vr"] == "SQ":
                for item in value["Value"]:
                    ascending(item)

    ascending(json.loads((await bench.commit(deep(await bench.store(), named()))).content))


@on_server()
async def test_bodies_in_all_four_media_types(bench):
    there = await bench.store()
    for module in (flat(there, named()), deep(there, named())):
        as_json, as_xml = json.dumps(module).encode(), to_xml(module)
        bodies = {
            JSON: as_json,
            f"{JSON}; charset=utf-8": as_json,
            f"{JSON}; transfer-syntax=1.2.840.10008.1.2.1": as_json,
            XML: as_xml,
            f'multipart/related; type="{JSON}"; boundary=b0': multipart(JSON, as_json),
            f"multipart/related; type={JSON}; boundary=b0": multipart(JSON, as_json),
            f'multipart/related; boundary="b0"; type="{XML}"': multipart(XML, as_xml),
        }
        expected = None
        for kind, body in bodies.items():
            found = result_of(await bench.commit(body, kind=kind))
            expected = expected or found
            assert found == expected, kind
        two = multipart(XML, to_xml(flat(there)), to_xml(flat(named())))
        structure, found = result_of(await bench.commit(two, kind=f'multipart/related; type="{XML}"; boundary=b0'))
        assert structure == "flat"
        assert found.keys() == {there.sop_instance_uid, named().sop_instance_uid}


# --- 409, 404, 410 ----------------------------------------------------------------------------------------------------


@on_server(delay=0.2)
async def test_a_uid_under_way_or_done_cannot_be_used_again(bench):
    there, uid = await bench.store(), bench.uid()
    assert (await bench.post(uid, flat(there))).status_code == 202
    assert (await bench.post(uid, flat(there))).status_code == 409
    assert (await bench.post(uid, flat(named()))).status_code == 409
    assert (await bench.post(bench.uid(), flat(there))).status_code == 202
    before = await bench.result(uid)
    assert result_of(before)[1].keys() == {there.sop_instance_uid}
    assert (await bench.post(uid, flat(named()))).status_code == 409
    assert (await bench.get(uid)).content == before.content


@on_server()
async def test_of_concurrent_requests_one_wins(bench):
    uid = bench.uid()
    answers = await asyncio.gather(*(bench.post(uid, flat(named())) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7


@on_server()
async def test_unknown_is_404_and_reading_creates_nothing(bench):
    uid = bench.uid()
    for _ in range(2):
        assert (await bench.get(uid)).status_code == 404
    assert (await bench.get(uid, method="HEAD")).status_code == 404
    assert (await bench.post(uid, flat(named()))).status_code == 202


@pytest.mark.parametrize(("remembers", "status", "again"), [(True, 410, 409), (False, 404, 202)])
def test_after_the_retention(tmp_path, remembers, status, again):
    async def story():
        async with server(tmp_path, retention=0.4, remembers=remembers) as bench:
            uid = bench.uid()
            await bench.post(uid, flat(named()))
            assert (await bench.result(uid)).status_code == 200
            assert (await bench.get(uid)).status_code == 200
            async with asyncio.timeout(5):
                while (answer := await bench.get(uid)).status_code == 200:
                    await asyncio.sleep(0.05)
            assert answer.status_code == status
            assert (await bench.post(uid, flat(named()))).status_code == again

    asyncio.run(story())


@on_server()
async def test_transaction_uids_that_are_none(bench):
    for bad in ("x1.2", "1..2", "1.2.", "1.02", "1." + "2" * 63, "1.2/3", "1.2/", "1.2%20", "%C3%A9"):
        posted, got = await bench.post(bad, flat(named())), await bench.get(bad)
        assert (posted.status_code, got.status_code) == (400, 404), bad
    uid = bench.uid()
    await bench.post(uid, flat(named()))
    assert (await bench.result(uid.replace(".", "%2E"))).status_code == 200


@on_server()
async def test_the_collection_takes_nothing(bench):
    for path in ("commitment-requests", "commitment-requests/"):
        for method in ("GET", "POST"):
            answer = await bench.request(method, f"{bench.base}/{path}", {"Accept": JSON, "Content-Type": JSON}, b"{}")
            assert 400 <= answer.status_code < 500


# --- what is refused --------------------------------------------------------------------------------------------------


def broken_modules():
    good, tree = flat(named()), deep(named())
    yield "nothing", {}
    yield "both", {**good, **tree}
    for tag in ("00081199", "00081110"):
        yield f"empty {tag}", {tag: {"vr": "SQ"}}
        yield f"empty list {tag}", {tag: {"vr": "SQ", "Value": []}}
        yield f"wrong vr {tag}", {tag: ui("1.2")}
        yield f"empty item {tag}", {tag: sq({})}
    for tag in ("00081150", "00081155"):
        for name, value in {
            "absent": None, "empty": {"vr": "UI"}, "blank": ui(""), "null": ui(None), "number": ui(12),
            "wrong vr": {"vr": "US", "Value": [1]}, "no UID": ui("1.2.x"), "leading zero": ui("1.02"),
            "too long": ui("1." + "2" * 63), "two": {"vr": "UI", "Value": ["1.2", "1.3"]}, "no vr": {"Value": ["1.2"]},
        }.items():  # fmt: skip
            item = dict(good["00081199"]["Value"][0])
            if value is None:
                del item[tag]
            else:
                item[tag] = value
            yield f"{name} {tag}", {"00081199": sq(item)}
    for path, tag in (
        ((), "0020000D"), ((), "00081115"), (("00081115",), "0020000E"), (("00081115",), "00081112"),
        (("00081115", "00081112"), "00081150"), (("00081115", "00081112"), "0008114A"),
        (("00081115", "00081112", "0008114A"), "00081155"),
    ):  # fmt: skip
        module = json.loads(json.dumps(tree))
        node = module["00081110"]["Value"][0]
        for each in path:
            node = node[each]["Value"][0]
        del node[tag]
        yield f"deep without {tag}", module


@on_server()
async def test_malformed_modules_in_json_and_xml(bench):
    assert (await bench.post(bench.uid(), flat(named()))).status_code == 202
    for name, module in broken_modules():
        uid = bench.uid()
        answer = await bench.post(uid, module)
        assert answer.status_code == 400, name
        assert answer.text
        assert answer.headers["content-type"].startswith("text/html")
        assert (await bench.get(uid)).status_code == 404, name
        if name.startswith(("null", "number", "no vr")):
            continue
        assert (await bench.post(uid, to_xml(module), kind=XML)).status_code == 400, name


@on_server()
async def test_malformed_bodies(bench):
    good = json.dumps(flat(named())).encode()
    lists = [
        (JSON, [b"", b"{", b"42", b"[]", b"null", b"not json", good[:-1], b"\xef\xbb\xbf" + good,
                good.decode().encode("utf-16"),
                b'{"00081199":1}', b'{"00081199":{"vr":"SQ","Value":[1]}}', b'{"00081199":{"vr":"SQ","Value":{}}}',
                b"[" + good + b"]", good.replace(b"00081150", b"00081155"), good.replace(b'"Value"', b'"value"'),
                good[:-1] + b',"00100010":{"vr":"PN","Value":["a"],"InlineBinary":""}}', b'{"a":1}', b"[" * 100_000]),
        (XML, [b"", b"<", b"<a/>", b"<NativeDicomModel><x/></NativeDicomModel>", to_xml(flat(named()))[:-5],
               b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>',
               to_xml(flat(named())).replace(b"00081150", b"0008115"),
               to_xml(flat(named())).replace(b' vr="UI"', b"")]),
        (f'multipart/related; type="{JSON}"; boundary=b0', [
            b"", good, multipart(JSON, good)[:-6], multipart(XML, good), multipart("", good),
        ]),
        (f'multipart/related; type="{JSON}"', [multipart(JSON, good)]),
        ("multipart/related; boundary=b0", [multipart(JSON, good)]),
    ]  # fmt: skip
    for kind, bodies in lists:
        for body in bodies:
            answer = await bench.post(bench.uid(), body, kind=kind)
            assert answer.status_code == 400, (kind, body[:60], answer.text)


@on_server()
async def test_media_types_that_are_not_taken(bench):
    good = json.dumps(flat(named())).encode()
    for kind in ("application/json", "text/csv", "text/xml", "application/xml", "", None, f"{JSON}; charset=utf-16",
                 'multipart/related; type="application/dicom"; boundary=b0', "nonsense"):  # fmt: skip
        uid = bench.uid()
        assert (await bench.post(uid, good, kind=kind)).status_code == 415, kind
        assert (await bench.get(uid)).status_code == 404
    assert (await bench.post(bench.uid(), good, Content_Encoding="gzip")).status_code == 415


@on_server(limit_references=3, limit_bytes=2000)
async def test_what_is_too_large(bench):
    many = flat(*(named(instance=f"1.2.{n}") for n in range(4)))
    assert (await bench.post(bench.uid(), many)).status_code == 413
    assert (await bench.post(bench.uid(), b" " * 3000)).status_code == 413
    assert (await bench.post(bench.uid(), flat(named()))).status_code == 202


# --- negotiation ------------------------------------------------------------------------------------------------------

NEGOTIATION = [
    ("*/*", JSON), ("application/*", JSON), (JSON, JSON), (XML, XML), ("APPLICATION/DICOM+XML", XML),
    (MULTI_JSON, MULTI_JSON), (MULTI_XML, MULTI_XML), (f"multipart/related; type={XML}", MULTI_XML),
    ("multipart/related", MULTI_JSON), ("multipart/*", MULTI_JSON),
    (f"{JSON};q=0.1, {XML};q=0.9", XML), (f"{JSON};q=0, */*", XML), (f"{XML};q=0.5, bogus", XML),
    ("bogus/type, " + XML, XML), (f"{JSON}; charset=utf-8", JSON), (f"{JSON}; charset=x-none", JSON),
    (f"{JSON}; transfer-syntax=*", JSON), (f"{JSON}; transfer-syntax=1.2.840.10008.1.2.1", JSON),
    (f"{JSON}; transfer-syntax=1.2.840.10008.1.2", 406), (f"text/html, {XML}", XML), (f"*/*;q=0.1, {XML}", XML),
    ("text/csv", 406), ("application/json", 406), ("", 406), ("text/*", 406), (f"{JSON};q=0", 406), (None, 406),
    (f"{JSON}, image/jpeg", 400), (f"{JSON}, image/jpeg;q=0", JSON), ("image/jpeg", 406),
]  # fmt: skip


@on_server("synchronous")
async def test_accept(bench):
    done = bench.uid()
    await bench.post(done, flat(named()))
    for accept, expected in NEGOTIATION:
        uid = bench.uid()
        posted, got = await bench.post(uid, flat(named()), accept=accept), await bench.get(done, accept=accept)
        for answer in (posted, got):
            if isinstance(expected, int):
                assert answer.status_code == expected, accept
            else:
                assert answer.status_code == 200, accept
                assert answer.headers["content-type"].startswith(expected), accept
                assert result_of(answer)[1].keys() == {"1.2.3.4"}
        if isinstance(expected, int):
            assert (await bench.get(uid)).status_code == 404
    several = await bench.client.get(bench.url(done), headers=[("Accept", f"{JSON};q=0.2"), ("Accept", XML)])
    assert several.headers["content-type"] == XML


@on_server("synchronous")
async def test_query_parameters(bench):
    done = bench.uid()
    await bench.post(done, flat(named()))
    for query, accept, expected in (
        ("?accept=application/dicom%2Bxml", "*/*", XML),
        ("?accept=application/dicom%2Bxml", f"{JSON}, {XML};q=0.1", XML),
        ("?accept=application/dicom%2Bxml", JSON, JSON), ("?accept=application/dicom%2Bxml", None, XML),
        ("?accept=text/csv", "*/*", JSON), ("?accept=*/*", "*/*", 400), ("?accept=nonsense", "*/*", 400),
        ("?accept=", "*/*", 400), ("?charset=utf-8", JSON, JSON), ("?charset=x-none", JSON, JSON),
        ("?x-unknown=1", JSON, JSON), ("?Accept=application/dicom%2Bxml", JSON, JSON),
    ):  # fmt: skip
        posted = await bench.post(bench.uid(), flat(named()), accept=accept, query=query)
        for answer in (posted, await bench.get(done, accept=accept, query=query)):
            if isinstance(expected, int):
                assert answer.status_code == expected, query
            else:
                assert answer.headers["content-type"] == expected, (query, accept)


# --- methods, capabilities, security ----------------------------------------------------------------------------------


@on_server(delay=0.3)
async def test_methods(bench):
    uid = bench.uid()
    await bench.post(uid, flat(named()))
    head = await bench.get(uid, method="HEAD")
    assert (head.status_code, head.content, "content-type" in head.headers) == (202, b"", False)
    done = await bench.result(uid)
    head = await bench.get(uid, method="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == JSON
    assert head.headers["content-length"] == done.headers["content-length"]
    for method in ("PUT", "DELETE", "PATCH"):
        answer = await bench.get(uid, method=method)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
        assert answer.text
    assert (await bench.get(uid, method="BREW")).status_code == 501
    options = await bench.get(uid, method="OPTIONS")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert (await bench.get(uid)).content == done.content


@on_server()
async def test_capabilities(bench):
    wadl_type = "application/vnd.sun.wadl+xml"
    for accept, expected in (("*/*", wadl_type), (wadl_type, wadl_type), ("application/json", "application/json")):
        for base in (bench.base, bench.base + "/"):
            answer = await bench.request("OPTIONS", base, {"Accept": accept})
            assert (answer.status_code, answer.headers["content-type"]) == (200, expected)
            assert b"commitment-requests" in answer.content
    assert json.loads(answer.content)["resources"]
    wadl = ET.fromstring((await bench.request("OPTIONS", bench.base, {"Accept": wadl_type})).content)
    ns = "{http://wadl.dev.java.net/2009/02}"
    assert wadl.tag == ns + "application"
    (resources,) = wadl.findall(ns + "resources")
    assert resources.get("base") == bench.base + "/"
    methods = {each.get("name") for each in wadl.findall(f".//{ns}resource[@path='commitment-requests']//{ns}method")}
    assert methods == {"GET", "POST"}
    assert (await bench.request("OPTIONS", bench.base, {})).status_code == 406
    assert (await bench.request("OPTIONS", bench.base, {"Accept": "text/csv"})).status_code == 406
    assert (await bench.request("GET", bench.base, {"Accept": "*/*"})).status_code == 405
    assert (await bench.request("GET", bench.base + "/none", {"Accept": "*/*"})).status_code == 404


@on_server("secured")
async def test_bearer_token(bench):
    uid, token = bench.uid(), bench.section["token"]
    for given in (None, "Basic YTpi", "Bearer wrong", "Bearer"):
        answer = await bench.post(uid, flat(named()), Authorization=given)
        assert answer.status_code == 401, given
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert "date" in answer.headers
        assert (
            await bench.request("OPTIONS", bench.base, {"Accept": "*/*", "Authorization": given})
        ).status_code == 401
    assert (await bench.post(uid, flat(named()), Authorization=f"Bearer {token}")).status_code == 202


@on_server(prefix="", retry_after=-1)
async def test_base_uri_without_prefix_and_no_retry_after(bench):
    uid = bench.uid()
    accepted = await bench.post(uid, flat(named()))
    assert accepted.status_code == 202
    assert "retry-after" not in accepted.headers
    assert (await bench.request("OPTIONS", bench.base, {"Accept": "*/*"})).status_code == 200


@on_server()
async def test_status_reports(bench):
    answer = await bench.get("1.2.3", accept=f"{JSON}, text/plain")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("404 ")
    assert answer.headers["cache-control"] == "no-store"


# --- instances, the vendor's commands, restart ------------------------------------------------------------------------


@on_server()
async def test_instances_come_back_as_they_were(bench):
    for kind in ("ct", "private-attributes", "implicit", "sr"):
        instance = await bench.store(kind)
        place = (instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid)
        path = "studies/{}/series/{}/instances/{}".format(*place)
        for accept in ('multipart/related; type="application/dicom"; transfer-syntax=*', "application/dicom"):
            answer = await bench.request("GET", f"{bench.base}/{path}", {"Accept": accept})
            assert answer.status_code == 200
            body = answer.content if accept == "application/dicom" else unpack(answer)[1]
            assert body == instance.part10()
        assert pydicom.dcmread(io.BytesIO(body)).SOPInstanceUID == instance.sop_instance_uid
        assert (await bench.request("GET", f"{bench.base}/{path}", {"Accept": JSON})).status_code == 406
        assert (await bench.request("GET", f"{bench.base}/{path}9", {"Accept": "*/*"})).status_code == 404


@on_server()
async def test_stow_tells_what_it_took(bench):
    one, two = make("ct", uid=bench.uid), make("mr", uid=bench.uid)
    both = parse_json((await bench.stow(one.part10(), two.part10())).content)
    assert [each.ReferencedSOPInstanceUID for each in both.ReferencedSOPSequence] == [
        one.sop_instance_uid,
        two.sop_instance_uid,
    ]
    some = await bench.stow(one.part10(), b"no DICOM")
    assert some.status_code == 202
    assert len(parse_json(some.content).FailedSOPSequence) == 1
    assert (await bench.stow(b"no DICOM")).status_code == 409


@on_server("synchronous")
async def test_the_vendor_deletes_breaks_and_exhausts(bench):
    names = {"delete": 0x0112, "lose": 0x0112, "corrupt": 0x0110, "break": 0x0110, "exhaust": 0x0213}
    stored = {name: await bench.store() for name in names}
    for name, instance in stored.items():
        assert (await bench.provoke(name, sop_instance_uid=instance.sop_instance_uid)).status_code == 204
    _, found = result_of(await bench.commit(flat(*stored.values())))
    assert {name: found[each.sop_instance_uid][-1] for name, each in stored.items()} == names
    assert (await bench.provoke("delete", sop_instance_uid="1.2")).status_code == 404


@on_server("synchronous")
async def test_kept_pending_until_released_and_expired_on_command(bench):
    there, uid = await bench.store(), bench.uid()
    await bench.provoke("keep-pending", sop_instance_uid=there.sop_instance_uid)
    assert (await bench.post(uid, flat(there))).status_code == 202
    assert (await bench.get(uid)).status_code == 202
    assert (await bench.post(bench.uid(), flat(named()))).status_code == 200
    await bench.provoke("release", sop_instance_uid=there.sop_instance_uid)
    assert (await bench.result(uid)).status_code == 200
    await bench.provoke("expire", transaction_uid=uid)
    assert (await bench.get(uid)).status_code == 410


@on_server()
async def test_unavailable_is_503_with_retry_after(bench):
    there = await bench.store()
    await bench.provoke("unavailable", sop_instance_uid=there.sop_instance_uid)
    uid = bench.uid()
    answer = await bench.post(uid, flat(there))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    await bench.provoke("release", sop_instance_uid=there.sop_instance_uid)
    assert (await bench.post(uid, flat(there))).status_code == 202


def test_a_restart_goes_on(tmp_path):
    async def story():
        async with server(tmp_path, delay=30) as bench:
            there, done = await bench.store(), "1.2.9"
            await bench.post("1.2.8", flat(there))
            bench.application.commitments.store.begin(done, ())
            before = bench.application.commitments.store.finish(done)
        async with server(tmp_path) as bench:
            assert (await bench.get("1.2.8")).status_code == 202
            assert (await bench.post("1.2.8", flat(there))).status_code == 409
            assert bench.application.commitments.store.transaction(done) == before
            assert (await bench.get(done)).status_code == 200

    asyncio.run(story())


def test_a_restart_finishes_what_was_due(tmp_path):
    async def story():
        async with server(tmp_path, delay=0.2) as bench:
            there = await bench.store()
            assert (await bench.post("1.2.8", flat(there))).status_code == 202
        async with server(tmp_path) as bench:
            assert result_of(await bench.result("1.2.8"))[1][there.sop_instance_uid][-1] is None

    asyncio.run(story())


def test_two_servers_do_not_meet(tmp_path):
    async def story():
        async with server(tmp_path / "a") as one, server(tmp_path / "b") as other:
            await one.post("1.2.8", flat(named()))
            assert (await other.get("1.2.8")).status_code == 404

    asyncio.run(story())


# --- HTTP beneath -----------------------------------------------------------------------------------------------------


async def raw(bench, data, *, eof=False):
    host, port = httpx.URL(bench.base).host, httpx.URL(bench.base).port
    stream = await SystemNetwork().connect(host, port)
    try:
        await stream.send(data)
        if eof:
            await stream.send_eof()
        received = b""
        async with asyncio.timeout(5):
            while chunk := await stream.receive():
                received += chunk
        return received
    finally:
        stream.close()


@on_server()
async def test_strange_http_is_answered(bench):
    path = httpx.URL(bench.base).raw_path + b"/commitment-requests/1.2.3"
    assert (await raw(bench, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    assert (await raw(bench, b"GET " + path + b" HTTP/1.0\r\nAccept: */*\r\n\r\n")).startswith(b"HTTP/1.1 505 ")
    assert (await raw(bench, b"GET " + path + b" HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 400 ")  # no Host
    half = b"GET " + path + b" HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n"
    assert (await raw(bench, half, eof=True)).startswith(b"HTTP/1.1 404 ")
    two = half + half.replace(b"Accept", b"Connection: close\r\nAccept")
    assert (await raw(bench, two)).count(b"HTTP/1.1 404 ") == 2


@on_server()
async def test_chunked_requests_and_continue(bench):
    body = json.dumps(flat(named())).encode()
    path = httpx.URL(bench.base).raw_path + b"/commitment-requests/1.2.3"
    head = (
        b"POST "
        + path
        + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept: */*\r\nContent-Type: application/dicom+json\r\n"
    )
    data = (
        head
        + b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    )
    assert (await raw(bench, data)).split(b"\r\n")[0] in (b"HTTP/1.1 100 Continue", b"HTTP/1.1 202 Accepted")
    assert (await bench.get("1.2.3")).status_code in (200, 202)


# --- faults that no view of a well-formed exchange would show ---------------------------------------------------------


def faulty(name, mode=None, **options):
    """A test on a server with one fault; the server must not have tripped over it (``errors`` stays empty)."""

    def wrap(story):
        def test(tmp_path):
            async def run():
                async with server(tmp_path, mode, name, **options) as bench:
                    await story(bench)

            asyncio.run(run())

        return test

    return wrap


@faulty("closes-on-malformed")
async def test_fault_closes_on_malformed(bench):
    with pytest.raises(httpx.TransportError):
        await bench.post(bench.uid(), b"{")
    assert (await bench.post(bench.uid(), flat(named()))).status_code == 202


async def _raw_result(bench):
    uid = bench.uid()
    await bench.post(uid, flat(named()))
    path = httpx.URL(bench.url(uid)).raw_path
    return await raw(bench, b"GET " + path + b" HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nConnection: close\r\n\r\n")


@faulty("both-lengths", "synchronous")
async def test_fault_both_lengths(bench):
    head, _, body = (await _raw_result(bench)).partition(b"\r\n\r\n")
    assert b"content-length" in head.lower()
    assert b"transfer-encoding: chunked" in head.lower()
    size, _, rest = body.partition(b"\r\n")
    assert rest[int(size, 16) :] == b"\r\n0\r\n\r\n"


@faulty("no-length", "synchronous")
async def test_fault_no_length(bench):
    head, _, body = (await _raw_result(bench)).partition(b"\r\n\r\n")
    assert b"content-length" not in head.lower()
    assert b"transfer-encoding" not in head.lower()
    assert json.loads(body)


@faulty("no-date")
async def test_fault_no_date(bench):
    assert "date" not in (await bench.get("1.2.3")).headers


@faulty("check-before-visible")
async def test_fault_check_before_visible(bench):
    uid = bench.uid()
    assert (await bench.post(uid, flat(named()))).status_code == 202
    assert (await bench.get(uid)).status_code == 404
    assert (await bench.result(uid)).status_code == 200


@faulty("concurrent-duplicates-accepted")
async def test_fault_concurrent_duplicates_accepted(bench):
    uid = bench.uid()
    answers = await asyncio.gather(*(bench.post(uid, flat(named())) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [202] * 4
    assert (await bench.post(uid, flat(named()))).status_code == 409
    await bench.result(uid)


@faulty("result-changes")
async def test_fault_result_changes(bench):
    uid = bench.uid()
    await bench.post(uid, flat(await bench.store()))
    first = await bench.result(uid)
    assert (await bench.get(uid)).content != first.content


def test_unknown_mode_is_named():
    with pytest.raises(ValueError, match="unknown mode 'sync'"):
        settings("sync", NONE, {})


@faulty("token-ignored", "secured")
async def test_fault_token_ignored(bench):
    assert (await bench.post(bench.uid(), flat(named()))).status_code == 202


@faulty("no-challenge", "secured")
async def test_fault_no_challenge(bench):
    answer = await bench.post(bench.uid(), flat(named()))
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers


def test_large_lists_are_read_and_written_as_small_ones_are():
    """What is too large for pydicom's data sets goes another way, and must come to the same."""
    from stgcmt_suites.commitment.decisions import Asked, Decided
    from stgcmt_suites.origin_server import large
    from stgcmt_suites.origin_server.modules import references, response
    from stgcmt_suites.origin_server.representations import to_json

    asked = [Asked(MR, f"1.2.{n}", f"1.3.{n // 4}", f"1.4.{n // 2}") for n in range(8)]
    decided = [Decided(each, None if n % 3 else 0x0112) for n, each in enumerate(asked)]
    for structure in ("flat", "hierarchical"):
        for some in (decided, decided[:1], decided[1:2], []):
            assert json.loads(large.result_json(structure, some)) == json.loads(to_json(response(structure, some)))
            assert large.result_json(structure, some) == to_json(response(structure, some))
    for module in (flat(*asked), deep(*asked)):
        tree = json.loads(json.dumps(module))
        assert references(large.tree(tree)) == references(pydicom.Dataset.from_json(tree))


@pytest.mark.parametrize(
    "defect", [{"00081150": {"vr": "UI", "Value": []}}, {"00081155": {"vr": "UI", "Value": ["1.2", "1.3"]}}]
)
def test_defects_of_large_lists_are_found(defect, monkeypatch):
    from stgcmt_suites.origin_server import representations
    from stgcmt_suites.origin_server.modules import references
    from stgcmt_suites.origin_server.negotiate import RefusalError

    monkeypatch.setattr(representations, "LARGE_BYTES", 0)
    good = flat(named(), named())
    (read,) = representations.read(JSON, json.dumps(good).encode())
    assert len(references(read)[1]) == 2
    good["00081199"]["Value"][1] |= defect
    with pytest.raises(RefusalError) as refused:
        references(representations.read(JSON, json.dumps(good).encode())[0])
    assert refused.value.status == 400
