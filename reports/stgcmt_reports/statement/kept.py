"""What a SUT keeps of what it is given: read back or not, changed or not, and links in place of pixel data taken or not.

The recording holds both the instances that were stored and those that came back, over DIMSE and over DICOMweb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stgcmt.transcript import Event, Transcript
from stgcmt.views.dimse import dimse
from stgcmt.views.http import http
from stgcmt.views.stored import SOP_INSTANCE_UID, changed, part10
from stgcmt_reports.statement.values import Seen

WHOLE, CHANGED, GONE = "come back as stored", "come back changed", "do not come back"
TAKEN, REFUSED = "taken", "refused"
LINKS = frozenset(
    f"1.2.840.10008.1.2.4.{last}" for last in (94, 95, 204, 205)
)  # JPIP Referenced, with and without deflate

_TAG = re.compile(
    r"\(([0-9A-F]{4}),([0-9A-F]{4})\)"
)  # as changes are told: the last one is the attribute, others its path


@dataclass
class Kept:
    """The sightings: ``back`` by (how it was read back, what came), ``coerced`` by tag, ``links`` taken or refused."""

    back: Seen = field(default_factory=Seen)
    coerced: Seen = field(default_factory=Seen)
    links: Seen = field(default_factory=Seen)

    def read(self, name: str, transcript: Transcript, committed: frozenset[str]) -> None:
        """One transcript; only instances that were ``committed`` say what a commitment is worth."""
        for event in transcript.of("retrieve"):
            uid = str(event.info.get("sop_instance_uid"))
            if uid in committed and event.info.get("available", True):
                self._back(name, transcript, uid, event)
        for what, step, events in (*_dimse_links(transcript), *_web_links(transcript)):
            self.links.add(what, name, step, events)

    def _back(self, name: str, transcript: Transcript, uid: str, event: Event) -> None:
        how = str(event.info.get("how", "")).upper()
        where = (name, event.step, (event.n,))
        if not event.info.get("ok"):
            self.back.add((how, GONE), *where)
            return
        compared = changed(transcript, uid)
        if compared is None:
            return
        self.back.add((how, CHANGED if compared[0] else WHOLE), *where)
        for told in compared[0]:
            self.coerced.add("".join(_TAG.findall(told)[-1]), *where)


def _dimse_links(transcript: Transcript) -> Iterator[tuple[str, str | None, tuple[int, ...]]]:
    view = dimse(transcript)
    for assoc in view.associations(side="requestor"):
        accepted = {each.id for each in assoc.contexts}
        for context in assoc.rq.contexts if assoc.rq and assoc.ac else ():
            if set(context.transfer_syntaxes) <= LINKS and context.id not in accepted:
                yield REFUSED, assoc.step, assoc.negotiation_events
        for message in assoc.messages:
            granted = assoc.context(message.context_id)
            if granted is None or granted.transfer_syntax not in LINKS or message.kind != "C-STORE-RSP":
                continue
            taken = message.status is not None and (message.status == 0 or message.status >> 12 == 0xB)
            yield TAKEN if taken else REFUSED, assoc.step, message.events


def _web_links(transcript: Transcript) -> Iterator[tuple[str, str | None, tuple[int, ...]]]:
    held = {str(event.info.get("sop_instance_uid")) for event in transcript.of("seed") if event.info.get("ok")}
    for exchange in http(transcript).exchanges:
        request = exchange.request
        if request is None or exchange.method != "POST" or exchange.status is None:
            continue
        found = part10(request.decoded or request.body)
        if found is not None and found[1] in LINKS:
            taken = found[0].text(SOP_INSTANCE_UID) in held
            yield TAKEN if taken else REFUSED, exchange.step, exchange.events
