"""What the HTTP client takes and gives: answers, where a URL points, time limits, TLS contexts."""

from __future__ import annotations

import functools
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from stgcmt.tls import HTTP_1_1, client_context
from stgcmt.wire.http import Headers, Message

Kind = Literal["refused", "reset", "closed", "timeout", "tls", "protocol", "dns"]
HeadersLike = Sequence[tuple[str, str]] | Mapping[str, str]
BAD_TARGET = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True)
class Timeouts:
    """Seconds: until a connection is open (TLS included), and for a request as a whole."""

    connect: float = 10.0
    request: float = 60.0


@dataclass(frozen=True, repr=False)
class Answer:
    """What came back: at least a status line. ``complete`` is false where the message was cut."""

    message: Message
    elapsed_ns: int = 0

    def __repr__(self) -> str:
        return f"<Answer {self.status} {self.message.reason}{'' if self.complete else ' (incomplete)'}>"

    @property
    def status(self) -> int | None:
        return self.message.status

    @property
    def headers(self) -> Headers:
        return self.message.headers

    @property
    def body(self) -> bytes:
        return self.message.body

    @property
    def complete(self) -> bool:
        return self.message.complete

    def header(self, name: str) -> str | None:
        """The value of this header; ``None`` where absent."""
        return self.message.header(name)


@dataclass(frozen=True)
class NoAnswer:
    """Nothing came back that has a status: why. Reads like an empty ``Answer``: scenarios need no case for it."""

    kind: Kind
    detail: str = ""
    status: None = None
    headers: Headers = ()
    body: bytes = b""
    complete: bool = False

    def header(self, name: str) -> None:  # noqa: ARG002 - the shape of Answer
        """Nothing: there is no header."""
        return


@dataclass(frozen=True)
class Origin:
    """Where a URL points, and the request target exactly as written (RFC 9112 3.2)."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What a connection can be reused for."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The value of Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


@functools.lru_cache(1024)
def locate(url: str) -> Origin:
    """Take an absolute URL apart, percent-encoding left as it is; raises ``ValueError`` where it is none of ours."""
    bare = url.partition("#")[0]
    if BAD_TARGET.search(bare):
        raise ValueError(f"reading the URL {url!r}: expected no blanks and control characters")
    parts = urlsplit(bare)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"reading the URL {url!r}: expected http://host[:port]/path or https://host[:port]/path")
    authority_end = bare.index("//") + 2 + len(parts.netloc)
    target = bare[authority_end:]
    target = target if target.startswith("/") else f"/{target}"
    return Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], target)


def tls_context(ca_file: Path | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """A context for HTTP/1.1; raises ``OSError`` for an unusable file."""
    return client_context({"ca_file": str(ca_file) if ca_file else None, "verify": verify}, HTTP_1_1)


def other_protocol(data: bytes) -> str:
    """What the peer speaks in place of HTTP/1.1, where its first bytes tell; else empty."""
    if data[:3] in {b"\x15\x03\x00", b"\x15\x03\x01", b"\x15\x03\x03", b"\x16\x03\x01", b"\x16\x03\x03"}:
        return "it speaks TLS: base_url begins with https://?"
    length, kind, stream = int.from_bytes(data[:3], "big"), data[3:4], data[5:9]
    if stream == bytes(4) and ((kind == b"\x04" and length % 6 == 0) or kind == b"\x07"):
        return "it speaks HTTP/2 only (an HTTP/2 frame came unasked)"
    return ""
