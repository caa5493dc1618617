"""The docker driver's part of the SUT file: containers, images, mounts, ports, or a compose file; and what can be wrong there.

One container is described by keys of ``[driver]`` itself, several by ``[[driver.containers]]``, in the order in which they
come up; ``compose`` names a compose file instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stgcmt import placeholders
from stgcmt.sut_errors import Path as KeyPath
from stgcmt.sut_errors import Problem

ALONE = "sut"  # the name of a container that has none: the only one
GATEWAY = "{gateway}"  # a host: where containers reach this machine
HOST_NETWORK = "host"
CONTAINER_KEYS = (
    "image", "build", "pull", "entrypoint", "command", "env", "env_from", "mounts", "ports", "user", "init",
    "stop_signal", "stop_grace", "ready",
)  # fmt: skip
ONE_CONTAINER = ("image", "build", "pull", "entrypoint", "mounts", "ports", "user", "init", "stop_signal")
DOCKER_ONLY = (*ONE_CONTAINER, "network", "compose", "containers", "restart_by", "restart_only")
NOT_WITH_SEVERAL = (*ONE_CONTAINER, "command", "env_from", "ready")
_NAMED_VOLUME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Build:
    """How an image is made: the directory that is sent to the engine, the Dockerfile in it, arguments, the stage."""

    context: Path
    dockerfile: str = "Dockerfile"
    args: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Mount:
    """``source`` (a directory or file of ours, else the name of a volume of this run) at ``target`` in the container."""

    source: str
    target: str
    read_only: bool = False

    @property
    def is_volume(self) -> bool:
        """Whether the engine keeps it, for this run only."""
        return _NAMED_VOLUME.fullmatch(self.source) is not None


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port of a container, published on 127.0.0.1; ``host`` is 0 where any free port will do."""

    container: int
    host: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    """One container of the SUT."""

    name: str = ALONE
    image: str | None = None
    build: Build | None = None
    pull: str = "missing"
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    mounts: tuple[Mount, ...] = ()
    ports: Mapping[str, Port] = field(default_factory=dict)
    user: str | None = None
    init: bool = False
    stop_signal: str | None = None
    stop_grace: float = 5.0
    ready: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Docker:
    """What the docker driver is told.

    ``restart_by``: ``stop`` or ``kill``; ``restart_only``: the containers that a restart concerns, all where empty.
    """

    containers: tuple[Container, ...] = ()
    compose: Path | None = None
    network: str | None = None
    restart_by: str = "stop"
    restart_only: tuple[str, ...] = ()
    pull: str = "missing"

    @property
    def on_host_network(self) -> bool:
        """Whether containers share the network of this machine: nothing is published then."""
        return self.network == HOST_NETWORK


def docker_of(table: Mapping[str, Any], environ: Mapping[str, str], beside: Callable[[str], Path]) -> Docker:
    """The value of a checked ``[driver]``; ``environ`` holds the secrets, ``beside`` finds files of the SUT file."""
    listed = table.get("containers")
    entries = listed or ([] if "compose" in table else [{"name": ALONE, **table}])
    common = {key: table[key] for key in ("pull", "stop_grace") if key in table}
    return Docker(
        tuple(_container({**common, **entry}, table if listed else {}, environ, beside) for entry in entries),
        beside(table["compose"]) if "compose" in table else None,
        table.get("network"),
        table.get("restart_by", "stop"),
        tuple(table.get("restart_only", ())),
        table.get("pull", "missing"),
    )


def _container(
    entry: Mapping[str, Any], common: Mapping[str, Any], environ: Mapping[str, str], beside: Callable[[str], Path]
) -> Container:
    known = {
        key: entry[key]
        for key in ("image", "pull", "user", "init", "stop_signal", "stop_grace", "ready")
        if key in entry
    }
    return Container(
        name=entry["name"],
        build=_build(entry["build"], beside) if "build" in entry else None,
        entrypoint=tuple(entry.get("entrypoint", ())),
        command=tuple(entry.get("command", ())),
        env={**common.get("env", {}), **entry.get("env", {})},
        secret_env={name: environ[variable] for name, variable in entry.get("env_from", {}).items()},
        mounts=tuple(mount_of(text, beside) for text in entry.get("mounts", ())),
        ports={name: port_of(value) for name, value in entry.get("ports", {}).items()},
        **known,
    )


