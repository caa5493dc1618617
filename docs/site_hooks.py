"""The site's own pages: one for each requirement, made from the suites when the site is built.

A page says what the catalogue says, in the order in which a reader asks: what is required, how it is provoked and judged, how it can be
read, which fault breaks it, and what a finding looks like (``findings.json``).
"""

from __future__ import annotations

import html
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from make_requirements import _editions as editions
from make_requirements import _outcome as outcome
from make_requirements import _words as words

from stgcmt.catalogue import Requirement
from stgcmt.selftest import twins
from stgcmt.suite import Suite, load_suites
from stgcmt.verdict import CONSEQUENCES, VIOLATION

OUTSIDE = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\(\.\./[^)]*\)")
HEADING = re.compile(r"^## (?P<id>[A-Z][^\s:]*): .*$", re.MULTILINE)


def on_files(found: Files, config: MkDocsConfig) -> Files:
    """Add the page of each requirement."""
    examples = json.loads((DOCS / "findings.json").read_text("utf-8"))
    points = _points()
    for suite in load_suites().values():
        if not (DOCS / "requirements" / f"{suite.role}.md").is_file():
            continue  # a third party's suite that happens to be installed here
        for row in suite.catalogue:
            text = page(suite, row, examples.get(suite.role, {}).get(row.id), points)
            found.append(File.generated(config, path(row), content=text))
    return found


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """The page of a role leads to the page of each of its requirements."""
    uri = page.file.src_uri
    if "/" not in uri:  # what a page says of files beside the site is not a link there
        markdown = OUTSIDE.sub(r"\g<text>", markdown)
    if not re.fullmatch(r"requirements/\w+\.md", uri):
        return markdown
    role = uri.removeprefix("requirements/").removesuffix(".md")
    return HEADING.sub(lambda match: f"{match[0]}\n\n[its own page]({role}/{match['id'].lower()}.md)", markdown)


def path(row: Requirement) -> str:
    """Where a requirement's page stands, from the top of the site."""
    return f"requirements/{row.role}/{row.id.lower()}.md"


def page(suite: Suite, row: Requirement, example: Mapping[str, Any] | None, points: Mapping[str, Any]) -> str:
    """The page of one requirement."""
    return "\n".join(_lines(suite, row, example, points))


def _lines(
    suite: Suite, row: Requirement, example: Mapping[str, Any] | None, points: Mapping[str, Any]
) -> Iterator[str]:
    yield f"# {row.id}: {row.title}\n\n{words(row.statement)}\n"
    yield f"| | |\n|---|---|\n| Role | [`{row.role}`](../{row.role}.md#{row.id.lower()}) |"
    yield f"| Clause | {row.clause}{editions(row)} |\n| Level | {row.level.upper()}, {row.basis} |"
    if row.excluded:
        yield f"\n## Why it is not tested\n\n{words(row.excluded)}\n"
        return
    yield f"| A violation costs | {words(row.cost or CONSEQUENCES[row.consequence])} ({row.consequence}) |"
    if row.same_as:
        yield f"| Twin of | [{row.same_as}]({row.same_as.lower()}.md): the same checks and verdict |"
    yield "\n## Verdicts\n"
    yield from (f"- {outcome(row, name)}" for name in dict.fromkeys((VIOLATION, *row.outcomes)))
    if row.unless:
        yield f"- not applicable where the SUT file claims {', '.join(f'`{claim}`' for claim in row.unless)}"
    for ident in row.readings:
        yield from _reading(ident, points)
    yield from _checked(suite, row)
    yield from _broken(suite, row, example)
    if row.next_step:
        yield f"\n## What to do\n\n{words(row.next_step)}\n"


def _reading(ident: str, points: Mapping[str, Any]) -> Iterator[str]:
    point = points.get(ident)
    yield f"\n## Reading {ident}{': ' + words(point['title']) if point else ''}\n"
    if point:
        yield f"{words(point['silence'])}\n"
        for each in point.get("reading", ()):
            yield f"- *{words(each['name'])}*: {words(each['text'])}"


def _checked(suite: Suite, row: Requirement) -> Iterator[str]:
    checks = suite.checks_for(row.id)
    if not checks:
        return
    yield "\n## How it is provoked and judged\n"
    for check in checks:
        yield f"- check `{check.name}`: {words((inspect.getdoc(check.function) or '').partition(chr(10) * 2)[0])}"
    for name in dict.fromkeys(name for check in checks for name in check.scenarios):
        yield f"- scenario `{name}`: {words(suite.all_scenarios[name].doc)}"


def _broken(suite: Suite, row: Requirement, example: Mapping[str, Any] | None) -> Iterator[str]:
    faults = [fault for fault in suite.all_faults if twins(suite, fault).get(row.id)]
    if faults:
        yield "\n## Faults that break it\n"
        yield from (f"- [`{fault.name}`](../../faults.md): {words(fault.line)}" for fault in faults)
    if example is None:
        return
    seen = example["seen"] or [example["message"]]
    shown = [f"expected   {example['expected']}"] if example["expected"] else []
    shown += [f"{'seen' if not number else '':<11}{text}" for number, text in enumerate(seen)]
    role = row.role.replace("_", "-")
    yield f"\n## What a finding looks like\n\n`stgcmt run --role {role} --fault {example['fault']}` ends in\n"
    yield f"<pre><code>{example['verdict'].upper()}  {row.id}  {html.escape(row.title)}"
    yield f"{html.escape(chr(10).join(shown))}</code></pre>"


def _points() -> dict[str, Any]:
    text = files("stgcmt_reports").joinpath("statement/data/readings.toml").read_text("utf-8")
    return {point["id"]: point for point in tomllib.loads(text)["point"]}
