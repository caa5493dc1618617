"""Conformant ways to be a proxy to DIMSE: what is left to the designer."""

from __future__ import annotations

from stgcmt.suite import Variant

VARIANTS: tuple[Variant, ...] = (
    Variant("own-uids", "uses Transaction UIDs of its own behind", {"own_uids": True}),
    Variant(
        "holds-requests-open",
        "holds a Request open for its result",
        {"hold_s": 3.0},
        silent=dict.fromkeys(
            (
                "WEB-13.4.3-03",
                "WEB-13.4.3-07",
                "WEB-13.4.3-10",
                "WEB-13.5.2-02",
                "WEB-13.5.3-01",
                "WEB-8.7.9-01",
            ),
            "every result comes while its Request is held open, so none is answered 202",
        ),
    ),
    Variant(
        "short-associations",
        "ends its association as soon as the response is there",
        {"linger_s": 0.0},
        silent={"WEB-B.30-10": "a report on the association of its request finds it gone"},
    ),
    Variant("patient-associations", "holds its association open for long", {"linger_s": 5.0}),
    Variant("implicit-first", "prefers Implicit VR Little Endian", {"implicit_first": True}),
    Variant("in-parts", "asks behind for one request in two, and tells one result in front", {"parts": 2}),
    Variant(
        "gives-up",
        "ends a transaction whose report never came after three seconds, and says so",
        {"gives_up_after_s": 3.0},
        claims={"gives_up_after_s": 3.0},
    ),
    Variant("without-retry-after", "says nothing of when to come back", {"retry_after": None}),
)
