"""Build hook: the commit that a wheel or an sdist was made from goes into it, so that results name the very harness."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INSIDE = {"wheel": "stgcmt/data/commit", "sdist": "harness/stgcmt/data/commit"}


class CommitHook(BuildHookInterface[Any]):
    """Writes ``stgcmt/data/commit`` where the source is a checkout; a build from an sdist takes the file that is in it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file; ``version`` is that of the build, ``editable`` for one that stays a checkout."""
        root = Path(self.root)
        if version == "editable" or not (root / ".git").exists():
            return
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - fixed words
        except (OSError, subprocess.CalledProcessError):  # no git here: then nobody knows
            return
        made = Path(self.directory) / "commit"
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(said, "ascii")
        build_data["force_include"][str(made)] = INSIDE[self.target_name]

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the interface
        """Leave nothing beside the artifact."""
        (Path(self.directory) / "commit").unlink(missing_ok=True)
