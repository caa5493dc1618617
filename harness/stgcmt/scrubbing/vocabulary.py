"""The words that stay: those of HTTP, DICOM and of this harness. Everything else in a text is replaced."""

from __future__ import annotations

import functools
from importlib.resources import files

# Header fields whose value is a matter of the protocol; in all others every word goes.
PROTOCOL_FIELDS = frozenset(
    b"accept accept-charset accept-encoding accept-ranges age allow cache-control connection content-encoding"
    b" content-length content-range content-type date expect expires keep-alive last-modified pragma range retry-after"
    b" te trailer transfer-encoding upgrade vary www-authenticate".split()
)
ADDRESS_FIELDS = frozenset(b"host location content-location origin referer link".split())

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
group space preserve standalone xmlns nema org doctype body title div span br the and is was of to in for with
vnd sun wadl resources resource base methods representation param style template grammars path openapi swagger
port dir sut_dir destination sut
monday tuesday wednesday thursday friday saturday sunday
c n ct mr
"""


@functools.cache
def kept_words() -> frozenset[str]:
    """Lower-case words that stay wherever they stand, alone or in a header field, path or text."""
    return frozenset(word for word in _WORDS.split() if len(word) > 1 or word in "qcn")


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
