"""Images for the tests of the docker driver, made of this machine's own files: no registry is asked.

``base``: the running interpreter at /usr/local with what the harness needs, in place of python:3-slim. ``orthanc``: Debian's
Orthanc with its libraries. Each is one tar that the engine imports as an image of one layer.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Self

NOT_NEEDED = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "lib2to3",
    "turtledemo",
    "ensurepip",
    "site-packages",
    "dist-packages",
    "pydoc_data",
    "_pytest_data",
}
LOADER = re.compile(r"(?:=> )?(/\S+) \(0x")


def libraries(files: Iterable[Path]) -> set[Path]:
    """The shared libraries that these programs and modules load, by the paths under which they look for them."""
    found: set[Path] = set()
    given = [str(each) for each in files]
    for start in range(0, len(given), 100):
        done = subprocess.run(["ldd", *given[start : start + 100]], capture_output=True, text=True, check=False)
        found |= {Path(each) for each in LOADER.findall(done.stdout)}
    return found


class Tree:
    """A root file system as a tar; everything belongs to root and may be read by everybody."""

    def __init__(self, path: Path) -> None:
        self.path, self._tar, self._names = path, tarfile.open(path, "w"), set()

    def __enter__(self) -> Self:
        for name in ("tmp", "var/tmp"):
            self.directory(name, 0o1777)
        for name in ("proc", "sys", "dev", "etc", "run", "root"):
            self.directory(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def directory(self, name: str, mode: int = 0o755) -> None:
        for parent in reversed(Path(name).parents[:-1]):
            self.directory(str(parent))
        if name in self._names:
            return
        self._names.add(name)
        info = tarfile.TarInfo(name)
        info.type, info.mode = tarfile.DIRTYPE, mode
        self._tar.addfile(info)

    def text(self, name: str, text: str, mode: int = 0o644) -> None:
        self._add(name, text.encode(), mode)

    def file(self, source: Path, name: str | None = None) -> None:
        """A file under its own path or another; a link is followed."""
        self._add(name or str(source).lstrip("/"), source.read_bytes(), 0o755 if os.access(source, os.X_OK) else 0o644)

    def _add(self, name: str, data: bytes, mode: int) -> None:
        name = os.path.normpath(name)
        if name in self._names:
            return
        self.directory(str(Path(name).parent))
        self._names.add(name)
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), mode
        self._tar.addfile(info, io.BytesIO(data))

    def link(self, name: str, target: str) -> None:
        self.directory(str(Path(name).parent))
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(info)

    def below(self, source: Path, name: str) -> list[Path]:
        """A directory without what no test needs; returns the shared objects in it."""
        objects = []
        for directory, names, files in os.walk(source):
            names[:] = sorted(set(names) - NOT_NEEDED - {each for each in names if each.startswith("config-")})
            for each in sorted(files):
                path = Path(directory, each)
                if each.endswith((".opt-1.pyc", ".opt-2.pyc", ".a")) or not path.is_file():
                    continue
                self.file(path, f"{name}/{path.relative_to(source)}")
                objects += [path] if ".so" in path.suffixes else []
        return objects


def closure(names: Iterable[str]) -> dict[str, metadata.Distribution]:
    """Installed distributions with all that they require here."""
    from packaging.requirements import Requirement

    found: dict[str, metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        wanted = Requirement(waiting.pop())
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in found:
            continue
        found[name] = dist = metadata.distribution(name)
        extras = [{"extra": each} for each in ("", *wanted.extras)]
        for text in dist.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or any(requirement.marker.evaluate(each) for each in extras):
                waiting.append(
                    f"{requirement.name}[{','.join(requirement.extras)}]" if requirement.extras else requirement.name
                )
    return found


def base_tree(path: Path) -> None:
    """A stand-in for python:3-slim: interpreter, standard library, pip, hatchling and the dependencies of this project."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = Path(sys.executable).resolve()
    site = f"usr/local/lib/{version}/site-packages"
    with Tree(path) as tree:
        tree.file(program, f"usr/local/bin/{version}")
        for name in ("python3", "python"):
            tree.link(f"usr/local/bin/{name}", version)
        objects = tree.below(Path(sysconfig.get_path("stdlib")), f"usr/local/lib/{version}")
        wanted = closure(["stgcmt-conformance[docker]", "pip", "hatchling"])
        wanted.pop("stgcmt-conformance")
        for dist in wanted.values():
            for each in dist.files or ():
                source = Path(str(dist.locate_file(each)))
                if ".." in each.parts or not source.is_file() or {"tests", "test"} & set(each.parts):
                    continue
                tree.file(source, f"{site}/{each}")
                objects += [source] if ".so" in source.suffixes else []
        shell = Path("/bin/sh").resolve()
        tree.file(shell, "bin/sh")
        for each in sorted(libraries([program, shell, *objects])):
            tree.file(each)
        tree.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        tree.text("etc/group", "root:x:0:\n")
        tree.text("etc/hosts", "127.0.0.1 localhost\n")
        tree.text("etc/nsswitch.conf", "hosts: files dns\n")
        for each in Path("/lib/x86_64-linux-gnu").glob("libnss_*.so.2"):
            tree.file(each)


def orthanc_tree(path: Path) -> None:
    """Debian's Orthanc without its plug-ins: the program, its libraries, DCMTK's dictionary."""
    with Tree(path) as tree:
        program = Path("/usr/sbin/Orthanc")
        tree.file(program)
        for each in sorted(libraries([program])):
            tree.file(each)
        for each in sorted(Path("/usr/share").glob("libdcmtk*/*.dic")):
            tree.file(each)
        tree.file(
            Path("/usr/share/zoneinfo/UTC") if Path("/usr/share/zoneinfo/UTC").exists() else Path("/etc/localtime"),
            "etc/localtime",
        )
        tree.directory("var/lib/orthanc", 0o1777)
        tree.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\northanc:x:1000:1000::/:/bin/sh\n")
        tree.text("etc/hosts", "127.0.0.1 localhost\n")
        tree.text("etc/nsswitch.conf", "hosts: files dns\n")
        tree.directory("var/lib/orthanc", 0o1777)


def imported(api: object, tree: Path, tag: str, changes: Iterable[str] = ()) -> str:
    """An image of one layer; its tag."""
    name, _, version = tag.partition(":")
    said = api.import_image(str(tree), repository=name, tag=version, changes=list(changes))
    assert "error" not in json.loads(said.strip().splitlines()[-1]), said
    return tag
