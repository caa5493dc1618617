"""XML and HTML, scrubbed in place, well formed or not: texts, CDATA, attributes, names, comments, instructions, DOCTYPE.

The reader is tolerant on purpose. Whatever it takes a piece for, each word of it is looked at: where it errs, too much is
replaced, never too little.
"""

from __future__ import annotations

import codecs
import re

from stgcmt.scrubbing.escapes import through
from stgcmt.scrubbing.pseudonyms import Pseudonyms
from stgcmt.scrubbing.values import inline_binary, scrubbed_text
from stgcmt.scrubbing.vocabulary import names_of_attributes

_PIECE = re.compile(
    rb"""<!--.*?(?:-->|\Z) | <!\[CDATA\[.*?(?:\]\]>|\Z) | <\?.*?(?:\?>|\Z)
    | <!(?:[^<>\[]*+\[(?:[^\]]{0,65536}+\](?!\s*>)){0,999}+[^\]]{0,65536}+\]\s*> | [^>]*+(?:>|\Z))
    | <(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+> | <[^>]*+(?:>|\Z)""",
    re.DOTALL | re.VERBOSE,
)
_CDATA = b"<![CDATA["
_NAME = re.compile(rb"<(/?)(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_TAG = re.compile(rb"[0-9A-Fa-f]{8}")
_ATTRIBUTE = re.compile(rb"([A-Za-z:]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_IN_TAG = re.compile(rb"(?P<value>(?<==)\s*(?:\"[^\"]*\"?|'[^']*'?|[^\s\"'<>]+))|[^\s\"'<>=]+|\"[^\"]*\"?|'[^']*'?")
_DECLARATION = re.compile(
    rb"""<\?xml(?:\s+(?:version\s*=\s*["'][0-9.]{1,4}["']|standalone\s*=\s*["'](?:yes|no)["']"""
    rb"""|encoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']))*\s*\?>"""
)
_SHORT = 3  # letters of a namespace prefix that stays
_KEPT_VALUES = {
    b"tag": _TAG,
    b"vr": re.compile(rb"[A-Z]{2}"),
    b"number": re.compile(rb"[0-9]{1,9}"),
    b"xml:space": re.compile(rb"default|preserve"),
}
_NAMESPACES = frozenset(
    b"http://dicom.nema.org/PS3.19/models/NativeDICOM http://www.w3.org/2001/XMLSchema-instance"
    b" http://www.w3.org/2001/XMLSchema http://www.w3.org/1999/xhtml http://www.w3.org/XML/1998/namespace"
    b" http://wadl.dev.java.net/2009/02".split()
)
# Names of elements and attributes: the native model, HTML, WADL.
_NAMES = frozenset(
    b"nativedicommodel dicomattribute value personname alphabetic ideographic phonetic familyname givenname middlename"
    b" nameprefix namesuffix item bulkdata inlinebinary tag vr number keyword privatecreator uri uuid xml:space xml:lang"
    b" xmlns xmlns:xsi xsi:schemalocation html head body title div span p h1 h2 h3 h4 h5 h6 br hr a ul ol li table tr td th"
    b" thead tbody pre code b i em strong meta link script style img form input label button header footer main section nav"
    b" class id href src rel type name content lang charset method action path application resources resource request"
    b" response representation param doc grammars include option mediatype base status error message detail".split()
)


def xml_text(data: bytes, table: Pseudonyms) -> bytes:
    """XML or HTML of the same length; texts below a DicomAttribute go by its VR."""
    out = bytearray(data)
    stack: list[tuple[int, str]] = []
    binary = False
    value: list[tuple[int, int]] = []  # the places of one text, which comments and CDATA may cut
    at = 0
    for piece in _PIECE.finditer(data):
        if at < piece.start():
            value.append((at, piece.start()))
        text, at = piece[0], piece.end()
        if text.startswith(_CDATA):
            end = piece.end() - 3 if text.endswith(b"]]>") else piece.end()
            value.append((piece.start() + len(_CDATA), end))
            continue
        if text[:2] in (b"<!", b"<?"):
            out[piece.start() : at] = _aside(text, table)
            continue
        _put(out, data, value, stack, table, binary=binary)
        value = []
        name = _NAME.match(text)
        closes, local = (name[1], name[2].lower()) if name else (b"", b"")
        binary = local == b"inlinebinary" and not closes
        if local == b"dicomattribute" and not closes:
            if not text.endswith(b"/>"):
                stack.append(_attribute(text))
        elif local == b"dicomattribute" and stack:
            stack.pop()
        out[piece.start() : at] = _tag(text, table)
    _put(out, data, [*value, (at, len(data))], stack, table, binary=binary)
    return bytes(out)


def _attribute(text: bytes) -> tuple[int, str]:
    """Tag and VR that a DicomAttribute says it has; 0 and empty where it does not say."""
    found = {key.lower(): value[1:-1] for key, value in _ATTRIBUTE.findall(text)}
    tag = found.get(b"tag", b"")
    return int(tag, 16) if _TAG.fullmatch(tag) else 0, found.get(b"vr", b"").decode("latin-1")


def _put(
    out: bytearray,
    data: bytes,
    places: list[tuple[int, int]],
    stack: list[tuple[int, str]],
    table: Pseudonyms,
    *,
    binary: bool,
) -> None:
    """One text, put together, replaced, and put back where its pieces stood."""
    new = _value(b"".join(data[start:end] for start, end in places), stack, table, binary=binary)
    at = 0
    for start, end in places:
        out[start:end] = new[at : at + end - start]
        at += end - start


def _value(text: bytes, stack: list[tuple[int, str]], table: Pseudonyms, *, binary: bool) -> bytes:
    bare = text.strip()
    if not bare:
        return text
    if not stack:
        return table.free(text)
    lead = text[: text.index(bare)]
    rest = text[len(lead) + len(bare) :]
    tag, vr = stack[-1]
    if binary:
        return lead + through(bare, lambda plain: inline_binary(plain, table)) + rest
    return lead + through(bare, lambda plain: scrubbed_text(tag, vr, plain, table)) + rest


def _aside(text: bytes, table: Pseudonyms) -> bytes:
    """A comment, a processing instruction, a DOCTYPE with what it declares: texts, but for the XML declaration."""
    declared = _DECLARATION.fullmatch(text)
    if declared and (not declared[1] or _is_codec(declared[1])):
        return text
    return table.free(text)


def _is_codec(name: bytes) -> bool:
    try:
        codecs.lookup(name.decode("ascii"))
    except (LookupError, ValueError):
        return False
    return True


def _tag(text: bytes, table: Pseudonyms) -> bytes:
    """A start or end tag: names that are nobody's stay, and values that have the form of theirs."""
    out, at = [], 0
    name = b""
    for match in _IN_TAG.finditer(text):
        out.append(text[at : match.start()])
        found, at = match[0], match.end()
        if match["value"] is None:
            name = found
            out.append(b"/".join(_name(part, table) for part in found.split(b"/")))
            continue
        lead = found[: len(found) - len(found.lstrip())]
        bare = found[len(lead) :]
        quote = bare[:1] if bare[:1] in (b'"', b"'") else b""
        end = quote if quote and len(bare) > 1 and bare.endswith(quote) else b""
        inner = bare[len(quote) : len(bare) - len(end)]
        out.append(lead + quote + _attribute_value(name, inner, table) + end)
    return b"".join([*out, text[at:]])


def _name(name: bytes, table: Pseudonyms) -> bytes:
    """The name of an element or attribute, with its prefix."""
    if name.lower() in _NAMES:
        return name
    prefix, colon, local = name.rpartition(b":")
    new = prefix if prefix == b"xmlns" or len(prefix) <= _SHORT else table.free(prefix)
    short = prefix == b"xmlns" and len(local) <= _SHORT
    return new + colon + (local if short or local.lower() in _NAMES else table.free(local))


def _attribute_value(name: bytes, value: bytes, table: Pseudonyms) -> bytes:
    name = name.lower()  # names in the wrong case are judged, too
    form = _KEPT_VALUES.get(name)
    if form is not None and form.fullmatch(value):
        return value
    if name == b"keyword" and value.decode("latin-1").lower() in names_of_attributes():
        return value
    if name.startswith(b"xmlns") and value in _NAMESPACES:
        return value
    return table.all_words(value) if name == b"privatecreator" else table.free(value)
