"""The vendor's help: a command or a URL brings the SUT into a state; it worked at exit status 0 or a status of 2xx."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from stgcmt.drivers.child import Child
from stgcmt.placeholders import KNOWN, Placeholders
from stgcmt.sut import Provocation, Sut
from stgcmt.transcript import Masker

if TYPE_CHECKING:
    from stgcmt.drivers.running import Context

VALUE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
DETAIL = 500  # characters of the vendor's output that are kept


@dataclass(frozen=True, slots=True)
class Provoked:
    """Whether the vendor's help worked, and what came of it."""

    ok: bool
    detail: str = ""
    code: int | None = field(default=None, compare=False)  # the exit status of a command
    output: str = field(default="", compare=False)  # what it printed, or the body of the answer


class NoTap:
    """Records nothing: what help is given is an action of the driver, not part of the exchange that is judged."""

    def event(self, kind: str, /, data: bytes = b"", *, t: int | None = None, **info: Any) -> None:
        """Nothing."""


def fill(text: str, values: Mapping[str, str], *, quoted: bool = False) -> str:
    """``text`` with ``{name}`` replaced, percent-encoded where ``quoted``; raises ``KeyError``."""

    def one(match: re.Match[str]) -> str:
        if KNOWN.fullmatch(match[0]):
            return match[0]
        return quote(values[match[1]], safe="") if quoted else values[match[1]]

    return VALUE.sub(one, text)


async def carry_out(
    action: Provocation,
    values: Mapping[str, str],
    context: Context,
    placeholders: Placeholders,
    limit: float | None = None,
) -> Provoked:
    """Carry one provocation out, within its time-out, else ``limit``, else ``[timing] provoke`` (seconds)."""
    limit = action.timeout or limit or context.sut.timing.provoke
    try:
        async with asyncio.timeout(limit):
            if action.url is not None:
                return await _call(action, values, context, placeholders)
            return await _command(action, values, context, placeholders)
    except TimeoutError:
        return Provoked(False, f"not finished after {limit:g} s")
    except KeyError as error:
        return Provoked(False, f"the placeholder {{{error.args[0]}}} has no value here; there are {', '.join(values)}")


async def _command(
    action: Provocation, values: Mapping[str, str], context: Context, placeholders: Placeholders
) -> Provoked:
    sut = context.sut
    command = [placeholders.text(fill(part, values)) for part in action.command]
    beside = sut.path.parent.absolute() if sut.path else None
    directory = beside / placeholders.text(action.cwd) if beside and action.cwd else beside
    child = Child(Masker(sut.secrets), whole_group=False)  # what it leaves running on purpose goes on
    try:
        child.start(command, directory or Path(), surroundings(secret_environment(sut)))
    except OSError as error:
        return Provoked(False, f"{command[0]}: {error.strerror}")
    try:
        await child.over.wait()
    finally:
        await child.end(grace=0)
    said = "\n".join(child.tail(20))[-DETAIL:]
    return Provoked(child.code == 0, child.how + (f": {said}" if said else ""), child.code, said)


def surroundings(more: Mapping[str, str]) -> dict[str, str]:
    """Our environment with ``more``, for a program that we start.

    The directory of the Python that runs us stands last in ``PATH``: a SUT file that says ``stgcmt`` gets this very one also
    where nobody activated its virtual environment. Last, since the vendor's ``python3`` must stay the vendor's.
    """
    path = os.pathsep.join(filter(None, (os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent))))
    return {**os.environ, "PATH": path, **more}


def secret_environment(sut: Sut) -> dict[str, str]:
    """The environment that the SUT file asks for, for the SUT and for the vendor's commands alike."""
    return {**sut.driver.env, **sut.driver.secret_env} if sut.driver.kind == "process" else {}


async def _call(
    action: Provocation, values: Mapping[str, str], context: Context, placeholders: Placeholders
) -> Provoked:
    from stgcmt.actors.http_client import client_for  # noqa: PLC0415 - start-up
    from stgcmt.actors.http_values import NoAnswer  # noqa: PLC0415 - start-up

    sut = context.sut
    url = placeholders.text(fill(action.url or "", values, quoted=True))
    parts = urlsplit(url)
    body = placeholders.text(fill(action.body, values)).encode() if action.body is not None else None
    section = {**sut.resolved(action.end_point), "base_url": f"{parts.scheme}://{parts.netloc}"}
    client = client_for(section, network=context.network, clock=context.clock, connection=NoTap, timing=sut.timing)
    try:
        answer = await client.request(action.method, url, content=body)
    finally:
        await client.aclose()
    if isinstance(answer, NoAnswer):
        return Provoked(False, f"{action.method} {url}: no answer: {answer.kind} {answer.detail}")
    said = Masker(sut.secrets).text(answer.body.decode("utf-8", "replace").strip())[:DETAIL]
    detail = f"status {answer.status}" + (f": {said}" if said else "")
    return Provoked(200 <= (answer.status or 0) < 300, detail, output=said)
