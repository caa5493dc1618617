"""What stands for what: one word, number, UID or address always by the same other of its length and shape."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from string import ascii_lowercase, digits
from typing import Any

from stgcmt.scrubbing.escapes import through
from stgcmt.scrubbing.vocabulary import codes, common_words, kept_words, key_words, names_of_attributes, words_of_keys

WORD = re.compile(rb"%[0-9A-Fa-f]{2}|[A-Za-z0-9]+|[\x80-\xff]+")
UID = rb"(?<![0-9A-Za-z.])(?:[0-2](?:\.[0-9]{1,64}){3,}|2\.25\.[0-9]{6,})(?![0-9A-Za-z])"
IPV4 = rb"(?<![0-9A-Za-z.])(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})(?![0-9A-Za-z]|\.[0-9])"
IPV6 = rb"\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]"
_IPV4 = re.compile(IPV4)
_NUMBERS = re.compile(rb"[0-9.]{5,64}")
_LONG = re.compile(rb"[A-Za-z0-9]{4,}")
OPEN_UIDS = (
    "1.2.840.10008",
    "2.25.202410300834567",
    "2.25.217439102865411237948150328817624453971",
)  # DICOM's, our own
LOOPBACK = (b"127.", b"0.0.0.0")
UUID = 1 << 128
LEAST = 4  # characters; a shorter word is replaced where it stands, but not looked for elsewhere
NEAR = 2  # characters between two words of one name, such as ", "
NUMBER = 5  # digits; a longer number in a text may be somebody's


class Pseudonyms:
    """The table of one scrub. ``key`` decides it; without the key nobody finds the way back.

    Args:
        key: bytes that nobody else has.
        keep: words that stay, too.
        schemas: of tables that a run notes; what they call a key is one.
    """

    def __init__(self, key: bytes, keep: Iterable[str] = (), schemas: Iterable[Any] = ()) -> None:
        self._key = key
        self._keys = words_of_keys(*schemas)
        self._keep = kept_words() | {word.lower() for word in keep}
        self._words: dict[str, str] = {}
        self._taken: set[str] = set()
        self._hosts: dict[bytes, bytes] = {}
        self._uids: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None
        self.sensitive: set[str] = set()

    # --- the smallest pieces -------------------------------------------------------------------------------------------

    def word(self, word: str, *, learn: bool = True) -> str:
        """Another word of the same length, letters for letters and digits for digits, each in its case."""
        low = word.lower()
        new = self._words.get(low)
        if new is None:
            new = self._words[low] = self._fresh(low)
        if learn and len(low) >= LEAST and low not in self._keep and not (low.isdigit() and len(low) <= NUMBER):
            self.sensitive.add(low)
        return "".join(b.upper() if a.isupper() else b for a, b in zip(word, new, strict=True))

    def _fresh(self, low: str) -> str:
        for turn in range(60):
            drawn = self._stream(f"word/{turn}/{low}".encode(), len(low))
            new = "".join(_like(old, byte) for old, byte in zip(low, drawn, strict=True))
            if low[0] in "123456789" and new[0] == "0":
                new = str(1 + drawn[0] % 9) + new[1:]
            if new not in self._taken and new != low and new not in self._keep:
                break
        self._taken.add(new)  # where all words of one letter are taken, two share one
        return new

    def uid(self, uid: str) -> str:
        """A UID of the same shape; DICOM's own and the harness's stay. Components keep length and leading zeros."""
        if uid.startswith(OPEN_UIDS):
            return uid
        parts = uid.split(".")
        root = [part if part.isdigit() and len(part) < 3 else self._component(part) for part in parts[:2]]
        return ".".join([*root, *(self._component(part) for part in parts[2:])])

    def learn_uid(self, uid: str) -> None:
        """A UID in the place of one, so short that a text would not show it to be one."""
        raw = uid.encode("ascii", "replace")
        if raw in self._uids or uid.count(".") < 2 or not _NUMBERS.fullmatch(raw) or re.fullmatch(UID, raw):
            return
        self._uids.add(raw)
        self._pattern = None

    def _component(self, part: str) -> str:
        bare = part.lstrip("0")
        if len(bare) < 2 or not bare.isdigit():
            return part if not bare or bare.isdigit() else self.word(part) if bare.isalnum() else part
        new = self.word(bare, learn=False)
        if int(bare) < UUID <= int(new):
            new = "2" + new[1:]  # an integer of 128 bits stays one
        return "0" * (len(part) - len(bare)) + new

    def noise(self, data: bytes) -> bytes:
        """Bytes of the same length that follow from all of ``data``: what was equal stays equal, nothing else."""
        return self._stream(b"noise/" + data, len(data))

    def _stream(self, what: bytes, size: int) -> bytes:
        seed = hmac.digest(self._key, what, "sha256")
        return hashlib.shake_256(seed).digest(size)

    # --- texts -----------------------------------------------------------------------------------------------------------

    def all_words(self, data: bytes) -> bytes:
        """Every word replaced: a person's name, an identifier, what is private."""
        return through(data, lambda plain: WORD.sub(lambda match: self._word_match(match, lambda _: False), plain))

    def private(self, data: bytes) -> bytes:
        """Every word replaced, but UIDs and addresses by what stands for them elsewhere."""
        return self._around(data, self.all_words)

    def free(self, data: bytes, *, numbers: bool = False) -> bytes:
        """A text in which only words of the protocols may stay, and short numbers; with ``numbers`` all numbers."""

        def stays(text: str) -> bool:
            return self._stays(text) or (numbers and text.isdigit())

        return self._around(data, lambda gap: WORD.sub(lambda match: self._word_match(match, stays), gap))

    def known(self, data: bytes) -> bytes:
        """A text of the harness or of a protocol: UIDs, addresses and words that were found sensitive elsewhere."""
        return self._around(data, lambda gap: _LONG.sub(self._if_sensitive, gap))

    def coded(self, data: bytes) -> bytes:
        """A value that should be a code: what is none that we know of could be anybody's name."""

        def stays(text: str) -> bool:
            low = text.lower()
            known = low in codes() or len(low) == 1 or (low.isdigit() and len(low) <= NUMBER)
            return known and low not in self.sensitive

        return through(data, lambda plain: WORD.sub(lambda match: self._word_match(match, stays), plain))

    def key(self, name: str, *, stated: bool = False) -> str:
        """The key of something noted: the harness's own stay, of any other the words are those of a text.

        ``stated``: it stands in a table that was held against a schema, where every key of its form is one.
        """
        words = re.split("[-_ .]", name)
        if all(word in key_words() or word in self._keys or word in self._keep for word in words):
            return name
        if stated and re.fullmatch("[a-z][a-z0-9_]*", name):
            return name
        return self.free(name.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def prose(self, data: bytes) -> bytes:
        """A sentence of the vendor's or the harness's: as ``known``, but ordinary words in lower case stay in their place.

        A SUT's error text may hold any word of the language; that does not make it a name elsewhere. Beside a word that
        is sensitive it may be a part of one, and goes.
        """
        return self._around(data, self._prose)

    def _prose(self, gap: bytes) -> bytes:
        found = list(_LONG.finditer(gap))
        goes = [self._sensitive(match) for match in found]
        named = [gone and not _ordinary(match) for gone, match in zip(goes, found, strict=True)]
        out, at = [], 0
        for place, match in enumerate(found):
            near = any(
                named[other] and _beside(gap, found[min(place, other)], found[max(place, other)])
                for other in (place - 1, place + 1)
                if 0 <= other < len(found)
            )
            out.append(gap[at : match.start()])
            out.append(self._if_sensitive(match) if named[place] or near else match[0])
            at = match.end()
        return b"".join([*out, gap[at:]])

    def _sensitive(self, match: re.Match[bytes]) -> bool:
        return match[0].decode("ascii").lower() in self.sensitive

    def _around(self, data: bytes, rest: Callable[[bytes], bytes]) -> bytes:
        """UIDs, addresses and known hosts by their pseudonyms, what stands between them by ``rest``."""
        return through(data, lambda plain: self._between_places(plain, rest))

    def _between_places(self, data: bytes, rest: Callable[[bytes], bytes]) -> bytes:
        out, at = [], 0
        for match in self._places().finditer(data):
            out += [rest(data[at : match.start()]), self._place(match[0])]
            at = match.end()
        return b"".join([*out, rest(data[at:])])

    def _places(self) -> re.Pattern[bytes]:
        if self._pattern is None:
            longest = sorted(self._hosts, key=len, reverse=True)
            hosts = [rb"(?<![A-Za-z0-9-])%s(?![A-Za-z0-9-])" % re.escape(host) for host in longest]
            uids = [rb"(?<![0-9A-Za-z.])%s(?![0-9A-Za-z]|\.[0-9])" % re.escape(uid) for uid in sorted(self._uids)]
            self._pattern = re.compile(b"|".join([IPV4, UID, IPV6, *hosts, *uids]))
        return self._pattern

    def _place(self, found: bytes) -> bytes:
        if found in self._hosts:
            return self._hosts[found]
        if found.startswith(b"["):
            return found if found == b"[::1]" else self._hex(found)
        return self._ipv4(found) if _IPV4.fullmatch(found) else self.uid(found.decode("ascii")).encode("ascii")

    def _word_match(self, match: re.Match[bytes], stays: Callable[[str], bool]) -> bytes:
        found = match[0]
        if found[0] == 0x25:  # an encoded letter or digit is a way to write a name
            return b"%58" if chr(int(found[1:], 16)).isalnum() else found
        if found[0] >= 0x80:
            return _foreign(found)
        text = found.decode("ascii")
        return found if stays(text) else self.word(text).encode("ascii")

    def _stays(self, text: str) -> bool:
        low = text.lower()
        return low in self._keep or (low.isdigit() and len(low) <= NUMBER) or low in names_of_attributes()

    def host(self, host: str) -> None:
        """Learn the name of a host: replaced from now on wherever it stands whole."""
        raw = host.encode("utf-8", "surrogateescape")
        name = raw.strip(b"[]").rpartition(b":")[0] if raw.count(b":") == 1 else raw.strip(b"[]")
        if not name or name in (b"localhost", b"::1", b"::") or _IPV4.fullmatch(name) or b":" in name:
            return
        if name not in self._hosts:
            self._hosts[name] = self.all_words(name)
            self._pattern = None

    def _if_sensitive(self, match: re.Match[bytes]) -> bytes:
        text = match[0].decode("ascii")
        return self.word(text).encode("ascii") if text.lower() in self.sensitive else match[0]

    def _ipv4(self, address: bytes) -> bytes:
        if address.startswith(LOOPBACK):
            return address
        drawn = self._stream(b"ipv4/" + address, 4)
        parts = []
        for old, byte in zip(address.split(b"."), drawn, strict=True):
            low, high = {1: (1, 9), 2: (10, 99), 3: (128, 223)}[len(old)]
            parts.append(b"%d" % (low + byte % (high - low + 1)))
        return b".".join(parts)

    def _hex(self, data: bytes) -> bytes:
        drawn = self._stream(b"hex/" + data.lower(), len(data))
        return bytes(
            b"0123456789abcdef"[d % 16] if chr(c) in "0123456789abcdefABCDEF" else c
            for c, d in zip(data, drawn, strict=True)
        )


def _ordinary(match: re.Match[bytes]) -> bool:
    text = match[0].decode("ascii")
    return text.islower() and text in common_words()


def _beside(gap: bytes, first: re.Match[bytes], second: re.Match[bytes]) -> bool:
    """Whether two words make one name or one address: nothing but a space or a mark stands between them."""
    return len(gap[first.end() : second.start()]) <= NEAR


def _like(old: str, byte: int) -> str:
    return digits[byte % 10] if old.isdigit() else ascii_lowercase[byte % 26]


def _foreign(data: bytes) -> bytes:
    """Bytes beyond ASCII: characters of UTF-8 by others of their length, anything else by one letter of Latin-1."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return b"\xe4" * len(data)
    text, mark = text.removeprefix("\ufeff"), text[:1] if text.startswith("\ufeff") else ""
    return (mark + "".join({2: "\u00e9", 3: "\u3042", 4: "\U0001f600"}[len(each.encode())] for each in text)).encode()
