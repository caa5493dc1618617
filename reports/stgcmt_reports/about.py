"""What every output says of the run itself: which product was tested, and whether the run came to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEFT = ("cut", "cancelled")  # states of scenarios that did not end


def product(sut: Mapping[str, Any]) -> str:
    """Vendor, name and version, each said once: a name that begins with the vendor's says it already. May be empty."""
    vendor, name, version = (str(sut.get(key) or "").strip() for key in ("vendor", "name", "version"))
    said = name if _begins(name, vendor) else f"{vendor} {name}".strip()
    return said if version.lower() in said.lower().split() else f"{said} {version}".strip()


def _begins(name: str, vendor: str) -> bool:
    """Whether a name begins with the vendor's, as words, in any case."""
    words, first = name.lower().split(), vendor.lower().split()
    return words[: len(first)] == first


def unfinished(results: Mapping[str, Any]) -> str:
    """What a reader must know of a run that did not come to its end, as a clause; empty where it did."""
    if results["state"] == "complete":
        return ""
    how = "interrupted" if results["state"] == "interrupted" else "cut short (killed before its end)"
    left = sum(each["state"] in LEFT for each in results["scenarios"])
    told = f"; {left} of {len(results['scenarios'])} scenarios did not end" if left else ""
    return f"the run was {how}, and is judged as far as it got{told}"
