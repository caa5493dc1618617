"""Placeholders of the SUT file: what the driver knows only once the SUT comes up.

=========================== ===============================================================
``{port:NAME}``             a free port that the system chooses at the start, one for each name
``{dir}``                   the SUT's fresh work directory, removed at the end
``{sut_dir}``               the directory of the SUT file
``{destination:N:port}``    port, ``ae_title`` or ``host`` of the N-th destination, from 0
``{gateway}``               where containers reach this machine (driver docker)
``{instances}``             the directory of the bundle with the ``{files}`` of triggers (driver docker: mount it)
``{container:NAME}``        the container's name at the engine, for ``docker exec`` (driver docker)
=========================== ===============================================================

All other braces stay as they are, so that JSON and shell text need no escaping.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

KNOWN = re.compile(
    r"\{(?:port:([A-Za-z0-9_-]+)|(dir|sut_dir)|destination:(\d+):(port|ae_title|host)|(gateway|instances)|container:([A-Za-z0-9_.-]+))\}"
)
SUSPECT = re.compile(r"\{[a-z_]+:[^{}\s\"',]*\}")


class Place(Protocol):
    """A destination with its real port."""

    @property
    def ae_title(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


@dataclass(frozen=True)
class Placeholders:
    """What stands for what in one run."""

    ports: Mapping[str, int] = field(default_factory=dict)
    directory: str = ""
    sut_directory: str = ""
    destinations: Sequence[Place] = ()
    gateway: str = ""
    instances: str = ""
    containers: Mapping[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """``text`` with every known placeholder replaced; raises ``KeyError`` for one that is not there."""
        return KNOWN.sub(self._one, text)

    def value(self, value: Any) -> Any:
        """A TOML value with its strings replaced; a lone port placeholder becomes an integer."""
        if isinstance(value, str):
            match = KNOWN.fullmatch(value)
            return int(self._one(match)) if match and is_port(match) else self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value

    def _one(self, match: re.Match[str]) -> str:
        port, directory, index, attribute, place, container = match.groups()
        if port is not None:
            return str(self.ports[port])
        if directory is not None:
            return self.directory if directory == "dir" else self.sut_directory
        if place is not None:
            return self.gateway if place == "gateway" else self.instances
        if container is not None:
            return self.containers[container]
        if int(index) >= len(self.destinations):
            raise KeyError(match[0])
        return str(getattr(self.destinations[int(index)], attribute))


def is_port(match: re.Match[str]) -> bool:
    """Whether a placeholder stands for a number."""
    return match[1] is not None or match[4] == "port"


def names_of(value: Any) -> Iterator[re.Match[str]]:
    """Every known placeholder in the strings of a TOML value."""
    for text in strings(value):
        yield from KNOWN.finditer(text)


def strings(value: Any) -> Iterator[str]:
    """Every string of a TOML value, keys left out."""
    for _, text in strings_at(value, ()):
        yield text


def strings_at(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every string of a TOML value with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from strings_at(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from strings_at(item, (*path, index))
