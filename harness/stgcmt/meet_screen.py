"""The screen of ``stgcmt meet``: who we are, what the partner enters, each step as it goes, and what a person is asked to do.

It is the progress display of a run with more to say. The loop reads keys, without waiting; where standard input is no
terminal there are none, and the run starts at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from stgcmt.askdesk import DONE, SKIP
from stgcmt.meeting import Steps, partner_enters
from stgcmt.terminal import Progress

Places = tuple[Sequence[Any], Sequence[Any]]
EVERYWHERE = ("0.0.0.0", "[::]")  # noqa: S104 - written over, not listened on
ROWS = 8  # scenarios under way that fit beside the rest on 24 lines
TASKS: dict[str, str] = {"\n": DONE, "\r": DONE, "s": SKIP, "S": SKIP}


class Screen(Progress):
    """The display, and the person before it.

    Args:
        partner: who the partner is, in a line.
        address: ours, as the partner sees it.
        places: our destinations, and where clients ask us over HTTP, as far as they are known.
        steps: how far each scenario is.
        options: those of ``Progress``.
    """

    def __init__(self, partner: str, address: str, places: Places, steps: Steps, **options: Any) -> None:
        super().__init__(**options)
        self.partner, self.address, self.steps = partner, address, steps
        self.enters = partner_enters(places[0], address, places[1])
        self.keys = Keys()
        self.prompt = ""
        self._tasks: deque[tuple[asyncio.Future[str], str]] = deque()
        self._task = ""

    @property
    def interactive(self) -> bool:
        """Whether a person can be shown the screen and can press keys."""
        return self._live is not None and self.keys.possible

    # --- what the player tells

    def listening(self, destinations: Sequence[Any], web: Sequence[Any] = ()) -> None:
        """We listen there now: the addresses that the partner enters, with their real ports."""
        self.enters = partner_enters(destinations, self.address, web)
        if self._live is None:
            for line in self.enters:
                self.say(f"the partner enters {line.what}: {line.value}")
        else:
            self._refresh()

    def started(self, role: str, scenario: str) -> None:
        self.keys.attach(self.pressed)
        self.steps.started(role, scenario, self._now())
        super().started(role, scenario)

    def waiting(self, role: str, scenario: str, why: str, seconds: float) -> None:
        self.steps.waiting(role, scenario, why, seconds, self._now())
        super().waiting(role, scenario, why, seconds)

    def happened(self, role: str, scenario: str, kind: str, data: bytes, info: Mapping[str, Any]) -> None:
        """An event was recorded."""
        word = self.steps.happened(role, scenario, kind, data, info)
        if word and self._live is None:  # no screen: each step is a line
            self._show(f"{word:<24} {role}/{scenario}")

    def ended(self, role: str, scenario: str, state: str, wall_s: float) -> None:
        self.steps.over(role, scenario, state)
        super().ended(role, scenario, state, wall_s)

    def attend(self, role: str, scenario: str, what: str) -> None:
        """A person is asked to do something: it stays on the screen until it is done."""
        for everywhere in EVERYWHERE:  # where we listen, which nobody can call
            what = what.replace(everywhere, self.address)
        self._task = f"{role}/{scenario}: {what}"
        super().attend(role, scenario, what)
        self._refresh()

    async def said(self) -> str:
        """What the person says of the step that was asked for: done, or skip."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks.append((answer, self._task))
        try:
            return await answer
        finally:
            self._tasks = deque(each for each in self._tasks if each[0] is not answer)
            self._refresh()

    def pressed(self, key: str) -> None:
        """A key: Enter says that the oldest task is done, s skips it, q ends the run as Ctrl-C does."""
        if key in {"q", "Q"}:
            import os  # noqa: PLC0415 - start-up
            import signal  # noqa: PLC0415 - start-up

            os.kill(os.getpid(), signal.SIGINT)
        elif key in TASKS and self._tasks and not self._tasks[0][0].done():
            self._tasks[0][0].set_result(TASKS[key])

    # --- what is drawn

    def display(self) -> Any:
        from rich.console import Group  # noqa: PLC0415 - start-up
        from rich.panel import Panel  # noqa: PLC0415 - start-up
        from rich.table import Table  # noqa: PLC0415 - start-up
        from rich.text import Text  # noqa: PLC0415 - start-up

        ours = Table.grid(padding=(0, 2))
        for line in self.enters:
            ours.add_row(Text(line.what, style="bold"), Text(line.value))
        parts: list[Any] = [
            Text(f"the partner is {self.partner}", no_wrap=True, overflow="ellipsis"),
            Panel(ours, title="the partner enters", title_align="left"),
        ]
        if self._ended or self._under or self._proving:
            parts.append(Panel(self._table(), title=Text(self.lines()[0]), title_align="left"))
        if self._tasks:
            parts.append(Panel(Text(self._tasks[0][1]), title="please do", title_align="left", border_style="yellow"))
        parts.append(Text(self._keys_line(), style="dim"))
        return Group(*parts)

    def _table(self) -> Any:
        from rich.table import Table  # noqa: PLC0415 - start-up
        from rich.text import Text  # noqa: PLC0415 - start-up

        table = Table.grid(padding=(0, 2))
        rows = self.steps.table(self._now())
        for scenario, word, detail in rows[:ROWS]:
            style = (
                "bold yellow" if word == "late" else "bold red" if word.startswith(("not ", "refused", "abort")) else ""
            )
            table.add_row(Text(scenario), Text(word, style=style), Text(detail, style="dim"))
        if len(rows) > ROWS:
            table.add_row(Text(f"and {len(rows) - ROWS} more"))
        for _, scenario, word in self.steps.ended[-2:]:
            table.add_row(Text(scenario, style="dim"), Text(word, style="dim"))
        return table

    def _keys_line(self) -> str:
        if self.prompt:
            return self.prompt
        if self._tasks:
            return "Enter: done   s: skip it   q: end"
        return "q: end; what was recorded is judged" if self.keys.possible else ""


class Keys:
    """Keys of a terminal, one by one, without waiting for Enter; nothing where standard input is no terminal."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stdin
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def possible(self) -> bool:
        """Whether there is somebody who can press one."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            return self._stream.isatty()
        return False

    @contextlib.contextmanager
    def one_by_one(self) -> Iterator[None]:
        """The terminal in a mode in which keys come at once and are not shown; afterwards as it was."""
        if not self.possible:
            yield
            return
        import termios  # noqa: PLC0415 - only where there is a terminal
        import tty  # noqa: PLC0415 - as above

        number = self._stream.fileno()
        before = termios.tcgetattr(number)
        tty.setcbreak(number)
        try:
            yield
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    def attach(self, pressed: Callable[[str], None]) -> None:
        """Have the running loop call ``pressed`` with each key; a second call on the same loop does nothing."""
        loop = asyncio.get_running_loop()
        if not self.possible or loop is self._loop:
            return
        import os  # noqa: PLC0415 - start-up

        number = self._stream.fileno()

        def read() -> None:
            try:
                data = os.read(number, 64)
            except OSError:
                data = b""
            if not data:  # the terminal is gone: nobody presses anything any more
                loop.remove_reader(number)
            for key in data.decode("utf-8", "ignore"):
                pressed(key)

        loop.add_reader(number, read)
        self._loop = loop

    def detach(self) -> None:
        """Stop reading on the loop that reads."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._stream.fileno())
        self._loop = None
