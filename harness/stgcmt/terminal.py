"""The terminal face: progress while scenarios play, then findings first, then the counts.

On a terminal progress is live; elsewhere it is one plain line an event. Width is the terminal's, colour is left out
where there is no terminal or ``NO_COLOR`` is set. Nothing here decides anything: exit code and counts are the results'.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from stgcmt.clock import NS, Clock, SystemClock

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

REFRESH_S = 0.25  # faster than a reader reads, slower than a terminal over ssh stalls
REASONS = 5  # why rows could not be judged: the most frequent ones tell what to mend
SHOWN = 8  # scenarios under way that fit on a small terminal
STYLES = {
    "error": "bold magenta", "fail": "bold red", "warn": "yellow", "inconclusive": "cyan", "not-tested": "dim",
    "note": "blue", "pass": "green", "not-applicable": "dim",
}  # fmt: skip
COLUMNS = ("pass", "fail", "warn", "note", "inconclusive", "not-tested", "not-applicable", "error")


@dataclass
class _Under:
    """A scenario under way, and what it waits for until when (monotonic seconds)."""

    began: float
    why: str = ""
    until: float = 0.0


class Progress:
    """What the player tells while it plays; a context manager.

    Args:
        quiet: show nothing at all.
        total: how many scenarios will be played, where that is known.
        stream: where to, standard error unless given, so that standard output stays results only.
        clock: where the time is read.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        total: int | None = None,
        stream: IO[str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._quiet, self._total = quiet, total
        self._stream = stream or sys.stderr
        self._clock = clock or SystemClock()
        self._under: dict[tuple[str, str], _Under] = {}
        self._ended: dict[str, int] = {}
        self._proving = ""
        self._live: Any = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        if not self._quiet and _is_terminal(self._stream):
            from stgcmt.terminal_stream import begin_live  # noqa: PLC0415 - start-up

            self._live = begin_live(self._stream)
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._live is not None:
            from stgcmt.terminal_stream import end_live  # noqa: PLC0415 - start-up

            end_live(self._live)
            self._live = None

    def started(self, role: str, scenario: str) -> None:
        """A scenario has begun."""
        self._under[role, scenario] = _Under(self._now())
        self._refresh()

    def waiting(self, role: str, scenario: str, why: str, seconds: float) -> None:
        """A scenario waits, at most ``seconds``."""
        under = self._under.setdefault((role, scenario), _Under(self._now()))
        under.why, under.until = why, self._now() + seconds
        self._refresh()

    def attend(self, role: str, scenario: str, what: str) -> None:
        """A person is asked to do something; said also where progress is quiet, or nobody would do it."""
        self.say(f"{role}/{scenario}: {what}")

    def say(self, line: str) -> None:
        """A line that stays; said also where progress is quiet."""
        if self._live is not None:  # paths are to be copied: no line is broken
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
            return
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def proving(self, done: int, total: int) -> None:
        """So many passes of ``total`` are proved against mutations of their recordings."""
        self._proving = f"proving {done} of {total} passes"
        if done == total:
            self._show(f"proving {total} passes")
        else:
            self._refresh()

    def ended(self, role: str, scenario: str, state: str, wall_s: float) -> None:
        """A scenario has ended as ``state`` after ``wall_s`` seconds."""
        self._under.pop((role, scenario), None)
        self._ended[state] = self._ended.get(state, 0) + 1
        done = sum(self._ended.values())
        of = f" of {self._total}" if self._total else ""
        self._show(f"{state:<8} {role}/{scenario} after {wall_s:.1f} s ({done}{of})")

    @property
    def longest_wait_s(self) -> float:
        """The longest wait that is left among the scenarios under way (seconds)."""
        return max((each.until - self._now() for each in self._under.values() if each.why), default=0.0)

    def lines(self) -> list[str]:
        """What a live display shows now."""
        if self._proving:
            return [self._proving]
        done = sum(self._ended.values())
        of = f" of {self._total}" if self._total else ""
        states = ", ".join(f"{count} {state}" for state, count in self._ended.items())
        head = f"{done}{of} scenarios ended" + (f" ({states})" if states else "") + f", {len(self._under)} under way"
        if (left := self.longest_wait_s) > 0:
            head += f", longest wait left {left:.0f} s"
        under = sorted(self._under.items(), key=lambda pair: (-pair[1].until, pair[0]))
        lines = [head]
        for (role, scenario), each in under[:SHOWN]:
            remaining = each.until - self._now()
            what = (
                f"{each.why}, {remaining:.0f} s left"
                if each.why and remaining > 0
                else f"{self._now() - each.began:.0f} s"
            )
            lines.append(f"  {role}/{scenario}: {what}")
        return [*lines, f"  and {len(under) - SHOWN} more"] if len(under) > SHOWN else lines

    def display(self) -> Any:
        """The live display as something that rich renders."""
        from rich.text import Text  # noqa: PLC0415 - start-up

        return Text("\n".join(self.lines()), no_wrap=True, overflow="ellipsis")

    def _show(self, line: str) -> None:
        if self._live is not None:
            self._refresh()
        elif line and not self._quiet:
            with contextlib.suppress(OSError, ValueError):  # a closed pipe must not end a run
                self._stream.write(line + "\n")
                self._stream.flush()

    def _refresh(self) -> None:
        if self._live is None:
            return
        self._live.update(self.display(), refresh=True)
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.suppress(RuntimeError):  # outside a loop there is no clock to tick
            self._timer = asyncio.get_running_loop().call_later(REFRESH_S, self._refresh) if self._under else None

    def _now(self) -> float:
        return self._clock.monotonic_ns() / NS


def console(stream: IO[str]) -> Console:
    """A console on ``stream``: colour on terminals only and never against ``NO_COLOR``; long words are not cut."""
    from rich.console import Console  # noqa: PLC0415 - start-up

    return Console(file=stream, markup=False, highlight=False, emoji=False)


def _is_terminal(stream: IO[str]) -> bool:
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


Hint = Callable[[Mapping[str, Any], Mapping[str, Any]], str]


def print_results(
    results: Mapping[str, Any],
    transcripts: Mapping[str, Any] | None = None,
    *,
    bundle: Path | None = None,
    stream: IO[str] | None = None,
    hint: Hint | None = None,
    width: int | None = None,
    took: Mapping[str, float] | None = None,
) -> None:
    """Print the findings, worst consequence first, then counts, bundle and exit code.

    Args:
        results: the ``results.json`` object.
        transcripts: by reference name; where absent, nothing is said about how to reproduce.
        bundle: where the evidence is.
        stream: standard output unless given.
        hint: how to reproduce a row in a line; that of the reproduce writer unless given.
        width: columns; the terminal's unless given.
        took: what was done after the play, and how long that took (seconds).
    """
    from stgcmt.evidence import findings  # noqa: PLC0415 - start-up

    out = console(stream or sys.stdout)
    if width:
        out.width = width
    found = findings(results)
    hinting = hint or (_reproduce_hint() if transcripts is not None else None)
    for row in found:
        _finding(out, row, hinting(row, transcripts or {}) if hinting and row["verdict"] != "error" else "")
    if found:
        out.print("-" * min(out.width, 80), style="dim")
    _known_issues(out, results)
    _untested(out, results)
    _vacuous(out, results)
    _summary(out, results, took or {})
    _end(out, results, bundle)


def _reproduce_hint() -> Hint | None:
    import importlib  # noqa: PLC0415 - the engine imports no writer; the terminal asks for this one where it is there

    try:
        return getattr(importlib.import_module("stgcmt_reports.reproduce"), "hint", None)
    except ImportError:
        return None


def _finding(out: Console, row: Mapping[str, Any], how: str) -> None:
    from rich.text import Text  # noqa: PLC0415 - start-up

    title = Text.assemble(
        (row["verdict"].upper(), STYLES[row["verdict"]]), "  ", (row["id"], "bold"), f"  {row['title']}"
    )
    out.print(title)
    out.print(f"{row['level'].upper()}, {row['clause']}, {row['role']}, {row['consequence']}", style="dim")
    if row["known_issue"]:
        out.print(f"known issue: {row['known_issue']['reason']}", style="yellow")
    for label, text in _account(row, how):
        _hang(out, label, text)
    out.print()


def _hang(out: Console, label: str, text: Text) -> None:
    """A label, and beside it text wrapped to the width; what is to be copied stays in one line."""
    from rich.text import Text  # noqa: PLC0415 - start-up

    margin = 13
    copied = label == "reproduce"
    text = Text(printable(text.plain), style=text.style)
    lines = text.split() if copied else text.wrap(out, max(20, out.width - margin))
    for number, line in enumerate(lines):
        line.rstrip()
        head = f"  {label:<{margin - 2}}" if not number else " " * margin
        out.print(Text.assemble((head, "dim"), line), soft_wrap=True)


def _account(row: Mapping[str, Any], how: str) -> Iterable[tuple[str, Text]]:
    from rich.text import Text  # noqa: PLC0415 - start-up

    yield "clause", Text(" ".join(row["statement"].split()))
    if row["expected"]:
        yield "expected", Text(row["expected"])
    for text in row["seen"] or [row["message"]]:
        yield "seen", Text(text, style="bold")
    if row["evidence"]:
        yield "events", Text(citations(row["evidence"]))
    if row["cost"]:
        yield "costs", Text(row["cost"])
    if row["next_step"]:
        yield "to do", Text(row["next_step"])
    if row["readings"]:
        yield "readings", Text(", ".join(row["readings"]))
    if how:
        yield "reproduce", Text(how)


def printable(text: str) -> str:
    """Text without control characters: what a SUT sent must not steer the reader's terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def citations(evidence: Iterable[Mapping[str, Any]], limit: int = 8) -> str:
    """The cited events of each transcript: ``scp/plain_commitment 3, 4; run``."""
    by_transcript: dict[str, list[str]] = {}
    for each in evidence:
        ids = by_transcript.setdefault(each["transcript"], [])
        if each["event"]:
            ids.append(str(each["event"]))
    parts = []
    for name, ids in by_transcript.items():
        shown = ", ".join(ids[:limit]) + (f" and {len(ids) - limit} more" if len(ids) > limit else "")
        parts.append(f"{name} {shown}".rstrip())
    return "; ".join(parts)


def _known_issues(out: Console, results: Mapping[str, Any]) -> None:
    for word in ("stale", "expired", "unknown"):
        for issue in results["known_issues"][word]:
            out.print(f"known issue {word}: {issue['id']} ({issue['role']}): {issue['reason']}", style="yellow")


def _summary(out: Console, results: Mapping[str, Any], took: Mapping[str, float]) -> None:
    from rich.text import Text  # noqa: PLC0415 - start-up

    counts = results["summary"]
    roles = list(dict.fromkeys(row["role"] for row in results["requirements"]))
    tallies = {role: [row["verdict"] for row in results["requirements"] if row["role"] == role] for role in roles}
    if len(roles) > 1:
        out.print(
            " " * 16 + "".join(f"{role:>{len(role) + 2}}" for role in [*roles, "all"]), style="dim", soft_wrap=True
        )
    for verdict in COLUMNS:
        if not counts[verdict] and verdict not in ("pass", "fail", "warn"):
            continue
        numbers = {role: tally.count(verdict) for role, tally in tallies.items()} if len(roles) > 1 else {}
        numbers |= {"all": counts[verdict]}
        cells = [(f"{count:>{len(role) + 2}}", _style(verdict, count)) for role, count in numbers.items()]
        out.print(Text.assemble(f"{verdict:<16}", *cells), soft_wrap=True)
    from stgcmt.results import left_in_words  # noqa: PLC0415 - start-up

    of = f"{counts['tested']} of {counts['total']}"
    out.print(Text.assemble("tested ", (of, "bold"), " requirements", _profile(results, took)))
    if left := left_in_words(results):
        out.print(left, style="dim")


def _untested(out: Console, results: Mapping[str, Any]) -> None:
    """Why rows could not be judged, most frequent first: the next thing to mend in the SUT file."""
    from rich.text import Text  # noqa: PLC0415 - start-up

    reasons: dict[str, list[str]] = {}
    for row in results["requirements"]:
        undecided = row["verdict"] in ("not-tested", "inconclusive") and not row["vacuous"]
        if undecided and row.get("selected", True) and not row["excluded"]:
            reasons.setdefault(f"{row['verdict']}: {row['message']}", []).append(row["id"])
    for reason, ids in sorted(reasons.items(), key=lambda pair: -len(pair[1]))[:REASONS]:
        named = ", ".join(ids[:3]) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")
        out.print(Text(f"{printable(reason)} ({named})"), style="dim")
    if len(reasons) > REASONS:
        out.print(f"and {len(reasons) - REASONS} further reasons, in results.json", style="dim")


def _vacuous(out: Console, results: Mapping[str, Any]) -> None:
    """Passes that no mutation of the recording turns red: they are not counted as tested."""
    from rich.text import Text  # noqa: PLC0415 - start-up

    found = [row["id"] for row in results["requirements"] if row["vacuous"]]
    if found:
        passes = "1 vacuous pass" if len(found) == 1 else f"{len(found)} vacuous passes"
        out.print(Text(f"not-tested: {passes}, which no mutation of the recording turns red: {', '.join(found)}"))


def _style(verdict: str, count: int) -> str:
    return STYLES[verdict] if count else "dim"


def _profile(results: Mapping[str, Any], took: Mapping[str, float]) -> str:
    timing = results["timing"]
    parts = [f"profile {results['profile']}", *([f"edition {results['edition']}"] if results["edition"] else [])]
    if timing.get("wall_s") is not None:
        times = timing["wall_s"], timing.get("critical_path_s") or 0
        parts.append("played in {:.1f} s, of which {:.1f} s could not be shortened".format(*times))
    parts += [f"{what} in {seconds:.1f} s" for what, seconds in took.items()]
    if results["state"] != "complete":
        parts.append(f"the run is {results['state']}")
    return "; " + "; ".join(parts)


def _end(out: Console, results: Mapping[str, Any], bundle: Path | None) -> None:
    from rich.text import Text  # noqa: PLC0415 - start-up

    if results["state"] != "complete" and bundle is not None:
        out.print(Text(f"to play what is left: stgcmt run SUT.toml --resume {bundle}"), soft_wrap=True)
    if results.get("pending"):
        count = sum(each["missing"] for each in results["pending"])
        what = "1 report is" if count == 1 else f"{count} reports are"
        out.print(Text(f"{what} awaited still: stgcmt wait {bundle or 'BUNDLE'}"), soft_wrap=True)
    if bundle is not None:
        out.print(Text(f"evidence in {bundle} (report.html, results.json, transcripts)"), soft_wrap=True)
    code = results["exit_code"]
    out.print(
        Text.assemble(
            "exit code ", (str(code), "bold green" if code == 0 else "bold red"), f": {results['exit_reason']}"
        )
    )
