"""A DIMSE finding as a Python script on pynetdicom: associations, requests and waits in the recorded order.

Where pynetdicom's high-level call would send the same data set, the script uses it; what it would refuse or repair is
sent as the recorded PDUs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files as resources
from io import BytesIO
from typing import Any

from stgcmt.clock import NS
from stgcmt.views.association import Association, Message
from stgcmt.views.dimse import dimse
from stgcmt.wire import pdu
from stgcmt_reports.reproduce import Case, one_line

TEMPLATE = "reproduce.py.j2"
WAIT_S = 10.0  # for a report where the recording names no wait
ITEMS = 50  # a data set with more references stands in a file
_SIMPLE = frozenset(
    [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "US",
        "UL",
        "SS",
        "SL",
        "UT",
    ]
)
_STORE, _ACTION, _ECHO = "C-STORE-RQ", "N-ACTION-RQ", "C-ECHO-RQ"


@dataclass(frozen=True)
class _Act:
    """Something that the harness did, as lines of the script."""

    t: int
    n: int
    lines: tuple[str, ...]


def files(case: Case) -> dict[str, bytes]:
    """The script, and the data that it sends, by their names."""
    return _Script(case).files()


class _Script:
    """One script under construction."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.view = dimse(case.transcript)
        self.until = max((event.t for event in case.transcript.events if event.n in case.cited), default=None)
        self.data: dict[str, bytes] = {}
        self.uids = case.transactions
        self.calls = [each for each in self.view.associations(side="requestor") if self._kept(each.t_open)]
        self.main = next((each for each in reversed(self.calls) if each.step not in ("seed", "retrieve")), None)
        self.main = self.main or next(iter(self.calls), None)
        self.calling = self._destination() or (self.main.calling_ae if self.main else "STGCMT")

    def files(self) -> dict[str, bytes]:
        """The script and its data."""
        import jinja2  # noqa: PLC0415 - start-up

        acts = sorted(self._acts(), key=lambda act: (act.t, act.n))
        source = resources("stgcmt_reports").joinpath("templates", TEMPLATE).read_text("utf-8")
        environment = jinja2.Environment(  # noqa: S701 - the result is Python; what is put in comes as literals
            trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
        )
        row = self.case.row
        text = environment.from_string(source).render(
            row=row,
            title=_comment(row["title"]),
            expected=_comment(row["expected"] or row["statement"]),
            seen=_comment("; ".join(row["seen"]) or row["message"]),
            name=self.case.name,
            steps=[line for act in acts for line in act.lines],
            uids=self.uids,
            mode=_comment(self.case.mode),
            wait=self._report_wait(),
            **self._peers(),
        )
        return {self.case.name: text.encode(), **self.data}

    def _peers(self) -> dict[str, Any]:
        """Host, port and AE titles as recorded, the SUT's and ours."""
        host, port = _address(self.main.peer) if self.main else ("127.0.0.1", 104)
        reports = self.view.associations(side="acceptor")
        calling = self.calling
        listen = _address(reports[0].local) if reports else ("127.0.0.1", self._destination_port(calling))
        answers = [each for each in self.view.messages("N-EVENT-REPORT-RSP", incoming=False) if each.status is not None]
        accepted = [each.transfer_syntax for assoc in reports for each in assoc.contexts if each.transfer_syntax]
        return {
            "host": host,
            "port": port,
            "called": self.main.called_ae if self.main else "ANY-SCP",
            "calling": calling,
            "listen_host": listen[0],
            "listen_port": listen[1],
            "listen_ae": (reports[0].called_ae if reports else "") or calling,
            "report_status": answers[0].status if answers else 0,
            "report_syntaxes": list(dict.fromkeys(accepted)),
            "note": self._listener_note(reports),
            "tls": self.case.section.get("tls"),
            "listen_tls": self._own(calling).get("tls") or {},
        }

    def _destination(self) -> str:
        """The AE title under which the scenario called and awaited reports; empty where it had no destination."""
        chosen = [each.info for each in self.case.transcript.of("decision") if each.info.get("what") == "destination"]
        return str(chosen[0].get("ae_title", "")) if chosen else ""

    def _destination_port(self, calling: str) -> int:
        """The port of the destination that the scenario had; 0 lets the system choose."""
        for event in self.case.transcript.of("decision"):
            if event.info.get("what") == "destination" and event.info.get("ae_title") == calling:
                return int(event.info.get("port") or 0)
        return int(self._own(calling).get("port", 0))

    def _own(self, ae_title: str) -> dict[str, Any]:
        """The destination of this AE title in the SUT file; empty where there is none."""
        places = self.case.section.get("destinations", ())
        return next((dict(each) for each in places if each.get("ae_title") == ae_title), {})

    @staticmethod
    def _listener_note(reports: tuple[Association, ...]) -> str:
        """What the recorded listener did that this script's listener does not."""
        if any(each.rj is not None for each in reports):
            return "In the recording the listener rejected an association for the report; this script accepts it."
        if any(each.abort is not None and each.abort.by == "harness" for each in reports):
            return "In the recording the listener aborted the association of the report; this script does not."
        return ""

    def _report_wait(self) -> float:
        waits = [
            event.info.get("seconds")
            for event in self.case.transcript.of("wait.start")
            if event.info.get("reason") == "report"
        ]
        return max((float(each) for each in waits if each), default=WAIT_S)

    def _kept(self, t: int) -> bool:
        return self.until is None or t <= self.until

    def _acts(self) -> Iterator[_Act]:
        for number, assoc in enumerate(self.calls, 1):
            yield from self._association(f"assoc{number}", assoc)
        yield from self._waits()
        seeds = [
            event for event in self.case.transcript.of("seed") if event.info.get("how") not in ("c-store", "none", None)
        ]
        for event in seeds:
            uid, how = event.info.get("sop_instance_uid"), event.info.get("how")
            yield _Act(
                event.t, event.n, (f"# the recorded scenario had brought {uid} into the SUT ({how}); do that first",)
            )

    def _association(self, name: str, assoc: Association) -> Iterator[_Act]:
        if assoc.rq is None:
            return
        contexts = [(each.abstract_syntax, list(each.transfer_syntaxes)) for each in assoc.rq.contexts]
        roles = [(role.uid, role.scu, role.scp) for role in assoc.rq.roles]
        peer = (
            "(args.host, args.port)"
            if self.main is None or assoc.peer == self.main.peer
            else repr(_address(assoc.peer))
        )
        mine = self.main is None or assoc.called_ae == self.main.called_ae
        called = "args.called" if mine else repr(assoc.called_ae)
        calling = "args.calling" if assoc.calling_ae == self.calling else repr(assoc.calling_ae)
        size = assoc.rq.max_pdu or 16382
        yield _Act(
            assoc.t_open,
            assoc.record[0].n,
            (
                "",
                f"{name} = call({peer}, {called}, {calling}, {contexts!r}, {roles!r}, {size}, args.client_tls)",
            ),
        )
        for message in assoc.messages:
            if not message.incoming and not message.is_response and self._kept(message.t_first):
                yield _Act(message.t_first, message.events[0], tuple(self._message(name, message)))
        for one in assoc.pdus:
            if not one.incoming and one.pdu.type in (pdu.RELEASE_RQ, pdu.ABORT):
                verb = "release" if one.pdu.type == pdu.RELEASE_RQ else "abort"
                yield _Act(one.t_first, one.events[0], (f"end({name}, {verb!r})",))

    def _message(self, name: str, message: Message) -> Iterator[str]:
        number = len(self.data) + 1
        command = message.command
        if message.step and message.step not in ("seed", "retrieve"):
            yield f"say({f'[{one_line(message.step)}]'!r})"
        if message.kind == _ECHO:
            yield f"show('C-ECHO', {name}.send_c_echo() if {name}.is_established else None)"
        elif message.kind == _STORE and message.complete and command.affected_class and command.affected_instance:
            path = f"{self.case.files}/{number:02d}-instance.dcm"
            self.data[path] = _part10(message)
            yield f"store({name}, {path!r})"
        elif message.kind == _ACTION and (code := self._high_level(message, number)):
            yield from code
            ids = f"{command.action_type}, {command.requested_class!r}, {command.requested_instance!r}"
            yield f"action({name}, data_set, {ids}, {message.abstract_syntax!r})"
        elif message.kind.startswith(("C-GET", "C-MOVE", "C-FIND")):
            yield f"# the recorded {message.kind} is left out"
        else:
            path = f"{self.case.files}/{number:02d}-pdus.bin"
            self.data[path] = b"".join(self._event_data(n) for n in message.events)
            yield f"raw({name}, {path!r}, {message.kind!r})"
        if self.case.cited & {n for each in (message, *message.responses) for n in each.events}:
            yield "say('<== the finding')"

    def _event_data(self, n: int) -> bytes:
        event = self.case.transcript.event(n)
        return event.data if event.kind == "dimse.out" else b""

    def _high_level(self, message: Message, number: int) -> list[str]:
        """The lines that build the data set; empty where pynetdicom would not send the recorded message."""
        command = message.command
        regular = message.complete and not message.faults and message.data and message.transfer_syntax
        if not regular or None in (command.action_type, command.requested_class, command.requested_instance):
            return []
        syntax = str(message.transfer_syntax)
        data_set = _decoded(message.data or b"", syntax)
        if data_set is None:
            return []
        lines = list(_code(data_set, "data_set", {uid: f"TX[{place}]" for place, uid in enumerate(self.uids)}))
        if "" not in lines and len(lines) <= 4 * ITEMS:
            return ["data_set = Dataset()", *lines]
        path = f"{self.case.files}/{number:02d}-request.bin"
        self.data[path] = message.data or b""
        return [f"data_set = read({path!r}, {syntax!r})"]

    def _waits(self) -> Iterator[_Act]:
        """The waits up to the finding, and the first for a report after it: what never came is seen by waiting."""
        ends = self.case.transcript.of("wait.end")
        for event in self.case.transcript.of("wait.start"):
            if event.info.get("reason") == "report":
                yield _Act(event.t, event.n, ("wait_for_report(args.wait)",))
                if not self._kept(event.t):
                    return
                continue
            same = (each for each in ends if each.n > event.n and each.info.get("name") == event.info.get("name"))
            end = next(same, None)
            if end is not None and self._kept(event.t):
                yield _Act(event.t, event.n, (f"time.sleep({(end.t - event.t) / NS:.2f})",))


