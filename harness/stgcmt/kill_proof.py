"""The kill proof of a run: which mutations of its very recordings would have turned each pass red.

A pass that no mutation turns red proves nothing: it is *vacuous*, and its row not-tested. Mutants are chosen by what is known
to work (``kills.json`` of the suite), then by every operator in turn, with the seed in the ``run`` transcript; how many are tried
depends on the size of the transcripts, never on the clock, so that judging again gives the same verdicts everywhere.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from stgcmt.catalogue import Requirement
from stgcmt.checks import RUN, Check
from stgcmt.evaluation import Finding
from stgcmt.forked import LARGE, settled, shared_out
from stgcmt.judge import CONTRADICTED, JudgedRow, Proof, Recording, judge_check
from stgcmt.mutation import Edit, Operator, operators_for
from stgcmt.mutation_http import OBJECT, carries_objects
from stgcmt.suite import Kill, Suite
from stgcmt.transcript import StoredEvent, Transcript
from stgcmt.verdict import VIOLATION, Verdict, severity
from stgcmt.views.dimse import dimse
from stgcmt.views.http import http

SEED = "stgcmt"
TRIES = 40  # mutants for one pass
KNOWN = 24  # of them those that the suite's table leads to; the others are any
ENOUGH = 5  # kills, more convince no reader
USUAL = 48_000  # bytes of a check's transcripts; larger ones are tried and killed as many times fewer
LEAST = 8
HEAD = 32  # what an event costs whose bytes are left where they lie
SHARED = 60  # mutants of one transcript that are kept for the next check
HUGE = 4_000_000  # bytes of one transcript; its mutants are made only for checks that look at nothing smaller
VACUOUS = "vacuous: no mutation of the recording turns the pass red"
RED = frozenset({Verdict.FAIL, Verdict.WARN})

# What differs from one recording to the next: events, connections, UIDs, numbers of items.
_PASSING = re.compile(r"(?:event|connection) \d+|\d+(?:\.\d+){3,}|2\.25\.\d+|(?<=/)\d{1,3}(?=/|$)|^\d{1,3}(?=/)")
_EVENT = re.compile(r"event (\d+)")
_UID = re.compile(rb"\d+(?:\.\d+){3,}|2\.25\.\d+")
_WORD = re.compile(r"[\w.]+")

Progress = Callable[[int, int], None]


def shape(where: str) -> str:
    """The place of an edit without what differs from one recording to the next."""
    return _PASSING.sub("", where).strip(" ,/")


def killable(row: Requirement, profile: str = "default") -> bool:
    """Whether something can turn a row red: one of its outcomes."""
    return any(severity(row, name, profile) in RED for name in (VIOLATION, *row.outcomes))


def turned_red(row: Requirement, before: Finding, after: Finding, profile: str = "default") -> bool:
    """Whether a mutant is killed: a fail or a warning that was none, or a note where the row can say nothing worse.

    A claim put into the mutant that contradicts the recording is the judge's finding, not the check's: no kill.
    """
    if after.outcome == CONTRADICTED:
        return False
    if after.verdict in RED:
        return before.verdict not in RED
    return after.verdict is Verdict.NOTE and before.outcome != after.outcome and not killable(row, profile)


def with_transcript(recording: Recording, role: str, transcript: Transcript) -> Recording:
    """The recording with another transcript in the place of the one of its name."""
    if transcript.name == RUN:
        return dataclasses.replace(recording, run=transcript)
    return dataclasses.replace(recording, scenarios={**recording.scenarios, (role, transcript.name): transcript})


def owned(transcript: Transcript) -> frozenset[int]:
    """The events of connections that this scenario opened; of others those that speak of what it minted.

    An association of the SUT may carry what concerns other scenarios too; changes there tell little of this one's checks.
    The event right before one on its way counts, too: often both are one message.
    """
    opened = {event.conn for event in transcript.of("conn.open") if event.info.get("side") == "requestor"}
    uids = [str(event.info.get("uid")).encode("ascii", "replace") for event in transcript.of("uid")]
    uids += [str(event.info.get("sop_instance_uid")).encode("ascii", "replace") for event in transcript.of("seed")]
    known = frozenset(uids)
    found: set[int] = set()
    before: dict[tuple[int | None, str], int] = {}
    for event in transcript.events:
        key = (event.conn, event.kind)
        if event.conn in opened:
            found.add(event.n)
        elif event.data and any(uid in known for uid in _UID.findall(event.data)):
            found |= {event.n, before.get(key, event.n)}
        before[key] = event.n
    return frozenset(found)


def _touches(edit: Edit, own: frozenset[int]) -> bool:
    """Whether an edit is of an event of the scenario's own, or names none."""
    named = [int(each) for each in _EVENT.findall(edit.where)]
    return not named or any(each in own for each in named)


