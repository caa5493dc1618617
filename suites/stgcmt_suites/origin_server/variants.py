"""Conformant variants of the reference origin server: everything that the standard leaves free, used the other way.

No check may fail on any of them. Where one warns, the variant names the row and the reading that explains it. Manners are
switches of the reference (``manners``), the other options fields of its ``Settings``.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

from stgcmt.suite import Variant
from stgcmt_suites.origin_server.answers import PUBLIC
from stgcmt_suites.origin_server.settings import ALWAYS
from stgcmt_suites.origin_server.variants_silent import silent

LARGE = 100  # references of the large request: ten times as many take a third of the time of a run, and show the same


def _variant(
    name: str,
    line: str,
    *manners: str,
    claims: Mapping[str, Any] | None = None,
    warns: Mapping[str, str] | None = None,
    **options: Any,
) -> Variant:
    chosen = {"large_request": LARGE, **options, **({"manners": manners} if manners else {})}
    return Variant(name, line, chosen, claims or {}, {}, warns or {})


_WHEN = (
    _variant(
        "always-synchronous", "Every Request is answered with its result, and the vendor says so.", "keeps-nothing-pending",
        synchronous_up_to=ALWAYS, claims={"always_synchronous": True},
    ),
    _variant(
        "always-asynchronous", "Every Request is answered 202, and the vendor says so.",
        synchronous_up_to=0, claims={"always_asynchronous": True},
    ),
    _variant("mixed-by-size", "One instance is decided at once, more of them later.", synchronous_up_to=1),
    _variant(
        "holds-requests-open", "A Request is answered when the back end has decided, after seconds (13.1 note).",
        "holds-requests-open", "keeps-nothing-pending", delay=5.0, claims={"always_synchronous": True},
    ),
    _variant("instantly-done", "Every Request is answered 202, and its result is there at once.", "no-help", delay=0.0),
    _variant(
        "slow-work", "Results are there after half a minute.",
        delay=30.0, retry_after=7, retention=60.0, claims={"result_retention_s": 60},
    ),
    _variant("slow-answers", "Every answer takes two seconds.", latency=2.0, retention=3600.0),
    _variant("ended-by-hand", "Results are kept for an hour in every mode; the vendor can end one.", retention=3600.0),
    _variant("no-retry-after", "202 comes without Retry-After.", retry_after=-1),
    _variant("retry-after-zero", "Retry-After: 0 (AMB-05).", retry_after=0),
    _variant("one-line", "Serves one connection at a time; others wait until it is closed.", "one-line"),
    _variant("first-request-unavailable", "Once 503 to a Request, then all is well.", "first-request-unavailable"),
    _variant(
        "first-check-unavailable", "The first Result Check of each transaction is answered 503, then all is well.",
        "first-check-unavailable",
    ),
    _variant("unavailable-third", "The third request to the service is answered 503: it may be any (13.4.3, 13.5.3).", busy_at=3),
    _variant("unavailable-later", "One of the later requests is answered 503.", busy_at=random.Random(5).randrange(40, 140)),
    _variant(
        "limits-requests", "Every seventh request is answered 429 with Retry-After, as the vendor says (RFC 6585).",
        limits_every=7, claims={"status_codes": [429]},
        warns={"WEB-13.5.2-02": "the outcome too-many-requests: after a 202 the standard knows 202 and 200 alone"},
    ),
)  # fmt: skip

_RESULTS = (
    _variant("reversed-order", "The items of a result stand in another order than in the Request.", "reversed-order"),
    _variant("study-for-each-instance", "Each instance has an item of its own for its study (J.2).", "study-for-each-instance"),
    _variant("repeated-twice", "An instance that is named twice stands in the result twice (AMB-07).", "repeated-twice"),
    _variant("repeated-as-400", "A Request that names an instance twice is refused (AMB-07).", "repeated-as-400"),
    _variant("several-parts-as-400", "A Request in several parts is refused (AMB-08).", "several-parts-as-400"),
    _variant("lenient-multipart", "Multipart is read in loose forms, too, as in an example of the standard.", "lenient-multipart"),
    _variant(
        "delays-wrong-study", "An instance within another study is looked for elsewhere first (AMB-18).", "delays-wrong-study"
    ),
    _variant("enriches", "Instances are given back with more attributes.", "enriches"),
    _variant("coerces", "The archive spells the patient's name its way.", "coerces", claims={"coerced": ["00100010"]}),
    _variant("transcodes", "Instances are given back in Implicit VR Little Endian.", "transcodes"),
    _variant("minds-the-study", "An instance asked for within another study is not found (AMB-18).", "minds-the-study"),
    _variant("forgets-expired", "Nothing is remembered of an expired result: 404.", remembers=False),
    _variant("short-retention", "Results are kept for a minute.", retention=60.0, claims={"result_retention_s": 60}),
    _variant("long-retention", "Results are kept for years.", retention=1e8, claims={"result_retention_s": 100_000_000}),
    _variant(
        "every-class", "Every class that can be stored can be committed.", unsupported=(), claims={"unsupported_sop_classes": []}
    ),
    _variant(
        "keeps-nothing", "Results are given at once and never again (AMB-03).", "keeps-nothing-pending",
        synchronous_up_to=ALWAYS, retention=-1.0, claims={"always_synchronous": True, "result_retention_s": 0},
    ),
    _variant(
        "matches-by-instance", "The SOP class of a reference does not matter: the instance is held.", "commits-wrong-class",
        warns={"WEB-J.2-12": "no sentence obliges the comparison: 0119H only defines a value"},
    ),
    _variant("small-requests", "More than 50 references are refused with 413 (AMB-24).", limit_references=50),
)  # fmt: skip

_MESSAGES = (
    _variant("chunked", "Payloads come in chunks, an empty one as well (AMB-06).", "chunked"),
    _variant("chunk-extensions", "Chunks have extensions, leading zeros and a trailer field.", "chunked", "chunk-extensions"),
    _variant("bare-accepted", "The end of the connection delimits a 202 (AMB-06).", "bare-accepted"),
    _variant("closes", "Each connection is closed after one answer.", "closes"),
    _variant("closes-after-refusals", "A connection is closed after a refusal.", "closes-after-refusals"),
    _variant("gzip", "Payloads are compressed for who accepts gzip.", "gzip"),
    _variant(
        "gzip-always", "Payloads are compressed for everybody.", "gzip-always",
        warns={"WEB-8.4.2-02": "RFC 9110 12.5.3: without Accept-Encoding any coding is acceptable"},
    ),
    _variant("etag", "Results have an ETag (AMB-23).", "etag"),
    _variant("early-hints", "Interim responses precede each answer.", "early-hints"),
    _variant("upper-case-names", "Names of header fields are in upper case.", "upper-case-names"),
    _variant("free-white-space", "Field values have no blank before them, or several around them.", "free-white-space"),
    _variant("no-reason-phrase", "Status lines have no reason phrase.", "no-reason-phrase"),
    _variant("extra-fields", "Answers have fields of a proxy, a framework and for browsers.", "extra-fields"),
    _variant("no-clock", "The server has no clock and sends no Date, as the vendor says.", "no-date", claims={"no_clock": True}),
    _variant("clock-ahead", "The server's clock is an hour ahead.", "clock-ahead"),
    _variant("no-cache-control", "Nothing is said about caching (a note).", "no-cache-control"),
    _variant("no-cache-spelt-out", "Caching is forbidden in every way there is.", "no-cache-spelt-out"),
)  # fmt: skip

_NEGOTIATION = (
    _variant("default-if-unacceptable", "Where nothing acceptable is there, DICOM JSON comes (AMB-15).", "unacceptable-as-default"),
    _variant("negotiates-results-only", "A 202 does not depend on Accept: it has no payload.", "negotiates-results-only"),
    _variant("mixture-accepted", "A rendered type beside DICOM JSON is ignored (a note on 8.7.5).", "mixture-accepted"),
    _variant("free-spelling", "Media types in other case, with a charset parameter.", "free-spelling"),
    _variant("ornate-multipart", "Multipart with preamble, epilogue, padding and a boundary in quotes.", "ornate-multipart"),
    _variant("spaced-json", "JSON with white space and escapes wherever they are allowed.", "spaced-json"),
    _variant("prefixed-xml", "XML with a namespace prefix, a comment, line ends, no declaration.", "prefixed-xml"),
    _variant("absolute-location", "Content-Location is an absolute URI.", "absolute-location"),
    _variant(
        "public-location", "Content-Location is the URI under which a reverse proxy shows the transaction, as the vendor says.",
        "public-location", claims={"public_base_url": PUBLIC},
    ),
    _variant("ascii-charset", "Results say charset=us-ascii, which they are written in as well (8.8).", "ascii-charset"),
    _variant("encoded-location", "Content-Location has percent-encoded dots.", "encoded-location"),
    _variant("no-content-location", "Results have no Content-Location (AMB-11, a note).", "no-content-location"),
    _variant("application-as-xml", "For any application type XML comes.", "application-as-xml"),
    _variant("lenient-parameter", "What is no media type in the accept parameter is ignored.", "lenient-parameter"),
    _variant("parameter-needs-accept", "The accept parameter does not replace the Accept field.", "parameter-needs-accept"),
    _variant("wadl-always", "Capabilities are described in WADL, whatever is asked for.", "wadl-always"),
    _variant(
        "json-capabilities", "Capabilities are described in JSON, by default and alone.",
        "json-capabilities-only", "capabilities-by-default",
    ),
)  # fmt: skip

_REFUSALS = (
    _variant(
        "malformed-as-422", "What is wrong with a module is answered 422, as the vendor says.",
        "malformed-as-422", claims={"status_codes": [422]},
        warns={
            "WEB-J.1-05": "AMB-12: 400 is expected, and the standard does not know 422",
            "WEB-J.1-06": "AMB-04: 400 is expected",
            "WEB-8.7.5-02": "8.7.5 asks for 400, and this is another 4xx",
        },
    ),
    _variant("plain-reports", "Status Reports are plain text.", "plain-reports"),
    _variant("json-reports", "Status Reports are application/problem+json.", "json-reports"),
    _variant("hides-behind-404", "Who has no credentials is told that there is nothing (8.5).", "hides-behind-404"),
    _variant("invalid-uid-as-400", "A Result Check of what is no UID is answered 400 (AMB-10).", "invalid-uid-as-400"),
    _variant("collection-not-found", "The collection itself is no resource: 404.", "collection-not-found"),
    _variant("unknown-methods-as-405", "An unknown method is not allowed, rather than not implemented.", "unknown-methods-as-405"),
    _variant("untyped-as-400", "A payload without Content-Type is refused with 400.", "untyped-as-400"),
    _variant("untyped-as-json", "A payload without Content-Type is taken for DICOM JSON.", "untyped-as-json"),
    _variant("delete-removes", "DELETE gives up a transaction (AMB-22, a note).", "delete-removes"),
    _variant("collection-lists", "GET on the collection gives a list.", "collection-lists"),
    _variant(
        "no-multipart-requests", "Payloads of Requests are DICOM JSON or XML alone.", "multipart-requests-refused",
        warns={"WEB-13.4.1-10": "13.1.3 does not say whether its media types are those of Requests, too"},
    ),
    _variant(
        "reused-after-expiry", "An expired Transaction UID is taken anew (AMB-01, a note).", "duplicate-accepted-expired"
    ),
    _variant(
        "no-head", "HEAD is not allowed.", "no-head",
        warns={"WEB-HTTP-HEAD-01": "PS3.18 8.1.1 lists HEAD, section 13 defines no transaction for it"},
    ),
)  # fmt: skip

_SURROUNDINGS = (
    _variant("no-prefix", "The Base URI is the root of the server.", prefix=""),
    _variant("deep-prefix", "The Base URI has a long path.", prefix="/hospital/radiology/pacs-1/v2.0/~dicom-web"),
    _variant("bearer-everywhere", "Every configuration asks for a bearer token.", token="0123456789abcdefABCDEF"),  # noqa: S106 - no secret
    _variant("basic-everywhere", "Every configuration asks for user and password.", basic="user:pass word"),
    _variant("results-for-everybody", "A result is read without the credentials of its Request (AMB-21).", "results-for-everybody"),
    _variant("preloaded-only", "Nothing can be stored: the instances are there already.", "preloaded-only", "no-help"),
    _variant("nothing-seeded", "No instance is there, nothing can be stored or read back.", "nothing-seeded", "no-help"),
    _variant("no-help", "The vendor helps with nothing: no instance can be deleted.", "no-help"),
)  # fmt: skip

VARIANTS: tuple[Variant, ...] = tuple(
    dataclasses.replace(each, silent=silent(each.name))
    for each in (*_WHEN, *_RESULTS, *_MESSAGES, *_NEGOTIATION, *_REFUSALS, *_SURROUNDINGS)
)
