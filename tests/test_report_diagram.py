"""Sequence diagrams as data and as SVG: two lanes or four, marks, gaps, long labels; tag trees of the three encodings."""

from __future__ import annotations

import json
import random
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import reports_evidence as made
from stgcmt.wire import native_xml
from stgcmt_reports import decode, sequence, tagtree
from stgcmt_reports.detail import detail
from stgcmt_reports.detail_html import decoded_html
from stgcmt_reports.diagram import Gap, diagram
from stgcmt_reports.text import short_uids, visible

SVG = "{http://www.w3.org/2000/svg}"
LANES = ["client", "web face", "DIMSE face", "back end"]


def relayed(directory: Path):
    """A proxy between two systems: HTTP on the left, DIMSE on the right, the harness in neither place."""
    rec = made.Recording(directory, "proxy_to_dimse", "relayed", {"lanes": LANES})
    rec.event(
        "conn.open",
        conn=1,
        protocol="http",
        side="acceptor",
        local=["a", 1],
        peer=["b", 2],
        lanes=["web face", "client"],
    )
    rec.event("http.in", b"POST /commitment-requests/2.25.1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n", conn=1)
    rec.event("conn.open", conn=2, protocol="dimse", side="requestor", local=["a", 3], peer=["c", 104], lanes=LANES[2:])
    rec.event("dimse.out", made.pdu.encode_release_rq(), conn=2)
    at = rec.event("dimse.in", made.pdu.encode_release_rp(), conn=2)
    rec.event("http.out", b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", conn=1)
    return rec.done(), at


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def test_lanes_are_data_of_the_recording(tmp_path: Path) -> None:
    transcript, at = relayed(tmp_path)
    assert sequence.lanes(transcript) == tuple(LANES)
    ways = [(step.origin, step.target) for step in sequence.steps(transcript) if step.flow != sequence.HERE]
    assert ways == [
        ("client", "web face"), ("DIMSE face", "back end"), ("back end", "DIMSE face"), ("web face", "client"),
    ]  # fmt: skip
    plain, _ = made.web(tmp_path)
    assert sequence.lanes(plain) == ("harness", "SUT")


def test_four_lanes_show_the_link_that_broke(tmp_path: Path) -> None:
    transcript, at = relayed(tmp_path)
    svg = parsed(diagram(sequence.steps(transcript), LANES, name="x/y", title="t", cited={at}))
    names = [each.text for each in svg.iter(f"{SVG}text") if each.get("class") == "lane-name"]
    assert names == LANES
    xs = [float(each.get("x")) for each in svg.iter(f"{SVG}text") if each.get("class") == "lane-name"]
    (broken,) = [each for each in svg.iter(f"{SVG}path") if each.get("class") == "broken"]
    start = float(re.match(r"M(\S+)", broken.get("d"))[1])
    assert xs[2] < start < xs[3]
    marked = [each for each in svg.iter(f"{SVG}a") if "deviates" in each.get("class").split()]
    assert [each.get("data-e") for each in marked] == [str(at)]
    two = diagram(sequence.steps(transcript), LANES, name="x/y", title="t")
    assert "broken" not in two


FRONT_LINK, BACK_LINK = 0, 2  # between which lanes, counted from the left


@pytest.mark.parametrize(
    ("role", "fault", "row", "link", "said"),
    [
        ("proxy_to_dimse", "lost-means-committed", "PROXY-LOSS-01", FRONT_LINK, "200 OK"),
        ("proxy_to_dimse", "all-reasons-as-0110", "PROXY-REASON-01", FRONT_LINK, "200 OK"),
        ("proxy_to_dimse", "asks-more-behind", "PROXY-ASK-01", BACK_LINK, "N-ACTION-RQ"),
        ("proxy_to_web", "forgets-one-behind", "PROXY-ASK-01", BACK_LINK, "POST "),
        ("proxy_to_web", "commits-left-out", "PROXY-TRUTH-01", FRONT_LINK, "N-EVENT-REPORT-RQ"),
    ],
    ids=lambda each: str(each).strip(),
)
def test_the_link_that_broke_is_where_the_meaning_changed(role, fault, row, link, said) -> None:
    from stgcmt.selftest_cases import FAULT, Case, judged, record
    from stgcmt.suite import load_suites
    from stgcmt_reports.exchanges import excerpt
    from stgcmt_reports.sections import places

    suite, case = load_suites()[role], Case(role, FAULT, fault, rows=(row,))
    recording = record(suite, case)
    (found,) = [each for each in judged(suite, recording, case) if each.id == row]
    evidence = [each.as_json() for each in found.standing.evidence]
    cited, broken = places(evidence), places([each for each in evidence if each.get("deviates")])
    (name,) = broken
    svg = parsed(excerpt(name, recording.named()[name], set(cited[name]), broken[name]).svg)
    xs = [float(each.get("x")) for each in svg.iter(f"{SVG}text") if each.get("class") == "lane-name"]
    (bracket,) = [each for each in svg.iter(f"{SVG}path") if each.get("class") == "broken"]
    assert xs[link] < float(re.match(r"M(\S+)", bracket.get("d"))[1]) < xs[link + 1]
    (marked,) = [each for each in svg.iter(f"{SVG}a") if "deviates" in each.get("class").split()]
    assert said in marked.get("aria-label")


def test_the_diagram_marks_the_last_cited_message_of_the_sut_and_names_every_event(tmp_path: Path) -> None:
    transcript, at = made.web(tmp_path)
    steps = sequence.steps(transcript)
    svg = parsed(
        diagram(
            [*steps, Gap(3)],
            ("harness", "SUT"),
            name="a/b",
            title="t<>",
            cited={at["post"], at["accepted"], at["result"]},
        )
    )
    links = list(svg.iter(f"{SVG}a"))
    assert {int(n) for link in links for n in link.get("data-e").split()} == {event.n for event in transcript.events}
    marked = [link for link in links if "deviates" in link.get("class").split()]
    assert [int(link.get("data-e").split()[-1]) for link in marked] == [at["result"]]
    assert sum("cited" in link.get("class").split() for link in links) == 3
    assert all(link.get("aria-label").startswith("event ") for link in links)
    assert "3 steps not shown here" in "".join(svg.itertext())
    assert svg.get("aria-label") == "t<>"


def test_long_and_odd_labels_stay_inside(tmp_path: Path) -> None:
    rec = made.Recording(tmp_path, "origin_server", "odd")
    rec.event("conn.open", conn=1, protocol="http", side="requestor", local=["a", 1], peer=["b", 2])
    rec.event("http.out", b"GET /" + b"a" * 3000 + b"\x07\xff<b> HTTP/1.1\r\n\r\n", conn=1)
    svg = diagram(sequence.steps(rec.done()), ("harness", "SUT"), name="a/b", title="t")
    parsed(svg)
    assert "\x07" not in svg
    assert max(len(each) for each in re.findall(r'<text class="label"[^>]*>([^<]*)<', svg)) < 130


@pytest.mark.parametrize(("text", "shown"), [("a\x07b", "a\\x07b"), ("\u202ex", "\\u202ex"), ("\ud800", "\\ud800"), ("a\tb\r\nc", "a\tb\nc"), ("\u00e9\u4e2d", "\u00e9\u4e2d")], ids=["bell", "direction", "surrogate", "lines", "letters"])  # fmt: skip
def test_what_does_not_print_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_uids_are_shortened_by_their_middle() -> None:
    assert (
        short_uids("GET /x/2.25.54462816326797062521706927340054826767?a=1.2.3")
        == "GET /x/2.25.544\u2026826767?a=1.2.3"
    )


def names(nodes):
    return [(node.kind, node.tag, node.vr, node.name, node.value, names(node.inside)) for node in nodes]


def test_one_data_set_gives_one_tree_in_every_encoding(tmp_path: Path) -> None:
    value = {
        "00081199": {"vr": "SQ", "Value": [{"00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]}, "00081155": {"vr": "UI", "Value": ["2.25.1"]}}]},
        "00081198": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.2"]}, "00081197": {"vr": "US", "Value": [274]}}]},
    }  # fmt: skip
    text = json.dumps(dict(sorted(value.items())))
    of_json = tagtree.of_json(json.loads(text, object_pairs_hook=decode.Pairs))
    of_xml = tagtree.of_json(tagtree.pairs(native_xml.load(native_xml.dump(json.loads(text))).value))
    from stgcmt.wire import dataset

    raw = dataset.encode(
        [
            (0x00081198, "SQ", [[(0x00081155, "UI", "2.25.2"), (0x00081197, "US", 274)]]),
            (0x00081199, "SQ", [[(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), (0x00081155, "UI", "2.25.1")]]),
        ],
        dataset.EXPLICIT_VR_LE,
    )
    of_bytes = tagtree.of_data_set(dataset.read(raw, dataset.EXPLICIT_VR_LE, decode.DICTIONARY))
    assert names(of_json) == names(of_xml) == names(of_bytes)
    assert names(of_json)[1][:5] == ("attribute", "(0008,1199)", "SQ", "Referenced SOP Sequence", "1 item")
    assert of_json[0].inside[0].inside[1].value == "274 (0112H)"
    assert of_json[1].inside[0].inside[0].value.endswith("(CT Image Storage)")


def test_a_tree_heals_nothing_and_ends() -> None:
    twice = json.loads(
        '{"00081197":{"vr":"US","Value":["274"]},"00081197":{"vr":"US"},"00081198":{"vr":"SQ","Value":[3]}}',
        object_pairs_hook=decode.Pairs,
    )
    shown = tagtree.of_json(twice)
    assert '"274" (a JSON string)' in shown[0].value
    assert shown[1].value == "no value"
    assert shown[1].inside[0].kind == "defect"
    long = decode.Pairs(
        [
            (
                "00081199",
                decode.Pairs(
                    [
                        ("vr", "SQ"),
                        (
                            "Value",
                            [decode.Pairs([("00081155", decode.Pairs([("vr", "UI"), ("Value", ["2.25.1"])]))])] * 5000,
                        ),
                    ]
                ),
            )
        ]
    )
    tree = tagtree.of_json(long)
    assert tree[-1].kind == "cut"
    assert len(tree[0].inside) <= tagtree.NODES
    assert tagtree.of_json({"a": 1}) == tagtree.of_json([]) == tagtree.of_json(decode.Pairs([("patient", 1)])) == ()


def test_random_bytes_give_details_and_never_raise(tmp_path: Path) -> None:
    source = random.Random(11)
    bodies = [
        b"<a>" * 3000,
        b"[" * 4000,
        b"{" * 90,
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"\x00" * 128 + b"DICM" + b"\x02\x00\x10\x00UI\x02\x001\x00",
        b'{"00081199":{"vr":"SQ","Value":[[[{}]]]}}',
    ]
    for round_ in range(60):
        rec = made.Recording(tmp_path, "scp", f"noise{round_}")
        kind = source.choice(["http", "dimse"])
        rec.event("conn.open", conn=1, protocol=kind, side="requestor", local=["a", 1], peer=["b", 2])
        body = source.choice([*bodies, source.randbytes(90)])
        media = source.choice(
            ["application/dicom+json", "application/dicom+xml", "multipart/related; boundary=b", "text/plain", ""]
        )
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        rec.event(f"{kind}.out", b"GET / HTTP/1.1\r\n\r\n" if kind == "http" else source.randbytes(40), conn=1)
        rec.event(f"{kind}.in", head + body if kind == "http" else b"\x04\0\0\0\0\x20" + source.randbytes(32), conn=1)
        for step in sequence.steps(rec.done()):
            found = detail(step)
            assert not [defect for defect in found.defects if defect.startswith("cannot be shown")], found.defects
            assert "\x00" not in decoded_html(found)


def test_facts_are_told_in_words_and_not_as_python_prints_them(tmp_path: Path) -> None:
    rec = made.Recording(tmp_path, "scp", "facts")
    rec.event(
        "provoke", name="delete", ok=True, detail="status 204", values={"sop_instance_uid": "2.25.1", "again": True}
    )
    rec.event("trigger", action="started", how="url", sop_instance_uids=["2.25.1", "2.25.2"])
    rec.event("note", what="reachable", host="127.0.0.1", port=104, ok=False, detail="")
    told = [step.label for step in sequence.steps(rec.done())]
    assert told == [
        "SUT provoked: delete, detail status 204, sop instance uid 2.25.1, again yes",
        "SUT triggered: started, how url, sop instance uids 2.25.1, 2.25.2",
        "note: reachable, host 127.0.0.1, port 104, ok no",
    ]
