# ruff: noqa: INP001 - a script beside the pages, no package
"""Writes constraints.txt: what a run needs, pinned to the versions in this environment: ``python docs/make_constraints.py``.

Run it in an environment in which the tests passed. Followed are the declared dependencies and theirs, on each Python that is
supported; what only another system needs is not here and stays out.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).parents[1] / "constraints.txt"
HEAD = """\
# What a run needs, pinned to versions with which the tests passed: pip install -c constraints.txt stgcmt-conformance
# Written by python docs/make_constraints.py
"""


def pinned(name: str = "stgcmt-conformance") -> dict[str, str]:
    """The distributions below ``name``, by their names, without itself."""
    found: dict[str, str] = {}
    todo = [name]
    while todo:
        try:
            here = distribution(todo.pop())
        except PackageNotFoundError:
            continue  # for another system
        key = canonicalize_name(here.metadata["Name"])
        if key in found:
            continue
        found[key] = here.version
        needs = [Requirement(each) for each in here.requires or ()]
        todo += [each.name for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})]
    found.pop(canonicalize_name(name), None)
    return dict(sorted(found.items()))


def main() -> int:
    """Write the file."""
    FILE.write_text(HEAD + "".join(f"{name}=={version}\n" for name, version in pinned().items()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
