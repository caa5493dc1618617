"""Conformant ways to be a proxy to DICOMweb: what is left to the designer."""

from __future__ import annotations

from stgcmt.suite import Variant

VARIANTS: tuple[Variant, ...] = (
    Variant("own-uids", "uses Transaction UIDs of its own behind", {"own_uids": True}),
    Variant("patient", "makes Result Checks every 0.8 seconds", {"poll_s": 0.8}),
    Variant("chunked", "sends its payloads in chunks", {"chunked": True}),
    Variant("xml", "writes native XML behind", {"form": "xml"}),
    Variant("impatient", "makes ten Result Checks a second where nothing is said", {"poll_s": 0.1, "max_checks": 100}),
    Variant("in-parts", "asks behind for one request in two, and tells one result in front", {"parts": 2}),
    Variant(
        "gives-up",
        "ends a transaction that has no result behind after eight seconds, and says so",
        {"gives_up_after_s": 8.0, "max_checks": 1000},
        claims={"gives_up_after_s": 8.0},
    ),
    Variant("never-retries", "takes the first 503 for an answer", {"max_retries": 0}),
)  # fmt: skip
