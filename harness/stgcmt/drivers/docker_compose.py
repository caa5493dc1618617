"""A SUT that a compose file describes, brought up and down by ``docker compose`` or ``docker-compose``.

Its project name is this run's own, so that going down removes what this project created and nothing else. The compose file
learns what only this run knows from its environment: ``STGCMT_PORT_NAME`` for each ``{port:NAME}`` of the SUT file,
``STGCMT_GATEWAY``, ``STGCMT_DIR``, ``STGCMT_SUT_DIR`` and ``STGCMT_DESTINATION_0_HOST``, ``…_PORT``, ``…_AE_TITLE``.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from stgcmt.drivers.child import Child
from stgcmt.drivers.docker import DockerSut
from stgcmt.drivers.docker_container import Held
from stgcmt.drivers.docker_engine import Engine
from stgcmt.drivers.ready import STAGE
from stgcmt.errors import UnreachableError, UsageError
from stgcmt.transcript import Masker

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"


class ComposeSut(DockerSut):
    """A SUT of several services; those of ``restart_only`` are restarted, all where it names none."""

    may_end = True  # a service that ends with 0 did its one thing

    async def _bring_up(self, engine: Engine) -> None:
        if self.docker.pull == "always":
            await self._compose("pull")
        await self._compose("up", "--detach")
        found = await engine.call("containers", all=True, filters={"label": f"{PROJECT}={self._project}"})
        names = {}
        for each in sorted(found, key=lambda each: (each.get("Created", 0), each["Id"])):
            held = self.hold(engine, each["Id"], each["Labels"].get(SERVICE, "sut"), self.sut.driver.stop_grace)
            held.watch()
            names[held.name] = str(each["Names"][0]).lstrip("/")
        self.placeholders = dataclasses.replace(self.placeholders, containers=names)
        self._check_names(list(names))
        await self._ready(self.held)

    async def _again(self, concerned: Sequence[Held]) -> None:
        for each in concerned:
            await each.start()
        await self._ready(self.held)

    async def _ready(self, concerned: Sequence[Held]) -> None:
        await self.ready(concerned, self.sut.driver.ready, list(self.placeholders.ports.values()))

    def _check_names(self, names: list[str]) -> None:
        if not names:
            raise UsageError(STAGE, "services in the compose file", "none came up", f"check {self.docker.compose}")
        for name in self.docker.restart_only:
            if name not in names:
                step = "mend restart_only of [driver]"
                raise UsageError(STAGE, f"a service {name} in the compose file", ", ".join(names), step)

    # --- the command

    @property
    def _project(self) -> str:
        return f"stgcmt-{self.run}"

    def _environment(self) -> dict[str, str]:
        places, inside = self.inside.destinations, self.inside
        ours = {f"PORT_{name.upper().replace('-', '_')}": str(port) for name, port in inside.ports.items()}
        ours |= {"GATEWAY": inside.gateway, "DIR": inside.directory, "SUT_DIR": inside.sut_directory}
        for index, place in enumerate(places):
            ours[f"DESTINATION_{index}_HOST"] = place.host
            ours[f"DESTINATION_{index}_PORT"] = str(place.port)
            ours[f"DESTINATION_{index}_AE_TITLE"] = place.ae_title
        theirs = {
            name: inside.text(text) for name, text in {**self.sut.driver.env, **self.sut.driver.secret_env}.items()
        }
        known = {f"STGCMT_{name}": value for name, value in ours.items()}
        url = self.engine.url if self.engine is not None else ""
        engine = {"DOCKER_HOST": url} if url.startswith(("unix://", "npipe://")) else {}
        return {**engine, **os.environ, **known, **theirs}

    async def _compose(self, *arguments: str) -> None:
        """Run the command; raises ``UsageError`` where there is none, ``UnreachableError`` where it fails."""
        file = self.docker.compose or Path()
        command = [*_program(), "--project-name", self._project, "--file", str(file), *arguments]
        child = Child(Masker(self.sut.secrets), self.log("compose"))
        try:
            child.start(command, file.parent, self._environment())
        except OSError as error:
            step = "apt-get install docker-compose, or Docker's compose plug-in"
            raise UsageError(
                STAGE, "docker compose or docker-compose", f"{command[0]}: {error.strerror}", step
            ) from error
        try:
            await child.over.wait()
        finally:
            await child.end(grace=10)
        self.context.record("driver", action="compose", command=command, code=child.code)
        if child.code:
            step = "check the compose file; its output is in driver/compose.log of the bundle"
            seen = f"{' '.join(arguments)}: {child.how}{child.quoted()}"
            raise UnreachableError(STAGE, f"services of {file.name} that come up", seen, step)

    async def _remove(self, engine: Engine) -> list[str]:
        failed: list[str] = []
        try:
            # Without --volumes: that would take a volume of a fixed name, too, which may be somebody else's.
            await self._compose("down", "--timeout", "1")
        except (UsageError, UnreachableError) as error:
            failed.append(str(error))
        made = await engine.call("volumes", filters={"label": f"{PROJECT}={self._project}"})
        for each in made.get("Volumes") or []:
            await engine.found("remove_volume", each["Name"])
        left = await engine.call("containers", all=True, filters={"label": f"{PROJECT}={self._project}"})
        failed += [f"container {each['Id'][:12]}" for each in left]
        return failed + await engine.remove(self.run)


def _program() -> list[str]:
    """The command that this machine has."""
    return (
        ["docker", "compose"]
        if shutil.which("docker-compose") is None and shutil.which("docker")
        else ["docker-compose"]
    )
