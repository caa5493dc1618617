"""Tables that every face has: content, points and duties, security."""

from __future__ import annotations

from typing import Any

from stgcmt_reports.decode import uid_name
from stgcmt_reports.statement import stated
from stgcmt_reports.statement.cells import fixed, listed, row
from stgcmt_reports.statement.context import Context
from stgcmt_reports.statement.kept import LINKS
from stgcmt_reports.statement.observed import observation
from stgcmt_reports.statement.seen_dimse import PUSH_MODEL
from stgcmt_reports.statement.values import Cell, Row, Seen

_TLS_PROFILES = (
    "BCP 195 RFC 8996 TLS Secure Transport Connection",
    "Modified BCP 195 RFC 8996 TLS Secure Transport Connection",
)


def named(uid: str) -> str:
    """A UID's registered name, or the UID."""
    text = uid_name(uid)
    return text.partition(" (")[2].removesuffix(")") or uid


def content(context: Context, _key: str, name: str) -> tuple[Row, ...]:
    """Tables N.1-1 and N.1-2: SOP Classes and transfer syntaxes of the commitment traffic."""
    return _classes(context) if name == "classes" else _syntaxes(context)


def _classes(context: Context) -> tuple[Row, ...]:
    push = Seen()
    for seen in context.dimse.values():
        push.merge(seen.action)
    roles = listed({"scp": "SCP", "scu": "SCU"}[face] for face in context.dimse) or "no"
    web = listed({"origin_server": "OS", "user_agent": "UA"}[face] for face in context.web) or "no"
    rows = [
        row(
            PUSH_MODEL, named(PUSH_MODEL), PUSH_MODEL,
            context.declared.cell("content.push_model.dimse", push, text=roles) if context.dimse else fixed("no"),
            fixed("does not exist on the web: the service stands in its place"),
            fixed("-"),
        )
    ]  # fmt: skip
    asked = Seen()
    for face_seen in context.faces.values():
        asked.merge(face_seen.classes)
    dimse = Seen()
    for seen in context.dimse.values():
        dimse.merge(seen.stored)
    committed = {uid for web_seen in context.web.values() for uid in web_seen.committed_classes}
    for uid in sorted(asked):
        known = named(uid) != uid or uid in dimse or uid in committed
        if not known and stated.commitment_of(context, uid) is None:
            continue  # a class that the harness made up for one question
        rows.append(
            row(
                uid, named(uid), uid,
                context.declared.cell(f"content.{uid}.dimse", dimse, uid, text=_stored(context), hint="not seen: SCU, SCP or no"),
                context.declared.cell(f"content.{uid}.web", hint=f"{web if web != 'no' else 'UA, OS'} or no"),
                context.declared.cell(
                    f"content.{uid}.commitment", asked, uid, text=_fate(context, uid), stated=stated.commitment_of(context, uid)
                ),
            )
        )  # fmt: skip
    return tuple(rows)


def _stored(context: Context) -> str:
    return f"{listed({'scp': 'SCP', 'scu': 'SCU'}[face] for face in context.dimse)}: stored by C-STORE"


def _fate(context: Context, uid: str) -> str:
    """What became of a class in requests, where the SUT commits."""
    web = context.web.get("origin_server")
    if web is None:
        return "named in requests"
    if uid in web.committed_classes:
        return "named in requests, and committed"
    return "named in requests; failed as not supported" if uid in web.refused_classes else "named in requests"


def _syntaxes(context: Context) -> tuple[Row, ...]:
    offered, accepted = Seen(), Seen()
    for seen in context.dimse.values():
        for side, into in ((seen.initiated, offered), (seen.accepted, accepted)):
            for key in side.contexts:
                into.take(key[1], side.contexts, key)
    declared = context.declared
    links = LINKS if stated.links(context) else frozenset()
    return tuple(
        row(
            uid, named(uid), uid,
            declared.cell(f"syntax.{uid}.offered", offered, uid, text="offered", hint="not seen: yes or no"),
            declared.cell(
                f"syntax.{uid}.accepted", accepted, uid, text="accepted", hint="not seen: yes or no",
                stated="no" if uid in links else None,
            ),
        )
        for uid in sorted({*offered, *accepted, *links})
        if uid
    )  # fmt: skip


