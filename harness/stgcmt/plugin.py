"""The pytest face: ``pytest --sut my.toml`` plays the scenarios that the selected checks need, then judges them.

A check *is* a test function whose arguments are transcripts. Selection (``-k``, ``-m``), ``--junitxml`` and the like are
pytest's own. What the engine says is said here in pytest's words: fail is failed, warn is passed and shown as WARN,
inconclusive, not-applicable and not-tested are skipped with the reason, the harness's own fault is an error.

A check file that two suites list, or that a suite borrows for a face of its SUT, is judged once for each: beside the item of the
first there is one with the role in brackets for every other role that the SUT file has.

Under pytest-xdist (``-n 2``) the controller plays and judges, once; the workers show what it found, so that there are never
two plays against one SUT. It hands its findings on in a file of its own, whose name the workers are given at their start.

``--sut builtin`` takes the references that answer, as ``stgcmt run`` does; those that ask are taken where they are named: by a mark
(``-m scu``), a test's name (``-k``), a file or a fault.
"""

from __future__ import annotations

import asyncio
import functools
import os
import pickle
import tempfile
import types
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from stgcmt import plugin_allure, plugin_roles
from stgcmt.plugin_owners import Owner, check_name, files_of, owner_of, requirements_of, twins

KEY: pytest.StashKey[Session] = pytest.StashKey()
FINDING: pytest.StashKey[Any] = pytest.StashKey()
SKIPPED = {"inconclusive", "not-tested", "not-applicable"}
LEVELS = ("shall", "should", "may", "info")


class Session:
    """One ``pytest --sut`` run: plan, recording, and which suite an item belongs to."""

    def __init__(self, config: pytest.Config, suites: Any) -> None:
        self.config, self.suites = config, suites
        self.recording: Any = None
        self.results: dict[str, Any] | None = None
        self.worker = getattr(config, "workerinput", None)
        self.handover: Path | None = None
        self.files = files_of(suites)

    @property
    def controls(self) -> bool:
        """Whether workers of pytest-xdist show what we find."""
        return self.config.pluginmanager.hasplugin("dsession")

    def ready(self) -> bool:
        """Whether there is something to show; a worker takes it over with its first item."""
        if self.results is None and self.worker is not None and Path(self.worker["stgcmt_handover"]).stat().st_size:
            with Path(self.worker["stgcmt_handover"]).open("rb") as file:
                self.results = pickle.load(file)  # noqa: S301 - written by our own controller, readable by nobody else
        return self.results is not None

    @functools.cached_property
    def roles(self) -> tuple[str, ...]:
        """The roles of the SUT; of the embedded references those that play here. A worker is told them at its start."""
        if self.worker is not None:
            return tuple(self.worker["stgcmt_roles"])
        return plugin_roles.chosen(self.config, self.suites)

    def collected(self) -> list[str]:
        """The check files; of the embedded references only those of the roles that play."""
        roles = self.roles if self.config.getoption("--sut") == plugin_roles.BUILTIN else tuple(self.suites)
        return sorted(file for file, owners in self.files.items() if any(o.suite.role in roles for o in owners))

    def owner(self, item: pytest.Item) -> Owner | None:
        """Whose check an item is: as it was made for, else the first that lists its file."""
        return owner_of(item, self.files)

    def rows_of(self, item: pytest.Item, suite: Any) -> list[dict[str, Any]]:
        """The rows of the results that a check judges."""
        ids = {row.id for row in requirements_of(item, suite)}
        rows = self.results["object"]["requirements"] if self.results else []
        return [row for row in rows if row["role"] == suite.role and row["id"] in ids]

    def transcripts(self) -> Any:
        """The transcripts by reference name; a worker reads them from the bundle once."""
        if self.recording is None and self.results is not None:
            from stgcmt import bundle  # noqa: PLC0415 - start-up

            self.recording = bundle.load(self.results["directory"])
        return self.recording.named()

    def role_of(self, item: pytest.Item) -> Any:
        owner = self.owner(item)
        return owner.suite if owner is not None else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options."""
    group = parser.getgroup("stgcmt", "DICOM Storage Commitment conformance")
    group.addoption("--sut", metavar="SUT.toml", help="judge this SUT (`builtin`: the embedded references)")
    group.addoption("--stgcmt-out", metavar="DIR", help="directory for the evidence (new or empty)")
    group.addoption("--stgcmt-fault", metavar="NAME", help="named fault of the embedded reference")
    group.addoption("--stgcmt-strict", action="store_true", help="readings of silent text move up by one")
    group.addoption("--stgcmt-known-issues", metavar="FILE", help="the vendor's known-issues.toml")


def pytest_configure(config: pytest.Config) -> None:
    """Without ``--sut`` this plugin does nothing."""
    if not config.getoption("--sut"):
        return
    if not __debug__:
        raise pytest.UsageError("python -O removes the asserts that judge; run without -O")
    from stgcmt.commands import installed  # noqa: PLC0415 - start-up

    suites = installed()
    session = Session(config, suites)
    config.stash[KEY] = session
    for mark in (*LEVELS, *suites):
        config.addinivalue_line("markers", f"{mark}: set by stgcmt on its checks")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = session.collected()  # else pytest would collect the user's own directory
    holder = types.ModuleType("stgcmt_scenarios")
    names = {"run": "what happened outside of scenarios: SUT file, claims, driver, reachability"}
    for suite in suites.values():
        names |= {name: scenario.doc for name, scenario in suite.all_scenarios.items()}
    for name, doc in names.items():
        setattr(holder, name, _fixture(name, doc))
    config.pluginmanager.register(holder, "stgcmt-scenarios")


def _fixture(name: str, doc: str) -> Any:
    def load(request: pytest.FixtureRequest) -> Any:
        session = request.config.stash[KEY]
        suite = session.role_of(request.node)
        if session.recording is None or suite is None:
            return None
        return session.recording.run if name == "run" else session.recording.scenarios.get((suite.role, name))

    load.__doc__ = doc
    return pytest.fixture(name=name)(load)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """An item of its own for every other role of the SUT that a check file is judged for."""
    made = yield
    session = collector.config.stash.get(KEY, None)
    if session is None or not isinstance(made, list):
        return made
    return [each for item in made for each in (item, *twins(session.files, session.roles, item))]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks (role and level) and properties (requirement ids, clause) before ``-m`` selects."""
    session = item.config.stash.get(KEY, None)
    suite = session.role_of(item) if session else None
    if suite is None:
        return
    item.add_marker(suite.role)
    for row in requirements_of(item, suite):
        item.add_marker(row.level)
        item.user_properties += [("requirement", row.id), ("clause", row.clause), ("level", row.level)]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where it will find what the controller found."""
    ours = node.config.stash.get(KEY, None)
    if ours is None:
        return
    if ours.handover is None:
        handle, name = tempfile.mkstemp(prefix="stgcmt-handover-")
        os.close(handle)
        ours.handover = Path(name)
        node.config.add_cleanup(lambda: ours.handover.unlink(missing_ok=True))
    node.workerinput["stgcmt_roles"] = list(ours.roles)
    node.workerinput["stgcmt_handover"] = str(ours.handover)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Play everything that the selected checks need, once, before the first is judged."""
    ours = session.config.stash.get(KEY, None)
    if ours is not None and ours.worker is None and not session.config.option.collectonly:
        if ours.controls:
            _collect(session)
        if session.items:
            _play(ours, session)
        if ours.controls:
            session.items = []
    return (yield)


