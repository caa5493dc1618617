"""Lies that a proxy may tell in front, for mutants of recordings: a result made up, and failures told as commitments."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Iterator

from stgcmt.mutation import Edit, rebuilt
from stgcmt.mutation_http import Piece, pieces
from stgcmt.suite import Event, Transcript
from stgcmt_suites.proxies.links import Front, links

_STATUS = re.compile(rb"^(HTTP/1\.1) \d{3}[^\r\n]*")
_FAILED, _COMMITTED = b"\x08\x00\x98\x11", b"\x08\x00\x99\x11"


def makes_up_a_result(transcript: Transcript) -> Iterator[Edit]:
    """An answer in front that has no payload becomes a result that commits everything."""
    if transcript.header.role != "proxy_to_dimse":
        return
    fronts = {link.front.uid: link.front for link in links(transcript).links}
    for piece in pieces(transcript):
        request = piece.exchange.request
        front = fronts.get(request.target.rpartition("/")[2]) if request is not None else None
        if front is not None and not piece.body:
            what = f"in step {piece.exchange.step}"
            yield Edit("a result made up", what, functools.partial(_committing, piece, front))


def _committing(piece: Piece, front: Front) -> Transcript:
    def text(value: str) -> dict[str, object]:
        return {"vr": "UI", "Value": [value]}

    items = [{"00081150": text(one.sop_class_uid), "00081155": text(one.sop_instance_uid)} for one in front.asked]
    body = json.dumps({"00081199": {"vr": "SQ", "Value": items}}).encode()
    head = _STATUS.sub(rb"\1 200 OK", piece.head)
    if b"content-length:" not in head.lower():
        head += b"\r\nContent-Length: 0"
    return piece.put(head + b"\r\nContent-Type: application/dicom+json", body)


def commits_what_failed(transcript: Transcript) -> Iterator[Edit]:
    """A report in front lists under Referenced SOP Sequence what stood under Failed SOP Sequence."""
    if transcript.header.role != "proxy_to_web":
        return
    for event in transcript.of("dimse.in"):
        if _FAILED in event.data and _COMMITTED not in event.data:
            yield Edit("failures told as commitments", f"event {event.n}", functools.partial(_told, transcript, event))


def _told(transcript: Transcript, event: Event) -> Transcript:
    changed = dataclasses.replace(event, data=event.data.replace(_FAILED, _COMMITTED))
    return rebuilt(transcript, [changed if each is event else each for each in transcript.events])


MUTATIONS = (makes_up_a_result, commits_what_failed)
