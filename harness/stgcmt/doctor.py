"""Why does it not work? Name resolution, TCP, TLS, HTTP, authentication, clock; association and echo; our own ports.

Here things are brought up and told; ``doctor_asks`` asks an end point.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgcmt.clock import Clock, SystemClock
from stgcmt.doctor_asks import AUTHENTICATION, CLOCK, HARNESS, NETWORK, SUT, Ask, Finding, Probe, ask_role
from stgcmt.errors import StgcmtError
from stgcmt.reach import system_words
from stgcmt.sut import Sut
from stgcmt.wire.stream import Network, SystemNetwork

__all__ = [  # what a probe of a suite needs stands here, too
    "AUTHENTICATION", "CLOCK", "HARNESS", "NETWORK", "SUT", "Ask", "Finding", "Probe", "examine", "render",
]  # fmt: skip


async def examine(
    sut: Sut,
    *,
    probes: Mapping[str, Probe] | None = None,
    builtin: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
    network: Network | None = None,
) -> list[Finding]:
    """Bring the SUT up as its file says, ask each role's end point, open our own destinations.

    Nothing is raised for what the SUT does.

    ``probes`` and ``builtin`` hold the probe and the reference of each role.
    """
    clock, network = clock or SystemClock(), network or SystemNetwork()
    where = f"{sut.path}" if sut.path else "no file: the embedded references"
    findings = [
        Finding("file", ok=True, seen=f"{where}; roles {', '.join(sut.roles)}; driver {sut.driver.kind}", whose=HARNESS)
    ]
    try:
        meeting = await _meeting(sut, findings)
    except StgcmtError as error:
        return [*findings, _raised(error)]
    async with _places(sut, network, findings, meeting.ours) as places:
        try:
            async with _up(sut, clock, network, builtin or {}, places) as section:
                for role in sut.roles:
                    calling = places[0].ae_title if places else "STGCMT"
                    ask = Ask(role, section(role), network, clock, sut.timing, calling)
                    findings += await ask_role(ask, (probes or {}).get(role))
        except StgcmtError as error:
            findings.append(_raised(error))
    return findings


def _raised(error: StgcmtError) -> Finding:
    whose = HARNESS if error.exit_code == 3 else SUT
    return Finding(error.stage, ok=False, seen=error.seen, next_step=error.next_step, whose=whose)


def render(findings: Sequence[Finding], *, then: str = "next: stgcmt run") -> str:
    """The findings in plain lines, the bad ones with the next step; ``then`` follows where all is well."""
    width = max((len(finding.stage) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{'ok  ' if finding.ok else 'FAIL'} {finding.stage:<{width}}  {finding.seen}")
        if finding.next_step and not finding.ok:
            lines.append(f"     {'':<{width}}  next ({finding.whose}): {finding.next_step}")
    bad = [finding for finding in findings if not finding.ok]
    verdict = f"{len(bad)} of {len(findings)} stages need attention" if bad else f"all is well; {then}"
    return "\n".join([*lines, verdict])


# --- bringing things up ----------------------------------------------------------------------------------------------


@dataclass
class _Place:
    ae_title: str
    host: str
    port: int


async def _meeting(sut: Sut, findings: list[Finding]) -> Any:
    """Where the SUT reaches us; with containers the engine is a stage of its own."""
    from stgcmt.drivers import meeting_of  # noqa: PLC0415 - start-up

    if sut.driver.docker is not None:
        from stgcmt.drivers.docker_engine import Engine  # noqa: PLC0415 - start-up

        engine = await Engine.connect()
        left = await engine.leftovers()
        seen = f"{engine.version} at {engine.url}" + (f"; of other runs: {', '.join(left)}" if left else "")
        findings.append(Finding("Docker Engine", ok=True, seen=seen, whose=HARNESS))
    return await meeting_of(sut)


@contextlib.asynccontextmanager
async def _places(
    sut: Sut, network: Network, findings: list[Finding], ours: Callable[[str], str]
) -> AsyncIterator[tuple[_Place, ...]]:
    """Our destinations, listening as in a run; a port that is taken is a finding."""
    places = [_Place(each.ae_title, ours(each.host), each.port) for each in sut.destinations]

    async def ignore(_stream: Any) -> None:
        return

    async with contextlib.AsyncExitStack() as stack:
        for place in places:
            stage = f"destination {place.ae_title}"
            try:
                listener = await network.listen(place.host, place.port, ignore)
            except OSError as error:
                seen = f"cannot listen at {place.host}:{place.port}: {system_words(error)}"
                step = (
                    "end what uses that port, or give another here and in the SUT; host is an address of this machine"
                )
                findings.append(Finding(stage, ok=False, seen=seen, next_step=step, whose=HARNESS))
                continue
            stack.push_async_callback(listener.aclose)
            place.port = listener.address[1]
            seen = f"listening at {place.host}:{place.port}"
            findings.append(Finding(stage, ok=True, seen=seen, whose=HARNESS))
        yield tuple(places)


@contextlib.asynccontextmanager
async def _up(
    sut: Sut, clock: Clock, network: Network, builtin: Mapping[str, Any], places: tuple[_Place, ...]
) -> AsyncIterator[Callable[[str], Mapping[str, Any]]]:
    from stgcmt.drivers import bring_up  # noqa: PLC0415 - start-up

    with tempfile.TemporaryDirectory(prefix="stgcmt-doctor-") as directory:
        async with bring_up(
            sut, directory=Path(directory), clock=clock, network=network, record=lambda *_, **__: None,
            builtin=builtin, destinations=places, modes=[(role, None) for role in sut.roles if role in builtin],
        ) as running:  # fmt: skip
            yield running.section
