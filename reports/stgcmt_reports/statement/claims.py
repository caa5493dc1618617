"""The claim audit: what the vendor claims, held against what the wire showed.

Four lists: claimed and observed; claimed, not observed; observed, not claimed; contradicted. A claim is contradicted where
the wire shows the opposite, or where the judge says so: then the entry names the finding. Nothing here is a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt_reports.statement.context import Context
from stgcmt_reports.statement.kept import REFUSED, TAKEN, Kept
from stgcmt_reports.statement.observed import REASONS, own_codes
from stgcmt_reports.statement.seen_dimse import NEW, PUSH_MODEL, SAME, DimseSeen
from stgcmt_reports.statement.seen_web import WebSeen
from stgcmt_reports.statement.values import Place, Section, Seen

SCHEMA_VERSION = 1
LISTS = ("observed", "not_observed", "not_claimed", "contradicted")
TITLES = {
    "contradicted": "Contradicted",
    "not_claimed": "Observed, not claimed",
    "not_observed": "Claimed, not observed",
    "observed": "Claimed and observed",
}
RED = ("fail", "warn")
_IMPLICIT = "1.2.840.10008.1.2"
# What an exchange cannot show: habits of the SUT beyond its wire. Other claims without an auditor are a requirement's business.
_UNSEEN = frozenset({"after_commitment", "transaction_limit"})
TOLERANCE, TOLERANCE_S = 0.1, 1.0  # a transaction ends at the first look after its time: a tenth later, or a second
# How a declared cell of the statement says that something does not happen.
_DENIALS = ("not supported", "never", "not sent", "none", "no ")


@dataclass
class Look:
    """What the wire shows of one claim: by value, what supports it and what is against it; ``extra``: without a claim."""

    support: Seen = field(default_factory=Seen)
    against: Seen = field(default_factory=Seen)
    extra: Seen = field(default_factory=Seen)
    why: str = ""


@dataclass(frozen=True)
class Auditor:
    """How one claim of a face is looked at.

    ``decides``: rows whose violation contradicts the claim. ``about``: rows that are its finding where the wire contradicts it.
    """

    face: str
    claim: str
    look: Callable[[Any, Any], Look]
    decides: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    role: str = ""  # whose claim it is, where that is not the face: a proxy's

    @property
    def owner(self) -> str:
        """The table of ``[claims]`` in which the claim stands."""
        return self.role or self.face


def _filtered(seen: Seen, wanted: Callable[[Any], bool], as_: Callable[[Any], Any] = lambda value: value) -> Seen:
    """The sightings whose value fits, under another name."""
    found = Seen()
    for value in seen:
        if wanted(value):
            found.take(as_(value), seen, value)
    return found


def _flag(seen: Seen, true: Callable[[Any], bool], false: Callable[[Any], bool]) -> Look:
    """A yes-or-no claim; seen without a claim only where nothing speaks against it."""
    support = _filtered(seen, true, lambda _: True)
    against = _filtered(seen, false, lambda _: True)
    return Look(support, against, Seen() if against else support)


def _items(support: Seen, extra: Seen | None = None, against: Seen | None = None) -> Look:
    """A claim that lists values."""
    return Look(support, against or Seen(), support if extra is None else extra)


def _retention(web: WebSeen, claimed: Any) -> Look:
    limit = float(claimed) if isinstance(claimed, (int, float)) else 0.0
    return Look(
        _filtered(web.kept, lambda value: value[1], lambda _: claimed),
        _filtered(web.kept, lambda value: not value[1] and value[0] < limit, lambda _: claimed),
    )


def _at_most(seen: Seen, claimed: Any) -> Look:
    limit = int(claimed) if isinstance(claimed, int) else 0
    return Look(
        _filtered(seen, lambda number: 0 < number <= limit, lambda _: claimed),
        _filtered(seen, lambda number: number > limit, lambda _: claimed),
    )


def _synchrony(word: str, other: str) -> Callable[[WebSeen, Any], Look]:
    return lambda web, _claimed: _flag(web.synchrony, lambda value: value == word, lambda value: value == other)


def _types(web: WebSeen) -> Seen:
    return _filtered(web.request_types, lambda value: bool(value[0]), lambda value: value[0])


def _without(web: WebSeen, word: str) -> Look:
    found = _types(web)
    against = _filtered(found, lambda value: word in value, lambda _: True)
    return Look(_filtered(found, lambda value: word not in value, lambda _: True), against)


def _push(dimse: DimseSeen, at: int) -> Seen:
    """Transfer syntaxes (1) or roles (2) that the SUT proposes for the Push Model class."""
    return _filtered(dimse.initiated.contexts, lambda key: key[0] == PUSH_MODEL, lambda key: key[at])


def _arrival(one: DimseSeen, claimed: Any) -> Look:
    """``new`` and ``same`` exclude each other; ``both`` is shown by a report on the association of the request."""
    here = _filtered(one.arrival, lambda value: value == SAME, lambda _: claimed)
    elsewhere = _filtered(one.arrival, lambda value: value == NEW, lambda _: claimed)
    if claimed == "new":
        return Look(elsewhere, here)
    return Look(here, elsewhere if claimed == "same" else Seen())


def _usually(one: DimseSeen, claimed: Any) -> Look:
    """A report within the time shows it; one that is later does not contradict what is usual: the judge decides that."""
    limit = float(claimed) if isinstance(claimed, (int, float)) else 0.0
    return Look(_filtered(one.delays, lambda delay: delay <= limit, lambda _: claimed))


def _given_up(face: DimseSeen | WebSeen, claimed: Any) -> Look:
    """A transaction that ended at that time shows it; one that took longer speaks against it."""
    limit = float(claimed) if isinstance(claimed, (int, float)) else 0.0
    late = limit * (1 + TOLERANCE) + TOLERANCE_S
    return Look(
        _filtered(face.delays, lambda delay: limit * (1 - TOLERANCE) <= delay <= late, lambda _: claimed),
        _filtered(face.delays, lambda delay: delay > late, lambda _: claimed),
    )


def _links(kept: Kept) -> Look:
    """Links in place of pixel data: not taken at all, or taken."""
    return _flag(kept.links, lambda what: what == REFUSED, lambda what: what == TAKEN)


def _outer(web: WebSeen, claimed: Any) -> Look:
    """Nothing speaks against another address of the same server; one that nobody named is no finding."""
    return Look(_filtered(web.bases, lambda base: base == str(claimed).rstrip("/"), lambda _: claimed))


def _both(words: str) -> bool:
    return words == "SCU=1 SCP=1"


AUDITORS: tuple[Auditor, ...] = (
    Auditor("origin_server", "always_synchronous", _synchrony("synchronous", "asynchronous")),
    Auditor("origin_server", "always_asynchronous", _synchrony("asynchronous", "synchronous")),
    Auditor("origin_server", "result_retention_s", _retention, ("WEB-13.2-08",)),
    Auditor("origin_server", "media_types", lambda web, _: _items(web.result_types, against=web.refused_accept), ("WEB-13.2-03",)),
    Auditor("origin_server", "query_parameters", lambda web, _: _items(web.parameters)),
    Auditor("origin_server", "character_sets", lambda web, _: _items(_filtered(web.charsets, lambda name: name != "utf-8"))),
    Auditor("origin_server", "status_codes", lambda web, _: _items(own_codes(web))),
    Auditor(
        "origin_server", "failure_reasons",
        lambda web, _: _items(web.reasons, _filtered(web.reasons, lambda code: code not in REASONS)),
    ),
    Auditor(
        "origin_server", "unsupported_sop_classes",
        lambda web, _: _items(web.refused_classes, against=web.committed_classes), about=("WEB-J.2-13", "WEB-J.2-12"),
    ),
    Auditor("origin_server", "coerced", lambda web, _: _items(web.kept_back.coerced), about=("WEB-J.2-09",)),
    Auditor("origin_server", "no_link_transfer_syntaxes", lambda web, _: _links(web.kept_back), about=("WEB-J.2-10",)),
    Auditor(
        "origin_server", "no_clock",
        lambda web, _: _flag(web.presence["date"], lambda pair: not pair[1], lambda pair: pair[1]), about=("WEB-HTTP-DATE-01",),
    ),
    Auditor("origin_server", "public_base_url", _outer, about=("WEB-8.4.2-03",)),
    Auditor("origin_server", "unsecured", lambda web, _: Look(against=_refusals(web))),
    Auditor(
        "scp", "keeps_undelivered",
        lambda one, _: _flag(one.initiated.failures, lambda pair: "no other" in pair[1], lambda pair: "no other" not in pair[1]),
    ),
    Auditor(
        "scp", "no_invalid_argument_status",
        lambda one, _: Look(against=_filtered(one.action, lambda code: code == 0x0115, lambda _: True)),
    ),
    Auditor(
        "scp", "implicit_only",
        lambda one, _: _flag(_push(one, 1), lambda uid: uid == _IMPLICIT, lambda uid: uid != _IMPLICIT),
    ),
    Auditor("scp", "proposes_both_roles", lambda one, _: _flag(_push(one, 2), _both, lambda words: not _both(words))),
    Auditor(
        "scp", "refuses_file_set",
        lambda one, _: _flag(one.file_set_asked, lambda verb: verb == "refused", lambda verb: verb == "accepted"),
    ),
    Auditor(
        "scp", "no_retrieve_ae_title",
        lambda one, _: _flag(one.retrieve_ae, lambda where: where == "absent", lambda where: where != "absent"),
    ),
    Auditor("scp", "coerced", lambda one, _: _items(one.kept.coerced), about=("DIMSE-J.3.3.1.2-12",)),
    Auditor("scp", "refuses_links", lambda one, _: _links(one.kept), about=("DIMSE-J.1.1-01",)),
    Auditor("scp", "failure_reasons", lambda one, _: _items(one.reasons)),
    Auditor("scp", "report_association", _arrival, about=("DIMSE-DOC-11",)),
    Auditor("scp", "usual_report_delay", _usually, ("DIMSE-DOC-12",)),
    Auditor("scu", "sop_classes", lambda one, _: _items(one.classes)),
    Auditor(
        "scu", "implicit_only",
        lambda one, _: _flag(_push(one, 1), lambda uid: uid == _IMPLICIT, lambda uid: uid != _IMPLICIT),
    ),
    Auditor(
        "scu", "proposes_no_roles",
        lambda one, _: _flag(_push(one, 2), lambda words: words == "default", lambda words: words != "default"),
    ),
    Auditor("user_agent", "media_types", lambda web, _: _items(_types(web)), ("WEB-13.2-03",)),
    Auditor("user_agent", "no_xml", lambda web, _: _without(web, "xml")),
    Auditor("user_agent", "no_multipart", lambda web, _: _without(web, "multipart")),
    Auditor("user_agent", "query_parameters", lambda web, _: _items(web.parameters)),
    Auditor("user_agent", "character_sets", lambda web, _: _items(_filtered(web.charsets, lambda name: name != "utf-8"))),
    Auditor(
        "user_agent", "max_result_checks",
        lambda web, claimed: _at_most(web.checks_made, claimed), about=("WEB-UA-POLL-01", "WEB-13.5.3-12"),
    ),
    Auditor(
        "user_agent", "max_retries",
        lambda web, claimed: _at_most(web.repeats, claimed), about=("WEB-13.5.3-12", "WEB-HTTP-RETRY-01"),
    ),
    Auditor("scp", "gives_up_after_s", _given_up, role="proxy_to_web"),
    Auditor("origin_server", "gives_up_after_s", _given_up, role="proxy_to_dimse"),
)  # fmt: skip


def _refusals(web: WebSeen) -> Seen:
    """Calls that were refused for want of credentials."""
    found = Seen()
    for statuses in (web.request, web.check):
        found.merge(_filtered(statuses, lambda code: code in (401, 403), lambda _: True))
    return found


def audit(evidence: Evidence, context: Context, sections: Sequence[Section] = ()) -> dict[str, Any]:
    """The four lists (``claims.json``). ``sections``: declared cells of the statement are claims, too."""
    rows: Sequence[Mapping[str, Any]] = evidence.results["requirements"]
    entries: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
    known = {(each.owner, each.claim): each for each in AUDITORS}
    for role in dict.fromkeys((*context.roles, *context.faces)):  # a proxy states of its faces what their roles state
        tree = context.claims.get(role, {})
        judged = [row for row in rows if row["role"] == role or role in context.data["roles"].get(row["role"], ())]
        for claim, value in sorted(tree.items()) if isinstance(tree, Mapping) else ():
            auditor = known.get((role, claim))
            seen = context.faces.get(auditor.face) if auditor is not None else None
            look = auditor.look(seen, value) if auditor is not None and seen is not None else None
            for state, entry in _claimed(role, claim, value, look, judged, auditor):
                entries[state].append(entry)
    for auditor in AUDITORS:
        seen = context.faces.get(auditor.face) if auditor.owner == auditor.face else None
        stated = context.claims.get(auditor.face, {})
        if seen is not None and isinstance(stated, Mapping):
            entries["not_claimed"] += _unclaimed(auditor, seen, stated.get(auditor.claim))
    for state, entry in _cells(sections, context.declared.entries):
        entries[state].append(entry)
    return {
        "schema_version": SCHEMA_VERSION,
        "counts": {name: len(entries[name]) for name in LISTS},
        **entries,
        "unknown_slots": list(context.declared.unused),
    }


def _claimed(
    role: str, claim: str, value: Any, look: Look | None, rows: Sequence[Mapping[str, Any]], auditor: Auditor | None
) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each value that is claimed, with its list: a claim of several values is one entry a value."""
    decides, about = (auditor.decides, auditor.about) if auditor is not None else ((), ())
    findings = [row for row in rows if _contradicts(row, f"{role}.{claim}", decides)]
    near = [row["id"] for row in rows if row["id"] in about and row["verdict"] in RED]
    several = isinstance(value, (list, tuple))
    for one in value if several else (value,):
        entry = _entry(role, claim, one)
        look_ = look or Look(
            why="nothing on the wire can show it" if claim in _UNSEEN else "not looked at by this audit"
        )
        against, support = look_.against, look_.support
        if one is False:
            against, support = support, against
        key = True if isinstance(one, bool) else one
        mine = findings if not several or not support.places(key) else []
        if key in against or mine:
            places = against.places(key) if key in against else tuple(_cited(mine))
            count = against.count(key) if key in against else len(places)
            yield "contradicted", entry | _where(places, count) | {"findings": [row["id"] for row in findings] or near}
        elif key in support:
            yield "observed", entry | _where(support.places(key), support.count(key))
        else:
            yield "not_observed", entry | {"why": look_.why or "not seen in this run"}


