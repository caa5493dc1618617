"""A sequence diagram as SVG: lanes from left to right, time downward, the messages that a finding cites marked.

Lanes are whatever the recording names (``sequence.lanes``); two or four make no difference. Every message is a link to
its event, so that the diagram works by keyboard. Colours come from the page: the SVG has classes only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from stgcmt_reports.sequence import HERE, IN, Step, anchor
from stgcmt_reports.text import plural, short_uids, visible

WIDTH = 1080
LEFT, RIGHT = 176, 70  # where the first and the last lane stand, from each edge
TIME_X, EVENT_X = 66, 112  # right edges of the columns of time and event
HEAD, FOOT = 40, 16
LINE_H, CHAR = 15, 7.25  # a line of 12 px monospaced text, and the width of one character of it
LABEL_LINES = 3
MAX_BARS = 4  # connections drawn side by side on a lane
_WORDS = re.compile(r"[^\s/,]*[\s/,]+|[^\s/,]+")


@dataclass(frozen=True)
class Gap:
    """Steps that are left out here."""

    count: int


@dataclass(frozen=True)
class Marks:
    """The events that a finding cites.

    The deviating step is the last of them that came from the other side: what stands before it led to it. Where nothing
    came, it is the last message, or the last step of any kind. Where the check said at which events it went wrong
    (``broken``), it is sought among these.
    """

    cited: frozenset[int] = frozenset()
    broken: frozenset[int] = frozenset()

    def of(self, step: Step) -> bool:
        """Whether a step is cited."""
        return bool(self.cited & set(step.events))

    def deviating(self, steps: Iterable[Step]) -> Step | None:
        """The step to mark as deviating; ``None`` where nothing is cited."""
        found = [step for step in steps if self.of(step)]
        found = [step for step in found if self.broken & set(step.events)] or found
        told = [step for step in found if step.flow == IN] or [step for step in found if step.flow != HERE] or found
        return told[-1] if told else None


def diagram(
    rows: Sequence[Step | Gap],
    lanes: Sequence[str],
    *,
    name: str,
    title: str,
    cited: Collection[int] = (),
    broken: Collection[int] = (),
) -> str:
    """The diagram of one recording, or of a part of it.

    Args:
        rows: its steps in order of time, and gaps for what is left out.
        lanes: names from left to right; every end of a step is one of them.
        name: the recording's reference name, for the links to its events.
        title: what a screen reader says.
        cited: ids of the events to mark.
        broken: those of them at which it went wrong, where the check says so.
    """
    return "".join(_Drawing(rows, lanes, name, Marks(frozenset(cited), frozenset(broken))).svg(title))


class _Drawing:
    def __init__(self, rows: Sequence[Step | Gap], lanes: Sequence[str], name: str, marks: Marks) -> None:
        self.rows, self.lanes, self.name, self.marks = rows, lanes, name, marks
        self.steps = [row for row in rows if isinstance(row, Step)]
        self.deviating = marks.deviating(self.steps)
        between = (WIDTH - LEFT - RIGHT) / max(1, len(lanes) - 1)
        self.x = {lane: round(LEFT + between * place) for place, lane in enumerate(lanes)}
        self.at: list[tuple[Step, int]] = []

    def svg(self, title: str) -> Iterator[str]:
        y = HEAD + (26 if len(self.lanes) > 2 and self.deviating is not None else 0)
        top = y
        drawn: list[str] = []
        for row in self.rows:
            if isinstance(row, Gap):
                said = f"{plural(row.count, 'step')} not shown here"
                drawn.append(f'<text class="gap" x="{self.x[self.lanes[0]] + 12}" y="{y + 15}">{said}</text>')
                y += 24
                continue
            self.at.append((row, y))
            markup, height = self._step(row, y)
            drawn.append(markup)
            y += height
        height = y + FOOT
        yield f'<svg class="sequence" role="group" aria-label="{_text(title)}" viewBox="0 0 {WIDTH} {height}">'
        yield from self._lanes(top, y)
        yield from self._bars(y)
        yield from drawn
        yield "</svg>"

    def _lanes(self, top: int, bottom: int) -> Iterator[str]:
        yield f'<text class="col" x="{TIME_X}" y="20">seconds</text><text class="col" x="{EVENT_X}" y="20">event</text>'
        for lane, x in self.x.items():
            width = max(70, len(lane) * CHAR + 20)
            yield f'<line class="life" x1="{x}" y1="28" x2="{x}" y2="{bottom + 6}"/>'
            yield f'<rect class="lane" x="{x - width / 2:.0f}" y="6" width="{width:.0f}" height="22" rx="2"/>'
            yield f'<text class="lane-name" x="{x}" y="21">{_text(lane)}</text>'
        broken = self.deviating
        if broken is not None and broken.flow != HERE and top > HEAD:
            a, b = sorted((self.x[broken.ends[0]], self.x[broken.ends[1]]))
            yield f'<path class="broken" d="M{a + 8} 36v8h{b - a - 16}v-8"/>'
            yield f'<text class="broken-name" x="{(a + b) // 2}" y="56">the link that broke</text>'

    def _bars(self, bottom: int) -> Iterator[str]:
        """How long each connection was open, as bars on its far lane."""
        spans: dict[int, list[int]] = {}
        lane: dict[int, str] = {}
        closed: set[int] = set()
        for step, y in self.at:
            if step.conn is not None:
                spans.setdefault(step.conn, [y, y])[1] = y + 20
                lane[step.conn] = step.ends[1]
                if step.label.startswith("connection ended"):
                    closed.add(step.conn)
        slots: dict[tuple[str, int], int] = {}
        for conn, (start, end) in sorted(spans.items(), key=lambda pair: pair[1]):
            last = end if conn in closed else min(bottom, end + 6)
            slot = next((n for n in range(MAX_BARS) if slots.get((lane[conn], n), -1) < start), None)
            if slot is None:
                continue
            slots[lane[conn], slot] = last
            x = self.x[lane[conn]] - 3 + slot * 9
            yield f'<rect class="bar" x="{x}" y="{start}" width="6" height="{last - start}"><title>connection {conn}</title></rect>'

    def _step(self, step: Step, y: int) -> tuple[str, int]:
        return self._own(step, y) if step.flow == HERE else self._message(step, y)

    def _message(self, step: Step, y: int) -> tuple[str, int]:
        start, end = self.x[step.origin], self.x[step.target]
        room = abs(end - start) - 40
        named = f"{step.step}: " if step.step else ""
        lines = _wrapped(named + step.label, int(room / CHAR))
        height = len(lines) * LINE_H + 17
        line_y = y + len(lines) * LINE_H + 7
        middle, way = (start + end) // 2, 1 if end > start else -1
        tip = end - way * 5
        label = "".join(
            f'<text class="label" x="{middle}" y="{y + 13 + number * LINE_H}">{_label(line, named, number)}</text>'
            for number, line in enumerate(lines)
        )
        arrow = (
            f'<line class="arrow" x1="{start + way * 4}" y1="{line_y}" x2="{tip - way * 6}" y2="{line_y}"/>'
            f'<path class="tip" d="M{tip} {line_y}l{-way * 9} -4.5v9z"/>'
        )
        flag = f'<text class="flag" x="{EVENT_X}" y="{y + 27}">deviates</text>'
        return self._link(step, y, height, label + arrow + flag), height

    def _own(self, step: Step, y: int) -> tuple[str, int]:
        x = self.x[step.ends[0]] if step.ends[0] in self.x else self.x[self.lanes[0]]
        lines = _wrapped(step.label, int((WIDTH - x - 90) / CHAR))
        height = len(lines) * LINE_H + 7
        mark = f'<circle class="dot" cx="{x}" cy="{y + 11}" r="3"/>'
        if step.kind == "wait":
            mark = f'<line class="waiting" x1="{x}" y1="{y + 2}" x2="{x}" y2="{y + height - 1}"/>'
        label = "".join(
            f'<text class="own" x="{x + 12}" y="{y + 15 + number * LINE_H}">{_text(line)}</text>'
            for number, line in enumerate(lines)
        )
        return self._link(step, y, height, mark + label), height

    def _link(self, step: Step, y: int, height: int, inside: str) -> str:
        cited = self.marks.of(step)
        classes = f"step {step.flow} {step.kind}" + " bad" * step.bad + " cited" * cited
        classes += " deviates" * (step is self.deviating)
        where = f"from {step.origin} to {step.target}: " if step.flow != HERE else ""
        said = f"event {step.events[0]}, {step.t:.3f} s, {where}{step.label}"
        said += ", malformed" * step.bad + ", deviates" * (step is self.deviating)
        ids = " ".join(map(str, step.events[:200]))
        return (
            f'<a class="{classes}" href="#{_text(anchor(self.name, step.events[0]))}" data-e="{ids}" aria-label="{_text(said)}">'
            f'<rect class="band" x="0" y="{y}" width="{WIDTH}" height="{height}"/>'
            f'<text class="t" x="{TIME_X}" y="{y + 14}">{step.t:.3f}</text>'
            f'<text class="n" x="{EVENT_X}" y="{y + 14}">{step.events[0]}</text>{inside}</a>'
        )


def _wrapped(label: str, room: int) -> list[str]:
    """A label in at most three lines of ``room`` characters; UIDs are shortened before anything is broken."""
    label, room = visible(label), max(room, 16)
    if len(label) > room:
        label = short_uids(label)
    lines = [""]
    for word in _WORDS.findall(label):  # broken behind a blank, a slash or a comma; a word that is too long, anywhere
        for piece in [word[at : at + room] for at in range(0, len(word), room)]:
            if len(lines[-1]) + len(piece.rstrip()) > room:
                lines.append("")
            lines[-1] += piece
        if len(lines) > LABEL_LINES:
            kept = lines[LABEL_LINES - 1].rstrip()[: room - 1]
            return [*(line.rstrip() for line in lines[: LABEL_LINES - 1]), f"{kept}\u2026"]
    return [line.rstrip() for line in lines]


def _label(line: str, named: str, number: int) -> str:
    """One line of a label; the scenario's step at its beginning is told apart."""
    if number or not named or not line.startswith(named.rstrip()):
        return _text(line)
    step = named.rstrip()
    return f'<tspan class="in-step">{_text(step)}</tspan>{_text(line[len(step) :])}'


def _text(text: str) -> str:
    return escape(visible(text).replace("\n", " "), quote=True)
