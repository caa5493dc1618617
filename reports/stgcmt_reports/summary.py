"""``summary.md``: one screen for the page of a CI job (``cat summary.md >> "$GITHUB_STEP_SUMMARY"``)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence, findings
from stgcmt_reports import rows as r

FILE = "summary.md"
COLUMNS = ("pass", "fail", "warn", "note", "inconclusive", "not-tested", "not-applicable", "error")
SHOWN = 50  # findings; a CI server cuts a page of more than a megabyte
REASONS = 10
_ACTIVE = re.compile(r"([\\`*_\[\]<>#!|~&])")


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write ``summary.md``; raises ``OSError``."""
    path = directory / FILE
    path.write_text(render(evidence.results), "utf-8")
    return [path]


def render(results: Mapping[str, Any]) -> str:
    """The page of a results object."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Mapping[str, Any]) -> Iterator[str]:
    verdict = "conformant as far as tested" if results["exit_code"] == 0 else f"exit code {results['exit_code']}"
    yield f"## Storage Commitment: {plain(r.sut_name(results))}: {verdict}"
    yield ""
    yield f"**tested {r.score(results)}** requirements. {plain(results['exit_reason'])}."
    yield ""
    if told := r.unfinished(results):
        yield from (f"> **{plain(told[0].upper() + told[1:])}.**", "")
    yield from _counts(results)
    found = findings(results)
    if found:
        yield from _section(f"Findings ({len(found)})")
        yield from _findings(found[:SHOWN])
        if len(found) > SHOWN:
            yield f"\n{len(found) - SHOWN} more are in report.html."
    for caveat in r.caveats(results):
        yield from _section(f"{caveat.title} ({len(caveat.rows)})")
        yield from (f"- {_id(row)}: {plain(_said(row))}" for row in caveat.rows)
    yield from _unjudged(results)
    yield ""
    tool = results["tool"]
    suites = ", ".join(f"{role} {each['version']} ({each['hash']})" for role, each in results["suites"].items())
    yield (
        f"<sub>{plain(tool['name'])} {plain(str(tool['version']))}; suites {plain(suites)}; edition {results['edition'] or 'all'}; "
        f"profile {results['profile']}; {results['started']}; {_seconds(results)}</sub>"
    )


def _counts(results: Mapping[str, Any]) -> Iterator[str]:
    rows = results["requirements"]
    columns = [name for name in COLUMNS if results["summary"][name]]
    yield f"| role | {' | '.join(columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for role in [*dict.fromkeys(row["role"] for row in rows), None]:
        mine = Counter(row["verdict"] for row in rows if role in (row["role"], None))
        yield f"| {role or '**all**'} | {' | '.join(str(mine[name]) for name in columns)} |"


def _findings(found: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "| | requirement | clause | what | costs |"
    yield "|---|---|---|---|---|"
    for row in found:
        mark = f"{row['verdict']} (known issue)" if row["known_issue"] else row["verdict"]
        said = plain(row["message"] or row["title"])[:400]
        cells = [f"**{mark}**", f"{_id(row)} {plain(row['title'])}", row["clause"], said, row["consequence"]]
        yield f"| {' | '.join(cells)} |"


def _unjudged(results: Mapping[str, Any]) -> Iterator[str]:
    rows = [row for row in results["requirements"] if row["verdict"] in ("inconclusive", "not-tested")]
    rows = [row for row in rows if not row["excluded"] and not row["vacuous"] and not r.is_near(row)]
    if not rows:
        return
    yield from _section(f"Not judged ({len(rows)})")
    reasons: dict[str, list[str]] = {}
    for row in rows:
        reasons.setdefault(row["message"] or row["verdict"], []).append(row["id"])
    ranked = sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    for why, ids in ranked[:REASONS]:
        more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        yield f"- {plain(why)}: {', '.join(f'`{each}`' for each in ids[:3])}{more}"
    if len(ranked) > REASONS:
        yield f"- {sum(len(ids) for _, ids in ranked[REASONS:])} for other reasons"


def _section(title: str) -> Iterator[str]:
    yield from ("", f"### {title}", "")


def _id(row: Mapping[str, Any]) -> str:
    """The id, with a link where it is known where the requirement pages are published: a relative one leads nowhere in CI."""
    link = r.published(row)
    return f"[`{row['id']}`]({link})" if link else f"`{row['id']}`"


def _said(row: Mapping[str, Any]) -> str:
    return r.reason(row) if "known_issue" in row else str(row["message"])


def _seconds(results: Mapping[str, Any]) -> str:
    wall = results["timing"].get("wall_s")
    return f"{wall:.1f} s" if wall is not None else "cut short"


def plain(text: str) -> str:
    """What a SUT or a vendor said, so that Markdown shows it as it is, in one line."""
    return _ACTIVE.sub(r"\\\1", " ".join(text.split()))
