"""The Docker Engine, asked through its SDK without blocking the loop.

The SDK is synchronous, so each call runs in a thread of its own, the only threads of the engine room: they touch nothing
but their request, and are daemons, so that Ctrl-C during a long pull ends the command at once. What an interrupted call
may still have made carries our label, and is found by it at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from stgcmt.errors import UsageError
from stgcmt.sut_docker import Build

STAGE = "asking the Docker Engine"
RUN_LABEL = "org.stgcmt.run"  # on whatever a run creates: its own id, by which it is removed again
NO_SDK = "pip install 'stgcmt-conformance[docker]'"
_LOCAL = {"", "localhost", "127.0.0.1", "::1"}
T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """What a blocking function returns, from a daemon thread; when cancelled the thread is left to itself."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            set_it(value)

    def work() -> None:
        try:
            set_it: Callable[[Any], None]
            value: Any
            set_it, value = future.set_result, function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
            set_it, value = future.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop is over: nobody waits any more
            loop.call_soon_threadsafe(settle, set_it, value)

    threading.Thread(target=work, daemon=True, name="stgcmt-docker").start()
    return await future


def why(error: BaseException) -> str:
    """What the engine says, in one line."""
    text = str(getattr(error, "explanation", None) or error)
    return " ".join(text.split())


