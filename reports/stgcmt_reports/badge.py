"""A badge: one small SVG that says tested of total, and what failed. Made by hand: it needs no service and no font."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from stgcmt_reports.rows import caveats, score, sut_name, unfinished

LABEL = "storage commitment"
GREEN, AMBER, RED, GREY = "#2d7d32", "#9a6700", "#b3261e", "#5f6368"
_WIDE, _NARROW = "mwMWGOQ@%", "ijlt.,:;'|! fr"
HEIGHT, PADDING = 20, 7


def render(results: Mapping[str, Any]) -> str:
    """The badge of a results object."""
    said, colour = message(results)
    left, right = _width(LABEL) + 2 * PADDING, _width(said) + 2 * PADDING
    scope = f"roles {', '.join(results['suites'])}; edition {results['edition'] or 'all'}"
    title = escape(f"{sut_name(results)}: {LABEL}, {said}; {scope}; {results['exit_reason']}")
    text = 'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" fill="#fff" lengthAdjust="spacingAndGlyphs"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{left + right}" height="{HEIGHT}" rx="3" fill="#3c4043"/>'
        f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3}z" fill="{colour}"/>'
        f'<text x="{PADDING}" y="14" textLength="{left - 2 * PADDING}" {text}>{LABEL}</text>'
        f'<text x="{left + PADDING}" y="14" textLength="{right - 2 * PADDING}" {text}>{escape(said)}</text>'
        "</svg>\n"
    )


def message(results: Mapping[str, Any]) -> tuple[str, str]:
    """What the badge says, and its colour; known issues stand in it, too."""
    counts = results["summary"]
    known = sum(len(each.rows) for each in caveats(results) if each.kind == "known-issue")
    parts = [f"tested {score(results)}"]
    parts += [
        f"{counts[name]} {word}{'s' if counts[name] != 1 and word != 'failed' else ''}"
        for name, word in (("error", "error"), ("fail", "failed"), ("warn", "warning"))
        if counts[name]
    ]
    parts += [f"{known} known"] if known else []
    parts += ["not finished"] if unfinished(results) else []
    if not counts["tested"]:
        return parts[0], GREY
    if results["exit_code"]:
        return ", ".join(parts), RED
    untested = counts["tested"] < counts["total"]
    return ", ".join(parts), AMBER if counts["warn"] or counts["fail"] or untested else GREEN


def _width(text: str) -> int:
    """About as wide as eleven pixels of a common sans-serif; the text is fitted to it."""
    return round(sum(9.5 if each in _WIDE else 4 if each in _NARROW else 6.8 for each in text))
