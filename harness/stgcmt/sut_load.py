"""Reading a SUT file: text, TOML, schema, what a schema cannot say, then the value. Every problem is told at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stgcmt.errors import UsageError
from stgcmt.masking import Secret, basic_secrets
from stgcmt.preloaded import read_preloaded
from stgcmt.sut import (
    Driver,
    Gate,
    Preloaded,
    Provocation,
    Ready,
    Retrieval,
    Seeding,
    Sut,
    Template,
    Timing,
    freeze,
)
from stgcmt.sut_check import Checks, Document
from stgcmt.sut_docker import docker_of
from stgcmt.sut_errors import SECRET_KEYS, SutFileError, line_of, schema_problems, toml_lines
from stgcmt.sut_schema import full_schema


def read(
    path: Path,
    sections: Mapping[str, Mapping[str, Any]],
    claims: Mapping[str, Mapping[str, Any]],
    environ: Mapping[str, str],
) -> Sut:
    """The SUT that ``path`` describes; raises ``UsageError`` and ``SutFileError``."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - start-up

    text = text_of(path)
    document = document_of(path, text)
    lines = toml_lines(text)
    full = full_schema(sections, claims)
    reading = Reading(path, document, sections, environ)
    problems = list(schema_problems(Draft202012Validator(full).iter_errors(document), full, lines))
    # what lies beyond the schema may count on types and keys: it waits until they are right
    beyond = reading.missing_variables() if problems else reading.problems()
    problems += [dataclasses.replace(problem, line=line_of(problem.path, lines)) for problem in beyond]
    if problems:
        raise SutFileError(str(path), problems)
    return reading.sut()


def text_of(path: Path, what: str = "the SUT file") -> str:
    """The text of a file; raises ``UsageError``, which calls it ``what``."""
    stage, step = f"reading {what} {path}", "check the path; `stgcmt init` writes a new SUT file"
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise UsageError(stage, "a file in TOML", "a directory", step) from error
    except OSError as error:
        raise UsageError(stage, "a file that can be read", error.strerror or str(error), step) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        seen = f"byte {data[error.start]:02X}H in line {line}"
        raise UsageError(stage, "text in UTF-8", seen, "save the file as UTF-8") from error


def document_of(path: Path, text: str, what: str = "the SUT file") -> Document:
    """The TOML document of a text; dates, nan and inf, which JSON does not know, as text. Raises ``UsageError``."""
    try:
        return _plain(tomllib.loads(text))  # type: ignore[no-any-return]
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        number = int(found[1]) if found else 0
        shown = text.splitlines()[number - 1].strip() if 0 < number <= len(text.splitlines()) else ""
        if any(re.match(rf"\W*{key}\b", shown, re.IGNORECASE) for key in SECRET_KEYS):
            shown = "(not shown)"
        seen = f"{error}{f': {shown}' if shown else ''}"
        raise UsageError(f"reading {what} {path}", "TOML", seen, "mend that line; strings need quotes") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.time)) else value


class Reading(Checks):
    """A checked document, and the value that it describes."""

    def sut(self) -> Sut:
        """The value; only where there are no problems."""
        document = self.document
        seeding, retrieval = document.get("seeding", {}), document.get("retrieval", {})
        environment = {name: self.environ[name] for _, name, _ in self.variables()}
        base = Sut(
            document["name"],
            document.get("vendor", ""),
            document.get("version", ""),
            self.roles,
            freeze(self.role_sections()),
            self._driver_value(),
            provoke={name: Provocation.of(entry) for name, entry in document.get("provoke", {}).items()},
            timing=Timing(**document.get("timing", {})),
            claims=freeze(document.get("claims", {})),
            gate=Gate(**document.get("gate", {})),
            destinations=tuple(destination for _, destination in self.all_destinations()),
            preloaded=self._preloaded(),
            secrets=self._secret_values(),
            path=self.path,
            document=freeze(document),
            environment=environment,
        )
        return dataclasses.replace(
            base,
            seeding=Seeding(seeding.get("how", "none"), freeze(base.resolved(_but(seeding, "how", "preloaded")))),
            retrieval=Retrieval(retrieval.get("how", "none"), freeze(base.resolved(_but(retrieval, "how")))),
        )

    def _driver_value(self) -> Driver:
        driver = dict(self.document.get("driver", {}))
        if self.kind == "docker":
            return self._docker_value(driver)
        secret = {name: self.environ[variable] for name, variable in driver.pop("env_from", {}).items()}
        ready = driver.pop("ready", None)
        files = tuple(Template(self.beside(each["source"]), each["target"]) for each in driver.pop("files", ()))
        command = tuple(driver.pop("command", ()))
        return Driver(
            **driver, command=command, secret_env=secret, ready=Ready(**ready) if ready else None, files=files
        )

    def _docker_value(self, driver: Document) -> Driver:
        containers = docker_of(driver, self.environ, self.beside)
        ready = Ready(**driver["ready"]) if "compose" in driver and "ready" in driver else None
        files = tuple(Template(self.beside(each["source"]), each["target"]) for each in driver.get("files", ()))
        rest = {key: driver[key] for key in ("restart", "stop_grace", "env") if key in driver}
        secret = {name: self.environ[variable] for name, variable in driver.get("env_from", {}).items()}
        return Driver("docker", files=files, ready=ready, docker=containers, secret_env=secret, **rest)

    def _preloaded(self) -> tuple[Preloaded, ...]:
        tables = [
            self.document.get("seeding", {}),
            *(section.get("seeding", {}) for section in self.role_sections().values()),
        ]
        found: dict[Preloaded, None] = {}
        for table in tables:
            if "preloaded" in table:
                found.update(dict.fromkeys(read_preloaded(self.beside(table["preloaded"]))))
        return tuple(found)

    def _secret_values(self) -> tuple[Secret, ...]:
        found: dict[bytes, str] = {}
        for _, name, kind in self.variables():
            value = self.environ[name].encode()
            found[value] = kind
            if kind == "basic-credentials":
                found |= {each.value: each.kind for each in basic_secrets(self.environ[name])}
        return tuple(Secret(value, kind) for value, kind in found.items())


def _but(table: Document, *keys: str) -> Document:
    return {key: value for key, value in table.items() if key not in keys}