def _build(entry: Any, beside: Callable[[str], Path]) -> Build:
    if isinstance(entry, str):
        return Build(beside(entry))
    rest = {key: entry[key] for key in ("dockerfile", "args", "target") if key in entry}
    return Build(beside(entry["context"]), **rest)


def mount_of(text: str, beside: Callable[[str], Path]) -> Mount:
    """``SOURCE:TARGET[:ro]``; a source that is a path is relative to the SUT file, unless a placeholder begins it."""
    source, target, *how = text.split(":")
    named = _NAMED_VOLUME.fullmatch(source) is not None
    if not named and not source.startswith("{"):
        source = str(beside(source))
    return Mount(source, target, how == ["ro"])


def port_of(value: Any) -> Port:
    """A container's port, or ``"HOST:CONTAINER"``."""
    host, _, container = str(value).rpartition(":")
    return Port(int(container), int(host or 0))


def described(docker: Docker) -> Iterator[str]:
    """What will be started, in plain lines; the engine is not asked."""
    if docker.compose is not None:
        yield f"services of {docker.compose.name}, under a project name of this run"
    for each in docker.containers:
        how = {"missing": "fetched where it is missing", "always": "fetched anew", "never": "must be there"}[each.pull]
        image = f"image {each.image}, {how}" if each.build is None else f"an image built from {each.build.context}"
        ports = ", ".join(f"{port.container} on 127.0.0.1 as {{port:{name}}}" for name, port in each.ports.items())
        yield f"container {each.name}: {image}{f'; publishes {ports}' if ports else ''}"
    again = ", ".join(docker.restart_only) or "every container"
    yield f"a restart concerns {again}, by {docker.restart_by}; reports arrive where containers reach this machine"


# --- what a schema cannot say ----------------------------------------------------------------------------------------


def docker_problems(kind: str, document: Mapping[str, Any], beside: Callable[[str], Path]) -> Iterator[Problem]:
    """Everything that is wrong with ``[driver]`` as far as containers go, without lines."""
    driver = document.get("driver", {})
    if kind != "docker":
        for key in DOCKER_ONLY:
            if key in driver:
                step = 'did you mean kind = "docker"?'
                yield Problem(("driver", key), f"no {key} with the driver {kind}", "one", step)
        if "healthy" in driver.get("ready", {}):
            step = "only an image has a health check; name a port, url or log"
            yield Problem(("driver", "ready", "healthy"), f"no healthy with the driver {kind}", "one", step)
        return
    yield from _one_way(driver)
    entries = list(_entries(driver))
    yield from _names(driver, [str(entry.get("name", ALONE)) for _, entry in entries])
    for path, entry in entries:
        yield from _paths(path, entry, beside)
    if "compose" in driver and not beside(driver["compose"]).is_file():
        wanted = "a compose file that exists, relative to the SUT file"
        yield Problem(("driver", "compose"), wanted, f'"{driver["compose"]}"', "check the path")
    yield from _ports(document, driver, entries)


