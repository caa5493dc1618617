"""The kill proof of every check: a mutant of a conformant recording that it turns red; and what it says without its premise.

A *judgement* is one check, for one of its rows, on one mutant. No mutant may make a check raise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import process_time

from stgcmt.catalogue import Requirement
from stgcmt.judge import Recording, judge_check
from stgcmt.kill_proof import Edits, candidates, turned_red
from stgcmt.mutation import Edit, Operator, mutants, operators_for
from stgcmt.selftest_cases import base_of
from stgcmt.suite import RUN, Check, Suite
from stgcmt.transcript import Event, Footer, Transcript
from stgcmt.verdict import Verdict

SEED = "stgcmt"
FULL, QUICK = 120, 30  # mutants of one transcript of usual size; what they leave alive is searched for
USUAL = 24_000  # bytes; a larger one takes as many fewer, so that no verdict hangs on a machine's speed
SEARCH = 1_500  # mutants of one transcript that are tried for a check which no sample has killed
SILENT = frozenset({Verdict.NOT_TESTED, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE, Verdict.ERROR})

Key = tuple[str, str]  # check, requirement


@dataclass(frozen=True)
class Task:
    """A part of the proof: the mutants of one transcript, or the search for a kill of one (check, row)."""

    role: str
    transcript: str = ""
    limit: int = FULL
    search: Key | None = None
    premises: bool = False


@dataclass(frozen=True)
class Proved:
    """What a task found; ``errors`` and ``premises`` in words, with requirement and check."""

    task: Task
    judged: int = 0
    killed: int = 0
    seconds: float = 0.0
    proofs: tuple[tuple[Key, str], ...] = ()
    errors: tuple[tuple[Key, str], ...] = ()
    premises: tuple[tuple[Key, str, str], ...] = ()


@dataclass(frozen=True)
class Bench:
    """What the tasks of a suite share in one process: the conformant recording that is mutated, and the operators."""

    suite: Suite
    recording: Recording
    operators: tuple[Operator, ...]


def _bench(suite: Suite) -> Bench:
    """The bench of a suite."""
    return Bench(suite, base_of(suite).recording, operators_for(suite.all_mutations))


def pairs(suite: Suite) -> tuple[tuple[Check, Requirement], ...]:
    """Every (check, row) that can turn red or say note; twins share the proof of the row that they name."""
    rows = {row.id: row for row in suite.catalogue if not (row.excluded or row.same_as or row.face)}
    return tuple((check, rows[ident]) for check in suite.all_checks for ident in check.ids if ident in rows)


def tasks(suite: Suite, *, quick: bool) -> tuple[Task, ...]:
    """What can be done at once: the mutants of each transcript that a check takes, and the premises."""
    names = dict.fromkeys(name for check, _ in pairs(suite) for name in check.arguments)
    limit = QUICK if quick else FULL
    return (Task(suite.role, premises=True), *(Task(suite.role, name, limit) for name in names))


def searches(suite: Suite, found: Iterable[Proved]) -> tuple[Task, ...]:
    """A search for each (check, row) that no mutant has killed so far."""
    proved = {key for each in found for key, _ in each.proofs}
    return tuple(
        Task(suite.role, search=(check.name, row.id), limit=SEARCH)
        for check, row in pairs(suite)
        if (check.name, row.id) not in proved
    )


def prove(suite: Suite, task: Task) -> Proved:
    """Do one part of the proof; raises nothing for what a check does."""
    bench = _bench(suite)
    recording = bench.recording
    if task.premises:
        return Proved(task, premises=tuple(_premises(suite, recording)))
    if task.search is not None:
        return _search(bench, task)
    transcript = _named(recording, suite, task.transcript)
    if transcript is None:
        return Proved(task)
    size = sum(event.size for event in transcript.events)
    limit = max(10, min(task.limit, task.limit * USUAL // max(size, 1)))
    mine = [pair for pair in pairs(suite) if task.transcript in pair[0].arguments]
    return _judged(bench, task, transcript, mine, limit)


def _named(recording: Recording, suite: Suite, name: str) -> Transcript | None:
    return recording.run if name == RUN else recording.scenarios.get((suite.role, name))


def _with(recording: Recording, suite: Suite, name: str, transcript: Transcript) -> Recording:
    if name == RUN:
        return dataclasses.replace(recording, run=transcript)
    return dataclasses.replace(recording, scenarios={**recording.scenarios, (suite.role, name): transcript})


def _judged(
    bench: Bench,
    task: Task,
    transcript: Transcript,
    mine: Sequence[tuple[Check, Requirement]],
    limit: int,
) -> Proved:
    suite, recording = bench.suite, bench.recording
    before = {(check.name, row.id): judge_check(check, row, recording, "default") for check, row in mine}
    ready = [pair for pair in mine if before[pair[0].name, pair[1].id].verdict not in SILENT]
    judged = killed = 0
    proofs: dict[Key, str] = {}
    errors: dict[Key, str] = {}
    started = process_time()
    for edit, mutant in mutants(transcript, bench.operators, seed=SEED, limit=limit):
        changed = _with(recording, suite, transcript.name, mutant)
        for check, row in ready:
            key = (check.name, row.id)
            finding = judge_check(check, row, changed, "default")
            judged += 1
            if finding.verdict is Verdict.ERROR:
                errors.setdefault(key, f"{_where(transcript, edit)}: {finding.message}")
            elif turned_red(row, before[key], finding):
                killed += 1
                proofs.setdefault(key, _where(transcript, edit))
    seconds = process_time() - started
    return Proved(task, judged, killed, seconds, tuple(proofs.items()), tuple(errors.items()))


def _where(transcript: Transcript, edit: Edit) -> str:
    return f"{transcript.name}: {edit.name}"


def _search(bench: Bench, task: Task) -> Proved:
    """Try many mutants of the transcripts that a check takes until one is killed, those first to which ``kills.json`` leads."""
    suite, recording = bench.suite, bench.recording
    check, row = next(pair for pair in pairs(suite) if (pair[0].name, pair[1].id) == task.search)
    started = process_time()
    key = (check.name, row.id)
    before = judge_check(check, row, recording, "default")
    if before.verdict in SILENT:
        return Proved(task)
    there = [each for name in check.arguments if (each := _named(recording, suite, name)) is not None]
    arguments = [Edits.of(transcript, bench.operators, SEED) for transcript in there]
    judged = 0
    proofs: list[tuple[Key, str]] = []
    errors: dict[Key, str] = {}
    for edits, edit in candidates(arguments, suite.known_kills.get(row.id, {}).get(check.name, ())):
        mutant = edits.mutant(edit)
        if mutant is None:
            continue
        finding = judge_check(check, row, _with(recording, suite, mutant.name, mutant), "default")
        judged += 1
        if finding.verdict is Verdict.ERROR:
            errors.setdefault(key, f"{_where(mutant, edit)}: {finding.message}")
        elif turned_red(row, before, finding):
            proofs.append((key, _where(mutant, edit)))
        if proofs or judged >= task.limit * len(arguments):
            break
    seconds = process_time() - started
    return Proved(task, judged, len(proofs), seconds, tuple(proofs), tuple(errors.items()))


# --- premises --------------------------------------------------------------------------------------------------------


def _premises(suite: Suite, recording: Recording) -> Iterator[tuple[Key, str, str]]:
    """The (check, row) that pass, or raise, although nothing of what they judge was recorded."""
    for what, emptied in (("an empty recording", _empty), ("a refused connection alone", _refused)):
        for check, row in pairs(suite):
            if not check.scenarios:
                continue
            changed = recording
            for name in check.scenarios:
                transcript = _named(recording, suite, name)
                if transcript is not None:
                    changed = _with(changed, suite, name, emptied(transcript))
            finding = judge_check(check, row, changed, "default")
            if finding.verdict in {Verdict.PASS, Verdict.ERROR}:
                yield (check.name, row.id), str(finding.verdict), f"{check.name} on {what}: {finding.message or 'pass'}"


def _empty(transcript: Transcript) -> Transcript:
    return dataclasses.replace(transcript, events=(), footer=Footer("complete", 0))


def _refused(transcript: Transcript) -> Transcript:
    opened = next((event for event in transcript.events if event.kind == "conn.open"), None)
    info = {**(opened.info if opened else {"protocol": "http", "side": "requestor"}), "error": "Connection refused"}
    event = Event(1, 0, "conn.refused", conn=1, step=opened.step if opened else None, info=info)
    return dataclasses.replace(transcript, events=(event,), footer=Footer("complete", 1))
