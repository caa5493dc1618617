"""``stgcmt wait``."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import click

from stgcmt.commands import counted, installed

if TYPE_CHECKING:
    from stgcmt.judge import Recording
    from stgcmt.waiting import Waiter

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+|\d+(?:\.\d+)?")


def seconds_of(text: str) -> float:
    """Seconds of a duration such as ``90``, ``45s``, ``12h``, ``1d6h30m``; raises ``click.BadParameter``."""
    if not _DURATION.fullmatch(text):
        raise click.BadParameter(f"{text!r} is no duration; write 90, 45s, 30m, 12h, 2d or 1d6h")
    parts = re.findall(r"([\d.]+)([smhd]?)", text)
    return sum(float(number) * UNITS[unit or "s"] for number, unit in parts)


@click.command("wait")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--for", "duration", metavar="DURATION", help="give up after that long: 45s, 30m, 12h, 1d6h (default: never)"
)
@click.option("--json", "as_json", is_flag=True, help="print only results.json")
def command(bundle: Path, duration: str | None, *, as_json: bool) -> None:
    """Listen again for the reports that the run of BUNDLE still awaits, record them, and judge again.

    The bundle says all that is needed, so this works days later and after a restart of the machine. Ctrl-C ends the wait and keeps
    everything; call it again to go on.
    """
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.commands.judge import check_roles  # noqa: PLC0415 - start-up
    from stgcmt.results import exit_of  # noqa: PLC0415 - start-up

    seconds = None if duration is None else seconds_of(duration)
    recording = bundles.load(bundle)
    suites = installed()
    check_roles(recording, suites)
    with bundles.held(bundle):
        recording = bundles.load(bundle)
        interrupted = _listen(bundle, recording, seconds, quiet=as_json)
        results, recording = judge_again(bundle, suites)
    if as_json:
        click.echo(bundles.dump(results), nl=False)
    else:
        from stgcmt.terminal import print_results  # noqa: PLC0415 - start-up

        print_results(results, recording.named(), bundle=bundle)
    sys.exit(130 if interrupted else exit_of(results).code)


def judge_again(bundle: Path, suites: dict[str, Any]) -> tuple[dict[str, Any], Recording]:
    """Judge what the bundle holds now and write everything that is derived from it."""
    from stgcmt import bundle as bundles  # noqa: PLC0415 - start-up
    from stgcmt.clock import SystemClock, iso  # noqa: PLC0415 - start-up
    from stgcmt.commands.run import write_all  # noqa: PLC0415 - start-up
    from stgcmt.results import judged_results  # noqa: PLC0415 - start-up

    recording = bundles.load(bundle)
    results, _ = judged_results(recording, suites, judged=iso(SystemClock().wall_ns()))
    write_all(bundle, results, recording, list(recording.run.header.info.get("command", [])))
    return results, recording


def _listen(bundle: Path, recording: Recording, seconds: float | None, *, quiet: bool) -> bool:
    """Wait for the reports; whether Ctrl-C ended it."""
    from stgcmt.errors import HarnessError  # noqa: PLC0415 - start-up
    from stgcmt.late import recover  # noqa: PLC0415 - start-up
    from stgcmt.waiting import Waiter  # noqa: PLC0415 - start-up

    recovered = recover(bundle / "transcripts")
    with Line(quiet=quiet) as line:
        waiter = Waiter(bundle, recording, progress=line)
        if not waiter.pending:
            if not recovered:
                _nothing(bundle, recording)
            return False
        for each in waiter.pending:
            what = f"{counted(each.missing, 'report')} on {each.transaction_uids[0]}"
            line.say(
                f"{each.role}/{each.scenario}: {what} awaited by {'{ae_title} at {host}:{port}'.format(**each.destination)}"
            )
        asyncio.run(_wait(waiter, seconds))
    if waiter.failure is not None:
        path, failure = waiter.failure
        raise HarnessError(
            "recording", f"room for what happens in {bundle}", f"{path}: {failure.strerror or failure}",
            "make room and call stgcmt wait again; what was recorded so far is kept",
        )  # fmt: skip
    return waiter.interrupted


def _nothing(bundle: Path, recording: Recording) -> None:
    from stgcmt.errors import UsageError  # noqa: PLC0415 - start-up

    builtin = recording.run.header.info.get("sut", {}).get("driver", {}).get("kind") == "builtin"
    seen = "the SUT was the embedded reference, which ended with the run" if builtin else "no report is missing"
    raise UsageError(
        "waiting for reports", "a bundle whose run awaits a report", f"{bundle}: {seen}", "nothing is to be done"
    )


async def _wait(waiter: Waiter, seconds: float | None) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, waiter.interrupt)
    await waiter.wait(seconds)


class Line:
    """What the terminal shows meanwhile: one live line, elsewhere a plain line for each report."""

    def __init__(self, *, quiet: bool = False, stream: IO[str] | None = None) -> None:
        self._quiet, self._stream = quiet, stream or sys.stderr
        self._live: Any = None

    def __enter__(self) -> Self:
        isatty = getattr(self._stream, "isatty", None)
        if not self._quiet and isatty and isatty():
            from stgcmt.terminal_stream import begin_live  # noqa: PLC0415 - start-up

            self._live = begin_live(self._stream)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            from stgcmt.terminal_stream import end_live  # noqa: PLC0415 - start-up

            end_live(self._live)
            self._live = None

    def waiting(self, missing: int, total: int, seconds: float) -> None:
        """So many reports of ``total`` are awaited, for ``seconds`` by now."""
        if self._live is None:
            return
        from rich.text import Text  # noqa: PLC0415 - start-up

        came = f"{total - missing} of {counted(total, 'report')} came"
        text = f"{came}, listening for {elapsed(seconds)}; Ctrl-C ends and keeps everything"
        self._live.update(Text(text, no_wrap=True, overflow="ellipsis"), refresh=True)

    def came(self, role: str, scenario: str, missing: int) -> None:
        """A report came."""
        self.say(f"{role}/{scenario}: a report came, {missing} awaited")

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        elif not self._quiet:
            with contextlib.suppress(OSError, ValueError):  # a closed pipe must not end the wait
                self._stream.write(f"{text}\n")
                self._stream.flush()


def elapsed(seconds: float) -> str:
    """A length of time for a reader: ``45 s``, ``12 min``, ``3 h 20 min``, ``2 d 4 h``."""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{whole} s"
