"""A foreign origin server (http.server and pydicom) beside the reference: every difference in verdict is known by its reason."""

from __future__ import annotations

import pytest

from peer_runs import PEERS, Difference, Rows, complaints, differing, imported, results, rows, start

NO_XML = "It serves no native XML, so that no result comes in that form."
NO_SECOND = "DICOM JSON is its only type: there is no second one to choose."
NO_MULTIPART = "It serves nothing as multipart."
JSON_ONLY = "A Result Check that accepts {} is answered 406: results come as DICOM JSON alone."
NO_OPTIONS = "OPTIONS on the Base URI is answered 501: http.server knows no method that nobody wrote."
NO_ACCEPT = "A finished result comes as DICOM JSON to a Result Check without Accept; the reference answers 406."

DIFFERENCES = {
    "WEB-13.1.2-01": Difference("inconclusive", NO_SECOND),
    "WEB-13.1.3-02": Difference("fail", JSON_ONLY.format("`application/dicom+xml`")),
    "WEB-13.1.3-03": Difference("fail", JSON_ONLY.format('`multipart/related; type="application/dicom+json"`')),
    "WEB-13.1.3-04": Difference("fail", JSON_ONLY.format('`multipart/related; type="application/dicom+xml"`')),
    "WEB-13.2-04": Difference("fail", NO_OPTIONS),
    "WEB-13.4.1-10": Difference("warn", "A Request in native XML, or in multipart of either form, is answered 415."),
    "WEB-13.5.1-02": Difference("fail", NO_ACCEPT),
    "WEB-13.5.1-04": Difference("inconclusive", NO_SECOND),
    "WEB-8.3.3-01": Difference("inconclusive", NO_SECOND),
    "WEB-8.4.2-03": Difference("note", "Its results have no Content-Location."),
    "WEB-8.5-01": Difference("not-applicable", "It has no configuration that asks for credentials, and claims so."),
    "WEB-8.5-405": Difference("warn", "PUT on a transaction is answered 501, not 405 with Allow."),
    "WEB-8.6-02": Difference("inconclusive", NO_MULTIPART),
    "WEB-8.6-03": Difference("inconclusive", NO_MULTIPART),
    "WEB-8.7.1-01": Difference("inconclusive", NO_MULTIPART),
    "WEB-8.7.5-01": Difference("fail", NO_ACCEPT),
    "WEB-8.7.5-02": Difference(
        "note",
        "A rendered type beside DICOM JSON is passed over and the result comes; the reference answers 400. "
        "8.7.5 asks for 400, 8.7.7 lets a server ignore what it does not support.",
    ),
    "WEB-8.7.8-01": Difference("inconclusive", NO_SECOND),
    "WEB-8.9-01": Difference("fail", NO_OPTIONS),
    "WEB-F.2.2-02": Difference(
        "warn",
        "pydicom writes the attributes of an item in the order in which the program set them: 0020000D before 00081115. "
        "An example of the standard itself is out of order, so that this fails only with `--strict`.",
    ),
    "WEB-H-01": Difference("inconclusive", "Without an answer to OPTIONS there is no description to read."),
    "WEB-HTTP-CACHE-01": Difference("note", "Its answers have no Cache-Control."),
    "WEB-HTTP-HEAD-01": Difference("warn", "HEAD is answered 501."),
    "WEB-HTTP-OPTIONS-01": Difference("warn", "OPTIONS on a transaction is answered 501 without Allow."),
    "WEB-J.1-05": Difference(
        "note",
        "Malformed JSON is refused; nothing malformed is sent in native XML or multipart, which it does not take.",
    ),
    "WEB-J.2-03": Difference(
        "note",
        "An instance that a request names twice stands in the result twice; the standard does not say what becomes of it.",
    ),
    "WEB-J.2-10": Difference(
        "fail",
        "An instance in a JPIP Referenced transfer syntax is stored and committed, though only a link to its pixel data is held.",
    ),
    "WEB-P19-01": Difference("inconclusive", NO_XML),
    "WEB-P19-02": Difference("inconclusive", NO_XML),
    "WEB-P19-03": Difference("inconclusive", NO_XML),
    "WEB-P19-04": Difference("inconclusive", NO_XML),
    "WEB-P19-05": Difference("inconclusive", NO_XML),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[dict, Rows]:
    """The results of the peer and the rows of the reference; the runs wait at the same time."""
    directory = tmp_path_factory.mktemp("peers")
    peer = start(directory / "peer", str(PEERS / "origin_server.toml"))
    reference = start(directory / "reference", "--role", "origin-server")
    return results(peer), rows(results(reference))


@pytest.mark.slow
def test_every_difference_is_listed_and_every_listed_one_is_seen(both) -> None:
    assert complaints(rows(both[0]), both[1], DIFFERENCES) == []


@pytest.mark.slow
def test_the_foreign_server_is_judged_as_a_whole(both) -> None:
    found, reference = both
    assert found["exit_code"] == 1
    assert {each["state"] for each in found["scenarios"]} == {"complete"}
    peer = rows(found)
    agreeing = [ident for ident, row in peer.items() if row["verdict"] == "pass" == reference[ident]["verdict"]]
    assert len(agreeing) > 80  # nothing is learned from a server that agrees on little
    for ident, verdict in differing(peer, reference).items():
        cited = [each for each in peer[ident]["evidence"] if each["event"]]
        assert cited or verdict not in ("fail", "warn"), ident


def test_the_foreign_server_shares_nothing_with_us() -> None:
    assert not any(name.startswith("stgcmt") for name in imported(PEERS / "origin_server.py"))
    assert "pydicom" in imported(PEERS / "origin_server.py")


def test_a_table_is_held_to_what_is_seen() -> None:
    """Neither an unlisted difference passes, nor a listed one that is gone or has another verdict."""
    reference = {name: {"verdict": "pass", "message": ""} for name in "abcd"}
    peer = {**reference, **{name: {"verdict": "fail", "message": "seen"} for name in "ab"}}
    table = {"a": Difference("fail", "…"), "b": Difference("warn", "…"), "c": Difference("note", "…")}
    assert complaints(peer, reference, table | {"b": Difference("fail", "…")} | {"c": Difference("note", "…")}) == [
        "c: listed as note, seen pass (reference pass): "
    ]
    assert [each[0] for each in complaints(peer, reference, table)] == ["b", "c"]
    assert complaints(peer, reference, {"a": Difference("fail", "…")}) == [
        "b: listed as no difference, seen fail (reference pass): seen"
    ]
