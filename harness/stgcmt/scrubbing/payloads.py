"""Bodies of HTTP messages, scrubbed in place: DICOM JSON, multipart, part 10 files, any other text; XML has its module.

The readers here are tolerant on purpose: a body that no parser would accept must be scrubbed, too, without being mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from stgcmt.scrubbing.dataset import part10
from stgcmt.scrubbing.escapes import through, through_json
from stgcmt.scrubbing.pseudonyms import Pseudonyms
from stgcmt.scrubbing.values import inline_binary, scrubbed_number, scrubbed_text
from stgcmt.scrubbing.xml import xml_text

Change = Callable[[bytes], bytes]
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)
_TAG = re.compile(rb"[0-9A-Fa-f]{8}\Z")
_LITERAL = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")
_ENCODED_PART = re.compile(rb"(?im)^content-transfer-encoding[ \t]*:[ \t]*(?:quoted-printable|base64)")
_BOUNDARY = re.compile(rb"boundary=(?:\"([^\"]+)\"|([^;\s,\"]+))", re.IGNORECASE)


def body(data: bytes, content_type: bytes, content_encoding: bytes, table: Pseudonyms, headers: Change) -> bytes:
    """One body of the same length; ``headers`` scrubs the header fields of a part (a function of bytes)."""
    kind = content_type.lower()
    if content_encoding.strip().lower() not in (b"", b"identity"):
        return b"*" * len(data)  # compressed: what cannot be looked into does not leave
    if kind.startswith(b"multipart/") and (match := _BOUNDARY.search(content_type)):
        return _multipart(data, match[1] or match[2], table, headers)
    if coding := _wide(data):
        return _recoded(data, coding, lambda text: body(text, b"text/plain", b"", table, headers))
    stripped = data.lstrip().removeprefix(b"\xef\xbb\xbf")
    if data[128:132] == b"DICM" or (
        kind.startswith(b"application/dicom") and b"+" not in kind and not _textual(stripped)
    ):
        return part10(data, table)
    if stripped[:1] in (b"{", b"["):
        return json_text(data, table)
    if stripped[:1] == b"<":
        return xml_text(data, table)
    if _textual(stripped):
        return table.free(data)
    return table.noise(data) if b"\0" in data else table.all_words(data)


def _wide(data: bytes) -> str:
    """UTF-16 that a byte order mark or the zeros beside the first sign of a JSON or XML text tell; empty for others."""
    first = data[:2]
    if first in (b"\xff\xfe", b"{\0", b"[\0", b"<\0"):
        return "utf-16-le"
    return "utf-16-be" if first in (b"\xfe\xff", b"\0{", b"\0[", b"\0<") else ""


def _recoded(data: bytes, coding: str, change: Change) -> bytes:
    """A text in UTF-16 scrubbed as one in UTF-8: what replaces a character takes as many units in both."""
    even = data[: len(data) // 2 * 2]
    text = even.decode(coding, "surrogatepass").encode("utf-8", "surrogatepass")
    try:
        new = change(text).decode("utf-8", "surrogatepass").encode(coding, "surrogatepass") + data[len(even) :]
    except UnicodeDecodeError:  # not in that coding after all
        new = b""
    return new if len(new) == len(data) else b"*" * len(data)


def _textual(data: bytes) -> bool:
    return all(byte >= 32 or byte in b"\r\n\t" for byte in data[:4096])


# --- JSON ------------------------------------------------------------------------------------------------------------------


@dataclass
class _Frame:
    """An open object or array: the key it is waiting on, and what an attribute object says of itself."""

    kind: bytes
    attribute: _Attribute | None
    key: bytes = b""
    waits_for_key: bool = True


@dataclass
class _Attribute:
    """One attribute of DICOM JSON: tag, VR (it may come after its values) and the places of its values."""

    tag: int
    vr: str = ""
    values: list[tuple[int, int, bytes]] = field(default_factory=list)


def json_text(data: bytes, table: Pseudonyms) -> bytes:
    """JSON, well formed or not; member names stay where they are tags, keywords or words of the protocols."""
    out = bytearray(data)
    stack: list[_Frame] = []
    attributes: list[_Attribute] = []
    for token in _TOKEN.finditer(data):
        start, end, text = token.start(), token.end(), token[0]
        top = stack[-1] if stack else None
        if text in (b"{", b"["):
            inside = top.attribute if top else None
            if text == b"{" and top is not None and _TAG.match(top.key) and top.kind == b"{":
                inside = _Attribute(int(top.key, 16))
                attributes.append(inside)
            stack.append(_Frame(text, inside))
        elif text in (b"}", b"]"):
            stack = stack[:-1]
        elif text == b":" and top:
            top.waits_for_key = False
        elif text == b"," and top:
            top.waits_for_key, top.key = True, b"" if top.kind == b"{" else top.key
        elif text[:1] == b'"':
            inner = (start + 1, end - 1 if text.endswith(b'"') and len(text) > 1 else end)
            if top is not None and top.kind == b"{" and top.waits_for_key:
                top.key = text.strip(b'"')
                if not _TAG.match(top.key):
                    _replace(out, *inner, through_json(data[slice(*inner)], table.free))
            else:
                _json_string(top, inner, out, data, table)
        elif top is not None and top.attribute is not None and _is_value(stack):
            top.attribute.values.append((start, end, b"number" if _LITERAL.fullmatch(text) else b"string"))
        else:
            _replace(out, start, end, _bare(text, table))
    for attribute in attributes:
        for start, end, kind in attribute.values:
            _replace(out, start, end, _json_value(attribute, kind, data[start:end], table))
    return bytes(out)


def _is_value(stack: list[_Frame]) -> bool:
    """Whether a token stands among the values of an attribute, or is a component of a name there."""
    return any(frame.key == b"Value" for frame in stack[-3:])


def _json_string(top: _Frame | None, inner: tuple[int, int], out: bytearray, data: bytes, table: Pseudonyms) -> None:
    text = data[slice(*inner)]
    attribute = top.attribute if top else None
    if top is not None and top.kind == b"{" and top.key == b"vr" and re.fullmatch(rb"[A-Z]{2}", text):
        if attribute is not None:
            attribute.vr = text.decode("ascii")
    elif attribute is None or top is None:
        _replace(out, *inner, through_json(text, table.free))
    elif top.kind == b"{" and top.key in (b"InlineBinary", b"BulkDataURI"):
        attribute.values.append((*inner, top.key))
    else:
        attribute.values.append((*inner, b"string"))


def _json_value(attribute: _Attribute, kind: bytes, text: bytes, table: Pseudonyms) -> bytes:
    if kind == b"InlineBinary":
        return inline_binary(text, table)
    if kind == b"BulkDataURI":
        return through_json(text, table.free)
    if kind == b"number":
        return scrubbed_number(attribute.tag, attribute.vr, text, table)
    return through_json(
        text, lambda plain: through(plain, lambda each: scrubbed_text(attribute.tag, attribute.vr, each, table))
    )


def _bare(text: bytes, table: Pseudonyms) -> bytes:
    """What stands without quotes outside of values: a long number may be somebody's, and a word is a text."""
    if _LITERAL.fullmatch(text):
        return re.sub(rb"[1-9][0-9]{5,}", lambda found: table.word(found[0].decode(), learn=False).encode(), text)
    return table.free(text)


