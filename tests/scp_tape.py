"""Recordings of an SCP made by hand: what a scenario of the suite would have left, each part replaceable."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stgcmt.suite import Event, Transcript
from stgcmt.transcript import Footer, Header
from stgcmt.wire import command as cmd
from stgcmt.wire import items, pdu, pdv
from stgcmt.wire.dataset import encode
from stgcmt.wire.negotiation import Policy, Proposal, granted

PUSH, PUSH_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
US, THEM = "STGCMT1", "ARCHIVE"
TUID = "2.25.1001"
MS = 1_000_000


def refs(*uids: str, sop_class: str = CT) -> list[tuple[str, str]]:
    return [(sop_class, uid) for uid in uids]


def sequence(references: Sequence[tuple[str, str]], extra: Mapping[str, Sequence[Any]] | None = None) -> list[Any]:
    return [
        [(0x00081150, "UI", one), (0x00081155, "UI", two), *((extra or {}).get(two, ()))] for one, two in references
    ]


def asking(tuid: str, references: Sequence[tuple[str, str]]) -> list[Any]:
    return [(0x00081195, "UI", tuid), (0x00081199, "SQ", sequence(references))]


def telling(
    tuid: str, committed: Sequence[tuple[str, str]], failed: Sequence[tuple[str, str, int | None]] = ()
) -> list[Any]:
    """Event Information as Table J.3-2 wants it."""
    elements: list[Any] = [(0x00081195, "UI", tuid)]
    if failed:
        items_ = [
            [(0x00081150, "UI", one), (0x00081155, "UI", two), *([(0x00081197, "US", why)] if why is not None else [])]
            for one, two, why in failed
        ]
        elements.append((0x00081198, "SQ", items_))
    if committed:
        elements.append((0x00081199, "SQ", sequence(committed)))
    return elements


@dataclass
class Tape:
    """Builds one transcript; every call moves the clock by a millisecond."""

    scenario: str
    events: list[Event] = field(default_factory=list)
    now: int = 0
    conn: int = 0
    message_id: int = 0

    def event(
        self, kind: str, data: bytes = b"", conn: int | None = None, step: str | None = None, **info: Any
    ) -> None:
        self.now += MS
        self.events.append(Event(len(self.events) + 1, self.now, kind, data, conn, step, info))

    def seed(self, uid: str, sop_class: str = CT) -> None:
        self.event("seed", ok=True, how="c-store", sop_class_uid=sop_class, sop_instance_uid=uid)

    def minted(self, *uids: str, what: str = "instance") -> None:
        for uid in uids:
            self.event("uid", uid=uid, what=what)

    def associate(
        self,
        side: str,
        step: str | None = None,
        *,
        roles: tuple[items.Role, ...] = (),
        syntaxes: tuple[str, ...] = (IMPLICIT, EXPLICIT),
        policy: Policy | None = None,
        calling: str | None = None,
        called: str | None = None,
        ext_neg: tuple[items.Extended, ...] = (),
        reject: tuple[int, int, int] | None = None,
        max_pdu: int = 16384,
    ) -> Line:
        """An association that ``side`` (what the harness was) opened or accepted."""
        self.conn += 1
        ours = side == "requestor"
        self.event("conn.open", conn=self.conn, step=step, protocol="dimse", side=side, local="l", peer="p")
        rq = Proposal(((PUSH, syntaxes),), roles=roles, ext_neg=ext_neg).encode(
            called_ae=called or (THEM if ours else US), calling_ae=calling or (US if ours else THEM), max_pdu=max_pdu
        )
        line = Line(self, self.conn, ours, step)
        line.raw(rq, out=ours)
        asked = items.decode_rq(rq[6:])
        if reject:
            line.raw(pdu.encode_reject(*reject), out=not ours)
            return line
        ac = (policy or Policy(None, (IMPLICIT, EXPLICIT))).encode(rq[6:], asked, max_pdu=max_pdu)
        line.raw(ac, out=not ours)
        contexts = granted(asked, items.decode_ac(ac[6:]))
        line.syntax = contexts[0].transfer_syntax if contexts else IMPLICIT
        return line

    def transcript(self) -> Transcript:
        header = Header(self.scenario, "scp", 0, 0)
        return Transcript(header, tuple(self.events), Footer("complete", len(self.events)))


@dataclass
class Line:
    """One association of a tape."""

    tape: Tape
    conn: int
    ours: bool
    step: str | None
    syntax: str = IMPLICIT

    def raw(self, data: bytes, *, out: bool) -> None:
        self.tape.event("dimse.out" if out else "dimse.in", data, self.conn, self.step if out else None)

    def message(
        self, values: Mapping[int, Any], elements: Any = None, *, out: bool, syntax: str | None = None, cut: int = 16384
    ) -> None:
        data = elements if isinstance(elements, bytes | None) else encode(elements, syntax or self.syntax)
        frames = list(pdv.fragment(1, cmd.encode(values), cut, is_command=True))
        if data is not None:
            frames += pdv.fragment(1, data, cut, is_command=False)
        for one in frames:
            self.raw(one, out=out)

    def action(self, elements: Any, *, message_id: int = 1, **fields: Any) -> None:
        values = {cmd.REQUESTED_CLASS: PUSH, cmd.REQUESTED_INSTANCE: PUSH_INSTANCE, cmd.ACTION_TYPE: 1}
        asked = cmd.request(cmd.N_ACTION_RQ, message_id, values, has_data=elements is not None)
        self.message({**asked, **fields.get("command", {})}, elements, out=True)

    def answer(self, status: int | None, fields: Mapping[int, Any] | None = None, *, message_id: int = 1) -> None:
        values = {
            cmd.FIELD: cmd.N_ACTION_RQ | cmd.RESPONSE,
            cmd.RESPONDED_TO: message_id,
            cmd.DATA_SET_TYPE: cmd.NO_DATA_SET,
            cmd.STATUS: status,
            cmd.AFFECTED_CLASS: PUSH,
            cmd.AFFECTED_INSTANCE: PUSH_INSTANCE,
            cmd.ACTION_TYPE: 1,
        }
        self.message({**values, **(fields or {})}, out=False)

    def report(
        self,
        elements: Any,
        event_type: int | None,
        fields: Mapping[int, Any] | None = None,
        *,
        response: int | None = 0,
        syntax: str | None = None,
        cut: int = 16384,
    ) -> None:
        values = {cmd.AFFECTED_CLASS: PUSH, cmd.AFFECTED_INSTANCE: PUSH_INSTANCE, cmd.EVENT_TYPE: event_type}
        self.tape.message_id += 1
        asked = cmd.request(cmd.N_EVENT_REPORT_RQ, self.tape.message_id, values, has_data=elements is not None)
        self.message({**asked, **(fields or {})}, elements, out=False, syntax=syntax, cut=cut)
        if response is not None:
            said = cmd.response(cmd.decode(cmd.encode(asked)), response, {})
            self.message(said, out=True)

    def release(self) -> None:
        self.raw(pdu.encode(pdu.RELEASE_RQ, bytes(4)), out=self.ours)
        self.raw(pdu.encode(pdu.RELEASE_RP, bytes(4)), out=not self.ours)
        self.tape.event("conn.close", conn=self.conn, how="release")


SCP_ROLE = (items.Role(PUSH, 0, 1),)


def request(tape: Tape, step: str, elements: Any, status: int | None = 0, **options: Any) -> None:
    """One request on an association of its own that is released at once; ``status`` ``None``: no response."""
    line = tape.associate("requestor", step)
    line.action(elements, **options)
    if status is not None:
        line.answer(status)
    line.release()


def report(tape: Tape, elements: Any, event_type: int | None, *, roles: Any = SCP_ROLE, **options: Any) -> None:
    """One report on an association that the SUT opens; ``line`` options of ``associate`` in ``open``."""
    line = tape.associate("acceptor", roles=roles, **options.pop("open", {}))
    line.report(elements, event_type, **options)
    line.release()


def plain(scenario: str = "plain_commitment", uids: Sequence[str] = ("1.2.3.1",), **changes: Any) -> Transcript:
    """A request for stored instances and its report; ``changes`` replace ``status``, ``elements``, ``event_type`` …"""
    tape = Tape(scenario)
    tape.event("decision", what="destination", ae_title=US, port=1)
    for uid in uids:
        tape.seed(uid)
    request(tape, "request", asking(TUID, refs(*uids)), changes.pop("status", 0))
    if changes.pop("reported", True):
        elements = changes.pop("elements", telling(TUID, refs(*uids)))
        report(tape, elements, changes.pop("event_type", 1), **changes)
    return tape.transcript()


def missing(scenario: str = "partly_missing", **changes: Any) -> Transcript:
    """A request for one stored and one missing instance (``all_missing``: two missing ones), and its report."""
    tape = Tape(scenario)
    there, gone = (("1.2.3.1",), ("1.2.3.2",)) if scenario == "partly_missing" else ((), ("1.2.3.2", "1.2.3.3"))
    tape.minted(*there, *gone)
    for uid in there:
        tape.seed(uid)
    request(tape, "request", asking(TUID, refs(*there, *gone)), changes.pop("status", 0))
    told = telling(TUID, refs(*there), [(CT, uid, 0x0112) for uid in gone])
    report(tape, changes.pop("elements", told), changes.pop("event_type", 2), **changes)
    return tape.transcript()


def matrix(scenario: str, statuses: Mapping[str, int | None], control: int | None = 0) -> Transcript:
    """A control request with its report, and defects with their statuses; ``None``: no response."""
    tape = Tape(scenario)
    tape.seed("1.2.3.1")
    request(tape, "control", asking(TUID, refs("1.2.3.1")), control)
    for number, (step, status) in enumerate(statuses.items()):
        request(tape, step, asking(f"2.25.2{number}", refs("1.2.3.1")), status)
    return tape.transcript()


def renamed(transcript: Transcript, scenario: str) -> Transcript:
    """The same events under another scenario's name."""
    return dataclasses.replace(transcript, header=dataclasses.replace(transcript.header, scenario=scenario))
