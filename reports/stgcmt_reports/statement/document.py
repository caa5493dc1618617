"""The document: which sections there are, in which order, and what fills them. ``build`` is a pure function of evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt.transcript import Transcript
from stgcmt_reports.statement import claims, editions, readings, tables_dimse, tables_general, tables_web
from stgcmt_reports.statement.cells import Declared
from stgcmt_reports.statement.context import Context
from stgcmt_reports.statement.observed import FaceSeen
from stgcmt_reports.statement.seen_dimse import observe as observe_dimse
from stgcmt_reports.statement.seen_web import observe as observe_web
from stgcmt_reports.statement.values import Section, Statement, Table

RUN = "run"
DIMSE_FACES = {"scp": False, "scu": True}
WEB_FACES = {"origin_server": False, "user_agent": True}
_FILL: Mapping[str, Callable[[Context, str, str], tuple[Any, ...]]] = {
    "content": tables_general.content,
    "security": tables_general.security,
    "configuration_dimse": tables_dimse.configuration,
    "association": tables_dimse.parameters,
    "initiation": tables_dimse.initiation,
    "acceptance": tables_dimse.acceptance,
    "failure_initiator": tables_dimse.failures,
    "failure_acceptor": tables_dimse.failures,
    "status_dimse": tables_dimse.statuses,
    "configuration_web": tables_web.configuration,
    "status_web": tables_web.statuses,
    # by the name of the table, in sections of one face
    "items": tables_general.points,
    "duties": tables_general.points,
    "reasons": tables_dimse.reasons,
    "resources": tables_web.resources,
    "headers": tables_web.headers,
}
TRUST = "self-run, unsigned: nobody but the one who ran it vouches for it"


def build(evidence: Evidence) -> Statement:
    """The conformance statement of one judged bundle."""
    context = make_context(evidence)
    sections = tuple(_section(context, key, data) for key, data in context.data["sections"].items())
    return Statement(
        _head(evidence, context),
        sections,
        claims.audit(evidence, context, sections),
        readings.ledger(evidence.results, context.faces),
    )


def make_context(evidence: Evidence) -> Context:
    """Everything that the tables are filled from."""
    results = evidence.results
    data = editions.fitting(results.get("edition"))
    run = evidence.transcripts.get(RUN)
    stated = run.header.info.get("claims", {}) if run is not None else {}
    recordings = {name: each for name, each in evidence.transcripts.items() if name != RUN}
    sut = results.get("sut", {})
    roles = tuple(sut.get("roles") or dict.fromkeys(row["role"] for row in results["requirements"]))
    return Context(data, roles, faces_of(data, roles, recordings), Declared.of(stated), stated, evidence.sut)


def faces_of(
    data: Mapping[str, Any], roles: tuple[str, ...], recordings: Mapping[str, Transcript]
) -> dict[str, FaceSeen]:
    """What was seen of each face that the roles have; a role that the data do not know has those that its traffic shows."""
    known: Mapping[str, list[str]] = data["roles"]
    faces: dict[str, FaceSeen] = {}
    for face in (*DIMSE_FACES, *WEB_FACES):
        of = {
            name: each
            for name, each in recordings.items()
            if each.header.role in roles and face in known.get(each.header.role, (face,))
        }
        expected = any(face in known.get(role, ()) for role in roles)
        if not of and not expected:
            continue
        seen: FaceSeen = (
            observe_dimse(of, sut_asks=DIMSE_FACES[face])
            if face in DIMSE_FACES
            else observe_web(of, sut_asks=WEB_FACES[face])
        )
        if expected or seen.anything:
            faces[face] = seen
    return faces


def _head(evidence: Evidence, context: Context) -> dict[str, Any]:
    results = evidence.results
    summary = results["summary"]
    return {
        "sut": dict(results.get("sut", {})),
        "roles": list(context.roles),
        "faces": {face: context.data["faces"][face] for face in context.faces},
        "tool": dict(results["tool"]),
        "suites": {role: dict(each) for role, each in results["suites"].items()},
        "edition": results.get("edition"),
        "numbering": context.data["edition"],
        "profile": results["profile"],
        "started": results["started"],
        "state": results["state"],
        "tested": summary["tested"],
        "total": summary["total"],
        "unjudged": _unjudged(results["requirements"]),
        "known_issues": [f"{each['id']} ({each['role']})" for each in results["known_issues"]["applied"]],
        "jitter_s": _jitter_s(evidence.transcripts.get(RUN)),
        "trust": "; ".join([TRUST, *_changed(results)]),
    }


def _changed(results: Mapping[str, Any]) -> list[str]:
    return [
        f"lowered: the recording differs from its manifest ({each})" for each in results.get("recording_differs", ())
    ]


def _unjudged(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows have no verdict that counts, by the reason."""
    excluded = sum(bool(row["excluded"]) for row in rows)
    verdicts = [row["verdict"] for row in rows if not row["excluded"]]
    return {"excluded": excluded} | {word: verdicts.count(word) for word in ("not-tested", "inconclusive", "error")}


def _jitter_s(run: Transcript | None) -> float:
    notes = run.of("note") if run is not None else ()
    return max((float(each.info.get("max_s", 0)) for each in notes if each.info.get("what") == "jitter"), default=0.0)


def _section(context: Context, key: str, data: Mapping[str, Any]) -> Section:
    applies = context.applies(data)
    filled: list[Table] = []
    for name, table in data["tables"].items() if applies else ():
        if table.get("face") and table["face"] not in context.faces:
            continue
        fill = _FILL.get(key) or _FILL[name]
        rows = fill(context, key, name)
        filled.append(
            Table(
                f"{key}.{name}", table.get("number", ""), table["title"], tuple(table["columns"]), rows,
                table.get("seen", "read"),
            )
        )  # fmt: skip
    return Section(
        key, data.get("number", ""), data["title"], tuple(filled), applies=applies, seen=data.get("seen", "read")
    )