def _decoded(data: bytes, syntax: str) -> Any:
    """The data set as pydicom reads it; ``None`` where pydicom would write other bytes than were sent."""
    from pydicom.uid import UID  # noqa: PLC0415 - start-up
    from pynetdicom.dsutils import decode, encode  # noqa: PLC0415 - start-up

    uid = UID(syntax)
    try:
        data_set = decode(BytesIO(data), uid.is_implicit_VR, uid.is_little_endian)
        again = encode(data_set, uid.is_implicit_VR, uid.is_little_endian)
    except Exception:  # noqa: BLE001 - whatever it refuses is sent as PDUs
        return None
    return data_set if again == data else None


def _code(data_set: Any, name: str, named: dict[str, str]) -> Iterator[str]:
    """Assignments that build ``data_set``; an empty line stands for what cannot be written so."""
    for element in data_set:
        if not element.keyword or (element.VR not in _SIMPLE and element.VR != "SQ"):
            yield ""
        elif element.VR == "SQ":
            yield f"{name}.{element.keyword} = [Dataset() for _ in range({len(element.value)})]"
            for number, item in enumerate(element.value):
                yield from _code(item, f"{name}.{element.keyword}[{number}]", named)
        else:
            yield f"{name}.{element.keyword} = {_literal(element.value, named)}"


