"""Our end behind a proxy to DICOMweb: a scripted origin server, and the SCU in front of the proxy.

``Backdrop`` serves borrowed scenarios: those of an SCP find an archive in our origin server, those of a user agent a SUT that
asks because our SCU asks it in front.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from stgcmt.actors.http_server import Asked, Reply
from stgcmt.clock import NS
from stgcmt.faces import BACK
from stgcmt_suites.commitment.dimse_module import Information, read_information
from stgcmt_suites.commitment.representation import Representation
from stgcmt_suites.commitment.web_module import Module
from stgcmt_suites.proxies.holdings import Holdings
from stgcmt_suites.scp.requests import exchange, request
from stgcmt_suites.user_agent.service import RESOURCE, result

PENDING_S = 0.6  # until a result in borrowed scenarios: what is asked meanwhile finds the transaction pending


def unowned(_: Asked) -> Reply:
    """The answer to what belongs to no scenario."""
    return Reply(404)


class Backdrop:
    """Our end behind the SUT for one borrowed scenario (``stgcmt.faces.Backdrop``)."""

    def __init__(self, play: Any, side: str | None) -> None:
        self._play, self._side = play, side
        self._holdings = Holdings()
        self._kept: set[str] = set()
        self._modules: dict[str, tuple[Module, int]] = {}
        self._asked: dict[str, list[str]] = {}
        self._polling: set[asyncio.Task[Any]] = set()

    async def begin(self) -> None:
        """Borrowed scenarios of the front find an archive; all others script our origin server themselves."""
        if self._side is not None and self._side != BACK:
            self._play.answer(self._answer)

    async def end(self) -> None:
        """What is still waited for in front need not be waited for any longer."""
        for task in self._polling:
            task.cancel()

    # --- an archive for the scenarios of an SCP

    async def seed(self, instance: Any) -> None:
        """From now on our origin server holds it."""
        self._holdings.add(instance)

    async def provoke(self, name: str, values: Mapping[str, str]) -> None:
        """delete, keep-pending, release: as an archive would be brought there."""
        uid = values.get("sop_instance_uid", "")
        if name == "delete":
            self._holdings.remove(uid)
        elif name == "keep-pending":
            self._kept.add(uid)
        else:
            self._kept.discard(uid)

    def _answer(self, asked: Asked) -> Reply:
        segments = asked.path.split("/")
        if RESOURCE not in segments:
            return Reply(404)
        uid, now = unquote("/".join(segments[segments.index(RESOURCE) + 1 :])), self._play.clock.monotonic_ns()
        if asked.method == "POST":
            if uid in self._modules:
                return Reply(409)
            module = Representation(asked.message.media_type, asked.legible).module
            self._modules[uid] = (module, now)
            return Reply(202)
        if uid not in self._modules:
            return Reply(404)
        module, since = self._modules[uid]
        if now - since < PENDING_S * NS or self._kept & {each.sop_instance_uid for each in module.asked}:
            return Reply(202)
        failed = {
            n: reason for n, each in enumerate(module.asked) if (reason := self._holdings.reason(each)) is not None
        }
        return result(failed=failed)(module, asked, self._play.clock.wall_ns())

    # --- a SUT that asks, for the scenarios of a user agent

    async def trigger(self, instances: Sequence[Any]) -> None:
        """Ask the SUT in front, and wait for its report."""
        if (task := asyncio.current_task()) is not None:
            self._polling.add(task)
            task.add_done_callback(self._polling.discard)
        uid = self._play.uid()
        self._asked[uid] = [each.sop_instance_uid for each in instances]
        if await exchange(self._play, "front", request(uid, list(instances))) == 0:
            await self._play.report(uid)

    async def believes(self, sop_instance_uid: str) -> bool | None:
        """Whether a report in front commits it; an instance that none speaks of is not committed."""
        committed: set[str] = set()
        failed: set[str] = set()
        for message in self._play.told:
            said = _read(message.data or b"").result
            committed |= {each.sop_instance_uid for each in said.committed}
            failed |= {each.reference.sop_instance_uid for each in said.failed}
        return sop_instance_uid in committed - failed


def _read(data: bytes) -> Information:
    """Event Information in whichever encoding it came: an explicit one has two capital letters behind its first tag."""
    explicit = len(data) > 6 and data[4:6].isalpha() and data[4:6].isupper()
    return read_information(data, "1.2.840.10008.1.2.1" if explicit else "1.2.840.10008.1.2")


def backdrop(play: Any, side: str | None) -> Backdrop:
    """Made by the stage for each scenario."""
    return Backdrop(play, side)
