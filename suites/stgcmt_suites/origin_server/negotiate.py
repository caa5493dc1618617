"""Content negotiation of the reference origin server (PS3.18 8.3.3, 8.7, 8.8), written for it alone.

``choose`` answers one question: in which of the four representations of the service may the result be sent? Values of
Accept that are invalid or not supported are ignored, the most specific range decides a q-value, ties go to the default.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

JSON = "application/dicom+json"
XML = "application/dicom+xml"
RELATED = "multipart/related"
WADL = "application/vnd.sun.wadl+xml"

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# A parameter value: token, quoted string, or (unquoted type=application/dicom+json, 8.7.1) a token with slashes.
_PARAMETER = re.compile(r"""\s*;\s*([!#$%&'*+\-.^_`|~\w]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]+)""")
_RENDERED = ("image/", "video/")
_RENDERED_TYPES = frozenset({"application/pdf", "text/rtf", "text/xml"})
# Never allowed for these payloads: Implicit VR Little Endian, Explicit VR Big Endian (8.7.3.5.2).
_FORBIDDEN_SYNTAXES = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.2"})


class RefusalError(Exception):
    """A request that is answered with a status other than success, and the Status Report that says why."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class MediaType:
    """A media type or range with its parameters (names in lower case); ``q`` is taken out of them."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)
    q: float = 1.0

    @property
    def specificity(self) -> int:
        """How exactly the range says what it wants: 0 for ``*/*`` up to 3 for multipart with a ``type``."""
        if self.name == "*/*":
            return 0
        if self.name.endswith("/*"):
            return 1
        return 3 if self.name == RELATED and self.parameters.get("type", "*/*") != "*/*" else 2


@dataclass(frozen=True)
class Offer:
    """One representation of the service: the type of its (root) part, alone or in multipart/related."""

    part: str
    multipart: bool = False

    def matches(self, wanted: MediaType) -> bool:
        """Whether a media range covers this representation."""
        name = RELATED if self.multipart else self.part
        if wanted.name not in ("*/*", name, f"{name.partition('/')[0]}/*"):
            return False
        if wanted.name == RELATED and wanted.parameters.get("type", self.part).lower() not in (self.part, "*/*"):
            return False
        return wanted.parameters.get("transfer-syntax", "*") not in _FORBIDDEN_SYNTAXES


# In the order of preference among equals; the first is the default of the service (table 13.1.3-1).
OFFERS = (Offer(JSON), Offer(XML), Offer(JSON, multipart=True), Offer(XML, multipart=True))


def parse(text: str) -> MediaType | None:
    """A media type or range with parameters; ``None`` where it is invalid."""
    name, _, _ = text.strip().partition(";")
    name = name.strip().lower()
    kind, slash, sub = name.partition("/")
    if not slash or not _TOKEN.fullmatch(kind) or not _TOKEN.fullmatch(sub) or (kind == "*" and sub != "*"):
        return None
    parameters: dict[str, str] = {}
    rest = text.strip()[len(text.strip().partition(";")[0]) :]
    while rest.strip(" \t;"):
        found = _PARAMETER.match(rest)
        if not found:
            return None
        value = found[2]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        parameters.setdefault(found[1].lower(), value)
        rest = rest[found.end() :]
    weight = parameters.pop("q", "1")
    if not re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", weight):
        return None
    return MediaType(name, parameters, float(weight))


def ranges(header: str) -> tuple[MediaType, ...]:
    """The valid media ranges of an Accept value; the others are ignored (8.7.7)."""
    elements = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^",]|")+', header)
    return tuple(found for element in elements if (found := parse(element)))


def choose(accept: str | None, parameter: str | None, faults: Collection[str] = ()) -> Offer:
    """The representation to answer in.

    ``accept``: the Accept field, all lines joined with commas, ``None`` where there is none. ``parameter``: the value
    of the query parameter of that name, which wins where the header allows it (8.3.3.1). Raises ``RefusalError`` with
    400 for a mixture of DICOM and rendered types or a parameter that is no list of media types, 406 where nothing fits.
    """
    offers = tuple(each for each in OFFERS if each.part != XML or "no-xml" not in faults)
    if "no-multipart" in faults:
        offers = tuple(each for each in offers if not each.multipart)
    wanted = None if accept is None else _heard(accept, faults)
    listens = parameter is not None and "ignores-accept-parameter" not in faults
    if accept is None and "parameter-needs-accept" in faults:
        raise RefusalError(406, "The request has no Accept header field; name a media type of the service.")
    if accept not in (None, "*/*") and listens:
        listens = "header-wins" not in faults
    if parameter is not None and listens:
        asked = _of_parameter(parameter, faults)
        if found := _best(asked, [each for each in offers if wanted is None or _weight(each, wanted) > 0], faults):
            return found
    if wanted is None:
        if "accept-not-needed" in faults:
            return offers[0]
        raise RefusalError(406, "The request has no Accept header field; name a media type of the service.")
    if "ignores-accept" in faults:
        return offers[0]
    if _mixed(wanted) and "mixture-accepted" not in faults:
        raise RefusalError(
            500 if "mixture-as-500" in faults else 400, "DICOM and rendered media types cannot be mixed in one Accept."
        )
    if accept == "application/*" and "application-as-xml" in faults:
        return Offer(XML)
    if accept == "*/*" and "wildcard-as-xml" in faults:
        return Offer(XML)
    if found := _lapsed(_best(wanted, offers, faults), wanted, offers, faults):
        return found
    if "unacceptable-as-xml" in faults:
        return Offer(XML)
    if "unacceptable-as-default" in faults:
        return offers[0]
    raise RefusalError(406, f"No acceptable media type; the service has {JSON} and {XML}, alone or in {RELATED}.")


def _heard(accept: str, faults: Collection[str]) -> tuple[MediaType, ...]:
    """The ranges of an Accept value, but for those that a fault makes the server deaf to."""
    found = ranges(accept)
    if len(found) < len([each for each in accept.split(",") if each.strip()]) and "invalid-entry-spoils" in faults:
        raise RefusalError(406, "The Accept header field has an entry that is no media type.")
    if re.search(r"type\s*=\s*[^\s\"]", accept) and "type-needs-quotes" in faults:
        return ()
    said = {name for each in found for name in each.parameters if name in ("transfer-syntax", "charset")}
    deaf = {name for name in sorted(said) if f"{name}-not-understood" in faults}
    return tuple(each for each in found if not deaf & each.parameters.keys())


def choose_capabilities(accept: str | None, manners: Collection[str] = ()) -> str:
    """WADL or JSON for the Capabilities Description (8.9); raises ``RefusalError`` with 406."""
    if "wadl-always" in manners:
        return WADL
    if accept is None and "capabilities-by-default" in manners:
        accept = "*/*"
    if accept is None:
        raise RefusalError(406, "The request has no Accept header field.")
    best, chosen = 0.0, ""
    for name in (WADL, "application/json") if "json-capabilities-only" not in manners else ("application/json",):
        weight = _weight(Offer(name), ranges(accept))
        if weight > best:
            best, chosen = weight, name
    if not chosen:
        raise RefusalError(406, f"Capabilities are described in {WADL} and application/json.")
    return chosen


def _best(wanted: Sequence[MediaType], offers: Sequence[Offer], faults: Collection[str]) -> Offer | None:
    if "ignores-q" in faults:
        return next((offer for offer in offers if any(offer.matches(each) for each in wanted)), None)
    weighed = [(_weight(offer, wanted), offer) for offer in offers]
    best = max((weight for weight, _ in weighed), default=0.0)
    return next((offer for weight, offer in weighed if weight == best), None) if best > 0 else None


def _lapsed(
    best: Offer | None, wanted: Sequence[MediaType], offers: Sequence[Offer], faults: Collection[str]
) -> Offer | None:
    """What is chosen in place of the best by who does not read quality values to the end."""
    xml = next((each for each in offers if each == Offer(XML) and any(range_.name == XML for range_ in wanted)), None)
    if xml is not None and best != xml and "xml-whenever-named" in faults:
        return xml
    last = next((each for range_ in wanted[::-1] if range_.q > 0 for each in offers if each.matches(range_)), None)
    return last if last is not None and last != best and "last-type-wins" in faults else best


def _weight(offer: Offer, wanted: Sequence[MediaType]) -> float:
    """The q-value that the most specific matching range gives; 0 where none matches."""
    matching = [each for each in wanted if offer.matches(each)]
    if not matching:
        return 0.0
    finest = max(each.specificity for each in matching)
    return max(each.q for each in matching if each.specificity == finest)


def _mixed(wanted: Sequence[MediaType]) -> bool:
    acceptable = [each for each in wanted if each.q > 0]
    dicom = any(each.name in (JSON, XML, "application/dicom", RELATED) for each in acceptable)
    rendered = any(
        each.name in _RENDERED_TYPES or (each.name.startswith(_RENDERED) and not each.name.endswith("/*"))
        for each in acceptable
    )
    return dicom and rendered


def _of_parameter(value: str, faults: Collection[str] = ()) -> tuple[MediaType, ...]:
    elements = [element for element in value.split(",") if element.strip()]
    found = [parse(element) for element in elements]
    if "lenient-parameter" in faults:
        return tuple(each for each in found if each and "*" not in each.name)
    if not found or None in found or any("*" in each.name for each in found if each):
        status = 500 if "accept-parameter-as-500" in faults else 400
        raise RefusalError(status, "The query parameter accept is a list of media types without wildcards.")
    return tuple(each for each in found if each)
