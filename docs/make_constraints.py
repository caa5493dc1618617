"""Writes constraints.txt: what a run needs, pinned to the versions in this environment: ``python docs/make_constraints.py``.

Run it in an environment in which the tests passed. Followed are the declared dependencies with the extras, and theirs, on each Python that is
supported; what only another system needs is not here and stays out.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).parents[1] / "constraints.txt"
EXTRAS = ("allure", "docker", "sign")
HEAD = """\
# What a run needs, its extras included, pinned to versions with which the tests passed:
#   pip install -c constraints.txt 'stgcmt-conformance[docker]'
# Written by python docs/make_constraints.py
"""


def pinned(name: str = "stgcmt-conformance", extras: tuple[str, ...] = EXTRAS) -> dict[str, str]:
    """The distributions below ``name`` with its ``extras``, by their names, without itself.

    Raises:
        PackageNotFoundError: something that ``name`` itself declares is not installed here.
    """
    found: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    todo = [(canonicalize_name(name), extra) for extra in ("", *extras)]
    while todo:
        key, extra = todo.pop()
        if (key, extra) in done:
            continue
        done.add((key, extra))
        try:
            here = distribution(key)
        except PackageNotFoundError:
            if key in declared(name, extras):
                raise
            continue  # for another system
        found[key] = here.version
        for need in map(Requirement, here.requires or ()):
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                todo += [(canonicalize_name(need.name), more) for more in ("", *need.extras)]
    found.pop(canonicalize_name(name), None)
    return dict(sorted(found.items()))


def declared(name: str, extras: tuple[str, ...]) -> set[str]:
    """What ``name`` itself asks for, by name."""
    needs = map(Requirement, distribution(name).requires or ())
    return {
        canonicalize_name(each.name)
        for each in needs
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    }


def main() -> int:
    """Write the file."""
    FILE.write_text(HEAD + "".join(f"{name}=={version}\n" for name, version in pinned().items()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
