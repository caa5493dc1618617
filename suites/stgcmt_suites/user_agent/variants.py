"""Conformant ways to be a user agent: what the standard leaves free."""

from __future__ import annotations

from stgcmt.suite import Variant

VARIANTS: tuple[Variant, ...] = (
    Variant("hierarchical", "asks with study and series", {"hierarchical": True}),
    Variant("xml", "writes native XML", {"form": "xml"}),
    Variant("multipart-xml", "writes multipart with native XML", {"form": "multipart-xml"},
            claims={"media_types": ["application/dicom+xml", 'multipart/related; type="application/dicom+xml"',
                                    'multipart/related; type="application/dicom+json"']}),
    Variant("patient", "checks every two seconds", {"poll_s": 2.0, "backoff_s": 1.0}, timing={"quiet_period": 20}),
    Variant("asks-only", "sends no instances beforehand", {"stores": False}),
    Variant("asks-anew", "begins a lost transaction again under a fresh UID", {"asks_anew": True}),
    Variant("keeps-connections", "uses connections again", {"keeps_alive": True}),
    Variant("chunked", "sends its payloads in chunks", {"chunked": True}),
    Variant("later", "asks two seconds after it was told to", {"begins_after_s": 2.0}),
    Variant("checks-again", "reads a result a second time", {"checks_again": True}),
    Variant("never-retries", "takes the first 503 for an answer", {"max_retries": 0}, claims={"max_retries": 0}),
    Variant("xml-results", "accepts native XML alone", {"accept": "application/dicom+xml"}),
)  # fmt: skip
