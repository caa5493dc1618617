"""How many mutants one processor judges in a second, role by role: its own seconds count, not those on the clock."""

from __future__ import annotations

import gc

TARGET = ">= 3000/s"


def table() -> list[tuple[str, str, str]]:
    """A line for each role: judged mutants of its recordings in a processor second, and how many they were."""
    from stgcmt.mutation_dataset import dictionary
    from stgcmt.selftest_mutants import prove, tasks
    from stgcmt.suite import load_suites

    suites = load_suites()
    dictionary()  # its library is loaded once in a process
    for suite in suites.values():
        assert suite.all_checks
    gc.collect()
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 5, 20)  # as a process of the self-test has it
    lines = []
    for role, suite in suites.items():
        found = [prove(suite, task) for task in tasks(suite, quick=False) if not task.premises]
        judged, seconds = (sum(getattr(each, name) for each in found) for name in ("judged", "seconds"))
        lines.append((f"mutants of {role}", f"{judged / seconds:.0f}/s ({judged})", TARGET))
    gc.set_threshold(*usual)
    gc.unfreeze()
    return lines


if __name__ == "__main__":
    for what, measured, target in table():
        print(f"{what:<28}{measured:<20}target {target}")
