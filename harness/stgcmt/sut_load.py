"""Reading a SUT file: text, TOML, schema, what a schema cannot say, then the value. Every problem is told at once."""

from __future__ import annotations

import datetime
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stgcmt import placeholders
from stgcmt.errors import UsageError
from stgcmt.preloaded import read_preloaded
from stgcmt.sut import (
    NEEDED,
    Destination,
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
from stgcmt.sut_errors import SECRET_HINT, SECRET_KEYS, Problem, SutFileError, line_of, schema_problems, toml_lines
from stgcmt.sut_errors import Path as KeyPath
from stgcmt.sut_schema import full_schema
from stgcmt.transcript import Secret

Document = dict[str, Any]
SECRET_ENV = {"token_env": "bearer-token", "basic_env": "basic-credentials"}


def read(
    path: Path,
    sections: Mapping[str, Mapping[str, Any]],
    claims: Mapping[str, Mapping[str, Any]],
    environ: Mapping[str, str],
) -> Sut:
    """The SUT that ``path`` describes; raises ``UsageError`` and ``SutFileError``."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - start-up

    text = _text(path)
    document = _document(path, text)
    lines = toml_lines(text)
    full = full_schema(sections, claims)
    problems = [
        problem if problem.line else Problem(problem.path, problem.expected, problem.seen, problem.next_step, line_of(problem.path, lines))
        for problem in schema_problems(Draft202012Validator(full).iter_errors(document), full, lines)
    ]
    reading = _Reading(path, document, sections, environ)
    if not problems:  # the rest may count on types and keys
        problems = [
            Problem(problem.path, problem.expected, problem.seen, problem.next_step, line_of(problem.path, lines))
            for problem in reading.problems()
        ]
    else:
        problems += [
            Problem(problem.path, problem.expected, problem.seen, problem.next_step, line_of(problem.path, lines))
            for problem in reading.missing_variables()
        ]
    if problems:
        raise SutFileError(str(path), problems)
    return reading.sut()


def _text(path: Path) -> str:
    stage, step = f"reading the SUT file {path}", "check the path; `stgcmt init` writes a new file"
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


def _document(path: Path, text: str) -> Document:
    try:
        return _plain(tomllib.loads(text))  # type: ignore[no-any-return]
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        number = int(found[1]) if found else 0
        shown = text.splitlines()[number - 1].strip() if 0 < number <= len(text.splitlines()) else ""
        if any(re.match(rf"\W*{key}\b", shown, re.IGNORECASE) for key in SECRET_KEYS):
            shown = "(not shown)"
        seen = f"{error}{f': {shown}' if shown else ''}"
        raise UsageError(f"reading the SUT file {path}", "TOML", seen, "mend that line; strings need quotes") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value


@dataclass(frozen=True)
class _Reading:
    """A document that fits the schema: what else is wrong with it, and the value."""

    path: Path
    document: Document
    sections: Mapping[str, Mapping[str, Any]]
    environ: Mapping[str, str]

    @property
    def roles(self) -> tuple[str, ...]:
        named = self.document.get("roles") or [role for role in self.document if role in self.sections]
        return tuple(dict.fromkeys(role.replace("-", "_") for role in named))

    @property
    def kind(self) -> str:
        return str(self.document.get("driver", {}).get("kind", "external"))

    def role_sections(self) -> dict[str, Document]:
        return {role: self.document[role] for role in self.sections if role in self.document}

    def beside(self, name: str) -> Path:
        """A file that is named relative to the SUT file."""
        return self.path.parent.absolute() / name

    # --- what a schema cannot say

    def problems(self) -> Iterator[Problem]:
        yield from self._roles()
        yield from self._driver()
        yield from self._placeholders()
        yield from self._destinations()
        yield from self._secrets()
        yield from self.missing_variables()
        yield from self._end_points()
        yield from self._files()
        yield from self._timing()

    def _roles(self) -> Iterator[Problem]:
        known = ", ".join(self.sections) or "none is installed"
        if not self.roles and self.kind != "builtin":
            yield Problem(("roles",), f"a section for at least one role ({known})", "none", "`stgcmt init` writes one")
        for index, role in enumerate(self.roles):
            if role not in self.sections:
                close = difflib.get_close_matches(role, self.sections, 1)
                yield Problem(("roles", index), f"one of the roles {known}", f'"{role}"', f"did you mean {close[0]}?" if close else "")
            elif role not in self.document and self.kind != "builtin":
                yield Problem(("roles", index), f"a section [{role}]", "none", f"add [{role}] or leave the role out")

    def _driver(self) -> Iterator[Problem]:
        driver = self.document.get("driver", {})
        if self.kind == "process" and "command" not in driver:
            yield Problem(("driver", "command"), "a list of strings: program and arguments", "no such key", "say how the SUT is started")
        for key in ("command", "cwd", "env", "env_from", "ready", "files"):
            if self.kind != "process" and key in driver:
                yield Problem(("driver", key), f"no {key} with the driver {self.kind}", "one", 'did you mean kind = "process"?')

    def _placeholders(self) -> Iterator[Problem]:
        count = len(self._all_destinations())
        for path, text in placeholders.strings_at(self.document, ()):
            if path[0] in {"provoke", "claims"}:
                continue
            for match in placeholders.KNOWN.finditer(text):
                if match[3] is not None and int(match[3]) >= count:
                    yield Problem(path, f"one of the {count} destinations, counted from 0", match[0], "add a destination or mend the number")
                if self.kind != "process" and (match[1] is not None or match[2] == "dir"):
                    yield Problem(path, f"no {match[0]} with the driver {self.kind}", match[0], 'only kind = "process" chooses ports and directories')
            for suspect in placeholders.SUSPECT.findall(text):
                if not placeholders.KNOWN.fullmatch(suspect):
                    yield Problem(path, "{port:NAME}, {dir}, {sut_dir} or {destination:N:port|ae_title|host}", suspect, "mend the placeholder")

    def _all_destinations(self) -> list[tuple[KeyPath, Destination]]:
        found: dict[Destination, KeyPath] = {}
        for role, section in self.role_sections().items():
            for index, entry in enumerate(section.get("destinations", ())):
                destination = Destination(entry["ae_title"].strip(), entry.get("host", "127.0.0.1"), entry["port"])
                if destination in found and found[destination][0] == role:  # two roles may share one, a role may not repeat it
                    found[Destination(destination.ae_title, f"{destination.host} ", destination.port)] = (role, "destinations", index)
                found.setdefault(destination, (role, "destinations", index))
        return [(path, destination) for destination, path in found.items()]

    def _destinations(self) -> Iterator[Problem]:
        titles: dict[str, KeyPath] = {}
        addresses: dict[tuple[str, int], KeyPath] = {}
        for path, each in self._all_destinations():
            if each.ae_title in titles:
                yield Problem((*path, "ae_title"), "another AE title for each destination", f'"{each.ae_title}" twice')
            titles.setdefault(each.ae_title, path)
            address = (each.host.strip(), each.port)
            if each.port and address in addresses:
                yield Problem((*path, "port"), "another address for each destination", f"{address[0]}:{each.port} twice")
            addresses.setdefault(address, path)
            if not each.port and self.kind == "external":
                step = "give the port that is configured in the SUT for this AE title"
                yield Problem((*path, "port"), "a fixed port, since the SUT must know it", "0 (the system chooses)", step)

    def _secrets(self) -> Iterator[Problem]:
        for path, table in _tables(self._engine_and_roles(), ()):
            if "token_env" in table and "basic_env" in table:
                yield Problem((*path, "basic_env"), "either token_env or basic_env", "both", "leave one out")
            for header in table.get("headers", {}):
                if header.lower() in SECRET_KEYS:
                    yield Problem((*path, "headers", header), "no literal secret", "a literal value (not shown)", SECRET_HINT)
            for name in ("base_url", "url"):
                if isinstance(table.get(name), str) and not _has_port(table[name]):
                    yield Problem((*path, name), "a URL with a port between 1 and 65535", f'"{table[name]}"', "mend the port")

    def missing_variables(self) -> Iterator[Problem]:
        """Environment variables that the file names and that are not set."""
        for path, name, _ in self._variables():
            if not self.environ.get(name):
                seen = "an empty one" if name in self.environ else "none"
                yield Problem(path, f"an environment variable {name}", seen, f"export {name}=… before the run")

    def _variables(self) -> Iterator[tuple[KeyPath, str, str]]:
        """Every environment variable that holds a secret: key, name, kind."""
        for path, table in _tables(self._engine_and_roles(), ()):
            for key, kind in SECRET_ENV.items():
                if isinstance(table.get(key), str):
                    yield (*path, key), table[key], kind
            for key, kind in (("headers_env", "header"), ("env_from", "environment")):
                if isinstance(table.get(key), dict):
                    yield from (((*path, key, name), value, kind) for name, value in table[key].items() if isinstance(value, str))

    def _engine_and_roles(self) -> Document:
        keys = ("driver", "seeding", "retrieval", "provoke", *self.sections)
        return {key: self.document[key] for key in keys if isinstance(self.document.get(key), dict)}

    def _end_points(self) -> Iterator[Problem]:
        sections = self.role_sections()
        for part in ("seeding", "retrieval"):
            places = [((part,), self.document.get(part, {}))]
            places += [((role, part), section.get(part, {})) for role, section in sections.items()]
            for path, table in places:
                key, _ = NEEDED.get(table.get("how", ""), ("", ()))
                if key and key not in table and not any(key in section for section in sections.values()):
                    step = f"add {key} there, or a role section that has it"
                    yield Problem((*path, "how"), f'an end point for "{table["how"]}": {key}', "none in the file", step)

    def _files(self) -> Iterator[Problem]:
        for path, table in _tables(self._engine_and_roles(), ()):
            names = [("ca_file",)] if path[-1:] == ("tls",) else [("source",)] if path[:2] == ("driver", "files") else []
            for (name,) in names:
                if name in table and not self.beside(table[name]).is_file():
                    yield Problem((*path, name), "a file that exists, relative to the SUT file", f'"{table[name]}"', "check the path")
        for path, table in _tables(self._engine_and_roles(), ()):
            if path[-1:] == ("seeding",):
                yield from self._preloaded_problems(path, table)

    def _preloaded_problems(self, path: KeyPath, table: Document) -> Iterator[Problem]:
        how, name = table.get("how"), table.get("preloaded")
        if how == "preloaded" and name is None:
            yield Problem((*path, "preloaded"), "a JSON or CSV file of UIDs", "no such key", 'add preloaded = "uids.csv"')
        elif how != "preloaded" and name is not None:
            yield Problem((*path, "preloaded"), f'no file of UIDs with how = "{how}"', f'"{name}"', 'did you mean how = "preloaded"?')
        elif name is not None:
            try:
                read_preloaded(self.beside(name))
            except ValueError as error:
                yield Problem((*path, "preloaded"), "a list of instances: study, series, class, instance UIDs", str(error), "mend that file")

    def _timing(self) -> Iterator[Problem]:
        timing = Timing(**self.document.get("timing", {}))
        if timing.poll_interval > timing.result_deadline:
            yield Problem(("timing", "poll_interval"), f"at most result_deadline ({timing.result_deadline:g} s)", f"{timing.poll_interval:g}")
        longest = max(("max_report_delay", "result_deadline", "http_response", "response"), key=lambda name: float(getattr(timing, name)))
        if timing.scenario < getattr(timing, longest):
            seen = f"{timing.scenario:g}"
            yield Problem(("timing", "scenario"), f"more than {longest} ({getattr(timing, longest):g} s), since a scenario waits that long", seen)

    # --- the value

    def sut(self) -> Sut:
        document = self.document
        seeding, retrieval = document.get("seeding", {}), document.get("retrieval", {})
        variables = {name: self.environ[name] for _, name, _ in self._variables()}
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
            destinations=tuple(destination for _, destination in self._all_destinations()),
            preloaded=self._preloaded(),
            secrets=self._secret_values(),
            path=self.path,
            document=freeze(document),
            environment=variables,
        )
        return _with(
            base,
            seeding=Seeding(seeding.get("how", "none"), freeze(base.resolved(_but(seeding, "how", "preloaded")))),
            retrieval=Retrieval(retrieval.get("how", "none"), freeze(base.resolved(_but(retrieval, "how")))),
        )

    def _driver_value(self) -> Driver:
        driver = dict(self.document.get("driver", {}))
        secret = {name: self.environ[variable] for name, variable in driver.pop("env_from", {}).items()}
        ready = driver.pop("ready", None)
        files = tuple(Template(self.beside(each["source"]), each["target"]) for each in driver.pop("files", ()))
        command = tuple(driver.pop("command", ()))
        return Driver(**driver, command=command, secret_env=secret, ready=Ready(**ready) if ready else None, files=files)

    def _preloaded(self) -> tuple[Preloaded, ...]:
        tables = [self.document.get("seeding", {}), *(section.get("seeding", {}) for section in self.role_sections().values())]
        found: dict[Preloaded, None] = {}
        for table in tables:
            if "preloaded" in table:
                found.update(dict.fromkeys(read_preloaded(self.beside(table["preloaded"]))))
        return tuple(found)

    def _secret_values(self) -> tuple[Secret, ...]:
        import base64  # noqa: PLC0415 - only files with secrets need it

        found: dict[bytes, str] = {}
        for _, name, kind in self._variables():
            value = self.environ[name].encode()
            found[value] = kind
            if kind == "basic-credentials":
                found[base64.b64encode(value)] = kind
                password = value.partition(b":")[2]
                if len(password) >= 4:  # noqa: PLR2004 - masking a shorter one would blank half of the recording
                    found[password] = "password"
        return tuple(Secret(value, kind) for value, kind in found.items())


def _with(sut: Sut, **parts: Any) -> Sut:
    import dataclasses  # noqa: PLC0415 - next to its only use

    return dataclasses.replace(sut, **parts)


def _but(table: Document, *keys: str) -> Document:
    return {key: value for key, value in table.items() if key not in keys}


def _has_port(url: str) -> bool:
    if "{" in url:
        return True
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _tables(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Document]]:
    """Every table of a document with its path."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from _tables(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _tables(item, (*path, index))
