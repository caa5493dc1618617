"""Damaged bodies, repeated references, several parts, a wrong study, what comes back: checks on hand-made recordings."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from stgcmt.transcript import Transcript
from stgcmt.verdict import Verdict
from stgcmt.views.stored import changed
from stgcmt.wire import multipart, native_xml
from stgcmt_fixtures.instances import counted_uids, make
from stgcmt_suites.commitment.representation import Representation
from stgcmt_suites.commitment.web_module import read_module
from stgcmt_suites.origin_server import damage
from stgcmt_suites.origin_server.asking import kept_pending
from stgcmt_suites.origin_server.requests import MALFORMED, Named, body, flat, hierarchical, in_study
from stgcmt_suites.origin_server.views import commitment, uids_of, valid_uid
from test_origin_server_suite_checks import CT, A, B, request, response, result, run, talk, verdict

GOOD, DEEP = flat([A]), hierarchical([A])
C = Named(CT, "1.2.3.3", "1.2.3", "1.2.3.0")


def post(
    step: str, status: int, content: bytes = b"", *, asked: bytes = body(GOOD), uid: str = ""
) -> tuple[str, bytes, bytes]:
    return step, request("POST", uid or f"1.2.{sum(step.encode())}", asked), response(status, content)


# --- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", damage.damaged_xml(GOOD, DEEP))
def test_damaged_xml_has_no_request_module(name: str) -> None:
    content = damage.damaged_xml(GOOD, DEEP)[name]
    assert content != native_xml.dump(GOOD)
    module = read_module(native_xml.load(content).value)
    assert not module.readable or module.flaws or not module.references, module


@pytest.mark.parametrize("name", damage.damaged_multipart(GOOD))
def test_damaged_multipart_has_no_request_module(name: str) -> None:
    kind, content = damage.damaged_multipart(GOOD)[name]
    found = multipart.split(content, None if "boundary" not in kind else kind.partition("boundary=")[2])
    modules = [Representation(part.media_type, part.content).module for part in found.parts]
    assert not any(module.readable and module.references and not module.flaws for module in modules)


@pytest.mark.parametrize("name", damage.loose_multipart(GOOD))
def test_loose_multipart_still_has_its_module(name: str) -> None:
    kind, content = damage.loose_multipart(GOOD)[name]
    assert (kind, content) != (damage.WRAPPED, damage.wrapped(body(GOOD)))
    assert body(GOOD) in content


@pytest.mark.parametrize("name", damage.INVALID_UIDS)
def test_invalid_uids_differ_from_a_good_module_in_one_value(name: str) -> None:
    module = read_module(damage.INVALID_UIDS[name](GOOD, DEEP))
    (reference,) = module.references
    (good,) = read_module(GOOD if module.structure == "flat" else DEEP).references
    wrong = [
        (ours, theirs)
        for ours, theirs in zip(dataclasses.astuple(reference), dataclasses.astuple(good), strict=True)
        if ours != theirs
    ]
    assert len(wrong) == 1
    assert not valid_uid(wrong[0][0])
    assert valid_uid(wrong[0][1])


def _malformed(xml: tuple[int, int], multi: tuple[int, int, int], uid: bytes = response(400)) -> Verdict:
    modules = talk(
        "malformed_modules", post("control-flat", 202), post("control-hierarchical", 202), post("defect-x", 400),
        ("uid-x", request("POST", "1.2.7", body(damage.INVALID_UIDS["instance-letters"](GOOD, DEEP))), uid),
    )  # fmt: skip
    bodies = talk("malformed_bodies", post("control", 202), post("defect-y", 400))
    in_xml = talk("malformed_xml", post("control", xml[0]), *([post("defect-z", xml[1])] if xml[1] else []))
    sent = [post("defect-p", multi[1]), post("loose-p", multi[2])] if multi[1] else []
    in_parts = talk("malformed_multipart", post("control", multi[0]), *sent)
    found = verdict("test_malformed_modules_are_refused", modules, bodies, in_xml, in_parts)
    return found.verdict, found.outcome


@pytest.mark.parametrize(
    ("xml", "multi", "expects"),
    [
        ((202, 400), (202, 400, 400), (Verdict.PASS, None)),
        ((202, 202), (202, 400, 400), (Verdict.FAIL, "violation")),
        ((202, 500), (202, 400, 400), (Verdict.FAIL, "violation")),
        ((202, 422), (202, 400, 400), (Verdict.WARN, "other-refusal")),
        ((202, 400), (202, 202, 400), (Verdict.FAIL, "violation")),
        ((202, 400), (202, 400, 202), (Verdict.NOTE, "loose-multipart-accepted")),
        ((202, 400), (202, 400, 500), (Verdict.FAIL, "violation")),
        ((415, 0), (415, 0, 0), (Verdict.NOTE, "fewer-media-types")),
        ((202, 400), (503, 0, 0), (Verdict.INCONCLUSIVE, None)),
        ((404, 0), (202, 400, 400), (Verdict.INCONCLUSIVE, None)),
    ],
)
def test_malformed_bodies_of_each_type(xml, multi, expects) -> None:
    assert _malformed(xml, multi) == expects


def test_an_invalid_uid_may_fail_but_not_be_committed() -> None:
    bad = Named(CT, A.sop_instance_uid[:-1] + "x")
    good = ((202, 400), (202, 400, 400))
    assert _malformed(*good, uid=response(202)) == (Verdict.WARN, "invalid-uid-accepted")
    assert _malformed(*good, uid=response(200, result([], [(bad, 274)]))) == (Verdict.WARN, "invalid-uid-accepted")
    assert _malformed(*good, uid=response(200, result([bad]))) == (Verdict.FAIL, "violation")


def test_a_malformed_body_leaves_no_transaction() -> None:
    def refused(left: int, again: int) -> Verdict:
        first = talk("refused_requests", post("control", 202), post("refused-module", 400), post("left-module", 404))
        spent = request("POST", "1.2.77", body(GOOD))
        xml = talk(
            "malformed_xml", post("control", 202), ("defect-truncated", spent, response(400)),
            ("left-truncated", request("GET", "1.2.77"), response(left)), ("again-truncated", spent, response(again)),
        )  # fmt: skip
        return verdict("test_a_refusal_leaves_no_transaction", first, xml, talk("malformed_multipart")).verdict

    assert refused(404, 202) is Verdict.PASS
    assert refused(202, 202) is Verdict.WARN
    assert refused(404, 409) is Verdict.WARN


# --- repeated references ----------------------------------------------------------------------------------------------

TWICE = body(flat([A, C, B, A, C]))
STUDIES = body(hierarchical([A, B, in_study(A, "1.2.4")]))


def _both(committed=(), failed=()) -> bytes:
    """A hierarchical result."""
    module = hierarchical(committed)
    assert not failed
    return body(module)


GOOD_STUDIES = response(200, _both([A, B, in_study(A, "1.2.4")]))


@pytest.mark.parametrize(
    ("twice", "studies", "expects"),
    [
        (response(200, result([A, B], [(C, 274)])), GOOD_STUDIES, (Verdict.PASS, None)),
        (response(200, result([A, B], [(C, 274)])), response(200, _both([A, B])), (Verdict.PASS, None)),
        (response(200, result([B, A, A], [(C, 274), (C, 274)])), GOOD_STUDIES, (Verdict.NOTE, "repeated-twice")),
        (response(200, result([A, B], [(C, 274), (A, 272)])), GOOD_STUDIES, (Verdict.FAIL, "violation")),
        (response(200, result([B])), GOOD_STUDIES, (Verdict.FAIL, "violation")),
        (response(200, result([A, B], [(C, 274)])), response(200, _both([B])), (Verdict.FAIL, "violation")),
        (response(400), GOOD_STUDIES, (Verdict.NOTE, "repeated-refused")),
        (response(400), response(409), (Verdict.WARN, "repeated-refused-otherwise")),
        (response(500), GOOD_STUDIES, (Verdict.FAIL, "violation")),
        (response(202), GOOD_STUDIES, (Verdict.INCONCLUSIVE, None)),
    ],
)
def test_repeated_references(twice: bytes, studies: bytes, expects) -> None:
    t = talk(
        "repeated_references", post("control", 200, result([A, B], [(C, 274)])), post("control-studies", 202),
        ("twice", request("POST", "1.2.9", TWICE), twice), ("two-studies", request("POST", "1.2.8", STUDIES), studies),
    )  # fmt: skip
    found = verdict("test_a_repeated_reference_has_one_verdict", t)
    assert (found.verdict, found.outcome) == expects


# --- parts ------------------------------------------------------------------------------------------------------------


def _wrapped_request(uid: str, *modules) -> bytes:
    content = damage.wrapped(*(body(module) for module in modules))
    head = (
        f"POST /pacs/commitment-requests/{uid} HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nContent-Type: {damage.WRAPPED}\r\n"
    )
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def test_every_part_of_a_request_is_read() -> None:
    t = talk("two_parts", ("two-parts", _wrapped_request("1.2.9", flat([A, B]), flat([C])), response(202)))
    assert [uids_of(part) for part in commitment(t).one("two-parts").parts] == [["1.2.3.1", "1.2.3.2"], ["1.2.3.3"]]


@pytest.mark.parametrize(
    ("single", "double", "expects"),
    [
        (response(200, result([A])), response(200, result([A, C])), (Verdict.PASS, None)),
        (response(200, result([A])), response(200, result([A])), (Verdict.FAIL, "violation")),
        (response(200, result([A])), response(400), (Verdict.NOTE, "two-parts-refused")),
        (response(200, result([A])), response(500), (Verdict.FAIL, "violation")),
        (response(200, result([A])), response(202), (Verdict.INCONCLUSIVE, None)),
        (response(200, b"{}"), response(200, b"{}"), (Verdict.INCONCLUSIVE, None)),
        (response(415), b"", (Verdict.WARN, "other-type-refused")),
        (response(404), b"", (Verdict.INCONCLUSIVE, None)),
    ],
)
def test_two_parts(single: bytes, double: bytes, expects) -> None:
    sent = [("two-parts", _wrapped_request("1.2.9", flat([A]), flat([C])), double)] if double else []
    t = talk("two_parts", ("control", _wrapped_request("1.2.8", flat([A])), single), *sent)
    found = verdict("test_two_parts_are_covered_or_refused", t)
    assert (found.verdict, found.outcome) == expects


# --- a wrong study ----------------------------------------------------------------------------------------------------


def _study(answer: bytes, *, late_s: float = 0.0) -> tuple[Verdict, str | None]:
    wrong = hierarchical([A, in_study(B, "1.2.99")])
    t = talk(
        "wrong_study",
        ("control", request("POST", "1.2.8", body(hierarchical([A, B]))), response(200, _both([A, B]))),
        ("request", request("POST", "1.2.9", body(wrong)), answer),
    )
    late = [
        dataclasses.replace(e, t=e.t + int(late_s * 1e9)) if e.kind == "http.in" and e.step == "request" else e
        for e in t.events
    ]
    found = verdict("test_what_a_wrong_study_does_is_told", t.with_events(late), run())
    return found.verdict, found.outcome


def _failed(reason: int) -> bytes:
    module = hierarchical([in_study(B, "1.2.99")])["00081110"]
    leaf = module["Value"][0]["00081115"]["Value"][0]["00081112"]["Value"][0]["0008114A"]["Value"][0]
    leaf["00081197"] = {"vr": "US", "Value": [reason]}
    return body(hierarchical([A]) | {"0008119B": module})


def test_what_is_told_of_a_wrong_study() -> None:
    committed = response(200, _both([A, in_study(B, "1.2.99")]))
    assert _study(committed) == (Verdict.NOTE, "context-ignored")
    assert _study(response(200, _failed(0x0112))) == (Verdict.NOTE, "context-minded")
    assert _study(response(200, _failed(0x0131))) == (Verdict.WARN, "context-other-reason")
    assert _study(committed, late_s=9.0) == (Verdict.NOTE, "context-delayed")
    assert _study(response(202)) == (Verdict.WARN, "context-lost")
    assert _study(response(400)) == (Verdict.WARN, "context-refused")
    assert _study(response(503)) == (Verdict.INCONCLUSIVE, None)
    assert _study(response(200, _both([A]))) == (Verdict.INCONCLUSIVE, None)


# --- what comes back --------------------------------------------------------------------------------------------------

UID = counted_uids()
STORED = make("private-attributes", uid=UID)


def _stow(content: bytes) -> bytes:
    whole = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--b--\r\n"
    return f"POST /pacs/studies HTTP/1.1\r\nHost: h\r\nContent-Length: {len(whole)}\r\n\r\n".encode() + whole


def _wado(content: bytes) -> bytes:
    whole = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--b--\r\n"
    return response(200, whole, 'Content-Type: multipart/related; boundary=b; type="application/dicom"\r\n')


def _read_back(content: bytes) -> Transcript:
    asked = b"GET /pacs/studies/1/series/2/instances/3 HTTP/1.1\r\nHost: h\r\n\r\n"
    return talk(
        "committed_and_retrieved",
        ("seed", _stow(STORED.part10()), response(200)),
        ("request", request("POST", "1.2.9", body(flat([STORED]))), response(200, result([STORED]))),
        ("retrieve", asked, _wado(content)),
    )


def test_what_comes_back_is_compared_with_what_was_stored() -> None:
    from stgcmt_suites.origin_server.rewriting import rewritten

    uid, syntax = STORED.sop_instance_uid, STORED.transfer_syntax_uid

    def compared(*switches: str):
        return changed(_read_back(rewritten(STORED.part10(), syntax, switches)[0]), uid)

    assert compared() == ([], "")
    assert compared("enriches") == ([], "")
    assert compared("transcodes") == ([], "1.2.840.10008.1.2")
    assert compared("coerces") == (["(0010,0010) has another value"], "")
    assert compared("gives-back-other-pixels") == (["(7FE0,0010) has another value"], "")
    assert "(0099,1001) is gone" in compared("gives-back-less")[0]
    assert changed(_read_back(b"no DICOM"), uid) is None


# --- work that is kept pending ----------------------------------------------------------------------------------------


class Playing:
    def __init__(self) -> None:
        self.said: list[str] = []

    async def provoke(self, name: str, *, sop_instance_uid: str) -> bool:
        self.said.append(f"{name} {sop_instance_uid}")
        return True


def test_what_is_kept_pending_is_released_whatever_happens() -> None:
    play = Playing()

    async def story(instance) -> None:
        async with kept_pending(play, instance):
            play.said.append("asked")
            raise ValueError

    with pytest.raises(ValueError):
        asyncio.run(story(STORED))
    uid = STORED.sop_instance_uid
    assert play.said == [f"keep-pending {uid}", "asked", f"release {uid}"]
    play.said.clear()
    with pytest.raises(ValueError):
        asyncio.run(story(A))  # what was there before the run belongs to others, too
    assert play.said == ["asked"]


def test_modules_with_defects_are_told_in_xml_as_well() -> None:
    assert set(damage._MODULES) <= MALFORMED.keys()
