"""Conformant ways to be an SCU: what the standard leaves free."""

from __future__ import annotations

from stgcmt.suite import Variant
from stgcmt.wire.uids import EXPLICIT_LE, IMPLICIT_LE

VARIANTS: tuple[Variant, ...] = (
    Variant("releases-at-once", "releases the association as soon as the response is there", {"hold_s": 0.0}),
    Variant("holds-long", "keeps the association open for five seconds", {"hold_s": 5.0}),
    Variant("one-association", "stores and asks on one association", {"one_association": True}),
    Variant(
        "implicit-only",
        "proposes and accepts Implicit VR Little Endian alone",
        {"proposes": (IMPLICIT_LE,), "accepts": (IMPLICIT_LE,)},
        claims={"implicit_only": True},
    ),
    Variant(
        "explicit-first",
        "prefers Explicit VR Little Endian",
        {"proposes": (EXPLICIT_LE, IMPLICIT_LE), "accepts": (EXPLICIT_LE, IMPLICIT_LE)},
    ),
    Variant("both-roles", "proposes to be SCU and SCP", {"role": (1, 1)}),
    Variant("scu-role", "proposes to be SCU alone", {"role": (1, 0)}),
    Variant("serves-default-roles", "takes reports on associations in default roles", {"default_roles": True}),
    Variant("asks-anew", "asks again for what was refused or failed, under a fresh UID", {"asks_anew": True}),
    Variant("asks-only", "sends no instances beforehand", {"stores": False}),
    Variant(
        "ignores-the-unknown",
        "answers success to a report under an unknown Transaction UID",
        {"unknown_status": 0x0000},
    ),
    Variant("bare-responses", "leaves optional fields of responses out", {"bare": True}),
    Variant(
        "sends-information",
        "sends the information of a report back with the response, as editions before 2026b left open",
        {"sends_information": True},
    ),
    Variant("file-set", "names the File-Set of all instances", {"file_set": "outside"}),
    Variant("file-set-in-items", "names the File-Set of each instance", {"file_set": "inside"}),
    Variant("strict-ae", "rejects associations that call another AE title", {"strict_ae": True}),
    Variant(
        "pauses-in-request",
        "sends the data set of a request half a second after its command",
        {"pause_in_request_s": 0.5},
    ),
    Variant("small-pdus", "announces 4,096 bytes as its maximum length", {"max_pdu": 4096}),
    Variant("later", "asks two seconds after it was told to", {"begins_after_s": 2.0}, timing={"quiet_period": 4}),
)
