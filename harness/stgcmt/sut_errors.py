"""What is wrong with a SUT file: the key, the line, what was expected, what was seen, and the nearest valid key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stgcmt.errors import UsageError
from stgcmt.sut_schema import resolve, tables_with

Path = tuple[str | int, ...]
SECRET_KEYS = frozenset(
    {"token", "basic", "password", "secret", "api_key", "authorization", "proxy-authorization", "cookie"}
)
FROM_ENVIRONMENT = (
    'secrets come from the environment only: token_env = "NAME" (bearer token), basic_env = "NAME" (user:password) '
    'or headers_env = { "X-Header" = "NAME" }'
)
_USER_INFO = re.compile(r"://[^/\s]*@")
_TYPES = {
    "string": "a string", "integer": "an integer", "number": "a number", "boolean": "true or false",
    "object": "a table", "array": "a list",
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a SUT file."""

    path: Path
    expected: str
    seen: str
    next_step: str = ""
    line: int | None = None

    @property
    def key(self) -> str:
        """The key as a dotted path: ``scp.destinations[1].port``."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text or "(top level)"

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        step = f"; {self.next_step}" if self.next_step else ""
        return f"{where}{self.key}: expected {self.expected}; seen {self.seen}{step}"


class SutFileError(UsageError):
    """Everything that is wrong with one SUT file (or ``what`` else is read like one), all at once, in the order of its lines."""

    def __init__(self, where: str, problems: Sequence[Problem], *, what: str = "the SUT file") -> None:
        ordered = sorted(problems, key=lambda problem: (problem.line or 0, problem.key))
        self.problems = tuple(dict.fromkeys(ordered))
        first = self.problems[0]
        super().__init__(f"reading {what} {where}", first.expected, first.seen, first.next_step)

    def lines(self) -> list[str]:
        count = len(self.problems)
        head = f"{self.stage}: {count} {'problem' if count == 1 else 'problems'}"
        tail = "  next: mend these lines; `stgcmt schema sut` prints the schema, `stgcmt init` a commented file"
        return [head, *(f"  {problem}" for problem in self.problems), tail]


# --- from the schema's errors to problems ----------------------------------------------------------------------------


def schema_problems(errors: Iterable[Any], full: Mapping[str, Any], where: Mapping[Path, int]) -> Iterator[Problem]:
    """The problems that a validator found, one for each key. ``where``: path to line, from ``toml_lines``."""
    for error in errors:
        path: Path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            for key in (key for key in error.instance if key not in known):
                yield _unknown((*path, key), tuple(known), full, where)
        elif error.validator == "required":
            for key in (key for key in error.validator_value if key not in error.instance):
                meaning = resolve(error.schema.get("properties", {}).get(key, {}), full).get("description", "a value")
                yield Problem((*path, key), meaning, "no such key", f"add {key} = …", line_of(path, where))
        else:
            yield Problem(path, _expected(error), _seen(path, error.instance), _step(error), line_of(path, where))


def _unknown(path: Path, known: Sequence[str], full: Mapping[str, Any], where: Mapping[Path, int]) -> Problem:
    key = str(path[-1])
    line = line_of(path, where)
    if key.lower() in SECRET_KEYS:
        return Problem(path, "no literal secret", "a literal value (not shown)", FROM_ENVIRONMENT, line)
    close = difflib.get_close_matches(key, known, 1, 0.6) or difflib.get_close_matches(
        key.replace("-", "_"), known, 1, 0.6
    )
    elsewhere = tables_with(key, full)
    if close:
        step = f"did you mean {close[0]}?"
    elif elsewhere:
        places = [f"[{table}]" if table else "the top of the file" for table in elsewhere[:3]]
        step = f"{key} belongs in {' or '.join(places)}"
    else:
        step = ""
    return Problem(path, f"one of the keys {', '.join(sorted(known))}", "an unknown key", step, line)


def unknown_key(path: Path, known: Sequence[str], where: Mapping[Path, int]) -> Problem:
    """A key that none of ``known`` is, with the nearest of them."""
    return _unknown(path, known, {}, where)


def _expected(error: Any) -> str:
    meaning = str(error.schema.get("description", ""))
    kind, value = error.validator, error.validator_value
    if kind == "enum":
        return "one of " + ", ".join(f'"{item}"' for item in value) + (f" ({meaning})" if meaning else "")
    if kind == "type":
        types = " or ".join(_TYPES[name] for name in ([value] if isinstance(value, str) else value))
        return f"{types} ({meaning})" if meaning else types
    return meaning or str(error.message)


def _seen(path: Path, value: Any) -> str:
    if any(isinstance(part, str) and part.lower() in SECRET_KEYS for part in path):
        return "a value (not shown)"
    if isinstance(value, str) and _USER_INFO.search(value):
        return "a URL with user and password (not shown)"
    if isinstance(value, Mapping):
        return f"a table with {', '.join(map(str, value)) or 'no keys'}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return f'"{value}"' if isinstance(value, str) else f"{str(value).lower() if isinstance(value, bool) else value}"


def _step(error: Any) -> str:
    if error.validator == "enum" and isinstance(error.instance, str):
        close = difflib.get_close_matches(error.instance, [str(item) for item in error.validator_value], 1, 0.4)
        return f'did you mean "{close[0]}"?' if close else ""
    return ""


# --- where a key stands in the text ----------------------------------------------------------------------------------

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEYS = re.compile(rf"{_KEY}(?:\s*\.\s*{_KEY})*")
_PART = re.compile(_KEY)
_STRING = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\[\]{}#]')


def toml_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table header and key of a TOML text that is known to be valid.

    Keys of inline tables count as the key they stand under.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth, quote = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        rest = line.strip()
        if not depth and not quote:
            if rest.startswith("["):
                table = _header(rest, counts)
                found.setdefault(table, number)
                continue
            if match := _KEYS.match(rest):
                path = (*table, *_parts(match[0]))
                for length in range(len(table) + 1, len(path) + 1):
                    found.setdefault(path[:length], number)
                rest = rest[match.end() :].lstrip().removeprefix("=")
        depth, quote = _scan(rest, depth, quote)
    return found


def _header(line: str, counts: dict[Path, int]) -> Path:
    array = line.startswith("[[")
    match = _KEYS.match(line.lstrip("[ \t"))
    parts = _parts(match[0]) if match else ()
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        last = position == len(parts) - 1
        if array and last:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(keys: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(keys))


def _scan(text: str, depth: int, quote: str) -> tuple[int, str]:
    """Brackets and multi-line strings that are still open at the end of a line."""
    position = 0
    while position < len(text):
        if quote:
            end = text.find(quote, position)
            if end < 0:
                return depth, quote
            position, quote = end + 3, ""
            continue
        match = _STRING.search(text, position)
        if match is None or match[0] == "#":
            break
        position = match.end()
        if match[0] in {'"""', "'''"}:
            quote = match[0]
        elif match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
    return depth, quote


def line_of(path: Path, where: Mapping[Path, int]) -> int | None:
    """The line of ``path``, or of the nearest table around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in where:
            return where[path[:length]]
    return None