def _entries(driver: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    if "containers" in driver:
        for index, entry in enumerate(driver["containers"]):
            yield ("driver", "containers", index), entry
    elif "compose" not in driver:
        yield ("driver",), driver


def _one_way(driver: Mapping[str, Any]) -> Iterator[Problem]:
    ways = [key for key in ("containers", "compose") if key in driver]
    ways += ["image" if "image" in driver else "build"] if {"image", "build"} & driver.keys() else []
    wanted = "image or build, [[driver.containers]] or compose"
    if not ways:
        yield Problem(("driver", "image"), wanted, "none of them", "say which image is started")
        return
    for other in ways[1:]:
        yield Problem(("driver", other), f"one of {wanted}", f"{ways[0]} and {other}", "leave one out")
    if ways[0] in {"containers", "compose"}:
        where = "[[driver.containers]]" if ways[0] == "containers" else "the compose file"
        for key in NOT_WITH_SEVERAL:
            allowed = {"pull", "ready", "env_from"} if ways[0] == "compose" else {"pull"}
            if key in driver and key not in ways and key not in allowed:
                yield Problem(("driver", key), f"no {key} beside {ways[0]}", "one", f"{key} belongs in {where}")
        if ways[0] == "compose" and "network" in driver:
            yield Problem(("driver", "network"), "no network beside compose", "one", "say it in the compose file")
        if ways[0] == "compose" and driver.get("pull") == "never":
            step = "compose fetches what is missing; say pull_policy in its file"
            yield Problem(("driver", "pull"), "missing or always beside compose", "never", step)


def _names(driver: Mapping[str, Any], names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Problem(("driver", "containers", index, "name"), "another name for each container", f'"{name}" twice')
        entry = driver["containers"][index] if "containers" in driver else driver
        if not {"image", "build"} & entry.keys() and "containers" in driver:
            yield Problem(
                ("driver", "containers", index, "image"), "image or build", "neither", "say which image is started"
            )
    for index, name in enumerate(driver.get("restart_only", ()) if "compose" not in driver else ()):
        if name not in names:
            yield Problem(
                ("driver", "restart_only", index),
                f"one of the containers {', '.join(names)}",
                f'"{name}"',
                _near(name, names),
            )


def _paths(path: KeyPath, entry: Mapping[str, Any], beside: Callable[[str], Path]) -> Iterator[Problem]:
    build = entry.get("build")
    if build is not None:
        context = beside(build if isinstance(build, str) else build["context"])
        dockerfile = "Dockerfile" if isinstance(build, str) else build.get("dockerfile", "Dockerfile")
        if not context.is_dir():
            wanted = "a directory that exists, relative to the SUT file"
            yield Problem((*path, "build"), wanted, f'"{context}"', "check the path")
        elif not (context / dockerfile).is_file():
            yield Problem((*path, "build"), f"a {dockerfile} in {context}", "none", "check the path")
    for index, text in enumerate(entry.get("mounts", ())):
        mount = mount_of(text, beside)
        if not mount.is_volume and not mount.source.startswith("{") and not Path(mount.source).exists():
            wanted = "a file or directory that exists, relative to the SUT file"  # else the engine makes a directory
            yield Problem((*path, "mounts", index), wanted, f'"{mount.source}"', "check the path")


def _ports(
    document: Mapping[str, Any], driver: Mapping[str, Any], entries: Sequence[tuple[KeyPath, Mapping[str, Any]]]
) -> Iterator[Problem]:
    published: dict[str, KeyPath] = {}
    for path, entry in entries:
        for name in entry.get("ports", {}):
            key = (*path, "ports", name)
            if driver.get("network") == HOST_NETWORK:
                step = f"on the host's network {{port:{name}}} is a free port for the SUT itself"
                yield Problem(key, 'no ports with network = "host"', "one", step)
            elif name in published:
                yield Problem(key, "another name for each port", f"{name} twice", "rename one")
            published.setdefault(name, key)
    if "compose" in driver or driver.get("network") == HOST_NETWORK:
        return  # any name will do: the compose file finds it as STGCMT_PORT_NAME, the SUT in its command
    for path, text in placeholders.strings_at(document, ()):
        for match in placeholders.KNOWN.finditer(text):
            if match[1] is not None and match[1] not in published:
                known = ", ".join(published) or "none is published"
                step = _near(match[1], list(published)) or f"add ports = {{ {match[1]} = 104 }}, the container's port"
                yield Problem(path, f"a port of [driver] ports ({known})", match[0], step)


def _near(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else ""
