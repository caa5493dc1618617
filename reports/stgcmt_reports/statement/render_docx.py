"""``statement.docx``: the conformance statement for a word processor, so that the vendor can complete it there.

python-docx makes the package and its styles; tables are written as XML in one go, since its cell-by-cell interface takes
seconds for some hundred cells.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from stgcmt_reports.statement import words
from stgcmt_reports.statement.claims import TITLES
from stgcmt_reports.statement.values import Cell, Statement

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_WIDTH = 9700  # twentieths of a point: A4 between margins of 2 cm
_FILL = {"observed": "E6F4EA", "declared": "E5EEFB", "open": "FFF5D6"}
_INK = {"observed": "14532D", "declared": "1E3A6E", "open": "6B4B00"}
_FORBIDDEN = re.compile("[^\\t\\n\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD, _SOFT = "EEF2F6", "5B6775"
_WIDE = frozenset(
    {"Behavior", "Condition", "Statement", "Failure Behavior", "Supported Values", "What was seen", "Verdict under each reading"}
)  # fmt: skip
_NARROW = frozenset({"Code", "Status Code", "Service Status", "Status", "Clause", "Port"})


def render(statement: Statement) -> bytes:
    """The document's bytes."""
    import docx  # noqa: PLC0415 - start-up
    from docx.oxml import parse_xml  # noqa: PLC0415 - start-up

    document = docx.Document()
    _set_up(document, statement)
    writer = _Writer(document, parse_xml)
    writer.cover(statement)
    for section in statement.sections:
        writer.heading(words.heading(section), 1)
        if not section.applies:
            document.add_paragraph(words.NOT_APPLICABLE)
        elif words.SURE[section.seen]:
            writer.note(words.SURE[section.seen])
        for table in section.tables:
            writer.caption(words.caption(table), words.SURE[table.seen] if table.seen != section.seen else "")
            writer.table(table.columns, [row.cells for row in table.rows])
    writer.claims(statement)
    writer.readings(statement)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _set_up(document: Any, statement: Statement) -> None:
    """Page, fonts and properties; no time of writing, so that one bundle gives one document."""
    from docx.shared import Cm, Pt  # noqa: PLC0415 - start-up

    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin = section.bottom_margin = Cm(2)
    style = document.styles["Normal"]
    style.font.name, style.font.size = "Liberation Sans", Pt(9.5)
    style.paragraph_format.space_after = Pt(4)
    for name in ("Title", "Heading 1", "Heading 2"):
        fonts = document.styles[name].element.rPr.rFonts
        for key in list(fonts.attrib):
            del fonts.attrib[key]  # the theme's fonts would win
        document.styles[name].font.name = "Liberation Sans"
    document.styles["Title"].font.size = Pt(22)
    properties = document.core_properties
    properties.title = f"Conformance statement draft: {clean(str(statement.head['sut'].get('name', '')))}"
    properties.author = statement.head["tool"]["name"]
    properties.comments = ""
    properties.created = properties.modified = _date(statement.head["started"])
    footer = section.footer.paragraphs[0]
    footer.text = clean(f"{properties.title}; {statement.head['trust']}")
    footer.runs[0].font.size = Pt(7.5)


def _date(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC)


