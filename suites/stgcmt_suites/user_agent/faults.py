"""Named deviations of the reference user agent: one switch, one deviation, and which rows see it."""

from __future__ import annotations

from stgcmt.suite import Fault

SAFE = ("WEB-UA-SAFE-01",)
READ = ("WEB-13.4.2-02", "WEB-13.2-07")

_BELIEF = (
    Fault("believes-202", "takes 202 for a commitment", (*SAFE, "WEB-HTTP-202-01")),
    Fault("believes-any-200", "takes 200 for the commitment of all that was asked for", (*SAFE, *READ)),
    Fault("believes-left-out", "takes for committed what a result does not fail", SAFE, (READ[0],)),
    Fault("believes-foreign", "takes for committed what another transaction's result names", SAFE),
    Fault("believes-unreadable", "takes a 200 for a commitment although its payload cannot be read", SAFE),
    Fault("believes-after-gone", "takes 404 and 410 for a commitment that was cleared away", SAFE),
    Fault("believes-after-409", "takes 409 for a commitment that was made before", SAFE),
    Fault("believes-after-503", "lets go of instances when the server is not available", SAFE),
    Fault("believes-both-lists", "does not look at the list of failures", SAFE, (READ[0],)),
    Fault(
        "believes-similar",
        "takes an instance for committed whose UID a committed one begins with",
        SAFE,
        (READ[0],),
    ),
    Fault("lets-go-at-restart", "takes for committed what was pending when it was started again", SAFE),
    Fault("believes-unanswered", "lets go of instances whose Request was read and never answered", SAFE),
    Fault("believes-half-a-result", "takes for committed what the part of a result names that came", SAFE),
    Fault("believes-unknown-status", "takes every 2xx for a commitment", ("WEB-HTTP-UNK-01",), SAFE),
)

_POLLING = (
    Fault("never-checks", "never comes back after a 202", ("WEB-UA-POLL-01", "WEB-13.2-01"), ("WEB-HTTP-RA-01",)),
    Fault("checks-after-gone", "goes on with Result Checks after 404 and 410", ("WEB-UA-POLL-01",)),
    Fault("no-pause", "makes Result Checks without any pause", ("WEB-UA-POLL-01",)),
    Fault("retries-503-forever", "tries again after every 503", ("WEB-13.5.3-12",)),
    Fault("ignores-retry-after", "comes back at its own pace", ("WEB-13.5.3-03",), ("WEB-HTTP-RA-01",)),
    Fault("dates-not-understood", "understands Retry-After in seconds alone", ("WEB-HTTP-RA-01",), ("WEB-13.5.3-03",)),
    Fault("chokes-on-retry-after", "gives up where Retry-After is no number", ("WEB-HTTP-RA-01",), ("WEB-UA-POLL-01",)),
    Fault("dies-of-unknown-status", "stops working at a status that it does not know", ("WEB-HTTP-UNK-01",)),
    Fault("requests-without-end", "begins anew as long as nobody answers", ("WEB-13.5.3-12",)),
    Fault("reposts-blindly", "sends a Request again whose answer was lost", ("WEB-HTTP-RETRY-01",)),
)

_TRANSACTION = (
    Fault(
        "uid-used-again", "asks again under the Transaction UID of a result that failed instances", ("WEB-13.4.1-02",)
    ),
    Fault("same-uid-after-refusal", "begins anew under the Transaction UID that was refused", ("WEB-13.5.3-04",)),
    Fault("leading-zero-in-uid", "makes Transaction UIDs with leading zeros", ("WEB-13.4.1-02",)),
    Fault("query-parameter", "adds a query parameter of its own", ("WEB-13.4.1-04", "WEB-13.2-03"), ("WEB-13.5.1-01",)),
    Fault("put-for-post", "requests with PUT", ("WEB-13.3-01", "WEB-13.4.1-01")),
    Fault("beside-the-base-url", "drops the last segment of the Base URI", ("WEB-8.2-01",)),
    Fault(
        "no-accept-on-request", "sends Requests without Accept", ("WEB-13.4.1-05", "WEB-8.4.1-01"), ("WEB-13.4.1-01",)
    ),
    Fault("no-accept-on-check", "sends Result Checks without Accept", ("WEB-13.5.1-02",), ("WEB-8.4.1-01",)),
    Fault("other-accept-on-check", "negotiates a Result Check otherwise than its Request", ("WEB-13.5.1-03",)),
    Fault("content-type-on-check", "sends Result Checks with a Content-Type", ("WEB-8.7.9-01",)),
    Fault("payload-on-check", "sends Result Checks with a payload", ("WEB-13.5.1-01",)),
)

_PAYLOAD = (
    Fault(
        "no-content-type",
        "sends the module without Content-Type",
        ("WEB-8.4.2-01",),
        ("WEB-13.4.1-07", "WEB-13.4.1-08"),
    ),
    Fault("plain-json-type", "calls the module application/json", ("WEB-13.4.1-08",)),
    Fault(
        "xml-called-json", "calls native XML application/dicom+json", ("WEB-8.6-01",), ("WEB-13.4.1-09", "WEB-J.1-01")
    ),
    Fault("compressed-unsaid", "compresses the module and does not say so", ("WEB-8.4.2-02",)),
    Fault("both-lengths", "sends Content-Length and Transfer-Encoding", ("WEB-8.4.3-01",)),
    Fault("http-1.0", "speaks HTTP/1.0", ("WEB-8.1.1-01",)),
    Fault("both-structures", "sends a flat and a hierarchical list", ("WEB-J.1-01",)),
    Fault("empty-second-structure", "sends an empty sequence of the other structure", ("WEB-J.1-01",), ("WEB-J.1-02",)),
    Fault("class-left-out", "names instances without their class", ("WEB-J.1-02",)),
    Fault("foreign-attribute", "adds Retrieve AE Title to each reference", ("WEB-13.4.1-09",)),
    Fault("keywords-for-tags", "writes keywords in place of tags", ("WEB-13.4.1-09",), ("WEB-J.1-01",)),
    Fault("keys-descending", "writes attributes in descending order", ("WEB-13.4.1-09",)),
    Fault("no-vr", "writes DICOM JSON without vr", ("WEB-8.6.2-01",), ("WEB-J.1-02",)),
    Fault("lower-case-tags", "writes tags in lower case in XML", ("WEB-P19-04",)),
    Fault("two-representations", "sends the module twice in one multipart payload", ("WEB-13.4.1-07",)),
    Fault("multipart-without-type", "leaves the type parameter of multipart/related out", ("WEB-8.7.1-01",)),
    Fault("part-without-type", "sends parts without Content-Type", ("WEB-8.6-02",)),
    Fault("part-without-length", "sends parts without Content-Length", ("WEB-8.6-03",)),
    Fault("multipart-not-closed", "leaves the closing delimiter out", ("WEB-8.6-02",)),
)

FAULTS: tuple[Fault, ...] = (*_BELIEF, *_POLLING, *_TRANSACTION, *_PAYLOAD)
