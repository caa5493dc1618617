"""One attribute's value by its tag and VR: what is replaced, and how, so that it stays a value of its VR."""

from __future__ import annotations

import base64
import re

from stgcmt.scrubbing.pseudonyms import Pseudonyms

TEXT = frozenset({"AE", "PN", "LO", "SH", "ST", "LT", "UT", "UC"})
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
PATIENT = 0x0010
NUMERIC_TEXT = frozenset({"US", "UL", "SS", "SL", "FL", "FD", "SV", "UV", "AT"})  # JSON and XML write them in digits
AS_TEXT = TEXT | {"UI", "UR", "CS", "IS", "DS", "DA", "TM", "DT", "AS"}
_NUMERIC = re.compile(rb"[ 0-9eE+.\\-]*\0?|[0-9][0-9A-Fa-f]{7}")  # also a tag
_DATE = re.compile(rb"[0-9]{8}")
_TIME = re.compile(rb"[0-9]{2,6}")


def scrubbed(tag: int, vr: str, value: bytes, table: Pseudonyms) -> bytes:
    """``value`` as bytes of the same length. Numbers and codes stay, but for those of the patient and private ones."""
    group = tag >> 16
    if vr == "UI":
        return b"\\".join(_uid(each, table) for each in value.split(b"\\"))
    if vr == "UR":
        return table.free(value)
    if group % 2 or group == PATIENT:
        return _dated(vr, value, table) or (table.noise(value) if _is_binary(vr, value) else table.private(value))
    if vr in TEXT:
        return table.private(value)
    if vr in ("DA", "TM", "DT", "AS"):
        return _dated(vr, value, table) or table.all_words(value)
    if vr in BINARY and tag != 0x00020001:  # the version of file meta information
        return table.noise(value)
    if vr == "CS":
        return table.coded(value)
    if vr in ("IS", "DS"):
        return value if _NUMERIC.fullmatch(value) else table.private(value)
    return value


def scrubbed_text(tag: int, vr: str, value: bytes, table: Pseudonyms) -> bytes:
    """The same for a value that JSON or XML writes as a text: it stays one, whatever its VR (or none) says."""
    if vr in NUMERIC_TEXT:
        return value if _NUMERIC.fullmatch(value) and not _of_somebody(tag) else table.private(value)
    return table.private(value) if vr not in AS_TEXT else scrubbed(tag, vr, value, table)


def _of_somebody(tag: int) -> bool:
    """Whether numbers there, too, may be somebody's: attributes of the patient, and private ones."""
    return bool((tag >> 16) % 2) or tag >> 16 == PATIENT


def scrubbed_number(tag: int, vr: str, value: bytes, table: Pseudonyms) -> bytes:
    """A bare number of JSON: of as many digits where it may be an identifier; zeros in front and the sign stay."""
    if not (_of_somebody(tag) or vr in TEXT or vr in ("DA", "TM", "DT", "UI")):
        return value
    return re.sub(rb"[1-9][0-9]*", lambda match: table.word(match[0].decode(), learn=False).encode(), value)


def inline_binary(value: bytes, table: Pseudonyms) -> bytes:
    """Base64 of as many other bytes; what is none is replaced word by word."""
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        return table.all_words(value)
    return base64.b64encode(table.noise(data))


def _uid(value: bytes, table: Pseudonyms) -> bytes:
    bare = value.rstrip(b"\0 ")
    if re.fullmatch(rb"[0-9A-Za-z.]+", bare) is None:
        return table.all_words(value)
    uid = bare.decode("ascii")
    table.learn_uid(uid)
    return table.uid(uid).encode("ascii") + value[len(bare) :]


def _is_binary(vr: str, value: bytes) -> bool:
    return vr in {*BINARY, "US", "UL", "SS", "SL", "FL", "FD", "AT", "SV", "UV"} or b"\0" in value.rstrip(b"\0 ")


def _dated(vr: str, value: bytes, table: Pseudonyms) -> bytes | None:
    """A date, time or age that is well formed, as another well-formed one; ``None`` where it is none."""
    drawn = table.noise(vr.encode() + value.strip(b"\0 "))
    bare = value.rstrip(b"\0 ")
    rest = value[len(bare) :]
    if vr == "DA" and _DATE.fullmatch(bare):
        return b"%04d%02d%02d" % (1930 + drawn[0] % 60, 1 + drawn[1] % 12, 1 + drawn[2] % 28) + rest
    if vr == "TM" and _TIME.fullmatch(bare):
        return (b"%02d%02d%02d" % (drawn[0] % 24, drawn[1] % 60, drawn[-1] % 60))[: len(bare)] + rest
    if vr == "DT" and _DATE.match(bare):
        return _dated("DA", bare[:8], table) + re.sub(rb"[0-9]", b"0", bare[8:]) + rest  # type: ignore[operator]
    if vr == "AS" and re.fullmatch(rb"[0-9]{3}[DWMY]", bare):
        return b"%03d" % (drawn[0] % 100) + bare[3:] + rest
    return None
