"""What a writer gets: the results, the transcripts they cite, and the SUT file without its secrets.

A writer is ``def write(evidence: Evidence, directory: Path) -> list[Path]``, found through the entry point group
``stgcmt.writers``. It never recomputes a verdict: counts and exit code are those of the results object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from stgcmt.transcript import Transcript
from stgcmt.verdict import CONSEQUENCES

_T = TypeVar("_T")
WRITERS = "stgcmt.writers"
FINDINGS = ("fail", "warn", "error")


@dataclass(frozen=True)
class Evidence:
    """One judged bundle as values.

    Attributes:
        results: the ``results.json`` object.
        transcripts: by reference name, ``ROLE/SCENARIO`` and ``run``.
        sut: the redacted SUT file.
    """

    results: Mapping[str, Any]
    transcripts: Mapping[str, Transcript]
    sut: Mapping[str, Any] = field(default_factory=dict)
    _views: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False, compare=False)

    def view(self, make: Callable[[Evidence], _T]) -> _T:
        """``make(self)``, computed once for all writers of this process."""
        if make not in self._views:
            self._views[make] = make(self)
        value: _T = self._views[make]
        return value


def findings(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows that deviate, the worst consequence first, in it fails before warnings; the harness's own errors last."""
    rank = {name: place for place, name in enumerate(CONSEQUENCES)}
    rows = [row for row in results["requirements"] if row["verdict"] in FINDINGS]
    return sorted(
        rows,
        key=lambda row: (
            row["verdict"] == "error",
            rank.get(row["consequence"], len(rank)),
            FINDINGS.index(row["verdict"]),
            row["role"],
            row["id"],
        ),
    )


Writer = Callable[[Evidence, Path], list[Path]]


def writers() -> Iterator[tuple[str, Writer]]:
    """The installed writers by name, in the order of their names."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - start-up

    for entry in sorted(entry_points(group=WRITERS), key=lambda each: each.name):
        yield entry.name, entry.load()


def write_all(evidence: Evidence, directory: Path) -> list[Path]:
    """Have every installed writer write into ``directory``; the files that were written. Raises ``OSError``."""
    return [path for _, write in writers() for path in write(evidence, directory)]
