"""Bundles that are large: a recorded one, and behind it exchanges that carry objects of two megabytes.

The objects are zeros behind a short head, so that making them costs little; the reads are of 64 KiB, the PDUs of 16 KiB.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path

OBJECT = 2_000_000
READ = 65_536
BOUNDARY = b"stgcmt-large"
SYNTAX = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
PATIENT = "Grossdaten^Ludovica"


def grow(bundle: Path, transcript: str, size: int, *, protocol: str) -> Path:
    """Put exchanges of ``size`` bytes at the end of a recorded transcript of the bundle; returns its file."""
    path = bundle / "transcripts" / f"{transcript}.jsonl"
    partial = path.with_suffix(".growing")
    with path.open("rb") as old, partial.open("wb") as new:
        lines = old.read().splitlines()
        events = [json.loads(line) for line in lines[1:-1]]
        footer = json.loads(lines[-1])
        new.writelines(line + b"\n" for line in lines[:-1])
        n, t = events[-1]["n"], max(event["t"] for event in events)
        made = _web(size) if protocol == "http" else _dimse(size)
        for kind, data, info in made:
            n, t = n + 1, t + 1000
            line = {"n": n, "t": t, "kind": kind, "conn": 900} | ({"info": info} if info else {})
            line |= {"data": base64.b64encode(data).decode()} if data else {}
            new.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        new.write(json.dumps(footer | {"events": n}).encode() + b"\n")
    partial.replace(path)
    return path


def _instance(number: int) -> bytes:
    def element(tag: int, vr: bytes, value: bytes) -> bytes:
        value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
        if vr == b"OW":
            return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, len(value)) + value
        return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value

    return b"".join(
        [
            element(0x00080016, b"UI", CT.encode()), element(0x00080018, b"UI", b"1.2.3.4.555.%d" % number),
            element(0x00100010, b"PN", PATIENT.encode()), element(0x7FE00010, b"OW", bytes(OBJECT)),
        ]
    )  # fmt: skip


def _part10(number: int) -> bytes:
    syntax = SYNTAX.encode() + b"\0" * (len(SYNTAX) % 2)
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    head = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta))
    return bytes(128) + b"DICM" + head + meta + _instance(number)


def _reads(kind: str, data: bytes) -> Iterator[tuple[str, bytes, dict]]:
    for start in range(0, len(data), READ):
        yield kind, data[start : start + READ], {}


def _web(size: int) -> Iterator[tuple[str, bytes, dict]]:
    """STOW-RS and WADO-RS on one connection."""
    media = b'multipart/related; type="application/dicom"; boundary=' + BOUNDARY
    yield (
        "conn.open",
        b"",
        {"protocol": "http", "side": "requestor", "local": "127.0.0.1:50000", "peer": "127.0.0.1:8042"},
    )
    for number in range(1, max(2, size // (2 * OBJECT) + 1)):
        body = b"--%s\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--%s--\r\n" % (
            BOUNDARY,
            _part10(number),
            BOUNDARY,
        )
        head = b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n" % (media, len(body))
        yield from _reads("http.out", b"POST /studies HTTP/1.1\r\nHost: pacs.example\r\n" + head + body)
        answer = b'{"00081199":{"vr":"SQ","Value":[]}}'
        told = b"Content-Type: application/dicom+json\r\nContent-Length: %d\r\n\r\n" % len(answer)
        yield "http.in", b"HTTP/1.1 200 OK\r\n" + told + answer, {}
        yield (
            "http.out",
            b"GET /studies/1.2.3/series/4/instances/%d HTTP/1.1\r\nHost: pacs.example\r\n\r\n" % number,
            {},
        )
        yield from _reads("http.in", b"HTTP/1.1 200 OK\r\n" + head + body)
    yield "conn.close", b"", {"how": "local"}


def _dimse(size: int) -> Iterator[tuple[str, bytes, dict]]:
    """C-STORE requests of ours on one association."""
    from stgcmt.wire import command as cmd
    from stgcmt.wire import pdu, pdv

    yield (
        "conn.open",
        b"",
        {"protocol": "dimse", "side": "requestor", "local": "127.0.0.1:50000", "peer": "127.0.0.1:104"},
    )
    rq, ac = _associate()
    yield "dimse.out", rq, {}
    yield "dimse.in", ac, {}
    for number in range(1, max(2, size // OBJECT + 1)):
        uid = f"1.2.3.4.555.{number}"
        command = cmd.encode(cmd.request(cmd.C_STORE_RQ, number, {0x0002: CT, 0x1000: uid, 0x0700: 0}, has_data=True))
        answer = cmd.encode(
            {0x0002: CT, 0x0100: cmd.C_STORE_RQ | 0x8000, 0x0120: number, 0x0800: 0x0101, 0x0900: 0, 0x1000: uid}
        )
        for raw in (
            *pdv.fragment(1, command, 16384, is_command=True), *pdv.fragment(1, _instance(number), 16384, is_command=False)
        ):  # fmt: skip
            yield "dimse.out", raw, {}
        for raw in pdv.fragment(1, answer, 16384, is_command=True):
            yield "dimse.in", raw, {}
    yield "dimse.out", pdu.encode_release_rq(), {}
    yield "dimse.in", pdu.encode_release_rp(), {}
    yield "conn.close", b"", {"how": "local"}


def _associate() -> tuple[bytes, bytes]:
    def item(kind: int, value: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(value)) + value

    fixed = struct.pack(">HH16s16s32x", 1, 0, b"ARCHIVE".ljust(16), b"STGCMT".ljust(16))
    info = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4.5"))
    application = item(0x10, b"1.2.840.10008.3.1.1.1")
    syntax = item(0x40, SYNTAX.encode())
    asked = item(0x20, b"\1\0\0\0" + item(0x30, CT.encode()) + syntax)
    granted = item(0x21, b"\1\0\0\0" + syntax)
    return tuple(
        struct.pack(">BxI", kind, len(fixed + application + context + info)) + fixed + application + context + info
        for kind, context in ((1, asked), (2, granted))
    )
