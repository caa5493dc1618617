"""Values of HTTP header fields: lists, media types, dates, Retry-After (RFC 9110 5.6, 8.3, 10.2.3). Nothing raises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

DateForm = Literal["imf-fixdate", "rfc850", "asctime"]
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TIME = r"(?P<time>\d\d:\d\d:\d\d)"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_DAY = rf"(?P<wday>{'|'.join(_DAYS)})"
_FORMS: tuple[tuple[DateForm, re.Pattern[str]], ...] = (
    ("imf-fixdate", re.compile(rf"{_DAY}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT\Z", re.ASCII)),
    (
        "rfc850",
        re.compile(
            r"(?P<wday>Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, "
            rf"(?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT\Z",
            re.ASCII,
        ),
    ),
    ("asctime", re.compile(rf"{_DAY} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})\Z", re.ASCII)),
)
_PARAM = re.compile(r';[ \t]*([^=;\s]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;"]*)[ \t]*|;[ \t]*', re.DOTALL)
_ESSENCE = re.compile(r"[ \t]*([^;/\s,]+/[^;/\s,]+)[ \t]*")
_LIST_ITEM = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|")+')


@dataclass(frozen=True)
class HttpDate:
    """A date of one of the three forms: seconds since 1970 in UTC."""

    unix_s: int
    form: DateForm


@dataclass(frozen=True)
class RetryAfter:
    """Retry-After as read: ``seconds``, ``date`` or ``invalid`` text."""

    kind: Literal["seconds", "date", "invalid"]
    raw: str
    seconds: int | None = None
    date: HttpDate | None = None

    def delay_s(self, wall_ns: int) -> float | None:
        """How long to wait from ``wall_ns`` (nanoseconds since 1970), never negative; ``None`` where invalid."""
        if self.kind == "seconds" and self.seconds is not None:
            return float(self.seconds)
        if self.date is not None:
            return max(0.0, self.date.unix_s - wall_ns / 1_000_000_000)
        return None


@dataclass(frozen=True)
class MediaType:
    """A media type or range: ``essence`` in lower case, parameters in order with lower-case names, values unquoted."""

    essence: str
    params: tuple[tuple[str, str], ...] = ()

    def param(self, name: str) -> str | None:
        """The first parameter of this name; ``None`` where absent."""
        return next((value for key, value in self.params if key == name.lower()), None)

    def __str__(self) -> str:
        return "".join((self.essence, *(f'; {name}="{value}"' for name, value in self.params)))


def split_list(value: str) -> tuple[str, ...]:
    """The elements of a comma-separated list, without empty ones; commas in quoted strings stay."""
    return tuple(item for item in (match[0].strip(" \t") for match in _LIST_ITEM.finditer(value)) if item)


def parse_media_type(value: str) -> MediaType | None:
    """Read a media type leniently: ``type=application/dicom+json`` needs no quotes. ``None`` where there is none."""
    match = _ESSENCE.match(value)
    if match is None:
        return None
    params: list[tuple[str, str]] = []
    at = match.end()
    while at < len(value):
        param = _PARAM.match(value, at)
        if param is None or param.end() == at:
            break
        if param[1]:
            params.append((param[1].lower(), _unquote(param[2].strip(" \t"))))
        at = param.end()
    return MediaType(match[1].lower(), tuple(params))


def parse_http_date(text: str) -> HttpDate | None:
    """Read an IMF-fixdate, RFC 850 or asctime date exactly as RFC 9110 5.6.7 writes it; ``None`` for all else."""
    for form, pattern in _FORMS:
        match = pattern.match(text)
        if match is None:
            continue
        year = int(match["year"])
        if form == "rfc850":
            year += (
                2000 if year < 70 else 1900
            )  # the rule of "50 years in the future", for dates near this century's start
        hour, minute, second = (int(part) for part in match["time"].split(":"))
        try:
            date = datetime(year, _MONTHS.index(match["month"]) + 1, int(match["day"]), hour, minute, tzinfo=UTC)
        except ValueError:
            return None
        if second > 60:  # 60 is a leap second
            return None
        return HttpDate(int(date.timestamp()) + second, form)
    return None


def parse_retry_after(value: str) -> RetryAfter:
    """Read Retry-After: a non-negative number of seconds or a date; anything else is ``invalid``."""
    text = value.strip(" \t")
    if re.fullmatch(r"[0-9]+", text):
        return RetryAfter("seconds", value, seconds=int(text[:18]) if len(text) <= 18 else 10**18)
    date = parse_http_date(text)
    return RetryAfter("invalid", value) if date is None else RetryAfter("date", value, date=date)


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return value


def one_line(text: str, limit: int = 200) -> str:
    """What a peer sent, fit for a line of a report: printable, at most ``limit`` characters."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= limit else f"{printable[: limit - 3]}..."
