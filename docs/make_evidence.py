"""Writes docs/evidence and its pictures: ``python docs/make_evidence.py`` (needs Orthanc; the pictures need Chromium, too).

Two runs on this machine, in real time: the reference origin server, and Debian's Orthanc, scrubbed. Each new bundle is
verified before it takes the place of the old one; where a step fails, what was there stays.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
EVIDENCE, IMAGES = DOCS / "evidence", DOCS / "images"
KEEP = ("orthanc", "project")  # words of Orthanc's own that checks and readers need: its name, and those of its build
STGCMT = Path(sys.executable).with_name("stgcmt")
GREEN_OR_NOT = {0, 1}  # what is shown may have findings; any other code is a run that went wrong
PICTURES = {
    "evidence-reference.png": ("reference/report.html", None),
    "evidence-orthanc.png": ("orthanc/report.html", None),
    "evidence-orthanc-finding.png": ("orthanc/report.html", "article.finding"),
    "evidence-orthanc-statement.png": ("orthanc/statement/statement.html", None),
}


def main() -> int:
    """Make both bundles, then the pictures; the exit status."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        stgcmt("run", "--role", "origin_server", "--out", "reference", cwd=directory)
        stgcmt("run", "orthanc", "--out", "whole", cwd=directory)
        keep = [word for each in KEEP for word in ("--keep", each)]
        stgcmt("scrub", "whole", "--out", "orthanc", *keep, cwd=directory)
        for name in ("reference", "orthanc"):
            stgcmt("verify", name, cwd=directory, allowed={0})
        for name in ("reference", "orthanc"):
            shutil.rmtree(EVIDENCE / name, ignore_errors=True)
            shutil.copytree(directory / name, EVIDENCE / name)
    pictures()
    return 0


def stgcmt(*arguments: str, cwd: Path, allowed: set[int] | None = None) -> None:
    """One command of ours; ends the script where it fails."""
    sys.stdout.write(f"stgcmt {chr(32).join(arguments)}\n")
    sys.stdout.flush()
    done = subprocess.run([STGCMT, *arguments], cwd=cwd, check=False)  # noqa: S603 - fixed words
    if done.returncode not in (allowed or GREEN_OR_NOT):
        sys.exit(f"stgcmt {arguments[0]} ended with {done.returncode}; docs/evidence stays as it was")


def pictures() -> None:
    """Pages of the bundles as a browser without a window shows them."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no chromium on this machine: the pictures stay as they were")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only the pictures need it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        for name, (source, part) in PICTURES.items():
            page.goto((EVIDENCE / source).resolve().as_uri())
            target = page.locator(part).first if part else page
            target.screenshot(path=str(IMAGES / name))
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
