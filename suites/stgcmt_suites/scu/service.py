"""A scripted archive for one scenario: what each of its commitments gets, step by step. It drives and never judges.

A case stands for some instances and a script: one step for each request that names them; the last step is repeated. A
request is told by its instances, whatever Transaction UID the client chose; where the client sends instances of its own (an
attended or listening run) the next case that nobody asked for is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stgcmt.actors.scripted_scp import Delivery, Request, Turn
from stgcmt.suite import Play
from stgcmt.wire import command as cmd
from stgcmt_suites.commitment.dimse_module import Information, read_information
from stgcmt_suites.commitment.dimse_results import Said, result_of

WAITS = ("trigger", "quiet_period")
ROUNDS = 40  # quiet periods after which a client counts as one that never falls silent
# What a request gets: made from what was asked for.
Step = Callable[[Information], Turn]


@dataclass
class Case:
    """One commitment of a scenario: which instances, and what each request for them gets."""

    instances: tuple[Any, ...]
    steps: Sequence[Step]
    asked: list[Information] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    @property
    def uids(self) -> set[str]:
        """The SOP Instance UIDs that it was made for."""
        return {each.sop_instance_uid for each in self.instances}

    @property
    def held(self) -> tuple[str, ...]:
        """The SOP Instance UIDs to hear the client's belief about: those it asked for, and those it was given."""
        named = [ref.sop_instance_uid for info in self.asked for ref in info.references]
        given = () if named and not self.uids & set(named) else sorted(self.uids)
        return tuple(dict.fromkeys([*(uid for uid in named if uid), *given]))


class Service:
    """The archive of one scenario; ``refuses``: SOP Instance UIDs whose C-STORE fails."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.cases: list[Case] = []
        self.refuses: set[str] = set()
        self._by_uid: dict[str, Case] = {}
        self.scp = play.scp(self._turn, on_store=self._stored)

    def case(self, *instances: Any, steps: Sequence[Step] | Step) -> Case:
        """Add a case."""
        case = Case(instances, (steps,) if callable(steps) else tuple(steps))
        self.cases.append(case)
        return case

    def _stored(self, _: Any, message: Any) -> int:
        return 0xA700 if message.command.text(cmd.AFFECTED_INSTANCE) in self.refuses else 0x0000

    def _turn(self, request: Request) -> Turn:
        info = read_information(request.data, request.transfer_syntax)
        case = self._case(info)
        if case is None:
            return Turn(0x0110)
        case.asked.append(info)
        case.requests.append(request)
        if info.transaction_uid:
            self._by_uid[info.transaction_uid] = case
        return case.steps[min(len(case.asked), len(case.steps)) - 1](info)

    def _case(self, info: Information) -> Case | None:
        named = {ref.sop_instance_uid for ref in info.references}
        for case in self.cases:
            if named & case.uids:
                return case
        known = self._by_uid.get(info.transaction_uid or "")
        return known or next((case for case in self.cases if not case.asked), None)

    def report(self, case: Case, *deliveries: Delivery) -> None:
        """Report on the last request of a case now, whatever its script said then."""
        self.scp.report(case.requests[-1], *deliveries)

    # --- driving

    async def start(self, case: Case) -> bool:
        """Have the client ask for a case; whether it did."""
        if not await self.play.trigger(*case.instances):
            return False
        for _ in range(ROUNDS):  # it stores first: patience begins anew as long as it goes on
            heard = len(self.play.heard)
            if case.asked or await self.play.asked(where=lambda each: self._asks(case, each), seconds=self._patience()):
                break
            if len(self.play.heard) == heard:
                break
        return bool(case.asked)

    def _patience(self) -> float:
        """Seconds between a client's first word and its request: as long as it may take for the first word, or be silent."""
        return min(float(self.play.timing.trigger), 2 * float(self.play.timing.quiet_period))

    @staticmethod
    def _asks(case: Case, message: Any) -> bool:
        data = message.data or b""
        return message.command.field == cmd.N_ACTION_RQ and any(uid.encode() in data for uid in case.uids)

    async def play_all(self) -> None:
        """Start every case, and wait until each has come to its end or the client has fallen silent."""
        for case in self.cases:
            await self.start(case)
        await self.settle()

    async def settle(self) -> None:
        """Wait until every report is delivered and nothing is to be expected from the client any more."""
        for _ in range(ROUNDS):
            await self.scp.settled()
            heard = len(self.play.heard)
            more = await self.play.asked(heard + 1, within="quiet_period", reason="quiet")
            if not more and not self.scp.busy:
                return
        self.play.note(what="never-quiet", requests=len(self.play.heard))

    async def beliefs(self, *cases: Case) -> None:
        """Hear what the client believes of every instance of these cases (all of them where none is named)."""
        for case in cases or self.cases:
            for uid in case.held:
                await self.play.believes(uid)


# --- steps --------------------------------------------------------------------------------------------------------------


def refused(status: int) -> Step:
    """A failure status, and no report."""
    return lambda _: Turn(status)


def taken(*reports: Delivery, **turn: Any) -> Step:
    """Success, and these reports (none: for ever)."""
    return lambda _: Turn(reports=reports, **turn)


def ended(instead: Any) -> Step:
    """The association ends in place of a response."""
    return lambda _: Turn(instead=instead)


def silent() -> Step:
    """No response at all."""
    return lambda _: Turn(None)


def reported(*, turn: dict[str, Any] | None = None, how: dict[str, Any] | None = None, **result: Any) -> Step:
    """Success, and a report that says ``result`` (see ``result_of``), delivered as ``how`` says (fields of ``Delivery``)."""

    def step(asked: Information) -> Turn:
        return Turn(reports=[delivery(result_of(asked, **result), **(how or {}))], **(turn or {}))

    return step


def said(*says: Callable[[Information], Said], how: dict[str, Any] | None = None) -> Step:
    """Success, and several reports one after the other."""
    return lambda asked: Turn(reports=[delivery(each(asked), **(how or {})) for each in says])


def delivery(content: Said, **how: Any) -> Delivery:
    """How something that is said goes out: on a new association, unless ``how`` says otherwise."""
    made = {"way": "new", "event_type": content.event_type, "delay_s": PAUSE_S, **how}
    return Delivery(content.write, **made)


PAUSE_S = 0.1  # between response and report: a client that releases at once has released
