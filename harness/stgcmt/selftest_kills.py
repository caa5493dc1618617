"""Which mutations turn which check red: the survey that writes a suite's ``kills.json``.

An ordinary run may try few mutants on each pass; the table leads it to those that a survey of the reference's recording found.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from stgcmt.checks import RUN
from stgcmt.judge import Recording, judge_check
from stgcmt.kill_proof import SEED as PROOF_SEED
from stgcmt.kill_proof import Edits, Prover, shape, turned_red, with_transcript
from stgcmt.mutation import Edit, operators_for
from stgcmt.selftest_cases import VARIANT, Case, base_of, record
from stgcmt.selftest_mutants import pairs
from stgcmt.suite import Kill, Suite, kills_from, load_suites
from stgcmt.transcript import Transcript
from stgcmt.verdict import Verdict

SEED = "survey"
EACH = 25  # edits of one operator that are tried
FOUND = 20  # kills of a check that no sample has killed: more are not looked for
KEPT = 8  # kills of one check that the table keeps
ALIKE = 3  # of them of one family of operators, so that a recording that lacks one place has others
SEARCH_EACH = 2_000  # edits of one operator that are tried for a check that no sample has killed

Key = tuple[str, str]  # requirement, check


@dataclass(frozen=True)
class Counted:
    """How often edits of one operator at places of one shape were tried on one check, and how often they killed."""

    key: Key
    kill: Kill
    tried: int
    killed: int


def survey(
    suite: Suite, recording: Recording, name: str, *, each: int, only: frozenset[Key] = frozenset()
) -> list[Counted]:
    """Try edits of one transcript on every check that takes it and does not accuse; ``only``: these alone, if any are given."""
    transcript = recording.run if name == RUN else recording.scenarios.get((suite.role, name))
    if transcript is None:
        return []
    ready = [
        (check, row, before)
        for check, row in pairs(suite)
        if name in check.arguments
        and (not only or (row.id, check.name) in only)
        and (before := judge_check(check, row, recording, "default")).verdict in (Verdict.PASS, Verdict.NOTE)
    ]
    tried: Counter[tuple[Key, Kill]] = Counter()
    killed: Counter[tuple[Key, Kill]] = Counter()
    kills: Counter[Key] = Counter()
    for edit, mutant in _mutants(suite, transcript, each) if ready else ():
        changed = with_transcript(recording, suite.role, mutant)
        kill = Kill(name, edit.operator, shape(edit.where))
        for check, row, before in list(ready):
            key = ((row.id, check.name), kill)
            tried[key] += 1
            if turned_red(row, before, judge_check(check, row, changed, "default")):
                killed[key] += 1
                kills[key[0]] += 1
                if only and kills[key[0]] >= FOUND:  # looked for: a few are enough
                    ready.remove((check, row, before))
        if not ready:
            break
    return [Counted(key, kill, tried[key, kill], count) for (key, kill), count in killed.items()]


def _mutants(suite: Suite, transcript: Transcript, each: int) -> Iterator[tuple[Edit, Transcript]]:
    edits = Edits.of(transcript, operators_for(suite.all_mutations), SEED)
    for found in edits.by_operator.values():
        for edit in found[:each]:
            mutant = edit.make()
            if mutant.events != transcript.events or mutant.header != transcript.header:
                yield edit, mutant


def table(counted: Iterable[Counted]) -> dict[str, dict[str, list[list[str]]]]:
    """The table: for each row and check the mutations that killed it, the most effective first."""
    by_key: dict[Key, list[Counted]] = {}
    for each in counted:
        by_key.setdefault(each.key, []).append(each)
    found: dict[str, dict[str, list[list[str]]]] = {}
    for (ident, check), mine in sorted(by_key.items()):
        kills = [[kill.transcript, kill.operator, kill.place] for kill in _best(mine)]
        if kills:
            found.setdefault(ident, {})[check] = kills
    return found


def _best(mine: Sequence[Counted]) -> list[Kill]:
    """The best place of each operator, the operators by the share of their edits that killed."""
    by_operator: dict[tuple[str, str], list[Counted]] = {}
    for each in mine:
        by_operator.setdefault((each.kill.transcript, each.kill.operator), []).append(each)
    ranked: list[tuple[float, str, Kill]] = []
    for (_, operator), found in by_operator.items():
        killed = sum(each.killed for each in found)
        if killed:
            best = max(found, key=lambda each: (each.killed / each.tried, each.killed, each.kill.place))
            ranked.append((-killed / sum(each.tried for each in found), operator, best.kill))
    ranked.sort(key=lambda each: (each[0], each[1], each[2].transcript, each[2].place))
    families: Counter[str] = Counter()
    kept: list[Kill] = []
    for _, operator, kill in ranked:
        family = operator.split()[0] if not operator.startswith("json") else operator
        families[family] += 1
        if families[family] <= ALIKE and len(kept) < KEPT:
            kept.append(kill)
    return kept


def gaps(suite: Suite, recording: Recording, content: Mapping[str, Any]) -> list[Counted]:
    """What turns those passes of a recording red to which a table does not lead."""
    prover = Prover(suite, recording, "default", PROOF_SEED, kills_from(content))
    found: list[Counted] = []
    for check, row in pairs(suite):
        passes = judge_check(check, row, recording, "default").verdict is Verdict.PASS
        if passes and not prover.proof(row, check.name).killed:
            only = frozenset({(row.id, check.name)})
            for each in (EACH, SEARCH_EACH):
                mine = [one for name in check.arguments for one in survey(suite, recording, name, each=each, only=only)]
                found += mine
                if any(one.killed for one in mine):
                    break
    return found


# --- in several processes --------------------------------------------------------------------------------------------


class Surveyors:
    """Where surveys are made: in this process, or in several that find the suite by themselves."""

    def __init__(self, suite: Suite, jobs: int) -> None:
        self._suite = suite
        self._pool: ProcessPoolExecutor | None = None
        if jobs > 1:
            from multiprocessing import get_context  # noqa: PLC0415 - start-up

            self._pool = ProcessPoolExecutor(jobs, get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def clean(self, each: int, only: frozenset[Key] = frozenset()) -> list[Counted]:
        """The clean reference's recording, transcript by transcript."""
        names = tuple(dict.fromkeys(name for check, _ in pairs(self._suite) for name in check.arguments))
        return self._all(_clean, [(name, each, only) for name in names])

    def gaps(self, content: Mapping[str, Any]) -> list[Counted]:
        """Where the table leads to no kill in the recording of the clean reference or of a conformant variant."""
        cases = [Case(self._suite.role, VARIANT, variant.name) for variant in self._suite.all_variants]
        return self._all(_gaps, [(case, content) for case in (Case(self._suite.role), *cases)])

    def _all(self, part: Callable[..., list[Counted]], tasks: Sequence[tuple[Any, ...]]) -> list[Counted]:
        if self._pool is None:
            return [counted for task in tasks for counted in part(self._suite, *task)]
        role = self._suite.role
        done = [self._pool.submit(_elsewhere, part, role, *task) for task in tasks]
        return [counted for each in done for counted in each.result()]


