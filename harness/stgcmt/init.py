"""``stgcmt init``: a commented SUT file for a URL or an AE title at an address, that loads as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stgcmt.errors import UsageError

STAGE = "reading the target"
EXPECTED = "http://HOST[:PORT]/PATH, https://… or AE@HOST:PORT"
_AE = re.compile(r"(?P<ae>[^@\\]{1,16})@(?P<host>\[[0-9A-Fa-f:]+\]|[^\s@/:\[\]]+):(?P<port>\d{1,5})")


def render(
    target: str,
    *,
    image: str | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
    claims: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """A commented SUT file.

    Args:
        target: a base URL, or ``AE@HOST:PORT``.
        image: an image that the SUT is started from; ``target`` then names the container's own port.
        sections: the schema of each role's section; with ``claims`` those of the installed suites where absent.
        claims: the schema of each role's claims.

    Raises:
        UsageError: the target is neither, or no installed suite plays such a role.
    """
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - start-up

    from stgcmt.data import text  # noqa: PLC0415 - start-up

    values = _parse(target.strip())
    if image is not None:
        values |= _published(values, image)
    if sections is None:
        sections, claims = _installed()
    role = _role("base_url" if "url" in values else "ae_title", sections)
    stated = _claims((claims or {}).get(role, {}))
    settings = {"url": None, "host": None, "listen": "", "image": None, **values}
    settings |= {"role": role, "timing": _timing(), "claims": stated, "own": _claims(sections[role])}
    environment = Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - TOML
    )
    rendered = environment.from_string(text("sut.toml.j2")).render(settings)
    return re.sub(r"\n{3,}", "\n\n", rendered)


def _parse(target: str) -> dict[str, Any]:
    if target.lower().startswith(("http://", "https://")):
        return {"url": _url(target)}
    match = _AE.fullmatch(target)
    if match is None:
        raise UsageError(
            STAGE, EXPECTED, f'"{target}"', "for example http://127.0.0.1:8080/dicom-web or ARCHIVE@127.0.0.1:11112"
        )
    port, ae_title, host = int(match["port"]), match["ae"].strip(), match["host"].strip("[]")
    if not 0 < port < 65536:
        raise UsageError(STAGE, "a port between 1 and 65535", match["port"], "check the port")
    if not ae_title or not ae_title.isascii() or not ae_title.isprintable() or '"' in ae_title:
        raise UsageError(
            STAGE, "an AE title: 1 to 16 printable ASCII characters", f'"{match["ae"]}"', "check the AE title"
        )
    local = host in {"localhost", "::1"} or host.startswith("127.")
    return {"ae_title": ae_title, "host": host, "port": port, "listen": "127.0.0.1" if local else "0.0.0.0"}  # noqa: S104 - the SUT must reach us


def _published(values: Mapping[str, Any], image: str) -> dict[str, Any]:
    """What differs where the SUT comes up in a container: its port is published on our loopback, at a free port."""
    if not re.fullmatch(r"[^\s\"\\]+", image):
        raise UsageError("reading --image", "NAME[:TAG]", f'"{image}"', "for example acme/archive:1.2")
    if "url" not in values:
        return {"image": image, "host": "127.0.0.1"}
    parts = urlsplit(values["url"])
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"image": image, "port": port, "url": f"{parts.scheme}://127.0.0.1:{{port:web}}{parts.path}"}


def _url(target: str) -> str:
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError as error:
        raise UsageError(STAGE, EXPECTED, f'"{target}": {error}', "check host and port") from error
    if not parts.hostname or port == 0 or re.search(r'[\s"\\]', target):
        raise UsageError(STAGE, EXPECTED, f'"{target}"', "check host and port")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            STAGE,
            "a URL without user and password",
            "one with them (not shown)",
            'give them by basic_env = "NAME" in the file',
        )
    if parts.query or parts.fragment:
        raise UsageError(STAGE, "a base URL without query and fragment", f'"{target}"', "leave them out")
    return target.rstrip("/")


def _installed() -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
    from stgcmt.suite import load_suites  # noqa: PLC0415 - start-up

    suites = load_suites()
    return {role: suite.schema for role, suite in suites.items()}, {
        role: suite.claims_schema for role, suite in suites.items()
    }


def _claims(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The claims (or keys of its section) that a suite knows: name, a value as example, meaning."""
    known = {"boolean": "true", "string": '"…"', "array": "[]", "number": "60", "integer": "60"}
    return [
        (name, known.get(str(each.get("type")), '"…"'), str(each.get("description", "")))
        for name, each in schema.get("properties", {}).items()
    ]


def _role(key: str, sections: Mapping[str, Mapping[str, Any]]) -> str:
    """The first role whose section must have ``key``."""
    from stgcmt.sut_schema import full_schema  # noqa: PLC0415 - start-up

    properties = full_schema(sections)["properties"]
    for role in sections:
        if key in properties[role]["required"]:
            return role
    raise UsageError(
        STAGE,
        f"an installed suite whose section has {key}",
        f"suites for {', '.join(sections) or 'no role'}",
        "install that suite",
    )


def _timing() -> list[tuple[str, str, str]]:
    from stgcmt.data import schema  # noqa: PLC0415 - start-up

    properties = schema("sut")["properties"]["timing"]["properties"]
    return [
        (name, json.dumps(each["default"]), each["description"].removeprefix("seconds "))
        for name, each in properties.items()
    ]
