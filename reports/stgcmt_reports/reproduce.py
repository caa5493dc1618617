"""``reproduce/``: for each finding a script that shows the deviation without this harness.

Web findings get a shell script on curl, DIMSE findings a Python script on pynetdicom; both replay the recorded requests
up to the deviating exchange, with fresh Transaction UIDs. What they store or send stands in files beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stgcmt.evidence import Evidence
from stgcmt.transcript import Event, Transcript
from stgcmt.views.dimse import dimse
from stgcmt.views.http import http

DIRECTORY = "reproduce"
REPRODUCED = ("fail", "warn")
RUN = "run"


@dataclass(frozen=True)
class Case:
    """One finding and the recording that shows it; ``until`` is the last cited event, ``None``: the whole scenario."""

    row: Mapping[str, Any]
    transcript: Transcript
    protocol: str
    cited: frozenset[int]
    section: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The script's file name."""
        return f"{safe(self.row['id'])}.{'sh' if self.protocol == 'http' else 'py'}"

    @property
    def files(self) -> str:
        """The folder of the bodies beside it."""
        return f"{safe(self.row['id'])}.d"

    @property
    def mode(self) -> str:
        """The SUT's mode in the recording, empty where it had none."""
        return str(self.transcript.header.info.get("mode") or "")

    @property
    def transactions(self) -> tuple[str, ...]:
        """The Transaction UIDs that the scenario minted, in order."""
        minted = (event.info for event in self.transcript.of("uid") if event.info.get("what") == "transaction")
        return tuple(dict.fromkeys(str(info.get("uid", "")) for info in minted if info.get("uid")))


def write(evidence: Evidence, directory: Path) -> list[Path]:
    """Write a script and its files for each fail and warn that a recorded exchange shows; raises ``OSError``."""
    written: list[Path] = []
    names: set[str] = set()
    for row in evidence.results["requirements"]:
        case = case_of(row, evidence.transcripts, evidence.sut)
        if case is None or case.name in names:
            continue
        names.add(case.name)
        for name, content in _files(case).items():
            path = directory / DIRECTORY / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(path)
        (directory / DIRECTORY / case.name).chmod(0o755)
    for path in (directory / DIRECTORY).rglob("*"):  # a bundle that is judged again may have fewer findings
        if path.is_file() and path not in written:
            path.unlink()
    return written


def hint(row: Mapping[str, Any], transcripts: Mapping[str, Transcript]) -> str:
    """How to reproduce a row, in a line or two for the terminal; empty where nothing was exchanged."""
    case = case_of(row, transcripts, {})
    if case is None:
        return ""
    if case.protocol == "http":
        from stgcmt_reports.reproduce_web import curl_line  # noqa: PLC0415 - only where there is a web finding

        line = curl_line(case)
        return f"sh {DIRECTORY}/{case.name}" + (f"\nor only the last request: {line}" if line else "")
    return f"python {DIRECTORY}/{case.name} (needs pynetdicom only; --help lists hosts, ports and AE titles)"


def case_of(row: Mapping[str, Any], transcripts: Mapping[str, Transcript], sut: Mapping[str, Any]) -> Case | None:
    """The recording that shows a finding: the first that the row cites and where something was sent."""
    if row["verdict"] not in REPRODUCED:
        return None
    by_transcript: dict[str, set[int]] = {}
    for each in row["evidence"]:
        ids = by_transcript.setdefault(each["transcript"], set())
        if each["event"]:
            ids.add(each["event"])
    ranked = sorted(by_transcript, key=lambda name: (name == RUN, not by_transcript[name]))
    for name in ranked:
        transcript = transcripts.get(name)
        if transcript is None or name == RUN:
            continue
        cited = frozenset(by_transcript[name])
        protocol = _protocol(transcript, cited)
        if protocol:
            return Case(row, transcript, protocol, cited, _section(sut, row["role"], transcript))
    return None


def _section(sut: Mapping[str, Any], role: str, transcript: Transcript) -> Mapping[str, Any]:
    """The SUT's section of a role, as it was in the scenario's mode."""
    section = sut.get(role, {})
    if not isinstance(section, Mapping):
        return {}
    modes = section.get("modes", {})
    return {
        **section,
        **(modes.get(transcript.header.info.get("mode") or "", {}) if isinstance(modes, Mapping) else {}),
    }


def _protocol(transcript: Transcript, cited: frozenset[int]) -> str:
    """What the finding is about: ``http``, ``dimse``, or nothing that can be replayed."""
    wires = list(_wires(transcript, [each for each in transcript.events if each.n in cited]))
    if not wires:
        spoken = [each for each in transcript.events if each.step not in ("seed", "retrieve")]
        wires = list(_wires(transcript, spoken)) or list(_wires(transcript, transcript.events))
    protocol = max(set(wires), key=wires.count, default="")
    if protocol == "http":
        return protocol if any(each.request for each in http(transcript).exchanges) else ""
    return protocol if dimse(transcript).associations(side="requestor") else ""


def _wires(transcript: Transcript, events: Any) -> Iterator[str]:
    opened = {each.conn: str(each.info.get("protocol", "")) for each in transcript.of("conn.open", "conn.refused")}
    for event in events:
        kind = _wire(event, opened)
        if kind:
            yield kind


def _wire(event: Event, opened: Mapping[int | None, str]) -> str:
    head = event.kind.partition(".")[0]
    return head if head in ("http", "dimse") else opened.get(event.conn, "") if event.conn is not None else ""


def _files(case: Case) -> dict[str, bytes]:
    if case.protocol == "http":
        from stgcmt_reports.reproduce_web import files  # noqa: PLC0415 - only where there is a web finding

        return files(case)
    from stgcmt_reports.reproduce_dimse import files as dimse_files  # noqa: PLC0415 - only where there is a DIMSE finding

    return dimse_files(case)


def safe(name: str) -> str:
    """A requirement id as a file name."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def one_line(text: Any) -> str:
    """Any text as one printable line, for a comment."""
    return "".join(char if char.isprintable() else " " for char in " ".join(str(text).split()))