def _collect(session: pytest.Session) -> None:
    """What the workers collect, too, without a word: pytest-xdist keeps its controller from collecting."""
    terminal = session.config.pluginmanager.unregister(name="terminalreporter")
    try:
        session.perform_collect()
    finally:
        if terminal is not None:
            session.config.pluginmanager.register(terminal, "terminalreporter")


def _play(ours: Session, session: pytest.Session) -> None:
    from stgcmt import bundle  # noqa: PLC0415 - start-up
    from stgcmt.commands.run import make_plan  # noqa: PLC0415 - start-up
    from stgcmt.errors import StgcmtError  # noqa: PLC0415 - start-up
    from stgcmt.play import play_plan  # noqa: PLC0415 - start-up

    option = session.config.getoption
    chosen: dict[str, dict[str, None]] = {}
    for item in session.items:
        if suite := ours.role_of(item):
            chosen.setdefault(suite.role, {}).update(dict.fromkeys(row.id for row in requirements_of(item, suite)))
    if not chosen:
        return
    sut, fault = option("--sut"), option("--stgcmt-fault")
    known = option("--stgcmt-known-issues")
    out = option("--stgcmt-out")
    try:
        directory = bundle.prepare(Path(out) if out else Path(tempfile.mkdtemp(prefix="stgcmt-")))
        roles = plugin_roles.playable(chosen, sut)
        if fault:  # a run with a fault plays the roles that have it alone
            faulty = (role for role in roles if any(each.name == fault for each in ours.suites[role].all_faults))
            roles = tuple(faulty) or roles
        plan = make_plan(
            None if sut == plugin_roles.BUILTIN else Path(sut), fault=fault, strict=option("--stgcmt-strict"),
            known_issues=Path(known) if known else None, role=roles, command=("pytest",),
            req=tuple(dict.fromkeys(ident for role in roles for ident in chosen[role])),
        )  # fmt: skip
        asyncio.run(play_plan(plan, directory))
    except StgcmtError as error:
        raise pytest.UsageError(str(error)) from error
    ours.recording = bundle.load(directory)
    _write(ours, plan, directory)


