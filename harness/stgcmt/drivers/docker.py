"""The docker driver: brings the SUT up in containers, waits until it is ready, and removes exactly what it created.

Ports are published on 127.0.0.1 and nowhere else. Containers, network and volumes of a run carry a label with its id; the
end of the run removes what carries it. Images stay: they are the engine's cache.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from stgcmt.clock import NS
from stgcmt.drivers.docker_container import Held, all_healthy, any_over, any_says
from stgcmt.drivers.docker_engine import RUN_LABEL, Engine, why
from stgcmt.drivers.meeting import DESKTOP, Meeting, meeting_of
from stgcmt.drivers.ports import free_ports
from stgcmt.drivers.provoke import Provoked
from stgcmt.drivers.ready import STAGE, Readiness, come_up
from stgcmt.drivers.running import Context, Running
from stgcmt.drivers.templates import render, template_ports
from stgcmt.errors import UsageError
from stgcmt.placeholders import Placeholders, names_of
from stgcmt.sut import Ready
from stgcmt.sut_docker import Container, Docker, Mount
from stgcmt.transcript import Masker

STEADY_S = 0.25  # the engine's proxy closes a connection to a port without listener within a few milliseconds


@dataclass(frozen=True, slots=True)
class Told:
    """A destination as the SUT is told it."""

    ae_title: str
    host: str
    port: int


class DockerSut(Running):
    """A SUT in one container, or in several."""

    may_end = False  # whether a container may end by itself

    def __init__(self, context: Context, docker: Docker) -> None:
        super().__init__(context)
        self.docker = docker
        self.run = secrets.token_hex(6)
        self.held: list[Held] = []
        self.engine: Engine | None = None
        self.inside = self.placeholders  # as containers see us
        self.meeting = Meeting()
        self._scratch = contextlib.ExitStack()
        self._logs: dict[str, IO[bytes]] = {}

    # --- up, down, again

    async def start(self) -> None:
        began = self.context.clock.monotonic_ns()
        self.engine = await Engine.connect()
        self.meeting = await meeting_of(self.sut)
        self._prepare()
        self.context.record(
            "driver", action="starting", kind="docker", run=self.run, engine=self.engine.version,
            ports=dict(self.placeholders.ports), network=self.docker.network, reached_at=self.meeting.reach,
        )  # fmt: skip
        await self._bring_up(self.engine)
        self.context.record(
            "driver", action="started", containers=[each.name for each in self.held], seconds=self._since(began)
        )

    async def stop(self) -> None:
        try:
            if self.engine is not None:
                await self._end(self.held, kill=False)
                for complaint in await self._remove(self.engine):
                    self.context.record("driver", action="left-behind", what=complaint)
        except Exception as error:  # noqa: BLE001 - the run is over, and its verdicts stand
            step = f"docker ps --all --filter label={RUN_LABEL}={self.run}"
            self.context.record("driver", action="left-behind", what=why(error), step=step)
        finally:
            for each in self.held:
                await each.leave()
            self.held = []
            self._scratch.close()

    async def restart(self) -> None:
        if not self.sut.driver.restart:
            step = "allow it, or leave the scenario out"
            raise UsageError("restarting the SUT", "[driver] restart = true", "false", step)
        began, only = self.context.clock.monotonic_ns(), self.docker.restart_only
        concerned = [each for each in self.held if not only or each.name in only]
        await self._end(concerned, kill=self.docker.restart_by == "kill")
        await self._again(concerned)
        self.context.record(
            "driver", action="restarted", by=self.docker.restart_by, containers=[each.name for each in concerned],
            seconds=self._since(began),
        )  # fmt: skip

    def log_tail(self, lines: int = 20) -> tuple[str, ...]:
        if len(self.held) == 1:
            return self.held[0].tail(lines)
        return tuple(f"{each.name}: {line}" for each in self.held for line in each.tail(lines))

    def section(self, role: str, mode: str | None = None) -> Mapping[str, Any]:
        """As ever; a C-MOVE brings instances to where containers reach us."""
        section = dict(super().section(role, mode))
        retrieval = section.get("retrieval", {})
        if retrieval.get("how") == "c-move":
            section["retrieval"] = {"move_host": self.meeting.listen, **retrieval}
        return section

    async def act(self, table: str, role: str, mode: str | None, values: Mapping[str, str]) -> Provoked | None:
        """As ever; a client in a container is told our address as it reaches it."""
        told = dict(values)
        for name in ("host", "dimse_host"):
            if name in told:
                theirs = self.meeting.theirs(told[name])
                if "base_url" in told and name == "host":
                    told["base_url"] = told["base_url"].replace(f"//{told[name]}:", f"//{theirs}:", 1)
                told[name] = theirs
        return await super().act(table, role, mode, told)

    # --- the way up

    def _prepare(self) -> None:
        """Ports, work directory, placeholders, templates."""
        work = self._scratch.enter_context(
            tempfile.TemporaryDirectory(prefix="stgcmt-sut-", ignore_cleanup_errors=True)
        )
        Path(work).chmod(0o755)  # a container's user is another than ours, and reads what is mounted from there
        published = {name: port for each in self.docker.containers for name, port in each.ports.items()}
        named = {match[1] for match in names_of(self.sut.document) if match[1]} | set(template_ports(self.sut))
        free = free_ports(sorted(name for name in named | published.keys() if not self._fixed(published.get(name))))
        ports = free | {name: port.host for name, port in published.items() if port.host}
        told = [Told(each.ae_title, self.meeting.theirs(each.host), each.port) for each in self.context.destinations]
        names = {each.name: self.called(each.name) for each in self.docker.containers}
        self.placeholders = Placeholders(
            ports, work, self.placeholders.sut_directory, self.context.destinations, self.meeting.listen,
            str((self.context.directory / "instances").absolute()), names,
        )  # fmt: skip
        self.inside = dataclasses.replace(self.placeholders, destinations=told, gateway=self.meeting.reach)
        render(self.context, self.inside)

    @staticmethod
    def _fixed(port: Any) -> bool:
        return port is not None and port.host != 0

    def called(self, name: str) -> str:
        """A container's name at the engine."""
        return f"stgcmt-{self.run}-{name}"

    async def _bring_up(self, engine: Engine) -> None:
        for each in self.docker.containers:
            await self._image(engine, each)
        network = self.docker.network or await self._network(engine)
        for each in self.docker.containers:
            ident = await self._create(engine, each, network)
            self.hold(engine, ident, each.name, each.stop_grace)
        await self._again(self.held)

    async def _image(self, engine: Engine, each: Container) -> None:
        if each.build is None:
            await engine.image(str(each.image), each.pull)
            return
        output = self.log("build")
        masker = Masker(self.sut.secrets)
        await engine.build(
            each.build, self.image_of(each), lambda line: _write(output, masker.data(line.encode())[0] + b"\n")
        )
        self.context.record("driver", action="built", image=self.image_of(each))

    def image_of(self, each: Container) -> str:
        """The tag of a container's image; what is built without one is called after the SUT."""
        if each.image is not None:
            return each.image
        slug = re.sub(r"[^a-z0-9]+", "-", self.sut.name.lower()).strip("-") or "unnamed"
        return f"stgcmt-sut/{slug}:{each.name.lower()}"

    async def _network(self, engine: Engine) -> str:
        name = f"stgcmt-{self.run}"
        await engine.call("create_network", name, driver="bridge", labels=self._label, check_duplicate=True)
        return name

    @property
    def _label(self) -> dict[str, str]:
        return {RUN_LABEL: self.run}

    async def _create(self, engine: Engine, each: Container, network: str) -> str:
        api, host_network = engine.api, self.docker.on_host_network
        binds = [await self._bind(engine, mount) for mount in each.mounts]
        published = {port.container: ("127.0.0.1", self.placeholders.ports[name]) for name, port in each.ports.items()}
        by_name = {} if host_network or self.meeting.reach == DESKTOP else {DESKTOP: self.meeting.reach}
        options: dict[str, Any] = {
            "host_config": api.create_host_config(
                binds=binds, port_bindings=published, network_mode=network, init=each.init or None,
                extra_hosts=by_name or None, log_config={"Type": "json-file", "Config": {}},
            ),
            "environment": {name: self.inside.text(text) for name, text in {**each.env, **each.secret_env}.items()},
            "labels": self._label,
            "name": self.called(each.name),
        }  # fmt: skip
        if not host_network:
            options["hostname"] = each.name
            options["networking_config"] = api.create_networking_config(
                {network: api.create_endpoint_config(aliases=[each.name])}
            )
        options |= {"ports": list(published)} if published else {}
        options |= {"command": [self.inside.text(part) for part in each.command]} if each.command else {}
        options |= {"entrypoint": [self.inside.text(part) for part in each.entrypoint]} if each.entrypoint else {}
        options |= {"user": each.user} if each.user else {}
        options |= {"stop_signal": each.stop_signal} if each.stop_signal else {}
        try:
            created = await engine.call("create_container", self.image_of(each), **options)
        except Exception as error:
            step = "check [driver]: command, mounts, user, network"
            raise UsageError(STAGE, f"a container {each.name} of {self.image_of(each)}", why(error), step) from error
        self.context.record(
            "driver", action="created", container=each.name, image=self.image_of(each), id=created["Id"][:12],
            command=options.get("command"), ports={name: list(published[port.container]) for name, port in each.ports.items()},
        )  # fmt: skip
        return str(created["Id"])

    async def _bind(self, engine: Engine, mount: Mount) -> str:
        """A mount in the engine's words."""
        source = self.placeholders.text(mount.source)
        if mount.is_volume:
            source = f"stgcmt-{self.run}-{source}"
            await engine.call("create_volume", source, labels=self._label)
        else:
            _there(Path(source), Path(self.placeholders.directory), Path(self.placeholders.instances))
        return f"{source}:{self.placeholders.text(mount.target)}{':ro' if mount.read_only else ''}"

    def hold(self, engine: Engine, ident: str, name: str, grace: float) -> Held:
        """Take a container that exists into our hands."""
        held = Held(engine, ident, name, Masker(self.sut.secrets), self.log(name), grace, self._exited)
        self.held.append(held)
        return held

    def log(self, name: str) -> IO[bytes]:
        """``driver/NAME.log`` of the bundle."""
        if name not in self._logs:
            path = self.context.directory / "driver" / f"{name}.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._logs[name] = self._scratch.enter_context(path.open("wb"))
        return self._logs[name]

    # --- ready, over

    async def _again(self, concerned: Sequence[Held]) -> None:
        """One after the other, each ready before the next."""
        for each in concerned:
            await each.start()
            await self.ready([each], self._ready_of(each.name), self._ports_of(each.name))

    async def ready(self, concerned: Sequence[Held], ready: Ready | None, ports: Sequence[int]) -> None:
        """Wait until containers are ready; raises ``UnreachableError``, ``UsageError``."""
        readiness = Readiness(self.context, self.placeholders, steady=STEADY_S)

        async def checks() -> None:
            await readiness.wait(ready, ports, lambda text: any_says(concerned, text))
            if ready is not None and ready.healthy:
                await all_healthy(concerned)

        def culprit() -> Held:
            return next((each for each in concerned if each.code), concerned[-1])

        names = ", ".join(each.name for each in concerned)
        await come_up(
            checks(), any_over(concerned, may_end=self.may_end), self.sut.timing.ready,
            expected=f"{names}: {readiness.what(ready, ports)}",
            ended=lambda: f"container {culprit().name}, {culprit().how}",
            quoted=lambda: culprit().quoted(), logs=f"driver/{culprit().name}.log",
        )  # fmt: skip

    def _ready_of(self, name: str) -> Ready | None:
        for each in self.docker.containers:
            if each.name == name and each.ready is not None:
                return Ready(**each.ready)
        return None

    def _ports_of(self, name: str) -> list[int]:
        ports = self.placeholders.ports
        if self.docker.on_host_network:
            return list(ports.values()) if name == self.docker.containers[-1].name else []
        return [ports[key] for each in self.docker.containers if each.name == name for key in each.ports]

    def _exited(self, held: Held) -> None:
        """An end that nobody asked for."""
        self.context.record(
            "driver", action="exited", container=held.name, code=held.code, how=held.how, log=list(held.tail(20))
        )

    async def _end(self, concerned: Sequence[Held], *, kill: bool) -> None:
        """The last one that came up goes first."""
        for each in reversed(concerned):
            try:
                await each.end(kill=kill)
            except Exception as error:  # noqa: BLE001 - the others must go down, too
                self.context.record("driver", action="failed", container=each.name, error=why(error))
            else:
                self.context.record("driver", action="stopped", container=each.name, code=each.code, killed=kill)

    async def _remove(self, engine: Engine) -> list[str]:
        return await engine.remove(self.run)

    def _since(self, began: int) -> float:
        return (self.context.clock.monotonic_ns() - began) / NS


def _write(output: IO[bytes], data: bytes) -> None:
    if not output.closed:
        output.write(data)
        output.flush()


def _there(source: Path, *makeable: Path) -> None:
    """A directory of the run that is not there yet is made, for everybody: the container's user is another than ours."""
    if source.exists():
        return
    if not any(source.resolve().is_relative_to(each.resolve()) for each in makeable):
        raise UsageError(STAGE, "a file or directory to mount", f"none at {source}", "check mounts of [driver]")
    source.mkdir(parents=True)
    source.chmod(0o777)
