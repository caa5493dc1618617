"""The recorded exchanges as the page holds them: a packed block for each transcript, opened by the reader's browser.

A block is JSON, gzipped, in base64: the diagram of the whole recording and, for each message, its decoded content, its
text and its bytes. A page with five megabytes of transcripts so stays small and opens at once. Blocks are filled in the
order of interest, findings first; where the budget ends, diagrams stay and contents are left out, which the page says.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stgcmt.transcript import Transcript
from stgcmt_reports.detail import detail
from stgcmt_reports.detail_html import decoded_html
from stgcmt_reports.diagram import Gap, Marks, diagram
from stgcmt_reports.sequence import HERE, Step, lanes, steps
from stgcmt_reports.text import clip, plural, visible

BUDGET = 4_500_000  # characters of all packed blocks: the page stays below 6 MB
STEPS = 400  # of one transcript; those that a finding cites are always shown
ROOM = 1_000_000  # bytes of the messages of one transcript that are shown as they were recorded
BEGINNING = 4096  # of a message for which there is no room
AROUND = 3  # steps shown before and after a cited one, beside a finding
MARKED = 12  # cited steps drawn beside a finding
MESSAGES = 4  # cited messages listed beside a finding
WRITTEN = 60  # attributes of the deviating message, which is in the page from the start; the rest is unpacked
OWN = frozenset({"uid", "conn", "note", "decision"})  # not drawn beside a finding unless cited


@dataclass(frozen=True)
class Block:
    """One transcript on the page: ``packed`` is its content, ``left_out`` says what is missing, ``cut`` as recorded."""

    name: str
    slug: str
    packed: str
    events: int
    messages: int
    cut: str
    left_out: str


@dataclass(frozen=True)
class Shown:
    """A cited message beside a finding; ``html`` is its content where it is written out, else the page unpacks it."""

    event: int
    title: str
    html: str


@dataclass(frozen=True)
class Excerpt:
    """The part of an exchange that a finding cites: a diagram, and the cited messages written out."""

    name: str
    slug: str
    svg: str
    messages: tuple[Shown, ...]
    more: int


def slug(name: str) -> str:
    """A transcript's name as part of an id: ``scp-plain_commitment``."""
    return name.replace("/", "-")


def packed(value: Any) -> str:
    """A JSON value as the page holds it; the same value gives the same text."""
    raw = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode("ascii")


def cited_events(rows: Iterable[Mapping[str, Any]], known: Mapping[str, Transcript]) -> dict[str, set[int]]:
    """The events that rows cite, by transcript, in the order of the rows."""
    found: dict[str, set[int]] = {}
    for row in rows:
        for each in row["evidence"]:
            if each["transcript"] in known:
                found.setdefault(each["transcript"], set()).update({each["event"]} - {None})
    return found


def blocks(transcripts: Mapping[str, Transcript], findings: Sequence[Mapping[str, Any]]) -> list[Block]:
    """All transcripts, those that findings cite first, within one budget."""
    cited = cited_events(findings, transcripts)
    left = BUDGET
    made: list[Block] = []
    for name in [*cited, *(name for name in transcripts if name not in cited)]:
        block = _block(name, transcripts[name], cited.get(name, set()), whole=True) if left > 0 else None
        if block is None or len(block.packed) > left:
            block = _block(name, transcripts[name], cited.get(name, set()), whole=False)
        left -= len(block.packed)
        made.append(block)
    return made


def excerpt(name: str, transcript: Transcript, cited: set[int], broken: Collection[int] = ()) -> Excerpt:
    """The steps around the cited ones; without any cited event the beginning of the exchange.

    ``broken``: the cited events at which it went wrong, where the check says so; they are always shown.
    """
    everything = [step for step in steps(transcript) if step.kind not in OWN or cited & set(step.events)]
    marks = [number for number, step in enumerate(everything) if cited & set(step.events)]
    wrong = [number for number in marks if set(broken) & set(everything[number].events)]
    around = [*marks[:MARKED], *wrong[:MARKED]]
    near = {n for mark in around for n in range(mark - AROUND, mark + AROUND + 1)} or set(range(4 * AROUND))
    rows = _with_gaps(everything, near)
    told = [everything[mark] for mark in marks if everything[mark].flow != HERE]
    last = Marks(frozenset(cited), frozenset(broken)).deviating(told)
    chosen = [step for number, step in enumerate(told) if number < MESSAGES - 1 or step is last]
    messages = tuple(_shown(step, whole=step is last) for step in chosen)
    title = f"Part of the exchange {name}: what the finding cites is marked"
    svg = diagram(rows, lanes(transcript), name=name, title=title, cited=cited, broken=broken)
    return Excerpt(name, slug(name), svg, messages, len(told) - len(messages))


def _block(name: str, transcript: Transcript, cited: set[int], *, whole: bool) -> Block:
    everything = steps(transcript)
    kept = {n for n, step in enumerate(everything) if n < STEPS or cited & set(step.events)}
    rows = _with_gaps(everything, kept)
    shown = [row for row in rows if isinstance(row, Step)]
    svg = diagram(rows, lanes(transcript), name=name, title=f"The exchange {name}")
    content = {"svg": svg, "steps": [_packed_step(step, raw, whole=whole) for step, raw in _with_raw(shown)]}
    left_out = "" if whole else "the content of its messages is left out to keep this page small"
    if len(shown) < len(everything):
        gone = f"{plural(len(everything) - len(shown), 'step')} left out"
        left_out = f"{left_out}; {gone}" if left_out else gone
    messages = sum(step.flow != HERE for step in everything)
    return Block(name, slug(name), packed(content), len(transcript.events), messages, transcript.cut, left_out)


def _with_gaps(everything: Sequence[Step], kept: set[int]) -> list[Step | Gap]:
    rows: list[Step | Gap] = []
    gap = 0
    for number, step in enumerate(everything):
        if number in kept:
            rows += [Gap(gap), step] if gap else [step]
            gap = 0
        else:
            gap += 1
    return [*rows, Gap(gap)] if gap else rows


def _with_raw(shown: Sequence[Step]) -> Iterator[tuple[Step, bytes]]:
    """Each step with its recorded bytes; where the first ones took the room, with the beginning of them."""
    room = ROOM
    for step in shown:
        raw = step.data if len(step.data) <= room else step.data[:BEGINNING]
        room -= len(raw)
        yield step, raw


def _packed_step(step: Step, raw: bytes, *, whole: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"e": list(step.events[:200]), "l": _title(step)}
    if not whole:
        if step.size:
            found["o"] = f"{plural(step.size, 'byte')} left out to keep this page small; they are in the transcript"
        return found
    content = detail(step)
    if content:
        found["h"] = decoded_html(content)
        told = [[body.title, body.form, visible(body.pretty)] for body in content.bodies if body.pretty]
        if pretty := [each for each in told if each[1] in ("JSON", "XML")]:
            found["p"] = pretty
    if raw:
        found["r"] = raw.decode("latin-1")
        found["s"] = step.size
        found["k"] = step.kind
    return found


def _shown(step: Step, *, whole: bool) -> Shown:
    return Shown(step.events[0], _title(step), decoded_html(detail(step, WRITTEN)) if whole else "")


def _title(step: Step) -> str:
    way = f"{step.origin} \u2192 {step.target}, " if step.flow != HERE else ""
    return visible(f"{step.t:.3f} s, {way}{clip(step.label, 300)}")