class Engine:
    """One engine. ``api`` is the SDK's low-level client; errors are its own but where a method says otherwise."""

    def __init__(self, api: Any, url: str, version: Mapping[str, Any]) -> None:
        self.api, self.url, self._version = api, url, version

    @classmethod
    async def connect(cls) -> Engine:
        """The engine of ``DOCKER_HOST``, else of the current Docker context; raises ``UsageError`` with what is missing."""
        try:
            import docker  # noqa: PLC0415 - start-up, and an extra
        except ImportError as error:
            raise UsageError(STAGE, "the extra docker of this package", f"{error}", NO_SDK) from error

        def client() -> tuple[Any, str, Any]:
            options = docker.utils.kwargs_from_env()
            options.setdefault("base_url", _context_host(docker))
            api = docker.APIClient(version="auto", **{key: value for key, value in options.items() if value})
            return api, str(options["base_url"] or api.base_url), api.version()

        try:
            api, url, version = await in_thread(client)
        except Exception as error:
            step = "is Docker installed and started, and may this user ask it? DOCKER_HOST names another one"
            raise UsageError(STAGE, "a Docker Engine that answers", why(error), step) from error
        parts = urlsplit(url)
        if parts.scheme in {"tcp", "http", "https", "ssh"} and (parts.hostname or "") not in _LOCAL:
            step = 'use an engine of this machine, or start the SUT yourself and use kind = "external"'
            raise UsageError(STAGE, "an engine on this machine: ports are published on its 127.0.0.1", url, step)
        return cls(api, url, version)

    @property
    def version(self) -> str:
        """Name and version of the engine."""
        return f"{self._version.get('Platform', {}).get('Name') or 'Docker Engine'} {self._version.get('Version', '')}".strip()

    async def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """A method of the low-level client by name."""
        return await in_thread(lambda: getattr(self.api, method)(*args, **kwargs))

    async def found(self, method: str, /, *args: Any) -> Any:
        """The same, and ``None`` where the engine knows no such thing."""
        from docker.errors import NotFound  # noqa: PLC0415 - start-up, and an extra

        try:
            return await self.call(method, *args)
        except NotFound:
            return None

    # --- images

    async def image(self, reference: str, pull: str) -> None:
        """Have an image by its policy (missing, always, never); raises ``UsageError``."""
        from docker.errors import DockerException  # noqa: PLC0415 - start-up, and an extra

        there = await self.found("inspect_image", reference) is not None
        if pull == "never" and not there:
            step = f'docker pull {reference}, build it, or pull = "missing"'
            raise UsageError(
                "bringing the SUT up", f"the image {reference} at this engine", 'none, and pull = "never"', step
            )
        if there and pull != "always":
            return
        try:
            await in_thread(lambda: self._pull(reference))
        except (DockerException, _EngineSaysError) as error:
            step = "check name and tag; log in with docker login; a local image needs no registry once it is built"
            seen = f"it could not be fetched: {why(error)}"
            raise UsageError("bringing the SUT up", f"the image {reference}", seen, step) from error

    def _pull(self, reference: str) -> None:
        name, _, tag = reference.rpartition(":")
        if "/" in tag or not name or "@" in reference:
            name, tag = reference, "" if "@" in reference else "latest"
        for line in self.api.pull(name, tag=tag or None, stream=True, decode=True):
            if "error" in line:
                raise _EngineSaysError(str(line["error"]))

    async def build(self, build: Build, tag: str, said: Callable[[str], None]) -> None:
        """Build an image under ``tag``, line by line to ``said``; raises ``UsageError`` with the last lines."""
        from docker.errors import DockerException  # noqa: PLC0415 - start-up, and an extra

        loop, lines = asyncio.get_running_loop(), []

        def work() -> None:
            for entry in self.api.build(
                path=str(build.context), dockerfile=build.dockerfile, tag=tag, rm=True, forcerm=True, decode=True,
                buildargs=dict(build.args), target=build.target or "",
            ):  # fmt: skip
                for line in str(entry.get("stream") or entry.get("error") or "").splitlines():
                    if line.strip():
                        lines.append(line.rstrip())
                        loop.call_soon_threadsafe(said, line.rstrip())
                if "error" in entry:
                    raise _EngineSaysError(str(entry["error"]))

        try:
            await in_thread(work)
        except (DockerException, _EngineSaysError, OSError, TypeError) as error:
            step = "mend the Dockerfile; its output is in driver/build.log of the bundle"
            if "buildkit" in why(error).lower():
                step = "this Dockerfile needs BuildKit: docker build it yourself, then name the image"
            quoted = "".join(f"\n            | {line}" for line in lines[-8:])
            raise UsageError(
                "bringing the SUT up", f"an image built from {build.context}", why(error) + quoted, step
            ) from error

    # --- containers

    async def follow(self, ident: str, skip: int, data: Callable[[bytes], None]) -> None:
        """Hand on the output of a container until it ends, but for the first ``skip`` bytes."""
        loop, left = asyncio.get_running_loop(), skip

        def work() -> None:
            nonlocal left
            for chunk in self.api.logs(ident, stream=True, follow=True, stdout=True, stderr=True):
                rest = chunk[left:]
                left = max(0, left - len(chunk))
                if rest:
                    loop.call_soon_threadsafe(data, rest)

        with contextlib.suppress(Exception):  # the container is gone, or the loop is over
            await in_thread(work)

    # --- what is ours

    async def labelled(self, run: str) -> tuple[list[str], list[str], list[str]]:
        """The containers, networks and volumes that a run created."""
        only = {"label": f"{RUN_LABEL}={run}"}
        containers = await self.call("containers", all=True, filters=only)
        networks = await self.call("networks", filters=only)
        volumes = await self.call("volumes", filters=only)
        return (
            [each["Id"] for each in containers], [each["Id"] for each in networks],
            [each["Name"] for each in volumes.get("Volumes") or []],
        )  # fmt: skip

    async def remove(self, run: str) -> list[str]:
        """Remove whatever carries the label of this run, and nothing else; returns what could not be removed, in words."""
        failed = []
        containers, networks, volumes = await self.labelled(run)
        for name, idents, options in (
            ("remove_container", containers, {"v": True, "force": True}),
            ("remove_network", networks, {}),
            ("remove_volume", volumes, {}),
        ):
            for ident in idents:
                try:
                    await self.call(name, ident, **options)
                except Exception as error:  # noqa: BLE001 - the others must go all the same
                    failed.append(f"{name.removeprefix('remove_')} {ident[:12]}: {why(error)}")
        return failed

    async def leftovers(self) -> list[str]:
        """Names of containers of runs that were killed before they could remove them, or that are under way."""
        found = await self.call("containers", all=True, filters={"label": RUN_LABEL})
        return sorted(str(each["Names"][0]).lstrip("/") for each in found)


class _EngineSaysError(Exception):
    """The engine reported an error in the middle of a stream."""


def gateways(network: Mapping[str, Any] | None) -> Iterator[str]:
    """The IPv4 gateways of an inspected network; where the engine names none, the first address of the subnet is it."""
    configured: Iterable[Mapping[str, Any]] = ((network or {}).get("IPAM") or {}).get("Config") or ()
    for each in configured:
        with contextlib.suppress(ValueError, StopIteration):
            subnet = ipaddress.IPv4Network(str(each.get("Subnet", "")), strict=False)
            yield str(each.get("Gateway", "")).partition("/")[0] or str(next(subnet.hosts()))


def _context_host(docker: Any) -> str | None:
    """The host of the current Docker context (Docker Desktop, rootless, Colima); ``None`` for the default socket."""
    try:
        context = docker.ContextAPI.get_current_context()
        return None if context is None or context.name == "default" else str(context.Host)
    except Exception:  # noqa: BLE001 - no configuration, or one that the SDK cannot read: the default socket
        return None