# --- multipart -------------------------------------------------------------------------------------------------------------


def _multipart(data: bytes, boundary: bytes, table: Pseudonyms, headers: Change) -> bytes:
    """Parts between their delimiters; each by its own media type."""
    delimiter = re.compile(rb"--%s(?:--)?[ \t]*(?:\r?\n|\Z)" % re.escape(boundary))
    found = [
        match for match in delimiter.finditer(data) if data[max(match.start() - 1, 0) : match.start()] in (b"", b"\n")
    ]
    out, at = [], 0
    for match in [*found, None]:
        end = match.start() if match else len(data)
        out.append(_part(data[at:end], table, headers) if at else table.free(data[:end]))
        if match:
            out.append(match[0].replace(boundary, table.free(boundary)))
            at = match.end()
    return b"".join(out)


def _part(data: bytes, table: Pseudonyms, headers: Change) -> bytes:
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return table.free(data)
    kind = re.search(rb"(?im)^content-type[ \t]*:[ \t]*([^\r\n]*)", head)
    tail = b"\r\n" if rest.endswith(b"\r\n") else b""
    inner = rest[: len(rest) - len(tail)]
    if _ENCODED_PART.search(head):
        return headers(head) + blank + b"*" * len(inner) + tail  # as what is compressed
    return headers(head) + blank + body(inner, kind[1] if kind else b"", b"", table, headers) + tail


def _replace(out: bytearray, start: int, end: int, new: bytes) -> None:
    if len(new) == end - start:  # never anything else; a length that changed would move all that follows
        out[start:end] = new
