"""Answers of the reference origin server: results, 202, Status Reports; where faults distort their header fields."""

from __future__ import annotations

import html
import json
from collections.abc import Collection, Mapping
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response

from stgcmt.clock import NS, Clock
from stgcmt_suites.origin_server.negotiate import RefusalError

TITLES = {
    400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    409: "Conflict", 410: "Gone", 413: "Content Too Large", 415: "Unsupported Media Type",
    500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}  # fmt: skip
PUBLIC = "https://pacs.example.org/outer"  # the Base URI of the reverse proxy in the manner public-location
TEMPORARY = frozenset({503})
_ODD = tuple(f"retry-after-{name}" for name in ("date", "negative", "text", "decimal", "empty"))  # faults


def header(request: Request, name: str) -> str | None:
    """A header field with all its lines joined; ``None`` where there is none."""
    lines = header_lines(request, name)
    return ", ".join(lines) if lines else None


def header_lines(request: Request, name: str) -> list[str]:
    """The values of a header field, one a line."""
    wanted = name.lower().encode("latin-1")
    return [value.decode("latin-1") for each, value in request.scope["headers"] if each == wanted]


def result(content_type: str, body: bytes, location: str, faults: Collection[str], *, status: int = 200) -> Response:
    """A result with its payload."""
    headers = {"cache-control": "no-store", "content-type": content_type, "content-location": location}
    if "no-cache-spelt-out" in faults:
        headers["cache-control"] = "Private, No-Cache, No-Store, max-age=0, must-revalidate"
    if "public-location" in faults:
        headers["content-location"] = PUBLIC + location[location.index("/commitment-requests") :]
    if "ascii-charset" in faults and not content_type.startswith("multipart/"):
        headers["content-type"] += "; charset=us-ascii"
    if "no-content-location" in faults:
        del headers["content-location"]
    if "content-location-elsewhere" in faults:
        headers["content-location"] = location + ".0"
    if "content-location-other-host" in faults:
        headers["content-location"] = "http://node-7.invalid" + location
    if "content-location-outside" in faults:
        headers["content-location"] = "/elsewhere" + location
    if "charset-latin-1" in faults:
        headers["content-type"] += "; charset=iso-8859-1"
    if "wrong-content-type" in faults:
        headers["content-type"] = "application/json"
    if "no-content-type" in faults:
        del headers["content-type"]
    if "content-encoding-untrue" in faults:
        headers["content-encoding"] = "gzip"
    if "no-length" in faults:
        headers["connection"] = "close"
    if "no-cache-control" in faults:
        del headers["cache-control"]
    return Response(body, status, headers)


def working(retry_after: int | None, clock: Clock, faults: Collection[str], *, of_check: bool) -> Response:
    """202 without payload: on a Request, or (``of_check``) on a Result Check."""
    headers = {"cache-control": "max-age=60" if "pending-cacheable" in faults else "no-store"}
    if "no-cache-control" in faults:
        del headers["cache-control"]
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    headers |= _odd_retry_after(clock, faults, of_check=of_check)
    if "warning-without-status" in faults:
        headers["warning"] = "something went on"
    prefix = "check-" if of_check else ""
    if f"{prefix}accepted-with-body" in faults:
        return Response(b"come back later", 202, {**headers, "content-type": "text/plain"})
    if f"{prefix}accepted-with-content-type" in faults:
        headers["content-type"] = "application/dicom+json"
    status = 202
    if f"{prefix}no-content-instead-of-accepted" in faults:
        status = 204
    if f"{prefix}see-other-instead-of-accepted" in faults:
        status = 303
    return Response(status_code=status, headers=headers)


def _odd_retry_after(clock: Clock, faults: Collection[str], *, of_check: bool) -> Mapping[str, str]:
    odd = next((name for name in _ODD if name in faults or (of_check and f"check-{name}" in faults)), None)
    if odd is None:
        return {}
    values = {
        "retry-after-date": formatdate(clock.wall_ns() / NS + 1, usegmt=True),
        "retry-after-negative": "-1",
        "retry-after-text": "soon",
        "retry-after-decimal": "1.5",
        "retry-after-empty": "",
    }
    return {"retry-after": values[odd]}


def refusal(request: Request, refused: RefusalError, faults: Collection[str]) -> Response:
    """A Status Report: short, and saying whether trying again makes sense (8.1.2.3, 8.6.3)."""
    headers = ({} if "no-cache-control" in faults else {"cache-control": "no-store"}) | refused.headers
    status = refused.status
    if status == 401 and "hides-behind-404" in faults:
        status, refused = 404, RefusalError(404, "There is no such resource.")
        headers.pop("WWW-Authenticate", None)
    if status == 404 and "not-found-cacheable" in faults:
        headers["cache-control"] = "max-age=3600"
    if status == 401 and "no-challenge" in faults:
        headers.pop("WWW-Authenticate", None)
    if status == 405 and "no-allow" in faults:
        headers.pop("Allow", None)
    if "empty-reports" in faults:
        return Response(status_code=status, headers=headers)
    last = "It may succeed later." if status in TEMPORARY else "It will not succeed if repeated unchanged."
    kind, text = _report(request, f"{status} {TITLES.get(status, '')}", f"{refused.why} {last}", faults)
    if "reports-without-type" not in faults:
        headers["content-type"] = kind
    return Response(text.encode(), status, headers)


def _report(request: Request, title: str, text: str, manners: Collection[str]) -> tuple[str, str]:
    """In plain text where the client names it, else in HTML."""
    if "json-reports" in manners:
        return "application/problem+json", json.dumps({"title": title, "detail": text, "instance": request.url.path})
    if "plain-reports" in manners or "text/plain" in (header(request, "accept") or "").lower():
        return "text/plain; charset=utf-8", f"{title}\n{text}\n"
    title, text = html.escape(title), html.escape(text)
    return "text/html; charset=utf-8", f"<!DOCTYPE html>\n<title>{title}</title>\n<h1>{title}</h1>\n<p>{text}</p>\n"
