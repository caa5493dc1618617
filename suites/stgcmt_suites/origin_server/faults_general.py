"""Faults of the reference on the general clauses: negotiation, messages, methods, capabilities, encodings."""

from __future__ import annotations

from stgcmt.suite import Fault

FAULTS_GENERAL: tuple[Fault, ...] = (
    # --- media types and negotiation
    Fault(
        "ignores-accept",
        "Every result comes as DICOM JSON, whatever is accepted.",
        ("WEB-13.4.1-06",),
        (
            "WEB-13.1.3-02",
            "WEB-13.1.3-03",
            "WEB-13.1.3-04",
            "WEB-13.2-03",
            "WEB-13.5.1-04",
            "WEB-8.7.7-02",
            "WEB-8.7.8-01",
        ),
    ),
    Fault(
        "type-of-request-sticks",
        "A result comes in the type that its Request accepted.",
        ("WEB-13.5.1-04",),
        (
            "WEB-13.1.3-02",
            "WEB-13.1.3-03",
            "WEB-13.1.3-04",
            "WEB-13.2-03",
            "WEB-13.4.1-06",
            "WEB-8.7.7-02",
            "WEB-8.7.8-01",
        ),
    ),
    Fault(
        "accept-not-needed", "A request without Accept is answered with DICOM JSON.", ("WEB-13.5.1-02", "WEB-8.7.5-01")
    ),
    Fault(
        "no-xml",
        "Results do not come as native XML.",
        ("WEB-13.1.3-02", "WEB-13.1.3-04"),
        ("WEB-13.2-03",),
    ),
    Fault("no-multipart", "Results do not come as multipart.", ("WEB-13.1.3-03", "WEB-13.1.3-04"), ("WEB-13.2-03",)),
    Fault(
        "wrong-content-type",
        "DICOM JSON and XML are sent as application/json.",
        ("WEB-F.2-01", "WEB-13.1.3-01"),
        (
            "WEB-13.1.3-02",
            "WEB-13.1.3-03",
            "WEB-13.1.3-04",
            "WEB-13.4.1-06",
            "WEB-13.5.1-04",
            "WEB-8.3-02",
            "WEB-8.6-01",
            "WEB-8.7.3-02",
            "WEB-8.7.3-03",
            "WEB-8.7.7-01",
            "WEB-8.7.7-02",
            "WEB-8.7.8-01",
            "WEB-13.2-03",
        ),
    ),
    Fault("ignores-accept-parameter", "The query parameter accept is ignored.", ("WEB-13.1.2-01", "WEB-8.3.3-01")),
    Fault("header-wins", "The query parameter accept yields to the Accept header.", ("WEB-8.3.3-01",)),
    Fault(
        "accept-parameter-as-500", "A query parameter accept that is no media type is answered 500.", ("WEB-8.3-02",)
    ),
    Fault(
        "charset-parameter-refused", "A query parameter charset other than utf-8 is answered 406.", ("WEB-8.3.3-02",)
    ),
    Fault("unknown-parameter-refused", "A query parameter that is not known is answered 400.", ("WEB-8.3-01",)),
    Fault("ignores-q", "Quality values are ignored.", ("WEB-8.7.8-01",)),
    Fault(
        "wildcard-as-xml",
        "Accept: */* is answered with native XML.",
        ("WEB-8.7.7-01", "WEB-13.1.3-01"),
        ("WEB-8.3-02",),
    ),
    Fault("invalid-entry-spoils", "An invalid entry of Accept makes the whole field unacceptable.", ("WEB-8.7.7-02",)),
    Fault("unacceptable-as-xml", "Where nothing is acceptable native XML comes.", ("WEB-8.7.3-01", "WEB-8.7.8-02")),
    Fault("mixture-as-500", "DICOM and rendered types in one Accept are answered 500.", ("WEB-8.7.5-02",)),
    Fault(
        "type-needs-quotes", "multipart/related without quotes around its type is not understood.", ("WEB-8.7.1-01",)
    ),
    Fault(
        "transfer-syntax-not-understood",
        "A media type with the parameter transfer-syntax is not understood.",
        ("WEB-8.7.3-02",),
    ),
    Fault("charset-not-understood", "A media type with the parameter charset is not understood.", ("WEB-8.7.3-03",)),
    Fault("charset-refused", "An Accept-Charset without utf-8 is answered 406.", ("WEB-8.8-01",)),
    Fault("charset-latin-1", "Results say that they are encoded in ISO 8859-1.", ("WEB-13.2-03",)),
    Fault("xml-requests-refused", "Requests in native XML are refused with 415.", ("WEB-13.4.1-10",)),
    Fault("multipart-requests-refused", "Requests in multipart are refused with 415.", ("WEB-13.4.1-10",)),
    # --- messages and header fields
    Fault("http-1.0", "Responses say HTTP/1.0.", ("WEB-8.1.1-01",)),
    Fault("empty-reports", "Errors come without a Status Report.", ("WEB-8.1.2-02",)),
    Fault("content-location-elsewhere", "Content-Location names another transaction.", ("WEB-8.4.2-03",)),
    Fault("content-location-other-host", "Content-Location names a host that nobody else knows.", ("WEB-8.4.2-03",)),
    Fault(
        "content-location-outside",
        "Content-Location names a resource that is not below the Base URI.",
        ("WEB-8.2-01",),
        ("WEB-8.4.2-03",),
    ),
    Fault(
        "unsupported-type-accepted",
        "A body of an unsupported media type or coding is answered 202.",
        ("WEB-8.5-04", "WEB-8.4.2-02"),
    ),
    Fault("unsupported-type-as-400", "A body of an unsupported media type is refused with 400.", ("WEB-8.5-04",)),
    Fault(
        "unsupported-type-as-500",
        "A body of an unsupported media type is answered 500.",
        ("WEB-8.5-04", "WEB-8.4.2-01"),
    ),
    Fault("no-challenge", "401 comes without WWW-Authenticate.", ("WEB-8.5-01",)),
    # --- methods and fields of HTTP
    Fault("no-allow", "405 comes without Allow.", ("WEB-8.5-405",)),
    Fault("allow-names-refused-method", "Allow names the method that was refused.", ("WEB-8.5-405",)),
    Fault("put-accepted", "PUT does what POST does.", ("WEB-8.5-405",)),
    Fault("no-head", "HEAD is refused with 405.", ("WEB-HTTP-HEAD-01",)),
    Fault("head-as-404", "HEAD is answered 404.", ("WEB-HTTP-HEAD-01",)),
    Fault("options-without-allow", "OPTIONS is answered without Allow.", ("WEB-HTTP-OPTIONS-01",)),
    Fault("no-date", "Responses have no Date.", ("WEB-HTTP-DATE-01",)),
    Fault("pending-cacheable", "202 may be kept by caches for a minute.", ("WEB-HTTP-CACHE-01",)),
    Fault("not-found-cacheable", "404 may be kept by caches for an hour.", ("WEB-HTTP-CACHE-01",)),
    # --- capabilities
    Fault("no-capabilities", "OPTIONS on the Base URI is answered 404.", ("WEB-8.9-01", "WEB-13.2-04")),
    Fault(
        "capabilities-without-commitment",
        "The capabilities do not name commitment-requests.",
        ("WEB-13.2-04", "WEB-H-01"),
    ),
    Fault("capabilities-without-request", "The capabilities do not name the Request.", ("WEB-H-01",)),
    # --- multipart
    Fault(
        "multipart-under-single-type",
        "Multipart payloads come under a single-part Content-Type.",
        ("WEB-8.6-01",),
        ("WEB-13.4.3-06", "WEB-13.5.2-01", "WEB-13.5.3-02", "WEB-F.2-01", "WEB-P19-01"),
    ),
    Fault("multipart-not-closed", "Multipart payloads lack the closing delimiter.", ("WEB-8.6-02",), ("WEB-8.6-03",)),
    Fault("multipart-without-type", "multipart/related comes without its type parameter.", ("WEB-8.6-02",)),
    Fault(
        "part-without-type",
        "Parts have no Content-Type.",
        ("WEB-8.6-02",),
        ("WEB-13.1.3-03", "WEB-13.1.3-04", "WEB-13.2-03"),
    ),
    Fault("part-without-length", "Parts have no Content-Length.", ("WEB-8.6-03",)),
    # --- DICOM JSON
    Fault("utf-16", "DICOM JSON is encoded in UTF-16.", ("WEB-F.2-01",)),
    Fault("bom", "DICOM JSON begins with a byte order mark.", ("WEB-F.2-01",)),
    Fault("array-result", "The result stands in a JSON array.", ("WEB-F.2.1-01",)),
    Fault("lower-case-keys", "Tags are written in lower case.", ("WEB-F.2.2-01",)),
    Fault(
        "keywords-as-keys",
        "Attributes are named by keyword.",
        ("WEB-F.2.2-01",),
        (
            "WEB-13.1.3-02",
            "WEB-13.1.3-04",
            "WEB-13.4.2-03",
            "WEB-13.4.3-06",
            "WEB-13.4.3-13",
            "WEB-13.5.2-01",
            "WEB-F.2.2-02",
            "WEB-J.1-04",
            "WEB-J.2-03",
            "WEB-J.2-08",
        ),
    ),
    Fault("keys-out-of-order", "Attributes stand in descending order.", ("WEB-F.2.2-02",)),
    Fault("group-length", "The result has a group length.", ("WEB-F.2.2-03",), ("WEB-J.2-08",)),
    Fault(
        "no-vr",
        "Attributes have no vr.",
        ("WEB-8.6.2-01", "WEB-F.2.2-04"),
        (
            "WEB-13.1.3-02",
            "WEB-13.1.3-04",
            "WEB-13.4.2-03",
            "WEB-13.4.3-06",
            "WEB-13.4.3-13",
            "WEB-13.5.2-01",
            "WEB-J.1-04",
            "WEB-J.2-03",
            "WEB-J.2-05",
        ),
    ),
    Fault("duplicate-keys", "An attribute stands in the result twice.", ("WEB-F.2.2-04",)),
    Fault("unknown-member", "Attributes have a member of the vendor's own.", ("WEB-F.2.2-04",)),
    Fault("character-set-in-result", "The result has Specific Character Set.", ("WEB-F.2.2-05",), ("WEB-J.2-08",)),
    Fault("person-name", "The result has a patient's name.", ("WEB-F.2.2-06",), ("WEB-J.2-08",)),
    Fault("reason-as-float", "Failure Reasons are written with a fraction.", ("WEB-F.2.3-01",)),
    Fault("uids-padded", "UIDs are padded with NUL.", ("WEB-F.2.3-02",)),
    Fault("empty-value-array", "An empty attribute has an empty Value.", ("WEB-F.2.5-01",), ("WEB-J.2-08",)),
    # --- native XML
    Fault(
        "xml-other-root",
        "The root of the XML is DicomModel.",
        ("WEB-P19-01",),
        ("WEB-13.1.3-02", "WEB-13.1.3-04", "WEB-8.6-01"),
    ),
    Fault("xml-without-namespace", "The XML has no namespace.", ("WEB-P19-01",)),
    Fault("xml-upper-case-names", "XML attribute names start with an upper-case letter.", ("WEB-P19-02",)),
    Fault("xml-numbers-from-two", "Items and values are numbered from 2.", ("WEB-P19-03",)),
    Fault("xml-lower-case-tags", "Tags in XML are written in lower case.", ("WEB-P19-04",)),
    Fault(
        "xml-reason-hexadecimal",
        "Failure Reasons in XML are hexadecimal.",
        ("WEB-P19-05",),
        ("WEB-13.1.3-02", "WEB-13.1.3-04"),
    ),
)
