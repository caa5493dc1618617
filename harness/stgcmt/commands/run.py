"""``stgcmt run``."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stgcmt.commands import ALL, edition_of, installed, nearest, roles_of, selection_of, servers

if TYPE_CHECKING:
    from stgcmt.plan import Plan
    from stgcmt.play import Player


@click.command("run")
@click.argument("sut_file", required=False, metavar="[SUT.toml]", type=click.Path(path_type=Path))
@click.option("--role", multiple=True, help="only this role of the SUT; `all`: every one")
@click.option("--clause", multiple=True, help="only rows of this clause and what lies below it, e.g. 13.4")
@click.option("--req", multiple=True, help="only this requirement id")
@click.option("--level", multiple=True, type=click.Choice(["shall", "should", "may", "info"]), help="only this level")
@click.option("--out", type=click.Path(path_type=Path), help="directory for the evidence (new or empty)")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="go on in the directory of a run that was interrupted: play what is left",
)
@click.option("--strict", is_flag=True, help="readings of silent text move up by one")
@click.option("--edition", help="only the rows that hold in this edition of the standard, e.g. 2024e")
@click.option("--known-issues", type=click.Path(path_type=Path), help="the vendor's known-issues.toml")
@click.option("--fault", help="switch on a named fault of the embedded reference (`stgcmt faults`)")
@click.option("--variant", help="have the embedded reference be a named conformant variant")
@click.option(
    "--dry-run", is_flag=True, help="show what would be sent, the waits and the leases, and what stays not-tested"
)
@click.option("--json", "as_json", is_flag=True, help="print only results.json")
def command(
    sut_file: Path | None, *, dry_run: bool, as_json: bool, out: Path | None, resume: Path | None, **options: Any
) -> None:
    """Play every scenario against the SUT of SUT.toml, judge, write evidence.

    Without SUT.toml: against the embedded references that answer; those that ask play when --role names them.

    SUT.toml may be the name of a product whose SUT file ships: orthanc.
    """
    words = ("stgcmt", *sys.argv[1:])
    plan = (
        make_resumed(sut_file, resume, words, out, options) if resume else make_plan(sut_file, command=words, **options)
    )
    if dry_run:
        from stgcmt.commands.dry_run import show  # noqa: PLC0415 - start-up

        show(plan, as_json=as_json)
        return
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.results import exit_of  # noqa: PLC0415 - start-up
    from stgcmt.terminal import Progress, print_results  # noqa: PLC0415 - start-up

    directory = resume or bundles.prepare(out)
    with Progress(quiet=as_json, total=len(plan.playable)) as progress:
        took: dict[str, float] = {}
        results, recording = run_plan(plan, directory, progress=progress, resume=resume is not None, took=took)
    if as_json:
        click.echo(bundles.dump(results), nl=False)
    else:
        print_results(results, recording.named(), bundle=directory, took=took)
        if sut_file is None and not options["role"] and (more := others(plan)):
            click.echo(more)
    sys.exit(exit_of(results).code)


def others(plan: Plan) -> str:
    """A line about the embedded references that such a run does not play; empty where there are none."""
    named = [role for role in plan.sut.roles if role not in plan.roles]
    words = " ".join(f"--role {role}" for role in named)
    return f"more references to play: {words}, or --role {ALL}" if named else ""


def make_resumed(
    sut_file: Path | None, directory: Path, command: tuple[str, ...], out: Path | None, options: dict[str, Any]
) -> Plan:
    """The rest of the run in ``directory``, as its own command line chose it; raises ``UsageError``."""
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt.resuming import check_same, given, options_of, rest_of  # noqa: PLC0415 - start-up

    if more := given({**options, "out": out}):
        raise UsageError(
            "reading --resume", "no other choice: the bundle says what is played", ", ".join(more), "leave it out"
        )
    recording = bundles.load(directory)
    plan = make_plan(sut_file, command=command, **options_of(recording))
    check_same(recording, plan, directory)
    return rest_of(recording, plan, directory)


def make_plan(
    sut_file: Path | None,
    *,
    role: tuple[str, ...] = (),
    clause: tuple[str, ...] = (),
    req: tuple[str, ...] = (),
    level: tuple[str, ...] = (),
    strict: bool = False,
    edition: str | None = None,
    known_issues: Path | None = None,
    fault: str | None = None,
    variant: str | None = None,
    command: tuple[str, ...] = (),
) -> Plan:
    """What ``stgcmt run`` and ``pytest --sut`` will play; raises ``UsageError``."""
    import dataclasses  # noqa: PLC0415 - start-up

    from stgcmt.plan import plan  # noqa: PLC0415 - start-up
    from stgcmt.sut import load  # noqa: PLC0415 - start-up
    from stgcmt.verdict import load_known_issues  # noqa: PLC0415 - start-up

    suites = installed()
    sut = load(shipped(sut_file), suites=suites)
    if sut.driver.kind == "builtin" and not sut.claims:  # the references state of themselves what a vendor states
        stated = {name: dict(suite.reference_claims) for name, suite in suites.items() if suite.reference_claims}
        sut = dataclasses.replace(sut, claims=stated)
    roles = roles_of(role, suites, sut.roles)
    if sut_file is None and not (role or fault or variant):
        roles = servers(suites, roles)
    _check_roles(roles, sut)
    known = load_known_issues(known_issues) if known_issues else ()
    options: dict[str, dict[str, Any]] = {}
    if fault:
        roles = _roles_with("fault", fault, roles, suites, sut)
    if variant:
        roles = _roles_with("variant", variant, roles, suites, sut)
        for name in roles:
            sut, options[name] = _as_variant(sut, name, next(v for v in suites[name].all_variants if v.name == variant))
    return plan(
        sut,
        suites,
        roles,
        selection_of(suites, roles, req, clause, level),
        profile="strict" if strict else "default",
        edition=edition_of(edition, suites, roles),
        fault=fault,
        variant=variant,
        options=options,
        known_issues=tuple(dataclasses.asdict(issue) for issue in known),
        command=command,
    )


def shipped(given: Path | None) -> Path | None:
    """The path of a SUT file; a bare word that is no file names one that ships. Raises ``UsageError`` for no such name."""
    if given is None or given.is_file() or given.suffix or len(given.parts) != 1:
        return given
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up
    from stgcmt_fixtures import sut_file, sut_names  # noqa: PLC0415 - start-up

    if given.name not in sut_names():
        known = ", ".join(sut_names())
        wanted = f"a file, or the name of a SUT file that ships: {known}"
        raise UsageError("reading the SUT file", wanted, str(given), "check the path, or `stgcmt init` writes one")
    return sut_file(given.name)


def _check_roles(roles: tuple[str, ...], sut: Any) -> None:
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

    for role in roles:
        if role not in sut.roles:
            raise UsageError(
                "choosing roles",
                f"roles of the SUT file: {', '.join(sut.roles)}",
                role,
                f"add {role} and its section to the SUT file",
            )


def _roles_with(kind: str, wanted: str, roles: tuple[str, ...], suites: Any, sut: Any) -> tuple[str, ...]:
    """The roles whose reference has the fault or variant: a run with it plays those alone."""
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

    if sut.driver.kind != "builtin":
        raise UsageError(
            f"reading --{kind}",
            "the embedded reference as SUT",
            "a SUT file of your own",
            f"leave out the SUT file or --{kind}",
        )
    known = {role: [each.name for each in getattr(suites[role], f"all_{kind}s")] for role in roles}
    found = tuple(role for role in roles if wanted in known[role])
    if not found:
        names = sorted({name for each in known.values() for name in each})
        shown = "a fault that `stgcmt faults` lists" if kind == "fault" else f"one of {', '.join(names)}"
        otherwise = "`stgcmt faults` lists them" if kind == "fault" else "choose one of these"
        raise UsageError(f"reading --{kind}", shown, wanted, nearest(wanted, names, otherwise))
    return found


def _as_variant(sut: Any, role: str, variant: Any) -> tuple[Any, dict[str, Any]]:
    """The SUT with what a variant claims and how long it takes, and the options of its reference."""
    import dataclasses  # noqa: PLC0415 - start-up

    from stgcmt.sut import merge  # noqa: PLC0415 - start-up

    claims = {**sut.claims, role: merge(sut.claims.get(role, {}), variant.claims)}
    timing = dataclasses.replace(sut.timing, **variant.timing)
    return dataclasses.replace(sut, claims=claims, timing=timing), dict(variant.options)


def run_plan(
    plan: Plan,
    directory: Path,
    *,
    progress: Any = None,
    resume: bool = False,
    took: dict[str, float] | None = None,
) -> tuple[dict[str, Any], Any]:
    """Play, judge, write the bundle; returns results and recording. Ctrl-C closes and judges what there is.

    ``took`` is told how long it took to prove and to write (seconds): no part of the results, which hold for every judge.
    """
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.clock import NS, SystemClock, iso  # noqa: PLC0415 - start-up
    from stgcmt.results import judged_results  # noqa: PLC0415 - start-up
    from stgcmt.resuming import set_aside  # noqa: PLC0415 - start-up

    clock = SystemClock()
    with bundles.held(directory):
        if resume:
            set_aside(directory, plan)
        asyncio.run(_play(plan, directory, progress))
        played = clock.monotonic_ns()
        recording = bundles.load(directory)
        proving = progress.proving if progress else None
        results, _ = judged_results(recording, plan.suites, judged=iso(clock.wall_ns()), progress=proving)
        proved = clock.monotonic_ns()
        write_all(directory, results, recording, list(plan.command))
        if took is not None:
            took |= {"proved": (proved - played) / NS, "written": (clock.monotonic_ns() - proved) / NS}
    return results, recording


def write_all(directory: Path, results: dict[str, Any], recording: Any, command: list[str]) -> None:
    """Everything that is derived from the transcripts; raises ``HarnessError`` where there is no room for it."""
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.errors import HarnessError  # noqa: PLC0415 - start-up

    try:
        bundles.write(directory, results, recording, command)
    except OSError as error:
        raise HarnessError(
            "writing the bundle", f"room for the results in {directory}", error.strerror or str(error),
            f"make room, then stgcmt judge {directory} --out DIR: the transcripts are complete",
        ) from error  # fmt: skip


async def _play(plan: Plan, directory: Path, progress: Any) -> None:
    from stgcmt.play import play_plan  # noqa: PLC0415 - start-up

    loop = asyncio.get_running_loop()

    def interruptible(player: Player) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, player.interrupt)

    await play_plan(plan, directory, progress=progress, on_player=interruptible)
