"""Writes THIRD_PARTY_NOTICES.md: what a run installs beside this project, under which licence: ``python docs/make_notices.py``.

The packages are those of ``constraints.txt``; the licences are what their own metadata state in this environment.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

from make_constraints import pinned

FILE = Path(__file__).parents[1] / "THIRD_PARTY_NOTICES.md"
HEAD = """\
# Third-party notices

No code of others stands in this repository. `pip install` and the container image bring the packages below, the extras included; each comes
with the text of its licence in its own `*.dist-info` directory. Written by `python docs/make_notices.py` with `constraints.txt`.

DICOM is a registered trademark of NEMA. Product names in SUT files and pages belong to their owners.

| package | version | licence | home |
|---|---|---|---|
"""
HOMES = ("homepage", "home", "source", "source code", "repository", "github", "code", "documentation")
LONGEST = 60  # characters: a longer License field is the text, not the name


def licence(of: PackageMetadata) -> str:
    """Its SPDX expression, else its name in a line, else what its classifiers say; raises ``LookupError``: nothing."""
    field = (of.get("License") or "").strip()
    classified = [
        each.rpartition(" :: ")[2] for each in of.get_all("Classifier") or () if each.startswith("License ::")
    ]
    for found in (
        of.get("License-Expression"),
        field if "\n" not in field and len(field) < LONGEST else "",
        ", ".join(classified),
    ):
        if found and found != "UNKNOWN":
            return found
    raise LookupError(f"{of['Name']}: no licence in its metadata; look it up and name it here")


def home(of: PackageMetadata) -> str:
    """The address of the project; empty where its metadata name none."""
    named = [each.partition(", ") for each in of.get_all("Project-URL") or ()]
    urls = {label.strip().lower(): url.strip() for label, _, url in named}
    return (
        next((urls[each] for each in HOMES if each in urls), "") or of.get("Home-page") or next(iter(urls.values()), "")
    )


def page() -> str:
    """The whole file."""
    rows = []
    for name, version in pinned().items():
        of = metadata(name)
        rows.append(f"| {name} | {version} | {licence(of)} | {home(of)} |\n")
    return HEAD + "".join(rows)


def main() -> int:
    """Write the file."""
    FILE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