def points(context: Context, key: str, name: str) -> tuple[Row, ...]:
    """The points of a service description (``items``), or documentation duties."""
    section = context.data["sections"][key]
    face = section.get("face") or next(role for role in context.roles if role in context.data["points"])
    duties = name == "duties"
    rows: list[Row] = []
    for point in context.data["duties" if duties else "points"].get(face, ()):
        cell = point_cell(context, face, point)
        if duties:
            rows.append(row(point["id"], f"{point['id']}: {point['text']}", point["clause"], cell))
        else:
            rows.append(row(point["slot"], point["text"], cell))
    return tuple(rows)


def point_cell(context: Context, face: str, point: dict[str, Any]) -> Cell:
    """The statement of one point."""
    seen_of = context.faces.get(face)
    found = observation(point.get("seen", ""), seen_of) if seen_of is not None else None
    told = [
        context.claimed(each["claim"], each.get("claim_text", "{}"), each.get("claim_words"))
        for each in point.get("claims", [point] if "claim" in point else [])
    ]
    claim = "; ".join(filter(None, told)) or None
    if found is None:
        return context.declared.cell(point["slot"], stated=claim)
    seen, values, text = found
    return context.declared.cell(point["slot"], seen, *values, text=text, stated=claim)


def security(context: Context, _key: str, name: str) -> tuple[Row, ...]:
    """Security profiles, access control."""
    return _profiles(context) if name == "profiles" else _access(context)


def _profiles(context: Context) -> tuple[Row, ...]:
    """TLS as negotiated, by face; a profile is more than a handshake, so its name is the vendor's to state."""
    rows: list[Row] = []
    for face in context.faces:
        seen = Seen()
        if face in context.dimse:
            one = context.dimse[face]
            seen.merge(one.initiated.tls)
            seen.merge(one.accepted.tls)
        else:
            seen.merge(context.web[face].tls)
        slot = f"{face}.tls"
        rows.append(
            row(
                face,
                context.declared.cell(f"{slot}.profile", hint=f"one of: {'; '.join(_TLS_PROFILES)}; or none"),
                context.data["faces"][face],
                context.declared.cell(
                    f"{slot}.versions", seen,
                    text=lambda values: listed(f"{version} {cipher}" for version, cipher in values),
                    hint="no TLS connection was seen: versions and cipher suites, or none",
                ),
                context.declared.cell(f"{slot}.client_certificate", hint="asked for or not"),
                context.declared.cell(f"{slot}.port", hint="TCP port, or how it is chosen"),
                context.declared.cell(f"{slot}.keys", hint="how keys and certificates are managed"),
            )
        )  # fmt: skip
    return tuple(rows)


def _access(context: Context) -> tuple[Row, ...]:
    rows: list[Row] = []
    for face, one in context.dimse.items():
        rows.append(
            row(
                f"{face}.identity",
                f"User Identity negotiation, {context.data['faces'][face]}",
                context.declared.cell(
                    f"{face}.identity", one.initiated.identity, text="offered", hint="not seen: types and use, or none"
                ),
            )
        )
    for face, web in context.web.items():
        header = "authorization" if web.sut_asks else "www-authenticate"
        seen = web.headers.get(header, Seen())
        refused = Seen()
        for statuses in () if web.sut_asks else (web.request, web.check):
            for status in (401, 403):
                if status in statuses:
                    refused.take(status, statuses, status)
        what = "Credentials sent" if web.sut_asks else "Credentials asked for"
        used = seen or refused
        rows.append(
            row(
                f"{face}.credentials",
                f"{what}, {context.data['faces'][face]}",
                context.declared.cell(
                    f"{face}.credentials", used, text=listed, hint="not seen: scheme, or none",
                    stated="none" if stated.flag(context, f"{face}.unsecured") else None,
                ),
            )
        )  # fmt: skip
    return tuple(rows)
