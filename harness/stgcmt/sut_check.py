"""What is wrong with a SUT file beyond its schema: contradicting keys, files and variables that are not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stgcmt import placeholders
from stgcmt.preloaded import read_preloaded
from stgcmt.sut import NEEDED, TLS_FILES, Destination, ListenerTls, Timing
from stgcmt.sut_docker import GATEWAY, docker_problems
from stgcmt.sut_errors import FROM_ENVIRONMENT, SECRET_KEYS, Problem
from stgcmt.sut_errors import Path as KeyPath
from stgcmt.tls import problem_of

Document = dict[str, Any]
SECRET_ENV = {"token_env": "bearer-token", "basic_env": "basic-credentials"}


@dataclass(frozen=True)
class Checks:
    """A document that fits the schema, and what else is wrong with it."""

    path: Path
    document: Document
    sections: Mapping[str, Mapping[str, Any]]
    environ: Mapping[str, str]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that are named, else those that have a section."""
        named = self.document.get("roles") or [role for role in self.document if role in self.sections]
        return tuple(dict.fromkeys(role.replace("-", "_") for role in named))

    @property
    def kind(self) -> str:
        """The driver's kind."""
        return str(self.document.get("driver", {}).get("kind", "external"))

    def role_sections(self) -> dict[str, Document]:
        """The sections of roles, in the order of the suites."""
        return {role: self.document[role] for role in self.sections if role in self.document}

    def beside(self, name: str) -> Path:
        """A file that is named relative to the SUT file."""
        return self.path.parent.absolute() / name

    # --- what a schema cannot say

    def problems(self) -> Iterator[Problem]:
        """Everything that a schema cannot say, without lines."""
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
                yield Problem(
                    ("roles", index),
                    f"one of the roles {known}",
                    f'"{role}"',
                    f"did you mean {close[0]}?" if close else "",
                )
            elif role not in self.document and self.kind != "builtin":
                yield Problem(("roles", index), f"a section [{role}]", "none", f"add [{role}] or leave the role out")

    def _driver(self) -> Iterator[Problem]:
        driver = self.document.get("driver", {})
        if self.kind == "process" and "command" not in driver:
            yield Problem(
                ("driver", "command"),
                "a list of strings: program and arguments",
                "no such key",
                "say how the SUT is started",
            )
        yield from docker_problems(self.kind, self.document, self.beside)
        for key in ("command", "cwd", "env", "env_from", "ready", "files"):
            if self.kind != "process" and key in driver and (self.kind != "docker" or key == "cwd"):
                yield Problem(
                    ("driver", key), f"no {key} with the driver {self.kind}", "one", 'did you mean kind = "process"?'
                )

    def _placeholders(self) -> Iterator[Problem]:
        count = len(self.all_destinations())
        for path, text in placeholders.strings_at(self.document, ()):
            if path[0] in {"provoke", "claims", "trigger", "state"}:
                continue
            for match in placeholders.KNOWN.finditer(text):
                if match[3] is not None and int(match[3]) >= count:
                    yield Problem(
                        path,
                        f"one of the {count} destinations, counted from 0",
                        match[0],
                        "add a destination or mend the number",
                    )
                if self.kind not in {"process", "docker"} and (match[1] is not None or match[2] == "dir"):
                    yield Problem(
                        path,
                        f"no {match[0]} with the driver {self.kind}",
                        match[0],
                        'only kind = "process" or "docker" chooses ports and directories',
                    )
                if self.kind != "docker" and (match[5] is not None or match[6] is not None):
                    step = 'only kind = "docker" has containers'
                    yield Problem(path, f"no {match[0]} with the driver {self.kind}", match[0], step)
            for suspect in placeholders.SUSPECT.findall(text):
                if not placeholders.KNOWN.fullmatch(suspect):
                    yield Problem(
                        path,
                        "{port:NAME}, {dir}, {sut_dir}, {container:NAME} or {destination:N:port|ae_title|host}",
                        suspect,
                        "mend the placeholder",
                    )

    def all_destinations(self) -> list[tuple[KeyPath, Destination]]:
        """Every destination with its key."""
        found: dict[Destination, KeyPath] = {}
        here = GATEWAY if self.kind == "docker" else "127.0.0.1"  # containers do not reach our loopback
        for role, section in self.role_sections().items():
            for index, entry in enumerate(section.get("destinations", ())):
                destination = Destination(
                    entry["ae_title"].strip(), entry.get("host", here), entry["port"], self._tls(entry)
                )
                if (
                    destination in found and found[destination][0] == role
                ):  # two roles may share one, a role may not repeat it
                    found[Destination(destination.ae_title, f"{destination.host} ", destination.port)] = (
                        role,
                        "destinations",
                        index,
                    )
                found.setdefault(destination, (role, "destinations", index))
        return [(path, destination) for destination, path in found.items()]

    def _tls(self, entry: Document) -> ListenerTls | None:
        table = entry.get("tls")
        return ListenerTls(**{name: str(self.beside(file)) for name, file in table.items()}) if table else None

    def _destinations(self) -> Iterator[Problem]:
        titles: dict[str, KeyPath] = {}
        addresses: dict[tuple[str, int], KeyPath] = {}
        for path, each in self.all_destinations():
            if each.ae_title in titles:
                yield Problem((*path, "ae_title"), "another AE title for each destination", f'"{each.ae_title}" twice')
            titles.setdefault(each.ae_title, path)
            address = (each.host.strip(), each.port)
            if each.port and address in addresses:
                yield Problem(
                    (*path, "port"), "another address for each destination", f"{address[0]}:{each.port} twice"
                )
            addresses.setdefault(address, path)
            if not each.port and self.kind == "external":
                step = "give the port that is configured in the SUT for this AE title"
                yield Problem(
                    (*path, "port"), "a fixed port, since the SUT must know it", "0 (the system chooses)", step
                )

    def _secrets(self) -> Iterator[Problem]:
        for path, table in _tables(self._engine_and_roles(), ()):
            if "token_env" in table and "basic_env" in table:
                yield Problem((*path, "basic_env"), "either token_env or basic_env", "both", "leave one out")
            for header in table.get("headers", {}):
                if header.lower() in SECRET_KEYS:
                    yield Problem(
                        (*path, "headers", header), "no literal secret", "a literal value (not shown)", FROM_ENVIRONMENT
                    )
            for name in ("base_url", "url"):
                if isinstance(table.get(name), str) and not _has_port(table[name]):
                    yield Problem(
                        (*path, name), "a URL with a port between 1 and 65535", f'"{table[name]}"', "mend the port"
                    )

    def missing_variables(self) -> Iterator[Problem]:
        """Environment variables that the file names and that are not set."""
        for path, name, _ in self.variables():
            if not self.environ.get(name):
                seen = "an empty one" if name in self.environ else "none"
                yield Problem(path, f"an environment variable {name}", seen, f"export {name}=… before the run")

    def variables(self) -> Iterator[tuple[KeyPath, str, str]]:
        """Every environment variable that holds a secret: key, name, kind."""
        for path, table in _tables(self._engine_and_roles(), ()):
            for key, kind in SECRET_ENV.items():
                if isinstance(table.get(key), str):
                    yield (*path, key), table[key], kind
            for key, kind in (("headers_env", "header"), ("env_from", "environment")):
                if isinstance(table.get(key), dict):
                    yield from (
                        ((*path, key, name), value, kind)
                        for name, value in table[key].items()
                        if isinstance(value, str)
                    )

    def _engine_and_roles(self) -> Document:
        keys = ("driver", "seeding", "retrieval", "provoke", *self.sections)
        return {key: self.document[key] for key in keys if isinstance(self.document.get(key), dict)}

    def _end_points(self) -> Iterator[Problem]:
        sections = self.role_sections()
        for part in ("seeding", "retrieval"):
            places: list[tuple[KeyPath, Document]] = [((part,), self.document.get(part, {}))]
            places += [((role, part), section.get(part, {})) for role, section in sections.items()]
            for path, table in places:
                key, _ = NEEDED.get(table.get("how", ""), ("", ()))
                if key and key not in table and not any(key in section for section in sections.values()):
                    step = f"add {key} there, or a role section that has it"
                    yield Problem((*path, "how"), f'an end point for "{table["how"]}": {key}', "none in the file", step)
                yield from self._move(path, table)

    @staticmethod
    def _move(path: KeyPath, table: Document) -> Iterator[Problem]:
        for name in ("move_destination", "move_port"):
            if (table.get("how") == "c-move") != (name in table):
                seen, wanted = ("one", "no") if name in table else ("none", "a")
                step = 'the AE title of ours that the SUT sends to, and its port; only with how = "c-move"'
                yield Problem((*path, name), f'{wanted} {name} with how = "{table.get("how", "none")}"', seen, step)

    def _files(self) -> Iterator[Problem]:
        for path, table in _tables(self._engine_and_roles(), ()):
            names = TLS_FILES if path[-1:] == ("tls",) else ("source",) if path[:2] == ("driver", "files") else ()
            for name in names:
                if name in table and not self.beside(table[name]).is_file():
                    yield Problem(
                        (*path, name),
                        "a file that exists, relative to the SUT file",
                        f'"{table[name]}"',
                        "check the path",
                    )
            if path[-1:] == ("tls",):
                yield from self._tls_problems(path, table)
            if path[-1:] == ("seeding",):
                yield from self._preloaded_problems(path, table)

    def _tls_problems(self, path: KeyPath, table: Document) -> Iterator[Problem]:
        if "key_file" in table and "cert_file" not in table:
            yield Problem((*path, "key_file"), "a cert_file beside it", "none", "name the certificate, too")
            return
        files = {name: str(self.beside(table[name])) for name in TLS_FILES if name in table}
        if not all(Path(file).is_file() for file in files.values()):
            return  # told already
        for name in ("ca_file", "cert_file"):  # one by one, so that the right key is named
            mine = {key: file for key, file in files.items() if (key == "ca_file") == (name == "ca_file")}
            if name in mine and (why := problem_of(mine)):
                wanted = "a PEM file of certificates" if name == "ca_file" else "a certificate and its key in PEM"
                yield Problem((*path, name), wanted, why, "check that file")

    def _preloaded_problems(self, path: KeyPath, table: Document) -> Iterator[Problem]:
        how, name = table.get("how"), table.get("preloaded")
        if how == "preloaded" and name is None:
            yield Problem(
                (*path, "preloaded"), "a JSON or CSV file of UIDs", "no such key", 'add preloaded = "uids.csv"'
            )
        elif how != "preloaded" and name is not None:
            yield Problem(
                (*path, "preloaded"),
                f'no file of UIDs with how = "{how}"',
                f'"{name}"',
                'did you mean how = "preloaded"?',
            )
        elif name is not None:
            try:
                read_preloaded(self.beside(name))
            except ValueError as error:
                yield Problem(
                    (*path, "preloaded"),
                    "a list of instances: study, series, class, instance UIDs",
                    str(error),
                    "mend that file",
                )

    def _timing(self) -> Iterator[Problem]:
        timing = Timing(**self.document.get("timing", {}))
        if timing.poll_interval > timing.result_deadline:
            yield Problem(
                ("timing", "poll_interval"),
                f"at most result_deadline ({timing.result_deadline:g} s)",
                f"{timing.poll_interval:g}",
            )
        awaited = min(("max_report_delay", "report_wait"), key=lambda name: float(getattr(timing, name)))
        longest = max(
            (awaited, "result_deadline", "http_response", "response"), key=lambda name: float(getattr(timing, name))
        )
        if timing.scenario < getattr(timing, longest):
            seen = f"{timing.scenario:g}"
            yield Problem(
                ("timing", "scenario"),
                f"more than {longest} ({getattr(timing, longest):g} s), since a scenario waits that long",
                seen,
            )


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
