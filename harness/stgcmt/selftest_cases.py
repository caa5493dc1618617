"""One case of the self-test: a reference, clean, with one fault or as one variant, played in virtual time and judged.

Both ends stand on a network in memory, so that a case costs what its computing costs, whatever its scenarios wait for.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from stgcmt.faces import suite_of
from stgcmt.kill_proof import killable
from stgcmt.suite import Suite, Variant
from stgcmt.switches import Looks, watching
from stgcmt.verdict import Verdict

if TYPE_CHECKING:
    from stgcmt.judge import JudgedRow, Recording
    from stgcmt.plan import Plan

RED = frozenset({Verdict.FAIL, Verdict.WARN})
CLEAN, FAULT, VARIANT = "clean", "fault", "variant"


@dataclass(frozen=True)
class Case:
    """What is played: ``kind`` is clean, fault or variant, ``name`` that of the fault or the variant.

    ``rows``: only what these rows need is played, and only they are judged; all of them where it is empty.
    ``whole``: every scenario is played all the same, also those that a fault cannot reach.
    """

    role: str
    kind: str = CLEAN
    name: str = ""
    rows: tuple[str, ...] = ()
    whole: bool = False

    @property
    def label(self) -> str:
        """The case as a reader sees it."""
        return f"{self.role} {self.name or self.kind}"


@dataclass(frozen=True)
class Seen:
    """What was said of one requirement, as far as the self-test reads it.

    ``cited``: the finding names an event. ``noted``: a note, where the row has nothing worse to say.
    """

    verdict: str
    outcome: str | None = None
    message: str = ""
    cited: bool = False
    noted: bool = False

    @property
    def seen(self) -> bool:
        """Whether the check saw a deviation."""
        return self.verdict in RED or self.noted


@dataclass(frozen=True)
class Outcome:
    """How a case ended: every row by its id, and ``problem`` where the run itself failed.

    ``played`` and ``judged``: processor seconds.
    """

    case: Case
    rows: Mapping[str, Seen]
    problem: str = ""
    played: float = 0.0
    judged: float = 0.0

    @property
    def red(self) -> dict[str, Seen]:
        """The rows that fail or warn."""
        return {ident: seen for ident, seen in self.rows.items() if seen.verdict in RED}


def case_plan(suite: Suite, case: Case) -> Plan:
    """The plan that a case plays; raises ``KeyError`` for a variant that the suite does not have."""
    from stgcmt.plan import plan  # noqa: PLC0415 - start-up
    from stgcmt.sut import embedded, merge  # noqa: PLC0415 - start-up

    variant = next((each for each in suite.all_variants if each.name == case.name), None)
    if case.kind == VARIANT and variant is None:
        raise KeyError(case.name)
    chosen = variant if case.kind == VARIANT and variant is not None else Variant("", "")
    sut = embedded((suite.role,))
    stated = merge(suite.reference_claims, chosen.claims)
    sut = dataclasses.replace(
        sut,
        claims=_claims_of_faces(suite) | ({suite.role: stated} if stated else {}),
        timing=dataclasses.replace(sut.timing, **chosen.timing),
    )
    return plan(
        sut, {suite.role: suite}, (suite.role,), {"req": () if case.whole else case.rows},
        fault=case.name if case.kind == FAULT else None,
        variant=chosen.name or None,
        options={suite.role: dict(chosen.options)},
    )  # fmt: skip


def _claims_of_faces(suite: Suite) -> dict[str, Mapping[str, Any]]:
    """What the references of borrowed suites state: the reference between them is made of these."""
    return {each.role: each.reference_claims for face in suite.faces if (each := suite_of(face)).reference_claims}


@dataclass(frozen=True)
class Base:
    """The clean reference of a suite, recorded once: what a fault is compared with, and which scenarios it can reach."""

    suite: Suite
    recording: Recording
    looks: Looks


_BASES: dict[int, Base] = {}


def base_of(suite: Suite) -> Base:
    """The base of a suite, made once in a process; the suite stands in it, so that its id stays taken. Raises as ``record``."""
    if id(suite) not in _BASES:
        with watching() as looks:
            recording = _played(case_plan(suite, Case(suite.role)))
        _BASES[id(suite)] = Base(suite, recording, looks)
    return _BASES[id(suite)]


def record(suite: Suite, case: Case, *, files: bool = False) -> Recording:
    """Play a case in virtual time; ``files``: through the files of a bundle, as a run does, which are removed.

    What a fault cannot reach is not played again: it stands as the clean reference played it (``stgcmt.switches``).

    Raises:
        StgcmtError: the reference does not come up.
        DeadlockError: somebody waits for what will never happen.
    """
    if case == Case(suite.role) and not files:
        return base_of(suite).recording
    whole = case_plan(suite, case)
    reach = None if files or case.whole or case.kind != FAULT else base_of(suite).looks.reach(case.name)
    if reach is None:
        return _played(whole, files=files)
    part = tuple(each for each in whole.scenarios if each.scenario.name in reach)
    recording = _played(dataclasses.replace(whole, scenarios=part))
    clean = base_of(suite).recording.scenarios
    wanted = {(each.role, each.scenario.name) for each in whole.scenarios}
    scenarios = {key: recording.scenarios.get(key, there) for key, there in clean.items() if key in wanted}
    return dataclasses.replace(recording, scenarios=scenarios)


def _played(plan: Plan, *, files: bool = False) -> Recording:
    """The recording of a plan, played in virtual time."""
    from stgcmt.clock import LoopClock  # noqa: PLC0415 - start-up
    from stgcmt.judge import read_recording  # noqa: PLC0415 - start-up
    from stgcmt.keeping import Kept  # noqa: PLC0415 - start-up
    from stgcmt.mint import SameMint  # noqa: PLC0415 - start-up
    from stgcmt.play import Player  # noqa: PLC0415 - start-up
    from stgcmt.virtual import run_virtual  # noqa: PLC0415 - start-up
    from stgcmt.wire.memory import MemoryNetwork  # noqa: PLC0415 - start-up

    kept = None if files else Kept()
    with tempfile.TemporaryDirectory(prefix="stgcmt-", ignore_cleanup_errors=True) as scratch:
        directory = Path(scratch)

        async def main() -> None:
            player = Player(
                plan,
                directory,
                clock=LoopClock(),
                network=MemoryNetwork(),
                jitter_step=None,
                mint=SameMint(),
                kept=kept,
            )
            await player.play()

        run_virtual(main())
        return read_recording(directory) if kept is None else kept.recording()


def judged(suite: Suite, recording: Recording, case: Case) -> tuple[JudgedRow, ...]:
    """The rows of a case, judged."""
    from stgcmt.judge import judge  # noqa: PLC0415 - start-up

    return judge(recording, {suite.role: suite}, profile="default", selection={"req": case.rows})


def run_case(suite: Suite, case: Case) -> Outcome:
    """Play and judge one case; never raises: what went wrong is its ``problem``."""
    began = process_time()
    try:
        recording = record(suite, case)
        between = process_time()
        rows = judged(suite, recording, case)
    except Exception as error:  # noqa: BLE001 - one case that fails must not cost the others
        return Outcome(case, {}, f"{type(error).__name__}: {error}".replace("\n", " "))
    failed = [
        str(event.info.get("error")) for event in recording.run.of("driver") if event.info.get("action") == "failed"
    ]
    seen = {row.id: _seen(row) for row in rows}
    return Outcome(case, seen, "; ".join(failed), between - began, process_time() - between)


def _seen(row: Any) -> Seen:
    standing = row.standing
    cited = any(citation.event is not None for citation in standing.evidence)
    noted = row.verdict is Verdict.NOTE and not killable(row.requirement)
    return Seen(str(row.verdict), standing.outcome, standing.message or row.reason, cited, noted)
