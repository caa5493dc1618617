"""Whose check a pytest item is: a file that two suites list, or that one borrows for a face of its SUT, has an item for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

OWNER: pytest.StashKey[Owner] = pytest.StashKey()


@dataclass(frozen=True)
class Owner:
    """A suite that lists a check file, or borrows it: then its checks have the side of the face behind their names."""

    suite: Any
    side: str = ""

    def check(self, function: str) -> Any:
        """The check that it makes of a function; ``None`` where no row of its own needs it."""
        name = f"{function}_{self.side}" if self.side else function
        return next((each for each in self.suite.all_checks if each.name == name), None)


def files_of(suites: Mapping[str, Any]) -> dict[str, list[Owner]]:
    """For each check file who lists it, before them who borrow it."""
    from stgcmt.faces import suite_of  # noqa: PLC0415 - start-up

    found: dict[str, list[Owner]] = {}
    for suite in suites.values():
        for file in _files(suite.checks):
            found.setdefault(file, []).append(Owner(suite))
    for suite in suites.values():
        for face in suite.faces:
            for file in _files(suite_of(face).checks):
                found.setdefault(file, []).append(Owner(suite, face.side))
    return found


def _files(checks: Iterable[str]) -> Iterator[str]:
    import importlib  # noqa: PLC0415 - start-up

    for name in checks:
        yield str(importlib.import_module(name).__file__)


def owner_of(item: pytest.Item, files: Mapping[str, Sequence[Owner]]) -> Owner | None:
    """Whose check an item is: as it was made for, else the first that lists its file."""
    return item.stash.get(OWNER, None) or next(iter(files.get(str(item.path), ())), None)


def twins(files: Mapping[str, Sequence[Owner]], roles: Collection[str], item: Any) -> Iterator[pytest.Item]:
    """An item of its own for every further owner of an item's file whose role is among ``roles``."""
    for owner in files.get(str(item.path), ())[1:] if isinstance(item, pytest.Function) else ():
        if owner.suite.role in roles and owner.check(item.name) is not None:
            name = f"{item.name}[{owner.suite.role}]"
            twin = pytest.Function.from_parent(item.parent, name=name, callobj=item.obj)
            twin.stash[OWNER] = owner
            yield twin


def requirements_of(item: pytest.Item, suite: Any) -> list[Any]:
    """The requirements of a suite that an item judges."""
    check = _borrowed(item)
    ids = check.ids if check is not None else getattr(getattr(item, "function", None), "stgcmt_requirements", ())
    return [row for row in suite.catalogue if row.id in ids]


def check_name(item: pytest.Item) -> str:
    """What the engine calls the check of an item."""
    check = _borrowed(item)
    return str(check.name) if check is not None else item.name


def _borrowed(item: pytest.Item) -> Any:
    """The check that an item was made for; ``None`` where it stands for the first owner of its file."""
    owner = item.stash.get(OWNER, None)
    return owner.check(item.function.__name__) if owner is not None and isinstance(item, pytest.Function) else None
