"""The words that stay: those of HTTP, DICOM and of this harness. Everything else in a text is replaced."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

# Header fields whose value is a matter of the protocol; in all others every word goes.
PROTOCOL_FIELDS = frozenset(
    b"accept accept-charset accept-encoding accept-ranges age allow cache-control connection content-encoding"
    b" content-length content-range content-type date expect expires keep-alive last-modified pragma range retry-after"
    b" te trailer transfer-encoding upgrade vary www-authenticate".split()
)
ADDRESS_FIELDS = frozenset(b"host location content-location origin referer link".split())
NAMES_OF_FIELDS = (
    PROTOCOL_FIELDS
    | ADDRESS_FIELDS
    | frozenset(
        b"access-control-allow-credentials access-control-allow-headers access-control-allow-methods"
        b" access-control-allow-origin access-control-expose-headers access-control-max-age accept-language accept-patch"
        b" accept-post alt-svc authorization content-description content-disposition content-id content-language"
        b" content-md5 content-security-policy content-transfer-encoding cookie etag forwarded from if-match"
        b" if-modified-since if-none-match if-range if-unmodified-since mime-version prefer proxy-authenticate"
        b" proxy-authorization server set-cookie strict-transport-security user-agent via warning x-api-key"
        b" x-content-type-options x-forwarded-for x-forwarded-host x-forwarded-proto x-frame-options x-request-id".split()
    )
)

# Values of these keys of an event's info are the harness's own words, and stay but for what is known to be sensitive.
_OWN_KEYS = """
protocol side version cipher how by reason what name mode asked_mode role scenario listener action kind state profile edition
fault variant seed finished form why
"""
OWN_KEYS = frozenset(_OWN_KEYS.split())

_WORDS = """
http https get post put head delete options patch ok accepted created content no found not bad request response unauthorized
forbidden conflict gone unsupported media type types too many requests internal server error service unavailable method allowed
moved permanently temporarily see other temporary redirect continue multiple choices modified payment required acceptable proxy
authentication timeout length precondition failed large uri long range satisfiable expectation unprocessable entity implemented
gateway switching protocols partial reset non authoritative information upgrade locked precondition header fields q
application dicom json xml octet stream multipart related form data mixed text plain html charset utf ascii iso latin
boundary start info problem www urlencoded gzip deflate br identity chunked close keep alive trailers max age store cache must
revalidate private public basic bearer digest realm scope gmt utc mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep
oct nov dec accept encoding language host connection date transfer location retry after agent user cookie set authorization
dicomweb dimse web rs wado qido stow studies series instances commitment frames rendered metadata bulkdata capabilities transaction
cstore cecho cget cmove naction nevent report store echo move find action event rq rsp scu scp associate ac rj abort release
stgcmt run judge out role clause req level strict edition known issues selftest json toml builtin process external docker driver
origin_server user_agent proxy_to_web proxy_to_dimse origin server agent reference conformance harness asynchronous synchronous
secured short retention multipart plain true false null none localhost tls tcp answered status committed known deletable instance
sop class uid study referenced failed failure reason code sequence item value values vr number name names native model
attribute person alphabetic ideographic phonetic family given middle prefix suffix component keyword creator bulk inline binary
group space preserve standalone xmlns nema org doctype entity element attlist notation cdata pcdata system
body title div span br the and is was of to in for with
vnd sun wadl resources resource base methods representation param style template grammars path openapi swagger
port dir sut_dir destination sut
monday tuesday wednesday thursday friday saturday sunday
c n ct mr
"""


@functools.cache
def kept_words() -> frozenset[str]:
    """Lower-case words that stay wherever they stand, alone or in a header field, path or text."""
    return frozenset(word for word in _WORDS.split() if len(word) > 1 or word in "qcn")


# What a CS value may say and be nobody's name: modalities, levels, character sets, kinds of images, availability.
_CODES = """
iso_ir iso iso2022 ir 2022 gb18030 gbk patient study series image worklist instance frame
ar au bdus bi bmd cr ct cfm dg doc dx ecg eeg emg eog eps es fid ga gm hc hd io iol ivoct ivus ker ko len ls mg mr m3d nm oam
oct op opm opt optbsv optenf optbv opv oss osseg ot plan pos pr pt px reg resp rf rg rtdose rtimage rtintent rtplan rtrad rtrecord
rtsegann rtstruct rwv seg sm smr sr srf stain texturemap tg us va xa xaprotocol xc
original derived primary secondary axial localizer other monochrome1 monochrome2 rgb ybr full 422 420 partial ict rct palette
color online nearline offline unavailable yes no success warning failure none unsigned signed lossless lossy
"""

# Words of the keys that the harness itself notes things under.
_KEY_WORDS = """
action ae title after commitment asked mode associate associations association available base url by called calling came chain
claims command commit committed concurrency connect critical path deletable detail driver edition failure reasons fault finished
gate host how http response jitter floor kind known issues lanes listener local masked max report delay result checks retries s
media types min tested name ok origin server peer poll interval port profile protocol provoke quiet period ready reason release
wait req deadline retention role roles scenario scp scu second part pause seconds seed selection instance uid side sop class
classes uids step study series sum of scenarios sut head timing tool transaction limit trigger unsupported user agent usual values
variant vendor version waited wall what why proxy to web dimse scrubbed level judged hash suite suites bytes ms id n t
"""


def words_of_keys(*schemas: Any) -> frozenset[str]:
    """The words of all properties that JSON Schemas name."""
    return frozenset(word for each in schemas for key in _properties(each) for word in re.split("[-_ .]", key))


def _properties(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        named = schema.get("properties")
        yield from named if isinstance(named, Mapping) else ()
        for item in schema.values():
            yield from _properties(item)
    elif isinstance(schema, (list, tuple)):
        for item in schema:
            yield from _properties(item)


@functools.cache
def key_words() -> frozenset[str]:
    """Words of the keys of what a run notes, and of a SUT file. A key that has another word may be anybody's."""
    from stgcmt.data import schema  # noqa: PLC0415 - start-up

    return kept_words() | common_words() | frozenset(_KEY_WORDS.split()) | words_of_keys(schema("sut"))


@functools.cache
def codes() -> frozenset[str]:
    """Lower-case words of CS values that are codes of images and of the service."""
    return frozenset(_CODES.split())


@functools.cache
def common_words() -> frozenset[str]:
    """Ordinary words of prose: found as data, too, they say nobody's name where they stand in a sentence in lower case."""
    lines = files("stgcmt").joinpath("data", "common_words.txt").read_text("ascii").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@functools.cache
def names_of_attributes() -> frozenset[str]:
    """The keywords of DICOM's data dictionary in lower case: the harness and JSON texts spell them."""
    from pydicom.datadict import keyword_dict  # noqa: PLC0415 - start-up

    return frozenset(word.lower() for word in keyword_dict if word)
