"""How a check is written and how it ends: what ``stgcmt.suite`` shows of it to suites.

A check ends with an assert (outcome ``violation``), with ``outcome``, ``inconclusive`` or ``not_applicable``, or it
returns: pass. Anything else is the harness's own fault. The evidence travels beside the exception, in a context variable.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn, TypeVar

from stgcmt.transcript import Event, Transcript
from stgcmt.words import told

RUN = "run"
_F = TypeVar("_F", bound=Callable[..., Any])


class Ending(Exception):  # noqa: N818 - it is how a check ends, not an error
    """How a check ended otherwise than by an assert or a return."""

    def __init__(self, message: str, *subjects: Any) -> None:
        super().__init__(message)
        self.subjects = subjects


class OutcomeEnding(Ending):
    """The check named an outcome; the catalogue knows its verdict."""


class InconclusiveEnding(Ending):
    """A premise is missing, or the measurement does not decide."""


class NotApplicableEnding(Ending):
    """A claim excuses the requirement."""


@dataclass(frozen=True)
class Expectation:
    """What ``expected`` left for the judge: the text, and the views or events that were seen."""

    what: str
    seen: tuple[Any, ...]


TIMED: contextvars.ContextVar[bool] = contextvars.ContextVar("stgcmt_timed", default=False)  # the jitter was read
EXPECTATION: contextvars.ContextVar[Expectation | None] = contextvars.ContextVar("stgcmt_expectation", default=None)


def expected(what: str, *seen: Any) -> str:
    """The message of a failing assert: what was expected, and the views or events that show otherwise.

    Evaluated only when the assert fails; leaves its arguments where the judge reads them.
    """
    EXPECTATION.set(Expectation(what, seen))
    return f"expected {what}; seen {'; '.join(describe(subject) for subject in seen) or 'nothing'}"


@dataclass(frozen=True)
class Deviating:
    """A subject of a finding at which it went wrong; reports mark its last message."""

    subject: Any

    @property
    def summary(self) -> str:
        """As its subject describes itself."""
        return describe(self.subject)


def deviating(subject: Any) -> Deviating:
    """Say of one of the subjects of ``expected`` or ``outcome`` that it went wrong there.

    Without it a report marks the last cited message that came from the other side; where a SUT has two faces, that is often a
    later one than the hop on which the meaning changed.
    """
    return Deviating(subject)


def outcome(name: str, *seen: Any, what: str = "") -> NoReturn:
    """End the check with a named outcome of its requirement; ``what`` says what was expected instead."""
    EXPECTATION.set(Expectation(what, seen))
    raise OutcomeEnding(name, *seen)


def inconclusive(why: str, *seen: Any) -> NoReturn:
    """End the check: its premise is missing, or the measurement does not decide."""
    raise InconclusiveEnding(why, *seen)


def not_applicable(claim: str) -> NoReturn:
    """End the check: the claim at this path makes the requirement not applicable (its row must name it in ``unless``)."""
    raise NotApplicableEnding(claim)


def describe(subject: Any) -> str:
    """A view, event or value in a line, as findings print it."""
    if isinstance(subject, Event):
        return told(subject)
    summary = getattr(subject, "summary", None)
    return str(summary) if summary is not None and not callable(summary) else str(subject)


class Claims:
    """What the vendor states, read from the ``run`` transcript alone."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._tree = tree

    def get(self, path: str, default: Any = None) -> Any:
        """The claim at a dotted path below ``[claims]``, ``default`` where the vendor states nothing."""
        node: Any = self._tree
        for part in path.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return default
            node = node[part]
        return node


def claims(run: Transcript) -> Claims:
    """The claims that this run was made with."""
    tree = run.header.info.get("claims", {})
    return Claims(tree if isinstance(tree, Mapping) else {})


def jitter_s(run: Transcript) -> float:
    """How late timers of this machine fired during the run, at worst (seconds); the origin of every timing tolerance."""
    TIMED.set(True)
    measured = [float(event.info.get("max_s", 0.0)) for event in run.of("note") if event.info.get("what") == "jitter"]
    return max(measured, default=0.25)  # a run that was killed measured nothing: assume a badly loaded machine


def http(transcript: Transcript) -> Any:
    """The HTTP view of a transcript."""
    from stgcmt.views.http import http as view  # noqa: PLC0415 - start-up

    return view(transcript)


def dimse(transcript: Transcript) -> Any:
    """The DIMSE view of a transcript."""
    from stgcmt.views.dimse import dimse as view  # noqa: PLC0415 - start-up

    return view(transcript)


def requirement(*ids: str, partial: bool = False) -> Callable[[_F], _F]:
    """Mark a function as the check of these requirements; ``partial``: it may judge a recording that was cut."""

    def mark(function: _F) -> _F:
        function.__dict__["stgcmt_requirements"] = ids
        function.__dict__["stgcmt_partial"] = partial
        return function

    return mark


@dataclass(frozen=True)
class Check:
    """A check of a suite: its name, the ids it judges, and the transcripts that it takes."""

    name: str
    ids: tuple[str, ...]
    arguments: tuple[str, ...]
    partial: bool
    function: Callable[..., None]

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios that must have been played for it."""
        return tuple(name for name in self.arguments if name != RUN)


def checks_of(module: ModuleType) -> tuple[Check, ...]:
    """The checks of a check module, in the order of its text."""
    found = []
    for name, function in vars(module).items():
        ids = getattr(function, "stgcmt_requirements", None)
        if ids and name.startswith("test_"):
            arguments = tuple(inspect.signature(function).parameters)
            found.append(Check(name, ids, arguments, function.stgcmt_partial, function))
    return tuple(found)