def _write(ours: Session, plan: Any, directory: Path) -> None:
    from stgcmt import bundle  # noqa: PLC0415 - start-up
    from stgcmt.clock import SystemClock, iso  # noqa: PLC0415 - start-up
    from stgcmt.results import judged_results  # noqa: PLC0415 - start-up

    results, rows = judged_results(ours.recording, plan.suites, judged=iso(SystemClock().wall_ns()))
    found = {(row.role, row.id): row.findings for row in rows}
    ours.results = {"object": results, "findings": found, "directory": directory}
    if ours.handover is not None:
        with ours.handover.open("wb") as file:
            pickle.dump(ours.results, file)
    bundle.write(directory, results, ours.recording, list(plan.command))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """The engine's verdict in place of a plain call."""
    ours = pyfuncitem.config.stash.get(KEY, None)
    suite = ours.role_of(pyfuncitem) if ours else None
    if ours is None or suite is None or not ours.ready():
        return (yield)
    pyfuncitem.obj, called = (lambda **_: None), pyfuncitem.obj
    try:
        yield
    finally:
        pyfuncitem.obj = called
    finding = _standing(ours, pyfuncitem, suite)
    pyfuncitem.stash[FINDING] = finding
    pyfuncitem.user_properties.append(("verdict", str(finding.verdict)))
    if plugin_allure.wanted(pyfuncitem.config):
        plugin_allure.tell(ours.rows_of(pyfuncitem, suite), finding, ours.transcripts())
    verdict, message = str(finding.verdict), finding.message
    if verdict in SKIPPED:
        raise pytest.skip.Exception(f"{verdict}: {message}", _use_item_location=True)
    if verdict == "fail":
        raise AssertionError(message)
    if verdict == "error":
        raise RuntimeError(f"the harness failed: {message}")
    return True


def _standing(ours: Session, item: pytest.Item, suite: Any) -> Any:
    """The worst finding of this check over its requirements, as the engine judged it."""
    from stgcmt.evaluation import Finding  # noqa: PLC0415 - start-up
    from stgcmt.verdict import Verdict, worst  # noqa: PLC0415 - start-up

    assert ours.results is not None, "the recording was judged"  # noqa: S101 - for the type checker
    rows = [ours.results["findings"].get((suite.role, row.id), ()) for row in requirements_of(item, suite)]
    name = check_name(item)
    found = [each for findings in rows for each in findings if each.check == name]
    standing = worst(each.verdict for each in found)
    return next(
        (each for each in found if each.verdict is standing),
        Finding(name, Verdict.NOT_TESTED, message="not played"),
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """A harness error is an error, not a failure; a known issue is an expected failure; failures print our words."""
    report = yield
    finding = item.stash.get(FINDING, None)
    if finding is None or call.when != "call":
        return report
    if str(finding.verdict) == "error":
        report.when = "setup"  # junit writes <error>, the terminal E
    ours = item.config.stash[KEY]
    if str(finding.verdict) == "fail":
        report.longrepr = _words(finding)
        if _excused(ours, item):
            report.outcome = "skipped"
            report.wasxfail = "known issue"
    return report


def _excused(ours: Session, item: pytest.Item) -> bool:
    failed = [row for row in ours.rows_of(item, ours.role_of(item)) if row["verdict"] == "fail"]
    return bool(failed) and all(row["known_issue"] for row in failed)


def _words(finding: Any) -> str:
    places = ", ".join(
        f"{each.transcript}#{each.event}" if each.event else each.transcript for each in finding.evidence
    )
    return f"{finding.message}\nevidence: {places}"


def pytest_report_teststatus(report: Any) -> Any:
    """A warning is passed, and shown."""
    if report.when == "call" and report.passed and ("verdict", "warn") in getattr(report, "user_properties", ()):
        return "warned", "w", ("WARN", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Where the evidence is, and tested / total beside the counts."""
    ours = config.stash.get(KEY, None)
    if ours is None or ours.results is None:
        return
    counts = ours.results["object"]["summary"]
    terminalreporter.section("stgcmt")
    terminalreporter.line(f"tested {counts['tested']} of {counts['total']}; evidence in {ours.results['directory']}")
    if ours.results["object"]["exit_code"] not in (0, 1):
        terminalreporter.line(ours.results["object"]["exit_reason"])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Every exit code but 0 becomes a failed session: nothing judged is no success, nor is a stale known issue."""
    ours = session.config.stash.get(KEY, None)
    if ours is None or ours.results is None:
        return
    if ours.worker is None and session.config.getoption("--alluredir", None):
        plugin_allure.surroundings(session.config, ours.results["object"])
    if session.exitstatus != 0:
        return
    if ours.results["object"]["exit_code"] != 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
