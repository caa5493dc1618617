"""One step of a sequence taken apart for a reader: head, data sets as trees, the body pretty, the bytes as they were.

A value that templates and the page's data blocks share. Nothing here raises; what is cut says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from stgcmt.views.association import Association, Message
from stgcmt.views.http import Request, Response
from stgcmt.wire import multipart, native_xml, pdu
from stgcmt_reports import decode, tagtree
from stgcmt_reports.sequence import Step
from stgcmt_reports.tagtree import Node

LINE = 2_000  # characters of one line: a header of a megabyte is named, not shown
LINES = 600  # lines of one pretty body
LARGE = 400_000  # bytes above which a body is not decoded for the page


@dataclass(frozen=True)
class Body:
    """One content: a data set, a part of a multipart body, a command set.

    Attributes:
        title: what it is, with its size.
        head: lines about it, as headers of a part.
        tree: the data set, where it is one.
        pretty: the text, indented; empty where it is no text.
        form: ``JSON``, ``XML`` or ``text``: what ``pretty`` is.
    """

    title: str
    head: tuple[str, ...] = ()
    tree: tuple[Node, ...] = ()
    pretty: str = ""
    form: str = ""


@dataclass(frozen=True)
class Detail:
    """What a step holds: ``head`` lines, ``defects`` of the message, its bodies."""

    head: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    bodies: tuple[Body, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.head or self.defects or self.bodies)


def detail(step: Step, nodes: int = tagtree.NODES) -> Detail:
    """What is inside a step, at most ``nodes`` attributes of it; empty where there is nothing but its label."""
    try:
        return _detail(step, nodes)
    except Exception as error:  # noqa: BLE001 - one message that cannot be shown must not cost the report
        return Detail(defects=(f"cannot be shown: {type(error).__name__}: {error}",))


def _detail(step: Step, nodes: int) -> Detail:
    source = step.source
    if isinstance(source, (Request, Response)):
        return _http(source, nodes)
    if isinstance(source, Message):
        return _dimse(source, nodes)
    if isinstance(source, Association):
        answer = step.data[:1] == bytes([pdu.ASSOCIATE_AC])
        lines = decode.association_lines(source, answer=answer)
        told = [line for line in lines if not line.startswith("! ")]
        return Detail(_lines(told), tuple(line[2:] for line in lines if line.startswith("! ")))
    return Detail()


def _http(part: Request | Response, nodes: int) -> Detail:
    raw = part.message
    start = f"{raw.version} {raw.status if raw.status is not None else '?'} {raw.reason}" if raw.response else ""
    head = [start or f"{raw.method} {raw.target} {raw.version}", *(f"{name}: {value}" for name, value in raw.headers)]
    body = raw.decoded if raw.decoded is not None else raw.body
    media = str(raw.media_type.essence if raw.media_type else "")
    bodies: tuple[Body, ...] = ()
    if body and media.startswith("multipart/") and raw.media_type is not None:
        found = multipart.split(body, raw.media_type.param("boundary"))
        bodies = tuple(_part(number, one, nodes) for number, one in enumerate(found.parts[:20], 1))
    if body and not bodies:
        bodies = (_body("body", body, media, nodes),)
    return Detail(_lines(head), tuple(raw.defects), bodies)


def _part(number: int, part: multipart.Part, nodes: int) -> Body:
    media = str(part.media_type.essence if part.media_type else "")
    made = _body(f"part {number}", part.content, media, nodes)
    return Body(made.title, _lines([f"{name}: {value}" for name, value in part.headers]), *_rest(made))


def _rest(body: Body) -> tuple[tuple[Node, ...], str, str]:
    return body.tree, body.pretty, body.form


def _body(what: str, body: bytes, media: str, nodes: int) -> Body:
    title = f"{what}, {len(body):,} byte{'' if len(body) == 1 else 's'}" + (f", {media}" if media else "")
    if len(body) > LARGE:
        start = _cut(body[:4000].decode("utf-8", "replace").splitlines())
        return Body(f"{title}; only its beginning is shown, all of it is in the transcript", (), (), start, "text")
    if body[128:132] == b"DICM":
        return _file(title, body, nodes)
    for form, read in (("JSON", _json), ("XML", _xml)):
        if (found := read(body, media, nodes)) is not None:
            return Body(title, (), *found, form)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return Body(f"{title}; no text")
    if "\0" in text:
        return Body(f"{title}; no text")
    return Body(title, (), (), _cut(text.splitlines()), "text")


def _json(body: bytes, media: str, nodes: int) -> tuple[tuple[Node, ...], str] | None:
    if not media.endswith("json") and body[:1] not in (b"{", b"["):
        return None
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=decode.Pairs)
    except (ValueError, RecursionError):
        return None
    try:
        lines = decode.json_lines(value)
    except RecursionError:
        return None
    return _tree(lambda: tagtree.of_json(value, nodes)), _cut(lines)


def _xml(body: bytes, media: str, nodes: int) -> tuple[tuple[Node, ...], str] | None:
    if not media.endswith("xml") and body.lstrip()[:1] != b"<":
        return None
    loaded = native_xml.load(body)
    tree = _tree(lambda: tagtree.of_json(tagtree.pairs(loaded.value), nodes)) if loaded.value is not None else ()
    problems = tuple(Node("defect", value=str(problem)) for problem in loaded.problems[:20])
    pretty = _indented(body)
    if pretty is None:
        return None if not problems else (problems, _cut(body.decode("utf-8", "replace").splitlines()))
    return (*tree, *(problems if tree else ())), _cut(pretty.splitlines())


def _indented(body: bytes) -> str | None:
    """The document with one element a line; ``None`` where it is not well-formed or declares entities."""
    import xml.etree.ElementTree as ET  # noqa: PLC0415 - start-up

    if b"<!DOCTYPE" in body:
        return None
    try:
        root = ET.fromstring(body)  # noqa: S314 - declarations are refused above
    except (ET.ParseError, ValueError, LookupError):
        return None
    lines: list[str] = []
    try:
        _written(root, "", "", lines)
    except RecursionError:
        return None
    return "\n".join(lines)


def _written(element: Any, indent: str, space: str, lines: list[str]) -> None:
    """An element with local names, one a line; a namespace is written where it changes, prefixes are not invented."""
    here, name = element.tag[1:].split("}", 1) if element.tag.startswith("{") else ("", element.tag)
    attributes = "".join(f' {_local(key)}="{escape(value, {chr(34): "&quot;"})}"' for key, value in element.items())
    head = f"{indent}<{name}" + (f' xmlns="{escape(here)}"' if here != space else "") + attributes
    text = escape(element.text.strip("\n ")) if element.text else ""
    if not len(element):
        lines.append(f"{head}>{text}</{name}>" if text else f"{head}/>")
        return
    lines.append(f"{head}>{text}")
    for child in element:
        _written(child, indent + "  ", here, lines)
    lines.append(f"{indent}</{name}>")


def _local(key: str) -> str:
    space, found, name = key.rpartition("}")
    return f"xml:{name}" if found and space.endswith("/XML/1998/namespace") else name


def _dimse(message: Message, nodes: int) -> Detail:
    bodies = [Body("command set", (), tagtree.of_command(message.command))]
    if message.parts.content is not None:
        syntax = decode.uid_name(message.transfer_syntax) if message.transfer_syntax else "no accepted transfer syntax"
        title = f"data set, {message.size:,} bytes, {syntax}"
        if message.size > LARGE:
            bodies.append(Body(f"{title}; too large for this page, all of it is in the transcript"))
        else:
            bodies.append(
                Body(title, (), _tree(lambda: tagtree.of_data_set(message.data_set(decode.DICTIONARY), nodes)))
            )
    return Detail((), tuple(message.faults), tuple(bodies))


def _file(title: str, body: bytes, nodes: int) -> Body:
    """A DICOM file: its meta information and data set, read in the transfer syntax that it names."""
    from stgcmt.wire import dataset  # noqa: PLC0415 - start-up

    meta = dataset.read(body[132:], dataset.EXPLICIT_VR_LE, decode.DICTIONARY)
    named = meta.get(0x00020010)
    length = meta.get(0x00020000)
    if named is None or length is None or len(length.value) != 4:
        return Body(f"{title}; a DICOM file without readable meta information")
    start = 132 + length.offset + length.length + int.from_bytes(length.value, "little")
    syntax = named.text
    tree = _tree(lambda: tagtree.of_data_set(dataset.read(body[start:], syntax, decode.DICTIONARY), nodes))
    return Body(f"{title}; a DICOM file, {decode.uid_name(syntax)}", (), tree)


def _tree(make: Callable[[], tuple[Node, ...]]) -> tuple[Node, ...]:
    try:
        return make()
    except RecursionError:
        return (Node("defect", value="nested too deeply to be shown"),)


def _lines(lines: list[str]) -> tuple[str, ...]:
    shown = [_short(line) for line in lines[:200]]
    return (*shown, f"... {len(lines) - 200} more lines are in the transcript") if len(lines) > 200 else tuple(shown)


def _cut(lines: list[str]) -> str:
    shown = [_short(line) for line in lines[:LINES]]
    if len(lines) > LINES:
        shown.append(f"... {len(lines) - LINES} more lines are in the transcript")
    return "\n".join(shown)


def _short(line: str) -> str:
    if len(line) <= LINE:
        return line
    return f"{line[:LINE]}... {len(line) - LINE:,} more characters are in the transcript"
