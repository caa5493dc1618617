"""What the site's generator does not check: ``python docs/check_site.py SITE``.

A built page must load nothing from the network, each link inside the site must lead somewhere, and so must each relative link of the pages at
the top of the repository. Ends with status 1 and a line for each that does not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
QUIET = {"canonical", "next", "prev", "alternate"}  # a browser does not fetch these
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")


class _Page(HTMLParser):
    """What one page loads, where it leads, and which anchors it has."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif LOADS.get(tag) in values and not QUIET & set(values.get("rel", "").split()):
            self.loads.append(values[LOADS[tag]])


def site_problems(site: Path) -> Iterator[str]:
    """What is wrong in a built site."""
    pages: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        if (
            "evidence" in path.relative_to(site).parts
        ):  # bundles as runs left them; their links are the browser tests' matter
            continue
        pages[path.resolve()] = page = _Page()
        page.feed(path.read_text("utf-8"))
    for path, page in pages.items():
        where = path.relative_to(site.resolve())
        yield from (f"{where}: loads {each} from the network" for each in page.loads if urlsplit(each).netloc)
        for link in page.links if path.name != "404.html" else ():
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{where}: {link} leads nowhere"
            elif (
                parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors | {"__top"}
            ):
                yield f"{where}: {link} has no such anchor"


def top_problems(root: Path = ROOT) -> Iterator[str]:
    """Relative links of README and the like that lead nowhere."""
    for path in sorted(root.glob("*.md")):
        for match in LINK.finditer(path.read_text("utf-8")):
            target = match["to"].partition("#")[0]
            if target and "://" not in target and not (path.parent / target).exists():
                yield f"{path.name}: {match['to']} leads nowhere"


def main() -> int:
    """Check the site that the first argument names, and the top of the repository."""
    problems = [*site_problems(Path(sys.argv[1])), *top_problems()]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
