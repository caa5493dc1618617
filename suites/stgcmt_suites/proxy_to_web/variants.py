"""Conformant ways to be a proxy to DICOMweb: what is left to the designer."""

from __future__ import annotations

from stgcmt.suite import Variant

VARIANTS: tuple[Variant, ...] = (
    Variant("own-uids", "uses Transaction UIDs of its own behind", {"own_uids": True}),
    Variant("patient", "makes Result Checks every second", {"poll_s": 1.0}),
    Variant("chunked", "sends its payloads in chunks", {"chunked": True}),
    Variant("xml", "writes native XML behind", {"form": "xml"},
            claims={}),
    Variant("same-association", "reports on the association of the request while it is open", {"same_first": True}),
    Variant("never-retries", "takes the first 503 for an answer", {"max_retries": 0}),
)  # fmt: skip
