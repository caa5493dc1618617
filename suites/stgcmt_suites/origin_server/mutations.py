"""What never belongs into a result of an origin server, and where a result must not lead, for mutants of recordings."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator

from stgcmt.mutation import Edit
from stgcmt.mutation_http import inserting, pieces
from stgcmt.suite import Transcript

_LOCATION = re.compile(rb"(?im)^content-location:.*$")
RESOURCE = b"commitment-requests"
_STATUS = re.compile(rb"^(HTTP/1\.1) \d{3}")


def calls_missing(transcript: Transcript) -> Iterator[Edit]:
    """The first committed instance of a flat result is failed as one that is not there (0112H)."""
    for piece in pieces(transcript):
        try:
            module = json.loads(piece.body)
            first, *others = module["00081199"]["Value"]
            failed = [{**first, "00081197": {"vr": "US", "Value": [274]}}, *module.get("00081198", {}).get("Value", [])]
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # no flat result in JSON
        told = {"00081198": {"vr": "SQ", "Value": failed}}
        body = json.dumps(told | ({"00081199": {"vr": "SQ", "Value": others}} if others else {})).encode()
        what = f"in step {piece.exchange.step}"
        yield Edit("committed, then failed as missing", what, functools.partial(piece.put, piece.head, body))


def leads_nowhere(transcript: Transcript) -> Iterator[Edit]:
    """Content-Location names something else than the transaction, and nothing is found there."""
    steps = {piece.exchange.step for piece in pieces(transcript)}
    if "content-location" in steps:
        yield Edit("content-location leads nowhere", "every response", lambda: _lost(transcript))


def _lost(transcript: Transcript) -> Transcript:
    mutant = transcript
    for number in range(len(list(pieces(transcript)))):
        piece = list(pieces(mutant))[number]
        head = _LOCATION.sub(b"content-location: elsewhere\r", piece.head).replace(b"\r\r", b"\r")
        if piece.exchange.step == "content-location":
            head = _STATUS.sub(rb"\1 404", head)
        mutant = piece.put(head.removesuffix(b"\r"), piece.body)
    return mutant


def forgets_the_resource(transcript: Transcript) -> Iterator[Edit]:
    """Descriptions of capabilities name another resource."""
    if any(RESOURCE in piece.body for piece in pieces(transcript)):
        yield Edit("resource not named", "every description", lambda: _unnamed(transcript))


def _unnamed(transcript: Transcript) -> Transcript:
    mutant = transcript
    for number in range(len(list(pieces(transcript)))):
        piece = list(pieces(mutant))[number]
        mutant = piece.put(piece.head, piece.body.replace(RESOURCE, RESOURCE[::-1]))
    return mutant


MUTATIONS = (
    inserting(
        {
            "00081195": {"vr": "UI", "Value": ["2.25.1"]},  # Transaction UID: it stands in the target
            "00080054": {"vr": "AE", "Value": ["MUTANT"]},  # Retrieve AE Title: it belongs to DIMSE
        }
    ),
    calls_missing,
    leads_nowhere,
    forgets_the_resource,
)
