"""Which roles ``pytest --sut`` plays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

BUILTIN = "builtin"


def chosen(config: pytest.Config, suites: Mapping[str, Any]) -> tuple[str, ...]:
    """The roles of the SUT; of the embedded references those that answer, unless the command line names others."""
    from stgcmt.commands import servers  # noqa: PLC0415 - start-up

    found = roles_of(config.getoption("--sut"), suites)
    return found if _named(config, found) else servers(suites, found)


def _named(config: pytest.Config, roles: Iterable[str]) -> bool:
    """Whether a command line names which of the embedded references it means, in whatever way; a SUT file always does."""
    option = config.getoption
    marked = not set(re.findall(r"\w+", option("-m") or "")).isdisjoint(roles)
    paths = config.args_source is pytest.Config.ArgsSource.ARGS
    return bool(option("--sut") != BUILTIN or marked or paths or option("-k") or option("--stgcmt-fault"))


def roles_of(sut: str, suites: Mapping[str, Any]) -> tuple[str, ...]:
    """The roles of the SUT file; none where it cannot be read, which the play will tell."""
    from stgcmt.errors import StgcmtError  # noqa: PLC0415 - start-up

    try:
        return _read(sut, suites)
    except StgcmtError:
        return ()


def playable(wanted: Iterable[str], sut: str) -> tuple[str, ...]:
    """The roles of the selected checks that the SUT has; the checks of other roles are not-tested. Raises ``StgcmtError``."""
    from stgcmt.commands import installed  # noqa: PLC0415 - start-up

    known = _read(sut, installed())
    roles = tuple(wanted)
    return tuple(role for role in roles if role in known) or roles[:1]


def _read(sut: str, suites: Mapping[str, Any]) -> tuple[str, ...]:
    from stgcmt.commands.run import shipped  # noqa: PLC0415 - start-up
    from stgcmt.sut import load  # noqa: PLC0415 - start-up

    return tuple(load(None if sut == BUILTIN else shipped(Path(sut)), suites=suites).roles)