def _literal(value: Any, named: dict[str, str]) -> str:
    if value is None or isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return named.get(str(value), repr(str(value)))
    if isinstance(value, (list, tuple)) or hasattr(value, "__iter__"):
        return "[" + ", ".join(_literal(each, named) for each in value) + "]"
    return repr(str(value))


def _part10(message: Message) -> bytes:
    """The stored instance as a file: preamble, file meta information, the recorded data set."""
    from pydicom.dataset import FileMetaDataset  # noqa: PLC0415 - start-up
    from pydicom.filebase import DicomBytesIO  # noqa: PLC0415 - start-up
    from pydicom.filewriter import write_file_meta_info  # noqa: PLC0415 - start-up
    from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, ImplicitVRLittleEndian  # noqa: PLC0415 - start-up

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(message.command.affected_class or "")
    meta.MediaStorageSOPInstanceUID = UID(message.command.affected_instance or "")
    meta.TransferSyntaxUID = UID(message.transfer_syntax or ImplicitVRLittleEndian)
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    head = DicomBytesIO()
    write_file_meta_info(head, meta, enforce_standard=False)
    return b"\0" * 128 + b"DICM" + head.getvalue() + (message.data or b"")


def _address(text: str) -> tuple[str, int]:
    """Host and port of ``conn.open``: a pair, or text in which the last part is the port."""
    cleaned = "".join(char for char in text if char not in "()[]'\" ")
    host, _, port = cleaned.replace(",", ":").rpartition(":")
    return (host or "127.0.0.1", int(port) if port.isdigit() else 104)


def _comment(text: Any) -> str:
    return one_line(text).replace("\\", "/").replace('"""', "'''")