def _contradicts(row: Mapping[str, Any], name: str, decides: tuple[str, ...]) -> bool:
    """Whether a judged row says that a claim is not true."""
    if row["outcome"] == "claim-contradicted":
        return bool(row["expected"].endswith(f": {name}"))
    return row["id"] in decides and row["verdict"] in RED and row["outcome"] == "violation"


def _cited(rows: Iterable[Mapping[str, Any]]) -> Iterable[Place]:
    for row in rows:
        for each in row["evidence"]:
            yield Place(each["transcript"], "", (each["event"],) if each["event"] is not None else ())


def _unclaimed(auditor: Auditor, seen: Any, claimed: Any) -> list[dict[str, Any]]:
    """What the wire shows and no claim says."""
    extra = auditor.look(seen, claimed).extra
    stated = list(claimed) if isinstance(claimed, (list, tuple)) else [] if claimed is None else [True, claimed]
    return [
        _entry(auditor.face, auditor.claim, value) | _where(extra.places(value), extra.count(value))
        for value in sorted(extra, key=str)
        if value not in stated
    ]


def _cells(sections: Sequence[Section], entries: Mapping[str, str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Declared cells: denied and yet seen is a contradiction."""
    done: set[str] = set()
    for section in sections:
        for table in section.tables:
            for row in table.rows:
                for cell in row.cells:
                    if cell.kind != "declared" or cell.slot not in entries or cell.slot in done:
                        continue
                    done.add(cell.slot)
                    entry = _entry("statement", cell.slot, cell.text) | {"table": table.key, "row": row.key}
                    if not cell.places:
                        yield "not_observed", entry | {"why": "not seen in this run"}
                    elif cell.text.lower().startswith(_DENIALS):
                        yield "contradicted", entry | _where(cell.places, cell.count) | {"findings": []}
                    else:
                        yield "observed", entry | _where(cell.places, cell.count)


def _entry(role: str, claim: str, value: Any) -> dict[str, Any]:
    return {"role": role, "claim": claim, "value": value}


def _where(places: tuple[Place, ...], count: int) -> dict[str, Any]:
    return {
        "count": count,
        "evidence": [
            {"transcript": place.transcript, "step": place.step or None, "events": list(place.events)} for place in places[:8]
        ],
    }  # fmt: skip
