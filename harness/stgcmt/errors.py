"""What ends a command early, and what its reader should do next.

Every error says which stage failed, what was expected, what was seen, and the next step; the command line prints it
without a traceback and exits with its code::

    StgcmtError
    ├── UsageError          2  the command line, the SUT file, another input: the caller can mend it
    │   └── SutFileError    2  the SUT file: all its problems at once (stgcmt.sut_errors)
    ├── UnreachableError    4  the SUT does not come up, or nothing can be asked of it
    └── HarnessError        3  the harness itself, or a suite, is at fault

Stages in the life of a run: reading the SUT file, bringing the SUT up, opening destinations, playing, judging, writing.
What a *SUT* does wrong while a scenario plays is no error of this tree: it is recorded and judged.
"""

from __future__ import annotations

from typing import ClassVar


class StgcmtError(Exception):
    """An error with a stage, what was expected there, what was seen, and what to do next."""

    exit_code: ClassVar[int] = 3

    def __init__(self, stage: str, expected: str, seen: str, next_step: str = "") -> None:
        super().__init__(stage, expected, seen, next_step)
        self.stage, self.expected, self.seen, self.next_step = stage, expected, seen, next_step

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The error as a terminal shows it."""
        shown = [f"{self.stage}:", f"  expected: {self.expected}", f"  seen:     {self.seen}"]
        return [*shown, f"  next:     {self.next_step}"] if self.next_step else shown


class UsageError(StgcmtError):
    """The caller can mend it: command line, SUT file, known issues, output directory."""

    exit_code = 2


class UnreachableError(StgcmtError):
    """The SUT does not come up, or does not answer at all."""

    exit_code = 4


class SkippedError(Exception):
    """The scenario cannot be played here; its checks are not-tested with this reason. It ends no command."""


class HarnessError(StgcmtError):
    """The harness or a suite is at fault, not the SUT."""

    exit_code = 3