@functools.cache
def _suites() -> dict[str, Suite]:
    return load_suites()


def _elsewhere(part: Callable[..., list[Counted]], role: str, *task: Any) -> list[Counted]:
    return part(_suites()[role], *task)


def _clean(suite: Suite, name: str, each: int, only: frozenset[Key]) -> list[Counted]:
    return survey(suite, base_of(suite).recording, name, each=each, only=only)


def _gaps(suite: Suite, case: Case, content: Mapping[str, Any]) -> list[Counted]:
    return gaps(suite, record(suite, case), content)


def kills_of(suite: Suite, jobs: int = 1) -> dict[str, Any]:
    """The content of ``kills.json`` of a suite: a survey of its clean reference and of its variants, in ``jobs`` processes."""
    with Surveyors(suite, jobs) as surveyors:
        found = surveyors.clean(EACH)
        known = {each.key for each in found if each.killed}
        missing = frozenset((row.id, check.name) for check, row in pairs(suite)) - known
        if missing:
            found += surveyors.clean(SEARCH_EACH, missing)
        content: dict[str, Any] = {"schema": 1, "kills": table(found)}
        _add_gaps(content, surveyors)
    return content


def mended(suite: Suite, content: Mapping[str, Any], jobs: int = 1) -> dict[str, Any]:
    """A table with what it lacks for the clean reference and the variants, and without checks that are no more."""
    known = {(row.id, check.name) for check, row in pairs(suite)}
    kept = {
        ident: {check: list(kills) for check, kills in checks.items() if (ident, check) in known}
        for ident, checks in content["kills"].items()
    }
    made: dict[str, Any] = {"schema": 1, "kills": {ident: checks for ident, checks in kept.items() if checks}}
    with Surveyors(suite, jobs) as surveyors:
        _add_gaps(made, surveyors)
    made["kills"] = dict(sorted(made["kills"].items()))
    return made


def _add_gaps(content: dict[str, Any], surveyors: Surveyors) -> None:
    for ident, checks in table(surveyors.gaps(content)).items():
        for check, kills in checks.items():
            mine = content["kills"].setdefault(ident, {}).setdefault(check, [])
            mine += [kill for kill in kills if kill not in mine]


def write_kills(suite: Suite, jobs: int = 1, *, anew: bool = True) -> tuple[Path, list[Key]]:
    """Write ``kills.json`` beside the suite's catalogue; the file, and the (row, check) that nothing killed.

    ``anew``: by a survey of everything; else what stands in the file is kept, and what it lacks is added.
    """
    import importlib  # noqa: PLC0415 - only where the source tree is written to

    source = importlib.import_module(suite.package).__file__
    assert source is not None, "a package with a file"  # noqa: S101 - for the type checker
    path = Path(source).parent / suite.kills
    known = None if anew or not path.is_file() else json.loads(path.read_text("utf-8"))
    content = kills_of(suite, jobs) if known is None else mended(suite, known, jobs)
    path.write_text(dump(content), "utf-8")
    missing = [
        (row.id, check.name) for check, row in pairs(suite) if check.name not in content["kills"].get(row.id, {})
    ]
    return path, missing


def dump(content: Mapping[str, Any]) -> str:
    """The table as it is stored: a line for each mutation, so that a change of one check changes few lines."""
    lines = []
    for ident, checks in content["kills"].items():
        inner = ",\n".join(
            f"   {json.dumps(check)}: [\n" + ",\n".join(f"    {json.dumps(kill)}" for kill in kills) + "\n   ]"
            for check, kills in checks.items()
        )
        lines.append(f"  {json.dumps(ident)}: {{\n{inner}\n  }}")
    return f'{{\n "schema": {content["schema"]},\n "kills": {{\n' + ",\n".join(lines) + "\n }\n}\n"
