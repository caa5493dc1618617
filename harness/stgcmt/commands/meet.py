"""``stgcmt meet``."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stgcmt.commands import installed

if TYPE_CHECKING:
    from stgcmt.lobby import Lobby
    from stgcmt.meet_screen import Screen
    from stgcmt.plan import Plan
    from stgcmt.sut import Sut

START, DOCTOR, QUIT = "start", "doctor", "quit"
LOBBY_KEYS = {"\n": START, "\r": START, "d": DOCTOR, "D": DOCTOR, "q": QUIT, "Q": QUIT}
KEEP = "meet.toml"
SOMEWHERE = "192.0.2.1"  # for examples only (RFC 5737): the way to it is the way out of this machine


@click.command("meet")
@click.argument("sut_file", required=False, metavar="[SUT.toml]", type=click.Path(path_type=Path))
@click.option("--peer", metavar="AE@HOST:PORT", help="the partner is a Storage Commitment SCP")
@click.option("--base-url", metavar="URL", help="the partner is an origin server")
@click.option("--ae", "ae_title", default="STGCMT", show_default=True, help="our AE title")
@click.option(
    "--port", default=11112, show_default=True, type=click.IntRange(0, 65535), help="our port; 0: any that is free"
)
@click.option(
    "--destinations", default=1, show_default=True, type=click.IntRange(1, 8), help="AE titles of ours; more is quicker"
)
@click.option("--address", help="our address as the partner sees it (default: the one that leads to the partner)")
@click.option("--quick", is_flag=True, help="mandatory requirements only")
@click.option("--role", multiple=True, help="only this role of the SUT file")
@click.option("--req", multiple=True, help="only this requirement id")
@click.option("--out", type=click.Path(path_type=Path), help="directory for the evidence (new or empty)")
def command(sut_file: Path | None, *, out: Path | None, **options: Any) -> None:
    """Test with a partner at the table: what the partner configures, each step as it goes, and the bundle of `stgcmt run`.

    Nothing but the two machines is needed. Enter starts; d asks the doctor; q or Ctrl-C ends, and what was recorded is judged.
    """
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.commands.run import run_plan  # noqa: PLC0415 - start-up
    from stgcmt.listening import web_places_of  # noqa: PLC0415 - start-up
    from stgcmt.meet_screen import Screen  # noqa: PLC0415 - start-up
    from stgcmt.meeting import Steps, late_after, partner_is  # noqa: PLC0415 - start-up
    from stgcmt.results import exit_of  # noqa: PLC0415 - start-up
    from stgcmt.terminal import print_results  # noqa: PLC0415 - start-up

    with tempfile.TemporaryDirectory(prefix="stgcmt-meet-") as scratch:
        given, file = _sut_file(sut_file, Path(scratch), options)
        plan = _plan(file, options)
        address = options["address"] or _address_of(plan.sut)
        steps = Steps(late_after(plan.sut, plan.roles))
        places = (plan.sut.destinations, web_places_of(plan))
        screen = Screen(partner_is(plan.sut), address, places, steps, total=len(plan.playable))
        with screen.keys.one_by_one(), screen:
            plan = asyncio.run(_lobby(plan, screen))
            directory = bundles.prepare(out)
            if given is not None:
                shutil.copyfile(file, directory / KEEP)
            try:
                results, recording = run_plan(plan, directory, progress=screen)
            finally:
                screen.keys.detach()
    print_results(results, recording.named(), bundle=directory)
    sys.exit(exit_of(results).code)


def _sut_file(given: Path | None, scratch: Path, options: dict[str, Any]) -> tuple[str | None, Path]:
    """The SUT file, and its text where it was made from flags; raises ``UsageError``."""
    from stgcmt.commands.run import shipped  # noqa: PLC0415 - start-up
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.meeting import sut_text  # noqa: PLC0415 - start-up

    peer, base_url = options["peer"], options["base_url"]
    if given is not None and (peer or base_url):
        raise UsageError("reading the partner", "a SUT file or a flag", "both", "leave out one of them")
    if given is not None:
        return None, Path(str(shipped(given)))
    local = options["address"] == "127.0.0.1"
    listen = "127.0.0.1" if local else "0.0.0.0"  # noqa: S104 - the partner must reach us
    ports = _ports(options["port"], options["destinations"], listen)
    text = sut_text(peer=peer, base_url=base_url, ae_title=options["ae_title"], ports=ports, address=listen)
    file = scratch / KEEP
    file.write_text(text, "utf-8")
    return text, file


def _ports(first: int, count: int, host: str) -> list[int]:
    """The ports of our destinations: from the first on, or whichever are free, since the partner must be told them before."""
    if first:
        return [first + number for number in range(count)]
    import contextlib  # noqa: PLC0415 - start-up
    import socket  # noqa: PLC0415 - start-up

    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.create_server((host, 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in found]


def _plan(file: Path, options: dict[str, Any]) -> Plan:
    from stgcmt.commands.run import make_plan  # noqa: PLC0415 - start-up

    level = ("shall",) if options["quick"] else ()
    words = ("stgcmt", *sys.argv[1:])
    return make_plan(file, role=options["role"], req=options["req"], level=level, command=words)


def _address_of(sut: Any) -> str:
    """Our address on the way to the partner, of whom nothing is known where it asks us; no packet is sent to find it."""
    import socket  # noqa: PLC0415 - start-up

    host = SOMEWHERE
    for role in sut.roles:
        section = sut.section(role)
        if "base_url" in section:
            from urllib.parse import urlsplit  # noqa: PLC0415 - start-up

            host = urlsplit(str(section["base_url"])).hostname or host
        else:
            host = str(section.get("host", host))
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, 104, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sock:
            sock.connect(where)  # of a datagram socket: only chooses the way
            return str(sock.getsockname()[0])
    except OSError:
        return "this machine"


async def _lobby(plan: Plan, screen: Screen) -> Plan:
    """Wait until the two are ready; the plan with the ports that we got. Raises ``click.Abort`` where they are not."""
    from stgcmt.listening import web_places_of  # noqa: PLC0415 - start-up
    from stgcmt.lobby import Lobby  # noqa: PLC0415 - start-up

    if not screen.interactive or plan.sut.driver.kind != "external":
        return plan
    pressed: asyncio.Queue[str] = asyncio.Queue()
    screen.keys.attach(pressed.put_nowait)
    try:
        while True:
            async with Lobby(plan.sut, screen.say, web_places_of(plan)) as lobby:
                plan = dataclasses.replace(plan, sut=_at_these_ports(plan.sut, lobby))
                screen.prompt = f"{_offer(lobby)}Enter: start   d: doctor   q: end"
                screen.listening(lobby.destinations, lobby.web)
                word = await _key(pressed)
            if word == QUIT:
                raise click.Abort
            if word == START:
                return plan
            await _doctor(plan, screen)
    finally:
        screen.prompt = ""
        screen.keys.detach()


def _at_these_ports(sut: Sut, lobby: Lobby) -> Sut:
    """The SUT with the ports that the partner was told: the run listens there again."""
    from stgcmt.sut import thaw  # noqa: PLC0415 - start-up

    sections = dict(sut.sections)
    for place in lobby.web:
        sections[place.role] = thaw(sections.get(place.role, {})) | {"listen_port": place.port}
    return dataclasses.replace(sut, destinations=lobby.destinations, sections=sections)


def _offer(lobby: Lobby) -> str:
    """What the partner may try before the start."""
    tries = ["C-ECHO is answered"] if lobby.destinations else []
    tries += ["HTTP gets 503 until you start"] if lobby.web else []
    return f"we listen: {', '.join(tries)}.   " if tries else ""


async def _key(pressed: asyncio.Queue[str]) -> str:
    while (word := LOBBY_KEYS.get(await pressed.get())) is None:
        pass
    return word


async def _doctor(plan: Plan, screen: Screen) -> None:
    from stgcmt.doctor import examine, render  # noqa: PLC0415 - start-up

    suites = installed()
    probes = {role: probe for role in plan.sut.roles if (probe := suites[role].resolve("probes")) is not None}
    for line in render(await examine(plan.sut, probes=probes), then="Enter starts").splitlines():
        screen.say(line)
