"""Header fields, media types and paths of recorded HTTP as a statement shows them: what they mean, without what changes."""

from __future__ import annotations

import email.utils
from typing import Any

from stgcmt.views.http import Exchange, Response
from stgcmt.wire.http_fields import parse_media_type

RESOURCE = "commitment-requests"


def asked_pause(response: Response) -> float | None:
    """The seconds that Retry-After asks for; a date is held against the answer's own Date. ``None`` where it asks nothing."""
    value = (response.header("retry-after") or "").strip()
    if value.isdigit():
        return float(value)
    try:
        until, now = (email.utils.parsedate_to_datetime(each) for each in (value, response.header("date") or ""))
        return (until - now).total_seconds()
    except (TypeError, ValueError):
        return None


def honoured(key: str, value: str, exchange: Exchange) -> bool:
    """Whether an answer shows that a query parameter was understood: it did what no header field asked for."""
    request, response = exchange.request, exchange.response
    if request is None or response is None or response.media_type is None:
        return False
    if key == "accept":
        wanted = parse_media_type(value)
        asked = request.header("accept") or ""
        return wanted is not None and type_of(response.media_type) == type_of(wanted) and wanted.essence not in asked
    return key == "charset" and (response.media_type.param("charset") or "").lower() == value.lower()


def pattern(path: str) -> str:
    """A path with its UIDs as placeholders, from the first segment that the services of PS3.18 name."""
    names = {RESOURCE: "{transactionUID}", "studies": "{study}", "series": "{series}", "instances": "{instance}"}
    segments = [each for each in path.split("/") if each]
    start = next((at for at, each in enumerate(segments) if each in names), None)
    if start is None:
        return "/"
    parts: list[str] = []
    for each in segments[start:]:
        previous = parts[-1] if parts else ""
        parts.append(names[previous] if previous in names and each not in names else each)
    return "/" + "/".join(parts[:8])


def type_of(media_type: Any) -> str:
    """A media type as claims spell it: the ``type`` parameter of multipart, and nothing else."""
    inner = media_type.param("type")
    return f'{media_type.essence}; type="{inner}"' if media_type.essence == "multipart/related" and inner else str(
        media_type.essence
    )  # fmt: skip


def shown(name: str, value: str) -> str:
    """A header field's value without what changes from message to message, and without secrets."""
    if name == "content-length":
        return "0" if value.strip() == "0" else "the payload's length"
    if name == "retry-after":
        return "seconds" if value.strip().isdigit() else "a date" if "gmt" in value.lower() else "something else"
    if name in {"authorization", "www-authenticate"}:
        return value.partition(" ")[0]
    if name in {"content-location", "etag", "date"}:
        return "present"
    if name == "content-type":
        media_type = parse_media_type(value)
        return type_of(media_type) if media_type else value[:60]
    return value[:80]
