"""What the standard and HTTP leave free: how the reference can be different without being wrong.

A *manner* is a switch like a fault, but one that stays within the standard; ``variants.py`` combines them. Those of whole
messages act here, around the application and beneath h11; the others act where an implementer would decide.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections.abc import Callable, Collection, Mapping

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Framing = Callable[[bytes], bytes]
Fields = list[tuple[bytes, bytes]]

PIECES = 40  # chunks that a payload is cut into, at most
CLOCK_AHEAD_S = 3600.0  # what the clock behind Date is wrong by in the manner clock-ahead

# Fields of proxies, frameworks and browsers that have nothing to say here.
EXTRA: tuple[tuple[bytes, bytes], ...] = (
    (b"server", b"ACME-VNA/12.3 (build 4711)"),
    (b"via", b"1.1 gateway"),
    (b"x-request-id", b"5d1f3a1e-8d6c-4d6e-9f1b-0c7f2c1d2b3a"),
    (b"set-cookie", b"JSESSIONID=0123456789; Path=/; HttpOnly"),
    (b"vary", b"Accept, Accept-Encoding, Origin"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
    (b"access-control-allow-origin", b"*"),
    (b"content-security-policy", b"default-src 'none'"),
    (b"x-empty", b""),
    (b"x-list", b"a, , b"),
    (b"x-list", b"c"),
)


class Mannered:
    """An ASGI application whose answers are changed as a whole: pauses, coding, framing, names, further fields."""

    def __init__(
        self, app: ASGIApp, manners: Collection[str], latency: float = 0.0, *, busy_at: int = 0, limits_every: int = 0
    ) -> None:
        self._app, self._manners, self._latency = app, manners, latency
        self._busy_at, self._limits_every = busy_at, limits_every
        self._counted = 0  # requests to the service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the payload is held until it is whole."""
        if (refusal := self._not_now(scope)) is not None:
            await refusal(scope, receive, send)
            return
        if not self._manners and not self._latency:
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        if self._latency:
            await asyncio.sleep(self._latency)
        await self._app(scope, receive, keep)
        if not messages:  # the client is gone
            return
        body = b"".join(message.get("body", b"") for message in messages[1:])
        status, fields, body = self._changed(scope, messages[0]["status"], list(messages[0]["headers"]), body)
        await send({**messages[0], "status": status, "headers": fields})
        pieces = self._pieces(body)
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    def _changed(self, scope: Scope, status: int, fields: Fields, body: bytes) -> tuple[int, Fields, bytes]:
        asked = {name.lower(): value for name, value in scope["headers"]}
        if "etag" in self._manners and status == 200 and scope["method"] in ("GET", "HEAD"):
            tag = b'"' + hashlib.sha256(body).hexdigest()[:20].encode() + b'"'
            fields.append((b"etag", tag))
            if tag in asked.get(b"if-none-match", b""):
                status, fields, body = 304, [field for field in fields if not field[0].startswith(b"content-")], b""
        if "absolute-location" in self._manners:
            base = scope["scheme"].encode() + b"://" + asked.get(b"host", b"")
            fields = [(name, base + value if name == b"content-location" else value) for name, value in fields]
        if body and ("gzip-always" in self._manners or self._zips(asked)):
            body = gzip.compress(body, mtime=0)
            fields = _without(fields, b"content-length")
            fields += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
            fields += [(b"content-length", str(len(body)).encode())]
        if "chunked" in self._manners and status not in (204, 304):
            fields = _without(fields, b"content-length")
        if "extra-fields" in self._manners:
            fields += EXTRA
        refused = "closes-after-refusals" in self._manners and status >= 400
        if refused or "closes" in self._manners or ("bare-accepted" in self._manners and status == 202):
            fields.append((b"connection", b"close"))
        if "encoded-location" in self._manners:
            fields = [
                (name, value.replace(b".", b"%2e") if name == b"content-location" else value) for name, value in fields
            ]
        if "upper-case-names" in self._manners:
            fields = [(name.upper(), value) for name, value in fields]
        return status, fields, body

    def _not_now(self, scope: Scope) -> Response | None:
        """The answer of a server that is at work elsewhere (503), or that limits how often it is asked (429, RFC 6585)."""
        if "/commitment-requests" not in scope["path"]:
            return None
        self._counted += 1
        limited = self._limits_every > 0 and self._counted % self._limits_every == 0
        if not limited and self._counted != self._busy_at:
            return None
        text, status = ("Too many requests.", 429) if limited else ("Not now; it may succeed later.", 503)
        return PlainTextResponse(text if scope["method"] != "HEAD" else "", status, {"retry-after": "1"})

    def _zips(self, asked: Mapping[bytes, bytes]) -> bool:
        return "gzip" in self._manners and b"gzip" in asked.get(b"accept-encoding", b"")

    def _pieces(self, body: bytes) -> list[bytes]:
        if "chunked" not in self._manners or not body:
            return [body]
        size = max(1, len(body) // PIECES)
        return [body[at : at + size] for at in range(0, len(body), size)]


def _without(fields: Fields, unwanted: bytes) -> Fields:
    return [(name, value) for name, value in fields if name != unwanted]


# --- beneath h11, which would not write them --------------------------------------------------------------------------


def framing(manners: Collection[str]) -> Framing:
    """How the octets of one connection are changed."""
    if "early-hints" in manners:
        return _early_hints
    if "no-reason-phrase" in manners:
        return lambda data: re.sub(rb"\AHTTP/1\.1 (\d{3}) [^\r]*", rb"HTTP/1.1 \1 ", data)
    if "free-white-space" in manners:
        return _free_white_space
    if "chunk-extensions" in manners:
        return _ExtendedChunks()
    if "bare-accepted" in manners:
        return _bare_accepted
    return lambda data: data


def _early_hints(data: bytes) -> bytes:
    """Interim responses, which a client reads over (RFC 9110 15.2)."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    final = data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1")
    return b"HTTP/1.1 102 Processing\r\n\r\n" + interim + data if final else data


def _free_white_space(data: bytes) -> bytes:
    """No blank after some colons, blanks and tabs around other values (RFC 9112 5.1)."""
    if not data.startswith(b"HTTP/1.1 "):
        return data
    head, end, rest = data.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    spaced = [
        line.replace(b": ", b":" if n % 2 else b": \t ", 1) + (b"" if n % 2 else b" \t") for n, line in enumerate(lines)
    ]
    return b"\r\n".join([status, *spaced]) + end + rest


def _bare_accepted(data: bytes) -> bytes:
    """A 202 that the end of the connection delimits."""
    head, end, rest = data.partition(b"\r\n\r\n")
    if not data.startswith(b"HTTP/1.1 202 "):
        return data
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join(lines) + end + rest


class _ExtendedChunks:
    """Chunks with extensions, leading zeros and upper case digits, and a trailer field after them (RFC 9112 7.1)."""

    def __init__(self) -> None:
        self._in_body = False

    def __call__(self, data: bytes) -> bytes:
        if data.startswith(b"HTTP/1.1 "):
            self._in_body = b"transfer-encoding: chunked" in data.lower()
            return data
        if not self._in_body:
            return data
        size, _, rest = data.partition(b"\r\n")
        trailer = b"Server-Timing: total;dur=1\r\n" if size == b"0" else b""
        return b'00%s;id="a;b";last\r\n%s%s' % (size.upper(), trailer, rest)
