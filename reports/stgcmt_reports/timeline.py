"""When which scenario ran, and what it waited for: every wait of a run on one axis, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from stgcmt.clock import NS
from stgcmt.transcript import Transcript
from stgcmt_reports.text import plural, visible

REASONS = {
    "sut": "asked for by the SUT",
    "report": "for a report or a request of the SUT",
    "quiet": "a quiet period",
    "deadline": "up to a deadline",
}
WIDTH, LEFT, RIGHT, ROW, HEAD = 1080, 300, 24, 16, 30
ROWS = 200  # scenarios drawn; the longest ones
TOLD = 600  # waits that are named where the pointer rests; more are drawn without their names


@dataclass(frozen=True)
class Wait:
    """One wait; ``start`` and ``end`` are seconds since the run's start, ``bound`` seconds; ``end`` is ``None`` if cut."""

    transcript: str
    event: int
    name: str
    why: str
    reason: str
    start: float
    end: float | None
    bound: float | None

    @property
    def seconds(self) -> float | None:
        """How long it was."""
        return None if self.end is None else self.end - self.start

    @property
    def ran_out(self) -> bool:
        """Whether nothing ended it before its bound."""
        return self.seconds is not None and self.bound is not None and self.seconds >= self.bound * 0.999


@dataclass(frozen=True)
class Span:
    """One scenario on the axis, seconds since the run's start."""

    name: str
    start: float
    end: float
    waits: tuple[Wait, ...]
    critical: bool


def spans(transcripts: Mapping[str, Transcript], timing: Mapping[str, Any]) -> list[Span]:
    """The scenarios in the order in which they began."""
    played = {name: transcript for name, transcript in transcripts.items() if name != "run"}
    if not played:
        return []
    zero = min(each.header.monotonic_ns for each in transcripts.values())
    critical = {str(link.get("what")) for link in timing.get("chain") or ()}
    found = []
    for name, transcript in played.items():
        start = (transcript.header.monotonic_ns - zero) / NS
        end = start + (transcript.events[-1].t / NS if transcript.events else 0.0)
        found.append(Span(name, start, end, tuple(_waits(name, transcript, start)), name in critical))
    return sorted(found, key=lambda span: (span.start, span.name))


def _waits(name: str, transcript: Transcript, offset: float) -> list[Wait]:
    begun: dict[str, list[Any]] = {}
    found: list[Wait] = []
    for event in transcript.of("wait.start", "wait.end"):
        key = str(event.info.get("name", ""))
        if event.kind == "wait.start":
            begun.setdefault(key, []).append(event)
        elif begun.get(key):
            found.append(_wait(name, begun[key].pop(0), offset, event.t / NS))
    found += [_wait(name, event, offset, None) for events in begun.values() for event in events]
    return sorted(found, key=lambda wait: wait.start)


def _wait(name: str, started: Any, offset: float, end: float | None) -> Wait:
    info = started.info
    bound = info.get("seconds")
    return Wait(
        name,
        started.n,
        str(info.get("name", "")),
        str(info.get("why", "")),
        str(info.get("reason", "")),
        offset + started.t / NS,
        None if end is None else offset + end,
        float(bound) if isinstance(bound, (int, float)) and not isinstance(bound, bool) else None,
    )


def chart(found: Sequence[Span]) -> str:
    """The axis as SVG: a bar a scenario, its waits in it; the longest scenarios where there are too many."""
    drawn = list(found)
    if len(drawn) > ROWS:
        longest = {id(span) for span in sorted(drawn, key=lambda span: span.start - span.end)[:ROWS]}
        drawn = [span for span in drawn if id(span) in longest]
    total = max((span.end for span in drawn), default=0.0) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / total
    height = HEAD + ROW * len(drawn) + 10
    said_of = f"{len(drawn)} scenarios over {total:.1f} seconds with their waits; the same as a table below"
    parts = [f'<svg class="timeline" role="img" viewBox="0 0 {WIDTH} {height}" aria-label="{said_of}">']
    parts += _ticks(total, scale, height)
    named = sum(len(span.waits) for span in drawn) <= TOLD
    parts += [_row(span, HEAD + number * ROW, scale, named=named) for number, span in enumerate(drawn)]
    return "".join([*parts, "</svg>"])


def _ticks(total: float, scale: float, height: int) -> list[str]:
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600) if total / s <= 12), 7200)
    parts = []
    for number in range(int(total / step) + 1):
        x = LEFT + number * step * scale
        parts.append(f'<line class="tick" x1="{x:.1f}" y1="20" x2="{x:.1f}" y2="{height - 6}"/>')
        parts.append(f'<text class="tick-name" x="{x:.1f}" y="15">{number * step:g} s</text>')
    return parts


def _row(span: Span, y: int, scale: float, *, named: bool) -> str:
    x, width = LEFT + span.start * scale, max(1.5, (span.end - span.start) * scale)
    critical = " critical" if span.critical else ""
    told = _text(f"{span.name}: {span.end - span.start:.2f} s")
    parts = [
        f'<text class="scenario{critical}" x="{LEFT - 10}" y="{y + 12}">{_text(span.name)}</text>',
        f'<rect class="span{critical}" x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="9"><title>{told}</title></rect>',
    ]
    drawn: dict[str, list[str]] = {}
    for wait in span.waits:
        end = span.end if wait.end is None else wait.end
        reason = wait.reason if wait.reason in REASONS else "other"
        at, length = LEFT + wait.start * scale, max(1.0, (end - wait.start) * scale)
        bar = f"M{at:.1f} {y + 4}h{length:.1f}v9H{at:.1f}z"
        if named:
            parts.append(f'<path class="wait {reason}" d="{bar}"><title>{_text(said(wait))}</title></path>')
        else:
            drawn.setdefault(reason, []).append(bar)
    parts += [f'<path class="wait {reason}" d="{"".join(bars)}"/>' for reason, bars in drawn.items()]
    return "".join(parts)


def said(wait: Wait) -> str:
    """A wait in a sentence."""
    length = "without end" if wait.seconds is None else f"{wait.seconds:.3g} s"
    bound = f" of at most {wait.bound:.3g} s" if wait.bound is not None else ""
    why = f" ({wait.why})" if wait.why else ""
    return f"{wait.transcript}: {wait.name}, {length}{bound}{why}"


def table(found: Sequence[Span]) -> str:
    """All waits as rows of a table, the longest first: for the packed part of the page."""
    waits = sorted((wait for span in found for wait in span.waits), key=lambda wait: -(wait.seconds or 0.0))
    rows = []
    for wait in waits:
        place = f"{wait.transcript.replace('/', '-')}-{wait.event}"
        length = "not ended" if wait.seconds is None else f"{wait.seconds:.3f}"
        bound = "" if wait.bound is None else f"{wait.bound:.3g}"
        ended = "" if wait.seconds is None else "at its bound" if wait.ran_out else "early"
        rows.append(
            f'<tr><td class="num">{length}</td><td class="num">{bound}</td><td>{ended}</td><td>{_text(wait.name)}</td>'
            f"<td>{_text(REASONS.get(wait.reason, wait.reason))}</td><td>{_text(wait.why)}</td>"
            f'<td class="mono"><a href="#{_text(place)}">{_text(wait.transcript)} {wait.event}</a></td></tr>'
        )
    heads = ("Seconds", "At most", "Ended", "Wait", "Reason", "Why", "Event")
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    caption = f"{plural(len(waits), 'wait')}, the longest first"
    return (
        f'<table class="plain-table"><caption>{caption}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _text(text: str) -> str:
    return escape(visible(text), quote=True)
