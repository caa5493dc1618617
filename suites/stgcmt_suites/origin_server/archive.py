"""Enough of an archive to seed and to verify: STOW-RS, WADO-RS of one instance, and the vendor's hidden commands."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stgcmt_suites.commitment.store import Held, Store
from stgcmt_suites.origin_server.answers import header
from stgcmt_suites.origin_server.commitments import Commitments, header_type
from stgcmt_suites.origin_server.negotiate import RELATED, MediaType, RefusalError, parse, ranges
from stgcmt_suites.origin_server.representations import split
from stgcmt_suites.origin_server.rewriting import rewritten

DICOM = "application/dicom"
PRELOADED = 12  # more than any scenario asks for
MARKS = {"keep-pending": "pending", "exhaust": "exhausted", "break": "broken", "unavailable": "unavailable"}


def preload(store: Store) -> None:
    """Fill an empty store with instances of common classes, for a server that nothing can be stored to."""
    from stgcmt_fixtures.instances import make  # noqa: PLC0415 - start-up

    for number in range(0 if store.instances() else PRELOADED):
        store.add_part10(make(("ct", "mr", "sc")[number % 3], uid=_fresh_uid).part10())


def _fresh_uid() -> str:
    """A UID from a UUID (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


class Archive:
    """Instances of one store over HTTP."""

    def __init__(self, store: Store, commitments: Commitments, prefix: str) -> None:
        self.store, self.commitments, self.prefix = store, commitments, prefix

    # --- STOW-RS (10.5)

    def stow(self, request: Request, body: bytes) -> Response:
        """Store each part of a multipart/related body; 200 all, 202 some, 409 none."""
        if "preloaded-only" in self.store.faults:
            raise RefusalError(405, "Nothing can be stored here.", Allow="OPTIONS")
        content_type = header_type(request) or ""
        found = parse(content_type)
        if found is None or found.name != RELATED or found.parameters.get("type", "").lower() != DICOM:
            raise RefusalError(415, f'Instances come as {RELATED}; type="{DICOM}".')
        stored, refused = [], 0
        for _, content in split(content_type, body):
            try:
                stored.append(self.store.add_part10(content))
            except ValueError:
                refused += 1
        answer: dict[str, Any] = {}
        if refused:  # what cannot be read has no UID to name
            answer["00081198"] = {"vr": "SQ", "Value": [{"00081197": _us(0xC000)}] * refused}
        if stored:
            answer["00081199"] = {"vr": "SQ", "Value": [self._stored(each) for each in stored]}
        status = 200 if not refused else 202 if stored else 409
        return Response(
            json.dumps(answer), status, {"content-type": "application/dicom+json", "cache-control": "no-store"}
        )

    def _stored(self, held: Held) -> dict[str, Any]:
        return {
            "00081150": {"vr": "UI", "Value": [held.sop_class_uid]},
            "00081155": {"vr": "UI", "Value": [held.sop_instance_uid]},
            "00081190": {"vr": "UR", "Value": [self._path(held)]},
        }

    def _path(self, held: Held) -> str:
        return (
            f"{self.prefix}/studies/{held.study_instance_uid}/series/{held.series_instance_uid}"
            f"/instances/{held.sop_instance_uid}"
        )

    # --- WADO-RS (10.4)

    def wado(self, request: Request) -> Response:
        """One instance, byte for byte as it was stored."""
        names = request.path_params
        held = self.store.instance(names["instance"])
        if "committed-not-retrievable" in self.store.faults:
            raise RefusalError(404, "There is no such instance.")
        if held is None or (held.study_instance_uid, held.series_instance_uid) != (names["study"], names["series"]):
            raise RefusalError(404, "There is no such instance.")
        wanted = [each for each in ranges(header(request, "accept") or "") if _wanted(each, held)]
        if not wanted:
            raise RefusalError(406, f'Instances come as {RELATED}; type="{DICOM}", in their own transfer syntax.')
        best = max(wanted, key=lambda each: each.q)
        data, syntax = rewritten(self.store.part10(held), held.transfer_syntax_uid, self.store.faults)
        own = f"{DICOM}; transfer-syntax={syntax}"
        if best.name == DICOM:
            return Response(data, 200, {"content-type": own, "cache-control": "no-store"})
        boundary = f"stgcmt-{held.file.partition('.')[0]}"
        fields = (f"Content-Type: {own}", f"Content-Length: {len(data)}", f"Content-Location: {self._path(held)}")
        head = "\r\n".join((f"--{boundary}", *fields, "", ""))
        content_type = f'{RELATED}; type="{DICOM}"; boundary={boundary}'
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        return Response(body, 200, {"content-type": content_type, "cache-control": "no-store"})

    # --- hidden commands of the vendor, for [provoke]

    def vendor(self, request: Request) -> Response:
        """Bring the server into a state: ``POST {base}/vendor/COMMAND?sop_instance_uid=…`` (or ``transaction_uid``)."""
        command = request.path_params["command"]
        uid = request.query_params.get("sop_instance_uid", "")
        store = self.store
        commands: dict[str, Callable[[], object]] = {
            "delete": lambda: (
                "commits-deleted" in store.faults or store.delete(uid)
            ),  # the index that commits is not told
            "lose": lambda: store.lose_file(uid),
            "corrupt": lambda: store.corrupt(uid),
            "release": lambda: self._release(uid),
            "expire": lambda: store.expire(request.query_params.get("transaction_uid", "")),
            **{name: functools.partial(store.mark, uid, mark) for name, mark in MARKS.items()},
        }
        if request.method != "POST" or command not in commands:
            raise RefusalError(404, f"There are the commands {', '.join(commands)}, by POST.")
        if commands[command]() is False:
            raise RefusalError(404, "There is no such instance.")
        return Response(status_code=204, headers={"cache-control": "no-store"})

    def _release(self, uid: str) -> None:
        """Undo every mark of an instance."""
        for mark in MARKS.values():
            self.store.unmark(uid, mark)
        self.commitments.released()


def _us(value: int) -> dict[str, Any]:
    return {"vr": "US", "Value": [value]}


def _wanted(each: MediaType, held: Held) -> bool:
    """Whether a media range covers an instance as it is stored (nothing is transcoded)."""
    syntax = each.parameters.get("transfer-syntax", held.transfer_syntax_uid)
    kind = each.parameters.get("type", DICOM).lower()
    names = ("*/*", "multipart/*", RELATED, "application/*", DICOM)
    return each.q > 0 and each.name in names and kind in (DICOM, "*/*") and syntax in ("*", held.transfer_syntax_uid)