class _Writer:
    """Paragraphs through python-docx, tables as XML."""

    def __init__(self, document: Any, parse_xml: Any) -> None:
        self.document = document
        self.parse_xml = parse_xml

    def heading(self, text: str, level: int) -> None:
        self.document.add_heading(clean(text), level)

    def note(self, text: str) -> None:
        self.document.add_paragraph().add_run(clean(text)).italic = True

    def caption(self, text: str, note: str = "") -> None:
        paragraph = self.document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        paragraph.add_run(clean(text)).bold = True
        if note:
            paragraph.add_run(f" ({clean(note)})").italic = True

    def cover(self, statement: Statement) -> None:
        self.document.add_heading(clean(f"{statement.head['sut'].get('name', '')}: Storage Commitment"), 0)
        self.document.add_paragraph(words.ABOUT.format(tool=statement.head["tool"]["name"]))
        self.table((), [(Cell(name), Cell(value)) for name, value in words.cover(statement)], widths=(2200, 7500))
        self.caption("How to read a cell")
        legend = [
            (Cell(words.NAMES[kind], kind), Cell(text))  # type: ignore[arg-type]
            for kind, text in words.LEGEND.items()
        ]
        self.table((), legend, widths=(2200, 7500))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Cell]], widths: Sequence[int] = ()) -> None:
        """A table of cells; one without rows says so."""
        if not rows:
            self.document.add_paragraph("nothing was seen")
            return
        grid = tuple(widths) or _widths(columns)
        xml = [
            f'<w:tbl {_W}><w:tblPr><w:tblW w:w="{sum(grid)}" w:type="dxa"/>{_BORDERS}<w:tblLayout w:type="fixed"/></w:tblPr>'
        ]
        xml.append("<w:tblGrid>" + "".join(f'<w:gridCol w:w="{width}"/>' for width in grid) + "</w:tblGrid>")
        if columns:
            heads = "".join(_cell(grid[at], _run(name, bold=True), _HEAD) for at, name in enumerate(columns))
            xml.append(f"<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>{heads}</w:tr>")
        for row in rows:
            cells = "".join(
                _cell(grid[at], _content(cell), _FILL.get(cell.kind, _HEAD if not columns and at == 0 else ""))
                for at, cell in enumerate(row)
            )
            xml.append(f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{cells}</w:tr>")
        body = self.document.element.body
        body.insert(len(body) - 1, self.parse_xml("".join([*xml, "</w:tbl>"])))  # the last child is the section
        self.document.add_paragraph()

    def claims(self, statement: Statement) -> None:
        self.heading("Claims held against the wire", 1)
        for name, title in TITLES.items():
            entries = statement.audit[name]
            self.caption(f"{title}: {len(entries)}")
            if entries:
                self.table(
                    ("Role", "Claim", "Value", "What was seen"),
                    [
                        _plain(each["role"], each["claim"], words.value_text(each["value"], each["claim"]), words.audit_note(each))
                        for each in entries
                    ],
                )  # fmt: skip
        if statement.audit["unknown_slots"]:
            self.note(
                f"Entries of [claims.statement] that no cell takes: {', '.join(statement.audit['unknown_slots'])}"
            )

    def readings(self, statement: Statement) -> None:
        if not statement.ledger:
            return
        self.heading("Where the standard can be read in more than one way", 1)
        self.table(
            ("Point", "Requirement", "What the SUT does", "Verdict under each reading"),
            [
                _plain(
                    f"{each['id']} {each['title']}", each["requirement"], each["seen"],
                    "; ".join(f"{one['name']}: {one['verdict']}" for one in each["readings"]),
                )
                for each in statement.ledger
            ],
        )  # fmt: skip


_BORDERS = "<w:tblBorders>{}</w:tblBorders>".format(
    "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="C9D1DA"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
)


def _plain(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


def _widths(columns: Sequence[str]) -> tuple[int, ...]:
    """Columns share the width: those of sentences take more, those of codes less."""
    weights = [5.0 if name in _WIDE else 1.3 if name in _NARROW else 2.6 for name in columns]
    return tuple(int(_WIDTH * weight / sum(weights)) for weight in weights)


def _cell(width: int, content: str, fill: str) -> str:
    shade = f'<w:shd w:val="clear" w:color="auto" w:fill="{fill}"/>' if fill else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}</w:tcPr>'
        '<w:p><w:pPr><w:spacing w:before="20" w:after="20"/></w:pPr>'
        f"{content}</w:p></w:tc>"
    )


def _content(cell: Cell) -> str:
    """A cell's runs: mark, text, and in small type where it was seen."""
    if cell.kind == "fixed":
        return _run(cell.text)
    runs = _run(f"{words.MARKS[cell.kind]} ", colour=_INK[cell.kind], bold=True)
    runs += _run(cell.text, colour=_INK["open"] if cell.kind == "open" else "", italic=cell.kind == "open")
    note = words.seen_note(cell)
    return runs + ("<w:r><w:br/></w:r>" + _run(note, colour=_SOFT, size=13) if note else "")


def _run(text: str, *, bold: bool = False, italic: bool = False, colour: str = "", size: int = 17) -> str:
    """A run; ``size`` in half points."""
    style = ("<w:b/>" if bold else "") + ("<w:i/>" if italic else "")
    style += f'<w:color w:val="{colour}"/>' if colour else ""
    return (
        f'<w:r><w:rPr>{style}<w:sz w:val="{size}"/></w:rPr><w:t xml:space="preserve">{escape(clean(text))}</w:t></w:r>'
    )


def clean(text: str) -> str:
    """Text without what XML 1.0 cannot hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