@dataclass
class Edits:
    """What can be done to one transcript: its edits by operator, in the order of the seed."""

    transcript: Transcript
    by_operator: Mapping[str, list[Edit]]
    _words: dict[int, frozenset[str]] = field(default_factory=dict)
    _made: dict[int, Transcript | None] = field(default_factory=dict)

    @classmethod
    def of(cls, transcript: Transcript, operators: Sequence[Operator], seed: str) -> Edits:
        """Every edit that these operators offer."""
        found: dict[str, list[Edit]] = {}
        for operator in operators:
            for edit in operator(transcript):
                found.setdefault(edit.operator, []).append(edit)
        chooser = random.Random(f"{seed}/{transcript.header.role}/{transcript.name}")
        own = owned(transcript)
        for edits in found.values():
            chooser.shuffle(edits)
            edits.sort(key=lambda edit: not _touches(edit, own))
        return cls(transcript, found)

    def mutant(self, edit: Edit) -> Transcript | None:
        """The mutant; ``None`` where the edit changes nothing. Checks of one transcript share it and its views."""
        if id(edit) not in self._made:
            mutant = edit.make()
            same = mutant.events == self.transcript.events and mutant.header == self.transcript.header
            while len(self._made) >= max(1, SHARED * USUAL // max(self.transcript.view(_recorded), USUAL)):
                del self._made[next(iter(self._made))]
            self._made[id(edit)] = None if same else mutant
        return self._made[id(edit)]

    def like(self, operator: str, place: str) -> list[Edit]:
        """The edits of an operator, those first whose place has most in common with this one."""
        wanted = frozenset(_WORD.findall(place))
        if not wanted:
            return self.by_operator.get(operator, [])
        return sorted(self.by_operator.get(operator, ()), key=lambda edit: -self._likeness(edit, wanted))

    def _likeness(self, edit: Edit, wanted: frozenset[str]) -> float:
        words = self._words.get(id(edit))
        if words is None:
            words = self._words[id(edit)] = frozenset(_WORD.findall(shape(edit.where)))
        return len(words & wanted) / (len(words | wanted) or 1)


def _size(transcript: Transcript) -> int:
    """The bytes of a transcript that judging a mutant of it looks at; of objects that lie in a file only heads are read."""
    return transcript.view(_looked_at)


def _recorded(transcript: Transcript) -> int:
    return sum(event.size for event in transcript.events)


def _looked_at(transcript: Transcript) -> int:
    whole = transcript.view(_recorded)
    lying = sum(isinstance(event, StoredEvent) for event in transcript.events)
    if not lying:
        return whole
    parts = [part for each in http(transcript).exchanges for part in (each.request, each.response) if part is not None]
    objects = [part.message.body_size for part in parts if carries_objects(part.message)]
    objects += [each.size for each in dimse(transcript).messages() if each.size > OBJECT and each.kind == "C-STORE-RQ"]
    return max(whole - sum(objects), 0) + HEAD * lying


@dataclass
class Prover:
    """Proves the passes of one role's rows in one recording."""

    suite: Suite
    recording: Recording
    profile: str
    seed: str
    known: Mapping[str, Mapping[str, tuple[Kill, ...]]]
    _edits: dict[str, Edits] = field(default_factory=dict)
    _proofs: dict[tuple[str, str], Proof] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._operators = operators_for(self.suite.all_mutations)
        self._checks = {check.name: check for check in self.suite.all_checks}
        self._rows = {row.id: row for row in self.suite.catalogue}

    def proof(self, row: Requirement, check_name: str) -> Proof:
        """What was tried to turn this check's pass red; a twin shares the proof of the row that it names."""
        judged = self.judged(row)
        key = (judged.id, check_name)
        if key not in self._proofs:
            self._proofs[key] = self._prove(judged, self._checks[check_name])
        return self._proofs[key]

    def know(self, row: Requirement, check_name: str, proof: Proof) -> None:
        """Take over a proof that another process found."""
        self._proofs[row.id, check_name] = proof

    def judged(self, row: Requirement) -> Requirement:
        """The row whose proof this one has: itself, or its twin."""
        return self._rows[row.same_as] if row.same_as else row

    def largest(self, check_name: str) -> tuple[str, int]:
        """The largest transcript of a scenario that a check looks at, and its bytes; ``run`` where it looks at no other."""
        names = [name for name in self._checks[check_name].arguments if name != RUN]
        sizes = {name: _size(each) for name in names if (each := self._transcript(name)) is not None}
        return max(sizes.items(), key=lambda pair: pair[1], default=(RUN, 0))

    def _prove(self, row: Requirement, check: Check) -> Proof:
        there = {name: each for name in check.arguments if (each := self._transcript(name)) is not None}
        handy = [name for name, each in there.items() if _size(each) <= HUGE]
        arguments = [self._of(name) for name in (handy if set(handy) - {RUN} else there)]
        size = max(sum(_size(each) for each in there.values()), 1)
        tries = max(LEAST, min(TRIES, TRIES * USUAL // size))
        wanted = max(1, min(ENOUGH, ENOUGH * USUAL // size))
        before = judge_check(check, row, self.recording, self.profile)
        tried = 0
        killed: list[str] = []
        for edits, edit in candidates(arguments, self.known.get(row.id, {}).get(check.name, ())):
            mutant = edits.mutant(edit)
            if mutant is None:
                continue
            tried += 1
            after = judge_check(check, row, with_transcript(self.recording, row.role, mutant), self.profile)
            if turned_red(row, before, after, self.profile):
                killed.append(f"{mutant.name}: {edit.name}")
            if tried >= tries or len(killed) >= wanted:
                break
        return Proof(tried, len(killed), tuple(killed))

    def _transcript(self, name: str) -> Transcript | None:
        return self.recording.run if name == RUN else self.recording.scenarios.get((self.suite.role, name))

    def _of(self, name: str) -> Edits:
        if name not in self._edits:
            transcript = self._transcript(name)
            assert transcript is not None, "asked for"  # noqa: S101 - for the type checker
            self._edits[name] = Edits.of(transcript, self._operators, self.seed)
        return self._edits[name]


def candidates(arguments: Sequence[Edits], known: Sequence[Kill]) -> Iterator[tuple[Edits, Edit]]:
    """The edits to try, each once: some of those known to kill, then one of every operator of every transcript in turn."""
    by_name = {each.transcript.name: each for each in arguments}
    led = [
        (edits, edits.like(kill.operator, kill.place))
        for kill in known
        if (edits := by_name.get(kill.transcript)) is not None
    ]
    others = [(edits, found) for edits in arguments for found in edits.by_operator.values()]
    seen: set[int] = set()
    for edits, edit in chain(islice(in_turn(led), KNOWN), in_turn(others)):
        if id(edit) not in seen:
            seen.add(id(edit))
            yield edits, edit


def in_turn(queues: Sequence[tuple[Edits, Sequence[Edit]]]) -> Iterator[tuple[Edits, Edit]]:
    """The first of each, then the second of each, and so on."""
    for place in range(max((len(queue) for _, queue in queues), default=0)):
        for edits, queue in queues:
            if place < len(queue):
                yield edits, queue[place]


def proved(
    rows: Sequence[JudgedRow],
    recording: Recording,
    suites: Mapping[str, Suite],
    *,
    profile: str,
    progress: Progress | None = None,
    alone: bool = False,
) -> tuple[JudgedRow, ...]:
    """The rows with the proof of each pass; where none of a row's passes can be turned red, it is not-tested.

    Passes are proved by several processes where that is safe (``stgcmt.forked``) and not ``alone``; the rows are the same.
    ``progress`` is told how many passes of how many are proved.
    """
    seed = str(recording.run.header.info.get("seed", SEED))
    roles = dict.fromkeys(row.role for row in rows)
    provers = {role: Prover(suites[role], recording, profile, seed, suites[role].known_kills) for role in roles}
    passes = [row for row in rows if row.verdict is Verdict.PASS]
    together = _together(passes, provers)

    def work(number: int) -> list[Proof]:
        return [provers[role].proof(row, check) for role, row, check in together[number]]

    def told(done: int) -> None:
        if progress and done < len(together):
            progress(done * len(passes) // len(together), len(passes))

    with settled():
        size = sum(_size(each) for each in recording.scenarios.values())
        for group, proofs in zip(
            together, shared_out(len(together), work, told=told, alone=alone or size > LARGE), strict=True
        ):
            for (role, row, check), proof in zip(group, proofs, strict=True):
                provers[role].know(row, check, proof)
        found = tuple(_with_proof(row, provers[row.role]) if row.verdict is Verdict.PASS else row for row in rows)
    if progress and passes:
        progress(len(passes), len(passes))
    return found


def _together(passes: Sequence[JudgedRow], provers: Mapping[str, Prover]) -> list[list[tuple[str, Requirement, str]]]:
    """What is to be proved, in groups that mutate the same transcript, the costly ones first."""
    groups: dict[tuple[str, str], dict[tuple[str, str], tuple[str, Requirement, str]]] = {}
    sizes: dict[tuple[str, str], int] = {}
    for row in passes:
        for finding in row.findings:
            if finding.verdict is Verdict.PASS:
                prover = provers[row.role]
                judged = prover.judged(row.requirement)
                name, size = prover.largest(finding.check)
                key = (row.role, name)
                groups.setdefault(key, {})[judged.id, finding.check] = (row.role, judged, finding.check)
                sizes[key] = size
    ordered = sorted(groups, key=lambda key: (-min(sizes[key], USUAL) * (2 + len(groups[key])), key))
    return [list(groups[key].values()) for key in ordered]


def _with_proof(row: JudgedRow, prover: Prover) -> JudgedRow:
    parts = [
        prover.proof(row.requirement, finding.check) for finding in row.findings if finding.verdict is Verdict.PASS
    ]
    proof = Proof(
        sum(each.tried for each in parts),
        sum(each.killed for each in parts),
        tuple(example for each in parts for example in each.examples)[:ENOUGH],
    )
    if proof.killed:
        return dataclasses.replace(row, proof=proof)
    findings = tuple(
        dataclasses.replace(finding, verdict=Verdict.NOT_TESTED, message=VACUOUS)
        if finding.verdict is Verdict.PASS
        else finding
        for finding in row.findings
    )
    return dataclasses.replace(row, findings=findings, proof=proof, vacuous=True)
